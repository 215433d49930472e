"""`hubbub alerts score`: what the spike detector says of a series in a file. Owns the reading of that file and what is printed; opens no database.

The detector is the listener's own, fed row by row: what is written for the first rows does not depend on those that follow.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from listener.cli import FINDINGS, FINE
from listener.errors import FixMe

if TYPE_CHECKING:
    from listener.spikes.paging import Alarm
    from listener.spikes.series import Row

_MOST = 1 << 53

_SCORE = """\
examples:
  hubbub alerts score --in volume.csv --out scored.csv
  hubbub alerts score --in volume.csv.gz --out - --false-pages 0.5
  hubbub alerts score --in volume.csv --out scored.csv --json

The file is CSV with a line of names: timestamp, value and, if there are any, negative (how many of the value are negative).
Times are ISO 8601 or `2026-02-26 21:42:53`; without a zone they are UTC. Rows are in time order. An empty value is unknown, which
is not 0, and so is a bucket without a row. A row that repeats an older time mends it and alerts nobody.
Written: timestamp, anomaly_score (0 to 1; 0.5 is just a page) and alert (1 where a page would leave). Why is told on stderr.
FILE may be - for stdin and stdout; names that end in .gz are gzipped.
Exit codes: 0 no page, 1 at least one, 2 the file or the command is wrong, with the line."""


def configure_score(actions: argparse._SubParsersAction[Any]) -> None:
    """A series in a file, scored."""
    about = "run the spike detector over a series: which rows would have paged, and why"
    score = actions.add_parser("score", help=about, description=f"{about[0].upper()}{about[1:]}.", epilog=_SCORE)
    score.add_argument("--in", dest="source", required=True, metavar="FILE", help="CSV with timestamp and value")
    score.add_argument("--out", required=True, metavar="FILE", help="where the scores are written, one row a row")
    score.add_argument(
        "--false-pages", type=float, default=1.0, metavar="N", help="false pages a month that you accept (1)"
    )
    score.add_argument(
        "--bucket", type=int, metavar="SECONDS", help="length of a bucket; default: between the first two rows"
    )
    score.add_argument("--quiet", action="store_true", help="do not tell why on stderr")
    score.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="machine-readable output")


def run_score(arguments: argparse.Namespace) -> int:
    """Score it; exit code 1 when something would have paged."""
    from listener.cli.terminal import print_json, say
    from listener.spikes.series import score

    if not 0 < arguments.false_pages <= 1000:
        raise FixMe(f"--false-pages {arguments.false_pages:g} is not above 0 and at most 1000", code="usage")
    if arguments.bucket is not None and not 1 <= arguments.bucket <= 86_400:
        raise FixMe(f"--bucket {arguments.bucket} is not between 1 and 86400 seconds", code="usage")
    if arguments.json and arguments.out == "-":
        raise FixMe("--json and --out - both write to stdout", hint="give --out a file", code="usage")
    rows = pages = 0
    told: list[Alarm] = []
    with read_rows(arguments.source) as (given, stamps, negative), _written(arguments.out) as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(("timestamp", "anomaly_score", "alert"))
        for scored in score(given, arguments.false_pages, arguments.bucket, negative=negative):
            rows += 1
            paging = [alarm for alarm in scored.alarms if alarm.pages]
            pages += bool(paging)
            writer.writerow((stamps.pop(0), f"{scored.score:.6f}", int(bool(paging))))
            if arguments.json:
                told += scored.alarms
            elif not arguments.quiet:
                for alarm in scored.alarms:
                    say(_line(alarm))
    if arguments.json:
        print_json({"rows": rows, "pages": pages, "alarms": [_plain(alarm) for alarm in told]})
    elif not arguments.quiet:
        say(f"{rows:,} rows, {pages:,} would have paged")
    return FINDINGS if pages else FINE


def _line(alarm: Alarm) -> str:
    at = datetime.fromtimestamp(alarm.at, UTC)
    return f"{at:%Y-%m-%d %H:%M} {alarm.told.value}, {alarm.severity.value}: {alarm.why()}"


def _plain(alarm: Alarm) -> dict[str, object]:
    reading = alarm.reading
    low, high = alarm.usual
    return {
        "at": datetime.fromtimestamp(alarm.at, UTC),
        "since": datetime.fromtimestamp(alarm.since, UTC),
        "kind": alarm.kind,
        "told": alarm.told,
        "severity": alarm.severity,
        "pages": alarm.pages,
        "size": round(alarm.size, 3),
        "seconds": reading.seconds,
        "seen": reading.seen,
        "expected": round(reading.expected, 3),
        "usual": [round(low, 3), round(high, 3)],
        "sigmas": round(reading.sigmas, 3),
        "threshold": round(alarm.threshold, 3),
        "bits": round(reading.bits, 1),
        "known": round(reading.known, 3),
        "why": alarm.why(),
    }


@contextmanager
def read_rows(source: str) -> Iterator[tuple[Iterator[Row], list[str], bool]]:
    """The rows of a file, the times of those that are read as they were written, and whether it tells how many are negative."""
    with _read(source) as text:
        reader = csv.reader(text)
        columns = _header(reader, source)
        stamps: list[str] = []
        yield _rows(reader, columns, source, stamps), stamps, columns.negative is not None


@contextmanager
def _read(source: str) -> Iterator[IO[str]]:
    """The file as text, unzipped where its name or its first bytes say so."""
    try:
        with open(sys.stdin.fileno() if source == "-" else source, "rb", closefd=source != "-") as raw:
            zipped = source.endswith(".gz") or raw.peek(2)[:2] == b"\x1f\x8b"
            opened = gzip.GzipFile(fileobj=raw) if zipped else raw
            with io.TextIOWrapper(cast(IO[bytes], opened), "utf-8-sig", newline="") as text:
                yield text
    except UnicodeDecodeError as err:
        raise FixMe("not text in UTF-8", where=source, hint="save it as CSV in UTF-8", code="usage") from err
    except (gzip.BadGzipFile, EOFError, zlib.error) as err:
        raise FixMe(f"damaged gzip: {err}", where=source, hint="was the file copied whole?", code="usage") from err
    except OSError as err:
        raise FixMe(
            f"cannot be read or written: {err.strerror or err}", where=err.filename or source, code="usage"
        ) from err


@contextmanager
def _written(out: str) -> Iterator[IO[str]]:
    """Where scores go: stdout, or a file that is only there when it is whole."""
    if out == "-":
        yield sys.stdout
        sys.stdout.flush()
        return
    part = Path(f"{out}.part")
    try:
        with (
            gzip.open(part, "wt", encoding="utf-8", newline="")
            if out.endswith(".gz")
            else part.open("w", encoding="utf-8", newline="") as text
        ):
            yield text
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class _Columns:
    """Which column is which."""

    at: int
    seen: int
    negative: int | None


def _header(reader: Any, source: str) -> _Columns:
    """The columns, by the first line that is not empty."""
    for cells in _lines(reader, source):
        return _columns(cells, f"{source}, line {reader.line_num}")
    hint = "its first line names the columns: timestamp,value"
    raise FixMe("the file is empty", where=source, hint=hint, code="usage")


def _rows(reader: Any, columns: _Columns, source: str, stamps: list[str]) -> Iterator[Row]:
    """The file's rows; each one's time as it was written goes to `stamps`."""
    for cells in _lines(reader, source):
        row = _row(cells, columns, f"{source}, line {reader.line_num}")
        stamps.append(cells[columns.at].strip())
        yield row


def _lines(reader: Any, source: str) -> Iterator[list[str]]:
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield cells
    except csv.Error as err:
        raise FixMe(f"no CSV: {err}", where=f"{source}, line {reader.line_num}", code="usage") from err


def _columns(cells: list[str], where: str) -> _Columns:
    names = [cell.strip().lower() for cell in cells]
    for name in ("timestamp", "value"):
        if name not in names:
            raise FixMe(
                f"there is no column {name}",
                where=where,
                hint="the first line names the columns: timestamp,value",
                code="usage",
            )
    return _Columns(
        names.index("timestamp"), names.index("value"), names.index("negative") if "negative" in names else None
    )


def _row(cells: list[str], columns: _Columns, where: str) -> Row:
    from listener.spikes.series import Row

    def cell(index: int) -> str:
        if index >= len(cells):
            raise FixMe(
                f"the row has {len(cells)} cells",
                where=where,
                hint="each row needs a timestamp and a value",
                code="usage",
            )
        return cells[index].strip()

    text = cell(columns.at)
    try:
        at = datetime.fromisoformat(text)
        seconds = int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError) as err:
        hint = "write it as 2026-02-26 21:42:53 or 2026-02-26T21:42:53Z"
        raise FixMe(f"{text[:40]!r} is no time", where=where, hint=hint, code="usage") from err
    if seconds < 0:
        raise FixMe(f"{text} is before 1970", where=where, code="usage")
    seen = _count(cell(columns.seen), "value", where)
    negative = None if columns.negative is None else _count(cell(columns.negative), "negative", where)
    if negative is not None and seen is not None and negative > seen:
        raise FixMe(
            f"negative {negative} of {seen}", where=where, hint="negative counts some of the value", code="usage"
        )
    return Row(seconds, seen, negative)


def _count(text: str, name: str, where: str) -> int | None:
    """A count; None where the cell is empty. What has decimals is rounded."""
    if not text:
        return None
    try:
        number = float(text)
    except ValueError as err:
        hint = "a count, or nothing where it is unknown"
        raise FixMe(f"{name} {text[:40]!r} is no number", where=where, hint=hint, code="usage") from err
    if not 0 <= number <= _MOST:
        raise FixMe(f"{name} {text[:40]} is no count", where=where, hint="counts are 0 or more", code="usage")
    return round(number)
