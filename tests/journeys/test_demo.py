"""`hubbub demo` as a newcomer and as an impatient one: it comes out right by itself, and leaves nothing behind however it ends."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from listener.store.programs import scratch_folder
from tests.journeys.terminal import Terminal, end_all, processes_of, until_gone
from tests.postgres import memory

DEMO = [sys.executable, "-m", "listener", "demo", "--no-screen"]


@pytest.fixture
def empty() -> Iterator[Path]:
    """An empty folder to stand in, with an empty home in it."""
    folder = scratch_folder("hubbub-test-demo-", under=memory())
    folder.chmod(0o711)
    yield folder
    end_all(folder)  # what a failed test left behind
    shutil.rmtree(folder, ignore_errors=True)


def environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HUBBUB_")}
    return {**kept, "HUBBUB_HOME": str(folder / "home"), "HOME": str(folder)}


@pytest.mark.timeout(240)
def test_the_day_comes_out_right_and_leaves_nothing(empty: Path) -> None:
    done = subprocess.run(
        [*DEMO, "--json", "--speed", "10000"],
        cwd=empty,
        env=environment(empty),
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    (line,) = done.stdout.splitlines()
    found = json.loads(line)
    assert found["fine"]
    assert found["missing"] == found["differing"] == 0
    assert found["mentions"] > 100
    assert found["flagged"] > 50
    assert found["rules"]["outage"] > 10
    assert found["edits"] > 0
    assert found["deleted"] > 0
    assert found["replies"]["seen"] > 0
    assert found["each_reply_once"]
    assert found["latency_ms"]["n"] > 50
    assert done.stderr == "", "--json says nothing beside"
    until_gone(empty, 10)
    assert not (empty / "home" / "demo").exists()
    assert sorted(path.name for path in empty.iterdir()) == ["home"]


@pytest.mark.timeout(240)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_ctrl_c_at_any_time_leaves_no_process_behind(empty: Path, seed: int) -> None:
    wait = random.Random(seed).uniform(0.1, 5.0)
    print(f"seed {seed}: Ctrl-C after {wait:.1f} s")
    demo = subprocess.Popen(
        DEMO,
        cwd=empty,
        env=environment(empty),
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    with contextlib.suppress(subprocess.TimeoutExpired):
        demo.wait(wait)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(demo.pid, signal.SIGINT)
    _, said = demo.communicate(timeout=90)
    assert demo.returncode in (0, 130), said.decode()
    assert b"Traceback" not in said, said.decode()
    until_gone(empty, 10)


@pytest.mark.timeout(240)
def test_a_killed_demo_takes_its_children_along(empty: Path) -> None:
    demo = subprocess.Popen(DEMO, cwd=empty, env=environment(empty), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert demo.stderr is not None
    for line in demo.stderr:
        if b"playing the day" in line:
            break
    assert len(processes_of(empty)) > 3
    demo.kill()
    demo.wait()
    demo.stderr.close()
    until_gone(empty, 60)


@pytest.mark.timeout(240)
def test_on_a_terminal_it_is_the_inbox_and_leaving_it_ends_everything(empty: Path) -> None:
    with Terminal([*DEMO[:-1], "--speed", "2000"], {**environment(empty), "TERM": "xterm-256color"}) as demo:
        demo.until("playing on the pretend network", 90.0)
        demo.until("Larkspur", 60.0)
        demo.until("Orbit", 60.0)
        demo.press("q")
        assert demo.ended() == 0
    until_gone(empty, 15)
