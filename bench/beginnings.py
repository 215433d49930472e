"""The first days of a counter: which storms are told how soon after it began, and how many false pages its first week costs.

Storms: steady Poisson streams, one in five negative, that for two hours are so many times as busy, and of what is added four in five are negative;
each of six streams is learned once, and every storm goes on from a copy of what was learned. Told: a page leaves between the storm's first minute
and an hour after its end.

False pages: the brands of `--volume` (as in `bench.storms`; without files waves with gusts that are made by rule) at all and at parts of their
mentions, begun anew every third day (`--every`) where nothing labelled is in the three days, and Poisson streams with a daily wave, begun at four
hours of the day. Each alarm has one false page a month accepted, and a recipe of the trade is beside them in the same run. `need` takes every
mention for one that is urgent and unanswered; which are negative says `--messages`, or a draw of one in five.

`--table` prints it for a page of the docs.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, product
from math import sin, tau
from pathlib import Path

from bench._recipes import DAY, HOUR, STEP, HourAgainstHours
from bench.storms import AFTER, Background, Tally, drawn, made, read_background, read_negative, thinned
from listener.spikes.paging import Kind, Watch
from listener.spikes.series import Feed, Row

RATES: tuple[int, ...] = (2, 10, 100, 1_000)
SIZES = (3, 10, 30)
"""Times the usual rate, while the storm lasts."""
AFTERS = {"1 h": HOUR, "3 h": 3 * HOUR, "6 h": 6 * HOUR, "1 day": DAY, "3 days": 3 * DAY, "5 days": 5 * DAY}
"""Buckets that are known when a storm begins."""
STREAMS = 6
LASTS = 2 * HOUR
USUALLY, ADDED = 0.2, 0.8
"""Negative parts: of what is usual, and of what a storm adds."""

PARTS = {"at all": 1.0, "a fifth": 0.2, "a twentieth": 0.05, "a hundredth": 0.01}
WAVES: tuple[int, ...] = (4, 11, 25)
"""The busiest hour's rate in the quietest's."""
BEGUN = (0, 6, 12, 18)
"""Hours of the day at which a stream with a wave begins."""
EVERY = 72.0
"""Hours between two beginnings of a brand."""
PHASES = {"days 1 to 3": range(3 * DAY), "days 4 to 7": range(3 * DAY, 7 * DAY)}

ALARMS = (Kind.VOLUME, Kind.NEED, Kind.NEGATIVE, Kind.SILENCE, Kind.SHIFT)
RECIPE = "last hour three times 12 h"
_MONDAY = 1_772_409_600


class Counted:
    """A counter under its alarms and, of number and of negative ones, the recipe."""

    def __init__(self, kinds: Sequence[Kind]) -> None:
        self._feed = Feed(STEP, tuple(Watch(kind) for kind in kinds))
        self._volume, self._negative = HourAgainstHours(3), HourAgainstHours(3)

    def take(self, row: Row) -> list[str]:
        """Who pages."""
        paged = [alarm.kind.value for alarm in self._feed.take(row).alarms if alarm.pages]
        if self._volume.take(row.seen or 0):
            paged.append(f"{RECIPE}, {Kind.VOLUME}")
        if self._negative.take(row.negative or 0):
            paged.append(f"{RECIPE}, {Kind.NEGATIVE}")
        return paged

    def copy(self) -> Counted:
        """One that goes on from here by itself; states and desks are values, and shared."""
        other = Counted([watch.kind for watch in self._feed.desks])
        other._feed.states, other._feed.desks = self._feed.states, dict(self._feed.desks)
        other._volume, other._negative = self._volume.copy(), self._negative.copy()
        return other


NAMES: tuple[str, ...] = (*ALARMS, f"{RECIPE}, {Kind.VOLUME}", f"{RECIPE}, {Kind.NEGATIVE}")
PAIRS: dict[str, tuple[str, ...]] = {"Hubbub": (Kind.VOLUME, Kind.NEGATIVE), RECIPE: NAMES[-2:]}
"""Who tells a storm by its number and by its negative ones."""
TELLING = tuple(chain(*PAIRS.values()))


# Storms ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Storm:
    """A stream that is so many times as busy, so long after it began."""

    size: int
    after: str


def streams(rate: float, many: int) -> dict[Storm, dict[str, Tally]]:
    """What became of every storm in every stream of a rate, by who tells it."""
    found = {Storm(*one): {name: Tally() for name in TELLING} for one in product(SIZES, AFTERS)}
    for seed in range(many):
        draw = random.Random(f"stream {seed} {rate}")
        counted = Counted((Kind.VOLUME, Kind.NEGATIVE))
        for i in range(max(AFTERS.values()) + 1):
            for storm, tallies in found.items():
                if AFTERS[storm.after] == i:
                    delays = _told(counted.copy(), storm, rate, i, seed)
                    for name, tally in tallies.items():
                        tally.tried += 1
                        tally.delays.extend([delays[name]] if name in delays else [])
            counted.take(_row(i, draw, rate))
    return found


def _told(counted: Counted, storm: Storm, rate: float, begin: int, seed: int) -> dict[str, int]:
    """After how many minutes, by those who tell it."""
    draw = random.Random(f"{storm} {rate} {seed}")
    delays: dict[str, int] = {}
    for i in range(LASTS + AFTER):
        more = (storm.size - 1) * rate if i < LASTS else 0.0
        for name in counted.take(_row(begin + i, draw, rate, more)):
            delays.setdefault(name, (i + 1) * STEP // 60)
    return delays


def _row(i: int, draw: random.Random, rate: float, more: float = 0.0) -> Row:
    """A bucket at so many messages an hour, and so many more that are mostly negative."""
    usual, added = drawn(rate / HOUR, draw), drawn(more / HOUR, draw)
    bad = sum(draw.random() < USUALLY for _ in range(usual)) + sum(draw.random() < ADDED for _ in range(added))
    return Row(_MONDAY + i * STEP, usual + added, bad)


# False pages ----------------------------------------------------------------------------------------------------------


@dataclass
class Begun:
    """The pages of all beginnings of one group, by phase and who pages."""

    pages: dict[str, Counter[str]] = field(default_factory=lambda: {phase: Counter() for phase in PHASES})
    beginnings: Counter[str] = field(default_factory=Counter)

    def add(self, other: Begun) -> None:
        """Those of another group as well."""
        self.beginnings.update(other.beginnings)
        for phase, pages in other.pages.items():
            self.pages[phase].update(pages)


def brands(backgrounds: Iterable[Background], part: float, negative: Sequence[bool], every: float = EVERY) -> Begun:
    """Every brand at a part of its mentions, begun anew every so many hours."""
    found = Begun()
    for background in backgrounds:
        rate = part * HOUR * sum(background.counts) / len(background.counts)
        rows = thinned(background, rate, negative, random.Random(f"{background.name} {part}"))
        for begin in range(0, len(rows), round(every * HOUR)):
            week = rows[begin : begin + PHASES["days 4 to 7"].stop]
            _begun(found, week, [background.quiet(row.at) for row in week])
    return found


def waves(ratio: float, rates: Iterable[float]) -> Begun:
    """Poisson streams whose busiest hour is so many times their quietest, begun at several hours of the day."""
    found = Begun()
    for rate, hour in product(rates, BEGUN):
        draw = random.Random(f"wave {ratio} {rate} {hour}")
        swing = (ratio - 1) / (ratio + 1)
        places = range(hour * HOUR, hour * HOUR + PHASES["days 4 to 7"].stop)
        week = [_row(i, draw, rate * (1 + swing * sin((i % DAY / DAY - 0.35) * tau))) for i in places]
        _begun(found, week, [True] * len(week))
    return found


def _begun(found: Begun, week: Sequence[Row], quiet: Sequence[bool]) -> None:
    """A phase counts where nothing is labelled until its end, and the series goes on for so long."""
    counted = Counted(ALARMS)
    for phase, places in PHASES.items():
        if len(week) < places.stop or not all(quiet[: places.stop]):
            return
        found.beginnings[phase] += 1
        for i in places:
            found.pages[phase].update(counted.take(week[i]))


# What is printed ------------------------------------------------------------------------------------------------------


def print_storms(rate: float, found: Mapping[Storm, Mapping[str, Tally]]) -> None:
    """One JSON line a storm and who might tell it."""
    for (storm, tallies), name in product(found.items(), TELLING):
        tally = tallies[name]
        figure = {
            "bench": f"beginnings: {rate:g}/h, {storm.size} times, after {storm.after}",
            "alarm": name,
            "told": len(tally.delays),
            "of": tally.tried,
            "minutes": statistics.median(tally.delays) if tally.delays else None,
        }
        print(json.dumps(figure), flush=True)


def table_of_storms(of: Mapping[float, Mapping[Storm, Mapping[str, Tally]]]) -> None:
    """How many were told and after how many minutes (median), number / negative; a table for each detector."""
    for detector, names in PAIRS.items():
        print(f"| {detector}: usual rate, storm | after {' | '.join(AFTERS)} |")
        print(f"| --- |{' --- |' * len(AFTERS)}")
        for rate, size in product(of, SIZES):
            found = of[rate]
            cells = (" / ".join(_cell(found[Storm(size, after)][name]) for name in names) for after in AFTERS)
            print(f"| {rate:,g} an hour, {size} times | {' | '.join(cells)} |")
        print(flush=True)


def _cell(tally: Tally) -> str:
    return f"{len(tally.delays)}, {statistics.median(tally.delays):.0f}" if tally.delays else "0"


def print_pages(groups: Mapping[str, Begun]) -> None:
    """One JSON line a group, phase and who might page."""
    for (group, begun), (phase, places), name in product(groups.items(), PHASES.items(), NAMES):
        many = begun.beginnings[phase]
        pages = begun.pages[phase][name]
        figure = {
            "bench": f"beginnings: {group}, {phase}",
            "alarm": name,
            "false_pages": pages,
            "beginnings": many,
            "false_pages_a_month": round(pages / max(1, many * len(places)) * 30 * DAY, 2),
        }
        print(json.dumps(figure), flush=True)


def table_of_pages(groups: Mapping[str, Begun]) -> None:
    """Pages in the first phase / in the second."""
    together = Begun()
    for begun in groups.values():
        together.add(begun)
    columns = {**groups, "together": together}
    print(f"| alarm, {' / '.join(PHASES)} | {' | '.join(columns)} |")
    print(f"| --- |{' ---: |' * len(columns)}")
    for name in NAMES:
        cells = (" / ".join(str(begun.pages[phase][name]) for phase in PHASES) for begun in columns.values())
        print(f"| {name} | {' | '.join(cells)} |")
    cells = (" / ".join(str(begun.beginnings[phase]) for phase in PHASES) for begun in columns.values())
    print(f"| beginnings | {' | '.join(cells)} |\n", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.beginnings", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--volume", nargs="+", type=Path, default=[], metavar="CSV", help="timestamp,value per five minutes"
    )
    parser.add_argument(
        "--labels", type=Path, metavar="JSON", help="{series: [[begin, end], ...]}: nothing begins there"
    )
    parser.add_argument("--messages", type=Path, metavar="CSV", help="messages in true order")
    parser.add_argument("--text", default="text", metavar="COLUMN")
    parser.add_argument("--only", default="", metavar="COLUMN=VALUE", help="such messages only")
    parser.add_argument("--every", type=float, default=EVERY, metavar="HOURS", help="between two beginnings of a brand")
    parser.add_argument("--table", action="store_true", help="Markdown instead of JSON lines")
    parser.add_argument(
        "--quick", action="store_true", help="one rate, stream, wave and part, and two weeks of one background"
    )
    arguments = parser.parse_args()
    labels = json.loads(arguments.labels.read_text()) if arguments.labels else {}
    backgrounds = [read_background(path, labels) for path in arguments.volume] or [made(seed) for seed in range(4)]
    negative = read_negative(arguments.messages, arguments.only, arguments.text) if arguments.messages else _one_in()
    rates, waving, parts, many = RATES, WAVES, PARTS, STREAMS
    if arguments.quick:
        backgrounds = [replace(one, counts=one.counts[: 14 * DAY]) for one in backgrounds[:1]]
        rates, waving, parts, many = RATES[1:2], WAVES[1:2], {"a fifth": 0.2}, 1
    share = sum(negative) / len(negative)
    print(f"{len(negative):,} messages, {share:.0%} negative; {len(backgrounds)} backgrounds", file=sys.stderr)
    told = {float(rate): streams(rate, many) for rate in rates}
    if arguments.table:
        table_of_storms(told)
    else:
        for rate, found in told.items():
            print_storms(rate, found)
    for groups in (
        {label: brands(backgrounds, part, negative, arguments.every) for label, part in parts.items()},
        {f"wave of {ratio} to 1": waves(ratio, rates) for ratio in waving},
    ):
        (table_of_pages if arguments.table else print_pages)(groups)
    return 0


def _one_in() -> list[bool]:
    """So many as are usually negative, by draw."""
    draw = random.Random("one in five")
    return [draw.random() < USUALLY for _ in range(100_000)]


if __name__ == "__main__":
    sys.exit(main())
