"""Which of many queries may match a text, cheaply. Owns required literals and one test over the folded text; refuses to judge.

The door for thousands of queries: today a handful of substring tests, later one pass of an automaton behind the same two functions.
"""

from __future__ import annotations

from collections.abc import Iterable

from listener.query.tree import And, Field, Handle, Node, Not, Or, Phrase, Prefix, Tag, Word
from listener.query.words import MAX_TEXT, fold, unaccented


def literals(tree: Node) -> frozenset[str] | None:
    """Strings of which at least one stands in `loose` of every text that matches. None: there are none, it must always be judged."""
    match tree:
        case Word(key=key):
            return frozenset({key})
        case Prefix(stem=stem):
            return frozenset({stem})
        case Tag(form=form):
            return frozenset({form.removeprefix("#")})
        case Handle(form=form):
            return frozenset({form.removeprefix("@")})
        case Phrase(keys=keys):
            return frozenset({max(keys, key=len)})
        case And(parts=parts):
            known = [one for part in parts if (one := literals(part)) is not None]
            return max(known, key=_worth) if known else None
        case Or(parts=parts):
            union: set[str] = set()
            for part in parts:
                one = literals(part)
                if one is None:
                    return None
                union |= one
            return frozenset(union)
        case Not() | Field():
            return None


def _worth(found: frozenset[str]) -> tuple[int, int]:
    """Long literals are rare, and few are quick to look for."""
    return min(map(len, found)), -len(found)


def loose(text: str, tags: Iterable[str] = ()) -> str:
    """A text in which every form of each of its words stands somewhere as a substring."""
    folded = fold(" ".join((text[:MAX_TEXT], *tags)))
    return folded if folded.isascii() else f"{folded} {unaccented(folded)}"


def may_match(wanted: frozenset[str] | None, text: str) -> bool:
    """Whether a query with these literals may match the text that `loose` made."""
    return wanted is None or any(one in text for one in wanted)
