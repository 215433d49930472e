"""The incidents that stand, in one line's worth: what every screen says while there is one. Cheap, and loads no rulebook."""

from __future__ import annotations

import asyncpg

from listener.store.connect import acquired
from listener.store.views.alarmed import Alarmed

# Of those that no bigger one keeps silent: how many, and the one that needs somebody most. Nobody was told of it, where all pages failed.
_STANDING = """
WITH live AS (
    SELECT i.*, i.state = 'open' AND i.muted_by <> '' AS silent FROM incidents AS i
    WHERE i.brand_id = $1 AND i.state <> 'resolved'
      AND NOT EXISTS (SELECT FROM incidents AS b WHERE b.id = i.parent_id AND b.state <> 'resolved')
), unheard AS (
    SELECT l.id FROM live AS l
    WHERE l.state = 'open' AND NOT l.silent
      AND EXISTS (SELECT FROM pages AS p JOIN outbox AS o ON o.page_id = coalesce(p.digest_id, p.id)
                  WHERE p.incident_id = l.id AND o.state IN ('failed', 'unknown'))
      AND NOT EXISTS (SELECT FROM pages AS p JOIN outbox AS o ON o.page_id = coalesce(p.digest_id, p.id)
                      WHERE p.incident_id = l.id AND o.state IN ('accepted', 'seen', 'queued', 'sending'))
)
SELECT (SELECT count(*) FROM live WHERE state = 'open' AND NOT silent)::int AS open,
       (SELECT count(*) FROM live WHERE state = 'acknowledged')::int AS acknowledged,
       (SELECT count(*) FROM live WHERE silent)::int AS silent, (SELECT count(*) FROM unheard)::int AS unheard,
       l.id, l.title, l.topic, l.source, l.state, l.since, coalesce(p.name, '') AS person
FROM live AS l LEFT JOIN people AS p ON p.id = l.acknowledged_by
ORDER BY l.silent, l.state <> 'open', CASE l.severity WHEN 'critical' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END, l.id DESC LIMIT 1
"""


async def alarmed(pool: asyncpg.Pool, brand_id: int) -> Alarmed:
    """What stands of a brand."""
    async with acquired(pool) as connection:
        row = await connection.fetchrow(_STANDING, brand_id)
    return Alarmed() if row is None else Alarmed(**dict(row))
