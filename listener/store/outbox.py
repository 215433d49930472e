"""What leaves: replies as rows first, deliveries second. Owns what people do to them, and who may send when.

How a row stands is `listener.store.reply_rows`; the deliverer's side is `listener.store.reply_lane`, by the steps of every lane
(`listener.store.lane`). Refuses to call a network.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Literal

import asyncpg

from listener.errors import Refused
from listener.model.accounts import Capability
from listener.model.kinds import Kind
from listener.model.work import Conversation
from listener.networks import one_aside
from listener.store import attachments, capabilities
from listener.store.acts.rights import may_act, may_send, needs_approval
from listener.store.connect import acquired, repeated
from listener.store.conversations import Event, lock, tell
from listener.store.reply_rows import BY_ID, locked, row_of, write_down
from listener.store.views.thread import OutboxRow

_INSERT_REPLY = """
INSERT INTO replies (brand_id, conversation_id, account_id, parent_id, person_id, visibility, body, lang, fence, close_after, at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING id
"""

_INSERT = """
INSERT INTO outbox (brand_id, lane, reply_id, conversation_id, account_id, key, state, not_before, planned, queued_at, changed_at)
VALUES ($1, 'reply', $2, $3, $4, $5, 'queued', $6, $7, $8, $8) RETURNING id
"""

_PARENT = """
SELECT m.id, m.state, m.ours, m.kind, m.reply_until, m.private_until FROM mentions AS m
JOIN conversation_mentions AS j ON j.mention_id = m.id AND j.conversation_id = $2 WHERE m.id = $1
"""

# What failed or was stopped did not go out; whoever sends that again after another one is told by the network.
_ASIDE = """
SELECT p.name FROM replies AS r JOIN outbox AS o ON o.reply_id = r.id JOIN people AS p ON p.id = r.person_id
WHERE r.parent_id = $1 AND r.visibility = 'private' AND o.state IN ('queued', 'sending', 'accepted', 'seen', 'unknown') LIMIT 1
"""

_ACCOUNT = "SELECT state, problem, handle, source FROM accounts WHERE id = $1 AND brand_id = $2"

_IN_FLIGHT = """
SELECT o.id, p.name, o.planned FROM outbox AS o JOIN replies AS r ON r.id = o.reply_id JOIN people AS p ON p.id = r.person_id
WHERE o.conversation_id = $1 AND o.state IN ('queued', 'sending', 'unknown') AND r.person_id <> $2 ORDER BY o.id LIMIT 1
"""

# Parts of one text, of which this is one; just itself where it is whole.
_GROUP = """
SELECT o.id, coalesce(p.rest, r.body) AS rest FROM outbox AS o JOIN replies AS r ON r.id = o.reply_id
LEFT JOIN reply_parts AS p ON p.reply_id = o.reply_id
WHERE o.id = $1
   OR p.first_id = (SELECT q.first_id FROM reply_parts AS q JOIN outbox AS x ON x.reply_id = q.reply_id WHERE x.id = $1)
ORDER BY o.id
"""

_WINDOW = """
SELECT CASE WHEN r.visibility = 'private' AND m.kind <> 'dm' THEN m.private_until ELSE m.reply_until END
FROM replies AS r JOIN mentions AS m ON m.id = r.parent_id WHERE r.id = $1
"""

_PLAN = "UPDATE outbox SET planned = $2, not_before = $3, changed_at = $4 WHERE id = $1"

_FENCE = "UPDATE replies SET fence = $2 WHERE id = $1"

NOT_SENT = "not_sent"
"""The code of a failure that a person declared."""


@repeated
async def queue_reply(
    pool: asyncpg.Pool, person_id: int, conversation_id: int, account_id: int, parent_mention_id: int, body: str, *,
    visibility: Literal["public", "private"], lang: str, fence: int, hold_seconds: float, close_after: bool, now: datetime,
    planned: datetime | None = None, into: Callable[..., Awaitable[OutboxRow]] | None = None,
) -> OutboxRow:  # fmt: skip
    """Put an answer in the outbox; it leaves after `hold_seconds`, and not before the time that is `planned`, unless taken back.

    `fence` is the conversation's thread_version that the writer had read. Refused when the thread has moved since, when the message
    is gone, when the account is out, when a colleague's answer is on its way, or when somebody has to approve it first. `into`: what makes
    rows of it, `put` or what does as that does.
    """
    if not body.strip():
        raise Refused("the reply is empty")
    async with acquired(pool) as connection, connection.transaction():
        conversation = (await lock(connection, [conversation_id])).get(conversation_id)
        if conversation is None:
            raise Refused("there is no such conversation", where=str(conversation_id))
        await may_send(connection, person_id, conversation.brand_id, account_id)
        await may_answer(
            connection, conversation, account_id, parent_mention_id, person_id, fence, visibility=visibility,
            leaves=leaves_at(now, hold_seconds, planned),
        )  # fmt: skip
        row = await (into or put)(
            connection, conversation, person_id, account_id, parent_mention_id, body, visibility=visibility, lang=lang,
            hold_seconds=hold_seconds, close_after=close_after, planned=planned, now=now,
        )  # fmt: skip
        await attachments.follow(connection, person_id, conversation_id, row.reply_id, visibility)
        return row


async def put(
    connection: asyncpg.Connection, conversation: Conversation, person_id: int, account_id: int, parent_id: int, body: str, *,
    visibility: str, lang: str, hold_seconds: float, close_after: bool, planned: datetime | None, now: datetime,
) -> OutboxRow:  # fmt: skip
    """The rows of a reply and their event, where everything that could speak against it has been asked and the conversation is locked."""
    brand_id, conversation_id = conversation.brand_id, conversation.id
    not_past(planned, now)
    reply_id = await connection.fetchval(
        _INSERT_REPLY, brand_id, conversation_id, account_id, parent_id, person_id, visibility, body, lang,
        conversation.thread_version, close_after, now,
    )  # fmt: skip
    not_before = leaves_at(now, hold_seconds, planned)
    outbox_id = await connection.fetchval(
        _INSERT, brand_id, reply_id, conversation_id, account_id, uuid.uuid4().hex, not_before, planned, now
    )
    event = Event(brand_id, "reply.queued", conversation_id, parent_id, outbox_id, person_id, after={"state": "queued"})
    await tell(connection, [event], now)
    return row_of(await connection.fetchrow(BY_ID, outbox_id))


def leaves_at(now: datetime, hold_seconds: float, planned: datetime | None) -> datetime:
    """When a reply may leave that is queued now."""
    return max(now + timedelta(seconds=hold_seconds), planned or now)


async def may_answer(
    connection: asyncpg.Connection, conversation: Conversation, account_id: int, parent_id: int, person_id: int, fence: int, *,
    visibility: str, leaves: datetime,
) -> None:  # fmt: skip
    """Raises Refused when nobody should answer now, or this writer should not, or has not read the thread as it is, or when the network
    does not take such an answer, or no longer when it `leaves`.
    """
    parent, source = await _answerable(
        connection, conversation.brand_id, conversation.id, account_id, parent_id, person_id
    )
    aside = visibility == "private" and parent["kind"] != Kind.DM
    can = await capabilities.of_account(connection, account_id)
    if aside and can.get(Capability.PRIVATE_REPLY, "-"):
        raise Refused("that account cannot answer a public message in private", code="not_there")
    if not aside and (why_not := can.get(Capability.REPLY)):
        raise Refused(f"that account cannot answer there: {why_not}", code="not_there")
    if aside and one_aside(source) and (other := await connection.fetchval(_ASIDE, parent_id)):
        raise Refused(f"{other} answered it in private already: its network takes one such answer", code="private_once")
    _window_is_open(parent["private_until" if aside else "reply_until"], leaves)
    if conversation.thread_version != fence:
        raise Refused(
            "the thread has changed since you began to write", code="thread_moved", hint="read it again, then send"
        )


async def _answerable(
    connection: asyncpg.Connection, brand_id: int, conversation_id: int, account_id: int, parent_id: int, person_id: int
) -> tuple[asyncpg.Record, str]:
    """The message that is answered, and the network of the account. Raises Refused."""
    parent = await connection.fetchrow(_PARENT, parent_id, conversation_id)
    if parent is None:
        raise Refused("that message is not in this conversation")
    if parent["state"] == "deleted":
        raise Refused("the message was deleted by its author", code="parent_gone", hint="there is nothing to answer")
    account = await connection.fetchrow(_ACCOUNT, account_id, brand_id)
    if account is None:
        raise Refused("that account does not belong to this brand")
    if account["state"] == "stopped":
        raise Refused(f"{account['handle']} cannot send: {account['problem']}", code="account_stopped")
    await _nobody_else_answers(connection, conversation_id, person_id)
    return parent, str(account["source"])


async def _nobody_else_answers(connection: asyncpg.Connection, conversation_id: int, person_id: int) -> None:
    """Raises Refused while a reply by anybody else is on its way, or waits for its time; the conversation is locked."""
    other = await connection.fetchrow(_IN_FLIGHT, conversation_id, person_id)
    if other is not None and other["planned"] is not None:
        told = f"a reply by {other['name']} waits for its time"
        raise Refused(told, code="answered_by_colleague", hint="take it back first, or let it go out now")
    if other is not None:
        raise Refused(f"{other['name']} is already answering: a reply is on its way", code="answered_by_colleague")


def _window_is_open(until: datetime | None, leaves: datetime) -> None:
    """Raises Refused when the network no longer takes it by the time that it leaves."""
    if until is not None and until < leaves:
        raise Refused(
            f"its network took such an answer until {until:%Y-%m-%d %H:%M} UTC: that window has closed",
            code="window_closed",
        )


@repeated
async def withdraw(pool: asyncpg.Pool, outbox_id: int, person_id: int, now: datetime) -> str:
    """Take a reply back; its words. Refused once it is on its way or its fate is not known."""
    async with acquired(pool) as connection, connection.transaction():
        return await withdrawn(connection, outbox_id, person_id, now)


async def withdrawn(
    connection: asyncpg.Connection, outbox_id: int, person_id: int, now: datetime, *, pictures_back: bool = True
) -> str:
    """The same, as a part of something larger. Of numbered parts all that have not left come back, as they were written; pictures unless
    something else becomes of them.
    """
    rows = [(await locked(connection, found["id"]), found["rest"]) for found in await _group(connection, outbox_id)]
    await may_act(connection, person_id, rows[0][0]["brand_id"])
    here = [(row, rest) for row, rest in rows if row["state"] in ("queued", "failed", "stopped")]
    if not here:
        raise Refused(f"too late: it is {rows[-1][0]['state']}", code=rows[-1][0]["state"])
    for row, _ in here:
        await write_down(connection, row, "withdrawn", now, person_id=person_id)
        if pictures_back:
            await attachments.back(connection, person_id, row["reply_id"], now)
    return str(here[0][1])


async def _group(connection: asyncpg.Connection, outbox_id: int) -> list[asyncpg.Record]:
    found = list(await connection.fetch(_GROUP, outbox_id))
    if not found:
        raise Refused("there is no such reply", where=str(outbox_id))
    return found


@repeated
async def retry(
    pool: asyncpg.Pool, outbox_id: int, person_id: int, now: datetime, *, fence: int, planned: datetime | None = None
) -> None:
    """Send again what failed or was stopped, by a person who has read the thread as it is (`fence`). Really sends, now or at the time `planned`.

    Refused while somebody else than its writer answers there by now, as a new reply would be.
    With a numbered part go all of its text that failed or were stopped.
    """
    not_past(planned, now)
    async with acquired(pool) as connection, connection.transaction():
        rows = [await locked(connection, found["id"]) for found in await _group(connection, outbox_id)]
        row = next(one for one in rows if one["id"] == outbox_id)
        await may_act(connection, person_id, row["brand_id"])
        if row["state"] not in ("failed", "stopped"):
            raise Refused(f"only what failed or was stopped can be sent again; it is {row['state']}", code=row["state"])
        rows = [one for one in rows if one["state"] in ("failed", "stopped")]
        conversation = (await lock(connection, [row["conversation_id"]]))[row["conversation_id"]]
        if conversation.thread_version != fence:
            raise Refused("the thread has changed meanwhile", code="thread_moved", hint="read it again, then send")
        moved = row["fence"] != fence
        if moved and await needs_approval(connection, person_id, row["brand_id"], row["account_id"]):
            raise Refused(
                "the thread has changed since this was approved",
                code="needs_approval",
                hint="take it back and ask again",
            )
        await _nobody_else_answers(connection, row["conversation_id"], row["person_id"])
        await _fits_window(connection, row, planned)
        for one in rows:
            await attachments.all_kept(connection, reply_id=one["reply_id"])
            await connection.execute(_FENCE, one["reply_id"], fence)
            # The network did not take it, so the next attempt looks and freezes anew; where only a person says so, the same
            # frozen record goes out again: should the person be wrong, a network that lets us choose the id still has it once.
            thaw = one["code"] != NOT_SENT
            await connection.execute(_PLAN, one["id"], planned, planned or now, now)
            await write_down(connection, one, "queued", now, not_before=planned or now, person_id=person_id, thaw=thaw)


@repeated
async def plan(pool: asyncpg.Pool, outbox_id: int, person_id: int, planned: datetime | None, now: datetime) -> None:
    """Another time for a reply that waits for its own; None: now. Refused once it is on its way."""
    not_past(planned, now)
    async with acquired(pool) as connection, connection.transaction():
        rows = [await locked(connection, found["id"]) for found in await _group(connection, outbox_id)]
        row = rows[0]
        await may_act(connection, person_id, row["brand_id"])
        late = next(
            (one for one in rows if one["state"] != "queued" or one["planned"] is None or one["is_frozen"]), None
        )
        if late is not None:
            raise Refused(f"too late: it is {late['state']}", code=late["state"])
        await _fits_window(connection, row, planned)
        for one in rows:
            await connection.execute(_PLAN, one["id"], planned, planned or now, now)
        was, becomes = {"planned": row["planned"]}, {"planned": planned}
        event = Event(
            row["brand_id"], "reply.planned", row["conversation_id"], None, outbox_id, person_id, before=was, after=becomes
        )  # fmt: skip
        await tell(connection, [event], now)


async def _fits_window(connection: asyncpg.Connection, row: asyncpg.Record, planned: datetime | None) -> None:
    if planned is not None:
        _window_is_open(await connection.fetchval(_WINDOW, row["reply_id"]), planned)


def not_past(planned: datetime | None, now: datetime) -> None:
    """Raises Refused for a time that nothing can be planned for any more."""
    if planned is not None and planned <= now:
        raise Refused("that time has already passed", code="past", hint="choose a later time")


@repeated
async def resolve_unknown(
    pool: asyncpg.Pool, outbox_id: int, person_id: int, verdict: Literal["sent", "not_sent"], now: datetime
) -> None:
    """A person has looked on the network: it is there, or it is not (then it may be sent again)."""
    async with acquired(pool) as connection, connection.transaction():
        row = await locked(connection, outbox_id)
        await may_act(connection, person_id, row["brand_id"])
        if row["state"] != "unknown":
            raise Refused(f"its fate is known: {row['state']}", code=row["state"])
        if verdict == "sent":
            await write_down(connection, row, "accepted", now, person_id=person_id)
        else:
            await write_down(
                connection, row, "failed", now, person_id=person_id, problem="a person found that it was not sent"
            )


async def row(pool: asyncpg.Pool, outbox_id: int) -> OutboxRow | None:
    """One outbox row as people see it."""
    async with acquired(pool) as connection:
        found = await connection.fetchrow(BY_ID, outbox_id)
        return None if found is None else row_of(found)
