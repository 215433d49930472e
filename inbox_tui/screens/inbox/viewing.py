"""Kept views in the Inbox: listed under the folders, shown in the queue's place and order, judged again when conversations change.

Owns which conversations of the window are in the view that is shown; the store judges. Asks only when the feed tells of changes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from inbox_tui.messages import ForgetWanted, NamesChanged, ViewsChanged
from inbox_tui.screens.inbox.core import InboxCore
from inbox_tui.view import queries, queue
from inbox_tui.view.lines import Line, Piece, say
from inbox_tui.widgets.choices import Choice, Choices
from inbox_tui.widgets.rolling import PAGE

if TYPE_CHECKING:
    from inbox_tui.backend import Place
    from inbox_tui.screens.base import Desk
    from listener.store.views.changed import Changed
    from listener.store.views.queue import QueueRow, SavedView

_TRIES = 5
"""How often the way back up is continued when its time ran out; downwards the reader decides."""

_NARROWEST = 30
"""Cells that a problem gets at least."""


class Viewing(InboxCore):
    """Folders that are queries."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.views: Sequence[SavedView] = ()
        self.view: SavedView | None = None
        """The view that is shown instead of a folder."""
        self._wrong = queries.Checked()
        """What keeps the view from being read; it stays, and is shown again when that is over."""
        self._members: set[int] = set()
        self._go_on: Place | None = None
        self._judging = asyncio.Lock()
        self._awaited: SavedView | None = None
        self._ready = False

    async def on_mount(self) -> None:
        """A view that somebody asked for before the screen was there."""
        self._ready = True
        if self._awaited is not None:
            await self.show_view(self._awaited)

    # The list --------------------------------------------------------------------------------------------------------

    async def first_reads(self) -> None:
        """The views after all that everybody needs."""
        await super().first_reads()
        await self.attempt(self._read_views())

    async def _read_views(self) -> None:
        self.views = await self.desk.backend.views()
        self._show_folders()
        if self.view is None or not self.view.id:  # one that nobody keeps is asked from elsewhere
            return
        now = next((view for view in self.views if view.id == self.view.id), None)
        if now is None:
            self.say(f"the view {say(self.view.name)} is deleted", "soon")
            await self.turn_to_folder("open")
        elif now != self.view:
            await self._turn_to(now)

    async def on_views_changed(self, event: ViewsChanged) -> None:
        """Kept or deleted here."""
        event.stop()
        await self.attempt(self._read_views())

    def view_choices(self) -> list[Choice]:
        """The section under the folders."""
        if not self.views:
            return []
        heads = [Choice("", ()), Choice("", (("Views", "dim"),))]
        width = self.folders_width
        return heads + [Choice(f"view:{v.id}", queue.view_line(v, width, self.count_of(v))) for v in self.views]

    def count_of(self, view: SavedView) -> str:
        """How many are in a view, where that is known."""
        return ""

    @property
    def shown_key(self) -> str:
        """The view, or the folder."""
        return super().shown_key if self.view is None else f"view:{self.view.id}"

    async def choose(self, kind: str, key: str) -> None:
        """A line at the left was chosen."""
        view = next((one for one in self.views if kind == "view" and str(one.id) == key), None)
        if view is not None:
            await self.show_view(view)
        else:
            await super().choose(kind, key)

    # One view --------------------------------------------------------------------------------------------------------

    async def turn_to_folder(self, key: str) -> None:
        """A folder, no view."""
        self.view = None
        await super().turn_to_folder(key)

    async def show_view(self, view: SavedView) -> None:
        """A view from its top, or what keeps it from being read."""
        if not self._ready:
            self._awaited = view
            return
        self.to_queue()
        await self._turn_to(view)

    async def _turn_to(self, view: SavedView) -> None:
        """The view in the queue's place; whoever reads or writes beside it goes on."""
        backend = self.desk.backend
        self.view, self._wrong = view, backend.check_query(view.query)
        self._show_folders()
        if self._wrong.problems:  # perhaps by names that are not read yet, or are others by now
            await self.attempt(backend.read_names())
        if self.view == view:
            await self._read_view(backend.check_query(view.query))

    async def _read_view(self, wrong: queries.Checked) -> None:
        self._wrong, self._go_on = wrong, None
        self._members.clear()
        self.rows.unmark()
        self.rows.total = None
        self.rows.empty = self._said_of_wrong() or (
            "No conversation is in this view.",
            "",
            f"They come and go by themselves. {self.desk.sign('forget')} deletes the view."
            if self.view is not None and self.view.id
            else f"Only open ones are listed. {self.desk.sign('listening')} goes to Listening, where all messages are.",
        )
        await self.attempt(self.rows.restart())
        self._show_queue_title()

    def _said_of_wrong(self) -> Sequence[str | Line]:
        """The first problem under its place in the query, and what to do."""
        if self.view is None or not self._wrong.problems:
            return ()
        width = max(_NARROWEST, self.rows.scrollable_content_region.width - 4)
        marked = queries.pointed(self.view.query, self._wrong.problems[0].column - 1, width)
        return (
            *marked,
            *queries.told_lines(self._wrong, width),
            "",
            f"{self.desk.sign('search')} goes on from it in the search box.",
            f"{self.desk.sign('forget')} deletes the view.",
        )

    async def on_names_changed(self, event: NamesChanged) -> None:
        """Lists and queries of the rule files mean something else now: so may the view."""
        event.stop()
        if self.view is None:
            return
        wrong = self.desk.backend.check_query(self.view.query)
        if wrong.problems or self._wrong.problems:
            await self._read_view(wrong)
        else:
            await self.attempt(self._judge(self.view))

    def action_forget(self) -> None:
        """Delete the view under the cursor at the left, else the one that is shown."""
        view, focused = self.view, self.focused
        if isinstance(focused, Choices):
            view = next((one for one in self.views if focused.cursor_key == f"view:{one.id}"), view)
        if view is None or not view.id:
            self.say(f"no view is shown ({self.desk.sign('folders')}: folders)", "soon")
        else:
            self.app.post_message(ForgetWanted(view))

    def queue_title(self) -> list[Piece]:
        """The view's name and what it asks."""
        if self.view is None:
            return super().queue_title()
        left: list[Piece] = [(say(self.view.name), "title"), ("  ", ""), (say(self.view.query), "dim")]
        if self._wrong.problems:
            left[1:1] = [("  cannot be read", "bad")]
        elif self._go_on is not None:
            left[1:1] = [(f"  looked through a part, {self.desk.sign('last')} goes on", "soon")]
        return left

    @property
    def query_shown(self) -> str:
        """What the view asks."""
        return "" if self.view is None else self.view.query

    def known(self) -> Mapping[str, Iterable[str]]:
        """What the conversations here are."""
        rows: Sequence[QueueRow] = self.rows.window.rows
        return {
            "tag": {tag for row in rows for tag in row.tags},
            "team": {row.team for row in rows},
            "source": {row.source for row in rows},
            "author": {row.author_handle for row in rows},
            "topic": [topic.topic for topic in self.topics],
        }

    # Its rows --------------------------------------------------------------------------------------------------------

    def belongs(self, row: QueueRow) -> bool:
        """Whether a row is in what is shown."""
        return super().belongs(row) if self.view is None else row.id in self._members

    async def _load(self, after: Place | None, before: Place | None, limit: int) -> Sequence[QueueRow]:
        if self.view is None:
            return await super()._load(after, before, limit)
        if after is None and before is None:
            self._members.clear()
        if self._wrong.problems:
            return []
        found = await (self._upwards(self.view, before, limit) if before else self._downwards(self.view, after, limit))
        self._members.update(row.id for row in found)
        return found

    async def _downwards(self, view: SavedView, after: Place | None, limit: int) -> Sequence[QueueRow]:
        page = await self.desk.backend.view_page(view.query, self.desk.now(), after=after, limit=limit)
        self._stopped_at(page.searched_to)
        return page.rows

    async def _upwards(self, view: SavedView, before: Place | None, limit: int) -> Sequence[QueueRow]:
        found: list[QueueRow] = []
        place = before
        for _ in range(_TRIES):
            page = await self.desk.backend.view_page(
                view.query, self.desk.now(), before=place, limit=limit - len(found)
            )
            found[:0] = page.rows
            place = page.searched_to
            if place is None or len(found) >= limit:
                break
        return found

    def _stopped_at(self, place: Place | None) -> None:
        if place != self._go_on:
            self._go_on = place
            self._show_queue_title()

    def action_last(self) -> None:
        """To the end; where time ran out, on from there."""
        if self.view is not None and self._go_on is not None and self.focused is self.rows:
            self.work(self.attempt(self._on_from(self.view, self._go_on)), "list")
        else:
            super().action_last()

    async def _on_from(self, view: SavedView, place: Place) -> None:
        self.say("looking further", "dim")
        found = await self._downwards(view, place, PAGE)
        if self.view == view:
            self._members.update(row.id for row in found)
            self.rows.add_below(found)
            self.say(f"{len(found)} more", "good" if found else "dim")

    # Live ------------------------------------------------------------------------------------------------------------

    async def refresh_ids(self, ids: Collection[int]) -> None:
        """Rows as they are now; those of a view are judged again."""
        if self.view is None:
            await super().refresh_ids(ids)
        else:
            await self.attempt(self._judge(self.view))
            await self.after_change(ids)

    async def read_again(self) -> None:
        """Changes may have been missed."""
        if self.view is None:
            await super().read_again()
        else:
            await self.attempt(self._judge(self.view))

    async def _judge(self, view: SavedView) -> None:
        """Read the window again, as far as it reaches: what came is put in, what left is taken out, and nothing moves under the reader."""
        async with self._judging:
            window = self.rows.window
            if self.view != view or self._wrong.problems or not self.rows.loaded:
                return
            top: Place | None = None
            if window.rows and not window.at_top:
                key, row_id = window.place(window.rows[0])
                top = (key, row_id - 1)
            limit = max(PAGE, self.reach())
            page = await self.desk.backend.view_page(view.query, self.desk.now(), after=top, limit=limit)
            found = {row.id for row in page.rows}
            end = page.searched_to
            if end is None and len(page.rows) >= limit:
                end = window.place(page.rows[-1])
            gone = [row.id for row in window.rows if row.id not in found and (end is None or window.place(row) <= end)]
            left = await self.desk.backend.rows(gone) if gone else ()
            if self.view != view:
                return
            self._members.update(found)
            self._members.difference_update(gone)
            self.judged(page.rows, top, end)
            self.rows.changed([row for row in (*page.rows, *left) if window.get(row.id) != row or row.id in gone])
            self.rows.taken_out(set(gone) - {row.id for row in left})
            self._show_queue_title()

    def reach(self) -> int:
        """Conversations of the view up to the end of the window."""
        return len(self.rows.window)

    def judged(self, rows: Sequence[QueueRow], top: Place | None, end: Place | None) -> None:
        """Just these are in the view between two places, as far as anybody has looked."""

    async def heard(self, changed: Changed) -> None:
        """Views of others, then conversations."""
        if changed.views or changed.lost:
            await self.attempt(self._read_views())
        await super().heard(changed)
