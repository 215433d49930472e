"""Connections: what they are set to, what their errors say, and that a password shows up nowhere."""

from __future__ import annotations

import asyncio
import contextlib
import os
import struct
import subprocess
import traceback
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from listener.errors import FixMe, HubbubError, NotReachable, TryAgain
from listener.store.connect import acquired, connect, connect_pool, place_of, redact, store_errors
from listener.store.embedded import embedded
from tests.store.embedded_programs import kill_postmaster
from tests.store.guarded_postgres import LOOPBACK, SECRET, guarded, make_certificate, tls_front

pytestmark = pytest.mark.own_schema


# -- addresses ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dsn", "shown", "place"),
    [
        (
            "postgresql://ann:pw@db.example:5433/inbox",
            "postgresql://ann@db.example:5433/inbox",
            "db.example:5433/inbox",
        ),
        ("postgres://db.example/inbox", "postgresql://db.example/inbox", "db.example/inbox"),
        ("postgresql://ann@/inbox?host=%2Frun%2Fpg", "postgresql://ann@/run/pg/inbox", "/run/pg/inbox"),
        ("postgresql://ann:pw@a:1,b:2/inbox", "postgresql://ann@a:1,b:2/inbox", "a:1,b:2/inbox"),
        ("postgresql://[::1]:5432/x?password=pw&sslmode=require", "postgresql://[::1]:5432/x", "[::1]:5432/x"),
        ("postgresql:///x?host=h&port=7&user=ann&password=pw", "postgresql://ann@h:7/x", "h:7/x"),
        ("postgresql://ann:pw@host", "postgresql://ann@host/ann", "host/ann"),
    ],
)
def test_an_address_is_shown_without_its_password(dsn: str, shown: str, place: str) -> None:
    assert redact(dsn) == shown
    assert place_of(dsn) == place


@given(password=st.text(min_size=6).filter(lambda text: len(set(text)) > 4), escaped=st.booleans())
@example(password="p@ss/w?rd#1", escaped=False)
@example(password="1@[::bad/", escaped=False)
@example(password="a b/c@d:99999", escaped=False)
@example(password="00123?", escaped=False)
@example(password="a@bcdef?c", escaped=False)
def test_no_password_gets_through_however_it_is_written(password: str, escaped: bool) -> None:
    for dsn in (
        f"postgresql://ann:{quote(password, safe='') if escaped else password}@db.example:5432/inbox",
        f"postgresql://ann@db.example:5432/inbox?password={quote(password, safe='') if escaped else password}",
    ):
        for told in (redact(dsn), place_of(dsn)):
            rest = told.replace("postgresql://ann@db.example:5432/inbox", "").replace("db.example:5432/inbox", "")
            assert password not in rest
            assert rest in ("", redact("rubbish"))


def test_an_unescaped_password_that_spills_over_is_not_quoted() -> None:
    for dsn in ("postgresql://ann:top/secret@db/inbox", "postgresql://ann:top#secret@db/inbox", "ann:topsecret@db"):
        assert redact(dsn) == place_of(dsn) == "postgresql://(an address that cannot be read)"


# -- what connections are set to ---------------------------------------------------------------------------------------


async def test_every_connection_is_set_up_alike(dsn: str) -> None:
    pool = await connect_pool(dsn, application_name="hubbub tests", min_size=2, max_size=3)
    alone = await connect(dsn, application_name="hubbub tests")
    async with pool.acquire() as one, pool.acquire() as two, pool.acquire() as three:
        for connection in (one, two, three, alone):
            assert await connection.fetchval("SHOW search_path") == "hubbub"
            assert await connection.fetchval("SHOW timezone") == "UTC"
            assert await connection.fetchval("SHOW application_name") == "hubbub tests"
            value = {"a": [1, None, "ü"], "b": {"c": 0.5}}
            assert await connection.fetchval("SELECT $1::jsonb", value) == value
            assert await connection.fetchval("SELECT $1::jsonb->>'b'", value) == '{"c": 0.5}'
            assert await connection.fetchval("SELECT NULL::jsonb") is None
    await alone.execute("CREATE TABLE public.j (v jsonb)")
    await alone.copy_records_to_table("j", records=[({"n": n},) for n in range(3)], schema_name="public")
    assert await alone.fetchval("SELECT sum((v->>'n')::int) FROM public.j") == 3
    await alone.close()
    await pool.close()


