"""The sources' own rows: bookmark, health, gaps, rejects, and the lock by which only one listener runs a source.

The bookmark is only read here; it moves in `record`, in the same transaction as the items before it.
"""

from __future__ import annotations

import asyncio
import contextlib
import zlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from listener.errors import Refused
from listener.store.connect import acquired, connect, store_errors
from listener.store.source_views import GapRow
from listener.store.views.health import SourceHealth

# A bookmark of an earlier run stays; only the state and the start are new.
_OPEN = """
INSERT INTO sources AS s (key, state, started_at, beat_at, born_at) VALUES ($1, 'running', $2, $2, $2)
ON CONFLICT (key) DO UPDATE SET state = CASE s.wanted WHEN 'paused' THEN 'paused' ELSE 'running' END, problem = '',
    started_at = excluded.started_at, beat_at = excluded.beat_at
RETURNING id, cursor
"""

# Whose row is locked is being written to, which is a sign of life too: nobody waits here with other rows in hand.
_BEAT = """
UPDATE sources SET beat_at = greatest(beat_at, $2)
WHERE id IN (SELECT id FROM sources WHERE id = ANY($1::int[]) FOR NO KEY UPDATE SKIP LOCKED)
"""

_SET_STATE = "UPDATE sources SET state = $2, problem = $3, beat_at = greatest(beat_at, $4) WHERE id = $1"

_HEALTH = """
SELECT s.key, s.state, s.problem, s.cursor, s.started_at, s.beat_at, s.item_at, s.heard_at, s.heard, s.stored,
       coalesce((SELECT sum(r.seen) FROM rejects r WHERE r.source_id = s.id), 0)::bigint AS rejects,
       (SELECT count(*) FROM gaps g WHERE g.source_id = s.id AND g.state IN ('open', 'asked')) AS open_gaps
FROM sources s ORDER BY s.key
"""

_GAPS = """
SELECT g.id, s.key AS source, g.start_at AS start, g.end_at AS "end", g.cause, g.state, g.noted_at,
       g.problem, g.found, g.rest_start, g.rest_end, g.topic
FROM gaps g JOIN sources s ON s.id = g.source_id
WHERE $1::text IS NULL OR g.state = $1 ORDER BY g.start_at, g.id
"""

_GAP = """
SELECT g.id, s.key AS source, g.start_at AS start, g.end_at AS "end", g.cause, g.state, g.noted_at,
       g.problem, g.found, g.rest_start, g.rest_end, g.topic
FROM gaps g JOIN sources s ON s.id = g.source_id WHERE g.id = $1
"""

_REJECTS = """
SELECT s.key AS source, r.reason, r.detail, r.raw, r.seen, r.first_at, r.last_at
FROM rejects r JOIN sources s ON s.id = r.source_id
WHERE $1::text IS NULL OR s.key = $1 ORDER BY r.last_at DESC, r.digest LIMIT $2
"""

_HOLD = "SELECT pg_try_advisory_lock($1, hashtext($2))"
_LET_GO = "SELECT pg_advisory_unlock($1, hashtext($2))"
_HOLDER = """
SELECT a.application_name, a.client_addr::text FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND l.classid = $1::bigint::oid AND l.objid = (hashtext($2)::bigint & 4294967295)::oid
"""
_SOURCES_LOCKS = 0x68756273
"""The first half of these advisory locks; the second is the source's key, hashed."""

MAX_REJECT = 1_000_000


@dataclass(frozen=True, slots=True)
class OpenSource:
    """A source that may start, and where it stopped."""

    id: int
    cursor: str | None


@dataclass(frozen=True, slots=True)
class RejectRow:
    """An item that could not be used. `raw` are the bytes as they came, cut after 1,000,000."""

    source: str
    reason: str
    detail: str
    raw: bytes
    seen: int
    first_at: datetime
    last_at: datetime


async def open_source(pool: asyncpg.Pool, key: str, now: datetime) -> OpenSource:
    """The source's row, made if missing, now marked as running (or as paused, where people want that), with its bookmark."""
    async with acquired(pool) as connection:
        row = await connection.fetchrow(_OPEN, key, now)
    return OpenSource(row["id"], row["cursor"])


