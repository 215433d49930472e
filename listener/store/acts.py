"""What people do to conversations, and taking it back. Owns the transaction in which a row and its event change together.

Which moves are legal is `listener.workflow`'s; this module asks it, with the rows locked. What left the house is not undone here.
Refuses a viewer's acts, and acts on what a colleague has changed meanwhile where the caller says what it had seen.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec

from listener import workflow
from listener.errors import Refused
from listener.model import Conversation, Priority, Role, State
from listener.store.connect import acquired
from listener.store.conversations import FIELDS, Event, changes, lock, save, tell
from listener.workflow import Act, Assign, Close, Read, Reopen, SetPriority, Snooze, Tag

CHUNK = 500
"""Rows locked, changed and told at a time; a bulk act is one transaction all the same."""

MAX_NOTE = 10_000
"""Characters of a note."""

KINDS: Mapping[type, str] = {
    Assign: "act.assign",
    Tag: "act.tag",
    SetPriority: "act.priority",
    Snooze: "act.snooze",
    Close: "act.close",
    Reopen: "act.reopen",
    Read: "act.read",
}

_ROLES = "SELECT brand_id, role FROM memberships WHERE person_id = $1"

_MERGED = "SELECT id, merged_into FROM conversations WHERE id = ANY($1::bigint[]) AND merged_into IS NOT NULL"

_EVENTS_OF = """
SELECT id, conversation_id, kind, before, after FROM events WHERE act = $1 AND kind LIKE 'act.%' ORDER BY id
"""

_LATEST = """
SELECT e.kind, e.at, e.person_id, coalesce(p.name, '') AS person FROM events e LEFT JOIN people p ON p.id = e.person_id
WHERE e.conversation_id = $1 AND e.kind NOT LIKE 'claim.%' ORDER BY e.id DESC LIMIT $2
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

_UNDOES = "SELECT DISTINCT act FROM events WHERE undoes = $1 AND act IS NOT NULL"

_ADD_NOTE = """
INSERT INTO notes (brand_id, conversation_id, person_id, body, at) VALUES ($1, $2, $3, $4, $5) RETURNING id
"""

_REMOVE_NOTE = "UPDATE notes SET removed_at = $2 WHERE id = $1 AND removed_at IS NULL RETURNING id"
_RESTORE_NOTE = "UPDATE notes SET removed_at = NULL WHERE id = $1 AND removed_at IS NOT NULL RETURNING id"

_SAVE_DRAFT = """
INSERT INTO drafts AS d (person_id, conversation_id, body, thread_version, updated_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (person_id, conversation_id) DO UPDATE
    SET body = excluded.body, thread_version = excluded.thread_version, updated_at = excluded.updated_at
"""

_DROP_DRAFT = "DELETE FROM drafts WHERE person_id = $1 AND conversation_id = $2"

_UNREAD = "SELECT unread FROM conversations WHERE id = $1"


@dataclass(frozen=True, slots=True)
class Done:
    """What an act did. `changed` conversations carry it; `refused` says why not, in words; the rest was so already."""

    act_id: UUID
    changed: tuple[int, ...] = ()
    refused: Mapping[int, str] = field(default_factory=dict)


async def do(
    pool: asyncpg.Pool,
    person_id: int,
    conversation_ids: Collection[int],
    act: Act,
    now: datetime,
    *,
    expect: Mapping[int, int] | None = None,
) -> Done:
    """One act on one or many conversations, in one transaction, with one id by which it can be undone.

    `expect`: conversation id to the version that the person had on screen. Where somebody else changed it since, it is
    refused, and said who and what. One refusal does not hold up the others.
    """
    done = _Tally(uuid4())
    async with acquired(pool) as connection, connection.transaction():
        who = await _who(connection, person_id, assignee=act.person_id if isinstance(act, Assign) else None)
        for chunk in _chunks(conversation_ids):
            found, rows = await _locked(connection, chunk, who, done), []
            events: list[Event] = []
            for before in found:
                seen = (expect or {}).get(before.id, before.version)
                if text := await _changed_by_others(connection, before, seen, person_id, now):
                    done.refused[before.id] = text
                    continue
                try:
                    who.check_assignee(before.brand_id)
                    after = workflow.apply(before, act, person_id, now)
                except Refused as refused:
                    done.refused[before.id] = str(refused)
                    continue
                if after == before:
                    continue
                rows.append(after)
                was, became = changes(before, after)
                events.append(_event(before, KINDS[type(act)], person_id, done.act_id, was, became))
            await _write(connection, rows, events, now, done)
    return done.done()


