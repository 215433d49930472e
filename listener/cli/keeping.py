"""`hubbub backup FILE` and `hubbub restore FILE`: the whole database as one file, and back. The work is the store's."""

from __future__ import annotations

import argparse
from pathlib import Path


def configure_backup(parser: argparse.ArgumentParser) -> None:
    """Where to."""
    parser.add_argument("file", type=Path, metavar="FILE", help="the backup; only its owner may read it")
    parser.add_argument("--replace", action="store_true", help="write over a file that is there")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings to use")
    parser.epilog = """\
examples:
  hubbub backup hubbub.dump
  hubbub backup /backups/hubbub-$(date +%F).dump --json

Everything as of one moment, while programs go on working. The file gets its name only after it has been read back and
holds as many rows of each table as the database did."""


def configure_restore(parser: argparse.ArgumentParser) -> None:
    """Where from."""
    parser.add_argument("file", type=Path, metavar="FILE", help="a file that `hubbub backup` made")
    parser.add_argument("--replace", action="store_true", help="also when the database is not empty: it is replaced")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings to use")
    parser.epilog = """\
examples:
  hubbub restore hubbub.dump
  hubbub restore hubbub.dump --replace

All of it or nothing: what is there stays until the new is complete and counted. Stop the listener and leave the inboxes
first. Replies that were on their way when the backup was made are not sent again; they are looked up."""


def run_backup(arguments: argparse.Namespace) -> int:
    """Makes the backup."""
    from listener import settings as reading
    from listener.cli.terminal import print_json, run_async, say

    async def main() -> int:
        from listener.service.database import address
        from listener.store.backup import backup

        async with address(reading.load(arguments.config), say) as (dsn, _):
            made = await backup(dsn, arguments.file, replace=arguments.replace, say=say)
        if arguments.json:
            print_json(made)
        else:
            print(f"{made.file}: {made.contents.total:,} rows, {made.size:,} bytes, {made.seconds:.1f} s; read back")
        return 0

    return run_async(main())


def run_restore(arguments: argparse.Namespace) -> int:
    """Brings the backup back."""
    from listener import settings as reading
    from listener.cli.terminal import print_json, run_async, say

    async def main() -> int:
        from listener.service.database import address
        from listener.store.backup import restore

        async with address(reading.load(arguments.config), say) as (dsn, _):
            contents = await restore(dsn, arguments.file, replace=arguments.replace, say=say)
        if arguments.json:
            print_json(contents)
        else:
            print(f"restored {contents.total:,} rows from {arguments.file}")
        return 0

    return run_async(main())
