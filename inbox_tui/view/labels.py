"""Labels of one's own in words: `~callback`, a sign apart from a tag's, whatever the colours. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from inbox_tui.view.lines import Line, Piece, fit, say
from inbox_tui.view.words import count

if TYPE_CHECKING:
    from listener.store.views.labels import Labelled

SIGN = "~"
_SHORT = 12
"""Cells of a label in a row of one line."""
_SHOWN = 3
"""Labels in a row of two."""


def piece(label: str, cells: int | None = None) -> Piece:
    """One label."""
    said = say(label)
    return f"{SIGN}{said if cells is None else fit(said, cells)}", "note"


def row_pieces(labels: Sequence[str]) -> Line:
    """Before the tags of a row."""
    shown = [piece(label, _SHORT) for label in labels[:_SHOWN]]
    if len(labels) > _SHOWN:
        shown.append((f"{SIGN}+{len(labels) - _SHOWN}", "dim"))
    spaced: list[Piece] = []
    for one in shown:
        spaced += [(" ", ""), one]
    return tuple(spaced)


def short_piece(labels: Sequence[str]) -> Piece | None:
    """In a row of one line: the first, or how many."""
    if not labels:
        return None
    return piece(labels[0], _SHORT) if len(labels) == 1 else (f"{SIGN}{len(labels)}", "note")


def read(answer: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What somebody typed: labels to put on, and those behind a minus to take off."""
    parts = answer.split()
    off = {part[1:].removeprefix(SIGN) for part in parts if part.startswith("-")}
    on = {part.removeprefix(SIGN) for part in parts if not part.startswith("-")}
    return tuple(sorted(on - {""})), tuple(sorted(off - {""}))


def done(what: Labelled, undo: str) -> str:
    """What was done, and which key takes it back."""
    if not what.ids:
        return "already so"
    on, off = _names(text for _, text in what.put), _names(text for _, text in what.taken)
    said = " and ".join(part for part in (on and f"labelled {on}", off and f"took off {off}") if part)
    many = f" on {count(len(what.ids), 'conversation')}" if len(what.ids) > 1 else ""
    return f"{said}{many}; only you see it ({undo} takes it back)"


def _names(labels: Iterable[str]) -> str:
    return " ".join(piece(label)[0] for label in sorted(set(labels)))
