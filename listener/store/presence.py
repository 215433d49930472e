"""Who is there: which terminals are open, what their people look at, and who is typing. Owns these leases.

A terminal says where it is when that changes, and again while its heart beats; one that dies is gone when its lease ends. Looking is no
deed: it leaves no event, only a bell, on which others read the table again. Whoever may only look is not shown.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import asyncpg

from listener.store.connect import acquired
from listener.store.feed import CHANNEL, PRESENCE
from listener.store.views.staff import Present

SECONDS = 60.0
"""How long a terminal counts as there without saying so again."""

# A bell only where others would see something else.
_ATTEND = f"""
WITH may AS (
    SELECT person_id, brand_id, (SELECT id FROM conversations WHERE id = $4 AND brand_id = $2) AS conversation_id
    FROM memberships WHERE person_id = $3 AND brand_id = $2 AND role <> 'viewer'
), was AS (
    SELECT conversation_id, typing FROM presences WHERE session = $1 AND until >= $6
), now AS (
    INSERT INTO presences (session, brand_id, person_id, conversation_id, typing, until)
    SELECT $1, brand_id, person_id, conversation_id, $5, $7 FROM may
    ON CONFLICT (session) DO UPDATE SET conversation_id = excluded.conversation_id, typing = excluded.typing, until = excluded.until
    RETURNING brand_id, conversation_id, typing
)
SELECT pg_notify('{CHANNEL}', '{PRESENCE}' || now.brand_id) FROM now LEFT JOIN was ON true
WHERE (was.conversation_id, was.typing) IS DISTINCT FROM (now.conversation_id, now.typing)
"""  # noqa: S608 - constants

_ALL = """
SELECT t.conversation_id, t.person_id, p.name AS person, t.typing, t.until
FROM presences t JOIN people p ON p.id = t.person_id WHERE t.brand_id = $1 AND t.until >= $2
ORDER BY t.typing DESC, p.name, t.person_id
"""

_LEAVE = f"""
WITH gone AS (DELETE FROM presences WHERE session = $1 RETURNING brand_id)
SELECT pg_notify('{CHANNEL}', '{PRESENCE}' || brand_id) FROM gone
"""  # noqa: S608 - constants

_EXPIRE = f"""
WITH gone AS (DELETE FROM presences WHERE until < $1 RETURNING brand_id)
SELECT pg_notify('{CHANNEL}', '{PRESENCE}' || brand_id) FROM (SELECT DISTINCT brand_id FROM gone) AS rung
"""  # noqa: S608 - constants


async def attend(
    pool: asyncpg.Pool,
    session: str,
    brand_id: int,
    person_id: int,
    conversation_id: int | None,
    typing: bool,
    now: datetime,
    seconds: float = SECONDS,
) -> None:
    """This terminal is there for `seconds`, and looks at that; others are told when it is something else than before."""
    async with acquired(pool) as connection:
        values = (session, brand_id, person_id, conversation_id, typing, now, now + timedelta(seconds=seconds))
        await connection.fetch(_ATTEND, *values)


async def present(pool: asyncpg.Pool, brand_id: int, now: datetime) -> list[Present]:
    """The terminals of a brand: those that type first, then by name."""
    async with acquired(pool) as connection:
        return [Present(**dict(row)) for row in await connection.fetch(_ALL, brand_id, now)]


async def leave(pool: asyncpg.Pool, session: str) -> None:
    """This terminal is closed."""
    async with acquired(pool) as connection:
        await connection.fetch(_LEAVE, session)


async def expire(pool: asyncpg.Pool, now: datetime) -> None:
    """Forgets terminals that died, and rings."""
    async with acquired(pool) as connection:
        await connection.fetch(_EXPIRE, now)
