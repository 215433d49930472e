"""What each account can do on its network, as its source says. Owns the table by which the inbox, which knows no source, shows its keys.

Published by the listener at its start and at every login, so it is as old as the program that listens; the reasons are its words.
"""

from __future__ import annotations

from collections.abc import Mapping

import asyncpg

from listener.model.accounts import Capability
from listener.store.connect import acquired

_PUBLISH = """
INSERT INTO account_capabilities AS c (account_id, capability, reason)
SELECT $1, capability, reason FROM unnest($2::text[], $3::text[]) AS n(capability, reason)
ON CONFLICT (account_id, capability) DO UPDATE SET reason = excluded.reason WHERE c.reason <> excluded.reason
"""

_FORGET = "DELETE FROM account_capabilities WHERE account_id = $1 AND capability <> ALL ($2::text[])"

_OF_ACCOUNT = "SELECT capability, reason FROM account_capabilities WHERE account_id = $1"


async def publish(pool: asyncpg.Pool, account_id: int, capabilities: Mapping[Capability, str]) -> None:
    """What the account can do from now on: '' for each that it can, else why not."""
    names = [one.value for one in capabilities]
    async with acquired(pool) as connection, connection.transaction():
        await connection.execute(_PUBLISH, account_id, names, list(capabilities.values()))
        await connection.execute(_FORGET, account_id, names)


async def of_account(connection: asyncpg.Connection, account_id: int) -> dict[Capability, str]:
    """As last published. What is missing, nobody has said yet."""
    return known({row["capability"]: row["reason"] for row in await connection.fetch(_OF_ACCOUNT, account_id)})


def known(rows: Mapping[str, str]) -> dict[Capability, str]:
    """Those that this version knows; a newer listener may have said more."""
    return {one: rows[one.value] for one in Capability if one.value in rows}
