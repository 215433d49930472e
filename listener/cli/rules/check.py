"""`hubbub rules check`: every mistake in rule files, with file, line and column, and every example judged. Owns the printing only."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from listener.cli import FINDINGS, FINE
from listener.cli.rules.folder import add_folder, folder_asked
from listener.errors import FixMe


def configure(parser: argparse.ArgumentParser) -> None:
    """Which folder."""
    parser.add_argument("folder", nargs="?", type=Path, metavar="FOLDER", help="the same as --rules FOLDER")
    add_folder(parser)
    parser.epilog = """\
examples:
  hubbub rules check
  hubbub rules check ./rules --json

A running listener refuses files with problems and goes on with the last good ones.
Exit codes: 0 no problems, 1 problems, 2 wrong usage."""


def run(arguments: argparse.Namespace) -> int:
    """Checks; prints problems as file:line:column."""
    from listener import rulefiles
    from listener.cli.terminal import USAGE_CODE, print_json, table
    from listener.rulebook.check import check
    from listener.rulebook.shape import Rulebook
    from listener.service.rules import load_methods

    if arguments.folder is not None and arguments.rules is not None:
        raise FixMe("two folders are named", hint="name one, as FOLDER or with --rules", code=USAGE_CODE)
    folder = arguments.folder or folder_asked(arguments)
    loaded = rulefiles.load(folder)
    tried = 0
    if isinstance(loaded, Rulebook):
        checked = check(loaded, load_methods(), datetime.now(UTC))
        problems, tried = list(checked.problems), len(checked.tried)
        warnings = [*loaded.warnings, *checked.warnings]
    else:
        problems, warnings = loaded, []
    if arguments.json:
        print_json(
            {
                "folder": str(folder),
                "fine": not problems,
                "problems": [asdict(problem) for problem in problems],
                "warnings": [asdict(problem) for problem in warnings],
                "examples": tried,
            }
        )
        return FINDINGS if problems else FINE
    for problem in (*problems, *warnings):
        print(table([(f"{folder}/{problem}",)]))
    if isinstance(loaded, Rulebook):
        print(
            f"{len(loaded.rules)} rules, {len(loaded.topics)} topics, {tried} examples: {len(problems)} problems, {len(warnings)} warnings"
        )
    return FINDINGS if problems else FINE
