"""What is wanted of a source, for whoever runs it: paused or not, gaps to fill, rejects to read again, old messages to compare.

People ask by `source_acts`; each wish is written down and rung for, so that it is obeyed at once and a restart remembers. Refuses to fetch anything.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import asyncpg

from listener.harmless import storable
from listener.model.accounts import Account
from listener.model.heard import Key, Reject
from listener.store.connect import acquired

MAX_REJECT = 1_000_000

_WANTED = "SELECT wanted, state FROM sources WHERE id = $1"

_TO_FILL = """
SELECT g.id, g.source_id, s.key, coalesce(g.rest_start, g.start_at) AS start, coalesce(g.rest_end, g.end_at) AS until, g.end_at,
       g.state = 'asked' AS asked, g.tries, g.next_at, g.topic
FROM gaps AS g JOIN sources AS s ON s.id = g.source_id
WHERE g.state IN ('open', 'asked') AND split_part(s.key, '/', 1) = $1 AND s.wanted = ''
ORDER BY g.state = 'asked' DESC, g.end_at DESC, g.id
"""

_FILLING = """
UPDATE gaps SET found = found + $2, tries = 0, problem = '', next_at = NULL,
    rest_start = coalesce($3, rest_start), rest_end = coalesce($4, rest_end)
WHERE id = $1 RETURNING state IN ('open', 'asked')
"""
_PUT_OFF = "UPDATE gaps SET tries = tries + 1, problem = $2, next_at = $3 WHERE id = $1"

# A gap that grew while it was filled is not full.
_SETTLE = """
UPDATE gaps SET state = $2, problem = $3, next_at = NULL, rest_start = NULL, rest_end = NULL
WHERE id = $1 AND state IN ('open', 'asked') AND (end_at <= $4 OR $2 <> 'filled')
"""

_ASKED_REJECTS = """
SELECT r.source_id, s.key, r.digest, r.raw, r.first_at FROM rejects AS r JOIN sources AS s ON s.id = r.source_id
WHERE r.asked_at IS NOT NULL AND split_part(s.key, '/', 1) = $1 ORDER BY r.asked_at, r.source_id, r.digest LIMIT $2
"""
_BECAME = "DELETE FROM rejects WHERE source_id = $1 AND digest = $2"
_STILL = "UPDATE rejects SET asked_at = NULL, reason = coalesce($3, reason), detail = coalesce($4, detail) WHERE source_id = $1 AND digest = $2"

_TO_RECHECK = """
SELECT DISTINCT ON (m.id) m.id, m.space, m.external_id, coalesce(r.at, m.heard_at) AS seen,
       a.id AS account_id, a.brand_id, a.source, a.space AS account_space, a.external_id AS account_external_id, a.handle
FROM conversations AS c
JOIN conversation_mentions AS j ON j.conversation_id = c.id
JOIN mentions AS m ON m.id = j.mention_id
LEFT JOIN rechecks AS r ON r.mention_id = m.id
LEFT JOIN accounts AS a ON a.id = c.account_id
WHERE c.brand_id = ANY((SELECT array_agg(id) FROM brands)::int[]) AND c.folder IN ('open', 'snoozed') AND c.merged_into IS NULL
  AND c.source = $1 AND m.source = $1 AND m.state = 'live' AND m.heard_at >= $2 AND m.heard_at < $3 AND (r.at IS NULL OR r.at < $3)
ORDER BY m.id LIMIT $4
"""
_RECHECKED = """
INSERT INTO rechecks (mention_id, at) SELECT unnest($1::bigint[]), $2
ON CONFLICT (mention_id) DO UPDATE SET at = excluded.at
"""
_SWEEP_RECHECKS = """
DELETE FROM rechecks WHERE mention_id IN (SELECT mention_id FROM rechecks WHERE at < $1 ORDER BY at LIMIT 5000 FOR UPDATE SKIP LOCKED)
"""


@dataclass(frozen=True, slots=True)
class ToFill:
    """A gap that is to be filled, or what is left of it."""

    id: int
    source_id: int
    key: str
    start: datetime
    until: datetime
    end_at: datetime
    """Of the whole gap, as it was when this was read."""
    asked: bool
    """By a person; else it was only found."""
    tries: int
    next_at: datetime | None
    topic: str = ""
    """Key of the topic that the network's search is asked for; "": all that the stream would have brought."""


