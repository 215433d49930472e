"""The words for what stands in a text of ours."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a text in UTF-8 bytes, and what it is."""

    start: int
    end: int
    kind: str
    """mention, link or tag."""
    value: str
    """The handle, the address, or the tag without its sign."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What a part of a text becomes, wherever it stands."""

    kind: str
    """mention, link or tag; local: a mention of somebody on the server of the account that writes."""
    value: str
    """The handle, the address, or the tag without its sign."""


@dataclass(frozen=True, slots=True)
class Plain:
    """A word that looks like a link or a name, and will be neither."""

    word: str
    why: str
