"""Times to choose from: how long to snooze. The reader's zone decides what an evening is."""

from __future__ import annotations

from datetime import datetime, time, timedelta, tzinfo

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
