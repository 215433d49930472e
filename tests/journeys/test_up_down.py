"""`hubbub up`, `down`, `serve`, `status` and `doctor` as people use them: on a terminal, without any key, and when something is wrong."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from listener.store.programs import scratch_folder
from pretend.network import Network
from tests.journeys.running import running, until
from tests.journeys.terminal import Terminal, end_all, until_gone
from tests.postgres import memory

HUBBUB = [sys.executable, "-m", "listener"]


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder for $HUBBUB_HOME, also where root's Postgres can reach it."""
    folder = scratch_folder("hubbub-test-up-", under=memory())
    folder.chmod(0o711)
    yield folder
    end_all(folder)  # what a failed test left behind
    shutil.rmtree(folder, ignore_errors=True)


def environment(home: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HUBBUB_")}
    return {**kept, "HUBBUB_HOME": str(home), "TERM": "xterm-256color", "NO_COLOR": "1", **more}


def pretending(network: Network) -> dict[str, str]:
    """What makes the public network this one."""
    return {"HUBBUB_JETSTREAM": network.url.replace("http", "ws", 1), "HUBBUB_APPVIEW": network.url}


def hubbub(home: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*HUBBUB, *arguments], env=environment(home, **more), capture_output=True, text=True, timeout=120, cwd=home
    )


def listeners(home: Path, **more: str) -> list[int]:
    found = json.loads(hubbub(home, "status", "--json", **more).stdout)
    return [program["pid"] for program in found["programs"]]


@pytest.mark.timeout(240)
async def test_up_needs_no_key_listens_and_is_left_and_joined_and_ended(home: Path) -> None:
    async with Network.start() as network:
        environ = environment(home, **pretending(network))
        up = Terminal([*HUBBUB, "up", "--track", "larkspur, bell flower"], environ)
        await _aside(up.until, "Listening", 90.0)
        network.stage.post("mira.test", "My new larkspur router sings like a bird")
        network.stage.post("bo.test", "nobody asked for this one")
        await _aside(up.until, "sings like")
        up.press("q")
        await _aside(up.until, "Keep listening?")
        up.press("k")
        assert await _aside(up.ended) == 0
        (pid,) = await _aside(listeners, home)
        os.kill(pid, 0)

        network.stage.post("mira.test", "A bell flower is no router")

        def listed() -> str:
            return hubbub(home, "search", "flower").stdout

        async def is_listed() -> bool:
            return "A bell flower is no router" in await _aside(listed)

        await until(is_listed, every=0.3)
        found = json.loads((await _aside(hubbub, home, "search", "larkspur OR flower OR nobody", "--json")).stdout)
        assert sorted(row["text"] for row in found["rows"]) == [
            "A bell flower is no router",
            "My new larkspur router sings like a bird",
        ]

        async def named() -> bool:
            shown = json.loads((await _aside(hubbub, home, "search", "larkspur", "--json")).stdout)
            return [row["author_handle"] for row in shown["rows"]] == ["mira.test"]

        await until(named, every=0.3)

        again = Terminal([*HUBBUB, "up"], environ)
        await _aside(again.until, f"joining the listener that runs (process {pid})")
        await _aside(again.until, "quit")
        again.press("q")
        await _aside(again.until, "Keep listening?")
        again.press("s")
        assert await _aside(again.ended) == 0
        assert await _aside(listeners, home) == []
        assert "no listener was running" in (await _aside(hubbub, home, "down")).stdout
    until_gone(home, 20)


@pytest.mark.timeout(240)
async def test_down_ends_what_up_left_and_a_second_listener_is_refused(home: Path) -> None:
    async with Network.start() as network:
        more = pretending(network)
        up = await _aside(lambda: hubbub(home, "up", "--track", "larkspur", "--json", **more))
        assert up.returncode == 0, up.stderr
        (pid,) = [json.loads(up.stdout)["listener"]]
        second = await _aside(lambda: hubbub(home, "serve", "--track", "x", **more))
        assert second.returncode == 1
        assert f"a listener already runs here (process {pid})" in second.stderr
        status = await _aside(lambda: hubbub(home, "status", **more))
        assert status.returncode == 0
        assert "bluesky/jetstream" in status.stdout
        doctor = await _aside(lambda: hubbub(home, "doctor", "--json", **more))
        checks = {check["name"]: check for check in json.loads(doctor.stdout)["checks"]}
        assert checks["listener"]["state"] == checks["database"]["state"] == checks["jetstream"]["state"] == "fine"
        down = await _aside(lambda: hubbub(home, "down", "--json"))
        assert json.loads(down.stdout) == {"stopped": [pid]}
        assert (await _aside(lambda: hubbub(home, "status"))).returncode == 1
        doctor = await _aside(lambda: hubbub(home, "doctor"))
        assert doctor.returncode == 1
        assert "-> hubbub up, or hubbub serve" in doctor.stdout
        log = (home / "log" / "listener.log").read_text()
        assert "ended: asked by SIGTERM" in log
        assert all(re.match(r"\d{4}-\d\d-\d\dT[\d:.]+Z [A-Z]+ +hubbub", line) for line in log.splitlines())
    until_gone(home, 20)


