"""Choosing a picture's file by its path, and reading it. Owns what of the disk is shown; refuses folders' secrets and what is no file.

A name that holds what a terminal would obey is not offered.
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from inbox_tui.view.lines import Line, say
from inbox_tui.widgets.bars import Bar
from inbox_tui.widgets.boxes import BOX
from inbox_tui.widgets.choices import Choice, Choices
from inbox_tui.widgets.fields import Field
from listener.errors import Refused
from listener.pictures import LARGEST_FILE

ENDINGS = (".jpg", ".jpeg", ".png", ".webp")
"""Of names that are offered; what a file really is its bytes say."""

_MOST = 200


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or a folder that may be meant; `path` as it stands in the field."""

    path: str
    folder: bool
    size: int


def entries(typed: str) -> list[Entry]:
    """What may be meant by the beginning of a path: folders and pictures, by name."""
    head, _, start = typed.rpartition("/")
    head = f"{head}/" if "/" in typed else ""
    found: list[Entry] = []
    try:
        with os.scandir(Path(head or ".").expanduser()) as listed:
            for one in listed:
                if not one.name.casefold().startswith(start.casefold()) or say(one.name) != one.name:
                    continue
                if one.name.startswith(".") and not start.startswith("."):
                    continue
                folder = one.is_dir()
                if folder or one.name.casefold().endswith(ENDINGS):
                    found.append(
                        Entry(f"{head}{one.name}{'/' if folder else ''}", folder, 0 if folder else one.stat().st_size)
                    )
    except OSError:
        return []
    return sorted(found, key=lambda entry: (not entry.folder, entry.path.casefold()))[:_MOST]


def read_file(typed: str) -> tuple[str, bytes]:
    """(name, bytes) of a file. Raises `Refused`: it is none, it cannot be read, it is far too large."""
    path = Path(typed.strip()).expanduser()
    try:
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe would be waited for
        with os.fdopen(number, "rb") as file:
            if not stat.S_ISREG(os.fstat(number).st_mode):
                raise Refused(f"{say(path.name) or 'that'} is no file")
            content = file.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as err:
        raise Refused(f"{say(path.name)} cannot be read: {getattr(err, 'strerror', None) or 'no such name'}") from None
    if len(content) > LARGEST_FILE:
        raise Refused(f"{say(path.name)} has more than {LARGEST_FILE // 1_000_000} MB")
    return path.name, content


class ChooseFile(ModalScreen[str | None]):
    """A path, with what may be meant below it: tab completes, Enter goes into a folder or takes the file."""

    DEFAULT_CSS = (
        "ChooseFile {"
        + BOX
        + ".box { width: 76; max-width: 95%; height: auto; } .box Choices { max-height: 10; min-height: 1; } }"
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel"),
        Binding("tab", "complete", priority=True),
        Binding("down", "move(1)", priority=True),
        Binding("up", "move(-1)", priority=True),
    ]

    def __init__(self, begin: str) -> None:
        super().__init__()
        self._begin = begin
        self._entries: Sequence[Entry] = ()

    def compose(self) -> ComposeResult:
        """Title, the path, what may be meant."""
        with Vertical(classes="box"):
            yield Bar(id="dialog-title")
            yield Field(self._begin, id="dialog-field")
            yield Choices(id="dialog-choices")
            yield Bar(id="dialog-said")

    def on_mount(self) -> None:
        """Ready to type."""
        self.query_one("#dialog-title", Bar).show(
            (("Attach a picture", "title"),), (("tab completes, enter takes, esc leaves", "dim"),)
        )
        field = self.query_one(Field)
        field.focus()
        field.cursor_position = len(self._begin)

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        self.run_worker(self._list(event.value), group="list", exclusive=True)

    async def _list(self, typed: str) -> None:
        found = await asyncio.to_thread(entries, typed)
        if not self.is_mounted or self.query_one(Field).value != typed:
            return
        self._entries = found
        self.query_one(Choices).show([Choice(one.path, _line(one)) for one in found])
        self._say("" if found else "no folder or picture (jpg, png, webp) begins so")

    def _say(self, words: str) -> None:
        self.query_one("#dialog-said", Bar).show(((words, "soon"),))

    def _go(self, path: str) -> None:
        field = self.query_one(Field)
        field.value = path
        field.cursor_position = len(path)

    @on(Input.Submitted)
    def _enter(self, event: Input.Submitted) -> None:
        key = self.query_one(Choices).cursor_key
        whole = not event.value.endswith("/") and Path(event.value).expanduser().is_file()
        self._take(event.value if whole or key is None else key)

    @on(Choices.Chosen)
    def _chosen(self, event: Choices.Chosen) -> None:
        event.stop()
        self._take(event.key)

    def _take(self, path: str) -> None:
        if path.endswith("/"):
            self._go(path)
        elif path.strip():
            self.dismiss(path)

    def action_complete(self) -> None:
        """As much of the path as is sure; what is marked, where that is no more."""
        typed, paths = self.query_one(Field).value, [one.path for one in self._entries]
        sure = os.path.commonprefix(paths)  # noqa: RUF071 - a name half-way is what is wanted
        key = self.query_one(Choices).cursor_key
        if len(sure) > len(typed):
            self._go(sure)
        elif key is not None:
            self._go(key)

    def action_move(self, delta: int) -> None:
        """The mark over what may be meant."""
        self.query_one(Choices).move(delta)

    def action_cancel(self) -> None:
        """Leave it."""
        self.dismiss(None)


def _line(one: Entry) -> Line:
    name = one.path.rstrip("/").rpartition("/")[2]
    if one.folder:
        return ((f"{name}/", "accent"),)
    return ((name, ""), (f"  {max(1, round(one.size / 1000)):,} kB", "dim"))
