"""What of a batch will be judged when it is recorded, asked before: so that what takes long can be done while nothing is locked.

Refuses to promise it: what others commit meanwhile may come to more or to less, and then a judge thinks of it as of anything else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import asyncpg

from listener.model.heard import Hearing, Mention
from listener.model.kinds import Via
from listener.store.columns import columns
from listener.store.connect import store_errors
from listener.store.record.keep import says_other

# One row for each way in which it reached somebody, or one without.
_HELD = """
SELECT k.space, k.external_id, m.revision, m.content_id, m.state, h.brand_id, h.topic, h.account_id, h.via
FROM unnest($1::text[], $2::text[]) AS k(space, external_id)
JOIN mention_keys AS i USING (space, external_id)
JOIN mentions AS m ON m.id = i.mention_id
LEFT JOIN hearings AS h ON h.mention_id = m.id
"""


async def to_judge(
    pool: asyncpg.Pool, heard: Sequence[tuple[Mention, Sequence[Hearing]]]
) -> list[tuple[Mention, int, list[Hearing]]]:
    """These messages for each brand (by its id) that they are new to, or have changed for, with how they reached it.

    They must be cleaned, as `record` does. TryAgain when the database is away.
    """
    if not heard:
        return []
    keys = sorted({(m.key.space, m.key.external_id) for m, _ in heard})
    with store_errors():
        rows = await pool.fetch(_HELD, *columns(keys))
    held: dict[tuple[str, str], list[asyncpg.Record]] = {}
    for row in rows:
        held.setdefault((row["space"], row["external_id"]), []).append(row)
    found = []
    for mention, hearings in heard:
        known = held.get((mention.key.space, mention.key.external_id), [])
        found += [(mention, brand_id, ways) for brand_id, ways in _by_brand(mention, hearings, known).items()]
    return found


def _by_brand(mention: Mention, hearings: Sequence[Hearing], held: Sequence[Any]) -> dict[int, list[Hearing]]:
    before = {
        Hearing(r["brand_id"], Via(r["via"]), r["topic"], r["account_id"]) for r in held if r["brand_id"] is not None
    }
    edited = bool(held) and mention.revision > held[0]["revision"] and says_other(mention, held[0])
    ways = dict.fromkeys((*hearings, *(sorted(before, key=repr) if edited else ())))
    grouped: dict[int, list[Hearing]] = {}
    for way in ways:
        if way.via is not Via.THREAD:
            grouped.setdefault(way.brand_id, []).append(way)
    return grouped if edited else {brand: some for brand, some in grouped.items() if not before.issuperset(some)}
