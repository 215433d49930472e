"""The Inbox: folders, the queue, and the conversation that is open."""

from inbox_tui.screens.inbox.screen import InboxScreen

__all__ = ["InboxScreen"]
