"""What leaves: replies as rows first, deliveries second. Owns the states of the outbox and who may send when.

queued -> sending -> accepted -> seen; or failed, stopped (the thread moved: a person decides), withdrawn, unknown.
A claim is its own short transaction; no transaction is open while a network is called. Before the first byte leaves, what will be
sent is frozen in the row. A lease that runs out in *sending* becomes *unknown* when something was frozen (it may have left) and
*queued* when nothing was (it cannot have left). Refuses to call a network and to repeat anything by itself.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import asyncpg
import msgspec

from listener import workflow
from listener.errors import Refused
from listener.model import PART_BEFORE, Account, Author, Capability, Conversation, Key, Kind, OutboxState, Reply
from listener.store import attachments, capabilities
from listener.store.acts.rights import may_act, may_send, needs_approval
from listener.store.connect import acquired, repeated
from listener.store.conversations import Event, changes, follow, lock, save, tell
from listener.store.views import OutboxRow

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

_ACCOUNT = "SELECT state, problem, handle FROM accounts WHERE id = $1 AND brand_id = $2"

_IN_FLIGHT = """
SELECT o.id, p.name, o.planned FROM outbox AS o JOIN replies AS r ON r.id = o.reply_id JOIN people AS p ON p.id = r.person_id
WHERE o.conversation_id = $1 AND o.state IN ('queued', 'sending', 'unknown') AND r.person_id <> $2 ORDER BY o.id LIMIT 1
"""

COLUMNS = """
o.id, o.reply_id, o.conversation_id, o.state, r.body, a.handle AS account_handle, w.handle AS parent_handle,
r.visibility = 'private' AS private, p.name AS person, r.person_id, o.not_before, o.queued_at, o.changed_at, o.external_id, o.problem,
o.code, r.fence, o.planned, coalesce(t.part, 0) AS part, coalesce(t.parts, 0) AS parts
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
_BY_ID = _ROW + "WHERE o.id = $1"
_BY_CONVERSATION = _ROW + "WHERE o.conversation_id = $1 ORDER BY o.id"

_LOCK = """
SELECT o.id, o.brand_id, o.state, o.code, o.conversation_id, o.reply_id, o.attempt, o.attempts, o.frozen IS NOT NULL AS is_frozen,
       o.external_id, o.planned, r.body, r.close_after, r.fence, r.person_id, r.account_id
FROM outbox AS o JOIN replies AS r ON r.id = o.reply_id WHERE o.id = $1 FOR UPDATE OF o
"""

# One at a time in a conversation, in order: but what is planned for later stands before nothing that goes out earlier. A part leaves
# once the network has the part before it.
_ITS_TURN = """
  NOT EXISTS (SELECT FROM outbox AS e WHERE e.conversation_id = o.conversation_id AND e.id <> o.id
              AND (e.state IN ('sending', 'unknown')
                   OR (e.state = 'queued' AND e.id < o.id AND coalesce(e.planned, o.not_before) <= o.not_before)))
  AND NOT EXISTS (SELECT FROM reply_parts AS p JOIN reply_parts AS b ON b.first_id = p.first_id AND b.part = p.part - 1
                  JOIN outbox AS e ON e.reply_id = b.reply_id
                  WHERE p.reply_id = o.reply_id AND e.state NOT IN ('accepted', 'seen'))
"""

# The oldest that is due and whose turn it is.
_NEXT = f"""
SELECT o.id FROM outbox AS o
WHERE o.lane = $1 AND o.state = 'queued' AND o.not_before <= $2 AND {_ITS_TURN}
  AND NOT EXISTS (SELECT FROM accounts AS a WHERE a.id = o.account_id AND a.state = 'stopped')
ORDER BY o.not_before, o.id LIMIT 1 FOR UPDATE OF o SKIP LOCKED
"""  # noqa: S608 - constants

_NEXT_DUE = f"""
SELECT min(o.not_before) FROM outbox AS o
WHERE o.lane = 'reply' AND o.state = 'queued' AND NOT EXISTS (SELECT FROM accounts AS a WHERE a.id = o.account_id AND a.state = 'stopped')
  AND {_ITS_TURN}
"""  # noqa: S608 - constants

