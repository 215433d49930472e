"""What was heard, into the counters that alerts are found by: how much, how much of it negative or urgent, how many it reached.

Owns the deltas of `series`: five minutes of the network's own time, for each topic and network; topic '' is whatever concerns the brand, each
message once. An edit that changes the judgement corrects the five minutes in which the message was said. Refuses to count our own posts and
mere context. What is brought afterwards is counted apart, so that it never looks like today's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from listener.model.judged import Assessment
from listener.model.kinds import Via
from listener.model.scales import ToneLabel
from listener.store.columns import columns
from listener.store.conversations import Event
from listener.store.record.judge import Judgements
from listener.store.record.keep import Kept
from listener.store.unanswered import LINE, Wanted, not_wanted, want

BUCKET = 300
"""Seconds."""

_APPEND = """
INSERT INTO series_deltas (brand_id, topic, source, at, history, mentions, negative, urgent, reach)
SELECT brand_id, topic, source, at, $1, mentions, negative, 0, reach
FROM unnest($2::int[], $3::text[], $4::text[], $5::timestamptz[], $6::int[], $7::int[], $8::bigint[])
     AS n(brand_id, topic, source, at, mentions, negative, reach)
"""

# What a person said, else what need said: a model that learned from the team wakes nobody.
_NEED = "CASE WHEN a.need_said IS NULL THEN coalesce(a.need_alone, a.need) ELSE a.need END AS need"

_HEARD = """
SELECT mention_id, brand_id, topic, account_id, via, source_id FROM hearings
WHERE mention_id = ANY($1::bigint[]) AND via NOT IN ('thread', 'own')
"""

_BEFORE = f"""
SELECT n.mention_id, a.brand_id, a.tone, a.need
FROM unnest($1::bigint[], $2::int[]) AS n(mention_id, version)
JOIN LATERAL (SELECT DISTINCT ON (brand_id) brand_id, tone, {_NEED} FROM assessments AS a
              WHERE mention_id = n.mention_id AND version < n.version ORDER BY brand_id, version DESC) AS a ON true
"""  # noqa: S608 - constant

_ASK = """
INSERT INTO asked_alerts (brand_id, policy, rule, mention_id, at)
SELECT * FROM unnest($1::int[], $2::text[], $3::text[], $4::bigint[], $5::timestamptz[])
"""

_STANDS = f"""
SELECT m.source, m.at, a.tone = 'negative' AS negative, {_NEED}, coalesce((a.context ->> 'history')::boolean, false) AS history,
       (SELECT array_agg(DISTINCT topic) FROM hearings
        WHERE mention_id = $1 AND brand_id = $2 AND via NOT IN ('thread', 'own')) AS topics
