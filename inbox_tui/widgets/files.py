"""Choosing a picture's file by its path, and reading it. Owns what of the disk is shown; refuses folders' secrets and what is no file.

A name that holds what a terminal would obey is not offered.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from inbox_tui.disk import read_bytes
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
_LOOKED_AT = 20_000
"""Names of a folder that fit; more are not looked at while somebody types."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or a folder that may be meant; `path` as it stands in the field."""

    path: str
    folder: bool
    size: int


def entries(typed: str) -> list[Entry]:
    """What may be meant by the beginning of a path: folders and pictures, by name."""
    head, slash, start = typed.rpartition("/")
    head += slash
    try:
        with os.scandir(Path(head or ".").expanduser()) as listed:
            meant = (one for one in listed if _may_be(one.name, start))
            found = [entry for one in islice(meant, _LOOKED_AT) for entry in _entry(head, one)]
    except (OSError, ValueError, RuntimeError):  # no such folder, no such name, nobody of that name has a home
        return []
    return sorted(found, key=lambda entry: (not entry.folder, entry.path.casefold()))[:_MOST]


def _may_be(name: str, start: str) -> bool:
    """Whether a name begins so, and can be shown. Hidden ones are meant only by their dot."""
    return (
        name.casefold().startswith(start.casefold())
        and say(name) == name
        and (not name.startswith(".") or start.startswith("."))
    )


def _entry(head: str, one: os.DirEntry[str]) -> Iterator[Entry]:
    """A folder or a picture; nothing else, and nothing that is gone or leads nowhere."""
    with suppress(OSError):
        if one.is_dir():
            yield Entry(f"{head}{one.name}/", True, 0)
        elif one.name.casefold().endswith(ENDINGS) and one.is_file():
            yield Entry(f"{head}{one.name}", False, one.stat().st_size)


def read_file(typed: str) -> tuple[str, bytes]:
    """(name, bytes) of a file. Raises `Refused`: it is none, it cannot be read, it is far too large."""
    path = Path(typed.strip())
    try:
        path = path.expanduser()
        content = read_bytes(path, LARGEST_FILE)
    except (OSError, ValueError, RuntimeError) as err:
        raise Refused(
            f"{say(path.name) or 'that'} cannot be read: {getattr(err, 'strerror', None) or 'no such name'}"
        ) from None
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
