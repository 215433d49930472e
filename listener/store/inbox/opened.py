"""One conversation whole, as its screen shows it: read in one snapshot, and limited however far a thread has run.

Of a thread with a hundred thousand replies it takes what belongs to the conversation, what those messages answer, what answers them,
the root, and the newest of the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import asyncpg

from listener.lengths import Terms
from listener.model.kinds import Audience, Kind
from listener.model.scales import ToneLabel
from listener.model.work import Origin
from listener.store import capabilities, limits, network_acts, reply_rows
from listener.store.approvals import of_conversation as approvals_of
from listener.store.connect import acquired
from listener.store.conversations import COLUMNS, of_row
from listener.store.overruled import BY_HAND, by_hand
from listener.store.views.authors import Mute
from listener.store.views.notes import Note
from listener.store.views.thread import HistoryLine, Opened, ThreadMessage

OWN, AROUND, REST = 300, 200, 200
"""Messages of a thread: of the conversation itself, answering it, and the newest others."""

LINES = 200
"""Events, notes and replies that are read, the newest."""

_STATE = f"""
WITH c AS MATERIALIZED (SELECT coalesce(merged_into, id) AS id FROM conversations WHERE id = $1)
SELECT {", ".join("s." + column.strip() for column in COLUMNS.split(","))},
       s.source, s.space, s.root, s.origin, s.account_id, s.author_id, b.name AS brand,
       a.handle AS author_handle, a.name AS author_name, a.bio AS author_bio, a.followers AS author_followers,
       a.status AS author_status, coalesce(p.name, '') AS assignee, coalesce(h.name, '') AS claimed_by, l.person_id AS claimed_by_id,
       (SELECT count(*) FROM (SELECT 1 FROM conversations o WHERE o.author_id = s.author_id AND o.brand_id + 0 = s.brand_id
                              AND o.merged_into IS NULL AND o.id <> s.id LIMIT 100) AS others)::int AS author_conversations,
       q.at AS muted_at, m.name AS muted_by, d.body AS draft, d.thread_version AS draft_version, d.visibility AS draft_visibility,
       d.options AS draft_options,
       (SELECT count(*) FROM (SELECT 1 FROM author_notes n WHERE n.author_id = s.author_id AND n.brand_id = s.brand_id
                              AND n.removed_at IS NULL LIMIT 100) AS noted)::int AS author_notes
FROM c JOIN LATERAL (SELECT * FROM conversations WHERE id = c.id LIMIT 1) AS s ON true
JOIN brands b ON b.id = s.brand_id
JOIN LATERAL (SELECT * FROM authors WHERE id = s.author_id LIMIT 1) AS a ON true
LEFT JOIN people p ON p.id = s.assignee_id
LEFT JOIN claims l ON l.conversation_id = s.id AND l.until >= $2
LEFT JOIN people h ON h.id = l.person_id
LEFT JOIN mutes q ON q.author_id = s.author_id AND q.brand_id = s.brand_id AND q.until IS NULL
LEFT JOIN people m ON m.id = q.person_id
LEFT JOIN LATERAL (SELECT * FROM drafts WHERE person_id = $3 AND conversation_id = s.id LIMIT 1) AS d ON true
"""  # noqa: S608 - constants

# Who was addressed answers; where nobody was, the brand's account on that network.
_ACCOUNT = """
SELECT a.id, a.handle, c.can, l.characters, l.per_link FROM (
    SELECT id, handle FROM accounts WHERE brand_id = $1 AND (id = $2 OR ($2 = 0 AND source = $3))
    ORDER BY space = $4 DESC, state = 'stopped', id LIMIT 1
) AS a
CROSS JOIN LATERAL (
    SELECT coalesce(jsonb_object_agg(capability, reason), '{}') AS can FROM account_capabilities WHERE account_id = a.id
) AS c
LEFT JOIN account_limits AS l ON l.account_id = a.id
"""

_THREAD = f"""
WITH own AS MATERIALIZED (
    SELECT m.id, m.external_id, m.parent FROM (
        SELECT mention_id FROM conversation_mentions WHERE conversation_id = $1 ORDER BY mention_id DESC LIMIT $4
    ) AS j JOIN LATERAL (SELECT id, external_id, parent FROM mentions WHERE id = j.mention_id LIMIT 1) AS m ON true
), above AS (
    SELECT k.mention_id AS id
    FROM own JOIN LATERAL (SELECT mention_id FROM mention_keys WHERE space = $2 AND external_id = own.parent LIMIT 1) AS k ON true
    UNION
    SELECT mention_id FROM mention_keys WHERE space = $2 AND external_id = $3
), below AS (
    SELECT m.id FROM own, LATERAL (
        SELECT id FROM mentions WHERE space = $2 AND parent = own.external_id ORDER BY id DESC LIMIT $5
    ) AS m LIMIT $5
), rest AS (
    SELECT id FROM mentions WHERE space = $2 AND root = $3 ORDER BY at DESC, id DESC LIMIT $6
), picked AS MATERIALIZED (
    SELECT id FROM own UNION SELECT id FROM above UNION SELECT id FROM below UNION SELECT id FROM rest
)
SELECT m.id, m.external_id, m.parent, m.at, m.claimed_at, m.author_id, a.handle AS author_handle, a.name AS author_name,
       a.status AS author_status, m.ours, EXISTS (SELECT 1 FROM own WHERE own.id = m.id) AS mine,
       CASE WHEN m.state = 'live' THEN v.text END AS text, m.kind, m.version, m.state = 'deleted' AS deleted, m.media, m.url, m.lang,
       j.tone, j.tone_compound AS compound, j.need, coalesce(f.flags, '[]') AS flags,
       m.reply_until, m.private_until, m.audience, hand.by_hand,
       CASE WHEN j.tone_said IS NULL THEN nullif(j.tone_about, j.tone) END AS about
