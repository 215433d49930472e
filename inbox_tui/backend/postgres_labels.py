"""Labels of one's own, asked of the store."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from listener.store import labels

if TYPE_CHECKING:
    from listener.model.people import Person
    from listener.store.views.labels import Labelled, LabelPair


class PostgresLabels:
    """`LabelsBackend` on the real store: the part of `PostgresBackend` that knows labels."""

    pool: Any
    brand_id: int
    me: Person

    async def labels(self) -> Mapping[int, tuple[str, ...]]:
        """Of the brand."""
        return await labels.labels(self.pool, self.me.id, self.brand_id)

    async def label(self, put: Collection[LabelPair], take: Collection[LabelPair], now: datetime) -> Labelled:
        """In one transaction."""
        return await labels.label(self.pool, self.me.id, put, take, now)
