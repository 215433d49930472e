"""Columns stay straight whatever a terminal thinks of the width of an emoji, a flag, a combining mark or a script that it joins.

Terminals disagree about those, with one another and with what a screen was laid out by; all that follows on the line would shift. So a
stretch of text with such characters is drawn twice: blank, as it was laid out, then as it is, and from there the cursor goes to where
the layout has the end of the stretch. What is drawn wider than that takes the room of the spaces behind it; at the edge it stays in the
last cell, because nothing wraps while the app has the terminal (its driver says so at the start; whoever says it anew here ends it).
Owns what is written to the terminal; refuses to change what is read.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rich.cells import cell_len

if TYPE_CHECKING:
    from textual.driver import Driver

# What all terminals draw with the same width: letters without marks, punctuation, lines and signs, and what is wide in every table.
_AGREED = (
    "\x00-\u02ff\u0370-\u0482\u048a-\u0590\u1e00-\u200a\u2010-\u2027\u2030-\u205f\u2070-\u20cf\u2100-\u2fff"
    "\u3001-\u3029\u3030-\u3098\u309b-\ua4cf\uac00-\ud7a3\uf900-\ufaff\uff01-\uffdc\U00020000-\U0003ffff"
)
_DOUBTFUL = re.compile(f"[^{_AGREED}]")
_COLOURS = "\x1b\\[[0-9;:]*m"
_OTHER = "\x1b(?:\\[[0-9;:?<=>]*[ -/]*[@-~]|\\][^\x07\x1b]*(?:\x07|\x1b\\\\)|[^\\[\\]])"
# A stretch ends at a line of a frame, behind two spaces or more, and where the cursor is sent elsewhere.
_STRETCH = re.compile(f"((?:{_COLOURS}|(?!  )[^\x00-\x1f\x7f\u2500-\u259f])+(?:{_COLOURS}| )*)|{_OTHER}")
_PIECES = re.compile(f"({_COLOURS})")
_KEEP, _BACK = "\x1b7", "\x1b8"


def pinned(written: str) -> str:
    """The same, with every doubtful stretch pinned to its cells."""
    return _STRETCH.sub(_pin, written) if _DOUBTFUL.search(written) else written


def _pin(found: re.Match[str]) -> str:
    stretch = found[1]
    if stretch is None or not _DOUBTFUL.search(stretch):
        return found[0]
    pieces = _PIECES.split(stretch)  # texts, with the colours between them
    texts, colours = pieces[::2], pieces[1::2]
    drawn = _without_end(pieces)
    widths = [cell_len(text) for text in texts]
    pieces[::2] = [" " * width for width in widths]
    blank, width = "".join(pieces), sum(widths)
    go = f"\x1b[{width}C" if width else ""
    return f"{_KEEP}{blank}{_BACK}{drawn}{_BACK}{go}{''.join(colours)}"


def _without_end(pieces: list[str]) -> str:
    """Without the spaces behind it, which would be drawn over what follows, and the colours among them. (One look at each piece: an
    expression for this looks at a row of them again from each of its places.)
    """
    last = len(pieces) - 1
    while last > 0 and not pieces[last].rstrip(" "):
        last -= 2
    return "".join(pieces[:last]) + pieces[last].rstrip(" ")


def pinning(driver: type[Driver]) -> type[Driver]:
    """The same driver, with all that it writes pinned."""

    class Pinning(driver):  # type: ignore[valid-type, misc]
        def write(self, data: str) -> None:
            super().write(pinned(data))

    return Pinning
