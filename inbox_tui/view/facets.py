"""What the network will make of a draft, in words: which names, links and tags, and what looks like one and stays plain text."""

from __future__ import annotations

from inbox_tui.view.lines import Line, Piece, fit, say
from listener import facets

_MARKED = ("bluesky",)
"""The sources whose texts we mark."""

_WORD = 60
_MOST = 12


def facet_lines(source: str, draft: str, whom: str = "") -> list[Line]:
    """Lines for below the draft, what goes wrong first; none where there is nothing to say. `whom`: the handle of who is answered,
    which greets them and is meant as no link."""
    if source not in _MARKED:
        return []
    plain = [one for one in facets.stays_plain(draft) if one.word.casefold() != whom.casefold()]
    lines: list[Line] = [
        (("· ", "soon"), (fit(say(one.word), _WORD), "mark"), (f" stays plain text: {say(one.why)}", "soon"))
        for one in plain[:_MOST]
    ]
    marked = dict.fromkeys((one.kind, one.value) for one in facets.find_spans(draft))
    if not marked:
        return lines
    line: list[Piece] = [("becomes: ", "dim")]
    for number, (kind, value) in enumerate(list(marked)[:_MOST]):
        line += [(", ", "dim")] if number else []
        line += _words(kind, value)
    if len(marked) > _MOST:
        line.append((f" and {len(marked) - _MOST} more", "dim"))
    return [*lines, tuple(line)]


def _words(kind: str, value: str) -> list[Piece]:
    if kind == "link":
        return [("a link shown as ", "dim"), (fit(say(facets.shown_link(value)), _WORD), "accent")]
    if kind == "tag":
        return [("the tag ", "dim"), (fit(say(f"#{value}"), _WORD), "tag")]
    return [("a mention of ", "dim"), (fit(say(f"@{value}"), _WORD), "accent"), (" if anybody is called that", "dim")]
