"""`hubbub rules check`: every mistake of every rule file at once, and every example judged. The checking is the rulebook's."""

from __future__ import annotations

import argparse
from pathlib import Path


def configure_rules(parser: argparse.ArgumentParser) -> None:
    """What to do, and with which folder."""
    parser.add_argument("action", choices=("check",), help="check: files, queries and examples")
    parser.add_argument("--rules", type=Path, metavar="DIR", help="another folder than the one in the settings")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings to use")
    parser.epilog = """\
examples:
  hubbub rules check
  hubbub rules check --rules ./rules --json

No database is needed. Exit code 1 when there is anything to mend; warnings alone are fine."""


def run_rules(arguments: argparse.Namespace) -> int:
    """Checks; exit code 1 when there are problems."""
    from listener import rulefiles
    from listener import settings as reading
    from listener.cli.terminal import print_json, say
    from listener.harmless import harmless
    from listener.rulebook.check import check
    from listener.rulebook.shape import Rulebook
    from listener.service.rules import folder_of, load_methods, prepare_for

    settings = reading.load(arguments.config)
    folder = arguments.rules or folder_of(settings)
    loaded = rulefiles.load(folder, prepare_for(settings))
    if isinstance(loaded, Rulebook):
        checked = check(loaded, load_methods())
        problems, warnings = list(checked.problems), loaded.warnings
        counts = {"topics": len(loaded.topics), "rules": len(loaded.rules), "examples": len(checked.tried)}
    else:
        problems, warnings, counts = loaded, (), {}
    if arguments.json:
        print_json({"folder": str(folder), "problems": problems, "warnings": warnings, **counts})
        return 1 if problems else 0
    for problem in problems:
        print(harmless(str(problem)))
    for warning in warnings:
        say(f"warning: {warning}")
    if problems:
        n = len(problems)
        print(f"{folder}: {n} {'problem' if n == 1 else 'problems'}; these rules would not replace the ones in force")
        return 1
    print(f"{folder}: {counts['topics']} topics, {counts['rules']} rules, {counts['examples']} examples: all fine")
    return 0
