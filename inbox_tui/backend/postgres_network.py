"""Acts on the network, by the real store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from listener.store import network_acts

if TYPE_CHECKING:
    from listener.model.leaving import Doing
    from listener.model.people import Person
    from listener.store.views.thread import ActRow, Opened


class PostgresNetwork:
    """`NetworkBackend` on the store; a part of `PostgresBackend`."""

    __slots__ = ()
    pool: Any
    brand_id: int
    me: Person

    async def act_on_network(
        self, opened: Opened, mention_id: int, what: Doing, *, hold_seconds: float, now: datetime
    ) -> ActRow:
        """Ask for it, as the account by which the conversation is answered where the message does not say which."""
        return await network_acts.queue(
            self.pool,
            self.me.id,
            opened.conversation.id,
            mention_id,
            what,
            account_id=opened.account_id,
            hold_seconds=hold_seconds,
            now=now,
        )

    async def network_act(self, outbox_id: int) -> ActRow | None:
        """One act as it is now."""
        return await network_acts.row(self.pool, outbox_id)

    async def blocks_of(self, author_id: int) -> Sequence[ActRow]:
        """Blocks of an author."""
        return await network_acts.blocks_of(self.pool, self.brand_id, author_id)

    async def withdraw_act(self, outbox_id: int, now: datetime) -> None:
        """Take an act back."""
        await network_acts.withdraw(self.pool, outbox_id, self.me.id, now)

    async def retry_act(self, outbox_id: int, now: datetime) -> None:
        """Once more."""
        await network_acts.retry(self.pool, outbox_id, self.me.id, now)
