"""Which of many queries may match a text, cheaply. Owns what a query requires and the two quick tests by it; refuses to judge.

The door for thousands of queries. `loose` and `may_match` look for substrings before a text is cut into words: nearly every post of a
public stream is turned away there. `Index` looks up the words of a text that concerns somebody. Neither ever wrongly says no.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from listener.query.match import Subject
from listener.query.tree import And, Field, Handle, Node, Not, Or, Phrase, Prefix, Tag, Word
from listener.query.words import MAX_TEXT, fold, unaccented


@dataclass(frozen=True, slots=True)
class Needs:
    """One of these must be in a text that matches: a whole word, the beginning of one, or a hashtag or handle."""

    words: frozenset[str] = frozenset()
    stems: frozenset[str] = frozenset()
    signs: frozenset[str] = frozenset()

    @property
    def literals(self) -> frozenset[str]:
        """All of them, as substrings of `loose`."""
        return self.words | self.stems | frozenset(sign[1:] for sign in self.signs)

    def _worth(self) -> tuple[int, int]:
        """Long ones are rare, and few are quick to look for."""
        found = self.literals
        return min(map(len, found)), -len(found)


def needs(tree: Node) -> Needs | None:
    """What a query requires. None: nothing that could be looked for, it must always be judged."""
    match tree:
        case Word(key=key):
            return Needs(words=frozenset({key}))
        case Prefix(stem=stem):
            return Needs(stems=frozenset({stem}))
        case Tag(form=form) | Handle(form=form):
            return Needs(signs=frozenset({form}))
        case Phrase(keys=keys):
            return Needs(words=frozenset({max(keys, key=len)}))
        case And(parts=parts):
            known = [one for part in parts if (one := needs(part)) is not None]
            return max(known, key=Needs._worth) if known else None
        case Or(parts=parts):
            every = [needs(part) for part in parts]
            known = [one for one in every if one is not None]
            if len(known) < len(every):
                return None
            return Needs(
                frozenset().union(*(one.words for one in known)),
                frozenset().union(*(one.stems for one in known)),
                frozenset().union(*(one.signs for one in known)),
            )
        case Not() | Field():
            return None


def loose(text: str, tags: Iterable[str] = ()) -> str:
    """A text in which every form of each of its words stands somewhere as a substring."""
    folded = fold(" ".join((text[:MAX_TEXT], *tags)))
    return folded if folded.isascii() else f"{folded} {unaccented(folded)}"


def may_match(wanted: frozenset[str] | None, text: str) -> bool:
    """Whether a query with these literals (None: without any) may match the text that `loose` made."""
    return wanted is None or any(one in text for one in wanted)


class Index:
    """Many queries by what they require. Asked with a subject, it names the few that are worth judging."""

    __slots__ = ("_always", "_heads", "_signs", "_words")

    _HEAD = 2

    def __init__(self, queries: Sequence[Node]) -> None:
        self._always: list[int] = []
        self._words: dict[str, list[int]] = {}
        self._signs: dict[str, list[int]] = {}
        self._heads: dict[str, list[tuple[str, int]]] = {}
        for place, query in enumerate(queries):
            wanted = needs(query)
            if wanted is None or any(len(stem) < self._HEAD for stem in wanted.stems):
                self._always.append(place)
                continue
            for word in wanted.words:
                self._words.setdefault(word, []).append(place)
            for sign in wanted.signs:
                self._signs.setdefault(sign, []).append(place)
            for stem in wanted.stems:
                self._heads.setdefault(stem[: self._HEAD], []).append((stem, place))

    def candidates(self, subject: Subject) -> list[int]:
        """Places of the queries that may match, in order."""
        found = set(self._always)
        known = subject.words
        for form in known.places:
            if form in self._words:
                found.update(self._words[form])
            if (head := form[: self._HEAD]) in self._heads:
                found.update(place for stem, place in self._heads[head] if form.startswith(stem))
        if self._signs:
            for sign in (*known.signs, *subject.carried_tags):
                found.update(self._signs.get(sign, ()))
        return sorted(found)
