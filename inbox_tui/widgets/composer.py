"""Where a reply is written. Always says as whom, to whom, and public or private in words, and counts as the network counts.

Shows what `look` finds in the draft while it is typed, and puts saved replies in. Posts `DraftChanged`, `ReplySubmitted`, `ApprovalWanted`,
`LaterWanted`, `SavedWanted`, `OptionsWanted` and `ComposerLeft`; refuses to send, save or stop anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical

from inbox_tui.keys import COMPOSER, KEYS, Table, sign
from inbox_tui.messages import (
    AnswersWanted,
    ApprovalWanted,
    ComposerLeft,
    DraftChanged,
    EditorWanted,
    FileWanted,
    LaterWanted,
    OptionsWanted,
    ReplySubmitted,
    SavedWanted,
)
from inbox_tui.view import saved, sight
from inbox_tui.view.lines import Line, cut, flow, say, typed
from inbox_tui.widgets import pages
from inbox_tui.widgets.bars import Bar
from inbox_tui.widgets.bindings import bindings
from inbox_tui.widgets.paper import Paper
from listener import lengths
from listener.model.kinds import Audience

if TYPE_CHECKING:
    from textual.widgets import TextArea


SENDS = MappingProxyType({"send": "sends", "send_close": "sends, closes, goes on", "put_down": "puts it down"})
"""What the keys do, act to words, where nothing else is told."""

FOUND, ROOMY = 4, 32
"""Lines of what was found in a draft, twice as many in a terminal so high; more of them scroll."""


class Composer(Vertical, inherit_bindings=False):
    """The composer. `begin` opens it for one conversation; it stays until the screen ends it."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(COMPOSER, priority=True)
    DEFAULT_CSS = """
    Composer { height: auto; max-height: 60%; background: $surface; display: none; border-top: solid $secondary; }
    Composer.-open { display: block; }
    Composer Page { height: auto; min-height: 4; max-height: 14; border: none; padding: 0 1; background: $surface; }
    Composer Page:focus { border: none; }
    Composer Bar { background: $surface; }
    Composer Paper { height: auto; background: $surface; display: none; }
    Composer.-found #composer-found, Composer.-carrying #composer-carried { display: block; }
    """

    def __init__(self, *, id: str, table: Table = KEYS) -> None:  # noqa: A002 - Textual's own word
        super().__init__(id=id)
        self._table = table
        self.conversation_id: int | None = None
        self._source = ""
        self._terms: lengths.Terms | None = None
        self._whom: Line = ()
        self._asking = ""
        self._how: Mapping[str, str] = SENDS
        self._page: pages.Page | None = None
        self._look: Callable[[str], Sequence[Line]] = _nothing
        self._offers: Sequence[saved.Offer] | None = None

    def compose(self) -> ComposeResult:
        """To whom, what was found, and how long it is; the page between them comes with the first reply."""
        yield Bar(id="composer-whom")
        yield Paper(id="composer-carried")
        yield Paper(id="composer-found")
        yield Bar(id="composer-count")

    @property
    def is_open(self) -> bool:
        """Whether somebody is writing."""
        return self.has_class("-open")

    @property
    def knows(self) -> bool:
        """Whether it has been told what to look for and what to offer."""
        return self._offers is not None

    @property
    def text(self) -> str:
        """What is written by now."""
        return "" if self._page is None else self._page.text

    def on_mount(self) -> None:
        """What was found is read, not gone to."""
        for paper in self.query(Paper):
            paper.can_focus = False

    async def begin(
        self,
        conversation_id: int,
        source: str,
        *,
        as_whom: str,
        to_whom: str,
        private: bool,
        audience: Audience = Audience.PUBLIC,
        draft: str = "",
        terms: lengths.Terms | None = None,
    ) -> None:
        """Open for a conversation; names are harmless already. `terms`: how long the text may be, where that is not the same everywhere."""
        self.conversation_id, self._source, self._terms = conversation_id, source, terms
        self._look, self._offers, self._how = _nothing, None, SENDS
        loud, who_reads = sight.reply_pieces(audience, private=private)
        names: Line = ((" as ", "dim"), (as_whom, "ours"), (" to ", "dim"), (to_whom, "bold"))
        self._whom = (loud, *names, (f", {who_reads}", "dim"))
        self.query_one("#composer-whom", Bar).show(self._whom)
        page = await self._paged()
        page.text = typed(draft)
        page.move_cursor(page.document.end)
        self.add_class("-open")
        self._count()
        self._show_found()
        page.focus()

    def tell_how(self, words: Mapping[str, str]) -> None:
        """What sending means for this reply, where it is not just that: act to words."""
        self._how = words
        self._count()

    def know(self, look: Callable[[str], Sequence[Line]], offers: Sequence[saved.Offer]) -> None:
        """What is to be said of a draft, on harmless lines, and the saved replies; both may change while somebody writes."""
        self._look, self._offers = look, offers
        self._show_found()

    def carry(self, lines: Sequence[Line]) -> None:
        """Show what goes out with the text, a line each; none: nothing does."""
        paper = self.query_one("#composer-carried", Paper)
        paper.styles.height = max(1, len(lines))
        self.set_class(bool(lines), "-carrying")
        paper.show(lambda width: [cut(line, width) for line in lines], keep=False)

    def _show_found(self) -> None:
        found = self._look(self.text) if self.is_open else ()

        def lines(width: int) -> Sequence[Line]:
            return [line for one in found for line in flow(one, width, hanging="  ")]

        paper = self.query_one("#composer-found", Paper)
        wide = max(20, self.content_size.width - 3)  # the paper's, which has no width while it shows nothing
        most = FOUND if self.app.size.height < ROOMY else 2 * FOUND
        paper.styles.height = max(1, min(most, len(lines(wide))))
        self.set_class(bool(found), "-found")
        paper.show(lines, keep=False)

    def on_resize(self) -> None:
        """Another width needs another height."""
        self._show_found()

    def put_in(self, text: str, instead_of: int = 0) -> None:
        """Put a text in at the cursor, instead of so many characters before it."""
        if self._page is not None:
            end = self._page.selection.end
            start = (end[0], end[1] - instead_of) if instead_of else self._page.selection.start
            self._page.replace(text, *sorted((start, end)))
            self._page.focus()

    def put_all(self, text: str) -> None:
        """Put a text in place of the whole page; the page's own undo brings the old one back."""
        if self._page is not None:
            self._page.replace(text, (0, 0), self._page.document.end)
            self._page.move_cursor(self._page.document.end)

    def turn_to(self, text: str) -> None:
        """Another text on the page, with no way back to the one before by the page's own undo: that is kept elsewhere."""
        if self._page is not None:
            with self._page.prevent(self._page.Changed):
                self._page.text = typed(text)
            self._page.move_cursor(self._page.document.end)
            self._page.focus()
            self._asking = ""
            self._count()
            self._show_found()

    async def _paged(self) -> pages.Page:
        if self._page is None:
            self._page = pages.Page(
                "", id="composer-text", soft_wrap=True, tab_behavior="focus", show_line_numbers=False
            )
            await self.mount(self._page, after="#composer-carried")
        return self._page

    def write_on(self) -> None:
        """Back to the page."""
        if self._page is not None:
            self._page.focus()

    def end(self) -> None:
        """Fold away."""
        self.conversation_id = None
        self.remove_class("-open")

    def warn(self, words: str) -> None:
        """Say something beside the counter until the next key."""
        self._asking = words
        self._count()

    def _count(self) -> None:
        counted = lengths.measures(self._source, self.text.strip(), self._terms or lengths.Terms())
        told = self._what_keys_do()
        style = "dim" if self._how is SENDS else "soon"
        pieces = [piece for words in told for piece in ((" · ", style), (words, style))][1:]
        said = [(self._asking, "soon")] if self._asking else pieces
        self.query_one("#composer-count", Bar).show(said, _counter(counted), told)

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """The writer typed."""
        event.stop()
        self._asking = ""
        self._count()
        self._show_found()
        if self.is_open:
            self.post_message(DraftChanged(self.text))

    def _what_keys_do(self) -> Mapping[str, str]:
        """Words to act: a click on them does it."""
        return {f"{sign(act, self._table)} {words}": act for act, words in self._how.items()}

    def _body(self) -> str:
        """What is to be sent; '' when it cannot, and says why."""
        body = self.text.strip()
        if not body:
            self.warn("there is nothing to send yet")
            return ""
        return body

    def _submit(self, close_after: bool) -> None:
        if body := self._body():
            self.post_message(ReplySubmitted(body, close_after))

    def action_send(self) -> None:
        """Send it."""
        self._submit(close_after=False)

    def action_send_close(self) -> None:
        """Send it, and the conversation is done."""
        self._submit(close_after=True)

    def action_ask_approval(self) -> None:
        """Somebody reads it before it goes out."""
        if body := self._body():
            self.post_message(ApprovalWanted(body))

    def action_later(self) -> None:
        """At another time."""
        if body := self._body():
            self.post_message(LaterWanted(body))

    def action_put_in(self) -> None:
        """Instead of the code before the cursor, its saved reply."""
        if self._page is None:
            return
        if self._offers is None:
            self.warn("the saved replies are being read: once more in a moment")
            return
        row, column = self._page.selection.end
        code = saved.code_before(self._page.document.get_line(row)[:column])
        offer = saved.with_code(self._offers, code)
        if offer is not None:
            self.put_in(offer.text, len(code))
        elif code:
            self.warn(f"no saved reply has the code “{say(code)[:30]}”: {sign('saved', self._table)} finds them")
        else:
            put_in = sign("put_in", self._table)
            self.warn(f"type the code of a saved reply, then {put_in}; {sign('saved', self._table)} finds them")

    def action_saved(self) -> None:
        """Choose a saved reply."""
        self.post_message(SavedWanted())

    def action_attach(self) -> None:
        """Attach a picture, or change what is attached."""
        self.post_message(FileWanted())

    def action_options(self) -> None:
        """Another text for the same reply, or another one of them."""
        self.post_message(OptionsWanted())

    def action_answers(self) -> None:
        """See answers of the past."""
        self.post_message(AnswersWanted())

    def action_own_editor(self) -> None:
        """Go on in the own editor."""
        self.post_message(EditorWanted())

    def action_put_down(self) -> None:
        """Keep the draft for later."""
        self.post_message(ComposerLeft(self.text, discard=False))

    def action_discard(self) -> None:
        """Throw the draft away."""
        self.post_message(ComposerLeft(self.text, discard=True))


def _counter(counted: Sequence[lengths.Measure]) -> Line:
    worst = next((m for m in counted if m.over), counted[0])
    if not worst.limit:
        return ((f"{worst.used} {worst.unit}", "dim"),)
    left = worst.limit - worst.used
    style = "late" if left < 0 else "soon" if left < worst.limit // 10 else "dim"
    tail = f", {-left} too many" if left < 0 else ""
    if worst.advised and worst.used > worst.advised and left >= 0:
        style, tail = "soon", f", more than {worst.advised} may be refused"
    return ((f"{worst.used} of {worst.limit} {worst.unit}{tail}", style),)


def _nothing(_: str) -> Sequence[Line]:
    return ()
