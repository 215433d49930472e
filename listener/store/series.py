"""The counters that alerts are found by, what the detector remembers of them, and who listened when. Owns `series`, `spike_states`,
`spike_desks` and the taking of `asked_alerts`.

Deltas are folded by one program at a time and readers add the unfolded rest. Whatever a watch does for a brand happens in one transaction under
`alone`, so that a second listener does nothing twice. Refuses to decide what is surprising: that is `listener.spikes` and `listener.incidents`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from listener.incidents.hearing import Hole, Stream
from listener.incidents.watching import LEARNED_DAYS, Counted, Desks, States
from listener.incidents.watching import Counter as Counter
from listener.spikes import baseline, paging
from listener.spikes.baseline import DAY
from listener.store.columns import columns
from listener.store.connect import acquired
from listener.store.source_views import LOOK_BACK

FOLD_AT_ONCE = 20_000
KEPT_FOR = timedelta(days=400)
"""A year and a month: what `hubbub alerts try` can look back over."""
STATIONS = ("import/%", "%/rechecks")
"""Rows of `sources` that are no streams."""

_ALONE = "SELECT pg_try_advisory_xact_lock(1751479924, $1)"
_ALONE_AT_LAST = "SELECT pg_advisory_xact_lock(1751479924, $1)"
_FOLDER = "SELECT pg_try_advisory_xact_lock(7502739003)"

# In one statement, so that no reader ever sees a delta twice or not at all.
_FOLD = """
WITH gone AS (
    DELETE FROM series_deltas WHERE id IN (SELECT id FROM series_deltas ORDER BY id LIMIT $1)
    RETURNING brand_id, topic, source, at, history, mentions, negative, urgent, reach
), folded AS (
    INSERT INTO series AS s (brand_id, topic, source, at, history, mentions, negative, urgent, reach)
    SELECT brand_id, topic, source, at, history, sum(mentions), sum(negative), sum(urgent), sum(reach) FROM gone GROUP BY 1, 2, 3, 4, 5
    ON CONFLICT (brand_id, topic, source, at, history) DO UPDATE SET mentions = s.mentions + excluded.mentions,
        negative = s.negative + excluded.negative, urgent = s.urgent + excluded.urgent, reach = s.reach + excluded.reach, changed_at = now()
)
SELECT brand_id, topic, source, count(*) AS deltas, extract(epoch FROM min(at) FILTER (WHERE history))::bigint AS earliest,
       extract(epoch FROM max(at) FILTER (WHERE history))::bigint AS latest
FROM gone GROUP BY 1, 2, 3
"""

# Learned when less was known: the next look learns anew from what is counted now. What is older than a day cannot be mended any more, and who
# has learned for longer than is looked back over knows more than would be learned anew.
_FORGET_OUTREACHED = """
DELETE FROM spike_states AS s USING unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[]) AS n(topic, source, earliest, latest)
WHERE s.brand_id = $1 AND s.topic = n.topic AND s.source IN ('', n.source)
  AND n.earliest < (s.state->>'at')::bigint - $6 AND n.latest > (s.state->>'at')::bigint - $7
  AND (s.state->>'age')::bigint * (s.state->>'step')::bigint < $7
"""

SWEEP = """
DELETE FROM series WHERE (brand_id, topic, source, at, history) IN
    (SELECT brand_id, topic, source, at, history FROM series WHERE at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)
"""

_COUNTS = """
SELECT topic, source, extract(epoch FROM at)::bigint AS at, history, sum(mentions)::bigint AS mentions, sum(negative)::bigint AS negative,
       sum(urgent)::bigint AS urgent
FROM (SELECT topic, source, at, history, mentions, negative, urgent FROM series
      WHERE brand_id = $1 AND topic = ANY($2::text[]) AND at >= $3 AND at < $4
      UNION ALL
      SELECT topic, source, at, history, mentions, negative, urgent FROM series_deltas
      WHERE brand_id = $1 AND topic = ANY($2::text[]) AND at >= $3 AND at < $4) AS all_of_them
GROUP BY 1, 2, 3, 4
"""

# Five minutes of a topic are read whole where anything of them changed, or where a state does not know them yet.
_CHANGED = """
WITH touched AS (
    SELECT topic, at FROM series WHERE brand_id = $1 AND topic = ANY($2::text[]) AND at >= $3 AND at < $4
        AND (at > $5 OR changed_at >= $5 OR at = ANY($6::timestamptz[]))
    UNION SELECT topic, at FROM series_deltas WHERE brand_id = $1 AND topic = ANY($2::text[]) AND at >= $3 AND at < $4
), all_of_them AS (
    SELECT s.topic, s.source, s.at, s.history, s.mentions, s.negative, s.urgent FROM touched JOIN series AS s USING (topic, at)
    WHERE s.brand_id = $1
    UNION ALL
    SELECT topic, source, at, history, mentions, negative, urgent FROM series_deltas
    WHERE brand_id = $1 AND topic = ANY($2::text[]) AND at >= $3 AND at < $4
)
SELECT topic, source, extract(epoch FROM at)::bigint AS at, history, sum(mentions)::bigint AS mentions, sum(negative)::bigint AS negative,
       sum(urgent)::bigint AS urgent
