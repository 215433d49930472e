"""A backup is one file, read back before it counts; a restore puts it in place whole or not at all.

Owns the file's making and reading, and what a restored database must forget: transaction ids of the old cluster, whatever was
about to leave the house, and programs at work. Refuses to overwrite a file or a database unless told, and to restore under
programs that are connected. Owners and grants are not in it: the database that restores has its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import asyncpg

from listener.errors import FixMe
from listener.store.connect import connect, place_of, store_errors
from listener.store.migrate import RESTORE_UNFINISHED, bring_forward, only_one_migrates, shipped
from listener.store.pgclient import client_program, run, run_chain
from listener.store.programs import VERSIONS
from listener.store.tlsbridge import surroundings

MAGIC = b"PGDMP"
UNFINISHED = ".unfinished"

TABLES = """
SELECT n.nspname, c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = ANY ($1) AND c.relkind = 'r' ORDER BY 1, 2
"""
NOW, BEFORE = "hubbub", "hubbub_before_restore"
COUNT = 'SELECT count(*) FROM "{}"."{}"'
HAS_ROWS = 'SELECT EXISTS (SELECT FROM "{}"."{}")'
SCHEMA_EXISTS = "SELECT to_regnamespace('hubbub') IS NOT NULL"
BEGIN_SNAPSHOT = "SELECT pg_export_snapshot()"
OTHERS = """
SELECT coalesce(nullif(application_name, ''), 'a program without a name') FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend' ORDER BY 1
"""
SET_ASIDE = "ALTER SCHEMA hubbub RENAME TO hubbub_before_restore"
SET_NOTHING_ASIDE = "CREATE SCHEMA hubbub_before_restore"
BRING_BACK = "ALTER SCHEMA hubbub_before_restore RENAME TO hubbub"
DROP_OLD = "DROP SCHEMA IF EXISTS hubbub_before_restore CASCADE"
DROP_NEW = "DROP SCHEMA IF EXISTS hubbub CASCADE"

# Transaction ids are the cluster's own. Those of the backup may lie in this one's future: readers would not see the events until
# this cluster has counted so far, and new events would sort before old ones. 2 is Postgres' own "before everything".
MAINTENANCE = "SELECT set_config('hubbub.maintenance', 'on', true)"
FORGET_TRANSACTIONS = "UPDATE hubbub.events SET xid = '2'::xid8"
TIDY_EVENTS = "VACUUM hubbub.events"  # every row was just written a second time
ANALYZE = "ANALYZE"
# What waited to leave may have left after the backup was made, and nothing is said twice: a person decides. What was being
# sent is looked up on the network by the deliverer, as after any crash.
HOLD_BACK = """
WITH waiting AS (
    SELECT id, state, CASE WHEN frozen IS NULL THEN 'stopped' ELSE 'unknown' END AS now_state
    FROM hubbub.outbox WHERE state IN ('queued', 'sending')
), held AS (
    UPDATE hubbub.outbox AS o SET state = w.now_state, code = 'restored', changed_at = $1, lease_until = NULL,
        problem = 'The database was restored from a backup. This may have been sent after that was made: look, then decide.'
    FROM waiting AS w WHERE o.id = w.id
    RETURNING o.id, o.brand_id, o.lane, w.state AS was, w.now_state,
        coalesce(o.conversation_id, (SELECT n.conversation_id FROM hubbub.network_acts AS n WHERE n.id = o.network_act_id)) AS conversation_id
)
INSERT INTO hubbub.events (brand_id, kind, conversation_id, outbox_id, before, after, at)
SELECT brand_id, lane || '.' || now_state, conversation_id, id, jsonb_build_object('state', was),
       jsonb_build_object('state', now_state, 'code', 'restored'), $1
FROM held
"""
NOBODY_WORKS = ("DELETE FROM hubbub.programs", "DELETE FROM hubbub.claims", "DELETE FROM hubbub.presences")

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in a backup: rows of each table, and the number of its schema."""

    rows: Mapping[str, int]
    schema: int

    @property
    def total(self) -> int:
        """All rows together."""
        return sum(self.rows.values())


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that has been made and read back."""

    file: Path
    size: int
    contents: Contents
    seconds: float


@dataclass(slots=True)
class _Counter:
    """Counts the rows in pg_restore's COPY text, a piece at a time."""

    rows: dict[str, int] = field(default_factory=dict)
    schema: int = 0
    _rest: bytes = b""
    _table: str = ""

    def take(self, piece: bytes) -> None:
        lines = (self._rest + piece).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            if not self._table:
                if line.startswith(b"COPY hubbub."):
                    self._table = line.split(b" ", 2)[1].removeprefix(b"hubbub.").decode().strip('"')
                    self.rows[self._table] = 0
            elif line == b"\\.":
                self._table = ""
            else:
                self.rows[self._table] += 1
                if self._table == "migrations":
                    self.schema = max(self.schema, int(line.split(b"\t", 1)[0]))


