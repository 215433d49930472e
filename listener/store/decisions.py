"""What a brand's people did with its messages, gathered for learning and for telling how well its scores fare. Owns the reading; refuses to copy.

Nothing is kept here: texts are read from the versions in force when something is learned, so one that was blanked is never among them. What counts
as a decision is `listener.outcomes`' to say. Imported history is left out: nobody worked on it here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from listener.outcomes import Moment, Outcome, Step, Word, outcomes
from listener.store.connect import acquired
from listener.store.judged import READ, Judged, of_row
from listener.store.views.listening import NEEDED
from listener.weekly import Scored

CONVERSATIONS = 5_000
"""Of each folder, in the order of its index: of those that wait for them and those that are done the latest."""
AT_ONCE = 500
SECONDS = 300.0
"""A statement may take so long: it is asked for once a day."""

# A folder at a time, each by its own index.
_CONVERSATIONS = """
SELECT c.id FROM unnest(ARRAY['done', 'theirs', 'open', 'snoozed']) AS f(folder)
JOIN LATERAL (SELECT id FROM conversations WHERE brand_id = $1 AND folder = f.folder AND merged_into IS NULL
              ORDER BY sort_key LIMIT $2) AS c ON true
"""

# What they said; our answers, first those that left from here, then those given in the network's own app; what people did to the conversation.
_MOMENTS = """
SELECT j.conversation_id AS id, m.at, CASE WHEN m.ours THEN 'answered' ELSE 'said' END AS step, CASE WHEN m.ours THEN 0 ELSE m.id END AS mention_id
FROM conversation_mentions AS j
JOIN LATERAL (SELECT author_id FROM conversations WHERE id = j.conversation_id LIMIT 1) AS c ON true
JOIN LATERAL (SELECT id, at, ours, author_id FROM mentions WHERE id = j.mention_id AND state = 'live' LIMIT 1) AS m
     ON m.ours OR m.author_id = c.author_id
WHERE j.conversation_id = ANY($1::bigint[])
  AND NOT (m.ours AND EXISTS (SELECT FROM replies AS r WHERE r.conversation_id = j.conversation_id AND r.mention_id = m.id))
UNION ALL
SELECT r.conversation_id, r.at, 'answered', 0 FROM replies AS r
WHERE r.conversation_id = ANY($1::bigint[])
  AND EXISTS (SELECT FROM outbox AS o WHERE o.reply_id = r.id AND o.state IN ('accepted', 'seen'))
  AND NOT EXISTS (SELECT FROM mentions AS d WHERE d.id = r.mention_id AND d.state = 'deleted')
UNION ALL
SELECT e.conversation_id, e.at,
       CASE WHEN e.after ->> 'state' = 'done' THEN 'closed'
            WHEN e.before ->> 'state' = 'done' THEN 'reopened'
            WHEN (e.after ->> 'priority')::int > (e.before ->> 'priority')::int THEN 'raised' ELSE 'lowered' END, 0
FROM events AS e
WHERE e.conversation_id = ANY($1::bigint[]) AND e.person_id IS NOT NULL AND e.kind LIKE 'act.%'
  AND (e.after ->> 'state' = 'done' OR e.before ->> 'state' = 'done' OR e.after ->> 'priority' <> e.before ->> 'priority')
"""

_WORDS = """
SELECT mention_id, 'need' AS what, value FROM overruled WHERE brand_id = $1 AND what = 'need'
UNION ALL
SELECT mention_id, 'mark', verdict FROM rule_marks WHERE brand_id = $1 AND verdict <> 'right'
"""

# The state in force of what was judged as it came: it has not lost its text, and is no repost.
_SCORED = """
SELECT p.id, m.at, coalesce(a.need_alone, a.need_said, a.need) AS need,
       CASE WHEN a.need_alone IS NOT NULL THEN coalesce(a.need_said, a.need) END AS learned, a.methods ->> 'learned' AS model
