"""A small brand with people, and as many conversations as a test wants: written straight into the tables, so that tests of the
readers and of the acts do not depend on how things are heard."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import asyncpg

from listener.model.accounts import Account
from listener.model.judged import Assessment, Tone
from listener.model.people import Person, Role
from listener.model.scales import Priority, ToneLabel
from listener.model.work import State
from listener.query.words import index_words
from listener.store import people, sources
from listener.workflow import acts, clocks, moves, order

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SPACE = "at"

_MENTION = """
WITH author AS (
    INSERT INTO authors (space, external_id, handle, name, first_at) VALUES ($1, 'did:' || $2, $2, initcap($2), $8)
    ON CONFLICT (space, external_id) DO UPDATE SET handle = excluded.handle RETURNING id
), m AS (
    INSERT INTO mentions (space, external_id, source, author_id, ours, kind, parent, root, network_at, heard_at, at)
    SELECT $1, $3, 'bluesky', id, $7, 'post', $5, $4, $8, $8, $8 FROM author RETURNING id
), k AS (
    INSERT INTO mention_keys SELECT $1, $3, id FROM m
), v AS (
    INSERT INTO mention_versions (mention_id, version, revision, content_id, text, words, heard_at)
    SELECT id, 1, '', '', $6, array_to_tsvector($9), $8 FROM m
)
SELECT id FROM m
"""

_HEARD = """
INSERT INTO hearings (mention_id, brand_id, topic, source_id, via, at, heard_at)
SELECT $1, $2, $3, $4, $5, at, at FROM mentions WHERE id = $1
"""

_ASSESSED = """
INSERT INTO assessments (mention_id, brand_id, version, rulebook, methods, tone, tone_compound, need, priority, due_at, tags, team,
                         because, context, at)
VALUES ($1, $2, $3, 'h', '{}', $4, -0.5, 0.75, 3, $5, '{billing}', 'care', '[{"rule": "outage"}]', '{}', $6)
"""

_CONVERSATION = """
INSERT INTO conversations (brand_id, account_id, space, root, author_id, source, origin, state, priority, due_at, sort_key, opened_at,
                           last_at, last_mention_id, changed_at, assignee_id, snoozed_until, next_at)
