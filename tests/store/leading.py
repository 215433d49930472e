"""Somebody who may do to sources whatever people do to them, by the acts that the program has for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Concatenate, ParamSpec, TypeVar

import asyncpg

from listener.model.people import Role
from listener.store import people

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Lead:
    """A lead of a brand."""

    pool: asyncpg.Pool
    person_id: int
    brand_id: int

    @classmethod
    async def of(cls, pool: asyncpg.Pool, brand_id: int | None = None) -> Lead:
        """Of a brand; None: of the hall's, which is made where it is missing."""
        brand_id = brand_id or await people.ensure_brand(pool, "lark", "Lark", "UTC")
        return cls(pool, (await people.ensure_person(pool, "lea", "Lea", brand_id, Role.LEAD)).id, brand_id)

    async def does(
        self, act: Callable[Concatenate[asyncpg.Pool, int, int, P], Awaitable[T]], *what: P.args, **more: P.kwargs
    ) -> T:
        """One of `source_acts`."""
        return await act(self.pool, self.person_id, self.brand_id, *what, **more)
