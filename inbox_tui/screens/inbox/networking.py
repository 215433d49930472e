"""Acts on the network: like, hide, delete what is ours, block, and their opposites; the seconds in which they can be taken back.

What has left cannot be undone here: then the opposite is offered, and a delete has none. Refuses to call a network: it asks the outbox.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from inbox_tui.screens.inbox.deciding import Deciding, undecided_reply
from inbox_tui.view import network
from inbox_tui.view.lines import say
from inbox_tui.view.names import account
from inbox_tui.view.queue import who
from inbox_tui.widgets import dialogs
from inbox_tui.widgets.acting import ActsBar
from inbox_tui.widgets.choices import Choice
from listener.errors import HubbubError
from listener.model.accounts import Capability
from listener.model.leaving import NEEDS, OPPOSITE, Doing, OutboxState

if TYPE_CHECKING:
    from inbox_tui.screens.inbox.answering import Until
    from listener.store.views.changed import Changed
    from listener.store.views.thread import ActRow, Opened, ThreadMessage


class Networking(Deciding):
    """The network beside the reply."""

    _asked: tuple[ActRow, Until] | None = None
    """What was asked for last from here: while nothing else is done, it is what z means."""
    _followed: frozenset[int] = frozenset()
    """Acts from here whose end is not known yet."""

    def _show_opened(self, *, fresh: bool = False, end: bool = False) -> None:
        super()._show_opened(fresh=fresh, end=end)
        idle = self.opened is None or self.composer.is_open or self.desk.read_only
        self.query_one("#acts", ActsBar).show(
            [] if idle or self.opened is None else network.can_parts(self.opened, self.desk.table)
        )
        if self.is_current:
            self.show_keys()

    def crossed(self) -> frozenset[str]:
        """A reply where nobody can answer; while one is written, what it cannot carry."""
        if (writing := self._writing) is not None and self.composer.is_open:
            no_pictures = network.no_pictures(writing.opened, writing.parent, writing.private)
            return frozenset({"attach"}) if no_pictures else frozenset()
        opened = self.opened
        if opened is None or opened.conversation.id != self.under_hands or not network.no_reply(opened):
            return frozenset()
        return frozenset({"reply"})

    # Asking ----------------------------------------------------------------------------------------------------------

    def action_like(self) -> None:
        """Like a message, or take the like back."""
        self._begin_act(Doing.LIKE)

    def action_hide(self) -> None:
        """Hide a comment under a post of ours, or show it again."""
        self._begin_act(Doing.HIDE)

    def action_delete(self) -> None:
        """Delete what we wrote, or what others wrote under a post of ours, where the network lets us."""
        self._begin_act(Doing.DELETE)

    def action_block(self) -> None:
        """Block the author, or unblock them."""
        self._begin_act(Doing.BLOCK)

    def _begin_act(self, what: Doing) -> None:
        if one := self._one_or_say():
            self.work(self._act_on(one, what))

    async def _act_on(self, conversation_id: int, what: Doing) -> None:
        opened = await self.open_for_act(conversation_id)
        if opened is None:
            return
        deletes = what is Doing.DELETE
        if why_not := network.why_no_delete(opened) if deletes else network.why_not(opened, NEEDS[what]):
            self.say(why_not, "soon")
            return
        message = await self._which(opened, what)
        if message is None:
            return
        if deletes and not message.ours:
            what = Doing.REMOVE
        of_author = what is Doing.BLOCK
        acts = network.on_author(opened) if of_author else network.on_message(opened, message.id)
        standing = network.stands(acts, what)
        if standing is not None and standing.state is OutboxState.QUEUED:
            await self._withdraw_act(standing)
        elif standing is not None and standing.state in network.OPEN:
            self.say(network.act_words(standing, self.desk.now())[0], "soon")
        elif standing is not None and what in OPPOSITE:
            await self._ask_network(opened, message.id, OPPOSITE[what])
        elif await self._agrees_to(opened, message, what):
            await self._ask_network(opened, message.id, what)

    async def _which(self, opened: Opened, what: Doing) -> ThreadMessage | None:
        """The message that is meant: asked where there are several, the newest first. Of a block, whatever they said last."""
        newest = [one for one in reversed(opened.thread) if not one.deleted or what is Doing.BLOCK]
        if what is Doing.DELETE:
            ours, theirs = (not network.why_not(opened, one) for one in (Capability.DELETE_OWN, Capability.REMOVE))
            found = [one for one in newest if (ours if one.ours else theirs)]
        else:
            found = [one for one in newest if one.mine and not one.ours]
            if what is Doing.HIDE:  # what rules ask to hide at once; else also what others say around it
                found += [one for one in newest if not one.mine and not one.ours]
                for one in found:
                    hidden = network.stands(network.on_message(opened, one.id), Doing.HIDE)
                    if opened.hide and one.id == opened.because_mention_id and not hidden:
                        return one
            if not found:
                self.say("there is no message of theirs here", "soon")
        if len(found) < 2 or what is Doing.BLOCK:
            return found[0] if found else None
        choices = [Choice(str(one.id), network.message_line(one, opened, self.desk.now())) for one in found]
        title = {Doing.LIKE: "Like", Doing.HIDE: "Hide", Doing.DELETE: "Delete"}[what]
        answer = await self.app.push_screen_wait(dialogs.Pick(f"{title} which message?", choices))
        return next((one for one in found if str(one.id) == answer), None)

    async def _agrees_to(self, opened: Opened, message: ThreadMessage, what: Doing) -> bool:
        """Asks before what cannot be brought back, and before what cuts somebody off."""
        where = network.network_name(opened)
        if what in {Doing.DELETE, Doing.REMOVE}:
            whose = "" if message.ours else f" by {who(message.author_handle, message.author_name)}, for everybody,"
            ask = dialogs.Ask(
                f"Delete this{whose} on {where}?",
                [f"“{say(message.text)[:200]}”", network.what_deleting_does(opened)],
                [("l", "leave it"), ("d", "delete it")],
            )
        elif what is Doing.BLOCK:
            whom = who(message.author_handle, message.author_name)
            ask = dialogs.Ask(
                f"Block {whom} on {where}?",
                network.what_blocking_does(opened, self.desk.table),
                [("l", "leave it"), ("b", "block them")],
            )
        else:
            return True
        answer = await self.app.push_screen_wait(ask)
        if answer in (None, "l"):
            self.say("left as it is", "dim")
        return answer not in (None, "l")

    async def _ask_network(self, opened: Opened, mention_id: int, what: Doing) -> None:
        backend, now = self.desk.backend, self.desk.now()
        until = await self.until_now()
        row = await self.attempt(
            backend.act_on_network(opened, mention_id, what, hold_seconds=self.desk.hold_seconds, now=now)
        )
        if row is None:
            return
        await self._asked_for(opened, row, until)

    async def _asked_for(self, opened: Opened, row: ActRow, until: Until) -> None:
        """It waits to leave: said, and what z means until something else is done."""
        self._asked = (row, until)
        self._followed |= {row.id}
        left = network.seconds_left(row, self.desk.now())
        undo = self.desk.sign("take_back")
        becomes, as_whom = network.BECOMES[row.what], f"as {account(row.account_handle)}"
        self.say(f"{becomes} on {network.network_name(opened)} in {left} s {as_whom}; {undo} takes it back", "good")
        await self.refresh_ids([row.conversation_id])

    # Taking back and deciding ----------------------------------------------------------------------------------------

    def last_queued(self) -> datetime | None:
        """Acts too."""
        times = (super().last_queued(), None if self._asked is None else self._asked[0].queued_at)
        return max((at for at in times if at is not None), default=None)

    async def _take_back(self) -> None:
        asked, reply = await self._asked_last(), await self._waiting_reply()
        if asked is None or (reply is not None and reply.queued_at > asked.queued_at):
            await super()._take_back()
        elif asked.state is OutboxState.QUEUED:
            await self._withdraw_act(asked)
        else:
            await self._answer_by_opposite(asked)

    async def _asked_last(self) -> ActRow | None:
        """What was asked for last from here, as it is now, if nothing was done since; else a queued act of mine in the conversation under
        the hands.
        """
        if self._asked is None:
            opened = await self.opened_here()
            mine = [one for one in (opened.network if opened else ()) if one.person_id == self.me]
            return next((one for one in reversed(mine) if one.state is OutboxState.QUEUED), None)
        asked, until = self._asked
        if await self.done_since(until):
            return None
        row = await self.attempt(self.desk.backend.network_act(asked.id))
        if row is None or row.state in (OutboxState.WITHDRAWN, *network.UNDECIDED):
            self._asked = None
            return None
        return row

    async def _withdraw_act(self, row: ActRow) -> None:
        try:
            await self.desk.backend.withdraw_act(row.id, self.desk.now())
        except HubbubError as no:
            self.say(f"too late to take it back: {say(no.what)}", "soon")
        else:
            self._asked = None
            self.say("taken back: nothing is asked of the network", "good")
        await self.refresh_ids([row.conversation_id])

    async def _answer_by_opposite(self, row: ActRow) -> None:
        """It has left: the network can be asked for the opposite. The next z goes to what was done before."""
        self._asked = None
        if row.what not in OPPOSITE:
            cannot = (
                "what is edited can only be edited again"
                if row.what is Doing.EDIT
                else "what is deleted cannot be brought back"
            )
            self.say(
                f"it has left, and {cannot}; {self.desk.sign('take_back')} again undoes what was before it", "soon"
            )
            return
        opposite = OPPOSITE[row.what]
        answer = await self.app.push_screen_wait(
            dialogs.Ask(
                "It has left: it cannot be taken back here",
                [f"It is {network.act_words(row, self.desk.now())[0]}. The network can be asked for the opposite."],
                [("l", "leave it"), ("o", network.ASKS[opposite])],
            )
        )
        backend, now = self.desk.backend, self.desk.now()
        opened = await self.attempt(backend.open(row.conversation_id, now)) if answer == "o" else None
        if opened is not None:
            await self._ask_network(opened, row.mention_id, opposite)

    def settle_opened(self, opened: Opened) -> None:
        """Decide about a reply, or an act, that did not simply go through."""
        row = _undecided_act(opened)
        if row is None or undecided_reply(opened) is not None:
            super().settle_opened(opened)
        elif not self.refuse_read_only():
            self.work(self._settle_act(row))

    async def _settle_act(self, row: ActRow) -> None:
        backend = self.desk.backend
        answer = await self.app.push_screen_wait(
            dialogs.Ask(
                f"It is not {network.BECOMES[row.what]}",
                [say(row.problem) or "The network gave no reason."],
                [("t", "try it once more"), ("p", "put it aside"), ("l", "leave it")],
            )
        )
        if answer == "t" and await self.succeeds(backend.retry_act(row.id, self.desk.now())):
            self._followed |= {row.id}
            self.say("trying it once more", "good")
        elif answer == "p" and await self.succeeds(backend.withdraw_act(row.id, self.desk.now())):
            self.say("put aside", "dim")
        await self.refresh_ids([row.conversation_id])

    # Live ------------------------------------------------------------------------------------------------------------

    async def heard(self, changed: Changed) -> None:
        """What was asked for here and did not go through is said, wherever the person is by now."""
        await super().heard(changed)
        for outbox_id in sorted(self._followed & changed.outbox):
            row = await self.attempt(self.desk.backend.network_act(outbox_id))
            if row is None or row.state not in network.OPEN:
                self._followed -= {outbox_id}
            if row is not None and row.state in (*network.UNDECIDED, OutboxState.UNKNOWN):
                self.say(*network.act_words(row, self.desk.now()))

    def second(self) -> None:
        """A second has passed: countdowns of acts too."""
        super().second()
        if self.opened is not None and any(one.state is OutboxState.QUEUED for one in self.opened.network):
            self._show_opened()


def _undecided_act(opened: Opened) -> ActRow | None:
    """The newest act here that failed or was stopped, and that nothing was asked after."""
    last = {(NEEDS[one.what], one.mention_id): one for one in opened.network}
    return next((one for one in reversed(last.values()) if one.state in network.UNDECIDED), None)
