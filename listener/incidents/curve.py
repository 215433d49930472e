"""What an incident looked like, in time: what was seen within a span, what is usual there, and what nobody heard.

Owns the arithmetic behind the picture. A detector compares what came within a span (an hour, say) with what is expected of it, so that is
what is drawn at every moment: the number within the span that ends there, of the parts that were heard. What was not heard is a hole, never
a zero. Refuses to know rows and cells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from math import isfinite, sqrt
from typing import Any

LONGEST = timedelta(hours=6)
"""A longer span is not rolled: a curve of a day has too few of them. Its buckets are drawn as they are, without a threshold."""

MOST = 2_000
"""Buckets that are looked at."""

_FEWEST = 6

_LATEST = 32_503_680_000
"""The year 3000, in seconds."""


@dataclass(frozen=True, slots=True)
class Curve:
    """The numbers, a moment each."""

    begin: datetime
    """The end of the first bucket."""
    step: timedelta
    span: timedelta
    """Over which each number is counted; the step, where it is not rolled."""
    seen: tuple[float | None, ...]
    """None: not heard."""
    expected: tuple[float | None, ...] = ()
    low: tuple[float | None, ...] = ()
    """Lowest usual,"""
    high: tuple[float | None, ...] = ()
    """and highest: what is beyond it pages."""
    told: int = 0
    """So many of them were known when it was told last; the rest came after."""
    rolled: bool = True

    def since(self, at: datetime) -> Curve:
        """The part of it from a moment on; all of it where that would leave nearly nothing."""
        first = max(0, (at - self.begin) // self.step)
        if first < 1 or first > len(self.seen) - _FEWEST:
            return self
        return replace(
            self,
            begin=self.at(first),
            seen=self.seen[first:],
            expected=self.expected[first:],
            low=self.low[first:],
            high=self.high[first:],
            told=max(0, self.told - first),
        )

    def at(self, index: int) -> datetime:
        """When a number was so."""
        return self.begin + index * self.step

    @property
    def end(self) -> datetime:
        """After the last."""
        return self.at(max(0, len(self.seen) - 1))

    @property
    def peak(self) -> int | None:
        """Where most was seen; None: nothing was heard."""
        known = [(seen, index) for index, seen in enumerate(self.seen) if seen is not None]
        return max(known, key=lambda one: (one[0], -one[1]))[1] if known else None


def curve_of(evidence: Mapping[str, Any], after: Sequence[int | None] = ()) -> Curve | None:
    """The curve of an alarm's evidence, with the buckets that were counted after it. None: it has none, or none that can be read."""
    frame = frame_of(evidence)
    if frame is None:
        return None
    begin, length, known = frame
    step = length.total_seconds()
    seen = [_number(one) for one in _list(evidence.get("curve"))]
    seen += after[: max(0, MOST - known)]
    expected = _carried([_number(one) for one in _list(evidence.get("curve_expected"))], known, len(seen), step)
    seconds = _number(evidence.get("seconds")) or step
    rolled = step < seconds <= LONGEST.total_seconds()
    back = max(1, round(seconds / step)) if rolled else 1
    sums, usual = _rolled(seen, expected, back)
    late = back - 1 if known > 2 * back else 0  # the span of those begins before the curve does
    sums, usual = sums[late:], usual[late:]
    low, high = _band(evidence, usual, rolled=back > 1 or seconds <= step)
    return Curve(
        begin + (1 + late) * length,
        length,
        length * back,
        tuple(sums),
        tuple(usual),
        low,
        high,
        known - late,
        back > 1 or seconds <= step,
    )


def frame_of(evidence: Mapping[str, Any]) -> tuple[datetime, timedelta, int] | None:
    """When an evidence's curve begins, how long a bucket is, and how many there are; None: there is none that can be read."""
    n = len(_list(evidence.get("curve")))
    begin, step = _number(evidence.get("curve_at")), _number(evidence.get("curve_step"))
    if not n or begin is None or step is None or not 1 <= step <= 86_400 or not begin < _LATEST:
        return None
    return datetime.fromtimestamp(begin, UTC), timedelta(seconds=step), n


def _list(value: object) -> Sequence[object]:
    return value[:MOST] if isinstance(value, list | tuple) else ()


def _number(value: object) -> Any:
    """A number that can be drawn, at least 0; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        return None
    return max(0, value) if abs(value) < 1e12 else None


def _carried(expected: list[Any], known: int, length: int, step: float) -> list[Any]:
    """What was expected, carried on beyond the evidence: as at that time of the day before, else as at last."""
    expected = expected[:known] + [None] * (known - len(expected))
    day = round(86_400 / step)
    last = next((one for one in reversed(expected) if one is not None), None)
    for index in range(known, length):
        before = expected[index - day] if index >= day else None
        expected.append(last if before is None else before)
    return expected


def _rolled(seen: Sequence[Any], expected: Sequence[Any], back: int) -> tuple[list[float | None], list[float | None]]:
    """Of each bucket: what was seen and expected within the span that ends with it, of what was heard of it. One pass."""
    sums = [0.0, *accumulate(one or 0.0 for one in seen)]
    heard = [one if count is not None else 0.0 for count, one in zip(seen, expected, strict=True)]
    means = [0.0, *accumulate(one or 0.0 for one in heard)]
    no_mean = all(one is None for one in expected)
    found: list[float | None] = []
    usual: list[float | None] = []
    for index, count in enumerate(seen):
        if count is None:
            found.append(None)
            usual.append(None)
            continue
        first = max(0, index + 1 - back)
        found.append(sums[index + 1] - sums[first])
        usual.append(None if no_mean else means[index + 1] - means[first])
    return found, usual


def _band(
    evidence: Mapping[str, Any], usual: Sequence[float | None], *, rolled: bool
) -> tuple[tuple[float | None, ...], tuple[float | None, ...]]:
    """The lowest and highest usual at each moment: as wide as at the alarm, and wider by the root where more is expected."""
    mean, low, high = (_number(evidence.get(name)) for name in ("expected", "low", "high"))
    if not rolled or mean is None or high is None or high < mean:
        nothing = tuple(None for _ in usual)
        return nothing, nothing
    up, down = high - mean, mean - (low or 0.0)

    def wide(one: float) -> float:
        return sqrt((one + 0.5) / (mean + 0.5))

    return (
        tuple(None if one is None else max(0.0, one - down * wide(one)) for one in usual),
        tuple(None if one is None else one + up * wide(one) for one in usual),
    )
