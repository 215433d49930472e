"""Approvals on the real store; adds nothing to what the store says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from listener.store import approvals
from listener.store import people as staff
from listener.store.acts import rights

if TYPE_CHECKING:
    from listener.model.people import Person
    from listener.store.views.approvals import ApprovalRow
    from listener.store.views.thread import Opened, OutboxRow


class PostgresApproving:
    """`ApprovingBackend` for one brand as one person."""

    __slots__ = ()

    if TYPE_CHECKING:
        pool: Any
        brand_id: int
        me: Person

    async def needs_approval(self, account_id: int) -> bool:
        """By the rules in force."""
        return await approvals.needed(self.pool, self.me.id, self.brand_id, account_id)

    async def may_approve(self) -> bool:
        """Leads and admins, as things are now."""
        return await staff.role(self.pool, self.me.id, self.brand_id) in rights.APPROVERS

    async def ask_approval(
        self,
        opened: Opened,
        parent_mention_id: int,
        body: str,
        *,
        private: bool,
        fence: int,
        close_after: bool,
        planned: datetime | None,
        now: datetime,
        options: Sequence[str] = (),
    ) -> ApprovalRow:
        """Submit it, in the language that it answers."""
        return await approvals.ask(
            self.pool,
            self.me.id,
            opened.conversation.id,
            opened.account_id,
            parent_mention_id,
            body,
            visibility="private" if private else "public",
            lang=next((m.lang for m in opened.thread if m.id == parent_mention_id), ""),
            fence=fence,
            close_after=close_after,
            planned=planned,
            now=now,
            options=options,
        )

    async def approve(
        self,
        approval_id: int,
        now: datetime,
        *,
        fence: int,
        hold_seconds: float,
        body: str | None = None,
        moved: bool = False,
        option: int = 1,
        alts: Mapping[int, str] | None = None,
    ) -> OutboxRow:
        """Let it go."""
        return await approvals.approve(
            self.pool,
            approval_id,
            self.me.id,
            fence=fence,
            hold_seconds=hold_seconds,
            now=now,
            body=body,
            moved=moved,
            option=option,
            alts=alts,
        )

    async def reject(self, approval_id: int, note: str, now: datetime) -> None:
        """Send it back."""
        await approvals.reject(self.pool, approval_id, self.me.id, note, now)

    async def take_back_asked(self, approval_id: int, now: datetime) -> str:
        """Take one's own back."""
        return await approvals.take_back(self.pool, approval_id, self.me.id, now)

    async def reconsider(self, approval_id: int, now: datetime) -> None:
        """Take one's own decision back."""
        await approvals.reconsider(self.pool, approval_id, self.me.id, now)
