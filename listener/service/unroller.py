"""The worker that reads calendars: a process of its own, `python -m listener.service.unroller BEGIN END`, that may be ended at any time.

A calendar of a stranger's is read by two libraries that do whatever it says. So that is done beside the program, with limits for time and memory,
and only plain turns come back. It takes the text from stdin and writes JSON to stdout; it opens nothing and keeps nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import sys
from datetime import date, datetime

import msgspec

from listener.rulebook.ical import BadCalendar, Events
from listener.rulebook.turns import Turn

SECONDS = 30.0
MOST_MEMORY = 1 << 30
Written = tuple[str, str, str]


class Unrolled(msgspec.Struct):
    """What came of it; with `problem` there are no turns."""

    turns: list[Written] = []
    problem: str = ""


async def unrolled(text: str, begin: datetime, end: datetime, seconds: float = SECONDS) -> tuple[Turn, ...]:
    """The turns of a calendar in a time, by a worker that is gone when this returns. Raises BadCalendar, also when it takes too long."""
    errors = None if os.environ.get("HUBBUB_DEBUG") else asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "listener.service.unroller", begin.isoformat(), end.isoformat(), str(int(seconds)),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=errors, start_new_session=True,
    )  # fmt: skip
    try:
        async with asyncio.timeout(seconds):
            said, _ = await process.communicate(text.encode())
    except TimeoutError:
        raise BadCalendar(f"it takes longer than {seconds:g} seconds to read") from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()  # it holds nothing that could be lost
        await process.wait()
    try:
        done = msgspec.json.decode(said, type=Unrolled)
    except msgspec.DecodeError:
        raise BadCalendar("it takes too much time or memory to read") from None
    if done.problem:
        raise BadCalendar(done.problem)
    return tuple(Turn(call, _moment(begins), _moment(ends)) for call, begins, ends in done.turns)


def _moment(text: str) -> date | datetime:
    return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)


def serve(begin: str, end: str, seconds: str) -> None:
    """Reads one calendar."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 1, int(seconds) + 1))
    try:
        events = Events.read(sys.stdin.buffer.read().decode())
        turns = events.between(datetime.fromisoformat(begin), datetime.fromisoformat(end))
        done = Unrolled(sorted((one.call, one.begin.isoformat(), one.end.isoformat()) for one in turns))
    except BadCalendar as bad:
        # What the libraries say may quote the calendar, and with it whom it invites.
        why = None if bad.__cause__ is None else type(bad.__cause__).__name__
        done = Unrolled(problem=str(bad) if why is None else f"it cannot be read ({why})")
    sys.stdout.buffer.write(msgspec.json.encode(done))


if __name__ == "__main__":
    serve(*sys.argv[1:4])
