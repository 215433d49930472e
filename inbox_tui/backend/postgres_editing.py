"""Edits of what was sent, by the real store."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from listener.model.leaving import Doing
from listener.store import network_acts

if TYPE_CHECKING:
    from listener.model.people import Person
    from listener.store.views.thread import ActRow, Opened, Rewording


class PostgresEditing:
    """`EditingBackend` on the store; a part of `PostgresBackend`."""

    __slots__ = ()
    pool: Any
    brand_id: int
    me: Person

    async def editable(self, mention_id: int) -> Rewording | None:
        """As it was typed last."""
        return await network_acts.editable(self.pool, self.brand_id, mention_id)

    async def edit_reply(
        self, opened: Opened, mention_id: int, edit: Rewording, *, hold_seconds: float, now: datetime
    ) -> ActRow:
        """Ask for it, as the account that wrote it."""
        return await network_acts.queue(
            self.pool, self.me.id, opened.conversation.id, mention_id, Doing.EDIT, account_id=opened.account_id,
            hold_seconds=hold_seconds, now=now, edit=edit,
        )  # fmt: skip