FROM picked
JOIN LATERAL (SELECT * FROM mentions WHERE id = picked.id LIMIT 1) AS m ON true
JOIN LATERAL (SELECT handle, name, status FROM authors WHERE id = m.author_id LIMIT 1) AS a ON true
LEFT JOIN LATERAL (SELECT text FROM mention_versions WHERE mention_id = m.id AND version = m.version LIMIT 1) AS v ON true
LEFT JOIN LATERAL (
    SELECT tone, tone_compound, need, tone_said, need_said, tone_about FROM assessments
    WHERE mention_id = m.id AND brand_id = $7 AND version = m.version LIMIT 1
) AS j ON true {BY_HAND.format(brand="$7")}
LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object('rule', rule, 'spans', spans, 'shadow', shadow) ORDER BY rule) AS flags FROM flags
    WHERE mention_id = m.id AND brand_id + 0 = $7 AND version = m.version
) AS f ON true
ORDER BY m.at, m.id
"""  # noqa: S608 - constants

_BECAUSE = """
SELECT j.mention_id, j.because, j.rulebook, j.hide, j.reply FROM (
    SELECT mention_id FROM conversation_mentions WHERE conversation_id = $1 ORDER BY mention_id DESC LIMIT $3
) AS own
JOIN LATERAL (SELECT * FROM mentions WHERE id = own.mention_id LIMIT 1) AS m ON true
JOIN LATERAL (
    SELECT * FROM assessments WHERE mention_id = m.id AND brand_id = $2 AND version = m.version LIMIT 1
) AS j ON true
ORDER BY m.at DESC, m.id DESC LIMIT 1
"""

_REPLIES = f"""
SELECT {reply_rows.COLUMNS}
FROM (
    SELECT * FROM (SELECT * FROM outbox WHERE conversation_id = $1 OFFSET 0) AS all_of_it
    WHERE lane = 'reply' ORDER BY id DESC LIMIT $2
) AS o
JOIN LATERAL (SELECT * FROM replies WHERE id = o.reply_id LIMIT 1) AS r ON true
LEFT JOIN LATERAL (SELECT part, parts FROM reply_parts WHERE reply_id = o.reply_id LIMIT 1) AS t ON true
JOIN accounts a ON a.id = r.account_id
JOIN people p ON p.id = r.person_id
JOIN LATERAL (SELECT author_id FROM mentions WHERE id = r.parent_id LIMIT 1) AS m ON true
JOIN LATERAL (SELECT handle FROM authors WHERE id = m.author_id LIMIT 1) AS w ON true
ORDER BY o.id
"""  # noqa: S608 - constants

_NOTES = """
SELECT * FROM (
    SELECT n.id, p.name AS person, n.body, n.at FROM notes n JOIN people p ON p.id = n.person_id
    WHERE n.conversation_id = $1 AND n.removed_at IS NULL ORDER BY n.at DESC, n.id DESC LIMIT $2
) AS newest ORDER BY at, id
"""

_HISTORY = """
SELECT * FROM (
    SELECT e.id, e.at, e.kind, coalesce(p.name, '') AS person, e.act::text, coalesce(e.before, '{}') AS before,
           coalesce(e.after, '{}') AS after
    FROM events e LEFT JOIN people p ON p.id = e.person_id
    WHERE e.conversation_id = $1 AND e.kind NOT LIKE 'claim.%' ORDER BY e.id DESC LIMIT $2
) AS newest ORDER BY id
"""


async def open(  # noqa: A001 - the screen's word
    pool: asyncpg.Pool, conversation_id: int, person_id: int | None, now: datetime
) -> Opened | None:
    """The conversation with its thread, replies, notes, history, the person's draft, and why it was flagged.

    Follows a conversation that was merged away. None: there is none with that id.
    """
    async with acquired(pool) as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        c = await connection.fetchrow(_STATE, conversation_id, now, person_id)
        if c is None:
            return None
        id_, brand_id, space = c["id"], c["brand_id"], c["space"]
        account = await connection.fetchrow(_ACCOUNT, brand_id, c["account_id"], c["source"], space)
        thread = await connection.fetch(_THREAD, id_, space, c["root"], OWN, AROUND, REST, brand_id)
        because = await connection.fetchrow(_BECAUSE, id_, brand_id, OWN)
        replies = await connection.fetch(_REPLIES, id_, LINES)
        notes = await connection.fetch(_NOTES, id_, LINES)
        history = await connection.fetch(_HISTORY, id_, LINES)
        network = await network_acts.around(connection, brand_id, [m["id"] for m in thread], c["author_id"])
        approvals = await approvals_of(connection, id_)
    return Opened(
        conversation=of_row(c),
        brand=c["brand"],
        source=c["source"],
        space=space,
        origin=Origin(c["origin"]),
        account_id=account["id"] if account else 0,
        account_handle=account["handle"] if account else "",
        author_id=c["author_id"],
        author_handle=c["author_handle"],
        author_name=c["author_name"],
        author_bio=c["author_bio"],
        author_followers=c["author_followers"],
        author_status=c["author_status"],
        author_conversations=c["author_conversations"],
        assignee=c["assignee"],
        claimed_by=c["claimed_by"],
        claimed_by_id=c["claimed_by_id"],
        thread=tuple(_message(row) for row in thread),
        replies=tuple(reply_rows.row_of(row) for row in replies),
        notes=tuple(Note(**dict(row)) for row in notes),
        history=tuple(HistoryLine(**dict(row)) for row in history),
        because=tuple(because["because"]) if because else (),
        because_mention_id=because["mention_id"] if because else None,
        rulebook=because["rulebook"] if because else "",
        draft=c["draft"] or "",
        draft_thread_version=c["draft_version"],
        hide=because["hide"] if because else False,
        saved_reply=because["reply"] if because else "",
        approvals=approvals,
        mute=Mute(c["muted_by"], c["muted_at"]) if c["muted_at"] else None,
        author_notes=c["author_notes"],
        can=capabilities.known(account["can"]) if account else {},
        draft_private=c["draft_visibility"] == "private",
        draft_options=tuple(c["draft_options"] or ()),
        network=network,
        terms=limits.terms(account["characters"], account["per_link"]) if account else Terms(),
    )


def _message(row: Mapping[str, Any]) -> ThreadMessage:
    values = dict(row)
    values["kind"] = Kind(values["kind"])
    values["audience"] = Audience(values["audience"])
    values["tone"] = None if values["tone"] is None else ToneLabel(values["tone"])
    values["flags"] = tuple(values["flags"])
    values["about"] = None if values["about"] is None else ToneLabel(values["about"])
    values["by_hand"] = by_hand(values["by_hand"])
    return ThreadMessage(**values)
