"""The lane of acts on the network, as the deliverer walks it: claim, lease, what became of it, what is looked up. Owns no rule of who may do what.

As in `listener.store.outbox`: a claim is its own short transaction, and a lease that runs out is *unknown* when something was frozen, else
*queued*. What our own account deleted is gone here with the network's word for it. Refuses to call a network.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import msgspec

from listener.model import Account, Author, Deleted, Doing, Key, NetworkAct, OutboxState
from listener.store.connect import acquired
from listener.store.conversations import tell
from listener.store.network_acts import event_of, locked, write_down
from listener.store.outbox import Settled
from listener.store.record.gone import delete

# Those that wait first, by their index; then their acts, by key: a plan that was made in an empty house holds in a full one.
_WAITING = """
WITH waiting AS MATERIALIZED (
    SELECT id, network_act_id, account_id, not_before FROM outbox WHERE lane = 'network' AND state = 'queued' {due} ORDER BY not_before, id
)
"""

# Its account is able to, and nothing older still under way to the same thing; before a block also the answers that were due before it.
_READY = """
FROM waiting AS w
JOIN LATERAL (SELECT * FROM network_acts WHERE id = w.network_act_id LIMIT 1) AS n ON true
JOIN outbox AS o ON o.id = w.id AND o.state = 'queued'
WHERE NOT EXISTS (SELECT FROM network_acts AS e JOIN outbox AS x ON x.network_act_id = e.id
                  WHERE e.account_id = n.account_id AND e.thing = n.thing AND e.id < n.id AND x.state IN ('queued', 'sending', 'unknown'))
  AND NOT (n.what = 'block' AND EXISTS (SELECT FROM outbox AS r WHERE r.conversation_id = n.conversation_id AND r.lane = 'reply'
           AND r.id < w.id AND r.state IN ('queued', 'sending') AND r.not_before <= w.not_before))
  AND NOT EXISTS (SELECT FROM accounts AS a WHERE a.id = w.account_id AND a.state = 'stopped')
"""
_NEXT = (
    _WAITING.format(due="AND not_before <= $1")
    + "SELECT w.id"
    + _READY
    + "ORDER BY w.not_before, w.id LIMIT 1 FOR UPDATE OF o SKIP LOCKED"
)
_NEXT_DUE = _WAITING.format(due="") + "SELECT min(w.not_before)" + _READY

_TAKE = """
UPDATE outbox SET state = 'sending', attempt = $2, lease_until = $3, attempts = attempts + 1, changed_at = $4 WHERE id = $1
"""

_ACT = """
SELECT o.id AS outbox_id, o.key, o.frozen::text AS frozen, o.queued_at, n.what,
       a.id AS account_id, a.brand_id, a.source, a.space AS account_space, a.external_id AS account_external_id, a.handle,
       m.space, m.external_id, m.content_id, m.root,
       w.space AS author_space, w.external_id AS author_external_id, w.handle AS author_handle, w.name AS author_name,
       (SELECT x.frozen ->> 'record' FROM network_acts AS e JOIN outbox AS x ON x.network_act_id = e.id
        WHERE e.account_id = n.account_id AND e.thing = n.thing AND e.id < n.id AND x.frozen ->> 'record' IS NOT NULL
        ORDER BY e.id DESC LIMIT 1) AS made
