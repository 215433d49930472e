"""Approval: asking for it instead of sending, and deciding about what a colleague wrote. Owns the folder of those who may approve.

Who needs an approval is the store's to say, and it lets nothing else through; here it is only told in words, before the writer has to ask.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from textual import on

from inbox_tui.messages import ApprovalWanted
from inbox_tui.screens.inbox.seeing import Seeing
from inbox_tui.view import approvals, options, replies, saved, sight, words
from inbox_tui.view.lines import Line, fit, say
from inbox_tui.view.names import account
from inbox_tui.view.parts import part_lines, terms_of
from inbox_tui.view.pictures import going_line, picture_words, whole_words
from inbox_tui.view.queue import who
from inbox_tui.widgets import dialogs
from inbox_tui.widgets.choices import Choice
from listener import parts, pictures
from listener.errors import HubbubError, Refused

if TYPE_CHECKING:
    from inbox_tui.screens.inbox.answering import Until, Writing
    from listener.store.views.approvals import ApprovalRow, AttachedRow
    from listener.store.views.thread import Opened, OutboxRow, Rewording, ThreadMessage

_PICTURES, _OTHERS, _AGAIN = "p", "o", "again"
"""Answers after which it is asked again."""


@dataclass(frozen=True, slots=True)
class _Thing:
    """What was done here about an approval, for `z`, as long as no other act was done since."""

    asked: bool
    """It was asked for; else it was decided."""
    approval_id: int
    conversation_id: int
    at: datetime
    until: Until
    note: str = ""
    """With which it was sent back; '' where it was not."""


class Approving(Seeing):
    """Approvals."""

    approver = False
    """This person may approve."""
    _needs: Writing | None = None
    """What is being written needs an approval."""
    _thing: _Thing | None = None
    _undone: _Thing | None = None
    """What of it was taken back last, for `^y`."""

    # The folder ------------------------------------------------------------------------------------------------------

    async def first_reads(self) -> None:
        """Whether there is anything to approve for this person, before the counts are shown."""
        await self._may_approve()
        await super().first_reads()

    async def _may_approve(self) -> bool:
        """Whether this person may approve, as things are now: asked again where the answer was no, or is not there yet."""
        if not self.approver:
            self.approver = bool(await self.attempt(self.desk.backend.may_approve()))
        return self.approver

    @property
    def folder_list(self) -> Sequence[tuple[str, str]]:
        """One more for those who may approve."""
        return (*words.FOLDERS, words.TO_APPROVE) if self.approver else words.FOLDERS

    async def show_folder(self, key: str) -> None:
        """Show a folder, but that of the approvers to nobody else."""
        if key == words.TO_APPROVE[0] and not await self._may_approve():
            self.say("only leads and admins approve replies", "soon")
        else:
            await super().show_folder(key)

    # Asking ----------------------------------------------------------------------------------------------------------

    async def begin(
        self,
        opened: Opened,
        parent: ThreadMessage,
        draft: str,
        waved: frozenset[int] = frozenset(),
        *,
        private: bool,
        approves: ApprovalRow | None = None,
        edits: Rewording | None = None,
    ) -> None:
        """Open the composer, and say what sending means."""
        await super().begin(opened, parent, draft, waved, private=private, approves=approves, edits=edits)
        writing = self._writing
        needs = await self.attempt(self.desk.backend.needs_approval(opened.account_id))
        ours = writing is not None and writing.opened is opened and self.is_own(writing)
        if needs and ours and self._writing is writing:
            self._needs = writing
            self.composer.tell_how(approvals.ASKS)

    def told_before(self, writing: Writing) -> Sequence[Line]:
        """Why it was sent back."""
        row = approvals.sent_back(writing.opened, self.me)
        return [*super().told_before(writing), *([approvals.sent_back_line(row)] if row is not None else [])]

    @on(ApprovalWanted)
    def _approval_wanted(self, event: ApprovalWanted) -> None:
        event.stop()
        self.hand_in(lambda writing: self._ask_for(writing, event.body))

    async def _ask_for(self, writing: Writing, body: str) -> None:
        if not await self.ready(writing, body):
            return
        if writing.approves is not None:
            await self.deliver(writing, body, close_after=False)
        else:
            await self.ask_approval(writing, body, close_after=False)

    async def deliver(self, writing: Writing, body: str, close_after: bool, planned: datetime | None = None) -> None:
        """Into the outbox; to somebody who approves it where the rules of now say so; out, where this is who approves."""
        if writing.approves is not None:
            if planned is None:
                await self._approve_changed(writing, writing.approves, body)
            else:
                self.composer.warn(f"its writer chose when it goes out: {self.desk.sign('send')} approves it for then")
                self.composer.write_on()
            return
        needs = await self.attempt(self.desk.backend.needs_approval(writing.opened.account_id))
        if needs is None:
            return
        if not needs:
            await super().deliver(writing, body, close_after, planned)
        elif self._needs is writing:
            await self.ask_approval(writing, body, close_after, planned)
        else:
            self._needs = writing
            self.composer.tell_how(approvals.ASKS)
            asks = f"{self.desk.sign('send')} asks"
            self.composer.warn(f"not sent: by the rules of now a lead or an admin approves it first; {asks}")

    async def ask_approval(
        self, writing: Writing, body: str, close_after: bool, planned: datetime | None = None
    ) -> None:
        """Submit it; nothing goes out."""
        backend = self.desk.backend
        first, *others = writing.texts(body)

        def put(current: Opened) -> Awaitable[ApprovalRow]:
            return backend.ask_approval(
                current,
                writing.parent.id,
                first,
                private=writing.private,
                fence=writing.fence,
                close_after=close_after,
                planned=planned,
                now=self.desk.now(),
                options=[text.strip() for text in others],
            )

        row = await self.attempt(self.agreed(writing, put))
        if row is None:
            return
        when = approvals.goes_out(planned, self.desk.now(), self.desk.zone)
        told = f"waits for approval, then {when}" if when else "waits for approval; nothing is sent until then"
        await self.sent(writing, f"{told} ({self.desk.sign('take_back')} takes it back)", close_after)
        await self._note_thing(asked=True, approval_id=row.id, conversation_id=row.conversation_id)

    # Deciding --------------------------------------------------------------------------------------------------------

    def settle_opened(self, opened: Opened) -> None:
        """Decide about a reply that waits for approval, else about one that did not simply go out."""
        row = approvals.waiting(opened)
        if row is None:
            super().settle_opened(opened)
        elif not self.refuse_read_only():
            self.work(self._decide(opened, row))

    async def _decide(self, opened: Opened, row: ApprovalRow) -> None:
        if self.composer.is_open:
            self.say("first put down what you are writing (esc)", "soon")
        elif row.person_id == self.me:
            await self._decide_own(opened, row)
        elif not await self._may_approve():
            self.say("only leads and admins approve replies", "soon")
        else:
            await self._decide_colleagues(opened, row)

    async def _decide_own(self, opened: Opened, row: ApprovalRow) -> None:
        said = [f"“{say(row.body)[:300]}”"]
        if row.options:
            said.append(f"It is the first of {len(row.options)} options.")
        if approvals.moved(row, opened):
            said.append(
                "The thread has changed since you wrote it: read it again. Whoever approves is asked about that."
            )
        if self.approver:
            said.append("Nobody approves their own reply; taken back, you may send it yourself.")
        answer = await self.app.push_screen_wait(
            dialogs.Ask(
                "Your reply waits for approval",
                said,
                [("l", "leave it waiting"), ("e", "take it back and edit it")],
            )
        )
        if answer == "e":
            await self._take_back_asked(row.id, row.conversation_id)

    async def _decide_colleagues(self, opened: Opened, row: ApprovalRow) -> None:
        """One option after the other, until something is decided or left."""
        look, option, alts = await self._look_at(opened, row), 1, None
        answer: str | None = _OTHERS if row.options else _AGAIN
        while look is not None and answer in (_OTHERS, _PICTURES, _AGAIN):
            if answer == _OTHERS:
                chosen = await self._choose_offered(row)
                if chosen is None or not chosen.isdigit():
                    answer = chosen
                    continue
                option, alts = int(chosen), None
            elif answer == _PICTURES:
                alts = await self._change_pictures(row, option, alts, opened.source)
            answer = await self._ask_about(opened, row, look, option, alts)
        if look is None:
            return
        if answer == "a":
            await self._approve(opened, row, None, moved=approvals.moved(row, opened), option=option, alts=alts)
        elif answer == "c":
            await self._change(opened, row, look.parent, option, alts)
        elif answer == "r":
            await self._reject(row)

    async def _choose_offered(self, row: ApprovalRow) -> str | None:
        """The number of an option, or what is done with all of them."""
        return await self.app.push_screen_wait(
            dialogs.Pick(
                f"{say(row.person)} offers {len(row.options)} texts for one reply",
                [Choice(*one) for one in options.approvers_choices(row)],
                filtered=False,
                preview=lambda key: options.read_whole(row, key),
            )
        )

    async def _ask_about(
        self, opened: Opened, row: ApprovalRow, look: saved.Look, option: int, alts: Mapping[int, str] | None
    ) -> str | None:
        """What is said of one option, and what is to be done."""
        name, body, rows = say(row.person), row.texts[option - 1], row.pictures_of(option)
        styled = look.styled(body)
        asked = look.private(body) if not row.private else ()
        why_not = saved.stopped(styled)
        when = approvals.goes_out(row.planned, self.desk.now(), self.desk.zone)
        told = [sight.plainly(look.parent.audience, private=row.private), f"as {account(row.account_handle)}"]
        told += [when] if when else []
        told += ["closes the conversation"] if row.close_after else []
        said: list[str | Line] = [f"“{say(body)[:400]}”", ((", ".join(told), "dim"),)]
        said += [going_line(one, alts) for one in rows]
        said += [saved.finding_line(one, body) for one in styled]
        said += [saved.finding_line(one, body, asks=True) for one in asked]
        moved = approvals.moved(row, opened)
        if moved:
            said.append(((f"The thread has changed since {name} wrote this: read it first.", "bad"),))
        pieces = parts.split(opened.source, body, terms_of(opened, look.parent))
        if len(pieces) > 1:
            said += [((f"It is too long for one message: {len(pieces)} numbered parts", "soon"),), *part_lines(pieces)]
        out = when or f"it goes out in {self.desk.hold_seconds:.0f} s"
        answers = [("l", "leave it waiting")]
        if not why_not:
            how = "approve it with what you changed" if alts is not None else "approve"
            answers.append(("a", "approve it all the same" if moved else f"{how}: {out}"))
        answers += [("c", "change it, then approve")]
        if rows:
            answers.append((_PICTURES, "look at its pictures, change their words, take one off"))
        if row.options:
            answers.append((_OTHERS, "the other options"))
        answers.append(("r", "send all of it back with a note" if row.options else "send it back with a note"))
        title = f"{name} asks for approval" + (f": option {option} of {len(row.options)}" if row.options else "")
        return await self.app.push_screen_wait(dialogs.Ask(title, said, answers))

    async def _change_pictures(
        self, row: ApprovalRow, option: int, alts: Mapping[int, str] | None, source: str
    ) -> Mapping[int, str] | None:
        """What goes out of the pictures, after a look at them; None: as they were submitted."""
        rows = row.pictures_of(option)
        submitted = {one.id: one.alt for one in rows}
        going = dict(submitted if alts is None else alts)
        while True:
            choices = [Choice(str(n), ((f"{n} ", "accent"), *going_line(one, going))) for n, one in enumerate(rows, 1)]
            key = await self.app.push_screen_wait(
                dialogs.Pick(
                    "Its pictures (esc: done)",
                    choices,
                    filtered=False,
                    preview=lambda key: whole_words(rows, going, key),
                )
            )
            if key is None:
                return None if going == submitted else going
            await self._change_picture_of(rows[int(key) - 1], going, source)

    async def _change_picture_of(self, one: AttachedRow, going: dict[int, str], source: str) -> None:
        goes, limit = one.id in going, pictures.limit_of(source)
        answers = [("o", "look at it"), *([("w", "say anew what can be seen")] if goes and limit else [])]
        answers.append(("t", "take it off" if goes else "put it on again"))
        said = [f"“{say(going.get(one.id, one.alt))}”", picture_words(one)]
        answer = await self.app.push_screen_wait(dialogs.Ask(fit(say(one.name), 40), said, answers))
        if answer == "o":
            await self.see(one)
        elif answer == "t" and goes:
            del going[one.id]
        elif answer == "t":
            going[one.id] = one.alt
        elif answer == "w" and limit is not None:
            alt = await self.described(one.name, going[one.id], limit)
            going[one.id] = going[one.id] if alt is None else alt.strip()

    async def _look_at(self, opened: Opened, row: ApprovalRow) -> saved.Look | None:
        """What is to be said of a colleague's words, as it would have been said to them."""
        voice = await self.attempt(self.desk.backend.voice())
        parent = next((m for m in opened.thread if m.id == row.parent_id), None)
        if voice is None or parent is None:
            self.say("what it answers is gone from the thread", "soon")
            return None
        known = saved.values(parent, row.person, self.desk.backend.brand)
        return saved.Look(voice, opened, parent, known, aside=row.private)

    async def _approve(
        self,
        opened: Opened,
        row: ApprovalRow,
        body: str | None,
        *,
        moved: bool,
        option: int,
        alts: Mapping[int, str] | None,
    ) -> bool:
        backend = self.desk.backend
        fence = opened.conversation.thread_version
        hold = self.desk.hold_seconds
        try:
            sent = await backend.approve(
                row.id,
                self.desk.now(),
                fence=fence,
                hold_seconds=hold,
                body=body,
                moved=moved,
                option=option,
                alts=alts,
            )
        except Refused as no:
            self.say_fault(no)
            await self.refresh_ids([row.conversation_id])
            return False
        except HubbubError as fault:
            self.say_fault(fault)
            return False
        undo = self.desk.sign("take_back")
        self.say(f"approved; {self._out_words(sent)} in the name of {say(row.person)} ({undo} takes that back)", "good")
        await self._note_thing(asked=False, approval_id=row.id, conversation_id=row.conversation_id)
        await self.refresh_ids([row.conversation_id])
        return True

    def _out_words(self, sent: OutboxRow) -> str:
        now = self.desk.now()
        return (
            approvals.goes_out(sent.planned, now, self.desk.zone) or f"goes out in {replies.seconds_left(sent, now)} s"
        )

    async def _change(
        self, opened: Opened, row: ApprovalRow, parent: ThreadMessage, option: int, alts: Mapping[int, str] | None
    ) -> None:
        if not await self.hold(row.conversation_id):
            return
        await self.begin(opened, parent, row.texts[option - 1], private=row.private, approves=row)
        writing = self._writing
        if writing is not None and writing.approves is row:
            writing.chosen, writing.alts = option, alts
            self._carry_offered(writing, row)
            self.composer.tell_how(approvals.DECIDES)
            self.say(f"{say(row.person)} wrote this to {who(parent.author_handle, parent.author_name)}", "dim")

    def _carry_offered(self, writing: Writing, row: ApprovalRow) -> None:
        """The pictures that go out with it, above the page."""
        self.composer.carry([going_line(one, writing.alts) for one in row.pictures_of(writing.chosen)])

    async def change_pictures(self, writing: Writing) -> None:
        """Of a colleague's reply those that were submitted; else one's own."""
        row = writing.approves
        if row is None:
            await super().change_pictures(writing)
        elif not row.pictures_of(writing.chosen):
            self.composer.warn("it came without pictures: you add none")
        else:
            writing.alts = await self._change_pictures(row, writing.chosen, writing.alts, writing.opened.source)
            if self._writing is writing:
                self._carry_offered(writing, row)

    async def _approve_changed(self, writing: Writing, row: ApprovalRow, body: str) -> None:
        current = await self.attempt(self.desk.backend.open(writing.id, self.desk.now()))
        if current is None:
            return
        moved = approvals.moved(row, current)
        said = self._news_since(writing, current)
        if (said or current.conversation.thread_version != writing.fence) and not await self._agrees(said):
            return
        if await self._approve(current, row, body, moved=moved, option=writing.chosen, alts=writing.alts):
            await self._end(writing)
            await self._let_go(writing.id)

    async def _reject(self, row: ApprovalRow) -> None:
        note = await self.app.push_screen_wait(dialogs.Write(f"What should {say(row.person)} change?"))
        if not note:
            self.say("left waiting", "dim")
            return
        if await self.succeeds(self.desk.backend.reject(row.id, note, self.desk.now())):
            self.say(
                f"sent back to {say(row.person)} with your note ({self.desk.sign('take_back')} takes that back)", "good"
            )
            await self._note_thing(asked=False, approval_id=row.id, conversation_id=row.conversation_id, note=note)
        await self.refresh_ids([row.conversation_id])

    # While somebody changes a colleague's words ----------------------------------------------------------------------

    async def save_draft(self) -> None:
        """A colleague's words are no draft of who approves them."""
        if self._writing is not None and self.is_own(self._writing):
            await super().save_draft()

    async def put_down(self, writing: Writing, body: str, *, discard: bool) -> None:
        """It waits on, as it was submitted."""
        if self.is_own(writing):
            await super().put_down(writing, body, discard=discard)
        else:
            self.say("left waiting, as it was written", "dim")

    # Taking back -----------------------------------------------------------------------------------------------------

    async def _note_thing(self, *, asked: bool, approval_id: int, conversation_id: int, note: str = "") -> None:
        until = await self.until_now()
        self._thing = _Thing(asked, approval_id, conversation_id, self.desk.now(), until, note)
        self._undone = None

    def last_queued(self) -> datetime | None:
        """What was asked or decided too."""
        times = (super().last_queued(), None if self._thing is None else self._thing.at)
        return max((at for at in times if at is not None), default=None)

    async def _take_back(self) -> None:
        """What was just asked or decided here, else as always."""
        thing = self._thing
        since = thing is not None and (
            (self.last_queued() or thing.at) > thing.at or await self.done_since(thing.until)
        )
        if thing is None or since:
            await super()._take_back()
            return
        self._thing = None
        if thing.asked:
            await self._take_back_asked(thing.approval_id, thing.conversation_id)
        elif await self.succeeds(self.desk.backend.reconsider(thing.approval_id, self.desk.now())):
            self.say("taken back: it waits for approval again", "good")
            self._undone = replace(thing, at=self.desk.now(), until=await self.until_now())
            await self.refresh_ids([thing.conversation_id])

    async def _take_back_asked(self, approval_id: int, conversation_id: int) -> None:
        if self.composer.is_open and self.composer.conversation_id == conversation_id:
            self.say("first put down what you are writing here (esc)", "soon")
            return
        try:
            body = await self.desk.backend.take_back_asked(approval_id, self.desk.now())
        except HubbubError as no:
            self.say_fault(no)
            await self.refresh_ids([conversation_id])
            return
        now = self.desk.now()
        self._undone = _Thing(True, approval_id, conversation_id, now, await self.until_now())
        opened = await self.open_for_act(conversation_id)
        await self.refresh_ids([conversation_id])
        if opened is not None and opened.draft != body:
            self.say("taken back; nothing was sent, and what you have begun here since stays your draft", "good")
            return
        self.say("taken back; nothing was sent", "good")
        if opened is not None:
            await self.write_on(opened)

    # Doing it again --------------------------------------------------------------------------------------------------

    async def redo(self) -> None:
        """Ask again, or send back again, what was just taken back and is as it was; else as always."""
        undone, self._undone = self._undone, None
        since = undone is not None and (
            (self.last_queued() or undone.at) > undone.at or await self.done_since(undone.until)
        )
        if undone is None or since:
            await super().redo()
        elif undone.asked:
            await self._ask_again(undone)
        elif not undone.note:
            self.say(f"what goes out is not approved by a key alone: {self.desk.sign('settle')} decides", "soon")
        else:
            again = self.desk.backend.reject(undone.approval_id, undone.note, self.desk.now())
            if await self.succeeds(again):
                self.say(f"sent back again with your note ({self.desk.sign('take_back')} takes that back)", "good")
                await self._note_thing(
                    asked=False,
                    approval_id=undone.approval_id,
                    conversation_id=undone.conversation_id,
                    note=undone.note,
                )
            await self.refresh_ids([undone.conversation_id])

    async def _ask_again(self, undone: _Thing) -> None:
        """With the same words and pictures: others have not been looked at."""
        now = self.desk.now()
        opened = await self.open_for_act(undone.conversation_id)
        row = next((one for one in opened.approvals if one.id == undone.approval_id), None) if opened else None
        if opened is None or row is None:
            return
        beside = await self.attempt(self.desk.backend.attached(undone.conversation_id))
        same = beside is not None and [(one.option, one.alt) for one in beside] == [
            (one.option, one.alt) for one in row.pictures
        ]
        if not same or (opened.draft, *opened.draft_options) != row.texts:
            ask = self.desk.sign("ask_approval")
            self.say(f"the draft is not what was taken back any more: open it, then {ask} asks", "soon")
            return
        asked = await self.attempt(
            self.desk.backend.ask_approval(
                opened,
                row.parent_id,
                opened.draft,
                private=row.private,
                fence=row.fence,
                close_after=row.close_after,
                planned=row.planned if row.planned is not None and row.planned > now else None,
                now=now,
                options=opened.draft_options,
            )
        )
        if asked is not None:
            self.say(f"asked for again ({self.desk.sign('take_back')} takes it back)", "good")
            await self._note_thing(asked=True, approval_id=asked.id, conversation_id=undone.conversation_id)
        await self.refresh_ids([undone.conversation_id])
