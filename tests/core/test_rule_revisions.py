"""Rule files as git knows them: any revision, from anywhere below the working tree, and nothing but rule files."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from listener.cli.rules.revision import files_at
from listener.errors import FixMe

_SURROUNDINGS = {
    "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@x.example",
    "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@x.example",
}  # fmt: skip


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments],
        check=True, capture_output=True, text=True, env={**os.environ, **_SURROUNDINGS},
    )  # fmt: skip
    return done.stdout


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """Two commits of a folder of rules in a repository of other things."""
    git(tmp_path, "init", "-q", "-b", "main")
    folder = tmp_path / "brand" / "rules"
    (folder / "more").mkdir(parents=True)
    (tmp_path / "other.yaml").write_text("elsewhere: yes\n")
    (folder / "a.yaml").write_bytes(b"\xef\xbb\xbfrules: []\r\n")
    (folder / "more" / "b.yml").write_text("# é\n", "utf-8")
    (folder / ".hidden.yaml").write_text("x")
    (folder / "notes.txt").write_text("x")
    (folder / "link.yaml").symlink_to("/etc/passwd")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "one")
    git(tmp_path, "tag", "first")
    (folder / "a.yaml").write_text("rules: [2]\n")
    git(tmp_path, "commit", "-qam", "two")
    return folder


async def test_a_revision_gives_the_rule_files_as_they_were(rules: Path) -> None:
    assert await files_at("first", rules) == {"a.yaml": "rules: []\n", "more/b.yml": "# é\n"}
    assert (await files_at("HEAD", rules))["a.yaml"] == "rules: [2]\n"
    assert await files_at("HEAD~1", rules) == await files_at("first", rules)


@pytest.mark.parametrize("name", ["nothing", "--output=/tmp/x", "-h", "HEAD; touch x", "$(touch x)", "HEAD:brand", ""])
async def test_what_is_no_revision_is_told_and_does_nothing(rules: Path, name: str) -> None:
    with pytest.raises(FixMe) as caught:
        await files_at(name, rules)
    assert caught.value.code == "usage"
    assert not (rules / "x").exists()
    assert not Path("x").exists()


async def test_a_folder_that_git_does_not_know_is_told(tmp_path: Path) -> None:
    with pytest.raises(FixMe, match="revision"):
        await files_at("HEAD", tmp_path)
