"""Approvals in memory, with the store's refusals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from listener.errors import Refused
from listener.model import ApprovalState, Conversation, Person
from listener.store.views import ApprovalRow, Opened, OutboxRow


class FakeApproving:
    """`ApprovingBackend` in memory. `needs`: what is written here has to be approved; `approves`: who looks may approve."""

    if TYPE_CHECKING:
        me: Person
        staff: list[Person]
        talk: Callable[..., Any]
        put: Callable[..., OutboxRow]
        ring: Callable[..., None]
        clock: Any
        _called: Callable[..., Any]
        withdraw: Callable[..., Any]

    def no_approvals(self) -> None:
        self.needs, self.approves = False, False
        self.submitted: dict[int, list[ApprovalRow]] = {}

    def approval_of(self, c: Conversation) -> ApprovalState | None:
        last = self.submitted[c.id][-1] if self.submitted.get(c.id) else None
        if last is None or last.state not in (ApprovalState.WAITING, ApprovalState.REJECTED):
            return None
        return last.state if last.state is ApprovalState.WAITING or last.fence == c.thread_version else None

    @property
    def to_approve(self) -> int:
        return sum(row.state is ApprovalState.WAITING for rows in self.submitted.values() for row in rows)

    async def needs_approval(self, account_id: int) -> bool:
        await self._called("needs_approval")
        return self.needs

    async def may_approve(self) -> bool:
        await self._called("may_approve")
        return self.approves

    async def ask_approval(
        self, opened: Opened, parent_mention_id: int, body: str, *, private: bool, fence: int, close_after: bool,
        planned: datetime | None, now: datetime,
    ) -> ApprovalRow:  # fmt: skip
        await self._called("ask_approval")
        if self.talk(opened.conversation.id).conversation.thread_version != fence:
            raise Refused("the thread has changed meanwhile", code="thread_moved")
        return self.ask_as(self.me, opened.conversation.id, body, parent_mention_id, planned=planned)

    def ask_as(
        self, person: Person, conversation_id: int, body: str, parent_id: int = 0, *, planned: datetime | None = None
    ) -> ApprovalRow:
        """What anybody asks, seen from the store."""
        talk = self.talk(conversation_id)
        row = ApprovalRow(
            1 + sum(map(len, self.submitted.values())), conversation_id, ApprovalState.WAITING, body, "", talk.account_handle,
            parent_id or talk.thread[-1].id, False, False, planned, person.name, person.id, talk.conversation.thread_version, "",
            self.clock(), "", None, None,
        )  # fmt: skip
        self.submitted.setdefault(conversation_id, []).append(row)
        self.ring(conversation_id)
        return row

    def decide_as(self, person: Person, approval_id: int, state: ApprovalState, **more: object) -> ApprovalRow:
        """What anybody decides, seen from the store."""
        rows, i = next((rows, i) for rows in self.submitted.values() for i, r in enumerate(rows) if r.id == approval_id)
        if rows[i].state is not ApprovalState.WAITING and state is not ApprovalState.WAITING:
            raise Refused(f"too late: {rows[i].decided_by} has approved it", code="decided")
        was, rows[i] = rows[i], replace(rows[i], state=state, decided_by=person.name, decided_at=self.clock(), **more)  # type: ignore[arg-type]
        self.ring(was.conversation_id)
        return was

    async def approve(
        self, approval_id: int, now: datetime, *, fence: int, hold_seconds: float, body: str | None = None,
        moved: bool = False,
    ) -> OutboxRow:  # fmt: skip
        await self._called("approve")
        row = next(r for rows in self.submitted.values() for r in rows if r.id == approval_id)
        talk = self.talk(row.conversation_id)
        if talk.conversation.thread_version == fence != row.fence and not moved:
            raise Refused("the thread has changed since this was written", code="superseded")
        if talk.conversation.thread_version != fence:
            raise Refused("the thread has changed since you began to write", code="thread_moved")
        state = ApprovalState.APPROVED if body in (None, row.body) else ApprovalState.CHANGED
        self.decide_as(self.me, approval_id, state, sent=body or row.body)
        writer = next(p for p in self.staff if p.id == row.person_id)
        return self.put(
            talk, writer, body or row.body, private=row.private, hold_seconds=hold_seconds, now=now, planned=row.planned
        )

    async def reject(self, approval_id: int, note: str, now: datetime) -> None:
        await self._called("reject")
        row = self.decide_as(self.me, approval_id, ApprovalState.REJECTED, note=note)
        self.talk(row.conversation_id).drafts[row.person_id] = (row.body, row.fence)

    async def take_back_asked(self, approval_id: int, now: datetime) -> str:
        await self._called("take_back_asked")
        return self.decide_as(self.me, approval_id, ApprovalState.WITHDRAWN).body

    async def reconsider(self, approval_id: int, now: datetime) -> None:
        await self._called("reconsider")
        row = self.decide_as(self.me, approval_id, ApprovalState.WAITING)
        replies = self.talk(row.conversation_id).replies
        if row.state is not ApprovalState.REJECTED and replies:
            await self.withdraw(replies[-1].id, now)
