"""Replies that somebody reads before they go out: asked for, approved as they are or with a change, sent back with a note, taken back.

Owns the `approvals` table and who may decide what. What waits here has no row in the outbox, so nothing can send it. Several texts may be
offered for one reply, each with its pictures: at most one of them is ever approved, for all of them are one row. An approval is by
a lead or an admin, never the writer, who has seen the thread as it is (`fence`); where the thread moved after the writer had read it,
it asks. Whoever decides first has decided. Refuses to send anything, and to forget any text or picture's words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

import asyncpg

from listener.errors import Refused
from listener.model.leaving import MOST_OPTIONS, ApprovalState
from listener.model.work import Conversation
from listener.store import attachments, numbered, outbox
from listener.store.acts.rights import may_act, may_approve, needs_approval, who
from listener.store.connect import acquired, repeated
from listener.store.conversations import Event, lock, tell
from listener.store.noting import written
from listener.store.views.approvals import ApprovalRow
from listener.store.views.thread import OutboxRow

MOST = 20
"""Of a conversation, the newest that are shown."""

MAX_NOTE = 2_000
"""Characters of a note with which a reply is sent back."""

_ROW = """
SELECT q.id, q.conversation_id, q.state, CASE WHEN q.option > 1 THEN q.options[q.option - 1] ELSE q.body END AS body,
       CASE WHEN cardinality(q.options) > 0 THEN q.body || q.options ELSE '{}' END AS options, q.option, coalesce(r.body, '') AS sent,
       a.handle AS account_handle, q.parent_id, q.visibility = 'private' AS private, q.close_after, q.planned, p.name AS person,
       q.person_id, q.fence, q.note, q.asked_at, coalesce(d.name, '') AS decided_by, q.decided_at, o.id AS outbox_id
FROM approvals AS q
JOIN accounts AS a ON a.id = q.account_id
JOIN people AS p ON p.id = q.person_id
LEFT JOIN people AS d ON d.id = q.decided_by
LEFT JOIN replies AS r ON r.id = q.reply_id
LEFT JOIN outbox AS o ON o.reply_id = q.reply_id
"""
_BY_ID = _ROW + "WHERE q.id = $1"
_BY_CONVERSATION = _ROW + "WHERE q.conversation_id = $1 ORDER BY q.id DESC LIMIT $2"

_WAITING = """
SELECT p.name, q.person_id FROM approvals AS q JOIN people AS p ON p.id = q.person_id
WHERE q.conversation_id = $1 AND q.state = 'waiting'
"""

_ASK = """
INSERT INTO approvals (brand_id, conversation_id, account_id, parent_id, person_id, visibility, body, lang, fence, close_after,
                       planned, asked_at, options)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) RETURNING id
