"""What every screen shows of incidents that stand. Refuses what is in one of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Alarmed:
    """The incidents that stand, and the one that needs somebody most."""

    open: int = 0
    """Of which nobody has said that they know,"""
    acknowledged: int = 0
    silent: int = 0
    """and of which nobody is told: a silence or the calendar keeps them quiet."""
    unheard: int = 0
    """Of the open ones: of which nobody could be told."""
    id: int | None = None
    title: str = ""
    topic: str = ""
    source: str = ""
    state: str = ""
    since: datetime | None = None
    person: str = ""
    """Who has it; "": nobody."""
