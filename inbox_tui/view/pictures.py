"""Pictures beside a draft or submitted for approval, in words: what the file is called, how large it is, what can be seen on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from inbox_tui.keys import KEYS, Table, sign
from inbox_tui.view.lines import Line, Piece, fit, say

if TYPE_CHECKING:
    from listener.store.views.approvals import AttachedRow

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
    return (
        (fit(say(row.name), 32), "bold"),
        (f"  {_size(row)}  {row.width}×{row.height}  ", "dim"),
        (f"“{say(row.alt)}”", ""),
    )


def _size(row: AttachedRow) -> str:
    return f"{max(1, round(row.size / 1000))} kB" if row.size < 1_000_000 else f"{row.size / 1e6:.1f} MB"


def picture_words(row: AttachedRow) -> str:
    """What it is, in words."""
    sort = say(row.media_type.removeprefix("image/").upper())
    return f"{sort}, {row.width:,} by {row.height:,} pixels, {_size(row)}"


def going_line(row: AttachedRow, alts: Mapping[int, str] | None, most: int = 200) -> Line:
    """A picture that was submitted, as it is to go out by `alts`: with which words, or not at all."""
    alt = row.alt if alts is None else alts.get(row.id)
    known: Line = (("▣ ", "accent"), (fit(say(row.name), 32), "bold"), (f"  {picture_words(row)}  ", "dim"))
    if alt is None:
        return (*known, ("taken off: it does not go out", "soon"))
    changed: Line = (("  (your words)", "note"),) if alt != row.alt else ()
    return (*known, (f"“{fit(say(alt), most)}”", ""), *changed)


def submitted_lines(rows: Sequence[AttachedRow], *, decided: bool) -> Iterator[Line]:
    """Pictures as they were submitted, and what became of them once it was decided."""
    for row in rows:
        pieces: list[Piece] = [("▣ ", "accent"), (fit(say(row.name), 32), "bold"), (f"  {picture_words(row)}  ", "dim")]
        pieces.append((f"“{say(row.submitted or row.alt)}”", ""))
        if row.submitted:
            pieces.append((f"  sent with the words “{say(row.alt)}”", "note"))
        elif decided and not row.sent:
            pieces.append(("  not sent", "dim"))
        yield tuple(pieces)


def whole_words(rows: Sequence[AttachedRow], alts: Mapping[int, str], key: str) -> Line:
    """The words of the picture under the cursor, all of them."""
    if not key.isdigit():
        return ()
    row = rows[int(key) - 1]
    return ((say(alts.get(row.id, row.alt)), "" if row.id in alts else "dim"),)
