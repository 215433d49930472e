"""Brands, accounts and people: what the operator's settings name, as rows. Owns making them and finding them again.

Nothing in here deletes: a name that is gone from the settings keeps its rows, because history points at them.
Refuses secrets: an account's password or key never comes near a row.
"""

from __future__ import annotations

import asyncpg

from listener.errors import FixMe
from listener.model.accounts import Account
from listener.model.people import Person, Role
from listener.store.connect import acquired

_ENSURE_BRAND = """
INSERT INTO brands (key, name, zone) VALUES ($1, $2, $3)
ON CONFLICT (key) DO UPDATE SET name = excluded.name, zone = excluded.zone
RETURNING id
"""

_BRANDS = "SELECT id, key, name FROM brands ORDER BY id"

_ENSURE_ACCOUNT = """
INSERT INTO accounts AS a (brand_id, source, space, external_id, handle) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (brand_id, space, external_id) DO UPDATE SET source = excluded.source, handle = excluded.handle
RETURNING id, brand_id, source, space, external_id, handle
"""

_ACCOUNTS = "SELECT id, brand_id, source, space, external_id, handle FROM accounts ORDER BY id"

_ACCOUNT_STATE = "UPDATE accounts SET state = $2, problem = $3 WHERE id = $1 AND (state, problem) <> ($2, $3)"

_ENSURE_PERSON = """
WITH person AS (
    INSERT INTO people AS p (login, name) VALUES ($1, $2)
    ON CONFLICT (login) DO UPDATE SET name = excluded.name
    RETURNING id, login, name
), member AS (
    INSERT INTO memberships AS m (person_id, brand_id, role) SELECT id, $3, $4 FROM person
    ON CONFLICT (person_id, brand_id) DO UPDATE SET role = excluded.role
)
SELECT id, login, name FROM person
"""

_PEOPLE = """
SELECT p.id, p.login, p.name FROM people p JOIN memberships m ON m.person_id = p.id WHERE m.brand_id = $1 ORDER BY p.name, p.id
"""

_MAY_ACT = """
SELECT p.login FROM people AS p JOIN memberships AS m ON m.person_id = p.id
WHERE m.brand_id = $1 AND m.role IN ('responder', 'lead', 'admin') ORDER BY p.login
"""

_ROLE = "SELECT role FROM memberships WHERE person_id = $1 AND brand_id = $2"


async def ensure_brand(pool: asyncpg.Pool, key: str, name: str, zone: str = "UTC") -> int:
    """The brand's id; made, or brought up to this name and time zone."""
    async with acquired(pool) as connection:
        return int(await connection.fetchval(_ENSURE_BRAND, key, name, zone))


async def brands(pool: asyncpg.Pool) -> list[tuple[int, str, str]]:
    """All brands as (id, key, name), the oldest first."""
    async with acquired(pool) as connection:
        return [(row["id"], row["key"], row["name"]) for row in await connection.fetch(_BRANDS)]


async def ensure_account(
    pool: asyncpg.Pool, brand_id: int, source: str, space: str, external_id: str, handle: str
) -> Account:
    """The account with that id on the network; made, or brought up to this handle (a handle may change, an id may not)."""
    if not external_id:
        raise FixMe("an account needs the network's own id", where=f"{source} {handle}")
    async with acquired(pool) as connection:
        return _account(await connection.fetchrow(_ENSURE_ACCOUNT, brand_id, source, space, external_id, handle))


async def accounts(pool: asyncpg.Pool) -> list[Account]:
    """All accounts of all brands."""
    async with acquired(pool) as connection:
        return [_account(row) for row in await connection.fetch(_ACCOUNTS)]


async def account_state(pool: asyncpg.Pool, account_id: int, state: str, problem: str = "") -> None:
    """Notes whether the account can be used: `unknown`, `ready`, or `stopped` with the network's error and what to do."""
    async with acquired(pool) as connection:
        await connection.execute(_ACCOUNT_STATE, account_id, state, problem)


async def ensure_person(pool: asyncpg.Pool, login: str, name: str, brand_id: int, role: Role) -> Person:
    """The person with that login and that role for the brand; made, or brought up to it."""
    async with acquired(pool) as connection:
        return _person(await connection.fetchrow(_ENSURE_PERSON, login, name, brand_id, role.value))


async def people(pool: asyncpg.Pool, brand_id: int) -> list[Person]:
    """Who works for the brand, by name."""
    async with acquired(pool) as connection:
        return [_person(row) for row in await connection.fetch(_PEOPLE, brand_id)]


async def who_may_act(pool: asyncpg.Pool, brand_id: int) -> list[str]:
    """Logins of those who may do more for the brand than look."""
    async with acquired(pool) as connection:
        return [row["login"] for row in await connection.fetch(_MAY_ACT, brand_id)]


async def role(pool: asyncpg.Pool, person_id: int, brand_id: int) -> Role | None:
    """What the person may do for the brand; None: nothing, not even look."""
    async with acquired(pool) as connection:
        found = await connection.fetchval(_ROLE, person_id, brand_id)
    return None if found is None else Role(found)


def _account(row: asyncpg.Record) -> Account:
    return Account(**dict(row))


def _person(row: asyncpg.Record) -> Person:
    return Person(**dict(row))
