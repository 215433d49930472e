"""One ear on the database's feed for the whole service: whoever waits for a change is woken from here. Owns the fan-out.

Loops need no timer for what others do: a reply that a person queues, a snooze, a conversation that opens all ring.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from listener.service.database import House
from listener.service.stopping import Stop, Stopped
from listener.store.feed import Feed
from listener.store.views.changed import Changed

log = logging.getLogger("hubbub.bells")


@dataclass(slots=True)
class Bells:
    """Events to wait for. After a lost connection all of them ring once."""

    replies: asyncio.Event = field(default_factory=asyncio.Event)
    network: asyncio.Event = field(default_factory=asyncio.Event)
    """Each lane of the outbox has its own: whoever waits for one quiets it."""
    clocks: asyncio.Event = field(default_factory=asyncio.Event)
    incidents: asyncio.Event = field(default_factory=asyncio.Event)
    """Also rung by another rulebook: it may send them another way."""
    alerts: asyncio.Event = field(default_factory=asyncio.Event)
    """Rules asked for some."""
    conversations: Callable[[frozenset[int]], None] = lambda _: None
    pages: list[asyncio.Event] = field(default_factory=list)
    """One for each who tells people."""
    learned: asyncio.Event = field(default_factory=asyncio.Event)
    """What is learned from decisions is another, or is switched on or off."""
    _wishes: dict[str, list[asyncio.Event]] = field(default_factory=dict)
    _delivered: dict[str, asyncio.Event] = field(default_factory=dict)

    def wishes(self, name: str) -> asyncio.Event:
        """A new bell that rings when somebody wants something of a stream (by its key), or of any stream of a source (by its name)."""
        bell = asyncio.Event()
        self._wishes.setdefault(name, []).append(bell)
        return bell

    def paged(self) -> asyncio.Event:
        """A new bell that rings when somebody may have to be told."""
        self.pages.append(asyncio.Event())
        return self.pages[-1]

    def delivered(self, key: str) -> asyncio.Event:
        """The bell that rings when something was delivered to a hook, by its stream's key."""
        return self._delivered.setdefault(key, asyncio.Event())

    def ring(self, changed: Changed) -> None:
        """Wakes whom this concerns."""
        if changed.outbox or changed.lost:
            self.replies.set()
            self.network.set()
            for bell in self.pages:
                bell.set()
        if changed.conversations or changed.lost:
            self.clocks.set()
        if changed.incidents or changed.rulebook or changed.lost:
            self.incidents.set()
        if changed.asked or changed.lost:
            self.alerts.set()
        if changed.learned or changed.lost:
            self.learned.set()
        if changed.conversations:
            self.conversations(changed.conversations)
        for name, bells in self._wishes.items():
            if changed.lost or name in changed.wishes or any(key.startswith(f"{name}/") for key in changed.wishes):
                for bell in bells:
                    bell.set()
        for key, bell in self._delivered.items():
            if changed.lost or key in changed.delivered:
                bell.set()

    def _connected(self, now: bool) -> None:
        """From here on nothing is missed. What rang before, and leaves no event, is looked for once."""
        if now:
            for bell in (*(one for bells in self._wishes.values() for one in bells), *self._delivered.values()):
                bell.set()

    async def listen(self, house: House, stop: Stop) -> None:
        """Until the service ends."""

        async def hear() -> None:
            feed = Feed(house.dsn, "hubbub bells", self._connected)
            async for changed in feed.changes(None):
                self.ring(changed)

        try:
            await stop.unless(house.persistently(hear, stop, "the change feed"))
        except Stopped:
            return
