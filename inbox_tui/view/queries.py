"""What is wrong with a query, as lines: the message, and a mark under the very character, in cells. Owns places of characters in cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import split_graphemes

from inbox_tui.view.lines import Line, Piece, cells, fit, flow, say
from listener.harmless import harmless_spans

MARK = "^"
BAD, WARNED = "bad", "note"
"""Styles of what stops a query, and of what does not."""


@dataclass(frozen=True, slots=True)
class QueryProblem:
    """What is wrong with a query and where (columns count code points from 1, line ends among them)."""

    column: int
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found in a query: `problems` keep it from being one, `warnings` tell what is probably not meant."""

    problems: tuple[QueryProblem, ...] = ()
    warnings: tuple[QueryProblem, ...] = ()

    @property
    def first(self) -> QueryProblem | None:
        """What to tell: the first problem, else the first warning."""
        told = self.problems or self.warnings
        return told[0] if told else None

    @property
    def style(self) -> str:
        """The colour to tell it in."""
        return BAD if self.problems else WARNED


Span = tuple[int, int, int]
"""A character as people see it: start, end (code points), cells."""


def graphemes(text: str) -> Sequence[Span]:
    """The text's characters as people see them: a letter with its marks, an emoji with all that is joined to it."""
    if text.isascii() and text.isprintable():
        return [(at, at + 1, 1) for at in range(len(text))]
    return split_graphemes(text)[0]


def begun(spans: Sequence[Span], at: int) -> int:
    """Where the character begins that a code point belongs to."""
    return next((start for start, end, _ in spans if start <= at < end), max(0, at))


def cell_of(spans: Sequence[Span], at: int) -> int:
    """How many cells stand before the character that a code point belongs to."""
    return sum(size for _, end, size in spans if end <= at)


def told_lines(checked: Checked, width: int) -> list[Line]:
    """The first problem and its hint; how many more there are; that a warning does not stop anything."""
    first = checked.first
    if first is None:
        return []
    pieces: list[Piece] = [(say(first.message), checked.style)]
    if first.hint:
        pieces.append((f" ({say(first.hint)})", "dim"))
    if more := len(checked.problems or checked.warnings) - 1:
        pieces.append((f" and {more} more", "dim"))
    if not checked.problems:
        pieces.append((" · enter searches all the same", "dim"))
    return flow(pieces, width)


def pointed(query: str, at: int, width: int, style: str = BAD) -> tuple[Line, Line]:
    """The part of a query around a character, and the mark under it."""
    shown, moved = harmless_spans(query, (max(0, min(at, len(query))),))
    spans = graphemes(shown)
    place = cell_of(spans, moved[0])
    if cells(shown) <= width:
        return ((shown, ""),), ((" " * place, ""), (MARK, style))
    left = max(0, place - width // 2)
    begin = before = 0
    for start, _, size in spans:
        begin = start
        if before >= left:
            break
        before += size
    head = "…" if begin else ""
    indent = cells(head) + place - before
    return ((fit(head + shown[begin:], width), ""),), ((" " * indent, ""), (MARK, style))
