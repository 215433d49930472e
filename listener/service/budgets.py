"""What is left of what the networks allow, kept in Postgres beside the times when logins end. Owns that beat, and the word after a restart.

Refuses to spend: each source does that itself, by its own budgets.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from listener.errors import FixMe, TryAgain
from listener.service.database import House, passes
from listener.service.stopping import Stop, Stopped
from listener.sources.base import Source
from listener.store import source_health
from listener.store.source_views import BudgetRow
from listener.webclient.patience import Left

SAVE_SECONDS = 5.0
PUBLISH_AFTER = timedelta(days=1)


@dataclass(slots=True)
class Ledger:
    """The budgets of the sources of one program."""

    house: House
    sources: Mapping[str, Source]
    stop: Stop
    clock: Callable[[], datetime]
    save_seconds: float = SAVE_SECONDS
    _kept: dict[tuple[str, str], BudgetRow] = field(default_factory=dict)
    """As another run left them."""
    _saved: dict[tuple[str, str], Left] = field(default_factory=dict)
    _published: datetime | None = None

    async def open(self) -> None:
        """Before anything is asked of a network: what was spent before the start counts as spent."""
        rows = await self.house.persistently(lambda: source_health.budgets(self.house.pool), self.stop, "budgets")
        self._kept = {(row.source, row.name): row for row in rows}
        for name in self.sources:
            self._take_up(name)
        self._published = self.clock()

    async def keep(self) -> None:
        """Until the service ends, and once more then."""
        with contextlib.suppress(Stopped):
            while True:
                await self.stop.pause(self.save_seconds)
                # Not persistently: that this works says nothing about what others wait for, and the next beat is near.
                try:
                    await self.save()
                except (TryAgain, FixMe) as err:
                    if not passes(err):
                        raise
                    continue
                await self._daily()
        with contextlib.suppress(Exception):
            await self.save()

    async def save(self) -> None:
        """Writes down what has changed. Safe to repeat."""
        now = self.clock()
        for name, source in self.sources.items():
            self._take_up(name)
            lefts = {budget: bucket.state() for budget, bucket in source.budgets.items()}
            changed = {k: v for k, v in lefts.items() if self._saved.get((name, k)) != v}
            rows = [
                BudgetRow(
                    name, k, v.points, v.seconds, v.left,
                    now + timedelta(seconds=v.closed_for) if v.closed_for else None, now,
                )
                for k, v in sorted(changed.items())
            ]  # fmt: skip
            await source_health.save_budgets(self.house.pool, name, rows, now)
            self._saved.update({(name, k): v for k, v in changed.items()})

    async def publish(self, source: Source) -> None:
        """When the logins of a source end, for people who must renew them."""
        ends = dict(source.expiries())
        await self.house.persistently(
            lambda: source_health.publish_expiries(self.house.pool, source.name, ends), self.stop, "logins"
        )

    def _take_up(self, name: str) -> None:
        """What is owed by now. A budget that turns up later, with a login, takes up what it owes as well; one that is made when it is
        asked for by its name is made here.
        """
        now, budgets = self.clock(), self.sources[name].budgets
        for key, row in [(key, row) for key, row in self._kept.items() if key[0] == name]:
            if row.left(now) >= row.points:
                del self._kept[key]
                continue
            try:
                bucket = budgets[row.name]
            except KeyError:
                continue
            del self._kept[key]
            closed = max(0.0, (row.closed_until - row.at).total_seconds()) if row.closed_until else 0.0
            bucket.restore(Left(row.points, row.seconds, row.remaining, closed), (now - row.at).total_seconds())

    async def _daily(self) -> None:
        now = self.clock()
        if self._published is None or now - self._published >= PUBLISH_AFTER:
            self._published = now
            for source in self.sources.values():
                await self.publish(source)
