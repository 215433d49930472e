"""What is usual for one count, learned as it goes, and how surprising the newest bucket is. Owns `State`, `step` and the arithmetic.

One state per counter (mentions of a topic on a source, its negative ones, unanswered ones, ...), of constant size, changed by one bucket at
a time. The usual is a level, times what the hour of the day and the hour of the week do to it (UTC). It is learned with clipped steps: a storm
moves it no further than an ordinary busy bucket, so a brand's past spikes hide no later ones. How far counts stray from it is learned in the
same way. Each step looks back over several spans, from one bucket to a day: a flash shows in the shortest, a slow storm in the hour, a lasting
shift in half a day.

What was not heard is unknown: it is neither learned nor counted, and a span of which less than `COVERED` is known is not judged. Late numbers
mend the window and teach nothing. Refuses to decide who is woken (`paging` does) and to know a clock.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from itertools import accumulate
from math import exp, expm1, log, sqrt
from operator import sub

import msgspec

from listener.spikes.counts import bits_above, bits_below, sigmas_of

VERSION = 1
"""States of another version are not read: raise it with every change of what is learned."""

DAY = 86_400
SPANS = (300, 900, 3_600, 10_800, 43_200, 86_400)
"""Seconds looked back over; a series with longer buckets has those of at least one bucket."""
COVERED = 0.75

SOFT = 4.0
"""Added to seen and expected before they are compared: 2 against 0 is next to nothing, 50 against 0 is a lot."""
FEW = 10.0
"""Expected in a span: of fewer the chance of the very count is asked."""
CLIP = 2.0
"""Spreads; what strays further teaches no more than this."""
LEVEL_DAYS, SPREAD_DAYS, CENTRE_DAYS = 6.0, 5.0, 6.0
HOUR_DAYS, WEEK_WEEKS = 10.0, 8.0
FIRST_SPREAD, LEAST_SPREAD = 0.3, 0.05
NOISE = 0.5
"""Weight of the count's own noise, beside what strays; much of it is in the spread already."""
FIRST_DAYS = 5.0
"""Until so much is known, what a morning does is not: spans are compared with the busiest of the last day."""
FIRST_KNOWN = 1_800
"""Seconds that must be known before a span that is compared so, and"""
FIRST_SPANS = 3_600, 10_800
"""the longest of these: on the first day, and after it, when a morning has been seen."""
ASLEEP = 6.0
"""An hour, added to the busiest so far on the first day: who was asleep until now wakes up to more than a multiple."""
BUSIER = 0.4
"""How far what is to come is from the busiest so far, as a logarithm of a ratio."""
_GRAIN = 1024
"""Expectations are kept in such parts of one, so that sums of them are exact and do not drift."""


class Verdict(StrEnum):
    """What became of a bucket."""

    TAKEN = "taken"
    UNKNOWN = "unknown"
    """Nobody listened, or not all the time. Nothing is learned."""
    SAME = "same"
    """Heard again, with the same number: nothing changes."""
    MENDED = "mended"
    """A late number, put in its place; what was learned meanwhile stays learned."""
    TOO_LATE = "too late"
    """Older than the longest span: nothing changes."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """How many there were from `at` on, for a step's length. None: unknown, which is not 0."""

    at: int
    """Seconds since 1970."""
    seen: int | None


@dataclass(frozen=True, slots=True)
class Span:
    """What a state knows of one span: sums over its known buckets, and how its ratios usually lie."""

    seen: int = 0
    expected: float = 0.0
    known: int = 0
    centre: float = 0.0
    spread: float = FIRST_SPREAD


@dataclass(frozen=True, slots=True)
class State:
    """What is learned of one counter. A value: of the same size after a year as after a day."""

    step: int
    """Seconds a bucket."""
    at: int | None = None
    """Beginning of the newest bucket."""
    age: int = 0
    """Buckets since the first, known or not."""
    known: int = 0
    level: float | None = None
    """Logarithm of the usual count and `SOFT`."""
    spread: float = FIRST_SPREAD
    hours: tuple[float, ...] = (0.0,) * 24
    week: tuple[float, ...] = (0.0,) * 168
    spans: tuple[Span, ...] = ()
    counts: tuple[int | None, ...] = ()
    """The newest buckets, as many as the longest span has; the newest last."""
    expected: tuple[float, ...] = ()
    """What was expected of each when it came."""
    version: int = VERSION