FROM all_of_them GROUP BY 1, 2, 3, 4
"""

_STATES = "SELECT topic, source, counter, state::text FROM spike_states WHERE brand_id = $1"
_DESKS = "SELECT policy, topic, source, desk::text FROM spike_desks WHERE brand_id = $1"

_KEEP_STATES = """
INSERT INTO spike_states (brand_id, topic, source, counter, state)
SELECT $1, topic, source, counter, state::jsonb
FROM unnest($2::text[], $3::text[], $4::text[], $5::text[]) AS n(topic, source, counter, state)
ON CONFLICT (brand_id, topic, source, counter) DO UPDATE SET state = excluded.state
"""
_KEEP_DESKS = """
INSERT INTO spike_desks (brand_id, policy, topic, source, desk)
SELECT $1, policy, topic, source, desk::jsonb
FROM unnest($2::text[], $3::text[], $4::text[], $5::text[]) AS n(policy, topic, source, desk)
ON CONFLICT (brand_id, policy, topic, source) DO UPDATE SET desk = excluded.desk
"""
# What no alert looks at any more is forgotten: when one looks again it learns from what was counted meanwhile.
_FORGET_STATES = """
DELETE FROM spike_states AS s WHERE brand_id = $1 AND NOT EXISTS
    (SELECT FROM unnest($2::text[], $3::text[], $4::text[]) AS n(topic, source, counter)
     WHERE n.topic = s.topic AND n.source = s.source AND n.counter = s.counter)
"""
_FORGET_DESKS = """
DELETE FROM spike_desks AS d WHERE brand_id = $1 AND NOT EXISTS
    (SELECT FROM unnest($2::text[], $3::text[], $4::text[]) AS n(policy, topic, source)
     WHERE n.policy = d.policy AND n.topic = d.topic AND n.source = d.source)
"""

# Streams of accounts of other brands say nothing of this one.
_STREAMS = """
SELECT s.id, s.key, s.state, s.born_at, s.beat_at, s.item_at, s.heard_at, s.stored FROM sources AS s
WHERE s.state <> 'finished' AND s.beat_at IS NOT NULL AND NOT s.key LIKE ANY($2::text[])
  AND NOT EXISTS (SELECT FROM accounts AS a WHERE a.brand_id <> $1 AND s.key LIKE '%/' || a.external_id)
ORDER BY s.key
"""
_HOLES = """
SELECT source_id, start_at, end_at, state, coalesce(rest_start, start_at) AS rest_start, coalesce(rest_end, end_at) AS rest_end
FROM gaps WHERE source_id = ANY($1::int[]) AND end_at > $2 AND start_at < $3 AND cause <> $4
"""

_AUTHORS = """
SELECT count(DISTINCT m.author_id) FROM mentions AS m JOIN hearings AS h ON h.mention_id = m.id AND h.brand_id = $1
WHERE m.at >= $2 AND m.at < $3 AND NOT m.ours AND h.via NOT IN ('thread', 'own') AND ($4 = '' OR h.topic = $4) AND ($5 = '' OR m.source = $5)
  AND ($6 = 'mentions' OR EXISTS (SELECT FROM assessments AS a WHERE a.mention_id = m.id AND a.brand_id = $1 AND a.version = m.version
       AND CASE $6 WHEN 'negative' THEN a.tone = 'negative'
            ELSE CASE WHEN a.need_said IS NULL THEN coalesce(a.need_alone, a.need) ELSE a.need END >= $7 END))
"""

_ASKED = """
DELETE FROM asked_alerts WHERE id IN (SELECT id FROM asked_alerts WHERE brand_id = $1 ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED)
RETURNING id, policy, rule, mention_id, at
"""

_BRANDS = "SELECT id, key, zone FROM brands ORDER BY id"


@dataclass(frozen=True, slots=True)
class Asked:
    """That a rule asked for an alert."""

    policy: str
    rule: str
    mention_id: int
    at: datetime
    """When the message was said."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A brand whose counters are watched."""

    id: int
    key: str
    zone: str


async def brands(pool: asyncpg.Pool) -> list[Watched]:
    """All of them."""
    async with acquired(pool) as connection:
        return [Watched(**dict(row)) for row in await connection.fetch(_BRANDS)]


async def fold(pool: asyncpg.Pool) -> int:
    """Adds deltas to the series, at most 20,000; how many. 0: there were none, or another program is at it.

    What was brought afterwards (an import, a look back, a gap that is filled) and is older than a day makes the next look learn anew.
    """
    async with acquired(pool) as connection, connection.transaction():
        if not await connection.fetchval(_FOLDER):
            return 0
        rows = await connection.fetch(_FOLD, FOLD_AT_ONCE)
        brought: dict[int, list[tuple[str, str, int, int]]] = {}
        for r in rows:
            if r["earliest"] is not None:
                brought.setdefault(r["brand_id"], []).append((r["topic"], r["source"], r["earliest"], r["latest"]))
        for brand_id, history in sorted(brought.items()):
            await connection.execute(_ALONE_AT_LAST, brand_id)
            await connection.execute(_FORGET_OUTREACHED, brand_id, *columns(history), DAY, LEARNED_DAYS * DAY)
        return sum(r["deltas"] for r in rows)