_STILL_ITS_TURN = f"SELECT {_ITS_TURN} FROM outbox AS o WHERE o.id = $1"  # noqa: S608 - constants

_TAKE = """
UPDATE outbox SET state = 'sending', attempt = $2, lease_until = $3, attempts = attempts + 1, changed_at = $4 WHERE id = $1
"""

_REPLY = """
SELECT o.id AS outbox_id, o.key, o.frozen::text AS frozen, o.queued_at, r.body, r.lang, r.visibility = 'private' AS private,
       a.id AS account_id, a.brand_id, a.source, a.space AS account_space, a.external_id AS account_external_id, a.handle,
       m.space, m.external_id, m.content_id, m.root,
       w.space AS author_space, w.external_id AS author_external_id, w.handle AS author_handle, w.name AS author_name,
       e.external_id AS part_before
FROM outbox AS o
JOIN replies AS r ON r.id = o.reply_id
JOIN accounts AS a ON a.id = r.account_id
JOIN mentions AS m ON m.id = r.parent_id
JOIN authors AS w ON w.id = m.author_id
LEFT JOIN reply_parts AS p ON p.reply_id = r.id
LEFT JOIN reply_parts AS b ON b.first_id = p.first_id AND b.part = p.part - 1
LEFT JOIN outbox AS e ON e.reply_id = b.reply_id
WHERE o.id = $1
"""

# Parts of one text, of which this is one; just itself where it is whole.
_GROUP = """
SELECT o.id, coalesce(p.rest, r.body) AS rest FROM outbox AS o JOIN replies AS r ON r.id = o.reply_id
LEFT JOIN reply_parts AS p ON p.reply_id = o.reply_id
WHERE o.id = $1
   OR p.first_id = (SELECT q.first_id FROM reply_parts AS q JOIN outbox AS x ON x.reply_id = q.reply_id WHERE x.id = $1)
ORDER BY o.id
"""

_PARTS_AFTER = """
SELECT e.id, b.part AS stopped, b.parts FROM reply_parts AS b
JOIN reply_parts AS p ON p.first_id = b.first_id AND p.part > b.part JOIN outbox AS e ON e.reply_id = p.reply_id
WHERE b.reply_id = $1 AND e.state = 'queued' ORDER BY e.id
"""

_RENEW = "UPDATE outbox SET lease_until = $3 WHERE id = $1 AND attempt = $2 AND state = 'sending' RETURNING id"

_FREEZE = """
UPDATE outbox SET frozen = $3::text::jsonb, external_id = $4, changed_at = $5
WHERE id = $1 AND attempt = $2 AND state = 'sending' AND frozen IS NULL RETURNING id
"""

_SETTLE = """
UPDATE outbox SET state = $2, problem = $3, code = $4, not_before = coalesce($5, not_before), lease_until = NULL,
    receipt = coalesce($6::text::jsonb, receipt), external_id = coalesce($7, external_id), changed_at = $8,
    frozen = CASE WHEN $9 THEN NULL ELSE frozen END
WHERE id = $1
"""

_WINDOW = """
SELECT CASE WHEN r.visibility = 'private' AND m.kind <> 'dm' THEN m.private_until ELSE m.reply_until END
FROM replies AS r JOIN mentions AS m ON m.id = r.parent_id WHERE r.id = $1
"""

_PLAN = "UPDATE outbox SET planned = $2, not_before = $3, changed_at = $4 WHERE id = $1"

_OVERTAKEN = """
SELECT o.id FROM outbox AS o JOIN replies AS r ON r.id = o.reply_id JOIN conversations AS c ON c.id = o.conversation_id
WHERE o.state = 'queued' AND o.planned IS NOT NULL AND o.frozen IS NULL AND r.fence <> c.thread_version
  AND NOT EXISTS (SELECT FROM reply_parts AS p WHERE p.reply_id = o.reply_id AND p.part > 1) ORDER BY o.id LIMIT 100
"""

_FENCE = "UPDATE replies SET fence = $2 WHERE id = $1"

_EXPIRED = "SELECT id FROM outbox WHERE lane = 'reply' AND state = 'sending' AND lease_until < $1 ORDER BY id"

_UNSETTLED = """
SELECT id, state FROM outbox WHERE state IN ('unknown', 'accepted') AND changed_at < $1 AND lane = 'reply' ORDER BY changed_at, id
LIMIT 50
"""

