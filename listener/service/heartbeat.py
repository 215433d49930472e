"""That Hubbub lives is told outside: an address that is called, an alert that is renewed, for as long as all is well. Owns what 'well' is.

Whoever is told and hears nothing more pages people: nobody else can, when this program, this machine or its network is gone. So a part that hangs,
a database that is away, or every stream stopped, is silence too. Refuses to repeat a call at once: the next one comes soon enough.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol, cast

from listener.errors import HubbubError
from listener.receivers.base import Watched
from listener.service.database import House
from listener.service.logs import told
from listener.service.notify import Build
from listener.service.stopping import Stop, Stopped
from listener.settings import AlertSettings, ReceiverSettings, SecretRef
from listener.store import alive
from listener.webclient.client import WebClient

log = logging.getLogger("hubbub.heartbeat")

WATCHDOG_SECONDS = 60.0
WATCHDOG_LASTS = timedelta(minutes=5)
LONGEST_TURN = 90.0
"""Seconds in which every part has had its turn, if it says nothing else."""
LEARNING = 600.0
"""The same, of the watch: a long past is learned in one go."""
OTHER_HALF = timedelta(seconds=60)


class Told(Protocol):
    """Calls outside, once. Raises our errors."""

    async def __call__(self) -> None: ...


@dataclass(slots=True)
class Signs:
    """When each part of the program had its turn."""

    clock: Callable[[], float] = time.monotonic
    _seen: dict[str, tuple[float, float]] = field(default_factory=dict)

    def sign(self, part: str, within: float = LONGEST_TURN) -> None:
        """It had its turn; the next one comes within so many seconds, or it hangs."""
        self._seen[part] = (self.clock(), within)

    def hangs(self) -> str:
        """A part that is late; '': none."""
        now = self.clock()
        return next((part for part, (at, within) in self._seen.items() if now - at > within), "")


@dataclass(slots=True)
class Heartbeat:
    """One outside watcher, and how the calls to it fare."""

    name: str
    call: Told
    seconds: float
    fares: Callable[[], Awaitable[str]]
    """Why it is not well; '': it is."""
    stop: Stop
    clock: Callable[[], datetime]
    at: datetime | None = None
    """When it was last told that all is well."""
    problem: str = ""
    """Why it was not told the last time."""

    async def beat(self) -> None:
        """Until the service ends."""
        with contextlib.suppress(Stopped):
            while True:
                await self.once()
                await self.stop.pause(self.seconds)

    async def once(self) -> None:
        """One call, where all is well."""
        before = self.problem
        try:
            if why := await self.fares():
                self.problem = f"not told, as it is not well: {why}"
            else:
                await self.stop.unless(cast(Any, self.call()))
                self.at, self.problem = self.clock(), ""
        except HubbubError as err:
            self.problem = told(err)
        if self.problem and self.problem != before:
            log.warning("%s: %s", self.name, self.problem)
        elif before and not self.problem:
            log.info("%s is told again that all is well", self.name)

    def shown(self) -> dict[str, Any]:
        """For the program's row."""
        return {"at": None if self.at is None else self.at.isoformat(), "problem": self.problem}


def calling(web: WebClient, ref: SecretRef, post: bool) -> Told:
    """Calls an address that is a secret. Whatever is not 2xx is an error."""

    async def call() -> None:
        url = ref.read().reveal()
        where = "the heartbeat's address"
        answer = await web.send(
            "POST" if post else "GET", url, write=False, timeout=10.0, max_body=1 << 16, where=where
        )
        if not 200 <= answer.status < 300:
            raise HubbubError(f"it said {answer.status}", where=where, hint="is the address right?", code="refused")

    return call


def watchdog(build: Build, one: ReceiverSettings, clock: Callable[[], datetime]) -> Told:
    """Renews the alert that says that all is well."""

    async def call() -> None:
        await cast(Watched, build(one)).all_is_well(clock(), clock() + WATCHDOG_LASTS)

    return call


def hearts(
    alerts: AlertSettings, receivers: Sequence[ReceiverSettings], web: WebClient, build: Build, fares: Callable[[], Awaitable[str]],
    stop: Stop, clock: Callable[[], datetime],
) -> Mapping[str, Heartbeat]:  # fmt: skip
    """All outside watchers of the settings, by name."""
    found: dict[str, Heartbeat] = {}
    if alerts.heartbeat is not None:
        call = calling(web, alerts.heartbeat, alerts.heartbeat_post)
        found["heartbeat"] = Heartbeat("the heartbeat", call, alerts.heartbeat_seconds, fares, stop, clock)
    for one in receivers:
        if one.values.get("watchdog"):
            name = f"watchdog at {one.name}"
            found[name] = Heartbeat(f"the {name}", watchdog(build, one, clock), WATCHDOG_SECONDS, fares, stop, clock)
    return found


async def other_half(house: House, program: str, now: datetime) -> str:
    """Why the program that listens, on its own, is not well; '': it is."""
    for one in await alive.programs(house.pool):
        if one.name == program:
            if now - one.beat_at > OTHER_HALF:
                return f"the {program} gives no sign of life"
            return str(one.state.get("unwell", ""))
    return f"no {program} runs"
