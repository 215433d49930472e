"""Times as queries write them: a moment as an instant, the minute of a day in a zone. Owns this arithmetic; refuses to know what now is."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from listener.query.tree import Hours, Moment, Period


@lru_cache(maxsize=256)
def zone(name: str) -> tzinfo:
    """A zone by its name. Raises KeyError (ZoneInfoNotFoundError) or ValueError for one that is none: the parser has asked before."""
    return ZoneInfo(name)


def instant(moment: Moment, now: datetime) -> datetime:
    """The instant that a moment is when it is now `now`. Beyond the calendar's ends: its ends."""
    if moment.at is not None:
        return moment.at
    try:
        if moment.day is None:
            return now + timedelta(seconds=moment.seconds)
        there = now.astimezone(zone(moment.zone))
        return there.replace(hour=0, minute=0, second=0, microsecond=0, fold=0) + timedelta(days=moment.day)
    except OverflowError:
        ahead = moment.seconds > 0 if moment.day is None else moment.day > 0
        return (datetime.max if ahead else datetime.min).replace(tzinfo=now.tzinfo)


def within(period: Period, at: datetime, now: datetime) -> bool:
    """Whether an instant lies in a period."""
    if period.low is not None and at < instant(period.low, now):
        return False
    return period.high is None or at < instant(period.high, now)


def during(hours: Hours, at: datetime) -> bool:
    """Whether an instant lies in these hours of its day."""
    there = at.astimezone(zone(hours.zone))
    minute = there.hour * 60 + there.minute
    if hours.low < hours.high:
        return hours.low <= minute < hours.high
    return minute >= hours.low or minute < hours.high
