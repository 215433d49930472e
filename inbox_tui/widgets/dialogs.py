"""Small questions over the screen: choose one, type one line, answer a question, read a sheet. Each gives its answer back and is gone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, TypeVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from inbox_tui.messages import KeyClicked
from inbox_tui.view.lines import EMPTY, Line, Piece, cells, fit, flow, say
from inbox_tui.widgets import editor, pages
from inbox_tui.widgets.bars import Bar
from inbox_tui.widgets.boxes import BOX
from inbox_tui.widgets.choices import Choice, Choices
from inbox_tui.widgets.fields import Field
from inbox_tui.widgets.paper import Paper
from listener.errors import Refused

Answer = TypeVar("Answer")

_BOX = (
    BOX
    + """
    .box { width: 64; max-width: 95%; height: auto; max-height: 85%; }
    .box Field { margin: 0 0 1 0; }
    .box Choices { max-height: 16; }
"""
)


class Asked(ModalScreen[Answer]):
    """Any question: what its title says of keys can be clicked."""

    @on(KeyClicked)
    async def _key_clicked(self, event: KeyClicked) -> None:
        event.stop()
        await self.run_action(event.act)

    def _head(self, title: str, **acts: str) -> None:
        """The title whole, and at its right what the keys do, where there is room: words by action."""
        right: list[Piece] = []
        if cells(title) + sum(cells(words) + 2 for words in acts.values()) > min(60, self.app.size.width - 8):
            acts = {}
        for words in acts.values():
            right += [(", ", "dim")] if right else []
            right.append((words, "dim"))
        self.query_one("#dialog-title", Bar).show(
            ((title, "title"),), right, {words: act for act, words in acts.items()}
        )


class Pick(Asked[str | None]):
    """Choose one of some lines; typing narrows them. `preview`: what there is to read about the line under the cursor."""

    DEFAULT_CSS = (
        "Pick {"
        + _BOX
        + ".box.-previewed { width: 90; } .box.-previewed Choices { max-height: 8; }"
        + ".box Paper { height: 7; padding: 0; margin: 1 0 0 0; } }"
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel"),
        Binding("down,ctrl+n", "move(1)", priority=True),
        Binding("up", "move(-1)", priority=True),
    ]

    def __init__(
        self,
        title: str,
        choices: Sequence[Choice],
        *,
        filtered: bool = True,
        preview: Callable[[str], Line] | None = None,
    ) -> None:
        super().__init__()
        self._title, self._choices, self._filtered, self._preview = title, choices, filtered, preview

    def compose(self) -> ComposeResult:
        """Title, a field to narrow, the lines, and what there is to read."""
        with Vertical(classes="box" if self._preview is None else "box -previewed"):
            yield Bar(id="dialog-title")
            if self._filtered:
                yield Field(placeholder="type to narrow", id="dialog-field")
            yield Choices(self._choices, id="dialog-choices")
            if self._preview is not None:
                yield Paper(id="dialog-said")

    def on_mount(self) -> None:
        """The field first, else the lines."""
        self._head(self._title, choose="enter takes it", cancel="esc leaves")
        self.query_one("#dialog-field" if self._filtered else "#dialog-choices").focus()
        self._show_preview()

    def _show_preview(self) -> None:
        if self._preview is not None:
            key = self.query_one(Choices).cursor_key
            said: Line = self._preview(key) if key else EMPTY
            self.query_one("#dialog-said", Paper).show(lambda width: flow(said, width), keep=False)

    @on(Input.Changed)
    def _narrow(self, event: Input.Changed) -> None:
        wanted = event.value.casefold().split()
        shown = [c for c in self._choices if all(w in "".join(t for t, _ in c.line).casefold() for w in wanted)]
        self.query_one(Choices).show(shown or [Choice("", (("nothing is called that", "dim"),))])
        self._show_preview()

    @on(Input.Submitted)
    def _enter(self) -> None:
        self.query_one(Choices).choose()

    @on(Choices.Chosen)
    def _chosen(self, event: Choices.Chosen) -> None:
        event.stop()
        self.dismiss(event.key)

    def on_key(self, event: events.Key) -> None:
        """Without a field, letters are the choices' own keys, and Enter takes the line under the cursor."""
        if self._filtered:
            return
        if event.key == "enter":
            self.query_one(Choices).choose()
        elif event.character and any(c.key == event.character for c in self._choices):
            event.stop()
            self.dismiss(event.character)
        elif event.key in ("j", "k"):
            self.action_move(1 if event.key == "j" else -1)

    def action_move(self, delta: int) -> None:
        """The cursor over the lines."""
        self.query_one(Choices).move(delta)
        self._show_preview()

    def action_choose(self) -> None:
        """Take the line under the cursor."""
        self.query_one(Choices).choose()

    def action_cancel(self) -> None:
        """Leave without an answer."""
        self.dismiss(None)


