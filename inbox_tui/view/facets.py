"""What the network will make of a draft, in words: which names, links and tags, and what looks like one and stays plain text."""

from __future__ import annotations

from inbox_tui.view.lines import Line, Piece, fit, say
from listener import facets
from listener.lengths import addressed

_WORD = 60
_MOST = 12


def facet_lines(source: str, draft: str, whom: str = "", *, aside: bool = False) -> list[Line]:
    """Lines for below the draft, what goes wrong first; none where there is nothing to say. `whom`: the handle of who is answered,
    which greets them and is meant as no link; on a network where an answer must name them it is put before it. `aside`: in private.
    """
    greets = (whom.casefold(), f"@{whom}".casefold())
    plain = [one for one in facets.stays_plain(source, draft, aside=aside) if one.word.casefold() not in greets]
    lines: list[Line] = [
        (("· ", "soon"), (fit(say(one.word), _WORD), "mark"), (f" stays plain text: {say(one.why)}", "soon"))
        for one in plain[:_MOST]
    ]
    sent = addressed(source, draft, whom) if draft.strip() else ""
    marked = dict.fromkeys(facets.marks(source, sent, aside=aside))
    if not marked:
        return lines
    line: list[Piece] = [("becomes: ", "dim")]
    for number, mark in enumerate(list(marked)[:_MOST]):
        line += [(", ", "dim")] if number else []
        line += _words(source, mark)
    if len(marked) > _MOST:
        line.append((f" and {len(marked) - _MOST} more", "dim"))
    return [*lines, tuple(line)]


def _words(source: str, mark: facets.Mark) -> list[Piece]:
    if mark.kind == "link":
        return [("a link shown as ", "dim"), (fit(say(facets.shown_link(source, mark.value)), _WORD), "accent")]
    if mark.kind == "tag":
        return [("the tag ", "dim"), (fit(say(f"#{mark.value}"), _WORD), "tag")]
    where = " on our own server" if mark.kind == "local" else ""
    name = fit(say(f"@{mark.value}"), _WORD)
    return [("a mention of ", "dim"), (name, "accent"), (f"{where} if anybody is called that", "dim")]