@dataclass(frozen=True, slots=True)
class Reading:
    """One span of a surprise, with its arithmetic."""

    seconds: int
    seen: int
    expected: float
    sigmas: float
    """How far seen is above (or, negative, below) the expected, in the spreads that are usual for this span."""
    deviation: float
    """The spread that `sigmas` is in, as a logarithm of a ratio: 0.3 is about 30 %."""
    soft: float
    """Added to both before they are compared."""
    known: float
    """Which part of the span was heard, 0 to 1."""
    first: bool = False
    """Little is known yet: expected is the busiest such span of the last day and a little more, and `sigmas` are by chance."""

    def band(self, sigmas: float) -> tuple[float, float]:
        """Lowest and highest count that is no more surprising than so many spreads."""
        wide = exp(min(sigmas * self.deviation, 50.0))
        base = self.expected + self.soft
        return max(0.0, base / wide - self.soft), base * wide - self.soft

    @property
    def by_chance(self) -> float:
        """Sigmas by the chance of such a count, for what is rare: there a little that is added to both sides would hide a real storm. What is
        usual counts as one more than it is, and strays by no more than the ratio does. 0 where `FEW` or more are expected.
        """
        if self.first:
            above = self.seen > self.expected
            return sigmas_of(bits_above(self.seen, self.expected, 1 / expm1(self.deviation**2))) if above else 0.0
        if self.expected >= FEW or self.sigmas <= 0:
            return 0.0
        strayed = max(self.deviation**2 - NOISE / (self.expected + self.soft), LEAST_SPREAD**2)
        return sigmas_of(bits_above(self.seen, self.expected + 1, 1 / expm1(strayed)))

    @property
    def bits(self) -> float:
        """Bits of surprise by the negative binomial: 20 bits are one chance in a million."""
        size = 1 / max(expm1(self.deviation**2), 1e-6)
        mean = max(self.expected, 0.01)
        return (bits_above if self.sigmas >= 0 else bits_below)(self.seen, mean, size)


@dataclass(frozen=True, slots=True)
class Surprise:
    """How surprising a bucket is, over each span, and why."""

    at: int
    verdict: Verdict
    readings: tuple[Reading, ...] = ()
    """The shortest span first; those that may be judged."""
    first: tuple[Reading, ...] = ()
    """In the first days: the same against the busiest of the last day."""
    cell: tuple[int, int] = (0, 0)
    """Weekday (Monday is 0) and hour of the season's cell, UTC."""
    days: float = 0.0
    """How much is known: days' worth of buckets that were learned from."""
    step: int = 1

    def over(self, seconds: int) -> Reading | None:
        """The reading of a span, in whole buckets, where it may be judged."""
        return _of(self.readings, _fitting(seconds, self.step))


def _of(readings: tuple[Reading, ...], seconds: int) -> Reading | None:
    return next((reading for reading in readings if reading.seconds == seconds), None)


