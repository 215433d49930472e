"""The built wheel is whole: it holds every file the programs read, and runs from an empty folder where no clone is near."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.postgres import memory

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ("listener", "inbox_tui", "pretend")

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("wheel")]


@dataclass(frozen=True, slots=True)
class Installed:
    """A wheel, and a fresh environment that has it installed instead of the clone."""

    wheel: Path
    programs: Path
    tracked: frozenset[str]

    def run(self, *command: str, seconds: float = 60.0) -> subprocess.CompletedProcess[str]:
        """Run one of its programs in an empty folder, with an empty home."""
        # Not pytest's own folder: run by root, the embedded Postgres is another user, who must be able to get there.
        with tempfile.TemporaryDirectory(prefix="hubbub-wheel-", ignore_cleanup_errors=True, dir=memory()) as home:
            Path(home).chmod(0o711)
            empty = Path(home, "empty")
            empty.mkdir()
            kept = {
                name: value for name, value in os.environ.items() if not name.startswith(("HUBBUB", "PYTHON", "XDG"))
            }
            return subprocess.run(
                [self.programs / command[0], *command[1:]],
                cwd=empty,
                env={**kept, "HOME": home, "HUBBUB_HOME": f"{home}/hubbub", "NO_COLOR": "1"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=seconds,
                check=False,
            )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """Built by the backend that is here and installed without a network; what it rests on is borrowed from this environment."""
    folder = tmp_path_factory.mktemp("wheel")
    listed = subprocess.run(
        ["git", "ls-files", "-z", *PROGRAMS, "rules"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    tracked = frozenset(name for name in listed.stdout.split("\0") if name and (ROOT / name).exists())
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, timeout=120)
    (wheel,) = folder.glob("*.whl")
    fresh = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(fresh)], check=True, timeout=60)
    python = fresh / "bin" / "python"
    site = Path(sysconfig.get_path("purelib", "venv", {"base": str(fresh), "platbase": str(fresh)}))
    if shutil.which("uv"):
        install = ["uv", "pip", "install", "--offline", "--no-deps", "--python", str(python), str(wheel)]
    else:
        subprocess.run([str(python), "-m", "ensurepip"], check=True, capture_output=True, timeout=60)
        install = [
            str(python),
            "-m",
            "pip",
            "install",
            "--no-index",
            "--no-deps",
            "--no-warn-script-location",
            str(wheel),
        ]
    subprocess.run(install, check=True, capture_output=True, timeout=120)
    # A path file, not a copy: path files inside the borrowed folder are not read, so the clone stays out of sight.
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    yield Installed(wheel, fresh / "bin", tracked)
    shutil.rmtree(fresh, ignore_errors=True)


def test_the_wheel_holds_every_file_the_programs_read(installed: Installed) -> None:
    wanted = {
        f"listener/shipped_rules/{name.removeprefix('rules/')}" if name.startswith("rules/") else name
        for name in installed.tracked
    }
    held = set(zipfile.ZipFile(installed.wheel).namelist())
    assert wanted - held == set()
    strange = {
        name
        for name in held - wanted
        if ".dist-info/" not in name and not (ROOT / name).exists() and "rules" not in name
    }
    assert strange == set()


def test_the_programs_come_from_the_wheel_not_from_the_clone(installed: Installed) -> None:
    code = "import listener, inbox_tui, pretend; print(listener.__file__, inbox_tui.__file__, pretend.__file__)"
    done = installed.run("python", "-c", code)
    assert done.returncode == 0, done.stderr
    assert all(place.startswith(str(installed.programs.parent)) for place in done.stdout.split())


def test_hubbub_says_what_it_can_do(installed: Installed) -> None:
    done = installed.run("hubbub", "--help")
    assert done.returncode == 0, done.stderr
    assert "hubbub demo" in done.stdout
    assert "\x1b" not in done.stdout


def test_the_demo_runs_from_an_empty_folder(installed: Installed) -> None:
    done = installed.run("hubbub", "demo", "--json", "--speed", "20000", seconds=170)
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout.strip().splitlines()[-1])
