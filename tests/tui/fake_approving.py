"""Approvals in memory, with the store's refusals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from listener.errors import Refused
from listener.model.leaving import ApprovalState
from listener.model.people import Person
from listener.model.work import Conversation
from listener.store.views.approvals import ApprovalRow, AttachedRow
from listener.store.views.thread import Opened, OutboxRow


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
        picture_taken: Callable[..., Any]
        picture_given: Callable[..., Any]

    went: Mapping[int, str] | None = None
    """The pictures that went out last, where who approved changed something."""

    def no_approvals(self) -> None:
        self.needs, self.approves = False, False
        self.submitted: dict[int, list[ApprovalRow]] = {}
        self.draft_options: dict[int, tuple[str, ...]] = {}

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
        planned: datetime | None, now: datetime, options: Sequence[str] = (),
    ) -> ApprovalRow:  # fmt: skip
        await self._called("ask_approval")
        if self.talk(opened.conversation.id).conversation.thread_version != fence:
            raise Refused("the thread has changed meanwhile", code="thread_moved")
        id_ = opened.conversation.id
        self.talk(id_).drafts.pop(self.me.id, None)
        return self.ask_as(
            self.me, id_, body, parent_mention_id, planned=planned, options=options, pictures=self.picture_taken(id_)
        )

    def ask_as(
        self, person: Person, conversation_id: int, body: str, parent_id: int = 0, *, planned: datetime | None = None,
        options: Sequence[str] = (), pictures: Sequence[AttachedRow] = (),
    ) -> ApprovalRow:  # fmt: skip
        """What anybody asks, seen from the store."""
        talk = self.talk(conversation_id)
        row = ApprovalRow(
            1 + sum(map(len, self.submitted.values())), conversation_id, ApprovalState.WAITING, body, "", talk.account_handle,
            parent_id or talk.thread[-1].id, False, False, planned, person.name, person.id, talk.conversation.thread_version, "",
            self.clock(), "", None, None, (body, *options) if options else (), 1, tuple(pictures),
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
        moved: bool = False, option: int = 1, alts: Mapping[int, str] | None = None,
    ) -> OutboxRow:  # fmt: skip
        await self._called("approve")
        row = next(r for rows in self.submitted.values() for r in rows if r.id == approval_id)
        talk = self.talk(row.conversation_id)
        if talk.conversation.thread_version == fence != row.fence and not moved:
            raise Refused("the thread has changed since this was written", code="superseded")
        if talk.conversation.thread_version != fence:
            raise Refused("the thread has changed since you began to write", code="thread_moved")
        text = row.texts[option - 1]
        state = ApprovalState.APPROVED if body in (None, text) and alts is None else ApprovalState.CHANGED
        self.went = alts
        self.decide_as(self.me, approval_id, state, sent=body or text, body=text, option=option)
        writer = next(p for p in self.staff if p.id == row.person_id)
        return self.put(
            talk, writer, body or text, private=row.private, hold_seconds=hold_seconds, now=now, planned=row.planned
        )

    def give_back(self, row: ApprovalRow) -> None:
        """A draft again."""
        self.talk(row.conversation_id).drafts[row.person_id] = (row.body, row.fence)
        self.draft_options[row.conversation_id] = row.options[1:]
        self.picture_given(row.conversation_id, row.pictures)

    async def reject(self, approval_id: int, note: str, now: datetime) -> None:
        await self._called("reject")
        self.give_back(self.decide_as(self.me, approval_id, ApprovalState.REJECTED, note=note))

    async def take_back_asked(self, approval_id: int, now: datetime) -> str:
        await self._called("take_back_asked")
        row = self.decide_as(self.me, approval_id, ApprovalState.WITHDRAWN)
        self.give_back(row)
        return row.body

    async def reconsider(self, approval_id: int, now: datetime) -> None:
        await self._called("reconsider")
        row = self.decide_as(self.me, approval_id, ApprovalState.WAITING)
        replies = self.talk(row.conversation_id).replies
        if row.state is not ApprovalState.REJECTED and replies:
            await self.withdraw(replies[-1].id, now)
