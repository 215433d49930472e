"""What a brand heard in a stretch of time, in heard order, a page at a time: what a replay is made of. Refuses to judge."""

from __future__ import annotations

from datetime import UTC, datetime

import asyncpg

from listener.store.connect import acquired
from listener.store.judged import READ, Judged, of_row

Place = tuple[datetime, int]
"""A message's place in heard order: (`Judged.at`, `Judged.mention_id`)."""

_BEGINNING: Place = (datetime.min.replace(tzinfo=UTC), 0)

# A message that was edited has its place where the state in force was heard.
_HEARD = f"""
WITH picked AS MATERIALIZED (
    SELECT a.mention_id, a.brand_id, a.version FROM assessments AS a
    JOIN LATERAL (SELECT version FROM mentions WHERE id = a.mention_id LIMIT 1) AS m ON m.version = a.version
    WHERE a.brand_id = $1 AND a.at >= $2 AND a.at < $3 AND (a.at, a.mention_id) > ($4, $5)
    ORDER BY a.at, a.mention_id LIMIT $6
) {READ}
"""  # noqa: S608 - constants

_COUNT = """
SELECT count(*) FROM assessments AS a
JOIN LATERAL (SELECT version FROM mentions WHERE id = a.mention_id LIMIT 1) AS m ON m.version = a.version
WHERE a.brand_id = $1 AND a.at >= $2 AND a.at < $3
"""


async def heard(
    pool: asyncpg.Pool, brand_id: int, start: datetime, end: datetime, after: Place | None = None, limit: int = 500
) -> list[Judged]:
    """The next messages that the brand judged from `start` until before `end`, each once, in the version in force, in heard order.

    `after` is the place of the last one seen; None: from the beginning. Fewer than `limit`: that was all.
    """
    place = after or _BEGINNING
    async with acquired(pool) as connection:
        rows = await connection.fetch(_HEARD, brand_id, start, end, *place, limit)
    return [of_row(row) for row in rows]


async def count(pool: asyncpg.Pool, brand_id: int, start: datetime, end: datetime) -> int:
    """How many messages `heard` gives for that stretch: reads its whole index entry by entry, for a progress bar."""
    async with acquired(pool) as connection:
        return int(await connection.fetchval(_COUNT, brand_id, start, end))
