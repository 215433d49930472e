"""Times as commands are given them: how long ago, or when. Refuses a time that nobody can mean."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime, timedelta


def instant(text: str, now: datetime) -> datetime:
    """`now`, an age (90m, 12h, 3d, 2w), a day (2026-11-01, its beginning in UTC) or a time (2026-11-01T09:30Z)."""
    from listener.query.moments import span

    if text == "now":
        return now
    if (seconds := span(text)) is not None:
        try:
            return now - timedelta(seconds=seconds)
        except OverflowError:
            raise ValueError(text) from None
    found = datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def age_or_time(text: str) -> str:
    """The text, once it is known to be a time."""
    try:
        instant(text, datetime.now(UTC))
    except (ValueError, OverflowError):
        what = f"{text[:40]!r} is no time; write an age such as 3d, or 2026-11-01, or 2026-11-01T09:30Z"
        raise argparse.ArgumentTypeError(what) from None
    return text
