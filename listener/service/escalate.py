"""Telling the staff in time: incidents whose moment has come are advanced, by the rules in force. Owns the loop.

It sleeps until the earliest `next_at` or a bell. Nothing is remembered here: what was told is in the database with the moment of the next
step, so whoever runs after a crash goes on, and of two that run at once one finds the work done. Refuses to deliver.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from listener.incidents.escalation import Staffed
from listener.incidents.reaching import unreached
from listener.rulebook.parse import parse
from listener.rulebook.published import unknown_calendars
from listener.rulebook.shape import Rulebook
from listener.service.database import House
from listener.service.duties import Duties
from listener.service.stopping import Stop, Stopped
from listener.store import incidents, rulebooks
from listener.store.connect import acquired

log = logging.getLogger("hubbub.incidents")

LONGEST_SLEEP = 15.0
BUSY_SLEEP = 0.2
"""What is due and was left alone: somebody else has it."""


@dataclass(slots=True)
class Escalator:
    """Runs what is due of incidents. Several may run."""

    house: House
    bell: asyncio.Event
    stop: Stop
    clock: Callable[[], datetime]
    duties: Duties = field(default_factory=Duties)
    turned: Callable[[], None] = lambda: None
    """Hears of every turn of the loop: it lives."""
    _hash: str = ""
    _book: Rulebook | None = None
    _page: int | None = None
    """The newest page that was looked at for shouts."""

    @property
    def staff(self) -> Staffed:
        """Whom alerts reach by now."""
        return self.duties.staff

    async def work(self) -> None:
        """Until the service ends."""
        with contextlib.suppress(Stopped):
            while True:
                self.turned()
                wait = await self.house.persistently(self.step, self.stop, "incidents")
                await self.stop.wakened(self.bell, wait)

    async def step(self) -> float:
        """What is due now; how long to sleep after it, in seconds. May be repeated."""
        await self._look()
        now = self.clock()
        async with acquired(self.house.pool) as connection:
            if self._page is None:
                self._page = await incidents.newest_page(connection)
            await incidents.due(connection, self.staff, now)
            for incident_id, page_id in (await incidents.shouted(connection, self._page)).items():
                log.error(
                    "incident %d could not be delivered to anybody: hubbub incidents show %d", incident_id, incident_id
                )
                self._page = max(self._page, page_id)
            upcoming = await incidents.next_at(connection)
        wait = LONGEST_SLEEP if upcoming is None else (upcoming - self.clock()).total_seconds()
        return max(BUSY_SLEEP, min(wait, LONGEST_SLEEP)) if wait <= 0 else min(wait + 0.001, LONGEST_SLEEP)

    async def _look(self) -> None:
        """Takes up another rulebook, and another reading of a calendar, at once; rules that this version cannot read leave the staff as it was."""
        found = await rulebooks.in_force(self.house.pool, unless=self._hash)
        book = self._book if found is None else await asyncio.to_thread(parse, found.files)
        if isinstance(book, Rulebook):
            self._book = book
        if self._book is not None:
            await self.duties.look(self.house.pool, self._book, self.clock())
        if found is None:
            return
        if isinstance(book, Rulebook):
            self._say_who_is_not_reached()
            async with acquired(self.house.pool) as connection:
                await incidents.look_again(connection, self.clock())
        self._hash = found.hash

    def _say_who_is_not_reached(self) -> None:
        if self.staff.alerts and not self.duties.receivers:
            log.warning("nobody is told of any alert: the settings have no [[receiver]]; docs/alerts.md shows one")
            return
        for strange in unknown_calendars(self._book, self.duties.calendars) if self._book else ():
            log.warning("%s: %s", strange.message, strange.hint)
        for one in unreached(self.staff):
            log.warning("%s: %s", one.what, one.hint)
