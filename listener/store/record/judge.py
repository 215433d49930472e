"""What was known, and what the core thinks of it, into rows. Owns contexts, assessments, flags and the topic counters.

Refuses to think: `Judge` is handed in, pure, and called between two statements of the same transaction, so that what it knew
and what it said are kept together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from listener.model import ADDRESSES, Assessment, Context, Hearing, Mention, ToneLabel, Via
from listener.store.columns import columns
from listener.store.record.keep import Kept

Judge = Callable[[Mention, Sequence[Hearing], Context], Assessment]
"""Mention x how it reached one brand x what was known -> assessment. Pure."""

AUTHOR_BEFORE = 100
"""Where counting an author's earlier mentions stops."""

_CONTEXT = """
SELECT n.id, n.brand_id, b.key AS brand,
       EXISTS (SELECT FROM mention_keys AS pk JOIN mentions AS p ON p.id = pk.mention_id
               WHERE pk.space = n.space AND pk.external_id = n.parent AND p.ours) AS answers_us,
       EXISTS (SELECT FROM mentions AS t WHERE t.space = n.space AND t.root = n.root AND t.ours AND t.id <> n.id) AS replied,
       (SELECT count(*) FROM (SELECT FROM mentions AS a WHERE a.author_id = n.author_id AND a.id <> n.id LIMIT $7) AS earlier)
           AS author_before, w.followers, w.verified
FROM unnest($1::bigint[], $2::int[], $3::text[], $4::text[], $5::text[], $6::bigint[])
     AS n(id, brand_id, space, parent, root, author_id)
JOIN brands AS b ON b.id = n.brand_id
JOIN authors AS w ON w.id = n.author_id
"""

_HANDLES = "SELECT id, handle FROM accounts WHERE id = ANY($1::int[])"

_ASSESSMENTS = """
INSERT INTO assessments (mention_id, brand_id, version, rulebook, methods, tone, tone_neg, tone_neu, tone_pos,
                         tone_compound, need, priority, due_at, tags, team, because, context, at)
SELECT mention_id, brand_id, version, rulebook, methods::jsonb, tone, tone_neg, tone_neu, tone_pos, tone_compound, need,
       priority, due_at, string_to_array(tags, E'\\x1f'), team, because::jsonb, context::jsonb, $1
FROM unnest($2::bigint[], $3::int[], $4::int[], $5::text[], $6::text[], $7::text[], $8::real[], $9::real[], $10::real[],
            $11::real[], $12::real[], $13::smallint[], $14::timestamptz[], $15::text[], $16::text[], $17::text[],
            $18::text[])
     AS n(mention_id, brand_id, version, rulebook, methods, tone, tone_neg, tone_neu, tone_pos, tone_compound, need,
          priority, due_at, tags, team, because, context)
ON CONFLICT DO NOTHING
"""

_FLAGS = """
INSERT INTO flags (mention_id, brand_id, version, rule, rulebook, spans, values, at)
SELECT mention_id, brand_id, version, rule, rulebook, string_to_array(spans, ',')::int[], values::jsonb, $1
FROM unnest($2::bigint[], $3::int[], $4::int[], $5::text[], $6::text[], $7::text[], $8::text[])
     AS n(mention_id, brand_id, version, rule, rulebook, spans, values)
ON CONFLICT DO NOTHING
"""

_LANG = """
UPDATE mentions AS m SET lang = n.lang
FROM unnest($1::bigint[], $2::text[]) AS n(id, lang) WHERE m.id = n.id AND m.lang <> n.lang
"""

COUNT = """
INSERT INTO counter_deltas (brand_id, name, key, bucket, n)
SELECT * FROM unnest($1::int[], $2::text[], $3::text[], $4::timestamptz[], $5::bigint[])
"""

Assessed = dict[tuple[int, int], Assessment]
"""By (mention id, brand id)."""


async def judge_all(
    connection: asyncpg.Connection, kept: Sequence[Kept], judge: Judge, now: datetime, *, history: bool
) -> Assessed:
    """Assess what is new to a brand or has changed. Our own posts and mere thread context are not judged."""
    todo = [(k, brand_id, hearings) for k in kept if not k.ours for brand_id, hearings in _to_judge(k).items()]
    if not todo:
        return {}
    contexts = await _contexts(connection, todo, history=history)
    assessed: Assessed = {}
    for k, brand_id, hearings in todo:
        assessed[(k.id, brand_id)] = judge(k.mention, hearings, contexts[(k.id, brand_id)])
    rows = [
        (
            k.id, brand_id, k.version, a.rulebook, _json(a.methods), a.tone.label.value, a.tone.neg, a.tone.neu, a.tone.pos,
            a.tone.compound, a.need, int(a.priority), None if history else a.due_at, "\x1f".join(a.tags), a.team,
            _json(a.because), _json(contexts[(k.id, brand_id)]),
        )
        for k, brand_id, _ in todo
        for a in (assessed[(k.id, brand_id)],)
    ]  # fmt: skip
    await connection.execute(_ASSESSMENTS, now, *columns(rows))
    flags = [
        (k.id, brand_id, k.version, f.rule, a.rulebook, ",".join(map(str, f.spans)), _json(f.values))
        for k, brand_id, _ in todo
        for a in (assessed[(k.id, brand_id)],)
        for f in a.flags
    ]
    if flags:
        await connection.execute(_FLAGS, now, *columns(flags))
    langs = {k.id: assessed[(k.id, brand_id)].lang for k, brand_id, _ in todo}
    if any(langs.values()):
        await connection.execute(_LANG, list(langs), list(langs.values()))
    return assessed


