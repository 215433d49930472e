"""What the Inbox shows and how it stays true while the world changes. Owns the queue and the open conversation; acts are next door."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.timer import Timer

from inbox_tui import keys
from inbox_tui.messages import FolderChosen, NewsCounted, RowChosen, RowReached, TopicWanted
from inbox_tui.screens.base import Desk, DeskScreen
from inbox_tui.view import queue, replies, thread, whys, words
from inbox_tui.view.lines import Line, Piece, say
from inbox_tui.widgets.acting import ActsBar
from inbox_tui.widgets.bars import Bar, KeysBar
from inbox_tui.widgets.choices import Choice, Choices
from inbox_tui.widgets.composer import Composer
from inbox_tui.widgets.paper import Paper
from inbox_tui.widgets.rows import Rows
from listener.store.views.queue import Counts, QueueRow

if TYPE_CHECKING:
    from inbox_tui.backend import Place
    from inbox_tui.view.marks import Marked
    from listener.store.views.changed import Changed
    from listener.store.views.listening import TopicCount
    from listener.store.views.thread import Opened

_END: Place = (2**63 - 1, 2**63 - 1)
_MANY = 500
"""More changes than this at once: reading the page again is cheaper than row by row."""

_EMPTY = {
    "open": ("Nothing waits for an answer.", "", "New conversations appear here by themselves."),
    "mine": ("Nothing is yours.", "", "{claim} takes a conversation, {assign} gives one to somebody."),
    "theirs": ("No conversation waits for them.",),
    "snoozed": ("Nothing is snoozed.",),
    "done": ("Nothing is closed yet.",),
    "approve": ("Nothing waits for your approval.",),
}


class InboxCore(DeskScreen):
    """Layout, folders, queue, open conversation, live changes."""

    place = keys.INBOX
    folders_width = 21
    """Cells of a line at the left."""

    def __init_subclass__(cls, *, whole: bool = False, **how: Any) -> None:
        """Only the whole screen is ever shown: Textual need not look over all that every part of it has and inherits."""
        if whole:
            super().__init_subclass__(**how)

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.folder = "open"
        self.counts: Counts | None = None
        self.topics: Sequence[TopicCount] = ()
        self.opened: Opened | None = None
        self.marks: Mapping[int, Sequence[Marked]] = {}
        """What people say of rules, by the messages of the open conversation."""
        self.history_shown = False
        self.whole_thread = False
        self._wanted: int | None = None
        self._preview: Timer | None = None
        self._topics_stale = False

    def compose(self) -> ComposeResult:
        """Folders, queue, conversation, and the bars around them."""
        yield Bar(id="top")
        yield Bar(id="refused")
        yield Bar(id="alarm")
        with Horizontal(id="panes"):
            yield Choices(id="folders")
            with Vertical(id="queue-pane"):
                yield Bar(id="queue-title")
                yield Rows[QueueRow](
                    self._load,
                    self._draw,
                    place=lambda row: (row.sort_key, row.id),
                    ident=lambda row: row.id,
                    belongs=self.belongs,
                    end=_END,
                    empty=self.empty_words("open"),
                    markable=True,
                    id="queue",
                )
            with Vertical(id="conversation-pane"):
                yield Paper(id="card")
                yield Paper(id="conversation")
                yield ActsBar(id="acts")
                yield Composer(id="composer", table=self.desk.table)
        yield Bar(id="said")
        yield KeysBar(keys.here(self.place, read_only=self.desk.read_only, table=self.desk.table), id="keys")

    async def on_mount(self) -> None:
        """The first page at once, counts and topics right after."""
        self.rows.focus()
        self.apply_compact()
        self.show_bars()
        self._show_folders()
        await self.attempt(self.rows.restart())
        self.work(self.first_reads(), "counts")

    async def first_reads(self) -> None:
        """What the first page need not wait for."""
        await self.attempt(self._read_counts())
        await self.attempt(self._read_topics())
        people = await self.attempt(self.desk.backend.people()) or ()
        self.desk.names = {person.id: person.name for person in people}
        self.desk.logins = tuple(person.login for person in people)

    # Words that others in this room use ------------------------------------------------------------------------------

    @property
    def me(self) -> int:
        """Who is looking."""
        return self.desk.backend.me.id

    @property
    def rows(self) -> Rows[Any]:
        """The queue."""
        return self.query_one("#queue", Rows)

    @property
    def composer(self) -> Composer:
        """Where replies are written."""
        return self.query_one("#composer", Composer)

    @property
    def paper(self) -> Paper:
        """Where the thread is read."""
        return self.query_one("#conversation", Paper)

    @property
    def reading(self) -> bool:
        """Whether the conversation has the focus, not the queue."""
        focused = self.focused
        pane = self.query_one("#conversation-pane")
        return focused is not None and (focused is pane or pane in focused.ancestors)

    @property
    def under_hands(self) -> int | None:
        """The conversation that a key is about: the one that is read or on its way to the reader, else the one under the cursor.

        Never just the one that is shown: with a slow store that is still the one before.
        """
        if self.reading and (self._wanted is not None or self.opened is not None):
            return self._wanted if self.opened is None or self._wanted is not None else self.opened.conversation.id
        return self.rows.cursor_id

    def title_pieces(self) -> list[Piece]:
        """Brand and place."""
        return [(say(self.desk.backend.brand), "title"), ("  Inbox", "bold")]

    def reader(self, width: int) -> thread.Reader:
        """For whom, when and how wide lines are made."""
        desk = self.desk
        now, writing = desk.now(), self.composer.is_open
        return thread.Reader(
            now, desk.zone, self.me, desk.names, width, self.history_shown, writing, self.whole_thread, table=desk.table
        )

    # Folders ---------------------------------------------------------------------------------------------------------

    async def _read_counts(self) -> None:
        self.counts = await self.desk.backend.counts()
        self.rows.set_total(self.total)
        self._show_folders()

    async def _read_topics(self) -> None:
        self._topics_stale = False
        self.topics = await self.desk.backend.topics(self.desk.now())
        self._show_folders()

    def _show_folders(self) -> None:
        counts = queue.folder_counts(self.counts) if self.counts is not None else {}
        folders = self.query_one("#folders", Choices)
        width = self.folders_width
        choices = [Choice("", (("Inbox", "dim"),))]
        choices += [
            Choice(f"folder:{key}", queue.folder_line(label, counts.get(key), width)) for key, label in self.folder_list
        ]
        choices += self.view_choices()
        if self.topics:
            choices += [Choice("", ()), Choice("", (("Listening, last 24 h", "dim"),))]
            choices += [Choice(f"topic:{topic.topic}", queue.topic_line(topic, width)) for topic in self.topics]
        folders.show(choices)
        folders.current = self.shown_key
        self._show_queue_title()

    @property
    def folder_list(self) -> Sequence[tuple[str, str]]:
        """Keys and names of the folders that this person has."""
        return words.FOLDERS

    @property
    def shown_key(self) -> str:
        """What is shown, as its line at the left is called."""
        return f"folder:{self.folder}"

    @property
    def total(self) -> int | None:
        """How many rows what is shown has, where somebody counts them."""
        if self.counts is None or self.shown_key != f"folder:{self.folder}":
            return None
        return queue.folder_counts(self.counts).get(self.folder)

    def view_choices(self) -> list[Choice]:
        """Lines between the folders and the topics."""
        return []

    def queue_title(self) -> list[Piece]:
        """What is shown, and how many."""
        total = self.total
        return [(words.FOLDER_WORDS[self.folder], "title"), *([(f"  {total:,}", "bold")] if total is not None else [])]

    def _show_queue_title(self) -> None:
        fold, unfold, acts = self.pane_signs()
        left = [*fold, *self.queue_title()]
        if self.rows.all_marked:
            left.append((f"  all taken ({self.desk.sign('unmark')} lets go)", "accent"))
        elif self.rows.marked:
            left.append((f"  {len(self.rows.marked):,} marked", "accent"))
        if self.rows.ranging:
            left.append((f" ({self.desk.sign('range')} ends the range)", "dim"))
        news = self.rows.news
        right: list[Piece] = [(f"{news} new ↑ ", "soon"), (f"({self.desk.sign('first')})", "dim")] if news else []
        acts |= {piece.strip(): "first" for piece, _ in right}
        self.query_one("#queue-title", Bar).show(left, (*right, *unfold), acts)

    @on(Choices.Chosen)
    async def _folder_chosen(self, event: Choices.Chosen) -> None:
        event.stop()
        kind, _, key = event.key.partition(":")
        await self.choose(kind, key)

    async def choose(self, kind: str, key: str) -> None:
        """A line at the left was chosen."""
        self.post_message(FolderChosen(key, topic=kind == "topic"))

    async def on_folder_chosen(self, event: FolderChosen) -> None:
        """Another folder, or off to Listening."""
        event.stop()
        if event.topic:
            self.app.post_message(TopicWanted(event.key))
        else:
            await self.show_folder(event.key)

    async def show_folder(self, key: str) -> None:
        """Show a folder from its top, and go there."""
        if key in words.FOLDER_WORDS:
            self.to_queue()
            await self.turn_to_folder(key)

    async def turn_to_folder(self, key: str) -> None:
        """A folder in the queue's place; whoever reads or writes beside it goes on."""
        self.folder = key
        self.rows.empty = self.empty_words(key)
        self.rows.unmark()
        if self.counts is not None:
            self.rows.total = self.total
        self._show_folders()
        await self.attempt(self.rows.restart())

    def empty_words(self, key: str) -> Sequence[str]:
        """What an empty folder says, with the keys in force."""
        sign = self.desk.sign
        return [line.format(claim=sign("claim"), assign=sign("assign")) for line in _EMPTY[key]]

    def panes_changed(self) -> None:
        """The title says so; what was folded away when its row was reached is read now."""
        self._show_queue_title()
        if self.right_shown and self.rows.cursor_id is not None and not self.composer.is_open:
            self._show_preview(self.rows.cursor_id)

    def to_queue(self) -> None:
        """The queue has the focus, and the room."""
        self.remove_class("-folders", "-reading")
        self.rows.focus()

    async def action_folder(self, key: str) -> None:
        """A folder by its key."""
        await self.show_folder(key)

    def action_folders(self) -> None:
        """To the folders, also where they are folded away."""
        self.add_class("-folders")
        folders = self.query_one("#folders", Choices)
        folders.set_current(self.shown_key)
        folders.focus()

    # The queue -------------------------------------------------------------------------------------------------------

    def belongs(self, row: QueueRow) -> bool:
        """Whether a row, as it is now, is in what is shown."""
        return queue.in_folder(row, self.folder, self.me)

    async def _load(self, after: Place | None, before: Place | None, limit: int) -> Sequence[QueueRow]:
        return await self.desk.backend.page(self.folder, after=after, before=before, limit=limit)

    def _draw(self, row: QueueRow, width: int, marked: bool, left: bool) -> Sequence[Line]:
        draw = queue.queue_line if self.desk.compact else queue.queue_lines
        left = left and self.has_left(row)
        now, zone = self.desk.now(), self.desk.zone
        copies, seen = self.copies_words(row), self.seen(row)
        own = self.labels_of(row)
        return draw(row, width, now, self.me, marked=marked, left=left, copies=copies, zone=zone, seen=seen, labels=own)

    def labels_of(self, row: QueueRow) -> Sequence[str]:
        """What this person calls a row, for themselves."""
        return ()

    def seen(self, row: QueueRow) -> Sequence[Piece | None]:
        """Who else looks at a row, said in full and shorter."""
        return ()

    def has_left(self, row: QueueRow) -> bool:
        """Whether a row that stays under the cursor is in what is shown no longer."""
        return not self.belongs(row)

    def copies_words(self, row: QueueRow) -> str:
        """That it stands for others that are nearly the same."""
        return ""

    @on(NewsCounted)
    def _news(self, event: NewsCounted) -> None:
        event.stop()
        self._show_queue_title()

    @on(RowReached)
    def _reached(self, event: RowReached) -> None:
        event.stop()
        if self.rows.marked:
            self._show_queue_title()
        if self._preview is not None:
            self._preview.stop()
        if event.row_id is None:
            if not self.composer.is_open:
                self.opened, self._wanted = None, None
                self._show_opened()
        elif not self.composer.is_open and (self.right_shown or self.has_class("-reading")):
            row_id = event.row_id
            self._preview = self.set_timer(0.06, lambda: self._show_preview(row_id))

    def _show_preview(self, row_id: int) -> None:
        """The row under the cursor, unless the reader has gone to read another one."""
        if not self.reading and self.rows.cursor_id == row_id:
            self.work(self.open_conversation(row_id), "open")

    @on(RowChosen)
    async def _chosen(self, event: RowChosen) -> None:
        event.stop()
        await self.read_conversation(event.row_id)

    async def action_open(self) -> None:
        """Enter: the folder, or the conversation under the cursor."""
        if isinstance(self.focused, Choices):
            self.focused.choose()
        elif self.rows.cursor_id is not None:
            await self.read_conversation(self.rows.cursor_id)

    def action_back(self) -> None:
        """Back to the queue."""
        self.to_queue()

    # The open conversation -------------------------------------------------------------------------------------------

    async def open_conversation(self, conversation_id: int) -> Opened | None:
        """Show a conversation; None when it is gone or was overtaken by another."""
        opened, shown = await self._look_at_it(conversation_id)
        return opened if shown else None

    async def open_for_act(self, conversation_id: int) -> Opened | None:
        """The conversation as it is now, for an act on it, also where the reader has gone on to another one; None when it is gone."""
        opened, _ = await self._look_at_it(conversation_id)
        return opened

    async def _look_at_it(self, conversation_id: int) -> tuple[Opened | None, bool]:
        """Read it, and show it unless another one was wanted meanwhile."""
        self._wanted = conversation_id
        opened = await self.attempt(self.desk.backend.open(conversation_id, self.desk.now()))
        if opened is None:
            self.say("that conversation is gone", "soon")
        if self._wanted != conversation_id:
            return opened, False
        if opened is None:
            self._wanted = None if self.opened is None else self.opened.conversation.id
            return None, False
        fresh = self.opened is None or self.opened.conversation.id != opened.conversation.id
        if fresh:
            self.history_shown = self.whole_thread = False
            self.marks = {}
        self.opened = opened
        self._show_opened(fresh=fresh)
        await self._read_marks(opened, fresh=fresh)
        return opened, True

    async def _read_marks(self, opened: Opened, *, fresh: bool = False) -> None:
        """What people say of rules on the messages of the conversation."""
        theirs = [message.id for message in opened.thread if message.mine and not message.ours]
        found = await self.attempt(self.desk.backend.marks(theirs)) if theirs else ()
        if found is None or self.opened is None or self.opened.conversation.id != opened.conversation.id:
            return
        marks = {id_: tuple(mark for mark in found if mark.mention_id == id_) for id_ in theirs}
        marks = {id_: some for id_, some in marks.items() if some}
        if marks != self.marks:
            self.marks = marks
            self._show_opened(end=fresh)

    async def marks_changed(self, ids: Collection[int]) -> None:
        """The marks on the open conversation."""
        if self.opened is not None and any(message.id in ids for message in self.opened.thread):
            await self._read_marks(self.opened)

    async def meant(self) -> Sequence[whys.Meant]:
        """The messages of the conversation that is read, else of the one under the cursor."""
        opened = await self.opened_here()
        theirs = [one for one in reversed(opened.thread if opened else ()) if one.mine and not one.ours]
        return [whys.Meant(one.id, queue.named(one.author_handle, one.author_name, one.text)) for one in theirs]

    async def opened_here(self) -> Opened | None:
        """The conversation under the hands, which may be on its way still."""
        wanted = self.under_hands
        if wanted is None or (self.opened is not None and self.opened.conversation.id == wanted):
            return self.opened
        return await self.open_for_act(wanted)

    async def read_conversation(self, conversation_id: int) -> None:
        """Open it, go there, and it counts as read."""
        self.remove_class("-folders")
        self.add_class("-reading")
        self.rows.go(conversation_id)
        if not self.composer.is_open:
            self.paper.focus()
        opened = await self.open_conversation(conversation_id)
        if opened is None:
            return
        if not opened.conversation.unread or self.desk.read_only:
            return
        if await self.attempt(self.desk.backend.mark_read(opened.conversation.id, self.desk.now())):
            await self.refresh_ids([opened.conversation.id])

    async def go_on(self, conversation_id: int) -> None:
        """From a conversation that is done with to the one below it; it is read if that one was. Who has left it already stays where they are."""
        if self.under_hands != conversation_id:
            return
        below = self.rows.next_row if self.rows.cursor_id == conversation_id else None
        if below is None:
            self.to_queue()
        elif self.reading:
            await self.read_conversation(below.id)
        else:
            self.rows.go(below.id)

    def _show_opened(self, *, fresh: bool = False, end: bool = False) -> None:
        opened = self.opened
        if not (cards := self.query("#card")):
            return  # the screen is coming or going
        card = cards.only_one(Paper)
        if opened is None:
            card.clear()
            self.paper.clear()
            card.styles.height = 0
            return
        card.show(lambda width: thread.head_lines(opened, self.reader(width)), keep=not fresh)
        room = self.size.height // (8 if self.composer.is_open else 3)
        card.styles.height = max(1, min(card.height_wanted, 10, room))
        marks = self.marks
        self.paper.show(lambda width: thread.thread_lines(opened, self.reader(width), marks), end=fresh or end)

    async def action_history(self) -> None:
        """Show or fold the history."""
        self.history_shown = not self.history_shown
        self._show_opened()
        if self.history_shown:
            self.paper.move(1_000_000)

    async def action_whole(self) -> None:
        """The whole thread, or only what leads here."""
        self.whole_thread = not self.whole_thread
        self._show_opened()

    # Live ------------------------------------------------------------------------------------------------------------

    async def refresh_ids(self, ids: Collection[int]) -> None:
        """Rows as they are now, by id, and the counts with them."""
        wanted = ids
        if len(ids) > _MANY:
            await self.read_again()
            wanted = [] if self.rows.cursor_id is None else [self.rows.cursor_id]
        rows = await self.read_rows(wanted)
        if rows is None:
            return
        self.rows.changed(rows)
        missing = set(wanted) - {row.id for row in rows}
        if missing:
            self.rows.taken_out(missing)
        await self.after_change(ids)

    async def read_rows(self, ids: Collection[int]) -> Sequence[QueueRow] | None:
        """These rows as they are now, with others that are shown or not because of them."""
        return await self.attempt(self.desk.backend.rows(list(ids)))

    async def after_change(self, ids: Collection[int]) -> None:
        """The counts, and the open conversation when it is among those that changed."""
        await self.attempt(self._read_counts())
        if self.opened is not None and self.opened.conversation.id in ids:
            await self.reopen()

    async def reopen(self) -> None:
        """The open conversation as it is now; the reader stays where they are. Not where another one is on its way: that one comes."""
        if self.opened is not None and self._wanted in {None, self.opened.conversation.id}:
            await self.open_conversation(self.opened.conversation.id)

    async def read_again(self) -> None:
        """Changes may have been missed: read the rows around the reader."""
        await self.attempt(self.rows.reread())

    async def heard(self, changed: Changed) -> None:
        """Rows by id; everything again after a lost connection."""
        if changed.lost:
            await self.read_again()
            await self.attempt(self._read_counts())
            await self.reopen()
        elif changed.conversations:
            await self.refresh_ids(changed.conversations)
        if changed.marks:
            await self.marks_changed(changed.marks)
        if self.opened is not None and self.opened.author_id in changed.authors:
            await self.reopen()
        if changed.topics or changed.lost:
            self._topics_stale = True

    def tick(self) -> None:
        """Ages and due words, from memory; topics when the feed said so."""
        super().tick()
        self.rows.redraw()
        self._show_opened()
        if self._topics_stale:
            self.work(self.attempt(self._read_topics()), "counts")

    def second(self) -> None:
        """A second has passed: only a running countdown changes."""
        now = self.desk.now()
        if self.opened is not None and any(
            r.state.value == "queued" and not replies.planned(r, now) for r in self.opened.replies
        ):
            self._show_opened()

    def on_resize(self) -> None:
        """Another width: the lines are made again, once the parts have their sizes."""
        self.call_after_refresh(self._show_opened)
        self.call_after_refresh(self._show_queue_title)
