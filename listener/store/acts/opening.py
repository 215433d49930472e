"""A mention that was only listened to becomes a conversation, because a person says so."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import asyncpg

from listener.errors import Refused
from listener.model.judged import Assessment, Tone
from listener.model.scales import Priority, ToneLabel
from listener.model.work import Origin
from listener.store.acts.rights import may_act
from listener.store.connect import acquired, repeated
from listener.store.conversations import Event, tell
from listener.workflow import clocks, moves, order

# Nothing that the brand has not heard can be opened by it.
_MENTION = """
SELECT m.id, m.space, m.root, m.author_id, m.source, m.version, m.ours, m.state,
       (SELECT array_agg(DISTINCT h.topic) FROM hearings h WHERE h.mention_id = m.id AND h.brand_id = $2 AND h.via = 'topic') AS topics
FROM mentions m
WHERE m.id = $1 AND EXISTS (SELECT 1 FROM hearings h WHERE h.mention_id = m.id AND h.brand_id = $2)
FOR SHARE OF m
"""

_HOLDS_IT = """
SELECT coalesce(c.merged_into, c.id) FROM conversation_mentions j JOIN conversations c ON c.id = j.conversation_id
WHERE j.mention_id = $1 AND c.brand_id = $2 ORDER BY 1 LIMIT 1
"""

# As whom we would answer it: so what addresses that account later in this thread lands in the same conversation.
_ACCOUNT = (
    "SELECT id FROM accounts WHERE brand_id = $1 AND source = $2 AND space = $3 ORDER BY state = 'stopped', id LIMIT 1"
)

_OF_THREAD = """
SELECT id FROM conversations
WHERE brand_id = $1 AND space = $2 AND root = $3 AND author_id = $4 AND merged_into IS NULL ORDER BY id LIMIT 1
FOR NO KEY UPDATE
"""

# What the author said in this thread, the newest 300, and our answers to it.
_SAID = """
WITH said AS (
    SELECT id, version, external_id, at, false AS ours, reply_until FROM mentions
    WHERE space = $1 AND root = $2 AND author_id = $3 AND NOT ours ORDER BY at DESC, id DESC LIMIT 300
)
SELECT id, version, at, ours, reply_until FROM said
UNION
SELECT a.id, a.version, a.at, true, NULL FROM said JOIN mentions a ON a.space = $1 AND a.parent = said.external_id AND a.ours
"""

_TEXT = "SELECT text FROM mention_versions WHERE mention_id = $1 AND version = $2"

_ASSESSED = """
SELECT rulebook, methods, tone, tone_neg, tone_neu, tone_pos, tone_compound, need, priority, due_at, tags, team, because, resolve_by
FROM assessments WHERE mention_id = $1 AND brand_id = $2 AND version = $3
"""

_INSERT = """
INSERT INTO conversations (brand_id, account_id, space, root, author_id, source, origin, state, priority, due_at, team, tags, unread,
                           tone, need, sort_key, opened_at, last_at, last_mention_id, last_ours_at, changed_at, next_at, reply_until,
                           resolve_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $17, $21, $22, $23)
ON CONFLICT (brand_id, account_id, space, root, author_id) DO NOTHING RETURNING id
"""

_JOIN = """
INSERT INTO conversation_mentions (conversation_id, mention_id) SELECT $1, unnest($2::bigint[]) ON CONFLICT DO NOTHING RETURNING mention_id
"""


@repeated
async def open_from_mention(pool: asyncpg.Pool, person_id: int, brand_id: int, mention_id: int, now: datetime) -> int:
    """The conversation of that mention: the one it is in already, or its author's one in this thread, or a new one.

    A new one is new work with the mention's own due time, with all that its author said in the thread, and our answers.
    Raises Refused for our own posts, deleted ones, ones that the brand never heard, and for viewers.
    """
    async with acquired(pool) as connection, connection.transaction():
        await may_act(connection, person_id, brand_id)
        mention = await connection.fetchrow(_MENTION, mention_id, brand_id)
        if mention is None:
            raise Refused("there is no such mention")
        if found := await connection.fetchval(_HOLDS_IT, mention_id, brand_id):
            return int(found)
        if mention["ours"]:
            raise Refused("that is a post of our own")
        if mention["state"] == "deleted":
            raise Refused("its author has deleted it")
        key = (brand_id, mention["space"], mention["root"], mention["author_id"])
        conversation_id = await connection.fetchval(_OF_THREAD, *key)
        if conversation_id is None:
            conversation_id = await _opened(connection, mention, brand_id, now)
            if conversation_id is None:  # a colleague, or the listener, was first
                return int(await connection.fetchval(_OF_THREAD, *key))
        elif not await connection.fetch(_JOIN, conversation_id, [mention_id]):
            return int(conversation_id)  # in it since we looked
        event = Event(
            brand_id,
            "conversation.opened",
            conversation_id,
            mention_id,
            person_id=person_id,
            after={"origin": Origin.PERSON, "topics": dict.fromkeys(mention["topics"] or (), 0)},
        )
        await tell(connection, [event], now)
        return int(conversation_id)


async def _opened(
    connection: asyncpg.Connection, mention: Mapping[str, Any], brand_id: int, now: datetime
) -> int | None:
    from listener.store.copies import keep_sketches  # it brings the query language with it: not at every start

    said = await connection.fetch(_SAID, mention["space"], mention["root"], mention["author_id"])
    last = max(said, key=lambda row: (row["at"], row["id"]))
    ours = [row["at"] for row in said if row["ours"]]
    if not last["ours"]:
        text = await connection.fetchval(_TEXT, last["id"], last["version"])
        await keep_sketches(connection, [(last["id"], last["version"], text or "")], now)
    assessed = await connection.fetchrow(_ASSESSED, mention["id"], brand_id, mention["version"])
    assessment = _assessment(assessed) if assessed else None
    until = max((row["reply_until"] for row in said if row["reply_until"] is not None), default=None)
    c = moves.opened(assessment, brand_id=brand_id, at=last["at"], history=False, by_person=True, until=until)
    account_id = await connection.fetchval(_ACCOUNT, brand_id, mention["source"], mention["space"])
    conversation_id: int | None = await connection.fetchval(
        _INSERT, brand_id, account_id or 0, mention["space"], mention["root"], mention["author_id"], mention["source"],
        Origin.PERSON.value, c.state.value, int(c.priority), c.due_at, c.team, list(c.tags), c.unread,
        assessment.tone.label.value if assessment else ToneLabel.NOT_SCORED.value, assessment.need if assessment else 0.0,
        order.sort_key(c), now, c.last_at, last["id"], max(ours, default=None),
        clocks.next_at(c), c.reply_until, c.resolve_by,
    )  # fmt: skip
    if conversation_id is not None:
        await connection.execute(_JOIN, conversation_id, sorted({row["id"] for row in said} | {mention["id"]}))
    return conversation_id


def _assessment(row: Mapping[str, Any]) -> Assessment:
    """What was thought of the mention, as far as the workflow asks for it."""
    tone = Tone(ToneLabel(row["tone"]), row["tone_neg"], row["tone_neu"], row["tone_pos"], row["tone_compound"])
    return Assessment(
        tone=tone,
        lang="",
        need=row["need"],
        priority=Priority(row["priority"]),
        reply_within=None,
        due_at=row["due_at"],
        tags=tuple(row["tags"]),
        team=row["team"],
        opens=True,
        flags=(),
        because=tuple(row["because"]),
        rulebook=row["rulebook"],
        methods=row["methods"],
        resolve_by=row["resolve_by"],
    )
