"""What a person has typed so far, one draft a person and conversation. Told to nobody: a draft is its writer's."""

from __future__ import annotations

from datetime import datetime

import asyncpg

from listener.errors import Refused
from listener.store.connect import acquired

_SAVE = """
INSERT INTO drafts AS d (person_id, conversation_id, body, thread_version, updated_at, visibility)
SELECT m.person_id, c.id, $3, $4, $5, CASE WHEN $6 THEN 'private' ELSE 'public' END
FROM conversations AS c JOIN memberships AS m ON m.brand_id = c.brand_id AND m.person_id = $1 AND m.role <> 'viewer' WHERE c.id = $2
ON CONFLICT (person_id, conversation_id) DO UPDATE
    SET body = excluded.body, thread_version = excluded.thread_version, updated_at = excluded.updated_at, visibility = excluded.visibility
RETURNING d.person_id
"""

_DROP = "DELETE FROM drafts WHERE person_id = $1 AND conversation_id = $2"


async def save_draft(
    pool: asyncpg.Pool, person_id: int, conversation_id: int, body: str, thread_version: int, now: datetime, *,
    private: bool = False,
) -> None:  # fmt: skip
    """Keeps the words, which state of the thread they answer, and whether only their addressee is to read them. Raises Refused for a viewer."""
    body = body.replace("\0", "")
    async with acquired(pool) as connection:
        if await connection.fetchval(_SAVE, person_id, conversation_id, body, thread_version, now, private) is None:
            raise Refused("you may look at this conversation but not work on it")


async def drop_draft(pool: asyncpg.Pool, person_id: int, conversation_id: int) -> None:
    """Forgets the draft: sent, or thrown away."""
    async with acquired(pool) as connection:
        await connection.execute(_DROP, person_id, conversation_id)
