"""Lines of styled pieces become strips of cells. The only place where a piece's style name meets a colour.

Colours are looked up once a theme: a style-sheet class for every style and widget would make each change of focus cost milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.style import Style
from textual.app import App
from textual.color import Color
from textual.strip import Strip
from textual.widget import Widget

from inbox_tui.widgets.themes import DARK, THEMES, Colours

if TYPE_CHECKING:
    from inbox_tui.view.lines import Line

_NAMES: Mapping[str, tuple[str, str]] = {
    "accent": ("accent", ""),
    "bad": ("bad", ""),
    "bold": ("", "b"),
    "dim": ("dim", ""),
    "good": ("good", ""),
    "gone": ("dim", "i"),
    "late": ("bad", "b"),
    "mark": ("soon", "bu"),
    "note": ("soon", ""),
    "ours": ("ours", "b"),
    "soon": ("soon", "b"),
    "tag": ("ours", ""),
    "title": ("accent", "b"),
}
"""Style name: the theme's ink, and b(old), i(talic), u(nderlined)."""


@dataclass(frozen=True, slots=True)
class Palette:
    """What the pieces look like in one theme. Piece styles have no background, so that a row can have its own."""

    pieces: Mapping[str, Style]
    cursor: Style
    """The row under the cursor of a list that has the focus."""
    cursor_away: Style
    """The same, while the focus is elsewhere."""
    selected: Style


def palette(app: App[object]) -> Palette:
    """The palette of the theme in force."""
    name = app.theme if app.theme in THEMES else DARK.name
    if name not in _PALETTES:
        _PALETTES[name] = _palette(THEMES[name])
    return _PALETTES[name]


_PALETTES: dict[str, Palette] = {}
"""Themes are few and do not change under their name."""


def _palette(colours: Colours) -> Palette:
    inks = {name: Color.parse(ink).rich_color for name, ink in colours.inks.items()}
    pieces = {"": Style.null()}
    for piece, (name, face) in _NAMES.items():
        pieces[piece] = Style(
            color=inks[name] if name else None,
            bold="b" in face or None,
            italic="i" in face or None,
            underline="u" in face or None,
        )

    def ground(colour: str) -> Style:
        return Style(bgcolor=Color.parse(colour).rich_color)

    return Palette(pieces, ground(colours.cursor), ground(colours.cursor_away), ground(colours.selected))


def strip_of(line: Line, width: int, look: Palette, base: Style) -> Strip:
    """One line as a strip of exactly `width` cells."""
    pieces = look.pieces
    segments = [Segment(text, base + pieces[style] if style else base) for text, style in line if text]
    return Strip(segments).adjust_cell_length(width, base)


class Drawn(Widget):
    """What every widget that draws lines has: its palette and its own colours, looked up when they change."""

    _look: Palette | None = None
    _base: Style | None = None

    def notify_style_update(self) -> None:
        """Theme or focus changed."""
        super().notify_style_update()
        self._look = self._base = None

    @property
    def look(self) -> Palette:
        """What pieces look like."""
        if self._look is None:
            self._look = palette(self.app)
        return self._look

    @property
    def base(self) -> Style:
        """The widget's own colours."""
        if self._base is None:
            self._base = self.rich_style
        return self._base