"""

_SOURCE = "SELECT source FROM accounts WHERE id = $1"

_WHERE = "SELECT conversation_id FROM approvals WHERE id = $1"

_LOCK = """
SELECT q.*, coalesce(d.name, '') AS decider FROM approvals AS q LEFT JOIN people AS d ON d.id = q.decided_by
WHERE q.id = $1 FOR UPDATE OF q
"""

_DECIDE = """
UPDATE approvals SET state = $2, decided_by = $3, decided_at = $4, note = $5, reply_id = $6, option = $7 WHERE id = $1
"""

_DRAFT_GOES = "DELETE FROM drafts WHERE person_id = $1 AND conversation_id = $2"

# What the writer has begun to write meanwhile stays.
_DRAFT_BACK = """
INSERT INTO drafts (person_id, conversation_id, body, thread_version, updated_at, visibility, options)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (person_id, conversation_id) DO NOTHING RETURNING person_id
"""

_DRAFT_UNTOUCHED = """
DELETE FROM drafts WHERE person_id = $1 AND conversation_id = $2 AND updated_at = $3 AND body = $4 AND options = $5 RETURNING person_id
"""

_OUTBOX_OF = "SELECT o.id FROM outbox AS o JOIN approvals AS q ON q.reply_id = o.reply_id WHERE q.id = $1"


async def needed(pool: asyncpg.Pool, person_id: int, brand_id: int, account_id: int) -> bool:
    """Whether what the person writes as that account has to be approved before it goes out, by the rules in force."""
    async with acquired(pool) as connection:
        return await needs_approval(connection, person_id, brand_id, account_id)


@repeated
async def ask(
    pool: asyncpg.Pool, person_id: int, conversation_id: int, account_id: int, parent_mention_id: int, body: str, *,
    visibility: Literal["public", "private"], lang: str, fence: int, close_after: bool, now: datetime,
    planned: datetime | None = None, options: Sequence[str] = (),
) -> ApprovalRow:  # fmt: skip
    """Submit a reply for approval instead of sending it, with what lies beside its draft; the draft has become this. `options`: further texts
    to choose from. Refused as a reply would be, and where another one waits there already.
    """
    if len(options) >= MOST_OPTIONS:
        raise Refused(f"one reply has at most {MOST_OPTIONS} options")
    for number, text in enumerate((body, *options), start=1):
        if not text.strip():
            raise Refused(f"option {number} is empty" if options else "the reply is empty")
    outbox.not_past(planned, now)
    async with acquired(pool) as connection, connection.transaction():
        conversation = (await lock(connection, [conversation_id])).get(conversation_id)
        if conversation is None:
            raise Refused("there is no such conversation", where=str(conversation_id))
        await may_act(connection, person_id, conversation.brand_id)
        await outbox.may_answer(
            connection,
            conversation,
            account_id,
            parent_mention_id,
            person_id,
            fence,
            visibility=visibility,
            leaves=planned or now,
        )
        other = await connection.fetchrow(_WAITING, conversation_id)
        if other is not None:
            whose = "a reply of yours" if other["person_id"] == person_id else f"a reply by {other['name']}"
            raise Refused(f"{whose} waits for approval here already", code="waits_already", hint="one at a time")
        approval_id = await connection.fetchval(
            _ASK, conversation.brand_id, conversation_id, account_id, parent_mention_id, person_id, visibility, body, lang,
            fence, close_after, planned, now, options,
        )  # fmt: skip
        source = str(await connection.fetchval(_SOURCE, account_id))
        many = 1 + len(options)
        await attachments.submit(connection, person_id, conversation_id, approval_id, many, source, visibility)
        await connection.execute(_DRAFT_GOES, person_id, conversation_id)
        await _tell(connection, conversation, "asked", approval_id, person_id, None, "waiting", now, options=many)
        return (await _rows(connection, [await connection.fetchrow(_BY_ID, approval_id)]))[0]


@repeated
async def approve(
    pool: asyncpg.Pool, approval_id: int, person_id: int, *, fence: int, hold_seconds: float, now: datetime,
    body: str | None = None, moved: bool = False, option: int = 1, alts: Mapping[int, str] | None = None,
) -> OutboxRow:  # fmt: skip
    """Let it go: into the outbox, in its writer's name, for the seconds in which it can be taken back, or for the time it is planned for.

    `fence`: the thread as the approver has seen it. `option`: which of the texts that were offered. `body`: the text as it is to go out,
    where the approver changed it; `alts`: the pictures that go out, by their ids, with their words; None: as they were submitted. `moved`:
    the approver knows that the thread moved after the writer had read it; without that it is refused (code 'superseded'). A planned time
    that has passed means at once.
    """
    if body is not None and not body.strip():
        raise Refused("the reply is empty")
    async with acquired(pool) as connection, connection.transaction():
        conversation, row = await _waiting(connection, approval_id)
        await may_approve(connection, person_id, conversation.brand_id)
        if row["person_id"] == person_id:
            raise Refused("nobody approves their own reply", hint="take it back and send it")
        texts = (row["body"], *row["options"])
        if not 1 <= option <= len(texts):
            raise Refused(f"there is no option {option}: {len(texts)} were offered")
        if (await who(connection, row["person_id"])).may_not(conversation.brand_id):
            raise Refused(
                "its writer may not answer for this brand any more", hint="send it back, or take its words over"
            )
        if conversation.thread_version == fence != row["fence"] and not moved:
            raise Refused("the thread has changed since this was written", code="superseded", hint="read it again")
        planned = row["planned"] if row["planned"] is not None and row["planned"] > now else None
        await outbox.may_answer(
            connection, conversation, row["account_id"], row["parent_id"], row["person_id"], fence, visibility=row["visibility"],
            leaves=outbox.leaves_at(now, hold_seconds, planned),
        )  # fmt: skip
        submitted = texts[option - 1]
        sent = await numbered.put(
            connection, conversation, row["person_id"], row["account_id"], row["parent_id"],
            submitted if body is None else body, visibility=row["visibility"], lang=row["lang"], hold_seconds=hold_seconds,
            close_after=row["close_after"], planned=planned, now=now,
        )  # fmt: skip
        others = await attachments.go(connection, approval_id, option, sent.reply_id, alts)
        state = "changed" if others or body not in (None, submitted) else "approved"
        await connection.execute(_DECIDE, approval_id, state, person_id, now, "", sent.reply_id, option)
        which = option if len(texts) > 1 else None
        await _tell(
            connection, conversation, state, approval_id, person_id, "waiting", state, now, sent.id, option=which
        )
        return sent


@repeated
async def reject(pool: asyncpg.Pool, approval_id: int, person_id: int, note: str, now: datetime) -> None:
    """Send it back, with all its options: its writer has it as a draft again, under the note that says why. Refused without a note."""
    note = written(note, MAX_NOTE, hint="say what should be different")
    async with acquired(pool) as connection, connection.transaction():
        conversation, row = await _waiting(connection, approval_id)
        await may_approve(connection, person_id, conversation.brand_id)
        if row["person_id"] == person_id:
            raise Refused("this is your own reply", hint="take it back")
        await connection.execute(_DECIDE, approval_id, "rejected", person_id, now, note, None, 1)
        await _give_back(connection, row, now)
        await _tell(connection, conversation, "rejected", approval_id, person_id, "waiting", "rejected", now)


@repeated
async def take_back(pool: asyncpg.Pool, approval_id: int, person_id: int, now: datetime) -> str:
    """Its writer takes it back before anybody has decided, as a draft; its words, the first of several. A draft begun since stays."""
    async with acquired(pool) as connection, connection.transaction():
        conversation, row = await _waiting(connection, approval_id)
        await may_act(connection, person_id, conversation.brand_id)
        if row["person_id"] != person_id:
            raise Refused("only its writer takes it back", hint="a lead or an admin may send it back with a note")
        await connection.execute(_DECIDE, approval_id, "withdrawn", person_id, now, "", None, 1)
        await _give_back(connection, row, now)
        await _tell(connection, conversation, "withdrawn", approval_id, person_id, "waiting", "withdrawn", now)
        return str(row["body"])


@repeated
async def reconsider(pool: asyncpg.Pool, approval_id: int, person_id: int, now: datetime) -> None:
    """Whoever decided takes the decision back: it waits again, as it was submitted. Refused when it has begun to leave, when another one
    waits there, and when its pictures were swept. A draft that was given back and not touched since is gone again.
    """
    async with acquired(pool) as connection, connection.transaction():
        outbox_id = await connection.fetchval(_OUTBOX_OF, approval_id)
        if outbox_id is not None:
            await outbox.withdrawn(connection, outbox_id, person_id, now, pictures_back=False)
        conversation, row = await _locked(connection, approval_id)
        await may_approve(connection, person_id, conversation.brand_id)
        if row["decided_by"] != person_id or row["state"] not in ("approved", "changed", "rejected"):
            raise Refused("that is not yours to take back", code=row["state"])
        if await connection.fetchrow(_WAITING, conversation.id) is not None:
            raise Refused("another reply waits for approval there by now")
        await attachments.wait_again(connection, approval_id)
        if row["state"] == "rejected":
            given: tuple[int, int, datetime] = (row["person_id"], conversation.id, row["decided_at"])
            if await connection.fetchval(_DRAFT_UNTOUCHED, *given, row["body"], row["options"]) is not None:
                await attachments.ungive(connection, *given)
        await connection.execute(_DECIDE, approval_id, "waiting", None, None, "", None, 1)
        await _tell(connection, conversation, "reconsidered", approval_id, person_id, row["state"], "waiting", now)


async def of_conversation(connection: asyncpg.Connection, conversation_id: int) -> tuple[ApprovalRow, ...]:
    """The newest of a conversation, oldest first."""
    found = await connection.fetch(_BY_CONVERSATION, conversation_id, MOST)
    return await _rows(connection, found[::-1]) if found else ()


# Inside --------------------------------------------------------------------------------------------------------------


async def _locked(connection: asyncpg.Connection, approval_id: int) -> tuple[Conversation, asyncpg.Record]:
    """The conversation, then the approval, locked in this order by everybody."""
    conversation_id = await connection.fetchval(_WHERE, approval_id)
    if conversation_id is None:
        raise Refused("there is no such reply", where=str(approval_id))
    conversation = (await lock(connection, [conversation_id]))[conversation_id]
    row = await connection.fetchrow(_LOCK, approval_id)
    if row["conversation_id"] != conversation_id:
        raise Refused("its conversation has become one with another", hint="try again")
    return conversation, row


async def _give_back(connection: asyncpg.Connection, row: asyncpg.Record, now: datetime) -> None:
    """Its writer's draft again, with its options and pictures; one begun since stays as it is, and this is read in the thread."""
    given = await connection.fetchval(
        _DRAFT_BACK, row["person_id"], row["conversation_id"], row["body"], row["fence"], now, row["visibility"],
        row["options"],
    )  # fmt: skip
    if given is not None:
        await attachments.give_back(connection, row["id"], row["person_id"], now)