class Ask(Asked[str | None]):
    """A question with a few answers, each a key. Escape is None."""

    DEFAULT_CSS = "Ask {" + _BOX + ".box Paper { height: auto; max-height: 12; padding: 0; } }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel"),
        Binding("down", "move(1)", priority=True),
        Binding("up", "move(-1)", priority=True),
    ]

    def __init__(self, title: str, said: Sequence[str | Line], answers: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._title, self._said, self._answers = title, said, answers

    def compose(self) -> ComposeResult:
        """Title, what there is to know, the answers."""
        with Vertical(classes="box"):
            yield Bar(id="dialog-title")
            yield Paper(id="dialog-said")
            yield Choices(
                [Choice(key, ((f"{key} ", "accent"), (words, ""))) for key, words in self._answers], id="dialog-choices"
            )

    def on_mount(self) -> None:
        """Words as wide as the box."""
        self._head(self._title, cancel="esc leaves")
        paper = self.query_one("#dialog-said", Paper)
        guess = self._lines(min(58, max(20, self.app.size.width - 8)))
        paper.styles.height = max(1, min(12, len(guess)))
        paper.show(self._lines, keep=False)
        self.query_one(Choices).focus()

    def _lines(self, width: int) -> Sequence[Line]:
        lines: list[Line] = [((said, ""),) if isinstance(said, str) else said for said in self._said]
        return [part for line in lines for part in flow(line, width)]

    @on(Choices.Chosen)
    def _chosen(self, event: Choices.Chosen) -> None:
        event.stop()
        self.dismiss(event.key)

    def on_key(self, event: events.Key) -> None:
        """An answer's own key, or Enter."""
        if event.key == "enter":
            event.stop()
            self.query_one(Choices).choose()
        elif event.character and any(event.character == key for key, _ in self._answers):
            event.stop()
            self.dismiss(event.character)
        elif event.key in ("j", "k"):
            event.stop()
            self.action_move(1 if event.key == "j" else -1)

    def action_move(self, delta: int) -> None:
        """The cursor over the answers."""
        self.query_one(Choices).move(delta)

    def action_cancel(self) -> None:
        """No answer."""
        self.dismiss(None)


class Prompt(Asked[str | None]):
    """Type one line. `complete` gives words that may follow, the first is taken with Tab."""

    DEFAULT_CSS = "Prompt {" + _BOX + "}"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel"), Binding("tab", "complete", priority=True)]

    def __init__(
        self,
        title: str,
        *,
        value: str = "",
        hint: str = "",
        complete: Callable[[str], Sequence[str]] | None = None,
        problem: Callable[[str], Sequence[Line]] | None = None,
    ) -> None:
        super().__init__()
        self._title, self._value, self._hint = title, value, hint
        self._complete, self._problem = complete, problem
        self._offers: Sequence[str] = ()

    def compose(self) -> ComposeResult:
        """Title, the field, what may follow or what is wrong."""
        with Vertical(classes="box"):
            yield Bar(id="dialog-title")
            yield Field(self._value, id="dialog-field")
            yield Paper(id="dialog-said")

    def on_mount(self) -> None:
        """Ready to type."""
        self._head(self._title, enter="enter takes it", cancel="esc leaves")
        self.query_one("#dialog-said").styles.height = 3
        self.query_one(Field).focus()
        self._look(self._value)

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        self._look(event.value)

    def _look(self, value: str) -> None:
        wrong = self._problem(value) if self._problem is not None and value.strip() else ()
        self._offers = self._complete(value) if self._complete is not None and not wrong else ()

        def lines(width: int) -> Sequence[Line]:
            if wrong:
                return [
                    line for problem in wrong for line in (flow(problem, width) if len(problem) > 1 else (problem,))
                ]
            if self._offers:
                return [(("tab: ", "dim"), (fit("  ".join(self._offers[:6]), width - 5), "tag"))]
            return flow(((self._hint, "dim"),), width)

        self.query_one("#dialog-said", Paper).show(lines, keep=False)

    @on(Input.Submitted)
    def _enter(self, event: Input.Submitted) -> None:
        self._take(event.value)

    def _take(self, value: str) -> None:
        if self._problem is not None and value.strip() and self._problem(value):
            self._look(value)
            return
        self.dismiss(value)

    def action_enter(self) -> None:
        """Take what is typed."""
        self._take(self.query_one(Field).value)

    def action_complete(self) -> None:
        """Take the first offer for the last word."""
        if not self._offers:
            return
        field = self.query_one(Field)
        head, _, last = field.value.rpartition(" ")
        sign = "-" if last.startswith("-") else ""
        field.value = f"{head} {sign}{self._offers[0]} ".lstrip()
        field.cursor_position = len(field.value)

    def action_cancel(self) -> None:
        """Leave it."""
        self.dismiss(None)


class Write(Asked[str | None]):
    """Type some lines: a note."""

    DEFAULT_CSS = (
        "Write {"
        + _BOX
        + ".box Page { height: 8; border: none; background: $boost; } .box Page:focus { border: none; } }"
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", priority=True),
        Binding("ctrl+s,ctrl+enter", "take", priority=True),
        Binding("ctrl+o", "own_editor", priority=True),
    ]

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title

    def compose(self) -> ComposeResult:
        """Title and the page."""

        with Vertical(classes="box"):
            yield Bar(id="dialog-title")
            yield pages.Page("", id="dialog-page", soft_wrap=True)

    def on_mount(self) -> None:
        """Ready to type."""
        self._head(self._title, take="^s keeps", own_editor="^o editor", cancel="esc")
        self.query_one("#dialog-page").focus()

    def action_own_editor(self) -> None:
        """Go on in the own editor."""
        self.run_worker(self._edit(), group="editor", exclusive=True)

    async def _edit(self) -> None:

        page, title = self.query_one(pages.Page), self.query_one("#dialog-title", Bar)
        try:
            made = await editor.edit(self.app, page.text)
        except Refused as no:
            title.show(((say(no.what), "soon"),))
            return
        if made is not None:
            page.replace(made, (0, 0), page.document.end)

    def action_take(self) -> None:
        """Keep what is written."""

        self.dismiss(self.query_one(pages.Page).text.strip() or None)

    def action_cancel(self) -> None:
        """Leave it."""
        self.dismiss(None)


class Sheet(Asked[None]):
    """Lines to read. `lines` makes them for a width."""

    DEFAULT_CSS = "Sheet {" + _BOX + ".box { width: 90; } .box Paper { height: auto; max-height: 100%; padding: 0; } }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter,question_mark", "cancel"),
        Binding("j,down", "move(1)"),
        Binding("k,up", "move(-1)"),
        Binding("pagedown,space", "page(1)"),
        Binding("pageup", "page(-1)"),
    ]

    def __init__(self, title: str, lines: Callable[[int], Sequence[Line]]) -> None:
        super().__init__()
        self._title, self._make = title, lines

    def compose(self) -> ComposeResult:
        """Title and the sheet."""
        with Vertical(classes="box"):
            yield Bar(id="dialog-title")
            yield Paper(id="dialog-paper")

    def on_mount(self) -> None:
        """Lines for the box that this terminal allows."""
        self._head(self._title, cancel="esc leaves")
        size = self.app.size
        guess = self._make(min(86, max(20, int(size.width * 0.95) - 6)))
        paper = self.query_one("#dialog-paper", Paper)
        paper.styles.height = max(1, min(len(guess), int(size.height * 0.85) - 3))
        paper.show(self._make, keep=False)
        paper.focus()

    def action_move(self, delta: int) -> None:
        """Scroll by a line."""
        self.query_one(Paper).move(delta)

    def action_page(self, direction: int) -> None:
        """Scroll by a screenful."""
        self.query_one(Paper).move_page(direction)

    def action_cancel(self) -> None:
        """Done reading."""
        self.dismiss(None)


