"""Undoing, and doing again: a new act with before and after swapped, refused with a question where those fields were changed since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from listener.errors import Refused
from listener.model.scales import Priority
from listener.model.work import Conversation, State
from listener.store.acts.authors import Backwards
from listener.store.acts.overruling import taken_back
from listener.store.acts.rights import who
from listener.store.acts.transaction import Done, Tally, chunks
from listener.store.acts.words import what_happened
from listener.store.connect import acquired, repeated
from listener.store.conversations import FIELDS, Event, changes

_EVENTS_OF = """
SELECT id, brand_id, kind, conversation_id, mention_id, before, after FROM events WHERE act = $1 AND kind LIKE 'act.%' ORDER BY id
"""

_LATEST_OF_FIELDS = """
SELECT e.kind, e.at, e.person_id, coalesce(p.name, '') AS person FROM events e LEFT JOIN people p ON p.id = e.person_id
WHERE e.conversation_id = $1 AND e.id > $2 AND (e.after ?| $3::text[] OR e.before ?| $3::text[]) ORDER BY e.id DESC LIMIT 1
"""

_NEXT_ACT_BACK = """
SELECT id, act FROM events
WHERE person_id = $1 AND id < $2 AND act IS NOT NULL AND act <> ALL($3::uuid[])
  AND kind LIKE 'act.%' AND kind NOT IN ('act.undo', 'act.read')
ORDER BY id DESC LIMIT 1
"""

_NEWEST = """
SELECT id, act, undoes FROM events
WHERE person_id = $1 AND id < $2 AND act IS NOT NULL AND act <> ALL($3::uuid[]) AND kind LIKE 'act.%' AND kind <> 'act.read'
ORDER BY id DESC LIMIT 1
"""

_IS_UNDO = "SELECT EXISTS (SELECT 1 FROM events WHERE act = $1 AND kind = 'act.undo')"

_ALREADY = "that is undone already"

_UNDOES = "SELECT DISTINCT act FROM events WHERE undoes = $1 AND act IS NOT NULL"

_REMOVE_NOTE = "UPDATE notes SET removed_at = $2 WHERE id = $1 AND removed_at IS NULL RETURNING id"
_RESTORE_NOTE = "UPDATE notes SET removed_at = NULL WHERE id = $1 AND removed_at IS NOT NULL RETURNING id"

_TYPES: Mapping[str, Any] = {
    "state": State,
    "priority": Priority,
    "priority_by": int | None,
    "due_at": datetime | None,
    "assignee_id": int | None,
    "team": str,
    "tags": tuple[str, ...],
    "snoozed_until": datetime | None,
    "unread": bool,
}
"""How the fields of an event, which are JSON, become values again."""


@repeated
async def undo(pool: asyncpg.Pool, person_id: int, act_id: UUID, now: datetime, *, anyway: bool = False) -> Done:
    """Takes an act back: a new act with before and after swapped; of an undo, that is a redo.

    Where one of its fields was changed since, it is refused with a question, which `anyway` answers with yes. What was done to an
    author and to their conversations is one: it goes back together or, where any of it was changed since, not without `anyway`.
    Raises Refused when there is no such act.
    """
    async with acquired(pool) as connection, connection.transaction():
        tally = Tally(connection, await who(connection, person_id), now)
        told = await connection.fetch(_EVENTS_OF, act_id)
        if not told:
            raise Refused("there is no such act to undo")
        if of_mentions := [row for row in told if row["mention_id"] is not None]:
            await taken_back(connection, tally, person_id, act_id, of_mentions, now, anyway=anyway)
            told = [row for row in told if row["mention_id"] is None]
        by_conversation = {row["conversation_id"]: row for row in told if row["conversation_id"] is not None}
        of_authors = [row for row in told if row["conversation_id"] is None]
        authors = Backwards(connection, tally, person_id, act_id, of_authors, now)
        if of_authors:
            await authors.ask(by_conversation, anyway=anyway)
        for chunk in [sorted(by_conversation)] if of_authors else chunks(by_conversation):
            moves: list[tuple[Conversation, Event]] = []
            for current in await tally.locked(chunk):
                event = by_conversation[current.id]
                was_note, becomes_note = (event["after"] or {}).get("note"), (event["before"] or {}).get("note")
                try:
                    await _move_note(connection, was_note, becomes_note, now)
                    after = await _taken_back(connection, current, event, now, anyway=anyway)
                except Refused as refused:
                    tally.refused[current.id] = str(refused)
                    continue
                was, became = changes(current, after)
                was |= {} if was_note is None else {"note": was_note}
                became |= {} if becomes_note is None else {"note": becomes_note}
                moves.append((after, tally.event(current, "act.undo", was, became, undoes=act_id)))
            if of_authors and not anyway:
                for id_ in chunk:
                    if (reason := tally.refused.get(id_, _ALREADY)) != _ALREADY:
                        authors.withhold(id_, reason)
                tally.refused.update((c.id, why) for c, _ in moves if (why := authors.stays(c.id)))
                moves = [(c, event) for c, event in moves if not authors.stays(c.id)]
            await tally.write([c for c, _ in moves], [event for _, event in moves])
        if of_authors:
            await authors.write()
    return tally.done()


async def last_act(pool: asyncpg.Pool, person_id: int) -> UUID | None:
    """The person's newest act that can be undone and is in force (not undone, or undone and redone); None: nothing left."""
    seen: list[UUID] = []
    before = 2**63 - 1
    async with acquired(pool) as connection:
        while len(seen) < 100 and (row := await connection.fetchrow(_NEXT_ACT_BACK, person_id, before, seen)):
            if await _in_force(connection, row["act"]):
                return UUID(str(row["act"]))
            seen.append(row["act"])
            before = row["id"]
    return None