async def backup(dsn: str, file: Path, *, replace: bool = False, say: Say = lambda _: None) -> Backup:
    """Writes everything in the database, as of one moment, into one file (0600), while programs go on working.

    The file gets its name only after it has been read back and holds as many rows of each table as the database did.
    FixMe when it is there already (unless `replace`), cannot be written, or the server is newer than every pg_dump here.
    """
    started = time.monotonic()
    place = place_of(dsn)
    _check_target(file, replace)
    half = file.with_name(f".{file.name}.{secrets.token_hex(4)}{UNFINISHED}")
    connection = await connect(dsn, application_name="hubbub backup")
    try:
        with store_errors(place):
            if not await connection.fetchval(SCHEMA_EXISTS):
                raise FixMe("there is nothing to back up: the database has no Hubbub schema", where=place)
        program = client_program("pg_dump", connection.get_server_version().major)
        _make_private(half)
        with store_errors(place):
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                snapshot = await connection.fetchval(BEGIN_SNAPSHOT)
                command = [program, "--format=custom", "--compress=gzip:1", "--schema=hubbub", "--no-owner"]
                command += ["--no-privileges", "--no-password", f"--snapshot={snapshot}", f"--file={half}"]
                say("writing the backup")
                async with surroundings(connection, dsn) as environment:
                    await run(command, environment, "the backup could not be written", file)
                rows = await _count(connection)
        say("reading it back")
        contents = await read(half)
        if contents.rows != rows:
            raise FixMe(
                f"the backup does not hold what the database does: {_difference(rows, contents.rows)}", where=place
            )
        size = await asyncio.to_thread(_put_in_place, half, file, replace)
        return Backup(file, size, contents, time.monotonic() - started)
    finally:
        half.unlink(missing_ok=True)
        await connection.close()


async def read(file: Path) -> Contents:
    """Reads a backup from its first to its last byte. FixMe when it is damaged or something else."""
    try:
        with file.open("rb") as opened:
            start = opened.read(len(MAGIC))
    except OSError as err:
        raise FixMe(f"the backup cannot be read: {(err.strerror or '').lower()}", where=str(file)) from err
    if start != MAGIC:
        raise FixMe("this is not a backup of Hubbub's", where=str(file), hint="`hubbub backup FILE` makes one")
    counter = _Counter()
    command = [client_program("pg_restore", max(VERSIONS)), "--data-only", "--file=-", str(file)]
    await run(command, {"LC_ALL": "C"}, "the backup is damaged", file, counter.take)
    if "migrations" not in counter.rows or counter.schema < 1:
        raise FixMe("this is not a backup of Hubbub's", where=str(file), hint="`hubbub backup FILE` makes one")
    return Contents(counter.rows, counter.schema)


async def restore(
    dsn: str, file: Path, *, now: datetime | None = None, replace: bool = False, say: Say = lambda _: None
) -> Contents:
    """Puts a backup into the database, all of it or nothing, and brings its schema up to this program's.

    What is there already stays in place until the new is complete and counted. FixMe when that is more than an empty schema
    (unless `replace`), when other programs are connected, or when the backup was made by a newer program.
    """
    now = now or datetime.now(UTC)
    place = place_of(dsn)
    say("reading the backup")
    contents = await read(file)
    if contents.schema > len(shipped()):
        raise FixMe(
            f"this backup was made by a newer Hubbub (schema {contents.schema}, this program knows {len(shipped())})",
            where=str(file),
            hint="upgrade the program",
        )
    connection = await connect(dsn, application_name="hubbub restore")
    try:
        with store_errors(place):
            async with only_one_migrates(connection, say):
                await _check_free(connection, place, replace)
                await _replace(connection, dsn, file, contents, now, say)
    finally:
        await connection.close()
    return contents


async def _replace(
    connection: asyncpg.Connection, dsn: str, file: Path, contents: Contents, now: datetime, say: Say
) -> None:
    async with _old_set_aside(connection):
        await _check_alone(connection, place_of(dsn))  # from now on no program gets in
        say(f"restoring {contents.total:,} rows")
        async with surroundings(connection, dsn) as environment:
            await _pour(environment, file, connection.get_server_version().major)
        rows = await _count(connection)
        if rows != contents.rows:
            raise FixMe(f"not everything arrived: {_difference(contents.rows, rows)}", where=str(file))
        await bring_forward(connection, say=say, known=shipped())
        async with connection.transaction():
            await connection.execute(MAINTENANCE)
            await connection.execute(FORGET_TRANSACTIONS)
            await connection.execute(HOLD_BACK, now)
            for statement in NOBODY_WORKS:
                await connection.execute(statement)
        await connection.execute(TIDY_EVENTS)
        await connection.execute(ANALYZE)


