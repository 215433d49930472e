"""Calendars that say who is on duty: a file beside the rules, as calendar programs write it (iCalendar, RFC 5545). Owns what an event means.

Each event is a turn of the person that its summary names, by id or by name. Repeated, moved and deleted ones are as in the calendar; days and times
without a zone are the rota's. Refuses to fetch anything, and calendars whose events come more than once an hour.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from listener.query.clock import zone
from listener.rulebook.hours import instant

SUFFIX = ".ics"
OLDEST = 2000
"""The year before which nothing may begin: what is repeated is counted from there."""
MOST = 5_000
"""Events in one file."""

_TOO_OFTEN = re.compile(r"FREQ=(?:SECONDLY|MINUTELY|HOURLY)", re.IGNORECASE)
_FOLD = re.compile(r"\r?\n[ \t]")


class BadCalendar(Exception):
    """Why a file is no calendar of turns, in words."""


@dataclass(frozen=True, slots=True)
class Turns:
    """A calendar of turns, in a rota's zone."""

    text: str
    zone: str
    people: Mapping[str, str] = field(default_factory=dict)
    """Ids by what summaries call them."""
    _query: Any = field(default=None, compare=False, repr=False)

    @classmethod
    def read(cls, text: str, zone_name: str) -> Turns:
        """A calendar from its text. Raises BadCalendar."""
        import icalendar  # both cost a sixth of a second, and few have calendars
        import recurring_ical_events

        plain = _FOLD.sub("", text)
        if _TOO_OFTEN.search(plain):
            raise BadCalendar("an event is repeated every hour or more often")
        if plain.count("BEGIN:VEVENT") > MOST:
            raise BadCalendar(f"it has more than {MOST:,} events")
        try:
            found = icalendar.Calendar.from_ical(text)
            begins = [event.decoded("DTSTART") for event in found.walk("VEVENT")]
            query = recurring_ical_events.of(found)
            made = cls(text, zone_name, {}, query)
            made.at(datetime(2026, 1, 1, tzinfo=UTC))
        except Exception as err:  # two libraries raise whatever comes to hand for what they cannot read
            raise BadCalendar(f"it cannot be read: {' '.join(str(err).split())[:120] or type(err).__name__}") from err
        if not begins:
            raise BadCalendar("it has no events")
        if any(one.year < OLDEST for one in begins):
            raise BadCalendar(f"an event begins before {OLDEST}")
        return made

    def calls(self) -> tuple[str, ...]:
        """What its events call people, each once."""
        import icalendar

        found = icalendar.Calendar.from_ical(self.text)
        return tuple(dict.fromkeys(_summary(event) for event in found.walk("VEVENT")))

    def at(self, moment: datetime) -> tuple[str, ...]:
        """What the events of a moment call people, the one that began last first; the moment at which one ends is not in it."""
        there = moment.astimezone(zone(self.zone))
        # A day more at both ends: of days without a zone only we know where they begin.
        near = self._query.between(there - timedelta(days=1), there + timedelta(days=1))
        found = []
        for event in near:
            begin = self._instant(event["DTSTART"].dt)
            end = self._instant(event["DTEND"].dt) if "DTEND" in event else begin
            if begin <= moment < end:
                found.append((begin, _summary(event)))
        return tuple(name for _, name in sorted(found, key=lambda one: (-one[0].timestamp(), one[1])))

    def on_duty(self, moment: datetime) -> str:
        """Whose turn it is; "" when no event that names anybody we know covers the moment."""
        return next((self.people[name] for name in self.at(moment) if name in self.people), "")

    def _instant(self, at: date | datetime) -> datetime:
        if not isinstance(at, datetime):
            return instant(at, 0, self.zone)
        if at.tzinfo is None:
            return instant(at.date(), at.hour * 60 + at.minute, self.zone)
        return at.astimezone(UTC)


def known(calls: Iterable[str], people: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Ids by what a calendar calls people, of those who are known: `people` are ids with names."""
    by_word: dict[str, str] = {}
    for id_, name in people:
        by_word.setdefault(name.casefold(), id_)
    by_word.update((id_.casefold(), id_) for id_, _ in people)
    return {call: by_word[call.casefold()] for call in calls if call.casefold() in by_word}


def _summary(event: Any) -> str:
    return " ".join(str(event.get("SUMMARY", "")).split())[:200]
