"""What people do to sources: pause, resume, have a gap filled, look back, have rejects and deliveries read again.

Only leads and admins do, and only to what their brand sees. The wish, who has it and the event are one transaction; an act has no undo but its
opposite. Refuses to fetch anything: whoever runs the source hears the bell.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import asyncpg

from listener.errors import Refused
from listener.store.acts.rights import APPROVERS, may_act, who
from listener.store.bells import DELIVERY, WISH
from listener.store.connect import acquired
from listener.store.conversations import Event, tell
from listener.store.source_views import LOOK_BACK

STOPPED = "stopped by a person; it goes on where it was when somebody asks for it"
"""The problem of a gap that a person no longer wants filled."""

STILL = timedelta(hours=1)
"""Whoever looks back again within it means the same look."""

# Whose stream it is stands at the end of its key: the account's id. A stream of no account is everybody's.
_STREAM = """
WITH theirs AS (
    SELECT brand_id FROM accounts WHERE source = split_part($1, '/', 1) AND right($1, length(external_id) + 1) = '/' || external_id
)
SELECT s.id, s.wanted, s.state,
       NOT EXISTS (SELECT FROM theirs) OR EXISTS (SELECT FROM theirs WHERE brand_id = $2) AS seen
FROM sources AS s WHERE s.key = $1 FOR UPDATE OF s
"""

_WANT = """
UPDATE sources SET wanted = $2, wanted_by = $3, wanted_at = $4, state = CASE WHEN $2 = '' AND state = 'stopped' THEN 'waiting' ELSE state END
WHERE id = $1
"""

_GAP = "SELECT g.state, s.key FROM gaps AS g JOIN sources AS s ON s.id = g.source_id WHERE g.id = $1"

_ASK_FILL = """
UPDATE gaps SET state = 'asked', problem = '', tries = 0, next_at = NULL, asked_by = $2
WHERE id = $1 AND state IN ('open', 'asked', 'lost', 'failed')
"""

_STOP = "UPDATE gaps SET state = 'failed', problem = $2, next_at = NULL WHERE id = $1 AND state IN ('open', 'asked')"

# One that was stopped, or that goes on, lately begun and reaching as far back.
_EARLIER = """
SELECT id FROM gaps
WHERE source_id = $1 AND cause = $2 AND topic = $5 AND state IN ('asked', 'failed') AND start_at <= $3 AND end_at >= $4
ORDER BY start_at DESC, id DESC LIMIT 1
"""

_LOOK_BACK = """
INSERT INTO gaps AS g (source_id, start_at, end_at, cause, state, noted_at, asked_by, topic)
VALUES ($1, $2, $3, $4, 'asked', $3, $5, $6)
ON CONFLICT (source_id, start_at, cause, topic) DO UPDATE SET state = 'asked', end_at = greatest(g.end_at, excluded.end_at),
    problem = '', tries = 0, next_at = NULL, rest_start = NULL, rest_end = NULL, asked_by = excluded.asked_by
