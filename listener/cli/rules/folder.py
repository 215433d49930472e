"""Which rule files a sub-command is about: the options that say so, and the rulebook that they make. Refuses to judge them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from listener.errors import FixMe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from listener.model.problems import Problem
    from listener.rulebook.shape import Rulebook
    from listener.rulebook.subject import Methods
    from listener.rulefiles import Prepare
    from listener.store.connect import Pool


class BadRules(FixMe):
    """Rule files with mistakes, so that there is no rulebook to judge by."""

    def __init__(self, problems: Iterable[Problem], folder: Path) -> None:
        self.problems = tuple(problems)
        super().__init__(f"the rule files in {folder} cannot be read", hint=f"hubbub rules check {folder}")


def add_folder(parser: argparse.ArgumentParser) -> None:
    """--rules and --config."""
    parser.add_argument(
        "--rules", type=Path, metavar="FOLDER", help="rule files; default: the settings' folder, else the shipped rules"
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings to use")


def folder_asked(arguments: argparse.Namespace) -> Path:
    """The folder that was named, else the one in force. FixMe where the settings cannot be read."""
    if arguments.rules is not None:
        return Path(arguments.rules)
    from listener import settings as reading
    from listener.service.rules import folder_of

    return folder_of(reading.load(arguments.config))


async def as_tracked(pool: Pool) -> Prepare:
    """What makes of rule files what the listener would make of them here: it may have been told on the command line what to track."""
    from listener.rulebook.track import tracked_like
    from listener.store import rulebooks

    found = await rulebooks.in_force(pool)
    in_force = found.files if found is not None else {}
    return lambda files: tracked_like(files, in_force)


def methods_asked(arguments: argparse.Namespace) -> Methods:
    """The methods that judge by the settings in force. FixMe where those, or a model of theirs, cannot be read."""
    from listener import settings as reading
    from listener.service.rules import load_methods

    return load_methods(reading.load(arguments.config).tones)


def rulebook_asked(arguments: argparse.Namespace, prepare: Prepare | None = None) -> Rulebook:
    """The rulebook of the folder that was named, else of the one in force. BadRules where its files have mistakes."""
    from listener import rulefiles
    from listener.rulebook.shape import Rulebook

    folder = folder_asked(arguments)
    loaded = rulefiles.load(folder, prepare)
    if not isinstance(loaded, Rulebook):
        raise BadRules(loaded, folder)
    return loaded
