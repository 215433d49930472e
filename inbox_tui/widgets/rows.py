"""A list of any length on a window of rows: draws only what is seen, fetches what comes next, and never moves under the reader.

The cursor is on a row's id, not on a place: rows may come and go around it, the line under the reader's eyes stays where it is.
Rows that arrive above are counted and announced instead.

Refuses to know what a row is: `load` fetches, `draw` makes lines, `belongs` says whether a row is still in the list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from rich.style import Style
from textual import events
from textual.strip import Strip

from inbox_tui.messages import NewsCounted, RowChosen, RowMarked, RowReached, Said
from inbox_tui.view.lines import Line, say
from inbox_tui.widgets.drawing import strip_of
from inbox_tui.widgets.ranging import MOST, Range
from inbox_tui.widgets.rolling import PAGE, Load, Rolling, Row
from listener.errors import HubbubError

if TYPE_CHECKING:
    from inbox_tui.widgets.window import Place

MARK_CELLS = 2
"""The cursor's bar, and the mark beside it."""


class Rows(Rolling[Row]):
    """The list widget. The screen calls its verbs; it posts `RowReached`, `RowChosen` and `NewsCounted`."""

    def __init__(
        self,
        load: Load[Row],
        draw: Callable[[Row, int, bool, bool], Sequence[Line]],
        *,
        place: Callable[[Row], Place],
        ident: Callable[[Row], int],
        belongs: Callable[[Row], bool],
        end: Place | None = None,
        empty: Sequence[str | Line] = (),
        markable: bool = False,
        id: str,  # noqa: A002 - Textual's own word
    ) -> None:
        super().__init__(load, place=place, ident=ident, end=end, id=id)
        self._draw, self._belongs = draw, belongs
        self.marked: set[int] = set()
        self.all_marked = False
        """Whatever is in the list is taken, also what is not held."""
        self._range: Range | None = None
        self._markable = markable
        self.empty = empty
        """Lines in the place of rows when there are none; a bare text is drawn dim."""
        self._news: set[int] = set()
        self._told = 0
        self._drawn: dict[int, tuple[Row, tuple[int, bool, bool, bool, bool], list[Strip]]] = {}

    def forget_lines(self) -> None:
        """What was drawn is no longer true."""
        self._drawn.clear()

    # Asked by the screen ---------------------------------------------------------------------------------------------

    @property
    def cursor_row(self) -> Row | None:
        """The row under the cursor."""
        return None if self.cursor_id is None else self.window.get(self.cursor_id)

    @property
    def next_row(self) -> Row | None:
        """The row below the cursor, when there is one and it is held."""
        index = self.window.index(self.cursor_id) if self.cursor_id is not None else None
        return None if index is None else self.window.at(self.window.first + index + 1)

    @property
    def news(self) -> int:
        """How many new rows are above what is shown."""
        return len(self._news)

    async def restart(self, *, keep_cursor: bool = False) -> None:
        """Read from the top. With `keep_cursor` the cursor stays on its row if that is still on the first page."""
        self._generation += 1
        generation = self._generation
        rows = await self._load(None, None, PAGE)
        if generation != self._generation:
            return
        self.loaded = True
        self._news.clear()
        self._lead = self._slack = 0
        old = self.cursor_id if keep_cursor else None
        self.window.restart(rows, 0, at_top=True, at_end=len(rows) < PAGE)
        self._resize()
        self.set_scroll(0, 0)
        self.scroll_target_y = 0
        kept = old is not None and self.window.index(old) is not None
        self.cursor_id = old if kept else (self.window.ident(rows[0]) if rows else None)
        self._extend()
        self._bring_into_view()
        self._tell_news()
        self.post_message(RowReached(self.id or "", self.cursor_id))
        self.refresh()
        self._fill()

    async def reread(self) -> None:
        """Read the rows held again around the cursor, after changes may have been missed; nothing moves."""
        row = self.cursor_row
        if row is None:
            await self.restart()
            return
        generation = self._generation
        place = self.window.place(row)
        before = await self._load(None, place, PAGE)
        after = await self._load(place, None, PAGE)
        if generation != self._generation or self.cursor_row is None:
            return
        with self._holding():
            at_top = len(before) < PAGE
            index = self.window.index(self.window.ident(row)) or 0
            first = 0 if at_top else max(1, self.window.first + index - len(before))
            self.window.restart([*before, row, *after], first, at_top=at_top, at_end=len(after) < PAGE)
            self.window.held = self.window.ident(row)
        self._fill()

    def set_total(self, total: int | None) -> None:
        """How many rows the list has by now."""
        if total != self.total:
            with self._holding():
                self.total = total

    def changed(self, rows: Iterable[Row]) -> None:
        """Rows as they are now: updated, put in, or taken out, while the line under the reader stays where it is."""
        with self._holding():
            for row in rows:
                self._changed(row, self._belongs(row))
        self._tell_news()
        self._fill()

    def taken_out(self, ids: Iterable[int]) -> None:
        """Rows that are nowhere any more."""
        with self._holding():
            for row_id in ids:
                self.window.remove(row_id)
                self._lose_mark(row_id)
                self._news.discard(row_id)
                if row_id == self.cursor_id:
                    self.cursor_id = None
        self._tell_news()

    def lines_seen(self) -> list[tuple[int, int]]:
        """The rows that begin in sight: line from the widget's top, and which one."""
        found = []
        for y in range(self.size.height):
            rank, part = divmod(self.scroll_offset.y + y - self._lead, self.row_height)
            row = self.window.at(rank) if part == 0 else None
            if row is not None:
                found.append((y, self.window.ident(row)))
        return found

    def move(self, delta: int) -> None:
        """The cursor some rows down (or up)."""
        if not self.window.rows:
            return
        index = self.window.index(self.cursor_id) if self.cursor_id is not None else None
        if index is None:
            top = self._rank_at(0) - self.window.first
            target = min(max(top, 0), len(self.window) - 1)
        else:
            target = min(max(index + delta, 0), len(self.window) - 1)
        self.go(self.window.ident(self.window.rows[target]))

    def move_page(self, direction: int) -> None:
        """The cursor one screenful down (1) or up (-1)."""
        self.move(direction * max(1, self.size.height // self.row_height - 1))

    def go(self, row_id: int) -> None:
        """The cursor to a row that is held."""
        if self.window.index(row_id) is None:
            return
        old, self.cursor_id = self.cursor_id, row_id
        if old != row_id:
            self._leave(old)
            self._refresh_row(old)
            self._refresh_row(row_id)
            self._extend()
            self.post_message(RowReached(self.id or "", row_id))
        self._slack_off()
        self._bring_into_view()
        self._fill()

    async def to_first(self) -> None:
        """To the top, with everything that is new."""
        await self.restart()

    async def to_last(self) -> None:
        """To the end, however far."""
        if self._end is None or self.window.at_end:
            if self.window.rows:
                self.go(self.window.ident(self.window.rows[-1]))
            return
        self._generation += 1
        generation = self._generation
        rows = await self._load(None, self._end, PAGE)
        if generation != self._generation or not rows:
            return
        first = max(0, (self.total or 0) - len(rows))
        self._lead = self._slack = 0
        self.window.restart(rows, first, at_top=len(rows) < PAGE, at_end=True)
        self._resize()
        self.go(self.window.ident(rows[-1]))
        self.refresh()

    def add_below(self, rows: Sequence[Row]) -> None:
        """Rows that follow the last one, found by somebody else; after a whole page more may follow."""
        with self._holding():
            self.window.append(rows, at_end=len(rows) < PAGE)
        self._fill()

    def toggle_mark(self) -> None:
        """Mark or unmark the row under the cursor, and go one down; a range ends here instead."""
        if self.cursor_id is None:
            return
        if self.ranging or self.all_marked:
            self.all_marked = False
            self._end_range()
            self.refresh()
            return
        self.marked ^= {self.cursor_id}
        self._refresh_row(self.cursor_id)
        self.move(1)

    def mark(self, row_id: int, *, through: bool = False) -> None:
        """Mark or unmark a row and go there; `through`: mark all from the cursor to it."""
        self.all_marked = False
        self._end_range()
        here, there = self.window.index(self.cursor_id or 0), self.window.index(row_id)
        if through and here is not None and there is not None:
            between = self.window.rows[min(here, there) : max(here, there) + 1]
            self.marked |= {self.window.ident(row) for row in between}
        else:
            self.marked ^= {row_id}
        self.go(row_id)
        self.refresh()

    @property
    def ranging(self) -> bool:
        """Whether moving marks."""
        return self._range is not None

    def toggle_range(self) -> None:
        """Begin a range at the row under the cursor: moving marks from there. Or end it; its rows stay marked."""
        self.all_marked = False
        if self.ranging:
            self._end_range()
        elif self.cursor_id is not None:
            index = self.window.index(self.cursor_id)
            if index is not None:
                self._range = Range(self.cursor_id, self.window.stands(index), self.marked)
                self._extend()

    def toggle_all(self) -> bool:
        """Take all that is in the list, or let it go again; False: there is nothing."""
        all_marked = not self.all_marked and bool(self.window.rows)
        self.unmark()
        self.all_marked = all_marked
        return bool(self.window.rows)

    def unmark(self) -> None:
        """No row is marked."""
        self.marked.clear()
        self.all_marked = False
        self._end_range()
        self.refresh()

    def set_row_height(self, height: int) -> None:
        """One line a row, or two."""
        with self._holding():
            self.row_height = height
        self._bring_into_view()

    def redraw(self) -> None:
        """Make the lines again: time has passed."""
        self._drawn.clear()
        self.refresh()

    def _extend(self) -> None:
        """The range reaches from where it began to the cursor, also over rows that are not held; those that nobody has read are read now."""
        drawn, window = self._range, self.window
        here = window.index(self.cursor_id) if self.cursor_id is not None else None
        if drawn is None or self.cursor_id is None or here is None:
            return
        drawn.met(self.cursor_id)
        begin, at = window.index(drawn.row_id), window.stands(here)
        if begin is not None:
            between = range(min(begin, here), max(begin, here) + 1)
            self._learn(drawn, between)
            self.marked = drawn.marks_of({window.ident(window.rows[i]) for i in between})
            self.refresh()
            return
        if drawn.touches(window.stands(0), window.stands(len(window) - 1)):
            low, high = min(drawn.low, at), max(drawn.high, at)
            self._learn(drawn, [i for i in range(len(window)) if low <= window.stands(i) <= high])
        if drawn.knows(at):
            self.marked = drawn.marks(at)
            self.refresh()
        else:
            self.run_worker(self._walk(drawn), group="range", exclusive=True)

    def _learn(self, drawn: Range, indexes: Sequence[int]) -> None:
        places = [(self.window.ident(self.window.rows[i]), self.window.stands(i)) for i in indexes]
        if places:
            drawn.learn(places, min(place for _, place in places), max(place for _, place in places))

    async def _walk(self, drawn: Range) -> None:
        """Read the rows from what the range knows to the cursor, a page at a time."""
        window = self.window
        while self._range is drawn and self.cursor_id is not None:
            here = window.index(self.cursor_id)
            if here is None or drawn.knows(at := window.stands(here)):
                break
            down = at > drawn.high
            try:
                rows = await self._load(drawn.high if down else None, None if down else drawn.low, PAGE)
            except HubbubError as fault:
                self._give_up(drawn, say(fault.what))
                return
            if self._range is not drawn:
                return
            if not rows:
                drawn.learn((), at, at)  # nothing more stands there
                break
            if len(drawn) > MOST:
                self._give_up(drawn, f"a range reaches over at most {MOST:,} rows")
                return
            places = [window.place(row) for row in rows]
            drawn.learn(zip(map(window.ident, rows), places, strict=True), places[0], places[-1])
            if len(rows) < PAGE:
                drawn.learn((), at, at)  # nothing more stands there
        self._extend()
        self.post_message(Said(f"{len(self.marked):,} marked from there to here", "dim"))
        self.post_message(NewsCounted(self.id or "", self._told))

    def _give_up(self, drawn: Range, why: str) -> None:
        """The range ends with what was marked before the cursor went so far."""
        if self._range is drawn:
            self._end_range()
            self.post_message(Said(f"{why}: it ends as it was", "soon"))

    def _end_range(self) -> None:
        self._range = None

    def _lose_mark(self, row_id: int) -> None:
        self.marked.discard(row_id)
        if self._range is not None:
            self._range.lost(row_id)

    # Changes ---------------------------------------------------------------------------------------------------------

    def _changed(self, row: Row, belongs: bool) -> None:
        row_id = self.window.ident(row)
        held_now = self.window.index(row_id) is not None
        if not belongs:
            if not held_now:
                self._lose_mark(row_id)
                return
            if row_id == self.cursor_id:
                self.window.update(row)
                self.window.held = row_id
            else:
                self.window.remove(row_id)
                self._lose_mark(row_id)
            self._news.discard(row_id)
            return
        if held_now:
            if not self.window.update(row):
                if self.window.held == row_id:
                    self.window.held = None
                return
            if row_id == self.cursor_id:
                self.window.held = row_id
                return
            self.window.remove(row_id)
            self.window.insert(row)
            return
        known = self.window.seen(row_id)
        index = self.window.insert(row)
        if self._range is not None and not known:
            self._range.came(row_id)
        cursor = self.window.index(self.cursor_id) if self.cursor_id is not None else None
        above = index is None and self.window.rows and self.window.place(row) < self.window.place(self.window.rows[0])
        if index is not None and cursor is not None:
            above = index < cursor
        if above and not known:
            self._news.add(row_id)

    def _leave(self, row_id: int | None) -> None:
        """The cursor has left a row: if it was only held back, it goes where it belongs now."""
        if row_id is None or self.window.held != row_id:
            return
        row = self.window.get(row_id)
        with self._holding():
            self.window.remove(row_id)
            if row is not None and self._belongs(row):
                self.window.insert(row)
            else:
                self._lose_mark(row_id)

    # Drawing ---------------------------------------------------------------------------------------------------------

    def notify_style_update(self) -> None:
        """Theme or focus changed: colours are looked up again."""
        super().notify_style_update()
        self._drawn.clear()

    def _refresh_row(self, row_id: int | None) -> None:
        index = self.window.index(row_id) if row_id is not None else None
        if index is not None:
            self.refresh_lines(self._y_of(index), self.row_height)

    def render_line(self, y: int) -> Strip:
        """One line of one row; a row that is still being fetched is an ellipsis."""
        width = self.scrollable_content_region.width
        look, base = self.look, self.base
        if not self.window.rows:
            said = self.empty[y] if self.loaded and y < len(self.empty) else ""
            pieces: Line = ((said, "dim"),) if isinstance(said, str) else said
            return strip_of((("  ", ""), *pieces), width, look, base)
        rank, part = divmod(self.scroll_offset.y + y - self._lead, self.row_height)
        row = self.window.at(rank)
        if row is None:
            waiting = part == 0 and 0 <= rank < self._ranks()
            return strip_of((("  …", "dim"),) if waiting else (), width, look, base)
        return self._strips(row, width, base)[part]

    def _made_of(self, row: Row) -> object:
        row_id = self.window.ident(row)
        return row, row_id in self.marked, self.all_marked, self.window.held == row_id and not self._belongs(row)

    def _strips(self, row: Row, width: int, base: Style) -> list[Strip]:
        row_id = self.window.ident(row)
        left = self.window.held == row_id and not self._belongs(row)
        cursor, marked = row_id == self.cursor_id, row_id in self.marked or (self.all_marked and not left)
        seen = (width, cursor, marked, left, self.has_focus)
        known = self._drawn.get(row_id)
        if known is not None and known[0] is row and known[1] == seen:
            return known[2]
        if self._news and row_id in self._news:
            self._news.discard(row_id)
            self.call_later(self._tell_news)
        if cursor:
            base += self.look.cursor if self.has_focus else self.look.cursor_away
        bar = ("▌" if self.has_focus else "▏", "accent") if cursor else (" ", "")
        lines = self._draw(row, width - 1, marked, left)
        if left:
            lines = [tuple((text, "dim" if style != "note" else style) for text, style in line) for line in lines]
        strips = [strip_of((bar, *line), width, self.look, base) for line in lines]
        strips.extend(strip_of((), width, self.look, base) for _ in range(self.row_height - len(strips)))
        if len(self._drawn) > 400:
            self._drawn.clear()
        self._drawn[row_id] = (row, seen, strips)
        return strips

    def _tell_news(self) -> None:
        if len(self._news) != self._told:
            self._told = len(self._news)
            self.post_message(NewsCounted(self.id or "", self._told))

    def on_resize(self) -> None:
        """Another width: lines are made again."""
        self._drawn.clear()
        self._fill()

    def on_click(self, event: events.Click) -> None:
        """A click is cursor and Enter; on the mark, or with ctrl, it marks; with shift, all the rows from the cursor."""
        row = self.window.at(self._rank_at(event.y))
        if row is not None and self._markable and (event.x < MARK_CELLS or event.shift or event.ctrl):
            self.post_message(RowMarked(self.id or "", self.window.ident(row), through=event.shift))
        elif row is not None:
            self.go(self.window.ident(row))
            self.post_message(RowChosen(self.id or "", self.window.ident(row)))