@dataclass(frozen=True, slots=True)
class ToReread:
    """A reject that somebody wants read again."""

    source_id: int
    key: str
    digest: bytes
    raw: bytes = field(repr=False)
    heard_at: datetime


@dataclass(frozen=True, slots=True)
class ToRecheck:
    """A message of open work that was not looked at for long."""

    id: int
    key: Key
    account: Account | None
    """As whom; None: as nobody."""


async def wanted(pool: asyncpg.Pool, source_id: int) -> tuple[str, str]:
    """What people want of a source ('' or 'paused'), and its state."""
    async with acquired(pool) as connection:
        row = await connection.fetchrow(_WANTED, source_id)
    return row["wanted"], row["state"]


async def to_fill(pool: asyncpg.Pool, source: str) -> list[ToFill]:
    """The gaps of a network's streams that are open or asked for: those asked for first, then the latest. None of a paused stream."""
    async with acquired(pool) as connection:
        return [ToFill(**dict(row)) for row in await connection.fetch(_TO_FILL, source)]


async def filling(pool: asyncpg.Pool, gap_id: int, found: int, rest: tuple[datetime, datetime] | None) -> bool:
    """So many items more were brought; `rest` is what is still to be looked at, where the source says so. False: somebody has stopped it."""
    start, end = rest or (None, None)
    async with acquired(pool) as connection:
        return bool(await connection.fetchval(_FILLING, gap_id, found, start, end))


async def put_off(pool: asyncpg.Pool, gap_id: int, problem: str, next_at: datetime) -> None:
    """It is tried again then."""
    async with acquired(pool) as connection:
        await connection.execute(_PUT_OFF, gap_id, storable(problem)[:500], next_at)


async def settle(pool: asyncpg.Pool, gap_id: int, state: str, problem: str, until: datetime) -> None:
    """`filled` up to a time (one that grew meanwhile stays open), `lost` or `failed`, with the reason."""
    async with acquired(pool) as connection:
        await connection.execute(_SETTLE, gap_id, state, storable(problem)[:500], until)


async def rejects_asked(pool: asyncpg.Pool, source: str, most: int) -> list[ToReread]:
    """Rejects of a network's streams that are to be read again."""
    async with acquired(pool) as connection:
        rows = await connection.fetch(_ASKED_REJECTS, source, most)
    return [
        ToReread(
            row["source_id"],
            row["key"],
            row["digest"],
            zlib.decompressobj().decompress(row["raw"], MAX_REJECT),
            row["first_at"],
        )
        for row in rows
    ]


async def reread(pool: asyncpg.Pool, asked: ToReread, still: Reject | None, *, became: bool) -> None:
    """It became something and is in the database: its row goes. Else it stays, by today's reason."""
    async with acquired(pool) as connection:
        if became:
            await connection.execute(_BECAME, asked.source_id, asked.digest)
            return
        told = (None, None) if still is None else (still.reason.value, storable(still.detail)[:500])
        await connection.execute(_STILL, asked.source_id, asked.digest, *told)


async def to_recheck(pool: asyncpg.Pool, source: str, since: datetime, before: datetime, most: int) -> list[ToRecheck]:
    """Messages of open and snoozed conversations, heard since then, that were last looked at before; the longest ago first."""
    async with acquired(pool) as connection:
        rows = await connection.fetch(_TO_RECHECK, source, since, before, most)
    return [
        ToRecheck(
            row["id"],
            Key(row["space"], row["external_id"]),
            None
            if row["account_id"] is None
            else Account(
                row["account_id"], row["brand_id"], row["source"], row["account_space"], row["account_external_id"], row["handle"],
            ),
        )
        for row in sorted(rows, key=lambda row: (row["seen"], row["id"]))
    ]  # fmt: skip


async def rechecked(pool: asyncpg.Pool, mention_ids: Sequence[int], now: datetime) -> None:
    """These were looked at."""
    async with acquired(pool) as connection:
        await connection.execute(_RECHECKED, sorted(mention_ids), now)


async def sweep(pool: asyncpg.Pool, before: datetime) -> None:
    """Forgets looks before then."""
    async with acquired(pool) as connection:
        while int((await connection.execute(_SWEEP_RECHECKS, before)).rpartition(" ")[2]):
            pass