# -- passwords and TLS -------------------------------------------------------------------------------------------------


async def test_a_password_is_used_and_a_wrong_one_told_without_it(data_folder: Path) -> None:
    async with guarded(data_folder) as folder:
        place = f"{folder}/hubbub"
        right = f"postgresql://ann:{quote(SECRET, safe='')}@/hubbub?host={quote(folder, safe='')}"
        connection = await connect(right, application_name="tests")
        assert await connection.fetchval("SELECT current_user") == "ann"
        await connection.close()
        wrong = right.replace("s3cr", "s4cr")
        for attempt in (connect(wrong, application_name="tests"), connect_pool(wrong, application_name="tests")):
            with pytest.raises(FixMe, match="does not accept this user or password") as caught:
                await attempt
            assert caught.value.where == place
            assert caught.value.code == "28P01"
            assert_no_secret(caught.value, "s4cr")


def assert_no_secret(err: BaseException, secret: str) -> None:
    """Neither in words nor in any frame of ours or the driver's that a traceback with local variables would show."""
    assert secret not in str(err) + repr(err)
    shown = traceback.TracebackException.from_exception(err, capture_locals=True)
    frames = [frame for frame in shown.stack if "/tests/" not in frame.filename]
    assert frames
    for frame in frames:
        assert secret not in str(frame.locals)
    assert err.__cause__ is None
    assert err.__context__ is None


async def test_an_unreadable_address_is_told_without_it() -> None:
    for dsn in ("postgresql://ann:s4cret/x@db/inbox", "postgresql://ann:pw@db:s4cret/inbox", "s4cret"):
        with pytest.raises(FixMe, match="address cannot be read") as caught:
            await connect_pool(dsn, application_name="tests")
        assert_no_secret(caught.value, "s4cret")


async def test_tls_with_a_checked_certificate(data_folder: Path, tmp_path: Path) -> None:
    certificates = make_certificate(tmp_path / "ours.pem"), make_certificate(tmp_path / "other.pem")
    async with guarded(data_folder) as folder, tls_front(folder, certificates[0]) as port:
        dsn = f"postgresql://ann:{quote(SECRET, safe='')}@localhost:{port}/hubbub?sslmode=verify-full&sslrootcert="
        connection = await connect(dsn + str(certificates[0]), application_name="tests")
        assert await connection.fetchval("SELECT 1") == 1
        await connection.close()
        with pytest.raises(FixMe, match="certificate is not trusted") as caught:
            await connect(dsn + str(certificates[1]), application_name="tests")
        assert caught.value.where == f"localhost:{port}/hubbub"
        with pytest.raises(FixMe, match="certificate is not trusted"):
            await connect(dsn.replace("localhost", LOOPBACK) + str(certificates[0]), application_name="tests")


# -- errors --------------------------------------------------------------------------------------------------------------


async def test_nobody_there(unused_tcp_port: int) -> None:
    with pytest.raises(NotReachable, match="connection refused") as caught:
        await connect_pool(f"postgresql://ann:pw@{LOOPBACK}:{unused_tcp_port}/inbox", application_name="tests")
    assert caught.value.where == f"{LOOPBACK}:{unused_tcp_port}/inbox"
    with pytest.raises(NotReachable, match="no such file"):
        await connect("postgresql://ann@/inbox?host=%2Fnowhere", application_name="tests")


