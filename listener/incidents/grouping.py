"""Which incidents are one thing: by topic and cause the biggest is told, and keeps its smaller ones silent. Owns that order.

What comes first is what is worse, then what is wider, then what was there first. So two of them never keep each other silent, and what
joins a group of which people know already is told only when it is worse than that.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from listener.incidents.shape import Incident
from listener.model.scales import Severity
from listener.rulebook.alerting import Watched

TALK = frozenset({Watched.NEGATIVE, Watched.VOLUME, Watched.NEED, Watched.SHIFT})
"""What one cause, that people talk, makes of several counters."""

_BAD = {severity: number for number, severity in enumerate(Severity)}


def worse(one: Severity, other: Severity) -> bool:
    """Whether the one is worse than the other."""
    return _BAD[one] > _BAD[other]


def cause(incident: Incident) -> str:
    """What may be behind it; what rules hand to an alert is a thing of its own."""
    if incident.watched is Watched.RULE:
        return f"rule/{incident.policy}"
    return "talk" if incident.watched in TALK else incident.watched.value


def covers(wider: Incident, narrower: Incident) -> bool:
    """Whether the one is about whatever the other is about."""
    return (
        cause(wider) == cause(narrower)
        and wider.topic in ("", narrower.topic)
        and wider.source in ("", narrower.source)
    )


def rank(incident: Incident) -> tuple[int, int, int]:
    """The bigger, the more it comes first."""
    return _BAD[incident.severity], (incident.topic == "") + (incident.source == ""), -incident.id


def parents(live: Sequence[Incident], silent: Collection[int] = ()) -> Mapping[int, int | None]:
    """By id: the bigger incident that keeps each of these silent. `silent`: what is muted itself keeps nobody silent."""
    found: dict[int, int | None] = {}
    roots: list[Incident] = []
    for incident in sorted(live, key=rank, reverse=True):
        bigger = next((one for one in roots if covers(one, incident)), None)
        found[incident.id] = None if bigger is None else bigger.id
        if bigger is None and incident.id not in silent:
            roots.append(incident)
    return found
