"""Rule files on the disk: read whole, a save taken up in under a second, a bad one told and never in force."""

import asyncio
import contextlib
import os
import subprocess
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from listener import rulefiles
from listener.model.problems import Problem
from listener.rulebook.shape import Rulebook
from listener.rulebook.track import with_track

GOOD = "topics:\n  - {key: a, kind: brand, query: acme}\n"
BETTER = "topics:\n  - {key: b, kind: brand, query: better}\n"
BAD = "topics:\n  - {key: a, kind: brnd, query: acme}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "topics.yaml").write_text(GOOD)
    return tmp_path


def topics(loaded: rulefiles.Loaded | None) -> list[str]:
    assert isinstance(loaded, Rulebook), loaded
    return [topic.key for topic in loaded.topics]


def codes(loaded: rulefiles.Loaded | None) -> list[str]:
    assert isinstance(loaded, list), loaded
    return [one.code for one in loaded]


def test_the_default_folder_is_a_good_rulebook() -> None:
    assert isinstance(rulefiles.load(rulefiles.default_folder()), Rulebook)


def test_a_folder_is_read_with_its_folders_below(folder: Path) -> None:
    (folder / "more").mkdir()
    (folder / "more" / "teams.yml").write_bytes("\ufeffteams:\r\n  - key: ops\r\n".encode())
    (folder / ".hidden.yaml").write_text("no: [")
    (folder / ".git").mkdir()
    (folder / ".git" / "x.yaml").write_text("no: [")
    (folder / "notes.txt").write_text("no: [")
    (folder / "topics.yaml~").write_text("no: [")
    assert rulefiles.read(folder) == {"topics.yaml": GOOD, "more/teams.yml": "teams:\n  - key: ops\n"}


def test_links_out_of_the_folder_are_not_followed(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    secret = tmp_path_factory.mktemp("elsewhere") / "secret.yaml"
    secret.write_text("password: x")
    (folder / "link.yaml").symlink_to(secret)
    (folder / "gone.yaml").symlink_to(folder / "nothing.yaml")
    found = rulefiles.read(folder)
    assert "link.yaml" not in found
    (folder / "gone.yaml").unlink()
    assert topics(rulefiles.load(folder)) == ["a"]


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        (b"a: \xff", (1, 4, "not-utf-8")),
        (b"a: b\n  \xc3\x28", (2, 3, "not-utf-8")),
        (b"#" * 4_000_001, (1, 1, "too-big")),
    ],
)
def test_files_that_are_no_text(folder: Path, raw: bytes, place: tuple[int, int, str]) -> None:
    (folder / "bad.yaml").write_bytes(raw)
    loaded = rulefiles.load(folder)
    assert isinstance(loaded, list)
    assert [(one.file, one.line, one.column, one.code) for one in loaded] == [("bad.yaml", *place)]


def test_no_folder_and_no_files_are_told(tmp_path: Path) -> None:
    assert codes(rulefiles.load(tmp_path)) == ["no-rules"]
    assert codes(rulefiles.load(tmp_path / "none")) == ["unreadable"]
    (tmp_path / "file").write_text("")
    assert codes(rulefiles.load(tmp_path / "file")) == ["unreadable"]


def test_files_are_prepared_before_they_are_parsed(folder: Path) -> None:
    assert topics(rulefiles.load(folder, lambda files: with_track(files, ["acme"]))) == ["acme"]


@contextlib.asynccontextmanager
async def watching(
    folder: Path, known: str = "", prepare: rulefiles.Prepare | None = None, poll_seconds: float = 0.05
) -> AsyncIterator["asyncio.Queue[rulefiles.Loaded]"]:
    told: asyncio.Queue[rulefiles.Loaded] = asyncio.Queue()

    async def follow() -> None:
        async for loaded in rulefiles.watch(folder, prepare, known=known, poll_seconds=poll_seconds):
            await told.put(loaded)

    task = asyncio.create_task(follow())
    try:
        yield told
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def following(told: "asyncio.Queue[rulefiles.Loaded]") -> rulefiles.Loaded:
    return await asyncio.wait_for(told.get(), 20)


