"""`hubbub sources`: how every source fares, what people do to them, and what each network allows at all.

Owns the sub-commands and how networks are told on a terminal; the facts of those are in `listener.networks`. What concerns sources that run is in
`faring`.
"""

from __future__ import annotations

import argparse
from typing import Any

WORDS = {
    "whole": "heard and answered",
    "listen": "heard; answered by its link",
    "not_yet": "not yet",
    "no_way": "no way",
}
"""How far Hubbub goes with a network, in words."""


def configure_sources(parser: argparse.ArgumentParser) -> None:
    """The settings."""
    from listener.cli.faring import add_what
    from listener.cli.looking import add_where

    add_where(parser)
    what = parser.add_subparsers(dest="what", metavar="WHAT", title="what to do; without it, how every source fares")
    able = what.add_parser("capabilities", help="every network that people ask for, and what can be done on it")
    able.add_argument("network", nargs="?", metavar="NETWORK", help="this one only")
    able.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="machine-readable output")
    add_what(what)
    parser.epilog = """\
examples:
  hubbub sources                                how every source fares: state, lag, faults, gaps, what is left of limits
  hubbub sources pause bluesky/jet              its beginning is enough, or any part that only one has
  hubbub sources look-back jetstream --since 7d what was said before; Ctrl-C stops it, the same again goes on
  hubbub sources rejects --replay               read again what could not be used, by this version
  hubbub sources --json | jq '.sources[] | select(.state == "stopped") | .key'

Pausing, filling and reading again are for leads and admins, and recorded with their name. A running listener obeys at once; without one the wish
waits. Exit code 1 when a source stopped or nobody reads it."""


def run_sources(arguments: argparse.Namespace) -> int:
    """Prints what was asked for, or does it."""
    if arguments.what == "capabilities":
        return _capabilities(arguments)
    from listener.cli.faring import run

    return run(arguments)


def _capabilities(arguments: argparse.Namespace) -> int:
    from listener.cli import wrong_usage
    from listener.cli.terminal import print_json
    from listener.networks import NETWORKS

    if arguments.network is not None and arguments.network not in NETWORKS:
        raise wrong_usage(f"there is no network {arguments.network!r}", "hubbub sources capabilities lists them")
    names = [arguments.network] if arguments.network else list(NETWORKS)
    found = [facts(name) for name in names]
    if arguments.json:
        print_json({"networks": found})
    elif arguments.network:
        _print_one(found[0])
    else:
        _print_all(found)
    return 0


def facts(name: str) -> dict[str, Any]:
    """All that is declared of one network, as plain values."""
    from listener.networks import NETWORKS
    from listener.service.wiring import declared
    from listener.sources.registry import SOURCES

    network = NETWORKS[name]
    can = declared(name) if name in SOURCES else {}
    return {
        "name": network.name,
        "title": network.title,
        "reach": network.reach.value,
        "why": network.why,
        "tells": network.tells,
        "tried": [one.value for one in network.tried],
        "capabilities": {one.value: {"can": not why, "why": why} for one, why in can.items()},
    }


def _print_all(found: list[dict[str, Any]]) -> None:
    from listener.cli.terminal import table

    rows = [(one["title"], WORDS[one["reach"]], _more(one)) for one in found]
    print(table([("network", "how far", "why no further, or how it was tried"), *rows]))


def _more(one: dict[str, Any]) -> str:
    tried = f"tried against: {', '.join(one['tried'])}" if one["tried"] else ""
    return "; ".join(part for part in (one["why"], tried) if part)


def _print_one(one: dict[str, Any]) -> None:
    from listener.cli.terminal import table

    print(f"{one['title']}: {WORDS[one['reach']]}")
    for word in (_more(one), one["tells"]):
        if word:
            print(f"  {word}")
    if one["capabilities"]:
        print(
            table(
                [
                    (f"  {name}", "yes" if can["can"] else f"no: {can['why']}")
                    for name, can in one["capabilities"].items()
                ]
            )
        )
