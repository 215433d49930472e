"""What is kept of when streams lived: pauses, and what a watch told of silence, in the feed of events. Only read here.

Refuses to keep more: a stream's row says how it stands now, and its events what people did to it and who was told.
"""

from __future__ import annotations

import asyncpg

from listener.incidents.lives import Sign, Unheard, unheard
from listener.incidents.watching import STEP

# Whoever pauses a stream pauses it for every brand.
_PAUSES = """
SELECT after ->> 'source' AS stream, extract(epoch FROM at)::float8 AS at, kind = 'source.paused' AS silent
FROM events WHERE person_id IS NOT NULL AND kind IN ('source.paused', 'source.resumed') ORDER BY id
"""

_TOLD = """
SELECT i.source AS stream, i.id, e.after -> 'not_heard' ->> 'state' AS state,
       extract(epoch FROM coalesce((e.after -> 'not_heard' ->> 'since')::timestamptz, e.at))::float8 AS at, e.after ? 'not_heard' AS silent
FROM incidents AS i JOIN events AS e ON e.incident_id = i.id
WHERE i.brand_id = $1 AND i.watched = 'silence' AND i.source <> '' AND (e.after ? 'not_heard' OR e.kind IN ('incident.over', 'incident.resolved'))
ORDER BY e.id
"""

_LIVED = "SELECT extract(epoch FROM max(beat_at))::float8 FROM programs WHERE name = 'listener'"


async def of_the_past(connection: asyncpg.Connection, brand_id: int) -> tuple[Unheard, ...]:
    """When streams of a brand are known to have been silent."""
    signs = [Sign(row["stream"], row["at"], row["silent"], "paused") for row in await connection.fetch(_PAUSES)]
    for row in await connection.fetch(_TOLD, brand_id):
        # That it is over was seen one look after the last one that saw nothing.
        at = row["at"] if row["silent"] else row["at"] - STEP
        signs.append(Sign(row["stream"], at, row["silent"], row["state"] or "", str(row["id"])))
    return unheard(signs)


async def lived_until(connection: asyncpg.Connection) -> float | None:
    """The last sign of life of whoever listens; None: nobody ever did. Seconds since 1970."""
    found: float | None = await connection.fetchval(_LIVED)
    return found