async def test_a_save_is_taken_up_and_a_bad_one_told(folder: Path) -> None:
    async with watching(folder) as told:
        assert topics(await following(told)) == ["a"]
        (folder / "topics.yaml").write_text(BAD)
        assert codes(await following(told)) == ["unknown-value"]
        (folder / "topics.yaml").write_text(BETTER)
        assert topics(await following(told)) == ["b"]
        # As editors save: a new file put in the old one's place.
        (folder / "topics.yaml.tmp").write_text(GOOD)
        os.replace(folder / "topics.yaml.tmp", folder / "topics.yaml")
        assert topics(await following(told)) == ["a"]
        (folder / "more.yaml").write_text(BETTER)
        assert topics(await following(told)) == ["a", "b"]
        (folder / "more.yaml").unlink()
        assert topics(await following(told)) == ["a"]


async def test_what_is_in_force_already_is_no_news_but_mending_is(folder: Path) -> None:
    loaded = rulefiles.load(folder)
    assert isinstance(loaded, Rulebook)
    async with watching(folder, loaded.hash) as told:
        await asyncio.sleep(0.3)
        assert told.empty()
        (folder / "topics.yaml").write_text(BAD)
        assert codes(await following(told)) == ["unknown-value"]
        (folder / "topics.yaml").write_text(GOOD)
        assert topics(await following(told)) == ["a"]


