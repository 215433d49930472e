"""An author as a brand knows them: the card, their past with the brand, and what a mute of them would close.

Everything is looked up by the author: nothing grows with the tables. Refuses to mute anybody: that is `listener.store.acts`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

import asyncpg

from listener.model.work import State
from listener.store.connect import acquired
from listener.store.views.authors import Author, Mutable, Mute, PastRow
from listener.store.views.notes import Note

Place = tuple[datetime, int]
"""A conversation's place in an author's past: (last_at, id)."""

BEYOND: Place = (datetime.max.replace(tzinfo=UTC), 2**63 - 1)

COUNTED, NOTES = 1_000, 100
"""Where counting conversations stops, and how many notes are read."""

# Only of authors with whom the brand has a conversation: another brand's are none of its business.
_CARD = """
SELECT a.id, a.space, a.external_id, a.handle, a.name, a.bio, a.followers, a.posts, a.verified, a.status, a.fetched_at, a.first_at,
       c.source, q.at AS muted_at, p.name AS muted_by, n.conversations, n.answered
FROM authors AS a
JOIN LATERAL (SELECT source FROM conversations WHERE author_id = a.id AND brand_id = $2 AND merged_into IS NULL LIMIT 1) AS c ON true
LEFT JOIN mutes AS q ON q.author_id = a.id AND q.brand_id = $2 AND q.until IS NULL
LEFT JOIN people AS p ON p.id = q.person_id
CROSS JOIN LATERAL (
    SELECT count(*)::int AS conversations, count(last_ours_at)::int AS answered FROM (
        SELECT last_ours_at FROM conversations WHERE author_id = a.id AND brand_id = $2 AND merged_into IS NULL LIMIT $3
    ) AS several
) AS n
WHERE a.id = $1
"""

_NOTES = """
SELECT n.id, p.name AS person, n.body, n.at FROM author_notes AS n JOIN people AS p ON p.id = n.person_id
WHERE n.author_id = $1 AND n.brand_id = $2 AND n.removed_at IS NULL ORDER BY n.at DESC, n.id DESC LIMIT $3
"""

# The index has the folders apart, so that what is not done is found at once: a page is the newest of each folder's newest.
_PICKED = """
WITH picked AS MATERIALIZED (
    SELECT k.id, k.last_at FROM unnest(ARRAY['open', 'theirs', 'snoozed', 'done']) AS f(folder) CROSS JOIN LATERAL (
        SELECT id, last_at FROM conversations
        WHERE author_id = $1 AND brand_id = $2 AND folder = f.folder AND merged_into IS NULL AND (last_at, id) {order} ($3, $4)
        ORDER BY last_at {way}, id {way} LIMIT $5
    ) AS k ORDER BY k.last_at {way}, k.id {way} LIMIT $5
)
SELECT c.id, c.state, c.opened_at, c.last_at, said.words, c.tags, c.last_ours_at IS NOT NULL AS answered
FROM picked
JOIN LATERAL (SELECT * FROM conversations WHERE id = picked.id LIMIT 1) AS c ON true
LEFT JOIN LATERAL (
    SELECT CASE WHEN m.state = 'live' THEN left(v.text, 280) END AS words
    FROM (SELECT mention_id FROM conversation_mentions WHERE conversation_id = c.id ORDER BY mention_id LIMIT 20) AS j
    JOIN LATERAL (SELECT * FROM mentions WHERE id = j.mention_id LIMIT 1) AS m ON NOT m.ours
    LEFT JOIN LATERAL (SELECT text FROM mention_versions WHERE mention_id = m.id AND version = m.version LIMIT 1) AS v ON true
    ORDER BY j.mention_id LIMIT 1
) AS said ON true
ORDER BY c.last_at DESC, c.id DESC
"""
_OLDER = _PICKED.format(order="<", way="DESC")
_NEWER = _PICKED.format(order=">", way="ASC")

_MUTABLE = """
SELECT a.id, a.handle, a.name, c.source, q.at AS muted_at, p.name AS muted_by, n.open, n.snoozed, n.theirs
FROM (SELECT unnest($1::bigint[]) UNION SELECT author_id FROM conversations WHERE id = ANY($2::bigint[]) AND brand_id = $3) AS i(id)
JOIN LATERAL (SELECT * FROM authors WHERE id = i.id LIMIT 1) AS a ON true
JOIN LATERAL (SELECT source FROM conversations WHERE author_id = a.id AND brand_id = $3 AND merged_into IS NULL LIMIT 1) AS c ON true
LEFT JOIN mutes AS q ON q.author_id = a.id AND q.brand_id = $3 AND q.until IS NULL
LEFT JOIN people AS p ON p.id = q.person_id
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE folder = 'open')::int AS open, count(*) FILTER (WHERE folder = 'snoozed')::int AS snoozed,
           count(*) FILTER (WHERE folder = 'theirs')::int AS theirs
    FROM conversations WHERE author_id = a.id AND brand_id = $3 AND folder IN ('open', 'snoozed', 'theirs') AND merged_into IS NULL
) AS n
ORDER BY a.id
"""


async def author(pool: asyncpg.Pool, brand_id: int, author_id: int) -> Author | None:
    """The card; None: the brand has no conversation with that author."""
    async with acquired(pool) as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        row = await connection.fetchrow(_CARD, author_id, brand_id, COUNTED)
        if row is None:
            return None
        notes = await connection.fetch(_NOTES, author_id, brand_id, NOTES)
    return Author(**_with_mute(row), notes=tuple(Note(**dict(note)) for note in notes))


async def past(
    pool: asyncpg.Pool,
    brand_id: int,
    author_id: int,
    *,
    before: Place | None = None,
    after: Place | None = None,
    limit: int = 50,
) -> list[PastRow]:
    """At most `limit` conversations with the author, the one with the newest word first: older than the place, newer than it, or the newest."""
    statement, place = (_OLDER, before or BEYOND) if after is None else (_NEWER, after)
    async with acquired(pool) as connection:
        rows = await connection.fetch(statement, author_id, brand_id, *place, limit)
    return [PastRow(**{**dict(row), "state": State(row["state"]), "tags": tuple(row["tags"])}) for row in rows]


async def mutable(
    pool: asyncpg.Pool, brand_id: int, *, author_ids: Collection[int] = (), conversation_ids: Collection[int] = ()
) -> list[Mutable]:
    """These authors, and those of these conversations, each once: what there is to say before they are muted or unmuted."""
    async with acquired(pool) as connection:
        rows = await connection.fetch(_MUTABLE, list(author_ids), list(conversation_ids), brand_id)
    return [Mutable(**_with_mute(row)) for row in rows]


def _with_mute(row: Mapping[str, Any]) -> dict[str, Any]:
    values = dict(row)
    at, by = values.pop("muted_at"), values.pop("muted_by")
    return {**values, "mute": None if at is None else Mute(by, at)}
