"""Where people type. Owns that pasted text is harmless before it is drawn; refuses to know what the text is for."""

from __future__ import annotations

from textual import events
from textual.widgets import Input, TextArea

from inbox_tui.view.lines import typed


class Field(Input):
    """One line of typing."""

    DEFAULT_CSS = "Field { height: 1; border: none; padding: 0 1; }"

    def _on_paste(self, event: events.Paste) -> None:
        event.prevent_default()
        event.stop()
        self.insert_text_at_cursor(typed(event.text).replace("\n", " "))


class Page(TextArea):
    """Many lines of typing."""

    async def _on_paste(self, event: events.Paste) -> None:
        event.prevent_default()
        event.stop()
        if self.read_only:
            return
        if result := self._replace_via_keyboard(typed(event.text), *self.selection):
            self.move_cursor(result.end_location)
