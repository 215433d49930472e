"""The list of macros: typing finds one, its shortcut runs it at once, and what it will do stands below in plain words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from textual import on
from textual.widgets import Input

from inbox_tui.widgets.dialogs import Pick

if TYPE_CHECKING:
    from inbox_tui.view.lines import Line
    from inbox_tui.widgets.choices import Choice


class PickMacro(Pick):
    """`shortcuts`: the one sign that chooses a line as the first that is typed. Small letters are none: they find."""

    def __init__(
        self, title: str, choices: Sequence[Choice], shortcuts: Mapping[str, str], preview: Callable[[str], Line]
    ) -> None:
        super().__init__(title, choices, preview=preview)
        self._shortcuts = shortcuts

    @on(Input.Changed)
    def _at_once(self, event: Input.Changed) -> None:
        if event.value in self._shortcuts:
            self.dismiss(self._shortcuts[event.value])
