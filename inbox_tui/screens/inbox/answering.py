"""Writing replies: the claim, the draft, and the fence against a thread that moved. Refuses what comes after: that is `deciding`."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from textual import on
from textual.timer import Timer

from inbox_tui.messages import ComposerLeft, DraftChanged, ReplySubmitted, SavedWanted
from inbox_tui.screens.inbox.triage import Triage
from inbox_tui.view import facets, network, privately, replies, saved, sight, windows, words
from inbox_tui.view.lines import Line, say
from inbox_tui.view.names import account
from inbox_tui.view.parts import terms_of
from inbox_tui.view.queue import who
from inbox_tui.widgets import dialogs
from inbox_tui.widgets.choices import Choice
from listener import lengths
from listener.errors import Refused
from listener.model.kinds import Kind

if TYPE_CHECKING:
    from listener.store.views.approvals import ApprovalRow
    from listener.store.views.thread import Opened, OutboxRow, Rewording, ThreadMessage

T = TypeVar("T")


@dataclass
class Writing:
    """A reply being written: what the writer had read when they began, and what they have agreed to since."""

    opened: Opened
    parent: ThreadMessage
    fence: int
    voice: saved.Voice = field(default_factory=lambda: saved.SILENT)
    waved: frozenset[int] = frozenset()
    """Colleagues' replies that the writer has seen and answers all the same."""
    private: bool = False
    """Only the addressee is to read it."""
    approves: ApprovalRow | None = None
    """A colleague's reply, changed by who approves it; None: the writer's own."""
    edits: Rewording | None = None
    """A reply that was sent, as it was typed last: the message that it became is `parent`."""
    leaving: bool = False
    """It is on its way out of the writer's hands: a second key for that does nothing."""
    options: tuple[str, ...] = ("",)
    """All texts for this reply, as they were when the writer turned from them: what is on the page now is `option`'s."""
    option: int = 1
    chosen: int = 1
    """Of a colleague's reply: which of its options this is,"""
    alts: Mapping[int, str] | None = None
    """and which of its pictures go out, with which words; None: as they were submitted."""

    @property
    def id(self) -> int:
        return self.opened.conversation.id

    @property
    def terms(self) -> lengths.Terms:
        """How long it may be: the account's server says so, and who is answered may have to be named."""
        return replace(terms_of(self.opened, self.parent), private=self.private)

    def texts(self, shown: str) -> tuple[str, ...]:
        """All texts, with what is on the page."""
        return (*self.options[: self.option - 1], shown, *self.options[self.option :])


@dataclass(frozen=True, slots=True)
class Until:
    """What this person had done until something was put on its way from here: what they have done since is taken back before it."""

    last_act: uuid.UUID | None
    marks: int


