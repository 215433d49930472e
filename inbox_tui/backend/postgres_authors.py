"""The authors' part of the backend that asks the store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from inbox_tui.backend import Done, Place
from listener.store import acts, inbox

if TYPE_CHECKING:
    from listener.model.people import Person
    from listener.store.views.authors import Author, Mutable, PastRow


class PostgresAuthors:
    """`AuthorsBackend` on the real store."""

    pool: Any
    brand_id: int
    me: Person

    async def author(self, author_id: int) -> Author | None:
        """The card."""
        return await inbox.author(self.pool, self.brand_id, author_id)

    async def past(
        self, author_id: int, *, before: Place | None = None, after: Place | None = None, limit: int
    ) -> Sequence[PastRow]:
        """A window of the author's conversations."""
        return await inbox.past(self.pool, self.brand_id, author_id, before=before, after=after, limit=limit)

    async def mutable(
        self, *, author_ids: Sequence[int] = (), conversation_ids: Sequence[int] = ()
    ) -> Sequence[Mutable]:
        """What there is to say before a mute."""
        return await inbox.mutable(self.pool, self.brand_id, author_ids=author_ids, conversation_ids=conversation_ids)

    async def mute(self, author_ids: Sequence[int], now: datetime) -> Done:
        """One act."""
        return _done(await acts.mute(self.pool, self.me.id, self.brand_id, author_ids, now))

    async def unmute(self, author_ids: Sequence[int], now: datetime) -> Done:
        """One act."""
        return _done(await acts.unmute(self.pool, self.me.id, self.brand_id, author_ids, now))

    async def note_author(self, author_id: int, body: str, now: datetime) -> Done:
        """One act."""
        return _done(await acts.note_author(self.pool, self.me.id, self.brand_id, author_id, body, now))


def _done(done: acts.Done) -> Done:
    return Done(done.act_id, done.changed, done.refused, done.overtaken, done.authors, done.kept)
