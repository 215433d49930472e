"""The detector over one series of rows: each row's score, and the alarms that it sets off. Owns the feeding, in order and without looking ahead.

The score of a row depends on that row and those before it. Refuses to read files (the command line does).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from listener.errors import FixMe
from listener.spikes import baseline, paging
from listener.spikes.baseline import DAY, Bucket, State
from listener.spikes.paging import Alarm, Desk, Watch


@dataclass(frozen=True, slots=True)
class Row:
    """One bucket of a series; None: unknown."""

    at: int
    """Seconds since 1970."""
    seen: int | None
    negative: int | None = None


@dataclass(frozen=True, slots=True)
class Scored:
    """What became of a row."""

    score: float
    """0 to 1; 0.5 is just a page."""
    alarms: tuple[Alarm, ...] = ()


class Feed:
    """One series under all the alarms that a single counter can have. Fed bucket by bucket; memory does not grow."""

    def __init__(self, step: int, watches: tuple[Watch, ...]) -> None:
        self.states: tuple[State, State] = (baseline.new(step), baseline.new(step))
        self.desks: dict[Watch, Desk] = {watch: Desk() for watch in watches}
        self._negative = any(watch.kind is paging.Kind.NEGATIVE for watch in watches)

    def take(self, row: Row) -> Scored:
        """The row's score and alarms."""
        volume, said = baseline.step(self.states[0], Bucket(row.at, row.seen))
        negative, cross = self.states[1], said
        if self._negative:
            negative, cross = baseline.step(negative, Bucket(row.at, row.negative))
        self.states = (volume, negative)
        alarms = []
        most = 0.0
        for watch, desk in self.desks.items():
            looked = cross if watch.kind is paging.Kind.NEGATIVE else said
            after, alarm = paging.decide(desk, watch, looked, said)
            self.desks[watch] = after
            if looked.verdict is baseline.Verdict.TAKEN:
                most = max(most, after.now)
            if alarm is not None:
                alarms.append(alarm)
        return Scored(most / (1 + most), tuple(alarms))


def score(
    rows: Iterable[Row], false_pages: float, bucket: int | None = None, *, negative: bool = False
) -> Iterator[Scored]:
    """Each row's score, one for one. Without a bucket's length it is the time between the first two rows."""
    watches = paging.watches(false_pages, negative=negative)
    feed = None if bucket is None else Feed(bucket, watches)
    first: Row | None = None
    for row in rows:
        if feed is None:
            if first is None or row.at <= first.at:
                first = first or row
                yield Scored(0.0)
                continue
            if row.at - first.at > DAY:
                raise FixMe(
                    f"the first two rows are {(row.at - first.at) / DAY:.1f} days apart, and a bucket is at most one day long",
                    hint="say how long a bucket is: --bucket 3600",
                    code="usage",
                )
            feed = Feed(row.at - first.at, watches)
            feed.take(first)
        yield feed.take(row)
