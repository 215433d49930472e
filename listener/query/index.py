"""Thousands of queries on one mention, at a cost that hardly depends on how many they are. Owns this look-up; the matcher decides.

Every query stands under the literals that it cannot do without (`needs`), chosen by how many texts hold them. A raw text can be sieved
first; the words that it then shares with the index are found in one step, signs and parts of words by an automaton; what is left to judge
are the few queries that one of them names. An index never changes: a changed query makes a new one, so that whoever
holds one judges a text by exactly one state of all queries.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Generic, TypeVar

from listener.query.frequency import Share, usual
from listener.query.match import Test, test_of
from listener.query.needs import Needs, needs
from listener.query.parts import NO_PARTS, Parts
from listener.query.sieve import Sieve
from listener.query.subject import Subject
from listener.query.tree import Node
from listener.query.words import MAX_TEXT

__all__ = ["Index", "Needs", "needs"]

K = TypeVar("K", bound=Hashable)

NEARLY_ALL = 1.6
"""Common words of the index that an average text holds, from which on hardly a text is turned away, so that it is not asked any more."""
COMMON = 0.002
"""The share of texts from which on a word is common. What is guessed of all the rare ones together is no more than a guess."""

_Places = tuple[tuple[int, ...], tuple[int, ...]]
"""Queries that name a literal: those that it decides alone, and those that must still be judged."""
_NOWHERE: _Places = ((), ())


class _Table:
    """Literals of one sort with the queries that name them."""

    __slots__ = ("common", "parts", "places")

    def __init__(self, places: dict[str, _Places], parts: Parts, common: dict[str, float]) -> None:
        self.places = places
        self.parts = parts
        self.common = common
        """The common ones, with the share of the texts that was known to hold them when they were put in."""

    @property
    def said(self) -> float:
        """How many of the common ones a text holds, about."""
        return sum(self.common.values())

    def copy(self) -> _Table:
        return _Table(self.places.copy(), self.parts, self.common.copy())

    def take_out(self, literals: Iterable[str], place: int) -> None:
        for literal in literals:
            sure, maybe = self.places[literal]
            left = tuple(one for one in sure if one != place), tuple(one for one in maybe if one != place)
            if left == _NOWHERE:
                del self.places[literal]
                self.common.pop(literal, None)
            else:
                self.places[literal] = left

    def put_in(self, fresh: Mapping[str, tuple[list[int], list[int]]], share: Share) -> None:
        for literal, (sure, maybe) in fresh.items():
            if old := self.places.get(literal):
                self.places[literal] = (*old[0], *sure), (*old[1], *maybe)
            else:
                self.places[literal] = tuple(sure), tuple(maybe)
                if (often := share(literal)) >= COMMON:
                    self.common[literal] = often

    def look_for(self, literals: Iterable[str]) -> None:
        """Literals of this sort are found by their bytes."""
        self.parts = self.parts.with_more(map(_bytes, literals))

    def found_in(self, line: bytes) -> list[_Places]:
        """What the literals that stand in a line of bytes name. Those of queries that are gone name nothing."""
        return [
            found
            for part in self.parts.all_in(line)
            if (found := self.places.get(part.decode("utf-8", "surrogatepass")))
        ]


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


_Ready = tuple[K, Needs | None, Test]
"""A query to be put in: its key, what it needs, and what is left to judge."""


def _ready(key: K, tree: Node, share: Share) -> _Ready[K]:
    wanted = needs(tree, share)
    left = tree if wanted is None else wanted.rest
    return key, wanted, _nothing if left is None else test_of(left)


def _nothing(subject: Subject, now: datetime) -> bool:
    """Nothing is left to judge, or nothing is here."""
    return False


class Index(Generic[K]):
    """Many queries by key, in the order in which they came. Immutable: `changed` makes another one."""

    __slots__ = (
        "_all_pass", "_always", "_inside", "_keys", "_needs", "_pieces", "_places", "_share", "_sieve", "_signs", "_tests", "_words"
    )  # fmt: skip

    def __init__(self, share: Share = usual) -> None:
        """An index of no queries. `share`: what share of the texts holds a word, as `Frequency.share` observed it."""
        self._share = share
        self._places: dict[K, int] = {}
        # By place; None where a query was dropped.
        self._keys: list[K | None] = []
        self._needs: list[Needs | None] = []
        self._tests: list[Test] = []
        """What is left to judge where a literal was found."""
        self._always: tuple[int, ...] = ()
        self._all_pass = False
        """A query is always judged, or hardly a text is turned away."""
        self._words = _Table({}, NO_PARTS, {})
        self._signs = _Table({}, NO_PARTS, {})
        self._pieces = _Table({}, NO_PARTS, {})
        self._inside = _Table({}, NO_PARTS, {})
        self._sieve = Sieve()

    @classmethod
    def build(cls, queries: Mapping[K, Node], share: Share = usual) -> Index[K]:
        """An index of these queries, in their order."""
        return cls(share)._with((_ready(key, tree, share) for key, tree in queries.items()), ())

    def changed(self, put: Mapping[K, Node] | None = None, drop: Iterable[K] = ()) -> Index[K]:
        """An index without some queries, and with others added or, under a known key, replaced at their place. This one stays as it is."""
        fresh = [_ready(key, tree, self._share) for key, tree in (put or {}).items()]
        made = self._copy()._with(fresh, drop)
        if len(made._keys) - len(made._places) <= len(made._places) + 64:
            return made
        # More holes than queries: all move up, as they are.
        kept = [(key, made._needs[place], made._tests[place]) for key, place in made._places.items()]
        return Index[K](self._share)._with(kept, ())

    def _copy(self) -> Index[K]:
        made = Index[K](self._share)
        made._places = self._places.copy()
        made._keys, made._needs, made._tests = self._keys.copy(), self._needs.copy(), self._tests.copy()
        made._always = self._always
        made._words, made._signs = self._words.copy(), self._signs.copy()
        made._pieces, made._inside = self._pieces.copy(), self._inside.copy()
        made._sieve = self._sieve
        return made

    def _with(self, put: Iterable[_Ready[K]], drop: Iterable[K]) -> Index[K]:
        """Itself, while it is being made: nobody else has seen it."""
        for key in drop:
            if (gone := self._places.pop(key, None)) is not None:
                self._take_out(gone)
        always: list[int] = []
        wanted: list[Needs] = []
        fresh: tuple[dict[str, tuple[list[int], list[int]]], ...] = ({}, {}, {}, {})
        for key, one, test in put:
            place = self._place_for(key)
            self._needs[place], self._tests[place] = one, test
            if one is None:
                always.append(place)
                continue
            wanted.append(one)
            for literals, into in zip((one.words, one.signs, one.pieces, one.inside), fresh, strict=True):
                for literal in literals:
                    into.setdefault(literal, ([], []))[literal not in one.sure].append(place)
        self._always = tuple(sorted((*self._always, *always)))
        for table, into in zip((self._words, self._signs, self._pieces, self._inside), fresh, strict=True):
            table.put_in(into, self._share)
            if table is not self._words:
                table.look_for(into)
        self._sieve = self._sieve.with_more(wanted)
        self._all_pass = bool(self._always) or self._words.said > NEARLY_ALL
        return self

    def _place_for(self, key: K) -> int:
        place = self._places.setdefault(key, len(self._keys))
        if place < len(self._keys):
            self._take_out(place)
            self._keys[place] = key
        else:
            self._keys.append(key)
            self._needs.append(None)
            self._tests.append(_nothing)
        return place

    def _take_out(self, place: int) -> None:
        wanted = self._needs[place]
        if wanted is None:
            self._always = tuple(one for one in self._always if one != place)
        else:
            self._words.take_out(wanted.words, place)
            self._signs.take_out(wanted.signs, place)
            self._pieces.take_out(wanted.pieces, place)
            self._inside.take_out(wanted.inside, place)
        self._keys[place] = self._needs[place] = None
        self._tests[place] = _nothing

    # Asking ----------------------------------------------------------------------------------------------------------

    def may_concern(self, text: str, tags: Sequence[str] = ()) -> bool:
        """The quick question, of a raw text with the hashtags outside of it, before it is cut into words: False when no query can match."""
        return self._all_pass or self._sieve.passes(text, tags)

    def candidates(self, subject: Subject) -> list[K]:
        """Keys of the queries that may match, in order: all that do are among them."""
        sure, maybe = self._touched(subject)
        return self._keys_at(sure.union(maybe, self._always))

    def matching(self, subject: Subject, now: datetime) -> list[K]:
        """Keys of the queries that match, in order. Ask `may_concern` first where most texts concern nobody."""
        found, maybe = self._touched(subject)
        tests = self._tests
        if self._always:
            maybe.update(self._always)
        for place in maybe - found if found else maybe:
            if tests[place](subject, now):
                found.add(place)
        return self._keys_at(found) if found else []

    def _touched(self, subject: Subject) -> tuple[set[int], set[int]]:
        """Places of the queries that match, and of those that may."""
        sure: set[int] = set()
        maybe: set[int] = set()
        words = self._words.places
        for word in words.keys() & subject.words.vocabulary:
            alone, judged = words[word]
            if alone:
                sure.update(alone)
            if judged:
                maybe.update(judged)
        if self._signs.places or self._pieces.places or self._inside.places:
            for alone, judged in self._others(subject):
                sure.update(alone)
                maybe.update(judged)
        return sure, maybe

    def _others(self, subject: Subject) -> list[_Places]:
        """What signs, parts of words and parts of the text name."""
        found: list[_Places] = []
        if self._signs.places:
            signs = self._signs.places
            if _has_sign(subject.text) and self._may_sign(subject.text):
                found += [signs[form] for form in signs.keys() & subject.words.signs.keys()]
            if subject.hashtags:
                found += [signs[form] for form in signs.keys() & subject.carried_tags]
        if self._pieces.places:
            found += self._pieces.found_in(_bytes(f" {' '.join(subject.words.vocabulary)} "))
        if self._inside.places:
            found += self._inside.found_in(_bytes(subject.text[:MAX_TEXT].casefold()))
        return found

    def _may_sign(self, text: str) -> bool:
        """Finding the signs of a text takes longer than all else: in a text of ASCII they must stand as they are, but for their case."""
        return not text.isascii() or self._signs.parts.any_in(text.lower().encode())

    def _keys_at(self, places: Iterable[int]) -> list[K]:
        keys = self._keys
        return [key for place in sorted(places) if (key := keys[place]) is not None]

    # What it costs ---------------------------------------------------------------------------------------------------

    @property
    def always(self) -> tuple[K, ...]:
        """Keys of the queries without a required literal: each is judged on every message."""
        return tuple(self._keys_at(self._always))

    def cost(self, key: K) -> float:
        """About how many messages a query has to be judged on, of 1. KeyError: there is no such query."""
        wanted = self._needs[self._places[key]]
        return 1.0 if wanted is None else min(1.0, wanted.cost(self._share))

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[K]:
        return iter(self._keys_at(self._places.values()))


def _has_sign(text: str) -> bool:
    if "@" in text or "#" in text or "$" in text:
        return True
    return not text.isascii() and ("＠" in text or "＃" in text or "＄" in text)
