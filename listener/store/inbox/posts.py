"""One post with its comments: the message at a thread's root, how its comments stand, and pages of them, newest first.

Comments are what others said in the thread. They are counted among the newest `COUNTED` of them, so that a post with a million comments costs
what one with some thousands does; the answer says when there are more. Hidden is what was hidden from here: what somebody
hid in the network's own app is not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import asyncpg

from listener.model.kinds import Kind
from listener.model.scales import ToneLabel
from listener.store.connect import acquired
from listener.store.views.posts import CommentCounts, CommentRow, CommentStanding, PostShown

COUNTED = 5_000
"""Comments that are looked at for counting, and for those that wait for an answer."""

_OF_MENTION = "SELECT space, root FROM mentions WHERE id = $1"

_POST = """
SELECT m.id, m.external_id, m.ours, m.source, m.at, m.url, m.kind, m.version, m.state = 'deleted' AS deleted, m.media, m.likes, m.reposts,
       m.replies, m.quotes, a.handle AS author_handle, a.name AS author_name, CASE WHEN m.state = 'live' THEN v.text END AS text
FROM mention_keys AS k
JOIN LATERAL (SELECT * FROM mentions WHERE id = k.mention_id LIMIT 1) AS m ON true
JOIN LATERAL (SELECT handle, name FROM authors WHERE id = m.author_id LIMIT 1) AS a ON true
LEFT JOIN LATERAL (SELECT text FROM mention_versions WHERE mention_id = m.id AND version = m.version LIMIT 1) AS v ON true
WHERE k.space = $1 AND k.external_id = $2
"""

# How one comment stands for a brand. Answered: we have said something in its conversation since.
_STANDS = """
LEFT JOIN LATERAL (
    SELECT c.id, c.folder, c.last_ours_at FROM conversation_mentions AS j
    JOIN LATERAL (SELECT * FROM conversations WHERE id = j.conversation_id LIMIT 1) AS c ON true
    WHERE j.mention_id = n.id AND c.brand_id = $3 AND c.merged_into IS NULL ORDER BY c.folder = 'open' DESC, c.id LIMIT 1
) AS c ON true
CROSS JOIN LATERAL (
    SELECT CASE WHEN n.state = 'deleted' THEN 'deleted' WHEN c.id IS NULL THEN 'not in the inbox' WHEN c.last_ours_at >= n.at THEN 'answered'
                WHEN c.folder = 'open' THEN 'to answer' ELSE 'put aside' END AS standing
) AS s
"""
_TONE = """
LEFT JOIN LATERAL (
    SELECT tone, need FROM assessments WHERE mention_id = n.id AND brand_id = $3 AND version = n.version LIMIT 1
) AS t ON true
"""

# The last that the network has agreed to, or has told since.
_HIDDEN = """
LEFT JOIN LATERAL (
    SELECT a.what = 'hide' AS hidden, o.changed_at AS at FROM network_acts AS a JOIN outbox AS o ON o.network_act_id = a.id
    WHERE a.mention_id = n.id AND a.brand_id = $3 AND a.what IN ('hide', 'show') AND o.state IN ('accepted', 'seen') ORDER BY a.id DESC LIMIT 1
) AS asked ON true
LEFT JOIN hidden_messages AS told ON told.space = $1 AND told.external_id = n.external_id
CROSS JOIN LATERAL (
    SELECT n.state = 'live' AND CASE WHEN told.at IS NULL OR told.at < asked.at THEN asked.hidden ELSE told.hidden END AS hidden
) AS h
"""

_COUNTS = f"""
SELECT s.standing, CASE WHEN n.state = 'live' THEN coalesce(t.tone, 'not_scored') END AS tone, count(*) AS n,
       count(*) FILTER (WHERE h.hidden) AS hidden
FROM (
    SELECT id, external_id, at, state, version FROM mentions
    WHERE space = $1 AND root = $2 AND external_id <> $2 AND NOT ours ORDER BY at DESC, id DESC LIMIT $4
) AS n {_STANDS} {_TONE} {_HIDDEN}
GROUP BY 1, 2
"""  # noqa: S608 - constants

_LINES = f"""
SELECT n.id, n.at, a.handle AS author_handle, a.name AS author_name, CASE WHEN n.state = 'live' THEN left(v.text, 280) END AS snippet,
       coalesce(t.tone, 'not_scored') AS tone, coalesce(t.need, 0) AS need, c.id AS conversation_id, s.standing,
       coalesce(h.hidden, false) AS hidden
