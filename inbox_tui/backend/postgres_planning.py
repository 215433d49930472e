"""Planned replies on the real store; adds nothing to what the store says."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from listener.store import outbox

if TYPE_CHECKING:
    from listener.model.people import Person


class PostgresPlanning:
    """`PlanningBackend` as one person."""

    __slots__ = ()

    if TYPE_CHECKING:
        pool: Any
        me: Person

    async def plan(self, outbox_id: int, planned: datetime | None, now: datetime) -> None:
        """Another time for it."""
        await outbox.plan(self.pool, outbox_id, self.me.id, planned, now)
