"""The deliverer of acts is killed between any two of its steps: what people asked for stands on the network all the same, each once.

Killed in the way of a process: nothing of it runs on, its lease is left to run out, and another one begins from the tables.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from listener.model.accounts import Capability
from listener.model.handed import NetworkAct
from listener.model.heard import Key
from listener.model.leaving import Doing
from listener.service.database import House
from listener.service.deliver import Deliverer
from listener.service.lanes import NetworkActs
from listener.service.stopping import Stop
from listener.sources.base import Sent, Source
from listener.sources.bluesky.acts import GATE, LIKE
from listener.sources.bluesky.convert import SPACE
from listener.store import capabilities, network_acts, people
from listener.webclient.client import WebClient
from pretend.network import Network
from tests.promises.hearing import bluesky
from tests.store.world import World, world


class Killed(BaseException):
    """SIGKILL, as far as a task can tell."""


STEPS = ("claimed", "looked", "frozen", "sent", "settled")


class Mortal(NetworkActs):
    """The lane of acts, until it dies right before or after a step."""

    def __init__(self, step: str) -> None:
        self.step = step

    def reached(self, step: str) -> None:
        if step == self.step:
            raise Killed(step)

    async def freeze(self, source: Source, parcel: NetworkAct, now: datetime) -> Mapping[str, Any]:
        self.reached("claimed")
        frozen = await super().freeze(source, parcel, now)
        self.reached("looked")
        return frozen

    async def send(self, source: Source, parcel: NetworkAct) -> Sent:
        self.reached("frozen")
        sent = await super().send(source, parcel)
        self.reached("sent")
        return sent

    async def settle(self, pool: Any, outbox_id: int, attempt: Any, state: Any, now: datetime, **what: Any) -> bool:
        written = await super().settle(pool, outbox_id, attempt, state, now, **what)
        self.reached("settled")
        return written


@pytest.fixture
async def net() -> AsyncIterator[Network]:
    async with Network.start() as network:
        yield network


@pytest.fixture
async def web() -> AsyncIterator[WebClient]:
    client = WebClient("0.0.test")
    yield client
    await client.close()


async def heard(w: World, net: Network, text: str, by: str, root: str = "") -> tuple[int, str]:
    """A message of the network, as a row: its id and its address."""
    ref = net.stage.post(by, text, reply_to=root or None)
    ours = by == net.account.handle
    id_ = await w.mention(text, author=by, ours=ours)
    await w.pool.execute(
        "UPDATE mentions SET space = $2, external_id = $3, root = $4, content_id = $5 WHERE id = $1",
        id_, SPACE, ref.uri, root or ref.uri, ref.cid,
    )  # fmt: skip
    await w.pool.execute(
        "UPDATE mention_keys SET space = $2, external_id = $3 WHERE mention_id = $1", id_, SPACE, ref.uri
    )
    await w.pool.execute(
        "UPDATE authors SET space = $2, external_id = $3 WHERE id = (SELECT author_id FROM mentions WHERE id = $1)",
        id_, SPACE, Key(SPACE, ref.uri).external_id.split("/")[2],
    )  # fmt: skip
    return id_, ref.uri


async def test_each_act_stands_once_wherever_its_deliverer_died(
    pool: asyncpg.Pool, net: Network, web: WebClient, tmp_path: Path
) -> None:
    w = await world(pool)
    account = await people.ensure_account(pool, w.brand_id, "bluesky", SPACE, net.account.did, net.account.handle)
    await people.account_state(pool, account.id, "ready")
    await capabilities.publish(pool, account.id, dict.fromkeys(Capability, ""))
    conversation = await w.conversation("bad", author="somebody")
    _, root = await heard(w, net, "we launch", net.account.handle)
    source = bluesky(net, web, tmp_path)
    hidden: list[str] = []
    liked: list[str] = []

    async def deliver(lane: NetworkActs, *, ends: bool) -> None:
        """A deliverer until it dies, or until nothing waits any more."""
        stop, bell = Stop(), asyncio.Event()
        house = House("", pool)
        deliverer = Deliverer(
            lane, house, {"bluesky": source}, bell, stop, lambda: datetime.now(UTC), lease_seconds=0.15
        )
        task = asyncio.ensure_future(deliverer.deliver())
        while not stop.is_set:
            waiting = await pool.fetchval("SELECT count(*) FROM outbox WHERE state <> 'accepted'")
            if ends and not waiting:
                stop.set("done")
            bell.set()
            await asyncio.sleep(0.05)
        await asyncio.wait_for(task, 5)

    for n, step in enumerate(STEPS):
        comment, uri = await heard(w, net, f"bad {n}", f"troll{n}.test", root)
        for what, done in ((Doing.HIDE, hidden), (Doing.LIKE, liked)):
            await network_acts.queue(
                pool, w.mia.id, conversation, comment, what, account_id=account.id, hold_seconds=0, now=datetime.now(UTC)
            )  # fmt: skip
            done.append(uri)
        await asyncio.wait_for(deliver(Mortal(step), ends=False), 10)
    await asyncio.wait_for(deliver(NetworkActs(), ends=True), 20)

    assert await pool.fetch("SELECT id, state, problem FROM outbox WHERE state <> 'accepted'") == []
    (gate,) = net.world.entries(net.account.did, GATE)
    assert gate.record is not None
    assert sorted(gate.record["hiddenReplies"]) == sorted(hidden)
    likes = [one for one in net.world.entries(net.account.did, LIKE) if one.record is not None]
    assert sorted(one.record["subject"]["uri"] for one in likes if one.record) == sorted(liked)
    assert {one.commits for one in likes} == {1}
