"""The calendar: what is planned, and what is expected of it. Owns this shape."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from listener.rulebook.nodes import NOWHERE, Place


class Expected(StrEnum):
    """How much is said meanwhile, compared with other days."""

    MORE = "more"
    LESS = "less"


@dataclass(frozen=True, slots=True)
class Planned:
    """Something that is planned, from a first day to a last one, both included."""

    key: str
    title: str
    first: date
    last: date
    topics: frozenset[str] = frozenset()
    """What will be talked about; empty: everything."""
    expect: Expected | None = None
    mute: frozenset[str] = frozenset()
    """Keys of the alerts that keep silent."""
    note: str = ""
    place: Place = NOWHERE

    def on(self, day: date) -> bool:
        """Whether a day belongs to it."""
        return self.first <= day <= self.last
