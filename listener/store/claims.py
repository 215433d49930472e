"""Who holds a conversation now, so that nobody answers twice. Owns leases; a dead terminal's lease ends by itself.

A claim belongs to one terminal (`session`), which renews it. Taking, letting go and expiry are told as events, with ids only;
a renewal is silent. Claims stay apart from the state row, which therefore stays cold.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import asyncpg

from listener.errors import Refused
from listener.model.people import Person
from listener.store.connect import acquired, repeated
from listener.store.conversations import Event, tell

SECONDS = 60.0
"""How long a claim lives without being renewed."""

# Of many at once, one wins. A viewer has no row in `may`.
_TAKE_FREE = """
WITH may AS (
    SELECT c.id, c.brand_id FROM conversations c JOIN memberships m ON m.brand_id = c.brand_id AND m.person_id = $2
    WHERE c.id = $1 AND m.role <> 'viewer'
), taken AS (
    INSERT INTO claims (conversation_id, person_id, session, until) SELECT id, $2, $3, $4 FROM may
    ON CONFLICT (conversation_id) DO NOTHING RETURNING conversation_id
)
SELECT may.brand_id, taken.conversation_id IS NOT NULL AS ours FROM may LEFT JOIN taken ON true
"""

# Read once it is locked: what the statement before could not see, because it was on its way, is seen here, and told.
_HELD = """
SELECT c.session, c.until, p.id, p.login, p.name FROM claims c JOIN people p ON p.id = c.person_id
WHERE c.conversation_id = $1 FOR UPDATE OF c
"""

_TAKE = "UPDATE claims SET person_id = $2, session = $3, until = $4 WHERE conversation_id = $1"

_RENEW = "UPDATE claims SET until = $3 WHERE session = $1 AND until >= $2 RETURNING conversation_id"

_RELEASE = """
WITH gone AS (
    DELETE FROM claims WHERE session = $1 AND ($2::bigint IS NULL OR conversation_id = $2) RETURNING conversation_id, person_id
)
SELECT gone.conversation_id, gone.person_id, c.brand_id FROM gone JOIN conversations c ON c.id = gone.conversation_id
ORDER BY gone.conversation_id
"""

_LET_GO = """
WITH gone AS (
    DELETE FROM claims WHERE person_id = $2 AND conversation_id = ANY($1::bigint[]) RETURNING conversation_id, person_id
)
SELECT gone.conversation_id, gone.person_id, c.brand_id FROM gone JOIN conversations c ON c.id = gone.conversation_id
ORDER BY gone.conversation_id
"""

_EXPIRE = """
WITH dead AS (
    SELECT conversation_id FROM claims WHERE until < $1 ORDER BY conversation_id LIMIT 500 FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM claims c USING dead WHERE c.conversation_id = dead.conversation_id RETURNING c.conversation_id, c.person_id
)
SELECT gone.conversation_id, gone.person_id, c.brand_id FROM gone JOIN conversations c ON c.id = gone.conversation_id
ORDER BY gone.conversation_id
"""


@repeated
async def claim(
    pool: asyncpg.Pool,
    conversation_id: int,
    person_id: int,
    session: str,
    now: datetime,
    seconds: float = SECONDS,
    *,
    take_over: bool = False,
) -> Person | None:
    """None: it is ours until `now` + `seconds`. A person: they hold it, and nothing has changed.

    `take_over` takes it from whoever holds it, on purpose. Raises Refused for a viewer or an unknown conversation.
    """
    until = now + timedelta(seconds=seconds)
    async with acquired(pool) as connection:
        while True:
            async with connection.transaction():
                row = await connection.fetchrow(_TAKE_FREE, conversation_id, person_id, session, until)
                if row is None:
                    raise Refused("you may look at this conversation but not work on it")
                before = None
                if not row["ours"]:
                    held = await connection.fetchrow(_HELD, conversation_id)
                    if held is None:
                        continue  # let go of between the two statements: it is free, so ask again
                    alive, mine = held["until"] >= now, held["session"] == session
                    if alive and not mine and not take_over:
                        return Person(held["id"], held["login"], held["name"])
                    await connection.execute(_TAKE, conversation_id, person_id, session, until)
                    if alive and mine:
                        return None  # a renewal is silent
                    before = {"person": held["id"]}
                event = Event(
                    row["brand_id"],
                    "claim.taken",
                    conversation_id,
                    person_id=person_id,
                    before=before,
                    after={"person": person_id},
                )
                await tell(connection, [event], now)
                return None


@repeated
async def renew(pool: asyncpg.Pool, session: str, now: datetime, seconds: float = SECONDS) -> frozenset[int]:
    """Prolongs this terminal's claims and says which it still holds; what is missing has expired or was taken over."""
    async with acquired(pool) as connection:
        rows = await connection.fetch(_RENEW, session, now, now + timedelta(seconds=seconds))
    return frozenset(row["conversation_id"] for row in rows)


async def release(pool: asyncpg.Pool, conversation_id: int, session: str, now: datetime) -> bool:
    """Lets go of one claim. False: this terminal did not hold it."""
    return bool(await _let_go(pool, now, _RELEASE, session, conversation_id))


async def release_all(pool: asyncpg.Pool, session: str, now: datetime) -> int:
    """Lets go of all that this terminal holds, as it leaves. How many."""
    return await _let_go(pool, now, _RELEASE, session, None)


async def expire(pool: asyncpg.Pool, now: datetime) -> int:
    """Ends the claims of terminals that died, and tells everybody. How many."""
    return await _let_go(pool, now, _EXPIRE, now)


async def let_go(connection: asyncpg.Connection, ids: Sequence[int], person_id: int, now: datetime) -> None:
    """Lets go of what a person holds of these, in whichever terminal, as a part of something else that is done to them."""
    await _released(connection, now, _LET_GO, ids, person_id)


@repeated
async def _let_go(pool: asyncpg.Pool, now: datetime, statement: str, *values: object) -> int:
    async with acquired(pool) as connection, connection.transaction():
        return await _released(connection, now, statement, *values)


async def _released(connection: asyncpg.Connection, now: datetime, statement: str, *values: object) -> int:
    rows = await connection.fetch(statement, *values)
    events = [
        Event(row["brand_id"], "claim.released", row["conversation_id"], before={"person": row["person_id"]})
        for row in rows
    ]
    await tell(connection, events, now)
    return len(rows)