SELECT $1, $2, m.space, m.root, m.author_id, 'bluesky', 'addressed', $4, $5, $6, $7, m.at, m.at, m.id, m.at, $8, $9, $10
FROM mentions m WHERE m.id = $3 RETURNING id
"""

MANY = """
WITH a AS (
    INSERT INTO authors (space, external_id, handle, first_at)
    SELECT 'many', 'did:' || i, 'author' || i, $3 FROM generate_series(1, $2::int) AS i RETURNING id, external_id
), m AS (
    INSERT INTO mentions (space, external_id, source, author_id, ours, kind, root, heard_at, at)
    SELECT 'many', external_id || '/1', 'bluesky', id, false, 'post', external_id || '/1', $3, $3 FROM a
    RETURNING id, external_id, author_id
), k AS (
    INSERT INTO mention_keys SELECT 'many', external_id, id FROM m
), v AS (
    INSERT INTO mention_versions (mention_id, version, revision, content_id, text, heard_at)
    SELECT id, 1, '', '', 'my invoice is wrong, number ' || id || repeat(' please help', 8), $3 FROM m
), j AS (
    INSERT INTO assessments (mention_id, brand_id, version, rulebook, methods, tone, need, priority, because, context, at)
    SELECT id, $1, 1, 'h', '{}', 'negative', 0.5, 2, '[]', '{}', $3 FROM m
), c AS (
    INSERT INTO conversations (brand_id, space, root, author_id, source, origin, state, priority, due_at, sort_key, opened_at,
                               last_at, last_mention_id, changed_at, assignee_id)
    SELECT $1, 'many', external_id, author_id, 'bluesky', 'addressed',
           CASE WHEN id % 10 < 7 THEN 'new' WHEN id % 10 = 7 THEN 'theirs' ELSE 'done' END, 2, NULL,
           (id * 7919) % 1000003, $3, $3, id, $3, CASE WHEN id % 20 = 0 THEN $4::int END
    FROM m RETURNING id, last_mention_id
)
INSERT INTO conversation_mentions SELECT id, last_mention_id FROM c
"""
"""`$2` conversations for a brand, in one statement: 7 of 10 open, 1 waiting, 2 done; one of 20 assigned to `$4`. Times are `$3`."""


_TRIGGERS = """
SELECT tgrelid::regclass::text AS of, quote_ident(tgname) AS name FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE c.relnamespace = 'hubbub'::regnamespace AND NOT tgisinternal AND tgenabled = 'O'
"""


@contextlib.asynccontextmanager
async def trusted(connection: asyncpg.Connection) -> AsyncIterator[None]:
    """Meanwhile keys between tables are not looked up row by row, which takes most of the time of filling; our own triggers fire as ever."""
    triggers = await connection.fetch(_TRIGGERS)
    for one in triggers:
        await connection.execute(f"ALTER TABLE {one['of']} ENABLE ALWAYS TRIGGER {one['name']}")
    await connection.execute("SET session_replication_role = replica")
    yield
    await connection.execute("SET session_replication_role = origin")
    for one in triggers:
        await connection.execute(f"ALTER TABLE {one['of']} ENABLE TRIGGER {one['name']}")


@dataclass(slots=True)
class World:
    """One brand. Mia and Tom answer, Vera only looks."""

    pool: asyncpg.Pool
    brand_id: int
    mia: Person
    tom: Person
    vera: Person
    account: Account
    source_id: int
    prefix: str
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    async def mention(
        self,
        text: str | None = "my invoice is wrong",
        *,
        author: str = "ana",
        parent: str | None = None,
        root: str | None = None,
        topic: str | None = None,
        at: datetime = NOW,
        ours: bool = False,
        heard: bool = True,
        tone: str | None = None,
        due_at: datetime | None = None,
    ) -> int:
        """A message; heard by topic, else as a mention of our account. Its external id is `m` and its number (of Acme)."""
        key = f"{self.prefix}{next(self._numbers)}"
        id_ = await self.pool.fetchval(
            _MENTION, SPACE, author, key, root or parent or key, parent, text, ours, at,
            list(index_words(text or "")),
        )  # fmt: skip
        if heard:
            via = "own" if ours else "topic" if topic is not None else "mention"
            await self.pool.execute(_HEARD, id_, self.brand_id, topic or "", self.source_id, via)
        if tone:
            await self.pool.execute(_ASSESSED, id_, self.brand_id, 1, tone, due_at, at)
        return int(id_)

    async def conversation(
        self,
        text: str = "my invoice is wrong",
        *,
        author: str = "",
        state: str = "new",
        priority: int = 2,
        due_at: datetime | None = None,
        assignee: Person | None = None,
        snoozed_until: datetime | None = None,
        at: datetime = NOW,
        tone: str | None = None,
    ) -> int:
        """A conversation with one message, in its place in the queue."""
        author = author or f"author{next(self._numbers)}"
        mention_id = await self.mention(text, author=author, at=at, tone=tone)
        assessment = Assessment(
            Tone(ToneLabel.NOT_SCORED), "", 0, Priority(priority), None, due_at, (), "", False, (), (), "", {}
        )
        c = moves.opened(assessment, brand_id=self.brand_id, at=at, history=False)
        if snoozed_until is not None:
            c = moves.apply(c, acts.Snooze(snoozed_until), self.mia.id, at)
            state = "snoozed"
        if assignee is not None:
            c = moves.apply(c, acts.Assign(assignee.id), self.mia.id, at)
        id_ = await self.pool.fetchval(
            _CONVERSATION, self.brand_id, self.account.id, mention_id, state, priority, due_at, order.sort_key(c),
            c.assignee_id, snoozed_until, clocks.next_at(replace(c, state=State(state))),
        )  # fmt: skip
        await self.pool.execute("INSERT INTO conversation_mentions VALUES ($1, $2)", id_, mention_id)
        return int(id_)

    async def many(self, n: int) -> None:
        """`n` conversations more, at once."""
        async with self.pool.acquire() as connection, connection.transaction(), trusted(connection):
            await connection.execute(MANY, self.brand_id, n, NOW, self.mia.id)

    async def events(self, conversation_id: int | None = None) -> list[asyncpg.Record]:
        """What was told, in order."""
        return list(
            await self.pool.fetch(
                "SELECT * FROM events WHERE $1::bigint IS NULL OR conversation_id = $1 ORDER BY id", conversation_id
            )
        )


async def world(pool: asyncpg.Pool, key: str = "acme") -> World:
    """A brand with two responders, a viewer, one account and one source."""
    brand_id = await people.ensure_brand(pool, key, key.title(), "Europe/Vienna")
    mia = await people.ensure_person(pool, f"mia-{key}", "Mia", brand_id, Role.RESPONDER)
    tom = await people.ensure_person(pool, f"tom-{key}", "Tom", brand_id, Role.LEAD)
    vera = await people.ensure_person(pool, f"vera-{key}", "Vera", brand_id, Role.VIEWER)
    account = await people.ensure_account(pool, brand_id, "bluesky", SPACE, f"did:{key}", f"{key}.example")
    source = await sources.open_source(pool, f"bluesky/{key}", NOW)
    return World(pool, brand_id, mia, tom, vera, account, source.id, "m" if key == "acme" else key)


def later(**kwargs: float) -> datetime:
    """`NOW` and so much more."""
    return NOW + timedelta(**kwargs)
