"""What its network says of a message's being hidden, into rows. Owns which of two sayings counts: the later one, in whatever order they come.

Kept by the message's own id, so that it may be told before the message is heard. Refuses to touch what we asked for ourselves
(`network_acts`): whoever shows it takes the later of both.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from listener.harmless import storable
from listener.model.heard import Hidden
from listener.store.columns import columns
from listener.store.conversations import Event

_BEFORE = """
SELECT h.space, h.external_id, h.hidden
FROM unnest($1::text[], $2::text[]) AS n(space, external_id) JOIN hidden_messages AS h USING (space, external_id)
"""

_TOLD = """
INSERT INTO hidden_messages AS h (space, external_id, hidden, at)
SELECT * FROM unnest($1::text[], $2::text[], $3::boolean[], $4::timestamptz[])
ON CONFLICT (space, external_id) DO UPDATE SET hidden = excluded.hidden, at = excluded.at
WHERE (excluded.at, excluded.hidden) > (h.at, h.hidden)
RETURNING space, external_id, hidden
"""

_CONVERSATIONS = """
SELECT n.hidden, k.mention_id, c.id, c.brand_id
FROM unnest($1::text[], $2::text[], $3::boolean[]) AS n(space, external_id, hidden)
JOIN mention_keys AS k USING (space, external_id)
JOIN conversation_mentions AS j ON j.mention_id = k.mention_id
JOIN conversations AS c ON c.id = j.conversation_id
WHERE c.merged_into IS NULL ORDER BY c.id, k.mention_id
"""


async def hide(connection: asyncpg.Connection, told: Sequence[Hidden]) -> list[Event]:
    """Keep what is hidden now; what to tell of those for which that is another state than before."""
    if not told:
        return []
    latest: dict[tuple[str, str], tuple[datetime, bool]] = {}
    for one in told:
        key = (storable(one.key.space), storable(one.key.external_id))
        latest[key] = max(latest.get(key, (one.at, one.hidden)), (one.at, one.hidden))
    rows = [(*key, hidden, at) for key, (at, hidden) in sorted(latest.items())]
    spaces, ids, *_ = columns(rows)
    before = {(r["space"], r["external_id"]): r["hidden"] for r in await connection.fetch(_BEFORE, spaces, ids)}
    moved = [
        (r["space"], r["external_id"], r["hidden"])
        for r in await connection.fetch(_TOLD, *columns(rows))
        if r["hidden"] != before.get((r["space"], r["external_id"]), False)
    ]
    if not moved:
        return []
    return [
        Event(r["brand_id"], "conversation.hidden" if r["hidden"] else "conversation.shown", r["id"], r["mention_id"])
        for r in await connection.fetch(_CONVERSATIONS, *columns(moved))
    ]
