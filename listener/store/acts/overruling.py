"""A person says what a message's tone is, or whether it needs an answer; it counts from then on, whatever the methods say later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from listener.errors import Refused
from listener.model.scales import ToneLabel
from listener.store.acts.rights import may_act, who
from listener.store.acts.transaction import Done, Tally
from listener.store.acts.words import what_happened
from listener.store.connect import acquired, repeated
from listener.store.conversations import Event, tell
from listener.store.overruled import in_force
from listener.store.views.listening import NEEDED, NOT_NEEDED

VALUES: Mapping[str, frozenset[str]] = {
    "tone": frozenset(label.value for label in ToneLabel),
    "need": frozenset({NEEDED, NOT_NEEDED}),
}

# Locked, so that an edit which is heard at the same moment is judged before or after, and carries it either way.
_MENTION = """
SELECT m.id FROM mentions AS m
WHERE m.id = $1 AND NOT m.ours AND EXISTS (SELECT FROM assessments AS a WHERE a.mention_id = m.id AND a.brand_id = $2)
FOR NO KEY UPDATE OF m
"""

_NOW = """
SELECT o.value, o.at, o.person_id, p.name AS person FROM overruled AS o JOIN people AS p ON p.id = o.person_id
WHERE o.mention_id = $1 AND o.brand_id = $2 AND o.what = $3
"""

_SAY = """
INSERT INTO overruled AS o (mention_id, brand_id, what, value, person_id, at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (mention_id, brand_id, what) DO UPDATE SET value = excluded.value, person_id = excluded.person_id, at = excluded.at
"""
_SAY_NOTHING = "DELETE FROM overruled WHERE mention_id = $1 AND brand_id = $2 AND what = $3"

# A topic counted it by the assessment of when it heard it, or by what a person said.
_RECOUNT = """
INSERT INTO counter_deltas (brand_id, name, key, bucket, n)
SELECT $2, CASE WHEN (j.context ->> 'history')::boolean THEN 'history-topic-negative' ELSE 'topic-negative' END, h.topic,
       date_trunc('hour', m.at, 'UTC'), d.n
FROM (SELECT topic, min(heard_at) AS heard_at FROM hearings
      WHERE mention_id = $1 AND brand_id = $2 AND via = 'topic' GROUP BY topic) AS h
JOIN mentions AS m ON m.id = $1
JOIN LATERAL (
    SELECT coalesce(tone_said, tone) AS said, context FROM assessments
    WHERE mention_id = $1 AND brand_id = $2 ORDER BY at < h.heard_at, version LIMIT 1
) AS j ON true
CROSS JOIN LATERAL (
    SELECT (coalesce($4, j.said) = 'negative')::int - (coalesce($3, j.said) = 'negative')::int AS n
) AS d WHERE d.n <> 0
"""

_WHERE = """
SELECT (SELECT array_agg(DISTINCT coalesce(c.merged_into, c.id)) FROM conversation_mentions AS j
        JOIN conversations AS c ON c.id = j.conversation_id WHERE j.mention_id = $1 AND c.brand_id = $2) AS conversations,
       (SELECT array_agg(DISTINCT topic) FROM hearings WHERE mention_id = $1 AND brand_id = $2 AND via = 'topic') AS topics
"""


@repeated
async def overrule(
    pool: asyncpg.Pool, person_id: int, brand_id: int, mention_id: int, what: str, value: str, now: datetime
) -> Done:
    """From now on the message's tone (`negative`, ...) or need (`needed`, `not_needed`) is this for the brand; '' : as the methods say.

    Raises Refused for viewers, for posts of our own, and for what the brand never judged.
    """
    if what not in VALUES or (value and value not in VALUES[what]):
        raise Refused("a person says the tone or the need of a message, and nothing else")
    async with acquired(pool) as connection, connection.transaction():
        await may_act(connection, person_id, brand_id)
        tally = Tally(connection, await who(connection, person_id), now)
        before = await _locked(connection, mention_id, brand_id, what)
        if (before["value"] if before else "") != value:
            await _said(connection, tally, person_id, (mention_id, brand_id, what), before, value, now, "act.overrule")
    return tally.done()


async def _locked(
    connection: asyncpg.Connection, mention_id: int, brand_id: int, what: str
) -> Mapping[str, Any] | None:
    """What a person says of it now; the message is locked."""
    if await connection.fetchval(_MENTION, mention_id, brand_id) is None:
        raise Refused(
            "that message was never judged", hint="only what others said and was judged for this brand can be overruled"
        )
    found: Mapping[str, Any] | None = await connection.fetchrow(_NOW, mention_id, brand_id, what)
    return found


async def _said(
    connection: asyncpg.Connection,
    tally: Tally,
    person_id: int,
    key: tuple[int, int, str],
    before: Mapping[str, Any] | None,
    value: str,
    now: datetime,
    kind: str,
    undoes: UUID | None = None,
) -> None:
    """Row, values in force, counters and events, together."""
    # It rests on the rulebook, which no first screen of the inbox waits for.
    from listener.store.record.measure import correct, stands

    mention_id, brand_id, what = key
    was = before["value"] if before else None
    if value:
        await connection.execute(_SAY, *key, value, person_id, now)
    else:
        await connection.execute(_SAY_NOTHING, *key)
    if what == "tone":
        await connection.execute(_RECOUNT, mention_id, brand_id, was, value or None)
    counted = await stands(connection, mention_id, brand_id)
    await in_force(connection, [(mention_id, brand_id)])
    await correct(connection, mention_id, brand_id, counted)
    where = await connection.fetchrow(_WHERE, mention_id, brand_id)
    conversations = where["conversations"] or ()
    topics = {"topics": dict.fromkeys(where["topics"] or (), 0)}
    events = [
        Event(
            brand_id, kind, conversation_id, mention_id, person_id=person_id, act=tally.act_id, undoes=undoes,
            before={what: was}, after={what: value or None, **topics},
        )
        for conversation_id in conversations or (None,)
    ]  # fmt: skip
    await tell(connection, events, now)
    tally.moved(conversations, mention_id)


async def taken_back(
    connection: asyncpg.Connection,
    tally: Tally,
    person_id: int,
    act_id: UUID,
    told: Sequence[Mapping[str, Any]],
    now: datetime,
    *,
    anyway: bool,
) -> None:
    """What the act said of messages is unsaid: what was in force before is again. Refused where somebody said something else since."""
    of_mentions = {row["mention_id"]: row for row in told}
    for mention_id, row in sorted(of_mentions.items()):
        brand_id = row["brand_id"]
        await may_act(connection, person_id, brand_id)
        what = next(name for name in VALUES if name in row["after"])
        is_now = await _locked(connection, mention_id, brand_id, what)
        value, wanted = (is_now["value"] if is_now else None), row["before"][what]
        if value == wanted:
            tally.refused[mention_id] = "that is undone already"
        elif value != row["after"][what] and not anyway:
            since = {"kind": "act.overrule", **is_now} if is_now else None
            tally.refused[mention_id] = f"{what_happened(since, now)}; undo all the same?"
        else:
            key = (mention_id, brand_id, what)
            await _said(connection, tally, person_id, key, is_now, wanted or "", now, "act.undo", act_id)
