"""The trade's recipes for a spike of a count, in plain Python, as peers of the detector: each is fed a bucket and says whether it pages."""

from __future__ import annotations

from collections import deque
from math import sqrt

STEP = 300
DAY = 86_400 // STEP
HOUR = 3_600 // STEP


class DayAgainstWeek:
    """24 h mean over the 7-day mean plus two deviations of buckets, with a pause of a day."""

    def __init__(self, many: float = 2.0) -> None:
        self._week: deque[int] = deque()
        self._day: deque[int] = deque()
        self._sum = self._squares = self._today = 0
        self._many = many
        self._waits = 0

    def take(self, seen: int) -> bool:
        """Whether it would page."""
        self._waits -= 1
        self._week.append(seen)
        self._day.append(seen)
        self._sum += seen
        self._squares += seen * seen
        self._today += seen
        if len(self._day) > DAY:
            self._today -= self._day.popleft()
        if len(self._week) > 7 * DAY:
            gone = self._week.popleft()
            self._sum -= gone
            self._squares -= gone * gone
        n = len(self._week)
        mean = self._sum / n
        spread = sqrt(max(0.0, self._squares / n - mean * mean))
        pages = self._waits <= 0 and n > 2 * DAY and self._today / len(self._day) > mean + self._many * spread
        if pages:
            self._waits = DAY
        return pages


class DayAgainstDays:
    """The last 24 h over the mean of the seven days before and two deviations of days, with a pause of a day."""

    def __init__(self, many: float = 2.0) -> None:
        self._counts: deque[int] = deque(maxlen=8 * DAY)
        self._many = many
        self._waits = 0

    def copy(self) -> DayAgainstDays:
        """One that goes on from here by itself."""
        other = DayAgainstDays(self._many)
        other._counts, other._waits = self._counts.copy(), self._waits
        return other

    def take(self, seen: int) -> bool:
        """Whether it would page."""
        self._waits -= 1
        self._counts.append(seen)
        if self._waits > 0 or len(self._counts) < 8 * DAY:
            return False
        counts = list(self._counts)
        days = [sum(counts[i * DAY : (i + 1) * DAY]) for i in range(8)]
        mean = sum(days[:7]) / 7
        spread = sqrt(sum((one - mean) ** 2 for one in days[:7]) / 7)
        if days[7] > mean + self._many * spread:
            self._waits = DAY
            return True
        return False


class HourAgainstHours:
    """The last hour so many times as busy as the 12 hours before were on average, and five at least, with a pause of six hours."""

    def __init__(self, many: float = 2.0) -> None:
        self._counts: deque[int] = deque(maxlen=13 * HOUR)
        self._many = many
        self._waits = 0

    def copy(self) -> HourAgainstHours:
        """One that goes on from here by itself."""
        other = HourAgainstHours(self._many)
        other._counts, other._waits = self._counts.copy(), self._waits
        return other

    def take(self, seen: int) -> bool:
        """Whether it would page."""
        self._waits -= 1
        self._counts.append(seen)
        if self._waits > 0 or len(self._counts) < 13 * HOUR:
            return False
        counts = list(self._counts)
        hour = sum(counts[-HOUR:])
        if hour >= 5 and hour > self._many * sum(counts[:-HOUR]) / 12:
            self._waits = 6 * HOUR
            return True
        return False