class Answering(Triage):
    """The reply."""

    _writing: Writing | None = None
    _saver: Timer | None = None
    _beginning: int | None = None
    """The conversation to which a reply is being begun."""
    _waiting: tuple[tuple[OutboxRow, Until], ...] = ()
    """The replies that were queued from here."""

    # Beginning -------------------------------------------------------------------------------------------------------

    def action_reply(self) -> None:
        """Write a reply."""
        self._begin_reply()

    def action_private(self) -> None:
        """Write a reply that only its addressee can read."""
        self._begin_reply(aside=True)

    def _begin_reply(self, *, aside: bool = False) -> None:
        if self.refuse_read_only():
            return
        if self.composer.is_open:
            self.composer.write_on()
            return
        here = self.under_hands
        if here is None:
            self.say("there is no conversation here", "soon")
        else:
            self.work(self._begin(here, aside))

    def action_back(self) -> None:
        """Back to the queue; a reply that is only on its way is not begun."""
        self._beginning = None
        super().action_back()

    async def _begin(self, conversation_id: int, aside: bool) -> None:
        self._beginning = conversation_id
        await self.read_conversation(conversation_id)
        opened = self.opened
        if opened is None or opened.conversation.id != conversation_id or self._beginning != conversation_id:
            return  # gone, or the reader went on to another one: nobody is answered by a key that was meant for somebody else
        parent = windows.answerable(opened)
        if why_not := network.no_reply(opened, self.desk.table):
            self.say(why_not, "soon")
        elif parent is None:
            self.say("there is no message left to answer", "soon")
        elif why_not := privately.cannot(opened, parent, aside, self.desk.now()):
            self.say(why_not, "soon")
        elif await self.hold(opened.conversation.id):
            await self._write(opened, parent, aside)

    async def _write(self, opened: Opened, parent: ThreadMessage, aside: bool) -> None:
        other = replies.answered_by_others(opened, self.me)
        waved: frozenset[int] = frozenset()
        if other is not None:
            answer = await self.app.push_screen_wait(
                dialogs.Ask(
                    "A colleague has answered",
                    [replies.answered_words(other, self.desk.now())],
                    [("l", "leave it"), ("w", "write another answer")],
                )
            )
            if answer != "w":
                await self._let_go(opened.conversation.id)
                return
            waved = frozenset({other.id})
        draft = opened.draft
        if draft and opened.draft_thread_version not in (None, opened.conversation.thread_version):
            answer = await self.app.push_screen_wait(
                dialogs.Ask(
                    "The thread has changed since you began this draft",
                    ["Read the thread again before you send. The draft says:", f"“{say(draft)[:200]}”"],
                    [("k", "keep the draft"), ("n", "begin anew")],
                )
            )
            if answer is None:
                await self._let_go(opened.conversation.id)
                return
            draft = draft if answer == "k" else ""
        private = aside or parent.kind is Kind.DM
        if draft and opened.draft_private and not private:
            answer = await self.app.push_screen_wait(
                dialogs.Ask(
                    "This draft was meant to be private",
                    ["As a public reply everybody can read it. The draft says:", f"“{say(draft)[:200]}”"],
                    [("k", "keep it private"), ("p", "make it public"), ("n", "begin anew, in public")],
                )
            )
            why_not = privately.cannot(opened, parent, True, self.desk.now()) if answer == "k" else ""
            if why_not:
                self.say(why_not, "soon")
            if answer is None or why_not:
                await self._let_go(opened.conversation.id)
                return
            draft, private = ("" if answer == "n" else draft), answer == "k"
        await self.begin(opened, parent, draft, waved, private=private)

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
        """Open the composer. One that was opened meanwhile stays."""
        if self._writing is not None:
            self.composer.write_on()
            if self._writing.id != opened.conversation.id:
                self.say("another reply is being written: put it down first", "soon")
                await self._let_go(opened.conversation.id)
            return
        version = opened.conversation.thread_version
        goes_on = approves is None and edits is None and draft == opened.draft
        options = (draft, *(opened.draft_options if goes_on else ()))
        writing = Writing(
            opened, parent, version, waved=waved, private=private, approves=approves, edits=edits, options=options
        )
        self._writing = writing
        self.opened, self._wanted = opened, opened.conversation.id
        self.add_class("-reading")
        await self.composer.begin(
            opened.conversation.id,
            opened.source,
            as_whom=account(opened.account_handle),
            to_whom=who(parent.author_handle, parent.author_name),
            private=private,
            audience=parent.audience,
            draft=draft,
            terms=writing.terms,
        )
        self.work(self._learn(writing), "voice")
        self._show_opened(end=True)
        self.work(self.refresh_ids([opened.conversation.id]), "refresh")

    # What is said of the draft ---------------------------------------------------------------------------------------

    async def _learn(self, writing: Writing) -> bool:
        """What the rules in force say to whoever writes: read beside the typing, for a rulebook that is new here takes a moment."""
        voice = await self.attempt(self.desk.backend.voice())
        if voice is None or self._writing is not writing:
            return False
        writing.voice = voice
        self._know(writing)
        return True

    def _know(self, writing: Writing) -> saved.Look:
        """Tell the composer what to look for and what to offer, as things are now."""
        backend, parent = self.desk.backend, writing.parent
        known = saved.values(parent, backend.me.name, backend.brand)
        look = saved.Look(writing.voice, writing.opened, parent, known, aside=writing.private)

        def lines(draft: str) -> list[Line]:
            told = [*self.told_before(writing)]
            closes = privately.left(parent, writing.private, self.desk.now())
            told += [(closes,)] if closes is not None else []
            told += sight.written(parent.audience, private=writing.private)
            told += [((say(writing.voice.problem), "soon"),)] if writing.voice.problem else []
            found = [(one, False) for one in look.styled(draft)] + [(one, look.public) for one in look.private(draft)]
            found.sort(key=lambda pair: (not pair[0].blocks, not pair[1]))
            said = [(saved.finding_line(one, draft, asks=asks), one.blocks or asks) for one, asks in found]
            first, hints = ([line for line, holds in said if holds is wanted] for wanted in (True, False))
            aside = writing.private or parent.kind is Kind.DM
            whom = "" if parent.ours else parent.author_handle
            becomes = facets.facet_lines(writing.opened.source, draft, whom, aside=aside)
            return [*told, *first, *becomes, *hints]

        self.composer.know(lines, look.offers())
        return look

    def told_before(self, writing: Writing) -> Sequence[Line]:
        """What the writer should know of this reply before anything else."""
        return ()

    @on(SavedWanted)
    def _saved_wanted(self, event: SavedWanted) -> None:
        event.stop()
        if self._writing is not None:
            self.work(self._choose_saved(self._writing), "saved")

    async def _choose_saved(self, writing: Writing) -> None:
        if not await self._learn(writing):
            return
        offers = {one.key: one for one in self._know(writing).offers()}
        if not offers:
            self.composer.warn("there are no saved replies for this brand: replies: in the rule files makes some")
            return
        key = await self.app.push_screen_wait(
            dialogs.Pick(
                "Saved replies",
                [Choice(key, offer.line) for key, offer in offers.items()],
                preview=lambda key: ((offers[key].text, ""),),
            )
        )
        if key is not None and self._writing is writing:
            self.composer.put_in(offers[key].text)

    async def may_go(self, writing: Writing, body: str) -> bool:
        """Whether the rules of today let it be sent; says why not. What is private and would be public is asked about."""
        if not await self._learn(writing):
            return False
        look = self._know(writing)
        if why_not := saved.stopped(look.styled(body)):
            self.composer.warn(why_not)
            self.say(why_not, "bad")
            return False
        found = look.private(body) if look.public else ()
        if not found:
            return True
        answer = await self.app.push_screen_wait(
            dialogs.Ask(
                "Before everybody can read it",
                [saved.public_question(found), *(saved.finding_line(one, body, asks=True) for one in found)],
                [("b", "go back"), ("s", "send anyway")],
            )
        )
        if answer != "s":
            self.composer.write_on()
        return answer == "s"

    # The draft -------------------------------------------------------------------------------------------------------

    @on(DraftChanged)
    def _draft_changed(self, event: DraftChanged) -> None:
        event.stop()
        if self._saver is not None:
            self._saver.stop()
        self._saver = self.set_timer(0.6, lambda: self.work(self.save_draft(), "draft"))

    async def save_draft(self) -> None:
        """Keep what is written by now."""
        writing = self._writing
        if writing is None or not self.composer.is_open:
            return
        body, *options = writing.texts(self.composer.text)
        backend = self.desk.backend
        if body.strip() or any(text.strip() for text in options):
            keeping = backend.save_draft(
                writing.id, body, writing.fence, self.desk.now(), private=writing.private, options=options
            )
            await self.attempt(keeping)
        else:
            await self.attempt(backend.drop_draft(writing.id))

    async def leaving(self) -> None:
        """Keep what is being written."""
        await self.save_draft()

    @on(ComposerLeft)
    async def _left(self, event: ComposerLeft) -> None:
        event.stop()
        writing = self._writing
        if writing is None:
            return
        await self.put_down(writing, event.body, discard=event.discard)
        await self._end(writing)
        await self._let_go(writing.id)

    async def put_down(self, writing: Writing, body: str, *, discard: bool) -> None:
        """What becomes of the words when the writer leaves them."""
        if discard:
            await self.throw_away(writing)
            self.say("draft thrown away", "dim")
        else:
            await self.save_draft()
            self.say("draft kept" if any(t.strip() for t in writing.texts(body)) else "nothing written", "dim")

    async def throw_away(self, writing: Writing) -> None:
        """Forget the draft."""
        await self.attempt(self.desk.backend.drop_draft(writing.id))

    def is_own(self, writing: Writing) -> bool:
        """Whether these are the writer's own words: their draft, with what lies beside it."""
        return writing.approves is None and writing.edits is None

    async def _end(self, writing: Writing) -> None:
        """Fold the composer away, unless something else is written in it by now."""
        if self._writing is not writing:
            return
        if self._saver is not None:
            self._saver.stop()
        self._writing = None
        self.composer.end()
        self.paper.focus()
        self._show_opened()

    async def _let_go(self, conversation_id: int) -> None:
        await self.attempt(self.desk.backend.release(conversation_id, self.desk.now()))
        await self.refresh_ids([conversation_id])

    # Sending ---------------------------------------------------------------------------------------------------------

    @on(ReplySubmitted)
    def _submitted(self, event: ReplySubmitted) -> None:
        event.stop()
        self.hand_in(lambda writing: self._send(writing, event.body, event.close_after))

    def hand_in(self, out: Callable[[Writing], Coroutine[Any, Any, None]]) -> None:
        """What is being written leaves the writer's hands, one way at a time: a second key while the store is slow sends nothing twice."""
        if self._writing is not None and not self._writing.leaving:
            self._writing.leaving = True
            self.work(self._hand_in(self._writing, out), "send")

    async def _hand_in(self, writing: Writing, out: Callable[[Writing], Coroutine[Any, Any, None]]) -> None:
        try:
            await out(writing)
        finally:
            writing.leaving = False

    async def _send(self, writing: Writing, body: str, close_after: bool) -> None:
        if await self.ready(writing, body):
            await self.deliver(writing, body, close_after)

    async def ready(self, writing: Writing, body: str) -> bool:
        """Whether it may go and its writer is still at it."""
        return await self.may_go(writing, body) and self._writing is writing

    async def deliver(self, writing: Writing, body: str, close_after: bool, planned: datetime | None = None) -> None:
        """Into the outbox, for the seconds in which it can be taken back or until the time that is planned."""
        backend = self.desk.backend

        def put(current: Opened) -> Awaitable[OutboxRow]:
            return backend.queue_reply(
                current,
                writing.parent.id,
                body,
                private=writing.private,
                fence=writing.fence,
                hold_seconds=self.desk.hold_seconds,
                close_after=close_after,
                now=self.desk.now(),
                planned=planned,
                in_parts=any(one.over for one in lengths.measures(writing.opened.source, body, writing.terms)),
            )

        row = await self.attempt(self.agreed(writing, put))
        if row is None:
            return
        whom = f"as {account(row.account_handle)}"
        if row.planned is not None:
            when, settle = words.clock(row.planned, self.desk.now(), self.desk.zone), self.desk.sign("settle")
            await self.sent(writing, f"goes out {when} {whom}; {settle} changes that or takes it back", close_after)
            return
        self._waiting = (*self._waiting, (row, await self.until_now()))
        left = replies.seconds_left(row, self.desk.now())
        await self.sent(
            writing, f"goes out in {left} s {whom}; {self.desk.sign('take_back')} takes it back", close_after
        )

    async def sent(self, writing: Writing, told: str, close_after: bool) -> None:
        """Nothing more to write: the composer folds away, the draft is forgotten, and where it closes the conversation, on to the next."""
        await self._end(writing)
        await self.attempt(self.desk.backend.drop_draft(writing.id))
        self.say(told, "good")
        await self.attempt(self.desk.backend.release(writing.id, self.desk.now()))
        await self.refresh_ids([writing.id])
        if close_after:
            await self.go_on(writing.id)

    async def agreed(self, writing: Writing, put: Callable[[Opened], Awaitable[T]]) -> T | None:
        """Let it out of the writer's hands; asks as often as the thread moves meanwhile."""
        backend = self.desk.backend
        while True:
            current = await backend.open(writing.id, self.desk.now())
            if current is None:
                raise Refused("the conversation is gone; the draft is kept")
            self.opened, self._wanted = current, writing.id
            self._show_opened()
            said = self._news_since(writing, current)
            if said or current.conversation.thread_version != writing.fence:
                if not await self._agrees(said):
                    return None
                writing.opened, writing.fence = current, current.conversation.thread_version
                writing.waved |= {reply.id for reply in current.replies}
            try:
                return await put(current)
            except Refused as no:
                if no.code != "thread_moved":
                    raise

    def _news_since(self, writing: Writing, current: Opened) -> list[str]:
        said = replies.changed_since(writing.opened, current, self.me, self.desk.now())
        other = replies.answered_by_others(current, self.me)
        if not said and other is not None and other.id not in writing.waved:
            said.append(replies.answered_words(other, self.desk.now()))
        return said

    async def _agrees(self, said: list[str]) -> bool:
        answer = await self.app.push_screen_wait(
            dialogs.Ask(
                "The thread has changed while you wrote",
                said or ["Something in this thread was changed."],
                [("b", "back to writing"), ("s", "send it all the same")],
            )
        )
        if answer != "s":
            self.composer.warn("the thread has changed: read it again")
            self.composer.write_on()
            return False
        return True

    async def reopen(self) -> None:
        """As it is now; the writer is told at once when the thread moved."""
        await super().reopen()
        writing = self._writing
        if writing is not None and self.opened is not None and self.opened.conversation.id == writing.id:
            said = self._news_since(writing, self.opened)
            if said:
                self.composer.warn(f"meanwhile: {said[0]}")

    # What was done since --------------------------------------------------------------------------------------------

    async def until_now(self) -> Until:
        """What has been done until now."""
        return Until(await self.attempt(self.desk.backend.last_act()), len(self.desk.marked))

    async def done_since(self, until: Until) -> bool:
        """Whether an act or a mark came after it."""
        return len(self.desk.marked) > until.marks or await self.attempt(self.desk.backend.last_act()) != until.last_act
