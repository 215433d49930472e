"""Rule files as they were: at a revision of git, or as they were published. Owns every call of git; no shell, nothing is checked out.

What git knows is read with `git show`; names and sizes are held to the same limits as files on the disk.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from listener.cli import wrong_usage
from listener.cli.rules.folder import as_tracked

if TYPE_CHECKING:
    from listener.store.connect import Pool

_HASH = re.compile(r"[0-9a-f]{8,64}")


async def files_named(pool: Pool, name: str, folder: Path) -> Mapping[str, str]:
    """The rule files by the hash under which they were published (8 characters are enough), else as of a revision of git of their folder."""
    from listener.store import rulebooks

    if _HASH.fullmatch(name):
        known = [one.hash for one in await rulebooks.published(pool, 10_000) if one.hash.startswith(name)]
        if len(known) > 1:
            raise wrong_usage(f"{len(known)} published rulebooks begin with {name}", "write more of the hash")
        if known and (files := await rulebooks.files_of(pool, known[0])) is not None:
            return files
    return (await as_tracked(pool))(await files_at(name, folder))


async def files_at(revision: str, folder: Path) -> Mapping[str, str]:
    """The rule files of a folder as of a revision of git. FixMe: there is no such revision, or no rule file in it."""
    from listener.rulebook.parse import MAX_FILE, MAX_FILES
    from listener.rulefiles import is_rule_file

    if revision.startswith("-"):
        raise wrong_usage(f"{revision!r} is no revision", "name a commit, a branch or a tag")
    commit = await git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if commit is None:
        what = f"there is neither a published rulebook nor a revision {revision!r}"
        raise wrong_usage(what, "git log shows revisions; hubbub status the rulebook in force", str(folder))
    commit = commit.strip()
    listed = await git(folder, "ls-tree", "-r", "-z", commit, "--", ".") or ""
    files: dict[str, str] = {}
    for entry in filter(None, listed.split("\0")):
        about, _, name = entry.partition("\t")
        if about.startswith("100") and is_rule_file(name):  # a file, and no link
            if len(files) == MAX_FILES:
                raise wrong_usage(
                    f"more than {MAX_FILES} rule files at {revision}", "is this the right folder?", str(folder)
                )
            text = await git(folder, "show", f"{commit}:./{name}")
            if text is None or len(text) > MAX_FILE:
                raise wrong_usage(
                    f"{name} cannot be read at {revision}", f"at most {MAX_FILE:,} characters", str(folder)
                )
            files[name] = text.removeprefix("\ufeff").replace("\r\n", "\n")
    if not files:
        raise wrong_usage(f"there is no rule file at {revision}", "is this the right folder?", str(folder))
    return files


async def git(folder: Path, *arguments: str) -> str | None:
    """What git prints about a folder; None: it refuses. FixMe: there is no git."""
    # Nothing may be fetched for it, and no other working tree be meant than the folder's own.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        process = await asyncio.create_subprocess_exec(
            "git", "-c", "protocol.allow=never", "-C", str(folder), *arguments, env=environ,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
    except FileNotFoundError:
        raise wrong_usage("git is not installed", "install it, or name a published hash") from None
    out, _ = await process.communicate()
    try:
        return out.decode() if process.returncode == 0 else None
    except UnicodeDecodeError:
        return None
