"""Calendars that say who is on duty, as calendar programs write them (iCalendar, RFC 5545). Owns what an event means, and what is too much.

Each event is a turn of the person that its title names. Repeated, moved, cancelled and deleted ones are as in the calendar; days and times
without a zone are the rota's. Two libraries do the reading, and do whatever a calendar says for as long as it takes: what would keep them
busy is refused before they see it. Refuses to fetch anything.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any

from listener.rulebook.turns import Timeline, Turn

SUFFIX = ".ics"
OLDEST = 2000
"""The year before which nothing may begin: what is repeated is counted from there."""
NEWEST = 2199
"""The year after which nothing may begin."""
MOST = 5_000
"""Events in one calendar, and dates that are named one by one."""
MOST_REPEATED = 200
"""Rules of repetition in one calendar."""
MOST_TEXT = 4_000_000
"""Characters of one calendar,"""
MOST_LINES = 300_000
"""and ends of lines, of which a line may have two."""
LONGEST_REPEATED = timedelta(days=92)
"""What is repeated may last so long: else thousands of it are at the same time."""
MOST_TURNS = 10_000
"""In the time that is asked for: a turn an hour, for a year."""

_TOO_OFTEN = re.compile(r"FREQ=(?:SECONDLY|MINUTELY|HOURLY)|BY(?:HOUR|MINUTE|SECOND)=", re.IGNORECASE)
_NO_STEP = re.compile(r"INTERVAL=(?!0*[1-9][0-9]{0,3}\s*(?:[;:]|$))", re.IGNORECASE | re.MULTILINE)
_RULE = re.compile(r"^(?:RRULE|EXRULE)\b", re.IGNORECASE | re.MULTILINE)
_DATES = re.compile(r"^(?:RDATE|EXDATE)\b.*$", re.IGNORECASE | re.MULTILINE)
_ODD_CLOCK = re.compile(r"FREQ=(?!YEARLY)", re.IGNORECASE)
_EVENT = re.compile(r"^BEGIN:VEVENT\s*$", re.IGNORECASE | re.MULTILINE)
_FOLD = re.compile(r"\r?\n[ \t]")
_CYCLE = 400
"""Years after which the same days fall on the same days of the week."""
_BLOCK = timedelta(days=32)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


class BadCalendar(Exception):
    """Why a text is no calendar of turns, in words."""


@dataclass(frozen=True, slots=True)
class Events:
    """A calendar that was read."""

    calls: tuple[str, ...]
    """Its events' titles, each once."""
    _query: Any = field(compare=False, repr=False)

    @classmethod
    def read(cls, text: str) -> Events:
        """From its text. Raises BadCalendar."""
        import icalendar  # both cost a sixth of a second, and few have calendars
        import recurring_ical_events

        _bounded(text)
        try:
            found = icalendar.Calendar.from_ical(text)
            events = list(found.walk("VEVENT"))
            begins = [event.decoded("DTSTART") for event in events]
            query = recurring_ical_events.of(found)
        except Exception as err:  # two libraries raise whatever comes to hand for what they cannot read
            raise _unreadable(err) from err
        if not events:
            raise BadCalendar("it has no events")
        if any(one.year < OLDEST for one in begins):
            raise BadCalendar(f"an event begins before {OLDEST}")
        if any(one.year > NEWEST for one in begins):
            raise BadCalendar(f"an event begins after {NEWEST}")
        for event in events:
            _repeats(event)
        made = cls(tuple(dict.fromkeys(_title(event) for event in events)), query)
        made.between(_EPOCH, _EPOCH + timedelta(days=1))
        return made

    def between(self, begin: datetime, end: datetime) -> tuple[Turn, ...]:
        """The turns that touch a time, and a few more at both ends. Raises BadCalendar where there are too many, or one cannot be read."""
        # A day more at both ends: of days without a zone only the rota knows where they begin.
        begin, end = begin - timedelta(days=1), end + timedelta(days=1)
        last = (end + timedelta(days=2)).date()
        try:
            found = [
                _turn(event, last)
                for event in self._query.between(begin, end)
                if str(event.get("STATUS", "")).upper() != "CANCELLED"
            ]
        except Exception as err:
            raise _unreadable(err) from err
        if len(found) > MOST_TURNS:
            raise BadCalendar(f"it has more than {MOST_TURNS:,} turns in {(end - begin).days} days")
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Turns:
    """A calendar beside the rules, in a rota's zone."""

    text: str
    zone: str
    people: Mapping[str, str] = field(default_factory=dict)
    """Ids by what titles call them."""
    events: Events | None = field(default=None, compare=False, repr=False)
    _blocks: dict[int, Timeline] = field(default_factory=dict, init=False, compare=False, repr=False)
    """What was worked out: repetitions are counted from their beginning, which is too slow for every question."""

    @classmethod
    def read(cls, text: str, zone_name: str) -> Turns:
        """A calendar from its text. Raises BadCalendar."""
        return cls(text, zone_name, {}, Events.read(text))

    @property
    def everybody(self) -> tuple[str, ...]:
        """Whoever may ever be on duty by it."""
        return tuple(sorted(set(self.people.values())))

    def calls(self) -> tuple[str, ...]:
        """What its events call people, each once."""
        return () if self.events is None else self.events.calls

    def on_duty(self, moment: datetime) -> str:
        """Whose turn it is; "" when no event that names anybody we know covers the moment, or it cannot be told."""
        number = (moment - _EPOCH) // _BLOCK
        if number not in self._blocks:
            self._blocks[number] = self._block(_EPOCH + number * _BLOCK)
        return self._blocks[number].on_duty(moment)

    def _block(self, begin: datetime) -> Timeline:
        try:
            turns = () if self.events is None else self.events.between(begin, begin + _BLOCK)
        except BadCalendar:
            return Timeline()
        return Timeline.of(turns, self.zone, self.people)


