"""`python -m inbox_tui`: who looks at which brand, on which database. The address comes by environment or file: it may hold a password.

Exit codes: 0 left, 10 left and the listener shall stop too, 2 usage, 3 the database is not reachable,
129 its terminal was gone.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from inbox_tui import later
from listener.errors import FixMe, HubbubError, NotReachable

DSN = "HUBBUB_DSN"


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m inbox_tui", description="The inbox of Hubbub.")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--dsn-env", metavar="NAME", default=DSN, help=f"variable with the database's address ({DSN})")
    where.add_argument("--dsn-file", metavar="FILE", type=Path, help="file with the database's address")
    parser.add_argument("--brand", metavar="KEY", required=True, help="which brand to look at")
    parser.add_argument("--person", metavar="LOGIN", required=True, help="who is looking")
    parser.add_argument("--view", choices=("inbox", "listening"), default="inbox", help="which screen opens first")
    parser.add_argument("--read-only", action="store_true", help="look, change nothing")
    parser.add_argument("--ask-on-quit", action="store_true", help="ask whether to keep listening (10: stop it)")
    parser.add_argument(
        "--hold", metavar="SECONDS", type=float, default=8.0, help="how long a reply can be taken back (8)"
    )
    parser.add_argument("--keys", metavar="FILE", type=Path, help="a person's own keys (hubbub keys --template)")
    parser.add_argument("--state", metavar="DIR", type=Path, help="where it keeps how it looked last")
    parser.add_argument("--incident", metavar="ID", type=int, help="an incident to open on")
    parser.add_argument("--light", action="store_true", help="begin with the light theme")
    return parser.parse_args(argv)


def address(options: argparse.Namespace) -> str:
    """The database's address. Raises FixMe when it is not there."""
    if options.dsn_file is not None:
        try:
            found = options.dsn_file.read_text(encoding="utf-8").strip()
        except OSError as err:
            raise FixMe(f"cannot read it: {err.strerror}", where=str(options.dsn_file)) from err
    else:
        found = os.environ.get(options.dsn_env, "").strip()
    if not found:
        raise FixMe("no database address", hint=f"set {options.dsn_env}, or give --dsn-file")
    return str(found)


def collect_again() -> None:
    """Garbage is looked for again, but not among what the start has made."""
    gc.freeze()
    gc.enable()


async def look(options: argparse.Namespace, dsn: str) -> int:
    """Run the app to its end; its exit code."""
    from inbox_tui.backend.postgres import connect

    opening = asyncio.create_task(connect(dsn, options.brand, options.person))
    await asyncio.sleep(0)  # the first packet leaves before the screen's imports begin
    from inbox_tui.app import Inbox, ListeningFirst
    from inbox_tui.looks import Looks
    from inbox_tui.screens.base import Desk

    looks = Looks(options.state, options.person)
    backend = await opening
    try:
        desk = Desk(backend, lambda: datetime.now(UTC), read_only=options.read_only, hold_seconds=options.hold)
        if options.keys is not None:
            from inbox_tui.keyboard import give_keys

            give_keys(desk, options.keys)
        kind = ListeningFirst if options.view == "listening" else Inbox
        app = kind(
            desk,
            ask_on_quit=options.ask_on_quit,
            settled=collect_again,
            theme="light" if options.light else looks.theme(),
            keep_theme=looks.keep_theme,
            incident=options.incident,
        )
        await app.run_async()
        return app.return_code or 0
    finally:
        await backend.close(datetime.now(UTC))


def main(argv: Sequence[str] | None = None) -> int:
    """Run; faults become one line on stderr."""
    gc.disable()  # nearly all that is made while starting stays: looking for garbage in it costs a tenth of the start
    options = arguments(argv)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):  # Textual draws on stderr
        said = "the inbox needs a terminal for its input and for stderr, on which it draws; hubbub search, list and show work without one"
        print(said, file=sys.stderr)  # noqa: T201
        return 2
    try:
        return asyncio.run(look(options, address(options)))
    except NotReachable as fault:
        print(f"inbox: {fault}", file=sys.stderr)  # noqa: T201
        return 3
    except HubbubError as fault:
        print(f"inbox: {fault}", file=sys.stderr)  # noqa: T201
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    later.begin()
    sys.exit(main())
