"""Jump mode: a letter on everything that can be gone to; pressing it goes there. Refuses to know what is gone to: it gives back which it was."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from string import ascii_lowercase, ascii_uppercase
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import Static

LETTERS = ascii_lowercase + ascii_uppercase
"""One for each target, the nearest to the top first."""


@dataclass(frozen=True, slots=True)
class Target:
    """A place on the screen, and how to go there."""

    x: int
    y: int
    go: Callable[[], None]


class Jumping(ModalScreen[Target | None]):
    """The letters over the screen as it is. Any other key, and a click, leaves."""

    DEFAULT_CSS = """
    Jumping { background: transparent; }
    Jumping Static { position: absolute; width: 3; height: 1; background: $accent; color: $background; text-style: bold; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", priority=True)]

    def __init__(self, targets: Sequence[Target]) -> None:
        super().__init__()
        self._targets = dict(zip(LETTERS, targets, strict=False))

    def compose(self) -> ComposeResult:
        """A letter where each target is."""
        for letter, target in self._targets.items():
            label = Static(f" {letter} ", markup=False)
            label.styles.offset = (target.x, target.y)
            yield label

    def on_key(self, event: events.Key) -> None:
        """A letter goes, anything else leaves."""
        event.stop()
        self.dismiss(self._targets.get(event.character or ""))

    def on_click(self) -> None:
        """Leave."""
        self.dismiss(None)

    def action_cancel(self) -> None:
        """Leave."""
        self.dismiss(None)
