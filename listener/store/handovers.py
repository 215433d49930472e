"""Hand-over notes at the end of a shift: what a person did since the last one, as it stands now, and the notes that were kept.

All of it by indexed look-ups, the person's own events first. A note is the staff's own words with conversations by their numbers: whoever
reads it sees what was said there as it is by then. A note that no colleague has read may be taken back. Refuses to find the words of a note.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import asyncpg

from listener.errors import Refused
from listener.model.leaving import OutboxState
from listener.model.work import State
from listener.store.acts.rights import may_act
from listener.store.connect import acquired
from listener.store.conversations import Event, tell
from listener.store.inbox.queue import page, rows
from listener.store.noting import written
from listener.store.views.queue import QueueRow
from listener.store.views.staff import Handover, Replied, Shift

MOST = 5_000
"""Events of a person that are read, the newest."""

LISTED = 50
"""Conversations of one sort that are read whole."""

CLOSING = ("act.close", "act.spam", "act.mute")
"""Acts after which a conversation may be closed; whether it still is, it says itself."""

MAX_NOTE = 20_000
"""Characters of a note."""

SOON = timedelta(hours=24)
"""A snooze that ends within it ends soon."""

_LAST = "SELECT at FROM handovers WHERE brand_id = $1 AND person_id = $2 ORDER BY id DESC LIMIT 1"

_DONE = """
SELECT kind, conversation_id, outbox_id, at FROM (
    SELECT id, kind, conversation_id, outbox_id, at, brand_id FROM events WHERE person_id = $1 ORDER BY id DESC LIMIT $4
) AS e WHERE brand_id = $2 AND at > $3 ORDER BY id
"""

_REPLIES = """
SELECT o.id, o.state, o.conversation_id, c.priority FROM unnest($1::bigint[]) AS i
JOIN LATERAL (SELECT * FROM outbox WHERE id = i LIMIT 1) AS o ON true
JOIN LATERAL (SELECT priority FROM conversations WHERE id = o.conversation_id LIMIT 1) AS c ON true
ORDER BY o.id
"""

_WERE_LATE = """
SELECT DISTINCT conversation_id AS id FROM events
WHERE conversation_id = ANY($1::bigint[]) AND kind IN ('conversation.overdue', 'reminder.overdue') AND at > $2
"""

_ARE_DONE = "SELECT id FROM conversations WHERE id = ANY($1::bigint[]) AND state = 'done' ORDER BY id"

_DRAFTS = """
SELECT d.conversation_id AS id FROM drafts d JOIN conversations c ON c.id = d.conversation_id
WHERE d.person_id = $1 AND c.brand_id = $2 ORDER BY d.updated_at DESC LIMIT $3
"""

# Of what waits, which is little at any time.
_WAITING = "SELECT conversation_id AS id FROM approvals WHERE state = 'waiting' AND person_id = $1 AND brand_id = $2 ORDER BY id"

_WRITE = """
INSERT INTO handovers (brand_id, person_id, body, since, at) VALUES ($1, $2, $3, $4, $5) RETURNING id
"""

_LATEST = """
SELECT h.id, h.person_id, p.name AS person, h.body, h.since, h.at
FROM (SELECT * FROM handovers WHERE brand_id = $1 ORDER BY id DESC LIMIT $2) AS h JOIN people p ON p.id = h.person_id
ORDER BY h.id DESC
"""

# One's own reading is none; who may only look leaves no trace.
_READ = """
UPDATE handovers AS h SET read_by = $1 FROM memberships AS m
WHERE h.id = ANY($2::bigint[]) AND h.read_by IS NULL AND h.person_id <> $1
  AND m.brand_id = h.brand_id AND m.person_id = $1 AND m.role <> 'viewer'
