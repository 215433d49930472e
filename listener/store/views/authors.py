"""What is shown of authors: who they are, what a brand has had to do with them, and whether they are muted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from listener.model.work import State
    from listener.store.views.notes import Note


@dataclass(frozen=True, slots=True)
class Mute:
    """That an author is muted, for one brand."""

    person: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Author:
    """One author's card: who they are, as the network told it last, and what a brand has had to do with them."""

    id: int
    space: str
    source: str
    external_id: str
    handle: str
    name: str
    bio: str
    followers: int | None
    posts: int | None
    verified: bool | None
    """These three are None where nobody has asked the network."""
    status: str
    fetched_at: datetime | None
    """When the profile was read from the network."""
    first_at: datetime
    mute: Mute | None
    conversations: int
    """Both stopped at 1,000."""
    answered: int
    """Conversations in which we said something."""
    notes: tuple[Note, ...]
    """The newest 100, the newest first."""


@dataclass(frozen=True, slots=True)
class PastRow:
    """One conversation that a brand has with an author. (`last_at`, `id`) is its place."""

    id: int
    state: State
    opened_at: datetime
    last_at: datetime
    words: str | None
    """The start of the author's first message, at most 280 characters; None: blanked."""
    tags: tuple[str, ...]
    answered: bool


@dataclass(frozen=True, slots=True)
class Mutable:
    """An author whom an act is about: who, whether muted, and how many conversations are not done, by state."""

    id: int
    handle: str
    name: str
    source: str
    mute: Mute | None
    open: int
    snoozed: int
    theirs: int

    @property
    def not_done(self) -> int:
        """What a mute closes."""
        return self.open + self.snoozed + self.theirs
