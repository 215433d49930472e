"""`hubbub rules check`: every mistake in rule files, with file, line and column, and every example judged. Owns the printing only."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path


def configure_rules(parser: argparse.ArgumentParser) -> None:
    """What to do with which folder."""
    parser.add_argument("what", choices=("check",), help="check: parse everything and judge every example")
    parser.add_argument(
        "folder", nargs="?", type=Path, metavar="FOLDER", help="default: the settings' folder, else the shipped rules"
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings to use")
    parser.epilog = """\
examples:
  hubbub rules check
  hubbub rules check ./rules --json

Exit code 1 when something is wrong. A running listener refuses the same files and goes on with the last good ones."""


def run_rules(arguments: argparse.Namespace) -> int:
    """Checks; prints problems as file:line:column."""
    from listener import rulefiles
    from listener import settings as reading
    from listener.cli.terminal import print_json, table
    from listener.rulebook.check import check
    from listener.rulebook.shape import Rulebook
    from listener.service.rules import folder_of, load_methods

    folder = arguments.folder or folder_of(reading.load(arguments.config))
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
        return 1 if problems else 0
    for problem in (*problems, *warnings):
        print(table([(f"{folder}/{problem}",)]))
    if isinstance(loaded, Rulebook):
        print(
            f"{len(loaded.rules)} rules, {len(loaded.topics)} topics, {tried} examples: {len(problems)} problems, {len(warnings)} warnings"
        )
    return 1 if problems else 0
