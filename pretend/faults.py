"""Scripted misbehaviour: which request or stream event goes wrong, how, and how often.

The book only decides; the parts that speak (`xrpc`, `jetstream`) carry a fault out. A fault counts the requests or
events that fit it: it lets `skip` pass, then hits every `every`-th one, `times` in all.
"""

from __future__ import annotations

import asyncio
import dataclasses
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from pretend.log import Log
from pretend.wire import Json

STREAM = "subscribe"  # where: the Jetstream endpoint


class Effect(StrEnum):
    """What goes wrong. The second group makes sense on the stream only."""

    LATE = "late"  # answer after `seconds`; the request is carried out first. On the stream: hold the event back
    CUT = "cut"  # close the connection without an answer; with `carried_out` the write was accepted before that
    STATUS = "status"  # answer with `status`, `error`, `message`; 429 brings the rate-limit headers
    MALFORMED = "malformed"  # answer 200 with `body`, by default half a JSON object; the request was carried out

    TWICE = "twice"  # send the event's frame twice
    GARBAGE = "garbage"  # send a frame of rubbish before the event; `frames` are names from `garbage`, or raw text
    STALL = "stall"  # say nothing for `seconds` (0: for good) without closing; `pongs` says if pings are answered
    SHUFFLE = "shuffle"  # let `window` events pile up, at most `seconds`, and log them in another order


@dataclass(frozen=True, slots=True)
class Fault:
    """One line of the script. `where` is an XRPC method, a prefix ending in ``*``, or ``subscribe``."""

    where: str
    effect: Effect
    times: int = 1  # 0: until it is taken back
    skip: int = 0
    every: int = 1
    seconds: float = 0.0
    status: int = 503
    error: str = ""
    message: str = ""
    retry_after: int = 1
    carried_out: bool = False  # for cut and status: do the work, then answer badly
    body: str = '{"uri":"at://did:plc:'
    pongs: bool = True
    frames: tuple[str, ...] = ()
    window: int = 8

    @classmethod
    def read(cls, value: object) -> Fault:
        """A fault from its JSON object.

        Raises:
            ValueError: With a sentence that names the field.
        """
        if not isinstance(value, Mapping):
            raise ValueError(f"a fault is a JSON object, not {value!r}")
        fields = {field.name: field for field in dataclasses.fields(cls)}
        unknown = sorted(set(value) - set(fields))
        if unknown:
            raise ValueError(f"unknown field {unknown[0]!r}; there are {', '.join(fields)}")
        if not isinstance(value.get("where"), str) or value.get("effect") not in set(Effect):
            raise ValueError(f"a fault needs where, and effect: one of {', '.join(Effect)}")
        ready = dict(value) | {"effect": Effect(value["effect"])}
        for name, given in value.items():
            default = fields[name].default
            if name == "frames":
                if not isinstance(given, list) or not all(isinstance(frame, str) for frame in given):
                    raise ValueError("frames must be a list of strings")
                ready[name] = tuple(given)
            elif default is not dataclasses.MISSING and not _fits(given, default):
                raise ValueError(f"{name} must be a {type(default).__name__} (of at least 0), not {given!r}")
        return cls(**ready)

    def shown(self) -> Json:
        """The fault as JSON, without what has its default."""
        return {
            field.name: list(value) if isinstance(value := getattr(self, field.name), tuple) else value
            for field in dataclasses.fields(self)
            if getattr(self, field.name) != field.default
        }


def _fits(value: object, default: object) -> bool:
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    if isinstance(default, float):
        return isinstance(value, int | float) and value >= 0
    if isinstance(default, int):
        return isinstance(value, int) and value >= 0
    return isinstance(value, type(default))


@dataclass(slots=True)
class _Line:
    fault: Fault
    seen: int = 0
    used: int = 0

    @property
    def over(self) -> bool:
        return 0 < self.fault.times <= self.used

    def turn(self) -> bool:
        self.seen += 1
        due = self.seen > self.fault.skip and (self.seen - self.fault.skip - 1) % max(1, self.fault.every) == 0
        self.used += due
        return due


class FaultBook:
    """The script in force."""

    def __init__(self) -> None:
        self._lines: list[_Line] = []

    def add(self, *faults: Fault) -> None:
        """Put faults at the end of the script; they are in force at once."""
        self._lines += [_Line(fault) for fault in faults]

    def clear(self) -> None:
        """Behave well from now on."""
        self._lines.clear()

    def due(self, where: str, effects: frozenset[Effect], one_of: frozenset[Effect] = frozenset()) -> list[Fault]:
        """The faults whose turn it is at this request or event. Asking is what counts it.

        Of the effects in `one_of` at most one hits: the lines after it have not seen this request, so that a script of
        several lines is played one after the other.
        """
        if not self._lines:
            return []
        hits: list[Fault] = []
        hit = False
        for line in self._matching(where):
            alone = line.fault.effect in one_of
            if line.fault.effect in effects and not (alone and hit) and line.turn():
                hits.append(line.fault)
                hit = hit or alone
        self._lines = [line for line in self._lines if not line.over]
        return hits

    def armed(self, where: str, effect: Effect) -> Fault | None:
        """The first fault of this kind in force here; asking counts nothing."""
        return next((line.fault for line in self._matching(where) if line.fault.effect is effect), None)

    def _matching(self, where: str) -> Iterator[_Line]:
        for line in self._lines:
            there = line.fault.where
            wild = there.endswith("*") and where != STREAM and where.startswith(there[:-1])
            if there == where or wild:
                yield line

    def shown(self) -> list[Json]:
        """The script in force as JSON, with how often each line was used."""
        return [line.fault.shown() | {"used": line.used, "seen": line.seen} for line in self._lines]


class Shuffler:
    """Carries out `Effect.SHUFFLE`: the log's order differs from the commits' order, never within one DID.

    What our own account writes is not held back: the writer was told that it is accepted.
    """

    def __init__(self, book: FaultBook, log: Log, ours: str, seed: int) -> None:
        self._book = book
        self._log = log
        self._ours = ours
        self._random = random.Random(seed)
        self._held: list[tuple[str, str, Json]] = []
        self._timer: asyncio.TimerHandle | None = None
        log.gate = self.hold

    def hold(self, did: str, collection: str, body: Json) -> bool:
        """Whether the event was kept for later; the gate of the log."""
        fault = None if did == self._ours else self._book.armed(STREAM, Effect.SHUFFLE)
        if fault is None and not any(held[0] == did for held in self._held):
            return False
        self._held.append((did, collection, body))
        if fault is None or len(self._held) >= fault.window:
            self.release()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(fault.seconds or 1.0, self.release)
        return True

    def release(self) -> None:
        """Log what is held, shuffled across DIDs."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._held:
            return
        self._book.due(STREAM, frozenset({Effect.SHUFFLE}))
        queues: dict[str, list[tuple[str, str, Json]]] = {}
        for item in reversed(self._held):
            queues.setdefault(item[0], []).append(item)
        self._held = []
        while queues:
            did = self._random.choice(list(queues))
            self._log.append(*queues[did].pop())
            if not queues[did]:
                del queues[did]
