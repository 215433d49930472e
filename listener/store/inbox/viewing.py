"""A view: the conversations of which one message, together with the conversation, matches a query; in the queue's own order.

What is rare is looked up by its words or another index; all else is judged window by window along the queue, within a budget of seconds,
and the answer says how far it got. Unless the query itself asks where conversations stand, only open ones are in a view.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime

import asyncpg

from listener.query.bounds import asks_state, folders_of
from listener.query.match import Test, test_of
from listener.query.sql import Seed, seeds, words_of
from listener.query.tree import Node, Or
from listener.store.connect import acquired
from listener.store.inbox import lookup
from listener.store.inbox.queue import FIRST, rows_of
from listener.store.inbox.subjects import Reading
from listener.store.views.queue import ViewPage

Place = tuple[int, int]
"""A conversation's place in the queue: (sort_key, id)."""

FOLDERS = ("done", "open", "snoozed", "theirs")

WIDEST = 2_000
"""Conversations of one step at most."""

AT_ONCE = 250
"""Messages judged before others get their turn on the loop."""

_WINDOW_AFTER = """
SELECT k.sort_key, k.id FROM unnest($2::text[]) AS f CROSS JOIN LATERAL (
    SELECT sort_key, id FROM conversations WHERE brand_id = $1 AND folder = f AND merged_into IS NULL AND (sort_key, id) > ($3, $4)
    ORDER BY sort_key, id LIMIT $5
) AS k ORDER BY k.sort_key, k.id LIMIT $5
"""
_WINDOW_BEFORE = """
SELECT k.sort_key, k.id FROM unnest($2::text[]) AS f CROSS JOIN LATERAL (
    SELECT sort_key, id FROM conversations WHERE brand_id = $1 AND folder = f AND merged_into IS NULL AND (sort_key, id) < ($3, $4)
    ORDER BY sort_key DESC, id DESC LIMIT $5
) AS k ORDER BY k.sort_key DESC, k.id DESC LIMIT $5
"""

_LOOKED_UP = """
SELECT DISTINCT j.conversation_id AS id FROM (SELECT DISTINCT id FROM ({seed} LIMIT {most}) AS every) AS found
JOIN conversation_mentions j ON j.mention_id = found.id
"""
_PLACES = """
SELECT c.sort_key, c.id FROM unnest($2::bigint[]) AS i JOIN LATERAL (SELECT * FROM conversations WHERE id = i LIMIT 1) AS c ON true
WHERE c.brand_id = $1 AND c.folder = ANY($3::text[]) AND c.merged_into IS NULL
"""
_BY_ID = "SELECT c.* FROM unnest($2::bigint[]) AS i JOIN LATERAL (SELECT * FROM conversations WHERE id = i LIMIT 1) AS c ON true"

_OPEN_BY_ID = """
SELECT c.* FROM unnest($2::bigint[]) AS i JOIN LATERAL (SELECT * FROM conversations WHERE id = i LIMIT 1) AS c ON true
WHERE c.folder = 'open' AND c.merged_into IS NULL AND c.brand_id = $1
"""


