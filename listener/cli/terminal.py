"""How commands speak: lines, tables, JSON, a progress bar, errors. Owns what may reach a terminal; refuses raw outside text.

No colour and no bar where there is no terminal or where NO_COLOR is set. Every text from a network goes through `harmless`.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from listener.cli import FINDINGS, NOT_REACHABLE, USAGE
from listener.errors import FixMe, HubbubError, NotReachable, TryAgain
from listener.harmless import harmless
from listener.networks import at as handled

USAGE_CODE = "usage"
"""The code of a FixMe that is about how a command was called."""

_SURROGATE = re.compile("[\ud800-\udfff]")

_COLOURS = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


def coloured(text: str, colour: str, stream: Any = None) -> str:
    """The text in a colour, where the stream is a terminal that wants one."""
    stream = stream or sys.stdout
    if not stream.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m"


def print_json(value: Any) -> None:
    """One JSON document on a line of its own. Dataclasses, times, sets and tuples are understood."""
    print(as_json(value), flush=True)


def as_json(value: Any) -> str:
    """A value as JSON on one line. A lone surrogate, which no stream takes, is written as its escape."""
    text = json.dumps(value, default=_plain, ensure_ascii=False)
    return text if text.isascii() or not _SURROGATE.search(text) else json.dumps(value, default=_plain)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, set | frozenset | tuple):
        return sorted(value) if isinstance(value, set | frozenset) else list(value)
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)


def table(rows: Iterable[Sequence[str]], indent: str = "") -> str:
    """Rows in columns, as wide as their widest cell; the last column runs on to the edge of the terminal."""
    kept = [[harmless(cell) for cell in row] for row in rows]
    if not kept:
        return ""
    widths = [max(len(row[i]) for row in kept) for i in range(len(kept[0]) - 1)]
    room = max(20, shutil.get_terminal_size((110, 24)).columns - len(indent) - sum(widths) - 2 * len(widths))
    lines = []
    for row in kept:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        last = row[-1] if len(row[-1]) <= room or not sys.stdout.isatty() else f"{row[-1][: room - 1]}…"
        lines.append((indent + "  ".join([*cells, last])).rstrip())
    return "\n".join(lines)


def tell_error(err: BaseException, *, as_json: bool = False) -> int:
    """Prints what went wrong in a person's words and returns the exit code that fits."""
    err = innermost(err)
    code = exit_code(err)
    if as_json:
        print_json({"error": describe(err)})
    for line in _error_lines(err):
        print(line, file=sys.stderr)
    return code


def innermost(err: BaseException) -> BaseException:
    """The one error that matters in a group of them: ours before others, what a human must mend before the rest."""
    if not isinstance(err, BaseExceptionGroup):
        return err
    found = [innermost(inner) for inner in err.exceptions]
    ours = [inner for inner in found if isinstance(inner, HubbubError)]
    return next((inner for inner in ours if isinstance(inner, FixMe)), (ours or found)[0])


def exit_code(err: BaseException) -> int:
    """0 fine, 1 findings, 2 usage, 3 not reachable."""
    if isinstance(err, NotReachable | TryAgain):
        return NOT_REACHABLE
    return USAGE if getattr(err, "problems", None) or getattr(err, "code", "") == USAGE_CODE else FINDINGS


def describe(err: BaseException) -> dict[str, Any]:
    """An error for programs."""
    if isinstance(err, HubbubError):
        problems = [dataclasses.asdict(problem) for problem in getattr(err, "problems", ())]
        told = {"kind": type(err).__name__, "what": err.what, "where": err.where, "hint": err.hint, "code": err.code}
        return told | ({"problems": problems} if problems else {})
    return {"kind": type(err).__name__, "what": str(err), "where": "", "hint": "", "code": ""}


def _error_lines(err: BaseException) -> list[str]:
    mark = coloured("hubbub:", "red", sys.stderr)
    if isinstance(err, HubbubError):
        lines = [f"{mark} {harmless(err.what)}"]
        if problems := getattr(err, "problems", ()):
            return [
                *lines,
                *(f"  {harmless(str(problem))}" for problem in problems),
                *([f"  what to do: {err.hint}"] if err.hint else []),
            ]
        lines += [f"  where: {harmless(err.where)}"] if err.where else []
        lines += [f"  what to do: {harmless(err.hint)}"] if err.hint else []
        return lines
    if isinstance(err, OSError):
        where = [f"  where: {harmless(str(err.filename))}"] if err.filename else []
        return [
            f"{mark} {err.strerror or err}",
            *where,
            "  what to do: check the name, the permissions and the space on the disk",
        ]
    told = f"{mark} a mistake in Hubbub itself: {type(err).__name__}: {harmless(str(err))[:300]}"
    return [told, "  what to do: run it again with HUBBUB_DEBUG=1 and report what it prints"]


def say(text: str) -> None:
    """A line for the person at the terminal, beside the results."""
    print(coloured(harmless(text), "dim", sys.stderr), file=sys.stderr, flush=True)


def ask(question: str, *, default: bool) -> bool:
    """A yes-or-no question on the terminal; the default where there is none to ask."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return default
    try:
        answer = input(f"{question} [{'Y/n' if default else 'y/N'}] ").strip().lower()
    except EOFError:
        return default
    return default if not answer else answer.startswith("y")


def run_async(main: Coroutine[Any, Any, int]) -> int:
    """Runs a command's coroutine; Ctrl-C cancels it, so that its `finally` clauses end what it started."""
    return asyncio.run(main)


class Bar:
    """A progress bar on a terminal; nothing at all elsewhere. Redrawn at most ten times a second."""

    def __init__(self, total: int, unit: str, *, quiet: bool = False) -> None:
        self._total, self._unit = max(total, 1), unit
        self._live = sys.stderr.isatty() and not quiet and os.environ.get("TERM") != "dumb"
        self._started = self._drawn = time.monotonic()

    def show(self, done: int, words: str) -> None:
        """Draws how far it is: `done` of the total, with `words` beside it."""
        now = time.monotonic()
        if not self._live or now - self._drawn < 0.1:
            return
        self._drawn = now
        share = min(1.0, done / self._total)
        left = (now - self._started) / share * (1 - share) if share else 0
        filled = "#" * int(share * 30)
        line = f"{filled:<30} {share:4.0%} {words}, {left:.0f} s left"
        print(f"\r\x1b[K{line[: shutil.get_terminal_size().columns - 1]}", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Takes the bar off the screen."""
        if self._live:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def who(handle: str, name: str) -> str:
    """A person by handle, else by name, harmless."""
    return handled(told) if (told := harmless(handle)) else harmless(name) or "somebody"


def moment(at: datetime | None, now: datetime) -> str:
    """A time as an age for people: 'now', '5 min ago', '2 h ago', or the day; '-' for never."""
    if at is None:
        return "-"
    seconds = (now - at).total_seconds()
    if abs(seconds) < 2:
        return "now"
    tail = "ago" if seconds > 0 else "from now"
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        if abs(seconds) >= length:
            return f"{abs(seconds) / length:.0f} {unit} {tail}"
    return "now"


def counted(n: int, one: str, many: str = "") -> str:
    """'1 rule', '2 rules', '1,200 replies'."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def is_path_writable(path: Path) -> bool:
    """Whether something can be written there, judged by the nearest folder that exists."""
    while not path.exists() and path != path.parent:
        path = path.parent
    return os.access(path, os.W_OK)
