"""The watch: wakes when five minutes are over and have had time to come in, and hands what is surprising to incidents. Owns its clock.

What rules ask for is handed over as soon as it is heard. Several may run: a brand is looked at by one of them, and whoever comes later finds it
done. One that was away learns what it missed and pages nobody for it. Refuses to know who is told.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from listener.incidents.shape import Fired
from listener.rulebook.alerting import Policy
from listener.rulebook.shape import Rulebook
from listener.service.database import House
from listener.service.duties import Duties
from listener.service.stopping import Stop, Stopped
from listener.spikes.paging import Told
from listener.store import series, watching
from listener.store.connect import Connection
from listener.store.incidents import fire
from listener.store.series import Watched

log = logging.getLogger("hubbub.watch")

LONGEST_SLEEP = 15.0
T = TypeVar("T")


@dataclass(slots=True)
class Watch:
    """Looks at every brand's counters."""

    house: House
    book: Callable[[], Rulebook]
    """The rulebook of now."""
    duties: Duties
    """Whom alerts reach."""
    bell: asyncio.Event
    """Rings when a rule asked for an alert."""
    stop: Stop
    clock: Callable[[], datetime]
    turned: Callable[[], None] = lambda: None
    """Hears of every turn of the loop: it lives."""

    async def watch(self) -> None:
        """Until the service ends."""
        due = watching.next_look(self.clock())
        more = True
        with contextlib.suppress(Stopped):
            while True:
                self.turned()
                await self._keep(lambda: self.duties.look(self.house.pool, self.book(), self.clock()))
                brands = await self._keep(lambda: series.brands(self.house.pool))
                for brand in brands:
                    await self._handed_over(brand)
                if more or self.clock() >= due:
                    due = watching.next_look(self.clock())
                    more = await self._looked(brands)
                wait = 0.05 if more else (due - self.clock()).total_seconds()
                await self.stop.wakened(self.bell, max(0.05, min(wait, LONGEST_SLEEP)))

    async def _looked(self, brands: Sequence[Watched]) -> bool:
        """Whether there is more to learn."""
        more = False
        for brand in brands:
            more = await self._seen(brand) or more
        return more

    async def _seen(self, brand: Watched) -> bool:
        seen = await self._keep(lambda: watching.look(self.house.pool, brand, self.book(), self.clock(), self._fire))
        self._say(brand, seen.fired)
        return seen.more

    async def _handed_over(self, brand: Watched) -> None:
        seen = await self._keep(
            lambda: watching.hand_over(self.house.pool, brand, self.book(), self.clock(), self._fire)
        )
        self._say(brand, seen.fired)

    async def _fire(self, connection: Connection, fired: Fired, policy: Policy, now: datetime) -> int | None:
        return await fire(connection, fired, policy, self.duties.staff, now)

    def _say(self, brand: Watched, told: Sequence[Fired]) -> None:
        for one in told:
            level = logging.INFO if one.told is Told.OVER else logging.WARNING
            about = " ".join(part for part in (one.policy, one.topic, one.source) if part)
            log.log(level, "%s: alert %s %s: %s", brand.key, about, one.told, one.evidence.get("why", ""))

    async def _keep(self, act: Callable[[], Awaitable[T]]) -> T:
        return await self.house.persistently(act, self.stop, "the watch")
