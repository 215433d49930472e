"""When somebody is told too much at once: one digest instead of many pages. Owns that limit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

MOST = 8
"""Pages that one person gets by one receiver,"""
WITHIN = timedelta(minutes=10)
"""within this time. What comes then is told together."""


def too_much(pages: Sequence[datetime], now: datetime) -> bool:
    """Whether another page is one too many, after pages at these times."""
    return sum(now - WITHIN < at <= now for at in pages) >= MOST


def digest_at(digests: Sequence[datetime], now: datetime) -> datetime:
    """When the next digest leaves: at once, but not sooner after the last one than the limit's time."""
    return max(now, max(digests) + WITHIN) if digests else now
