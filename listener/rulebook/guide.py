"""The style guide: how we sound, as data. Owns its shape and the names of its checks; checks no draft."""

from __future__ import annotations

from dataclasses import dataclass

from listener.rulebook.nodes import NOWHERE, Place

CHECKS = ("banned", "wanted", "greeting", "sign-off", "emoji", "links", "longest", "languages", "tone")
"""What can be looked at in a draft, by the names of the keys that say how it must be."""

NOT_NEGATIVE, POSITIVE = TONES = ("not negative", "positive")
"""How a reply may have to sound."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word, or several in a row, that is wanted or banned, and what to say instead."""

    word: str
    because: str = ""
    use: str = ""


@dataclass(frozen=True, slots=True)
class Guide:
    """How a reply must be. None and empty say nothing about it."""

    voice: tuple[str, ...] = ()
    """Notes for people, in words."""
    wanted: tuple[Word, ...] = ()
    banned: tuple[Word, ...] = ()
    greeting: str = ""
    """How a first reply begins, with the fields of saved replies."""
    sign_off: str = ""
    """How a reply ends, with the same fields."""
    emoji: int | None = None
    """At most so many; None: any number."""
    links: frozenset[str] = frozenset()
    """Domains that a reply may lead to, with all below them; empty: any."""
    longest: int | None = None
    """Characters, whatever the network takes."""
    languages: frozenset[str] = frozenset()
    tone: str = ""
    """One of `TONES`; "": however it sounds."""
    hard: frozenset[str] = frozenset()
    """Names of the checks that keep a reply from being sent; the others are only told."""
    place: Place = NOWHERE
