"""Which letters, words and places among words find whatever others find, by their spelling alone. Owns these comparisons.

What is not sure is not claimed. Refuses whole queries: those are `listener.query.proof`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from typing import TypeAlias

from listener.query import words
from listener.query.fields import FieldFact, Sort
from listener.query.tree import (
    Exact,
    Named,
    Near,
    Node,
    Or,
    Phrase,
    Term,
    Wild,
    Word,
)

MOST_PARTS = 8
"""Words of a phrase with slop, and of a phrase against it, beyond which they are not compared."""

# Letters -------------------------------------------------------------------------------------------------------------


def spelled(term: Term) -> str:
    """A term by its letters."""
    match term:
        case Word(key=key):
            return key
        case Wild(pattern=pattern):
            return pattern
        case Exact(spelling=spelling):
            return spelling


def answers(term: Term) -> tuple[str, ...]:
    """Forms that every word has which answers to this term."""
    match term:
        case Word(key=key):
            return words.forms_of(key)[1:]
        case Exact(spelling=spelling):
            return words.forms_of(spelling)
        case Wild():
            return ()


def plain(pattern: str) -> bool:
    """Whether a pattern is letters alone."""
    return "*" not in pattern and "?" not in pattern


def behind(stem: str) -> str:
    """The least text behind all that begin so."""
    last = ord(stem[-1])
    return stem[:-1] + chr(last + 1) if last < 0x10FFFF else stem + chr(last) * 100


def covers(pattern: str, other: str) -> bool:
    """Whether everything that the other pattern (or plain word) stands for, this pattern stands for too.

    The other's letters are read one by one by all places of the pattern at once; a star of the other needs a star here, a ? needs a sign.
    """
    places = _open({0}, pattern)
    for letter in other:
        following: set[int] = set()
        for place in places:
            sign = pattern[place] if place < len(pattern) else ""
            if sign == "*":
                following.add(place)
            elif letter != "*" and (sign == "?" or sign == letter):
                following.add(place + 1)
        places = _open(following, pattern)
    return len(pattern) in places


def _open(places: set[int], pattern: str) -> set[int]:
    """These places, and those behind stars that stand for nothing."""
    found = set(places)
    for place in places:
        while place < len(pattern) and pattern[place] == "*":
            place += 1
            found.add(place)
    return found


def value_covers(fact: FieldFact, key: str, wild: bool, other: str, other_wild: bool) -> bool:
    """Whether a value answers wherever the other does."""
    if fact.sort is Sort.DOMAIN:
        return not wild and not other_wild and other.endswith("." + key)
    if fact.sort is Sort.ADDRESS:
        return not wild and not other_wild and key in other
    return fact.sort is Sort.NAME and wild and covers(key, other)


# Places among words --------------------------------------------------------------------------------------------------

Covered: TypeAlias = dict[Term, set[Term]]
"""For each term, those that answer to every word that it answers to, itself among them."""


def _same_place(one: Node, other: Node, covered: Covered) -> bool:
    """Whether the other part stands in just the same places, wherever the one stands."""
    if one == other:
        return True
    match one, other:
        case Named(part=part), _:
            return _same_place(part, other, covered)
        case _, Named(part=part):
            return _same_place(one, part, covered)
        case Or(parts=parts), _:
            return all(_same_place(part, other, covered) for part in parts)
        case _, Or(parts=parts):
            return any(_same_place(one, part, covered) for part in parts)
        case ((Word() | Wild() | Exact()), (Word() | Wild() | Exact())):
            return other in covered.get(one, ())
        case Phrase(parts=parts), Phrase(parts=others):
            return len(parts) == len(others) and holds(one, other, covered)
        case Near(), Near():
            return nearer(one, other, covered)
        case _:
            return False


def holds(phrase: Phrase, other: Phrase, covered: Covered) -> bool:
    """Whether the other phrase is found wherever this one is."""
    size, wanted = len(phrase.parts), len(other.parts)
    if wanted > size:
        return False
    if phrase.slop is None:
        # Some words in a row of this one hold the other.
        return any(
            _fits(phrase.parts[low:high], other, covered)
            for low in range(size - wanted + 1)
            for high in range(low + wanted, size + 1 if other.slop is not None else low + wanted + 1)
            if high - low - wanted <= (other.slop or 0)
        )
    return other.slop is not None and phrase.slop + size - wanted <= other.slop and _fits(phrase.parts, other, covered)


def _fits(parts: Sequence[Term], other: Phrase, covered: Covered) -> bool:
    """Whether the words at hand answer to each of the other's, each to one."""
    if other.slop is None:
        return all(map(lambda left, right: right in covered.get(left, ()), parts, other.parts))
    if len(parts) > MOST_PARTS:
        return False
    taken: dict[int, int] = {}

    def place(wanted: int, seen: set[int]) -> bool:
        """Give a wanted word a place of its own, moving others when need be."""
        for at, part in enumerate(parts):
            if at not in seen and other.parts[wanted] in covered.get(part, ()):
                seen.add(at)
                if at not in taken or place(taken[at], seen):
                    taken[at] = wanted
                    return True
        return False

    return all(place(wanted, set()) for wanted in range(len(other.parts)))


def nearer(near: Near, other: Near, covered: Covered) -> bool:
    """Whether what the other asks for is near wherever this is."""
    if near.distance > other.distance or (other.ordered and not near.ordered):
        return False
    left, right = near.left, near.right
    if _same_place(left, other.left, covered) and _same_place(right, other.right, covered):
        return True
    return not other.ordered and _same_place(left, other.right, covered) and _same_place(right, other.left, covered)


def phrase_is_near(phrase: Phrase, near: Near, covered: Covered) -> bool:
    """Whether two words of a phrase are what the other asks for."""
    parts, slop = phrase.parts, phrase.slop
    for first, second in permutations(range(len(parts)), 2):
        if slop is None:
            between, ordered = abs(first - second) - 1, first < second
        else:
            between, ordered = len(parts) - 2 + slop, False
        if (
            between <= near.distance
            and (ordered or not near.ordered)
            and _same_place(parts[first], near.left, covered)
            and _same_place(parts[second], near.right, covered)
        ):
            return True
    return False


def near_is_phrase(near: Near, phrase: Phrase, covered: Covered) -> bool:
    """Whether two words that are near are a phrase."""
    if len(phrase.parts) != 2:
        return False
    first, second = phrase.parts
    straight = _same_place(near.left, first, covered) and _same_place(near.right, second, covered)
    if phrase.slop is None:
        return straight and near.ordered and near.distance == 0
    turned = _same_place(near.left, second, covered) and _same_place(near.right, first, covered)
    return (straight or turned) and near.distance <= phrase.slop
