"""Notes that ask a colleague: who is named in them (`@login`), and what each of the team has not seen yet.

Owns the naming; refuses to tell anybody outside of the inbox.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

import asyncpg

from listener.store.connect import acquired
from listener.store.views.notes import NoteToMe

MOST = 50
"""Notes that are shown at once; the others come as these are seen."""

_NAMED = re.compile(r"(?<![\w@.])@([a-zA-Z0-9](?:[a-zA-Z0-9._-]*[a-zA-Z0-9])?)")

_ASK = """
INSERT INTO note_asks (note_id, person_id)
SELECT $1, p.id FROM people AS p JOIN memberships AS m ON m.person_id = p.id AND m.brand_id = $2
WHERE lower(p.login) = ANY($3::text[]) AND p.id <> $4
"""

_UNSEEN = """
SELECT n.id AS note_id, n.conversation_id, p.name AS person, n.body, n.at, w.handle AS author_handle, w.name AS author_name
FROM note_asks AS a
JOIN notes AS n ON n.id = a.note_id
JOIN people AS p ON p.id = n.person_id
JOIN conversations AS c ON c.id = n.conversation_id
JOIN authors AS w ON w.id = c.author_id
WHERE a.person_id = $2 AND a.seen_at IS NULL AND n.removed_at IS NULL AND n.brand_id = $1
ORDER BY a.note_id DESC LIMIT $3
"""

_SEEN = """
UPDATE note_asks AS a SET seen_at = $3 FROM notes AS n
WHERE n.id = a.note_id AND n.conversation_id = $2 AND a.person_id = $1 AND a.seen_at IS NULL
"""


def named(body: str) -> tuple[str, ...]:
    """Whom a note names, in small letters, each once."""
    return tuple(dict.fromkeys(name.lower() for name in _NAMED.findall(body)))


async def ask(connection: asyncpg.Connection, note_id: int, brand_id: int, body: str, person_id: int) -> None:
    """Within the note's own transaction: whoever it names and works for the brand is asked, but not its writer."""
    if names := named(body):
        await connection.execute(_ASK, note_id, brand_id, list(names), person_id)


async def unseen(pool: asyncpg.Pool, brand_id: int, person_id: int) -> Sequence[NoteToMe]:
    """The notes that ask a person and that they have not seen, newest first."""
    async with acquired(pool) as connection:
        rows = await connection.fetch(_UNSEEN, brand_id, person_id, MOST)
    return [NoteToMe(**dict(row)) for row in rows]


async def seen(pool: asyncpg.Pool, person_id: int, conversation_id: int, now: datetime) -> None:
    """They have read the conversation with whatever it asks them."""
    async with acquired(pool) as connection:
        await connection.execute(_SEEN, person_id, conversation_id, now)
