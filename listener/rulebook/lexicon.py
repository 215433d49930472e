"""Overlays on the tone scorer's word list: words of this trade that it gets wrong, and the tests that show it. Owns these shapes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from listener.model.scales import ToneLabel
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
    whole: bool = False
    """It is all the words there are for its language, which else has no tone."""
    negations: tuple[str, ...] = ()
    """Of a whole one: words that turn the worth of what follows round."""
    boosters: tuple[tuple[str, float], ...] = ()
    """Of a whole one: words that make what follows stronger or, below 0, weaker."""
    tests: tuple[Sounds, ...] = ()
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class WordList:
    """The words of one language that the published list does not fit. All in small letters; several words in a row count as one."""

    words: Mapping[str, float] = field(default_factory=dict)
    """With their worth, -4 to 4."""
    negations: frozenset[str] = frozenset()
    boosters: Mapping[str, float] = field(default_factory=dict)
    """What each adds to the worth of what follows; VADER's own add and take 0.293."""


def words_of(lexicon: Iterable[Overlay]) -> dict[str, float | None]:
    """All overlays of the published list as one: a word and its worth, None where it is no mood. In no order: no word is in two."""
    words: dict[str, float | None] = {}
    for overlay in lexicon:
        if overlay.whole:
            continue
        words.update(dict.fromkeys(overlay.removed))
        words.update(overlay.words)
    return words


def lists_of(lexicon: Iterable[Overlay]) -> dict[str, WordList]:
    """The languages that have words of their own, with those. Several files for one language are one list."""
    lists: dict[str, WordList] = {}
    for one in lexicon:
        if one.whole:
            known = lists.get(one.lang, WordList())
            negations, boosters = known.negations | set(one.negations), {**known.boosters, **dict(one.boosters)}
            lists[one.lang] = WordList({**known.words, **dict(one.words)}, negations, boosters)
    return lists
