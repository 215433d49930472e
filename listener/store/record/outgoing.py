"""Which of two locks comes first: rows of the outbox before conversations. Owns that order for a batch.

Whoever settles a reply holds its row and then asks for its conversation. A batch that moves conversations, and then finds that a post of ours has
been seen or that what left in one conversation belongs to another, would ask in the opposite order: so it takes those rows before anything else.

Rings of other makings are left (in a storm of twenty people fewer than one act in a thousand): Postgres ends one of both, and `record`, `repeated`
acts and the deliverer do the same once more.
"""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from listener.store.columns import columns
from listener.store.record.keep import Kept
from listener.store.record.merge import rerooted

# Of our posts that may be seen now, and of threads that may be merged.
_HOLD = """
SELECT x.id FROM outbox AS x WHERE x.id IN (
    SELECT o.id FROM outbox AS o WHERE o.external_id = ANY($1::text[]) AND o.state <> 'seen'
    UNION ALL
    SELECT o.id FROM unnest($2::text[], $3::text[], $4::text[]) AS n(space, was, root)
    JOIN conversations AS c ON c.space = n.space AND c.root = ANY(ARRAY[n.was, n.root]) AND c.merged_into IS NULL
    JOIN outbox AS o ON o.conversation_id = c.id
) ORDER BY x.id FOR NO KEY UPDATE
"""


async def hold(connection: asyncpg.Connection, kept: Sequence[Kept]) -> None:
    """Until the transaction ends nobody else settles what this batch settles or carries along. Before any conversation is locked."""
    ours = [k.mention.key.external_id for k in kept if k.ours and k.new]
    threads = rerooted(kept)
    if ours or threads:
        spaces, were, roots = columns(threads) or ([], [], [])
        await connection.execute(_HOLD, ours, spaces, were, roots)
