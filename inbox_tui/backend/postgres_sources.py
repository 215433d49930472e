"""Sources, asked of the store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from listener.store import source_acts, source_health

if TYPE_CHECKING:
    from listener.model.people import Person
    from listener.store.source_views import SourceState


class PostgresSources:
    """`SourcesBackend` on the real store: the part of `PostgresBackend` that knows sources."""

    pool: Any
    brand_id: int
    me: Person

    async def sources_now(self, now: datetime) -> Sequence[SourceState]:
        """What the brand sees."""
        return [one for one in await source_health.everything(self.pool, now) if one.is_for(self.brand_id)]

    async def sources_stopped(self) -> Sequence[str]:
        """Of the brand, and everybody's."""
        return await source_health.stopped(self.pool, self.brand_id)

    async def pause_source(self, key: str, now: datetime) -> bool:
        """With who and when."""
        return await source_acts.pause(self.pool, self.me.id, self.brand_id, key, now)

    async def resume_source(self, key: str, now: datetime) -> bool:
        """With who and when."""
        return await source_acts.resume(self.pool, self.me.id, self.brand_id, key, now)

    async def fill_gap(self, gap_id: int, now: datetime) -> None:
        """With who and when."""
        await source_acts.fill(self.pool, self.me.id, self.brand_id, gap_id, now)

    async def read_rejects_again(self, key: str, now: datetime) -> int:
        """Of every reason."""
        return await source_acts.read_again(self.pool, self.me.id, self.brand_id, key, None, now)
