"""`hubbub alerts test`: the tests that stand beside alerts, each with what came of it. Owns the printing only."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from listener.cli import FINDINGS, FINE
from listener.cli.rules.folder import add_folder, rulebook_asked
from listener.errors import FixMe

if TYPE_CHECKING:
    from listener.incidents.rehearsing import Rehearsed

_TEST = """\
examples:
  hubbub alerts test
  hubbub alerts test mood --rules ./rules
  hubbub alerts test --json | jq -r '.tests[] | select(.pass | not) | .problem'

A test says in words what is heard, such as [3 days of 10/h with 20 % negative, 1 h of 60/h with 80 % negative], and what must come of the
last time: pages: no, pages: yes, or pages: 30m. The watch that the listener runs judges it, with the calendar, under a clock of its own.
Exit codes: 0 all pass, 1 some fail, 2 wrong usage or rules that cannot be read."""


def configure_test(actions: argparse._SubParsersAction[Any]) -> None:
    """Which alerts."""
    about = "try the tests that stand beside alerts in the rule files"
    test = actions.add_parser("test", help=about, description=f"{about[0].upper()}{about[1:]}.", epilog=_TEST)
    test.add_argument("only", nargs="*", metavar="ALERT", help="keys of alerts; default: all")
    add_folder(test)
    test.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="machine-readable output")


def run_test(arguments: argparse.Namespace) -> int:
    """Tries them; prints each with what it said."""
    from listener.cli.terminal import USAGE_CODE, coloured, counted, print_json
    from listener.harmless import harmless
    from listener.incidents.rehearsing import rehearsed
    from listener.query.fields import did_you_mean

    book = rulebook_asked(arguments)
    known = {policy.key for policy in book.alerts}
    for key in arguments.only:
        if key not in known:
            hint = did_you_mean(key, known) or f"there are: {', '.join(sorted(known)) or 'none'}"
            raise FixMe(f"there is no alert {key!r}", hint=hint, code=USAGE_CODE)
    tried = list(rehearsed(book.alerts, book.calendar, only=arguments.only))
    failed = sum(not one.good for one in tried)
    if arguments.json:
        print_json({"fine": not failed, "tests": [_plain(one) for one in tried]})
        return FINDINGS if failed else FINE
    for one in tried:
        head = coloured("pass", "green") if one.good else coloured("FAIL", "red")
        print(harmless(f"{head}  {one.policy.key:<24} {one.test.title or one.test.place}"))
        if not one.good:
            print(harmless(f"      {one.test.place}: {one.problem}"))
            for fired in one.told[:5]:
                print(harmless(f"      {fired.at:%a %H:%M} {fired.told}, {fired.severity}: {fired.evidence['why']}"))
    without = sorted(
        known
        - {policy.key for policy in book.alerts if policy.tests}
        - {policy.key for policy in book.alerts if policy.watched == "rule"}
    )
    if without and not arguments.only:
        print(f"without a test: {', '.join(without)}")
    print(
        f"{counted(len(tried), 'test of an alert', 'tests of alerts')}: {failed} {'fails' if failed == 1 else 'fail'}"
    )
    return FINDINGS if failed else FINE


def _plain(one: Rehearsed) -> dict[str, Any]:
    place = one.test.place
    return {
        "alert": one.policy.key,
        "title": one.test.title,
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "pass": one.good,
        "problem": one.problem,
        "told": [
            {
                "at": fired.at,
                "told": fired.told,
                "severity": fired.severity,
                "muted_by": fired.muted_by,
                "why": fired.evidence["why"],
            }
            for fired in one.told
        ],
    }
