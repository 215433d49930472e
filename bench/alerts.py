"""Alerts: what watching a counter costs, for ten and for ten thousand of them, beside the trade's plainest recipe in the same run.

The recipe: the last day's mean against the mean of seven days and two deviations, kept by running sums in plain Python.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable

from bench._recipes import STEP, DayAgainstWeek
from bench.ingest import line
from listener.spikes import paging
from listener.spikes.baseline import State, to_json
from listener.spikes.series import Feed, Row

SIZES = (10, 100, 1_000, 10_000)
ROUNDS = 3


def counts(many: int, seed: int) -> list[int]:
    """A busy series, made by a rule: a daily wave and some noise."""
    return [40 + (i % 288) // 8 + (i * 7_919 + seed * 104_729) % 23 for i in range(many)]


class Peer:
    """The recipe, fed rows."""

    def __init__(self) -> None:
        self._of = DayAgainstWeek()

    def take(self, row: Row) -> bool:
        """Whether it would page."""
        return self._of.take(row.seen or 0)


def per_step(takes: list[Callable[[Row], object]], buckets: list[Row]) -> float:
    """Microseconds a series and bucket."""
    began = time.perf_counter()
    for row in buckets:
        for take in takes:
            take(row)
    return (time.perf_counter() - began) / (len(buckets) * len(takes)) * 1e6


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
            feeds: list[Callable[[Row], object]] = []
            peers: list[Callable[[Row], object]] = []
            for _ in range(size):
                feed = Feed(STEP, paging.watches(1.2))
                feed.states = (state, feed.states[1])
                feeds.append(feed.take)
                peers.append(Peer().take)
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
