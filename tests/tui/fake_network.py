"""The network's part of the backend in memory: acts wait, can be taken back, and a test says what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from listener.errors import Refused
from listener.model.accounts import Capability
from listener.model.leaving import Doing, OutboxState
from listener.store.views.changed import Changed
from listener.store.views.thread import ActRow, Opened

if TYPE_CHECKING:
    from tests.tui.fake import FakeBackend

EVERYTHING: Mapping[Capability, str] = dict.fromkeys(Capability, "")


class FakeNetwork:
    """Acts on the network, in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.can: Mapping[Capability, str] = {
            **EVERYTHING,
            Capability.REMOVE: "only its author can delete it",
            Capability.PRIVATE_REPLY: "private messages are not part of what we read there",
        }
        self.network: list[ActRow] = []
        self.private_drafts: dict[int, bool] = {}

    def acts_around(self: FakeBackend, mention_ids: set[int], author_id: int) -> tuple[ActRow, ...]:
        blocks = (Doing.BLOCK, Doing.UNBLOCK)
        return tuple(
            one
            for one in self.network
            if (one.author_id == author_id if one.what in blocks else one.mention_id in mention_ids)
        )

    async def act_on_network(
        self: FakeBackend,
        opened: Opened,
        mention_id: int,
        what: Doing,
        *,
        hold_seconds: float,
        now: datetime,
    ) -> ActRow:
        await self._called("act_on_network")
        if self.viewer:
            raise Refused("you may look at this brand but not change anything (viewer)")
        row = ActRow(
            1000 + len(self.network), opened.conversation.id, mention_id, opened.author_id, what, OutboxState.QUEUED,
            opened.account_handle, self.me.name, self.me.id, now + timedelta(seconds=hold_seconds), now, now, "", "",
        )  # fmt: skip
        self.network.append(row)
        self.ring(row.conversation_id)
        return row

    async def network_act(self: FakeBackend, outbox_id: int) -> ActRow | None:
        await self._called("network_act")
        return next((one for one in self.network if one.id == outbox_id), None)

    async def blocks_of(self: FakeBackend, author_id: int) -> tuple[ActRow, ...]:
        await self._called("blocks_of")
        return self.acts_around(set(), author_id)

    async def withdraw_act(self: FakeBackend, outbox_id: int, now: datetime) -> None:
        await self._called("withdraw_act")
        row = next(one for one in self.network if one.id == outbox_id)
        if row.state not in (OutboxState.QUEUED, OutboxState.FAILED, OutboxState.STOPPED):
            raise Refused(f"too late: it is {row.state}")
        self.move_act(outbox_id, OutboxState.WITHDRAWN)

    async def retry_act(self: FakeBackend, outbox_id: int, now: datetime) -> None:
        await self._called("retry_act")
        self.move_act(outbox_id, OutboxState.QUEUED, not_before=now)

    def move_act(self: FakeBackend, outbox_id: int, state: OutboxState, **more: Any) -> None:
        """What the deliverer does, seen from the store."""
        at = next(i for i, one in enumerate(self.network) if one.id == outbox_id)
        row = self.network[at] = replace(self.network[at], state=state, changed_at=self.clock(), **more)
        self.queue.put_nowait(
            Changed(frozenset({row.conversation_id}), frozenset(), frozenset({outbox_id}), False, False)
        )