def _bounded(text: str) -> None:
    """Refuses what would take long to read, by what is written alone."""
    if len(text) > MOST_TEXT:
        raise BadCalendar(f"it is longer than {MOST_TEXT:,} characters")
    if text.count("\n") + text.count("\r") > MOST_LINES:
        raise BadCalendar(f"it is longer than {MOST_LINES // 2:,} lines")
    plain = _FOLD.sub("", text).replace("\r", "\n")
    if _TOO_OFTEN.search(plain):
        raise BadCalendar("an event is repeated every hour or more often")
    if _NO_STEP.search(plain):
        raise BadCalendar("an event is repeated by steps of nothing")
    if _odd_clocks(plain):
        raise BadCalendar("a time zone of its own changes its clock more often than yearly")
    if _more(_EVENT, plain, MOST):
        raise BadCalendar(f"it has more than {MOST:,} events")
    if _more(_RULE, plain, MOST_REPEATED):
        raise BadCalendar(f"it has more than {MOST_REPEATED} repeated events")
    if sum(1 + found.group().count(",") for found in _DATES.finditer(plain)) > MOST:
        raise BadCalendar(f"it names more than {MOST:,} dates of repeated events")


def _odd_clocks(plain: str) -> bool:
    """Whether a time zone that the calendar brings along repeats its changes otherwise than by the year."""
    within = False
    for line in plain.split("\n"):
        if line[:15].upper() in {"BEGIN:VTIMEZONE", "END:VTIMEZONE"}:
            within = line[:1] in "bB"
        elif within and _ODD_CLOCK.search(line):
            return True
    return False


def _more(what: re.Pattern[str], text: str, most: int) -> bool:
    return next(islice(what.finditer(text), most, None), None) is not None


def _repeats(event: Any) -> None:
    """Refuses repetitions that never come, for which the library looks until the year 9999, and those that last too long."""
    from dateutil.rrule import rrulestr

    rules = event.get("RRULE")
    if rules is None and "RDATE" not in event:
        return
    begin = event.decoded("DTSTART")
    begin = begin if isinstance(begin, datetime) else datetime.combine(begin, time())
    begin = begin.replace(tzinfo=None, microsecond=0)
    try:
        end = event.decoded("DTEND") if "DTEND" in event else begin + event.decoded("DURATION", timedelta())
        last = end if isinstance(end, datetime) else datetime.combine(end, time())
        # Where the calendar comes round to the same days again, with less than one more round before it ends.
        late = begin.replace(year=begin.year + (9999 - begin.year) // _CYCLE * _CYCLE)
        for rule in rules if isinstance(rules, list) else [rules] if rules is not None else []:
            written = re.sub(r"(?:UNTIL|COUNT)=[^;]*;?", "", rule.to_ical().decode())
            if next(iter(rrulestr(written.strip(";"), dtstart=late)), None) is None:
                raise BadCalendar("an event is repeated on days that never come")
    except BadCalendar:
        raise
    except Exception as err:
        raise _unreadable(err) from err
    if last.replace(tzinfo=None) - begin > LONGEST_REPEATED:
        raise BadCalendar(f"a repeated event lasts longer than {LONGEST_REPEATED.days} days")


def _turn(event: Any, last: date) -> Turn:
    """What ends after `last` ends there: nobody asks for later, and the end of all time is beyond the clock of some zones."""
    begin = event["DTSTART"].dt
    end = event["DTEND"].dt if "DTEND" in event else begin
    if (end.date() if isinstance(end, datetime) else end) > last:
        end = last
    return Turn(_title(event), _plain(begin), _plain(end))


def _plain(at: date | datetime) -> date | datetime:
    return at.astimezone(UTC) if isinstance(at, datetime) and at.tzinfo is not None else at


def _title(event: Any) -> str:
    return " ".join(str(event.get("SUMMARY", "")).split())[:200]


def _unreadable(err: Exception) -> BadCalendar:
    if isinstance(err, BadCalendar):
        return err
    return BadCalendar(f"it cannot be read: {' '.join(str(err).split())[:120] or type(err).__name__}")