FROM outbox AS o
JOIN network_acts AS n ON n.id = o.network_act_id
JOIN accounts AS a ON a.id = n.account_id
JOIN mentions AS m ON m.id = n.mention_id
JOIN authors AS w ON w.id = n.author_id
WHERE o.id = $1
"""

_EXPIRED = "SELECT id FROM outbox WHERE lane = 'network' AND state = 'sending' AND lease_until < $1 ORDER BY id"

_UNSETTLED = """
SELECT id, state FROM outbox WHERE state = 'unknown' AND changed_at < $1 AND lane = 'network' ORDER BY changed_at, id LIMIT 50
"""


async def claim_next(pool: asyncpg.Pool, attempt: uuid.UUID, now: datetime, lease_seconds: float) -> NetworkAct | None:
    """The next act that may leave, leased to this attempt; None when there is none."""
    async with acquired(pool) as connection, connection.transaction():
        outbox_id = await connection.fetchval(_NEXT, now)
        return None if outbox_id is None else await _take(connection, outbox_id, attempt, now, lease_seconds)


async def again(
    pool: asyncpg.Pool, outbox_id: int, attempt: uuid.UUID, now: datetime, lease_seconds: float
) -> NetworkAct | None:
    """Take an *unknown* up once more, after a look found that it is not so."""
    async with acquired(pool) as connection, connection.transaction():
        row = await locked(connection, outbox_id)
        if row["state"] != "unknown" or not row["is_frozen"]:
            return None
        return await _take(connection, outbox_id, attempt, now, lease_seconds)


async def _take(
    connection: asyncpg.Connection, outbox_id: int, attempt: uuid.UUID, now: datetime, lease_seconds: float
) -> NetworkAct:
    row = await locked(connection, outbox_id)
    await connection.execute(_TAKE, outbox_id, attempt, now + timedelta(seconds=lease_seconds), now)
    await tell(connection, [event_of(row, "sending")], now)
    return _act(await connection.fetchrow(_ACT, outbox_id))


async def settle(
    pool: asyncpg.Pool, outbox_id: int, attempt: uuid.UUID | None, state: Settled, now: datetime, *, problem: str = "",
    code: str = "", not_before: datetime | None = None, receipt: Mapping[str, Any] | None = None,
    external_id: str | None = None, thaw: bool = False,
) -> bool:  # fmt: skip
    """As `outbox.settle`. `external_id` is not kept: an act is no message, and must never be taken for one."""
    async with acquired(pool) as connection, connection.transaction():
        row = await locked(connection, outbox_id)
        if attempt is not None and (row["attempt"] != attempt or row["state"] not in ("sending", "unknown")):
            return False
        if attempt is None and row["state"] != "unknown":
            return False
        await write_down(
            connection, row, state, now, problem=problem, code=code, not_before=not_before, receipt=receipt, thaw=thaw
        )
        if state == "accepted" and row["what"] == Doing.DELETE:
            # The network said so: what is gone there is gone here, also where no stream tells us.
            _, gone = await delete(connection, [Deleted(Key(row["space"], row["external_id"]))], now)
            await tell(connection, gone, now)
        return True


async def expired(pool: asyncpg.Pool, now: datetime) -> int:
    """Leases that ran out: *unknown* if it may have been done, *queued* if it cannot have been."""
    n = 0
    async with acquired(pool) as connection, connection.transaction():
        for found in await connection.fetch(_EXPIRED, now):
            row = await locked(connection, found["id"])
            if row["state"] != "sending":
                continue
            n += 1
            if row["is_frozen"]:
                problem = "the sender died meanwhile: looking on the network whether it is done"
                await write_down(connection, row, "unknown", now, problem=problem, code="lease_expired")
            else:
                await write_down(connection, row, "queued", now, not_before=now)
    return n


async def unsettled(pool: asyncpg.Pool, before: datetime) -> Sequence[tuple[OutboxState, NetworkAct]]:
    """What is unknown and has not changed since `before`: to be looked up on the network."""
    async with acquired(pool) as connection:
        found = await connection.fetch(_UNSETTLED, before)
        return [(OutboxState(f["state"]), _act(await connection.fetchrow(_ACT, f["id"]))) for f in found]


async def next_due(pool: asyncpg.Pool) -> datetime | None:
    """When the next queued act may leave."""
    async with acquired(pool) as connection:
        due: datetime | None = await connection.fetchval(_NEXT_DUE)
        return due


def _act(r: asyncpg.Record) -> NetworkAct:
    return NetworkAct(
        outbox_id=r["outbox_id"],
        key=r["key"],
        account=Account(
            r["account_id"], r["brand_id"], r["source"], r["account_space"], r["account_external_id"], r["handle"]
        ),
        what=Doing(r["what"]),
        target=Key(r["space"], r["external_id"]),
        target_content_id=r["content_id"],
        root=r["root"],
        author=Author(r["author_space"], r["author_external_id"], r["author_handle"], r["author_name"]),
        made=r["made"] or "",
        queued_at=r["queued_at"],
        frozen=None if r["frozen"] is None else msgspec.json.decode(r["frozen"]),
    )
