"""An answer of the past as something to choose, to read and to put in: whose it was then is taken out of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from math import log2
from typing import TYPE_CHECKING

from inbox_tui.view import words
from inbox_tui.view.lines import Line, fit, paragraphs, say, typed
from inbox_tui.view.queue import who
from listener import style
from listener.query import frequency
from listener.query import words as query_words

if TYPE_CHECKING:
    from listener.store.views.answers import Answered
    from listener.store.views.thread import ThreadMessage

_GREETED = r"(?=\s*[,!:\n–—])"
"""What stands behind a name that greets: one that is a word too is replaced only there."""


@dataclass(frozen=True, slots=True)
class Adapted:
    """An answer for another person."""

    text: str
    replaced: tuple[str, ...]
    """What of the other person was replaced."""


def answer_line(one: Answered, now: datetime) -> Line:
    """One line to choose; its words are in it to be found by."""
    times = f"{one.times} times, last " if one.times > 1 else ""
    said = f"{say(one.person) or 'in the app'}, {times}{words.ago(one.at, now)}"
    private: Line = (("  in private", "soon"),) if one.private else ()
    return (
        (fit(say(one.answer), 60), ""),
        (f"  {said}", "dim"),
        *private,
        (f"  {_after(one)}", "dim"),
        (f"  {say(one.question)}", "dim"),
    )


def answer_read(one: Answered) -> Line:
    """What there is to read of it: what was asked, what was answered, and how it went on."""
    asked = who(one.author_handle, one.author_name)
    return (
        (f"{asked} asked: ", "dim"),
        (fit(say(one.question), 160), ""),
        ("\nanswered: ", "dim"),
        *paragraphs(one.answer),
        ("\nthen: ", "dim"),
        (f"“{fit(say(one.after), 120)}”" if one.after else _after(one), "good" if one.closed else ""),
        ("\nin common: ", "dim"),
        (say(", ".join(one.shared)), "tag"),
    )


def _after(one: Answered) -> str:
    if one.after:
        return "they wrote again" + (", closed" if one.closed else "")
    return "closed" if one.closed else "nothing came after"


def adapted(one: Answered, parent: ThreadMessage) -> Adapted:
    """The answer with the other person's handle and name made those of the one who is answered now. What else is private in it is found
    by whoever looks at drafts.
    """
    text, replaced = typed(one.answer), []
    for old, shape, new in _names(one, say(parent.author_handle), say(parent.author_name)):
        text, many = shape.subn(lambda _, new=new: new, text)  # type: ignore[misc]
        if many:
            replaced.append(old)
    return Adapted(text, tuple(replaced))


def _names(one: Answered, handle: str, name: str) -> list[tuple[str, re.Pattern[str], str]]:
    """What the other person may be called, the longest first, where, and what stands there instead."""
    old_handle, old_name = say(one.author_handle), say(one.author_name)
    if (old_handle, old_name) == (handle, name):
        return []
    found: list[tuple[str, re.Pattern[str], str]] = []
    if old_handle and handle:
        short = old_handle.partition(".")[0]
        bare = [(old_handle, handle)] if "." in old_handle else []  # else it may be a word
        for old, new in ((f"@{old_handle}", f"@{handle}"), *bare, (f"@{short}", f"@{handle}")):
            found.append((old, re.compile(rf"(?<![\w.@-]){re.escape(old)}(?![\w-]|\.\w)", re.IGNORECASE), new))
    instead = name or (f"@{handle}" if handle else "")
    if old_name and instead:
        first = old_name.split()[0]
        found.append((old_name, re.compile(rf"(?<![\w.@-]){re.escape(old_name)}(?![\w-])"), instead))
        where = r"(?![\w-])" if _is_name(first) else _GREETED
        found.append(
            (first, re.compile(rf"(?<![\w.@-]){re.escape(first)}{where}"), name.split()[0] if name else instead)
        )
    return found


def _is_name(word: str) -> bool:
    """Whether a word alone tells a person: Sam and May are words too often."""
    return word[:1].isupper() and -log2(frequency.usual(query_words.fold(word))) >= style.RARE
