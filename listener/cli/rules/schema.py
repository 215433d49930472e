"""`hubbub rules schema`: the JSON Schema of rule files, for editors. Owns the printing only."""

from __future__ import annotations

import argparse

from listener.cli import FINE


def configure(parser: argparse.ArgumentParser) -> None:
    """Nothing of its own: it is the same for all rule files."""
    parser.epilog = """\
examples:
  hubbub rules schema > rules/rules.schema.json

An editor with the YAML language server completes keys and underlines mistakes in a file that begins with
  # yaml-language-server: $schema=rules.schema.json
With --json it is one line."""


def run(arguments: argparse.Namespace) -> int:
    """Prints it."""
    import json

    from listener.cli.terminal import print_json
    from listener.rulebook.schema import schema

    if arguments.json:
        print_json(schema())
    else:
        print(json.dumps(schema(), indent=2, ensure_ascii=False))
    return FINE
