"""Replies that were put on their way from here: taken back while they wait, and decided about where they did not simply go out.

Refuses to write one; what is taken back goes to `answering`.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from inbox_tui.screens.inbox.answering import Answering
from inbox_tui.view import replies, windows
from inbox_tui.view.lines import say
from inbox_tui.widgets import dialogs
from listener.errors import HubbubError
from listener.model.leaving import PART_BEFORE, OutboxState

if TYPE_CHECKING:
    from listener.store.views.thread import Opened, OutboxRow

_UNDECIDED = (OutboxState.FAILED, OutboxState.UNKNOWN, OutboxState.STOPPED)


class Deciding(Answering):
    """What becomes of replies that were written here."""

    def action_take_back(self) -> None:
        """The reply that still waits, else the last act."""
        if not self.refuse_read_only():
            self.work(self._take_back())

    async def _take_back(self) -> None:
        row = await self._waiting_reply()
        if row is None:
            await self.undo()
            return
        await self._withdraw(row)

    def last_queued(self) -> datetime | None:
        """When something that z may still mean was put on its way from here last."""
        return self._waiting[-1][0].queued_at if self._waiting else None

    async def _waiting_reply(self) -> OutboxRow | None:
        """The reply that was queued last from here, if it still waits and nothing was done since; else a queued one of mine in the
        conversation under the hands.
        """
        opened, now = await self.opened_here(), self.desk.now()
        here = [
            r
            for r in (opened.replies if opened else ())
            if r.state is OutboxState.QUEUED and not replies.planned(r, now)
        ]
        mine = [r for r in here if r.person_id == self.me]
        still = {r.id for r in mine}
        self._waiting = tuple((row, until) for row, until in self._waiting if row.not_before > now or row.id in still)
        if not self._waiting:
            return mine[-1] if mine else None
        row, until = self._waiting[-1]
        return None if await self.done_since(until) else row

    async def _withdraw(self, row: OutboxRow) -> None:
        try:
            body = await self.desk.backend.withdraw(row.id, self.desk.now())
        except HubbubError as no:
            self.say(f"too late to take it back: {say(no.what)}", "soon")
            await self.refresh_ids([row.conversation_id])
            return
        self._waiting = tuple((one, until) for one, until in self._waiting if one.id != row.id)
        opened = await self.open_for_act(row.conversation_id)
        self.say(replies.taken_back(row, opened), "good")
        await self.refresh_ids([row.conversation_id])
        if opened is not None:
            await self.write_again(opened, body, private=row.private)

    async def write_again(self, opened: Opened, body: str, *, private: bool) -> None:
        """Words that were taken back, in the composer and kept as a draft."""
        conversation, backend = opened.conversation, self.desk.backend
        if self._writing is not None and self._writing.id == conversation.id:
            self.composer.put_in(body)
            return
        kept = backend.save_draft(
            conversation.id, body, conversation.thread_version, self.desk.now(), private=private
        )  # first of all: whatever comes now, the words are not lost
        await self.attempt(kept)
        if self._writing is not None:
            self.say("its words are kept as a draft there: another reply is being written", "soon")
            return
        parent = windows.answerable(opened)
        if parent is not None and await self.hold(conversation.id):
            await self.begin(opened, parent, body, private=private)

    async def write_on(self, opened: Opened) -> None:
        """A draft that was given back, in the composer."""
        parent = windows.answerable(opened)
        if self._writing is not None:
            self.say("it is kept as a draft there: another reply is being written", "soon")
        elif parent is not None and await self.hold(opened.conversation.id):
            await self.begin(opened, parent, opened.draft, private=opened.draft_private)

    def action_settle(self) -> None:
        """Decide about what waits for somebody's word in the conversation that is read, else in the one under the cursor."""
        if not self.refuse_read_only():
            self.work(self._settle_here())

    async def _settle_here(self) -> None:
        opened = await self.opened_here()
        if opened is not None:
            self.settle_opened(opened)

    def settle_opened(self, opened: Opened) -> None:
        """Decide about a reply that did not simply go out."""
        row = undecided_reply(opened)
        if row is not None:
            self.work(self.settle(opened, row))
        elif any(r.state is OutboxState.QUEUED for r in opened.replies):
            self.say(f"it goes out in a moment; {self.desk.sign('take_back')} takes it back", "dim")
        else:
            self.say("no reply here waits for a decision", "dim")

    async def settle(self, opened: Opened, row: OutboxRow) -> None:
        """Ask what is to be done about it, and do it."""
        backend = self.desk.backend
        said = [f"“{say(row.body)[:200]}”", say(row.problem) or "The network gave no reason."]
        if row.state is OutboxState.UNKNOWN:
            answer = await self.app.push_screen_wait(
                dialogs.Ask(
                    "Nobody knows whether it went out",
                    [*said, "Look at the thread on the network, then say what you see."],
                    [("y", "it is there"), ("n", "it is not there"), ("l", "leave it")],
                )
            )
            if answer in ("y", "n"):
                await self.attempt(backend.resolve_unknown(row.id, answer == "y", self.desk.now()))
                self.say("noted", "good")
        else:
            title = "It failed" if row.state is OutboxState.FAILED else "It was stopped before it left"
            answer = await self.app.push_screen_wait(
                dialogs.Ask(title, said, [("s", "send it now"), ("e", "take it back and edit it"), ("l", "leave it")])
            )
            if answer == "s":
                fence = opened.conversation.thread_version
                await self.attempt(backend.retry(row.id, fence, self.desk.now()))
            elif answer == "e":
                await self._withdraw(row)
                return
        await self.refresh_ids([row.conversation_id])


def undecided_reply(opened: Opened) -> OutboxRow | None:
    """The newest reply here that somebody must decide about; of parts the one that keeps the others."""
    rows = [r for r in reversed(opened.replies) if r.state in _UNDECIDED]
    return next((r for r in rows if r.code != PART_BEFORE), rows[0] if rows else None)
