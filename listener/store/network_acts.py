"""What is done on a network beside answering: likes, hides, deletes, blocks, as rows of the outbox. Owns who may do what to which message.

The states, claims and leases are those of replies (`listener.store.lane`), in a lane of their own: an answer never waits for a like. What
one account does to one thing (a message, a post's hidden replies, an author) keeps its order; a block also lets the answers go first that
were due before it. Each act asks for a state, so what may have been done is looked up and then simply done again. *accepted* is the end:
the network has said that it is so. The deliverer's side is `listener.store.network_lane`. Refuses to call a network.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import msgspec

from listener.errors import Refused
from listener.model.leaving import NEEDS, Doing, OutboxState
from listener.store import capabilities
from listener.store.acts.rights import may_act, may_send
from listener.store.connect import acquired
from listener.store.conversations import Event, tell
from listener.store.views.thread import ActRow, Rewording

NEWEST = 12
"""Acts that are read of one message or author: more than enough to know how it stands."""

_CONVERSATION = "SELECT id, brand_id FROM conversations WHERE id = $1 AND merged_into IS NULL"

# Nothing that the brand has not heard can be acted on. `wrote` is the account of the brand that wrote it, `top` that which wrote the thread's root.
_TARGET = """
SELECT m.id, m.external_id, m.root, m.state, m.author_id, m.content_id, w.external_id AS author, wrote.id AS wrote, top.ours AS top_ours,
       top.account_id AS top
FROM mentions AS m
JOIN authors AS w ON w.id = m.author_id
LEFT JOIN accounts AS wrote ON wrote.brand_id = $2 AND wrote.space = w.space AND wrote.external_id = w.external_id
LEFT JOIN LATERAL (
    SELECT r.ours, a.id AS account_id FROM mention_keys AS k JOIN mentions AS r ON r.id = k.mention_id JOIN authors AS o ON o.id = r.author_id
    LEFT JOIN accounts AS a ON a.brand_id = $2 AND a.space = o.space AND a.external_id = o.external_id
    WHERE k.space = m.space AND k.external_id = m.root
) AS top ON true
WHERE m.id = $1 AND EXISTS (SELECT FROM hearings AS h WHERE h.mention_id = m.id AND h.brand_id = $2)
"""

_ACCOUNT = "SELECT id, state, problem, handle, source FROM accounts WHERE id = $1 AND brand_id = $2"

_STANDS = """
SELECT n.what, o.state FROM network_acts AS n JOIN outbox AS o ON o.network_act_id = n.id
WHERE n.account_id = $1 AND n.thing = $2 AND n.what = ANY ($3::text[]) AND n.mention_id = coalesce($4, n.mention_id)
  AND o.state NOT IN ('withdrawn', 'failed', 'stopped')
