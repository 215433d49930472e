"""The state row of a conversation: locked, read, written, told. Owns the one shape in which everybody changes it.

Whoever moves a conversation (what is heard, acts, replies, time) locks it here, asks `listener.workflow`, saves it here,
and tells it with `tell`; so a row and its event can never differ. Refuses to decide what the move is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from listener.model.scales import Priority
from listener.model.work import Conversation, State
from listener.store.columns import columns
from listener.store.unanswered import answered
from listener.workflow import clocks, order

FIELDS = (
    "state", "priority", "priority_by", "due_at", "assignee_id", "team", "tags", "snoozed_until", "unread",
)  # fmt: skip
"""What an act may change, and so what an event's before and after may hold and an undo may put back."""

COLUMNS = (
    "id, brand_id, state, priority, priority_by, due_at, assignee_id, team, tags, snoozed_until, unread, "
    "version, thread_version, last_at, last_ours_at, reply_until, resolve_by"
)
"""For every statement whose rows `of_row` reads."""

# NO KEY: whoever only points at a conversation or a message (a reply, an event) need not wait, so no ring of waiters can close.
_LOCK = f"SELECT {COLUMNS} FROM conversations WHERE id = ANY($1::bigint[]) ORDER BY id FOR NO KEY UPDATE"  # noqa: S608 - constant

_SAVE = """
UPDATE conversations AS c SET
    state = n.state, priority = n.priority, priority_by = n.priority_by, due_at = n.due_at, assignee_id = n.assignee_id,
    team = n.team, tags = string_to_array(n.tags, E'\\x1f'), snoozed_until = n.snoozed_until,
    next_at = CASE WHEN c.merged_into IS NULL THEN n.next_at END, unread = n.unread, version = n.version,
    thread_version = n.thread_version, last_at = n.last_at, last_ours_at = n.last_ours_at, sort_key = n.sort_key,
    reply_until = n.reply_until, resolve_by = n.resolve_by, changed_at = $1
FROM unnest($2::bigint[], $3::text[], $4::smallint[], $5::int[], $6::timestamptz[], $7::int[], $8::text[], $9::text[],
            $10::timestamptz[], $11::timestamptz[], $12::boolean[], $13::int[], $14::int[], $15::timestamptz[],
            $16::timestamptz[], $17::bigint[], $18::timestamptz[], $19::timestamptz[])
     AS n(id, state, priority, priority_by, due_at, assignee_id, team, tags, snoozed_until, next_at, unread, version,
          thread_version, last_at, last_ours_at, sort_key, reply_until, resolve_by)
WHERE c.id = n.id
"""

_FOLLOW = """
UPDATE replies AS r SET fence = $3 FROM outbox AS o
WHERE o.reply_id = r.id AND o.state = 'queued' AND r.conversation_id = $1 AND r.fence = $2 AND r.person_id = $4
  AND (o.planned IS NULL OR EXISTS (
       SELECT FROM reply_parts AS p JOIN reply_parts AS b ON b.first_id = p.first_id AND b.part < p.part
       JOIN outbox AS e ON e.reply_id = b.reply_id
       WHERE p.reply_id = r.id AND e.state IN ('sending', 'unknown', 'accepted', 'seen')))
"""

_TELL = """
INSERT INTO events (brand_id, kind, conversation_id, mention_id, outbox_id, person_id, act, undoes, before, after, incident_id, at)
SELECT brand_id, kind, conversation_id, mention_id, outbox_id, person_id, act, undoes, before::jsonb, after::jsonb, incident_id, $1
FROM unnest($2::int[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::int[], $8::uuid[], $9::uuid[],
            $10::text[], $11::text[], $12::bigint[])
     WITH ORDINALITY
     AS n(brand_id, kind, conversation_id, mention_id, outbox_id, person_id, act, undoes, before, after, incident_id, i)
ORDER BY i
"""

_RING = "SELECT pg_notify('hubbub', $1)"


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the change feed and the audit. Ids and field values, never a person's text."""

    brand_id: int
    kind: str
    conversation_id: int | None = None
    mention_id: int | None = None
    outbox_id: int | None = None
    person_id: int | None = None
    act: UUID | None = None
    undoes: UUID | None = None
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    incident_id: int | None = None


def of_row(row: Mapping[str, Any]) -> Conversation:
    """The value of a row read with `COLUMNS`."""
    return Conversation(
        id=row["id"],
        brand_id=row["brand_id"],
        state=State(row["state"]),
        priority=Priority(row["priority"]),
        priority_by=row["priority_by"],
        due_at=row["due_at"],
        assignee_id=row["assignee_id"],
        team=row["team"],
        tags=tuple(row["tags"]),
        snoozed_until=row["snoozed_until"],
        unread=row["unread"],
        version=row["version"],
        thread_version=row["thread_version"],
        last_at=row["last_at"],
        last_ours_at=row["last_ours_at"],
        reply_until=row["reply_until"],
        resolve_by=row["resolve_by"],
    )


async def lock(connection: asyncpg.Connection, ids: Iterable[int]) -> dict[int, Conversation]:
    """The rows, locked in the order of their ids (so that two writers never wait for each other in a ring)."""
    return {row["id"]: of_row(row) for row in await connection.fetch(_LOCK, sorted(set(ids)))}


async def save(connection: asyncpg.Connection, conversations: Sequence[Conversation], now: datetime) -> None:
    """Write back what `lock` read and the workflow moved, with their places in the queue and when time must look at them."""
    if not conversations:
        return
    rows = [
        (
            c.id, c.state.value, int(c.priority), c.priority_by, c.due_at, c.assignee_id, c.team, "\x1f".join(c.tags),
            c.snoozed_until, clocks.next_at(c), c.unread, c.version, c.thread_version, c.last_at, c.last_ours_at,
            order.sort_key(c), c.reply_until, c.resolve_by,
        )
        for c in conversations
    ]  # fmt: skip
    await connection.execute(_SAVE, now, *columns(rows))
    await answered(connection, [c.id for c in conversations if c.state in {State.THEIRS, State.DONE}])


async def follow(connection: asyncpg.Connection, before: Conversation, after: Conversation, person_id: int) -> None:
    """A person's own answer does not fence off what the same person has queued behind it; a colleague's does.

    What waits for a planned time is fenced off by either, but by the parts of the same text that go out before it.
    """
    await connection.execute(_FOLLOW, before.id, before.thread_version, after.thread_version, person_id)


async def tell(connection: asyncpg.Connection, events: Sequence[Event], now: datetime) -> None:
    """Append the events and ring the bell, once a brand, when this transaction commits."""
    if not events:
        return
    rows = [
        (
            e.brand_id, e.kind, e.conversation_id, e.mention_id, e.outbox_id, e.person_id, e.act, e.undoes,
            _json(e.before), _json(e.after), e.incident_id,
        )
        for e in events
    ]  # fmt: skip
    await connection.execute(_TELL, now, *columns(rows))
    for brand_id in sorted({e.brand_id for e in events}):
        await connection.execute(_RING, str(brand_id))


def changes(before: Conversation, after: Conversation) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields of `FIELDS` that differ, as they were and as they are."""
    differing = [name for name in FIELDS if getattr(before, name) != getattr(after, name)]
    return {n: getattr(before, n) for n in differing}, {n: getattr(after, n) for n in differing}


def _json(value: Mapping[str, Any] | None) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()
