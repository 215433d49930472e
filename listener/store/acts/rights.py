"""Who may act on which brand, send by themselves, and approve. Owns the refusals' words; the roles are rows of `memberships`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import asyncpg

from listener.errors import Refused
from listener.model.people import Role

_ROLES = "SELECT brand_id, role FROM memberships WHERE person_id = $1"

APPROVERS = frozenset({Role.LEAD, Role.ADMIN})
"""They may approve, and never need it."""

_NEEDED = """
SELECT EXISTS (SELECT FROM approval_needs AS n JOIN people AS p ON p.login = n.key WHERE n.kind = 'person' AND p.id = $1)
    OR EXISTS (SELECT FROM approval_needs AS n JOIN accounts AS a ON lower(a.handle) = n.key WHERE n.kind = 'account' AND a.id = $2)
"""


@dataclass(frozen=True, slots=True)
class Who:
    """A person's roles, by brand."""

    person_id: int
    roles: Mapping[int, Role]

    def may_not(self, brand_id: int) -> str:
        """Why the person may not act on the brand; '' : may."""
        role = self.roles.get(brand_id)
        if role is None:
            return "this brand is not yours to work on"
        return "you may look at this brand but not change anything (viewer)" if role is Role.VIEWER else ""


async def who(connection: asyncpg.Connection, person_id: int) -> Who:
    """The person, with all roles."""
    return Who(person_id, {row["brand_id"]: Role(row["role"]) for row in await connection.fetch(_ROLES, person_id)})


async def may_act(connection: asyncpg.Connection, person_id: int, brand_id: int) -> None:
    """Raises Refused unless the person is a responder, lead or admin of the brand."""
    if refusal := (await who(connection, person_id)).may_not(brand_id):
        raise Refused(refusal)


async def needs_approval(connection: asyncpg.Connection, person_id: int, brand_id: int, account_id: int) -> bool:
    """Whether what the person writes as that account goes out only when somebody has approved it, by the rules in force."""
    if (await who(connection, person_id)).roles.get(brand_id) in APPROVERS:
        return False
    return bool(await connection.fetchval(_NEEDED, person_id, account_id))


async def may_send(connection: asyncpg.Connection, person_id: int, brand_id: int, account_id: int) -> None:
    """Raises Refused unless the person may act on the brand, and may answer as the account without being asked about."""
    await may_act(connection, person_id, brand_id)
    if await needs_approval(connection, person_id, brand_id, account_id):
        raise Refused("a lead or an admin approves this first", code="needs_approval", hint="ask for approval")


async def may_approve(connection: asyncpg.Connection, person_id: int, brand_id: int) -> None:
    """Raises Refused unless the person is a lead or an admin of the brand."""
    await may_act(connection, person_id, brand_id)
    if (await who(connection, person_id)).roles.get(brand_id) not in APPROVERS:
        raise Refused("only a lead or an admin approves replies")
