"""The author behind a conversation: the card, mute and unmute, spam. Each act says what it does before or as it does it.

A caller that knows more of authors (what the network has of us and one) adds lines by `author_lines`, read with `read_author`, and keys by
`author_acts`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from textual import events

from inbox_tui.screens.inbox.deciding import Deciding
from inbox_tui.screens.inbox.triage import All, Targets
from inbox_tui.view import authors, deeds
from inbox_tui.view.lines import Line, Piece, say
from inbox_tui.widgets import authors as cards
from inbox_tui.widgets import dialogs
from inbox_tui.widgets.paper import Paper
from listener.workflow import acts, moves

if TYPE_CHECKING:
    from listener.store.views.authors import Author, Mutable


class Authors(Deciding):
    """Who writes, and what to do about them."""

    # The card --------------------------------------------------------------------------------------------------------

    def action_author(self) -> None:
        """The author of the conversation that is read, else of the one under the cursor."""
        opened, here = self.opened, self.under_hands
        if opened is not None and opened.conversation.id == here:
            self.work(self.show_author(opened.author_id))
        elif here is not None:
            self.work(self._author_of(here))
        else:
            self.say("there is no conversation here", "soon")

    def on_click(self, event: events.Click) -> None:
        """The name at the head of the conversation."""
        card = self.query_one("#card", Paper)
        place = card.content_region
        on_name = (
            place.contains(event.screen_x, event.screen_y) and event.screen_y - place.y + card.scroll_offset.y == 0
        )
        if on_name and self.opened is not None and not self.selections:
            self.work(self.show_author(self.opened.author_id))

    async def _author_of(self, conversation_id: int) -> None:
        found = await self.attempt(self.desk.backend.mutable(conversation_ids=[conversation_id]))
        if found:
            await self.show_author(found[0].id)

    async def show_author(self, author_id: int) -> None:
        """The card of an author; a conversation that is chosen there is opened."""
        backend, desk = self.desk.backend, self.desk
        author = await self.attempt(self.read_author(author_id))
        if author is None:
            self.say("that author is not known here", "soon")
            return
        wanted = await self.app.push_screen_wait(
            cards.AuthorCard(
                author,
                lambda: self.read_author(author_id),
                lambda before, after, limit: backend.past(author_id, before=before, after=after, limit=limit),
                self.author_acts(author),
                more=self.author_lines,
                now=desk.now,
                zone=desk.zone,
                read_only=desk.read_only,
                table=desk.table,
            )
        )
        if wanted is not None:
            await self.read_conversation(wanted)

    def _spam(self) -> deeds.Deed:
        mutes = f"{self.desk.sign('mute')} mutes"
        return deeds.Deed(acts.Spam(), f"closed as spam: back if they write, {mutes}", "close", "as spam")

    async def read_author(self, author_id: int) -> Author | None:
        """What the card shows."""
        return await self.desk.backend.author(author_id)

    def author_acts(self, author: Author) -> Mapping[str, cards.Act]:
        """What can be done from the card, by the act's name in the key map."""
        return {
            "card_note": partial(self._note_author, author),
            "card_mute": partial(self._mute_from_card, author.id),
            "card_undo": self._undo_from_card,
        }

    def author_lines(self, author: Author, width: int) -> Sequence[Line]:
        """What else there is to say of the author."""
        return ()

    async def _note_author(self, author: Author) -> Piece | None:
        body = await self.app.push_screen_wait(dialogs.Write(f"Note on {authors.name(author)}, only for us"))
        if not body:
            return None
        await self.desk.backend.note_author(author.id, body, self.desk.now())
        return f"noted ({self.desk.sign('card_undo')} takes it back)", "good"

    async def _undo_from_card(self) -> Piece:
        await self.undo()
        return self.desk.said

    # Mute ------------------------------------------------------------------------------------------------------------

    def action_mute(self) -> None:
        """Mute the authors of what is under the hands, or unmute them where all are muted."""
        ids = self._targets_or_say()
        if isinstance(ids, All):
            self.say("mute takes rows that you mark, not all that is shown", "soon")
        elif ids:
            self.work(self._mute_of(ids))

    async def _mute_of(self, conversation_ids: Sequence[int]) -> None:
        found = await self.attempt(self.desk.backend.mutable(conversation_ids=conversation_ids))
        said = await self.attempt(self.mute(found)) if found else None
        if said is not None:
            self.say(*said)
            self.unmark_done(conversation_ids)

    async def _mute_from_card(self, author_id: int) -> Piece | None:
        return await self.mute(await self.desk.backend.mutable(author_ids=[author_id]), undo="card_undo")

    async def mute(self, found: Sequence[Mutable], *, undo: str = "take_back") -> Piece | None:
        """Ask, do, and what to say of it; None: nobody wanted it. Those who are muted already stay so, unless all are: then unmute.

        `undo`: the act that takes it back from where the person is.
        """
        backend = self.desk.backend
        free = [author for author in found if author.mute is None]
        ends = not free
        whom = list(found) if ends else free
        title, said = (
            authors.unmute_question(whom) if ends else authors.mute_question(whom, backend.brand, self.desk.table)
        )
        if not ends and len(whom) < len(found):
            said.append(f"{len(found) - len(whom):,} of them are muted already, and stay so.")
        yes = "unmute" if ends else "mute"
        them = "them" if len(whom) == 1 else "all of them"
        answer = await self.app.push_screen_wait(
            dialogs.Ask(title, said, [("l", "leave it as it is"), ("m", f"{yes} {them}")])
        )
        if answer != "m":
            self.say("left as it is", "dim")
            return None
        ids = [author.id for author in whom]
        done = await (backend.unmute if ends else backend.mute)(ids, self.desk.now())
        await self.refresh_ids(done.changed)
        if self.opened is not None and self.opened.author_id in done.authors:
            await self.reopen()
        why_not = say(next(iter(done.kept.values()), ""))
        if not done.authors:
            return f"not {yes}d: {why_not}" if why_not else f"already {yes}d", "soon"
        told = authors.mute_told(whom, done.authors, len(done.changed), ends=ends, undo=self.desk.sign(undo))
        return (f"{told}; not {len(done.kept)}: {why_not}", "soon") if why_not else (told, "good")

    # Spam ------------------------------------------------------------------------------------------------------------

    async def action_spam(self) -> None:
        """Close and tag, in one; where all of them are spam, take that back."""
        if ids := self._targets_or_say():
            await self.act(ids, _no_spam() if self._are_spam(ids) else self._spam())

    def _are_spam(self, ids: Targets) -> bool:
        if isinstance(ids, All):
            return all(moves.is_spam(row.state, row.tags) for row in self.rows.window.rows)
        if self.reading and self.opened is not None and list(ids) == [self.opened.conversation.id]:
            return moves.is_spam(self.opened.conversation.state, self.opened.conversation.tags)
        held = [self.rows.window.get(id_) for id_ in ids]
        return all(row is not None and moves.is_spam(row.state, row.tags) for row in held)


def _no_spam() -> deeds.Deed:
    return deeds.Deed(acts.NotSpam(), "opened again, no spam", "open", "again, as no spam")
