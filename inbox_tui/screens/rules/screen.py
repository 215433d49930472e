"""The rules' health: the rulebook in force, the last reload with its problems, every rule by what needs attention, and one in full.

Owns what is shown and in which order; the files are edited elsewhere. Reads again when the feed tells of rules or marks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical

from inbox_tui import keys
from inbox_tui.messages import RowChosen, RowReached, SearchWanted
from inbox_tui.screens.base import Desk, ReadingScreen
from inbox_tui.view import queue, rules
from inbox_tui.view.copying import Copyable
from inbox_tui.view.lines import Line, Piece, say, typed
from inbox_tui.view.rules import RuleRow, RulesNow
from inbox_tui.view.whys import Meant
from inbox_tui.widgets.bars import Bar, KeysBar
from inbox_tui.widgets.bindings import bindings
from inbox_tui.widgets.paper import Paper
from inbox_tui.widgets.rows import Rows
from listener.errors import HubbubError

if TYPE_CHECKING:
    from inbox_tui.backend import Place
    from listener.store.views.changed import Changed
    from listener.store.views.listening import ListeningRow

_HITS = 10
"""Latest hits of a rule that are shown beside it; Listening has all of them."""

_SETTLED = timedelta(seconds=30)
"""Figures are counted again at most so often while messages come in; rules and marks are shown at once."""

_NO_RULES = ("No rules are in force.", "", "They are read from rules/ as soon as the listener runs.")


class RulesScreen(ReadingScreen):
    """Health, the rules, the rule under the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(keys.RULES)
    CSS_PATH = "rules.tcss"
    place = keys.RULES
    has_left_pane = False

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.state = RulesNow()
        self.sort = next(iter(rules.SORTS))
        self._hits: dict[str, Sequence[ListeningRow]] = {}
        self._numbers: dict[str, int] = {}
        """Rules by their ids, as the list knows them."""
        self._shown: str | None = None
        """The rule that is shown in full."""
        self._reading = asyncio.Lock()
        self._read_at: datetime | None = None
        self._stale = False
        self._moved = False
        """Something was heard since: figures may be others."""

    def compose(self) -> ComposeResult:
        """What is in force, the rules, the rule under the cursor."""
        yield Bar(id="top")
        yield Bar(id="alarm")
        yield Paper(id="health")
        with Horizontal(id="panes"):
            with Vertical(id="rules-pane"):
                yield Bar(id="rules-title")
                yield Rows[RuleRow](
                    self._load,
                    self._draw,
                    place=self._place,
                    ident=lambda row: self._numbers[row.id],
                    belongs=lambda row: True,
                    empty=_NO_RULES,
                    id="rules",
                )
            yield Paper(id="rule")
        yield Bar(id="said")
        yield KeysBar(keys.here(self.place, read_only=self.desk.read_only, table=self.desk.table), id="keys")

    async def on_mount(self) -> None:
        """Everything at once: it is in memory."""
        self.rows.focus()
        self.apply_compact()
        self.show_bars()
        await self.attempt(self._read())

    @property
    def rows(self) -> Rows[Any]:
        """The rules."""
        return self.query_one("#rules", Rows)

    def title_pieces(self) -> list[Piece]:
        """Brand and place."""
        return [(say(self.desk.backend.brand), "title"), ("  Rules", "bold")]

    # Reading ---------------------------------------------------------------------------------------------------------

    async def _read(self) -> None:
        """Health and figures as they are now; the cursor stays on its rule."""
        self._stale = self._moved = False
        async with self._reading:  # one after the other: what was read earlier never replaces what was read later
            try:
                self.state = await self.desk.backend.rules_now(self.desk.now())
            except HubbubError:
                self._stale = True  # and tried again, while somebody looks
                raise
            self._read_at = self.desk.now()
            for row in self.state.rules:
                self._numbers.setdefault(row.id, len(self._numbers) + 1)
            self._hits.clear()
            await self._show_sorted()
            self._show_health()

    async def _show_sorted(self) -> None:
        await self.rows.restart(keep_cursor=True)
        self._show_title()

    def _show_title(self) -> None:
        _, unfold, acts = self.pane_signs()
        how = f"{self.desk.sign('sort')} sorts otherwise"
        left = ((f"{len(self.state.rules)} rules", "title"), (f"  by {self.sort}", "dim"))
        self.query_one("#rules-title", Bar).show(left, ((how, "dim"), *unfold), acts | {how: "sort"})

    def panes_changed(self) -> None:
        """The title says so."""
        self._show_title()

    def _place(self, row: RuleRow) -> Place:
        return rules.SORTS[self.sort](row), self._numbers[row.id]

    async def _load(self, after: Place | None, before: Place | None, limit: int) -> Sequence[RuleRow]:
        rows = sorted(self.state.rules, key=self._place)
        if before is not None:
            return [row for row in rows if self._place(row) < before][-limit:]
        return [row for row in rows if after is None or self._place(row) > after][:limit]

    def _draw(self, row: RuleRow, width: int, marked: bool, left: bool) -> Sequence[Line]:
        draw = rules.rule_line if self.desk.compact else rules.rule_lines
        return draw(row, width, self.desk.now())

    def _show_health(self) -> None:
        paper, desk, state = self.query_one("#health", Paper), self.desk, self.state
        paper.show(lambda width: rules.health_lines(state, desk.now(), desk.zone, width), keep=True)
        paper.styles.height = max(1, min(paper.height_wanted, self.size.height // 3))

    # One rule --------------------------------------------------------------------------------------------------------

    def _show_rule(self) -> None:
        paper, row = self.query_one("#rule", Paper), self.rows.cursor_row
        fresh, self._shown = row is None or row.id != self._shown, None if row is None else row.id
        if row is None:
            paper.clear()
            return
        hits, now = self._hits.get(row.id), self.desk.now()
        paper.show(lambda width: rules.rule_page(row, hits, now, width), keep=not fresh)

    async def _read_hits(self, rule: str) -> None:
        if rule not in self._hits:
            found = await self.attempt(self.desk.backend.search(hits_of(rule), self.desk.now(), limit=_HITS))
            if found is not None:
                self._hits[rule] = found.rows
                self._show_rule()

    async def meant(self) -> Sequence[Meant]:
        """The latest hits of the rule under the cursor: they can be asked about and marked from here."""
        row = self.rows.cursor_row
        hits = () if row is None else self._hits.get(row.id, ())
        return [Meant(hit.id, queue.mention_named(hit)) for hit in hits]

    @on(RowReached)
    def _reached(self, event: RowReached) -> None:
        event.stop()
        self._show_rule()
        row = self.rows.cursor_row
        if row is not None and row.hits:
            self.work(self._read_hits(row.id), "hits")
        elif row is not None:
            self._hits[row.id] = ()

    @on(RowChosen)
    def _chosen(self, event: RowChosen) -> None:
        event.stop()
        self.action_open()

    def action_open(self) -> None:
        """Enter: the rule in full; once more: its hits in Listening."""
        row = self.rows.cursor_row
        if row is None:
            return
        paper = self.query_one("#rule", Paper)
        if self.focused is paper:
            self.app.post_message(SearchWanted(hits_of(row.id)))
            return
        self.add_class("-reading")
        paper.focus()

    async def to_copy(self) -> Sequence[Copyable]:
        """The rule under the cursor."""
        row = self.rows.cursor_row
        if row is None:
            return ()
        text = [Copyable("t", "text", typed("\n".join(row.piece)))] if row.piece else []
        return (*text, Copyable("i", "id", say(row.id)))

    async def action_sort(self) -> None:
        """By something else."""
        self.sort = rules.after(self.sort)
        await self.attempt(self._show_sorted())

    # Live ------------------------------------------------------------------------------------------------------------

    async def marks_changed(self, ids: Collection[int]) -> None:
        """Somebody has marked a rule."""
        await self._read_if_shown()

    async def heard(self, changed: Changed) -> None:
        """Another rulebook, a refusal, marks: at once. Messages: when it is time."""
        self._moved = self._moved or bool(changed.topics or changed.conversations)
        if changed.rulebook or changed.lost or changed.marks:
            await self._read_if_shown()

    async def _read_if_shown(self) -> None:
        self._stale = True
        if self.is_current or self.app.screen_stack[0] is self:
            await self.attempt(self._read())

    def tick(self) -> None:
        """Ages, and figures that may be others by now."""
        super().tick()
        self.rows.redraw()
        self._show_health()
        old = self._read_at is None or self.desk.now() - self._read_at > _SETTLED
        if self._stale or (self._moved and old):
            self.work(self.attempt(self._read()), "figures")

    def on_screen_resume(self) -> None:
        """Back on the screen, where something may have changed meanwhile."""
        super().on_screen_resume()
        if self._stale or self._moved:
            self.work(self.attempt(self._read()), "figures")

    def on_resize(self) -> None:
        """Another width: health is made again, once the parts have their sizes."""
        self.call_after_refresh(self._show_health)


def hits_of(rule: str) -> str:
    """The query for the messages that a rule has flagged."""
    return f"rule:{rule}"
