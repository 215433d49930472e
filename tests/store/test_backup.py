"""A backup holds everything or is none; a restore is all or nothing, and what it brings back is seen, sorted and not sent again."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, urlsplit

import asyncpg
import pytest

from listener.errors import FixMe
from listener.store.backup import backup, read, restore
from listener.store.connect import connect
from listener.store.embedded import embedded
from listener.store.migrate import migrate, require_current, shipped
from listener.store.pgclient import client_program
from tests.postgres import TestServer, TestServers
from tests.store.embedded_programs import running, until
from tests.store.guarded_postgres import SECRET, guarded, make_certificate, tls_front

pytestmark = pytest.mark.own_schema

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

# Two conversations' worth of everything that a restore has to think about; $1 is when.
WORLD = """
INSERT INTO brands (key, name) VALUES ('acme', 'Acme');
INSERT INTO people (login, name) VALUES ('ann', 'Ann');
INSERT INTO accounts (brand_id, source, space, external_id, handle) VALUES (1, 'bluesky', 'bluesky', 'did:a', 'acme');
INSERT INTO authors (space, external_id, handle, first_at) VALUES ('bluesky', 'did:x', E'tab\\there \\\\ and ü \\n', now());
INSERT INTO mentions (space, external_id, source, author_id, ours, kind, root, heard_at, at)
    SELECT 'bluesky', 'at://x/' || n, 'bluesky', 1, false, 'post', 'at://x/' || n, now(), now() FROM generate_series(1, 500) AS n;
INSERT INTO mention_versions (mention_id, version, revision, content_id, text, raw, heard_at)
    SELECT id, 1, '', '', E'line one\\nCOPY hubbub.people\\n\\\\.\\n' || id, sha256(id::text::bytea), now() FROM mentions;
INSERT INTO conversations (brand_id, space, root, author_id, source, origin, state, priority, sort_key, opened_at, last_at,
                           last_mention_id, changed_at)
    VALUES (1, 'bluesky', 'at://x/1', 1, 'bluesky', 'addressed', 'new', 1, 1, now(), now(), 1, now());
INSERT INTO replies (brand_id, conversation_id, account_id, parent_id, person_id, visibility, body, fence, at)
    SELECT 1, 1, 1, 1, 1, 'public', 'answer ' || n, 1, now() FROM generate_series(1, 4) AS n;
INSERT INTO outbox (brand_id, lane, reply_id, conversation_id, account_id, key, state, not_before, queued_at, changed_at, frozen)
    VALUES (1, 'reply', 1, 1, 1, 'k1', 'queued', now(), now(), now(), NULL),
           (1, 'reply', 2, 1, 1, 'k2', 'sending', now(), now(), now(), NULL),
           (1, 'reply', 3, 1, 1, 'k3', 'sending', now(), now(), now(), '{"rkey": "3k"}'),
           (1, 'reply', 4, 1, 1, 'k4', 'seen', now(), now(), now(), '{"rkey": "3l"}');
INSERT INTO programs (name, host, pid, version, started_at, beat_at) VALUES ('listener', 'here', 1, '0', now(), now());
INSERT INTO claims (conversation_id, person_id, session, until) VALUES (1, 1, 'tty', now());
"""
EVENT = "INSERT INTO events (brand_id, kind, conversation_id) VALUES (1, $1, 1)"
BURN = """
DO $$ BEGIN
    FOR n IN 1..20000 LOOP
        BEGIN
            INSERT INTO public.burnt VALUES (n);
        EXCEPTION WHEN division_by_zero THEN NULL;
        END;
    END LOOP;
