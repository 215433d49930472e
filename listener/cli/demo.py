"""`hubbub demo`: the main job on a pretend network, in a database of its own. Owns the stage: folder, network, listener, screen.

Nothing leaves this machine and no key is needed. Whatever is started here ends with us, also on Ctrl-C, and even when we are killed:
the children hang on a leash.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from listener.errors import FixMe

if TYPE_CHECKING:
    from listener.cli.demo_day import Network
    from listener.settings import Settings

DAY = "product-launch"
SPEED_ON_SCREEN, SPEED_WITHOUT = 300.0, 4000.0
READY_WITHIN = 30.0
CLEARED = ("HUBBUB_CONFIG", "HUBBUB_DATABASE_URL", "HUBBUB_JETSTREAM", "HUBBUB_APPVIEW")

SETTINGS = """\
# Made by hubbub demo: a made-up brand on a pretend network on this machine.
[[brand]]
key = "larkspur"
name = "Larkspur"
zone = "Europe/London"

[[account]]
brand = "larkspur"
source = "bluesky"
handle = "{handle}"
service = "{url}"
password_file = "password"

[source.bluesky]
jetstream = "{stream}"
appview = "{url}"
pds = "{url}"
poll_seconds = 2

[inbox]
hold_seconds = {hold}
"""

# The shell is the leash: its stdin is our pipe, and when we are gone it ends what it started.
LEASH = '"$@" & child=$!; cat >/dev/null; kill "$child" 2>/dev/null; wait "$child"'


def configure_demo(parser: argparse.ArgumentParser) -> None:
    """How fast, with or without a screen."""
    parser.add_argument(
        "--speed", type=float, metavar="X", help="seconds of the day in one real second (300; without a screen 4000)"
    )
    parser.add_argument("--no-screen", action="store_true", help="no inbox: answer by itself and print what happened")
    parser.add_argument(
        "--keep", action="store_true", help="leave the database and the logs where they are, and say where"
    )
    parser.epilog = """\
examples:
  hubbub demo                      the inbox, on a brand's day that lasts two and a half minutes
  hubbub demo --no-screen          the same day in seconds; prints what was heard, flagged and answered
  hubbub demo --json | jq .latency_ms

Exit code 0: everything came out right, by the pretend network's own account; 1: something did not."""


def run_demo(arguments: argparse.Namespace) -> int:
    """Plays the day."""
    from listener.cli.terminal import run_async

    screen = not (arguments.no_screen or arguments.json) and sys.stdin.isatty() and sys.stdout.isatty()
    if arguments.speed is not None and arguments.speed <= 0:
        raise FixMe("--speed must be more than 0", hint="300 is two and a half minutes for the day", code="usage")
    speed = arguments.speed or (SPEED_ON_SCREEN if screen else SPEED_WITHOUT)
    return run_async(_demo(screen=screen, speed=speed, keep=arguments.keep, as_json=arguments.json))


async def _demo(*, screen: bool, speed: float, keep: bool, as_json: bool) -> int:
    from listener.cli.terminal import say
    from listener.service import processes
    from listener.service.database import opened
    from listener.service.stopping import Stop

    tell = (lambda _: None) if as_json else say
    with _ending_on_signals():
        async with contextlib.AsyncExitStack() as stack:
            folder = stack.enter_context(_folder(keep, tell))
            surroundings = _surroundings(folder)
            settings = _first_settings(folder, surroundings)
            tell("making a database of its own")
            house = await stack.enter_async_context(opened(settings, "hubbub demo", migrating=True, say=tell))
            tell("starting the pretend network")
            network, lines = await stack.enter_async_context(_network(speed, surroundings))
            settings = _settings(folder, network, surroundings, hold=5.0 if screen else 0.2)
            tell("starting the listener")
            child = await processes.start(settings, environ=surroundings, leashed=True)
            stack.push_async_callback(child.end)
            if screen:
                tell("playing on the pretend network; answer whoever you like")
                return await _screen(settings, house, surroundings)
            from listener.cli.demo_day import Day

            day = Day(house, network, lines, Stop(), speed, tell)
            return await day.play(as_json=as_json)


