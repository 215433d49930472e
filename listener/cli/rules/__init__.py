"""`hubbub rules`: one module per sub-command, found by the register here. Owns the list of them; refuses to judge, and to print for them.

A sub-command's module has `configure(parser)` and `run(arguments) -> exit code`, and imports what it needs when it runs, so that help
is quick. A new one is a module and a line of the register.
"""

from __future__ import annotations

import argparse
import importlib
import keyword
from types import ModuleType

from listener.cli import Parser

ACTIONS: dict[str, str] = {
    "check": "every mistake in rule files, with file, line and column",
    "test": "the examples of rules and exceptions: what came of each, and why",
    "try": "one text through the whole judgement: what it would come to, and by which rules",
    "schema": "the JSON Schema of rule files, so that editors complete and underline",
    "new": "the beginning of a rule, a topic, an exception, ..., with every key explained",
    "replay": "what changed rules would have done with what was heard",
    "explain": "why a rule fires on a mention, or does not, part by part",
    "stats": "which rules are worth having: hits, marks, time to the first act, cost",
    "drafts": "exceptions and examples drafted from what people marked",
}
"""Sub-command to what it does. Its module has its name, with an underscore behind a word that Python keeps for itself."""


def configure_rules(parser: argparse.ArgumentParser) -> None:
    """What to do with the rule files."""
    actions = parser.add_subparsers(dest="what", required=True, metavar="WHAT", parser_class=Parser)
    for name, about in ACTIONS.items():
        made = actions.add_parser(name, help=about, description=f"{about[0].upper()}{about[1:]}.")
        made.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="machine-readable output")
        _module(name).configure(made)
    parser.epilog = """\
examples:
  hubbub rules check                                every mistake of the rules in force
  hubbub rules check ./rules --json
  hubbub rules replay --from 3d                     what the folder's rules would have done with three days
  hubbub rules explain c17 outage                   why outage fired on a message, or did not
  hubbub rules check --help

Rules are read from --rules, else from the settings' folder, else those that Hubbub brings along."""


def run_rules(arguments: argparse.Namespace) -> int:
    """One of them."""
    return int(_module(arguments.what).run(arguments))


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"listener.cli.rules.{name}{'_' if keyword.iskeyword(name) else ''}")