async def view_page(
    pool: asyncpg.Pool,
    brand_id: int,
    tree: Node,
    now: datetime,
    *,
    after: Place | None = None,
    before: Place | None = None,
    limit: int = 50,
    me: str = "",
    seconds: float = 2.0,
) -> ViewPage:
    """At most `limit` conversations of a view in the order of work: after a place, or the last ones before it, or the first page.

    After `seconds` it stops and says how far it got, as the place to go on from in the same direction. `me` is who asks.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    async with acquired(pool) as connection:
        view = _View(connection, brand_id, tree, now, me, limit, deadline, backwards=before is not None)
        reached = await view.run(before or after or FIRST)
        found = await rows_of(connection, view.hits, now)
    return ViewPage(tuple(found), reached)


async def view_ids(
    pool: asyncpg.Pool, brand_id: int, tree: Node, now: datetime, *, most: int, me: str = "", seconds: float = 2.0
) -> tuple[list[int], bool]:
    """The first `most` conversations of a view, by id alone, and whether that is all of them; `seconds` ends it earlier."""
    deadline = asyncio.get_running_loop().time() + seconds
    async with acquired(pool) as connection:
        view = _View(connection, brand_id, tree, now, me, most + 1, deadline, backwards=False)
        reached = await view.run(FIRST)
    return view.hits[:most], reached is None and len(view.hits) <= most


async def among(
    pool: asyncpg.Pool, brand_id: int, trees: Sequence[Node], ids: Collection[int], now: datetime, *, me: str = ""
) -> list[frozenset[int]]:
    """For each of some queries, which of these conversations are open and match: all queries are asked in one reading."""
    reading = Reading(trees[0] if len(trees) == 1 else Or(tuple(trees)), now, brand_id=brand_id, me=me)
    tests = [test_of(tree) for tree in trees]
    found: list[set[int]] = [set() for _ in trees]
    sql, values = reading.of_conversations(_OPEN_BY_ID, list(ids))
    async with acquired(pool) as connection:
        rows = await connection.fetch(sql, *values)
    for n, row in enumerate(rows, 1):
        if n % AT_ONCE == 0:
            await asyncio.sleep(0)
        subject, id_ = reading.subject(row), row["conversation_id"]
        for test, hits in zip(tests, found, strict=True):
            if id_ not in hits and test(subject, now):
                hits.add(id_)
    return [frozenset(hits) for hits in found]


class _View:
    """One page under way."""

    def __init__(
        self,
        connection: asyncpg.Connection,
        brand_id: int,
        tree: Node,
        now: datetime,
        me: str,
        limit: int,
        deadline: float,
        *,
        backwards: bool,
    ) -> None:
        self.hits: list[int] = []
        self._connection = connection
        self._brand_id = brand_id
        self._now = now
        self._limit = limit
        self._deadline = deadline
        self._backwards = backwards
        self._test: Test = test_of(tree)
        self._reading = Reading(tree, now, brand_id=brand_id, me=me)
        folders = folders_of(tree) if asks_state(tree) else frozenset({"open"})
        self._folders = sorted(FOLDERS if folders is None else folders)
        words = words_of(tree)
        if words is not None and self._folders == ["open"]:
            self._seeds: Sequence[Seed] = [lookup.in_open(words, brand_id)]
        else:
            self._seeds = seeds(tree, now, brand_id=brand_id, me=me)

    async def run(self, place: Place) -> Place | None:
        """Judges what comes behind the place until there is enough; where it stopped for want of time."""
        seed, many = await lookup.smallest(self._connection, self._seeds)
        if seed is not None and many <= lookup.RARE and (ids := await self._looked_up(seed)) is not None:
            return await self._take(ids, place)
        return await self._walk(place, seed, many)

    async def _take(self, ids: Sequence[int], place: Place) -> Place | None:
        """Judges those of the conversations that lie behind the place."""
        rows = await self._connection.fetch(_PLACES, self._brand_id, ids, self._folders)
        places = sorted(((row["sort_key"], row["id"]) for row in rows), reverse=self._backwards)
        ahead = [one for one in places if (one < place if self._backwards else one > place)]
        at, step = 0, lookup.FIRST
        while at < len(ahead):
            part = ahead[at : at + step]
            reached = await self._judge(part)
            at += len(part)
            if reached is not None or self._full:
                return reached
            if self._left() <= 0 and at < len(ahead):
                return part[-1]
            step = self._next_step(step, at)
        return None

    def _next_step(self, last: int, walked: int) -> int:
        return lookup.next_step(last, walked, len(self.hits), self._limit - len(self.hits), WIDEST)

    async def _looked_up(self, seed: Seed) -> list[int] | None:
        """All conversations that the seed finds; None: too many, or it takes too long to say."""
        sql = _LOOKED_UP.format(seed=seed.sql, most=lookup.CAP + 1)
        found = await lookup.in_time(self._connection, self._left() / 2, sql, seed.parameters)
        return None if found is None or len(found) > lookup.CAP else [row["id"] for row in found]

    async def _walk(self, place: Place, seed: Seed | None, many: float) -> Place | None:
        """Along the queue until there are enough, or it ends, or no time is left; where what is sought turns out to be thin on the ground,
        it is looked up after all.
        """
        statement = _WINDOW_BEFORE if self._backwards else _WINDOW_AFTER
        window, walked = lookup.FIRST, 0
        while True:
            rows = await self._connection.fetch(statement, self._brand_id, self._folders, *place, window)
            if not rows:
                return None
            part = [(row["sort_key"], row["id"]) for row in rows]
            reached = await self._judge(part)
            if reached is not None or self._full:
                return reached
            place = part[-1]
            if len(rows) < window:
                return None
            if self._left() <= 0:
                return place
            walked += len(rows)
            ahead = (self._limit - len(self.hits)) * walked / (len(self.hits) + 1)
            if seed is not None and many <= lookup.CAP and many * lookup.DEAR < ahead:
                if (ids := await self._looked_up(seed)) is not None:
                    return await self._take(ids, place)
                seed = None
            window = self._next_step(window, walked)

    async def _judge(self, part: Sequence[Place]) -> Place | None:
        """Asks the matcher, in the order of work; where it stopped when time ran out."""
        sql, values = self._reading.of_conversations(_BY_ID, [id_ for _, id_ in part])
        messages: dict[int, list[asyncpg.Record]] = {}
        for row in await self._connection.fetch(sql, *values):
            messages.setdefault(row["conversation_id"], []).append(row)
        judged = 0
        for place in part:
            for row in messages.get(place[1], ()):
                judged += 1
                if judged % AT_ONCE == 0:
                    await asyncio.sleep(0)
                if self._test(self._reading.subject(row), self._now):
                    self.hits.append(place[1])
                    break
            if self._full:
                return None
            if judged >= AT_ONCE and self._left() <= 0:
                return place
        return None

    @property
    def _full(self) -> bool:
        return len(self.hits) >= self._limit

    def _left(self) -> float:
        return max(self._deadline - asyncio.get_running_loop().time(), 0.0)