RETURNING id
"""

_AGAIN = """
WITH asked AS (
    UPDATE rejects SET asked_at = $3 WHERE source_id = $1 AND ($2::text IS NULL OR reason = $2) RETURNING 1
)
SELECT count(*) FROM asked
"""

_REPLAY = """
WITH again AS (
    UPDATE deliveries SET state = 'waiting', tries = tries + 1, problem = '', about = '{}', keep_until = NULL
    WHERE hook = $1 AND received_at >= $2 AND received_at < $3 AND packed IS NOT NULL AND state <> 'waiting' RETURNING 1
)
SELECT count(*) FROM again
"""

_RING = "SELECT pg_notify('hubbub', $1)"


async def pause(pool: asyncpg.Pool, person_id: int, brand_id: int, key: str, now: datetime) -> bool:
    """The stream is closed within a second and keeps its bookmark; False: it is paused already. Refused: who may not, or no such stream."""
    return await _want(pool, person_id, brand_id, key, "paused", "source.paused", now)


async def resume(pool: asyncpg.Pool, person_id: int, brand_id: int, key: str, now: datetime) -> bool:
    """The stream goes on from its bookmark, and one that stopped is tried again; False: it runs. Refused as `pause`."""
    return await _want(pool, person_id, brand_id, key, "", "source.resumed", now)


async def fill(pool: asyncpg.Pool, person_id: int, brand_id: int, gap_id: int, now: datetime) -> None:
    """A gap is to be filled, also one that was given up; one that was cut goes on. Refused: who may not, no such gap, or it is filled."""
    async with acquired(pool) as connection, connection.transaction():
        key = await _gap(connection, person_id, brand_id, gap_id)
        if (await connection.execute(_ASK_FILL, gap_id, person_id)).endswith(" 0"):
            raise Refused(
                "it is filled already", where=f"gap {gap_id}", hint="there is nothing left to do", code="no_gap"
            )
        await _told(connection, brand_id, person_id, "gap.asked", {"source": key, "gap": gap_id}, now)
        await connection.execute(_RING, WISH + key)


async def stop_filling(pool: asyncpg.Pool, person_id: int, brand_id: int, gap_id: int, now: datetime) -> bool:
    """A gap is not to be filled any more; what was brought stays, and `fill` goes on. False: it was over. Refused as `fill`."""
    async with acquired(pool) as connection, connection.transaction():
        key = await _gap(connection, person_id, brand_id, gap_id)
        if (await connection.execute(_STOP, gap_id, STOPPED)).endswith(" 0"):
            return False
        await _told(connection, brand_id, person_id, "gap.stopped", {"source": key, "gap": gap_id}, now)
    return True


async def look_back(
    pool: asyncpg.Pool, person_id: int, brand_id: int, key: str, start: datetime, now: datetime, *, topic: str = ""
) -> int:
    """What a stream would have brought since then is to be fetched, as a gap; its id. With a topic: what the network's search finds of it.
    One that goes on, or was stopped, and reaches as far back goes on instead. Refused as `pause`.
    """
    async with acquired(pool) as connection, connection.transaction():
        stream = await _stream(connection, person_id, brand_id, key)
        if stream["wanted"] == "paused":
            raise Refused(
                "it is paused, so nothing is fetched", where=key, hint=f"hubbub sources resume {key}", code="paused"
            )
        found = await connection.fetchval(_EARLIER, stream["id"], LOOK_BACK, start, now - STILL, topic)
        if found is not None:
            await connection.execute(_ASK_FILL, found, person_id)
        else:
            found = await connection.fetchval(_LOOK_BACK, stream["id"], start, now, LOOK_BACK, person_id, topic)
        await _told(connection, brand_id, person_id, "gap.asked", {"source": key, "gap": found}, now)
        await connection.execute(_RING, WISH + key)
    return int(found)


async def read_again(
    pool: asyncpg.Pool, person_id: int, brand_id: int, key: str, reason: str | None, now: datetime
) -> int:
    """Rejects of a stream are to be read again by the converters of now, of one reason or all (None); how many. Refused as `pause`."""
    async with acquired(pool) as connection, connection.transaction():
        stream = await _stream(connection, person_id, brand_id, key)
        n = int(await connection.fetchval(_AGAIN, stream["id"], reason, now))
        if n:
            await _told(connection, brand_id, person_id, "rejects.asked", {"source": key, "rejects": n}, now)
            await connection.execute(_RING, WISH + key)
    return n


async def replay(
    pool: asyncpg.Pool, person_id: int, brand_id: int, key: str, since: datetime, until: datetime, now: datetime
) -> int:
    """Deliveries to a webhook, received from `since` to before `until`, are to be read again as far as their bytes are still there; how
    many. What is held already stays as it is. Refused as `pause`.
    """
    async with acquired(pool) as connection, connection.transaction():
        await _stream(connection, person_id, brand_id, key)
        n = int(await connection.fetchval(_REPLAY, key, since, until))
        if n:
            await _told(connection, brand_id, person_id, "deliveries.replayed", {"source": key, "deliveries": n}, now)
            await connection.execute(_RING, DELIVERY + key)
    return n


async def _want(
    pool: asyncpg.Pool, person_id: int, brand_id: int, key: str, what: str, kind: str, now: datetime
) -> bool:
    async with acquired(pool) as connection, connection.transaction():
        stream = await _stream(connection, person_id, brand_id, key)
        if stream["wanted"] == what and (what or stream["state"] != "stopped"):
            return False
        await connection.execute(_WANT, stream["id"], what, person_id, now)
        await _told(connection, brand_id, person_id, kind, {"source": key}, now)
        await connection.execute(_RING, WISH + key)
    return True


async def _gap(connection: asyncpg.Connection, person_id: int, brand_id: int, gap_id: int) -> str:
    """The key of the stream that a gap is in."""
    await _may_run(connection, person_id, brand_id)
    row = await connection.fetchrow(_GAP, gap_id)
    if row is None:
        raise Refused(
            "there is no such gap", where=f"gap {gap_id}", hint="hubbub sources gaps lists them", code="no_gap"
        )
    await _stream(connection, person_id, brand_id, row["key"])
    return str(row["key"])


async def _stream(connection: asyncpg.Connection, person_id: int, brand_id: int, key: str) -> Any:
    await _may_run(connection, person_id, brand_id)
    row = await connection.fetchrow(_STREAM, key, brand_id)
    if row is None or not row["seen"]:
        raise Refused(
            "no such stream ever ran here", where=key, hint="hubbub sources lists those that did", code="no_source"
        )
    return row


async def _may_run(connection: asyncpg.Connection, person_id: int, brand_id: int) -> None:
    await may_act(connection, person_id, brand_id)
    if (await who(connection, person_id)).roles.get(brand_id) not in APPROVERS:
        raise Refused("only a lead or an admin does this to sources", hint="ask one of them", code="not_a_lead")


async def _told(
    connection: asyncpg.Connection, brand_id: int, person_id: int, kind: str, after: dict[str, Any], now: datetime
) -> None:
    await tell(connection, [Event(brand_id, kind, person_id=person_id, after=after)], now)
