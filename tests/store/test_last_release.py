"""A release stays usable on the next schema: the store tests of the last tagged commit are run on this commit's migrations.

That is what makes an upgrade safe to do while an older inbox is still open, and safe to take back.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.postgres import ENVIRONMENT, MIGRATIONS

pytestmark = pytest.mark.own_schema

REPO = Path(__file__).parents[2]
FOLDER = Path("listener") / "store" / "migrations"
NOT_NAMED_BY_A_COMMIT = re.compile(r"PYTEST_.*|PYTHONPATH|COV_.*")


def git(*arguments: str) -> bytes | None:
    """What git says; None where this is not a git checkout, or git has nothing to say."""
    try:
        return subprocess.run(["git", *arguments], cwd=REPO, check=True, capture_output=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None


def unpack(commit: str, into: Path) -> Path:
    """The tree of a commit, in a folder of its own."""
    packed = git("archive", commit)
    assert packed is not None
    with tarfile.open(fileobj=io.BytesIO(packed)) as tree:
        tree.extractall(into, filter="data")
    return into


def migrations(tree: Path) -> list[str]:
    return sorted(path.name for path in (tree / FOLDER).glob("*.sql"))


def run_store_tests(tree: Path, newer: Path, *select: str) -> subprocess.CompletedProcess[str]:
    """That tree's own store tests, by its own code, on databases that the `newer` migrations have made."""
    environment = {k: v for k, v in os.environ.items() if not NOT_NAMED_BY_A_COMMIT.fullmatch(k) and k != ENVIRONMENT}
    environment |= {MIGRATIONS: str(newer), "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-m", "not own_schema"]
    command += ["--postgres", "18", *(select or ["tests/store"])]
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, timeout=600)


@pytest.mark.timeout(660)
def test_the_last_releases_store_tests_pass_on_this_schema(tmp_path: Path) -> None:
    here = migrations(REPO)
    if len(here) < 2:
        pytest.skip("there is only one migration: no release can have an older schema")
    tag = git("describe", "--tags", "--abbrev=0", "--match", "v*")
    if tag is None:
        pytest.skip("no release is tagged here (v*), or this is not a git checkout with its tags")
    tree = unpack(tag.decode().strip(), tmp_path / "release")
    if migrations(tree) == here:
        pytest.skip(f"the schema has not changed since {tag.decode().strip()}")
    done = run_store_tests(tree, REPO / FOLDER)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("change", "passes"),
    [
        ("ALTER TABLE people ADD COLUMN pronouns text NOT NULL DEFAULT ''", True),
        ("ALTER TABLE people RENAME COLUMN name TO label", False),
    ],
    ids=["a new column", "a renamed column"],
)
def test_a_migration_that_a_release_cannot_live_with_is_caught(tmp_path: Path, change: str, passes: bool) -> None:
    """The same way, with this commit in the part of the release."""
    if git("rev-parse", "HEAD") is None:
        pytest.skip("this is not a git checkout")
    tree = unpack("HEAD", tmp_path / "release")
    newer = tmp_path / "newer"
    shutil.copytree(tree / FOLDER, newer)
    (newer / f"{len(migrations(tree)) + 1:04}_tomorrow.sql").write_text(f"{change};\n")
    done = run_store_tests(tree, newer, "tests/store/test_fixtures.py", "-k", "migrated_and_empty")
    assert (done.returncode == 0) == passes, done.stdout + done.stderr
    assert "2 passed" in done.stdout if passes else 'column "name"' in done.stdout
