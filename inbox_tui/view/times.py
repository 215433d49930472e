"""Times to choose from, and times as people type them. The reader's zone decides what an evening is."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo

MORNING, EVENING = time(9), time(18)


def snooze_choices(now: datetime, zone: tzinfo | None) -> list[tuple[str, str, datetime]]:
    """(key, words, when) of sensible times, soonest first; `when` keeps the zone of `now`."""
    local = now.astimezone(zone)

    def on(days: int, at: time) -> datetime:
        return datetime.combine(local.date() + timedelta(days=days), at, tzinfo=local.tzinfo).astimezone(now.tzinfo)

    monday = 7 - local.weekday()
    choices = [
        ("1h", "one hour", now + timedelta(hours=1)),
        ("4h", "four hours", now + timedelta(hours=4)),
        ("evening", "this evening, 18:00", on(0, EVENING)),
        ("tomorrow", "tomorrow, 9:00", on(1, MORNING)),
        ("monday", "next Monday, 9:00", on(monday, MORNING)),
        ("week", "one week", now + timedelta(days=7)),
    ]
    return sorted((choice for choice in choices if choice[2] > now), key=lambda choice: choice[2])


FARTHEST = timedelta(days=366)
"""Nobody plans a reply for longer than this."""

TYPED_FORMS = "14:30 · tomorrow 9 · tue 09:00 · 24.12. 8:30 · 2026-12-24 8:30 · in 90m, 3h, 2d"

_IN = re.compile(r"(?:in )?(\d{1,4}) ?(m|min|h|d)")
_AT = re.compile(r"(?:(.+?)[ ,]+)?(?:at )?(\d{1,2})(?:[:.](\d{2}))?")
_DAY = re.compile(r"(\d{1,2})\.(\d{1,2})\.(?:(\d{4}))?")
_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def typed_time(text: str, now: datetime, zone: tzinfo | None) -> datetime | str:
    """The moment that somebody typed, in the zone of `now`; or what is wrong with it. Never a time that has passed."""
    found = _meant(" ".join(text.lower().split()), now, zone)
    if isinstance(found, str):
        return found
    if found <= now:
        return "that time has already passed"
    return "more than a year ahead" if found - now > FARTHEST else found


def _meant(text: str, now: datetime, zone: tzinfo | None) -> datetime | str:
    if span := _IN.fullmatch(text):
        unit = {"m": "minutes", "min": "minutes", "h": "hours", "d": "days"}[span[2]]
        return now + timedelta(**{unit: int(span[1])})
    at = _AT.fullmatch(text)
    if at is None:
        return f"not a time: {TYPED_FORMS}"
    day = _day(at[1] or "today", now.astimezone(zone).date())
    hour, minute = int(at[2]), int(at[3] or 0)
    if day is None or hour > 23 or minute > 59:
        return f"not a time: {TYPED_FORMS}"
    wall = datetime.combine(day, time(hour, minute))
    found = (wall.replace(tzinfo=zone) if zone is not None else wall).astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) != wall:
        return "the clocks are put forward then: there is no such time that day"
    return found.astimezone(now.tzinfo)


def _day(word: str, today: date) -> date | None:
    if word in ("today", "tomorrow"):
        return today + timedelta(days=word == "tomorrow")
    if len(word) >= 2 and (names := [i for i, name in enumerate(_WEEKDAYS) if name.startswith(word)]):
        # A weekday is the next one: on a Tuesday, "tue" is in a week.
        return today + timedelta(days=(names[0] - today.weekday() - 1) % 7 + 1) if len(names) == 1 else None
    try:
        if iso := _ISO.fullmatch(word):
            return date(int(iso[1]), int(iso[2]), int(iso[3]))
        if local := _DAY.fullmatch(word):
            day = date(int(local[3] or today.year), int(local[2]), int(local[1]))
            return day if local[3] or day >= today else day.replace(year=today.year + 1)
    except ValueError:
        return None
    return None
