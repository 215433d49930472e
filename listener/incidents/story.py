"""An incident as people look at it: with names, what became of it, who was told, what was missing. Owns these shapes; the store fills them,
the inbox draws them, the report and the command line tell them. Refuses a statement and a person's text: messages are ids.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from listener.incidents.shape import Incident, IncidentState, Matcher, PageKind
from listener.rulebook.alerting import Watched
from listener.rulebook.planned import Planned


@dataclass(frozen=True, slots=True)
class Listed:
    """An incident in a list, with names in place of ids."""

    incident: Incident
    acknowledged_by: str = ""
    resolved_by: str = ""
    assignee: str = ""
    unheard: bool = False
    """Somebody was to be told, and no receiver has taken it."""

    @property
    def id(self) -> int:
        """The incident's."""
        return self.incident.id

    @property
    def is_over(self) -> bool:
        """Whether nobody needs to do anything any more."""
        return self.incident.state is IncidentState.RESOLVED

    @property
    def ended(self) -> datetime | None:
        """When what it is about was over, or it was resolved; None: it stands. What rules hand over is over when somebody says so."""
        one = self.incident
        over = None if one.watched is Watched.RULE else one.over_at
        ends = [at for at in (over, one.resolved_at) if at is not None]
        return min(ends) if ends else None


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that became of an incident: an event."""

    id: int
    at: datetime
    kind: str
    """As events are called: incident.opened, page.sent, ..."""
    person: str = ""
    """Who did it; "": nobody, time did."""
    after: Mapping[str, Any] = field(default_factory=dict)
    """Field values, ids and our own words."""
    whom: str = ""
    """The name of whom it was given to."""


@dataclass(frozen=True, slots=True)
class PageTold:
    """One telling, and what became of it."""

    id: int
    at: datetime
    what: PageKind
    receiver: str
    person: str = ""
    """The name of who is told; "": whoever reads there."""
    state: str = "queued"
    """As of anything in the outbox."""
    problem: str = ""
    settled_at: datetime | None = None
    step: int = 0
    round: int = 0
    digest_id: int | None = None
    """The page that it was told in with others."""


@dataclass(frozen=True, slots=True)
class Written:
    """A note of the staff."""

    id: int
    at: datetime
    person: str
    text: str


@dataclass(frozen=True, slots=True)
class Missing:
    """A hole in what was heard while it stood."""

    source: str
    """Key of the stream."""
    start: datetime
    end: datetime
    cause: str
    state: str
    """open, asked, filled, lost or failed."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Something of the calendar that falls into it."""

    title: str
    first: date
    last: date
    note: str = ""


@dataclass(frozen=True, slots=True)
class Quiet:
    """A silence that holds for it, or did."""

    id: int
    matchers: tuple[Matcher, ...]
    begins_at: datetime
    ends_at: datetime
    note: str
    person: str
    ended_at: datetime | None = None

    def holds(self, now: datetime) -> bool:
        """Whether it keeps it silent now."""
        return self.ended_at is None and self.begins_at <= now < self.ends_at


@dataclass(frozen=True, slots=True)
class Story:
    """One incident whole."""

    listed: Listed
    entries: tuple[Entry, ...] = ()
    """The oldest first."""
    told: tuple[PageTold, ...] = ()
    notes: tuple[Written, ...] = ()
    missing: tuple[Missing, ...] = ()
    quiet: tuple[Quiet, ...] = ()
    children: tuple[Listed, ...] = ()
    plans: tuple[Plan, ...] = ()
    after: tuple[int | None, ...] = ()
    """What was counted since it was told last, by the steps of its curve; None: not heard."""

    @property
    def took(self) -> timedelta | None:
        """From opening to the first that somebody said they knew; None: nobody did."""
        first = next((one.at for one in self.entries if one.kind == "incident.acknowledged"), None)
        at = first or self.listed.incident.acknowledged_at
        return None if at is None else max(timedelta(0), at - self.listed.incident.opened_at)


def planned_for(calendar: Sequence[Planned], topic: str, begin: datetime, end: datetime) -> tuple[Plan, ...]:
    """What the calendar has for a topic within a time, the earliest first."""
    days = begin.date(), end.date()
    found = [
        one
        for one in calendar
        if one.first <= days[1] and one.last >= days[0] and (not one.topics or not topic or topic in one.topics)
    ]
    return tuple(
        Plan(one.title, one.first, one.last, one.note) for one in sorted(found, key=lambda one: (one.first, one.key))
    )
