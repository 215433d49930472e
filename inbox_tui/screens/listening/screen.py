"""The Listening screen. Owns the list of a topic or a search and the mention under the cursor; acts on conversations are the Inbox's."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical

from inbox_tui import keys
from inbox_tui.messages import ConversationWanted, ForgetWanted, KeepWanted, NewsCounted, RowChosen, RowReached
from inbox_tui.screens.base import Desk, DeskScreen
from inbox_tui.view import queue, thread
from inbox_tui.view.copying import Copyable, copyables
from inbox_tui.view.lines import Piece, say
from inbox_tui.view.whys import Meant
from inbox_tui.widgets.bars import Bar, KeysBar
from inbox_tui.widgets.bindings import bindings
from inbox_tui.widgets.choices import Choice, Choices
from inbox_tui.widgets.paper import Paper
from inbox_tui.widgets.rows import Rows
from inbox_tui.widgets.window import by_time, newest_first
from listener.store.views.listening import ListeningRow, TopicCount

if TYPE_CHECKING:
    from inbox_tui.backend import Place
    from inbox_tui.view.marks import Marked
    from listener.store.views.changed import Changed

_NOTHING_HEARD = ("Nothing heard yet.", "", "Mentions of the topic appear here as they come.")
_PAGE = 200
_LATE = timedelta(minutes=2)
"""Networks deliver a little out of order: this far back the live view looks again for mentions that came late."""


class ListeningScreen(DeskScreen):
    """Topics, mentions, one mention."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(keys.LISTENING)
    CSS_PATH = "listening.tcss"
    place = keys.LISTENING

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.topics: Sequence[TopicCount] = ()
        self.topic: str | None = None
        self.query_text: str | None = None
        """The search that is shown instead of a topic."""
        self._searched_to: datetime | None = None
        self._go_on: Place | None = None
        self.marks: Sequence[Marked] = ()
        """What people say of rules on the mention under the cursor."""
        self._stale = False
        self._ready = False

    def compose(self) -> ComposeResult:
        """Topics, mentions, the mention under the cursor."""
        yield Bar(id="top")
        yield Bar(id="refused")
        yield Bar(id="alarm")
        with Horizontal(id="panes"):
            yield Choices(id="folders")
            with Vertical(id="mentions-pane"):
                yield Bar(id="mentions-title")
                yield Rows[ListeningRow](
                    self._load,
                    lambda row, width, _marked, _left: queue.listening_lines(row, width, self.desk.now()),
                    place=lambda row: newest_first(row.at, row.id),
                    ident=lambda row: row.id,
                    belongs=lambda row: True,
                    empty=_NOTHING_HEARD,
                    id="mentions",
                )
            yield Paper(id="mention")
        yield Bar(id="said")
        yield KeysBar(keys.here(self.place, read_only=self.desk.read_only, table=self.desk.table), id="keys")

    async def on_mount(self) -> None:
        """The first topic, unless somebody has asked for one or for a search already."""
        self.rows.focus()
        self.apply_compact()
        self.show_bars()
        self._ready = True
        await self.attempt(self._read_topics())
        if self.query_text is not None:
            await self.search(self.query_text)
        else:
            await self.show_topic(self.topic or self._busiest())

    @property
    def rows(self) -> Rows[Any]:
        """The mentions."""
        return self.query_one("#mentions", Rows)

    def title_pieces(self) -> list[Piece]:
        """Brand and place."""
        return [(say(self.desk.backend.brand), "title"), ("  Listening", "bold")]

    # Topics and searches ---------------------------------------------------------------------------------------------

    async def _read_topics(self) -> None:
        self._stale = False
        self.topics = await self.desk.backend.topics(self.desk.now())
        choices = [
            Choice("inbox", (("← Inbox", "accent"),)),
            Choice("", ()),
            Choice("", (("Listening, last 24 h", "dim"),)),
        ]
        choices += [Choice(f"topic:{topic.topic}", queue.topic_line(topic, 21)) for topic in self.topics]
        folders = self.query_one("#folders", Choices)
        folders.show(choices)
        folders.current = f"topic:{self.topic}"

    def _busiest(self) -> str:
        """The topic to begin with: the one with most mentions today."""
        return max(self.topics, key=lambda topic: topic.today).topic if self.topics else ""

    async def show_topic(self, topic: str) -> None:
        """A topic from its newest mention."""
        self.topic, self.query_text, self._searched_to = topic, None, None
        if not self._ready:
            return
        self.query_one("#folders", Choices).set_current(f"topic:{topic}")
        await self._restart()

    async def search(self, query: str) -> None:
        """What matches a query, newest first."""
        self.query_text = query
        if not self._ready:
            return
        self.query_one("#folders", Choices).current = None
        await self._restart()

    async def _restart(self) -> None:
        self.remove_class("-folders", "-reading")
        self.rows.focus()
        nothing_found = ("Nothing found.", "", f"{self.desk.sign('search')} goes on from this query.")
        self.rows.empty = _NOTHING_HEARD if self.query_text is None else nothing_found
        await self.attempt(self.rows.restart())
        self._show_title()

    async def _load(self, after: Place | None, before: Place | None, limit: int) -> Sequence[ListeningRow]:
        """The list runs from new to old: what comes after a row on the screen came before it in time."""
        older, newer = by_time(after), by_time(before)
        if self.query_text is not None:
            if newer is not None:
                return []
            found = await self.desk.backend.search(self.query_text, self.desk.now(), before=older, limit=limit)
            self._searched_to, self._go_on = found.searched_to, found.place
            self._show_title()
            return found.rows
        if not self.topic:
            return []
        return await self.desk.backend.listening(self.topic, before=older, after=newer, limit=limit)

    def _show_title(self) -> None:
        if self.query_text is not None:
            left: list[Piece] = [("search ", "dim"), (say(self.query_text), "title")]
            if self._searched_to is not None:
                left.append(
                    (
                        f"  looked back to {self._searched_to.astimezone(self.desk.zone):%d %b %H:%M}, {self.desk.sign('last')} goes on",
                        "soon",
                    )
                )
        else:
            left = [(say(self.topic or "no topic yet"), "title")]
        news = self.rows.news
        right: list[Piece] = [(f"{news} new ↑ ", "soon"), (f"({self.desk.sign('first')})", "dim")] if news else []
        fold, unfold, acts = self.pane_signs()
        acts |= {piece.strip(): "first" for piece, _ in right}
        self.query_one("#mentions-title", Bar).show((*fold, *left), (*right, *unfold), acts)

    def panes_changed(self) -> None:
        """The title says so."""
        self._show_title()

    def on_resize(self) -> None:
        """Another width, other panes."""
        self.call_after_refresh(self._show_title)

    def action_last(self) -> None:
        """To the end; a search that ran out of time goes on from where it stopped."""
        if self.query_text is not None and self._go_on is not None and self.focused is self.rows:
            self.work(self.attempt(self._search_on(self.query_text, self._go_on)), "list")
        else:
            super().action_last()

    async def _search_on(self, query: str, place: Place) -> None:
        self.say("looking further back", "dim")
        found = await self.desk.backend.search(query, self.desk.now(), before=place, limit=_PAGE)
        if self.query_text != query:
            return
        self._searched_to, self._go_on = found.searched_to, found.place
        self.rows.add_below(found.rows)
        self.say(f"{len(found.rows)} more", "good" if found.rows else "dim")
        self._show_title()

    @on(Choices.Chosen)
    async def _topic_chosen(self, event: Choices.Chosen) -> None:
        event.stop()
        kind, _, key = event.key.partition(":")
        if kind == "inbox":
            self.action_inbox()
        else:
            await self.show_topic(key)

    def action_folders(self) -> None:
        """To the topics, also where they are folded away."""
        self.add_class("-folders")
        self.query_one("#folders", Choices).focus()

    @property
    def query_shown(self) -> str:
        """The search that is shown."""
        return self.query_text or ""

    def known(self) -> Mapping[str, Iterable[str]]:
        """What the mentions here are."""
        rows = self.rows.window.rows
        return {
            "topic": [topic.topic for topic in self.topics],
            "source": {row.source for row in rows},
            "author": {row.author_handle for row in rows},
            "lang": {row.lang for row in rows},
            "rule": {rule for row in rows for rule in row.rules},
        }

    def action_keep(self) -> None:
        """Keep the search as a view."""
        if self.query_text is None:
            self.say(f"search first ({self.desk.sign('search')}): a search can be kept as a view", "soon")
        else:
            self.app.post_message(KeepWanted(self.query_text))

    def action_forget(self) -> None:
        """Delete the view that asks for this."""
        if self.query_text is None:
            self.say("no search is shown", "soon")
        else:
            self.app.post_message(ForgetWanted(None, self.query_text))

    # The mention under the cursor ------------------------------------------------------------------------------------

    @on(NewsCounted)
    def _news(self, event: NewsCounted) -> None:
        event.stop()
        self._show_title()

    @on(RowReached)
    def _reached(self, event: RowReached) -> None:
        event.stop()
        self._show_mention(fresh=True)
        if event.row_id is not None:
            self.work(self._read_marks(event.row_id), "marks")

    @on(RowChosen)
    def _chosen(self, event: RowChosen) -> None:
        event.stop()
        self.action_open()

    def _show_mention(self, *, fresh: bool = False) -> None:
        paper, row = self.query_one("#mention", Paper), self.rows.cursor_row
        if row is None:
            paper.clear()
            return
        marks = [mark for mark in self.marks if mark.mention_id == row.id]
        paper.show(lambda width: thread.mention_lines(row, self._reader(width), marks), keep=not fresh)

    async def _read_marks(self, mention_id: int) -> None:
        found = await self.attempt(self.desk.backend.marks([mention_id]))
        if found is not None and self.rows.cursor_id == mention_id and tuple(found) != tuple(self.marks):
            self.marks = found
            self._show_mention()

    async def marks_changed(self, ids: Collection[int]) -> None:
        """The marks on the mention under the cursor."""
        if (row_id := self.rows.cursor_id) is not None and row_id in ids:
            await self._read_marks(row_id)

    async def meant(self) -> Sequence[Meant]:
        """The mention under the cursor."""
        row = self.rows.cursor_row
        if row is None:
            return ()
        return [Meant(row.id, queue.mention_named(row))]

    def _reader(self, width: int) -> thread.Reader:
        desk = self.desk
        return thread.Reader(desk.now(), desk.zone, desk.backend.me.id, desk.names, width, table=desk.table)

    def action_open(self) -> None:
        """Enter: the topic, or the mention in full."""
        if isinstance(self.focused, Choices):
            self.focused.choose()
        elif self.rows.cursor_id is not None:
            self.add_class("-reading")
            self.remove_class("-folders")
            self.query_one("#mention", Paper).focus()
            self._show_mention(fresh=True)

    def action_back(self) -> None:
        """Back to the list; from the list, back to the topic, or to the inbox."""
        if self.focused is self.rows and not self.has_class("-folders"):
            if self.query_text is not None and self.topic is not None:
                self.work(self.show_topic(self.topic), "list")
                return
            self.action_inbox()
            return
        self.remove_class("-folders", "-reading")
        self.rows.focus()

    def action_take_in(self) -> None:
        """Make a conversation of the mention, or find it, and open it."""
        row = self.rows.cursor_row
        if row is None:
            self.say("there is no mention here", "soon")
        elif row.conversation_id is not None:
            self.app.post_message(ConversationWanted(row.conversation_id))
        elif not self.refuse_read_only():
            self.work(self._take_in(row.id))

    async def _take_in(self, mention_id: int) -> None:
        conversation_id = await self.attempt(self.desk.backend.take_in(mention_id, self.desk.now()))
        if conversation_id is not None:
            self.say(f"now a conversation of the inbox ({self.desk.sign('take_back')} takes it back)", "good")
            await self._reread([mention_id])
            self.app.post_message(ConversationWanted(conversation_id))

    async def to_copy(self) -> Sequence[Copyable]:
        """The mention under the cursor."""
        row = self.rows.cursor_row
        return () if row is None else copyables(row.text, None, row.id)

    # Live ------------------------------------------------------------------------------------------------------------

    async def _reread(self, ids: Sequence[int]) -> None:
        rows = await self.attempt(self.desk.backend.listening_rows(ids))
        if rows is not None:
            self.rows.changed(rows)
            self._show_mention()

    async def mentions_changed(self, ids: Collection[int]) -> None:
        """Those of the mentions that are here, as they are now."""
        if inside := [row.id for row in self.rows.window.rows if row.id in ids]:
            await self._reread(inside)

    async def refresh_ids(self, ids: Collection[int]) -> None:
        """Mentions whose conversations were changed."""
        inside = [row.id for row in self.rows.window.rows if row.conversation_id in ids]
        if inside:
            await self._reread(inside)

    async def heard(self, changed: Changed) -> None:
        """New mentions of the topic above, edits and deletes where they stand."""
        if changed.topics or changed.lost:
            self._stale = True
        shown = self.rows
        if not shown.loaded:
            return
        if not self.topic and self.query_text is None and changed.topics:
            # Nothing had ever been heard when this opened: the first topic that is heard is the one to show.
            await self.attempt(self._read_topics())
            await self.show_topic(self._busiest())
        elif changed.lost:
            await self.attempt(shown.reread())
        elif self.query_text is None and self.topic in changed.topics:
            await self._newer()
            near = [row.id for row in shown.window.rows[:_PAGE]]
            await self._reread(near)
        elif changed.conversations:
            await self.refresh_ids(changed.conversations)
        if changed.marks:
            await self.marks_changed(changed.marks)

    async def _newer(self) -> None:
        """What came in above, also the little that came late."""
        shown = self.rows
        if not shown.window.rows or self.topic is None:
            await self.attempt(shown.restart())
            return
        newest = shown.window.rows[0]
        place: Place = (newest.at - _LATE, 0) if shown.window.at_top else (newest.at, newest.id)
        for _ in range(5):
            rows = await self.attempt(self.desk.backend.listening(self.topic, after=place, limit=_PAGE))
            if not rows:
                return
            shown.changed(rows)
            if len(rows) < _PAGE:
                return
            last = max(rows, key=lambda row: (row.at, row.id))
            place = (last.at, last.id)
        await self.attempt(shown.reread())

    def tick(self) -> None:
        """Ages from memory; topics when the feed said so."""
        super().tick()
        self.rows.redraw()
        self._show_mention()
        if self._stale:
            self.work(self.attempt(self._read_topics()), "counts")
