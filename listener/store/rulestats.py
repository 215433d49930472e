"""What each rule is worth: how often it fires, what people say of it, how soon somebody acts. Owns these figures; refuses to judge a rule.

A message counts once for a rule, however often it was edited. Experimental findings are counted apart and never among the hits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from listener.store.connect import acquired

SOONEST = 500
"""Of how many of a rule's newest hits it is asked how soon somebody acted."""

# Rules are found by leaping through the index from one to the next, so that only flags of the time asked for are read.
_STATS = """
WITH RECURSIVE known AS (
    SELECT b.id AS brand_id, b.zone, (SELECT min(rule) FROM flags WHERE brand_id = b.id) AS rule
    FROM brands AS b WHERE $1::int IS NULL OR b.id = $1
    UNION ALL
    SELECT k.brand_id, k.zone, (SELECT min(rule) FROM flags WHERE brand_id = k.brand_id AND rule > k.rule)
    FROM known AS k WHERE k.rule IS NOT NULL
), days AS MATERIALIZED (
    SELECT brand_id, rule, date_trunc('day', $3::timestamptz AT TIME ZONE zone) AT TIME ZONE zone AS today
    FROM known WHERE rule IS NOT NULL
), fired AS MATERIALIZED (
    SELECT d.brand_id, d.rule, f.*
    FROM days AS d CROSS JOIN LATERAL (
        SELECT count(DISTINCT mention_id) FILTER (WHERE NOT shadow AND at >= $2) AS hits,
               count(DISTINCT mention_id) FILTER (WHERE shadow AND at >= $2) AS shadow_hits,
               count(DISTINCT mention_id) FILTER (WHERE NOT shadow AND at >= d.today) AS today
        FROM flags WHERE brand_id = d.brand_id AND rule = d.rule AND at >= least($2, d.today) AND at <= $3
    ) AS f
), soon AS MATERIALIZED (
    SELECT d.brand_id, d.rule, s.minutes
    FROM days AS d CROSS JOIN LATERAL (
        SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM e.at - f.at) / 60) AS minutes
        FROM (SELECT mention_id, at FROM flags
              WHERE brand_id = d.brand_id AND rule = d.rule AND at >= $2 AND at <= $3 AND NOT shadow
              ORDER BY at DESC LIMIT $4) AS f
        CROSS JOIN LATERAL (
            SELECT min(e.at) AS at
            FROM (SELECT conversation_id FROM conversation_mentions WHERE mention_id = f.mention_id LIMIT 20) AS j
            JOIN LATERAL (SELECT brand_id FROM conversations WHERE id = j.conversation_id LIMIT 1) AS c ON c.brand_id = d.brand_id
            JOIN events AS e ON e.conversation_id = j.conversation_id AND e.person_id IS NOT NULL AND e.at >= f.at
                AND (e.kind LIKE 'act.%' OR e.kind = 'reply.queued') AND e.kind <> 'act.read'
        ) AS e
    ) AS s
), marked AS MATERIALIZED (
    SELECT brand_id, rule, count(DISTINCT mention_id) FILTER (WHERE verdict = 'right') AS right,
           count(DISTINCT mention_id) FILTER (WHERE verdict = 'false alarm') AS false_alarms,
           count(DISTINCT mention_id) FILTER (WHERE verdict = 'missed') AS missed
    FROM rule_marks WHERE ($1::int IS NULL OR brand_id = $1) AND at >= $2 AND at <= $3 GROUP BY 1, 2
)
SELECT r.brand_id, r.rule, coalesce(f.hits, 0) AS hits, coalesce(f.shadow_hits, 0) AS shadow_hits, coalesce(f.today, 0) AS today,
       coalesce(k.right, 0) AS right, coalesce(k.false_alarms, 0) AS false_alarms, coalesce(k.missed, 0) AS missed, s.minutes,
       (SELECT at FROM flags WHERE brand_id = r.brand_id AND rule = r.rule AND at <= $3 ORDER BY at DESC LIMIT 1) AS last_at
FROM (SELECT brand_id, rule FROM fired UNION SELECT brand_id, rule FROM marked) AS r
LEFT JOIN fired AS f USING (brand_id, rule)
LEFT JOIN soon AS s USING (brand_id, rule)
LEFT JOIN marked AS k USING (brand_id, rule)
ORDER BY r.rule, r.brand_id
"""


@dataclass(frozen=True, slots=True)
class RuleStat:
    """One rule of one brand, since some time. Rules that never fired and were never marked have none."""

    brand_id: int
    rule: str
    hits: int
    """Messages that it flagged."""
    shadow_hits: int
    """Messages that it would have flagged, while it was experimental."""
    today: int
    """Hits since midnight in the brand's own time zone."""
    right: int
    """Messages of which at least one person says so; so with the next two."""
    false_alarms: int
    missed: int
    minutes: float | None
    """Median, from the flag to the first act of a person on its conversation, of the newest 500 hits; None: nobody acted."""
    last_at: datetime | None
    """When it fired last, also before that time and also as an experiment."""


async def stats(pool: asyncpg.Pool, brand_id: int | None, since: datetime, now: datetime) -> tuple[RuleStat, ...]:
    """Every rule that ever fired for the brand (None: for each) or was marked since then, by rule."""
    async with acquired(pool) as connection:
        rows = await connection.fetch(_STATS, brand_id, since, now, SOONEST)
    return tuple(_stat(row) for row in rows)


def _stat(row: Mapping[str, Any]) -> RuleStat:
    minutes = row["minutes"]
    return RuleStat(**{**dict(row), "minutes": None if minutes is None else float(minutes)})
