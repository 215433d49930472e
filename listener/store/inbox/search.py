"""The search box: mentions that a query matches, newest first. SQL finds a superset, the matcher decides.

A rare word is looked up in the index of words. A common one, or a query that no index can serve, is searched backwards in time,
window by window, within a budget of seconds; the answer says how far back it got. Nothing here ever blocks the loop for long.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from listener.model import Kind, Priority, State, ToneLabel
from listener.query.match import Subject, Test, test_of
from listener.query.sql import condition
from listener.query.tree import Node
from listener.store.connect import acquired
from listener.store.inbox.heard import BEYOND, Place, rows_of
from listener.store.views import ListeningRow

RARE = 3_000
"""Up to so many messages with the query's words are all looked at; with more, time is the quicker way."""

WINDOW, WIDEST = 500, 8_000
"""Messages a step back in time: few at first, so that the first answer is quick."""

AT_ONCE = 250
"""Messages judged before others get their turn on the loop."""

_ALL_WITH_WORDS = """
SELECT v.mention_id AS id FROM mention_versions v WHERE v.words @@ $1::text::tsquery LIMIT $2
"""

# Everything that a query can ask about. `picked` (id) is small; all else is fetched by key, one row at a time.
_SUBJECTS = """
SELECT m.id, m.at, m.source, m.kind, m.lang, m.media, m.ours, v.text, a.handle, a.external_id AS author, j.tone, h.topics, h.addressed,
       f.rules, c.tags, c.state, c.priority, c.team, c.unread, p.login
FROM picked
JOIN LATERAL (SELECT * FROM mentions WHERE id = picked.id LIMIT 1) AS m ON true
JOIN LATERAL (
    SELECT text FROM mention_versions v WHERE v.mention_id = m.id AND v.version = m.version AND {words} LIMIT 1
) AS v ON true
JOIN LATERAL (SELECT handle, external_id FROM authors WHERE id = m.author_id LIMIT 1) AS a ON true
JOIN LATERAL (
    SELECT array_agg(topic) FILTER (WHERE topic <> '') AS topics,
           bool_or(via IN ('mention', 'reply', 'quote', 'dm')) AS addressed
    FROM hearings WHERE mention_id = m.id AND brand_id = $1 HAVING count(*) > 0
) AS h ON true
LEFT JOIN LATERAL (
    SELECT tone FROM assessments WHERE mention_id = m.id AND brand_id = $1 AND version = m.version LIMIT 1
) AS j ON true
LEFT JOIN LATERAL (
    SELECT array_agg(rule) AS rules FROM flags WHERE mention_id = m.id AND brand_id + 0 = $1 AND version = m.version
) AS f ON true
LEFT JOIN LATERAL (
    SELECT c.* FROM (SELECT conversation_id FROM conversation_mentions WHERE mention_id = m.id LIMIT 20) AS b
    JOIN LATERAL (SELECT * FROM conversations WHERE id = b.conversation_id LIMIT 1) AS c ON c.brand_id = $1
    WHERE c.merged_into IS NULL ORDER BY c.id LIMIT 1
) AS c ON true
LEFT JOIN LATERAL (SELECT login FROM people WHERE id = c.assignee_id LIMIT 1) AS p ON true
WHERE (m.at, m.id) < ($2, $3)
ORDER BY m.at DESC, m.id DESC
"""

_LOOKED_UP = "WITH picked AS MATERIALIZED (SELECT DISTINCT unnest($4::bigint[]) AS id)" + _SUBJECTS.format(
    words="v.words @@ $5::text::tsquery"
)

_WALK = "SELECT id, at FROM mentions WHERE (at, id) < ($1, $2) ORDER BY at DESC, id DESC LIMIT $3"

