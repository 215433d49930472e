"""The words of alerts with a life: what a watch fires, the incident that it becomes, the pages that tell it, and silences. Owns these shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from listener.model.scales import Severity
from listener.rulebook.alerting import Watched
from listener.spikes.paging import Told


class IncidentState(StrEnum):
    """How far an incident is."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Fired:
    """What a watch says of one alert on one counter, or a rule of one message: the way from detection to incidents."""

    brand_id: int
    policy: str
    watched: Watched
    told: Told
    severity: Severity
    at: datetime
    """When it is said."""
    since: datetime
    """When what it is about began."""
    topic: str = ""
    """Key of the topic; "": all that concerns the brand."""
    source: str = ""
    """The network; "": all of them."""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    """Numbers, ids and our own words, as JSON; see `EVIDENCE`."""
    muted_by: str = ""
    """Why the calendar keeps it silent, in words; "": it does not."""

    @property
    def key(self) -> str:
        """What makes two of them one incident."""
        return "/".join((self.policy, self.topic, self.source))


EVIDENCE = {
    "why": "one line of plain English with the numbers",
    "seen": "how many in the span",
    "expected": "how many are usual",
    "low": "lowest usual",
    "high": "highest usual",
    "seconds": "length of the span",
    "size": "in thresholds: 1 is just a page",
    "sigmas": "how far from the expected",
    "bits": "surprise",
    "known": "which part of the span was heard, 0 to 1",
    "part": "of negative spikes: the negative ones",
    "whole": "of negative spikes: all of them",
    "share": "of negative spikes: the usual share, 0 to 1",
    "authors": "distinct authors in the span",
    "rules": "keys of the rules that handed to it",
    "mention": "of a rule's: the id of the message",
    "planned": "titles of what the calendar has for the day",
    "stream": "of a network that is not heard: the stream that brings most, and",
    "state": "what it was doing instead",
    "counter": "which counter: mentions, negative, urgent",
    "curve": "counts of the last buckets, oldest first; null: unknown",
    "curve_expected": "what was expected of each",
    "curve_at": "seconds since 1970 of the first of them",
    "curve_step": "seconds a bucket",
}
"""The keys of an alarm's evidence, each optional."""


@dataclass(frozen=True, slots=True)
class Incident:
    """An alert with a life."""

    id: int
    brand_id: int
    key: str
    policy: str
    watched: Watched
    topic: str
    source: str
    state: IncidentState
    severity: Severity
    title: str
    since: datetime
    opened_at: datetime
    told_at: datetime
    over_at: datetime | None = None
    parent_id: int | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: int | None = None
    resolved_at: datetime | None = None
    resolved_by: int | None = None
    assignee_id: int | None = None
    reopened: int = 0
    evidence: Mapping[str, Any] = field(default_factory=dict)
    muted_by: str = ""
    route: str = ""
    chain: str = ""
    step: int = 0
    round: int = 0
    next_at: datetime | None = None
    version: int = 1
    hushed: str = ""
    """Why the calendar keeps it silent, as the watch said last."""
    cool_until: datetime | None = None
    """Reopened so soon that nobody is told before, unless it is worse."""
    reopened_at: datetime | None = None
    step_at: datetime | None = None
    """When somebody is told next, if nothing keeps it silent."""
    worse: int = 0
    """How often it was said to be worse,"""
    worse_told: int = 0
    """and how many of these were told on."""


class PageKind(StrEnum):
    """What a page is about."""

    ALERT = "alert"
    AGAIN = "again"
    """It stands, and nobody has said that they know."""
    WORSE = "worse"
    STILL = "still"
    """Acknowledged, and not resolved for long."""
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    UNDELIVERED = "undelivered"
    """Somebody else could not be told."""
    DIGEST = "digest"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Page:
    """One telling: of one incident, to one receiver. Its row comes first, its delivery second."""

    brand_id: int
    incident_id: int | None
    what: PageKind
    receiver: str
    """Its name in the settings."""
    person: str = ""
    """The login of who is told; "": whoever reads there."""
    step: int = 0
    round: int = 0
    about: Sequence[int] = ()
    """Of a digest: the ids of the incidents."""
    note: str = ""
    """What whoever is told should know about the telling, in our own words: that everybody is quiet and it comes all the same."""


@dataclass(frozen=True, slots=True)
class Matcher:
    """One thing that must hold of an incident: `name` is topic, source, policy, watched or severity."""

    name: str
    values: frozenset[str]


@dataclass(frozen=True, slots=True)
class Silence:
    """Incidents of which nobody is told, for a time, because a person said so."""

    id: int
    brand_id: int
    matchers: tuple[Matcher, ...]
    begins_at: datetime
    ends_at: datetime
    note: str
    person_id: int
    made_at: datetime
    ended_at: datetime | None = None
