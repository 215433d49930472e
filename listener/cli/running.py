"""`hubbub up`, `down`, `serve` and `inbox`: what runs, and on which screen. Owns no loop of its own; `service` has them.

The listener's log goes to a file or stderr, never onto the screen that the inbox draws on.
"""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from listener.errors import FixMe

if TYPE_CHECKING:
    from listener.service.database import House
    from listener.settings import Settings

STOP_LISTENING = 10
"""Exit code of the inbox: its reader chose that the listener ends too."""


def _common(parser: argparse.ArgumentParser, *, track: bool) -> None:
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="settings; default: $HUBBUB_CONFIG, ./hubbub.toml, the user's"
    )
    if track:
        parser.add_argument(
            "--track",
            metavar="WORDS",
            help='comma-separated words to listen for on public Bluesky: "larkspur, larkspur app"',
        )


def configure_up(parser: argparse.ArgumentParser) -> None:
    """Words to track, and the settings."""
    _common(parser, track=True)
    parser.epilog = """\
examples:
  hubbub up --track "larkspur, larkspur app"   no key and no settings needed; opens on Listening
  hubbub up                                    with the brands and accounts of ./hubbub.toml

The listener runs in the background and goes on when you leave the inbox, if you want; hubbub down ends it.
A second `hubbub up` joins the listener that runs. The public stream's host is a setting: [source.bluesky] jetstream,
or HUBBUB_JETSTREAM."""


def configure_inbox(parser: argparse.ArgumentParser) -> None:
    """The settings."""
    _common(parser, track=False)
    parser.add_argument("--brand", metavar="KEY", help="which brand; default: the first")
    parser.add_argument("--read-only", action="store_true", help="look, change nothing; cannot be left from inside")
    parser.add_argument("--incident", type=int, metavar="ID", help="open on this incident")
    parser.add_argument(
        "--keys", type=Path, metavar="FILE", help="your own keys; default: keys.toml beside your settings"
    )
    parser.epilog = """\
examples:
  hubbub inbox
  hubbub inbox --incident 12
  HUBBUB_DATABASE_URL=postgresql://me@db/hubbub hubbub inbox --brand larkspur"""


def configure_down(parser: argparse.ArgumentParser) -> None:
    """The settings."""
    _common(parser, track=False)
    parser.epilog = "examples:\n  hubbub down\n\nWhat is being sent is finished first; nothing that was heard is lost."


def configure_serve(parser: argparse.ArgumentParser) -> None:
    """What to run, and where the log goes."""
    _common(parser, track=True)
    parser.add_argument("--only", choices=("listen", "deliver"), help="run one half: hearing and judging, or answering")
    parser.add_argument(
        "--log-file", type=Path, metavar="FILE", help="log here (turned over at 5 MB) instead of to stderr"
    )
    parser.add_argument("--log-level", choices=("DEBUG", "INFO", "WARNING", "ERROR"), default="INFO")
    parser.add_argument("--leash", action="store_true", help=argparse.SUPPRESS)
    parser.epilog = """\
examples:
  hubbub serve                          in the foreground, for systemd or a container; logs to stderr
  hubbub serve --only listen            hearing here ...
  hubbub serve --only deliver           ... and answering in a process of its own

SIGTERM ends it in good order. Exit code 0 then, 1 when something inside is wrong, 3 when the database is not reachable."""


def run_serve(arguments: argparse.Namespace) -> int:
    """The listener, until SIGTERM or Ctrl-C."""
    from listener import settings
    from listener.cli.terminal import run_async
    from listener.service import logs
    from listener.service.run import serve

    chosen = settings.load(arguments.config).tracking(arguments.track)
    logs.set_up(arguments.log_file, arguments.log_level)
    return run_async(serve(chosen, only=arguments.only, leashed=arguments.leash))


def run_down(arguments: argparse.Namespace) -> int:
    """Ends whatever listener runs in the background here."""
    from listener import settings
    from listener.cli.terminal import print_json, run_async, say
    from listener.service import processes

    paths = settings.load(arguments.config).paths

    async def down() -> int:
        found = processes.find_all(paths)
        stopped = []
        for running in found:
            if not arguments.json:
                say(f"asking the listener (process {running.pid}) to finish and end")
            if not await processes.stop(paths, running):
                raise FixMe(
                    f"process {running.pid} has not ended within a minute",
                    where=str(paths.log_file),
                    hint="its log says what it waits for; it will end when that is done",
                )
            stopped.append(running.pid)
        if arguments.json:
            print_json({"stopped": stopped})
        else:
            print("the listener has ended" if stopped else "no listener was running here")
        return 0

    return run_async(down())


