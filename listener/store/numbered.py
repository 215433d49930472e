"""Replies that are too long for their network, as numbered parts. Owns the rows that tie them together.

Each part is a reply with a row of its own in the outbox, in order; it answers the part before it, leaves once the network has that, and stops
the parts behind it when it does not go out (all of that is the outbox's). Refuses to cut: `listener.parts` does.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import asyncpg

from listener.errors import Refused
from listener.model.work import Conversation
from listener.networks import one_aside
from listener.parts import split
from listener.store import limits, outbox
from listener.store.views.thread import OutboxRow

_PART = "INSERT INTO reply_parts (reply_id, first_id, part, parts, rest) VALUES ($1, $2, $3, $4, $5)"


async def put(
    connection: asyncpg.Connection, conversation: Conversation, person_id: int, account_id: int, parent_id: int, body: str, *,
    visibility: str, lang: str, hold_seconds: float, close_after: bool, planned: datetime | None, now: datetime,
) -> OutboxRow:  # fmt: skip
    """As `outbox.put`, in as many numbered parts as it needs; the first one's row. Refused where it cannot be cut.

    The last part closes the conversation, where one does.
    """
    source, terms = await limits.of_reply(connection, account_id, parent_id)
    parts = split(source, body, terms)
    if not parts:
        raise Refused("it is too long, and cannot be cut into parts", code="too_long", hint="write less")
    if len(parts) > 1 and visibility == "private" and one_aside(source):
        raise Refused("it is too long: its network takes one private message", code="too_long", hint="write less")
    rows: list[OutboxRow] = []
    for number, part in enumerate(parts, start=1):
        row = await outbox.put(
            connection, conversation, person_id, account_id, parent_id, part.text if len(parts) > 1 else body,
            visibility=visibility, lang=lang, hold_seconds=hold_seconds, close_after=close_after and number == len(parts),
            planned=planned, now=now,
        )  # fmt: skip
        rows.append(row)
        if len(parts) > 1:
            rest = body[part.begins :]
            await connection.execute(_PART, row.reply_id, rows[0].reply_id, number, len(parts), rest)
    return replace(rows[0], part=1, parts=len(parts)) if len(parts) > 1 else rows[0]