_WALKED = "WITH picked AS MATERIALIZED (SELECT unnest($4::bigint[]) AS id)" + _SUBJECTS.format(words="true")
_WALKED_WITH_WORDS = "WITH picked AS MATERIALIZED (SELECT unnest($4::bigint[]) AS id)" + _SUBJECTS.format(
    words="v.words @@ $5::text::tsquery"
)


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
    *,
    before: Place | None = None,
    limit: int = 50,
    me: str = "",
    seconds: float = 2.0,
) -> Found:
    """At most `limit` mentions of the brand that the query matches, older than the place (at, id); `me` is who asks.

    After `seconds` it stops, and says how far back it got. Topics and conversations are as they are now.
    """
    judge = _Judge(test_of(query), limit, me, asyncio.get_running_loop().time() + seconds)
    wanted = condition(query)
    words = None if wanted is None else wanted.parameters[0]
    place = before or BEYOND
    async with acquired(pool) as connection:
        rare = None if words is None else await _rare(connection, words, judge)
        if words is not None and rare is not None:
            await judge.take(await connection.fetch(_LOOKED_UP, brand_id, *place, rare, words))
            reached = judge.reached
        else:
            reached = await _walk(connection, brand_id, words, place, judge)
        lines = await rows_of(connection, brand_id, judge.hits)
    return Found(tuple(lines), reached[0] if reached else None, reached)


async def _rare(connection: asyncpg.Connection, words: str, judge: _Judge) -> list[int] | None:
    """The messages with the query's words; None: too many, or it takes too long to say."""
    try:
        found = await connection.fetch(_ALL_WITH_WORDS, words, RARE + 1, timeout=judge.left() / 2)
    except TimeoutError:
        return None
    return None if len(found) > RARE else [row["id"] for row in found]


async def _walk(
    connection: asyncpg.Connection, brand_id: int, words: str | None, place: Place, judge: _Judge
) -> Place | None:
    """Back in time until there are enough, or nothing older, or no time left; then where it stopped."""
    window = WINDOW
    while True:
        step = await connection.fetch(_WALK, *place, window)
        if not step:
            return None
        ids = [row["id"] for row in step]
        if words is None:
            rows = await connection.fetch(_WALKED, brand_id, *place, ids)
        else:
            rows = await connection.fetch(_WALKED_WITH_WORDS, brand_id, *place, ids, words)
        await judge.take(rows)
        if judge.full:
            return None
        if judge.reached is not None:
            return judge.reached
        place = (step[-1]["at"], step[-1]["id"])
        if judge.left() <= 0:
            return place
        window = min(window * 2, WIDEST)


class _Judge:
    """Asks the matcher, in order, until there are enough hits or no time is left."""

    def __init__(self, test: Test, limit: int, me: str, deadline: float) -> None:
        self._test = test
        self._limit = limit
        self._me = me
        self._deadline = deadline
        self.hits: list[int] = []
        self.reached: Place | None = None
        """The last one looked at, when time ran out before the rows did."""

    @property
    def full(self) -> bool:
        return len(self.hits) >= self._limit

    def left(self) -> float:
        """Seconds; never below 0."""
        return max(self._deadline - asyncio.get_running_loop().time(), 0.0)

    async def take(self, rows: Iterable[asyncpg.Record]) -> None:
        for n, row in enumerate(rows, start=1):
            if self._test(_subject(row, self._me)):
                self.hits.append(row["id"])
                if self.full:
                    return
            if n % AT_ONCE == 0:
                await asyncio.sleep(0)
                if self.left() <= 0:
                    self.reached = (row["at"], row["id"])
                    return


def _subject(row: Mapping[str, Any], me: str) -> Subject:
    """A stored mention as the matcher sees it. Links are those in its text; tags outside of it are not kept."""
    text = row["text"] or ""
    state = row["state"]
    return Subject(
        text=text,
        source=row["source"],
        kind=Kind(row["kind"]),
        author_handle=row["handle"],
        author_id=row["author"],
        links=text.count("://"),
        media=row["media"],
        ours=row["ours"],
        addressed=row["addressed"],
        lang=row["lang"],
        tone=ToneLabel(row["tone"]) if row["tone"] else None,
        topics=frozenset(row["topics"] or ()),
        rules=frozenset(row["rules"] or ()),
        tags=None if state is None else frozenset(row["tags"]),
        state=None if state is None else State(state),
        priority=None if state is None else Priority(row["priority"]),
        assignee=None if state is None else row["login"] or "",
        team=row["team"],
        unread=row["unread"],
        me=me,
    )
