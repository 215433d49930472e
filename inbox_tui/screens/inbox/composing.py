"""What helps to write a reply: the writer's own editor, and answers of the past. The reply itself is `answering`'s."""

from __future__ import annotations

from textual import on

from inbox_tui.messages import AnswersWanted, EditorWanted
from inbox_tui.screens.inbox.answering import Answering, Writing
from inbox_tui.view import answers
from inbox_tui.view.lines import say
from inbox_tui.widgets.choices import Choice
from inbox_tui.widgets.dialogs import Pick
from inbox_tui.widgets.editor import edit


class Composing(Answering):
    """Helps for the composer."""

    # The own editor --------------------------------------------------------------------------------------------------

    @on(EditorWanted)
    def _editor_wanted(self, event: EditorWanted) -> None:
        event.stop()
        if self._writing is not None:
            self.work(self._edit(), "editor")

    async def _edit(self) -> None:
        """The draft through the own editor. Meanwhile the claim is renewed; who lost it all the same is told."""
        writing = self._writing
        if writing is None:
            return
        await self.save_draft()
        made = await self.attempt(edit(self.app, self.composer.text))
        if self._writing is not writing:
            return
        if made is not None:
            self.composer.put_all(made)
            await self.save_draft()
            self.say("taken from the editor; ^s sends it", "good")
        if not await self.hold(writing.id):
            await self._end()
            await self.refresh_ids([writing.id])
            return
        self.composer.write_on()
        self.call_after_refresh(lambda: self.work(self.reopen(), "refresh"))

    # Answers of the past ---------------------------------------------------------------------------------------------

    @on(AnswersWanted)
    def _answers_wanted(self, event: AnswersWanted) -> None:
        event.stop()
        if self._writing is not None:
            self.work(self._choose_answer(self._writing), "saved")

    async def _choose_answer(self, writing: Writing) -> None:
        """Look for answers to messages like the one that is answered, and put one in where the writer chooses it."""
        found = await self.attempt(self.desk.backend.answers_like(writing.opened, writing.parent.id))
        if found is None or self._writing is not writing:
            return
        like, in_time = found
        if not like:
            self.composer.warn(f"nothing like it was {'answered before' if in_time else 'found in time'}")
            return
        now, by_key = self.desk.now(), {str(number): one for number, one in enumerate(like)}
        key = await self.app.push_screen_wait(
            Pick(
                "Answered before" if in_time else "Answered before (there may be more)",
                [Choice(key, answers.answer_line(one, now)) for key, one in by_key.items()],
                preview=lambda key: answers.answer_read(by_key[key]),
            )
        )
        if key is None or self._writing is not writing:
            return
        made = answers.adapted(by_key[key], writing.parent)
        self.composer.put_in(made.text)
        without = f", without {say(', '.join(made.replaced))}" if made.replaced else ""
        self.say(f"put in{without}; read it before you send", "soon")