def run_inbox(arguments: argparse.Namespace) -> int:
    """The inbox on this terminal. With a database by URL this very process becomes the inbox."""
    from listener import settings
    from listener.cli.terminal import run_async, say
    from listener.service import processes
    from listener.service.database import opened

    chosen = settings.load(arguments.config)
    _need_terminal()
    brand = arguments.brand or chosen.brands[0].key
    options = ["--read-only"] if arguments.read_only else []
    options += [] if arguments.incident is None else ["--incident", str(arguments.incident)]

    async def show() -> int:
        async with opened(chosen, "hubbub inbox", migrating=chosen.database.is_embedded, say=say, max_size=2) as house:
            person = await seated(chosen, house, brand)
            if house.server is None:
                return 0
            return await processes.foreground(
                [*inbox_command(chosen, brand, person, keys=arguments.keys), *options], with_dsn(house.dsn)
            )

    code = run_async(show())
    if not chosen.database.is_embedded:
        dsn = chosen.database.dsn().reveal()
        command = [*inbox_command(chosen, brand, login_name(), keys=arguments.keys), *options]
        os.execve(sys.executable, command, with_dsn(dsn))  # noqa: S606
    return code


def run_up(arguments: argparse.Namespace) -> int:
    """The listener in the background, then the inbox."""
    from listener import settings
    from listener.cli.terminal import run_async

    chosen = settings.load(arguments.config).tracking(arguments.track)
    if not arguments.json:
        _need_terminal()
    return run_async(_up(chosen, as_json=arguments.json))


async def _up(settings: Settings, *, as_json: bool) -> int:
    from listener.cli.terminal import print_json, say
    from listener.service import processes
    from listener.service.database import opened

    async with opened(settings, "hubbub up", migrating=True, say=say) as house:
        running = processes.find(settings.paths)
        if running is None:
            say(f"starting the listener; its log is {settings.paths.log_file}")
            child = await processes.start(settings)
            child.let_go()
            running = processes.find(settings.paths)
        else:
            say(f"joining the listener that runs (process {running.pid})")
            if settings.track and settings.track != running.track:
                say(
                    f"it listens for {', '.join(running.track) or 'its rulebook'}; hubbub down first to listen for other words"
                )
        if as_json:
            print_json({"listener": running.pid if running else None, "track": running.track if running else ()})
            return 0
        brand = settings.brands[0].key
        person = await seated(settings, house, brand)
        code = await processes.foreground(inbox_command(settings, brand, person, asking=True), with_dsn(house.dsn))
        if code == STOP_LISTENING and running is not None:
            say("ending the listener")
            await processes.stop(settings.paths, running)
            return 0
        if code == 0:
            say("the listener goes on in the background; hubbub down ends it")
        return code


def inbox_command(
    settings: Settings, brand: str, person: str, *, asking: bool = False, keys: Path | None = None
) -> list[str]:
    """What runs the inbox; the listener knows no more of it than this. `asking`: leaving it asks whether to keep listening.
    `keys`: a file of own keys instead of the person's usual one.
    """
    from listener.cli.keyboard import own_keys

    view = "listening" if settings.track else "inbox"
    arguments = ["--brand", brand, "--person", person, "--view", view, "--hold", f"{settings.hold_seconds:g}"]
    arguments += ["--state", str(settings.paths.state)]
    if file := keys or own_keys(settings.paths):
        arguments += ["--keys", str(file)]
    return [sys.executable, "-m", "inbox_tui", *arguments, *(["--ask-on-quit"] if asking else [])]


def with_dsn(dsn: str) -> dict[str, str]:
    """The database's address goes by environment, so that no password stands in a list of processes."""
    return {**os.environ, "HUBBUB_DSN": dsn}


async def seated(settings: Settings, house: House, brand: str) -> str:
    """The login of whoever sits here, known to the brand: a new one becomes its admin on an embedded database, else a responder."""
    from listener.model.people import Role
    from listener.store import people

    for one in settings.brands:
        await people.ensure_brand(house.pool, one.key, one.name, one.zone)
    known = {key: number for number, key, _ in await people.brands(house.pool)}
    if brand not in known:
        raise FixMe(f"there is no brand {brand!r}", hint=f"there are: {', '.join(known)}")
    login = login_name()
    if login not in {person.login for person in await people.people(house.pool, known[brand])}:
        role = Role.ADMIN if house.server is not None else Role.RESPONDER
        await people.ensure_person(house.pool, login, login, known[brand], role)
    return login


def login_name() -> str:
    """Who sits here, by the operating system."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"user-{os.getuid()}"


def _need_terminal() -> None:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise FixMe(
            "the inbox needs a terminal",
            code="usage",
            hint="hubbub search, list, show, reply and status work without one; hubbub serve runs the listener alone",
        )
