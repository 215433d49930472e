"""`python -m inbox_tui.keyboard`: the key map on paper, and a person's own keys read from their file. `hubbub keys` starts it.

Owns the reading of the file and what is printed of it. Exit codes: 0 fine, 1 the file has mistakes, 2 usage.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from inbox_tui.disk import read_bytes
from inbox_tui.keys import EVERYWHERE, KEYS, PLACES, Table, shown
from inbox_tui.view.keyfile import act_name, place_name, read_keys, template, told_in_a_line
from listener.harmless import harmless
from listener.model.problems import Problem

if TYPE_CHECKING:
    from inbox_tui.screens.base import Desk

LARGEST = 1 << 18
"""Bytes of a file of keys; nobody has so many."""


def loaded(file: Path | None) -> tuple[Table, tuple[Problem, ...]]:
    """The keys in force by a file; none: the shipped ones. Whatever is wrong with it, there is a table."""
    if file is None:
        return KEYS, ()
    try:
        raw = read_bytes(file, LARGEST)
        if len(raw) > LARGEST:
            return KEYS, (_unreadable(file, "it is too big for a file of keys"),)
        return read_keys(raw.decode("utf-8"), str(file))
    except UnicodeDecodeError:
        return KEYS, (_unreadable(file, "it is not UTF-8 text"),)
    except (OSError, ValueError) as err:
        why = getattr(err, "strerror", None) or "no such name"
        return KEYS, (_unreadable(file, f"it cannot be read: {why}"),)


def give_keys(desk: Desk, file: Path) -> None:
    """A desk with the keys of a file; where it cannot be used, with the shipped ones, and that is said on the screen."""
    desk.table, problems = loaded(file)
    if problems:
        desk.said, desk.said_at = (told_in_a_line(problems), "bad"), desk.now()


def _unreadable(file: Path, why: str) -> Problem:
    return Problem(str(file), 1, 1, "not-read", why, "hubbub keys --template prints a file to begin with")


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="hubbub keys", description="The keys of the inbox.")
    parser.add_argument("--keys", metavar="FILE", type=Path)
    parser.add_argument("--check", metavar="FILE", type=Path)
    parser.add_argument("--template", action="store_true")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Print what was asked for; the exit code."""
    options = arguments(argv)
    if options.template:
        sys.stdout.write(template())
        return 0
    table, problems = loaded(options.check or options.keys)
    if options.json:
        sys.stdout.write(as_json(table, problems))
    else:
        for problem in problems:
            sys.stderr.write(harmless(str(problem)) + "\n")
        if options.check is None:
            sys.stdout.write(on_paper(table))
        elif not problems:
            sys.stdout.write(f"{harmless(str(options.check))}: fine, {_changed(table)}\n")
    return 1 if problems else 0


def on_paper(table: Table) -> str:
    """The map by place: act, keys, what it does."""
    lines: list[str] = []
    width = max(len(act_name(key.act)) for key in table)
    for where in dict.fromkeys((EVERYWHERE, *PLACES)):
        lines += [*([""] if lines else []), f"[{place_name(where)}]"]
        for key in table:
            if key.where == where:
                signs = " ".join(shown(one) for one in key.keys)
                lines.append(f"  {act_name(key.act):<{width}}  {signs:<12} {key.words}")
    return "\n".join(lines) + "\n"


def as_json(table: Table, problems: Sequence[Problem]) -> str:
    """The map and the mistakes for programs."""
    shipped = {(key.where, key.act): key.keys for key in KEYS}
    entries = [
        {
            "place": place_name(key.where),
            "act": act_name(key.act),
            "keys": list(key.keys),
            "shown": [shown(one) for one in key.keys],
            "words": key.words,
            "own": key.keys != shipped[(key.where, key.act)],
        }
        for key in table
    ]
    told = [
        {
            "file": one.file,
            "line": one.line,
            "column": one.column,
            "code": one.code,
            "message": one.message,
            "hint": one.hint,
        }
        for one in problems
    ]
    return json.dumps({"keys": entries, "problems": told}, ensure_ascii=True, indent=2) + "\n"


def _changed(table: Table) -> str:
    n = sum(mine.keys != theirs.keys for mine, theirs in zip(table, KEYS, strict=True))
    return f"{n} {'act has' if n == 1 else 'acts have'} keys of your own"


if __name__ == "__main__":
    sys.exit(main())