async def undo(pool: asyncpg.Pool, person_id: int, act_id: UUID, now: datetime, *, anyway: bool = False) -> Done:
    """Takes an act back: a new act with before and after swapped; of an undo, that is a redo.

    Where one of its fields was changed since, it is refused with a question, which `anyway` answers with yes.
    Raises Refused when there is no such act.
    """
    done = _Tally(uuid4())
    async with acquired(pool) as connection, connection.transaction():
        who = await _who(connection, person_id)
        told = await connection.fetch(_EVENTS_OF, act_id)
        if not told:
            raise Refused("there is no such act to undo")
        by_conversation = {row["conversation_id"]: row for row in told}
        for chunk in _chunks(by_conversation):
            rows: list[Conversation] = []
            events: list[Event] = []
            for current in await _locked(connection, chunk, who, done):
                event = by_conversation[current.id]
                try:
                    after = await _taken_back(connection, current, event, now, anyway=anyway)
                except Refused as refused:
                    done.refused[current.id] = str(refused)
                    continue
                was, became = changes(current, after)
                for side, other in ((event["after"], was), (event["before"], became)):
                    if "note" in (side or {}):
                        other["note"] = side["note"]
                rows.append(after)
                events.append(_event(current, "act.undo", person_id, done.act_id, was, became, undoes=act_id))
            await _write(connection, rows, events, now, done)
    return done.done()


async def last_act(pool: asyncpg.Pool, person_id: int) -> UUID | None:
    """The person's newest act that is in force (not undone, or undone and redone) and can be undone; None: nothing left."""
    seen: list[UUID] = []
    before = 2**63 - 1
    async with acquired(pool) as connection:
        while len(seen) < 100 and (row := await connection.fetchrow(_NEXT_ACT_BACK, person_id, before, seen)):
            if await _in_force(connection, row["act"]):
                return UUID(str(row["act"]))
            seen.append(row["act"])
            before = row["id"]
    return None


async def note(pool: asyncpg.Pool, person_id: int, conversation_id: int, body: str, now: datetime) -> Done:
    """A private note of the staff, never sent anywhere. Raises Refused when empty or longer than 10,000 characters."""
    body = body.strip()
    if not body or len(body) > MAX_NOTE or "\0" in body:
        raise Refused(f"a note has 1 to {MAX_NOTE:,} characters")
    done = _Tally(uuid4())
    async with acquired(pool) as connection, connection.transaction():
        who = await _who(connection, person_id)
        for c in await _locked(connection, [conversation_id], who, done):
            note_id = await connection.fetchval(_ADD_NOTE, c.brand_id, c.id, person_id, body, now)
            event = _event(c, "act.note", person_id, done.act_id, {}, {"note": note_id})
            await _write(connection, [replace(c, version=c.version + 1)], [event], now, done)
    return done.done()


async def mark_read(pool: asyncpg.Pool, person_id: int, conversation_id: int, now: datetime) -> bool:
    """Somebody has looked at it: the unread mark goes away. False, and nothing written, where there was none."""
    async with acquired(pool) as connection:
        if not await connection.fetchval(_UNREAD, conversation_id):
            return False
    return bool((await do(pool, person_id, [conversation_id], Read(), now)).changed)


