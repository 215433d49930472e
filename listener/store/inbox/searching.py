"""The search box: mentions that a query matches, newest first. SQL finds a superset, the matcher decides.

What is rare is looked up in an index: a word, an author, a rule, a number in a range. What is common, or what no index can serve, is
searched backwards in time, window by window, within a budget of seconds; the answer says how far back it got. Inside the open inbox both
go over its own index of words. Nothing here ever blocks the loop for long.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from listener.query.bounds import folders_of, period_of
from listener.query.match import Test, test_of
from listener.query.sql import Seed, seeds, words_of
from listener.query.tree import Node
from listener.store.connect import acquired
from listener.store.inbox import lookup
from listener.store.inbox.heard import BEYOND, Place, rows_of
from listener.store.inbox.subjects import Reading
from listener.store.views.listening import ListeningRow

WIDEST = 8_000
"""Messages of one step at most."""

AT_ONCE = 250
"""Messages judged before others get their turn on the loop."""

# Newest first, of those that a seed finds; `{seed}` speaks of $1 on.
_LOOKED_UP = """
SELECT m.id, m.at FROM ({seed} LIMIT {most}) AS found JOIN LATERAL (SELECT at, id FROM mentions WHERE id = found.id LIMIT 1) AS m ON true
"""

_BY_ID = (
    "SELECT m.* FROM unnest($2::bigint[]) AS i JOIN LATERAL (SELECT * FROM mentions WHERE id = i LIMIT 1) AS m ON true"
)

# A window of time: where it ends, and what is in it.
_END = "SELECT at, id FROM mentions WHERE (at, id) < ($1, $2) ORDER BY at DESC, id DESC OFFSET $3 LIMIT 1"
_IN_WINDOW = "SELECT * FROM mentions WHERE (at, id) < ($2, $3) AND (at, id) >= ($4, $5)"

_OPEN_END = """
SELECT at, mention_id AS id FROM open_words WHERE (at, mention_id) < ($1, $2) ORDER BY at DESC, mention_id DESC OFFSET $3 LIMIT 1
"""
_IN_OPEN_WINDOW = """
SELECT m.* FROM (
    SELECT DISTINCT mention_id FROM open_words o
    WHERE (o.at, o.mention_id) < ($2, $3) AND (o.at, o.mention_id) >= ($4, $5) AND o.brand_id = $1
      AND ($6::text IS NULL OR o.words @@ $6::text::tsquery)
) AS o JOIN LATERAL (SELECT * FROM mentions WHERE id = o.mention_id LIMIT 1) AS m ON true
"""

_BOTTOM: Place = (datetime.min.replace(tzinfo=BEYOND[0].tzinfo), -1)


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found, newest first."""

    rows: tuple[ListeningRow, ...]
    searched_to: datetime | None
    """Time ran out here: older ones were not looked at. None: to the end, or until there were enough."""
    place: Place | None = None
    """Where to go on, as `before`, when time ran out."""


async def search(
    pool: asyncpg.Pool,
    brand_id: int,
    query: Node,
    now: datetime,
    *,
    before: Place | None = None,
    limit: int = 50,
    me: str = "",
    seconds: float = 2.0,
) -> Found:
    """At most `limit` mentions of the brand that the query matches, older than the place (at, id); `me` is who asks.

    After `seconds` it stops, and says how far back it got. Topics and conversations are as they are now, ages as of `now`.
    """
    judge = _Judge(test_of(query), now, limit, asyncio.get_running_loop().time() + seconds)
    low, high = period_of(query, now)
    place = before or BEYOND
    if high is not None:
        place = min(place, (high, 2**63 - 1))
    bottom = _BOTTOM if low is None else (low, -1)
    async with acquired(pool) as connection:
        one = _Search(connection, query, now, brand_id, me, judge, bottom)
        reached = await one.run(place)
        lines = await rows_of(connection, brand_id, judge.hits)
    return Found(tuple(lines), reached[0] if reached else None, reached)


