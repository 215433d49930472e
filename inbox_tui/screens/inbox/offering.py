"""Several texts for one reply, of which whoever approves chooses one: to add, to go between, to take away. Refuses to send more than one."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from textual import on

from inbox_tui.messages import OptionsWanted
from inbox_tui.screens.inbox.composing import Composing
from inbox_tui.view import approvals, options
from inbox_tui.widgets import dialogs
from inbox_tui.widgets.choices import Choice
from listener.model.leaving import MOST_OPTIONS

if TYPE_CHECKING:
    from inbox_tui.screens.inbox.answering import Writing


class Offering(Composing):
    """Options of a reply."""

    @on(OptionsWanted)
    def _options_wanted(self, event: OptionsWanted) -> None:
        event.stop()
        if self._writing is not None and not self._writing.leaving:
            self.work(self._choose_option(self._writing), "options")

    async def _choose_option(self, writing: Writing) -> None:
        """Add one where there is none yet; else ask."""
        if not self.is_own(writing):
            self.composer.warn("its writer chose what is offered: esc, then choose another one")
            return
        texts = writing.texts(self.composer.text)
        if len(texts) == 1:
            if texts[0].strip():
                await self._add(writing)
            else:
                self.composer.warn("write the first text, then add another one")
            return
        choices = [Choice(*one) for one in options.writers_choices(texts, writing.option, MOST_OPTIONS)]
        key = await self.app.push_screen_wait(dialogs.Pick("Options of this reply", choices, filtered=False))
        if self._writing is not writing or writing.leaving:
            return
        if key == options.ANOTHER:
            await self._add(writing)
        elif key == options.AWAY:
            await self._take_away(writing)
        elif key is not None:
            await self._turn(writing, int(key))

    async def _add(self, writing: Writing) -> None:
        writing.options = (*writing.texts(self.composer.text), "")
        self._show_option(writing, len(writing.options))
        await self.save_draft()
        await self._carried(writing)
        ask = self.desk.sign("ask_approval")
        self.say(f"another text for the same reply: {ask} lets a lead or an admin choose between them", "dim")

    async def _turn(self, writing: Writing, option: int) -> None:
        """To another one."""
        if option != writing.option:
            writing.options = writing.texts(self.composer.text)
            self._show_option(writing, option)
            await self.save_draft()
            await self._carried(writing)

    async def _take_away(self, writing: Writing) -> None:
        """The one on the page, with its pictures: kept so at once, or pictures would lie with another text."""
        gone, texts = writing.option, writing.texts(self.composer.text)
        left = (*texts[: gone - 1], *texts[gone:])
        body, *others = left
        done = await self.succeeds(
            self.desk.backend.save_draft(
                writing.id, body, writing.fence, self.desk.now(), private=writing.private, options=others, without=gone
            )
        )
        if done and self._writing is writing:
            writing.options = left
            self._show_option(writing, min(gone, len(left)))
            await self._carried(writing)
            self.say(f"option {gone} is taken away", "good")

    def _show_option(self, writing: Writing, option: int) -> None:
        writing.option = option
        self.composer.turn_to(writing.options[option - 1])

    async def reopen(self) -> None:
        """What was sent back while nothing was written yet is on the page at once, and no picture that came with it goes out unseen."""
        await super().reopen()
        writing, opened = self._writing, self.opened
        if writing is None or opened is None or opened.conversation.id != writing.id or not self.is_own(writing):
            return
        back = approvals.sent_back(opened, self.me)
        if back is None or back == approvals.sent_back(writing.opened, self.me):
            return
        written = any(text.strip() for text in writing.texts(self.composer.text))
        if not written and opened.draft == back.body:
            writing.options = (opened.draft, *opened.draft_options)
            self._show_option(writing, 1)
        await self._carried(writing)

    async def ready(self, writing: Writing, body: str) -> bool:
        """Whether it may go: all of what is offered is looked at, and the page turns to what may not."""
        if len(writing.options) == 1 or not self.is_own(writing):
            return await super().ready(writing, body)
        writing.options, here = writing.texts(body), writing.option
        for option, text in enumerate(writing.options, start=1):
            await self._turn(writing, option)
            if not text.strip():
                self.composer.warn(f"this option is empty: write it, or {self.desk.sign('options')} takes it away")
                return False
            if not await super().ready(writing, text.strip()):
                return False
        await self._turn(writing, here)
        return self._writing is writing

    async def deliver(self, writing: Writing, body: str, close_after: bool, planned: datetime | None = None) -> None:
        """Several options go to who approves, and no other way."""
        if len(writing.options) > 1 and self.is_own(writing):
            needs = await self.attempt(self.desk.backend.needs_approval(writing.opened.account_id))
            if needs is None:
                return
            if not needs:
                ask, away = self.desk.sign("ask_approval"), self.desk.sign("options")
                self.composer.warn(
                    f"not sent, there are {len(writing.options)} options: {ask} asks, {away} takes one away"
                )
                self.composer.write_on()
                return
        await super().deliver(writing, body, close_after, planned)
