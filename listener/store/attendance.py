"""Who has said that they are away, until when, and what they leave untouched. Owns the `attendance` rows of people; tells every change.

Days away that stand in rule files are the rulebook's. Refuses whoever may only look.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from listener.errors import Refused
from listener.store.acts.rights import may_act
from listener.store.connect import acquired
from listener.store.conversations import Event, tell

MOST = 1_000
"""Conversations that somebody leaves at once."""

_AWAY = """
INSERT INTO attendance AS a (person_id, brand_id, away_since, away_until) VALUES ($1, $2, $3, $4)
ON CONFLICT (person_id, brand_id) DO UPDATE
    SET away_since = coalesce(a.away_since, excluded.away_since), away_until = excluded.away_until
"""

_BACK = """
UPDATE attendance SET away_since = NULL, away_until = NULL WHERE person_id = $1 AND brand_id = $2 AND away_since IS NOT NULL
RETURNING person_id
"""

_ALL = """
SELECT person_id, away_since AS since, away_until AS until FROM attendance
WHERE brand_id = $1 AND away_since IS NOT NULL AND (away_until IS NULL OR away_until > $2)
"""

# Never answered, held by nobody, and not begun on: whoever is given it loses no thread.
_UNTOUCHED = """
SELECT c.id FROM conversations c
WHERE c.brand_id = $1 AND c.assignee_id = $2 AND c.folder = 'open' AND c.merged_into IS NULL AND c.last_ours_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM claims WHERE conversation_id = c.id AND until >= $3)
  AND NOT EXISTS (SELECT 1 FROM drafts WHERE conversation_id = c.id AND person_id = $2)
ORDER BY c.sort_key, c.id LIMIT $4
"""


@dataclass(frozen=True, slots=True)
class Absence:
    """Somebody who has said that they are away."""

    person_id: int
    since: datetime
    until: datetime | None
    """None: until they say that they are back."""


async def away(pool: asyncpg.Pool, person_id: int, brand_id: int, until: datetime | None, now: datetime) -> None:
    """They are away from now on: nothing is shared out to them. Raises Refused for a time that has passed, and for a viewer."""
    if until is not None and until <= now:
        raise Refused("that time has already passed", hint="choose a later time")
    async with acquired(pool) as connection, connection.transaction():
        await may_act(connection, person_id, brand_id)
        await connection.execute(_AWAY, person_id, brand_id, now, until)
        await tell(connection, [Event(brand_id, "person.away", person_id=person_id, after={"until": until})], now)


async def back(pool: asyncpg.Pool, person_id: int, brand_id: int, now: datetime) -> bool:
    """They are back. False: they had not said that they were away."""
    async with acquired(pool) as connection, connection.transaction():
        await may_act(connection, person_id, brand_id)
        found = await connection.fetchval(_BACK, person_id, brand_id)
        if found is not None:
            await tell(connection, [Event(brand_id, "person.back", person_id=person_id)], now)
    return found is not None


async def absences(pool: asyncpg.Pool, brand_id: int, now: datetime) -> list[Absence]:
    """Who has said that they are away, and still are."""
    async with acquired(pool) as connection:
        return [Absence(**dict(row)) for row in await connection.fetch(_ALL, brand_id, now)]


async def untouched(pool: asyncpg.Pool, person_id: int, brand_id: int, now: datetime) -> list[int]:
    """The open conversations that a person has and has not begun on, the most urgent first; at most 1,000."""
    async with acquired(pool) as connection:
        return [row["id"] for row in await connection.fetch(_UNTOUCHED, brand_id, person_id, now, MOST)]
