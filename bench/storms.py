"""Storms of known size, length and tone put into a background: how many are paged, how late, and how many false pages that costs, beside
the recipes of the trade in the same run.

The background's times are counts per five minutes (`--volume`, a file a brand, thinned to the rate that is asked about; without files a wave that
is made by rule), its messages and their order those of a file of messages (`--messages`), each judged by Hubbub's own tone. A storm adds messages of
the same file for so long, so many times the usual rate, of which so many in a hundred are judged negative. It begins where nothing is going on in
the background; every detector gets the very same. Found: a page leaves between its first minute and an hour after its end.

`--table` prints it for a page of the docs.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import random
import statistics
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import product
from math import exp, sin, tau
from pathlib import Path
from typing import Protocol

from bench._recipes import DAY, HOUR, STEP, DayAgainstDays, HourAgainstHours
from listener.cli.alerts_score import read_rows
from listener.model.scales import ToneLabel
from listener.sentiment import Vader
from listener.spikes.paging import Kind, Watch
from listener.spikes.series import Feed, Row

RATES = (10, 100)
SIZES = (0.5, 1.0, 3.0, 10.0)
LENGTHS = (0.5, 2.0, 8.0)
TONES = (0.3, 0.6, 0.9)
LEARNS = 8 * DAY
APART = 28 * HOUR
"""Buckets between the beginnings of two storms in one background."""
AFTER = HOUR


class Detector(Protocol):
    """What is fed a bucket and may page."""

    def take(self, row: Row) -> bool: ...
    def copy(self) -> Detector: ...


class Hubbub:
    """The alarm on negative messages, as it is shipped."""

    def __init__(self, false_pages: float = 1.0) -> None:
        self._feed = Feed(STEP, (Watch(Kind.NEGATIVE, false_pages),))

    def take(self, row: Row) -> bool:
        """Whether it pages."""
        return any(alarm.pages for alarm in self._feed.take(row).alarms)

    def copy(self) -> Hubbub:
        """States and desks are values: a copy shares them."""
        other = Hubbub()
        other._feed.states, other._feed.desks = self._feed.states, dict(self._feed.desks)
        return other


class Recipe:
    """A recipe over the negative ones."""

    def __init__(self, of: DayAgainstDays | HourAgainstHours) -> None:
        self._of = of

    def take(self, row: Row) -> bool:
        """Whether it pages."""
        return self._of.take(row.negative or 0)

    def copy(self) -> Recipe:
        """One that goes on from here by itself."""
        return Recipe(self._of.copy())


PEERS: dict[str, Callable[[], Detector]] = {
    "Hubbub": Hubbub,
    "Hubbub, 6 accepted": lambda: Hubbub(6.0),
    "last hour twice 12 h": lambda: Recipe(HourAgainstHours(2)),
    "last hour three times 12 h": lambda: Recipe(HourAgainstHours(3)),
    "24 h over 7 days": lambda: Recipe(DayAgainstDays()),
}


@dataclass(frozen=True, slots=True)
class Storm:
    """What is added."""

    size: float
    """Times the usual rate."""
    hours: float
    tone: float
    """Part that is negative."""

    @property
    def buckets(self) -> int:
        """How many it lasts."""
        return round(self.hours * HOUR)


@dataclass
class Tally:
    """What became of the storms of one kind, for one detector."""

    delays: list[int] = field(default_factory=list)
    """Minutes, of those that were found."""
    tried: int = 0


@dataclass
class Found:
    """One detector at one rate."""

    storms: dict[Storm, Tally]
    pages: int = 0
    """Without a storm."""
    days: float = 0.0

    @property
    def false_pages(self) -> float:
        """A month."""
        return self.pages / self.days * 30


# Backgrounds ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Background:
    """A brand's counts, before they are thinned, and when people say that something was going on."""

    name: str
    begins: int
    counts: Sequence[int]
    labelled: Sequence[tuple[int, int]] = ()

    def quiet(self, at: int) -> bool:
        """Whether nothing was going on, as far as anybody said."""
        return not any(begin <= at <= end for begin, end in self.labelled)