_LOOKED = "UPDATE outbox SET changed_at = $2 WHERE id = $1 AND state IN ('unknown', 'accepted')"

_SEEN_ALREADY = """
SELECT k.mention_id FROM mention_keys AS k JOIN accounts AS a ON a.space = k.space
WHERE a.id = $1 AND k.external_id = $2
"""

_REPLY_IS = "UPDATE replies SET mention_id = $2 WHERE id = $1"

NOT_SENT = "not_sent"
"""The code of a failure that a person declared."""

Settled = Literal["accepted", "seen", "failed", "unknown", "stopped", "queued"]


# What people do ------------------------------------------------------------------------------------------------------


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
    return row_of(await connection.fetchrow(_BY_ID, outbox_id))


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
    parent = await _answerable(connection, conversation.brand_id, conversation.id, account_id, parent_id, person_id)
    aside = visibility == "private" and parent["kind"] != Kind.DM
    if aside and (await capabilities.of_account(connection, account_id)).get(Capability.PRIVATE_REPLY, "-"):
        raise Refused("that account cannot answer a public message in private", code="not_there")
    _window_is_open(parent["private_until" if aside else "reply_until"], leaves)
    if conversation.thread_version != fence:
        raise Refused(
            "the thread has changed since you began to write", code="thread_moved", hint="read it again, then send"
        )


async def _answerable(
    connection: asyncpg.Connection, brand_id: int, conversation_id: int, account_id: int, parent_id: int, person_id: int
) -> asyncpg.Record:
    """The message that is answered. Raises Refused."""
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
    return parent


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
    rows = [(await _locked(connection, found["id"]), found["rest"]) for found in await _group(connection, outbox_id)]
    await may_act(connection, person_id, rows[0][0]["brand_id"])
    here = [(row, rest) for row, rest in rows if row["state"] in ("queued", "failed", "stopped")]
    if not here:
        raise Refused(f"too late: it is {rows[-1][0]['state']}", code=rows[-1][0]["state"])
    for row, _ in here:
        await _settle(connection, row, "withdrawn", now, person_id=person_id)
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
        rows = [await _locked(connection, found["id"]) for found in await _group(connection, outbox_id)]
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
            await _settle(connection, one, "queued", now, not_before=planned or now, person_id=person_id, thaw=thaw)


@repeated
async def plan(pool: asyncpg.Pool, outbox_id: int, person_id: int, planned: datetime | None, now: datetime) -> None:
    """Another time for a reply that waits for its own; None: now. Refused once it is on its way."""
    not_past(planned, now)
    async with acquired(pool) as connection, connection.transaction():
        rows = [await _locked(connection, found["id"]) for found in await _group(connection, outbox_id)]
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
        row = await _locked(connection, outbox_id)
        await may_act(connection, person_id, row["brand_id"])
        if row["state"] != "unknown":
            raise Refused(f"its fate is known: {row['state']}", code=row["state"])
        if verdict == "sent":
            await _settle(connection, row, "accepted", now, person_id=person_id)
        else:
            await _settle(
                connection, row, "failed", now, person_id=person_id, problem="a person found that it was not sent"
            )


# What the deliverer does ---------------------------------------------------------------------------------------------


async def claim_next(
    pool: asyncpg.Pool, lane: str, attempt: uuid.UUID, now: datetime, lease_seconds: float
) -> Reply | None:
    """The next reply that may leave, leased to this attempt; None when there is none.

    One whose thread has moved since its writer read it is stopped on the way, and a person is asked.
    """
    while True:
        async with acquired(pool) as connection, connection.transaction():
            outbox_id = await connection.fetchval(_NEXT, lane, now)
            if outbox_id is None:
                return None
            row = await _locked(connection, outbox_id)
            # With the conversation locked: another sender may have taken another row of it at the same moment.
            if await _moved(connection, row, now) or not await connection.fetchval(_STILL_ITS_TURN, outbox_id):
                continue
            await connection.execute(_TAKE, outbox_id, attempt, now + timedelta(seconds=lease_seconds), now)
            event = Event(
                row["brand_id"], "reply.sending", row["conversation_id"], None, outbox_id,
                before={"state": "queued"}, after={"state": "sending"},
            )  # fmt: skip
            await tell(connection, [event], now)
            return _reply(await connection.fetchrow(_REPLY, outbox_id))


