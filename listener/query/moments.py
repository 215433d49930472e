"""Times, hours and zones as a query writes them. Owns their spelling; what they are at a given now is for `clock`.

A day is whole: `>2026-11-01` begins after it, `[... TO 2026-11-07]` runs through its end; so is a minute that is written out. A bare hour
is whole too: [9 TO 17] ends at 18:00, [09:00 TO 17:00] at 17:00.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import cache
from zoneinfo import available_timezones

from listener.query.clock import zone
from listener.query.fields import nearest
from listener.query.tree import Moment

SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
DAY = 24 * 60

_SPAN = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)([smhdw])", re.IGNORECASE)
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+){0,3}")
_DAY = re.compile(r"([0-9]{4})-([0-9]{2})(?:-([0-9]{2}))?")
_INSTANT = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[Tt]|\s+)([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.[0-9]{1,9})?)?([Zz]|[+-][0-9]{2}:?[0-9]{2})?"
)
_TODAY = re.compile(r"(today|yesterday)(?:-([0-9]{1,6})d)?", re.IGNORECASE)
_NOW = re.compile(r"now(?:-([0-9]{1,9}(?:\.[0-9]{1,6})?[smhdw]))?", re.IGNORECASE)
_HOUR = re.compile(r"([0-9]{1,2})(?::([0-9]{2}))?")
_YEARS = range(1970, 3000)


@dataclass(frozen=True, slots=True)
class Stretch:
    """What one written time covers; from `low` (in) to `high` (out). An instant such as now covers nothing: both are the same."""

    low: Moment
    high: Moment


def span(text: str) -> float | None:
    """Seconds of a span of time: 90s, 30m, 2h, 1d, 1w. None when it is none."""
    found = _SPAN.fullmatch(text)
    return float(found.group(1)) * SECONDS[found.group(2).lower()] if found else None


def looks_like_zone(word: str) -> bool:
    """Whether a word behind times can only be meant as a zone."""
    return bool(_ZONE.fullmatch(word)) and not (_TODAY.fullmatch(word) or _NOW.fullmatch(word) or word.lower() == "to")


def is_zone(name: str) -> bool:
    """Whether there is such a zone."""
    if not _ZONE.fullmatch(name):
        return False
    try:
        zone(name)
    except (KeyError, ValueError, OSError):  # a folder of zones is no zone
        return False
    return True


def nearest_zone(name: str) -> str:
    """The zone that was probably meant, also by its city alone; or ""."""
    known = _zones()
    folded = name.lower().replace(" ", "_")
    meant = folded if folded in known else nearest(folded, known)
    return known.get(meant, "")


@cache
def _zones() -> dict[str, str]:
    names = sorted(available_timezones())
    cities = {name.rpartition("/")[2].lower(): name for name in names if name.count("/") == 1}
    return cities | {name.lower(): name for name in names}


def stretch(text: str, zone_name: str) -> Stretch | None:
    """A written time. None when it is none, or beyond the years 1970 to 2999."""
    if found := _TODAY.fullmatch(text):
        day = -int(found.group(2) or 0) - (found.group(1).lower() == "yesterday")
        return Stretch(Moment(day=day, zone=zone_name), Moment(day=day + 1, zone=zone_name))
    if found := _NOW.fullmatch(text):
        moment = Moment(seconds=-(span(found.group(1)) or 0.0) if found.group(1) else 0.0)
        return Stretch(moment, moment)
    try:
        if found := _DAY.fullmatch(text):
            return _days(found, zone(zone_name))
        if found := _INSTANT.fullmatch(text):
            return _instant(found, zone(zone_name))
    except ValueError:  # the 30th of February, 25 o'clock
        return None
    return None


def _days(found: re.Match[str], where: tzinfo) -> Stretch | None:
    year, month, day = int(found.group(1)), int(found.group(2)), found.group(3)
    if year not in _YEARS:
        return None
    first = date(year, month, int(day or 1))
    behind = first + timedelta(days=1) if day else (first + timedelta(days=31)).replace(day=1)
    low, high = (datetime.combine(one, time(), where).astimezone(UTC) for one in (first, behind))
    return Stretch(Moment(at=low), Moment(at=high))


def _instant(found: re.Match[str], where: tzinfo) -> Stretch | None:
    year, month, day, hour, minute, second = (int(one or 0) for one in found.groups()[:6])
    if year not in _YEARS:
        return None
    low = datetime(year, month, day, hour, minute, second, tzinfo=_offset(found.group(7)) or where).astimezone(UTC)
    return Stretch(Moment(at=low), Moment(at=low + timedelta(seconds=1 if found.group(6) else 60)))


def _offset(written: str | None) -> tzinfo | None:
    if not written:
        return None
    if written in "Zz":
        return UTC
    hours, minutes = int(written[1:3]), int(written[-2:])
    if minutes > 59:
        raise ValueError(written)
    ahead = timedelta(hours=hours, minutes=minutes)
    return timezone(-ahead if written[0] == "-" else ahead)


def minutes(text: str) -> tuple[int, int] | None:
    """The minutes of the day that a written hour covers: 9 from 540 to 600, 09:30 from 570 to 570. None when it is none."""
    found = _HOUR.fullmatch(text)
    if not found:
        return None
    hour, minute = int(found.group(1)), int(found.group(2) or 0)
    if hour > 24 or minute > 59 or (hour == 24 and minute):
        return None
    low = hour * 60 + minute
    return low, low if found.group(2) or hour == 24 else low + 60
