"""What was known, and what the core thinks of it, into rows. Owns contexts, assessments, flags, asked alerts and the topic counters.

Refuses to think: `Judge` is handed in, pure, and called between two statements of the same transaction, so that what it knew
and what it said are kept together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from listener.model.heard import Hearing
from listener.model.judged import Assessment, Context
from listener.model.kinds import ADDRESSES, Via
from listener.model.scales import ToneLabel
from listener.store.columns import columns
from listener.store.conversations import Event
from listener.store.copies import by_others
from listener.store.overruled import in_force
from listener.store.record.case import Case, Judge
from listener.store.record.counting import counted
from listener.store.record.keep import Kept

AUTHOR_BEFORE = 100
"""Where counting an author's earlier mentions stops."""

_CONTEXT = """
SELECT n.id, n.brand_id, b.key AS brand,
       EXISTS (SELECT FROM mention_keys AS pk JOIN mentions AS p ON p.id = pk.mention_id
               WHERE pk.space = n.space AND pk.external_id = n.parent AND p.ours) AS answers_us,
       EXISTS (SELECT FROM mentions AS t WHERE t.space = n.space AND t.root = n.root AND t.ours AND t.id <> n.id) AS replied,
       (SELECT count(*) FROM (SELECT FROM mentions AS a WHERE a.author_id = n.author_id AND a.id <> n.id LIMIT $7) AS earlier)
           AS author_before, w.followers, w.verified, w.handle,
       coalesce((SELECT l.version FROM learned_models AS l WHERE l.brand_id = n.brand_id AND l.in_force), '') AS model
FROM unnest($1::bigint[], $2::int[], $3::text[], $4::text[], $5::text[], $6::bigint[])
     AS n(id, brand_id, space, parent, root, author_id)
JOIN brands AS b ON b.id = n.brand_id
JOIN authors AS w ON w.id = n.author_id
"""

_HANDLES = "SELECT id, handle FROM accounts WHERE id = ANY($1::int[])"

_ASSESSMENTS = """
INSERT INTO assessments (mention_id, brand_id, version, rulebook, methods, tone, tone_neg, tone_neu, tone_pos, tone_compound, lang, need,
                         priority, due_at, reply_within, tags, team, opens, assign, snooze_seconds, closes, hide, reply, alerts, because,
                         context, said, resolve_by, tone_about, need_alone, at)
SELECT mention_id, brand_id, version, rulebook, methods::jsonb, tone, tone_neg, tone_neu, tone_pos, tone_compound, lang, need,
       priority, due_at, reply_within, string_to_array(tags, E'\\x1f'), team, opens, assign, snooze_seconds, closes, hide, reply,
       string_to_array(alerts, E'\\x1f'), because::jsonb, context::jsonb, said::jsonb, resolve_by, tone_about, need_alone, $1
FROM unnest($2::bigint[], $3::int[], $4::int[], $5::text[], $6::text[], $7::text[], $8::real[], $9::real[], $10::real[],
            $11::real[], $12::text[], $13::real[], $14::smallint[], $15::timestamptz[], $16::float8[], $17::text[], $18::text[],
            $19::boolean[], $20::text[], $21::float8[], $22::boolean[], $23::boolean[], $24::text[], $25::text[], $26::text[],
            $27::text[], $28::text[], $29::timestamptz[], $30::text[], $31::real[])
     AS n(mention_id, brand_id, version, rulebook, methods, tone, tone_neg, tone_neu, tone_pos, tone_compound, lang, need, priority,
          due_at, reply_within, tags, team, opens, assign, snooze_seconds, closes, hide, reply, alerts, because, context, said,
          resolve_by, tone_about, need_alone)
ON CONFLICT DO NOTHING
"""

# What comes back is new; `before`: the same rule has flagged another version of the message already.
_FLAGS = """
INSERT INTO flags AS f (mention_id, brand_id, version, rule, rulebook, spans, values, shadow, at)
SELECT mention_id, brand_id, version, rule, rulebook, string_to_array(spans, ',')::int[], values::jsonb, shadow, $1
FROM unnest($2::bigint[], $3::int[], $4::int[], $5::text[], $6::text[], $7::text[], $8::text[], $9::boolean[])
     AS n(mention_id, brand_id, version, rule, rulebook, spans, values, shadow)
ON CONFLICT DO NOTHING
RETURNING f.mention_id, f.brand_id, f.rule, f.shadow,
    f.version > 1 AND EXISTS (SELECT FROM flags AS o WHERE o.mention_id = f.mention_id AND o.brand_id = f.brand_id
                              AND o.version < f.version AND o.rule = f.rule AND NOT o.shadow) AS before
"""

