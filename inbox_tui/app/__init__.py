"""The inbox as an app."""

from inbox_tui.app.inbox import STOP_LISTENING, Inbox, ListeningFirst

__all__ = ["STOP_LISTENING", "Inbox", "ListeningFirst"]
