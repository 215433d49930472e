"""Opening hours: when somebody is there, and when so much open time will have passed. Owns this arithmetic; pure.

What is written is what the clock on the wall shows. A span begins the first time that it shows the beginning or later, and ends the first
time that it shows the end or later: in the hour that does not exist it begins and ends when that hour is jumped over, and of an hour that
exists twice the first counts. A span past midnight belongs to the day on which it begins, holidays and all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from listener.model.problems import Problem
from listener.query.clock import zone
from listener.rulebook.nodes import NOWHERE, Place

DAY = 24 * 60
"""Minutes."""
YEAR = 366
"""Days, so that no clock changes in between."""
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
FAR_DAYS = 5 * 366
"""What does not come about in so many days never does."""

_SHORT_OF_A_CHANGE = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Span:
    """A time of opening, in minutes of the day on which it begins; an end behind 1440 is on the next day."""

    begin: int
    end: int
    place: Place = field(default=NOWHERE, compare=False)

    def __str__(self) -> str:
        return f"{_clock(self.begin)}-{_clock(self.end)}"


@dataclass(frozen=True, slots=True)
class Holiday:
    """A day that is not like its weekday."""

    day: date
    title: str = ""
    spans: tuple[Span, ...] = ()
    """When it is open all the same, in order."""


@dataclass(frozen=True, slots=True)
class Closed:
    """Days on which nobody is there, both included; a holiday among them that says when it is open is open."""

    first: date
    last: date
    title: str = ""


@dataclass(frozen=True, slots=True)
class Hours:
    """When a team is there, by the clock of one zone."""

    key: str
    title: str
    zone: str
    week: tuple[tuple[Span, ...], ...]
    """Seven days, Monday first, each with its spans in order."""
    holidays: tuple[Holiday, ...] = ()
    closed: tuple[Closed, ...] = ()
    place: Place = NOWHERE

    def spans_of(self, day: date) -> tuple[Span, ...]:
        """When it opens on a day of the calendar."""
        for holiday in self.holidays:
            if holiday.day == day:
                return holiday.spans
        if any(one.first <= day <= one.last for one in self.closed):
            return ()
        return self.week[day.weekday()]

    def open_at(self, moment: datetime) -> bool:
        """Whether it is open; the moment of opening is, the moment of closing is not."""
        moment = moment.astimezone(UTC)  # a moment of a zone's odd hour equals no other
        return any(begin <= moment < end for begin, end in self._times(moment, days=1))

    def next_open(self, moment: datetime) -> datetime | None:
        """The first moment from this one on at which it is open, in UTC; None: not in five years."""
        moment = moment.astimezone(UTC)
        return next((max(begin, moment) for begin, _ in self._times(moment)), None)

    def next_close(self, moment: datetime) -> datetime | None:
        """The first moment from this one on at which it is not open, in UTC; None: not in five years."""
        until = moment.astimezone(UTC)
        never = _day_of(until, self.zone) + timedelta(days=FAR_DAYS - 1)
        for begin, end in self._times(until):
            if begin > until:
                break
            until = end
        return until if _day_of(until, self.zone) <= never else None

    def due(self, start: datetime, seconds: float) -> datetime | None:
        """The first moment at which so many open seconds have passed since `start`, in UTC; None: not in five years."""
        left, start = timedelta(seconds=seconds), start.astimezone(UTC)
        for opens, end in self._times(start):
            begin = max(opens, start)
            if end - begin >= left:
                return begin + left
            left -= end - begin
        return None

    def _times(self, since: datetime, *, days: int = FAR_DAYS) -> Iterator[tuple[datetime, datetime]]:
        """The times of opening that end after a moment, in order; one may begin where the one before it ends."""
        first = _day_of(since, self.zone) - timedelta(days=1)
        until = datetime.min.replace(tzinfo=UTC)
        for number in range(days + 2):
            day = first + timedelta(days=number)
            for span in self.spans_of(day):
                begin, end = (instant(day, minute, self.zone) for minute in (span.begin, span.end))
                begin, until = max(begin, until), max(end, until)
                if begin < until and since < until:
                    yield begin, until


@lru_cache(maxsize=4096)
def instant(day: date, minute: int, zone_name: str) -> datetime:
    """The first moment, in UTC, at which the clock of a zone shows this minute of the day, counted from midnight, or later."""
    where = zone(zone_name)
    shown = datetime.combine(day, time()) + timedelta(minutes=minute)
    late = shown.replace(tzinfo=where).astimezone(UTC)
    if _shown(late, zone_name) == shown:
        return late
    early = shown.replace(tzinfo=where, fold=1).astimezone(UTC)
    while late - early > _SHORT_OF_A_CHANGE:  # the clock jumps over it between these two
        middle = early + (late - early) / 2
        early, late = (early, middle) if _shown(middle, zone_name) >= shown else (middle, late)
    return late


def jumped(day: date, minute: int, zone_name: str) -> datetime | None:
    """What the clock of a zone shows instead of a minute of the day that it jumps over; None when it shows it.

    Midnight counts as shown: nothing is lost of a day that begins late.
    """
    shown = datetime.combine(day, time()) + timedelta(minutes=minute)
    there = _shown(instant(day, minute, zone_name), zone_name)
    return None if there == shown or minute % DAY == 0 else there


def odd_hours(hours: Hours, since: date) -> tuple[Problem, ...]:
    """Times of opening that begin or end, on some day of the year from `since` on, in an hour that the clock jumps over; each once."""
    found: dict[Place, Problem] = {}
    for number in range(-1, YEAR):  # what begins the evening before may end in that hour
        day = since + timedelta(days=number)
        if _offset(day, hours.zone) == _offset(day + timedelta(days=2), hours.zone):
            continue
        for span in hours.spans_of(day):
            for minute in (span.begin, span.end):
                shown = datetime.combine(day, time()) + timedelta(minutes=minute)
                there = jumped(day, minute, hours.zone)
                if there is None or shown.date() < since or span.place in found:
                    continue
                message = f"hours {hours.key}: {shown:%H:%M} does not exist in {hours.zone} on {shown:%Y-%m-%d}"
                hint = f"the clock jumps to {there:%H:%M}, which counts instead; choose a time outside of that hour"
                place = span.place
                found[place] = Problem(place.file, place.line, place.column, "hour-does-not-exist", message, hint)
    return tuple(found.values())


def _clock(minute: int) -> str:
    return "24:00" if minute == DAY else f"{minute % DAY // 60:02}:{minute % 60:02}"


def _shown(moment: datetime, zone_name: str) -> datetime:
    """What the clock shows."""
    return moment.astimezone(zone(zone_name)).replace(tzinfo=None, fold=0)


def _day_of(moment: datetime, zone_name: str) -> date:
    return moment.astimezone(zone(zone_name)).date()


def _offset(day: date, zone_name: str) -> timedelta | None:
    return datetime.combine(day, time(), zone(zone_name)).utcoffset()
