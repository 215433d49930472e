"""The search box: one line for a query, what may stand at its cursor, what the thing there means, and what is wrong, under the very character.

Owns the typing; refuses to judge a query (`check` does) and to run it: it gives the query back and is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.geometry import Region, Size
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widgets import Input
from textual.widgets.input import Selection

from inbox_tui.keys import KEYS, SEARCHING, Table, here
from inbox_tui.messages import KeyClicked, NamesChanged
from inbox_tui.view.lines import Line, column, cut, fit, flow, say, typed
from inbox_tui.view.queries import MARK, Checked, Span, begun, cell_of, graphemes, told_lines
from inbox_tui.widgets.bars import Bar, keys_told
from inbox_tui.widgets.bindings import bindings
from inbox_tui.widgets.boxes import BOX
from inbox_tui.widgets.choices import Choice, Choices
from inbox_tui.widgets.drawing import Drawn, strip_of
from inbox_tui.widgets.fields import Field
from inbox_tui.widgets.paper import Paper
from listener.query.fields import Use
from listener.query.names import NO_NAMES, Names
from listener.query.offer import Offers, hover, offers

LONGEST = 20_000
"""Characters that the field takes; a query has fewer, and says so."""

_PART = 4_000
"""Characters made harmless at a time: of a longer line `typed` would keep the beginning only, and half a query is another query."""

_LABEL = 26
_NONE = Offers(0, 0)


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of it: a query without problems, to run or (`keep`) to keep as a view."""

    query: str
    keep: bool = False


def written(text: str) -> str:
    """A text from elsewhere as one harmless line, as far as the field goes."""
    parts = (text[at : at + _PART] for at in range(0, min(len(text), LONGEST), _PART))
    return "".join(typed(part).replace("\n", " ") for part in parts)[:LONGEST]


class QueryField(Field):
    """One line of a query. The cursor stands between characters as people see them, and never inside one."""

    def __init__(self, value: str, *, id: str) -> None:  # noqa: A002 - Textual's own word
        super().__init__(written(value), id=id, select_on_focus=False, max_length=LONGEST)
        self._spans: tuple[str, Sequence[Span]] = ("", ())

    @property
    def spans(self) -> Sequence[Span]:
        """The characters of what is written."""
        if self._spans[0] != self.value:
            self._spans = (self.value, graphemes(self.value))
        return self._spans[1]

    def cell(self, at: int) -> int:
        """The cell, counted from what is seen at the left, of the character that a code point belongs to; the first one is 0."""
        return cell_of(self.spans, begun(self.spans, at)) - self.scroll_offset.x

    def follow(self) -> None:
        """Bring the cursor into sight: after the first change of a field Textual leaves it where it is."""
        cell = cell_of(self.spans, self.cursor_position)
        self.scroll_to_region(Region(cell, 0, width=1, height=1), force=True, animate=False)

    def validate_selection(self, selection: Selection) -> Selection:
        """Both ends go on to the next place between two characters, in the direction in which they moved."""
        held = super().validate_selection(selection)
        old = self.selection
        return Selection(self._between(held.start, old.start), self._between(held.end, old.end))

    def _between(self, at: int, old: int) -> int:
        if self.value.isascii() or at >= len(self.value):
            return at
        inside = next(((start, end) for start, end, _ in self.spans if start < at < end), None)
        return at if inside is None else inside[0] if at < old else inside[1]

    def render_line(self, y: int) -> Strip:
        """The part of the line that is seen. Textual's own would cut characters in two where the cursor is."""
        width = self.scrollable_content_region.width
        if y or not self.value:
            return super().render_line(y)
        base, (start, end) = self.rich_style, sorted(self.selection)
        cursor = base + self.get_component_rich_style("input--cursor")
        chosen = base + self.get_component_rich_style("input--selection")
        blink = self.has_focus and self._cursor_visible
        parts: list[tuple[str, Style]] = []
        for first, last, _ in self.spans:
            here = blink and first == self.cursor_position
            style = cursor if here else chosen if self.has_focus and start <= first < end else base
            if parts and parts[-1][1] is style:
                parts[-1] = (parts[-1][0] + self.value[first:last], style)
            else:
                parts.append((self.value[first:last], style))
        parts.append((" ", cursor if blink and self.cursor_position >= len(self.value) else base))
        left = self.scroll_offset.x
        strip = Strip([Segment(text, style) for text, style in parts])
        return strip.crop(left, left + width + 1).extend_cell_length(width + 1, base)

    def _on_paste(self, event: events.Paste) -> None:
        event.prevent_default()
        event.stop()
        room = max(0, LONGEST - len(self.value) + len(self.selected_text))
        self.replace(written(event.text)[:room], *sorted(self.selection))


