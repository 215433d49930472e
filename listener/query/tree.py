"""A query as a tree of frozen parts, each knowing where it stands in the query's text. Owns shapes; refuses to judge or to print.

Two trees are equal when they mean the same: places do not count.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

# What stands in the text ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Word:
    """One word, folded: true when a word of the text answers to it."""

    key: str
    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Wild:
    """`word*`, `w?rd`: folded; `*` stands for any letters, also none, `?` for exactly one. Never at the beginning."""

    pattern: str
    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)

    @property
    def stem(self) -> str:
        """What stands before the first sign; never empty."""
        return self.pattern[: min(at for sign in "*?" if (at := self.pattern.find(sign)) >= 0)]


@dataclass(frozen=True, slots=True)
class Exact:
    """`{BT}`: one word spelled exactly so, `words.spelled` of what was written: case and accents count."""

    spelling: str
    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)


Term: TypeAlias = Word | Wild | Exact
"""What takes the place of one word."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """Two or more words. Without slop: in a row, in this order (also a word written as several, e-mail, or in a script without spaces).

    With slop n: in any order, with at most n other words among them (never one word for two parts).
    """

    parts: tuple[Term, ...]
    slop: int | None = None
    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Sign:
    """`#tag`, `@handle`, `$CASH`: the whole form, folded, with its sign; not the bare word. A hashtag may also be carried outside the text."""

    form: str
    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Raw:
    """`raw:"Google+"`: exactly these characters, not inside a longer word."""

    text: str
    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Regex:
    """`/.../`: a regular expression over the text as it was given, letter case ignored, in linear time. The pattern compiles."""

    pattern: str
    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Near:
    """`left NEAR/n right`: at most `distance` other words between the two stretches of text; `ordered` (NEAR/nf): left wholly before right.

    Both sides are `positional`: words, wildcards, exact words, phrases, signs, further NEARs, and ORs of those.
    """

    left: Node
    right: Node
    distance: int
    ordered: bool = False
    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)


# What else is known --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Text:
    """A value of a field: `raw` as written without its quotes, `key` folded. `wild`: `*` and `?` in the key are signs."""

    raw: str
    key: str
    wild: bool = False
    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from `low` to `high`; None: no bound. One number is a range of itself. Ordered choices (priority) count from 1."""

    low: float | None
    high: float | None
    low_in: bool = True
    high_in: bool = True
    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)

    def holds(self, number: float) -> bool:
        """Whether a number lies in it."""
        if self.low is not None and (number < self.low or (number == self.low and not self.low_in)):
            return False
        return self.high is None or number < self.high or (number == self.high and self.high_in)


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time: absolute (`at`, aware), or `seconds` after now, or the first instant of the day that is `day` days after today in `zone`."""

    at: datetime | None = None
    seconds: float = 0.0
    day: int | None = None
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Period:
    """Times from `low` (in) to `high` (out); None: no bound."""

    low: Moment | None
    high: Moment | None
    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Hours:
    """Minutes of the day from `low` (in) to `high` (out) in a named zone; `high` at or below `low` runs past midnight."""

    low: int
    high: int
    zone: str = "UTC"
    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)


Value: TypeAlias = Text | Range | Period | Hours


@dataclass(frozen=True, slots=True)
class Field:
    """`name:value`, `name:(one OR other)`, `name:[low TO high]`, `name:>5`: true when any of the values is.

    The sort of the field says which kind of value stands here: see `listener.query.fields`.
    """

    name: str
    values: tuple[Value, ...]
    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)


# How parts combine ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class And:
    """All parts."""

    parts: tuple[Node, ...]
    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Or:
    """Any part."""

    parts: tuple[Node, ...]
    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Not:
    """Everything but this part."""

    part: Node
    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Named:
    """`list:giveaway`, `query:outage`: what the rule files define under that name. Places inside `part` count in `text`, the definition's own."""

    name: str
    """With its sort: 'list:giveaway'."""
    part: Node
    text: str = field(default="", compare=False)
    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)


Node: TypeAlias = Word | Wild | Exact | Phrase | Sign | Raw | Regex | Near | Field | And | Or | Not | Named


def parts_of(node: Node) -> tuple[Node, ...]:
    """The parts that a part is made of, in order; a phrase's words are not parts."""
    match node:
        case And(parts=parts) | Or(parts=parts):
            return parts
        case Not(part=part) | Named(part=part):
            return (part,)
        case Near(left=left, right=right):
            return (left, right)
        case _:
            return ()


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it, from left to right."""
    waiting: list[Node] = [node]
    while waiting:
        one = waiting.pop()
        yield one
        waiting.extend(reversed(parts_of(one)))


def positional(node: Node) -> bool:
    """Whether a part has places among the words of a text, so that it may stand beside NEAR."""
    match node:
        case Word() | Wild() | Exact() | Phrase() | Sign() | Near():
            return True
        case Or(parts=parts):
            return all(map(positional, parts))
        case Named(part=part):
            return positional(part)
        case _:
            return False
