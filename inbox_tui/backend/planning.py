"""What the inbox asks of replies that go out at a planned time."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class PlanningBackend(Protocol):
    """Replies that wait for their time."""

    async def plan(self, outbox_id: int, planned: datetime | None, now: datetime) -> None:
        """Another time for it; None: now. Raises `Refused` when it is on its way."""
        ...
