"""How the sources fare: all of them by who needs somebody first, one in full, and what leads and admins do about it.

Owns what is shown and in which order; the listener does what is asked. Reads again when a bell says that something fares otherwise.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical

from inbox_tui import keys
from inbox_tui.messages import RowChosen, RowReached
from inbox_tui.screens.base import Desk, ReadingScreen
from inbox_tui.view import sources, words
from inbox_tui.view.copying import Copyable
from inbox_tui.view.lines import Line, Piece, say
from inbox_tui.widgets import dialogs
from inbox_tui.widgets.bars import Bar, KeysBar
from inbox_tui.widgets.bindings import bindings
from inbox_tui.widgets.choices import Choice
from inbox_tui.widgets.paper import Paper
from inbox_tui.widgets.rows import Rows
from listener.errors import HubbubError
from listener.store.source_views import SourceState

if TYPE_CHECKING:
    from inbox_tui.backend import Place
    from listener.store.views.changed import Changed

_AT_ONCE = timedelta(seconds=1)
"""What rings more often than that is read with the next look at the clock."""

_SETTLED = timedelta(seconds=30)
"""Figures are counted again at most so often while messages come in."""

_NO_SOURCES = ("No source ever ran.", "", "The listener starts them: hubbub up, or hubbub serve.")


class SourcesScreen(ReadingScreen):
    """A summary, the sources, the source under the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(keys.SOURCES)
    CSS_PATH = "sources.tcss"
    place = keys.SOURCES
    has_left_pane = False

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.states: Sequence[SourceState] = ()
        self._numbers: dict[str, int] = {}
        """Sources by their keys, as the list knows them."""
        self._places: dict[str, Place] = {}
        """As they stood when they were read: time alone moves none."""
        self._leads = True
        self._shown: str | None = None
        self._reading = asyncio.Lock()
        self._read_at: datetime | None = None
        self._stale = False
        self._moved = False
        """Something was heard since: figures may be others."""

    def compose(self) -> ComposeResult:
        """All in a line, the sources, the source under the cursor."""
        yield Bar(id="top")
        yield Bar(id="alarm")
        yield Paper(id="health")
        with Horizontal(id="panes"):
            with Vertical(id="sources-pane"):
                yield Bar(id="sources-title")
                yield Rows[SourceState](
                    self._load,
                    self._draw,
                    place=lambda row: self._places[row.key],
                    ident=lambda row: self._numbers[row.key],
                    belongs=lambda row: True,
                    empty=_NO_SOURCES,
                    id="sources",
                )
            yield Paper(id="source")
        yield Bar(id="said")
        yield KeysBar(keys.here(self.place, read_only=self.desk.read_only, table=self.desk.table), id="keys")

    async def on_mount(self) -> None:
        """Everything at once: they are few."""
        self.rows.focus()
        self.apply_compact()
        self.show_bars()
        leads = await self.attempt(self.desk.backend.may_share())
        self._leads = bool(leads)
        await self.attempt(self._read())

    @property
    def rows(self) -> Rows[Any]:
        """The sources."""
        return self.query_one("#sources", Rows)

    def title_pieces(self) -> list[Piece]:
        """Brand and place."""
        return [(say(self.desk.backend.brand), "title"), ("  Sources", "bold")]

    # Reading ---------------------------------------------------------------------------------------------------------

    async def _read(self) -> None:
        """All as it is now; the cursor stays on its source."""
        self._stale = self._moved = False
        async with self._reading:  # one after the other: what was read earlier never replaces what was read later
            now = self.desk.now()
            try:
                self.states = await self.desk.backend.sources_now(now)
            except HubbubError:
                self._stale = True  # and tried again, while somebody looks
                raise
            self._read_at = now
            for one in self.states:
                number = self._numbers.setdefault(one.key, len(self._numbers) + 1)
                self._places[one.key] = ((one.concern(now), one.key), number)
            await self.rows.restart(keep_cursor=True)
            self._show_title()
            self._show_summary()
            self._show_source()

    async def _load(self, after: Place | None, before: Place | None, limit: int) -> Sequence[SourceState]:
        rows = sorted(self.states, key=lambda one: self._places[one.key])
        if before is not None:
            return [one for one in rows if self._places[one.key] < before][-limit:]
        return [one for one in rows if after is None or self._places[one.key] > after][:limit]

    def _draw(self, row: SourceState, width: int, marked: bool, left: bool) -> Sequence[Line]:
        draw = sources.source_line if self.desk.compact else sources.source_lines
        return draw(row, width, self.desk.now())

    def _show_title(self) -> None:
        _, unfold, acts = self.pane_signs()
        may = ((f"{self.desk.sign('pause_source')} pauses or resumes", "dim"),)
        how = may if self._leads else (("leads and admins act here", "dim"),)
        self.query_one("#sources-title", Bar).show((("Sources", "title"),), (*how, *unfold), acts)

    def panes_changed(self) -> None:
        """The title says so."""
        self._show_title()

    def _show_summary(self) -> None:
        paper, desk, states = self.query_one("#health", Paper), self.desk, self.states
        paper.show(lambda width: sources.summary(states, desk.now(), width), keep=True)
        paper.styles.height = max(1, min(paper.height_wanted, self.size.height // 3))

    def _show_source(self) -> None:
        paper, row = self.query_one("#source", Paper), self.rows.cursor_row
        fresh, self._shown = row is None or row.key != self._shown, None if row is None else row.key
        if row is None:
            paper.clear()
            return
        desk = self.desk
        paper.show(lambda width: sources.source_page(row, desk.now(), desk.zone, width), keep=not fresh)

    @on(RowReached)
    def _reached(self, event: RowReached) -> None:
        event.stop()
        self._show_source()

    @on(RowChosen)
    def _chosen(self, event: RowChosen) -> None:
        event.stop()
        self.action_open()

    def action_open(self) -> None:
        """Enter: the source in full."""
        if self.rows.cursor_row is not None:
            self.add_class("-reading")
            self.query_one("#source", Paper).focus()

    async def to_copy(self) -> Sequence[Copyable]:
        """The key of the source under the cursor."""
        row = self.rows.cursor_row
        return () if row is None else (Copyable("i", "key", say(row.key)),)

    # Acts ------------------------------------------------------------------------------------------------------------

    def _meant(self) -> SourceState | None:
        """The source under the cursor, where this session may change anything; else says why not."""
        row: SourceState | None = self.rows.cursor_row
        if row is None:
            self.say("there is no source here", "soon")
        return None if row is None or self.refuse_read_only() else row

    def action_pause_source(self) -> None:
        """Pause, or go on."""
        if (row := self._meant()) is not None:
            self.work(self._pause(row))

    async def _pause(self, row: SourceState) -> None:
        backend, now, key = self.desk.backend, self.desk.now(), self.desk.sign("pause_source")
        if row.wanted == "paused" or row.state == "stopped":
            if await self.attempt(backend.resume_source(row.key, now)) is not None:
                if row.wanted == "paused":  # what had stopped by itself is not stopped again
                    await self.remember("it is paused", lambda at: backend.pause_source(row.key, at))
                self.say(f"{say(row.title)} goes on from where it was ({key} pauses it)", "good")
        elif await self.attempt(backend.pause_source(row.key, now)) is not None:
            await self.remember("it goes on", lambda at: backend.resume_source(row.key, at))
            self.say(f"{say(row.title)} is paused and keeps its place ({key} lets it go on)", "good")
        await self.attempt(self._read())

    def action_fill_gap(self) -> None:
        """Have a gap filled: the only one, or one of several."""
        if (row := self._meant()) is not None:
            self.work(self._fill(row))

    async def _fill(self, row: SourceState) -> None:

        now, zone = self.desk.now(), self.desk.zone
        gaps = [gap for gap in row.gaps if gap.can_be_asked]
        if not gaps:
            self.say("all its gaps are being filled" if row.gaps else "it has no gap", "dim")
            return
        ids = [gap.id for gap in gaps]
        if len(gaps) > 1:
            choices = [Choice("all", ((f"all {len(gaps)}", "bold"),))]
            choices += [Choice(str(gap.id), sources.gap_choice(gap, now, zone)) for gap in gaps]
            answer = await self.app.push_screen_wait(dialogs.Pick("Fill which gap?", choices))
            if answer is None:
                return
            ids = ids if answer == "all" else [int(answer)]
        for id_ in ids:
            if not await self.succeeds(self.desk.backend.fill_gap(id_, self.desk.now())):
                return
        self.say(f"{words.count(len(ids), 'gap')} will be filled, where the network lets one look back", "good")
        await self.attempt(self._read())

    def action_read_again(self) -> None:
        """Have what could not be used read again."""
        if (row := self._meant()) is not None:
            self.work(self._read_again(row))

    async def _read_again(self, row: SourceState) -> None:
        n = await self.attempt(self.desk.backend.read_rejects_again(row.key, self.desk.now()))
        if n is not None:
            told = f"{words.count(n, 'reject')} will be read again by the running listener"
            self.say(told if n else "there is nothing to read again", "good" if n else "dim")
            await self.attempt(self._read())

    # Live ------------------------------------------------------------------------------------------------------------

    async def heard(self, changed: Changed) -> None:
        """A bell of sources: at once. Messages: when it is time."""
        self._moved = self._moved or bool(changed.topics or changed.conversations)
        if changed.sources or changed.lost:
            self._stale = True
            lately = self._read_at is not None and self.desk.now() - self._read_at < _AT_ONCE
            if (self.is_current or self.app.screen_stack[0] is self) and not (lately and not changed.lost):
                await self.attempt(self._read())

    def second(self) -> None:
        """What rang meanwhile."""
        super().second()
        if self._stale and self.is_current:
            self.work(self.attempt(self._read()), "figures")

    def tick(self) -> None:
        """Ages, bars that fill, and figures that may be others by now."""
        super().tick()
        self.rows.redraw()
        self._show_summary()
        self._show_source()
        old = self._read_at is None or self.desk.now() - self._read_at > _SETTLED
        if self._stale or (self._moved and old):
            self.work(self.attempt(self._read()), "figures")

    def on_screen_resume(self) -> None:
        """Back on the screen, where something may have changed meanwhile."""
        super().on_screen_resume()
        if self._stale or self._moved:
            self.work(self.attempt(self._read()), "figures")

    def on_resize(self) -> None:
        """Another width: the summary is made again, once the parts have their sizes."""
        self.call_after_refresh(self._show_summary)