def _to_judge(k: Kept) -> dict[int, list[Hearing]]:
    """The brands for which this message must be judged (again), with all that is known of how it reached them."""
    grouped: dict[int, list[Hearing]] = {}
    for hearing in dict.fromkeys(k.hearings):
        if hearing.via is not Via.THREAD and hearing.via is not Via.OWN:
            grouped.setdefault(hearing.brand_id, []).append(hearing)
    if k.edited or k.new:
        return grouped
    fresh = {h.brand_id for h in k.heard_new}
    return {brand_id: hearings for brand_id, hearings in grouped.items() if brand_id in fresh}


async def _contexts(
    connection: asyncpg.Connection, todo: Sequence[tuple[Kept, int, list[Hearing]]], *, history: bool
) -> dict[tuple[int, int], Context]:
    rows = [(k.id, brand_id, k.mention.key.space, k.mention.parent, k.root, k.author_id) for k, brand_id, _ in todo]
    addressed = {
        (k.id, brand_id): [h.account_id for h in hearings if h.via in ADDRESSES]
        for k, brand_id, hearings in todo
        if any(h.via in ADDRESSES for h in hearings)
    }
    handles: dict[int, str] = {}
    if wanted := {account_id for ids in addressed.values() for account_id in ids}:
        handles = {r["id"]: r["handle"] for r in await connection.fetch(_HANDLES, sorted(wanted))}
    return {
        (r["id"], r["brand_id"]): Context(
            brand=r["brand"],
            addresses=(r["id"], r["brand_id"]) in addressed,
            answers_us=r["answers_us"],
            author_before=r["author_before"],
            replied_before=r["replied"],
            history=history,
            followers=r["followers"],
            verified=r["verified"],
            accounts=tuple(
                sorted({handles[one] for one in addressed.get((r["id"], r["brand_id"]), ()) if one in handles})
            ),
        )
        for r in await connection.fetch(_CONTEXT, *columns(rows), AUTHOR_BEFORE)
    }


async def count(
    connection: asyncpg.Connection,
    source_key: str,
    kept: Sequence[Kept],
    assessed: Assessed,
    now: datetime,
    *,
    history: bool,
) -> dict[int, dict[str, int]]:
    """Append the counters' deltas; how many new mentions each topic of each brand got.

    'topic' and 'topic-negative' go by the hour of the mention's time (spikes), 'heard' by the hour we heard it (silence).
    History counts under names of its own, so that it never looks like today's traffic.
    """
    prefix = "history-" if history else ""
    deltas: Counter[tuple[int, str, str, datetime]] = Counter()
    topics: dict[int, dict[str, int]] = {}
    heard_hour = _hour(now)
    for k in kept:
        for h in k.heard_new:
            if h.via is Via.THREAD or k.ours:
                continue
            deltas[(h.brand_id, f"{prefix}heard", source_key, heard_hour)] += 1
            if h.via is not Via.TOPIC:
                continue
            topics.setdefault(h.brand_id, {})
            topics[h.brand_id][h.topic] = topics[h.brand_id].get(h.topic, 0) + 1
            deltas[(h.brand_id, f"{prefix}topic", h.topic, _hour(k.at))] += 1
            if history:  # nothing of today's, but the topic is known from now on: Listening can show it
                deltas[(h.brand_id, "topic", h.topic, _hour(k.at))] += 0
            assessment = assessed.get((k.id, h.brand_id))
            if assessment is not None and assessment.tone.label is ToneLabel.NEGATIVE:
                deltas[(h.brand_id, f"{prefix}topic-negative", h.topic, _hour(k.at))] += 1
    if deltas:
        rows = [(*key, n) for key, n in sorted(deltas.items())]
        await connection.execute(COUNT, *columns(rows))
    return topics


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def _json(value: Mapping[str, Any] | Sequence[Any] | Context) -> str:
    return msgspec.json.encode(value).decode()
