"""What was delivered to a webhook, as a stream like any other: batches by the hook's converter, with a bookmark. Owns its reading.

Woken by a bell, never by a timer. A delivery stays until the batch made of it is committed: that is known when the next one is asked for, or, after
a death between the two, from the bookmark itself, which names the deliveries that it stands for.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from listener.model.heard import Batch, Deleted, Item, Mention, Reject
from listener.service.database import House
from listener.service.stopping import Stop
from listener.sources.base import Delivery, Hook
from listener.store import deliveries
from listener.store.deliveries import Bookmark, Waiting

log = logging.getLogger("hubbub.hooks")

AT_ONCE = 50


def key_of(source: str, hook: Hook) -> str:
    """The key of a hook's stream."""
    return f"{source}/hooks/{hook.name}"


@dataclass(slots=True)
class DeliveryStream:
    """The deliveries to one hook."""

    key: str
    hook: Hook
    house: House
    bell: asyncio.Event
    stop: Stop
    clock: Callable[[], datetime]
    keep: timedelta | None = None
    """For how long the bytes of what was read are kept; None: not at all."""

    async def batches(self, cursor: str | None) -> AsyncIterator[Batch]:
        """As `Stream.batches`. What waits is read in the order in which it came; what commits late is read when it is there."""
        read, about = Bookmark.of(cursor), dict[int, tuple[str, ...]]()
        while True:
            await self._settle(read, about)
            read, about = Bookmark(), {}
            self.bell.clear()
            found = await self.house.persistently(
                lambda: deliveries.waiting(self.house.pool, self.key, AT_ONCE), self.stop, self.key
            )
            if not found:
                await self.bell.wait()
                continue
            items: list[Item] = []
            for delivery in found:
                said = self._said(delivery)
                if problem := _unusable(said):
                    await self._failed(delivery, problem)
                else:
                    read = Bookmark((*read.ids, (delivery.id, delivery.tries)))
                    about[delivery.id] = tuple(_ids(said or ()))
                items.extend(said or ())
            if items or read.ids:
                yield _batch(items, read, self.clock())

    def _said(self, delivery: Waiting) -> tuple[Item, ...] | None:
        """None: the converter broke its promise; the delivery is kept for a better one."""
        told = Delivery(delivery.headers, delivery.body, delivery.query, delivery.received_at)
        try:
            return self.hook.convert(told)
        except Exception as err:
            # The type only: what it says may repeat what was delivered.
            log.error("%s: delivery %d could not be read: %s", self.key, delivery.id, type(err).__name__)
            return None

    async def _settle(self, read: Bookmark, about: dict[int, tuple[str, ...]]) -> None:
        until = None if self.keep is None else self.clock() + self.keep
        await self.house.persistently(lambda: deliveries.done(self.house.pool, read, about, until), self.stop, self.key)

    async def _failed(self, delivery: Waiting, problem: str) -> None:
        await self.house.persistently(
            lambda: deliveries.failed(self.house.pool, delivery, problem), self.stop, self.key
        )


def _unusable(said: tuple[Item, ...] | None) -> str:
    """Why a delivery is kept; '' when it said anything at all, or that there is nothing to say."""
    if said is None:
        return "the program could not read it"
    if said and all(isinstance(item, Reject) for item in said):
        return next(f"{item.reason.value}: {item.detail}" for item in said if isinstance(item, Reject))
    return ""


def _ids(said: tuple[Item, ...]) -> list[str]:
    return [item.key.external_id for item in said if isinstance(item, Mention | Deleted)]


def _batch(items: list[Item], read: Bookmark, now: datetime) -> Batch:
    times = [item.network_at for item in items if isinstance(item, Mention) and item.network_at is not None]
    return Batch(tuple(items), str(read) if read.ids else None, now, item_at=max(times, default=None), heard=len(items))
