"""What a person has typed so far, one draft a person and conversation, with its options. Told to nobody: a draft is its writer's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from listener.errors import Refused
from listener.model.leaving import MOST_OPTIONS
from listener.store.connect import acquired

_SAVE = """
INSERT INTO drafts AS d (person_id, conversation_id, body, thread_version, updated_at, visibility, options)
SELECT m.person_id, c.id, $3, $4, $5, CASE WHEN $6 THEN 'private' ELSE 'public' END, $7
FROM conversations AS c JOIN memberships AS m ON m.brand_id = c.brand_id AND m.person_id = $1 AND m.role <> 'viewer' WHERE c.id = $2
ON CONFLICT (person_id, conversation_id) DO UPDATE
    SET body = excluded.body, thread_version = excluded.thread_version, updated_at = excluded.updated_at, visibility = excluded.visibility,
        options = excluded.options
RETURNING d.person_id
"""

_OWN = "conversation_id = $1 AND person_id = $2 AND reply_id IS NULL AND approval_id IS NULL"
"""Pictures beside the draft."""

_DROP_PICTURES = f"DELETE FROM attachments WHERE {_OWN} AND option = $3"  # noqa: S608 - constant
_MOVE_UP = f"UPDATE attachments SET option = option - 1 WHERE {_OWN} AND option > $3"  # noqa: S608 - constant

# What lay with an option that is no more, because another draft was begun, is not out of sight: it lies with the last.
_IN_SIGHT = f"UPDATE attachments SET option = $3 WHERE {_OWN} AND option > $3"  # noqa: S608 - constant

_DROP = "DELETE FROM drafts WHERE person_id = $1 AND conversation_id = $2"


async def save_draft(
    pool: asyncpg.Pool, person_id: int, conversation_id: int, body: str, thread_version: int, now: datetime, *,
    private: bool = False, options: Sequence[str] = (), without: int = 0,
) -> None:  # fmt: skip
    """Keeps the words, which state of the thread they answer, and whether only their addressee is to read them. Raises Refused for a viewer.

    `options`: further texts for the same reply. `without`: the number of the option that was taken away just now; its pictures go too.
    """
    if len(options) >= MOST_OPTIONS:
        raise Refused(f"one reply has at most {MOST_OPTIONS} options")
    texts = [text.replace("\0", "") for text in (body, *options)]
    async with acquired(pool) as connection, connection.transaction():
        kept = await connection.fetchval(
            _SAVE, person_id, conversation_id, texts[0], thread_version, now, private, texts[1:]
        )
        if kept is None:
            raise Refused("you may look at this conversation but not work on it")
        if without:
            await connection.execute(_DROP_PICTURES, conversation_id, person_id, without)
            await connection.execute(_MOVE_UP, conversation_id, person_id, without)
        await connection.execute(_IN_SIGHT, conversation_id, person_id, len(texts))


async def drop_draft(pool: asyncpg.Pool, person_id: int, conversation_id: int) -> None:
    """Forgets the draft: sent, or thrown away."""
    async with acquired(pool) as connection:
        await connection.execute(_DROP, person_id, conversation_id)
