"""Doing: one act on one or many conversations, a note, the unread mark."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import asyncpg

from listener.errors import Refused
from listener.model.work import Conversation
from listener.store import claims
from listener.store.acts.rights import Who, who
from listener.store.acts.transaction import Done, Tally, chunks
from listener.store.acts.words import what_happened
from listener.store.asking import ask
from listener.store.connect import acquired, repeated
from listener.store.conversations import Event, changes
from listener.store.noting import written
from listener.workflow import acts, moves
from listener.workflow.acts import (
    Act,
    Assign,
    Close,
    HandBack,
    Macro,
    NotSpam,
    Read,
    Reopen,
    SetPriority,
    Snooze,
    Spam,
    Tag,
)

MAX_NOTE = 10_000
"""Characters of a note."""

KINDS: Mapping[type, str] = {
    Assign: "act.assign",
    HandBack: "act.hand-back",
    Tag: "act.tag",
    SetPriority: "act.priority",
    Snooze: "act.snooze",
    Close: "act.close",
    Reopen: "act.reopen",
    Read: "act.read",
    Macro: "act.macro",
    Spam: "act.spam",
    NotSpam: "act.not-spam",
}

_LATEST = """
SELECT e.kind, e.at, e.person_id, coalesce(p.name, '') AS person FROM events e LEFT JOIN people p ON p.id = e.person_id
WHERE e.conversation_id = $1 AND e.kind NOT LIKE 'claim.%' AND e.kind NOT LIKE 'reminder.%'
  AND e.kind NOT IN ('conversation.due-soon', 'conversation.overdue', 'conversation.resolve-soon', 'conversation.resolve-over')
ORDER BY e.id DESC LIMIT $2
"""

_ADD_NOTE = """
INSERT INTO notes (brand_id, conversation_id, person_id, body, at) VALUES ($1, $2, $3, $4, $5) RETURNING id
"""

_TAKEN_BACK = "SELECT EXISTS (SELECT 1 FROM events WHERE undoes = $1)"

_UNREAD = "SELECT unread FROM conversations WHERE id = $1"


@repeated
async def do(
    pool: asyncpg.Pool,
    person_id: int,
    conversation_ids: Collection[int],
    act: Act,
    now: datetime,
    *,
    expect: Mapping[int, int] | None = None,
    act_id: UUID | None = None,
) -> Done:
    """One act on one or many conversations, in one transaction, with one id by which it can be undone.

    `expect`: conversation id to the version that the person had on screen. Where somebody else changed it since, it is
    refused, and said who and what. One refusal does not hold up the others. `act_id`: a part of an act that is done a part at a
    time, under the id of the whole; raises Refused when what was done of it has been taken back.
    """
    text = act.note if isinstance(act, Macro) else ""
    if text:
        written(text, MAX_NOTE)
    async with acquired(pool) as connection, connection.transaction():
        if act_id is not None and await connection.fetchval(_TAKEN_BACK, act_id):
            raise Refused("what was done of it has been taken back meanwhile")
        tally = Tally(connection, await who(connection, person_id), now, act_id)
        given = next((one for one in acts.parts_of(act) if isinstance(one, Assign)), None)
        assignee = await who(connection, given.person_id) if given is not None and given.person_id is not None else None
        for chunk in chunks(conversation_ids):
            rows: list[Conversation] = []
            events: list[Event] = []
            agreed: list[int] = []
            for before in await tally.locked(chunk):
                try:
                    if told := await _overtaken(connection, before, expect, person_id, now):
                        tally.overtaken.add(before.id)
                        raise Refused(told)
                    _check_assignee(assignee, before.brand_id)
                    after = moves.apply(before, act, person_id, now)
                except Refused as refused:
                    tally.refused[before.id] = str(refused)
                    continue
                agreed.append(before.id)
                if after != before or text:
                    was, became = changes(before, after)
                    if isinstance(act, Macro):
                        became |= {"macro": act.key}
                    if text:
                        after = replace(after, version=before.version + 1)
                        became |= {"note": await _kept(connection, before, person_id, text, now)}
                    rows.append(after)
                    events.append(tally.event(before, KINDS[type(act)], was, became))
            await tally.write(rows, events)
            if isinstance(act, HandBack):
                await claims.let_go(connection, agreed, person_id, now)
    return tally.done()


@repeated
async def note(pool: asyncpg.Pool, person_id: int, conversation_id: int, body: str, now: datetime) -> Done:
    """A private note of the staff, never sent anywhere; whoever it names with @login is asked.

    Raises Refused when empty or longer than 10,000 characters.
    """
    body = written(body, MAX_NOTE)
    async with acquired(pool) as connection, connection.transaction():
        tally = Tally(connection, await who(connection, person_id), now)
        for c in await tally.locked([conversation_id]):
            note_id = await _kept(connection, c, person_id, body, now)
            event = tally.event(c, "act.note", {}, {"note": note_id})
            await tally.write([replace(c, version=c.version + 1)], [event])
    return tally.done()


async def mark_read(pool: asyncpg.Pool, person_id: int, conversation_id: int, now: datetime) -> bool:
    """Somebody has looked at it: the unread mark goes away. False, and nothing written, where there was none."""
    async with acquired(pool) as connection:
        unread = await connection.fetchval(_UNREAD, conversation_id)
    return bool(unread) and bool((await do(pool, person_id, [conversation_id], Read(), now)).changed)


async def _overtaken(
    connection: asyncpg.Connection,
    current: Conversation,
    expect: Mapping[int, int] | None,
    person_id: int,
    now: datetime,
) -> str:
    """What somebody else did to it after the version that was seen; '' for nothing: the person's own acts do not count."""
    seen = (expect or {}).get(current.id, current.version)
    if seen == current.version:
        return ""
    # A version is at least one event.
    latest = await connection.fetch(_LATEST, current.id, max(1, min(current.version - seen, 50)))
    others = [event for event in latest if event["person_id"] != person_id]
    return f"{what_happened(others[0], now)}; look again" if others else ""


async def _kept(connection: asyncpg.Connection, c: Conversation, person_id: int, body: str, now: datetime) -> int:
    """A note's id; whoever it names is asked."""
    note_id = int(await connection.fetchval(_ADD_NOTE, c.brand_id, c.id, person_id, body, now))
    await ask(connection, note_id, c.brand_id, body, person_id)
    return note_id


def _check_assignee(assignee: Who | None, brand_id: int) -> None:
    if assignee is not None and assignee.may_not(brand_id):
        raise Refused("that person cannot work on this brand", hint="assign it to one of its responders")
