"""What a network's own search is asked for a query: words and phrases of which a text that matches holds at least one. Owns that choice.

A network's search knows words, phrases and hashtags, and nothing else of our language; what it finds is judged by the query as all else is.
Refuses to guess: parts that no search can be asked for (expressions, beginnings of words, what is not said in words) are told.
"""

from __future__ import annotations

from dataclasses import dataclass

from listener.query.frequency import Share, usual
from listener.query.tree import And, Exact, Named, Near, Node, Or, Phrase, Raw, Sign, Word

MOST = 50
"""Searches for one query; what has more is not asked for in full."""


@dataclass(frozen=True, slots=True)
class Searches:
    """What to ask for."""

    asked: tuple[str, ...]
    """Each a word, a "phrase in quotes" or a #tag, as networks write them."""
    whole: bool
    """Whether nothing that the query means is missed by them."""


def searches(tree: Node, share: Share = usual) -> Searches:
    """The searches for a query, each once, in its own order."""
    found, whole = _of(tree, share)
    asked = tuple(dict.fromkeys(found))
    return Searches(asked[:MOST], whole and len(asked) <= MOST and bool(asked))


def _of(tree: Node, share: Share) -> tuple[list[str], bool]:
    match tree:
        case Word(key=key):
            return [key], True
        case Exact(spelling=spelling):
            return [_quoted(spelling)], True
        case Sign(form=form):
            return [form], True
        case Raw(text=text):
            return [_quoted(text)], True
        case Phrase(parts=parts, slop=None) if all(isinstance(part, Word | Exact) for part in parts):
            return [_quoted(" ".join(_plain(part) for part in parts))], True
        case Phrase(parts=parts) | And(parts=parts):
            return _rarest(parts, share)
        case Near(left=left, right=right):
            return _rarest((left, right), share)
        case Named(part=part):
            return _of(part, share)
        case Or(parts=parts):
            each = [_of(part, share) for part in parts]
            return [one for found, _ in each for one in found], all(whole for _, whole in each)
    return [], False


def _rarest(parts: tuple[Node, ...], share: Share) -> tuple[list[str], bool]:
    """One of several that must all be there is enough: a whole one before others, then the one that is found least."""
    each = [found for part in parts if (found := _of(part, share))[0]]
    return min(each, key=lambda found: (not found[1], sum(_cost(one, share) for one in found[0])), default=([], False))


def _cost(asked: str, share: Share) -> float:
    return min((share(word) for word in asked.strip('"#@$').split()), default=1.0)


def _plain(part: Node) -> str:
    return part.key if isinstance(part, Word) else part.spelling if isinstance(part, Exact) else ""


def _quoted(text: str) -> str:
    plain = " ".join(text.replace('"', " ").split())
    return f'"{plain}"' if " " in plain else plain
