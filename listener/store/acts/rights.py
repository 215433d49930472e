"""Who may act on which brand. Owns the refusal's words; the roles themselves are rows of `memberships`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import asyncpg

from listener.errors import Refused
from listener.model import Role

_ROLES = "SELECT brand_id, role FROM memberships WHERE person_id = $1"


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