async def beat(pool: asyncpg.Pool, source_ids: Sequence[int], now: datetime) -> None:
    """A sign of life of these, in one statement."""
    async with acquired(pool) as connection:
        await connection.execute(_BEAT, list(source_ids), now)


async def set_state(pool: asyncpg.Pool, source_id: int, state: str, problem: str, now: datetime) -> None:
    """`running`, `waiting` (with what for), `paused`, `stopped` (with what a person must do) or `finished`."""
    async with acquired(pool) as connection:
        await connection.execute(_SET_STATE, source_id, state, problem, now)


async def health(pool: asyncpg.Pool) -> list[SourceHealth]:
    """Every source that ever ran, by key."""
    async with acquired(pool) as connection:
        return [SourceHealth(**dict(row)) for row in await connection.fetch(_HEALTH)]


async def gaps(pool: asyncpg.Pool, state: str | None = None) -> list[GapRow]:
    """The holes, the earliest first; only those of one state if given."""
    async with acquired(pool) as connection:
        return [GapRow(**dict(row)) for row in await connection.fetch(_GAPS, state)]


async def gap(pool: asyncpg.Pool, gap_id: int) -> GapRow:
    """One of them as it is now. Refused: there is none."""
    async with acquired(pool) as connection:
        row = await connection.fetchrow(_GAP, gap_id)
    if row is None:
        raise Refused(
            "there is no such gap", where=f"gap {gap_id}", hint="hubbub sources gaps lists them", code="no_gap"
        )
    return GapRow(**dict(row))


async def rejects(pool: asyncpg.Pool, source_key: str | None = None, limit: int = 100) -> list[RejectRow]:
    """What could not be used, the latest first."""
    async with acquired(pool) as connection:
        rows = await connection.fetch(_REJECTS, source_key, limit)
    return [RejectRow(**{**dict(row), "raw": _unpacked(row["raw"])}) for row in rows]


def _unpacked(raw: bytes) -> bytes:
    return zlib.decompressobj().decompress(raw, MAX_REJECT)


class Hold:
    """A source's lock, held. When the connection breaks somebody else can get it: stop at once when `lost` is set."""

    def __init__(self) -> None:
        self.lost = asyncio.Event()


class Holds:
    """The locks of all sources that one program runs, on one connection, so that hundreds of them cost no more than one."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._turn = asyncio.Lock()
        self._connection: asyncpg.Connection | None = None
        self._held: dict[str, Hold] = {}
        """On that connection."""

    @contextlib.asynccontextmanager
    async def hold(self, source_key: str) -> AsyncIterator[Hold]:
        """Keeps every other listener from running this source, for the length of the block.

        Raises Refused, naming the holder, when another one runs it. A program that dies loses the lock with its connection.
        """
        async with self._turn:
            connection, held = await self._connected(), self._held
            if source_key in held:  # Postgres would give it to us twice
                raise Refused(f"this listener already runs {source_key}")
            try:
                with store_errors():
                    if not await connection.fetchval(_HOLD, _SOURCES_LOCKS, source_key, timeout=30):
                        holder = await connection.fetchrow(_HOLDER, _SOURCES_LOCKS, source_key)
                        where = f" from {holder['client_addr']}" if holder and holder["client_addr"] else ""
                        raise Refused(
                            f"another listener{where} already runs {source_key}",
                            hint="one listener is enough; stop the other one first (hubbub down)",
                        )
                held[source_key] = Hold()
            except BaseException:
                await self._close_unused(connection, held)
                raise
        try:
            yield held[source_key]
        finally:
            async with self._turn:
                del held[source_key]
                with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                    if held and not connection.is_closed():
                        await connection.execute(_LET_GO, _SOURCES_LOCKS, source_key, timeout=5)
                await self._close_unused(connection, held)

    async def _connected(self) -> asyncpg.Connection:
        if self._connection is None or self._connection.is_closed():
            held: dict[str, Hold] = {}

            def lost(_: object) -> None:
                for one in held.values():
                    one.lost.set()

            self._connection = await connect(self._dsn, application_name="hubbub sources")
            self._connection.add_termination_listener(lost)
            self._held = held
        return self._connection

    async def _close_unused(self, connection: asyncpg.Connection, held: dict[str, Hold]) -> None:
        if held:
            return
        if self._connection is connection:
            self._connection = None
        with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            await connection.close(timeout=5)
