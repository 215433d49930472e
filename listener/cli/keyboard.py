"""`hubbub keys`: the keys of the inbox, and whether a file of one's own is right. The inbox's own program prints them; this one starts it."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from listener.settings import Paths

FILE = "keys.toml"


def own_keys(paths: Paths) -> Path | None:
    """The file of this person's own keys, beside their own settings; None: there is none."""
    file = paths.config.parent / FILE
    return file if file.is_file() else None


def configure_keys(parser: argparse.ArgumentParser) -> None:
    """Which file, and what of it."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", type=Path, metavar="FILE", help="tell every mistake of a file of keys")
    what.add_argument("--template", action="store_true", help="print the shipped keys as a file to begin with")
    what.add_argument("--keys", type=Path, metavar="FILE", help="show the map with the keys of this file")
    parser.epilog = """\
examples:
  hubbub keys                                       every place, act and key
  hubbub keys --template > ~/.config/hubbub/keys.toml
  hubbub keys --check ~/.config/hubbub/keys.toml    what is wrong, with line and column
  hubbub keys --json | jq -r '.keys[] | select(.own) | .act'

Own keys are read from keys.toml beside your own hubbub.toml (~/.config/hubbub, or $HUBBUB_HOME), or from hubbub inbox --keys FILE."""


def run_keys(arguments: argparse.Namespace) -> int:
    """The inbox's program for it, with what was asked."""
    from listener import settings

    asked: list[str] = ["--json"] if arguments.json else []
    if arguments.check is not None:
        asked += ["--check", str(arguments.check)]
    elif arguments.template:
        asked += ["--template"]
    elif file := arguments.keys or own_keys(settings.find_paths()):
        asked += ["--keys", str(file)]
    done = subprocess.run([sys.executable, "-m", "inbox_tui.keyboard", *asked], check=False)
    return done.returncode
