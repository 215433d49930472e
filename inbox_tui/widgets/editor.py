"""The writer's own editor on a text: `$VISUAL`, else `$EDITOR`. Owns the hand-over of the terminal, and a private file that is gone afterwards.

While the editor has the terminal the app draws nothing, but goes on: claims are renewed and changes are heard. What cannot be taken back
(not text, too much, an editor that ended badly after it had saved) stays in its file, and the refusal says where. Refuses to choose an
editor for anybody.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import signal
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from textual.app import App, SuspendNotSupported

from inbox_tui.disk import read_bytes
from inbox_tui.view.lines import say, typed
from listener.errors import Refused

LARGEST = 1_000_000
"""Bytes that are taken back."""

AT_ONCE = 2.0
"""Seconds in which nobody writes anything: an editor that ends within them went on in a window of its own, or was left as soon as it came."""


def command(environ: Mapping[str, str]) -> list[str]:
    """The editor with its arguments, as the writer's environment says. Raises `Refused` where it says none, or one that is not there."""
    name = next((name for name in ("VISUAL", "EDITOR") if environ.get(name, "").strip()), "")
    if not name:
        raise Refused("no editor is chosen: set EDITOR, say to nano, and open the inbox again")
    try:
        words = shlex.split(environ[name])
    except ValueError:
        words = []
    if not words:
        raise Refused(f"${name} is no command: {say(environ[name])}")
    found = shutil.which(words[0], path=environ.get("PATH"))
    if found is None:
        raise Refused(f"there is no program “{say(words[0])}”, which ${name} names")
    return [found, *words[1:]]


async def edit(app: App[Any], text: str) -> str | None:
    """What the editor made of the text, harmless; None: it changed nothing. Raises `Refused`: why the text is as it was."""
    words = command(os.environ)
    begun = (text if text.endswith("\n") or not text else f"{text}\n").encode("utf-8", "replace")
    file = _file(begun)
    keep = False
    clock = asyncio.get_running_loop().time
    since = clock()
    try:
        code = await _run(app, [*words, str(file)])
        left = _left(file)
        keep = left not in (None, begun)
        if code:
            how = f"ended with {code}" if code > 0 else f"was ended by signal {-code}"
            raise Refused(f"the editor {how}, the text is as it was{_kept(file, keep)}")
        if left is None:
            raise Refused("the editor left no file: the text is as it was")
        if len(left) > LARGEST:
            raise Refused(f"the editor left more than {LARGEST // 1_000_000} MB{_kept(file, keep)}")
        try:
            made = typed(left.decode("utf-8-sig"))
        except UnicodeDecodeError:
            raise Refused(f"what the editor left is not text in UTF-8{_kept(file, keep)}") from None
        keep = False
        if left != begun:
            return made.rstrip("\n")
        if clock() - since < AT_ONCE:
            raise Refused(
                "the editor ended at once, the text is as it was; if it has a window, let it wait: EDITOR='code --wait'"
            )
        return None
    finally:
        if not keep:
            shutil.rmtree(file.parent, ignore_errors=True)


def _kept(file: Path, keep: bool) -> str:
    return f"; what it saved is kept in {file}" if keep else ""


def _file(begun: bytes) -> Path:
    """A new file in a folder of its own, where an editor's copies end up too; both for nobody else."""
    file = Path(tempfile.mkdtemp(prefix="hubbub-")) / "draft.txt"
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as to:
        to.write(begun)
    return file


def _left(file: Path) -> bytes | None:
    """What lies there now, a little more than the largest at most; None: nothing. Many editors put another file in its place;
    what is no file is nothing."""
    try:
        return read_bytes(file, LARGEST)
    except OSError:
        return None


async def _run(app: App[Any], words: Sequence[str]) -> int:
    """The editor on the terminal until it ends; its exit code."""
    try:
        with app.batch_update(), app.suspend(), _keys_for_the_editor():
            # Nothing is drawn meanwhile: the terminal is not ours, and whoever writes to it then is held up for ever.
            # Standard error is the terminal, wherever standard output goes: the app itself draws there.
            child = await asyncio.create_subprocess_exec(*words, stdout=2)
            return await child.wait()
    except SuspendNotSupported:
        raise Refused("this terminal cannot be handed to an editor") from None
    except OSError as err:
        raise Refused(f"the editor does not start: {err.strerror}") from None
    finally:
        app.refresh(layout=True)


@contextmanager
def _keys_for_the_editor() -> Iterator[None]:
    """^C and ^\\ are meant for the editor, though the terminal tells everybody. (A handler, not SIG_IGN: that one the editor would inherit.)"""
    before = {one: signal.signal(one, lambda *_: None) for one in (signal.SIGINT, signal.SIGQUIT)}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