END $$
"""
FEED = "SELECT kind FROM events WHERE xid < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY xid, id"


async def fill(dsn: str, events: int = 20) -> None:
    connection = await connect(dsn, application_name="tests")
    await connection.execute(WORLD)
    for number in range(events):
        await connection.execute(EVENT, f"event {number}")
    await connection.close()


async def ask(dsn: str, sql: str, *values: object) -> list[asyncpg.Record]:
    connection = await connect(dsn, application_name="tests")
    try:
        return list(await connection.fetch(sql, *values))
    finally:
        await connection.close()


async def everything(dsn: str) -> dict[str, list[str]]:
    """Every row of every table as text, but for what a restore changes on purpose."""
    connection = await connect(dsn, application_name="tests")
    found = {}
    for (table,) in await connection.fetch(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'hubbub'::regnamespace"
    ):
        if table not in ("events", "outbox", "programs", "claims"):
            found[table] = [row[0] for row in await connection.fetch(f"SELECT t::text FROM {table} AS t ORDER BY 1")]
    found["events"] = [
        r[0] for r in await connection.fetch("SELECT id || kind FROM events WHERE kind LIKE 'event%' ORDER BY id")
    ]
    await connection.close()
    return found


async def test_a_backup_comes_back_whole(dsn: str, empty_dsn: str, tmp_path: Path) -> None:
    await fill(dsn)
    said: list[str] = []
    made = await backup(dsn, tmp_path / "today.hubbub", say=said.append)
    assert made.size == (tmp_path / "today.hubbub").stat().st_size > 1000
    assert stat.S_IMODE(made.file.stat().st_mode) == 0o600
    assert made.contents.rows["mentions"] == 500
    assert made.contents.schema == len(shipped())
    assert [path.name for path in tmp_path.iterdir()] == ["today.hubbub"]
    contents = await restore(empty_dsn, made.file, now=NOW, say=said.append)
    assert contents == made.contents
    assert await everything(empty_dsn) == await everything(dsn)
    assert said[0] == "writing the backup"
    # What is counted on goes on: identities, triggers and their functions.
    await ask(empty_dsn, "INSERT INTO people (login, name) VALUES ('bob', 'Bob')")
    await ask(empty_dsn, "UPDATE conversations SET state = 'done'")
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
        await ask(empty_dsn, "DELETE FROM events")


async def test_from_postgres_16_to_18_and_the_other_way(postgres_servers: TestServers, tmp_path: Path) -> None:
    for source, target in ((16, 18), (18, 16)):
        one, other = postgres_servers.of(source), postgres_servers.of(target)
        full, empty = one.create(), other.create("template0")
        await fill(one.dsn(full))
        made = await backup(one.dsn(full), tmp_path / f"from-{source}.hubbub")
        await restore(other.dsn(empty), made.file)
        assert await everything(other.dsn(empty)) == await everything(one.dsn(full))
        one.drop(full)
        other.drop(empty)


async def test_events_are_seen_and_stay_before_new_ones_in_a_younger_cluster(
    dsn: str, data_folder: Path, tmp_path: Path, server_version: int
) -> None:
    await ask(dsn, "CREATE TABLE public.burnt (n int)")
    await ask(dsn, BURN)
    await fill(dsn)
    old = (await ask(dsn, "SELECT min(xid) AS least FROM events"))[0]["least"]
    made = await backup(dsn, tmp_path / "old.hubbub")
    async with embedded(data_folder, version=server_version, settings={"fsync": "off"}) as younger:
        here = (await ask(younger.dsn(), "SELECT pg_current_xact_id() AS id"))[0]["id"]
        assert int(here) + 1000 < int(old), "the trap is not set"
        await restore(younger.dsn(), made.file)
        await ask(younger.dsn(), EVENT, "after the restore")
        kinds = [row["kind"] for row in await ask(younger.dsn(), FEED)]
        assert kinds[:20] == [f"event {number}" for number in range(20)]
        assert kinds[-1] == "after the restore"


async def test_what_waited_to_leave_is_not_sent_again(dsn: str, empty_dsn: str, tmp_path: Path) -> None:
    await fill(dsn)
    made = await backup(dsn, tmp_path / "old.hubbub")
    await restore(empty_dsn, made.file, now=NOW)
    rows = await ask(empty_dsn, "SELECT key, state, code, changed_at = $1 AS now FROM outbox ORDER BY id", NOW)
    assert [(row["key"], row["state"], row["code"]) for row in rows] == [
        ("k1", "stopped", "restored"),
        ("k2", "stopped", "restored"),
        ("k3", "unknown", "restored"),
        ("k4", "seen", ""),
    ]
    assert [row["now"] for row in rows] == [True, True, True, False]
    told = await ask(
        empty_dsn, "SELECT outbox_id, kind, before, after FROM events WHERE kind LIKE 'reply.%' ORDER BY 1"
    )
    assert [(row["kind"], row["before"], row["after"]["state"]) for row in told] == [
        ("reply.stopped", {"state": "queued"}, "stopped"),
        ("reply.stopped", {"state": "sending"}, "stopped"),
        ("reply.unknown", {"state": "sending"}, "unknown"),
    ]
    assert (await ask(empty_dsn, "SELECT count(*) AS n FROM (TABLE programs) AS p"))[0]["n"] == 0
    assert (await ask(empty_dsn, "SELECT count(*) AS n FROM (TABLE claims) AS c"))[0]["n"] == 0


async def test_a_database_with_rows_is_only_replaced_when_told(dsn: str, tmp_path: Path) -> None:
    await fill(dsn)
    made = await backup(dsn, tmp_path / "one.hubbub")
    await ask(dsn, "INSERT INTO people (login, name) VALUES ('later', 'Later')")
    with pytest.raises(FixMe, match="not empty") as caught:
        await restore(dsn, made.file)
    assert "--replace" in caught.value.hint
    assert len(await ask(dsn, "SELECT FROM people")) == 2
    await restore(dsn, made.file, replace=True)
    assert len(await ask(dsn, "SELECT FROM people")) == 1


async def test_a_fresh_schema_without_rows_counts_as_empty(
    dsn: str, postgres_server: TestServer, tmp_path: Path
) -> None:
    await fill(dsn)
    made = await backup(dsn, tmp_path / "one.hubbub")
    fresh = postgres_server.create()
    await restore(postgres_server.dsn(fresh), made.file)
    assert await everything(postgres_server.dsn(fresh)) == await everything(dsn)
    postgres_server.drop(fresh)


async def test_a_restore_under_connected_programs_is_refused(dsn: str, tmp_path: Path) -> None:
    await fill(dsn)
    made = await backup(dsn, tmp_path / "one.hubbub")
    inbox = await connect(dsn, application_name="hubbub inbox")
    with pytest.raises(FixMe, match="other programs are connected: hubbub inbox"):
        await restore(dsn, made.file, replace=True)
    await inbox.close()
    await require_current(inbox2 := await connect(dsn, application_name="tests"))
    await inbox2.close()


@pytest.mark.parametrize("step", ["CREATE TABLE", "CREATE TRIGGER"])
async def test_a_failing_restore_brings_back_what_was_there(dsn: str, tmp_path: Path, step: str) -> None:
    await fill(dsn)
    made = await backup(dsn, tmp_path / "one.hubbub")
    await ask(dsn, "INSERT INTO people (login, name) VALUES ('later', 'Later')")
    before = await everything(dsn)
    await ask(
        dsn,
        "CREATE FUNCTION public.no() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not today'; END $$",
    )
    await ask(dsn, f"CREATE EVENT TRIGGER no ON ddl_command_start WHEN TAG IN ('{step}') EXECUTE FUNCTION public.no()")
    with pytest.raises(FixMe, match=r"could not be restored: .*not today"):
        await restore(dsn, made.file, replace=True)
    assert await everything(dsn) == before
    await require_current(connection := await connect(dsn, application_name="tests"))
    await connection.close()


async def test_an_interrupted_restore_keeps_programs_out_until_it_is_done_again(
    dsn: str, tmp_path: Path, server_version: int
) -> None:
    await fill(dsn)
    made = await backup(dsn, tmp_path / "one.hubbub")
    # What a SIGKILL between pg_restore's commit and the end leaves: the old set aside, the new complete but not yet mended.
    connection = await connect(dsn, application_name="tests")
    await connection.execute("ALTER SCHEMA hubbub RENAME TO hubbub_before_restore")
    subprocess.run(
        [client_program("pg_restore", server_version), "--no-owner", f"--dbname={dsn}", str(made.file)],
        check=True,
        capture_output=True,
    )
    for refused in (migrate(connection), require_current(connection)):
        with pytest.raises(FixMe, match="a restore was interrupted"):
            await refused
    await connection.close()
    await restore(dsn, made.file, replace=True)
    connection = await connect(dsn, application_name="tests")
    await require_current(connection)
    assert await connection.fetchval("SELECT count(*) FROM events WHERE xid > '2'::xid8 AND kind LIKE 'event%'") == 0
    await connection.close()


async def test_a_damaged_file_is_refused_before_anything_is_touched(dsn: str, tmp_path: Path) -> None:
    await fill(dsn)
    made = await backup(dsn, tmp_path / "one.hubbub")
    whole = made.file.read_bytes()
    for name, content in {
        "cut": whole[: len(whole) * 2 // 3],
        "bent": whole[:-3000] + bytes(2000) + whole[-1000:],
        "text": b"hello",
        "empty": b"",
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(FixMe) as caught:
            await restore(dsn, tmp_path / name, replace=True)
        assert str(tmp_path / name) in str(caught.value)
    with pytest.raises(FixMe, match="no such file"):
        await restore(dsn, tmp_path / "missing", replace=True)
    assert len(await ask(dsn, "SELECT FROM mentions")) == 500


async def test_somebody_elses_dump_is_refused(empty_dsn: str, dsn: str, tmp_path: Path) -> None:
    await ask(empty_dsn, "CREATE TABLE public.other (id int)")
    dump = [client_program("pg_dump", 18), "--format=custom", f"--file={tmp_path / 'other'}", empty_dsn]
    subprocess.run(dump, check=True)
    with pytest.raises(FixMe, match="not a backup of Hubbub's"):
        await read(tmp_path / "other")


async def test_a_backup_of_a_newer_program_is_refused(dsn: str, empty_dsn: str, tmp_path: Path) -> None:
    newer = len(shipped()) + 1
    await ask(dsn, "INSERT INTO migrations (number, name, sha256, program) VALUES ($1, 'later', '', '9')", newer)
    made = await backup(dsn, tmp_path / "newer")
    with pytest.raises(FixMe, match=f"made by a newer Hubbub \\(schema {newer}"):
        await restore(empty_dsn, made.file)
    assert (await ask(empty_dsn, "SELECT to_regnamespace('hubbub') AS found"))[0]["found"] is None


async def test_a_file_that_is_there_is_kept_unless_told(dsn: str, tmp_path: Path) -> None:
    file = tmp_path / "mine"
    file.write_text("precious")
    with pytest.raises(FixMe, match="there already"):
        await backup(dsn, file)
    assert file.read_text() == "precious"
    await backup(dsn, file, replace=True)
    assert (await read(file)).schema == len(shipped())


async def test_where_nothing_can_be_written_is_told(dsn: str, empty_dsn: str, tmp_path: Path) -> None:
    with pytest.raises(FixMe, match="no such folder"):
        await backup(dsn, tmp_path / "nowhere" / "file")
    with pytest.raises(FixMe, match="this is a folder"):
        await backup(dsn, tmp_path)
    with pytest.raises(FixMe, match="cannot be written here"):
        await backup(dsn, Path("/proc/file"))
    with pytest.raises(FixMe, match="nothing to back up"):
        await backup(empty_dsn, tmp_path / "file")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small disk: needs root")
async def test_a_full_disk_leaves_no_half_backup(dsn: str, tmp_path: Path) -> None:
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(tmp_path)], check=False).returncode:
        pytest.skip("may not mount here")
    try:
        await fill(dsn)
        with pytest.raises(FixMe, match="the disk is full") as caught:
            await backup(dsn, tmp_path / "file")
        assert caught.value.code == "53100"
        assert not list(tmp_path.iterdir())
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


async def test_a_cancelled_backup_leaves_nothing(dsn: str, tmp_path: Path) -> None:
    await fill(dsn)
    going = asyncio.create_task(backup(dsn, tmp_path / "file"))
    while not list(tmp_path.iterdir()):
        await asyncio.sleep(0.001)
    going.cancel()
    with pytest.raises(asyncio.CancelledError):
        await going
    assert not list(tmp_path.iterdir())


async def test_a_server_behind_tls_and_a_password(data_folder: Path, tmp_path: Path) -> None:
    """The front takes nothing but TLS: a pg_dump that connects by itself, unencrypted, gets nowhere."""
    certificate = make_certificate(tmp_path / "server.pem")
    async with guarded(data_folder) as folder, tls_front(folder, certificate) as port:
        admin = f"postgresql://postgres@/hubbub?host={quote(folder, safe='')}"
        await ask(admin, "ALTER DATABASE hubbub OWNER TO ann")
        dsn = f"postgresql://ann:{quote(SECRET, safe='')}@localhost:{port}/hubbub?sslmode=verify-full&sslrootcert={certificate}"
        connection = await connect(dsn, application_name="tests")
        await migrate(connection)
        await connection.close()
        await fill(dsn)
        before = await everything(dsn)
        made = await backup(dsn, tmp_path / "file")
        assert made.contents.rows["mentions"] == 500
        await restore(dsn, made.file, replace=True)
        assert await everything(dsn) == before


async def test_nothing_is_sent_to_a_server_that_is_not_the_one_we_know(data_folder: Path, tmp_path: Path) -> None:
    """The first connection, ours, meets the real server; the second, for pg_dump, somebody in between."""
    ours, other = make_certificate(tmp_path / "ours.pem"), make_certificate(tmp_path / "other.pem")
    async with guarded(data_folder) as folder, tls_front(folder, ours, ours, other) as port:
        dsn = (
            f"postgresql://ann:{quote(SECRET, safe='')}@localhost:{port}/hubbub?sslmode=verify-full&sslrootcert={ours}"
        )
        await ask(f"postgresql://postgres@/hubbub?host={quote(folder, safe='')}", "ALTER DATABASE hubbub OWNER TO ann")
        connection = await connect(dsn, application_name="tests")
        await migrate(connection)
        await connection.close()
        with pytest.raises(FixMe, match="could not be written"):
            await backup(dsn, tmp_path / "file")
        assert not (tmp_path / "file").exists()


async def test_a_backup_is_of_one_moment(dsn: str, tmp_path: Path) -> None:
    """People go on working meanwhile; were the rows not of one snapshot, the count would differ and the backup be refused."""
    await fill(dsn)
    going_on = True

    async def work() -> int:
        connection = await connect(dsn, application_name="tests")
        done = 0
        while going_on:
            await connection.execute(EVENT, "event while it runs")
            done += 1
        await connection.close()
        return done

    working = asyncio.create_task(work())
    try:
        made = [await backup(dsn, tmp_path / f"{number}.hubbub") for number in range(3)]
    finally:
        going_on = False
    assert await working > 10
    counts = [each.contents.rows["events"] for each in made]
    assert counts == sorted(counts)
    assert counts[0] < counts[-1]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
async def test_the_password_is_not_in_any_list_of_processes(dsn: str, tmp_path: Path) -> None:
    await fill(dsn)
    user, _, rest = dsn.removeprefix("postgresql://").partition("@")
    holder = await connect(dsn, application_name="tests")
    async with holder.transaction():
        await holder.execute("LOCK TABLE events IN ACCESS EXCLUSIVE MODE")  # pg_dump waits, so that we can look at it
        going = asyncio.create_task(backup(f"postgresql://{user}:s3cr%40t@{rest}", tmp_path / "file"))
        await until(lambda: bool(running(str(tmp_path), "pg_dump")), what="pg_dump")
        process = Path(f"/proc/{running(str(tmp_path), 'pg_dump')[0]}")
        arguments, environment = ((process / name).read_bytes() for name in ("cmdline", "environ"))
        assert b"pg_dump" in arguments
        assert b"s3cr" not in arguments
        assert b"PGPASSWORD=s3cr@t\0" in environment
        assert f"PGDATABASE={urlsplit(dsn).path.lstrip('/')}\0".encode() in environment
        going.cancel()
        with pytest.raises(asyncio.CancelledError):
            await going
        assert not process.exists()
    await holder.close()
