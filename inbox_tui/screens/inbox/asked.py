"""Notes in which a colleague asks for me: told once when they come, kept in the title until the conversation is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from inbox_tui.screens.inbox.deciding import Deciding
from inbox_tui.view import words
from inbox_tui.view.lines import Piece, say
from inbox_tui.view.queue import who
from inbox_tui.widgets import dialogs
from inbox_tui.widgets.choices import Choice

if TYPE_CHECKING:
    from inbox_tui.screens.base import Desk
    from listener.store.views.changed import Changed
    from listener.store.views.notes import NoteToMe


class Asked(Deciding):
    """What colleagues ask in notes."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.asked: Sequence[NoteToMe] = ()

    async def first_reads(self) -> None:
        """What was asked while nobody looked."""
        await super().first_reads()
        await self.attempt(self._read_asked())

    async def heard(self, changed: Changed) -> None:
        """A note may ask me."""
        await super().heard(changed)
        if changed.notes or changed.lost:
            await self.attempt(self._read_asked())

    async def _read_asked(self) -> None:
        before = {note.note_id for note in self.asked}
        self.asked = await self.desk.backend.asked()
        fresh = [note for note in self.asked if note.note_id not in before]
        if fresh:
            whose = who(fresh[0].author_handle, "")
            self.say(
                f"{say(fresh[0].person)} asks you in a note on {whose} ({self.desk.sign('asked')} reads it)", "soon"
            )
        self.show_bars()

    def title_pieces(self) -> list[Piece]:
        """How many notes ask me."""
        asked = [(f"  @ {words.count(len(self.asked), 'note')} for you", "soon")] if self.asked else []
        return [*super().title_pieces(), *asked]

    def action_asked(self) -> None:
        """Read what colleagues ask me."""
        if not self.asked:
            self.say("no note asks you", "dim")
        else:
            self.work(self._choose_asked(), "open")

    async def _choose_asked(self) -> None:
        chosen = str(self.asked[0].conversation_id)
        if len({note.conversation_id for note in self.asked}) > 1:
            now = self.desk.now()
            by_key = {str(note.note_id): note for note in self.asked}
            choices = [
                Choice(
                    key,
                    ((f"{say(n.person)} ", "bold"), (f"on {who(n.author_handle, '')}, {words.age(n.at, now)}", "dim")),
                )
                for key, n in by_key.items()
            ]
            key = await self.app.push_screen_wait(
                dialogs.Pick("Notes that ask you", choices, preview=lambda key: ((say(by_key[key].body), "note"),))
            )
            if key is None:
                return
            chosen = str(by_key[key].conversation_id)
        await self.read_conversation(int(chosen))

    async def read_conversation(self, conversation_id: int) -> None:
        """What is asked there has been seen."""
        await super().read_conversation(conversation_id)
        if self.desk.read_only or self.opened is None or self.opened.conversation.id != conversation_id:
            return
        if any(note.conversation_id == conversation_id for note in self.asked):
            await self.attempt(self.desk.backend.asked_seen(conversation_id, self.desk.now()))
            await self.attempt(self._read_asked())
