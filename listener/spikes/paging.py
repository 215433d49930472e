"""Which surprises wake somebody: thresholds from how many false pages are accepted, cool-down, persistence, and when it is over.

Owns the decision layer: `Desk` (its state) and `decide`. A threshold is never set by hand. For each span it is known how often, in ordinary
weeks of brands that are talked about, a surprise of that size comes by itself; the thresholds are those at which all spans together come so
often as is accepted in a month. Kinds of alarm look at the spans that fit them: a spike at minutes to hours, a shift at half a day and
a day, silence at the last hour. Refuses to send, to group and to remember incidents: an `Alarm` is handed on.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from math import log

import msgspec

from listener.model.scales import Severity
from listener.spikes.baseline import DAY, FIRST_DAYS, Reading, Surprise, Verdict
from listener.spikes.counts import share_bits

VERSION = 1

MONTH = 30


class Kind(StrEnum):
    """What is watched. The words are those of alert policies."""

    NEGATIVE = "negative"
    """Negative messages: their number and their share must both surprise."""
    VOLUME = "volume"
    NEED = "need"
    """Urgent ones that nobody has answered."""
    RIVAL = "rival"
    """Volume or negative messages of a competitor."""
    SHIFT = "shift"
    """Half a day or a day that is unlike the days before, up or down."""
    SILENCE = "silence"
    """An hour quieter than that hour is."""


class Told(StrEnum):
    """What an alarm says."""

    BEGUN = "begun"
    GOES_ON = "goes on"
    """It stands still, after a cool-down."""
    WORSE = "worse"
    """Twice as surprising as when it was told last; does not wait for the cool-down."""
    OVER = "over"
    """Nobody is paged."""


@dataclass(frozen=True, slots=True)
class Floors:
    """Below these nothing is told, however surprising it is."""

    mentions: int = 5
    """Seen within the span."""
    share: float = 0.0
    """Of the messages, for negative spikes."""


@dataclass(frozen=True, slots=True)
class Watch:
    """One alarm on one counter."""

    kind: Kind
    false_pages: float = 1.0
    """Accepted in a month."""
    floors: Floors = Floors()


@dataclass(frozen=True, slots=True)
class Desk:
    """What a watch remembers between buckets; a value of constant size."""

    since: int | None = None
    """When the alarm that stands now began."""
    told: int | None = None
    """When it was told last."""
    size: float = 0.0
    """How surprising it was then, in thresholds."""
    worst: float = 0.0
    calm: int | None = None
    """Since when it is no longer surprising; of the last alarm, where none stands."""
    now: float = 0.0
    """How surprising the newest bucket is, in thresholds."""
    version: int = VERSION


@dataclass(frozen=True, slots=True)
class Alarm:
    """What is worth telling, with the arithmetic that says why."""

    kind: Kind
    told: Told
    severity: Severity
    at: int
    """Beginning of the bucket that tells it."""
    since: int
    """When it began."""
    size: float
    """Thresholds: 1 is just a page, 2 twice as surprising."""
    threshold: float
    """In the sigmas of the reading."""
    reading: Reading
    """The span that surprises most."""
    surprise: Surprise
    share: Share | None = None
    """Of negative spikes."""

    @property
    def by_chance(self) -> bool:
        """Whether it is the chance of the very count that surprises."""
        reading = self.reading
        return reading.first or (reading.sigmas > 0 and self.size * self.threshold > reading.sigmas + 1e-9)

    @property
    def usual(self) -> tuple[float, float]:
        """Lowest and highest count that would not have been told."""
        low, high = self.reading.band(self.threshold)
        if self.by_chance:
            counts = range(self.reading.seen + 1)
            first = bisect_left(counts, self.threshold, key=lambda n: replace(self.reading, seen=n).by_chance)
            high = float(max(0, first - 1))
        return low, high

    @property
    def pages(self) -> bool:
        """Whether somebody is to be woken."""
        return self.told is not Told.OVER

    def why(self) -> str:
        """One line of plain English with the numbers: what was seen, what is usual, since when."""
        reading = self.reading
        low, high = self.usual
        sigmas = self.size * self.threshold if self.by_chance else reading.sigmas
        more = "" if self.share is None else f"; {self.share.why()}"
        whole = "" if reading.known > 0.99 else f"; {reading.known:.0%} of that time was heard"
        hour = f"{_DAYS[self.surprise.cell[0]]} {self.surprise.cell[1]:02}h"
        expected = (
            f"at most {reading.expected:,.1f} (the busiest so far and a little more, up to {high:,.0f} may be usual)"
            if reading.first
            else f"{reading.expected:,.1f} ({hour} UTC, up to {high:,.0f} and down to {low:,.0f} is usual)"
        )
        return (
            f"{self.kind.value}: {reading.seen:,} in {_long(reading.seconds)}, expected {expected}"
            f", {sigmas:+.1f} of {self.threshold:.1f} sigmas, {reading.bits:.0f} bits{more}{whole}"
        )


@dataclass(frozen=True, slots=True)
class Share:
    """How surprising a share is, beside the number."""

    part: int
    whole: int
    expected: float
    bits: float

    def why(self) -> str:
        """The arithmetic in words."""
        return f"{self.part:,} of {self.whole:,} ({self.part / max(self.whole, 1):.0%}), usually {self.expected:.0%}, {self.bits:.0f} bits"


@dataclass(frozen=True, slots=True)
class _Look:
    """A span that a kind of alarm looks at, and how high a surprise comes how often there by itself."""

    seconds: int
    up: bool
    monthly: float
    """Sigmas that come once in a month."""
    fold: float
    """So many sigmas more come a third (1/e) as often."""

    def threshold(self, often: float) -> float:
        """Sigmas that come so often in a month."""
        return max(LEAST_SIGMAS, self.monthly - self.fold * log(often))


LEAST_SIGMAS = 2.5
TOGETHER = 2.0
"""So many spans surprise at the same time, where one does: storms are seen by several."""
RIPE = 5
"""A span is judged by what is usual when so many of its lengths are known: a day after five days."""
AGAIN, LASTING_AGAIN = 5_400, 43_200
"""Seconds until what still stands is told again; the longer one for silences, and for what takes half a day to show."""
WORSE = 2.0
MORNINGS = 2.0
"""Days until the chance of the very count is asked: before, what a morning does to it is not known."""
NEWEST, GOING = 3_600, 1.0
"""The last hour, and its sigmas without which longer spans say nothing (but of shifts, which are all that they look for)."""
CALM, CALM_SIZE = 1_800, 0.5
"""An alarm is over when for so long it was no more surprising than so many thresholds."""
SHARE_BITS, SHARE_WEIGHT = 4.0, 100.0
"""Where the number surprises, the share must be rarer than one in 16, as if the usual share were known from a hundred messages."""
SHARED = 3.0
"""Negative messages: of so many surprises in number one has a surprising share as well, once the first days are over."""

_SPIKE = (
    _Look(300, True, 6.9, 0.9),
    _Look(900, True, 6.5, 1.1),
    _Look(3_600, True, 5.2, 1.3),
    _Look(10_800, True, 4.1, 1.1),
)
_FIRST, _FIRST_NEGATIVE = _Look(3_600, True, 4.6, 0.8), _Look(3_600, True, 3.5, 0.8)
"""Any span of the first days. Negative ones may surprise less, since their share must surprise as well."""
_LASTING = (_Look(43_200, True, 2.9, 1.0), _Look(86_400, True, 2.4, 0.9))
_LOOKS = {
    Kind.NEGATIVE: (*_SPIKE, *_LASTING),
    Kind.NEED: (*_SPIKE, *_LASTING),
    Kind.SHIFT: (*_LASTING, _Look(86_400, False, 2.3, 0.6)),
    Kind.SILENCE: (_Look(3_600, False, 3.1, 1.4),),
}
_RARE = frozenset({Kind.NEGATIVE, Kind.NEED})
"""What is rare by nature, with more than its number to go by: a share, or that nobody answered."""
_EARLY = frozenset({Kind.NEGATIVE, Kind.SHIFT})
"""Judged by what is usual in the first days as well: a share has no mornings, and a shift is not ripe before."""
_UNTOLD_EARLY = frozenset({Kind.SHIFT, Kind.SILENCE})
"""Not judged by the busiest so far."""
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def watches(false_pages: float, *, negative: bool = False, floors: Floors | None = None) -> tuple[Watch, ...]:
    """The alarms on a counter that share so many false pages a month among them, by the spans that they look at."""
    kinds = [Kind.VOLUME, Kind.SHIFT, Kind.SILENCE, *([Kind.NEGATIVE] if negative else [])]
    looks = sum(len(_looks(kind)) for kind in kinds)
    return tuple(Watch(kind, false_pages * len(_looks(kind)) / looks, floors or Floors()) for kind in kinds)


def decide(desk: Desk, watch: Watch, surprise: Surprise, of: Surprise | None = None) -> tuple[Desk, Alarm | None]:
    """The desk after a bucket, and what is to be told. `of` are all messages, where `surprise` is of the negative ones.

    What is late or unknown decides nothing: nobody is woken by history, and a hole does not end an alarm.
    """
    if surprise.verdict is not Verdict.TAKEN:
        return desk, None
    size, threshold, reading, share = _most(desk, watch, surprise, of)
    at = surprise.at
    if reading is None:
        return replace(desk, now=0.0), None
    if size < 1:
        return _calmer(desk, watch, size, threshold, reading, surprise, share)
    since = at if desk.since is None else desk.since
    worse = size > desk.size * WORSE
    lasting = watch.kind is Kind.SILENCE or reading.seconds >= LASTING_AGAIN
    waits = desk.told is not None and at - desk.told < (LASTING_AGAIN if lasting else AGAIN)
    worst = max(desk.worst, size)
    if waits and not worse:
        return replace(desk, since=since, worst=worst, calm=None, now=size), None
    told = Told.BEGUN if desk.since is None else Told.WORSE if worse else Told.GOES_ON
    severity = _severity(worst, at - since)
    alarm = Alarm(watch.kind, told, severity, at, since, size, threshold, reading, surprise, share)
    return Desk(since, at, size, worst, None, size), alarm


def to_json(desk: Desk) -> bytes:
    """A desk as JSON."""
    return msgspec.json.encode(desk)


def from_json(text: bytes) -> Desk | None:
    """The desk; None where another version wrote it. ValueError: it is no desk."""
    try:
        desk = msgspec.json.decode(text, type=Desk)
    except msgspec.ValidationError as err:
        raise ValueError(f"not a state of a watch: {err}") from err
    return desk if desk.version == VERSION else None


def _looks(kind: Kind) -> tuple[_Look, ...]:
    return _LOOKS.get(kind, _SPIKE)


def _most(
    desk: Desk, watch: Watch, surprise: Surprise, of: Surprise | None
) -> tuple[float, float, Reading | None, Share | None]:
    """The span that surprises most, in its thresholds."""
    looks = _looks(watch.kind)
    often = TOGETHER * watch.false_pages / len(looks) if len(looks) > 1 else watch.false_pages
    best: tuple[float, float, Reading | None, Share | None] = (0.0, 0.0, None, None)
    for look, reading, sigmas in (*_first(desk, watch, surprise), *_ripe(desk, watch, surprise)):
        alone = SHARED if watch.kind is Kind.NEGATIVE and surprise.days >= FIRST_DAYS else 1.0
        threshold = look.threshold(often * alone)
        size = sigmas / threshold
        share = None
        if look.up and reading.seen < watch.floors.mentions:
            size = min(size, _BELOW)
        if watch.kind is Kind.NEGATIVE:
            share = _share(reading, of)
            if share is None or share.bits < SHARE_BITS or share.part < watch.floors.share * share.whole:
                size = min(size, _BELOW)
        if best[2] is None or size > best[0]:
            best = size, threshold, reading, share
    return best


def _first(desk: Desk, watch: Watch, surprise: Surprise) -> Iterator[tuple[_Look, Reading, float]]:
    """Spans of the first days against the busiest so far, which no ordinary morning is far above."""
    if watch.kind in _UNTOLD_EARLY:
        return
    look = _FIRST_NEGATIVE if watch.kind is Kind.NEGATIVE else _FIRST
    for reading in surprise.first:
        if _goes_on(desk, surprise, reading.seconds):
            yield look, reading, reading.sigmas


def _ripe(desk: Desk, watch: Watch, surprise: Surprise) -> Iterator[tuple[_Look, Reading, float]]:
    """Spans against what is usual, where enough is known of it, and how far each is away in the direction that is looked at."""
    if surprise.days < FIRST_DAYS and watch.kind not in _EARLY:
        return
    for look in _looks(watch.kind):
        reading = surprise.over(look.seconds)
        if reading is None or surprise.days * DAY < RIPE * look.seconds:
            continue
        if watch.kind is not Kind.SHIFT and not _goes_on(desk, surprise, look.seconds):
            continue
        rare = watch.kind in _RARE and surprise.days >= MORNINGS
        up = max(reading.sigmas, reading.by_chance) if rare else reading.sigmas
        yield look, reading, up if look.up else -reading.sigmas


def _goes_on(desk: Desk, surprise: Surprise, seconds: int) -> bool:
    """Whether what a span holds goes on. Of more than an hour: while the last hour is above the usual, and not where it reaches back into an
    alarm that is over. So nobody is woken, or woken again, for the rest of the hours that a storm of minutes lies in.
    """
    if seconds <= NEWEST:
        return True
    if desk.since is None and desk.calm is not None and surprise.at - desk.calm < seconds:
        return False
    hour = surprise.over(NEWEST)
    return hour is None or max(hour.sigmas, hour.by_chance) >= GOING


_BELOW = 0.99
"""The size of what surprises and yet stays below a floor."""


def _share(reading: Reading, of: Surprise | None) -> Share | None:
    whole = None if of is None else of.over(reading.seconds)
    if whole is None or whole.seen < reading.seen:
        return None
    expected = min(0.99, (reading.expected + 0.5) / (whole.expected + 1))
    return Share(reading.seen, whole.seen, expected, share_bits(reading.seen, whole.seen, expected, SHARE_WEIGHT))


def _calmer(
    desk: Desk, watch: Watch, size: float, threshold: float, reading: Reading, surprise: Surprise, share: Share | None
) -> tuple[Desk, Alarm | None]:
    if desk.since is None:
        return replace(desk, now=max(0.0, size)), None
    if size > CALM_SIZE:
        return replace(desk, calm=None, now=max(0.0, size)), None
    calm = surprise.at if desk.calm is None else desk.calm
    if surprise.at - calm < CALM:
        return replace(desk, calm=calm, now=max(0.0, size)), None
    alarm = Alarm(
        watch.kind,
        Told.OVER,
        _severity(desk.worst, 0),
        surprise.at,
        desk.since,
        size,
        threshold,
        reading,
        surprise,
        share,
    )
    return Desk(told=desk.told, size=desk.size, calm=calm, now=max(0.0, size)), alarm


def _severity(worst: float, lasted: int) -> Severity:
    """From the size and the persistence of the surprise."""
    if worst >= 2 or (worst >= 1.3 and lasted >= 3_600):
        return Severity.CRITICAL
    return Severity.WARNING if worst >= 1.2 or lasted >= 1_800 else Severity.NOTE


def _long(seconds: int) -> str:
    if seconds % 3_600 == 0:
        return f"{seconds // 3_600} h"
    return f"{seconds // 60} min" if seconds % 60 == 0 else f"{seconds} s"