FROM picked AS n {_STANDS} {_TONE} {_HIDDEN}
JOIN LATERAL (SELECT handle, name FROM authors WHERE id = n.author_id LIMIT 1) AS a ON true
LEFT JOIN LATERAL (SELECT text FROM mention_versions WHERE mention_id = n.id AND version = n.version LIMIT 1) AS v ON true
ORDER BY n.at DESC, n.id DESC
"""  # noqa: S608 - constants

_OLDER = f"""
WITH picked AS MATERIALIZED (
    SELECT id, external_id, at, author_id, state, version FROM mentions
    WHERE space = $1 AND root = $2 AND external_id <> $2 AND NOT ours AND (at, id) < ($4, $5) ORDER BY at DESC, id DESC LIMIT $6
) {_LINES}
"""  # noqa: S608 - constants

_NEWER = f"""
WITH picked AS MATERIALIZED (
    SELECT id, external_id, at, author_id, state, version FROM mentions
    WHERE space = $1 AND root = $2 AND external_id <> $2 AND NOT ours AND (at, id) > ($4, $5) ORDER BY at, id LIMIT $6
) {_LINES}
"""  # noqa: S608 - constants

_NEWEST = f"""
    SELECT n.id, n.external_id, n.at, n.author_id, n.state, n.version FROM (
        SELECT id, external_id, at, author_id, state, version FROM mentions
        WHERE space = $1 AND root = $2 AND external_id <> $2 AND NOT ours ORDER BY at DESC, id DESC LIMIT {COUNTED}
    ) AS n {_STANDS} WHERE s.standing = 'to answer'
"""  # noqa: S608 - constants

_OLDER_TO_ANSWER = f"""
WITH picked AS MATERIALIZED (
    {_NEWEST} AND (n.at, n.id) < ($4, $5) ORDER BY n.at DESC, n.id DESC LIMIT $6
) {_LINES}
"""

_NEWER_TO_ANSWER = f"""
WITH picked AS MATERIALIZED (
    {_NEWEST} AND (n.at, n.id) > ($4, $5) ORDER BY n.at, n.id LIMIT $6
) {_LINES}
"""


async def post(pool: asyncpg.Pool, brand_id: int, mention_id: int) -> PostShown | None:
    """The post that a message stands under (itself, when it is one), with its comments counted in one snapshot; None: no such message.

    What is known of a post that nobody has heard is its id.
    """
    async with acquired(pool) as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        found = await connection.fetchrow(_OF_MENTION, mention_id)
        if found is None:
            return None
        space, root = found["space"], found["root"]
        told = await connection.fetchrow(_POST, space, root)
        counted = await connection.fetch(_COUNTS, space, root, brand_id, COUNTED)
    counts = _counts(counted)
    if told is None:
        return PostShown(space, root, counts)
    values = dict(told)
    values.pop("external_id")
    return PostShown(space, root, counts, **{**values, "kind": Kind(values["kind"])})


def _counts(rows: list[asyncpg.Record]) -> CommentCounts:
    standing = dict.fromkeys(CommentStanding, 0)
    tones = dict.fromkeys(ToneLabel, 0)
    for row in rows:
        standing[CommentStanding(row["standing"])] += row["n"]
        if row["tone"] is not None:
            tones[ToneLabel(row["tone"])] += row["n"]
    return CommentCounts(standing, tones, sum(row["hidden"] for row in rows), more=sum(standing.values()) >= COUNTED)


async def comments(
    pool: asyncpg.Pool,
    brand_id: int,
    space: str,
    root: str,
    *,
    to_answer: bool = False,
    before: tuple[datetime, int] | None = None,
    after: tuple[datetime, int] | None = None,
    limit: int = 50,
) -> list[CommentRow]:
    """At most `limit` comments, newest first: older than the place (at, id) `before`, or the next ones newer than `after`, or the newest.

    `to_answer`: only those that wait for an answer of ours, among the newest `COUNTED`.
    """
    if after is not None:
        statement, place = (_NEWER_TO_ANSWER if to_answer else _NEWER), after
    else:
        statement, place = (_OLDER_TO_ANSWER if to_answer else _OLDER), before or _LATEST
    async with acquired(pool) as connection:
        return [_comment(row) for row in await connection.fetch(statement, space, root, brand_id, *place, limit)]


_LATEST = (datetime.max.replace(tzinfo=UTC), 2**63 - 1)


def _comment(row: Mapping[str, Any]) -> CommentRow:
    values = dict(row)
    values["tone"] = ToneLabel(values["tone"])
    values["standing"] = CommentStanding(values["standing"])
    return CommentRow(**values)