class _Search:
    """One search under way: which way it goes, and how far it got."""

    def __init__(
        self,
        connection: asyncpg.Connection,
        query: Node,
        now: datetime,
        brand_id: int,
        me: str,
        judge: _Judge,
        bottom: Place,
    ) -> None:
        self._connection = connection
        self._brand_id = brand_id
        self._judge = judge
        self._bottom = bottom
        self._reading = Reading(query, now, brand_id=brand_id, me=me)
        self._words = words_of(query)
        self._open = folders_of(query) == frozenset({"open"})
        found = seeds(query, now, brand_id=brand_id, me=me)
        if self._open and self._words is not None:
            found = [lookup.in_open(self._words, brand_id), *(seed for seed in found if seed.name != "words")]
        self._seeds = found

    async def run(self, place: Place) -> Place | None:
        """Judges what comes before the place, newest first, until there is enough; where it stopped for want of time."""
        if place <= self._bottom:
            return None
        seed, many = await lookup.smallest(self._connection, self._seeds)
        if seed is not None and many <= lookup.RARE and (found := await self._looked_up(seed)) is not None:
            return await self._take(found, place)
        return await self._walk(place, seed, many)

    async def _looked_up(self, seed: Seed) -> Sequence[asyncpg.Record] | None:
        """The places of all that the seed finds; None: too many, or it takes too long to say."""
        sql = _LOOKED_UP.format(seed=seed.sql, most=lookup.CAP + 1)
        found = await self._fetched(sql, list(seed.parameters))
        return None if found is None or len(found) > lookup.CAP else found

    async def _fetched(self, sql: str, values: list[Any]) -> Sequence[asyncpg.Record] | None:
        return await lookup.in_time(self._connection, self._judge.left() / 2, sql, values)

    async def _take(self, found: Iterable[asyncpg.Record], place: Place) -> Place | None:
        """Judges those of the found places that lie between the bottom and the place."""
        places = {(row["at"], row["id"]) for row in found}
        ordered = sorted((one for one in places if self._bottom <= one < place), reverse=True)
        at, step = 0, lookup.FIRST
        while at < len(ordered):
            part = ordered[at : at + step]
            sql, values = self._reading.of_mentions(_BY_ID, [id_ for _, id_ in part])
            await self._judge.take(await self._connection.fetch(sql, *values), self._reading)
            at += len(part)
            if self._judge.full:
                return None
            if self._judge.reached is not None:
                return self._judge.reached
            if at < len(ordered) and self._judge.left() <= 0:
                return part[-1]
            step = self._next_step(step, at)
        return None

    def _next_step(self, last: int, walked: int) -> int:
        return lookup.next_step(last, walked, len(self._judge.hits), self._judge.missing, WIDEST)

    async def _walk(self, place: Place, seed: Seed | None, many: float) -> Place | None:
        """Back in time until there are enough, or nothing older, or no time left; then where it stopped."""
        window, walked = lookup.FIRST, 0
        while True:
            end = await self._connection.fetchrow(_OPEN_END if self._open else _END, *place, window - 1)
            last = end is None or (end["at"], end["id"]) < self._bottom
            low = self._bottom if end is None or last else (end["at"], end["id"])
            sql, values = self._window(place, low)
            await self._judge.take(await self._connection.fetch(sql, *values), self._reading)
            walked += window
            if self._judge.full or last:
                return self._judge.reached if not self._judge.full else None
            if self._judge.reached is not None:
                return self._judge.reached
            place = low
            if self._judge.left() <= 0:
                return place
            ahead = self._judge.missing * walked / (len(self._judge.hits) + 1)
            if seed is not None and many <= lookup.CAP and many * lookup.DEAR < ahead:
                if (found := await self._looked_up(seed)) is not None:
                    return await self._take(found, place)
                seed = None
            window = self._next_step(window, walked)

    def _window(self, place: Place, low: Place) -> tuple[str, list[Any]]:
        if self._open:
            return self._reading.of_mentions(_IN_OPEN_WINDOW, *place, *low, self._words)
        return self._reading.of_mentions(_IN_WINDOW, *place, *low)


class _Judge:
    """Asks the matcher, in order, until there are enough hits or no time is left."""

    def __init__(self, test: Test, now: datetime, limit: int, deadline: float) -> None:
        self._test = test
        self._now = now
        self._limit = limit
        self._deadline = deadline
        self.hits: list[int] = []
        self.reached: Place | None = None
        """The last one looked at, when time ran out before the rows did."""

    @property
    def missing(self) -> int:
        return self._limit - len(self.hits)

    @property
    def full(self) -> bool:
        return len(self.hits) >= self._limit

    def left(self) -> float:
        """Seconds; never below 0."""
        return max(self._deadline - asyncio.get_running_loop().time(), 0.0)

    async def take(self, rows: Iterable[asyncpg.Record], reading: Reading) -> None:
        for n, row in enumerate(rows, start=1):
            if self._test(reading.subject(row), self._now):
                self.hits.append(row["id"])
                if self.full:
                    return
            if n % AT_ONCE == 0:
                await asyncio.sleep(0)
                if self.left() <= 0:
                    self.reached = (row["at"], row["id"])
                    return
