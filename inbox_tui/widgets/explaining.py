"""The panel that says why: a message, every rule that fired on it, and why others did not. Typing narrows the rules.

Asks with what it was given; refuses to judge, and to know a store.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, tzinfo
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from inbox_tui.keys import KEYS, WHY, Table, here
from inbox_tui.messages import KeyClicked
from inbox_tui.view.lines import Line, flow, say
from inbox_tui.view.whys import Explanation, Meant, why_lines
from inbox_tui.widgets.bars import Bar, keys_told
from inbox_tui.widgets.bindings import bindings
from inbox_tui.widgets.boxes import BOX
from inbox_tui.widgets.fields import Field
from inbox_tui.widgets.paper import Paper
from listener.errors import HubbubError

Ask = Callable[[int, bool], Awaitable[Explanation | None]]
"""Why, for one message; by today's rules, else by those that judged it."""


class Explaining(ModalScreen[None]):
    """The panel. `meant`: the messages that may be asked about, the newest first; never empty."""

    DEFAULT_CSS = (
        "Explaining {"
        + BOX
        + """
        .box { width: 110; max-width: 98%; height: 95%; }
        .box Field { background: $boost; }
        #why-paper { height: 1fr; padding: 0; }
    }
    """
    )
    BINDINGS: ClassVar[list[BindingType]] = bindings(WHY, priority=True)
    place: ClassVar[str] = WHY

    def __init__(
        self, meant: Sequence[Meant], ask: Ask, *, now: Callable[[], datetime], zone: tzinfo | None, table: Table = KEYS
    ) -> None:
        super().__init__()
        self._meant, self._ask, self._now, self._zone, self._table = meant, ask, now, zone, table
        self._at = 0
        self._today = False
        self._told: Explanation | None = None
        self._fault = ""

    def compose(self) -> ComposeResult:
        """Which message, what to narrow by, why, and the keys."""
        with Vertical(classes="box"):
            yield Bar(id="why-title")
            yield Field(placeholder="type to narrow: why not billing?", id="why-field")
            yield Paper(id="why-paper")
            yield Bar(id="why-keys")

    def on_mount(self) -> None:
        """Ready to type, and asking."""
        entries = [
            key for key in here(WHY, table=self._table) if key.footer and (key.act != "earlier" or len(self._meant) > 1)
        ]
        pieces, acts = keys_told(entries)
        self.query_one("#why-keys", Bar).show(pieces, (), acts)
        self.query_one(Paper).can_focus = False
        self.query_one(Field).focus()
        self._read()

    @on(KeyClicked)
    async def _key_clicked(self, event: KeyClicked) -> None:
        event.stop()
        await self.run_action(event.act)

    def _read(self) -> None:
        message = self._meant[self._at]
        several = f"{self._at + 1} of {len(self._meant)}  " if len(self._meant) > 1 else ""
        self.query_one("#why-title", Bar).show(((f"Why  {several}", "title"), (message.said, "dim")))
        self.run_worker(self._asked(message.id, self._today), exclusive=True)

    async def _asked(self, mention_id: int, today: bool) -> None:
        self._told, self._fault = None, ""
        self._show(fresh=True)
        try:
            self._told = await self._ask(mention_id, today)
            self._fault = "" if self._told is not None else "no rule ever looked at this message: it was never judged"
        except HubbubError as fault:
            self._fault = say(f"{fault.what}: {fault.hint}" if fault.hint else fault.what)
        if self.is_attached:
            self._show(fresh=True)

    def _show(self, *, fresh: bool) -> None:
        wanted = self.query_one(Field).value

        def lines(width: int) -> Sequence[Line]:
            if self._told is not None:
                return why_lines(self._told, wanted, self._now(), self._zone, width)
            return flow(((self._fault, "soon"),), width) if self._fault else [(("…", "dim"),)]

        self.query_one(Paper).show(lines, keep=not fresh)

    @on(Input.Changed)
    def _narrow(self, event: Input.Changed) -> None:
        event.stop()
        self._show(fresh=True)

    # Keys ------------------------------------------------------------------------------------------------------------

    def action_by_today(self) -> None:
        """By the rules of today, or of that time."""
        self._today = not self._today
        self._read()

    def action_earlier(self) -> None:
        """The message before."""
        self._turn(1)

    def action_later(self) -> None:
        """The message after."""
        self._turn(-1)

    def _turn(self, delta: int) -> None:
        at = min(max(self._at + delta, 0), len(self._meant) - 1)
        if at != self._at:
            self._at = at
            self._read()

    def action_line_down(self) -> None:
        """One line down."""
        self.query_one(Paper).move(1)

    def action_line_up(self) -> None:
        """One line up."""
        self.query_one(Paper).move(-1)

    def action_sheet_down(self) -> None:
        """One page down."""
        self.query_one(Paper).move_page(1)

    def action_sheet_up(self) -> None:
        """One page up."""
        self.query_one(Paper).move_page(-1)

    def action_close_why(self) -> None:
        """Leave it."""
        self.dismiss(None)
