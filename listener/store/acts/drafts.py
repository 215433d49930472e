"""What a person has typed so far, one draft a person and conversation. Told to nobody: a draft is its writer's."""

from __future__ import annotations

from datetime import datetime

import asyncpg

from listener.store.connect import acquired

_SAVE = """
INSERT INTO drafts AS d (person_id, conversation_id, body, thread_version, updated_at, visibility)
VALUES ($1, $2, $3, $4, $5, CASE WHEN $6 THEN 'private' ELSE 'public' END)
ON CONFLICT (person_id, conversation_id) DO UPDATE
    SET body = excluded.body, thread_version = excluded.thread_version, updated_at = excluded.updated_at, visibility = excluded.visibility
"""

_DROP = "DELETE FROM drafts WHERE person_id = $1 AND conversation_id = $2"


async def save_draft(
    pool: asyncpg.Pool, person_id: int, conversation_id: int, body: str, thread_version: int, now: datetime, *,
    private: bool = False,
) -> None:  # fmt: skip
    """Keeps the words, which state of the thread they answer, and whether only their addressee is to read them."""
    body = body.replace("\0", "")
    async with acquired(pool) as connection:
        await connection.execute(_SAVE, person_id, conversation_id, body, thread_version, now, private)


async def drop_draft(pool: asyncpg.Pool, person_id: int, conversation_id: int) -> None:
    """Forgets the draft: sent, or thrown away."""
    async with acquired(pool) as connection:
        await connection.execute(_DROP, person_id, conversation_id)
