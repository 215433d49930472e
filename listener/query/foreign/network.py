"""What all networks have in common when a query is put to them. Owns what becomes of words, phrases, signs and fields; refuses their spelling.

A network is asked for at least what the query wants. Where it answers by its own lights (what language a post is in, what a negated word
leaves out) it is asked all the same and the loss says that it may miss something; `strict` leaves those parts out instead.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from listener.query import clock, words
from listener.query.foreign.relax import EVERY, Asked, Effect, Losses, always, both, either, relax
from listener.query.glob import globbed
from listener.query.tree import (
    And,
    Exact,
    Field,
    Hours,
    Moment,
    Named,
    Near,
    Node,
    Not,
    Or,
    Period,
    Phrase,
    Range,
    Raw,
    Regex,
    Sign,
    Term,
    Text,
    Value,
    Wild,
    Word,
)

ONLY_HERE = frozenset(
    {
        "account",
        "topic",
        "tone",
        "about",
        "need",
        "rule",
        "tag",
        "label",
        "status",
        "priority",
        "assignee",
        "team",
        "reach",
        "followers",
    }
)
"""Fields that Hubbub itself fills; followers where a network does not say otherwise."""


@dataclass
class Network(ABC):
    """One conversion for one network."""

    losses: Losses = field(default_factory=Losses)
    strict: bool = False
    now: datetime | None = None

    name: ClassVar[str]
    sources: ClassVar[frozenset[str]]
    """What `source:` calls it."""
    never: ClassVar[frozenset[str]]
    """Sorts of message that asking it never brings."""
    spelling: ClassVar[str]
    """How its idea of a word differs from ours, in one sentence."""

    # What a network must say for itself.

    @abstractmethod
    def in_a_row(self, node: Node, keys: tuple[str, ...], positive: bool) -> Asked:
        """Folded words in a row: one, or a phrase."""

    @abstractmethod
    def sign(self, node: Sign, positive: bool) -> Asked:
        """A hashtag, a handle or a cash sign."""

    @abstractmethod
    def value(self, node: Field, value: Value, positive: bool) -> Asked | None:
        """One value of a field; None: it cannot be asked."""

    def close(
        self, node: Node, left: tuple[str, ...], right: tuple[str, ...], distance: int, ordered: bool
    ) -> Asked | None:
        """Any of some words near any of others; None: closeness cannot be asked."""
        return None

    # What is the same everywhere.

    def asked(self, tree: Node) -> Asked:
        """What to ask for a whole query."""
        return relax(tree, self.ask, self.losses)

    def ask(self, node: Node, positive: bool) -> Asked | None:
        """What to ask for one part."""
        match node:
            case And() | Or() | Not() | Named():
                return None
            case Word(key=key):
                return self.word(node, key, positive)
            case Wild():
                return self.drop(node, "wildcard", f"{self.name} has no wildcards")
            case Exact():
                return self.exact(node, positive)
            case Phrase():
                return self.phrase(node, positive)
            case Sign():
                return self.sign(node, positive)
            case Raw():
                return self.raw(node, positive)
            case Regex():
                return self.drop(node, "regex", f"{self.name} has no regular expressions")
            case Near():
                return self.near(node, positive)
            case Field():
                return self.field(node, positive)

    def drop(self, node: Node | Value, code: str, why: str) -> Asked:
        """A part that is not asked."""
        self.losses.tell(self._at(node), code, f"{why}: this part is not asked.")
        return EVERY

    def widen(self, node: Node, code: str, message: str, asked: Asked) -> Asked:
        """A part for which more is asked."""
        self.losses.tell(node, code, message)
        return asked

    def own(self, node: Node | Value, code: str, message: str, asked: Asked, once: bool = False) -> Asked:
        """A part that the network answers by its own lights; in strict use it is not asked."""
        if self.strict:
            return self.drop(node, code, message.rstrip("."))
        if once:
            self.losses.tell_once(self._at(node), code, message, Effect.LESS)
        else:
            self.losses.tell(self._at(node), code, message, Effect.LESS)
        return asked

    @staticmethod
    def _at(node: Node | Value) -> Node:
        """A place for a loss: values have one too."""
        return node if not isinstance(node, Text | Range | Period | Hours) else Word("", node.start, node.end)

    def word(self, node: Node, key: str, positive: bool) -> Asked:
        """One word."""
        if positive:
            self.losses.tell_once(node, "spelling", self.spelling, Effect.LESS)
        return self.in_a_row(node, (key,), positive)

    def exact(self, node: Exact, positive: bool) -> Asked:
        """`{BT}`."""
        if not positive:
            return self.drop(node, "case", f"{self.name} does not tell upper from lower case")
        message = f"{self.name} does not tell upper from lower case: every spelling is found."
        return self.widen(node, "case", message, self.word(node, words.fold(node.spelling), True))

    def phrase(self, node: Phrase, positive: bool) -> Asked:
        """Words in a row, or close together."""
        plain = all(isinstance(part, Word) for part in node.parts)
        if node.slop is not None:
            return self._loose(node, node.slop, positive)
        if not positive and not plain:
            return self.drop(node, "wildcard", f"{self.name} has no wildcards and no exact case in a phrase")
        if plain:
            if positive:
                self.losses.tell_once(node, "spelling", self.spelling, Effect.LESS)
            return self.in_a_row(node, tuple(_key(part) for part in node.parts), positive)
        self.losses.tell(
            node,
            "wildcard",
            f"{self.name} has no wildcards and no exact case in a phrase: only its plain words are asked.",
        )
        return both(self.in_a_row(node, run, True) for run in _runs(node.parts))

    def _loose(self, node: Phrase, slop: int, positive: bool) -> Asked:
        if not positive:
            return self.drop(node, "proximity", f"{self.name} cannot leave out words that are merely close")
        keys = [_key(part) for part in node.parts if not isinstance(part, Wild)]
        plain = all(isinstance(part, Word) for part in node.parts)
        if plain and len(keys) == 2 and (asked := self.close(node, (keys[0],), (keys[1],), slop, False)) is not None:
            return asked
        message = f"{self.name} cannot ask how close words are: it is asked for all of them, wherever they stand."
        return self.widen(node, "proximity", message, both(self.word(node, key, True) for key in keys))

    def near(self, node: Near, positive: bool) -> Asked:
        """Two parts close together."""
        if not positive:
            return self.drop(node, "proximity", f"{self.name} cannot leave out words that are merely close")
        left, right = _alternatives(node.left), _alternatives(node.right)
        if left and right and (asked := self.close(node, left, right, node.distance, node.ordered)) is not None:
            return asked
        message = f"{self.name} cannot ask how close these are: it is asked for both sides, wherever they stand."
        return self.widen(node, "proximity", message, relax(And((node.left, node.right)), self.ask, self.losses))

    def raw(self, node: Raw, positive: bool) -> Asked:
        """`raw:"Google+"`: its words."""
        if not positive:
            return self.drop(node, "raw", f"{self.name} looks at words, not at exact characters")
        keys = tuple(forms[0] for forms in words.segment(node.text).forms)
        if not keys:
            return self.drop(node, "raw", f"{self.name} looks at words, not at exact characters")
        message = f"{self.name} looks at words, not at exact characters: it is asked for the words."
        return self.widen(node, "raw", message, self.in_a_row(node, keys, True))

    def as_words(self, node: Sign, positive: bool) -> Asked:
        """A sign that the network knows nothing of: the words in it."""
        keys = tuple(forms[0] for forms in words.segment(node.form[1:]).forms)
        if not positive or not keys:
            return self.drop(node, "sign", f"{self.name} knows no such sign")
        message = f"{self.name} knows no such sign: it is asked for the words in it."
        return self.widen(node, "sign", message, both(self.word(node, key, True) for key in keys))

    def field(self, node: Field, positive: bool) -> Asked:
        """A field: any of its values."""
        asked = [self._value(node, value, positive) for value in node.values]
        if positive and EVERY in asked and any(one != EVERY for one in asked):
            self.losses.tell(node, "choice", "One of these values cannot be asked, so none of them is.")
        return either(asked) if positive else both(asked)

    def _value(self, node: Field, value: Value, positive: bool) -> Asked:
        if node.name == "source" and isinstance(value, Text):
            return always(any(_fits(value, name) for name in self.sources), positive)
        if node.name == "rating":
            return always(False, positive)
        if node.name in {"kind", "is"} and isinstance(value, Text) and value.key in self.never:
            return always(False, positive)
        asked = self.value(node, value, positive)
        if asked is not None:
            return asked
        if node.name in ONLY_HERE or (node.name == "is" and self._state(value)):
            return self.drop(value, "only-here", f"{node.name}: is known to Hubbub only")
        return self.drop(value, "no-field", f"{self.name} cannot be asked for {node.name}: in this way")

    @staticmethod
    def _state(value: Value) -> bool:
        own = {"ours", "addressed", "unread", "open", "new", "theirs", "snoozed", "done", "assigned"}
        return isinstance(value, Text) and value.key in own

    def span(self, value: Value) -> tuple[datetime | None, datetime | None] | None:
        """The time that a value of `time` or `age` speaks of, never shorter; None: it cannot be told.

        An end that moves with the clock is left open: what is asked must hold later as well.
        """
        if isinstance(value, Period):
            low, high = self._moment(value.low), self._moment(value.high)
            moving = value.high is not None and value.high.at is None
            return (low, None if moving else high) if low is not None or (high is not None and not moving) else None
        if isinstance(value, Range) and value.high is not None and self.now is not None:
            return shifted(self.now, -value.high), None
        return None

    @staticmethod
    def opposite(value: Value) -> tuple[datetime | None, datetime | None] | None:
        """The time outside of a period with one end, both ends being fixed; None: it cannot be told."""
        if not isinstance(value, Period):
            return None
        if value.low is not None and value.high is None and value.low.at is not None:
            return None, value.low.at
        if value.high is not None and value.low is None and value.high.at is not None:
            return value.high.at, None
        return None

    def _moment(self, moment: Moment | None) -> datetime | None:
        if moment is None or (moment.at is None and self.now is None):
            return None
        return clock.instant(moment, self.now or datetime.min.replace(tzinfo=UTC)).astimezone(UTC)


def shifted(at: datetime, seconds: float) -> datetime:
    """A moment moved; beyond the calendar's ends: its ends."""
    try:
        return at + timedelta(seconds=seconds)
    except OverflowError:
        return (datetime.max if seconds > 0 else datetime.min).replace(tzinfo=UTC)


def whole(number: float, up: bool) -> int:
    """A bound as a whole number."""
    return math.ceil(number) if up else math.floor(number)


def _fits(value: Text, name: str) -> bool:
    return globbed(value.key)(name) if value.wild else name == value.key


def _key(part: Term) -> str:
    match part:
        case Word(key=key):
            return key
        case Exact(spelling=spelling):
            return words.fold(spelling)
        case Wild(pattern=pattern):
            return pattern


def _runs(parts: tuple[Term, ...]) -> list[tuple[str, ...]]:
    """The words of a phrase that stand in a row between its wildcards."""
    runs: list[list[str]] = [[]]
    for part in parts:
        if isinstance(part, Wild):
            runs.append([])
        else:
            runs[-1].append(_key(part))
    return [tuple(run) for run in runs if run]


def _alternatives(node: Node) -> tuple[str, ...]:
    """The words of which one must stand there, or () where it is more than a choice of words."""
    match node:
        case Word(key=key):
            return (key,)
        case Or(parts=parts) if all(isinstance(part, Word) for part in parts):
            return tuple(part.key for part in parts if isinstance(part, Word))
        case Named(part=part):
            return _alternatives(part)
        case _:
            return ()
