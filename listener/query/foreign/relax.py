"""A query widened to what a network can be asked. Owns how parts are dropped, under negation too, so that what is asked never finds less.

A part that cannot be asked is true of every post where the query wants it, and true of every post again where the query wants its
opposite: so both `a wish*` and `a NOT wish*` become `a`. Refuses to know any network: each says of one part at a time what it can ask.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import product
from typing import TypeAlias

from listener.query.tree import And, Named, Node, Not, Or


class Effect(StrEnum):
    """What a loss does to what is found."""

    MORE = "finds more"
    """Everything that the query wants is found, and more: Hubbub's own matcher decides afterwards."""
    LESS = "may miss"
    """The other side answers this by its own lights: a message that the query wants can be missed."""
    NOTHING = "not converted"
    """There is nothing that could be asked."""


@dataclass(frozen=True, slots=True)
class Loss:
    """What could not be said as the query says it. `start` and `end` point into the query that was converted."""

    start: int
    end: int
    code: str
    """Stable: 'wildcard', 'negation', ..."""
    message: str
    effect: Effect = Effect.MORE


@dataclass(frozen=True, slots=True)
class Converted:
    """The texts to ask with, all of them together, and what they do not say. No texts: nothing can be asked, and a loss says why."""

    texts: tuple[str, ...]
    losses: tuple[Loss, ...] = ()


# What is asked -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Say:
    """One operator of the other side, as written there."""

    text: str
    negative: bool = False
    """It takes posts away."""
    alone: bool = True
    """It may be asked without anything else beside it."""


@dataclass(frozen=True, slots=True)
class All:
    """All of these; of none: every post."""

    parts: tuple[Asked, ...] = ()


@dataclass(frozen=True, slots=True)
class Any:
    """Any of these; of none: no post."""

    parts: tuple[Asked, ...] = ()


Asked: TypeAlias = Say | All | Any

EVERY = All()
NONE = Any()


def both(parts: Iterable[Asked]) -> Asked:
    """All of these, without what says nothing."""
    kept: dict[Asked, None] = {}
    for part in parts:
        if part == NONE:
            return NONE
        for one in part.parts if isinstance(part, All) else (part,):
            kept[one] = None
    return next(iter(kept)) if len(kept) == 1 else All(tuple(kept))


def either(parts: Iterable[Asked]) -> Asked:
    """Any of these, without what is said already."""
    kept: dict[Asked, None] = {}
    for part in parts:
        if part == EVERY:
            return EVERY
        for one in part.parts if isinstance(part, Any) else (part,):
            kept[one] = None
    return next(iter(kept)) if len(kept) == 1 else Any(tuple(kept))


def always(true: bool, positive: bool) -> Asked:
    """A part that is known to be true, or false, of all that can be found."""
    return EVERY if true is positive else NONE


def asks_alone(asked: Asked) -> bool:
    """Whether something that may stand alone is asked for, whichever side of an OR holds."""
    match asked:
        case Say(negative=negative, alone=alone):
            return alone and not negative
        case All(parts=parts):
            return any(map(asks_alone, parts))
        case Any(parts=parts):
            return all(map(asks_alone, parts))


# What is lost --------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Losses:
    """What was lost so far."""

    told: list[Loss] = field(default_factory=list)
    _inside: Node | None = None

    def tell(self, node: Node, code: str, message: str, effect: Effect = Effect.MORE) -> None:
        """One loss at a part; inside a named part at its name, for its own places are of another text."""
        at = self._inside or node
        self.tell_at(at.start, at.end, code, message, effect)

    def tell_at(self, start: int, end: int, code: str, message: str, effect: Effect = Effect.MORE) -> None:
        """One loss at a place."""
        loss = Loss(start, end, code, message, effect)
        if loss not in self.told:
            self.told.append(loss)

    def tell_once(self, node: Node, code: str, message: str, effect: Effect) -> None:
        """A loss that is the same wherever it comes up: at its first place only."""
        if all(loss.code != code for loss in self.told):
            self.tell(node, code, message, effect)

    @contextmanager
    def inside(self, node: Node) -> Iterator[None]:
        """While a named part is looked into."""
        before = self._inside
        self._inside = before or node
        try:
            yield
        finally:
            self._inside = before

    def nothing(self, node: Node, code: str, message: str) -> Converted:
        """The end of it where nothing can be asked."""
        self.tell(node, code, message, Effect.NOTHING)
        return self.converted(())

    def converted(self, texts: Iterable[str]) -> Converted:
        """The end of it: losses in the order of the query."""
        return Converted(tuple(texts), tuple(sorted(self.told, key=lambda loss: (loss.start, loss.end, loss.code))))


# Widening ------------------------------------------------------------------------------------------------------------

Ask = Callable[[Node, bool], Asked | None]
"""What to ask for a part (True) or for its opposite (False), never finding less; None: look at its own parts."""


def relax(node: Node, ask: Ask, losses: Losses, positive: bool = True) -> Asked:
    """What to ask so that all that the part (or its opposite) wants is found. `ask` answers for every part that has none of its own."""
    said = ask(node, positive)
    if said is not None:
        return said
    match node:
        case Not(part=part):
            return relax(part, ask, losses, not positive)
        case Named(part=part):
            with losses.inside(node):
                return relax(part, ask, losses, positive)
        case And(parts=parts) | Or(parts=parts):
            asked = [relax(part, ask, losses, positive) for part in parts]
            if isinstance(node, And) is positive:
                return both(asked)
            if EVERY in asked and any(one != EVERY for one in asked):
                losses.tell(node, "choice", "One side of this choice cannot be asked, so none of it is.")
            return either(asked)
        case _:
            return EVERY


COMPARED = 300
"""Searches that are compared with each other."""


def searches(asked: Asked, most: int) -> tuple[list[tuple[Say, ...]], bool]:
    """What is asked as searches that know no OR: each its operators, all of them; and whether a choice was left out to stay within `most`.

    More than `most` searches come back only where the query itself is a choice of more.
    """
    match asked:
        case Say():
            return [(asked,)], False
        case Any(parts=parts):
            found = [searches(part, most) for part in parts]
            return _once(one for some, _ in found for one in some), any(left for _, left in found)
        case All(parts=parts):
            sides = [searches(part, most) for part in parts]
            kept: set[int] = set()
            size = 1
            for place in sorted(range(len(sides)), key=lambda place: len(sides[place][0])):
                if size * len(sides[place][0]) <= most or not kept:
                    size *= len(sides[place][0])
                    kept.add(place)
            chosen = [side for place, (side, _) in enumerate(sides) if place in kept]
            out = _once(tuple(dict.fromkeys(say for some in one for say in some)) for one in product(*chosen))
            return out, len(kept) < len(sides) or any(left for _, left in sides)


def _once(found: Iterable[tuple[Say, ...]]) -> list[tuple[Say, ...]]:
    """Without searches that another one covers: whoever asks for less words finds all of it."""
    kept = list(dict.fromkeys(found))
    if len(kept) > COMPARED:
        return kept
    sets = [frozenset(one) for one in kept]
    return [one for one, says in zip(kept, sets, strict=True) if not any(other < says for other in sets)]
