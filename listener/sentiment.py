"""Tone: VADER's four numbers and our label. The one place that names vaderSentiment; refuses to score what the method does not fit.

VADER is an English word list with rules. Text in another language is "not scored", which is a value of its own and never neutral.
Handles, addresses and brand names come out first, because they can be words of the list ("united" is +1.8).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Protocol

from listener.model import Tone, ToneLabel

METHOD = "vader-3.3.2"
FITS = "en"
NOT_SCORED = Tone(ToneLabel.NOT_SCORED)

NEGATIVE = -0.05
POSITIVE = 0.05
"""VADER's own thresholds for its compound score, both inclusive."""

MAX_CHARACTERS = 10_000

_HANDLES_AND_ADDRESSES = re.compile(r"https?://\S+|www\.\S+|(?<!\w)[@＠][\w](?:[\w.\-]*\w)?(?:@[\w.\-]*\w)?")


class _Analyzer(Protocol):
    def polarity_scores(self, text: str) -> dict[str, float]: ...


class Vader:
    """VADER as published. Loading reads its word list from disk: done once, where the program is put together."""

    __slots__ = ("_analyzer",)

    method = METHOD

    def __init__(self, analyzer: _Analyzer) -> None:
        self._analyzer = analyzer

    @classmethod
    def load(cls) -> Vader:
        """With vaderSentiment's own lexicon and emoji table. Reads the disk (about 50 ms)."""
        from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

        return cls(SentimentIntensityAnalyzer())  # type: ignore[no-untyped-call]

    def tone(self, text: str, lang: str, brand_names: Iterable[str] = ()) -> Tone:
        """The tone of a text in `lang` (as found, "" when unsure). Never raises; the numbers are VADER's, untouched."""
        if lang != FITS:
            return NOT_SCORED
        plain = scored_part(text, tuple(brand_names))
        if not plain:
            return NOT_SCORED
        scores = self._analyzer.polarity_scores(plain)
        compound = scores["compound"]
        return Tone(label(compound), scores["neg"], scores["neu"], scores["pos"], compound)


def label(compound: float) -> ToneLabel:
    """The verdict on a compound score."""
    if compound <= NEGATIVE:
        return ToneLabel.NEGATIVE
    return ToneLabel.POSITIVE if compound >= POSITIVE else ToneLabel.NEUTRAL


def scored_part(text: str, brand_names: tuple[str, ...] = ()) -> str:
    """The text as it is scored: without handles, addresses and brand names."""
    plain = _HANDLES_AND_ADDRESSES.sub(" ", text[:MAX_CHARACTERS])
    names = _names(brand_names)
    return (names.sub(" ", plain) if names else plain).strip()


@lru_cache(maxsize=256)
def _names(brand_names: tuple[str, ...]) -> re.Pattern[str] | None:
    known = sorted({name.strip() for name in brand_names} - {""}, key=lambda name: (-len(name), name))
    if not known:
        return None
    return re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, known)) + r")(?:['’]s)?(?!\w)", re.IGNORECASE)
