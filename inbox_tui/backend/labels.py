"""What the inbox may ask about labels of one's own. A part of `Backend`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from listener.store.views.labels import Labelled, LabelPair


class LabelsBackend(Protocol):
    """This person's own labels, which nobody else sees. Raises our errors only."""

    async def labels(self) -> Mapping[int, tuple[str, ...]]:
        """All of them, by conversation."""
        ...

    async def label(self, put: Collection[LabelPair], take: Collection[LabelPair], now: datetime) -> Labelled:
        """Put labels on and take others off, all or nothing; what it changed, the other way round, undoes it. Raises `Refused`."""
        ...
