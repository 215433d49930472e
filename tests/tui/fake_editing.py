"""Edits of what was sent, in memory: every message of ours was sent from here, unless a test says otherwise."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from listener.model.leaving import Doing
from listener.store.views.thread import ActRow, Opened, Rewording

if TYPE_CHECKING:
    from tests.tui.fake import FakeBackend


class FakeEditing:
    """What is asked to be edited."""

    def __init__(self) -> None:
        super().__init__()
        self.edits: list[tuple[int, Rewording]] = []
        self.typed: dict[int, str] = {}
        """By message: what was typed for it. Others were not sent from here."""

    async def editable(self: FakeBackend, mention_id: int) -> Rewording | None:
        await self._called("editable")
        body = self.typed.get(mention_id)
        return None if body is None else Rewording(body, f"content of {mention_id}")

    async def edit_reply(
        self: FakeBackend, opened: Opened, mention_id: int, edit: Rewording, *, hold_seconds: float, now: datetime
    ) -> ActRow:
        await self._called("edit_reply")
        row = await self.act_on_network(opened, mention_id, Doing.EDIT, hold_seconds=hold_seconds, now=now)
        self.edits.append((mention_id, edit))
        return row