_ALERTED = """
SELECT DISTINCT n.mention_id, n.brand_id, unnest(a.alerts) AS policy
FROM unnest($1::bigint[], $2::int[]) AS n(mention_id, brand_id)
JOIN assessments AS a ON a.mention_id = n.mention_id AND a.brand_id = n.brand_id
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


@dataclass(frozen=True, slots=True)
class Judgements:
    """What judging one round of messages came to."""

    assessed: Assessed = field(default_factory=dict)
    flagged: Mapping[str, int] = field(default_factory=dict)
    """Rule id -> new flags; experimental ones do not count."""
    events: Sequence[Event] = ()
    """Which alert policies were asked for."""
    followers: Mapping[int, int] = field(default_factory=dict)
    """Mention id -> followers of its author, where they are known."""


async def judge_all(
    connection: asyncpg.Connection, kept: Sequence[Kept], judge: Judge, now: datetime, *, history: bool
) -> Judgements:
    """Assess what is new to a brand or has changed. Our own posts only where a rule asks for them; mere thread context never."""
    todo = [
        (k, brand_id, hearings)
        for k in kept
        if not k.ours or judge.judges_ours
        for brand_id, hearings in _to_judge(k).items()
    ]
    if not todo:
        return Judgements()
    cases = await _cases(connection, todo, judge, history=history)
    if judge.asks_copies and not history:
        to_us = [case for case in cases if case.context.addresses and not case.kept.ours]
        told = [(case.brand_id, case.kept.author_id, case.mention.text) for case in to_us]
        for case, copies in zip(to_us, await by_others(connection, told, now), strict=True):
            if copies:
                case.context = replace(case.context, copies=copies)
    if judge.counts:
        counts = await counted(connection, cases, judge, now)
        for case in cases:
            if found := counts.get(case.key):
                case.context = replace(case.context, counts=found)
    assessed = {case.key: judge(case.mention, case.hearings, case.context, now) for case in cases}
    asked_before = await _alerted(connection, cases, assessed, history=history)
    await _keep(connection, cases, assessed, now, history=history)
    overruled = await in_force(connection, [case.key for case in cases if not case.kept.new])
    for case in cases:
        if said := overruled.get((*case.key, case.kept.version)):
            a = assessed[case.key]
            assessed[case.key] = replace(a, tone=replace(a.tone, label=said[0]), need=said[1])
    fresh = await _flag(connection, cases, assessed, now)
    langs = {case.kept.id: assessed[case.key].lang for case in cases}
    if any(langs.values()):
        await connection.execute(_LANG, list(langs), list(langs.values()))
    flagged = Counter(r["rule"] for r in fresh if not r["shadow"])
    events = [] if history else _alerts(cases, assessed, fresh, asked_before)
    followers = {case.kept.id: case.context.followers for case in cases if case.context.followers}
    return Judgements(assessed, flagged, events, followers)


async def _keep(
    connection: asyncpg.Connection, cases: Sequence[Case], assessed: Assessed, now: datetime, *, history: bool
) -> None:
    rows = [
        (
            *case.key, case.kept.version, a.rulebook, _json(a.methods), a.tone.label.value, a.tone.neg, a.tone.neu, a.tone.pos,
            a.tone.compound, a.lang, a.need if a.learned is None else a.learned, int(a.priority), None if history else a.due_at,
            a.reply_within, "\x1f".join(a.tags), a.team, a.opens, a.assign, a.snooze, a.closes, a.hide, a.reply, "\x1f".join(a.alerts),
            _json(a.because), _json(case.context), _json(_said(case)), None if history else a.resolve_by,
            a.tone.about.value if a.tone.about else None, None if a.learned is None else a.need,
        )
        for case in cases
        for a in (assessed[case.key],)
    ]  # fmt: skip
    await connection.execute(_ASSESSMENTS, now, *columns(rows))


async def _flag(
    connection: asyncpg.Connection, cases: Sequence[Case], assessed: Assessed, now: datetime
) -> list[asyncpg.Record]:
    """The flags that were not there yet."""
    rows = [
        (*case.key, case.kept.version, f.rule, a.rulebook, ",".join(map(str, f.spans)), _json(f.values), f.shadow)
        for case in cases
        for a in (assessed[case.key],)
        for f in a.flags
    ]
    return list(await connection.fetch(_FLAGS, now, *columns(rows))) if rows else []


def _said(case: Case) -> dict[str, Any]:
    """What the message says beside its text and a later state may change, as it is judged; what it does not say is left out."""
    m = case.mention
    said: dict[str, Any] = {"handle": m.author.handle}
    if m.root != m.key.external_id:
        said["root"] = m.root
    if m.media:
        said["media"] = m.media
    if m.langs:
        said["langs"] = m.langs
    for name in ("rating", "likes", "reposts", "replies", "quotes"):
        if (number := getattr(m, name)) is not None:
            said[name] = number
    if case.kept.edited:
        said["network_at"] = m.network_at
    return said


async def _alerted(
    connection: asyncpg.Connection, cases: Sequence[Case], assessed: Assessed, *, history: bool
) -> set[tuple[int, int, str]]:
    """Which policies were asked for these messages before: mention id, brand id, policy."""
    again = [case.key for case in cases if not history and not case.kept.new and assessed[case.key].alerts]
    if not again:
        return set()
    return {tuple(r.values()) for r in await connection.fetch(_ALERTED, *columns(again))}


def _alerts(
    cases: Sequence[Case],
    assessed: Assessed,
    fresh: Sequence[asyncpg.Record],
    asked_before: set[tuple[int, int, str]],
) -> list[Event]:
    """One event for a message and a policy, once, in the name of the weightiest rule that asks for it."""
    new = {(r["mention_id"], r["brand_id"], r["rule"]) for r in fresh if not r["shadow"] and not r["before"]}
    events: list[Event] = []
    for case in cases:
        a = assessed[case.key]
        for policy in a.alerts:
            if (*case.key, policy) in asked_before:
                continue
            rules = [str(r["rule"]) for r in a.because if "rule" in r and f"alert {policy}" in r.get("then", ())]
            if rule := next((rule for rule in rules if (*case.key, rule) in new), None):
                after = {"rule": rule, "policy": policy}
                events.append(Event(case.brand_id, "alert.asked", mention_id=case.kept.id, after=after))
    return events


def _to_judge(k: Kept) -> dict[int, list[Hearing]]:
    """The brands for which this message must be judged (again), with all that is known of how it reached them."""
    grouped: dict[int, list[Hearing]] = {}
    for hearing in dict.fromkeys(k.hearings):
        if hearing.via is not Via.THREAD and (hearing.via is not Via.OWN or k.ours):
            grouped.setdefault(hearing.brand_id, []).append(hearing)
    if k.edited or k.new:
        return grouped
    fresh = {h.brand_id for h in k.heard_new}
    return {brand_id: hearings for brand_id, hearings in grouped.items() if brand_id in fresh}


async def _cases(
    connection: asyncpg.Connection, todo: Sequence[tuple[Kept, int, list[Hearing]]], judge: Judge, *, history: bool
) -> list[Case]:
    rows = [(k.id, brand_id, k.mention.key.space, k.mention.parent, k.root, k.author_id) for k, brand_id, _ in todo]
    addressed = {
        (k.id, brand_id): [h.account_id for h in hearings if h.via in ADDRESSES]
        for k, brand_id, hearings in todo
        if any(h.via in ADDRESSES for h in hearings)
    }
    handles: dict[int, str] = {}
    if wanted := {account_id for ids in addressed.values() for account_id in ids}:
        handles = {r["id"]: r["handle"] for r in await connection.fetch(_HANDLES, sorted(wanted))}
    found = {(r["id"], r["brand_id"]): r for r in await connection.fetch(_CONTEXT, *columns(rows), AUTHOR_BEFORE)}
    cases = []
    for k, brand_id, hearings in todo:
        r = found[(k.id, brand_id)]
        context = Context(
            brand=r["brand"],
            addresses=(k.id, brand_id) in addressed,
            answers_us=r["answers_us"],
            author_before=r["author_before"],
            replied_before=r["replied"],
            history=history,
            followers=r["followers"],
            verified=r["verified"],
            accounts=tuple(sorted({handles[one] for one in addressed.get((k.id, brand_id), ()) if one in handles})),
            model=r["model"] if r["model"] and judge.knows(r["model"]) else "",
        )
        author = k.mention.author
        if not author.handle and r["handle"]:
            author = replace(author, handle=r["handle"])
        cases.append(Case(k, brand_id, hearings, replace(k.mention, root=k.root, author=author), context))
    return cases


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
