"""The key map as lines to read."""

from __future__ import annotations

from inbox_tui import keys
from inbox_tui.view.lines import Line, Piece, column, flow

_WIDTH = 18
_WRITING = {
    "Composer": " (while writing)",
    "Search box": " (while searching)",
    "Why": " (while reading why)",
    "Author": " (on an author's card)",
}
"""Groups of keys that work only where somebody writes."""


def help_lines(width: int, place: str, *, read_only: bool = False, table: keys.Table = keys.KEYS) -> list[Line]:
    """Every key by group; those of other places too, so that nothing has to be found by luck."""
    lines: list[Line] = []
    for group in keys.GROUPS:
        entries = [key for key in table if key.group == group]
        if group in _WRITING:
            note = _WRITING[group]
        elif entries and all(key.where == keys.INBOX for key in entries) and place != keys.INBOX:
            note = " (in the Inbox)"
        else:
            note = ""
        lines.append(((group, "title"), (note, "dim")))
        told = bool(note)
        for key in entries:
            shown = "  " + " ".join(keys.shown(k) for k in key.keys)
            off = read_only and key.writes
            what: list[Piece] = [(column(shown, _WIDTH), "dim" if off else "accent"), (key.words, "dim" if off else "")]
            if off:
                what.append((" (read-only: off)", "dim"))
            elif not told and key.where not in (keys.EVERYWHERE, place):
                what.append((f" (in {key.where.title()})", "dim"))
            lines.extend(flow(what, width, hanging=" " * _WIDTH))
        lines.append(())
    return lines
