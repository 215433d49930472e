"""Which messages a brand heard while their author was muted: they are kept and judged as any, and open, move and wake nothing.

Owns the order in which hearing and muting happen: whoever mutes holds the author's row (`FOR UPDATE`), and so does, against that, whoever
records a message of theirs, so that one of both sees the other. Refuses to mute anybody: people do, in `listener.store.acts`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import asyncpg

_HOLD = "SELECT FROM authors WHERE id = ANY($1::bigint[]) ORDER BY id FOR KEY SHARE"

# What is muted now is hushed however long ago it was said; after a mute has ended, what was heard meanwhile stays so, also where a second
# source brings it only then. Mutes are few: they come first (OFFSET 0), and messages are looked up for those that are left.
_HUSHED = """
SELECT DISTINCT q.mention_id, q.brand_id
FROM (
    SELECT n.mention_id, q.brand_id, q.at, q.until FROM unnest($1::bigint[], $2::bigint[]) AS n(mention_id, author_id)
    JOIN mutes AS q ON q.author_id = n.author_id OFFSET 0
) AS q
JOIN LATERAL (SELECT version FROM mentions WHERE id = q.mention_id LIMIT 1) AS m ON true
JOIN LATERAL (SELECT heard_at FROM mention_versions WHERE mention_id = q.mention_id AND version = m.version LIMIT 1) AS v ON true
WHERE q.until IS NULL OR (v.heard_at >= q.at AND v.heard_at < q.until)
"""

Hushed = set[tuple[int, int]]
"""Mention id and brand id."""


async def hushed(connection: asyncpg.Connection, authors: Mapping[int, int], free: Collection[int] = ()) -> Hushed:
    """Of these messages (id to author id) those that were heard while muted, for each brand that had muted their author.

    `free`: authors whose rows this transaction does not hold yet; a message or a hearing that it stored holds them.
    """
    if not authors:
        return set()
    if free:
        await connection.execute(_HOLD, sorted(set(free)))
    rows = await connection.fetch(_HUSHED, list(authors), list(authors.values()))
    return {(row["mention_id"], row["brand_id"]) for row in rows}
