"""Messages of open work, compared with their network again: what was deleted there is blanked here, what was edited is read as it is now.

The stream tells of deletes too, but not every network does, and not while we were away. In small lots, daily, the longest ago first. Refuses to
spend what hearing and answering may need: where little is left of a budget it waits.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import TypeVar

from listener.errors import FixMe, Refused, SourceStopped, TryAgain
from listener.model.accounts import Account
from listener.model.heard import Batch, Deleted
from listener.service.database import House
from listener.service.rules import Bench
from listener.service.stopping import Stop, Stopped
from listener.sources.base import Source
from listener.store import source_wishes
from listener.store import sources as source_rows
from listener.store.record import record
from listener.store.source_wishes import ToRecheck

log = logging.getLogger("hubbub.sweep")
T = TypeVar("T")

LOT = 25
AT_ONCE = 2_000
"""Messages chosen at a time."""
PAUSE_SECONDS = 1.0
WAIT_SECONDS = 60.0
LOOK_SECONDS = 900.0
"""How often it is looked whether any message is due."""
RESERVE = 0.25
"""Share of every budget that is left to others."""


@dataclass(slots=True)
class Sweep:
    """The messages of one source."""

    house: House
    source: Source
    bench: Bench
    stop: Stop
    clock: Callable[[], datetime]
    every: timedelta
    days: timedelta
    look_seconds: float = LOOK_SECONDS
    pause_seconds: float = PAUSE_SECONDS

    async def work(self) -> None:
        """Until the service ends."""
        with contextlib.suppress(Stopped):
            while True:
                await self.stop.pause(self.look_seconds)
                await self._round()

    async def _round(self) -> None:
        now = self.clock()
        due = await self._keep(
            lambda: source_wishes.to_recheck(
                self.house.pool, self.source.name, now - self.days, now - self.every, AT_ONCE
            )
        )
        by_account = sorted(due, key=lambda one: one.account.id if one.account else 0)
        for _, group in groupby(by_account, key=lambda one: one.account.id if one.account else 0):
            some = list(group)
            for start in range(0, len(some), LOT):
                if not await self._look(some[0].account, some[start : start + LOT]):
                    break
                await self.stop.pause(self.pause_seconds)

    async def _look(self, account: Account | None, lot: Sequence[ToRecheck]) -> bool:
        """False: this account's turn is over for this time."""
        while self._is_scarce():
            await self.stop.pause(WAIT_SECONDS)
        try:
            items = await self.stop.unless(self.source.recheck(account, [one.key for one in lot]))
        except TryAgain as err:
            log.info("%s: old messages are compared later: %s", self.source.name, err)
            await self.stop.pause(min(err.after or WAIT_SECONDS, LOOK_SECONDS))
            return False
        except (Refused, SourceStopped, FixMe) as err:
            log.info("%s: old messages cannot be compared: %s", self.source.name, err)
            return False
        if items:
            await self._store(Batch(items, None, self.clock(), heard=len(items)))
        gone = sum(isinstance(item, Deleted) for item in items)
        if gone:
            log.info("%s: %d messages are gone on the network, so their words are taken away", self.source.name, gone)
        await self._keep(lambda: source_wishes.rechecked(self.house.pool, [one.id for one in lot], self.clock()))
        return True

    def _is_scarce(self) -> bool:
        lefts = [budget.state() for budget in self.source.budgets.values()]
        return any(left.closed_for > 0 or left.left < left.points * RESERVE for left in lefts)

    async def _store(self, batch: Batch) -> None:
        bench = self.bench.now
        key = f"{self.source.name}/rechecks"  # a row of its own, so that no stream waits for it
        opened = await self._keep(lambda: source_rows.open_source(self.house.pool, key, self.clock()))
        judge = await bench.prepared(batch)
        await self._keep(
            lambda: record(self.house.pool, opened.id, batch, bench.hear, judge, expect=None, now=self.clock())
        )

    async def _keep(self, act: Callable[[], Awaitable[T]]) -> T:
        return await self.house.persistently(act, self.stop, f"old messages of {self.source.name}")