async def _pour(environment: Mapping[str, str], file: Path, server: int) -> None:
    """pg_restore in one transaction. From a newer Postgres into a 16 its script goes through a sieve.

    pg_restore of 17 and newer begins with a setting that a 16 does not know, and offers no way to leave it out.
    """
    what = "the backup could not be restored"
    needs = 17 if _format(file) > (1, 15) else min(VERSIONS)
    common = [client_program("pg_restore", max(server, needs)), "--exit-on-error", "--no-owner", "--no-privileges"]
    if needs <= server:
        await run([*common, "--single-transaction", "--no-password", "--dbname=", str(file)], environment, what, file)
        return
    script = [*common, "--file=-", str(file)]
    sieve = ["sed", "-e", "1,60{", "-e", "/^SET transaction_timeout = 0;$/d", "-e", "}"]
    psql = [client_program("psql", server), "--no-psqlrc", "--quiet", "--no-password", "--single-transaction"]
    await run_chain([script, sieve, [*psql, "--set=ON_ERROR_STOP=1"]], environment, what, file)


@contextlib.asynccontextmanager
async def _old_set_aside(connection: asyncpg.Connection) -> AsyncIterator[None]:
    """Keeps the schema that was there until the block is through, and brings it back when that fails.

    While it is aside, no program starts. A restore that was killed leaves it so; the next one drops the half-made schema only.
    """
    if await connection.fetchval(RESTORE_UNFINISHED):
        await connection.execute(DROP_NEW)
    else:
        await connection.execute(SET_ASIDE if await connection.fetchval(SCHEMA_EXISTS) else SET_NOTHING_ASIDE)
    try:
        yield
    except BaseException:
        if not connection.is_closed():
            async with connection.transaction():
                await connection.execute(DROP_NEW)
                empty = not await connection.fetch(TABLES, [BEFORE])
                await connection.execute(DROP_OLD if empty else BRING_BACK)
        raise
    await connection.execute(DROP_OLD)


async def _check_free(connection: asyncpg.Connection, place: str, replace: bool) -> None:
    await _check_alone(connection, place)
    if replace:
        return
    for schema, table in await connection.fetch(TABLES, [NOW, BEFORE]):
        if table != "migrations" and await connection.fetchval(HAS_ROWS.format(schema, table)):
            raise FixMe(
                "this database is not empty",
                where=place,
                hint="restore into a new one, or say --replace: everything in it will be gone",
            )


async def _check_alone(connection: asyncpg.Connection, place: str) -> None:
    others = [row[0] for row in await connection.fetch(OTHERS)]
    if others:
        raise FixMe(
            f"other programs are connected: {', '.join(sorted(set(others)))}",
            where=place,
            hint="end them first (`hubbub down`, and leave every inbox)",
        )


async def _count(connection: asyncpg.Connection) -> dict[str, int]:
    tables = await connection.fetch(TABLES, [NOW])
    return {table: await connection.fetchval(COUNT.format(schema, table)) for schema, table in tables}


def _format(file: Path) -> tuple[int, int]:
    """The version of the file's format: 1.15 up to Postgres 16, 1.16 from 17 on."""
    with file.open("rb") as opened:
        major, minor = opened.read(len(MAGIC) + 2)[len(MAGIC) :]
    return major, minor


def _difference(one: Mapping[str, int], other: Mapping[str, int]) -> str:
    names = sorted(name for name in {*one, *other} if one.get(name) != other.get(name))
    return ", ".join(f"{name} {one.get(name, 'none')} and {other.get(name, 'none')}" for name in names)


def _check_target(file: Path, replace: bool) -> None:
    if file.is_dir():
        raise FixMe("this is a folder", where=str(file), hint="name the backup's file")
    if file.exists() and not replace:
        raise FixMe("this file is there already", where=str(file), hint="choose another name, or say --replace")
    if not file.parent.is_dir():
        raise FixMe("there is no such folder", where=str(file.parent), hint="make it first")


def _make_private(half: Path) -> None:
    try:
        os.close(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as err:
        raise FixMe(
            f"the backup cannot be written here: {(err.strerror or '').lower()}",
            where=str(half.parent),
            hint="choose a folder that you may write to",
        ) from err


def _put_in_place(half: Path, file: Path, replace: bool) -> int:
    """On the disk before it has the name, and the name on the disk before we say so. The file's size in bytes."""
    with half.open("rb") as opened:
        os.fsync(opened.fileno())
        size = os.fstat(opened.fileno()).st_size
    if replace:
        half.replace(file)
    else:
        try:
            os.link(half, file)
        except FileExistsError:
            raise FixMe("this file is there already", where=str(file), hint="choose another name") from None
        except OSError:
            half.replace(file)  # a file system without links
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return size
