"""A short list to choose from: folders and topics, people, snooze times. All of it is in memory; long lists are `Rows`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from inbox_tui.widgets.drawing import Drawn, strip_of

if TYPE_CHECKING:
    from inbox_tui.view.lines import Line, Piece


@dataclass(frozen=True, slots=True)
class Choice:
    """One line to choose; a choice without a key is a heading."""

    key: str
    line: Line


class Choices(Drawn, ScrollView, can_focus=True, inherit_bindings=False):
    """The list widget; posts `Chosen`."""

    @dataclass
    class Chosen(Message):
        """A line was chosen."""

        source: str
        key: str

    DEFAULT_CSS = "Choices { overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; height: auto; }"

    def __init__(self, choices: Sequence[Choice] = (), *, id: str) -> None:  # noqa: A002 - Textual's own word
        super().__init__(id=id)
        self.choices: Sequence[Choice] = ()
        self.current: str | None = None
        """The key of what is in force, marked with a bar."""
        self._cursor = 0
        self.show(choices)

    @property
    def cursor_key(self) -> str | None:
        """The key under the cursor."""
        return self.choices[self._cursor].key if self._cursor < len(self.choices) else None

    def show(self, choices: Sequence[Choice]) -> None:
        """Other lines; the cursor stays on its key where that is still there."""
        key, before = self.cursor_key, len(self.choices)
        self.choices = choices
        self._cursor = next((i for i, c in enumerate(choices) if c.key and c.key == key), -1)
        if self._cursor < 0:
            self._cursor = next((i for i, c in enumerate(choices) if c.key), 0)
        self.virtual_size = Size(0, len(choices))
        self.refresh(layout=len(choices) != before)

    def set_current(self, key: str | None) -> None:
        """What is in force now; the cursor goes there."""
        self.current = key
        self._cursor = next((i for i, c in enumerate(self.choices) if c.key == key and c.key), self._cursor)
        self.refresh()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As high as there are lines."""
        return max(1, len(self.choices))

    def move(self, delta: int) -> None:
        """The cursor over the choices, headings skipped."""
        step = 1 if delta > 0 else -1
        at = self._cursor
        for _ in range(abs(delta)):
            near = at + step
            while 0 <= near < len(self.choices) and not self.choices[near].key:
                near += step
            if not 0 <= near < len(self.choices):
                break
            at = near
        self._cursor = at
        top, view = self.scroll_offset.y, max(1, self.size.height)
        if at < top:
            self.scroll_to(y=at, animate=False, force=True)
        elif at >= top + view:
            self.scroll_to(y=at - view + 1, animate=False, force=True)
        self.refresh()

    def lines_seen(self) -> list[tuple[int, int]]:
        """The choices in sight: line from the widget's top, and which one."""
        top = self.scroll_offset.y
        seen = range(top, min(len(self.choices), top + self.size.height))
        return [(index - top, index) for index in seen if self.choices[index].key]

    def choose_at(self, index: int) -> None:
        """That one."""
        self._cursor = index
        self.refresh()
        self.choose()

    def choose(self) -> None:
        """Enter on the line under the cursor."""
        if key := self.cursor_key:
            self.post_message(self.Chosen(self.id or "", key))

    def render_line(self, y: int) -> Strip:
        """One choice."""
        width, base = self.scrollable_content_region.width, self.base
        index = self.scroll_offset.y + y
        if index >= len(self.choices):
            return strip_of((), width, self.look, base)
        choice = self.choices[index]
        here = index == self._cursor and bool(choice.key)
        if here and (self.has_focus or self.current is None):
            base += self.look.cursor if self.has_focus else self.look.cursor_away
        bar: Piece = (" ", "")
        if choice.key and choice.key == self.current:
            bar = ("▌", "accent")
        if here and (self.has_focus or self.current is None):
            bar = ("»" if bar[0] != " " else "›", "accent")
        return strip_of((bar, *choice.line), width, self.look, base)

    def on_click(self, event: events.Click) -> None:
        """A click chooses."""
        index = self.scroll_offset.y + event.y
        if 0 <= index < len(self.choices) and self.choices[index].key:
            self.choose_at(index)
