"""The queue: pages of conversations in the order of work, single rows read again, and the folders' counts.

A page is cut from an index by comparing rows, `(sort_key, id) > (...)`, and only then joined by keys, so that the last page
costs what the first one does. Counts come from counters, never from a scan.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import asyncpg

from listener.model.leaving import ApprovalState, OutboxState
from listener.model.scales import ToneLabel
from listener.model.work import State
from listener.store.connect import acquired
from listener.store.views.queue import Counts, QueueRow

# `picked` (id) has at most a page of rows; all else is fetched by key, one row at a time. After an answer of ours the tone is that of
# the message which it answers. LIMIT 1 and OFFSET 0 hold the planner to the keys, also where its statistics are old.
QUEUE_LINES = """
SELECT c.id, c.sort_key, c.state, c.source, a.handle AS author_handle, a.name AS author_name, said.snippet,
       coalesce(judged.tone, c.tone) AS tone, coalesce(judged.need, c.need) AS need,
       c.priority, c.due_at, c.last_at, c.tags, c.team, c.assignee_id, coalesce(p.name, '') AS assignee,
       coalesce(held.name, '') AS claimed_by, held.person_id AS claimed_by_id, c.unread, told.messages,
       leaving.state AS outbox, c.version, c.family, c.reply_until, asked.state AS approval, leaving.planned,
       coalesce(passed.team, '') AS escalated_from, c.resolve_by
