"""The sources: how each fares, what is missing, and what people may do about it."""

from inbox_tui.screens.sources.screen import SourcesScreen

__all__ = ["SourcesScreen"]
