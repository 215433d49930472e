"""The line that every screen shows while an incident stands. Apart from all else about incidents: it is there before anybody asks for those."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from inbox_tui.keys import KEYS, Table, sign
from inbox_tui.view import words
from inbox_tui.view.lines import Line, fit, joined, say

if TYPE_CHECKING:
    from listener.store.views.alarmed import Alarmed

SIGNS = {"open": "▲", "acknowledged": "◔", "resolved": "✓"}

_TITLE = 60
"""Cells of an incident's title."""


def banner(now: Alarmed, at: datetime, table: Table = KEYS) -> Line:
    """What stands; () when nothing does. The first piece goes there."""
    counts = [(now.open, "open"), (now.acknowledged, "acknowledged"), (now.silent, "silent")]
    total = sum(n for n, _ in counts)
    if not total:
        return ()
    said = ", ".join(f"{n} {word}" if total > 1 else word for n, word in counts if n)
    style = "late" if now.open else "dim"
    head = f"{SIGNS.get(now.state, '▲')} {words.count(total, 'incident')}: {said} ({sign('incidents', table)})"
    unheard: Line = (("nobody could be told", "late"),) if now.unheard else ()
    what: Line = ((fit(say(now.title), _TITLE), style), (scope(now.topic, now.source), "dim"))
    who: Line = ((f"{say(now.person)} is on it", "dim"),) if now.person else ()
    long: Line = ((f"for {words.span(at - now.since)}", "dim"),) if now.since is not None else ()
    return joined([((head, style),), unheard, what, who, long])


def scope(topic: str, source: str) -> str:
    """Where it is looked, in brackets."""
    parts = [say(topic)] if topic else []
    parts += [f"on {say(source)}"] if source else []
    return f" ({' '.join(parts)})" if parts else ""
