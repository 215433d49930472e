"""Ticks of counting rules into rows, and what was counted in the windows before. Owns `rule_ticks`; refuses to count: `Tally` does.

Ticks are committed with the messages that they count, so a message that is heard again is counted once, and one that was rolled back not at
all. Two writers at once do not wait for each other: neither sees what the other has not committed yet, so that a count may come out lower
by those few messages; none of them is lost to later counts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import asyncpg

from listener.model import Tick, Window
from listener.rulebook.tally import Tally
from listener.store.columns import columns
from listener.store.record.case import Case, Judge

# An edit counts for what it says now.
_FORGET = """
DELETE FROM rule_ticks AS t USING unnest($1::bigint[], $2::int[]) AS n(mention_id, brand_id)
WHERE t.mention_id = n.mention_id AND t.brand_id = n.brand_id
"""

# There may be many: each comes with the number of its place only.
_EARLIER = """
SELECT n.i, t.mention_id, t.at, t.author, t.hit
FROM unnest($1::int[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[])
     WITH ORDINALITY AS n(brand_id, rule, sign, grp, after, until, i)
JOIN LATERAL (
    SELECT * FROM rule_ticks
    WHERE brand_id = n.brand_id AND rule = n.rule AND sign = n.sign AND grp = n.grp AND at > n.after AND at <= n.until OFFSET 0
) AS t ON true
ORDER BY t.at, t.mention_id
"""

_TICKS = """
INSERT INTO rule_ticks (mention_id, brand_id, rule, sign, grp, at, author, hit)
SELECT * FROM unnest($1::bigint[], $2::int[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::text[], $8::boolean[])
ON CONFLICT DO NOTHING
"""


async def counted(
    connection: asyncpg.Connection, cases: Sequence[Case], judge: Judge, now: datetime
) -> dict[tuple[int, int], Mapping[str, Window]]:
    """Keep the ticks of these messages; what each counting rule had counted for them, those heard before included, by `Case.key`.

    Within a batch, messages are heard in the order of (time, id).
    """
    edited = [case.key for case in cases if case.kept.edited]
    if edited:
        await connection.execute(_FORGET, *columns(edited))
    ordered = sorted(cases, key=lambda case: (case.kept.at, case.kept.id, case.brand_id))
    ticked = [
        (case, ticks) for case in ordered if (ticks := judge.ticks(case.mention, case.hearings, case.context, now))
    ]
    if not ticked:
        return {}
    # However old a message is that comes late, its window is counted whole.
    tallies = {brand_id: Tally(judge.counting, late=math.inf) for brand_id in {case.brand_id for case, _ in ticked}}
    known = await _earlier(connection, ticked, tallies)
    counts: dict[tuple[int, int], Mapping[str, Window]] = {}
    for case, ticks in ticked:
        tally = tallies[case.brand_id]
        tally.put([tick for tick in ticks if (*case.key, tick.rule, tick.sign, tick.group) not in known], case.kept.at)
        counts[case.key] = tally.counts(ticks, case.kept.at)
    rows = [
        (*case.key, tick.rule, tick.sign, tick.group, case.kept.at, tick.author, tick.hit)
        for case, ticks in ticked
        for tick in ticks
    ]
    await connection.execute(_TICKS, *columns(sorted(rows)))
    return counts


async def _earlier(
    connection: asyncpg.Connection,
    ticked: Sequence[tuple[Case, tuple[Tick, ...]]],
    tallies: Mapping[int, Tally],
) -> set[tuple[int, int, str, str, str]]:
    """Put in what was counted before, as far back as the rules look; the keys of those ticks that are of these messages themselves.

    What no message here hits is not asked for.
    """
    spans: dict[tuple[int, str, str, str], tuple[datetime, datetime]] = {}
    for case, ticks in ticked:
        at = case.kept.at
        for tick in ticks:
            reach = tallies[case.brand_id].reaches.get(tick.rule)
            if tick.hit and reach is not None:
                after = at - timedelta(seconds=reach)
                place = (case.brand_id, tick.rule, tick.sign, tick.group)
                was = spans.get(place, (after, at))
                spans[place] = (min(was[0], after), max(was[1], at))
    known: set[tuple[int, int, str, str, str]] = set()
    if not spans:
        return known
    own = {case.kept.id for case, _ in ticked}
    places = sorted(spans)
    for i, mention_id, at, author, hit in await connection.fetch(_EARLIER, *columns([(*p, *spans[p]) for p in places])):
        brand_id, rule, sign, group = places[i - 1]
        if mention_id in own:
            known.add((mention_id, brand_id, rule, sign, group))
        tallies[brand_id].put((Tick(rule, sign, group, author, hit),), at)
    return known
