"""A picture of an incident's curve on a canvas of dots. Draws what `view.curve` has laid out; refuses to lay out anything.

The canvas is textual-hires-canvas: it is kept (2026), small, draws dots of a quarter by an eighth of a cell, and brings nothing that is not
here already. Imported only with the screen of incidents.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

from textual.geometry import Size
from textual_hires_canvas import Canvas, HiResMode

from inbox_tui.view.curve import Picture, Point
from inbox_tui.view.lines import cells
from inbox_tui.widgets.drawing import Drawn

Make = Callable[[int, int], Picture]
"""A picture for so many cells."""


class Chart(Drawn, Canvas):
    """The canvas. Whoever shows something gives what makes the picture for a size: at another size it is made again."""

    DEFAULT_CSS = "Chart { height: 12; padding: 0; }"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own word
        super().__init__(1, 1, id=id)
        self._make: Make = _nothing

    @property
    def plain(self) -> str:
        """What it shows, as text."""
        return "\n".join("".join(row).rstrip() for row in self._buffer)

    def show(self, make: Make) -> None:
        """Another picture."""
        self._make = make
        self._redraw()

    def clear(self) -> None:
        """Nothing to look at."""
        self.show(_nothing)

    def on_resize(self) -> None:
        """Another size needs another picture."""
        self._redraw()

    def notify_style_update(self) -> None:
        """Another theme: other inks."""
        super().notify_style_update()
        if self.is_mounted:
            self._redraw()

    def _redraw(self) -> None:
        width, height = self.content_size
        if width < 1 or height < 1:
            return
        picture = self._make(width, height)
        with self.batch_refresh():
            self.reset(Size(width, height), refresh=False)
            for put in picture.puts:
                text, style = put.piece
                for offset, char in enumerate(text):
                    if cells(char) == 1:
                        self.set_pixel(put.x + offset, put.y, char, self._ink(style))
            for stretch in picture.limits:
                for x, y in _columns(stretch):
                    self.set_pixel(x, y, "╌", self._ink("bad"))
            for stretch in picture.lines:
                self._curve(stretch)

    def _curve(self, stretch: tuple[Point, ...]) -> None:
        lines = [(*one, *other) for one, other in pairwise(stretch)] or [(*stretch[0], *stretch[0])]
        self.draw_hires_lines(lines, HiResMode.BRAILLE, self._ink("ours"))

    def _ink(self, style: str) -> str:
        return str(self.look.pieces[style])


def _columns(stretch: tuple[Point, ...]) -> Iterator[tuple[int, int]]:
    """One cell in each column that a line goes through."""
    done = -1
    for (x, y), (to, other) in [*pairwise(stretch), (stretch[-1], stretch[-1])]:
        for column in range(max(int(x), done + 1), int(to) + 1):
            part = 0.0 if to == x else min(1.0, max(0.0, (column - x) / (to - x)))
            yield column, int(y + part * (other - y))
            done = column


def _nothing(_: int, __: int) -> Picture:
    return Picture()
