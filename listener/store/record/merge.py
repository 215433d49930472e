"""When the real root of a thread turns up: messages move under it, and conversations that were one all along become one.

Owns `merged_into`: the younger points at the older, ids stay valid. Refuses to run for networks that always name the root.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from listener.store.columns import columns
from listener.store.conversations import Event, lock, save
from listener.store.record.keep import Kept
from listener.workflow import moves

_REROOT = """
UPDATE mentions AS m SET root = n.root
FROM unnest($1::text[], $2::text[], $3::text[]) AS n(space, was, root)
WHERE m.space = n.space AND m.root = n.was AND n.was <> n.root
RETURNING m.space, n.was, n.root
"""

_CONVERSATIONS = """
SELECT c.id, c.brand_id, c.account_id, c.space, c.root, c.author_id, n.root AS real
FROM unnest($1::text[], $2::text[], $3::text[]) AS n(space, was, root)
JOIN conversations AS c ON c.space = n.space AND c.root = n.was
WHERE c.merged_into IS NULL ORDER BY c.id FOR UPDATE OF c
"""

# What an author said in a thread belongs to the conversations with that author, also when the thread is known only now.
_GATHER = """
INSERT INTO conversation_mentions (conversation_id, mention_id)
SELECT DISTINCT c.id, m.id
FROM (SELECT DISTINCT space, root FROM unnest($1::text[], $2::text[]) AS n(space, root)) AS n
JOIN conversations AS c ON c.space = n.space AND c.root = n.root AND c.merged_into IS NULL
JOIN mentions AS m ON m.space = c.space AND m.root = c.root AND m.author_id = c.author_id
JOIN hearings AS h ON h.mention_id = m.id AND h.brand_id = c.brand_id
ON CONFLICT DO NOTHING
"""

_AT = """
SELECT id FROM conversations
WHERE brand_id = $1 AND account_id = $2 AND space = $3 AND root = $4 AND author_id = $5 AND merged_into IS NULL FOR UPDATE
"""

_ASIDE = "UPDATE conversations SET root = root || E'\\x01' || id WHERE id = $1"
_UNDER = "UPDATE conversations SET root = $2, changed_at = $3 WHERE id = $1"
_MERGE = "UPDATE conversations SET merged_into = $2, next_at = NULL, changed_at = $3 WHERE id = $1 OR merged_into = $1"
_CARRY = (
    """INSERT INTO conversation_mentions (conversation_id, mention_id)
       SELECT $2, mention_id FROM conversation_mentions WHERE conversation_id = $1 ON CONFLICT DO NOTHING""",
    "DELETE FROM conversation_mentions WHERE conversation_id = $1 AND $2 > 0",
    "UPDATE notes SET conversation_id = $2 WHERE conversation_id = $1",
    "UPDATE replies SET conversation_id = $2 WHERE conversation_id = $1",
    "UPDATE outbox SET conversation_id = $2 WHERE conversation_id = $1",
    "UPDATE network_acts SET conversation_id = $2 WHERE conversation_id = $1",
    """INSERT INTO drafts (person_id, conversation_id, body, thread_version, updated_at, visibility, options)
       SELECT person_id, $2, body, thread_version, updated_at, visibility, options FROM drafts WHERE conversation_id = $1
       ON CONFLICT DO NOTHING""",
    """UPDATE approvals SET state = 'superseded' WHERE conversation_id = $1 AND state = 'waiting'
       AND EXISTS (SELECT FROM approvals AS w WHERE w.conversation_id = $2 AND w.state = 'waiting')""",
    "UPDATE approvals SET conversation_id = $2 WHERE conversation_id = $1",
    "DELETE FROM drafts WHERE conversation_id = $1 AND $2 > 0",
    """UPDATE attachments AS a SET conversation_id = $2, option = CASE WHEN reply_id IS NULL AND approval_id IS NULL THEN
           least(option, 1 + coalesce((SELECT cardinality(d.options) FROM drafts AS d
                                       WHERE d.person_id = a.person_id AND d.conversation_id = $2), 0)) ELSE option END
       WHERE conversation_id = $1""",
    """INSERT INTO labels (person_id, conversation_id, label, at)
       SELECT person_id, $2, label, at FROM labels WHERE conversation_id = $1 ON CONFLICT DO NOTHING""",
    "DELETE FROM labels WHERE conversation_id = $1 AND $2 > 0",
    "DELETE FROM claims WHERE conversation_id = $1 AND $2 > 0",
    """UPDATE conversations AS c SET last_mention_id = m.id FROM (
           SELECT m.id FROM conversation_mentions AS j JOIN mentions AS m ON m.id = j.mention_id
           WHERE j.conversation_id = $2 ORDER BY m.at DESC, m.id DESC LIMIT 1) AS m
       WHERE c.id = $2 AND $1 > 0""",
)


def rerooted(kept: Sequence[Kept]) -> list[tuple[str, str, str]]:
    """(space, id, root) of new messages whose root is known only now: what hung from them belongs under it."""
    return sorted({
        (k.mention.key.space, k.mention.key.external_id, k.root)
        for k in kept
        if k.new and k.mention.root is None and k.root != k.mention.key.external_id
    })  # fmt: skip


async def reroot(connection: asyncpg.Connection, kept: Sequence[Kept], now: datetime) -> list[Event]:
    """Bring what hung from these new messages under their own root; what to tell."""
    rows = rerooted(kept)
    if not rows:
        return []
    arrays = columns(rows)
    touched = {(r["space"], r["was"], r["root"]) for r in await connection.fetch(_REROOT, *arrays)}
    if not touched:
        return []
    roots = {(space, was): root for space, was, root in touched}
    for k in kept:
        k.root = roots.get((k.mention.key.space, k.root), k.root)
    events: list[Event] = []
    arrays = columns(sorted(touched))
    for c in await connection.fetch(_CONVERSATIONS, *arrays):
        other = await connection.fetchval(_AT, c["brand_id"], c["account_id"], c["space"], c["real"], c["author_id"])
        if other is None:
            await connection.execute(_UNDER, c["id"], c["real"], now)
            continue
        older, younger = sorted((c["id"], other))
        events.append(await _merge(connection, older, younger, c["brand_id"], c["real"], now))
    await connection.execute(_GATHER, arrays[0], arrays[2])
    return events


async def _merge(
    connection: asyncpg.Connection, older: int, younger: int, brand_id: int, root: str, now: datetime
) -> Event:
    both = await lock(connection, (older, younger))
    await connection.execute(_ASIDE, younger)
    await connection.execute(_UNDER, older, root, now)
    await connection.execute(_MERGE, younger, older, now)
    for statement in _CARRY:
        await connection.execute(statement, younger, older)
    await save(connection, [moves.merged(both[older], both[younger])], now)
    return Event(
        brand_id, "conversation.merged", older, before={"conversation": younger}, after={"conversation": older}
    )
