"""Sharing out what nobody of a team has: each to whoever is there and has the fewest open. Owns that it is given once, and why.

Moves only what nobody has, so never what a person assigned; refuses to know who works when, which the roster says. What somebody handed
back is not given to them again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

import asyncpg

from listener.rulebook.roster import Hand, Roster, least
from listener.rulebook.shape import Team
from listener.store.connect import acquired
from listener.store.conversations import COLUMNS, Event, changes, of_row, save, tell
from listener.workflow import moves

AT_ONCE = 200
"""Conversations of one team that are given in one transaction."""

SHARED = "conversation.shared"

# The lease ends with the transaction. One at a time: two would count the same people's conversations, and give to the same one.
_ONE = "SELECT pg_try_advisory_xact_lock(7502739002)"

_HERE = """
SELECT p.id, p.login, a.given_at FROM memberships m JOIN people p ON p.id = m.person_id
LEFT JOIN attendance a ON a.person_id = m.person_id AND a.brand_id = m.brand_id
WHERE m.brand_id = $1 AND m.role <> 'viewer' AND p.login = ANY($3::text[])
  AND EXISTS (SELECT 1 FROM presences t WHERE t.brand_id = $1 AND t.person_id = p.id AND t.until >= $2)
  AND (a.away_since IS NULL OR a.away_until <= $2)
"""

_OPEN = """
SELECT key::int AS person_id, sum(n)::int AS n FROM (
    SELECT key, n FROM counters WHERE brand_id = $1 AND name = 'assigned' AND key = ANY($2::text[]) AND bucket = '-infinity'
    UNION ALL
    SELECT key, n FROM counter_deltas WHERE brand_id = $1 AND name = 'assigned' AND key = ANY($2::text[]) AND bucket = '-infinity'
) AS c GROUP BY key
"""

_NOBODYS = f"""
SELECT {COLUMNS} FROM conversations c
WHERE brand_id = $1 AND team = $2 AND folder = 'open' AND assignee_id IS NULL AND merged_into IS NULL AND team <> ''
  AND NOT EXISTS (SELECT 1 FROM claims WHERE conversation_id = c.id AND until >= $3)
ORDER BY sort_key, id LIMIT $4 FOR UPDATE SKIP LOCKED
"""  # noqa: S608 - constant

_HANDED_BACK = """
SELECT conversation_id, person_id FROM events WHERE conversation_id = ANY($1::bigint[]) AND kind = 'act.hand-back'
"""

_GIVEN = """
INSERT INTO attendance AS a (person_id, brand_id, given_at) SELECT person_id, $1, $2 FROM unnest($3::int[]) AS person_id
ON CONFLICT (person_id, brand_id) DO UPDATE SET given_at = excluded.given_at
"""

_BRANDS = "SELECT id FROM brands ORDER BY id"


async def share_out(pool: asyncpg.Pool, now: datetime, roster: Roster) -> int:
    """Gives what nobody of the sharing teams has to those of them who are there. How many; 0 also where another program is at it."""
    teams = [team for team in roster.teams.values() if team.share_out]
    if not teams:
        return 0
    async with acquired(pool) as connection:
        brands = [row["id"] for row in await connection.fetch(_BRANDS)]
    given = 0
    for brand_id in brands:
        for team in teams:
            while (n := await _share(pool, now, roster, brand_id, team)) == AT_ONCE:
                given += n
            given += n
    return given


async def _share(pool: asyncpg.Pool, now: datetime, roster: Roster, brand_id: int, team: Team) -> int:
    """One transaction's worth of one team."""
    logins = [login for login in roster.people if roster.works(login, team.key, now)]
    if not logins:
        return 0
    async with acquired(pool) as connection, connection.transaction():
        if not await connection.fetchval(_ONE):
            return 0
        here = {row["id"]: row["given_at"] for row in await connection.fetch(_HERE, brand_id, now, logins)}
        if not here:
            return 0
        counted = await connection.fetch(_OPEN, brand_id, [str(id_) for id_ in here])
        has = {row["person_id"]: row["n"] for row in counted}
        hands = {id_: Hand(id_, has.get(id_, 0), given_at) for id_, given_at in here.items()}
        if least(hands.values(), team.at_most) is None:
            return 0
        found = [of_row(row) for row in await connection.fetch(_NOBODYS, brand_id, team.key, now, AT_ONCE)]
        refused = await _handed_back(connection, [c.id for c in found])
        rows, events = [], []
        for c in found:
            willing = [hand for hand in hands.values() if hand.person_id not in refused[c.id]]
            hand = least(willing, team.at_most)
            if hand is None:
                continue
            after = moves.given(c, hand.person_id)
            was, became = changes(c, after)
            why = {"open": hand.open, "of": len(willing)}
            rows.append(after)
            events.append(Event(brand_id, SHARED, c.id, before=was, after={**became, **why}))
            hands[hand.person_id] = replace(hand, open=hand.open + 1, given_at=now)
        await save(connection, rows, now)
        await tell(connection, events, now)
        await connection.execute(
            _GIVEN, brand_id, now, sorted({c.assignee_id for c in rows if c.assignee_id is not None})
        )
        return len(rows)


async def _handed_back(connection: asyncpg.Connection, ids: list[int]) -> Mapping[int, set[int]]:
    """Who has handed back which of these."""
    found: defaultdict[int, set[int]] = defaultdict(set)
    for row in await connection.fetch(_HANDED_BACK, ids):
        found[row["conversation_id"]].add(row["person_id"])
    return found
