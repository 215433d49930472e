"""`hubbub rules check`: every mistake in rule files, with file, line and column, and every example judged. Owns the printing only."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from listener.cli import FINDINGS, FINE
from listener.cli.rules.folder import add_folder, folder_asked, methods_asked
from listener.errors import FixMe

if TYPE_CHECKING:
    from listener.model.problems import Problem
    from listener.rulebook.check import Checked


def configure(parser: argparse.ArgumentParser) -> None:
    """Which folder."""
    parser.add_argument("folder", nargs="?", type=Path, metavar="FOLDER", help="the same as --rules FOLDER")
    parser.add_argument("--strict", action="store_true", help="warnings count as problems")
    add_folder(parser)
    parser.epilog = """\
examples:
  hubbub rules check
  hubbub rules check ./rules --strict
  hubbub rules check ./rules --json | jq -r '.problems[] | "\\(.file):\\(.line) \\(.code)"'

Problems keep the rules from being used: a running listener refuses such files and goes on with the last good ones. Warnings say what is
probably not meant. Each has a stable [code].
Exit codes: 0 no problems (with --strict: nothing at all), 1 problems, 2 wrong usage."""


def run(arguments: argparse.Namespace) -> int:
    """Checks; prints problems as file:line:column."""
    from listener import rulefiles
    from listener.cli.terminal import USAGE_CODE, counted, print_json
    from listener.harmless import harmless
    from listener.incidents.rehearsing import problem_of, rehearsed
    from listener.rulebook.check import check
    from listener.rulebook.published import unknown_calendars
    from listener.rulebook.shape import Rulebook

    if arguments.folder is not None and arguments.rules is not None:
        raise FixMe("two folders are named", hint="name one, as FOLDER or with --rules", code=USAGE_CODE)
    folder = arguments.folder or folder_asked(arguments)
    loaded = rulefiles.load(folder)
    checked: Checked | None = None
    problems: list[Problem]
    warnings: list[Problem] = []
    if isinstance(loaded, Rulebook):
        checked = check(loaded, methods_asked(arguments), datetime.now(UTC))
        rehearsals = [problem_of(one) for one in rehearsed(loaded.alerts, loaded.calendar) if not one.good]
        strange = unknown_calendars(loaded, names) if (names := _calendars(arguments)) is not None else ()
        problems, warnings = [*checked.problems, *rehearsals], [*loaded.warnings, *checked.warnings, *strange]
    else:
        problems = loaded
    fine = not problems and not (arguments.strict and warnings)
    if arguments.json:
        print_json(
            {
                "folder": str(folder),
                "fine": fine,
                "problems": [asdict(problem) for problem in problems],
                "warnings": [asdict(problem) for problem in warnings],
                "examples": len(checked.tried) if checked else 0,
                "costs": [asdict(cost) for cost in checked.costs] if checked else [],
            }
        )
        return FINE if fine else FINDINGS
    for sort, found in (("", problems), ("warning: ", warnings)):
        for one in found:
            hint = f" ({one.hint})" if one.hint else ""
            place = one.file if one.file == str(folder) else f"{folder}/{one.file}"
            print(harmless(f"{place}:{one.line}:{one.column}: {sort}{one.message} [{one.code}]{hint}"))
    if isinstance(loaded, Rulebook) and checked is not None:
        _tell_costs(checked)
        print(
            f"{counted(len(loaded.rules), 'rule')}, {counted(len(loaded.topics), 'topic')}, "
            f"{counted(len(checked.tried), 'example')}: "
            f"{counted(len(problems), 'problem')}, {counted(len(warnings), 'warning')}"
        )
    else:
        print(f"{counted(len(problems), 'problem')}; examples are tried once all files can be read")
    return FINE if fine else FINDINGS


def _calendars(arguments: argparse.Namespace) -> list[str] | None:
    """The calendars that the settings know; None: there is no settings file here, so that any may be known where the rules are used."""
    from listener import settings as reading

    settings = reading.load(arguments.config)
    return None if settings.file is None else [one.name for one in settings.calendars]


def _tell_costs(checked: Checked) -> None:
    """No mistake: what is asked of every message makes each a little slower, and more so the more such rules there are."""
    always = [cost.rule for cost in checked.costs if cost.share == 1.0]
    if always:
        shown = ", ".join(always[:10]) + (f" and {len(always) - 10} more" if len(always) > 10 else "")
        print(f"asked of every message, for no word must be there: {shown}")
