"""Pictures beside drafts in the store. One part of `PostgresBackend`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from listener.store import attachments

if TYPE_CHECKING:
    from listener.model.people import Person
    from listener.pictures import Picture
    from listener.store.views.approvals import AttachedRow


class PostgresPictures:
    """`PicturesBackend` on the real store."""

    __slots__ = ()
    pool: Any
    me: Person

    async def attached(self, conversation_id: int) -> Sequence[AttachedRow]:
        """This person's."""
        return await attachments.of_draft(self.pool, self.me.id, conversation_id)

    async def attach(
        self, conversation_id: int, name: str, picture: Picture, alt: str, now: datetime, option: int = 1
    ) -> None:
        """Lay one beside the draft."""
        await attachments.attach(self.pool, self.me.id, conversation_id, name, picture, alt, now, option)

    async def describe(self, attachment_id: int, alt: str) -> None:
        """Say anew what can be seen on it."""
        await attachments.describe(self.pool, self.me.id, attachment_id, alt)

    async def picture(self, attachment_id: int) -> tuple[str, str, bytes]:
        """To look at."""
        return await attachments.content(self.pool, self.me.id, attachment_id)

    async def detach(self, conversation_id: int, attachment_id: int | None = None) -> None:
        """Take one off, or all."""
        await attachments.drop(self.pool, self.me.id, conversation_id, attachment_id)