async def save_draft(
    pool: asyncpg.Pool, person_id: int, conversation_id: int, body: str, thread_version: int, now: datetime
) -> None:
    """Keeps what a person has typed so far, and which state of the thread it answers. One draft a person and conversation."""
    async with acquired(pool) as connection:
        await connection.execute(_SAVE_DRAFT, person_id, conversation_id, body.replace("\0", ""), thread_version, now)


async def drop_draft(pool: asyncpg.Pool, person_id: int, conversation_id: int) -> None:
    """Forgets the draft: sent, or thrown away."""
    async with acquired(pool) as connection:
        await connection.execute(_DROP_DRAFT, person_id, conversation_id)


# Inside the transaction ----------------------------------------------------------------------------------------------


class _Tally:
    """What has been done so far."""

    def __init__(self, act_id: UUID) -> None:
        self.act_id = act_id
        self.changed: list[int] = []
        self.refused: dict[int, str] = {}

    def done(self) -> Done:
        return Done(self.act_id, tuple(self.changed), self.refused)


@dataclass(frozen=True, slots=True)
class _Who:
    """The acting person's roles by brand, and the assignee's where the act has one."""

    person_id: int
    roles: Mapping[int, Role]
    assignee: Mapping[int, Role] | None

    def check_assignee(self, brand_id: int) -> None:
        if self.assignee is not None and self.assignee.get(brand_id, Role.VIEWER) is Role.VIEWER:
            raise Refused("that person cannot work on this brand", hint="assign it to a responder")


async def _who(connection: asyncpg.Connection, person_id: int, assignee: int | None = None) -> _Who:
    async def roles(of: int) -> dict[int, Role]:
        return {row["brand_id"]: Role(row["role"]) for row in await connection.fetch(_ROLES, of)}

    return _Who(person_id, await roles(person_id), None if assignee is None else await roles(assignee))


async def may_act(connection: asyncpg.Connection, person_id: int, brand_id: int) -> None:
    """Raises Refused unless the person is a responder, lead or admin of the brand."""
    refusal = _may_not((await _who(connection, person_id)).roles.get(brand_id))
    if refusal:
        raise Refused(refusal)


def _may_not(role: Role | None) -> str:
    if role is None:
        return "this brand is not yours to work on"
    return "you may look at this brand but not change anything (viewer)" if role is Role.VIEWER else ""


async def _locked(connection: asyncpg.Connection, ids: Collection[int], who: _Who, done: _Tally) -> list[Conversation]:
    """Those of the conversations, locked in the order of their ids, that the person may act on; the others are refused."""
    found = await lock(connection, ids)
    merged = {row["id"]: row["merged_into"] for row in await connection.fetch(_MERGED, list(ids))}
    allowed = []
    for id_ in sorted(ids):
        if id_ not in found:
            done.refused[id_] = "there is no such conversation"
        elif id_ in merged:
            done.refused[id_] = f"it has become one with conversation {merged[id_]}"
        elif refusal := _may_not(who.roles.get(found[id_].brand_id)):
            done.refused[id_] = refusal
        else:
            allowed.append(found[id_])
    return allowed


async def _write(
    connection: asyncpg.Connection, rows: Sequence[Conversation], events: Sequence[Event], now: datetime, done: _Tally
) -> None:
    await save(connection, rows, now)
    await tell(connection, events, now)
    done.changed.extend(c.id for c in rows)


async def _taken_back(
    connection: asyncpg.Connection, current: Conversation, event: Mapping[str, Any], now: datetime, *, anyway: bool
) -> Conversation:
    """The conversation as it was before that event, as far as the event's fields go. Raises Refused, with a question."""
    before, after = dict(event["before"] or {}), dict(event["after"] or {})
    for side, statement in ((after, (_REMOVE_NOTE, now)), (before, (_RESTORE_NOTE,))):
        if (note_id := side.pop("note", None)) is not None:
            sql, *rest = statement
            if await connection.fetchval(sql, note_id, *rest) is None:
                raise Refused("that is undone already")
    is_now = _plain(current)
    if before and not anyway and all(is_now[name] == before[name] for name in before):
        raise Refused("that is undone already")
    # Whether somebody has looked at it since is no reason to ask.
    differing = [name for name in after if name != "unread" and is_now[name] != after[name]]
    if differing and not anyway:
        row = await connection.fetchrow(_LATEST_OF_FIELDS, current.id, event["id"], differing)
        raise Refused(f"{_what_happened(row, None, now)}; undo all the same?", code="changed-since")
    fields = {name: msgspec.convert(value, _TYPES[name]) for name, value in before.items()}
    return replace(current, **fields, version=current.version + 1)


