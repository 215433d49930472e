"""Saved replies: a text with fields, in a version for each network that wants its own. Owns the fields and how they are filled; sends nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from listener.rulebook.nodes import NOWHERE, Place

FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "author": "the name of whoever wrote",
        "agent": "the name of whoever answers",
        "brand": "the brand's name",
    }
)
"""Every field that a saved reply may use, and what it is filled with."""

_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
"""A doubled brace is a brace; one alone belongs to a field."""


@dataclass(frozen=True, slots=True)
class SavedReply:
    """A reply that is offered, never sent by itself."""

    key: str
    title: str
    text: str
    code: str = ""
    """A few letters that find it."""
    on: tuple[tuple[str, str], ...] = ()
    """Networks with the text there."""
    lang: str = ""
    """The language that it is written in; "": not said."""
    topics: frozenset[str] = frozenset()
    """Offered first on what was heard by these."""
    tags: tuple[str, ...] = ()
    team: str = ""
    brands: frozenset[str] = frozenset()
    """Only for these brands; empty: shared by all."""
    place: Place = NOWHERE

    def text_on(self, network: str) -> str:
        """The text for a network, with its fields."""
        return dict(self.on).get(network, self.text)


def fields_of(text: str) -> Iterator[tuple[str | None, int]]:
    """Each field of a text with its offset, whether it is known or not; None for a brace that belongs to none."""
    for piece in _PIECE.finditer(text):
        if piece.group(1) is not None:
            yield piece.group(1).strip(), piece.start()
        elif len(piece.group()) == 1:
            yield None, piece.start()


def fill(reply: SavedReply, network: str, values: Mapping[str, str]) -> str:
    """The reply as it is put before whoever answers. A field without a value stays as it is written, to be seen and filled by hand.

    What is filled in is text: a name with braces in it is no field.
    """
    return filled(reply.text_on(network), values)


def filled(text: str, values: Mapping[str, str]) -> str:
    """A text with its fields filled."""

    def value(piece: re.Match[str]) -> str:
        if piece.group(1) is None:
            return piece.group()[0]
        return values.get(piece.group(1).strip(), piece.group())

    return _PIECE.sub(value, text)