async def alone(connection: asyncpg.Connection, brand_id: int) -> bool:
    """Whether nobody else watches this brand; until the transaction ends."""
    return bool(await connection.fetchval(_ALONE, brand_id))


async def counts(
    connection: asyncpg.Connection, brand_id: int, topics: Collection[str], since: datetime, until: datetime
) -> list[Counted]:
    """What was counted from `since` on and before `until`, where anything was."""
    rows = await connection.fetch(_COUNTS, brand_id, sorted(topics), since, until)
    return [Counted(*row.values()) for row in rows]


async def changed(
    connection: asyncpg.Connection,
    brand_id: int,
    topics: Collection[str],
    since: datetime,
    until: datetime,
    last: datetime,
    unknown: Collection[datetime],
) -> list[Counted]:
    """The same, where anything changed from `last` on, and of the buckets that are `unknown` so far."""
    rows = await connection.fetch(_CHANGED, brand_id, sorted(topics), since, until, last, sorted(unknown))
    return [Counted(*row.values()) for row in rows]


async def streams(connection: asyncpg.Connection, brand_id: int, since: datetime, until: datetime) -> list[Stream]:
    """Who listens for a brand, and the holes in it between the two."""
    rows = await connection.fetch(_STREAMS, brand_id, list(STATIONS))
    holes: dict[int, list[Hole]] = {}
    for r in await connection.fetch(_HOLES, [row["id"] for row in rows], since, until, LOOK_BACK):
        rest = None if r["state"] == "filled" else (r["rest_start"].timestamp(), r["rest_end"].timestamp())
        holes.setdefault(r["source_id"], []).append(Hole(r["start_at"].timestamp(), r["end_at"].timestamp(), rest))
    return [
        Stream(
            key=row["key"],
            state=row["state"],
            born=row["born_at"].timestamp(),
            beat=row["beat_at"].timestamp(),
            heard=row["heard_at"].timestamp() if row["heard_at"] else None,
            item=row["item_at"].timestamp() if row["item_at"] else None,
            weight=row["stored"] + 1,
            holes=tuple(holes.get(row["id"], ())),
        )
        for row in rows
    ]


async def states(connection: asyncpg.Connection, brand_id: int) -> States:
    """What was learned; what another version learned is not there."""
    found: States = {}
    for r in await connection.fetch(_STATES, brand_id):
        if (state := baseline.from_json(r["state"].encode())) is not None:
            found[Counter(r["topic"], r["source"], r["counter"])] = state
    return found


async def desks(connection: asyncpg.Connection, brand_id: int) -> Desks:
    """What each alert remembers, by policy, topic and network."""
    found: Desks = {}
    for r in await connection.fetch(_DESKS, brand_id):
        if (desk := paging.from_json(r["desk"].encode())) is not None:
            found[(r["policy"], r["topic"], r["source"])] = desk
    return found


async def keep(
    connection: asyncpg.Connection, brand_id: int, states: States, desks: Desks, counters: Collection[Counter]
) -> None:
    """Write both down, and forget what is neither in `counters` nor among the desks."""
    if states:
        rows = [(c.topic, c.source, c.what, baseline.to_json(state).decode()) for c, state in sorted(states.items())]
        await connection.execute(_KEEP_STATES, brand_id, *columns(rows))
    if desks:
        kept = [(*key, paging.to_json(desk).decode()) for key, desk in sorted(desks.items())]
        await connection.execute(_KEEP_DESKS, brand_id, *columns(kept))
    there = [(c.topic, c.source, c.what) for c in counters]
    await connection.execute(_FORGET_STATES, brand_id, *(columns(there) or ([], [], [])))
    await connection.execute(_FORGET_DESKS, brand_id, *(columns(sorted(desks)) or ([], [], [])))


async def authors(
    connection: asyncpg.Connection, brand_id: int, counter: Counter, since: datetime, until: datetime, line: float
) -> int:
    """How many people said it. `line`: need from which on it is urgent."""
    return int(
        await connection.fetchval(_AUTHORS, brand_id, since, until, counter.topic, counter.source, counter.what, line)
    )


async def asked(connection: asyncpg.Connection, brand_id: int, most: int = 1000) -> Sequence[Asked]:
    """What rules asked for and nobody has fired; it is gone when the transaction commits."""
    rows = await connection.fetch(_ASKED, brand_id, most)
    return [Asked(r["policy"], r["rule"], r["mention_id"], r["at"]) for r in sorted(rows, key=lambda r: r["id"])]
