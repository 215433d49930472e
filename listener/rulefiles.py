"""Rule files from the disk: which there are, reading them whole, and noticing a save. Owns every touch of the disk for rules.

A save is taken up when it has settled, whole or not at all: what cannot be read or parsed is told and never replaces what is in force.
Links that lead out of the folder are not followed; names, sizes and numbers are limited. Where the folder is kept in git, says which
revision a rulebook is, without any hook, filter or shell.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from listener.model.problems import Problem
from listener.rulebook.parse import MAX_FILE, MAX_FILES, SHIPPED_NEED, parse
from listener.rulebook.shape import Rulebook

SUFFIXES = frozenset({".yaml", ".yml", ".ics"})
POLL_SECONDS = 0.25
"""With one settled look after a change, a save is taken up in about half a second."""

GIT_SECONDS = 5.0

Prepare = Callable[[Mapping[str, str]], Mapping[str, str]]
"""What is done to the files before they are parsed: adding the tracked words."""

Loaded = Rulebook | list[Problem]


def default_folder() -> Path:
    """The shipped rules: inside the installed package, else beside it in a source tree."""
    here = Path(__file__).resolve().parent
    shipped = here / "shipped_rules"
    return shipped if shipped.is_dir() else here.parent / "rules"


def read(folder: Path) -> dict[str, str] | list[Problem]:
    """Every rule file below the folder: path (relative, with slashes) to text. Or what keeps it from being read."""
    problems: list[Problem] = []
    files: dict[str, str] = {}
    try:
        found = _paths(folder)
    except OSError as error:
        return [_unreadable(folder, error)]
    if len(found) > MAX_FILES:
        return [
            Problem(
                str(folder), 1, 1, "too-many-files", f"more than {MAX_FILES} rule files", "is this the right folder?"
            )
        ]
    for name, path in sorted(found.items()):
        try:
            with path.open("rb") as file:
                raw = file.read(4 * MAX_FILE + 1)
            if len(raw) > 4 * MAX_FILE:
                problems.append(
                    Problem(name, 1, 1, "too-big", "the file is too big", f"at most {MAX_FILE:,} characters")
                )
                continue
            files[name] = _text(raw)
        except OSError as error:
            problems.append(_unreadable(path, error, name))
        except UnicodeDecodeError as error:
            line = raw.count(b"\n", 0, error.start) + 1
            column = error.start - (raw.rfind(b"\n", 0, error.start) + 1) + 1
            problems.append(Problem(name, line, column, "not-utf-8", "this is not UTF-8 text", "save it as UTF-8"))
    if not files and not problems:
        problems.append(Problem(str(folder), 1, 1, "no-rules", "there is no rule file here", "rule files end in .yaml"))
    return problems or files


def load(folder: Path, prepare: Prepare | None = None) -> Loaded:
    """The rulebook in a folder, or every problem that keeps it from being one."""
    files = read(folder)
    if isinstance(files, list):
        return files
    return parse(with_need(files if prepare is None else prepare(files)))


_NEED = re.compile(r"""^["']?need["']?\s*:""", re.MULTILINE)


def with_need(files: Mapping[str, str]) -> Mapping[str, str]:
    """The rule files with the shipped signals of need, where none of them has any: so they are in force, published and replayed as all else."""
    if any(_NEED.search(text) for text in files.values()):
        return files
    return {**files, SHIPPED_NEED: _text((default_folder() / "need.yaml").read_bytes())}


async def watch(
    folder: Path, prepare: Prepare | None = None, *, known: str = "", poll_seconds: float = POLL_SECONDS
) -> AsyncIterator[Loaded]:
    """Each new state of the folder, for ever: a rulebook that differs from the last, or the problems that keep it from being one.

    `known` is the hash of the rulebook that is in force already. A save is waited for until two looks in a row see the same.
    """
    state = _State(known=known)
    while True:
        seen = await asyncio.to_thread(_stamp, folder)
        if seen != state.judged and seen == state.seen:
            loaded = await asyncio.to_thread(load, folder, prepare)
            # Saved again while it was read: what was read may be half of each.
            if await asyncio.to_thread(_stamp, folder) == seen:
                state.judged = seen
                if state.news(loaded):
                    yield loaded
        state.seen = seen
        await asyncio.sleep(poll_seconds)


Stamp = tuple[tuple[str, int, int, int, int], ...] | str


@dataclass(slots=True)
class _State:
    """What the watch has seen and told."""

    known: str
    seen: Stamp | None = None
    judged: Stamp | None = None
    told: list[Problem] | None = None

    def news(self, loaded: Loaded) -> bool:
        """Whether this was not told before."""
        if isinstance(loaded, list):
            fresh = loaded != self.told
            self.told = loaded
            return fresh
        # Good again after problems is news, even when it is the same rulebook.
        fresh = loaded.hash != self.known or self.told is not None
        self.known, self.told = loaded.hash, None
        return fresh


def revision(folder: Path, files: Mapping[str, str]) -> str:
    """Which git revision of the folder these files are: "abc1234" when they are exactly what it holds, "abc1234+changes" when not (also
    by words that are tracked from the command line), "abc1234?" when there is no git to compare them by; "" when git does not keep them.
    """
    try:
        commit = _commit(folder.resolve())
    except (OSError, ValueError):
        return ""
    if not commit:
        return ""
    kept = _kept(folder, commit)
    if kept is None:
        return f"{commit[:7]}?"
    if not kept:
        return ""
    own = {name: text for name, text in files.items() if name != SHIPPED_NEED}
    same = kept.keys() == own.keys() and all(kept[name] in _blobs(text, len(commit)) for name, text in own.items())
    return commit[:7] if same else f"{commit[:7]}+changes"


_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_REF = re.compile(r"refs/[^\x00-\x20~^:?*\[\\]{1,200}")


def _commit(folder: Path) -> str:
    """What HEAD of the repository around a folder points at; "" without one."""
    home = next((base / ".git" for base in (folder, *folder.parents) if (base / ".git").exists()), None)
    if home is None:
        return ""
    if home.is_file():  # of another working tree, or a submodule
        home = home.parent / home.read_text("utf-8").removeprefix("gitdir:").strip()
    head = (home / "HEAD").read_text("utf-8").strip()
    shared = home / (home / "commondir").read_text("utf-8").strip() if (home / "commondir").exists() else home
    name = head.removeprefix("ref:").strip()
    if name != head:
        head = _pointed(name, home, shared)
    return head if _COMMIT.fullmatch(head) else ""


def _pointed(name: str, home: Path, shared: Path) -> str:
    """What a branch points at; "" when there is no such branch yet."""
    if not _REF.fullmatch(name) or ".." in name:
        return ""
    for base in (home, shared):
        if (base / name).is_file():
            return (base / name).read_text("utf-8").strip()
    packed = shared / "packed-refs"
    rows = (line.split(" ") for line in packed.read_text("utf-8").splitlines()) if packed.exists() else ()
    return next((row[0] for row in rows if row[1:] == [name]), "")


def _kept(folder: Path, commit: str) -> dict[str, str] | None:
    """The rule files that a commit holds in a folder: path to the hash of the content. None: git cannot be asked."""
    git = shutil.which("git")
    if git is None:
        return None
    # Listing a tree runs no hook and no filter; nothing may be fetched for it, and nobody be asked for a password.
    arguments = [git, "-c", "protocol.allow=never", "-C", str(folder), "ls-tree", "-r", "-z", commit]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            arguments, env=environ, stdin=subprocess.DEVNULL, capture_output=True, timeout=GIT_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    rows = [row.partition("\t") for row in done.stdout.decode("utf-8", "replace").split("\0") if row]
    return {name: about.split(" ")[2] for about, _, name in rows if is_rule_file(name)}


def _blobs(text: str, digits: int) -> set[str]:
    """The names git may have for this text: as it is, with Windows line ends, with a mark of byte order."""
    made = hashlib.sha1 if digits == 40 else hashlib.sha256
    texts = [ends for one in (text, f"\ufeff{text}") for ends in (one, one.replace("\n", "\r\n"))]
    return {
        made(b"blob %d\0" % len(raw) + raw).hexdigest()
        for raw in (one.encode("utf-8", "surrogatepass") for one in texts)
    }


def is_rule_file(name: str) -> bool:
    """Whether a path within the folder, with slashes, is one of a rule file. Hidden ones and editors' backups are none."""
    *folders, last = name.split("/")
    hidden = any(one.startswith(".") for one in folders) or last.startswith((".", "#"))
    return not hidden and Path(last).suffix in SUFFIXES


def _paths(folder: Path) -> dict[str, Path]:
    """Rule files by their relative name. Hidden ones, editors' backups and links out of the folder are left out."""
    root = folder.resolve(strict=True)
    if not root.is_dir():
        raise NotADirectoryError(20, "not a folder", str(folder))
    found: dict[str, Path] = {}
    for base, folders, names in os.walk(root, onerror=_raise):
        folders[:] = [one for one in folders if not one.startswith(".")]
        for name in names:
            path = Path(base, name)
            if is_rule_file(name) and path.resolve().is_relative_to(root):
                found[path.relative_to(root).as_posix()] = path
        if len(found) > MAX_FILES:
            break
    return found


def _raise(error: OSError) -> None:
    """A folder that cannot be looked into must not look empty: whole or not at all."""
    raise error


def _stamp(folder: Path) -> Stamp:
    """What tells one state of the folder from another, cheaply. A text when it cannot be looked at."""
    try:
        stamps = []
        for name, path in sorted(_paths(folder).items()):
            info = path.stat()
            stamps.append((name, info.st_mtime_ns, info.st_ctime_ns, info.st_size, info.st_ino))
        return tuple(stamps)
    except OSError as error:
        return f"{type(error).__name__} {error.errno}"


def _text(raw: bytes) -> str:
    return raw.decode("utf-8-sig").replace("\r\n", "\n")


def _unreadable(path: Path, error: OSError, name: str = "") -> Problem:
    what = error.strerror or type(error).__name__
    hint = "does the folder still exist, and may this user read it?"
    return Problem(name or str(path), 1, 1, "unreadable", f"cannot be read: {what}", hint)
