"""What goes out and by which way: replies, and acts on the network. Owns how each lane's rows and a source's calls belong together.

The deliverer walks every lane with the same steps; here stands what differs. Refuses to decide when anything is sent or repeated.
"""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar

from listener.model.handed import NetworkAct, Reply
from listener.model.leaving import OutboxState
from listener.sources.base import Sent, Source
from listener.store import attachments, network_lane, reply_lane
from listener.store.connect import Pool
from listener.store.lane import Lane as Steps
from listener.store.lane import Settled

P = TypeVar("P", Reply, NetworkAct)


class Lane(ABC, Generic[P]):
    """One way out. How its rows go is the store's affair; what is asked of a source is told by who says which way it is."""

    word: ClassVar[str]
    """What goes this way, for the log."""
    rows: Steps[P]
    """Its rows, and the steps by which they go."""

    async def claim(self, pool: Pool, attempt: uuid.UUID, now: datetime, lease_seconds: float) -> P | None:
        """The next that may leave."""
        return await self.rows.claim_next(pool, attempt, now, lease_seconds)

    async def again(
        self, pool: Pool, outbox_id: int, attempt: uuid.UUID, now: datetime, lease_seconds: float
    ) -> P | None:
        """An unknown one, taken up once more."""
        return await self.rows.again(pool, outbox_id, attempt, now, lease_seconds)

    async def settle(
        self, pool: Pool, outbox_id: int, attempt: uuid.UUID | None, state: Settled, now: datetime, **what: Any
    ) -> bool:
        """What became of it."""
        return await self.rows.settle(pool, outbox_id, attempt, state, now, **what)

    async def expired(self, pool: Pool, now: datetime) -> int:
        """Leases that ran out."""
        return await self.rows.expired(pool, now)

    async def unsettled(self, pool: Pool, before: datetime) -> Sequence[tuple[OutboxState, P]]:
        """What is to be looked up."""
        return await self.rows.unsettled(pool, before)

    async def next_due(self, pool: Pool) -> datetime | None:
        """When the next may leave."""
        return await self.rows.next_due_at(pool)

    @abstractmethod
    async def loaded(self, pool: Pool, parcel: P, *, contents: bool) -> P:
        """With all that it carries; the bytes of that only where `contents` are asked for."""

    @abstractmethod
    async def overtaken(self, pool: Pool, now: datetime) -> int:
        """What waits for a later time and has been overtaken by what happened: stopped at once."""

    @abstractmethod
    def repeatable(self, source: Source) -> bool:
        """Whether the same may be sent again after a look found nothing."""

    @abstractmethod
    async def freeze(self, source: Source, parcel: P, now: datetime) -> Mapping[str, Any]:
        """Look first, and fix what will be sent."""

    @abstractmethod
    async def send(self, source: Source, parcel: P) -> Sent:
        """Send it."""

    @abstractmethod
    async def look_up(self, source: Source, parcel: P) -> Sent | None:
        """Whether it is on the network."""


class Replies(Lane[Reply]):
    """Answers: in order per conversation, fenced by their threads."""

    word = "reply"
    rows = reply_lane.REPLIES

    async def loaded(self, pool: Pool, parcel: Reply, *, contents: bool) -> Reply:
        """With its pictures."""
        return replace(parcel, attachments=await attachments.of_outbox(pool, parcel.outbox_id, contents=contents))

    async def overtaken(self, pool: Pool, now: datetime) -> int:
        """As `Lane.overtaken`."""
        return await reply_lane.overtaken(pool, now)

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


class NetworkActs(Lane[NetworkAct]):
    """Likes, hides, deletes, blocks: in order per thing that they change."""

    word = "act"
    rows = network_lane.ACTS

    async def loaded(self, pool: Pool, parcel: NetworkAct, *, contents: bool) -> NetworkAct:
        """It carries nothing."""
        return parcel

    async def overtaken(self, pool: Pool, now: datetime) -> int:
        """None: an act waits for no later time."""
        return 0

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
