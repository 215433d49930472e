"""Ticks of counting rules into rows, and what was counted in the windows before. Owns `rule_ticks`; refuses to say what a window is: `Tally` does.

Ticks are committed with the messages that they count, so a message that is heard again is counted once, and one that was rolled back not at
all. Two writers at once do not wait for each other: neither sees what the other has not committed yet, so that a count may come out lower
by those few messages; none of them is lost to later counts.

A window may be long, and the messages of a batch were said at nearly the same time. So what lies in the windows of all of them is counted
where it is kept, and only what is in some of them is read.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import asyncpg

from listener.model.judged import Tick, Window
from listener.rulebook.shape import Counted, Rule
from listener.rulebook.tally import Bulk, Tally
from listener.store.columns import columns
from listener.store.record.case import Case, Judge

# An edit counts for what it says now.
_FORGET = """
DELETE FROM rule_ticks AS t USING unnest($1::bigint[], $2::int[]) AS n(mention_id, brand_id)
WHERE t.mention_id = n.mention_id AND t.brand_id = n.brand_id
"""

# There may be many: each comes with the number of its place only.
_EARLIER = """
SELECT n.i, t.at, t.author, t.hit
FROM unnest($1::int[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[])
     WITH ORDINALITY AS n(brand_id, rule, sign, grp, after, until, i)
JOIN LATERAL (
    SELECT * FROM rule_ticks
    WHERE brand_id = n.brand_id AND rule = n.rule AND sign = n.sign AND grp = n.grp AND at > n.after AND at <= n.until OFFSET 0
) AS t ON true
ORDER BY t.at, t.mention_id
"""

_HOW_MANY = """
SELECT n.i, t.ticks, t.hits, '{}'::text[] AS authors
FROM unnest($1::int[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[])
     WITH ORDINALITY AS n(brand_id, rule, sign, grp, after, until, i)
JOIN LATERAL (
    SELECT count(*) AS ticks, count(*) FILTER (WHERE hit) AS hits FROM rule_ticks
    WHERE brand_id = n.brand_id AND rule = n.rule AND sign = n.sign AND grp = n.grp AND at > n.after AND at <= n.until
) AS t ON true
"""

_WHO = """
SELECT n.i, 0 AS ticks, 0 AS hits, ARRAY(
    SELECT DISTINCT author FROM rule_ticks
    WHERE brand_id = n.brand_id AND rule = n.rule AND sign = n.sign AND grp = n.grp AND at > n.after AND at <= n.until
) AS authors
FROM unnest($1::int[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[])
     WITH ORDINALITY AS n(brand_id, rule, sign, grp, after, until, i)
"""

_TICKED = """
SELECT t.mention_id, t.brand_id, t.rule, t.sign, t.grp
FROM unnest($1::bigint[], $2::int[]) AS n(mention_id, brand_id) JOIN rule_ticks AS t USING (mention_id, brand_id)
"""

_TICKS = """
INSERT INTO rule_ticks (mention_id, brand_id, rule, sign, grp, at, author, hit)
SELECT * FROM unnest($1::bigint[], $2::int[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::text[], $8::boolean[])
ON CONFLICT DO NOTHING
"""

_Place = tuple[int, str, str, str]
"""Brand id, rule, sign, group."""
_Span = tuple[int, str, str, str, datetime, datetime]
"""A place, after when, and until when."""


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
    await _earlier(connection, ticked, judge.counting, tallies)
    known: set[tuple[int, int, str, str, str]] = set()
    if again := [case.key for case, _ in ticked if not case.kept.new]:
        known = {tuple(row) for row in await connection.fetch(_TICKED, *columns(again))}
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
    rules: Iterable[Rule],
    tallies: Mapping[int, Tally],
) -> None:
    """Put in what was counted before, as far back as the rules look. What no message here hits is not asked for."""
    counts = {rule.id: rule.count for rule in rules if rule.count is not None}
    moments: dict[_Place, tuple[datetime, datetime]] = {}
    for case, ticks in ticked:
        for tick in ticks:
            if tick.hit and tick.rule in counts:
                place = (case.brand_id, tick.rule, tick.sign, tick.group)
                first, _ = moments.get(place, (case.kept.at, case.kept.at))
                moments[place] = (first, case.kept.at)
    read: list[_Span] = []
    how_many: list[_Span] = []
    who: list[_Span] = []
    for place, (first, last) in sorted(moments.items()):
        count = counts[place[1]]
        within = timedelta(seconds=count.within)
        first -= timedelta(seconds=count.hold)  # windows that end so early are looked at
        if last - within >= first:
            read.append((*place, first - within, last))
            continue
        (who if count.what is Counted.AUTHORS else how_many).append((*place, last - within, first))
        if first < last:
            read += [(*place, first - within, last - within), (*place, first, last)]
    for statement, spans in ((_HOW_MANY, how_many), (_WHO, who)):
        for i, n, hits, authors in await connection.fetch(statement, *columns(spans)) if spans else ():
            brand_id, rule, _, group, *_ = spans[i - 1]
            tallies[brand_id].put_bulk(rule, group, Bulk(n, hits, frozenset(authors)))
    for i, at, author, hit in await connection.fetch(_EARLIER, *columns(read)) if read else ():
        brand_id, rule, sign, group, *_ = read[i - 1]
        tallies[brand_id].put((Tick(rule, sign, group, author, hit),), at)
