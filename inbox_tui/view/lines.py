"""Pieces and lines: cutting, padding and flowing text by the cells it takes. The one gate for text from outside."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

from rich.cells import cell_len, set_cell_size, split_graphemes

from listener.harmless import harmless, harmless_spans

Piece = tuple[str, str]
"""A text and the name of its style; '' is plain."""

Line = tuple[Piece, ...]

STYLES: Final = (
    "accent",
    "bad",
    "bold",
    "dim",
    "good",
    "gone",
    "late",
    "mark",
    "note",
    "ours",
    "soon",
    "tag",
    "title",
)
"""Every style name that a piece may carry."""

GONE = "(text gone)"
EMPTY: Line = ()


ONE_LINE = 400
"""Code points of a text that are looked at for one line: no name or snippet that a person reads is longer."""


def say(text: str | None) -> str:
    """Outside text as one harmless line, its first `ONE_LINE` code points; None (blanked) in words."""
    return GONE if text is None else harmless(text[:ONE_LINE])


def typed(text: str) -> str:
    """Text that somebody pastes, or wrote before, with its line ends: as harmless as the rest."""
    return harmless(text, lines=True)


def paragraphs(text: str, spans: Sequence[int] = (), style: str = "") -> list[Piece]:
    """Outside text with its line ends, harmless, the words at `spans` (code points, start and end in turn) marked."""
    shown, moved = harmless_spans(text, _sound(spans, len(text)), lines=True)
    pieces: list[Piece] = []
    at = 0
    for start, end in zip(moved[::2], moved[1::2], strict=True):
        if at < start:
            pieces.append((shown[at:start], style))
        if start < end:
            pieces.append((shown[start:end], "mark"))
        at = max(at, end)
    if at < len(shown):
        pieces.append((shown[at:], style))
    return pieces


def _sound(spans: Sequence[int], length: int) -> tuple[int, ...]:
    """Spans in order, inside the text, joined where they overlap: they come from a database that may be older than the text."""
    pairs = sorted((max(0, a), min(length, b)) for a, b in zip(spans[::2], spans[1::2], strict=False) if a < b)
    joined: list[list[int]] = []
    for start, end in pairs:
        if start >= end:
            continue
        if joined and start <= joined[-1][1]:
            joined[-1][1] = max(joined[-1][1], end)
        else:
            joined.append([start, end])
    return tuple(offset for pair in joined for offset in pair)


def cells(text: str) -> int:
    """How many terminal cells a harmless text takes."""
    return cell_len(text)


def line_cells(line: Line) -> int:
    """How many terminal cells a line takes."""
    return sum(cell_len(text) for text, _ in line)


def fit(text: str, width: int) -> str:
    """The text in at most `width` cells, ending in an ellipsis when it was cut."""
    if width <= 0:
        return ""
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1).rstrip() + "…"


def column(text: str, width: int) -> str:
    """The text in exactly `width` cells."""
    return set_cell_size(fit(text, width), width) if width > 0 else ""


def cut(line: Iterable[Piece], width: int) -> Line:
    """The line in at most `width` cells."""
    kept: list[Piece] = []
    left = width
    for text, style in line:
        if left <= 0:
            break
        size = cell_len(text)
        if size > left:
            kept.append((fit(text, left), style))
            break
        kept.append((text, style))
        left -= size
    return tuple(kept)


def spread(left: Iterable[Piece], right: Iterable[Piece], width: int) -> Line:
    """`left` at the left edge, `right` at the right one; `left` gives way."""
    tail = cut(right, width)
    room = width - line_cells(tail)
    head = cut(left, room - 1 if tail else room)
    gap = room - line_cells(head)
    return (*head, (" " * gap, ""), *tail) if gap > 0 else (*head, *tail)


def joined(parts: Iterable[Line], between: str = " · ") -> Line:
    """Parts that say something, with a dim sign between them."""
    pieces: list[Piece] = []
    for part in parts:
        if not part:
            continue
        if pieces:
            pieces.append((between, "dim"))
        pieces.extend(part)
    return tuple(pieces)


def flow(pieces: Iterable[Piece], width: int, *, indent: str = "", hanging: str | None = None) -> list[Line]:
    """Pieces as lines of at most `width` cells, broken at spaces, long words wherever they must; newlines in pieces end lines."""
    hanging = indent if hanging is None else hanging
    lines: list[Line] = []
    current: list[Piece] = [(indent, "")] if indent else []
    start = used = cell_len(indent)
    limit = max(width, start + 4, cell_len(hanging) + 4)
    pending = ""  # spaces seen but not yet drawn

    def close() -> None:
        nonlocal current, used, pending, start
        lines.append(tuple(current))
        current = [(hanging, "")] if hanging else []
        start = used = cell_len(hanging)
        pending = ""

    for text, style in pieces:
        for word in _words(text):
            if word == "\n":
                close()
                continue
            if word.isspace():
                pending += word
                continue
            size = cell_len(word)
            if used > start and used + cell_len(pending) + size > limit:
                close()
            pending = pending[: max(0, limit - used - size)]  # spaces without end push nothing out of its line
            if pending:
                current.append((pending, style))
                used += cell_len(pending)
                pending = ""
            for part in _chop(word, limit - used, limit - cell_len(hanging)):
                if used > start and used + cell_len(part) > limit:
                    close()
                current.append((part, style))
                used += cell_len(part)
    if len(current) > bool(hanging if lines else indent) or not lines:
        lines.append(tuple(current))
    return lines


def flow_parts(parts: Iterable[Line], width: int) -> list[Line]:
    """Parts with a dim sign between them, in lines that break between parts; a part is broken only when it fills a line of its own."""
    lines: list[Line] = []
    current: list[Piece] = []
    used = 0
    for part in parts:
        if not part:
            continue
        size = line_cells(part)
        if current and used + 3 + size > width:
            lines.append(tuple(current))
            current, used = [], 0
        if current:
            current.append((" · ", "dim"))
            used += 3
        if size > width:
            *full, last = flow(part, width)
            lines.extend(full)
            part = last
            size = line_cells(part)
        current.extend(part)
        used += size
    return [*lines, tuple(current)] if current else lines


def _words(text: str) -> list[str]:
    """Newlines, runs of spaces and words, in turn."""
    if not text:
        return []
    kinds = [2 if c == "\n" else 1 if c == " " else 0 for c in text]
    bounds = [0, *(i + 1 for i, (a, b) in enumerate(pairwise(kinds)) if a != b or a == 2), len(text)]
    return [text[a:b] for a, b in pairwise(bounds)]


def _chop(word: str, first: int, rest: int) -> list[str]:
    """A word in parts of at most `first`, then `rest` cells; whole when it fits."""
    if cell_len(word) <= max(first, 1):
        return [word]
    parts: list[str] = []
    begin, used, room = 0, 0, max(first, 2)
    for start, _, size in split_graphemes(word)[0]:
        if used + size > room and start > begin:
            parts.append(word[begin:start])
            begin, used, room = start, 0, max(rest, 2)
        used += size
    parts.append(word[begin:])
    return parts
