"""Listening: the mentions of a topic, newest first, live; and what a search found."""

from inbox_tui.screens.listening.screen import ListeningScreen

__all__ = ["ListeningScreen"]
