"""How long we wait: repeats after a passing fault, budgets of what a network allows, and what a server asks of us.

Refuses to call anybody.
"""

from __future__ import annotations

import asyncio
import email.utils
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from listener.errors import TryAgain

MAX_WAIT = 24 * 3600.0
"""Seconds: the longest time that we let a server make us wait."""


@dataclass(frozen=True, slots=True)
class Retry:
    """How patiently a call is repeated after a passing fault: full jitter between 0 and a doubling bound."""

    attempts: int = 4
    first: float = 0.25
    longest: float = 8.0
    """Seconds; a server that asks for more is not waited for here: the caller gets its `TryAgain`."""

    def pause(self, attempt: int) -> float:
        """Seconds before the attempt after `attempt` (from 1)."""
        return random.uniform(0, min(self.longest, self.first * 2 ** min(attempt - 1, 30)))


ONCE = Retry(attempts=1)


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of a budget at a moment."""

    points: float
    """When it is full."""
    seconds: float
    """In which it fills."""
    left: float
    closed_for: float = 0.0
    """Seconds for which the server wants nothing."""


class Budget:
    """A bucket of points that fills evenly: `points` in `seconds`. Spending more than there is means waiting."""

    def __init__(self, points: float, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        if points <= 0 or seconds <= 0:
            raise ValueError("a budget needs points and seconds above zero")
        self._full = points
        self._rate = points / seconds
        self._clock = clock
        self._left = points
        self._at = clock()
        self._closed_until = 0.0

    def wait(self, points: float = 1.0) -> float:
        """Seconds until this many points can be spent; 0.0: now."""
        now = self._clock()
        self._left = min(self._full, self._left + (now - self._at) * self._rate)
        self._at = now
        short = min(points, self._full) - self._left
        return max(0.0, self._closed_until - now, short / self._rate)

    async def spend(self, points: float = 1.0, patience: float = 60.0) -> None:
        """Take the points, waiting for them. TryAgain when that would take longer than `patience` seconds."""
        while (wait := self.wait(points)) > 0:
            if wait > patience:
                raise TryAgain("our own rate budget is used up", after=wait, code="budget")
            await asyncio.sleep(wait)
        self._left -= points

    def state(self) -> Left:
        """What is left now."""
        self.wait(0.0)
        return Left(self._full, self._full / self._rate, self._left, max(0.0, self._closed_until - self._clock()))

    def restore(self, was: Left, ago: float) -> None:
        """What was spent before, so many seconds `ago`, counts as spent, as far as it has not filled again; beside what was spent since.

        A budget that is of another size now still owes what was spent of the old one.
        """
        ago = max(0.0, ago)
        owed = max(0.0, was.points - was.left - ago * was.points / was.seconds)
        self.wait(0.0)
        self._left = max(0.0, self._left - owed)
        if was.closed_for > ago:
            self.close_for(was.closed_for - ago)

    def close_for(self, seconds: float) -> None:
        """The server said that there is nothing left for so long."""
        self._closed_until = max(self._closed_until, self._clock() + min(seconds, MAX_WAIT))


def wait_asked(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that a server asks us to wait: Retry-After (seconds or a date), else RateLimit-Reset or X-RateLimit-Reset (epoch, seconds, or an
    ISO 8601 time). None: not said.
    """
    said = headers.get("retry-after", "").strip()
    if said:
        if (seconds := _number(said)) is not None:
            return bounded(seconds)
        try:
            return bounded(email.utils.parsedate_to_datetime(said).timestamp() - now)
        except (ValueError, OverflowError, TypeError):
            pass
    told = (headers.get("ratelimit-reset") or headers.get("x-ratelimit-reset") or "").strip()
    if (reset := _number(told)) is not None:
        return bounded(reset - now if reset > 1e9 else reset)
    try:
        moment = datetime.fromisoformat(told[:40])
        return bounded((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now)
    except (ValueError, OverflowError):
        return None


def is_used_up(headers: Mapping[str, str]) -> bool:
    """Whether a server says that nothing is left of what it allows."""
    left = headers.get("ratelimit-remaining") or headers.get("x-ratelimit-remaining") or ""
    return _number(left) == 0


def _number(text: str) -> float | None:
    digits = text.strip()
    return float(digits) if digits.isascii() and digits.replace(".", "", 1).isdigit() and len(digits) < 20 else None


Asked = Callable[[bytes], float | None]


def wait_asked_nothing(_body: bytes) -> float | None:
    """Of a network that says it in the headers, if at all."""
    return None


def bounded(seconds: float) -> float:
    """No wait is negative, or longer than a day."""
    return min(max(seconds, 0.0), MAX_WAIT)
