"""How sources fare, as rows: their faults by code, what is left of their budgets, when logins end, and all of it in one reading.

What people ask of a source is in `source_wishes`; the bookmark and the lock are in `sources`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from listener.harmless import storable
from listener.store.connect import acquired
from listener.store.source_views import BudgetRow, Fault, GapRow, SourceState, titled

_INSIDE = ("threads", "rechecks")

MAX_CODE, MAX_WHAT = 100, 500

FAULTS_FOR = timedelta(days=90)

_FAULT = """
INSERT INTO source_faults AS f (source_id, code, what, seen, first_at, last_at)
SELECT id, $2, $3, $4, $5, $5 FROM sources WHERE key = $1
ON CONFLICT (source_id, code) DO UPDATE SET what = excluded.what, seen = f.seen + excluded.seen, last_at = excluded.last_at
"""

# Two halves of one listener share what a network allows: the lesser of what they know is kept. Alone, it is always its own latest word.
_SAVE_BUDGET = """
INSERT INTO source_budgets AS b (source, name, points, seconds, remaining, closed_until, at)
SELECT $1, name, points, seconds, remaining, closed_until, $2
FROM unnest($3::text[], $4::float8[], $5::float8[], $6::float8[], $7::timestamptz[]) AS n(name, points, seconds, remaining, closed_until)
ORDER BY name
ON CONFLICT (source, name) DO UPDATE SET points = excluded.points, seconds = excluded.seconds, at = excluded.at,
    closed_until = greatest(b.closed_until, excluded.closed_until),
    remaining = least(excluded.remaining, excluded.points - greatest(0, b.points - b.remaining
                      - greatest(0, extract(epoch FROM excluded.at - b.at)) * b.points / b.seconds))
"""

_BUDGETS = "SELECT source, name, points, seconds, remaining, closed_until, at FROM source_budgets ORDER BY source, name"

_EXPIRIES = """
UPDATE accounts AS a SET login_until = n.until
FROM (SELECT o.id, e.until FROM accounts AS o
      LEFT JOIN unnest($2::text[], $3::timestamptz[]) AS e(external_id, until) ON e.external_id = o.external_id
      WHERE o.source = $1) AS n
WHERE a.id = n.id AND a.login_until IS DISTINCT FROM n.until
"""

_ALL = """
SELECT s.id, s.key, s.state, s.wanted, s.problem, s.started_at, s.beat_at, s.item_at, s.heard_at, s.heard, s.stored,
       a.login_until, coalesce(a.handle, '') AS handle, a.brands, s.wanted_at, coalesce(p.name, '') AS wanted_by
FROM sources AS s LEFT JOIN people AS p ON p.id = s.wanted_by
CROSS JOIN LATERAL (
    SELECT min(login_until) AS login_until, min(handle) AS handle, coalesce(array_agg(brand_id ORDER BY brand_id), '{}') AS brands
    FROM accounts WHERE source = split_part(s.key, '/', 1) AND right(s.key, length(external_id) + 1) = '/' || external_id
) AS a
ORDER BY s.key
"""

_FAULTS = (
    "SELECT source_id, code, what, seen, first_at, last_at FROM source_faults ORDER BY source_id, last_at DESC, code"
)

_REJECTS = """
SELECT source_id, reason, sum(seen)::bigint AS n, count(*) FILTER (WHERE asked_at IS NOT NULL) AS asked FROM rejects GROUP BY 1, 2 ORDER BY 1, 2
"""

_GAPS = """
SELECT g.source_id, g.id, s.key AS source, g.start_at AS start, g.end_at AS "end", g.cause, g.state, g.noted_at,
       g.problem, g.found, g.rest_start, g.rest_end
