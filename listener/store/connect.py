"""Connections to Postgres: how they are opened, what they are set to, and what their errors mean for a person.

Owns the translation of the driver's errors into ours. Refuses servers older than 16, and refuses to let a password into an
error, a log or a traceback: errors name the place as host:port/database.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from typing import Any, ParamSpec, TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg
import msgspec

from listener.errors import FixMe, HubbubError, NotReachable, TryAgain

OLDEST = 16
TRIES = 5
"""How often a transaction is begun that the database undoes to break a ring of waiters."""
UNREADABLE = "postgresql://(an address that cannot be read)"
# Every statement here reaches its rows by keys. A new house has no statistics, and a program keeps the plans that it made while the
# tables were empty; left to guess, Postgres would then read whole tables, fifty times a page.
SETTINGS = {"search_path": "hubbub", "timezone": "UTC", "enable_seqscan": "off"}

P = ParamSpec("P")
Answer = TypeVar("Answer")

Connection = asyncpg.Connection
Pool = asyncpg.Pool
"""Both are handed around outside of the store, where nobody may name the driver."""


def redact(dsn: str) -> str:
    """The address without its password, for people to read. Anything that could hide one is left out."""
    found = _parts(dsn)
    if found is None:
        return UNREADABLE
    user, place = found
    return f"postgresql://{user}@{place}" if user else f"postgresql://{place}"


def place_of(dsn: str) -> str:
    """Where a database is, as host:port/database or socket-folder/database, for the `where` of an error."""
    found = _parts(dsn)
    return found[1] if found else UNREADABLE


async def connect(dsn: str, *, application_name: str, timeout: float = 30.0) -> asyncpg.Connection:
    """One connection of its own, set up like those of the pool: for LISTEN, for locks that outlive a statement, for migrating."""
    place = place_of(dsn)
    try:
        connection = await asyncpg.connect(
            dsn, timeout=timeout, server_settings={**SETTINGS, "application_name": application_name}
        )
        await _set_up(connection)
        return connection
    except Exception as err:
        problem = translated(err, place) or err
    # Raised outside of the `except` and without the address: frames that a traceback may print hold no password.
    dsn = ""
    raise problem


async def connect_pool(
    dsn: str,
    *,
    application_name: str,
    min_size: int = 1,
    max_size: int = 8,
    command_timeout: float | None = 60.0,
    statement_cache_size: int = 200,
    timeout: float = 30.0,
    reading: bool = False,
) -> asyncpg.Pool:
    """A pool of connections with search_path=hubbub, UTC, and jsonb as Python values. `reading`: Postgres refuses every change.

    `timeout` seconds to connect, `command_timeout` for a statement (None: for ever). TLS and SCRAM as the address asks for
    (sslmode, sslrootcert, ...). Raises NotReachable, TryAgain or FixMe.
    """
    place = place_of(dsn)
    only = {"default_transaction_read_only": "on"} if reading else {}
    try:
        return await asyncpg.create_pool(
            dsn,
            min_size=min_size,
            max_size=max_size,
            command_timeout=command_timeout,
            statement_cache_size=statement_cache_size,
            timeout=timeout,
            init=_set_up,
            server_settings={**SETTINGS, **only, "application_name": application_name},
        )
    except Exception as err:
        problem = translated(err, place) or err
    dsn = ""
    raise problem


@contextlib.contextmanager
def store_errors(where: str = "the database") -> Iterator[None]:
    """Turns the driver's errors that people or a repetition can mend into ours. All others are bugs and pass unchanged."""
    try:
        yield
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as err:
        problem = translated(err, where)
        if problem is None:
            raise
        raise problem from err


@contextlib.asynccontextmanager
async def acquired(pool: asyncpg.Pool, where: str = "the database") -> AsyncIterator[asyncpg.Connection]:
    """A connection of the pool for the length of the block, with the driver's errors translated."""
    with store_errors(where):
        async with pool.acquire() as connection:
            yield connection


