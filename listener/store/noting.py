"""The staff's own words as they are kept: notes of every sort have some, not too many, and nothing that Postgres refuses."""

from __future__ import annotations

from listener.errors import Refused


def written(body: str, most: int, what: str = "a note", *, hint: str = "") -> str:
    """The words without space around them. Raises Refused when there are none, or more than `most` characters."""
    body = body.strip()
    if not body or len(body) > most or "\0" in body:
        raise Refused(f"{what} has 1 to {most:,} characters", hint=hint)
    return body
