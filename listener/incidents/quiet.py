"""Whom an alert does not wake: quiet hours and days away, by severity. Owns why somebody is passed over, in words."""

from __future__ import annotations

from datetime import datetime

from listener.model.scales import Severity
from listener.query.clock import zone
from listener.rulebook.people import Person


def passed_over(person: Person, severity: Severity, now: datetime) -> str:
    """Why somebody is not told of something so bad now; "": they are."""
    if person.away_at(now):
        return "away"
    if person.quiet is None or severity not in person.quiet_for or not person.quiet.open_at(now):
        return ""
    until = person.quiet.next_close(now)
    return "quiet" if until is None else f"quiet until {until.astimezone(zone(person.zone)):%H:%M}"


def receivers_of(person: Person | None, reach: tuple[str, ...], severity: Severity) -> tuple[str, ...]:
    """By which receivers somebody is told of something so bad: those that they prefer for it, else all by which they are reached."""
    wanted = () if person is None else person.told_by.get(severity, ())
    return tuple(one for one in reach if one in wanted) or reach
