"""What can be done on the network, one line under the thread: a click does it, as its key would. Owns no act."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.geometry import Size
from textual.strip import Strip

from inbox_tui.messages import KeyClicked
from inbox_tui.view.lines import Line, cut, line_cells
from inbox_tui.widgets.drawing import Drawn, strip_of


class ActsBar(Drawn):
    """Parts in a row; each may name an act. What is crossed out can be clicked too: it says why it cannot be done."""

    DEFAULT_CSS = """
    ActsBar { height: 1; padding: 0 1; display: none; }
    ActsBar.-shown { display: block; }
    """

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own word
        super().__init__(id=id)
        self._parts: Sequence[tuple[Line, str]] = ()

    def show(self, parts: Sequence[tuple[Line, str]]) -> None:
        """Other parts, each with the act that a click on it does ('' : none); none at all: out of sight."""
        if parts != self._parts:
            self._parts = parts
            self.set_class(bool(parts), "-shown")
            self.refresh()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Always one line."""
        return 1

    def render_line(self, y: int) -> Strip:
        """The parts, as many as fit."""
        width = self.content_size.width
        line = cut((piece for part, _ in self._parts for piece in part), width)
        return strip_of(line, width, self.look, self.base)

    def on_click(self, event: events.Click) -> None:
        """An act was clicked."""
        at = event.x - self.styles.padding.left
        for part, act in self._parts:
            size = line_cells(part)
            if 0 <= at < size and act:
                self.post_message(KeyClicked(act))
            at -= size
