"""The event log of the pretend network: what the Jetstream serves, in one order for everybody.

Owns sequence numbers, network times and where a cursor points. It refuses to change or drop an event once appended.
With a journal every event is on disk (handed to the operating system) before any subscriber can see it.
"""

from __future__ import annotations

import asyncio
import os
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pretend.settings import Settings
from pretend.wire import Json, encode

CURSOR_IS_TIME = 10**15  # a cursor of at least this is unix microseconds, a smaller one a sequence number

Clock = Callable[[], int]  # unix microseconds


@dataclass(frozen=True, slots=True)
class Event:
    """One event as it goes over the wire; `collection` is empty for account and identity events."""

    seq: int
    time_us: int
    did: str
    collection: str
    frame: bytes


class Journal:
    """An append-only file of JSON lines. A torn last line (the writer was killed) is cut off when it is opened."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)
        self._whole = self._cut_torn_tail()

    def _cut_torn_tail(self) -> int:
        body = self._path.read_bytes()
        whole = body.rfind(b"\n") + 1
        if whole != len(body):
            os.truncate(self._path, whole)
        return whole

    def lines(self) -> Iterator[bytes]:
        """The lines that were there when the journal was opened."""
        with self._path.open("rb") as file:
            while file.tell() < self._whole:
                yield file.readline()

    def write(self, kind: str, body: bytes) -> None:
        """Append ``{"k": kind, "v": body}``, where `body` is JSON already."""
        self._file.write(b'{"k":"' + kind.encode() + b'","v":' + body + b"}\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Log:
    """All events since the beginning, oldest first."""

    def __init__(self, settings: Settings, clock: Clock, journal: Journal | None) -> None:
        self.events: list[Event] = []
        self.gate: Callable[[str, str, Json], bool] | None = None
        self._settings = settings
        self._clock = clock
        self._journal = journal
        self._last_us = 0
        self._bells: set[asyncio.Event] = set()

    def tick(self) -> int:
        """The time now in unix microseconds; never twice the same, never backwards."""
        self._last_us = max(self._clock(), self._last_us + 1)
        return self._last_us

    def publish(self, did: str, collection: str, body: Json) -> None:
        """Append an event, unless the gate keeps it for later (a scripted fault)."""
        if self.gate is None or not self.gate(did, collection, body):
            self.append(did, collection, body)

    def append(self, did: str, collection: str, body: Json) -> Event:
        """Give the event its time and sequence number and show it to all subscribers."""
        seq = self.events[-1].seq + 1 if self.events else self._settings.first_seq
        time_us = self.tick()
        head: dict[str, Any] = {"did": did, "time_us": time_us}
        if self._settings.seq_in_events:
            head["cursor"] = seq
        for part in ("account", "identity"):
            if part in body:
                body[part]["seq"] = seq
        event = Event(seq, time_us, did, collection, encode(head | body))
        if self._journal is not None:
            self._journal.write("event", b'{"seq":%d,"frame":%b}' % (seq, event.frame))
        self.events.append(event)
        for bell in self._bells:
            bell.set()
        return event

    def restore(self, seq: int, frame: Json) -> None:
        """Put back an event read from the journal."""
        commit = frame.get("commit")
        collection = commit["collection"] if isinstance(commit, dict) else ""
        self.events.append(Event(seq, frame["time_us"], frame["did"], collection, encode(frame)))
        self._last_us = max(self._last_us, frame["time_us"])

    def start(self, cursor: int | None) -> int:
        """The index in `events` where a subscriber with this cursor begins.

        Inclusive. None or a cursor in the future is the live tip; one that is older than the look-back window is
        clamped to the window's beginning, silently, as the real server does on ``/subscribe``.
        """
        if cursor is None:
            return len(self.events)
        key = _time if cursor >= CURSOR_IS_TIME else _seq
        oldest_us = self._clock() - int(self._settings.lookback_seconds * 1_000_000)
        return max(bisect_left(self.events, cursor, key=key), bisect_left(self.events, oldest_us, key=_time))

    def bell(self) -> asyncio.Event:
        """A bell that is rung at every append until `unhook`."""
        bell = asyncio.Event()
        self._bells.add(bell)
        return bell

    def unhook(self, bell: asyncio.Event) -> None:
        """Ring this bell no more."""
        self._bells.discard(bell)


def _time(event: Event) -> int:
    return event.time_us


def _seq(event: Event) -> int:
    return event.seq
