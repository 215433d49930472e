"""The author's card: who they are, our notes, and their past with us as a list that is fetched window by window.

Asks with what it was given, does what its caller lets it do (`acts`), and gives back the conversation to open. Refuses to know a store.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from inbox_tui.keys import CARD, KEYS, Table, here
from inbox_tui.messages import KeyClicked, NewsCounted, RowChosen, RowReached
from inbox_tui.view.authors import card_lines, past_line
from inbox_tui.view.lines import Line, Piece, say
from inbox_tui.widgets.bars import Bar, KeysBar
from inbox_tui.widgets.bindings import bindings
from inbox_tui.widgets.boxes import BOX
from inbox_tui.widgets.paper import Paper
from inbox_tui.widgets.rows import Rows
from inbox_tui.widgets.window import Place, by_time, newest_first
from listener.errors import HubbubError
from listener.store.views.authors import Author, PastRow

Act = Callable[[], Awaitable[Piece | None]]
"""Something that can be done from the card; what to say of it, None: it was not done."""

Past = Callable[[Place | None, Place | None, int], Awaitable[Sequence[PastRow]]]
"""Conversations: older than the first place, newer than the second, so many."""


class AuthorCard(ModalScreen[int | None]):
    """The panel. `acts`: by the names of `keys.CARD`; `more`: lines that the caller knows of the author beside their profile."""

    DEFAULT_CSS = (
        "AuthorCard {"
        + BOX
        + """
        .box { width: 110; max-width: 98%; height: 95%; }
        .box KeysBar { padding: 0; }
        #card-lines { height: auto; max-height: 55%; padding: 0; }
        #card-lines:focus { background: $boost; }
        #past { height: 1fr; }
    }
    """
    )
    BINDINGS: ClassVar[list[BindingType]] = bindings(CARD)
    place: ClassVar[str] = CARD

    def __init__(
        self,
        author: Author,
        read: Callable[[], Awaitable[Author | None]],
        past: Past,
        acts: Mapping[str, Act],
        *,
        more: Callable[[Author, int], Sequence[Line]] = lambda _, __: (),
        now: Callable[[], datetime],
        zone: tzinfo | None,
        read_only: bool = False,
        table: Table = KEYS,
    ) -> None:
        super().__init__()
        self._author, self._read, self._past, self._acts, self._more = author, read, past, acts, more
        self._now, self._zone, self._read_only, self._table = now, zone, read_only, table

    def compose(self) -> ComposeResult:
        """Who they are, their past, what was just done, and the keys."""
        with Vertical(classes="box"):
            yield Paper(id="card-lines")
            yield Bar(id="past-title")
            yield Rows[PastRow](
                self._load,
                self._draw,
                place=lambda row: newest_first(row.last_at, row.id),
                ident=lambda row: row.id,
                belongs=lambda _: True,
                empty=("No conversation with them.",),
                id="past",
            )
            yield Bar(id="card-said")
            yield KeysBar(here(CARD, read_only=self._read_only, table=self._table), id="card-keys")

    async def on_mount(self) -> None:
        """The card is known already; the newest conversations come."""
        self.query_one("#past-title", Bar).show((("Past conversations", "title"), ("  the newest word first", "dim")))
        self._rows.set_row_height(1)
        self._rows.focus()
        self._show()
        try:
            await self._rows.restart()
        except HubbubError as fault:
            self._say((say(fault.what), "bad"))

    @property
    def _rows(self) -> Rows[Any]:
        return self.query_one("#past", Rows)

    def _show(self) -> None:
        paper, author = self.query_one("#card-lines", Paper), self._author

        def lines(width: int) -> list[Line]:
            return card_lines(author, self._now(), self._zone, width, self._more(author, width))

        paper.show(lines)
        paper.styles.height = max(3, len(lines(max(20, min(106, int(self.app.size.width * 0.98) - 5)))))

    def _say(self, said: Piece) -> None:
        self.query_one("#card-said", Bar).show((said,))

    async def _load(self, after: Place | None, before: Place | None, limit: int) -> Sequence[PastRow]:
        """The list runs from new to old: what comes after a row on the screen came before it in time."""
        return await self._past(by_time(after), by_time(before), limit)

    def _draw(self, row: PastRow, width: int, marked: bool, left: bool) -> Sequence[Line]:
        return past_line(row, width, self._now())

    # Keys and mouse --------------------------------------------------------------------------------------------------

    @on(RowChosen)
    def _chosen(self, event: RowChosen) -> None:
        event.stop()
        self.dismiss(event.row_id)

    @on(RowReached)
    @on(NewsCounted)
    def _heard(self, event: RowReached | NewsCounted) -> None:
        event.stop()

    @on(KeyClicked)
    async def _clicked(self, event: KeyClicked) -> None:
        event.stop()
        await self.run_action(event.act)

    def action_open_past(self) -> None:
        """The conversation under the cursor."""
        if self._rows.cursor_id is not None:
            self.dismiss(self._rows.cursor_id)

    def action_card_note(self) -> None:
        """A note on the author."""
        self._do("card_note")

    def action_card_mute(self) -> None:
        """Mute them, or unmute them."""
        self._do("card_mute")

    def action_card_undo(self) -> None:
        """Take back what was done last."""
        self._do("card_undo")

    def _do(self, name: str) -> None:
        if self._read_only:
            self._say(("read-only: nothing is changed from here", "soon"))
        elif act := self._acts.get(name):
            self.run_worker(self._done(act), group="acts")

    async def _done(self, act: Act) -> None:
        try:
            said = await act()
            author = await self._read()
        except HubbubError as fault:
            self._say((say(f"{fault.what}: {fault.hint}" if fault.hint else fault.what), "soon"))
            return
        if not self.is_attached:
            return
        if author is not None:
            self._author = author
            self._show()
        await self._rows.restart(keep_cursor=True)
        self._say(said or ("left as it is", "dim"))

    def action_turn(self) -> None:
        """The lines or the list."""
        paper = self.query_one("#card-lines", Paper)
        (self._rows if self.focused is paper else paper).focus()

    def _mover(self) -> Rows[Any] | Paper:
        return self.focused if isinstance(self.focused, Paper) else self._rows

    def action_line_down(self) -> None:
        """One line down."""
        self._mover().move(1)

    def action_line_up(self) -> None:
        """One line up."""
        self._mover().move(-1)

    def action_sheet_down(self) -> None:
        """One page down."""
        self._mover().move_page(1)

    def action_sheet_up(self) -> None:
        """One page up."""
        self._mover().move_page(-1)

    def action_close_card(self) -> None:
        """Leave it."""
        self.dismiss(None)