@contextlib.asynccontextmanager
async def pretender(answer: bytes) -> AsyncIterator[str]:
    """A server that answers a login with these bytes, and then says nothing."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            if (await reader.readexactly(8))[4:] == struct.pack("!i", 80877103):
                writer.write(b"N")
                await reader.readexactly(8)
            writer.write(answer)
            while await reader.read(1) not in (b"X", b""):
                pass
        writer.close()

    server = await asyncio.start_server(serve, LOOPBACK, 0)
    async with server:
        yield f"postgresql://ann:pw@{LOOPBACK}:{server.sockets[0].getsockname()[1]}/inbox"


def message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


async def test_an_old_server_is_refused() -> None:
    login = message(b"R", struct.pack("!i", 0)) + message(b"S", b"server_version\x0015.8\x00") + message(b"Z", b"I")
    async with pretender(login) as dsn:
        with pytest.raises(FixMe, match=r"this is Postgres 15; Hubbub needs 16 or newer") as caught:
            await connect(dsn, application_name="tests")
        assert caught.value.where.startswith(LOOPBACK)
        with pytest.raises(FixMe, match="needs 16 or newer"):
            await connect_pool(dsn, application_name="tests")


async def test_a_server_that_says_nothing_is_not_waited_for_for_ever() -> None:
    async with pretender(b"") as dsn:
        with pytest.raises(TryAgain, match="does not answer in time"):
            await connect(dsn, application_name="tests", timeout=0.2)


async def test_a_server_without_tls_is_told_when_tls_is_asked_for() -> None:
    async with pretender(b"") as dsn:
        with pytest.raises(FixMe, match="no encrypted connection"):
            await connect(f"{dsn}?sslmode=require", application_name="tests")


async def test_a_server_that_does_not_speak_postgres() -> None:
    async with pretender(b"HTTP/1.1 400 Bad Request\r\n\r\n") as dsn:
        with pytest.raises((HubbubError, asyncpg.ProtocolError)):
            await connect(dsn, application_name="tests", timeout=1)


@pytest.mark.parametrize(
    ("sql", "kind", "code"),
    [
        ("SET LOCAL transaction_read_only = on; CREATE TABLE x (id int)", FixMe, "25006"),
        ("SET LOCAL ROLE nobody_special; TABLE hubbub.people", FixMe, "42501"),
        ("SET LOCAL statement_timeout = '20ms'; SELECT pg_sleep(5)", TryAgain, "57014"),
        (
            "SELECT pg_terminate_backend(pg_backend_pid())",
            TryAgain,
            "08003",
        ),  # the driver drops the server's last words
        ("TABLE never_made", FixMe, "42P01"),
        ("DO $$ BEGIN RAISE SQLSTATE '40001'; END $$", TryAgain, "40001"),
        ("DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$", TryAgain, "40P01"),
        ("DO $$ BEGIN RAISE SQLSTATE '53100'; END $$", FixMe, "53100"),
        ("DO $$ BEGIN RAISE SQLSTATE '53300'; END $$", TryAgain, "53300"),
    ],
)
async def test_what_an_error_of_the_server_means(pool: asyncpg.Pool, sql: str, kind: type[Any], code: str) -> None:
    async with pool.acquire() as connection:
        with contextlib.suppress(asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
            await connection.execute("CREATE ROLE nobody_special")
    with pytest.raises(kind) as caught:
        async with acquired(pool, "db:5432/inbox") as connection, connection.transaction():
            await connection.execute(sql)
    assert caught.value.code == code
    assert caught.value.where == "db:5432/inbox"
    assert caught.value.hint
    async with acquired(pool) as connection:
        assert await connection.fetchval("SELECT 1") == 1


async def test_a_bug_of_ours_stays_a_bug(pool: asyncpg.Pool) -> None:
    with pytest.raises(asyncpg.PostgresSyntaxError):
        async with acquired(pool) as connection:
            await connection.execute("SELEKT")
    with pytest.raises(asyncpg.InterfaceError):
        async with acquired(pool) as connection:
            await connection.fetchval("SELECT $1::int", 1, 2)
    with pytest.raises(ValueError, match="not the database's"), store_errors():
        raise ValueError("not the database's")


async def test_two_that_wait_for_one_another(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection:
        await connection.execute("INSERT INTO people (login, name) VALUES ('a', 'A'), ('b', 'B')")
    both = asyncio.Barrier(2)

    async def change(first: str, second: str) -> None:
        async with acquired(pool) as connection, connection.transaction():
            await connection.execute("UPDATE people SET name = 'x' WHERE login = $1", first)
            await both.wait()
            await connection.execute("UPDATE people SET name = 'x' WHERE login = $1", second)

    results = await asyncio.gather(change("a", "b"), change("b", "a"), return_exceptions=True)
    refused = [result for result in results if result is not None]
    assert [type(err) for err in refused] == [TryAgain]


async def test_no_connection_left(dsn: str, pool: asyncpg.Pool) -> None:
    name = dsn.partition("?")[0].rpartition("/")[2]
    async with pool.acquire() as connection:
        await connection.execute("CREATE ROLE limited LOGIN CONNECTION LIMIT 0")
    try:
        with pytest.raises(TryAgain, match="no connection left") as caught:
            await connect(dsn.replace("postgres@", "limited@"), application_name="tests")
        assert caught.value.code == "53300"
    finally:
        async with pool.acquire() as connection:
            await connection.execute("DROP ROLE limited")
    with pytest.raises(FixMe, match="no such database"):
        await connect(dsn.replace(name, "never_made"), application_name="tests")


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small disk: needs root")
async def test_a_full_disk_is_told_and_loses_nothing_committed(dsn: str, pool: asyncpg.Pool, tmp_path: Path) -> None:
    """The real thing: a table on a disk of 4 MB."""
    home = Path("/dev/shm") if Path("/dev/shm").is_dir() else Path("/var/tmp")
    disk = home / f"hubbub-test-disk-{os.getpid()}"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4M", "none", str(disk)], check=False).returncode:
        disk.rmdir()
        pytest.skip("may not mount here")
    try:
        disk.chmod(0o777)
        async with pool.acquire() as connection:
            owner = Path(await connection.fetchval("SHOW data_directory")).stat()
            os.chown(disk, owner.st_uid, owner.st_gid)
            await connection.execute(f"CREATE TABLESPACE small{os.getpid()} LOCATION '{disk}'")
            await connection.execute(f"CREATE TABLE big (t text) TABLESPACE small{os.getpid()}")
            await connection.execute("INSERT INTO big SELECT 'kept' FROM generate_series(1, 100)")
        with pytest.raises(FixMe, match="disk is full") as caught:
            async with acquired(pool, "here") as connection:
                await connection.execute(
                    "INSERT INTO big SELECT repeat(n::text, 200) FROM generate_series(1, 100000) AS n"
                )
        assert caught.value.code == "53100"
        async with acquired(pool) as connection:
            assert await connection.fetchval("SELECT count(*) FROM big") == 100
            await connection.execute("DROP TABLE big")
            await connection.execute(f"DROP TABLESPACE small{os.getpid()}")
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
        disk.rmdir()


async def test_a_pool_outlives_its_server(data_folder: Path) -> None:
    async with embedded(data_folder, settings={"fsync": "off"}) as server:
        pool = await connect_pool(server.dsn(), application_name="tests", min_size=2)
        await kill_postmaster(data_folder)
        failures: list[HubbubError] = []
        for _ in range(200):
            try:
                async with acquired(pool, "here") as connection:
                    assert await connection.fetchval("SELECT 1") == 1
                if failures:
                    break
            except (TryAgain, NotReachable) as err:
                failures.append(err)
                await server.ensure_running()
        assert failures
        assert all(err.where == "here" for err in failures)
        await pool.close()