def read_background(path: Path, labels: dict[str, list[list[str]]]) -> Background:
    """The counts of a file; what is missing in it is taken for nothing."""
    with read_rows(str(path)) as (rows, _, _):
        counted = {row.at // STEP * STEP: row.seen or 0 for row in rows}
    first, last = min(counted), max(counted)
    name = path.name.split(".")[0]
    mine = next((spans for series, spans in labels.items() if Path(series).name.split(".")[0] == name), [])
    spans = [(_seconds(begin), _seconds(end)) for begin, end in mine]
    return Background(name, first, [counted.get(at, 0) for at in range(first, last + 1, STEP)], spans)


def _seconds(stamp: str) -> int:
    return int(datetime.fromisoformat(stamp[:19]).replace(tzinfo=UTC).timestamp())


def made(seed: int) -> Background:
    """A daily wave with gusts, made by rule."""
    draw = random.Random(f"background {seed}")
    level, counts = 0.0, []
    for i in range(40 * DAY):
        level = 0.97 * level + draw.gauss(0, 0.08)
        usual = 60 * (1 + 0.7 * sin((i % DAY / DAY - 0.35) * tau)) * exp(level)
        counts.append(drawn(usual, draw))
    return Background(f"made {seed}", 1_772_409_600, counts)


def drawn(mean: float, draw: random.Random) -> int:
    """A Poisson count."""
    if mean > 50:
        return max(0, round(draw.gauss(mean, mean**0.5)))
    many, left = 0, draw.expovariate(1.0)
    while left < mean:
        many += 1
        left += draw.expovariate(1.0)
    return many


def read_negative(path: Path, only: str, text: str) -> list[bool]:
    """Whether each message is negative, by Hubbub's own tone, in the order of the file."""
    column, _, value = only.partition("=")
    tone = Vader.load().tone
    unzip = gzip.open if path.suffix == ".gz" else open
    with unzip(path, "rt", encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if not only or row.get(column, "").casefold() == value.casefold()]
    return [tone(row[text], "en").label is ToneLabel.NEGATIVE for row in rows]


def made_negative() -> list[bool]:
    """Three in ten, in runs, made by rule."""
    draw = random.Random("tone")
    bad, found = 0.3, []
    for _ in range(3_000):
        bad = min(0.8, max(0.05, bad + draw.gauss(0, 0.02) + (0.3 - bad) * 0.02))
        found.append(draw.random() < bad)
    return found


def thinned(background: Background, rate: float, negative: Sequence[bool], draw: random.Random) -> list[Row]:
    """The background at so many messages an hour, each the next of the file."""
    mean = sum(background.counts) / len(background.counts)
    part = min(1.0, rate / HOUR / mean)
    place = draw.randrange(len(negative))
    rows = []
    for i, count in enumerate(background.counts):
        kept = sum(draw.random() < part for _ in range(count))
        bad = 0
        for _ in range(kept):
            bad += negative[place % len(negative)]
            place += 1
        rows.append(Row(background.begins + i * STEP, kept, bad))
    return rows


# The runs -------------------------------------------------------------------------------------------------------------


def run(
    backgrounds: Iterable[Background], rate: float, negative: Sequence[bool], storms: Sequence[Storm]
) -> dict[str, Found]:
    """Every storm in every place of every background, for every detector."""
    found = {name: Found({storm: Tally() for storm in storms}) for name in PEERS}
    for background in backgrounds:
        draw = random.Random(f"{background.name} {rate}")
        rows = thinned(background, rate, negative, draw)
        places = list(_places(background, rows, draw))
        for name, peer in PEERS.items():
            there = found[name]
            detector = peer()
            begins = set(places)
            for i, row in enumerate(rows):
                if i in begins:
                    for storm in storms:
                        _storm(there.storms[storm], detector.copy(), rows, i, storm, rate)
                paged = detector.take(row)
                if i >= LEARNS and background.quiet(row.at):
                    there.pages += paged
                    there.days += 1 / DAY
    return found


def _places(background: Background, rows: Sequence[Row], draw: random.Random) -> Iterator[int]:
    """Where storms begin: at any hour, and nothing labelled is near."""
    longest = round(LENGTHS[-1] * HOUR) + AFTER
    at = LEARNS + draw.randrange(APART)
    while at + longest < len(rows):
        if all(background.quiet(rows[near].at) for near in range(at - DAY, at + longest)):
            yield at
        at += APART + draw.randrange(HOUR)


def _storm(tally: Tally, detector: Detector, rows: Sequence[Row], begin: int, storm: Storm, rate: float) -> None:
    """The same draws for every detector."""
    draw = random.Random(f"{begin} {storm} {rate}")
    tally.tried += 1
    for i in range(begin, min(begin + storm.buckets + AFTER, len(rows))):
        row = rows[i]
        more = drawn(storm.size * rate / HOUR, draw) if i < begin + storm.buckets else 0
        bad = sum(draw.random() < storm.tone for _ in range(more))
        if detector.take(Row(row.at, (row.seen or 0) + more, (row.negative or 0) + bad)):
            tally.delays.append((i + 1 - begin) * STEP // 60)
            return


# What is printed ------------------------------------------------------------------------------------------------------


def lines(rate: float, found: dict[str, Found], storms: Sequence[Storm]) -> None:
    """One JSON line a storm and detector, and one for its false pages."""
    for name, there in found.items():
        print(
            json.dumps(
                {"bench": f"storms: {rate:g}/h", "detector": name, "false_pages_a_month": round(there.false_pages, 2)}
            )
        )
        for storm in storms:
            tally = there.storms[storm]
            figure = {
                "bench": f"storms: {rate:g}/h",
                "detector": name,
                "size": storm.size,
                "hours": storm.hours,
                "negative": storm.tone,
                "found": len(tally.delays),
                "of": tally.tried,
                "minutes": statistics.median(tally.delays) if tally.delays else None,
            }
            print(json.dumps(figure), flush=True)


def table(rate: float, found: dict[str, Found], storms: Sequence[Storm]) -> None:
    """The same as a table of Markdown: found in a hundred, and after how many minutes (median)."""
    print(f"| {rate:g} an hour: storm | {' | '.join(found)} |")
    print(f"| --- |{' --- |' * len(found)}")
    for storm in storms:
        size = "half as many" if storm.size == 0.5 else "as many" if storm.size == 1 else f"{storm.size:g} times"
        long = f"{storm.hours:g} h" if storm.hours >= 1 else f"{storm.hours * 60:g} min"
        cells = []
        for there in found.values():
            tally = there.storms[storm]
            late = f", {statistics.median(tally.delays):.0f}" if tally.delays else ""
            cells.append(f"{100 * len(tally.delays) / max(1, tally.tried):.0f} %{late}")
        print(f"| {size}, {long}, {storm.tone:.0%} negative | {' | '.join(cells)} |")
    print(
        f"| false pages a month | {' | '.join(f'{there.false_pages:.1f}' for there in found.values())} |\n", flush=True
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.storms", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--volume", nargs="+", type=Path, default=[], metavar="CSV", help="timestamp,value per five minutes"
    )
    parser.add_argument(
        "--labels", type=Path, metavar="JSON", help="{series: [[begin, end], ...]}: no storms there, and no false pages"
    )
    parser.add_argument("--messages", type=Path, metavar="CSV", help="messages in true order")
    parser.add_argument("--text", default="text", metavar="COLUMN")
    parser.add_argument("--only", default="", metavar="COLUMN=VALUE", help="such messages only")
    parser.add_argument("--rates", nargs="+", type=float, default=RATES, help="messages an hour")
    parser.add_argument("--lengths", nargs="+", type=float, default=LENGTHS, metavar="HOURS")
    parser.add_argument(
        "--tones", nargs="+", type=float, default=TONES, metavar="PART", help="of a storm's messages that are negative"
    )
    parser.add_argument("--table", action="store_true", help="Markdown instead of JSON lines")
    parser.add_argument("--quick", action="store_true", help="one background, two lengths, one tone")
    arguments = parser.parse_args()
    labels = json.loads(arguments.labels.read_text()) if arguments.labels else {}
    backgrounds = [read_background(path, labels) for path in arguments.volume] or [made(seed) for seed in range(3)]
    negative = (
        read_negative(arguments.messages, arguments.only, arguments.text) if arguments.messages else made_negative()
    )
    if arguments.quick:
        backgrounds, arguments.lengths, arguments.tones = backgrounds[:1], [0.5, 2.0], [0.6]
    storms = [Storm(*one) for one in product(SIZES, arguments.lengths, arguments.tones)]
    share = sum(negative) / len(negative)
    print(f"{len(negative):,} messages, {share:.0%} negative; {len(backgrounds)} backgrounds", file=sys.stderr)
    for rate in arguments.rates:
        (table if arguments.table else lines)(rate, run(backgrounds, rate, negative, storms), storms)
    return 0


if __name__ == "__main__":
    sys.exit(main())