async def test_a_folder_that_goes_and_comes_back(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    away = tmp_path_factory.mktemp("away") / "rules"
    async with watching(folder) as told:
        assert topics(await following(told)) == ["a"]
        folder.rename(away)
        found = await following(told)
        assert codes(found) == ["unreadable"]
        assert isinstance(found, list)
        assert isinstance(found[0], Problem)
        away.rename(folder)
        assert topics(await following(told)) == ["a"]


async def test_a_save_in_pieces_is_taken_up_whole(folder: Path) -> None:
    """Whatever moment the file is looked at: either the old or the new rulebook, never half of one."""
    pieces = ["topics:\n", *(f"  - {{key: k{n}, kind: brand, query: word{n}}}\n" for n in range(15))]
    seen: list[int] = []
    async with watching(folder, poll_seconds=0.3) as told:
        assert topics(await following(told)) == ["a"]
        with (folder / "topics.yaml").open("w") as file:
            for piece in pieces:
                file.write(piece)
                file.flush()
                await asyncio.sleep(0.05)
        while not seen or seen[-1] < 15:
            seen.append(len(topics(await following(told))))
    assert seen == [15], "half of a save was taken for a rulebook"


async def test_a_file_that_is_saved_again_while_it_is_read_is_read_again(folder: Path) -> None:
    saved: list[str] = []

    def saving(files: Mapping[str, str]) -> Mapping[str, str]:
        if not saved:
            saved.append(BETTER)
            (folder / "topics.yaml").write_text(BETTER + "# longer than before\n")
        return files

    async with watching(folder, prepare=saving) as told:
        assert topics(await following(told)) == ["b"]


async def test_a_save_is_taken_up_in_under_a_second(folder: Path) -> None:
    took: list[float] = []
    told: asyncio.Queue[tuple[float, rulefiles.Loaded]] = asyncio.Queue()

    async def follow() -> None:
        async for loaded in rulefiles.watch(folder):
            await told.put((time.monotonic(), loaded))

    task = asyncio.create_task(follow())
    await asyncio.wait_for(told.get(), 20)
    for text in (BETTER, GOOD, BETTER):
        saved = time.monotonic()
        (folder / "topics.yaml").write_text(text)
        at, _ = await asyncio.wait_for(told.get(), 20)
        took.append(at - saved)
    task.cancel()
    assert min(took) < 1.0, took


# Which git revision it is


def git(folder: Path, *arguments: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    who = {f"GIT_{one}_{what}": "x" for one in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    environ = {**kept, **who, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    arguments = ("git", "-c", "core.autocrlf=false", "-C", str(folder), *arguments)
    return subprocess.run(arguments, env=environ, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A folder of rules in a repository, all committed."""
    folder = tmp_path / "repository" / "rules"
    (folder / "more").mkdir(parents=True)
    (folder / "topics.yaml").write_text(GOOD)
    (folder / "more" / "teams.yaml").write_bytes("\ufeffteams:\r\n  - key: ops\r\n".encode())
    (folder / "notes.txt").write_text("no rule file")
    git(folder, "init", "-q", "..")
    git(folder, "add", "..")
    git(folder, "commit", "-q", "-m", "one")
    return folder


def revision(folder: Path) -> str:
    loaded = rulefiles.load(folder)
    assert isinstance(loaded, Rulebook), loaded
    return rulefiles.revision(folder, loaded.files)


def test_what_git_holds_is_told_by_its_revision(kept: Path) -> None:
    one = git(kept, "rev-parse", "HEAD")[:7]
    assert revision(kept) == one
    (kept / "notes.txt").write_text("other")
    (kept / "topics.yaml~").write_text("an editor's backup")
    (kept / ".#topics.yaml").write_text("an editor's lock")
    assert revision(kept) == one


@pytest.mark.parametrize("change", ["edited", "added", "ignored", "gone", "renamed", "staged"])
def test_what_git_does_not_hold_is_told_as_changes(kept: Path, change: str) -> None:
    one = git(kept, "rev-parse", "HEAD")[:7]
    match change:
        case "edited" | "staged":
            (kept / "topics.yaml").write_text(BETTER)
            if change == "staged":
                git(kept, "add", ".")
        case "added" | "ignored":
            (kept / "new.yaml").write_text("# new\n")
            if change == "ignored":
                (kept / ".gitignore").write_text("new.yaml\n")
        case "gone":
            (kept / "more" / "teams.yaml").unlink()
        case "renamed":
            (kept / "topics.yaml").rename(kept / "other.yaml")
    assert revision(kept) == f"{one}+changes"
    git(kept, "add", "-A", "-f", ".")
    git(kept, "commit", "-q", "-m", "two")
    assert revision(kept) == git(kept, "rev-parse", "HEAD")[:7] != one


def test_tracked_words_are_changes(kept: Path) -> None:
    loaded = rulefiles.load(kept, lambda files: with_track(files, ["acme"]))
    assert isinstance(loaded, Rulebook)
    assert rulefiles.revision(kept, loaded.files).endswith("+changes")


def test_the_revision_is_found_wherever_git_keeps_it(kept: Path, tmp_path: Path) -> None:
    one = git(kept, "rev-parse", "HEAD")[:7]
    git(kept, "pack-refs", "--all")
    git(kept, "gc", "-q")
    assert revision(kept) == one
    git(kept, "worktree", "add", "-q", "-b", "other", str(tmp_path / "other"))
    assert revision(tmp_path / "other" / "rules") == one
    git(kept, "checkout", "-q", "--detach")
    assert revision(kept) == one


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("HEAD", "ref: refs/heads/none"),
        ("HEAD", "ref: refs/../../../../../etc/passwd"),
        ("HEAD", "ref: /etc/passwd"),
        ("HEAD", ""),
        ("HEAD", "\0\n" * 1000),
        ("HEAD", "f" * 40 + "; rm -rf"),
    ],
)
def test_an_odd_repository_is_none(kept: Path, name: str, text: str) -> None:
    (kept.parent / ".git" / name).write_text(text)
    assert revision(kept) == ""


def test_without_a_repository_there_is_no_revision(kept: Path) -> None:
    elsewhere = kept.parent / "installed"
    elsewhere.mkdir()
    (elsewhere / "topics.yaml").write_text(GOOD)
    assert revision(elsewhere) == "", "it lies in a repository that does not keep it"
    (kept.parent / ".git").rename(kept.parent / "gone")
    (kept.parent / ".git").write_text("gitdir: nowhere\n")
    assert revision(kept) == ""


def test_without_git_the_revision_is_a_guess(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = git(kept, "rev-parse", "HEAD")[:7]
    monkeypatch.setenv("PATH", "/nowhere")
    assert revision(kept) == f"{one}?"


def test_asking_git_runs_nothing_of_the_repository(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hooks, filters and monitors of a checkout are somebody's programs."""
    trap = kept.parent / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {kept.parent}/sprung\ncat\n")
    trap.chmod(0o755)
    (kept / ".gitattributes").write_text("*.yaml filter=trap\n")
    one = git(kept, "rev-parse", "HEAD")[:7]
    for name in ("core.fsmonitor", "filter.trap.clean", "filter.trap.smudge", "core.pager", "core.sshCommand"):
        git(kept, "config", name, str(trap))
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    os.utime(kept / "topics.yaml", (1, 1))
    assert revision(kept) == one
    assert not (kept.parent / "sprung").exists()
