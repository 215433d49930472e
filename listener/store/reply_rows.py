"""A reply's row in the outbox, for both of its sides: as people see it, locked, and what became of it, written down.

Owns the states of replies: queued -> sending -> accepted -> seen; or failed, stopped (the thread moved: a person decides), withdrawn, unknown.
What people do is `listener.store.outbox`, what the deliverer does `listener.store.reply_lane`. Refuses to say who may do what.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from listener.errors import Refused
from listener.model.leaving import PART_BEFORE, OutboxState
from listener.store.conversations import Event, changes, follow, lock, save, tell
from listener.store.views.thread import OutboxRow
from listener.workflow import moves

COLUMNS = """
o.id, o.reply_id, o.conversation_id, o.state, r.body, a.handle AS account_handle, w.handle AS parent_handle,
r.visibility = 'private' AS private, p.name AS person, r.person_id, o.not_before, o.queued_at, o.changed_at, o.external_id, o.problem,
o.code, r.fence, o.planned, coalesce(t.part, 0) AS part, coalesce(t.parts, 0) AS parts,
r.parent_id
"""
"""A reply as people see it: of its rows in outbox (o), replies (r), reply_parts (t), accounts (a), people (p), and whom it answers (w)."""

_ROW = f"""
SELECT {COLUMNS}
FROM outbox AS o
JOIN replies AS r ON r.id = o.reply_id
LEFT JOIN reply_parts AS t ON t.reply_id = r.id
JOIN accounts AS a ON a.id = r.account_id
JOIN people AS p ON p.id = r.person_id
JOIN mentions AS m ON m.id = r.parent_id
JOIN authors AS w ON w.id = m.author_id
"""  # noqa: S608 - constants
BY_ID = _ROW + "WHERE o.id = $1"

_LOCK = """
SELECT o.id, o.brand_id, o.state, o.code, o.conversation_id, o.reply_id, o.attempt, o.attempts, o.frozen IS NOT NULL AS is_frozen,
       o.external_id, o.planned, r.body, r.close_after, r.fence, r.person_id, r.account_id
FROM outbox AS o JOIN replies AS r ON r.id = o.reply_id WHERE o.id = $1 FOR UPDATE OF o
"""

_SETTLE = """
UPDATE outbox SET state = $2, problem = $3, code = $4, not_before = coalesce($5, not_before), lease_until = NULL,
    receipt = coalesce($6::text::jsonb, receipt), external_id = coalesce($7, external_id), changed_at = $8,
    frozen = CASE WHEN $9 THEN NULL ELSE frozen END
WHERE id = $1
"""

_PARTS_AFTER = """
SELECT e.id, b.part AS stopped, b.parts FROM reply_parts AS b
JOIN reply_parts AS p ON p.first_id = b.first_id AND p.part > b.part JOIN outbox AS e ON e.reply_id = p.reply_id
WHERE b.reply_id = $1 AND e.state = 'queued' ORDER BY e.id
"""

_SEEN_ALREADY = """
SELECT k.mention_id FROM accounts AS a JOIN mention_keys AS k ON k.space IN (a.space, a.space || '/' || a.external_id)
WHERE a.id = $1 AND k.external_id = $2
"""

_REPLY_IS = "UPDATE replies SET mention_id = $2 WHERE id = $1"


async def locked(connection: asyncpg.Connection, outbox_id: int) -> asyncpg.Record:
    """The reply's row, locked. Refused when there is none."""
    found = await connection.fetchrow(_LOCK, outbox_id)
    if found is None:
        raise Refused("there is no such reply", where=str(outbox_id))
    return found


async def write_down(
    connection: asyncpg.Connection, row: asyncpg.Record, state: str, now: datetime, *, problem: str = "", code: str = "",
    not_before: datetime | None = None, receipt: Mapping[str, Any] | None = None, external_id: str | None = None,
    thaw: bool = False, person_id: int | None = None,
) -> None:  # fmt: skip
    """What became of it: its state, what follows from it for the conversation, and their events, together."""
    if state in ("accepted", "seen"):
        mention_id = await connection.fetchval(_SEEN_ALREADY, row["account_id"], external_id or row["external_id"])
        if mention_id is not None:
            state = "seen"
            await connection.execute(_REPLY_IS, row["reply_id"], mention_id)
    text = None if receipt is None else msgspec.json.encode(receipt).decode()
    await connection.execute(_SETTLE, row["id"], state, problem, code, not_before, text, external_id, now, thaw)
    events = []
    first_success = state in ("accepted", "seen") and row["state"] in ("sending", "unknown")
    if first_success and row["conversation_id"] is not None:
        before = (await lock(connection, [row["conversation_id"]]))[row["conversation_id"]]
        after = moves.replied(before, now, close=row["close_after"])
        await save(connection, [after], now)
        await follow(connection, before, after, row["person_id"])
        was, became = changes(before, after)
        events.append(
            Event(row["brand_id"], "conversation.replied", before.id, None, row["id"], before=was, after=became)
        )
    before_state, after_state = {"state": row["state"]}, {"state": state, "code": code}
    kind = f"reply.{state}"
    conversation_id = row["conversation_id"]
    events.append(
        Event(
            row["brand_id"], kind, conversation_id, None, row["id"], person_id, before=before_state, after=after_state
        )
    )
    await tell(connection, events, now)
    if state in ("failed", "stopped"):
        await _stop_rest(connection, row, now)


async def _stop_rest(connection: asyncpg.Connection, row: asyncpg.Record, now: datetime) -> None:
    """The parts behind one that did not go out wait for a person too."""
    for found in await connection.fetch(_PARTS_AFTER, row["reply_id"]):
        after = await locked(connection, found["id"])
        if after["state"] == "queued":
            problem = f"part {found['stopped']} of {found['parts']} did not go out, so this one waits"
            await connection.execute(
                _SETTLE, after["id"], "stopped", problem, PART_BEFORE, None, None, None, now, False
            )
            event = Event(
                row["brand_id"], "reply.stopped", row["conversation_id"], None, after["id"],
                before={"state": "queued"}, after={"state": "stopped", "code": PART_BEFORE},
            )  # fmt: skip
            await tell(connection, [event], now)


def row_of(r: asyncpg.Record) -> OutboxRow:
    """From its columns."""
    return OutboxRow(**{**dict(r), "state": OutboxState(r["state"])})