async def overtaken(pool: asyncpg.Pool, now: datetime) -> int:
    """Stop what waits for its time in a thread that has moved, at once and not when the time comes: a person is asked while there is time."""
    n = 0
    async with acquired(pool) as connection:
        for found in await connection.fetch(_OVERTAKEN):
            async with connection.transaction():
                row = await _locked(connection, found["id"])
                if row["state"] == "queued" and row["planned"] is not None and await _moved(connection, row, now):
                    n += 1
    return n


async def _moved(connection: asyncpg.Connection, row: asyncpg.Record, now: datetime) -> bool:
    """Whether the thread is another than its writer read; then it is stopped."""
    conversation = (await lock(connection, [row["conversation_id"]]))[row["conversation_id"]]
    if conversation.thread_version == row["fence"]:
        return False
    problem = "the thread has changed since this was written: read it again, then send or take back"
    await _settle(connection, row, "stopped", now, problem=problem, code="thread_moved")
    return True


async def renew(pool: asyncpg.Pool, outbox_id: int, attempt: uuid.UUID, until: datetime) -> bool:
    """Keep the lease while a slow network answers; False when it is no longer ours."""
    async with acquired(pool) as connection:
        return await connection.fetchval(_RENEW, outbox_id, attempt, until) is not None


async def freeze(
    pool: asyncpg.Pool,
    outbox_id: int,
    attempt: uuid.UUID,
    frozen: Mapping[str, Any],
    external_id: str | None,
    now: datetime,
) -> bool:
    """Fix what will be sent, before it is sent. False: the lease is no longer ours, do not send."""
    async with acquired(pool) as connection:
        text = msgspec.json.encode(frozen).decode()
        return await connection.fetchval(_FREEZE, outbox_id, attempt, text, external_id, now) is not None


async def settle(
    pool: asyncpg.Pool, outbox_id: int, attempt: uuid.UUID | None, state: Settled, now: datetime, *, problem: str = "",
    code: str = "", not_before: datetime | None = None, receipt: Mapping[str, Any] | None = None,
    external_id: str | None = None, thaw: bool = False,
) -> bool:  # fmt: skip
    """Write down what became of an attempt; False when the row has moved on meanwhile (seen on the stream, another attempt).

    `attempt` None: settled by looking, not by sending. `thaw`: surely nothing left; the next attempt looks and freezes anew.
    """
    async with acquired(pool) as connection, connection.transaction():
        row = await _locked(connection, outbox_id)
        if attempt is not None and (row["attempt"] != attempt or row["state"] not in ("sending", "unknown")):
            return False
        if attempt is None and row["state"] not in ("unknown", "accepted"):
            return False
        await _settle(
            connection, row, state, now, problem=problem, code=code, not_before=not_before, receipt=receipt,
            external_id=external_id, thaw=thaw,
        )  # fmt: skip
        return True


async def again(
    pool: asyncpg.Pool, outbox_id: int, attempt: uuid.UUID, now: datetime, lease_seconds: float
) -> Reply | None:
    """Take an *unknown* up once more: only for a network where we chose the record's id and a look found nothing."""
    async with acquired(pool) as connection, connection.transaction():
        row = await _locked(connection, outbox_id)
        if row["state"] != "unknown" or not row["is_frozen"]:
            return None
        await connection.execute(_TAKE, outbox_id, attempt, now + timedelta(seconds=lease_seconds), now)
        return _reply(await connection.fetchrow(_REPLY, outbox_id))


async def expired(pool: asyncpg.Pool, now: datetime) -> int:
    """Leases that ran out: *unknown* if it may have left, *queued* if it cannot have."""
    n = 0
    async with acquired(pool) as connection, connection.transaction():
        for found in await connection.fetch(_EXPIRED, now):
            row = await _locked(connection, found["id"])
            if row["state"] != "sending":
                continue
            n += 1
            if row["is_frozen"]:
                problem = "the sender died while sending: looking on the network whether it arrived"
                await _settle(connection, row, "unknown", now, problem=problem, code="lease_expired")
            else:
                await _settle(connection, row, "queued", now, not_before=now)
    return n


