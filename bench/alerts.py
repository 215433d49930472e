"""Alerts: what watching a counter costs, for ten and for ten thousand of them, beside the trade's plainest recipe in the same run.

The recipe: the last day's mean against the mean of seven days and two deviations, kept by running sums in plain Python.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections import deque
from math import sqrt

from bench.ingest import line
from listener.spikes import paging
from listener.spikes.baseline import State, to_json
from listener.spikes.series import Feed, Row

STEP = 300
SIZES = (10, 100, 1_000, 10_000)
ROUNDS = 3


class DayAgainstWeek:
    """24 h mean over the 7-day mean plus two deviations, with a cool-down of a day."""

    def __init__(self, many: float = 2.0) -> None:
        self._week: deque[int] = deque()
        self._day: deque[int] = deque()
        self._sum = self._squares = self._today = 0
        self._many = many
        self._told = -(1 << 60)

    def take(self, row: Row) -> bool:
        """Whether it would page."""
        seen = row.seen or 0
        self._week.append(seen)
        self._day.append(seen)
        self._sum += seen
        self._squares += seen * seen
        self._today += seen
        if len(self._day) > 86_400 // STEP:
            self._today -= self._day.popleft()
        if len(self._week) > 7 * 86_400 // STEP:
            gone = self._week.popleft()
            self._sum -= gone
            self._squares -= gone * gone
        n = len(self._week)
        mean = self._sum / n
        spread = sqrt(max(0.0, self._squares / n - mean * mean))
        ripe = n > 2 * 86_400 // STEP
        pages = ripe and self._today / len(self._day) > mean + self._many * spread and row.at - self._told >= 86_400
        if pages:
            self._told = row.at
        return pages


def counts(many: int, seed: int) -> list[int]:
    """A busy series, made by a rule: a daily wave and some noise."""
    return [40 + (i % 288) // 8 + (i * 7_919 + seed * 104_729) % 23 for i in range(many)]


def per_step(take: list[object], buckets: list[Row]) -> float:
    """Microseconds a series and bucket."""
    began = time.perf_counter()
    for row in buckets:
        for one in take:
            one.take(row)  # type: ignore[attr-defined]
    return (time.perf_counter() - began) / (len(buckets) * len(take)) * 1e6


def warmed() -> tuple[State, list[Row]]:
    """What a series knows after eight days, and the rows."""
    rows = [Row(1_700_000_000 // STEP * STEP + i * STEP, n) for i, n in enumerate(counts(8 * 288, 1))]
    feed = Feed(STEP, paging.watches(1.2))
    for row in rows:
        feed.take(row)
    return feed.states[0], rows


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.alerts", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="up to a thousand series")
    arguments = parser.parse_args()
    state, rows = warmed()
    for size in SIZES[: 3 if arguments.quick else 4]:
        at = rows[-1].at
        steps = max(4, 20_000 // size)
        coming = [Row(at + STEP * (i + 1), n) for i, n in enumerate(counts(steps, 2))]
        found = []
        for _ in range(ROUNDS):
            feeds: list[object] = []
            peers: list[object] = []
            for _ in range(size):
                feed = Feed(STEP, paging.watches(1.2))
                feed.states = (state, feed.states[1])
                feeds.append(feed)
                peers.append(DayAgainstWeek())
            found.append((per_step(feeds, coming), per_step(peers, coming)))
        ours, peer = (statistics.median(each) for each in zip(*found, strict=True))
        minute = 60 / STEP
        line(
            f"alerts: {size:,} series",
            ours * minute,
            peer * minute,
            "24 h against 7 days, plain Python",
            "us/series and minute",
        )
    size = len(to_json(state))
    line("alerts: one series' state as JSON", size, 7 * 288 * 8, "7 days of numbers", "bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
