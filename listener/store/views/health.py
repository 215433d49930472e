"""What status and doctor show of a source, in one row. Refuses its faults, gaps and budgets: they are `listener.store.source_views`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """One source's row for status, doctor and the sources screen."""

    key: str
    state: str
    problem: str
    cursor: str | None
    started_at: datetime | None
    beat_at: datetime | None
    item_at: datetime | None
    heard_at: datetime | None
    heard: int
    stored: int
    rejects: int
    open_gaps: int
