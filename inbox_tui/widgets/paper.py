"""A sheet of lines to read: conversation, mention, help. Scrolls, holds still when lines above change, and can be copied from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from inbox_tui.widgets.drawing import Drawn, strip_of
from inbox_tui.widgets.scrolling import reach

if TYPE_CHECKING:
    from inbox_tui.view.lines import Line


class Paper(Drawn, ScrollView, can_focus=True, inherit_bindings=False):
    """Whoever shows something gives what makes its lines for a width: at another width they are made again."""

    DEFAULT_CSS = """
    Paper { overflow-x: hidden; overflow-y: auto; scrollbar-gutter: stable; scrollbar-size-vertical: 1; padding: 0 1; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own word
        super().__init__(id=id)
        self._make: Callable[[int], Sequence[Line]] = _nothing
        self._lines: Sequence[Line] = ()
        self._made_for = 0
        self._to_end = False
        """The newest is shown, and stays shown when the height changes."""

    @property
    def line_width(self) -> int:
        """Cells for a line."""
        return max(10, self.scrollable_content_region.width)

    @property
    def plain(self) -> str:
        """The lines as text."""
        return "\n".join("".join(text for text, _ in line).rstrip() for line in self._lines)

    @property
    def height_wanted(self) -> int:
        """How many lines there are."""
        return len(self._lines)

    def show(self, make: Callable[[int], Sequence[Line]], *, keep: bool = True, end: bool = False) -> None:
        """Other lines. `keep`: stay where the reader is; `end`: show the newest, at the bottom."""
        at_end = bool(self._lines) and self.scroll_offset.y >= self.max_scroll_y > 0
        self._make = make
        self._remake()
        if end or (keep and at_end):
            self._to_end = True
            self.scroll_to(y=self.max_scroll_y, animate=False, force=True)
        elif not keep:
            self._to_end = False
            self.scroll_to(y=0, animate=False, force=True)

    def clear(self) -> None:
        """Nothing to read."""
        self.show(_nothing, keep=False)

    def _remake(self) -> None:
        self._made_for = self.line_width
        self._lines = self._make(self._made_for)
        reach(self, len(self._lines))
        self.refresh()

    def on_resize(self) -> None:
        """Another width needs other lines; another height, to stay at the newest."""
        if self.line_width != self._made_for:
            self._remake()
        if self._to_end:
            self.scroll_to(y=self.max_scroll_y, animate=False, force=True)

    def move(self, delta: int) -> None:
        """Scroll by lines."""
        self._to_end = False
        self.scroll_to(y=self.scroll_offset.y + delta, animate=False, force=True)

    def move_page(self, direction: int) -> None:
        """Scroll by a screenful."""
        self.move(direction * max(1, self.size.height - 1))

    def render_line(self, y: int) -> Strip:
        """One line."""
        index = self.scroll_offset.y + y
        line = self._lines[index] if 0 <= index < len(self._lines) else ()
        strip = strip_of(line, self.scrollable_content_region.width, self.look, self.base)
        if (selection := self.text_selection) is not None and (span := selection.get_span(index)) is not None:
            strip = self._selected(strip, *span)
        return strip.apply_offsets(0, index)

    def _selected(self, strip: Strip, start: int, end: int) -> Strip:
        """The part of a line that the mouse has marked, on the selection's background."""
        stop = strip.cell_length if end == -1 else min(end, strip.cell_length)
        start = min(start, stop)
        cuts = [cut for cut in (start, stop, strip.cell_length) if cut]
        parts = strip.divide(sorted(set(cuts)))
        out, at = [], 0
        for part in parts:
            inside = start <= at < stop
            out.append(part.apply_style(self.look.selected) if inside else part)
            at += part.cell_length
        return Strip.join(out)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The marked text, for copying."""
        return selection.extract(self.plain), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        """The mouse marked something else."""
        self.refresh()


def _nothing(_: int) -> Sequence[Line]:
    return ()
