"""The inbox as an app."""

from inbox_tui.app.inbox import DARK, LIGHT, STOP_LISTENING, Inbox, ListeningFirst

__all__ = ["DARK", "LIGHT", "STOP_LISTENING", "Inbox", "ListeningFirst"]
