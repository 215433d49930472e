"""`hubbub alerts`: the alerts from a shell. Owns the list of what can be asked, and hands each over to its own module."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from listener.cli import Parser
from listener.cli.alerts_page_test import configure_page_test, run_page_test
from listener.cli.alerts_score import configure_score, run_score

_RUN: dict[str, Callable[[argparse.Namespace], int]] = {
    "score": run_score,
    "page-test": run_page_test,
}


def configure_alerts(parser: argparse.ArgumentParser) -> None:
    """What to do with alerts."""
    actions = parser.add_subparsers(dest="what", required=True, metavar="WHAT", parser_class=Parser)
    configure_score(actions)
    configure_page_test(actions)
    parser.epilog = "examples:\n  hubbub alerts score --in volume.csv --out scored.csv\n  hubbub alerts score --help"


def run_alerts(arguments: argparse.Namespace) -> int:
    """One of them; its exit code."""
    return _RUN[arguments.what](arguments)
