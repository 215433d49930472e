"""When somebody is told too much at once: one digest instead of many pages. Owns that limit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

MOST = 8
"""Pages that one person gets by one receiver,"""
WITHIN = timedelta(minutes=10)
"""within this time. What comes then is told together."""
CRITICAL = timedelta(minutes=1)
"""Between two digests, when something critical is in the next."""


def too_much(pages: Sequence[datetime], now: datetime) -> bool:
    """Whether another page is one too many, after pages at these times."""
    return sum(now - WITHIN < at <= now for at in pages) >= MOST


def digest_at(digests: Sequence[datetime], now: datetime, *, critical: bool = False) -> datetime:
    """When the next digest leaves, after digests that left at these times: at once, but not sooner after the last one than the limit's time;
    what is critical does not wait so long.
    """
    between = CRITICAL if critical else WITHIN
    return max(now, max(digests) + between) if digests else now