async def unsettled(pool: asyncpg.Pool, before: datetime) -> Sequence[tuple[OutboxState, Reply]]:
    """What was accepted or unknown and has not changed since `before`: to be looked up on the network."""
    async with acquired(pool) as connection:
        found = await connection.fetch(_UNSETTLED, before)
        return [(OutboxState(f["state"]), _reply(await connection.fetchrow(_REPLY, f["id"]))) for f in found]


async def looked(pool: asyncpg.Pool, outbox_id: int, now: datetime) -> None:
    """A look that settled nothing: look again later, not at once."""
    async with acquired(pool) as connection:
        await connection.execute(_LOOKED, outbox_id, now)


async def next_due(pool: asyncpg.Pool) -> datetime | None:
    """When the next queued reply may leave."""
    async with acquired(pool) as connection:
        due: datetime | None = await connection.fetchval(_NEXT_DUE)
        return due


async def row(pool: asyncpg.Pool, outbox_id: int) -> OutboxRow | None:
    """One outbox row as people see it."""
    async with acquired(pool) as connection:
        found = await connection.fetchrow(_BY_ID, outbox_id)
        return None if found is None else row_of(found)


async def of_conversation(connection: asyncpg.Connection, conversation_id: int) -> tuple[OutboxRow, ...]:
    """All replies of a conversation, oldest first."""
    return tuple(row_of(r) for r in await connection.fetch(_BY_CONVERSATION, conversation_id))


# Inside --------------------------------------------------------------------------------------------------------------


async def _locked(connection: asyncpg.Connection, outbox_id: int) -> asyncpg.Record:
    found = await connection.fetchrow(_LOCK, outbox_id)
    if found is None:
        raise Refused("there is no such reply", where=str(outbox_id))
    return found


async def _settle(
    connection: asyncpg.Connection, row: asyncpg.Record, state: str, now: datetime, *, problem: str = "", code: str = "",
    not_before: datetime | None = None, receipt: Mapping[str, Any] | None = None, external_id: str | None = None,
    thaw: bool = False, person_id: int | None = None,
) -> None:  # fmt: skip
    if state in ("accepted", "seen"):
        mention_id = await connection.fetchval(_SEEN_ALREADY, row["account_id"], external_id or row["external_id"])
        if mention_id is not None:
            state = "seen"
            await connection.execute(_REPLY_IS, row["reply_id"], mention_id)
    events = []
    first_success = state in ("accepted", "seen") and row["state"] in ("sending", "unknown")
    if first_success and row["conversation_id"] is not None:
        before = (await lock(connection, [row["conversation_id"]]))[row["conversation_id"]]
        after = workflow.replied(before, now, close=row["close_after"])
        await save(connection, [after], now)
        await follow(connection, before, after, row["person_id"])
        was, became = changes(before, after)
        events.append(
            Event(row["brand_id"], "conversation.replied", before.id, None, row["id"], before=was, after=became)
        )
    text = None if receipt is None else msgspec.json.encode(receipt).decode()
    await connection.execute(_SETTLE, row["id"], state, problem, code, not_before, text, external_id, now, thaw)
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
        after = await _locked(connection, found["id"])
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


def _reply(r: asyncpg.Record) -> Reply:
    parent, content_id = Key(r["space"], r["external_id"]), r["content_id"]
    author = Author(r["author_space"], r["author_external_id"], r["author_handle"], r["author_name"])
    if r["part_before"] is not None:  # a numbered part answers the part before it, which is ours
        parent, content_id = Key(r["space"], r["part_before"]), ""
        author = Author(r["account_space"], r["account_external_id"], r["handle"])
    return Reply(
        outbox_id=r["outbox_id"],
        key=r["key"],
        account=Account(
            r["account_id"], r["brand_id"], r["source"], r["account_space"], r["account_external_id"], r["handle"]
        ),
        parent=parent,
        parent_content_id=content_id,
        root=r["root"],
        parent_author=author,
        text=r["body"],
        lang=r["lang"],
        private=r["private"],
        queued_at=r["queued_at"],
        frozen=None if r["frozen"] is None else msgspec.json.decode(r["frozen"]),
    )