@pytest.mark.timeout(120)
async def test_a_refused_login_is_told_by_name_and_the_rest_goes_on() -> None:
    async with Network.start() as network:
        network.world.set_password(network.account, "another one")
        async with running(network) as house:
            house.environ["LARKSPUR_PASSWORD"] = "wrong-secret-4711"
            listener = house.program("listener")
            network_post = network.stage.post("mira.test", "larkspur is what I say")

            async def stored() -> bool:
                return bool(
                    await house.pool.fetchval("SELECT 1 FROM mentions WHERE external_id = $1", network_post.uri)
                )

            await until(stored, told=house.logs)

            async def refused() -> Any:
                state = await house.pool.fetchval("SELECT state::text FROM programs")
                return state and "AuthenticationRequired" in state

            await until(refused, told=house.logs)
            done = await _aside(
                lambda: subprocess.run(
                    [*HUBBUB, "doctor", "--config", str(house.folder / "hubbub.toml")],
                    env=house.environ, capture_output=True, text=True, timeout=60,
                )
            )  # fmt: skip
            assert done.returncode == 1
            assert "larkspur.test: AuthenticationRequired" in done.stdout.replace(
                "larkspur.test: larkspur.test:", "larkspur.test:"
            )
            assert "wrong-secret-4711" not in done.stdout + done.stderr + listener.tail()


def test_a_database_that_is_not_there(home: Path) -> None:
    more = {"HUBBUB_DATABASE_URL": "postgresql://me:hidden-pass@127.0.0.1:9/none"}
    for command in (["status"], ["list"], ["serve", "--track", "x"], ["doctor"]):
        done = hubbub(home, *command, **more)
        assert done.returncode == 3, f"{command}: {done.stdout} {done.stderr}"
        assert "does not answer" in done.stdout + done.stderr
        assert "hidden-pass" not in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
    done = hubbub(home, "status", "--json", **more)
    assert json.loads(done.stdout)["error"]["kind"] == "NotReachable"


def test_wrong_calls_end_with_2_and_one_readable_block(home: Path) -> None:
    (home / "bad.toml").write_text('[databse]\nurl = 1\n[[brand]]\nkey = "A B"\n')
    for arguments, told in (
        (["serve", "--track", " , "], "--track needs a word"),
        (
            ["status", "--config", "bad.toml"],
            "bad.toml:1:1: there is no setting 'databse' here [unknown] (did you mean 'database'?)",
        ),
        (["upp"], "did you mean 'up'?"),
        (["show", "x"], "invalid int value"),
        (["up"], "the inbox needs a terminal"),
        (["import", "x.csv", "--map", "text"], "is not NAME=VALUE"),
        (["search", '"open'], "query:1:1"),
    ):
        done = hubbub(home, *arguments)
        assert done.returncode == 2, f"{arguments}: {done.returncode} {done.stdout} {done.stderr}"
        assert told in done.stderr, f"{arguments}: {done.stderr}"
        assert "Traceback" not in done.stderr
    done = hubbub(home, "status")
    assert done.returncode == 1
    assert "there is no database yet" in done.stderr
    assert "hubbub up makes one" in done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_home_that_cannot_be_written(home: Path) -> None:
    home.chmod(0o555)
    done = hubbub(home / "deeper", "serve", "--track", "x")
    assert done.returncode == 1
    assert "set HUBBUB_HOME" in done.stderr


def test_help_is_quick_and_every_command_has_examples() -> None:
    began = time.monotonic()
    overview = subprocess.run([*HUBBUB, "--help"], capture_output=True, text=True, timeout=30, check=True)
    took = time.monotonic() - began
    names = re.findall(r"^  ([a-z]+) {2,}\S", overview.stdout, re.MULTILINE)
    assert {
        "demo",
        "up",
        "down",
        "serve",
        "inbox",
        "doctor",
        "list",
        "show",
        "reply",
        "status",
        "backup",
        "restore",
        "import",
    } <= set(names)
    for name in (name for name in names if name != "hubbub"):
        done = subprocess.run([*HUBBUB, name, "--help"], capture_output=True, text=True, timeout=30, check=True)
        assert "examples:" in done.stdout, name
        assert "--json" in done.stdout, name
    light = "import sys; from listener.cli import main; main(['--help']); print(sorted(m for m in sys.modules if m in HEAVY))"
    heavy = "HEAVY = {'asyncpg', 'aiohttp', 'asyncio', 'textual', 'vaderSentiment', 'ruamel.yaml'};"
    done = subprocess.run([sys.executable, "-c", heavy + light], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.splitlines()[-1] == "[]", f"help imports {done.stdout.splitlines()[-1]} (and took {took:.2f} s)"


async def _aside(act: Any, *arguments: Any) -> Any:
    """In a thread: the pretend network lives on this loop."""
    return await asyncio.to_thread(act, *arguments)
