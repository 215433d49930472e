"""What people say of a message in place of the methods, put into force and read back. Owns `overruled`.

An assessment's `tone` and `need` are what is in force, so that whoever counts, filters or shows them need not know of this room; what the
methods said is kept beside them, and is what explanations and replays read. Refuses to decide who may say so: that is an act.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

import asyncpg

from listener.model.scales import ToneLabel
from listener.store.columns import columns
from listener.store.views.listening import NEEDED, NOT_NEEDED, ByHand

# Every state of the messages. Idempotent; what nobody overruled, or ever had, is not touched.
_IN_FORCE = f"""
UPDATE assessments AS a SET
    tone = coalesce(t.value, a.tone_said, a.tone),
    tone_said = CASE WHEN t.value IS NOT NULL THEN coalesce(a.tone_said, a.tone) END,
    need = CASE n.value WHEN '{NEEDED}' THEN 1 WHEN '{NOT_NEEDED}' THEN 0 ELSE coalesce(a.need_said, a.need) END,
    need_said = CASE WHEN n.value IS NOT NULL THEN coalesce(a.need_said, a.need) END
FROM unnest($1::bigint[], $2::int[]) AS k(mention_id, brand_id)
LEFT JOIN overruled AS t ON t.mention_id = k.mention_id AND t.brand_id = k.brand_id AND t.what = 'tone'
LEFT JOIN overruled AS n ON n.mention_id = k.mention_id AND n.brand_id = k.brand_id AND n.what = 'need'
WHERE a.mention_id = k.mention_id AND a.brand_id = k.brand_id
  AND (t.value IS NOT NULL OR n.value IS NOT NULL OR a.tone_said IS NOT NULL OR a.need_said IS NOT NULL)
RETURNING a.mention_id, a.brand_id, a.version, a.tone, a.need
"""  # noqa: S608 - constants

BY_HAND = """
LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object('what', o.what, 'value', o.value, 'person_id', o.person_id, 'person', p.name, 'at', o.at, 'said',
                                        CASE o.what WHEN 'tone' THEN j.tone_said ELSE round(j.need_said::numeric, 2)::text END)
                     ORDER BY o.what DESC) AS by_hand
    FROM overruled AS o JOIN people AS p ON p.id = o.person_id WHERE o.mention_id = m.id AND o.brand_id = {brand}
) AS hand ON true
"""
"""For statements with a message `m` and its assessment `j`; `{brand}` is their placeholder."""


async def in_force(
    connection: asyncpg.Connection, keys: Collection[tuple[int, int]]
) -> Mapping[tuple[int, int, int], tuple[ToneLabel, float]]:
    """Puts what people say of these messages (id, brand id) into force: tone and need by id, brand id and version, where it changed any."""
    if not keys:
        return {}
    rows = await connection.fetch(_IN_FORCE, *columns(sorted(keys)))
    return {(r["mention_id"], r["brand_id"], r["version"]): (ToneLabel(r["tone"]), r["need"]) for r in rows}


def by_hand(found: Iterable[Mapping[str, Any]] | None) -> tuple[ByHand, ...]:
    """What `BY_HAND` read, the tone first."""
    return tuple(
        ByHand(**{**one, "at": datetime.fromisoformat(one["at"]), "said": one["said"] or ""}) for one in found or ()
    )
