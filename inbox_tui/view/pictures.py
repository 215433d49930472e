"""Pictures beside a draft, in words: what the file is called, how large it is, what can be seen on it."""

from __future__ import annotations

from collections.abc import Sequence

from inbox_tui.keys import KEYS, Table, sign
from inbox_tui.view.lines import Line, Piece, fit, say
from listener.store.views import AttachedRow

_EACH = 2
"""More than these share one line: the draft needs the room."""


def carried_lines(rows: Sequence[AttachedRow], table: Table = KEYS) -> list[Line]:
    """Lines for above the draft; none where there is no picture."""
    if len(rows) <= _EACH:
        return [(("▣ ", "accent"), *picture_line(row)) for row in rows]
    names: list[Piece] = [(f"{len(rows)} pictures: ", "")]
    names.append((", ".join(fit(say(row.name), 24) for row in rows), "bold"))
    return [(("▣ ", "accent"), *names, (f"  {sign('attach', table)} shows them", "dim"))]


def picture_line(row: AttachedRow) -> Line:
    """One picture on one line."""
    size = f"{max(1, round(row.size / 1000))} kB" if row.size < 1_000_000 else f"{row.size / 1e6:.1f} MB"
    return (
        (fit(say(row.name), 32), "bold"),
        (f"  {size}  {row.width}×{row.height}  ", "dim"),
        (f"“{say(row.alt)}”", ""),
    )
