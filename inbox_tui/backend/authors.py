"""What the inbox may ask and do about authors: their card, their past with the brand, mute and unmute, a note."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from inbox_tui.backend import Done, Place
    from listener.store.views.authors import Author, Mutable, PastRow


class AuthorsBackend(Protocol):
    """The authors' part of `Backend`."""

    async def author(self, author_id: int) -> Author | None:
        """The card; None: the brand has had nothing to do with them."""
        ...

    async def past(
        self, author_id: int, *, before: Place | None = None, after: Place | None = None, limit: int
    ) -> Sequence[PastRow]:
        """Conversations with the author, the newest word first, older than `before` or newer than `after`."""
        ...

    async def mutable(
        self, *, author_ids: Sequence[int] = (), conversation_ids: Sequence[int] = ()
    ) -> Sequence[Mutable]:
        """These authors and those of these conversations: whether they are muted, and what a mute would close."""
        ...

    async def mute(self, author_ids: Sequence[int], now: datetime) -> Done:
        """Let nothing that they write open or move anything here, and close what of theirs is not done. Raises `Refused`."""
        ...

    async def unmute(self, author_ids: Sequence[int], now: datetime) -> Done:
        """Let them come in again; nothing comes back by it. Raises `Refused`."""
        ...

    async def note_author(self, author_id: int, body: str, now: datetime) -> Done:
        """Write a note on an author. Raises `Refused`."""
        ...
