"""Tests of alerts: stretches of time with what is heard in them, and what must come of the last one. Owns these shapes and their words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from listener.rulebook.nodes import NOWHERE, Place

BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
"""A Monday: when a test begins that does not say when."""
LONGEST = 60 * 86_400
"""Seconds of all stretches of a test together."""
_UNITS = {"m": 60, "min": 60, "h": 3_600, "hour": 3_600, "hours": 3_600, "d": 86_400, "day": 86_400, "days": 86_400}
_STRETCH = re.compile(
    r"(?P<n>\d{1,5}) ?(?P<unit>m|min|h|hours?|d|days?)"
    r"(?: (?P<unheard>unheard)| of (?:(?P<nothing>nothing)|(?P<rate>\d{1,6}(?:\.\d{1,3})?) ?/ ?(?P<per>h|d|min))"
    r"(?P<parts>(?: (?:with|and) \d{1,3} ?% (?:negative|urgent))*)(?: by (?P<people>\d{1,6}) people)?)\Z"
)
_PART = re.compile(r"(\d{1,3}) ?% (negative|urgent)")


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which so much is heard, evenly."""

    seconds: int
    """Whole buckets of five minutes."""
    per_day: float | None
    """Mentions; None: nobody listened."""
    negative: float = 0.0
    """Of them, 0 to 1,"""
    urgent: float = 0.0
    """want an answer and get none."""
    people: int | None = None
    """By how many they are; None: each by another one."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A test of an alert: it must page within so long from the beginning of the last stretch on, or not at all; never before."""

    title: str
    stretches: tuple[Stretch, ...]
    within: int | None
    """Seconds; None: nobody is to be paged."""
    severity: str = ""
    """At least so bad; "": however bad."""
    begin: datetime = BEGIN
    place: Place = NOWHERE


def stretch_of(text: str) -> Stretch | None:
    """What a text such as `3 days of 10/h with 20 % negative` says; None: nothing."""
    found = _STRETCH.match(" ".join(text.split()))
    if found is None:
        return None
    seconds = int(found["n"]) * _UNITS[found["unit"]]
    if seconds % 300 or not 300 <= seconds <= LONGEST:
        return None
    if found["unheard"]:
        return Stretch(seconds, None)
    rate = 0.0 if found["nothing"] else float(found["rate"]) * {"d": 1, "h": 24, "min": 1_440}[found["per"]]
    parts = {name: int(share) / 100 for share, name in _PART.findall(found["parts"] or "")}
    if any(share > 1 for share in parts.values()):
        return None
    people = None if found["people"] is None else int(found["people"])
    return Stretch(seconds, rate, parts.get("negative", 0.0), parts.get("urgent", 0.0), people)