def repeated(work: Callable[P, Awaitable[Answer]]) -> Callable[P, Coroutine[Any, Any, Answer]]:
    """For a function that is one transaction: done again at once where the database undid it, because two had waited for each other.

    Rows are locked in the order of their ids, but what is heard in several rounds, or taken from an author, cannot always keep to it.
    """

    @functools.wraps(work)
    async def again(*args: P.args, **options: P.kwargs) -> Answer:
        for left in reversed(range(TRIES)):
            try:
                return await work(*args, **options)
            except TryAgain as busy:
                if busy.after != 0 or not left:
                    raise
        raise AssertionError("unreachable")

    return again


# Postgres' code or class of codes -> what to do next, what happened, what helps.
_TOLD: dict[str, tuple[type[HubbubError], str, str]] = {
    "28": (
        FixMe,
        "the database does not accept this user or password",
        "check user and password of the database's address",
    ),
    "3D": (FixMe, "there is no such database", "create it (createdb), or check the name at the end of the address"),
    "53100": (FixMe, "the database's disk is full", "free some space; nothing that was committed is lost"),
    "53200": (TryAgain, "the database is out of memory", "it may pass; otherwise give the server more memory"),
    "53300": (TryAgain, "the database has no connection left", "close other programs, or raise max_connections"),
    "25006": (FixMe, "this database is read-only", "a standby? give the address of the primary server"),
    "57P01": (TryAgain, "the database server is being shut down", "it goes on when the server is back"),
    "57P02": (TryAgain, "the database server crashed and restarts", "it goes on when the server is back"),
    "57P03": (TryAgain, "the database server is starting or recovering", "it goes on when the server is ready"),
    "57P05": (TryAgain, "the database server closed an idle connection", "it reconnects by itself"),
    "57014": (TryAgain, "a statement took too long and was stopped", "the database may be busy"),
    "40": (TryAgain, "two programs changed the same rows at once", "it is repeated"),
    "55P03": (TryAgain, "another program holds these rows", "it is repeated"),
    "08": (TryAgain, "the connection to the database broke", "it goes on when the server is back"),
    "42501": (
        FixMe,
        "this database user may not do that",
        "use a login with the right role, or the owner for migrating",
    ),
    "3F": (FixMe, "the database has no Hubbub schema yet", "run `hubbub doctor`, or any program that migrates"),
    "42P01": (FixMe, "the database lacks a table that this program needs", "run the migrations with this version"),
    "58": (FixMe, "the database server cannot read or write its files", "look into the server's log and at its disk"),
    "XX001": (FixMe, "the database's files are damaged", "stop and restore a backup"),
    "XX002": (FixMe, "an index of the database is damaged", "REINDEX it, and check the disk"),
}