"""

_LOCK = """
SELECT h.brand_id, h.person_id, h.body, p.name AS reader FROM handovers AS h LEFT JOIN people AS p ON p.id = h.read_by
WHERE h.id = $1 FOR UPDATE OF h
"""

_FORGET = "DELETE FROM handovers WHERE id = $1"


async def shift(pool: asyncpg.Pool, person_id: int, brand_id: int, today: datetime, now: datetime) -> Shift:
    """What was done since the last hand-over; without one since `today`, the beginning of the person's day."""
    async with acquired(pool) as connection:
        since = await connection.fetchval(_LAST, brand_id, person_id) or today
        done = await connection.fetch(_DONE, person_id, brand_id, since, MOST)
        begun = since if since != today or not done else done[0]["at"]
        closed = {row["conversation_id"] for row in done if row["kind"] in CLOSING}
        are_done = await connection.fetch(_ARE_DONE, list(closed))
        sent = list({row["outbox_id"] for row in done if row["kind"] == "reply.queued" and row["outbox_id"]})
        replies = await connection.fetch(_REPLIES, sent)
        late = await connection.fetch(_WERE_LATE, list({row["conversation_id"] for row in replies}), since)
        drafts = await connection.fetch(_DRAFTS, person_id, brand_id, LISTED)
        waiting = await connection.fetch(_WAITING, person_id, brand_id)
    mine = await page(pool, brand_id, "open", person_id=person_id, limit=LISTED, now=now)
    asleep = await page(pool, brand_id, "snoozed", person_id=person_id, limit=LISTED, now=now)
    waking = [(row.id, _wakes(row)) for row in asleep if row.state is State.SNOOZED and _wakes(row) < now + SOON]
    found = Shift(
        begun,
        tuple(row["id"] for row in are_done),
        _answered(replies, {row["id"] for row in late}),
        _in_state(replies, OutboxState.QUEUED, OutboxState.SENDING),
        tuple(
            (row["conversation_id"], OutboxState(row["state"]))
            for row in replies
            if row["state"] in (OutboxState.FAILED, OutboxState.STOPPED, OutboxState.UNKNOWN)
        ),
        tuple(mine),
        tuple(waking),
        tuple(row["id"] for row in drafts),
        tuple(row["id"] for row in waiting),
        more=len(done) == MOST,
    )
    return await _with_rows(pool, found, now)


def _answered(replies: list[asyncpg.Record], late: set[int]) -> tuple[Replied, ...]:
    out = {
        row["conversation_id"]: row["priority"]
        for row in replies
        if row["state"] in (OutboxState.ACCEPTED, OutboxState.SEEN)
    }
    found = [Replied(id_, priority, id_ in late) for id_, priority in out.items()]
    return tuple(sorted(found, key=lambda one: (-one.priority, not one.late, one.conversation_id)))


def _in_state(replies: list[asyncpg.Record], *states: OutboxState) -> tuple[int, ...]:
    return tuple(dict.fromkeys(row["conversation_id"] for row in replies if row["state"] in states))


def _wakes(row: QueueRow) -> datetime:
    """Of a snoozed conversation its place in the folder is when it wakes, in microseconds."""
    return datetime.fromtimestamp(row.sort_key // 1_000_000, UTC)


async def _with_rows(pool: asyncpg.Pool, found: Shift, now: datetime) -> Shift:
    ids = [
        *(one.conversation_id for one in found.answered[:LISTED]),
        *found.closed[:LISTED],
        *found.leaving,
        *(id_ for id_, _ in found.undecided),
        *(id_ for id_, _ in found.waking),
        *found.drafts,
        *found.waiting,
    ]
    known = {row.id: row for row in found.open}
    known.update((row.id, row) for row in await rows(pool, [id_ for id_ in ids if id_ not in known], now))
    return replace(found, rows=known)


async def hand_over(
    pool: asyncpg.Pool, person_id: int, brand_id: int, body: str, since: datetime, now: datetime
) -> int:
    """Keeps a note for everybody of the brand, and tells them; its number. Raises Refused for a viewer, or when empty or too long."""
    body = written(body, MAX_NOTE, "a hand-over note")
    async with acquired(pool) as connection, connection.transaction():
        await may_act(connection, person_id, brand_id)
        id_ = int(await connection.fetchval(_WRITE, brand_id, person_id, body, since, now))
        await tell(connection, [Event(brand_id, "handover.written", person_id=person_id, after={"handover": id_})], now)
    return id_


async def latest(pool: asyncpg.Pool, brand_id: int, limit: int = 10) -> list[Handover]:
    """The notes that were kept last, the newest first."""
    async with acquired(pool) as connection:
        return [Handover(**dict(row)) for row in await connection.fetch(_LATEST, brand_id, limit)]


async def mark_read(pool: asyncpg.Pool, person_id: int, handover_ids: Sequence[int]) -> None:
    """A colleague has these notes before them: their writers cannot take them back any more."""
    async with acquired(pool) as connection:
        await connection.execute(_READ, person_id, handover_ids)


async def take_back(pool: asyncpg.Pool, handover_id: int, person_id: int, now: datetime) -> str:
    """Its writer takes a note back while nobody has read it; its words. Raises Refused with who has."""
    async with acquired(pool) as connection, connection.transaction():
        row = await connection.fetchrow(_LOCK, handover_id)
        if row is None:
            raise Refused("there is no such note", where=str(handover_id))
        await may_act(connection, person_id, row["brand_id"])
        if row["person_id"] != person_id:
            raise Refused("only its writer takes a hand-over note back")
        if row["reader"] is not None:
            raise Refused(
                f"too late: {row['reader']} has read the note", code="read", hint="write another one that puts it right"
            )
        await connection.execute(_FORGET, handover_id)
        event = Event(
            row["brand_id"], "handover.taken_back", person_id=person_id, before={"handover": handover_id}, after={}
        )
        await tell(connection, [event], now)
    return str(row["body"])
