"""The schema and its way forward. Owns the migration files and the record of those applied; refuses to go back.

`migrations/NNNN_name.sql` are numbered from 1 without holes, applied in order, each in a transaction of its own, under a
lock that all programs share, and never changed afterwards.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import importlib.metadata
import importlib.resources
import re
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from importlib.resources.abc import Traversable

import asyncpg

from listener.errors import FixMe
from listener.store.connect import store_errors

# "hubbub" as a number: one lock per database (Postgres counts advisory locks by database).
LOCK = 0x687562627562
PATIENCE = 2.0
NAME = re.compile(r"(?P<number>\d{4})_(?P<name>[a-z0-9_]+)\.sql")

LOCK_TRY = "SELECT pg_try_advisory_lock($1)"
LOCK_FREE = "SELECT pg_advisory_unlock($1)"
RECORD_EXISTS = "SELECT to_regclass('hubbub.migrations') IS NOT NULL"
RECORD_CREATE = """
CREATE SCHEMA IF NOT EXISTS hubbub;
CREATE TABLE IF NOT EXISTS hubbub.migrations (
    number      int PRIMARY KEY,
    name        text COLLATE "C" NOT NULL,
    sha256      text COLLATE "C" NOT NULL,
    applied_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    program     text NOT NULL
);
"""
RECORD_READ = "SELECT number, name, sha256 FROM hubbub.migrations ORDER BY number"
RECORD_ADD = "INSERT INTO hubbub.migrations (number, name, sha256, program) VALUES ($1, $2, $3, $4)"
RESTORE_UNFINISHED = "SELECT to_regnamespace('hubbub_before_restore') IS NOT NULL"
SEARCH_PATH = "SELECT set_config('search_path', 'hubbub', false)"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema, as shipped."""

    number: int
    name: str
    sql: str
    sha256: str


def shipped(folder: Traversable | None = None) -> tuple[Migration, ...]:
    """The migrations of this program, in order. FixMe when the folder has a hole, a double or a strange name."""
    folder = folder or importlib.resources.files("listener.store") / "migrations"
    found: list[Migration] = []
    for file in folder.iterdir():
        if not file.name.endswith(".sql"):
            continue
        match = NAME.fullmatch(file.name)
        if match is None:
            raise FixMe("a migration is named NNNN_words.sql", where=file.name, hint="rename it")
        sql = file.read_bytes().decode().replace("\r\n", "\n")
        digest = hashlib.sha256(sql.encode()).hexdigest()
        found.append(Migration(int(match["number"]), match["name"], sql, digest))
    found.sort(key=lambda migration: migration.number)
    for expected, migration in enumerate(found, start=1):
        if migration.number != expected:
            raise FixMe(
                f"migration {expected:04} is missing or there twice",
                where=str(folder),
                hint="number them without holes",
            )
    return tuple(found)


async def schema_version(connection: asyncpg.Connection) -> int:
    """The number of the last applied migration; 0 for a database without our schema."""
    if not await connection.fetchval(RECORD_EXISTS):
        return 0
    rows = await connection.fetch(RECORD_READ)
    return max((row["number"] for row in rows), default=0)


async def require_current(connection: asyncpg.Connection, known: tuple[Migration, ...] | None = None) -> None:
    """Raises FixMe unless the database has exactly the schema that this program was written for."""
    known = shipped() if known is None else known
    await _check_whole(connection)
    missing = await _missing(connection, known)
    if missing:
        raise FixMe(
            f"this database has schema {missing[0].number - 1}, this program needs {len(known)}",
            hint="start the listener once, it migrates",
        )


async def migrate(
    connection: asyncpg.Connection, *, say: Say = lambda _: None, known: tuple[Migration, ...] | None = None
) -> int:
    """Brings the schema to what this program needs and returns its version. Of several programs at once, one does it.

    FixMe when the database is newer than the program, an applied migration has been changed since, or a restore was interrupted.
    """
    known = shipped() if known is None else known
    with store_errors():
        if not await connection.fetchval(RESTORE_UNFINISHED) and not await _missing(connection, known):
            return len(known)
        async with only_one_migrates(connection, say):
            await _check_whole(connection)
            return await bring_forward(connection, say=say, known=known)


async def bring_forward(connection: asyncpg.Connection, *, say: Say, known: tuple[Migration, ...]) -> int:
    """Applies what is missing, for a caller that already keeps all others out with `only_one_migrates`."""
    await connection.execute(RECORD_CREATE)
    for migration in await _missing(connection, known):
        say(f"schema {migration.number}: {migration.name.replace('_', ' ')}")
        await _apply(connection, migration)
    return len(known)


@contextlib.asynccontextmanager
async def only_one_migrates(connection: asyncpg.Connection, say: Say) -> AsyncIterator[None]:
    """Keeps every other program from changing the schema for the length of the block; waits until it may.

    Asks again and again instead of waiting inside Postgres, where the waiting itself would hold back others.
    """
    started = time.monotonic()
    told = False
    while not await connection.fetchval(LOCK_TRY, LOCK):
        if not told and time.monotonic() - started > PATIENCE:
            told = True
            say("waiting for another program that changes the schema")
        await asyncio.sleep(0.05)
    try:
        yield
    finally:
        if not connection.is_closed():
            await connection.execute(LOCK_FREE, LOCK)


async def _check_whole(connection: asyncpg.Connection) -> None:
    if await connection.fetchval(RESTORE_UNFINISHED):
        raise FixMe(
            "a restore was interrupted; what was there before is kept in the schema hubbub_before_restore",
            hint="run the same `hubbub restore` again",
            code="restore_unfinished",
        )


async def _missing(connection: asyncpg.Connection, known: tuple[Migration, ...]) -> tuple[Migration, ...]:
    """What has yet to be applied, after checking what has been."""
    if not await connection.fetchval(RECORD_EXISTS):
        return known
    applied = await connection.fetch(RECORD_READ)
    newest = max((row["number"] for row in applied), default=0)
    if newest > len(known):
        raise FixMe(
            f"this database was made by a newer Hubbub (schema {newest}, this program knows {len(known)})",
            hint="upgrade the program",
        )
    for row, migration in zip(applied, known, strict=False):
        if (row["number"], row["sha256"]) != (migration.number, migration.sha256):
            raise FixMe(
                f"migration {migration.number:04}_{migration.name} was changed after it had been applied",
                hint="put the file back as it was released, and make the change in a new migration",
            )
    return known[len(applied) :]


async def _apply(connection: asyncpg.Connection, migration: Migration) -> None:
    async with connection.transaction():
        await connection.execute(SEARCH_PATH)
        await connection.execute(migration.sql)
        await connection.execute(
            RECORD_ADD, migration.number, migration.name, migration.sha256, importlib.metadata.version("hubbub")
        )