class Progress(Asked[None]):
    """Something long is under way, part by part. Escape asks it to stop after the part that is being done."""

    DEFAULT_CSS = "Progress {" + _BOX + "}"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", priority=True)]

    def __init__(self, title: str, total: int) -> None:
        super().__init__()
        self._title, self._total, self._done = title, total, 0
        self.stopped = False
        self._finished = False

    def compose(self) -> ComposeResult:
        """What is done, and how far it is."""
        with Vertical(classes="box"):
            yield Bar(id="dialog-title")
            yield Bar(id="dialog-said")

    def on_mount(self) -> None:
        """Nothing is done yet."""
        self._head(self._title, cancel="esc stops")
        self.reached(self._done)

    def reached(self, done: int) -> None:
        """So many of all are done."""
        self._done = done
        stopping: Line = (("stopping", "soon"),) if self.stopped else ()
        if self.is_mounted:
            self.query_one("#dialog-said", Bar).show(((f"{done:,} of {self._total:,}", ""),), stopping)

    def finish(self) -> None:
        """It is over; where the palette lies above, it goes as soon as that does."""
        self._finished = True
        if self.is_active:
            self.dismiss()

    def on_screen_resume(self) -> None:
        """Nothing lies above any more."""
        if self._finished:
            self.dismiss()

    def action_cancel(self) -> None:
        """No part more."""
        self.stopped = True
        self.reached(self._done)
