"""What is typed while the composer is on its way: it is the beginning of the reply, and no act on the queue."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from textual import events

from inbox_tui.screens.inbox.deciding import Deciding


class Ahead(Deciding):
    """Typing ahead."""

    _ahead: str | None = None
    """What was typed since the reply was begun; None: none is on its way."""

    def keeps(self, key: events.Key) -> bool:
        """Take what can be typed; keys that move, and a question over the screen, work as always."""
        if not key.is_printable or not key.character:
            return False
        if self._ahead is not None:
            self._ahead += key.character
        elif (
            getattr(self.focused, "id", None) == "composer-text"
        ):  # it was on its way to the list when the page got the focus
            self.composer.put_in(key.character)
        else:
            return False
        return True

    def action_back(self) -> None:
        """What was typed for a reply that is not begun goes nowhere."""
        self._ahead = None
        super().action_back()

    def _begin(self, *where: Any, **how: Any) -> Coroutine[Any, Any, None]:
        self._ahead = ""
        return self._begun(super()._begin(*where, **how))

    async def _begun(self, beginning: Coroutine[Any, Any, None]) -> None:
        try:
            await beginning
        finally:
            self.app.call_later(self._hand_over_typed)  # after the page has the focus

    def _hand_over_typed(self) -> None:
        typed, self._ahead = self._ahead, None
        if typed and self.composer.is_open:
            self.composer.put_in(typed)
