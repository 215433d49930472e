"""Incidents for the command line and the doctor: which there are, and what nobody could be told of. Only reads; one with all that became of
it is a story (`incident_views`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from listener.incidents.shape import Incident
from listener.store.connect import acquired
from listener.store.incidents import COLUMNS, of_row

_LISTED = f"""
SELECT {COLUMNS} FROM incidents WHERE brand_id = $1 AND (state <> 'resolved' OR $2) ORDER BY state = 'resolved', id DESC LIMIT $3
"""  # noqa: S608 - constant

_PEOPLE = "SELECT id, name, login FROM people"

_WAITING = """
SELECT count(*) FILTER (WHERE state = 'open' AND parent_id IS NULL AND muted_by = '') AS waiting, count(*) FILTER (WHERE muted_by <> '') AS muted,
       count(*) FILTER (WHERE state = 'acknowledged') AS acknowledged, min(opened_at) FILTER (WHERE state = 'open' AND muted_by = '') AS oldest
FROM incidents WHERE state <> 'resolved'
"""

# Told to nobody, although somebody should have been: it stands, nothing keeps it silent, and the last shout is younger than whatever arrived.
_UNDELIVERED = """
SELECT i.id FROM incidents AS i WHERE i.state <> 'resolved' AND i.muted_by = ''
  AND (SELECT max(e.id) FROM events AS e WHERE e.incident_id = i.id AND e.kind = 'incident.step' AND e.after ? 'undelivered')
      > COALESCE((SELECT max(e.id) FROM events AS e WHERE e.incident_id = i.id AND e.kind = 'page.sent'
                  AND e.after ->> 'what' IS DISTINCT FROM 'undelivered'), 0)
ORDER BY i.id
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """How alerts fare, for the doctor."""

    waiting: int
    """Open, told, and acknowledged by nobody."""
    acknowledged: int
    muted: int
    oldest: datetime | None
    undelivered: tuple[int, ...]
    """Ids of incidents that could not be delivered to anybody."""


async def listed(pool: asyncpg.Pool, brand_id: int, *, resolved: bool = False, limit: int = 50) -> list[Incident]:
    """The incidents of a brand, the newest first, those that stand before those that are `resolved`, which are left out unless asked for."""
    async with acquired(pool) as connection:
        return [of_row(row) for row in await connection.fetch(_LISTED, brand_id, resolved, limit)]


async def names(pool: asyncpg.Pool) -> dict[int, str]:
    """Names of people by their ids."""
    async with acquired(pool) as connection:
        return {row["id"]: row["name"] or row["login"] for row in await connection.fetch(_PEOPLE)}


async def standing(pool: asyncpg.Pool) -> Standing:
    """How alerts of all brands fare."""
    async with acquired(pool) as connection:
        row = await connection.fetchrow(_WAITING)
        undelivered = await connection.fetch(_UNDELIVERED)
    return Standing(
        row["waiting"], row["acknowledged"], row["muted"], row["oldest"], tuple(one["id"] for one in undelivered)
    )  # fmt: skip
