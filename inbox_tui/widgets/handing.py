"""Two sheets over the screen: the notes that were handed over, each with its conversations to open; and the page on which one is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import TextArea

from inbox_tui.view import handing
from inbox_tui.widgets import pages
from inbox_tui.widgets.bars import Bar
from inbox_tui.widgets.boxes import BOX
from inbox_tui.widgets.choices import Choice, Choices
from inbox_tui.widgets.dialogs import Asked
from inbox_tui.widgets.paper import Paper

if TYPE_CHECKING:
    from inbox_tui.view.lines import Line
    from listener.store.views.queue import QueueRow
    from listener.store.views.staff import Handover

WRITE = 0
"""The answer of who wants to write; no conversation has this number."""

_BOX = (
    BOX
    + """
    .box { width: 96; max-width: 95%; height: 90%; }
    .box Paper { height: 1fr; padding: 0; background: $surface; }
    .box Choices { height: auto; max-height: 40%; }
    .box Page { height: 2fr; border: none; background: $boost; }
    .box Page:focus { border: none; }
"""
)


class Reading(Asked[int | None]):
    """The notes, the newest first. Answers a conversation to open, `WRITE`, or None."""

    DEFAULT_CSS = "Reading {" + _BOX + "}"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "cancel"),
        Binding("j,down", "move(1)", priority=True),
        Binding("k,up", "move(-1)", priority=True),
        Binding("pagedown,space", "page(1)"),
        Binding("pageup", "page(-1)"),
        Binding("tab,right", "note(1)", priority=True),
        Binding("shift+tab,left", "note(-1)", priority=True),
        Binding("w", "write"),
    ]

    def __init__(
        self,
        notes: Sequence[Handover],
        rows: Mapping[int, QueueRow],
        now: datetime,
        zone: tzinfo | None,
        *,
        writes: bool,
    ) -> None:
        super().__init__()
        self._notes, self._rows, self._now, self._zone, self._writes = notes, rows, now, zone, writes
        self._shown = 0

    def compose(self) -> ComposeResult:
        """Whose it is, the note, its conversations, and the keys."""
        with Vertical(classes="box"):
            yield Bar(id="dialog-title")
            yield Paper(id="dialog-paper")
            yield Bar(id="dialog-links")
            yield Choices(id="dialog-choices")
            yield Bar(id="dialog-keys")

    def on_mount(self) -> None:
        """The newest."""
        self._show()
        self.query_one(Choices).focus()

    def on_resize(self) -> None:
        """Another width."""
        self.call_after_refresh(self._show)

    def _show(self) -> None:
        note, many = self._notes[self._shown], len(self._notes)
        which = ((f"{self._shown + 1} of {many}", "dim"),) if many > 1 else ()
        head = f"Hand-over from {handing.title(note, self._now, self._zone)}"
        self.query_one("#dialog-title", Bar).show(((head, "title"),), which)
        self.query_one("#dialog-paper", Paper).show(lambda width: handing.note_lines(note, width), keep=False)
        ids = [id_ for id_ in handing.numbers(note.body) if id_ in self._rows]
        width = max(40, self.query_one(Choices).size.width - 2)
        self.query_one(Choices).show([Choice(str(id_), handing.named(self._rows[id_], width)) for id_ in ids])
        said = "its conversations as they are now (enter opens)" if ids else "it names no conversation"
        self.query_one("#dialog-links", Bar).show(((said, "dim"),))
        acts = {"tab: the one before": "note(1)"} if many > 1 else {}
        acts |= {"w: write yours": "write"} if self._writes else {}
        acts |= {"esc leaves": "cancel"}
        pieces = [piece for words in acts for piece in ((words, "dim"), ("  ", ""))]
        self.query_one("#dialog-keys", Bar).show(pieces, acts=acts)

    @on(Choices.Chosen)
    def _chosen(self, event: Choices.Chosen) -> None:
        event.stop()
        self.dismiss(int(event.key))

    def key_enter(self) -> None:
        """The conversation under the cursor."""
        self.query_one(Choices).choose()

    def action_move(self, delta: int) -> None:
        """The cursor over the conversations; without any, the note."""
        choices = self.query_one(Choices)
        choices.move(delta) if choices.cursor_key else self.query_one(Paper).move(delta)

    def action_page(self, direction: int) -> None:
        """The note by a screenful."""
        self.query_one(Paper).move_page(direction)

    def action_note(self, delta: int) -> None:
        """An older note, or a newer one."""
        self._shown = (self._shown + delta) % len(self._notes)
        self._show()

    def action_write(self) -> None:
        """One's own."""
        if self._writes:
            self.dismiss(WRITE)

    def action_cancel(self) -> None:
        """Done reading."""
        self.dismiss(None)


@dataclass(frozen=True, slots=True)
class Written:
    """What was on the page when it was left."""

    body: str
    keep: bool
    """To be handed over; else put down."""


class Writing(Asked[Written]):
    """A note to write, begun with a draft; beside it what its numbers stand for."""

    DEFAULT_CSS = "Writing {" + _BOX + "}"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", priority=True),
        Binding("ctrl+s,ctrl+enter", "take", priority=True),
    ]

    def __init__(self, draft: str, rows: Mapping[int, QueueRow]) -> None:
        super().__init__()
        self._draft, self._rows = draft, rows

    def compose(self) -> ComposeResult:
        """The page, and its legend."""

        with Vertical(classes="box"):
            yield Bar(id="dialog-title")
            yield pages.Page(self._draft, id="dialog-page", soft_wrap=True)
            yield Bar(id="dialog-links")
            yield Paper(id="dialog-paper")

    def on_mount(self) -> None:
        """Ready to type."""
        self._head("Your hand-over", take="^s keeps it for everybody", cancel="esc puts it down")
        self.query_one("#dialog-links", Bar).show(
            (("what the numbers stand for (only on screen, not in the note)", "dim"),)
        )
        self._show()
        self.query_one("#dialog-page").focus()

    @on(TextArea.Changed)
    def _show(self) -> None:

        ids = handing.numbers(self.query_one(pages.Page).text)

        def lines(width: int) -> Sequence[Line]:
            return handing.legend(ids, self._rows, width)

        self.query_one("#dialog-paper", Paper).show(lines)

    def action_take(self) -> None:
        """Keep what is written."""

        self.dismiss(Written(self.query_one(pages.Page).text, keep=True))

    def action_cancel(self) -> None:
        """Put it down."""

        self.dismiss(Written(self.query_one(pages.Page).text, keep=False))
