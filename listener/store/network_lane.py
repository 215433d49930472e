"""The lane of acts on the network, as the deliverer walks it: which one may leave, and all that a network has to be told of it.

The steps are every lane's (`listener.store.lane`). What our own account deleted is gone here with the network's word for it. Owns no rule of
who may do what. Refuses to call a network.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from listener.model.accounts import Account
from listener.model.handed import NetworkAct
from listener.model.heard import Author, Deleted, Key
from listener.model.leaving import Doing
from listener.store.conversations import Event, tell
from listener.store.lane import Lane
from listener.store.network_acts import event_of, locked, write_down
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

_ACT = """
SELECT o.id AS outbox_id, o.key, o.frozen::text AS frozen, o.queued_at, n.what,
       a.id AS account_id, a.brand_id, a.source, a.space AS account_space, a.external_id AS account_external_id, a.handle,
       m.space, m.external_id, coalesce(n.known_content_id, m.content_id) AS content_id, m.root, coalesce(n.body, '') AS body,
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


async def _write_down(
    connection: asyncpg.Connection, row: asyncpg.Record, state: str, now: datetime, *, problem: str = "", code: str = "",
    not_before: datetime | None = None, receipt: Mapping[str, Any] | None = None, external_id: str | None = None,
    thaw: bool = False,
) -> None:  # fmt: skip
    # `external_id` is not kept: an act is no message, and must never be taken for one.
    await write_down(
        connection, row, state, now, problem=problem, code=code, not_before=not_before, receipt=receipt, thaw=thaw
    )
    if state == "accepted" and row["what"] in (Doing.DELETE, Doing.REMOVE):
        # The network said so: what is gone there is gone here, also where no stream tells us.
        _, gone = await delete(connection, [Deleted(Key(row["space"], row["external_id"]))], now)
        await tell(connection, gone, now)


def _leaving(row: asyncpg.Record) -> Event:
    return event_of(row, "sending")


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
        text=r["body"],
    )


ACTS = Lane(
    name="network",
    next=_NEXT,
    next_due=_NEXT_DUE,
    parcel=_ACT,
    read=_act,
    locked=locked,
    write_down=_write_down,
    leaving=_leaving,
    looked_up=("unknown",),
    died="the sender died meanwhile: looking on the network whether it is done",
)
"""What the network accepted is so: only unknown ones are looked up."""

claim_next, again, settle, expired, unsettled, next_due = (
    ACTS.claim_next, ACTS.again, ACTS.settle, ACTS.expired, ACTS.unsettled, ACTS.next_due_at,
)  # fmt: skip