ORDER BY n.id DESC LIMIT 1
"""

# One act at a time on one thing: two people who press the same key queue one act.
_ALONE = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"

_INSERT_ACT = """
INSERT INTO network_acts (brand_id, conversation_id, account_id, mention_id, author_id, person_id, what, thing, at, body, known_content_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING id
"""

_INSERT = """
INSERT INTO outbox (brand_id, lane, network_act_id, account_id, key, state, not_before, queued_at, changed_at)
VALUES ($1, 'network', $2, $3, $4, 'queued', $5, $6, $6) RETURNING id
"""

_ROW = """
SELECT o.id, n.conversation_id, n.mention_id, n.author_id, n.what, o.state, a.handle AS account_handle, p.name AS person, n.person_id,
       o.not_before, o.queued_at, o.changed_at, o.problem, o.code
FROM {picked}
JOIN LATERAL (SELECT * FROM network_acts WHERE id = picked.id LIMIT 1) AS n ON true
JOIN LATERAL (SELECT * FROM outbox WHERE network_act_id = n.id LIMIT 1) AS o ON true
JOIN accounts AS a ON a.id = n.account_id
JOIN people AS p ON p.id = n.person_id
"""
_BY_ID = _ROW.format(picked="(SELECT network_act_id AS id FROM outbox WHERE id = $1) AS picked")

# What stands at these messages and this author, wherever it was asked for: of each the newest.
_OF_THREAD = f"""
WITH picked AS MATERIALIZED (
    SELECT n.id FROM unnest($2::bigint[]) AS m(id), LATERAL (
        SELECT id FROM network_acts
        WHERE mention_id = m.id AND brand_id + 0 = $1 AND what NOT IN ('block', 'unblock') ORDER BY id DESC LIMIT $4
    ) AS n
    UNION
    SELECT id FROM (
        SELECT id FROM network_acts
        WHERE author_id = $3 AND brand_id + 0 = $1 AND what IN ('block', 'unblock') ORDER BY id DESC LIMIT $4
    ) AS n
)
{_ROW.format(picked="picked")} ORDER BY n.id
"""  # noqa: S608 - constants

_LOCK = """
SELECT o.id, o.brand_id, o.state, o.code, o.attempt, o.frozen IS NOT NULL AS is_frozen, n.conversation_id, n.mention_id, n.what, n.person_id,
       m.space, m.external_id
FROM outbox AS o JOIN network_acts AS n ON n.id = o.network_act_id JOIN mentions AS m ON m.id = n.mention_id
WHERE o.id = $1 FOR UPDATE OF o
"""

_OVERTAKEN = """
SELECT EXISTS (SELECT FROM outbox AS o JOIN network_acts AS n ON n.id = o.network_act_id
               JOIN network_acts AS e ON e.account_id = n.account_id AND e.thing = n.thing AND e.id > n.id
                   AND (e.mention_id = n.mention_id OR n.what IN ('block', 'unblock'))
               JOIN outbox AS x ON x.network_act_id = e.id AND x.state <> 'withdrawn'
               WHERE o.id = $1)
"""

_SETTLE = """
UPDATE outbox SET state = $2, problem = $3, code = $4, not_before = coalesce($5, not_before), lease_until = NULL,
    receipt = coalesce($6::text::jsonb, receipt), changed_at = $7, frozen = CASE WHEN $8 THEN NULL ELSE frozen END
WHERE id = $1
"""

# What was typed last for it: an edit that the network has taken, else the reply itself.
_EDITABLE = """
SELECT coalesce(
    (SELECT n.body FROM network_acts AS n JOIN outbox AS o ON o.network_act_id = n.id
     WHERE n.mention_id = $1 AND n.what = 'edit' AND o.state IN ('accepted', 'seen') ORDER BY n.id DESC LIMIT 1),
    (SELECT r.body FROM replies AS r WHERE r.mention_id = $1 AND r.brand_id = $2 ORDER BY r.id DESC LIMIT 1)
) AS body, (SELECT count(*) FROM network_acts AS n JOIN outbox AS o ON o.network_act_id = n.id
            WHERE n.mention_id = $1 AND n.what = 'edit' AND o.state IN ('queued', 'sending', 'unknown')) AS leaving,
EXISTS (SELECT FROM replies AS r WHERE r.mention_id = $1 AND r.brand_id = $2) AS sent
"""


# What people do ------------------------------------------------------------------------------------------------------


async def queue(
    pool: asyncpg.Pool, person_id: int, conversation_id: int, mention_id: int, what: Doing, *, account_id: int,
    hold_seconds: float, now: datetime, edit: Rewording | None = None,
) -> ActRow:  # fmt: skip
    """Put an act in the outbox; it leaves after `hold_seconds` unless taken back. `edit`: what an edit makes of it, and of nothing else.

    `account_id`: as whom, where the message itself does not say (what we wrote is deleted by its writer, a comment is hidden by whose
    post it stands under). Refused for viewers, for what the network does not allow, and when it stands so already.
    """
    async with acquired(pool) as connection, connection.transaction():
        conversation = await connection.fetchrow(_CONVERSATION, conversation_id)
        if conversation is None:
            raise Refused("there is no such conversation", where=str(conversation_id))
        brand_id = conversation["brand_id"]
        await may_act(connection, person_id, brand_id)
        target = await connection.fetchrow(_TARGET, mention_id, brand_id)
        if target is None:
            raise Refused("there is no such message", where=str(mention_id))
        account = await _who_can(connection, brand_id, what, _doer(what, target) or account_id)
        thing = _thing(what, target)
        await connection.fetchval(_ALONE, f"{account['id']} {thing}")
        if what is Doing.EDIT:
            await _may_edit(connection, person_id, brand_id, account["id"], target, edit)
        await _not_so_already(connection, account["id"], thing, what, mention_id)
        act_id = await connection.fetchval(
            _INSERT_ACT, brand_id, conversation_id, account["id"], mention_id, target["author_id"], person_id, what.value, thing, now,
            *((edit.body.strip(), target["content_id"]) if edit is not None else (None, None)),
        )  # fmt: skip
        key = uuid.uuid4()
        leaves = now + timedelta(seconds=hold_seconds)
        outbox_id = await connection.fetchval(_INSERT, brand_id, act_id, account["id"], key.hex, leaves, now)
        after = {"what": what, "state": "queued"}
        event = Event(
            brand_id, "network.queued", conversation_id, mention_id, outbox_id, person_id, key, before={}, after=after
        )
        await tell(connection, [event], now)
        return _row(await connection.fetchrow(_BY_ID, outbox_id))


async def _may_edit(
    connection: asyncpg.Connection, person_id: int, brand_id: int, account_id: int, target: Mapping[str, Any], edit: Rewording | None
) -> None:  # fmt: skip
    """Raises Refused where it is no reply of ours that was sent from here, has changed since, or would not have been sent so by this person."""
    if edit is None or not edit.body.strip():
        raise Refused("an edit without words is none", hint="what we wrote can be deleted")
    await may_send(connection, person_id, brand_id, account_id)
    now = await connection.fetchrow(_EDITABLE, target["id"], brand_id)
    if not now["sent"]:
        raise Refused("only a reply that was sent from here can be edited here", code="not_sent_here")
    if now["leaving"]:
        raise Refused(
            "an edit of it is on its way already", code="already", hint="take that back, or wait until it is there"
        )
    if target["content_id"] != edit.content_id:
        raise Refused("it was changed since you began", code="parent_changed", hint="read it again")
    if now["body"] is not None and now["body"].strip() == edit.body.strip():
        raise Refused("nothing was changed", code="already")


async def editable(pool: asyncpg.Pool, brand_id: int, mention_id: int) -> Rewording | None:
    """A reply of ours as it was typed last, for whoever would edit it; None: it was not sent from here."""
    async with acquired(pool) as connection:
        row = await connection.fetchrow(_EDITABLE, mention_id, brand_id)
        content_id = await connection.fetchval("SELECT content_id FROM mentions WHERE id = $1", mention_id)
    return Rewording(row["body"], content_id) if row["sent"] and row["body"] is not None else None


def _doer(what: Doing, target: Mapping[str, Any]) -> int | None:
    """The account whose affair it is, where the message says so. Raises Refused for what is nobody's of ours to do."""
    if what in (Doing.DELETE, Doing.EDIT):
        if target["wrote"] is None:
            raise Refused(
                f"only what we wrote can be {'deleted' if what is Doing.DELETE else 'edited'}",
                hint="what others say under a post of ours is removed, where the network allows it",
            )
        if target["state"] == "deleted":
            raise Refused("it is deleted already")
        return int(target["wrote"])
    if target["wrote"] is not None:
        raise Refused("that is a message of our own", hint="it can be deleted")
    if what is Doing.REMOVE and target["state"] == "deleted":
        raise Refused("it is deleted already")
    if what in (Doing.LIKE, Doing.HIDE) and target["state"] == "deleted":
        raise Refused("its author has deleted it")
    if what in (Doing.HIDE, Doing.SHOW, Doing.REMOVE):
        # Where nobody has heard the post itself, the network is asked when the act leaves.
        if target["top_ours"] is False or target["root"] == target["external_id"]:
            raise Refused("it does not stand under a post of ours: only there can what others say be hidden or deleted")
        return None if target["top"] is None else int(target["top"])
    return None


async def _who_can(connection: asyncpg.Connection, brand_id: int, what: Doing, account_id: int) -> asyncpg.Record:
    account = await connection.fetchrow(_ACCOUNT, account_id, brand_id)
    if account is None:
        raise Refused("no account of ours fits: it cannot be done from here")
    if account["state"] == "stopped":
        raise Refused(f"{account['handle']} cannot act: {account['problem']}", code="account_stopped")
    reason = (await capabilities.of_account(connection, account["id"])).get(NEEDS[what])
    if reason is None:
        raise Refused("the listener has not said yet what this account can do", hint="it says so when it starts")
    if reason:
        raise Refused(f"not on {account['source']}: {reason}", code="not_there")
    return account


def _thing(what: Doing, target: Mapping[str, Any]) -> str:
    """What on the network is changed: a post's hidden replies stand together, a block is of an author."""
    match what:
        case Doing.HIDE | Doing.SHOW:
            return f"hidden under {target['root']}"
        case Doing.BLOCK | Doing.UNBLOCK:
            return f"block of {target['author']}"
        case Doing.LIKE | Doing.UNLIKE:
            return f"like of {target['external_id']}"
        case Doing.DELETE | Doing.REMOVE | Doing.EDIT:
            return str(target["external_id"])


_SAME_STATE = (
    (Doing.LIKE, Doing.UNLIKE),
    (Doing.HIDE, Doing.SHOW),
    (Doing.BLOCK, Doing.UNBLOCK),
    (Doing.DELETE,),
    (Doing.REMOVE,),
)
"""An edit has no state to be in already: it may be edited again, once the one before has arrived."""


async def _not_so_already(
    connection: asyncpg.Connection, account_id: int, thing: str, what: Doing, mention_id: int
) -> None:
    if what is Doing.EDIT:
        return
    pair = next(pair for pair in _SAME_STATE if what in pair)
    of_message = None if what in (Doing.BLOCK, Doing.UNBLOCK) else mention_id
    last = await connection.fetchrow(_STANDS, account_id, thing, [one.value for one in pair], of_message)
    if last is not None and last["what"] == what:
        state = "done" if last["state"] in ("accepted", "seen") else "on its way"
        raise Refused(f"that is {state} already", code="already")


async def withdraw(pool: asyncpg.Pool, outbox_id: int, person_id: int, now: datetime) -> None:
    """Take an act back, or put aside one that did not go through. Refused once it is on its way or its fate is not known."""
    async with acquired(pool) as connection, connection.transaction():
        row = await locked(connection, outbox_id)
        await may_act(connection, person_id, row["brand_id"])
        if row["state"] not in ("queued", "failed", "stopped"):
            raise Refused(f"too late: it is {row['state']}", code=row["state"])
        await write_down(connection, row, "withdrawn", now, person_id=person_id)


async def retry(pool: asyncpg.Pool, outbox_id: int, person_id: int, now: datetime) -> None:
    """Once more, after it failed or was stopped; it looks and freezes anew."""
    async with acquired(pool) as connection, connection.transaction():
        row = await locked(connection, outbox_id)
        await may_act(connection, person_id, row["brand_id"])
        if row["state"] not in ("failed", "stopped"):
            raise Refused(
                f"only what failed or was stopped can be tried again; it is {row['state']}", code=row["state"]
            )
        if await connection.fetchval(_OVERTAKEN, row["id"]):
            raise Refused("something else was done since: look again", code="overtaken")
        await write_down(connection, row, "queued", now, not_before=now, person_id=person_id, thaw=True)


# What people see -----------------------------------------------------------------------------------------------------


async def row(pool: asyncpg.Pool, outbox_id: int) -> ActRow | None:
    """One act as people see it."""
    async with acquired(pool) as connection:
        found = await connection.fetchrow(_BY_ID, outbox_id)
        return None if found is None else _row(found)


async def around(
    connection: asyncpg.Connection, brand_id: int, mention_ids: Sequence[int], author_id: int
) -> tuple[ActRow, ...]:
    """The newest acts on these messages, and blocks of this author, oldest first."""
    found = await connection.fetch(_OF_THREAD, brand_id, list(mention_ids), author_id, NEWEST)
    return tuple(_row(one) for one in found)


async def blocks_of(pool: asyncpg.Pool, brand_id: int, author_id: int) -> tuple[ActRow, ...]:
    """The newest blocks of this author and their ends, oldest first."""
    async with acquired(pool) as connection:
        return await around(connection, brand_id, (), author_id)


# For the deliverer's side too ----------------------------------------------------------------------------------------


async def locked(connection: asyncpg.Connection, outbox_id: int) -> asyncpg.Record:
    """The act's row, locked. Refused when there is none."""
    found = await connection.fetchrow(_LOCK, outbox_id)
    if found is None:
        raise Refused("there is no such act", where=str(outbox_id))
    return found


async def write_down(
    connection: asyncpg.Connection, row: asyncpg.Record, state: str, now: datetime, *, problem: str = "", code: str = "",
    not_before: datetime | None = None, receipt: Mapping[str, Any] | None = None, thaw: bool = False,
    person_id: int | None = None,
) -> None:  # fmt: skip
    """What became of it: state and event, together."""
    text = None if receipt is None else msgspec.json.encode(receipt).decode()
    await connection.execute(_SETTLE, row["id"], state, problem, code, not_before, text, now, thaw)
    await tell(connection, [event_of(row, state, code, person_id)], now)


def event_of(row: asyncpg.Record, state: str, code: str = "", person_id: int | None = None) -> Event:
    """That it moved from one state to another."""
    return Event(
        row["brand_id"], f"network.{state}", row["conversation_id"], row["mention_id"], row["id"], person_id,
        before={"what": row["what"], "state": row["state"]}, after={"what": row["what"], "state": state, "code": code},
    )  # fmt: skip


def _row(r: asyncpg.Record) -> ActRow:
    return ActRow(**{**dict(r), "state": OutboxState(r["state"]), "what": Doing(r["what"])})