def translated(err: BaseException, where: str) -> HubbubError | None:
    """Our error for one of the driver's or the system's; None when it is a bug of ours and must be loud."""
    if isinstance(err, HubbubError):
        if not err.where:
            err.where = where
        return err
    if isinstance(err, asyncpg.PostgresError):
        return _translated_state(err, where)
    if isinstance(err, asyncpg.ClientConfigurationError) or type(err) is ValueError:
        # Its words quote parts of the address, and the password may be one of them.
        return FixMe(
            "the database's address cannot be read",
            where=where,
            hint="postgresql://user:password@host:port/database, special characters of the password percent-encoded",
        )
    if isinstance(err, asyncpg.InternalClientError):
        # The driver lost its thread: seen when the server is killed between two messages of one statement.
        return TryAgain("the connection to the database broke", where=where, hint="it goes on when the server is back")
    if isinstance(err, asyncpg.InterfaceError):
        # A broken connection shows first in the statement, then again in the ROLLBACK after it, which hides the cause.
        cause = err.__context__
        if isinstance(cause, asyncpg.PostgresError | OSError) and (told := translated(cause, where)) is not None:
            return told
        text = str(err)
        # "switch to state": the server's last words came while the driver was idle, and it waits for more of them.
        if "clos" in text or "switch to state" in text or "released" in text:
            return TryAgain("the connection to the database is closed", where=where, hint="it reconnects by itself")
        return None
    if isinstance(err, TimeoutError):
        return TryAgain("the database does not answer in time", where=where, hint="is it busy, or the network down?")
    if isinstance(err, ConnectionResetError | BrokenPipeError | ConnectionAbortedError):
        return TryAgain("the connection to the database broke", where=where, hint="it goes on when the server is back")
    if isinstance(err, ssl.SSLCertVerificationError):
        return FixMe(
            f"the database's certificate is not trusted: {err.verify_message}",
            where=where,
            hint="give its authority with sslrootcert=FILE, and the name that the certificate is for as the host",
        )
    if isinstance(err, OSError) and "SSL" in str(err):
        return FixMe(
            "no encrypted connection could be made with the database",
            where=where,
            hint="does the server offer TLS? sslmode in the address says how much of it is asked for",
        )
    if isinstance(err, OSError):
        return NotReachable(
            f"the database does not answer: {_reason(err)}",
            where=where,
            hint="is the server running, and the address right?",
        )
    return None


def _translated_state(err: asyncpg.PostgresError, where: str) -> HubbubError | None:
    code = err.sqlstate or ""
    told = _TOLD.get(code) or _TOLD.get(code[:2])
    if told is None:
        return None
    kind, what, hint = told
    if code.startswith("40"):
        return TryAgain(what, after=0, where=where, hint=hint, code=code)
    return kind(what, where=where, hint=hint, code=code)


def _reason(err: OSError) -> str:
    """The system's words only: asyncpg's own text repeats the address."""
    if err.errno is not None and err.errno > 0:
        return os.strerror(err.errno).lower()
    return "connection refused" if isinstance(err, ConnectionError) else "no route or no such host"


def _parts(dsn: str) -> tuple[str, str] | None:
    """User and place of an address; None when it cannot be told apart from a password."""
    try:
        url = urlsplit(dsn)
        if url.scheme not in ("postgres", "postgresql"):
            return None
        query = parse_qs(url.query)
        if "@" in url.path + url.query or url.fragment or url.netloc.count("@") > 1:
            return None  # an unescaped password has spilled over
        login, _, hosts = url.netloc.rpartition("@")
        hosts = hosts or ",".join(query.get("host", []))
        if not all(re.fullmatch(r"(\[[\w:.%]*\]|[\w./ \-]*)(:\d*)?", host) for host in unquote(hosts).split(",")):
            return None
        if "port" in query and not url.netloc.rpartition("@")[2] and not hosts.startswith("/"):
            hosts += ":" + re.sub(r"[^\d,]", "", ",".join(query["port"]))
        user = unquote(login.partition(":")[0]) or "".join(query.get("user", [])[:1])
        database = unquote(url.path.lstrip("/")) or "".join((query.get("database") or query.get("dbname") or [])[:1])
    except ValueError:
        return None
    return user, f"{hosts or 'localhost'}/{database or user}"


async def _set_up(connection: asyncpg.Connection) -> None:
    version = connection.get_server_version()
    if version.major < OLDEST:
        connection.terminate()
        raise FixMe(
            f"this is Postgres {version.major}; Hubbub needs {OLDEST} or newer",
            hint="upgrade the server, or leave the address out and use the embedded one",
        )
    await connection.set_type_codec(
        "jsonb", encoder=_encode_jsonb, decoder=_decode_jsonb, schema="pg_catalog", format="binary"
    )


def _encode_jsonb(value: Any) -> bytes:
    return b"\x01" + msgspec.json.encode(value)


def _decode_jsonb(wire: bytes) -> Any:
    return msgspec.json.decode(memoryview(wire)[1:])