_DECIDED = {
    "approved": "has approved {}",
    "changed": "has approved {} with a change",
    "rejected": "has sent it back",
    "withdrawn": "has taken it back",
}


async def _waiting(connection: asyncpg.Connection, approval_id: int) -> tuple[Conversation, asyncpg.Record]:
    """The same, of one that waits. Refused, with who was first, when somebody has decided."""
    conversation, row = await _locked(connection, approval_id)
    state = row["state"]
    if state != "waiting":
        which = f"option {row['option']}" if row["options"] else "it"
        told = "another reply has taken its place"
        if state in _DECIDED:
            told = f"{row['decider']} {_DECIDED[state].format(which)}"
        raise Refused(f"too late: {told}", code="decided")
    return conversation, row


async def _tell(
    connection: asyncpg.Connection,
    conversation: Conversation,
    what: str,
    approval_id: int,
    person_id: int,
    before: str | None,
    after: str,
    now: datetime,
    outbox_id: int | None = None,
    *,
    options: int = 1,
    option: int | None = None,
) -> None:
    """Of several options how many were offered, and which one was approved."""
    more: dict[str, object] = {"options": options} if options > 1 else {}
    more |= {} if option is None else {"option": option}
    was = None if before is None else {"state": before}
    event = Event(
        conversation.brand_id, f"approval.{what}", conversation.id, None, outbox_id, person_id,
        before=was, after={"approval": approval_id, "state": after, **more},
    )  # fmt: skip
    await tell(connection, [event], now)


async def _rows(connection: asyncpg.Connection, found: Sequence[asyncpg.Record]) -> tuple[ApprovalRow, ...]:
    pictures = await attachments.of_approvals(connection, [r["id"] for r in found])
    return tuple(
        ApprovalRow(**{
            **dict(r), "state": ApprovalState(r["state"]), "options": tuple(r["options"]), "pictures": tuple(pictures[r["id"]]),
        })
        for r in found
    )  # fmt: skip