class Pointer(Drawn):
    """One line with a mark under a character of the field, where that is in sight; else an arrow to where it is."""

    DEFAULT_CSS = "Pointer { height: 1; padding: 0 1; background: $surface; }"

    def __init__(self, field: QueryField, *, id: str) -> None:  # noqa: A002 - Textual's own word
        super().__init__(id=id)
        self._field = field
        self._at: int | None = None
        self._style = ""

    def show(self, at: int | None, style: str) -> None:
        """Point at a code point of the field; None: at nothing."""
        self._at, self._style = at, style
        self.refresh()

    @property
    def cell(self) -> int | None:
        """The cell that is pointed at; None where that is out of sight."""
        if self._at is None:
            return None
        cell = self._field.cell(self._at)
        return cell if 0 <= cell <= self._field.scrollable_content_region.width else None

    def on_mount(self) -> None:
        """Whatever moves the field moves the mark."""
        self.watch(self._field, "scroll_x", self._moved)

    def _moved(self) -> None:
        self.refresh()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Always one line."""
        return 1

    def render_line(self, y: int) -> Strip:
        """The mark."""
        width = self.content_size.width
        line: Line = ()
        if self._at is not None:
            cell = self._field.cell(self._at)
            if cell < 0:
                line = (("← further left", self._style),)
            elif cell > self._field.scrollable_content_region.width:
                line = ((" " * max(0, width - 15), ""), ("further right →", self._style))
            else:
                line = ((" " * cell, ""), (MARK, self._style))
        return strip_of(line, width, self.look, self.base)


class Searching(ModalScreen[Asked | None]):
    """The box. `held`: values that fields are known to have; `earlier`: queries that Up recalls, the last one first."""

    DEFAULT_CSS = (
        "Searching {"
        + BOX
        + """
        .box { width: 96; max-width: 96%; height: auto; max-height: 95%; }
        #search-field { background: $boost; }
        #search-told { height: 3; }
        #search-offers { height: 7; padding: 0 1; }
        #search-hover { height: 3; }
    }
    """
    )
    BINDINGS: ClassVar[list[BindingType]] = bindings(SEARCHING, priority=True)
    place: ClassVar[str] = SEARCHING

    def __init__(
        self,
        value: str = "",
        *,
        check: Callable[[str], Checked],
        names: Callable[[], Names] = lambda: NO_NAMES,
        held: Mapping[str, Sequence[str]] | None = None,
        earlier: Sequence[str] = (),
        read_only: bool = False,
        table: Table = KEYS,
    ) -> None:
        super().__init__()
        self._check, self._names, self._held = check, names, held or {}
        self._earlier, self._read_only, self._table = earlier, read_only, table
        self._field = QueryField(value, id="search-field")
        self._recalled = -1
        """Which of the earlier queries is shown, untouched; -1: none."""
        self._offers = _NONE
        self._checked = Checked()
        self._looked: tuple[str, int] | None = None

    def compose(self) -> ComposeResult:
        """The field with its mark, what is wrong, what may come, what it means."""
        with Vertical(classes="box"):
            yield Bar(id="search-title")
            yield self._field
            yield Pointer(self._field, id="search-pointer")
            yield Paper(id="search-told")
            yield Choices(id="search-offers")
            yield Paper(id="search-hover")

    def on_mount(self) -> None:
        """Ready to type."""
        keys = [key for key in here(SEARCHING, read_only=self._read_only, table=self._table) if key.footer]
        pieces, acts = keys_told(keys, ", ")
        self.query_one("#search-title", Bar).show((("Search", "title"),), pieces, acts)
        for paper in self.query(Paper):
            paper.can_focus = False
        self._field.focus()
        self._field.cursor_position = len(self._field.value)
        self.watch(self._field, "selection", self._typed, init=False)
        self._typed()

    @on(KeyClicked)
    async def _key_clicked(self, event: KeyClicked) -> None:
        event.stop()
        await self.run_action(event.act)

    # Looking at what is written --------------------------------------------------------------------------------------

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        if self._recalled >= 0 and event.value != self._shown_of(self._recalled):
            self._recalled = -1
        self._typed()

    def on_names_changed(self, event: NamesChanged) -> None:
        """What is written may mean something else, or something at last."""
        event.stop()
        self._looked = None
        self._typed()

    def _typed(self) -> None:
        """Whoever types fast, or pastes, is looked at once for all that has come by then."""
        self.call_after_refresh(self._look)

    def _look(self) -> None:
        value, cursor = self._field.value, self._field.cursor_position
        if self._looked == (value, cursor) or not self.is_attached:
            return
        fresh = self._looked is None or self._looked[0] != value
        self._looked = value, cursor
        self._field.follow()
        if fresh:
            self._checked = self._check(value) if value.strip() else Checked()
        self._show_told()
        short = len(value) <= LONGEST // 2
        self._offers = offers(value, cursor, Use.VIEW, self._names(), self._held) if short else _NONE
        self._show_offers()
        told = hover(value, cursor, Use.VIEW, self._names()) if short else None

        def lines(width: int) -> Sequence[Line]:
            return [] if told is None else flow(((say(told.title), "bold"), (f"  {say(told.body)}", "dim")), width)

        self.query_one("#search-hover", Paper).show(lines, keep=False)

    def _show_told(self) -> None:
        checked, first = self._checked, self._checked.first
        self.query_one(Pointer).show(None if first is None else first.column - 1, checked.style)
        hint: Line = ()
        if not self._field.value:
            recall = "↑ recalls the last search; " if self._earlier else ""
            hint = ((f'{recall}words, "phrases", AND OR NOT, field:value', "dim"),)

        def lines(width: int) -> Sequence[Line]:
            return told_lines(checked, width) or ([hint] if hint else [])

        self.query_one("#search-told", Paper).show(lines, keep=False)

    def _show_offers(self) -> None:
        choices = self.query_one(Choices)
        width = max(20, choices.scrollable_content_region.width or 60) - 2
        made = []
        for index, one in enumerate(self._offers.offers):
            about = (fit(say(one.about), width - _LABEL - 1), "dim")
            made.append(Choice(str(index), cut(((column(say(one.label), _LABEL), "tag"), (" ", ""), about), width)))
        choices.show(made)
        choices.move(-len(made))

    # Keys ------------------------------------------------------------------------------------------------------------

    def action_run_query(self) -> None:
        """Search; a problem stops it and stays in sight."""
        self._give(keep=False)

    def action_keep_query(self) -> None:
        """Keep it as a view."""
        if not self._read_only:
            self._give(keep=True)

    def _give(self, *, keep: bool) -> None:
        self._look()
        query = self._field.value.strip()
        if not query:
            if not keep:
                self.dismiss(None)
            return
        first = self._checked.first
        if first is None or not self._checked.problems:
            self.dismiss(Asked(query, keep))
        elif self.query_one(Pointer).cell is None:
            self._field.cursor_position = first.column - 1

    def action_take_offer(self) -> None:
        """Put the offer in."""
        self._look()
        key = self.query_one(Choices).cursor_key
        if key is None or not key.isdigit():
            return
        offer = self._offers.offers[int(key)]
        insert = written(offer.insert)
        if insert.endswith(" ") and self._field.value[self._offers.end : self._offers.end + 1] == " ":
            insert = insert[:-1]
        self._field.replace(insert, self._offers.start, self._offers.end)
        self._field.cursor_position = self._offers.start + len(insert)

    @on(Choices.Chosen)
    def _clicked(self, event: Choices.Chosen) -> None:
        event.stop()
        self._field.focus()
        self.action_take_offer()

    def action_offer_down(self) -> None:
        """The next offer; among recalled searches, the later one."""
        if self._recalled >= 0:
            self._recall(self._recalled - 1)
        else:
            self.query_one(Choices).move(1)

    def action_offer_up(self) -> None:
        """The offer before; where nothing is written, the last search, and the one before that."""
        if self._earlier and (self._recalled >= 0 or not self._field.value):
            self._recall(min(self._recalled + 1, len(self._earlier) - 1))
        else:
            self.query_one(Choices).move(-1)

    def _recall(self, which: int) -> None:
        self._recalled = which
        self._field.value = self._shown_of(which) if which >= 0 else ""
        self._field.cursor_position = len(self._field.value)

    def _shown_of(self, which: int) -> str:
        return written(self._earlier[which])

    def action_put_away(self) -> None:
        """Leave it."""
        self.dismiss(None)
