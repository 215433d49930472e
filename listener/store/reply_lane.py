"""The lane of replies, as the deliverer walks it: which one may leave, and all that a network has to be told of it.

A conversation's replies leave one at a time, in order, and none whose thread has moved since its writer read it: it is stopped, and a person is
asked. The steps are every lane's (`listener.store.lane`). Refuses to call a network.
"""

from __future__ import annotations

from datetime import datetime

import asyncpg
import msgspec

from listener.model.accounts import Account
from listener.model.handed import Reply
from listener.model.heard import Author, Key
from listener.store.connect import acquired
from listener.store.conversations import Event, lock
from listener.store.lane import Lane
from listener.store.reply_rows import locked, write_down

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
WHERE o.lane = 'reply' AND o.state = 'queued' AND o.not_before <= $1 AND {_ITS_TURN}
  AND NOT EXISTS (SELECT FROM accounts AS a WHERE a.id = o.account_id AND a.state = 'stopped')
ORDER BY o.not_before, o.id LIMIT 1 FOR UPDATE OF o SKIP LOCKED
"""  # noqa: S608 - constants

_NEXT_DUE = f"""
SELECT min(o.not_before) FROM outbox AS o
WHERE o.lane = 'reply' AND o.state = 'queued' AND NOT EXISTS (SELECT FROM accounts AS a WHERE a.id = o.account_id AND a.state = 'stopped')
  AND {_ITS_TURN}
"""  # noqa: S608 - constants

_STILL_ITS_TURN = f"SELECT {_ITS_TURN} FROM outbox AS o WHERE o.id = $1"  # noqa: S608 - constants

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

_OVERTAKEN = """
SELECT o.id FROM outbox AS o JOIN replies AS r ON r.id = o.reply_id JOIN conversations AS c ON c.id = o.conversation_id
WHERE o.state = 'queued' AND o.planned IS NOT NULL AND o.frozen IS NULL AND r.fence <> c.thread_version
  AND NOT EXISTS (SELECT FROM reply_parts AS p WHERE p.reply_id = o.reply_id AND p.part > 1) ORDER BY o.id LIMIT 100
"""


async def overtaken(pool: asyncpg.Pool, now: datetime) -> int:
    """Stop what waits for its time in a thread that has moved, at once and not when the time comes: a person is asked while there is time."""
    n = 0
    async with acquired(pool) as connection:
        for found in await connection.fetch(_OVERTAKEN):
            async with connection.transaction():
                row = await locked(connection, found["id"])
                if row["state"] == "queued" and row["planned"] is not None and await _moved(connection, row, now):
                    n += 1
    return n


async def _moved(connection: asyncpg.Connection, row: asyncpg.Record, now: datetime) -> bool:
    """Whether the thread is another than its writer read; then it is stopped."""
    conversation = (await lock(connection, [row["conversation_id"]]))[row["conversation_id"]]
    if conversation.thread_version == row["fence"]:
        return False
    problem = "the thread has changed since this was written: read it again, then send or take back"
    await write_down(connection, row, "stopped", now, problem=problem, code="thread_moved")
    return True


async def _may_leave(connection: asyncpg.Connection, row: asyncpg.Record, now: datetime) -> bool:
    # With the conversation locked: another sender may have taken another row of it at the same moment.
    return not await _moved(connection, row, now) and await connection.fetchval(_STILL_ITS_TURN, row["id"])


def _leaving(row: asyncpg.Record) -> Event:
    before, after = {"state": row["state"]}, {"state": "sending"}
    return Event(row["brand_id"], "reply.sending", row["conversation_id"], None, row["id"], before=before, after=after)


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


REPLIES = Lane(
    name="reply",
    next=_NEXT,
    next_due=_NEXT_DUE,
    parcel=_REPLY,
    read=_reply,
    locked=locked,
    write_down=write_down,
    leaving=_leaving,
    looked_up=("unknown", "accepted"),
    died="the sender died while sending: looking on the network whether it arrived",
    may_leave=_may_leave,
)
"""A reply is at its end when it was seen, so accepted ones are looked up too."""