async def _screen(settings: Settings, house: Any, surroundings: Mapping[str, str]) -> int:
    from listener.cli.keyboard import own_keys
    from listener.cli.running import inbox_command, seated
    from listener.service import processes
    from listener.settings import find_paths

    brand = settings.brands[0].key
    person = await seated(settings, house, brand)
    environ = {**surroundings, "HUBBUB_DSN": house.dsn}
    command = inbox_command(settings, brand, person, keys=own_keys(find_paths()))
    return await processes.foreground(command, environ)


@contextlib.contextmanager
def _ending_on_signals() -> Any:
    """SIGTERM and SIGHUP end us as Ctrl-C does: by cancelling, so that all that was started is ended."""
    import signal

    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None  # noqa: S101
    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, task.cancel)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.remove_signal_handler(number)


@contextlib.contextmanager
def _folder(keep: bool, tell: Any) -> Any:
    """A folder of the demo's own: under $HUBBUB_HOME where that is set, else a temporary one; empty at the start, gone at the end."""
    from listener.service.processes import make_folder
    from listener.store.programs import scratch_folder

    if home := os.environ.get("HUBBUB_HOME"):
        folder = Path(home).expanduser().absolute() / "demo"
        shutil.rmtree(folder, ignore_errors=True)
        make_folder(folder)
    else:
        folder = scratch_folder("hubbub-demo-")
    if os.geteuid() == 0:
        folder.chmod(0o711)  # Postgres runs as another user there
    try:
        yield folder
    finally:
        if keep:
            tell(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def _surroundings(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in CLEARED}
    return {**kept, "HUBBUB_HOME": str(folder), "PYTHONUNBUFFERED": "1"}


def _first_settings(folder: Path, surroundings: Mapping[str, str]) -> Settings:
    """Enough to open the database, before the network is there."""
    from listener.settings import find_paths, parse

    return parse("", folder / "hubbub.toml", find_paths(surroundings))


def _settings(folder: Path, network: Network, surroundings: Mapping[str, str], *, hold: float) -> Settings:
    from listener.settings import load

    (folder / "password").touch(mode=0o600)
    (folder / "password").write_text(network.password)
    stream = network.url.replace("http://", "ws://", 1)
    text = SETTINGS.format(handle=network.handle, url=network.url, stream=stream, hold=hold)
    (folder / "hubbub.toml").write_text(text)
    return load(folder / "hubbub.toml", surroundings)


@contextlib.asynccontextmanager
async def _network(
    speed: float, surroundings: Mapping[str, str]
) -> AsyncIterator[tuple[Network, asyncio.StreamReader]]:
    """The pretend network as a child, in a session of its own; and what else it says, a JSON line each."""
    from listener.cli.demo_day import Network

    command = [sys.executable, "-m", "pretend", "--day", DAY, "--speed", f"{speed:g}", "--when-heard", "--json"]
    process = await asyncio.create_subprocess_exec(
        "/bin/sh", "-c", LEASH, "sh", *command,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True, env=dict(surroundings),
    )  # fmt: skip
    assert process.stdout is not None  # noqa: S101
    assert process.stdin is not None  # noqa: S101
    try:
        try:
            line = await asyncio.wait_for(process.stdout.readline(), READY_WITHIN)
            said = json.loads(line)
            account = said["account"]
            network = Network(said["url"], account["handle"], account["did"], account["password"])
        except (TimeoutError, ValueError, KeyError):
            raise FixMe(
                "the pretend network did not start", hint="is a port free on 127.0.0.1? python -m pretend says why"
            ) from None
        yield network, process.stdout
    finally:
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 10)
        except TimeoutError:
            process.kill()
            await process.wait()
