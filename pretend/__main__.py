"""``python -m pretend``: the pretend network as a program. One JSON line when it is ready; SIGTERM or SIGINT ends it."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from pretend import day
from pretend.faults import Fault
from pretend.network import Network
from pretend.settings import Settings
from pretend.wire import Json, encode

EXIT_USAGE = 2
EXIT_NOT_REACHABLE = 3


def _speed(text: str) -> float:
    if text == "max":
        return day.MAX_SPEED
    speed = float(text)
    if speed <= 0:
        raise ValueError(text)
    return speed


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m pretend", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--state", type=Path, metavar="FILE", help="keep the history here and go on from it")
    parser.add_argument("--day", choices=day.names(), help="play this scripted day")
    parser.add_argument(
        "--speed", type=_speed, default=day.DEFAULT_SPEED, help="seconds of the day in one real second, or max"
    )
    parser.add_argument(
        "--trickle", type=float, default=day.TRICKLE_SECONDS, help="seconds between posts after the day"
    )
    parser.add_argument("--when-heard", action="store_true", help="the day begins when somebody listens")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--faults", metavar="FILE|JSON", help="a list of faults to begin with")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a setting, e.g. lookback_seconds=60"
    )
    parser.add_argument("--json", action="store_true", help="a JSON line for the day's end too")
    return parser.parse_args(argv)


def _faults(text: str | None) -> list[Fault]:
    if text is None:
        return []
    body = json.loads(text if text.lstrip().startswith(("[", "{")) else Path(text).read_text("utf-8"))
    return [Fault.read(one) for one in (body if isinstance(body, list) else [body])]


def _settings(pairs: Sequence[str]) -> Settings:
    settings = Settings()
    for pair in pairs:
        name, _, value = pair.partition("=")
        try:
            settings.change({name: json.loads(value)})
        except json.JSONDecodeError:
            settings.change({name: value})
    return settings


def _say(row: Json) -> None:
    sys.stdout.write(encode(row).decode() + "\n")
    sys.stdout.flush()


async def _run(arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with Network.start(
        port=arguments.port,
        settings=_settings(arguments.set),
        state=arguments.state,
        seed=arguments.seed,
        faults=_faults(arguments.faults),
        day=arguments.day,
        speed=arguments.speed,
        trickle_seconds=arguments.trickle,
        when_heard=arguments.when_heard,
        told=_say if arguments.json else lambda row: None,
    ) as network:
        _say(network.ready())
        await stop.wait()


def main(argv: Sequence[str] | None = None) -> int:
    """Run until told to stop. Exit codes: 0 stopped, 2 usage, 3 the port or the state file cannot be had."""
    arguments = _arguments(argv)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    try:
        asyncio.run(_run(arguments))
    except ValueError as error:
        sys.stderr.write(f"pretend: {error}\n")
        return EXIT_USAGE
    except OSError as error:
        sys.stderr.write(f"pretend: {error}\n")
        return EXIT_NOT_REACHABLE
    return 0


if __name__ == "__main__":
    sys.exit(main())
