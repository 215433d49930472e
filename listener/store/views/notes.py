"""What is shown of private notes of the staff. Refuses notes of hand-overs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Note:
    """A private note of the staff."""

    id: int
    person: str
    body: str
    at: datetime


@dataclass(frozen=True, slots=True)
class NoteToMe:
    """A note that asks somebody who has not seen it."""

    note_id: int
    conversation_id: int
    person: str
    """Who asks."""
    body: str
    at: datetime
    author_handle: str
    author_name: str
