"""What is shown of answers of the past, for whoever answers something like it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Answered:
    """A message of the past that we answered, for whoever answers one like it."""

    mention_id: int
    question: str
    author_handle: str
    author_name: str
    lang: str
    private: bool
    """It was answered in private, whatever it answers: what is in it may be for its reader alone."""
    answer: str
    at: datetime
    person: str
    """Who of us answered; '' : in the network's own app."""
    closed: bool
    after: str | None
    """What its author wrote next; None: nothing."""
    shared: tuple[str, ...]
    """The words in common by which it was found."""
    times: int
    """How often it was given among what was found."""
