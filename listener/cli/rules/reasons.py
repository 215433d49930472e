"""Why a rule fires on a message or does not, in lines for a person: which part of it, and which part of its query. Owns the words only."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from listener.query.explain import Explained
    from listener.rulebook.explain import Why

MOST = 3
"""Parts of a query that are named as the cause."""
SHOWN = 60
"""Characters of a part of a query."""


def because(why: Why, text: str) -> list[str]:
    """What keeps it from firing, a line for each part that is false; or, where it fires, what of its query holds."""
    if why.fires:
        trees = [part.tree for part in why.parts if part.name == "when" and part.tree is not None]
        return [f"when: {said(one, text)}" for tree in trees for one in list(causes(tree))[:MOST]]
    lines: list[str] = []
    for part in why.parts:
        if part.true:
            continue
        found = list(causes(part.tree))[:MOST] if part.tree is not None else []
        if part.name == "when":
            lines += [f"when: {said(one, text)}" for one in found]
        else:
            lines.append("; ".join([part.says, *(said(one, text) for one in found)]))
    return lines


def causes(found: Explained) -> Iterator[Explained]:
    """The smallest parts that make a query true, or false."""
    from listener.query.tree import And, Not, Or

    match found.node:
        case Not():
            yield from causes(found.parts[0])
        case And() if not found.true:
            yield from (one for part in found.parts if not part.true for one in causes(part))
        case And():
            yield from (one for part in found.parts for one in causes(part) if one.true)
        case Or() if found.true:
            yield from (one for part in found.parts if part.true for one in causes(part))
        case Or() if begun := [part for part in found.parts if touched(part)]:
            yield from (one for part in begun for one in causes(part))
        case _:
            yield found


def touched(found: Explained) -> bool:
    """Whether words of the text are among what a query looks for."""
    return bool(found.true and found.spans) or any(map(touched, found.parts))


def said(found: Explained, text: str) -> str:
    """One part of a query, whether it is true, and on which words."""
    from listener.query.spelling import print_tree
    from listener.rulebook.conflicts import shortened

    words = dict.fromkeys(text[start:end] for start, end in zip(found.spans[::2], found.spans[1::2], strict=True))
    on = f" (“{shortened(', '.join(words))}”)" if words else ""
    return f"{shortened(print_tree(found.node), SHOWN)} is {'true' if found.true else 'false'}{on}"


def wrapped(text: str, indent: str) -> str:
    """A text, made harmless, as lines that fit: the first one behind the indent, the others as far in and two more."""
    from listener.harmless import harmless

    width = max(40, min(100, shutil.get_terminal_size((80, 24)).columns))
    return textwrap.fill(
        harmless(text), width, initial_indent=indent, subsequent_indent=" " * (len(indent) + 2), break_on_hyphens=False
    )
