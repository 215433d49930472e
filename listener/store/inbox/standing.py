"""Everything that stands in a folder or a view at one moment, for acts on all of it: ids and versions, no texts.

Refuses to act: who acts hands the versions back, so that what arrived or changed after this moment is not touched.
"""

from __future__ import annotations

from datetime import datetime

import asyncpg

from listener.query.tree import Node
from listener.store.connect import acquired
from listener.store.inbox.queue import FIRST
from listener.store.inbox.viewing import view_page
from listener.store.views.queue import Standing

STEP = 5_000
"""Conversations of one statement."""

TRIES = 5
"""How often the walk through a view goes on when its time ran out."""

_STEP = """
SELECT sort_key, id, version FROM conversations
WHERE brand_id = $1 AND folder = $2 AND merged_into IS NULL AND (sort_key, id) > ($3, $4)
ORDER BY sort_key, id LIMIT $5
"""

_STEP_MINE = _STEP.replace("brand_id = $1", "brand_id = $1 AND assignee_id = $6")
_STEP_APPROVE = _STEP.replace("folder = $2", "to_approve AND $2::text = 'approve'")


async def in_folder(pool: asyncpg.Pool, brand_id: int, folder: str, *, person_id: int | None = None) -> Standing:
    """All of a folder (open, theirs, snoozed, done, approve), read step by step in one snapshot. `person_id`: only what is assigned to them."""
    statement, more = (_STEP, ()) if person_id is None else (_STEP_MINE, (person_id,))
    if folder == "approve":
        statement = _STEP_APPROVE
    found: dict[int, int] = {}
    place = FIRST
    async with acquired(pool) as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        while rows := await connection.fetch(statement, brand_id, folder, *place, STEP, *more):
            found.update((row["id"], row["version"]) for row in rows)
            place = (rows[-1]["sort_key"], rows[-1]["id"])
    return Standing(found)


async def in_view(
    pool: asyncpg.Pool, brand_id: int, tree: Node, now: datetime, *, most: int, me: str = "", seconds: float = 2.0
) -> Standing:
    """The first `most` of a view. `seconds` is for one of `TRIES` tries; `me` is who asks."""
    found: dict[int, int] = {}
    place: tuple[int, int] | None = None
    for _ in range(TRIES):
        wanted = most + 1 - len(found)
        page = await view_page(pool, brand_id, tree, now, after=place, limit=wanted, me=me, seconds=seconds)
        found.update((row.id, row.version) for row in page.rows)
        place = page.searched_to
        if place is None or len(found) > most:
            break
    return Standing(dict(list(found.items())[:most]), more=place is not None or len(found) > most)