def new(step: int) -> State:
    """A state that has seen nothing. `step` is in seconds, at most a day."""
    if not 1 <= step <= DAY:
        raise ValueError(f"a bucket of {step} s: it must be between 1 s and a day")
    return State(step, spans=tuple(Span(spread=FIRST_SPREAD / (seconds // step) ** 0.25) for seconds in spans_of(step)))


@cache
def spans_of(step: int) -> tuple[int, ...]:
    """The spans of a series, in seconds: at least a bucket, each number of buckets once."""
    return tuple(dict.fromkeys(_fitting(span, step) for span in SPANS))


def _fitting(span: int, step: int) -> int:
    return max(step, span // step * step)


def step(state: State, bucket: Bucket) -> tuple[State, Surprise]:
    """The state after a bucket, and how surprising it is. Buckets that were left out since the last one are unknown."""
    if state.at is None:
        return _taken(state, bucket)
    behind = state.at - bucket.at
    if behind >= 0:
        return _late(state, bucket, round(behind / state.step))
    left_out = min(round(-behind / state.step) - 1, _longest(state))
    for missing in range(left_out, 0, -1):
        state, _ = _taken(state, Bucket(bucket.at - state.step * missing, None))
    return _taken(state, bucket)


def to_json(state: State) -> bytes:
    """A state as JSON: read again it is the same to the last bit."""
    return msgspec.json.encode(state)


def from_json(text: bytes) -> State | None:
    """The state; None where it was written by another version, which learns anew. ValueError: it is no state."""
    try:
        state = msgspec.json.decode(text, type=State)
    except msgspec.ValidationError as err:
        raise ValueError(f"not a state of a series: {err}") from err
    return state if state.version == VERSION else None


def _longest(state: State) -> int:
    return spans_of(state.step)[-1] // state.step


def _cell(at: int) -> tuple[int, int]:
    hours = at // 3_600
    return (hours // 24 + 3) % 7, hours % 24  # 1 January 1970 was a Thursday


def _late(state: State, bucket: Bucket, back: int) -> tuple[State, Surprise]:
    """A bucket that has been there already, or that a newer one has overtaken."""
    cell = _cell(bucket.at)
    if back >= len(state.counts):
        return state, Surprise(bucket.at, Verdict.TOO_LATE, (), (), cell)
    was, now = state.counts[-1 - back], bucket.seen
    if was == now or now is None:
        return state, Surprise(bucket.at, Verdict.SAME, (), (), cell)
    place = len(state.counts) - 1 - back
    expected = state.expected[place]
    spans = tuple(
        replace(
            span,
            seen=span.seen + now - (was or 0),
            expected=span.expected + (expected if was is None else 0.0),
            known=span.known + (was is None),
        )
        if back < seconds // state.step
        else span
        for span, seconds in zip(state.spans, spans_of(state.step), strict=True)
    )
    counts = (*state.counts[:place], now, *state.counts[place + 1 :])
    return replace(state, counts=counts, spans=spans), Surprise(bucket.at, Verdict.MENDED, (), (), cell)


def _taken(state: State, bucket: Bucket) -> tuple[State, Surprise]:
    weekday, hour = cell = _cell(bucket.at)
    index = weekday * 24 + hour
    seen = bucket.seen
    level = state.level
    if level is None and seen is not None:
        level = log(seen + SOFT)
    season = state.hours[hour] + state.week[index]
    expected = 0.0 if level is None else max(round((exp(level + season) - SOFT) * _GRAIN), 51) / _GRAIN
    per_day = DAY / state.step
    days = state.known / per_day
    spans, readings = _spans(state, seen, expected, per_day)
    longest = _longest(state)
    spread, hours, week = state.spread, state.hours, state.week
    verdict = Verdict.UNKNOWN
    if seen is not None and level is not None:
        verdict = Verdict.TAKEN
        per_hour = max(1.0, per_day / 24)
        learned = max(-CLIP * spread, min(CLIP * spread, log(seen + SOFT) - level - season))
        level += learned * max(1 / (per_day * LEVEL_DAYS), 1 / (state.known + per_hour))
        spread = _strayed(spread, learned, per_day)
        hours = _moved(hours, hour, learned / (per_hour * HOUR_DAYS))
        week = _moved(week, index, learned / (per_hour * WEEK_WEEKS))
    after = State(
        step=state.step,
        at=bucket.at,
        age=state.age + 1,
        known=state.known + (seen is not None),
        level=level,
        spread=spread,
        hours=hours,
        week=week,
        spans=spans,
        counts=(*state.counts[1 - longest :], seen) if longest > 1 else (seen,),
        expected=(*state.expected[1 - longest :], expected) if longest > 1 else (expected,),
    )
    first = _first(after) if verdict is Verdict.TAKEN and days < FIRST_DAYS else ()
    return after, Surprise(bucket.at, verdict, readings, first, cell, days, state.step)


def _first(state: State) -> tuple[Reading, ...]:
    """The newest bucket's spans against the busiest before them. A part of a span stands for the whole where no more is known."""
    sums = tuple(accumulate((seen or 0 for seen in state.counts), initial=0))
    heard = tuple(accumulate((seen is not None for seen in state.counts), initial=0))
    awake = state.known * state.step >= DAY
    longest = max(FIRST_SPANS[awake], state.step)
    readings = []
    for span, seconds in zip(state.spans, spans_of(state.step), strict=True):
        long = seconds // state.step
        before = max(0, len(state.counts) - long)
        enough = heard[before] >= max(1, FIRST_KNOWN // state.step, long / 2)
        if seconds > longest or span.known < COVERED * long or not enough:
            continue
        part = min(long, heard[before])
        busiest = max(map(sub, sums[part : before + 1], sums)) * long / part
        usual = busiest + (1.0 if awake else max(1.0, ASLEEP * seconds / 3_600))
        reading = Reading(seconds, span.seen, usual, 0.0, BUSIER, 0.0, span.known / long, first=True)
        readings.append(replace(reading, sigmas=reading.by_chance))
    return tuple(readings)


def _spans(
    state: State, seen: int | None, expected: float, per_day: float
) -> tuple[tuple[Span, ...], tuple[Reading, ...]]:
    spans, readings = [], []
    for span, seconds in zip(state.spans, spans_of(state.step), strict=True):
        long = seconds // state.step
        total, usual, known = span.seen, span.expected, span.known
        if len(state.counts) >= long and (leaving := state.counts[-long]) is not None:
            total, usual, known = total - leaving, usual - state.expected[-long], known - 1
        centre, spread = span.centre, span.spread
        if seen is not None:
            total, usual, known = total + seen, usual + expected, known + 1
            soft = SOFT * sqrt(known)
            ratio = log((total + soft) / (usual + soft)) - centre
            deviation = sqrt(spread * spread + NOISE / (usual + soft))
            if state.age + 1 >= long and known >= COVERED * long:
                mean = (usual + soft) * exp(centre) - soft
                readings.append(Reading(seconds, total, mean, ratio / deviation, deviation, soft, known / long))
            learned = max(-CLIP * spread, min(CLIP * spread, ratio))
            centre += learned / (per_day * CENTRE_DAYS)
            spread = _strayed(spread, learned, per_day)
        spans.append(Span(total, usual, known, centre, spread))
    return tuple(spans), tuple(readings)


def _strayed(spread: float, learned: float, per_day: float) -> float:
    """The spread after one more; 1.25 makes a deviation of a mean of absolute ones."""
    return max(LEAST_SPREAD, spread + (abs(learned) * 1.25 - spread) / (per_day * SPREAD_DAYS))


def _moved(cells: tuple[float, ...], index: int, by: float) -> tuple[float, ...]:
    return (*cells[:index], cells[index] + by, *cells[index + 1 :])