FROM assessments AS a JOIN mentions AS m ON m.id = a.mention_id
WHERE a.mention_id = $1 AND a.brand_id = $2 ORDER BY a.version DESC LIMIT 1
"""  # noqa: S608 - constant

_NONE: frozenset[Via] = frozenset({Via.THREAD, Via.OWN})

Place = tuple[int, str]
"""Brand id and topic."""


def bucket_of(at: datetime) -> datetime:
    """The beginning of its five minutes."""
    return at.replace(minute=at.minute // 5 * 5, second=0, microsecond=0)


async def measure(
    connection: asyncpg.Connection, source_id: int, kept: Sequence[Kept], judged: Judgements, *, history: bool
) -> None:
    """Append what these add, and correct what edits changed."""
    theirs = [k for k in kept if not k.ours and (k.heard_new or k.edited)]
    known = [k for k in theirs if not k.new]
    before = await _heard_before(connection, source_id, known)
    was = await _judged_before(connection, [k for k in known if k.edited])
    sums: dict[tuple[int, str, str, datetime], list[int]] = defaultdict(lambda: [0, 0, 0])
    wanted: list[Wanted] = []
    unwanted: list[tuple[int, int]] = []
    for k in theirs:
        at, source = bucket_of(k.at), k.mention.source
        fresh: dict[int, set[str]] = defaultdict(set)
        for h in k.heard_new:
            if h.via not in _NONE:
                fresh[h.brand_id] |= {"", h.topic}
        for brand_id in sorted(fresh.keys() | before.get(k.id, {}).keys()):
            thought = judged.assessed.get((k.id, brand_id))
            negative = _negative(thought)
            there = before.get(k.id, {}).get(brand_id, set())
            for topic in fresh.get(brand_id, set()) - there:
                one = sums[(brand_id, topic, source, at)]
                one[0] += 1
                one[1] += negative
                one[2] += judged.followers.get(k.id, 0)
            previous = was.get((k.id, brand_id))
            if previous is not None and thought is not None and (changed := negative - previous[0]):
                for topic in there:
                    sums[(brand_id, topic, source, at)][1] += changed
            wants = thought is not None and thought.need >= LINE
            first = "" not in there or (previous is not None and previous[1] < LINE)
            if wants and first and not history:
                topics = "\x1f".join(sorted((fresh.get(brand_id, set()) | there) - {""}))
                wanted.append((k.id, brand_id, source, at, topics))
            elif thought is not None and previous is not None and previous[1] >= LINE and not wants:
                unwanted.append((k.id, brand_id))
    rows = [(*key, *found) for key, found in sorted(sums.items()) if any(found)]
    if rows:
        await connection.execute(_APPEND, history, *columns(rows))
    await want(connection, wanted)
    await not_wanted(connection, unwanted)


@dataclass(frozen=True, slots=True)
class Stands:
    """How a message counts for a brand."""

    source: str
    at: datetime
    negative: bool
    need: float
    history: bool
    topics: frozenset[str]


async def stands(connection: asyncpg.Connection, mention_id: int, brand_id: int) -> Stands | None:
    """How it counts now; None: it does not."""
    row = await connection.fetchrow(_STANDS, mention_id, brand_id)
    if row is None or not row["topics"]:
        return None
    return Stands(
        row["source"], bucket_of(row["at"]), row["negative"], row["need"], row["history"], frozenset(row["topics"])
    )


async def correct(connection: asyncpg.Connection, mention_id: int, brand_id: int, was: Stands | None) -> None:
    """Somebody says otherwise of a message than it stood before: it counts as it is now, when it was said."""
    now = await stands(connection, mention_id, brand_id)
    if was is None or now is None:
        return
    if changed := now.negative - was.negative:
        rows = [(brand_id, topic, now.source, now.at, 0, changed, 0) for topic in sorted(now.topics | {""})]
        await connection.execute(_APPEND, now.history, *columns(rows))
    if now.need >= LINE > was.need and not now.history:
        await want(connection, [(mention_id, brand_id, now.source, now.at, "\x1f".join(sorted(now.topics - {""})))])
    elif was.need >= LINE > now.need:
        await not_wanted(connection, [(mention_id, brand_id)])


async def ask(connection: asyncpg.Connection, kept: Sequence[Kept], events: Sequence[Event]) -> None:
    """Rules asked for alerts: the watch fires them."""
    said = {k.id: k.at for k in kept}
    rows = [
        (e.brand_id, str(e.after["policy"]), str(e.after["rule"]), e.mention_id, said[e.mention_id])
        for e in events
        if e.kind == "alert.asked" and e.after is not None and e.mention_id in said
    ]
    if rows:
        await connection.execute(_ASK, *columns(rows))


def _negative(thought: Assessment | None) -> int:
    return int(thought is not None and thought.tone.label is ToneLabel.NEGATIVE)


async def _heard_before(
    connection: asyncpg.Connection, source_id: int, known: Sequence[Kept]
) -> Mapping[int, Mapping[int, set[str]]]:
    """By message and brand, where it was counted before this batch: topics, and '' for the brand's whole."""
    found: dict[int, dict[int, set[str]]] = {}
    if not known:
        return found
    new: set[tuple[Any, ...]] = {
        (k.id, h.brand_id, h.topic, h.account_id, h.via.value, source_id) for k in known for h in k.heard_new
    }
    for r in await connection.fetch(_HEARD, [k.id for k in known]):
        if tuple(r.values()) not in new:
            found.setdefault(r["mention_id"], {}).setdefault(r["brand_id"], set()).update({"", r["topic"]})
    return found


async def _judged_before(
    connection: asyncpg.Connection, edited: Sequence[Kept]
) -> Mapping[tuple[int, int], tuple[int, float]]:
    """By message and brand: whether it counted as negative, and its need."""
    if not edited:
        return {}
    rows = await connection.fetch(_BEFORE, *columns([(k.id, k.version) for k in edited]))
    return {(r["mention_id"], r["brand_id"]): (int(r["tone"] == ToneLabel.NEGATIVE.value), r["need"]) for r in rows}
