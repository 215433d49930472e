"""Where positional parts stand among the words of a text: phrases, slop, NEAR. Owns what n counts; refuses parts that have no place.

A stretch is the ascending positions of the words that a part takes, one word for each of its words. Between two stretches lie the words
that stand after the one and before the other; none where they overlap. A text that repeats the words of a query thousands of times has
more stretches than anybody could read: of one part the first `MOST` count, so that the work stays bounded.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from listener.query import words as cutting
from listener.query.glob import globbed
from listener.query.tree import Exact, Named, Near, Node, Or, Phrase, Sign, Term, Wild, Word
from listener.query.words import Words

Stretch = tuple[int, ...]

MOST = 2_000
"""Stretches of one part in one text that are looked at."""

STEPS = 20_000
"""Words tried for one phrase with slop in one text."""


Quick = Callable[[Sequence[str]], bool]
"""A question to the keys of a text of which no word has any other form."""


def quick_phrase(node: Exact | Phrase) -> Quick | None:
    """A phrase of plain words as a question to a text's keys."""
    if not isinstance(node, Phrase) or node.slop is not None:
        return None
    keys = [part.key for part in node.parts if isinstance(part, Word)]
    if len(keys) < len(node.parts):
        return None
    first, size = keys[0], len(keys)

    def stands(text: Sequence[str]) -> bool:
        at = -1
        for _ in range(text.count(first)):
            at = text.index(first, at + 1)
            if text[at : at + size] == keys:
                return True
        return False

    return stands


def quick_near(node: Near) -> Quick | None:
    """A NEAR of plain words, or of ORs of them, as a question to a text's keys."""
    left, right = _keys_of(node.left), _keys_of(node.right)
    if left is None or right is None:
        return None
    reach, ordered = node.distance + 1, node.ordered

    def stands(text: Sequence[str]) -> bool:
        ones = [place for place, key in enumerate(text) if key in left]
        if not ones:
            return False
        others = [place for place, key in enumerate(text) if key in right]
        for one in ones:
            first = bisect_left(others, one + 1 if ordered else one - reach)
            # One of them may be the word itself, which is not near itself: so two are looked at.
            if any(other != one and abs(other - one) <= reach for other in others[first : first + 2]):
                return True
        return False

    return stands


def _keys_of(node: Node) -> frozenset[str] | None:
    """The words of which one stands for a part; None where it is more than a choice of words."""
    match node:
        case Word(key=key):
            return frozenset({key})
        case Or(parts=parts) if all(isinstance(part, Word) for part in parts):
            return frozenset(part.key for part in parts if isinstance(part, Word))
        case Named(part=part):
            return _keys_of(part)
        case _:
            return None


def places_of(term: Term, known: Words) -> Sequence[int]:
    """The positions of the words that a term takes, ascending."""
    match term:
        case Word(key=key):
            return known.places.get(key, ())
        case Wild():
            fits = globbed(term.pattern)
            found = {place for form, places in known.places.items() if fits(form) for place in places}
            return sorted(found)
        case Exact(spelling=spelling):
            return [
                place
                for place in known.places.get(cutting.forms_of(spelling)[0], ())
                if spelling in known.spelled[place]
            ]


def stretches(node: Node, known: Words) -> Iterator[Stretch]:
    """Where a positional part stands, each stretch once, in no promised order."""
    match node:
        case Word() | Wild() | Exact():
            return ((place,) for place in places_of(node, known))
        case Phrase(parts=parts, slop=None):
            return _in_a_row(parts, known)
        case Phrase(parts=parts, slop=slop):
            return _among(parts, slop or 0, known)
        case Sign(form=form):
            return _of_sign(form, known)
        case Or(parts=parts):
            standing = [part for part in parts if (key := first_key(part)) is None or key in known.vocabulary]
            return iter({one: None for part in standing for one in islice(stretches(part, known), MOST)})
        case Named(part=part):
            return stretches(part, known)
        case Near():
            return _near(node, known)
        case _:
            return iter(())


def first_key(part: Node) -> str | None:
    """The word that must be there for a part to stand anywhere, where that is plain at a glance."""
    if isinstance(part, Phrase):
        part = part.parts[0]
    return part.key if isinstance(part, Word) else None


def _in_a_row(parts: tuple[Term, ...], known: Words) -> Iterator[Stretch]:
    size = len(parts)
    last = len(known.keys) - size
    if all(isinstance(part, Word) for part in parts):
        keys = [part.key for part in parts if isinstance(part, Word)]
        for place in known.places.get(keys[0], ()):
            if place <= last and all(known.answers(place + step, keys[step]) for step in range(1, size)):
                yield tuple(range(place, place + size))
        return
    rest = [frozenset(places_of(part, known)) for part in parts[1:]]
    for place in places_of(parts[0], known):
        if place <= last and all(place + step in held for step, held in enumerate(rest, 1)):
            yield tuple(range(place, place + size))


def _among(parts: tuple[Term, ...], slop: int, known: Words) -> Iterator[Stretch]:
    """All parts in any order within a window of their number and `slop` more, never one word for two parts."""
    window = len(parts) + slop
    # The rarest first: it holds the window, the others only fill it.
    held = sorted((places_of(part, known) for part in parts), key=len)
    seen: set[Stretch] = set()
    steps = STEPS

    def fill(taken: tuple[int, ...], depth: int) -> Iterator[Stretch]:
        nonlocal steps
        if depth == len(held):
            yield tuple(sorted(taken))
            return
        low, high = (max(taken) - window + 1, min(taken) + window) if taken else (0, len(known.keys))
        choices = held[depth]
        for place in choices[bisect_left(choices, low) : bisect_left(choices, high)]:
            steps -= 1
            if steps < 0:
                return
            if place not in taken:
                yield from fill((*taken, place), depth + 1)

    for one in fill((), 0):
        if one not in seen:
            seen.add(one)
            yield one


def _of_sign(form: str, known: Words) -> Iterator[Stretch]:
    """The words inside a hashtag, a handle's first label or a cashtag."""
    starts = [start for start, _ in known.spans] if form in known.signs else []
    for start, end in known.signs.get(form, ()):
        inside = range(bisect_left(starts, start), bisect_right(starts, end - 1))
        if inside:
            yield tuple(inside)


def _near(node: Near, known: Words) -> Iterator[Stretch]:
    left = sorted(islice(stretches(node.left, known), MOST))
    if not left:
        return
    right = sorted(islice(stretches(node.right, known), MOST))
    if not right:
        return
    firsts = [one[0] for one in right]
    longest = max(one[-1] - one[0] for one in right)
    reach = node.distance + 1
    seen: set[Stretch] = set()
    for one in left:
        low = one[-1] + 1 if node.ordered else one[0] - reach - longest
        for other in right[bisect_left(firsts, low) : bisect_right(firsts, one[-1] + reach)]:
            if other[-1] < one[0] - reach or not set(one).isdisjoint(other):
                continue
            both = tuple(sorted(one + other))
            if both not in seen:
                seen.add(both)
                yield both
