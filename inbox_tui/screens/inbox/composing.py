"""What helps to write a reply: the writer's own editor, answers of the past, and pictures. The reply itself is `answering`'s."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual import on

from inbox_tui.messages import AnswersWanted, EditorWanted, FileWanted
from inbox_tui.screens.inbox.seeing import Seeing
from inbox_tui.view import answers, network, options
from inbox_tui.view.lines import fit, say
from inbox_tui.view.pictures import carried_lines, picture_line
from inbox_tui.widgets import dialogs, editor, files
from inbox_tui.widgets.choices import Choice
from listener import pictures
from listener.errors import Refused
from listener.model.kinds import Kind

if TYPE_CHECKING:
    from inbox_tui.screens.inbox.answering import Writing
    from listener.store.views.approvals import ApprovalRow, AttachedRow
    from listener.store.views.thread import Opened, Rewording, ThreadMessage


class Composing(Seeing):
    """Helps for the composer."""

    _folder = "~/"
    """Where the last picture was."""

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
        made = await self.attempt(editor.edit(self.app, self.composer.text))
        if self._writing is not writing:
            return
        if made is not None:
            self.composer.put_all(made)
            await self.save_draft()
            self.say(f"taken from the editor; {self.desk.sign('send')} sends it", "good")
        if not await self.hold(writing.id):
            await self._end(writing)
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
            dialogs.Pick(
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
        if by_key[key].private and not (writing.private or writing.parent.kind is Kind.DM):
            self.say(f"put in{without}; it was given in private: leave out what is for nobody else", "bad")
        else:
            self.say(f"put in{without}; read it before you send", "soon")

    # Pictures --------------------------------------------------------------------------------------------------------

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
        """Open the composer, with what lies beside the draft."""
        await super().begin(opened, parent, draft, waved, private=private, approves=approves, edits=edits)
        if self._writing is not None and self._writing.opened is opened:
            self.composer.carry(())
            if self.is_own(self._writing):
                await self._carried(self._writing)

    async def _carried(self, writing: Writing) -> Sequence[AttachedRow]:
        """What lies beside the option that is on the page, shown; which one that is, where there are several."""
        rows = await self.attempt(self.desk.backend.attached(writing.id)) or ()
        here = [row for row in rows if row.option == writing.option]
        if self._writing is writing:
            table = self.desk.table
            lines = options.option_lines(writing.option, len(writing.options), table)
            self.composer.carry([*lines, *carried_lines(here, table)])
        return here

    async def throw_away(self, writing: Writing) -> None:
        """A draft that is thrown away takes its pictures along."""
        await self.attempt(self.desk.backend.detach(writing.id))
        await super().throw_away(writing)

    @on(FileWanted)
    def _file_wanted(self, event: FileWanted) -> None:
        event.stop()
        if self._writing is not None:
            self.work(self.change_pictures(self._writing), "pictures")

    async def change_pictures(self, writing: Writing) -> None:
        """Attach a picture; where there are some, ask which one is meant."""
        if not self.is_own(writing):
            await super().change_pictures(writing)
            return
        limit = pictures.limit_of(writing.opened.source)
        why_not = network.no_pictures(writing.opened, writing.parent, writing.private)
        if limit is None or why_not:
            self.composer.warn("no pictures here")
            self.say(why_not, "soon")
            return
        rows = await self._carried(writing)
        if not rows:
            await self._attach_one(writing, limit)
            return
        choices = [Choice(str(n), ((f"{n} ", "accent"), *picture_line(row))) for n, row in enumerate(rows, 1)]
        if len(rows) < limit.most:
            choices.append(Choice("a", (("a ", "accent"), ("attach another", ""))))
        key = await self.app.push_screen_wait(dialogs.Pick("Pictures of this reply", choices, filtered=False))
        if key == "a":
            await self._attach_one(writing, limit)
        elif key is not None:
            await self._change_picture(writing, rows[int(key) - 1], limit)

    async def _attach_one(self, writing: Writing, limit: pictures.Limit) -> None:
        option = writing.option
        path = await self.app.push_screen_wait(files.ChooseFile(self._folder))
        if path is None:
            return
        try:
            name, content = await asyncio.to_thread(files.read_file, path)
            picture = await asyncio.to_thread(pictures.read, content)
            pictures.fits(writing.opened.source, picture)
        except Refused as no:
            self.composer.warn("not attached")
            self.say_fault(no)
            return
        if "/" in path:
            Composing._folder = path[: path.rindex("/") + 1]
        alt = await self.described(name, "", limit)
        if alt is None:
            self.say("not attached: nobody said what can be seen on it", "dim")
        elif await self.succeeds(self.desk.backend.attach(writing.id, name, picture, alt, self.desk.now(), option)):
            left_out = len(content) != len(picture.content)
            self.say(f"attached{', without what its file told beside the picture' if left_out else ''}", "good")
        await self._carried(writing)

    async def _change_picture(self, writing: Writing, row: AttachedRow, limit: pictures.Limit) -> None:
        answer = await self.app.push_screen_wait(
            dialogs.Ask(
                fit(say(row.name), 40),
                [f"“{say(row.alt)}”"],
                [("o", "look at it"), ("w", "say anew what can be seen"), ("t", "take it off")],
            )
        )
        if answer == "o":
            await self.see(row)
        if answer == "t" and await self.succeeds(self.desk.backend.detach(writing.id, row.id)):
            self.say("the picture is taken off", "good")
        elif answer == "w":
            alt = await self.described(row.name, row.alt, limit)
            if alt is not None and await self.succeeds(self.desk.backend.describe(row.id, alt)):
                self.say("the words for the picture are changed", "good")
        await self._carried(writing)
