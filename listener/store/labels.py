"""Labels of one's own on conversations: what a person calls them, for themselves alone. Owns `labels`.

Whoever has anything to do with a brand may label its conversations, viewers too: nothing of the brand's changes by it, no version, no event,
no bell, and no statement reads another person's. For want of events, whoever puts a label on keeps what undoes it.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import asyncpg

from listener.errors import Refused
from listener.harmless import storable
from listener.store.connect import acquired
from listener.store.views.labels import Labelled, LabelPair

MAX_LABEL = 40
"""Characters of a label."""

MOST_ON_ONE = 30
"""Labels of one person on one conversation."""

MOST = 10_000
"""Labels of one person on conversations of one brand: a terminal holds all of them."""

# Against a merge, which carries labels along: SHARE waits for it.
_THEIRS = """
SELECT c.id, c.brand_id FROM conversations AS c JOIN memberships AS m ON m.brand_id = c.brand_id AND m.person_id = $1
WHERE c.id = ANY($2::bigint[]) AND c.merged_into IS NULL ORDER BY c.id FOR SHARE OF c
"""

_PUT = """
INSERT INTO labels (person_id, conversation_id, label, at)
SELECT $1, n.id, n.label, $4 FROM unnest($2::bigint[], $3::text[]) AS n(id, label) ON CONFLICT DO NOTHING
RETURNING conversation_id, label
"""

_TAKE = """
DELETE FROM labels AS l USING unnest($2::bigint[], $3::text[]) AS n(id, label)
WHERE l.person_id = $1 AND l.conversation_id = n.id AND l.label = n.label RETURNING l.conversation_id, l.label
"""

_TOO_MANY = """
SELECT EXISTS (SELECT FROM labels WHERE person_id = $1 AND conversation_id = ANY($2::bigint[])
               GROUP BY conversation_id HAVING count(*) > $3)
"""

_ALL = """
SELECT l.conversation_id, l.label FROM labels AS l JOIN conversations AS c ON c.id = l.conversation_id
WHERE l.person_id = $1 AND c.brand_id = $2 ORDER BY l.conversation_id, l.label
"""

_HOW_MANY = """
SELECT count(*) FROM labels AS l JOIN conversations AS c ON c.id = l.conversation_id WHERE l.person_id = $1 AND c.brand_id = $2
"""


async def label(
    pool: asyncpg.Pool, person_id: int, put: Collection[LabelPair], take: Collection[LabelPair], now: datetime
) -> Labelled:
    """Puts the person's labels on conversations and takes others off, all or nothing. What is so already is no change; what is not the
    person's to see, or was merged away, is left out.

    Raises Refused for what is no label (1 to 40 plain characters), for more than 30 on one conversation, and for more than 10,000.
    """
    put = [(id_, written(text)) for id_, text in put]
    ids = sorted({id_ for id_, _ in (*put, *take)})
    async with acquired(pool) as connection, connection.transaction():
        brands = {row["id"]: row["brand_id"] for row in await connection.fetch(_THEIRS, person_id, ids)}
        taken = await _change(connection, _TAKE, person_id, [pair for pair in take if pair[0] in brands])
        added = await _change(connection, _PUT, person_id, [pair for pair in put if pair[0] in brands], now)
        if added and await connection.fetchval(_TOO_MANY, person_id, sorted({id_ for id_, _ in added}), MOST_ON_ONE):
            raise Refused(f"a conversation has at most {MOST_ON_ONE} labels of yours")
        for brand_id in sorted({brands[id_] for id_, _ in added}):
            if await connection.fetchval(_HOW_MANY, person_id, brand_id) > MOST:
                raise Refused(f"you have at most {MOST:,} labels", hint="take some off what is done")
    return Labelled(added, taken)


def written(text: str) -> str:
    """A label as it is kept. Raises Refused."""
    kept = " ".join(storable(text).split())
    if not kept or len(kept) > MAX_LABEL or not kept.isprintable():
        raise Refused(f"a label has 1 to {MAX_LABEL} plain characters")
    return kept


async def labels(pool: asyncpg.Pool, person_id: int, brand_id: int) -> dict[int, tuple[str, ...]]:
    """All of a person's own labels on conversations of a brand, by conversation."""
    found: dict[int, tuple[str, ...]] = {}
    async with acquired(pool) as connection:
        for row in await connection.fetch(_ALL, person_id, brand_id):
            found[row["conversation_id"]] = (*found.get(row["conversation_id"], ()), row["label"])
    return found


async def _change(
    connection: asyncpg.Connection, statement: str, person_id: int, pairs: Collection[LabelPair], *more: datetime
) -> tuple[LabelPair, ...]:
    if not pairs:
        return ()
    ids, texts = [id_ for id_, _ in pairs], [text for _, text in pairs]
    return tuple((row[0], row[1]) for row in await connection.fetch(statement, person_id, ids, texts, *more))
