"""The incidents: what stands, what made it, what became of it, and what the staff do about it."""

from inbox_tui.screens.incidents.screen import IncidentsScreen

__all__ = ["IncidentsScreen"]
