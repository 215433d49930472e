"""`hubbub backup` and `hubbub restore`: the whole database in one file, and back. Owns the questions before something is replaced.

The work, and the promise that a backup was read back before it gets its name, are the store's.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from listener.errors import FixMe

if TYPE_CHECKING:
    from listener.settings import Settings


def configure_backup(parser: argparse.ArgumentParser) -> None:
    """Where to."""
    parser.add_argument("file", type=Path, metavar="FILE", help="the file to write")
    parser.add_argument("--replace", action="store_true", help="also when it is there already")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings to use")
    parser.epilog = """\
examples:
  hubbub backup hubbub-$(date +%F).backup

Everything as of one moment, while programs go on working. The file is read back and counted before it gets its name.
It holds people's words: keep it as you keep the database."""


def configure_restore(parser: argparse.ArgumentParser) -> None:
    """Where from."""
    parser.add_argument("file", type=Path, metavar="FILE", help="a file that hubbub backup wrote")
    parser.add_argument("--replace", action="store_true", help="put it in the place of what the database holds now")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings to use")
    parser.epilog = """\
examples:
  hubbub down && hubbub restore hubbub-2026-11-23.backup
  hubbub restore old.backup --replace

All of it or nothing. Stop the listener and leave every inbox first; sources go on from the backup's bookmarks."""


def run_backup(arguments: argparse.Namespace) -> int:
    """Writes the file."""
    from listener import settings as reading
    from listener.cli.terminal import print_json, run_async, say

    settings = reading.load(arguments.config)
    _need_database(settings)

    async def work() -> int:
        from listener.service.database import address
        from listener.store.backup import backup

        async with address(settings, say) as (dsn, _):
            made = await backup(dsn, arguments.file, replace=arguments.replace, say=say)
        if arguments.json:
            print_json({"file": str(made.file), "bytes": made.size, "seconds": made.seconds, **asdict(made.contents)})
        else:
            size = f"{made.size / (1 << 20):.1f} MB"
            print(
                f"{made.file}: {made.contents.total:,} rows, {size}, schema {made.contents.schema}, read back, {made.seconds:.1f} s"
            )
        return 0

    return run_async(work())


def run_restore(arguments: argparse.Namespace) -> int:
    """Reads the file into the database."""
    from listener import settings as reading
    from listener.cli.terminal import print_json, run_async, say
    from listener.service import processes

    settings = reading.load(arguments.config)
    running = processes.find_all(settings.paths)
    if running:
        raise FixMe(f"a listener runs here (process {running[0].pid})", hint="hubbub down first")

    async def work() -> int:
        from listener.service.database import address
        from listener.store.backup import restore

        async with address(settings, say) as (dsn, _):
            contents = await restore(dsn, arguments.file, replace=arguments.replace, say=say)
        if arguments.json:
            print_json(contents)
        else:
            print(f"{contents.total:,} rows are back, from schema {contents.schema}")
        return 0

    return run_async(work())


def _need_database(settings: Settings) -> None:
    if settings.database.is_embedded and not (settings.database.embedded / "cluster").exists():
        raise FixMe("there is no database yet", where=str(settings.database.embedded), hint="hubbub up makes one")
