"""Sketches of messages, and which family of near-copies each belongs to. Owns what "the same family" means; refuses to judge a text.

A message belongs to the family of the message kept that it is most like, else it begins one. So a family is decided once, by what was there
before; two near-copies that are heard in the same moment by two sources may begin a family each. Deleting goes by the tables themselves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import asyncpg

from listener.copies import ALIKE, BANDS, Sketch, alike, sketch
from listener.store.columns import columns

# The newest holders of a band will do: in a storm all of them are of one family.
_NEAR = """
SELECT DISTINCT n.i, c.family, c.marks
FROM unnest($1::int[], $2::int[]) AS n(i, band)
JOIN LATERAL (SELECT mention_id FROM copy_bands WHERE band = n.band ORDER BY mention_id DESC LIMIT 2) AS b ON true
JOIN LATERAL (SELECT family, marks FROM copies WHERE mention_id = b.mention_id LIMIT 1) AS c ON true
"""

# As many of a band's newest holders as are counted at most. Copies share most of their bands, so each holder is looked at once.
_BY_OTHERS = """
SELECT DISTINCT n.i, m.author_id, c.marks
FROM (
    SELECT DISTINCT n.i, n.brand_id, b.mention_id FROM unnest($1::int[], $2::int[], $3::int[]) AS n(i, brand_id, band)
    JOIN LATERAL (SELECT mention_id FROM copy_bands WHERE band = n.band ORDER BY mention_id DESC LIMIT $5) AS b ON true
) AS n
JOIN LATERAL (SELECT marks FROM copies WHERE mention_id = n.mention_id AND at >= $4 LIMIT 1) AS c ON true
JOIN LATERAL (SELECT author_id FROM mentions WHERE id = n.mention_id LIMIT 1) AS m ON true
WHERE EXISTS (SELECT FROM hearings AS h WHERE h.mention_id = n.mention_id AND h.brand_id = n.brand_id)
"""

_FORGET = "DELETE FROM copies WHERE mention_id = ANY($1::bigint[])"

_KEEP = """
INSERT INTO copies (mention_id, family, bands, marks, at)
SELECT mention_id, family, string_to_array(bands, ',')::int[], marks, $1
FROM unnest($2::bigint[], $3::bigint[], $4::text[], $5::bytea[]) AS n(mention_id, family, bands, marks)
ON CONFLICT DO NOTHING
"""

WITHIN = timedelta(hours=24)
MOST = 20
"""Others are counted up to so many."""

Candidate = tuple[int, bytes]
"""A family, and the marks of one of its members."""


async def keep_sketches(
    connection: asyncpg.Connection, texts: Iterable[tuple[int, int, str]], now: datetime, *, anew: bool = False
) -> None:
    """Keep a sketch of each (mention id, version, text) that is long enough. `anew`: in place of those of earlier versions."""
    told = sorted(texts)
    if anew and told:
        await connection.execute(_FORGET, [mention_id for mention_id, _, _ in told])
    made = [(mention_id, version, found) for mention_id, version, text in told if (found := sketch(text)) is not None]
    if not made:
        return
    near: dict[int, list[Candidate]] = defaultdict(list)
    which = [i for i in range(len(made)) for _ in range(BANDS)]
    bands = [band for _, _, found in made for band in found.bands]
    for i, family, marks in await connection.fetch(_NEAR, which, bands):
        near[i].append((family, marks))
    here: dict[int, Candidate] = {}
    rows = []
    for i, (mention_id, version, found) in enumerate(made):
        family = _most_like(found, {*near[i], *(here[band] for band in found.bands if band in here)})
        if family is None:
            family = mention_id * 1024 + version % 1024
        here.update(dict.fromkeys(found.bands, (family, found.marks)))
        rows.append((mention_id, family, ",".join(map(str, found.bands)), found.marks))
    await connection.execute(_KEEP, now, *columns(rows))


async def by_others(connection: asyncpg.Connection, told: Sequence[tuple[int, int, str]], now: datetime) -> list[int]:
    """For each (brand id, author id, text): how many others wrote a near-copy of it to the brand within a day, at most 20. Among open work, where
    sketches are kept, and among those that stand before it in the list.
    """
    made = [
        (i, brand_id, author_id, found) for i, (brand_id, author_id, text) in enumerate(told) if (found := sketch(text))
    ]
    if not made:
        return [0] * len(told)
    rows = [(i, brand_id, band) for i, brand_id, _, found in made for band in found.bands]
    others: dict[int, set[int]] = defaultdict(set)
    marks_of = {i: found.marks for i, _, _, found in made}
    for i, author_id, marks in await connection.fetch(_BY_OTHERS, *columns(rows), now - WITHIN, MOST):
        if alike(marks_of[i], marks) >= ALIKE:
            others[i].add(author_id)
    here: dict[tuple[int, int], list[tuple[int, bytes]]] = defaultdict(list)
    for i, brand_id, author_id, found in made:
        for band in found.bands:
            others[i] |= {
                author for author, marks in here[brand_id, band][-MOST:] if alike(found.marks, marks) >= ALIKE
            }
            here[brand_id, band].append((author_id, found.marks))
        others[i].discard(author_id)
    return [min(MOST, len(others[i])) for i in range(len(told))]


def _most_like(found: Sketch, candidates: Iterable[Candidate]) -> int | None:
    """The family with the most marks in common, the older one of two; None: with none there are enough."""
    best = max(((alike(found.marks, marks), -family) for family, marks in candidates), default=(0, 0))
    return -best[1] if best[0] >= ALIKE else None
