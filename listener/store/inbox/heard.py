"""The Listening view: a topic's mentions, newest first; the topics with their day; earlier versions of one message.

Cut from the index of hearings by comparing rows, then joined by keys. A mention heard by several sources is one line.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from listener.model.kinds import Kind
from listener.model.scales import ToneLabel
from listener.store.connect import acquired
from listener.store.overruled import BY_HAND, by_hand
from listener.store.views.listening import ListeningRow, TopicCount

Place = tuple[datetime, int]
"""A mention's place in time: (at, id)."""

BEYOND: Place = (datetime.max.replace(tzinfo=UTC), 2**63 - 1)
"""Newer than any mention."""

# `picked` (id, at) has at most a page of rows; all else is fetched by key, one row at a time. The LIMITs hold the planner to that order
# and `+ 0` keeps it from an index that begins with the brand, also where its statistics are old: a brand's rows are many.
_LINES = f"""
SELECT m.id, m.at, m.source, a.handle AS author_handle, a.name AS author_name,
       CASE WHEN m.state = 'live' THEN v.text END AS text, m.kind, coalesce(j.tone, 'not_scored') AS tone,
       coalesce(j.need, 0) AS need, m.lang, f.rules, k.conversation_id, m.state = 'deleted' AS deleted, hand.by_hand,
       CASE WHEN j.tone_said IS NULL THEN nullif(j.tone_about, j.tone) END AS about
FROM picked
JOIN LATERAL (SELECT * FROM mentions WHERE id = picked.id LIMIT 1) AS m ON true
LEFT JOIN LATERAL (SELECT handle, name FROM authors WHERE id = m.author_id LIMIT 1) AS a ON true
LEFT JOIN LATERAL (
    SELECT text FROM mention_versions WHERE mention_id = m.id AND version = m.version LIMIT 1
) AS v ON true
LEFT JOIN LATERAL (
    SELECT tone, need, tone_said, need_said, tone_about FROM assessments
    WHERE mention_id = m.id AND brand_id = $1 AND version = m.version LIMIT 1
) AS j ON true {BY_HAND.format(brand="$1")}
LEFT JOIN LATERAL (
    SELECT array_agg(rule ORDER BY rule) AS rules FROM flags
    WHERE mention_id = m.id AND brand_id + 0 = $1 AND version = m.version AND NOT shadow
) AS f ON true
LEFT JOIN LATERAL (
    SELECT coalesce(c.merged_into, c.id) AS conversation_id
    FROM (SELECT conversation_id FROM conversation_mentions WHERE mention_id = m.id LIMIT 20) AS b
    JOIN LATERAL (SELECT * FROM conversations WHERE id = b.conversation_id LIMIT 1) AS c ON c.brand_id = $1
    ORDER BY c.merged_into NULLS FIRST, c.id LIMIT 1
) AS k ON true
ORDER BY picked.at DESC, picked.id DESC
"""  # noqa: S608 - constants

_OLDER = f"""
WITH picked AS MATERIALIZED (
    SELECT mention_id AS id, at FROM hearings
    WHERE brand_id = $1 AND topic = $2 AND via = 'topic' AND (at, mention_id) < ($3, $4)
    GROUP BY at, mention_id ORDER BY at DESC, mention_id DESC LIMIT $5
) {_LINES}
"""  # noqa: S608 - constants

_NEWER = f"""
WITH picked AS MATERIALIZED (
    SELECT mention_id AS id, at FROM hearings
    WHERE brand_id = $1 AND topic = $2 AND via = 'topic' AND (at, mention_id) > ($3, $4)
    GROUP BY at, mention_id ORDER BY at, mention_id LIMIT $5
) {_LINES}
"""  # noqa: S608 - constants

_ROWS = f"""
WITH picked AS MATERIALIZED (
    SELECT id, at FROM mentions m WHERE id = ANY($2::bigint[])
       AND EXISTS (SELECT 1 FROM hearings h WHERE h.mention_id = m.id AND h.brand_id = $1)
) {_LINES}
"""  # noqa: S608 - constants

