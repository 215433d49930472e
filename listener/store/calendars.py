"""Calendars at addresses as they were last read, and whose turn it is to fetch one. Owns the `calendars` table.

However many programs run, one of them fetches a calendar at a time: whoever takes it up moves its next time on before it calls anybody. The last
good reading stays until a better one comes. Refuses to know an address.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import asyncpg
import msgspec

from listener.errors import Refused
from listener.rulebook.published import Published
from listener.rulebook.turns import Turn
from listener.store.connect import acquired

LEASE = timedelta(minutes=3)
"""For one fetch. Whoever dies over it is followed by somebody else after that."""
FAR = timedelta(days=2)
"""No wait is longer: a clock that was set back does not end the fetching."""
MOST_BYTES = 1 << 20
FORGOTTEN_AFTER = timedelta(days=30)
_MOST_UNPACKED = 64 << 20

_KNOW = "INSERT INTO calendars (name, next_at) SELECT unnest($1::text[]), $2 ON CONFLICT DO NOTHING"

_FORGET = "DELETE FROM calendars WHERE next_at < $1"

_TAKE = """
UPDATE calendars SET next_at = $3 WHERE name = (
    SELECT name FROM calendars WHERE name = ANY ($1) AND (next_at <= $2 OR next_at > $4)
    ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING name, problem, problem_at, good_at, digest, turns
"""

_NEXT = "SELECT min(next_at) FROM calendars WHERE name = ANY ($1)"

_KEEP = """
UPDATE calendars SET turns = $2, digest = $3, good_at = $4, next_at = $5, problem = '', problem_at = NULL WHERE name = $1
"""

_STANDS = "UPDATE calendars SET good_at = $2, next_at = $3, problem = '', problem_at = NULL WHERE name = $1"

_FAILED = """
UPDATE calendars SET problem = $2, next_at = $4, problem_at = CASE WHEN problem = '' THEN $3 ELSE problem_at END WHERE name = $1
"""

_STATES = "SELECT name, problem, problem_at, good_at, digest, turns FROM calendars ORDER BY name"

_DIGESTS = "SELECT name, digest FROM calendars WHERE turns IS NOT NULL ORDER BY name"


@dataclass(frozen=True, slots=True)
class CalendarState:
    """A calendar, and how it fares."""

    name: str
    problem: str
    """Why the last try brought nothing; '': it did."""
    problem_at: datetime | None
    """Since when there is one."""
    good_at: datetime | None
    """When its address last said that it is like this; None: never."""
    digest: str
    published: Published | None
    """The last good reading."""


async def know(pool: asyncpg.Pool, names: Iterable[str], now: datetime) -> None:
    """These are to be fetched, the new ones at once. What nobody has fetched for a month goes."""
    async with acquired(pool) as connection, connection.transaction():
        await connection.execute(_FORGET, now - FORGOTTEN_AFTER)
        await connection.execute(_KNOW, sorted(names), now)


async def take(pool: asyncpg.Pool, names: Sequence[str], now: datetime) -> CalendarState | None:
    """One whose time it is, for whoever asks alone, until the lease is over. None: it is not time yet."""
    async with acquired(pool) as connection:
        row = await connection.fetchrow(_TAKE, list(names), now, now + LEASE, now + FAR)
    return None if row is None else _state(row)


async def next_at(pool: asyncpg.Pool, names: Sequence[str]) -> datetime | None:
    """When one of them is due."""
    async with acquired(pool) as connection:
        found: datetime | None = await connection.fetchval(_NEXT, list(names))
    return found


async def keep(pool: asyncpg.Pool, name: str, new: Published, now: datetime, then: datetime) -> None:
    """A good reading; the next one is at `then`. Refused where it is too big."""
    packed = zlib.compress(_written(new), 6)
    if len(packed) > MOST_BYTES:
        raise Refused(f"its turns take more than {MOST_BYTES >> 20} MB", code="too_big")
    async with acquired(pool) as connection:
        await connection.execute(_KEEP, name, packed, digest_of(new), now, then)


async def stands(pool: asyncpg.Pool, name: str, now: datetime, then: datetime) -> None:
    """Its address says that it is as it was."""
    async with acquired(pool) as connection:
        await connection.execute(_STANDS, name, now, then)


async def failed(pool: asyncpg.Pool, name: str, problem: str, now: datetime, then: datetime) -> None:
    """Nothing good came; what is kept stays."""
    async with acquired(pool) as connection:
        await connection.execute(_FAILED, name, problem[:500], now, then)


async def states(pool: asyncpg.Pool) -> list[CalendarState]:
    """All that are known."""
    async with acquired(pool) as connection:
        return [_state(row) for row in await connection.fetch(_STATES)]


async def digests(pool: asyncpg.Pool) -> dict[str, str]:
    """By name, of those that were ever read: another digest, another calendar. Costs next to nothing."""
    async with acquired(pool) as connection:
        return {row["name"]: row["digest"] for row in await connection.fetch(_DIGESTS)}


def digest_of(published: Published) -> str:
    """What two readings have in common that say the same."""
    return hashlib.sha256(_written(published)).hexdigest()[:32]


def _written(published: Published) -> bytes:
    turns = [(one.call, one.begin.isoformat(), one.end.isoformat()) for one in published.turns]
    return msgspec.json.encode((published.begins.isoformat(), published.ends.isoformat(), turns))


def _state(row: asyncpg.Record) -> CalendarState:
    packed = row["turns"]
    return CalendarState(
        row["name"], row["problem"], row["problem_at"], row["good_at"], row["digest"], None if packed is None else _read(packed)
    )  # fmt: skip


def _read(packed: bytes) -> Published:
    written = zlib.decompressobj().decompress(packed, _MOST_UNPACKED)
    begins, ends, turns = msgspec.json.decode(written, type=tuple[str, str, list[tuple[str, str, str]]])
    read = tuple(Turn(call, _moment(begin), _moment(end)) for call, begin, end in turns)
    return Published(read, datetime.fromisoformat(begins), datetime.fromisoformat(ends))


def _moment(text: str) -> date | datetime:
    return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)
