"""What would become of an alert: which way it goes and why, who would be told when, and what keeps it silent. Owns no rule of its own.

The way is `Staffed.way`, the telling is `advance`, moment by moment, with nobody who answers and pages that all arrive: what is said here is
what happens.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from listener.incidents.escalation import Fate, Staffed, Telling, Way, advance
from listener.incidents.shape import Incident, IncidentState, Silence
from listener.incidents.silences import silencing
from listener.model.scales import Severity
from listener.query.clock import zone
from listener.rulebook.alerting import Policy, Route
from listener.rulebook.planned import Planned

MOST = 40
"""Moments that are looked at: chains are short."""


@dataclass(frozen=True, slots=True)
class Foretold:
    """One moment of the telling."""

    at: datetime
    step: int
    round: int
    people: Mapping[str, tuple[str, ...]]
    """Who is told, and by which receivers."""
    receivers: tuple[str, ...]
    """And which receivers besides."""
    passed: Mapping[str, str]
    """Who is passed over, and why."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Foresight:
    """All of it."""

    way: Way
    why: tuple[str, ...]
    """Why this way, a line a route."""
    silence: Silence | None
    planned: tuple[str, ...]
    """Titles of what the calendar has, that mutes it."""
    told: tuple[Foretold, ...]
    undelivered: bool
    """Nobody would be told: every receiver that is known is told that."""


def foretell(
    staff: Staffed, policy: Policy, severity: Severity, topic: str, source: str, at: datetime, silences: Sequence[Silence] = (),
    calendar: Iterable[Planned] = (), zone_name: str = "UTC",
) -> Foresight:  # fmt: skip
    """What would become of an alert that begins at a moment. Of the first round of its chain; a day at most."""
    way = staff.way(policy, severity, topic)
    one = Incident(
        0, 0, "/".join((policy.key, topic, source)), policy.key, policy.watched, topic, source, IncidentState.OPEN, severity,
        policy.title, since=at, opened_at=at, told_at=at, step_at=at + timedelta(seconds=way.wait), next_at=at,
    )  # fmt: skip
    day = at.astimezone(zone(zone_name)).date()
    planned = tuple(
        entry.title
        for entry in calendar
        if policy.key in entry.mute and entry.on(day) and (not entry.topics or not topic or topic in entry.topics)
    )
    knowing = replace(staff, alerts={**staff.alerts, policy.key: policy})
    told, undelivered = _rounds(one, knowing, at)
    why = tuple(_why(route, policy, staff) for route in staff.routes if route.key in way.routes)
    return Foresight(way, why, silencing(one, silences, at), planned, told, undelivered)


def _rounds(one: Incident, staff: Staffed, at: datetime) -> tuple[tuple[Foretold, ...], bool]:
    told: list[Foretold] = []
    tellings: list[Telling] = []
    for _ in range(MOST):
        move = advance(one, staff, tellings, (), at)
        one = move.incident
        fresh = [
            Telling(page.what, page.receiver, page.person, page.step, page.round, at, Fate.DELIVERED)
            for page in move.pages
        ]
        tellings += fresh
        for happened in move.happened:
            said = happened.after
            if said.get("undelivered"):
                return tuple(told), True
            if happened.kind == "incident.step" and "told" in said:
                mine = [page for page in fresh if page.round == said["round"]]
                people = {who: tuple(page.receiver for page in mine if page.person == who) for who in said["told"]}
                told.append(
                    Foretold(
                        at, said["step"], said["round"], people, tuple(said["receivers"]), said["passed"], said["note"]
                    )
                )
        if one.next_at is None or (
            told and one.step >= len(staff.way(staff.alerts[one.policy], one.severity, one.topic).stages)
        ):
            break
        at = one.next_at
    return tuple(told), False


def _why(route: Route, policy: Policy, staff: Staffed) -> str:
    if policy.routes:
        return f"{route.key}: the alert names it"
    says = [
        name
        for name, said in (
            ("this alert", route.alerts), ("what it looks at", route.watched), ("its severity", route.severities), ("its topic", route.topics)
        )
        if said
    ]  # fmt: skip
    others = len(staff.routes) - 1
    matched = f"it matches {', '.join(says)}" if says else "it matches every alert"
    rank = f", rank {route.rank}" if route.rank else ""
    return f"{route.key}: {matched}{rank}" + (f"; of {others + 1} routes none that matches says more" if others else "")
