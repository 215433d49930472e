"""What wants an answer and has none yet, for the counter of it: added once with the message, taken away once with the answer.

Owns `unanswered`. Each change of it is one of `urgent` in `series_deltas`, in the same statement, so that neither can be there without the other.
Refuses to say what wants an answer: need says it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import asyncpg

from listener.store.columns import columns

LINE = 0.5
"""Need for an answer, 0 to 1, from which on somebody is stuck or in danger now (rules/need.yaml)."""
KEPT_FOR = timedelta(days=60)

# Whose conversation waits for them, or is done, wants nothing more of us.
_WANT = """
WITH added AS (
    INSERT INTO unanswered (mention_id, brand_id, source, at, topics)
    SELECT mention_id, brand_id, source, at, string_to_array(topics, E'\\x1f')
    FROM unnest($1::bigint[], $2::int[], $3::text[], $4::timestamptz[], $5::text[]) AS n(mention_id, brand_id, source, at, topics)
    WHERE NOT EXISTS (SELECT FROM conversation_mentions AS j JOIN conversations AS c ON c.id = j.conversation_id
                      WHERE j.mention_id = n.mention_id AND c.brand_id = n.brand_id AND c.state IN ('theirs', 'done')
                        AND c.merged_into IS NULL)
    ON CONFLICT DO NOTHING RETURNING brand_id, source, at, topics
)
INSERT INTO series_deltas (brand_id, topic, source, at, history, mentions, negative, urgent, reach)
SELECT brand_id, topic, source, at, false, 0, 0, 1, 0 FROM added, unnest(topics || ''::text) AS topic
"""

_LESS = """
INSERT INTO series_deltas (brand_id, topic, source, at, history, mentions, negative, urgent, reach)
SELECT brand_id, topic, source, at, false, 0, 0, -1, 0 FROM gone, unnest(topics || ''::text) AS topic
"""

_ANSWERED = f"""
WITH gone AS (
    DELETE FROM unanswered AS u USING conversation_mentions AS j, conversations AS c
    WHERE c.id = ANY($1::bigint[]) AND j.conversation_id = c.id AND u.mention_id = j.mention_id AND u.brand_id = c.brand_id
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


async def not_wanted(connection: asyncpg.Connection, keys: Collection[tuple[int, int]]) -> None:
    """These messages (id, brand id) want no answer, as it turns out."""
    if keys:
        await connection.execute(_NOT_WANTED, *columns(sorted(keys)))
