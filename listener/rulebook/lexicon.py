"""Overlays on the tone scorer's word list: words of this trade that it gets wrong, and the tests that show it. Owns these shapes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from listener.model import ToneLabel
from listener.rulebook.nodes import NOWHERE, Place


@dataclass(frozen=True, slots=True)
class Sounds:
    """A text, and how it must sound."""

    text: str
    tone: ToneLabel
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class Overlay:
    """Words with their worth, -4 to 4, which a label is found with; the scorer's own numbers stay what they are."""

    key: str
    title: str
    lang: str = "en"
    words: tuple[tuple[str, float], ...] = ()
    """In small letters; several words in a row count as one."""
    removed: frozenset[str] = frozenset()
    """Words that are no mood."""
    tests: tuple[Sounds, ...] = ()
    place: Place = NOWHERE


def words_of(lexicon: Iterable[Overlay]) -> dict[str, float | None]:
    """All overlays as one: a word and what it is worth, None where it is no mood. Their order does not count: no word is in two."""
    words: dict[str, float | None] = {}
    for overlay in lexicon:
        words.update(dict.fromkeys(overlay.removed))
        words.update(overlay.words)
    return words