FROM picked
JOIN LATERAL (SELECT * FROM conversations WHERE id = picked.id LIMIT 1) AS c ON true
LEFT JOIN LATERAL (SELECT handle, name FROM authors WHERE id = c.author_id LIMIT 1) AS a ON true
LEFT JOIN LATERAL (SELECT name FROM people WHERE id = c.assignee_id LIMIT 1) AS p ON true
LEFT JOIN LATERAL (
    SELECT CASE WHEN m.state = 'live' THEN left(v.text, 280) END AS snippet,
           CASE WHEN m.ours THEN (SELECT mention_id FROM mention_keys WHERE space = m.space AND external_id = m.parent)
                ELSE m.id END AS judged_id
    FROM mentions m LEFT JOIN mention_versions v ON v.mention_id = m.id AND v.version = m.version
    WHERE m.id = c.last_mention_id LIMIT 1
) AS said ON true
LEFT JOIN LATERAL (
    SELECT tone, need FROM assessments WHERE mention_id = said.judged_id AND brand_id = c.brand_id ORDER BY version DESC LIMIT 1
) AS judged ON true
LEFT JOIN LATERAL (
    SELECT l.person_id, h.name FROM claims l JOIN people h ON h.id = l.person_id
    WHERE l.conversation_id = c.id AND l.until >= coalesce($1, clock_timestamp()) LIMIT 1
) AS held ON true
LEFT JOIN LATERAL (
    SELECT count(*)::int AS messages FROM (SELECT 1 FROM conversation_mentions WHERE conversation_id = c.id LIMIT 1000) AS s
) AS told ON true
LEFT JOIN LATERAL (
    SELECT state, CASE WHEN state = 'queued' THEN planned END AS planned
    FROM (SELECT id, state, lane, planned FROM outbox WHERE conversation_id = c.id OFFSET 0) AS o
    WHERE lane = 'reply' AND state NOT IN ('seen', 'withdrawn') ORDER BY id DESC LIMIT 1
) AS leaving ON true
LEFT JOIN LATERAL (
    SELECT before ->> 'team' AS team, after ->> 'due' AS due FROM events
    WHERE conversation_id = c.id AND kind = 'conversation.escalated' ORDER BY id DESC LIMIT 1
) AS passed ON passed.due::timestamptz = c.due_at
LEFT JOIN LATERAL (
    SELECT state FROM (SELECT state, fence FROM approvals WHERE conversation_id = c.id ORDER BY id DESC LIMIT 1) AS a
    WHERE state = 'waiting' OR (state = 'rejected' AND fence = c.thread_version)
) AS asked ON true
"""

_PAGE_AFTER = f"""
WITH picked AS MATERIALIZED (
    SELECT id FROM conversations
    WHERE brand_id = $2 AND folder = $3 AND merged_into IS NULL AND (sort_key, id) > ($4, $5)
    ORDER BY sort_key, id LIMIT $6
) {QUEUE_LINES} ORDER BY c.sort_key, c.id
"""  # noqa: S608 - constants

_PAGE_BEFORE = f"""
WITH picked AS MATERIALIZED (
    SELECT id FROM conversations
    WHERE brand_id = $2 AND folder = $3 AND merged_into IS NULL AND (sort_key, id) < ($4, $5)
    ORDER BY sort_key DESC, id DESC LIMIT $6
) {QUEUE_LINES} ORDER BY c.sort_key, c.id
"""  # noqa: S608 - constants

_MINE_AFTER = _PAGE_AFTER.replace("brand_id = $2", "brand_id = $2 AND assignee_id = $7")
_MINE_BEFORE = _PAGE_BEFORE.replace("brand_id = $2", "brand_id = $2 AND assignee_id = $7")

# Whatever folder they are in: a reply in them waits for approval.
_APPROVE_AFTER = _PAGE_AFTER.replace("folder = $3", "to_approve AND $3::text = 'approve'")
_APPROVE_BEFORE = _PAGE_BEFORE.replace("folder = $3", "to_approve AND $3::text = 'approve'")

_ROWS = f"""
WITH picked AS MATERIALIZED (
    SELECT id FROM conversations WHERE id = ANY($2::bigint[]) AND merged_into IS NULL
) {QUEUE_LINES} ORDER BY c.sort_key, c.id
"""  # noqa: S608 - constants

FIRST = (-(2**63), -1)
LAST = (2**63 - 1, 2**63 - 1)
"""Places before and after every row: `before=LAST` is the last page."""


async def page(
    pool: asyncpg.Pool,
    brand_id: int,
    folder: str,
    *,
    after: tuple[int, int] | None = None,
    before: tuple[int, int] | None = None,
    limit: int = 50,
    person_id: int | None = None,
    now: datetime | None = None,
) -> list[QueueRow]:
    """At most `limit` rows of a folder (open, theirs, snoozed, done, approve) in the order of work.

    After the place (sort_key, id) of a row, or the last ones before it, or the first page. `person_id`: only what is assigned to them.
    `now` decides which claims still hold; None: the database's clock.
    """
    if folder == "approve":
        upwards, downwards = _APPROVE_BEFORE, _APPROVE_AFTER
    else:
        upwards, downwards = (_PAGE_BEFORE, _PAGE_AFTER) if person_id is None else (_MINE_BEFORE, _MINE_AFTER)
    statement, place = (upwards, before) if before is not None else (downwards, after or FIRST)
    values: list[Any] = [now, brand_id, folder, *place, limit]
    if person_id is not None:
        values.append(person_id)
    async with acquired(pool) as connection:
        return [queue_row(row) for row in await connection.fetch(statement, *values)]


async def rows(pool: asyncpg.Pool, ids: Collection[int], now: datetime | None = None) -> list[QueueRow]:
    """These conversations as they are now, wherever they stand; what was merged away is missing."""
    async with acquired(pool) as connection:
        return await rows_of(connection, ids, now)


async def rows_of(connection: asyncpg.Connection, ids: Collection[int], now: datetime | None = None) -> list[QueueRow]:
    """The same, for who has a connection."""
    return [queue_row(row) for row in await connection.fetch(_ROWS, now, list(ids))]


def queue_row(row: Mapping[str, Any]) -> QueueRow:
    """The line of a row read with `QUEUE_LINES`."""
    values = dict(row)
    values["state"] = State(values["state"])
    values["tone"] = ToneLabel(values["tone"])
    values["tags"] = tuple(values["tags"])
    values["outbox"] = None if values["outbox"] is None else OutboxState(values["outbox"])
    values["approval"] = None if values["approval"] is None else ApprovalState(values["approval"])
    values["author_handle"] = values["author_handle"] or ""
    values["author_name"] = values["author_name"] or ""
    return QueueRow(**values)


# Counts ---------------------------------------------------------------------------------------------------------------

# One statement, one snapshot: folding cannot come between the counters and what has yet to be folded into them.
_COUNTS = """
SELECT name, key, sum(n)::bigint AS n FROM (
    SELECT name, key, n FROM counters WHERE brand_id = $1 AND name IN ('folder', 'approve') AND bucket = '-infinity'
    UNION ALL
    SELECT name, key, n FROM counters WHERE brand_id = $1 AND name = 'assigned' AND key = $2::text AND bucket = '-infinity'
    UNION ALL
    SELECT name, key, n FROM counter_deltas
    WHERE brand_id = $1 AND bucket = '-infinity' AND (name IN ('folder', 'approve') OR (name = 'assigned' AND key = $2::text))
) AS c GROUP BY name, key
"""


async def counts(pool: asyncpg.Pool, brand_id: int, person_id: int | None) -> Counts:
    """How many conversations each folder holds, how many open ones are the person's, and in how many a reply waits for approval.

    Exact in the snapshot it is read in.
    """
    async with acquired(pool) as connection:
        found = await connection.fetch(_COUNTS, brand_id, None if person_id is None else str(person_id))
    folders = dict.fromkeys(("open", "theirs", "snoozed", "done"), 0)
    mine = to_approve = 0
    for row in found:
        if row["name"] == "folder":
            folders[row["key"]] = row["n"]
        elif row["name"] == "approve":
            to_approve = row["n"]
        else:
            mine = row["n"]
    return Counts(folders, mine, to_approve)