FROM gaps AS g JOIN sources AS s ON s.id = g.source_id
WHERE g.state <> 'filled' ORDER BY g.start_at, g.id
"""

_DELIVERIES = "SELECT hook, state, count(*) AS n FROM deliveries WHERE state <> 'done' GROUP BY 1, 2"

# 'heard' is counted by the hour in which we heard it; of the hour before, that part counts which is less than an hour ago.
_RATE = """
SELECT key, sum(n * CASE WHEN bucket = $1 THEN 1 ELSE $3::float8 END)::float8 AS n FROM (
    SELECT key, bucket, n FROM counters
    WHERE brand_id = ANY((SELECT array_agg(id) FROM brands)::int[]) AND name = 'heard' AND bucket IN ($1, $2)
    UNION ALL
    SELECT key, bucket, n FROM counter_deltas WHERE name = 'heard' AND bucket IN ($1, $2)
) AS lately GROUP BY key
"""

_STOPPED = """
SELECT s.key, min(a.handle) AS handle FROM sources AS s
LEFT JOIN accounts AS a ON a.source = split_part(s.key, '/', 1) AND right(s.key, length(a.external_id) + 1) = '/' || a.external_id
WHERE s.state = 'stopped' AND s.wanted = ''
GROUP BY s.key HAVING bool_or(a.id IS NULL OR a.brand_id = $1) ORDER BY s.key
"""

_SWEEP = "DELETE FROM source_faults WHERE last_at < $1"


def is_inside(key: str) -> bool:
    """Whether a row of `sources` is no stream, but what we look up ourselves: '<source>/threads', '<source>/rechecks'."""
    return key.count("/") == 1 and key.endswith(tuple(f"/{name}" for name in _INSIDE))


async def note_fault(pool: asyncpg.Pool, key: str, code: str, what: str, now: datetime, times: int = 1) -> None:
    """Counts a fault of a stream. Without a code it counts as `unnamed`; a source that never ran has none."""
    row = (key, storable(code)[:MAX_CODE] or "unnamed", storable(what)[:MAX_WHAT], times, now)
    async with acquired(pool) as connection:
        await connection.execute(_FAULT, *row)


async def save_budgets(pool: asyncpg.Pool, source: str, rows: Sequence[BudgetRow], now: datetime) -> None:
    """What is left, by name. Of two programs that spend from one, the lesser word counts."""
    if rows:
        columns = zip(*((b.name, b.points, b.seconds, b.remaining, b.closed_until) for b in rows), strict=True)
        async with acquired(pool) as connection:
            await connection.execute(_SAVE_BUDGET, source, now, *map(list, columns))


async def budgets(pool: asyncpg.Pool) -> list[BudgetRow]:
    """All that were ever saved."""
    async with acquired(pool) as connection:
        return [BudgetRow(**dict(row)) for row in await connection.fetch(_BUDGETS)]


async def publish_expiries(pool: asyncpg.Pool, source: str, ends: Mapping[str, datetime]) -> None:
    """When the logins of a source's accounts end, by external id; those not named end never, as far as is known."""
    async with acquired(pool) as connection:
        await connection.execute(_EXPIRIES, source, list(ends), list(ends.values()))


async def everything(pool: asyncpg.Pool, now: datetime) -> list[SourceState]:
    """Every stream that ever ran, by key, with all that is known of it."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    part = 1 - (now - hour).total_seconds() / 3600
    async with acquired(pool) as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        rows = await connection.fetch(_ALL)
        faults, rejects = await connection.fetch(_FAULTS), await connection.fetch(_REJECTS)
        gaps, kept = await connection.fetch(_GAPS), await connection.fetch(_BUDGETS)
        delivered = await connection.fetch(_DELIVERIES)
        rates = {r["key"]: r["n"] for r in await connection.fetch(_RATE, hour, hour - timedelta(hours=1), part)}
    left = [BudgetRow(**dict(row)) for row in kept]
    counts = {(row["hook"], row["state"]): row["n"] for row in delivered}
    found = []
    for row in rows:
        told = dict(row)
        number, key = told.pop("id"), told["key"]
        if is_inside(key):
            continue
        source = key.partition("/")[0]
        told["brands"] = tuple(told["brands"])
        late = told["heard_at"] - told["item_at"] if told["heard_at"] and told["item_at"] else None
        found.append(
            SourceState(
                **told,
                source=source,
                lag=None if late is None else max(timedelta(0), late),
                an_hour=round(rates.get(key, 0.0), 1),
                faults=tuple(Fault(**_rest(f)) for f in faults if f["source_id"] == number),
                rejects={r["reason"]: r["n"] for r in rejects if r["source_id"] == number},
                rejects_asked=sum(r["asked"] for r in rejects if r["source_id"] == number),
                budgets=tuple(b for b in left if b.source == source),
                gaps=tuple(GapRow(**_rest(g)) for g in gaps if g["source_id"] == number),
                waiting=counts.get((key, "waiting"), 0),
                failed=counts.get((key, "failed"), 0),
            )
        )
    return found


async def stopped(pool: asyncpg.Pool, brand_id: int) -> list[str]:
    """Titles of the streams that a brand sees and that stopped until a person helps."""
    async with acquired(pool) as connection:
        rows = await connection.fetch(_STOPPED, brand_id)
    return [titled(row["key"], row["handle"] or "") for row in rows if not is_inside(row["key"])]


async def sweep(pool: asyncpg.Pool, now: datetime) -> None:
    """Forgets faults that were not seen for 90 days."""
    async with acquired(pool) as connection:
        await connection.execute(_SWEEP, now - FAULTS_FOR)


def _rest(row: asyncpg.Record) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "source_id"}
