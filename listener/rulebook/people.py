"""People as rules know them: a name for each, when they are there, whose replies are approved, and nothing that reaches them. Owns these shapes.

Rule files are read by many and published whole: addresses and phone numbers live in the settings, by the same ids.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from listener.model.scales import Severity
from listener.query.clock import zone
from listener.rulebook.hours import Hours
from listener.rulebook.nodes import NOWHERE, Place

QUIET_FOR = frozenset({Severity.NOTE, Severity.WARNING})
"""What quiet hours keep from people who do not say otherwise: the worst passes."""


@dataclass(frozen=True, slots=True)
class Away:
    """Days on which somebody does not work, both included."""

    first: date
    last: date
    title: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who answers, by the name with which they log in."""

    id: str
    name: str
    teams: frozenset[str] = frozenset()
    zone: str = "UTC"
    hours: str = ""
    """Key of their own opening hours; "": those of their teams."""
    away: tuple[Away, ...] = ()
    place: Place = NOWHERE
    needs_approval: bool = False
    """Their replies go out when a lead or an admin has approved them."""
    quiet: Hours | None = None
    """When no alert wakes them; None: never so."""
    quiet_for: frozenset[Severity] = QUIET_FOR
    """What is kept from them meanwhile."""
    told_by: Mapping[Severity, tuple[str, ...]] = field(default_factory=dict)
    """By which of their receivers they are told of what is so bad; what is not named here: by all of them."""

    def away_at(self, moment: datetime) -> bool:
        """Whether they are away on that day, by the calendar of their zone."""
        day = moment.astimezone(zone(self.zone)).date()
        return any(one.first <= day <= one.last for one in self.away)


@dataclass(frozen=True, slots=True)
class OurAccount:
    """An account of ours as rules know it."""

    handle: str
    """In small letters, without @."""
    needs_approval: bool = False
    """Whoever writes as it needs an approval, but for leads and admins."""
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class Approval:
    """Whose replies, and as which accounts, a lead or an admin approves before they go out."""

    people: frozenset[str] = frozenset()
    """By id."""
    accounts: frozenset[str] = frozenset()
    """By handle."""
