"""Where people type many lines. Apart from `fields`, because most who open the inbox read for a while before they write."""

from __future__ import annotations

from textual import events
from textual.widgets import TextArea

from inbox_tui.view.lines import typed


class Page(TextArea):
    """Many lines of typing."""

    async def _on_paste(self, event: events.Paste) -> None:
        event.prevent_default()
        event.stop()
        if self.read_only:
            return
        if result := self._replace_via_keyboard(typed(event.text), *self.selection):
            self.move_cursor(result.end_location)
