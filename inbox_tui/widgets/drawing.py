"""Lines of styled pieces become strips of cells. The only place where a piece's style name meets a colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from inbox_tui.view.lines import STYLES, Line

if TYPE_CHECKING:
    from textual.widget import Widget

COMPONENTS = frozenset(f"piece--{name}" for name in STYLES)
"""Component classes of every widget that draws lines."""

PIECES_CSS = """
    .piece--accent { color: $text-accent; }
    .piece--bad { color: $text-error; }
    .piece--bold { text-style: bold; }
    .piece--dim { color: $foreground 60%; }
    .piece--good { color: $text-success; }
    .piece--gone { color: $foreground 60%; text-style: italic; }
    .piece--late { color: $text-error; text-style: bold; }
    .piece--mark { color: $text-warning; text-style: bold underline; }
    .piece--note { color: $text-warning; }
    .piece--ours { color: $text-secondary; text-style: bold; }
    .piece--soon { color: $text-warning; text-style: bold; }
    .piece--tag { color: $text-primary; }
    .piece--title { color: $text-accent; text-style: bold; }
"""
"""Colours come from the theme only, so that dark and light both read well."""


def piece_styles(widget: Widget) -> dict[str, Style]:
    """A widget's styles by piece name; the colour and the face only, so that a row can have its own background."""
    found = {"": Style.null()}
    for name in STYLES:
        rich = widget.get_component_rich_style(f"piece--{name}")
        found[name] = Style(
            color=rich.color, bold=rich.bold or None, italic=rich.italic or None, underline=rich.underline or None
        )
    return found


def strip_of(line: Line, width: int, styles: dict[str, Style], base: Style) -> Strip:
    """One line as a strip of exactly `width` cells."""
    segments = [Segment(text, base + styles[style] if style else base) for text, style in line if text]
    return Strip(segments).adjust_cell_length(width, base)
