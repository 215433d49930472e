"""A list that scrolls over a window of rows: where rows stand on the screen, what must be fetched next, and holding still.

The line under the reader's eyes keeps its height on the screen whatever happens around it. Refuses to draw and to judge changes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Generic, TypeVar

from textual.scroll_view import ScrollView

from inbox_tui.messages import RowReached
from inbox_tui.widgets.drawing import Drawn
from inbox_tui.widgets.scrolling import reach
from inbox_tui.widgets.window import Place, Window

Row = TypeVar("Row")
Load = Callable[[Place | None, Place | None, int], Awaitable[Sequence[Row]]]
"""(after, before, limit) -> rows in order, right after or right before a place; neither: from the top."""

PAGE = 100


class Rolling(Drawn, ScrollView, Generic[Row], can_focus=True, inherit_bindings=False):
    """The part of a list widget that knows about places; `Rows` adds what people see and do."""

    DEFAULT_CSS = """
    Rolling { overflow-x: hidden; overflow-y: auto; scrollbar-gutter: stable; scrollbar-size-vertical: 1; }
    """

    def __init__(
        self,
        load: Load[Row],
        *,
        place: Callable[[Row], Place],
        ident: Callable[[Row], int],
        end: Place | None,
        id: str,  # noqa: A002 - Textual's own word
    ) -> None:
        super().__init__(id=id)
        self._load, self._end = load, end
        self.window: Window[Row] = Window(place, ident)
        self.total: int | None = None
        """Exact number of rows in the list where somebody counts them."""
        self.row_height = 2
        self.cursor_id: int | None = None
        self.loaded = False
        self._lead = 0
        self._slack = 0
        """Blank lines above and below the rows, for holding still where there is nothing to scroll."""
        self._filling = False
        self._generation = 0

    def forget_lines(self) -> None:
        """What was drawn is no longer true."""

    @contextmanager
    def _holding(self) -> Iterator[None]:
        """Whatever happens to the rows, the line that the reader looks at keeps its height on the screen; what is out of sight draws nothing."""
        before = self._in_view()
        top = self.scroll_offset.y
        view = self.scrollable_content_region.height or self.size.height
        anchor: int | None = None
        offset = 0
        index = self.window.index(self.cursor_id) if self.cursor_id is not None else None
        if index is not None:
            offset = self._y_of(index) - top
            if -self.row_height < offset < view:
                anchor = self.cursor_id
        if anchor is None:
            rank = self._rank_at(self.row_height - 1)
            row = self.window.at(rank)
            if row is not None:
                anchor, offset = self.window.ident(row), self._lead + rank * self.row_height - top
        yield
        self.forget_lines()
        if self.cursor_id is None and self.window.rows and self.loaded:
            self.cursor_id = self.window.ident(self.window.rows[0])
            self.post_message(RowReached(self.id or "", self.cursor_id))
        index = self.window.index(anchor) if anchor is not None else None
        if index is None:
            self._lead = self._slack = 0
            self._resize()
        else:
            target = (self.window.first + index) * self.row_height - offset
            self._lead = max(0, -target)
            target += self._lead
            self._slack = max(0, target + view - self._lead - self._ranks() * self.row_height)
            self._resize()
            if target != top:
                self.set_scroll(None, target)
                self.set_reactive(ScrollView.scroll_target_y, target)
                self.vertical_scrollbar.position = target
        if not self.window.rows or self._in_view() != before:
            self.refresh()

    def _in_view(self) -> list[object]:
        """All that decides what is drawn: how the rows in view stand, and what is seen of each."""
        first, last = self._rank_at(0), self._rank_at(self.size.height)
        seen = [(rank, self.window.at(rank)) for rank in range(first, last + 1)]
        cut = (self.scroll_offset.y - self._lead) % self.row_height
        ranks = self._ranks()
        return [
            self.row_height,
            cut,
            self.cursor_id,
            *(0 <= rank < ranks if row is None else self._made_of(row) for rank, row in seen),
        ]

    def _made_of(self, row: Row) -> object:
        """What a row's lines are made of."""
        return row

    def _ranks(self) -> int:
        """How many rows the scroll bar stands for."""
        if self.window.at_end:
            return self.window.end
        return max(self.total or 0, self.window.end + 1)

    def _resize(self) -> None:
        reach(self, self._lead + self._ranks() * self.row_height + self._slack)

    def _y_of(self, index: int) -> int:
        """The line at which a row held begins."""
        return self._lead + (self.window.first + index) * self.row_height

    def _rank_at(self, y: int) -> int:
        """The rank of the row that is `y` lines below the upper edge."""
        return (self.scroll_offset.y + y - self._lead) // self.row_height

    def _slack_off(self) -> None:
        """The reader moves by themselves: blank lines that held the list still go as soon as nothing jumps by it."""
        view = self.scrollable_content_region.height or self.size.height
        slack = max(0, self.scroll_offset.y + view - self._lead - self._ranks() * self.row_height)
        lead = 0 if self.window.at_top and self.window.index(self.cursor_id or 0) == 0 else self._lead
        if (lead, slack) != (self._lead, self._slack) and (slack < self._slack or lead < self._lead):
            self._lead, self._slack = lead, min(slack, self._slack)
            self._resize()
            self.refresh()

    def _bring_into_view(self) -> None:
        index = self.window.index(self.cursor_id) if self.cursor_id is not None else None
        if index is None:
            return
        y = self._y_of(index)
        top, view = self.scroll_offset.y, self.scrollable_content_region.height or self.size.height
        if y < top:
            self.scroll_to(y=y, animate=False, force=True)
        elif y + self.row_height > top + view > 0:
            self.scroll_to(y=y + self.row_height - view, animate=False, force=True)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """The reader scrolled: fetch what comes into view."""
        super().watch_scroll_y(old_value, new_value)
        self._fill()

    def _step(self) -> str | None:
        """What must be fetched next for the rows in view, and a page around them."""
        if not self.loaded:
            return None
        low = max(0, self._rank_at(0))
        high = low + self.size.height // self.row_height + 1
        # Where rows are not counted no place can be guessed: they are read one page after the other.
        if self.total and not self.window.at_end and low > self.window.end + 2 * PAGE:
            return "jump"
        if self.total and not self.window.at_top and high < self.window.first - 2 * PAGE:
            return "jump"
        if not self.window.at_end and high + PAGE // 2 > self.window.end:
            return "after"
        if not self.window.at_top and low - PAGE // 2 < self.window.first:
            return "before"
        return None

    def _fill(self) -> None:
        if not self._filling and self._step() is not None:
            self._filling = True
            self.run_worker(self._fetch(), group="fill", exit_on_error=True)

    async def _fetch(self) -> None:
        try:
            while (step := self._step()) is not None:
                generation = self._generation
                window = self.window
                if step == "jump":
                    await self._jump(generation)
                elif step == "after":
                    rows = await self._load(window.place(window.rows[-1]), None, PAGE)
                    if generation == self._generation:
                        with self._holding():
                            window.append(rows, at_end=len(rows) < PAGE)
                else:
                    rows = await self._load(None, window.place(window.rows[0]), PAGE)
                    if generation == self._generation:
                        with self._holding():
                            window.prepend(rows, at_top=len(rows) < PAGE)
        finally:
            self._filling = False

    async def _jump(self, generation: int) -> None:
        """The scroll bar was dragged far: guess the place of that rank between two known ones, and read there."""
        rank = max(0, self._rank_at(0))
        place = await self._guess(rank)
        if generation != self._generation:
            return
        rows = [] if place is None else list(await self._load(place, None, PAGE))
        if generation != self._generation:
            return
        if len(rows) < PAGE and self._end is not None:
            rows = list(await self._load(None, self._end, PAGE))
            first, at_end = max(0, (self.total or 0) - len(rows)), True
        else:
            first, at_end = rank, False
        if generation == self._generation and rows:
            self._lead = 0
            self.window.restart(rows, first, at_top=False, at_end=at_end)
            self.forget_lines()
            self._resize()
            self.refresh()

    async def _guess(self, rank: int) -> Place | None:
        """A place about `rank` rows from the top, by straight line between the window and the nearer end of the list."""
        top = await self._load(None, None, 1)
        bottom = await self._load(None, self._end, 1) if self._end is not None else []
        if not top or not bottom or not self.total:
            return None
        low, high = (0, self.window.place(top[0])[0]), (self.total, self.window.place(bottom[-1])[0])
        if self.window.rows:
            here = (self.window.first, self.window.place(self.window.rows[0])[0])
            low, high = (here, high) if rank > here[0] else (low, here)
        share = (rank - low[0]) / max(1, high[0] - low[0])
        return int(low[1] + (high[1] - low[1]) * share), 0
