"""The embedded server is shared by programs that may die at any moment, and never taken for running when it is not."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from listener.errors import FixMe
from listener.store import embedded as starting
from listener.store.embedded import embedded, server_in
from listener.store.programs import programs_for
from tests.store.embedded_programs import Program, kill_postmaster, lives, programs, running, until, value

pytestmark = pytest.mark.own_schema

CARELESS = {"fsync": "off"}
LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="uses /proc or prctl of Linux")


async def test_started_joined_and_stopped(data_folder: Path, server_version: int) -> None:
    said: list[str] = []
    async with embedded(data_folder, version=server_version, say=said.append, settings=CARELESS) as server:
        assert said == ["making a new database"]
        assert str(await value(server.dsn(), "SHOW server_version")).startswith(f"{server_version}.")
        assert await value(server.dsn(), "SHOW listen_addresses") == ""
        assert await value(server.dsn(), "SELECT getdatabaseencoding() || ' ' || datcollate FROM pg_database "
                                         "WHERE datname = 'hubbub'") == "UTF8 C"  # fmt: skip
        assert data_folder.stat().st_mode & 0o777 == 0o700
        first = server.postmaster()
        async with embedded(data_folder, version=server_version, settings=CARELESS) as again:
            assert again.postmaster() == first
        assert await value(server.dsn(), "SELECT 1") == 1
    assert not lives(data_folder)
    assert not (data_folder / "cluster" / "postmaster.pid").exists()
    started = time.perf_counter()
    async with embedded(data_folder, version=server_version, settings=CARELESS):
        print(f"start of an existing database: {1000 * (time.perf_counter() - started):.0f} ms")


async def test_two_programs_share_one_server(data_folder: Path, server_version: int) -> None:
    async with programs(data_folder, 2, version=server_version) as (one, other):
        assert await one.ready() == await other.ready()
        await one.leave()
        assert lives(data_folder)
        dsn = f"postgresql://postgres@/postgres?host={other.socket_folder}"
        assert await value(dsn, "SELECT 1") == 1
        await other.leave()
        assert not lives(data_folder)


async def test_a_killed_program_is_no_user_any_more(data_folder: Path) -> None:
    async with programs(data_folder, 2) as (one, other):
        await one.ready()
        await other.ready()
        await one.kill()
        assert lives(data_folder)
        await other.leave()
        assert not lives(data_folder)


async def test_a_server_whose_users_were_all_killed_is_taken_over(data_folder: Path) -> None:
    async with programs(data_folder, 2) as started:
        pid = await started[0].ready()
        await started[1].ready()
        for program in started:
            await program.kill()
    assert lives(data_folder)
    async with embedded(data_folder) as server:
        assert server.postmaster() == pid
    assert not lives(data_folder)


async def test_leaving_without_joining_stops_an_abandoned_server_only(data_folder: Path) -> None:
    async with programs(data_folder, 1) as (one,):
        await one.ready()
        await server_in(data_folder).leave()
        assert lives(data_folder)
        await one.kill()
        await server_in(data_folder).leave()
        assert not lives(data_folder)


async def test_of_five_programs_at_once_one_starts_the_server(data_folder: Path, server_version: int) -> None:
    async with programs(data_folder, 5, version=server_version) as started:
        assert len({await program.ready() for program in started}) == 1
        assert sum(program.said.count("making a new database") for program in started) == 1
        await asyncio.gather(*(program.leave() for program in started))
    assert not lives(data_folder)


async def test_coming_and_going_never_finds_a_stopping_server(data_folder: Path) -> None:
    """Each user has locks of its own, so users in one process exclude one another like programs do."""
    chance = random.Random(11)
    stops = 0

    async def come_and_go() -> None:
        nonlocal stops
        for _ in range(6):
            await asyncio.sleep(chance.uniform(0, 0.3))
            async with embedded(data_folder, settings=CARELESS) as server:
                assert await value(server.dsn(), "SELECT 1") == 1
                await asyncio.sleep(chance.uniform(0, 0.1))
                assert await value(server.dsn(), "SELECT 1") == 1
            stops += not lives(data_folder)

    await asyncio.gather(*(come_and_go() for _ in range(4)))
    assert not lives(data_folder)
    assert stops


async def test_a_killed_postmaster_is_started_again_by_one_of_its_users(data_folder: Path, server_version: int) -> None:
    async with programs(data_folder, 3, version=server_version) as started:
        first = {await program.ready() for program in started}
        dsn = f"postgresql://postgres@/postgres?host={started[0].socket_folder}"
        await value(dsn, "CREATE TABLE kept AS SELECT generate_series(1, 50000) AS id")
        await kill_postmaster(data_folder)
        again = set(await asyncio.gather(*(program.ensure() for program in started)))
        assert len(again) == 1
        assert again != first
        assert await value(dsn, "SELECT count(*) FROM kept") == 50000
        await asyncio.gather(*(program.leave() for program in started))
    assert not lives(data_folder)


@LINUX
async def test_a_zombie_is_not_taken_for_running(data_folder: Path, server_version: int) -> None:
    async with programs(data_folder, 1, "--adopt", version=server_version) as (parent,):
        first = await parent.ready()
        await kill_postmaster(data_folder)
        state = Path(f"/proc/{first}/stat")
        await until(lambda: state.read_text().rpartition(")")[2].split()[0] == "Z", what="the zombie")
        assert await parent.ensure() != first
        assert state.read_text().rpartition(")")[2].split()[0] == "Z"
        await parent.leave()


async def test_a_pid_that_somebody_else_has_now_is_not_taken_for_running(
    data_folder: Path, server_version: int
) -> None:
    async with embedded(data_folder, version=server_version, settings=CARELESS) as server:
        await kill_postmaster(data_folder)
        await until(lambda: not lives(data_folder), what="the end of all backends")
        user = server.programs.user
        stranger = subprocess.Popen(["sleep", "300"], user=user.uid if user else None)
        try:
            pid_file = server.cluster / "postmaster.pid"
            for stale in (pid_file, server.socket_folder / ".s.PGSQL.5432.lock"):
                old, _, rest = stale.read_text().partition("\n")
                assert old != str(stranger.pid)
                stale.write_text(f"{stranger.pid}\n{rest}")
            await server.ensure_running()
            assert server.postmaster() != stranger.pid
            assert await value(server.dsn(), "SELECT 1") == 1
            assert stranger.poll() is None
        finally:
            stranger.kill()
            stranger.wait()
    assert not lives(data_folder)


@pytest.mark.parametrize("rubbish", [b"", b"\n\n", b"\x00" * 64, b"-1", b"hello\nworld\n"])
async def test_a_torn_pid_file_is_no_obstacle(data_folder: Path, rubbish: bytes) -> None:
    async with embedded(data_folder, settings=CARELESS) as server:
        await kill_postmaster(data_folder)
        await until(lambda: not lives(data_folder), what="the end of all backends")
        (server.cluster / "postmaster.pid").write_bytes(rubbish)
        await server.ensure_running()
        assert await value(server.dsn(), "SELECT 1") == 1


async def test_the_orphans_of_a_killed_server_are_waited_for(data_folder: Path) -> None:
    said: list[str] = []
    async with embedded(data_folder, say=said.append, settings=CARELESS) as server:
        busy = subprocess.Popen(
            [
                server.programs.path("psql"),
                server.dsn(),
                "-qAtc",
                "SELECT pg_backend_pid()",
                "-c",
                "SELECT pg_sleep(300)",
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert busy.stdout is not None
        orphan = int(await asyncio.to_thread(busy.stdout.readline))
        try:
            said.clear()
            os.kill(orphan, signal.SIGSTOP)
            await kill_postmaster(data_folder)
            restart = asyncio.create_task(server.ensure_running())
            await until(lambda: bool(said), what="the message")
            assert said == ["waiting for processes of a killed database server to end"]
            assert not restart.done()
            os.kill(orphan, signal.SIGCONT)
            await asyncio.wait_for(restart, 60)
            assert await value(server.dsn(), "SELECT 1") == 1
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(orphan, signal.SIGCONT)
            busy.kill()
            busy.communicate()


async def test_a_server_that_does_not_answer_is_waited_for_with_a_message(
    data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starting, "ANSWERS_WITHIN", 1.0)
    said: list[str] = []
    async with embedded(data_folder, say=said.append, settings=CARELESS) as server:
        pid = server.postmaster()
        assert pid is not None
        said.clear()
        os.kill(pid, signal.SIGSTOP)
        try:
            check = asyncio.create_task(server.ensure_running())
            await until(lambda: bool(said), what="the message")
            assert not check.done()
        finally:
            os.kill(pid, signal.SIGCONT)
        await asyncio.wait_for(check, 30)
        assert server.postmaster() == pid


async def test_a_copied_folder_is_not_taken_for_the_original(data_folder: Path) -> None:
    async with embedded(data_folder, settings=CARELESS):
        pass
    copy = data_folder.with_name("copy")
    shutil.copytree(data_folder, copy, ignore=shutil.ignore_patterns("run", "*.lock"))
    user = programs_for(data_folder, 18).user
    if user is not None:
        for path in [copy, *copy.rglob("*")]:
            os.chown(path, user.uid, user.gid)
    async with embedded(data_folder, settings=CARELESS) as original:
        await value(original.dsn(), "CREATE TABLE only_here (id int)")
        shutil.copyfile(original.cluster / "postmaster.pid", copy / "cluster" / "postmaster.pid")
        if user is not None:
            os.chown(copy / "cluster" / "postmaster.pid", user.uid, user.gid)
        async with embedded(copy, settings=CARELESS) as other:
            assert other.postmaster() != original.postmaster()
            assert await value(other.dsn(), "SELECT to_regclass('only_here')") is None
        assert await value(original.dsn(), "SELECT to_regclass('only_here')") == "only_here"


async def test_a_terminals_interrupt_does_not_reach_the_server(data_folder: Path) -> None:
    typed_in = await Program.start(data_folder, start_new_session=True)
    async with programs(data_folder, 1) as (other,):
        pid = await typed_in.ready()
        await other.ready()
        os.killpg(typed_in.process.pid, signal.SIGINT)
        await asyncio.wait_for(typed_in.process.communicate(b""), 30)  # its output ends: nobody else holds the pipe
        assert await other.ensure() == pid
        await other.leave()
    assert not lives(data_folder)


async def test_an_interrupted_program_still_leaves(data_folder: Path) -> None:
    one = await Program.start(data_folder, 18, "--block", start_new_session=True, stderr=asyncio.subprocess.DEVNULL)
    await one.ready()
    os.killpg(one.process.pid, signal.SIGINT)
    await asyncio.wait_for(one.process.communicate(b""), 30)
    assert not lives(data_folder)


async def test_one_that_cannot_wait_for_a_recovering_server_leaves_it_to_the_next(
    data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starting, "ANSWERS_WITHIN", 1.0)
    monkeypatch.setattr(starting, "UNREADY_WITHIN", 1.0)
    said: list[str] = []
    async with embedded(data_folder, say=said.append, settings=CARELESS) as server:
        pid = server.postmaster()
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)  # for all that a program can see, it recovers
    assert said[-1] == "the database is not ready to stop; it is left to itself, the next program takes it over"
    os.kill(pid, signal.SIGCONT)
    async with embedded(data_folder, settings=CARELESS) as server:
        assert server.postmaster() == pid
    assert not lives(data_folder)


@LINUX
async def test_postgres_is_given_none_of_our_secrets_and_no_terminal(data_folder: Path) -> None:
    one = await Program.start(data_folder, environment={"HUBBUB_SECRET": "app-password-1234"})
    try:
        pid = await one.ready()
        process = Path(f"/proc/{pid}")
        assert b"app-password" not in process.joinpath("environ").read_bytes()
        assert os.getsid(pid) != os.getsid(one.process.pid)
        # Nothing that the terminal or a pipe of ours is at the other end of.
        ours = {os.readlink(link) for link in Path(f"/proc/{one.process.pid}/fd").iterdir() if int(link.name) < 3}
        theirs = {os.readlink(link) for link in process.joinpath("fd").iterdir()}
        assert not (ours - {"/dev/null"}) & theirs
        await one.leave()
    finally:
        await one.kill()


@LINUX
async def test_an_initdb_whose_program_was_killed_is_waited_for(data_folder: Path) -> None:
    one = await Program.start(data_folder)
    await until(lambda: bool(running(f"{data_folder}/cluster.new", "initdb")), what="initdb")
    await until(lambda: (data_folder / "cluster.new").exists(), what="initdb's folder")
    initdb = running(f"{data_folder}/cluster.new", "initdb")
    os.kill(initdb[0], signal.SIGSTOP)
    try:
        await one.kill()
        said: list[str] = []
        server = server_in(data_folder, say=said.append, settings=CARELESS)
        start = asyncio.create_task(server.join())
        await until(lambda: bool(said), what="the message")
        assert said == ["waiting for processes of a killed database server to end"]
        assert (data_folder / "cluster.new").exists()
    finally:
        os.kill(initdb[0], signal.SIGCONT)
    await asyncio.wait_for(start, 60)
    assert await value(server.dsn("postgres"), "SELECT 1") == 1
    await server.leave()


async def test_programs_killed_at_any_moment_of_the_start_leave_no_harm(data_folder: Path) -> None:
    chance = random.Random(1)
    for _ in range(8):
        started = [await Program.start(data_folder) for _ in range(2)]
        await asyncio.sleep(chance.uniform(0.1, 1.2))
        for program in started:
            await program.kill()
        if chance.random() < 0.5 and (data_folder / "cluster" / "postmaster.pid").exists():
            try:
                await kill_postmaster(data_folder)
            except (OSError, ValueError, IndexError):
                continue
    async with embedded(data_folder, settings=CARELESS) as server:
        assert await value(server.dsn(), "SELECT 1") == 1
    assert not lives(data_folder)


async def test_another_major_versions_folder_is_refused(data_folder: Path) -> None:
    async with embedded(data_folder, version=16, settings=CARELESS):
        pass
    with pytest.raises(FixMe, match="made by Postgres 16; this program starts Postgres 18") as caught:
        async with embedded(data_folder, version=18):
            pass
    assert caught.value.where == str(data_folder)
    assert "version 16" in caught.value.hint


async def test_an_unknown_version_is_refused(data_folder: Path) -> None:
    with pytest.raises(FixMe, match="no embedded Postgres 15") as caught:
        async with embedded(data_folder, version=15):
            pass
    assert "16 and 18" in caught.value.hint
