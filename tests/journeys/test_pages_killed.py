"""Whoever tells people is killed between any two steps: what has an id arrives and counts once, what has none arrives at most once and is said so.

Killed in the way of a process: nothing of it runs on, its lease is left to run out, and another one begins from the tables.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import asyncpg
import pytest

from listener.incidents.message import Message
from listener.receivers.base import Receiver
from listener.service.notify import Courier
from listener.settings import ReceiverSettings
from listener.store.alert_lane import Parcel
from tests.promises.paged import Post, ear, fixed, incident, page, post
from tests.store.world import world

SECRET = "a secret of enough characters"
STEPS = ("claimed", "frozen", "sent", "settled")


class Killed(BaseException):
    """SIGKILL, as far as a task can tell."""


@dataclass
class Mortal(Courier):
    """A courier that dies right after a step."""

    step: str = ""

    async def _frozen(self, parcel: Parcel, attempt: uuid.UUID, again: bool) -> bool:
        if self.step == "claimed":
            raise Killed
        frozen = await super()._frozen(parcel, attempt, again)
        if self.step == "frozen":
            raise Killed
        return frozen

    async def _settle(self, parcel: Parcel, attempt: uuid.UUID, state: Any, **what: Any) -> None:
        if self.step == "sent":
            raise Killed
        await super()._settle(parcel, attempt, state, **what)
        if self.step == "settled":
            raise Killed


@dataclass(slots=True)
class Mine:
    """A real receiver, or one without ids: the same, told that it may not be repeated."""

    inner: Receiver
    repeatable: bool

    async def ready(self) -> None:
        await self.inner.ready()

    async def tell(self, message: Message, key: str) -> str:
        return await self.inner.tell(message, key)


@pytest.fixture
async def desk(pool: asyncpg.Pool, dsn: str) -> AsyncIterator[Post]:
    async with post(await world(pool), dsn) as made:
        yield made


async def test_a_page_arrives_once_by_its_id_or_at_most_once_wherever_its_courier_died(desk: Post) -> None:
    for repeatable in (True, False):
        for step in STEPS:
            one = await incident(desk.w, policy=f"{repeatable} {step}")
            async with ear(200) as shop:
                settings = ReceiverSettings("ops", "webhook", {"address": shop.address, "secret": SECRET})
                build = fixed(Mine(desk.build()(settings), repeatable))
                row = await page(desk.w, one)
                mortal = Mortal(
                    settings, build, desk.house, asyncio.Event(), desk.stop, desk.clock, lease_seconds=0.2, step=step
                )
                await mortal.deliver()
                assert desk.stop.why == "telling failed"
                desk.stop = type(desk.stop)()
                heir = replace(mortal, step="", stop=desk.stop, bell=asyncio.Event(), lease_seconds=0.6, _busy={})
                task = asyncio.ensure_future(heir.deliver())
                certain = repeatable or step in ("claimed", "settled")
                settled = await desk.until(row, "accepted" if certain else "unknown")
                await asyncio.sleep(0.1)
                desk.stop.set("over")
                await task
                desk.stop = type(desk.stop)()
            keys = [heads["Idempotency-Key"] for _, heads, _ in shop.heard]
            at_most = 2 if repeatable and step == "sent" else 1
            arrived = 0 if step == "frozen" and not repeatable else 1
            assert arrived <= len(keys) <= at_most, (repeatable, step)
            assert len(set(keys)) == arrived
            kinds = await desk.kinds(one)
            assert kinds == (["page.sent"] if certain else ["page.unknown"]), (repeatable, step, settled["problem"])
            due = await desk.w.pool.fetchval("SELECT next_at <= now() FROM incidents WHERE id = $1", one)
            assert due is not certain, "what may not have arrived is for the next one at once"
