"""The Inbox screen, put together: what it shows, the acts, the reply, and its keys."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType

from inbox_tui import keys
from inbox_tui.screens.inbox.asked import Asked
from inbox_tui.widgets.bindings import bindings


class InboxScreen(Asked):
    """Folders, queue, conversation."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(keys.INBOX)
    CSS_PATH = "inbox.tcss"
