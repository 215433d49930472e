"""What the inbox may ask for on the network beside answering: likes, hides, deletes, blocks, through the outbox."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from listener.model.leaving import Doing
    from listener.store.views.thread import ActRow, Opened


class NetworkBackend(Protocol):
    """Acts on the network. They leave through the outbox, so nothing here waits for a network."""

    async def act_on_network(
        self, opened: Opened, mention_id: int, what: Doing, *, hold_seconds: float, now: datetime
    ) -> ActRow:
        """Ask for it. Raises `Refused` for what the network does not allow, and when it stands so already."""
        ...

    async def network_act(self, outbox_id: int) -> ActRow | None:
        """One act as it is now; None: there is none."""
        ...

    async def blocks_of(self, author_id: int) -> Sequence[ActRow]:
        """The newest blocks of an author by this brand, and their ends, oldest first."""
        ...

    async def withdraw_act(self, outbox_id: int, now: datetime) -> None:
        """Take an act back, or put a failed one aside. Raises `Refused` when it has begun to leave."""
        ...

    async def retry_act(self, outbox_id: int, now: datetime) -> None:
        """Once more, after it failed or was stopped."""
        ...