async def last_undo(pool: asyncpg.Pool, person_id: int) -> UUID | None:
    """The person's newest undo that is in force, for `undo` to take back: the act is done again. None once they have done something else."""
    seen: list[UUID] = []
    before = 2**63 - 1
    async with acquired(pool) as connection:
        while len(seen) < 100 and (row := await connection.fetchrow(_NEWEST, person_id, before, seen)):
            if row["undoes"] is None:
                return None
            # What undoes an undo has done something again: what it did is no undo, and what it undid is out of force.
            if not await connection.fetchval(_IS_UNDO, row["undoes"]) and await _in_force(connection, row["act"]):
                return UUID(str(row["act"]))
            seen.append(row["act"])
            before = row["id"]
    return None


async def _in_force(connection: asyncpg.Connection, act: UUID) -> bool:
    """An act is in force unless one of the acts that undo it is."""
    for row in await connection.fetch(_UNDOES, act):
        if await _in_force(connection, row["act"]):
            return False
    return True


async def _move_note(connection: asyncpg.Connection, added: int | None, removed: int | None, now: datetime) -> None:
    """An added note goes out of sight, a removed one comes back."""
    gone = added is None or await connection.fetchval(_REMOVE_NOTE, added, now)
    back = removed is None or await connection.fetchval(_RESTORE_NOTE, removed)
    if not gone or not back:
        raise Refused(_ALREADY)


async def _taken_back(
    connection: asyncpg.Connection, current: Conversation, event: Mapping[str, Any], now: datetime, *, anyway: bool
) -> Conversation:
    """The conversation as it was before that event, as far as the event's fields go. Raises Refused, with a question."""
    before = {name: value for name, value in (event["before"] or {}).items() if name in FIELDS}
    after = event["after"] or {}
    is_now = _plain(current)
    if before and all(is_now[name] == value for name, value in before.items()):
        raise Refused(_ALREADY)
    # Whether somebody has looked at it since is no reason to ask.
    differing = [name for name in before if name != "unread" and is_now[name] != after.get(name)]
    if differing and not anyway:
        latest = await connection.fetchrow(_LATEST_OF_FIELDS, current.id, event["id"], differing)
        again = "do it again" if event["kind"] == "act.undo" else "undo"
        raise Refused(f"{what_happened(latest, now)}; {again} all the same?")
    fields = {name: msgspec.convert(value, _TYPES[name]) for name, value in before.items()}
    return replace(current, **fields, version=current.version + 1)


def _plain(c: Conversation) -> dict[str, Any]:
    """The fields as an event holds them."""
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode({name: getattr(c, name) for name in FIELDS}))
    return found
