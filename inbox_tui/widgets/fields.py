"""Where people type one line. Owns that pasted text is harmless before it is drawn; refuses to know what the text is for."""

from __future__ import annotations

from textual import events
from textual.widgets import Input

from inbox_tui.view.lines import typed


class Field(Input):
    """One line of typing."""

    DEFAULT_CSS = "Field { height: 1; border: none; padding: 0 1; &:focus { border: none; } }"

    def _on_paste(self, event: events.Paste) -> None:
        event.prevent_default()
        event.stop()
        self.insert_text_at_cursor(typed(event.text).replace("\n", " "))
