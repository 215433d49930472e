"""`hubbub alerts`: the alerts from a shell. Owns the list of what can be asked, and hands each over to its own module."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from listener.cli import Parser
from listener.cli.alerts_page_test import configure_page_test, run_page_test
from listener.cli.alerts_route import configure_route, run_route
from listener.cli.alerts_score import configure_score, run_score
from listener.cli.alerts_test import configure_test, run_test
from listener.cli.alerts_try import configure_try, run_try

_RUN: dict[str, Callable[[argparse.Namespace], int]] = {
    "route": run_route,
    "score": run_score,
    "test": run_test,
    "try": run_try,
    "page-test": run_page_test,
}


def configure_alerts(parser: argparse.ArgumentParser) -> None:
    """What to do with alerts."""
    actions = parser.add_subparsers(dest="what", required=True, metavar="WHAT", parser_class=Parser)
    configure_try(actions)
    configure_test(actions)
    configure_route(actions)
    configure_score(actions)
    configure_page_test(actions)
    parser.epilog = "examples:\n  hubbub alerts try --from 30d\n  hubbub alerts test\n  hubbub alerts score --help"


def run_alerts(arguments: argparse.Namespace) -> int:
    """One of them; its exit code."""
    return _RUN[arguments.what](arguments)
