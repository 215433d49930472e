"""A query in its plainest layout: one space, tidy brackets, long choices one branch a line. Owns the layout; comments and words stay as they are.

The same pieces in the same order: what a query means cannot change, and formatting twice changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from listener.query.cut import Piece, Sort, cut
from listener.query.fields import Use
from listener.query.names import NO_NAMES, Names
from listener.query.parse import parse
from listener.query.told import Told, locator

WIDTH = 100
INDENT = "  "


@dataclass(slots=True)
class _Group:
    """What stands between two brackets, or the whole query: pieces as text, and groups."""

    items: list[_Group | str] = field(default_factory=list)


def format_query(text: str, use: Use = Use.VIEW, names: Names = NO_NAMES, width: int = WIDTH) -> str:
    """The query, laid out in at most `width` columns where that can be. A text with problems comes back as it is."""
    if parse(text, use, names=names).tree is None:
        return text
    pieces = cut(text, use, Told("query", locator(text)), names)
    return "\n".join(_laid_out(_grouped(pieces, text), width, ""))


def _grouped(pieces: list[Piece], text: str) -> _Group:
    groups = [_Group()]
    sign = ""
    for piece in pieces:
        if piece.sort is Sort.OPEN:
            inner = _Group()
            if sign:
                groups[-1].items.append(sign)
                sign = ""
            groups[-1].items.append(inner)
            groups.append(inner)
        elif piece.sort is Sort.CLOSE:
            groups.pop()
        else:
            written = text[piece.start : piece.end]
            if piece.sort is Sort.COMMENT:
                written = f"<<< {' '.join(written[3:-3].split())} >>>" if written[3:-3].strip() else "<<< >>>"
            if piece.sort is Sort.NOT and written == "-":
                sign += "-"
                continue
            groups[-1].items.append(sign + written)
            sign = ""
    return groups[0]


def _flat(group: _Group) -> str:
    """All of it on one line."""
    words: list[str] = []
    for item in group.items:
        written = item if isinstance(item, str) else f"({_flat(item)})"
        if words and words[-1].strip("-") == "" and words[-1]:
            words[-1] += written
        else:
            words.append(written)
    return " ".join(words)


def _laid_out(group: _Group, width: int, indent: str) -> list[str]:
    """Lines of a group: one where it fits, else a line for each branch of its OR, else filled lines."""
    flat = _flat(group)
    if len(indent) + len(flat) <= width:
        return [indent + flat]
    lines: list[str] = []
    line = indent
    for item in group.items:
        if isinstance(item, _Group) and len(_flat(item)) + len(line) + 2 > width:
            lines.append(f"{line}(" if line.strip("- ") == "" or line.endswith("-") else f"{line} (")
            lines += _laid_out(item, width, indent + INDENT)
            line = f"{indent})"
            continue
        written = item if isinstance(item, str) else f"({_flat(item)})"
        joined = line if line == indent or _is_sign(line) else f"{line} "
        if line != indent and (written == "OR" or len(joined) + len(written) > width) and not _is_sign(line):
            lines.append(line)
            joined = indent
        line = joined + written
    if line.strip():
        lines.append(line)
    return lines


def _is_sign(line: str) -> bool:
    """Whether a line ends in a minus that belongs to what follows."""
    return line.endswith("-") and (len(line) == 1 or line[-2] in " -(")
