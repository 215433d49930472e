"""Accepted rulebooks, whole, by content hash; and what the last attempt to load `rules/` found.

The listener publishes; the inbox reads from here and never from `rules/`. A rulebook row is never changed or deleted,
because flags point at it. A refused file leaves the last good rulebook in force.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import asyncpg
import msgspec

from listener.model.problems import Problem
from listener.store.connect import acquired
from listener.store.conversations import Event, tell

if TYPE_CHECKING:
    from listener.rulebook.people import Approval

_IN_FORCE = """
SELECT hash, files, git, accepted_at
FROM (SELECT hash, files, git, accepted_at FROM rulebooks ORDER BY accepted_at DESC, hash LIMIT 1) AS r WHERE hash <> $1
"""

_IN_FORCE_HASH = "SELECT hash FROM rulebooks ORDER BY accepted_at DESC, hash LIMIT 1"

# Two publishers at once: one after the other, so that "in force before" is true.
_ONE_AT_A_TIME = "LOCK TABLE rulebooks IN SHARE ROW EXCLUSIVE MODE"

# Taken back into force: the later of both times, so that a clock that jumped back cannot leave the old one in force.
_PUBLISH = """
INSERT INTO rulebooks AS r (hash, files, git, accepted_at)
VALUES ($1, $2, $3, greatest($4, (SELECT max(accepted_at) + interval '1 microsecond' FROM rulebooks)))
ON CONFLICT (hash) DO UPDATE SET accepted_at = excluded.accepted_at, git = excluded.git
"""

_FORGET_NEEDS = "DELETE FROM approval_needs"

_NEEDS = "INSERT INTO approval_needs (kind, key) SELECT $1, unnest($2::text[])"

_PUBLISHED = "SELECT hash, git, accepted_at FROM rulebooks ORDER BY accepted_at DESC, hash LIMIT $1"

_FILES_OF = "SELECT files FROM rulebooks WHERE hash = $1"

_HEALTH = """
INSERT INTO rulebook_health AS h (one, tried_at, hash, problems) VALUES (true, $1, $2, $3)
ON CONFLICT (one) DO UPDATE SET tried_at = excluded.tried_at, hash = coalesce(excluded.hash, h.hash), problems = excluded.problems
"""

_REFUSED = "SELECT problems <> '[]' FROM rulebook_health"

_HEALTH_READ = "SELECT tried_at, hash, problems FROM rulebook_health"

_BRANDS = "SELECT id FROM brands ORDER BY id"

_RING = "SELECT pg_notify('hubbub', 'rulebook')"


@dataclass(frozen=True, slots=True)
class InForce:
    """The rulebook that judges now."""

    hash: str
    files: Mapping[str, str]
    git: str
    accepted_at: datetime


class Published(NamedTuple):
    """A rulebook that was in force at some time, and since when last."""

    hash: str
    git: str
    accepted_at: datetime


@dataclass(frozen=True, slots=True)
class Health:
    """What the last attempt to load `rules/` found; no problems: it is in force."""

    tried_at: datetime
    hash: str | None
    problems: tuple[Problem, ...]


async def publish(
    pool: asyncpg.Pool,
    hash: str,  # noqa: A002 - the column's word
    files: Mapping[str, str],
    git: str,
    now: datetime,
    approval: Approval | None = None,
    seat: Callable[[], None] = lambda: None,
) -> bool:
    """Puts an accepted rulebook in force and tells everybody. False when it already was, and no event, unless
    the last attempt was refused: then everybody is told that it is mended. `approval`: whose replies are approved from now on; None: nobody's.
    `seat` has it judge: called before anybody can see that it is in force, and again where the database has to be asked again.
    """
    packed = zlib.compress(msgspec.json.encode(dict(files)), 6)
    async with acquired(pool) as connection, connection.transaction():
        await connection.execute(_ONE_AT_A_TIME)
        before = await connection.fetchval(_IN_FORCE_HASH)
        changed: bool = before != hash
        if changed:
            await connection.execute(_PUBLISH, hash, packed, git, now)
            await _tell(connection, "rulebook.accepted", {"hash": before}, {"hash": hash}, now)
        elif await connection.fetchval(_REFUSED):
            await _tell(connection, "rulebook.mended", None, {"hash": hash}, now)
        await connection.execute(_FORGET_NEEDS)
        await connection.execute(_NEEDS, "person", sorted(approval.people if approval else ()))
        await connection.execute(_NEEDS, "account", sorted(approval.accounts if approval else ()))
        await connection.execute(_HEALTH, now, hash, [])
        seat()
        return changed


async def health(pool: asyncpg.Pool, problems: Sequence[Problem], hash: str | None, now: datetime) -> None:  # noqa: A002
    """Notes what loading `rules/` found. With problems: refused; everybody is told, and the last good one stays in force."""
    async with acquired(pool) as connection, connection.transaction():
        await connection.execute(_HEALTH, now, hash, [asdict(problem) for problem in problems])
        if problems:
            await _tell(connection, "rulebook.refused", None, {"problems": len(problems)}, now)


async def last_health(pool: asyncpg.Pool) -> Health | None:
    """What the last attempt found; None: nobody has tried yet."""
    async with acquired(pool) as connection:
        row = await connection.fetchrow(_HEALTH_READ)
    if row is None:
        return None
    return Health(row["tried_at"], row["hash"], tuple(Problem(**problem) for problem in row["problems"]))


async def in_force(pool: asyncpg.Pool, *, unless: str = "") -> InForce | None:
    """The rulebook in force; None before the first, and when it is `unless` (a hash), which costs next to nothing."""
    async with acquired(pool) as connection:
        row = await connection.fetchrow(_IN_FORCE, unless)
    return None if row is None else InForce(row["hash"], _unpacked(row["files"]), row["git"], row["accepted_at"])


async def published(pool: asyncpg.Pool, limit: int = 50) -> list[Published]:
    """The rulebooks that were ever in force, the latest first: the first one is in force now."""
    async with acquired(pool) as connection:
        return [Published(*row.values()) for row in await connection.fetch(_PUBLISHED, limit)]


async def files_of(pool: asyncpg.Pool, hash: str) -> Mapping[str, str] | None:  # noqa: A002
    """The files of any rulebook that was ever in force, exactly as read; None: unknown hash."""
    async with acquired(pool) as connection:
        packed = await connection.fetchval(_FILES_OF, hash)
    return None if packed is None else _unpacked(packed)


async def _tell(
    connection: asyncpg.Connection,
    kind: str,
    before: Mapping[str, object] | None,
    after: Mapping[str, object],
    now: datetime,
) -> None:
    brands = [row["id"] for row in await connection.fetch(_BRANDS)]
    await tell(connection, [Event(brand_id, kind, before=before, after=after) for brand_id in brands], now)
    await connection.execute(_RING)


def _unpacked(packed: bytes) -> dict[str, str]:
    return msgspec.json.decode(zlib.decompress(packed), type=dict[str, str])