FROM unnest($2::bigint[]) AS p(id)
JOIN LATERAL (SELECT id, at, version FROM mentions WHERE id = p.id AND NOT ours AND kind <> 'repost' LIMIT 1) AS m ON true
JOIN LATERAL (SELECT * FROM assessments WHERE mention_id = m.id AND brand_id = $1 AND version = m.version LIMIT 1) AS a ON true
JOIN LATERAL (SELECT text FROM mention_versions WHERE mention_id = m.id AND version = m.version LIMIT 1) AS v ON v.text IS NOT NULL
WHERE NOT coalesce((a.context ->> 'history')::boolean, false)
ORDER BY m.at DESC, m.id DESC LIMIT $3
"""

_PAST = f"""
WITH picked AS MATERIALIZED (
    SELECT m.id AS mention_id, $1::int AS brand_id, m.version FROM unnest($2::bigint[]) AS p(id)
    JOIN LATERAL (SELECT id, version FROM mentions WHERE id = p.id LIMIT 1) AS m ON true
) {READ}
"""  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class Decided:
    """A message with what the team decided, as it is learned from."""

    judged: Judged
    outcome: Outcome
    said_at: datetime


@dataclass(frozen=True, slots=True)
class Fared:
    """A decision with what both scores said before it."""

    scored: Scored
    outcome: Outcome
    model: str
    """The version that spoke; "": none."""


async def fared(pool: asyncpg.Pool, brand_id: int, limit: int, since: datetime | None = None) -> list[Fared]:
    """The latest decisions of a brand on messages whose text is there, the oldest of them first; at most `limit`, none said before `since`."""
    async with acquired(pool) as connection:
        decided = await _outcomes(connection, brand_id)
        rows = await connection.fetch(_SCORED, brand_id, sorted(decided), limit, timeout=SECONDS)
    made = [_fared(row, decided[row["id"]]) for row in reversed(rows)]
    return [one for one in made if since is None or one.scored.at >= since]


async def decided(pool: asyncpg.Pool, brand_id: int, limit: int) -> list[Decided]:
    """The same with the messages themselves, as they were judged: to learn from."""
    found = await fared(pool, brand_id, limit)
    by_id = {one.outcome.mention_id: one for one in found}
    ids = list(by_id)
    made: list[Decided] = []
    for begin in range(0, len(ids), AT_ONCE):
        async with acquired(pool) as connection:
            rows = await connection.fetch(_PAST, brand_id, ids[begin : begin + AT_ONCE], timeout=SECONDS)
        read = [of_row(row) for row in rows]
        for one in read:
            known = by_id[one.mention_id]
            made += [] if one.text_gone else [Decided(one, known.outcome, known.scored.at)]
    return made


async def _outcomes(connection: asyncpg.Connection, brand_id: int) -> dict[int, Outcome]:
    ids = [row["id"] for row in await connection.fetch(_CONVERSATIONS, brand_id, CONVERSATIONS)]
    by_conversation: dict[int, list[Moment]] = {}
    for begin in range(0, len(ids), AT_ONCE):
        for row in await connection.fetch(_MOMENTS, ids[begin : begin + AT_ONCE], timeout=SECONDS):
            by_conversation.setdefault(row["id"], []).append(Moment(row["at"], Step(row["step"]), row["mention_id"]))
    said: dict[int, Word] = {}
    for row in await connection.fetch(_WORDS, brand_id, timeout=SECONDS):
        said[row["mention_id"]] = _with(said.get(row["mention_id"], Word()), row)
    return outcomes(by_conversation.values(), said)


def _with(word: Word, row: Mapping[str, Any]) -> Word:
    if row["what"] == "need":
        return Word(row["value"] == NEEDED, word.missed, word.false_alarm)
    return Word(word.needed, word.missed or row["value"] == "missed", word.false_alarm or row["value"] == "false alarm")


def _fared(row: Mapping[str, Any], outcome: Outcome) -> Fared:
    learned = None if row["learned"] is None else round(row["learned"], 6)
    scored = Scored(row["at"], outcome.needed, round(row["need"], 6), learned, outcome.minutes)
    return Fared(scored, outcome, row["model"] or "")
