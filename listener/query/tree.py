"""A query as a tree of frozen parts, each knowing where it stands in the query's text. Owns shapes; refuses to judge or to print."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Word:
    """One word, folded."""

    key: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Prefix:
    """`word*`: every word that begins so."""

    stem: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words in a row; also a word that is written as several (e-mail) or in a script without spaces."""

    keys: tuple[str, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Tag:
    """`#tag`: a hashtag, as opposed to the word."""

    form: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Handle:
    """`@handle`: an account named in the text, as opposed to the word."""

    form: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a field, folded; `prefix` when it was written with a star at its end."""

    text: str
    prefix: bool
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Field:
    """`name:value` or `name:(one OR other)`: true when any of the values is."""

    name: str
    values: tuple[Value, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class And:
    """All parts."""

    parts: tuple[Node, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Or:
    """Any part."""

    parts: tuple[Node, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Not:
    """Everything but this part."""

    part: Node
    start: int
    end: int


Node = Word | Prefix | Phrase | Tag | Handle | Field | And | Or | Not


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it, from left to right."""
    waiting: list[Node] = [node]
    while waiting:
        one = waiting.pop()
        yield one
        if isinstance(one, And | Or):
            waiting.extend(reversed(one.parts))
        elif isinstance(one, Not):
            waiting.append(one.part)
