"""Counts over the whole house, for `status`, the demo's summary and people who doubt. Owns statements that may grow with a table.

No screen uses them: screens read maintained counters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import asyncpg

from listener.store.connect import acquired

# Pages are no affair of who answers people.
_OUTBOX = "SELECT state, count(*) AS n FROM outbox WHERE lane <> 'alert' GROUP BY state"

_WHOLE = """
SELECT (SELECT count(*) FROM mentions WHERE NOT ours) AS mentions,
       (SELECT count(*) FROM mentions WHERE ours) AS ours,
       (SELECT count(*) FROM mentions WHERE state = 'deleted') AS deleted,
       (SELECT count(*) FROM mention_versions WHERE version > 1) AS edits,
       (SELECT count(*) FROM authors) AS authors,
       (SELECT count(DISTINCT (mention_id, brand_id)) FROM flags WHERE NOT shadow) AS flagged,
       (SELECT coalesce(jsonb_object_agg(rule, n), '{}') FROM (SELECT rule, count(*) AS n FROM flags WHERE NOT shadow GROUP BY rule) AS f) AS rules,
       (SELECT coalesce(jsonb_object_agg(tone, n), '{}') FROM (SELECT tone, count(*) AS n FROM assessments GROUP BY tone) AS t) AS tones,
       (SELECT coalesce(jsonb_object_agg(topic, n), '{}') FROM
           (SELECT topic, count(DISTINCT mention_id) AS n FROM hearings WHERE via = 'topic' GROUP BY topic) AS h) AS topics,
       (SELECT coalesce(jsonb_object_agg(state, n), '{}') FROM
           (SELECT state, count(*) AS n FROM conversations WHERE merged_into IS NULL GROUP BY state) AS c) AS conversations,
       (SELECT coalesce(jsonb_object_agg(reason, n), '{}') FROM
           (SELECT reason, sum(seen)::bigint AS n FROM rejects GROUP BY reason) AS r) AS rejects
"""

_SIZE = "SELECT pg_database_size(current_database())"

_SERVER = "SELECT current_setting('server_version')"

_ACCOUNTS = """
SELECT a.id, b.key AS brand, a.source, a.handle, a.state, a.problem FROM accounts AS a JOIN brands AS b ON b.id = a.brand_id ORDER BY a.id
"""


@dataclass(frozen=True, slots=True)
class AccountState:
    """An account of ours, and whether it can be used."""

    id: int
    brand: str
    source: str
    handle: str
    state: str
    problem: str


async def outbox_states(pool: asyncpg.Pool) -> dict[str, int]:
    """How many rows of the outbox are in which state."""
    async with acquired(pool) as connection:
        return {row["state"]: row["n"] for row in await connection.fetch(_OUTBOX)}


async def whole(pool: asyncpg.Pool) -> dict[str, Any]:
    """Everything counted, in one statement and so at one moment."""
    async with acquired(pool) as connection:
        return dict(await connection.fetchrow(_WHOLE))


async def database(pool: asyncpg.Pool) -> tuple[str, int]:
    """The server's version and the database's size in bytes."""
    async with acquired(pool) as connection:
        return str(await connection.fetchval(_SERVER)), int(await connection.fetchval(_SIZE))


async def account_states(pool: asyncpg.Pool) -> list[AccountState]:
    """All accounts, with what a person must do about those that are stopped."""
    async with acquired(pool) as connection:
        return [AccountState(**dict(row)) for row in await connection.fetch(_ACCOUNTS)]


_MESSAGES = """
SELECT m.external_id, m.version, m.state = 'deleted' AS deleted, v.text
FROM mentions AS m LEFT JOIN mention_versions AS v ON v.mention_id = m.id AND v.version = m.version
WHERE m.external_id = ANY($1::text[])
"""


@dataclass(frozen=True, slots=True)
class Held:
    """A message as we hold it now."""

    external_id: str
    version: int
    deleted: bool
    text: str | None


async def messages(pool: asyncpg.Pool, external_ids: list[str]) -> dict[str, Held]:
    """Those of these messages that we hold."""
    async with acquired(pool) as connection:
        rows = await connection.fetch(_MESSAGES, external_ids)
    return {row["external_id"]: Held(**dict(row)) for row in rows}
