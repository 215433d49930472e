"""A lane of the outbox, as the deliverer walks it: claim, lease, what became of it, what is looked up. Owns the steps that all lanes share.

A claim is its own short transaction; no transaction is open while a network is called. Before the first byte leaves, what will be sent is
frozen in the row. A lease that runs out in *sending* becomes *unknown* when something was frozen (it may have left) and *queued* when
nothing was (it cannot have left). What a lane's rows are, and which of them may leave, is told by who makes one (`reply_lane`,
`network_lane`). Refuses to call a network and to repeat anything by itself.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, Literal, Protocol, TypeVar

import asyncpg
import msgspec

from listener.model.leaving import OutboxState
from listener.store.connect import acquired
from listener.store.conversations import Event, tell

P = TypeVar("P")

Settled = Literal["accepted", "seen", "failed", "unknown", "stopped", "queued"]

_TAKE = """
UPDATE outbox SET state = 'sending', attempt = $2, lease_until = $3, attempts = attempts + 1, changed_at = $4 WHERE id = $1
"""

_RENEW = "UPDATE outbox SET lease_until = $3 WHERE id = $1 AND attempt = $2 AND state = 'sending' RETURNING id"

_FREEZE = """
UPDATE outbox SET frozen = $3::text::jsonb, external_id = $4, changed_at = $5
WHERE id = $1 AND attempt = $2 AND state = 'sending' AND frozen IS NULL RETURNING id
"""

_EXPIRED = "SELECT id FROM outbox WHERE lane = $1 AND state = 'sending' AND lease_until < $2 ORDER BY id"

# Asked again once the row is locked: another program may have taken it anew meanwhile.
_STILL = "SELECT state = 'sending' AND lease_until < $2 FROM outbox WHERE id = $1"

_UNSETTLED = """
SELECT id, state FROM outbox WHERE state IN ('unknown', 'accepted') AND state = ANY ($3::text[]) AND changed_at < $2 AND lane = $1
ORDER BY changed_at, id LIMIT 50
"""

_LOOKED = "UPDATE outbox SET changed_at = $2 WHERE id = $1 AND state IN ('unknown', 'accepted')"


class WriteDown(Protocol):
    """What writes down what became of a locked row: its state, its event, and whatever follows from it."""

    async def __call__(
        self, connection: asyncpg.Connection, row: asyncpg.Record, state: str, now: datetime, *, problem: str = "", code: str = "",
        not_before: datetime | None = None, receipt: Mapping[str, Any] | None = None, external_id: str | None = None,
        thaw: bool = False,
    ) -> None: ...  # fmt: skip


async def any_may_leave(connection: asyncpg.Connection, row: asyncpg.Record, now: datetime) -> bool:
    """What its statement found may leave, and nothing more is asked."""
    return True


@dataclass(frozen=True, slots=True)
class Lane(Generic[P]):
    """One lane, for the deliverer."""

    name: str
    """As in the outbox's rows."""
    next: str
    """The statement for the id of the next that may leave at $1, locked; what it asks besides is given with each claim."""
    next_due: str
    """The statement for when the next one may leave; asks for the same besides."""
    parcel: str
    """The statement for all that a network has to be told of row $1."""
    read: Callable[[asyncpg.Record], P]
    """What the deliverer gets, from that."""
    locked: Callable[[asyncpg.Connection, int], Awaitable[asyncpg.Record]]
    """A row, locked; Refused when there is none."""
    write_down: WriteDown
    leaving: Callable[[asyncpg.Record], Event | None]
    """The event that it is being sent; None: nobody wants to know."""
    looked_up: tuple[str, ...]
    """The states that looking on the network settles."""
    died: str
    """What is said of one whose sender died when it may have left."""
    may_leave: Callable[[asyncpg.Connection, asyncpg.Record, datetime], Awaitable[bool]] = any_may_leave
    """Whether the locked row may leave after all; where not, it has been written down what becomes of it."""

    async def claim_next(
        self, pool: asyncpg.Pool, attempt: uuid.UUID, now: datetime, lease_seconds: float, *only: Any
    ) -> P | None:
        """The next that may leave, leased to this attempt; None when there is none."""
        while True:
            async with acquired(pool) as connection, connection.transaction():
                outbox_id = await connection.fetchval(self.next, now, *only)
                if outbox_id is None:
                    return None
                row = await self.locked(connection, outbox_id)
                if await self.may_leave(connection, row, now):
                    return await self._take(connection, row, attempt, now, lease_seconds)

    async def again(
        self, pool: asyncpg.Pool, outbox_id: int, attempt: uuid.UUID, now: datetime, lease_seconds: float
    ) -> P | None:
        """Take an *unknown* up once more, after a look found nothing: only where the same, sent twice, is one."""
        async with acquired(pool) as connection, connection.transaction():
            row = await self.locked(connection, outbox_id)
            if row["state"] != "unknown" or not row["is_frozen"]:
                return None
            return await self._take(connection, row, attempt, now, lease_seconds)

    async def _take(
        self,
        connection: asyncpg.Connection,
        row: asyncpg.Record,
        attempt: uuid.UUID,
        now: datetime,
        lease_seconds: float,
    ) -> P:
        await connection.execute(_TAKE, row["id"], attempt, now + timedelta(seconds=lease_seconds), now)
        if (leaving := self.leaving(row)) is not None:
            await tell(connection, [leaving], now)
        return self.read(await connection.fetchrow(self.parcel, row["id"]))

    async def settle(
        self, pool: asyncpg.Pool, outbox_id: int, attempt: uuid.UUID | None, state: Settled, now: datetime, *, problem: str = "",
        code: str = "", not_before: datetime | None = None, receipt: Mapping[str, Any] | None = None,
        external_id: str | None = None, thaw: bool = False,
    ) -> bool:  # fmt: skip
        """Write down what became of an attempt; False when the row has moved on meanwhile (seen on the stream, another attempt).

        `attempt` None: settled by looking, not by sending. `thaw`: surely nothing left; the next attempt looks and freezes anew.
        """
        async with acquired(pool) as connection, connection.transaction():
            row = await self.locked(connection, outbox_id)
            if attempt is not None and (row["attempt"] != attempt or row["state"] not in ("sending", "unknown")):
                return False
            if attempt is None and row["state"] not in self.looked_up:
                return False
            await self.write_down(
                connection, row, state, now, problem=problem, code=code, not_before=not_before, receipt=receipt,
                external_id=external_id, thaw=thaw,
            )  # fmt: skip
            return True

    async def expired(self, pool: asyncpg.Pool, now: datetime) -> int:
        """Leases that ran out: *unknown* if it may have left, *queued* if it cannot have."""
        n = 0
        async with acquired(pool) as connection, connection.transaction():
            for found in await connection.fetch(_EXPIRED, self.name, now):
                row = await self.locked(connection, found["id"])
                if not await connection.fetchval(_STILL, found["id"], now):
                    continue
                n += 1
                if row["is_frozen"]:
                    await self.write_down(connection, row, "unknown", now, problem=self.died, code="lease_expired")
                else:
                    await self.write_down(connection, row, "queued", now, not_before=now)
        return n

    async def unsettled(self, pool: asyncpg.Pool, before: datetime) -> Sequence[tuple[OutboxState, P]]:
        """What a look may settle and has not changed since `before`."""
        async with acquired(pool) as connection:
            found = await connection.fetch(_UNSETTLED, self.name, before, list(self.looked_up))
            return [
                (OutboxState(f["state"]), self.read(await connection.fetchrow(self.parcel, f["id"]))) for f in found
            ]

    async def next_due_at(self, pool: asyncpg.Pool, *only: Any) -> datetime | None:
        """When the next queued one may leave."""
        async with acquired(pool) as connection:
            due: datetime | None = await connection.fetchval(self.next_due, *only)
            return due


async def renew(pool: asyncpg.Pool, outbox_id: int, attempt: uuid.UUID, until: datetime) -> bool:
    """Keep the lease while a slow network answers; False when it is no longer ours."""
    async with acquired(pool) as connection:
        return await connection.fetchval(_RENEW, outbox_id, attempt, until) is not None


async def freeze(
    pool: asyncpg.Pool,
    outbox_id: int,
    attempt: uuid.UUID,
    frozen: Mapping[str, Any],
    external_id: str | None,
    now: datetime,
) -> bool:
    """Fix what will be sent, before it is sent. False: the lease is no longer ours, do not send."""
    async with acquired(pool) as connection:
        text = msgspec.json.encode(frozen).decode()
        return await connection.fetchval(_FREEZE, outbox_id, attempt, text, external_id, now) is not None


async def looked(pool: asyncpg.Pool, outbox_id: int, now: datetime) -> None:
    """A look that settled nothing: look again later, not at once."""
    async with acquired(pool) as connection:
        await connection.execute(_LOOKED, outbox_id, now)
