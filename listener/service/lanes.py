"""What goes out and by which way: replies, and acts on the network. Owns how each lane's rows and a source's calls belong together.

The deliverer walks every lane with the same steps; here stands what differs. Refuses to decide when anything is sent or repeated.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol, TypeVar

from listener.model import NetworkAct, OutboxState, Reply
from listener.sources.base import Sent, Source
from listener.store import attachments, network_lane, outbox
from listener.store.connect import Pool

P = TypeVar("P", Reply, NetworkAct)


class Lane(Protocol[P]):
    """One way out. The store's promises are those of `outbox`, a source's those of `Source`."""

    word: str
    """What goes this way, for the log."""

    async def claim(self, pool: Pool, attempt: uuid.UUID, now: datetime, lease_seconds: float) -> P | None:
        """The next that may leave."""
        ...

    async def again(
        self, pool: Pool, outbox_id: int, attempt: uuid.UUID, now: datetime, lease_seconds: float
    ) -> P | None:
        """An unknown one, taken up once more."""
        ...

    async def loaded(self, pool: Pool, parcel: P, *, contents: bool) -> P:
        """With all that it carries; the bytes of that only where `contents` are asked for."""
        ...

    async def settle(
        self, pool: Pool, outbox_id: int, attempt: uuid.UUID | None, state: outbox.Settled, now: datetime, **what: Any
    ) -> bool:
        """What became of it."""
        ...

    async def expired(self, pool: Pool, now: datetime) -> int:
        """Leases that ran out."""
        ...

    async def overtaken(self, pool: Pool, now: datetime) -> int:
        """What waits for a later time and has been overtaken by what happened: stopped at once."""
        ...

    async def unsettled(self, pool: Pool, before: datetime) -> Sequence[tuple[OutboxState, P]]:
        """What is to be looked up."""
        ...

    async def next_due(self, pool: Pool) -> datetime | None:
        """When the next may leave."""
        ...

    def repeatable(self, source: Source) -> bool:
        """Whether the same may be sent again after a look found nothing."""
        ...

    async def freeze(self, source: Source, parcel: P, now: datetime) -> Mapping[str, Any]:
        """Look first, and fix what will be sent."""
        ...

    async def send(self, source: Source, parcel: P) -> Sent:
        """Send it."""
        ...

    async def look_up(self, source: Source, parcel: P) -> Sent | None:
        """Whether it is on the network."""
        ...


class Replies:
    """Answers: in order per conversation, fenced by their threads."""

    word = "reply"

    async def claim(self, pool: Pool, attempt: uuid.UUID, now: datetime, lease_seconds: float) -> Reply | None:
        """As `Lane.claim`."""
        return await outbox.claim_next(pool, "reply", attempt, now, lease_seconds)

    async def again(
        self, pool: Pool, outbox_id: int, attempt: uuid.UUID, now: datetime, lease_seconds: float
    ) -> Reply | None:
        """As `Lane.again`."""
        return await outbox.again(pool, outbox_id, attempt, now, lease_seconds)

    async def loaded(self, pool: Pool, parcel: Reply, *, contents: bool) -> Reply:
        """With its pictures."""
        return replace(parcel, attachments=await attachments.of_outbox(pool, parcel.outbox_id, contents=contents))

    async def settle(
        self, pool: Pool, outbox_id: int, attempt: uuid.UUID | None, state: outbox.Settled, now: datetime, **what: Any
    ) -> bool:
        """As `Lane.settle`."""
        return await outbox.settle(pool, outbox_id, attempt, state, now, **what)

    async def expired(self, pool: Pool, now: datetime) -> int:
        """As `Lane.expired`."""
        return await outbox.expired(pool, now)

    async def overtaken(self, pool: Pool, now: datetime) -> int:
        """As `Lane.overtaken`."""
        return await outbox.overtaken(pool, now)

    async def unsettled(self, pool: Pool, before: datetime) -> Sequence[tuple[OutboxState, Reply]]:
        """Accepted ones too: a reply is at its end when it was seen."""
        return await outbox.unsettled(pool, before)

    async def next_due(self, pool: Pool) -> datetime | None:
        """As `Lane.next_due`."""
        return await outbox.next_due(pool)

    def repeatable(self, source: Source) -> bool:
        """Only where we chose the message's own id."""
        return source.repeatable

    async def freeze(self, source: Source, parcel: Reply, now: datetime) -> Mapping[str, Any]:
        """As `Lane.freeze`."""
        return await source.freeze(parcel, now)

    async def send(self, source: Source, parcel: Reply) -> Sent:
        """As `Lane.send`."""
        return await source.send(parcel)

    async def look_up(self, source: Source, parcel: Reply) -> Sent | None:
        """As `Lane.look_up`."""
        return await source.look_up(parcel)


class NetworkActs:
    """Likes, hides, deletes, blocks: in order per thing that they change."""

    word = "act"

    async def claim(self, pool: Pool, attempt: uuid.UUID, now: datetime, lease_seconds: float) -> NetworkAct | None:
        """As `Lane.claim`."""
        return await network_lane.claim_next(pool, attempt, now, lease_seconds)

    async def again(
        self, pool: Pool, outbox_id: int, attempt: uuid.UUID, now: datetime, lease_seconds: float
    ) -> NetworkAct | None:
        """As `Lane.again`."""
        return await network_lane.again(pool, outbox_id, attempt, now, lease_seconds)

    async def loaded(self, pool: Pool, parcel: NetworkAct, *, contents: bool) -> NetworkAct:
        """It carries nothing."""
        return parcel

    async def settle(
        self, pool: Pool, outbox_id: int, attempt: uuid.UUID | None, state: outbox.Settled, now: datetime, **what: Any
    ) -> bool:
        """As `Lane.settle`."""
        return await network_lane.settle(pool, outbox_id, attempt, state, now, **what)

    async def expired(self, pool: Pool, now: datetime) -> int:
        """As `Lane.expired`."""
        return await network_lane.expired(pool, now)

    async def overtaken(self, pool: Pool, now: datetime) -> int:
        """None: an act waits for no later time."""
        return 0

    async def unsettled(self, pool: Pool, before: datetime) -> Sequence[tuple[OutboxState, NetworkAct]]:
        """Only unknown ones: what the network accepted is so."""
        return await network_lane.unsettled(pool, before)

    async def next_due(self, pool: Pool) -> datetime | None:
        """As `Lane.next_due`."""
        return await network_lane.next_due(pool)

    def repeatable(self, source: Source) -> bool:
        """Always: an act asks for a state, and a state asked for twice is one."""
        return True

    async def freeze(self, source: Source, parcel: NetworkAct, now: datetime) -> Mapping[str, Any]:
        """As `Lane.freeze`."""
        return await source.freeze_act(parcel, now)

    async def send(self, source: Source, parcel: NetworkAct) -> Sent:
        """As `Lane.send`."""
        return await source.act(parcel)

    async def look_up(self, source: Source, parcel: NetworkAct) -> Sent | None:
        """As `Lane.look_up`."""
        return await source.look_up_act(parcel)