async def _in_force(connection: asyncpg.Connection, act: UUID) -> bool:
    """An act is in force unless one of the acts that undo it is."""
    for row in await connection.fetch(_UNDOES, act):
        if await _in_force(connection, row["act"]):
            return False
    return True


async def _changed_by_others(
    connection: asyncpg.Connection, current: Conversation, seen: int, person_id: int, now: datetime
) -> str:
    """Why an act on what was seen must not go on; '' where nothing happened since but the person's own acts."""
    if current.version == seen:
        return ""
    latest = await connection.fetch(_LATEST, current.id, max(1, min(current.version - seen, 50)))
    others = [row for row in latest if row["person_id"] != person_id]
    return f"{_what_happened(others[0], person_id, now)}; look again" if others else ""


_SAYS: Mapping[str, str] = {
    "act.assign": "assigned it",
    "act.tag": "changed its tags",
    "act.priority": "changed its priority",
    "act.snooze": "snoozed it",
    "act.close": "closed it",
    "act.reopen": "reopened it",
    "act.read": "read it",
    "act.note": "wrote a note",
    "act.undo": "took an act back",
    "reply.queued": "answered it",
    "reply.withdrawn": "took a reply back",
    "conversation.opened": "opened it",
}
_HAPPENED: Mapping[str, str] = {
    "wake": "its snooze ended",
    "conversation.heard": "they wrote again",
    "conversation.edited": "they edited a message",
    "conversation.deleted": "they deleted a message",
    "conversation.merged": "it was joined with another conversation",
    "reply.seen": "a reply of ours was published",
    "reply.accepted": "a reply of ours was published",
}


def _what_happened(row: Mapping[str, Any] | None, person_id: int | None, now: datetime) -> str:
    """'Mia closed it 2 minutes ago', for people."""
    if row is None:
        return "it was changed"
    kind = row["kind"]
    name = "you" if person_id is not None and row["person_id"] == person_id else row["person"]
    what = f"{name} {_SAYS.get(kind, 'changed it')}" if name else _HAPPENED.get(kind, "it was changed")
    minutes = int((now - row["at"]).total_seconds() // 60)
    if minutes < 1:
        return f"{what} just now"
    if minutes < 120:
        return f"{what} {minutes} minute{'s' if minutes > 1 else ''} ago"
    return f"{what} {minutes // 60} hours ago" if minutes < 2880 else f"{what} {minutes // 1440} days ago"


def _event(
    c: Conversation,
    kind: str,
    person_id: int,
    act: UUID,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    undoes: UUID | None = None,
) -> Event:
    return Event(c.brand_id, kind, c.id, person_id=person_id, act=act, undoes=undoes, before=before, after=after)


_TYPES: Mapping[str, Any] = {
    "state": State,
    "priority": Priority,
    "priority_by": int | None,
    "due_at": datetime | None,
    "assignee_id": int | None,
    "team": str,
    "tags": tuple[str, ...],
    "snoozed_until": datetime | None,
    "next_at": datetime | None,
    "unread": bool,
}
"""How the fields of an event read, which are JSON, become values again."""


def _plain(c: Conversation) -> dict[str, Any]:
    """The fields as an event holds them."""
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode({name: getattr(c, name) for name in FIELDS}))
    return found


def _chunks(ids: Collection[int]) -> list[list[int]]:
    ordered = sorted(set(ids))
    return [ordered[i : i + CHUNK] for i in range(0, len(ordered), CHUNK)]
