"""The clocks of the house: snoozes wake, what is late is told and escalated, work is shared out, dead claims end, counters are folded,
old rows go, and the listener shows a sign of life, for itself and for its streams.

Sleeps until the earliest `next_at`, a bell, or a short while: the wall clock may jump, so no sleep is long. Refuses to judge.
"""

from __future__ import annotations

import contextlib
import logging
import os
import platform
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from listener.service.bells import Bells
from listener.service.database import House
from listener.service.staffing import Staffing
from listener.service.stopping import Stop, Stopped
from listener.store import alive, claims, sources, upkeep

log = logging.getLogger("hubbub.timekeeper")

LONGEST_SLEEP = 15.0
BEAT_SECONDS = 5.0
STREAM_SECONDS = 15.0
FOLD_SECONDS = 10.0
PRUNE_SECONDS = 600.0
CLAIM_SECONDS = 10.0
SHARE_SECONDS = 2.0
HOST = platform.node() or "localhost"


@dataclass(slots=True)
class Timekeeper:
    """Runs what is due. Several may run: each step takes its rows under a lock, or leaves them to the other."""

    house: House
    bells: Bells
    stop: Stop
    clock: Callable[[], datetime]
    program: str = "listener"
    version: str = ""
    figures: Callable[[], dict[str, Any]] = dict
    streams: Callable[[], Sequence[int]] = tuple
    """Ids of the sources that wait for something to be said: they live, though nothing is written of them."""
    _last: dict[str, float] = field(default_factory=dict)

    async def keep(self) -> None:
        """Until the service ends."""
        started = self.clock()
        staffing = Staffing(self.house)
        with contextlib.suppress(Stopped):
            while True:
                await self._every(BEAT_SECONDS, "beat", lambda: self._beat(started))
                await self._every(STREAM_SECONDS, "streams", self._beat_streams)
                await self._do(lambda: staffing.wake(self.clock()))
                await self._every(SHARE_SECONDS, "share", lambda: staffing.share_out(self.clock()))
                await self._every(CLAIM_SECONDS, "claims", lambda: claims.expire(self.house.pool, self.clock()))
                await self._every(FOLD_SECONDS, "fold", lambda: upkeep.fold(self.house.pool))
                await self._every(PRUNE_SECONDS, "prune", lambda: upkeep.prune(self.house.pool, self.clock()))
                await self.stop.wakened(self.bells.clocks, await self._sleep())
        with contextlib.suppress(Exception):
            await alive.gone(self.house.pool, self.program, HOST, os.getpid())

    async def _sleep(self) -> float:
        due = await self._do(lambda: upkeep.next_at(self.house.pool))
        wait = LONGEST_SLEEP if due is None else (due - self.clock()).total_seconds()
        return max(0.05, min(wait, LONGEST_SLEEP, BEAT_SECONDS))

    async def _every(self, seconds: float, name: str, act: Callable[[], Awaitable[object]]) -> None:
        now = time.monotonic()
        if now - self._last.get(name, float("-inf")) >= seconds:
            self._last[name] = now
            await self._do(act)

    async def _do(self, act: Callable[[], Awaitable[Any]]) -> Any:
        return await self.house.persistently(act, self.stop, "the timekeeper")

    async def _beat_streams(self) -> None:
        """In one statement: hundreds of streams would else be as many writes."""
        if living := self.streams():
            await sources.beat(self.house.pool, living, self.clock())

    async def _beat(self, started: datetime) -> None:
        now = self.clock()
        await alive.beat(
            self.house.pool, alive.Program(self.program, HOST, os.getpid(), self.version, started, now, self.figures())
        )