# Topics are found by hopping through the key of `counters`, one step a topic, however many hours each has.
_TOPICS = """
WITH RECURSIVE topic AS (
    (SELECT key FROM counters WHERE brand_id = $1 AND name = 'topic' ORDER BY key LIMIT 1)
    UNION ALL
    SELECT (SELECT c.key FROM counters c WHERE c.brand_id = $1 AND c.name = 'topic' AND c.key > topic.key ORDER BY c.key LIMIT 1)
    FROM topic WHERE topic.key IS NOT NULL
), names AS (
    SELECT key FROM topic WHERE key IS NOT NULL
    UNION
    SELECT key FROM counter_deltas WHERE brand_id = $1 AND name = 'topic'
)
SELECT names.key AS topic, heard.today, heard.negative_today
FROM names, LATERAL (
    SELECT coalesce(sum(n) FILTER (WHERE name = 'topic'), 0)::bigint AS today,
           coalesce(sum(n) FILTER (WHERE name = 'topic-negative'), 0)::bigint AS negative_today
    FROM (
        SELECT name, n FROM counters
        WHERE brand_id = $1 AND name IN ('topic', 'topic-negative') AND key = names.key AND bucket > $2
        UNION ALL
        SELECT name, n FROM counter_deltas
        WHERE brand_id = $1 AND name IN ('topic', 'topic-negative') AND key = names.key AND bucket > $2
    ) AS n
) AS heard
ORDER BY names.key
"""

_VERSIONS = """
SELECT version, text, heard_at FROM mention_versions WHERE mention_id = $1 ORDER BY version
"""


async def listening(
    pool: asyncpg.Pool,
    brand_id: int,
    topic: str,
    *,
    before: Place | None = None,
    after: Place | None = None,
    limit: int = 50,
) -> list[ListeningRow]:
    """At most `limit` mentions of a topic, newest first: older than the place (at, id), newer than it, or the newest."""
    statement, place = (_OLDER, before or BEYOND) if after is None else (_NEWER, after)
    async with acquired(pool) as connection:
        return [_row(row) for row in await connection.fetch(statement, brand_id, topic, *place, limit)]


async def listening_rows(pool: asyncpg.Pool, brand_id: int, ids: Collection[int]) -> list[ListeningRow]:
    """These mentions as they are now, newest first; those that the brand never heard are missing."""
    async with acquired(pool) as connection:
        return await rows_of(connection, brand_id, ids)


async def rows_of(connection: asyncpg.Connection, brand_id: int, ids: Collection[int]) -> list[ListeningRow]:
    """The same, for who has a connection."""
    return [_row(row) for row in await connection.fetch(_ROWS, brand_id, list(ids))]


async def topics(pool: asyncpg.Pool, brand_id: int, now: datetime) -> list[TopicCount]:
    """Every topic in which anything was ever heard, by name, with its last 24 hours."""
    async with acquired(pool) as connection:
        found = await connection.fetch(_TOPICS, brand_id, now - timedelta(hours=24))
    return [TopicCount(**dict(row)) for row in found]


async def versions(pool: asyncpg.Pool, mention_id: int) -> list[tuple[int, str | None, datetime]]:
    """All versions of a message as (version, text or None where blanked, heard at), the first one first."""
    async with acquired(pool) as connection:
        return [(row["version"], row["text"], row["heard_at"]) for row in await connection.fetch(_VERSIONS, mention_id)]


def _row(row: Mapping[str, Any]) -> ListeningRow:
    values = dict(row)
    values["kind"] = Kind(values["kind"])
    values["tone"] = ToneLabel(values["tone"])
    values["about"] = None if values["about"] is None else ToneLabel(values["about"])
    values["by_hand"] = by_hand(values["by_hand"])
    values["rules"] = tuple(values["rules"] or ())
    values["author_handle"] = values["author_handle"] or ""
    values["author_name"] = values["author_name"] or ""
    return ListeningRow(**values)
