"""Editing a reply that was sent: in the composer, by the rules of any reply, and out through the outbox as an act on the network.

What was typed is what is edited, and only what was sent from here; pictures, time and options stay what they were. The draft of another
reply is left alone. Who would need an approval for a reply edits none: what stands on the network is not changed behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from inbox_tui.screens.inbox.approving import Approving
from inbox_tui.screens.inbox.networking import Networking
from inbox_tui.screens.inbox.offering import Offering
from inbox_tui.view import network
from inbox_tui.widgets import dialogs
from inbox_tui.widgets.choices import Choice
from listener import lengths
from listener.model.accounts import Capability
from listener.model.kinds import Kind
from listener.model.leaving import Doing
from listener.store.views import thread

if TYPE_CHECKING:
    from inbox_tui.screens.inbox.answering import Writing
    from inbox_tui.view.lines import Line

EDITS = {"send": "edits what was sent", "put_down": "leaves it as it was sent"}


class Editing(Offering, Approving, Networking):
    """Edits of what was sent."""

    def action_edit(self) -> None:
        """Edit a reply that was sent."""
        if self.composer.is_open:
            self.composer.write_on()
        elif not self.refuse_read_only() and (one := self._one_or_say()):
            self.work(self._begin_edit(one))

    async def _begin_edit(self, conversation_id: int) -> None:
        opened = await self.open_for_act(conversation_id)
        if opened is None:
            return
        if why_not := network.why_not(opened, Capability.EDIT):
            self.say(why_not, "soon")
            return
        message = await self._which_reply(opened)
        if message is None:
            return
        standing = network.stands(network.on_message(opened, message.id), Doing.EDIT)
        if standing is not None and standing.state in network.OPEN:
            self.say(network.act_words(standing, self.desk.now(), self.desk.table)[0], "soon")
            return
        backend = self.desk.backend
        edits = await self.attempt(backend.editable(message.id))
        if edits is None:
            self.say("only a reply that was sent from here can be edited here", "soon")
        elif await self.attempt(backend.needs_approval(opened.account_id)):
            self.say("your replies need an approval: a lead or an admin edits what was sent", "soon")
        elif await self.hold(opened.conversation.id):
            await self.begin(opened, message, edits.body, private=False, edits=edits)
            if self._writing is not None and self._writing.edits is edits:
                self.composer.tell_how(EDITS)

    async def _which_reply(self, opened: thread.Opened) -> thread.ThreadMessage | None:
        """Asked where there are several, the newest first."""
        found = [one for one in reversed(opened.thread) if one.ours and not one.deleted and one.kind is not Kind.DM]
        if len(found) < 2:
            if not found:
                self.say("what was said in private is not edited from here", "soon")
            return found[0] if found else None
        choices = [Choice(str(one.id), network.message_line(one, opened, self.desk.now())) for one in found]
        answer = await self.app.push_screen_wait(dialogs.Pick("Edit which message?", choices))
        return next((one for one in found if str(one.id) == answer), None)

    # While it is written ---------------------------------------------------------------------------------------------

    def told_before(self, writing: Writing) -> Sequence[Line]:
        """That it stands there for everybody, as it was."""
        if writing.edits is None:
            return super().told_before(writing)
        where = network.network_name(writing.opened)
        return [((f"edits a reply that stands on {where}; who read it may see that it was changed", "soon"),)]

    async def may_go(self, writing: Writing, body: str) -> bool:
        """By the rules of any reply; it has to fit into its one message."""
        if writing.edits is not None:
            over = next((one for one in lengths.measures(writing.opened.source, body, writing.terms) if one.over), None)
            if over is not None:
                self.composer.warn(f"too long by {over.over} {over.unit}: an edit stays one message")
                return False
        return await super().may_go(writing, body)

    async def deliver(self, writing: Writing, body: str, close_after: bool, planned: datetime | None = None) -> None:
        """Into the outbox as an act, for the seconds in which it can be taken back."""
        if writing.edits is None:
            await super().deliver(writing, body, close_after, planned)
        elif planned is not None:
            self._only_sends()
        else:
            await self._put_edit(writing, writing.edits, body)

    async def _put_edit(self, writing: Writing, edits: thread.Rewording, body: str) -> None:
        until = await self.until_now()
        edit = thread.Rewording(body, edits.content_id)
        row = await self.attempt(
            self.desk.backend.edit_reply(
                writing.opened, writing.parent.id, edit, hold_seconds=self.desk.hold_seconds, now=self.desk.now()
            )
        )
        if row is None:
            self.composer.write_on()
            return
        await self._end(writing)
        await self._asked_for(writing.opened, row, until)
        await self._let_go(writing.id)

    async def ask_approval(
        self, writing: Writing, body: str, close_after: bool, planned: datetime | None = None
    ) -> None:
        """An edit is asked of nobody."""
        if writing.edits is None:
            await super().ask_approval(writing, body, close_after, planned)
        else:
            self._only_sends()

    def _only_sends(self) -> None:
        self.composer.warn(f"an edit goes out now or not at all: {self.desk.sign('send')}")
        self.composer.write_on()

    async def change_pictures(self, writing: Writing) -> None:
        """They stay as they were sent."""
        if writing.edits is None:
            await super().change_pictures(writing)
        else:
            self.composer.warn("its pictures stay as they were sent")

    async def _choose_option(self, writing: Writing) -> None:
        if writing.edits is None:
            await super()._choose_option(writing)
        else:
            self.composer.warn("an edit has no options: it changes what was sent")

    async def put_down(self, writing: Writing, body: str, *, discard: bool) -> None:
        """It stays as it was sent."""
        if writing.edits is None:
            await super().put_down(writing, body, discard=discard)
        else:
            self.say("left as it was sent", "dim")
