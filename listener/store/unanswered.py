"""What wants an answer and has none yet, for the counter of it: added with the message, taken away with the answer, and brought back with it.

Owns `unanswered`, and what an answer is: one of ours behind the message that stands on the network. Each change of it is one of `urgent` in
`series_deltas`, in the same statement, so that neither can be there without the other. Refuses to say what wants an answer: need says it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import asyncpg

from listener.store.columns import columns

LINE = 0.5
"""Need for an answer, 0 to 1, from which on somebody is stuck or in danger now (rules/need.yaml)."""
KEPT_FOR = timedelta(days=60)

BACK = timedelta(days=1)
"""What was said earlier stays answered, whatever becomes of the answer: it was read, and no alarm looks back further."""

# What the network took and nobody has heard yet stands there too.
_HAS_ANSWER = """
(EXISTS (SELECT FROM conversation_mentions AS oj JOIN mentions AS o ON o.id = oj.mention_id
         WHERE oj.conversation_id = c.id AND o.ours AND o.state = 'live' AND o.at >= m.at)
 OR EXISTS (SELECT FROM replies AS r JOIN outbox AS b ON b.reply_id = r.id
            WHERE r.conversation_id = c.id AND b.state IN ('accepted', 'seen') AND r.mention_id IS NULL AND b.changed_at >= m.at))
"""

# Whose conversation (c) waits for them, or is done, wants nothing more of us by its message (m); unless what we answered is gone.
_SETTLED = f"""
(c.state = 'done' OR (c.state = 'theirs' AND ({_HAS_ANSWER} OR NOT EXISTS (
    SELECT FROM conversation_mentions AS gj JOIN mentions AS g ON g.id = gj.mention_id
    WHERE gj.conversation_id = c.id AND g.ours AND g.state = 'deleted' AND g.at >= m.at))))
"""

_MORE = """
INSERT INTO series_deltas (brand_id, topic, source, at, history, mentions, negative, urgent, reach)
SELECT brand_id, topic, source, at, false, 0, 0, 1, 0 FROM added, unnest(topics || ''::text) AS topic
"""

_WANT = f"""
WITH added AS (
    INSERT INTO unanswered (mention_id, brand_id, source, at, topics)
    SELECT mention_id, brand_id, source, at, string_to_array(topics, E'\\x1f')
    FROM unnest($1::bigint[], $2::int[], $3::text[], $4::timestamptz[], $5::text[]) AS n(mention_id, brand_id, source, at, topics)
    WHERE NOT EXISTS (SELECT FROM conversation_mentions AS j JOIN conversations AS c ON c.id = j.conversation_id
                      JOIN mentions AS m ON m.id = j.mention_id
                      WHERE j.mention_id = n.mention_id AND c.brand_id = n.brand_id AND c.merged_into IS NULL AND {_SETTLED})
    ON CONFLICT DO NOTHING RETURNING brand_id, source, at, topics
) {_MORE}
"""  # noqa: S608 - constants

# What need says, or a person; history wants nothing.
_BACK = f"""
WITH added AS (
    INSERT INTO unanswered (mention_id, brand_id, source, at, topics)
    SELECT DISTINCT m.id, t.brand_id, m.source, date_bin('5 minutes', m.at, 'epoch'::timestamptz), h.topics
    FROM conversations AS t JOIN conversation_mentions AS k ON k.conversation_id = t.id JOIN mentions AS m ON m.id = k.mention_id
    JOIN LATERAL (SELECT CASE WHEN need_said IS NULL THEN coalesce(need_alone, need) ELSE need END AS need,
                         coalesce((context ->> 'history')::boolean, false) AS history
                  FROM assessments WHERE mention_id = m.id AND brand_id = t.brand_id ORDER BY version DESC LIMIT 1) AS a ON true
    JOIN LATERAL (SELECT coalesce(array_agg(DISTINCT topic) FILTER (WHERE topic <> ''), '{{}}') AS topics, count(*) AS n FROM hearings
                  WHERE mention_id = m.id AND brand_id = t.brand_id AND via NOT IN ('thread', 'own')) AS h ON h.n > 0
    WHERE t.id = ANY($1::bigint[]) AND t.merged_into IS NULL AND NOT m.ours AND m.state = 'live' AND m.at >= $2
      AND a.need >= {LINE} AND NOT a.history
      AND NOT EXISTS (SELECT FROM conversation_mentions AS j JOIN conversations AS c ON c.id = j.conversation_id
                      WHERE j.mention_id = m.id AND c.brand_id = t.brand_id AND c.merged_into IS NULL AND (c.state = 'done' OR {_HAS_ANSWER}))
    ON CONFLICT DO NOTHING RETURNING brand_id, source, at, topics
) {_MORE}
"""  # noqa: S608 - constants

_LESS = """
INSERT INTO series_deltas (brand_id, topic, source, at, history, mentions, negative, urgent, reach)
SELECT brand_id, topic, source, at, false, 0, 0, -1, 0 FROM gone, unnest(topics || ''::text) AS topic
"""

_ANSWERED = f"""
WITH gone AS (
    DELETE FROM unanswered AS u USING conversation_mentions AS j, conversations AS c, mentions AS m
    WHERE c.id = ANY($1::bigint[]) AND j.conversation_id = c.id AND u.mention_id = j.mention_id AND u.brand_id = c.brand_id
      AND m.id = u.mention_id AND {_SETTLED}
    RETURNING u.brand_id, u.source, u.at, u.topics
) {_LESS}
"""  # noqa: S608 - constants

_NOT_WANTED = f"""
WITH gone AS (
    DELETE FROM unanswered AS u USING unnest($1::bigint[], $2::int[]) AS n(mention_id, brand_id)
    WHERE u.mention_id = n.mention_id AND u.brand_id = n.brand_id RETURNING u.brand_id, u.source, u.at, u.topics
) {_LESS}
"""  # noqa: S608 - constants

SWEEP = """
DELETE FROM unanswered WHERE (mention_id, brand_id) IN
    (SELECT mention_id, brand_id FROM unanswered WHERE at < $1 ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED)
"""
"""What nobody answered for so long is looked at by no alarm any more."""

Wanted = tuple[int, int, str, datetime, str]
"""Mention id, brand id, network, the beginning of its bucket, its topics with \\x1f between them."""


async def want(connection: asyncpg.Connection, wanted: Sequence[Wanted]) -> None:
    """These want an answer, if their conversations do not say otherwise; counted once."""
    if wanted:
        await connection.execute(_WANT, *columns(sorted(wanted)))


async def answered(connection: asyncpg.Connection, conversation_ids: Collection[int]) -> None:
    """What was said in these conversations has its answer, or needs none."""
    if conversation_ids:
        await connection.execute(_ANSWERED, sorted(conversation_ids))


async def bring_back(connection: asyncpg.Connection, conversation_ids: Collection[int], now: datetime) -> None:
    """Something that settled these conversations is gone: an answer, or that they were done. What was said in them within the last day wants an
    answer again where it has none.
    """
    if conversation_ids:
        await connection.execute(_BACK, sorted(conversation_ids), now - BACK)


async def not_wanted(connection: asyncpg.Connection, keys: Collection[tuple[int, int]]) -> None:
    """These messages (id, brand id) want no answer, as it turns out."""
    if keys:
        await connection.execute(_NOT_WANTED, *columns(sorted(keys)))
