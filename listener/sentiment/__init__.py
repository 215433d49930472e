"""Tone: VADER's four numbers, by the arithmetic in `scoring`, and our label. Refuses to score what the method does not fit.

The one place that names vaderSentiment.

VADER is an English word list with rules. Text in another language is "not scored", which is a value of its own and never neutral, unless
somebody gives words for that language: then the same arithmetic counts those, and nothing English.
Handles, addresses and brand names come out first, because they can be words of the list ("united" is +1.8).

A trade has words that the list gets wrong. With an overlay of words the label is found by the list as overlaid; the four numbers stay
those of the list as published, so that they can be compared with anybody's, and the method's name says which overlay it was.
"""

from __future__ import annotations

import hashlib
import re
import string
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Protocol

from listener.model.judged import Tone
from listener.model.scales import ToneLabel
from listener.sentiment.scoring import Scorer, Scores, Tables

METHOD = "vader-3.3.2"
FITS = "en"
NOT_SCORED = Tone(ToneLabel.NOT_SCORED)

NEGATIVE = -0.05
POSITIVE = 0.05
"""VADER's own thresholds for its compound score, both inclusive."""

MAX_CHARACTERS = 10_000

_HANDLES_AND_ADDRESSES = re.compile(r"https?://\S+|www\.\S+|(?<!\w)[@＠][\w](?:[\w.\-]*\w)?(?:@[\w.\-]*\w)?")


_HASHTAG = re.compile(r"#(\w+)")
_HUMP = re.compile(r"_|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class WordList(Protocol):
    """The words of another language, in small letters: with their worth, those that deny, and what those that boost add."""

    @property
    def words(self) -> Mapping[str, float]: ...

    @property
    def negations(self) -> frozenset[str]: ...

    @property
    def boosters(self) -> Mapping[str, float]: ...


class Vader:
    """VADER as published, or with an overlay for the label. Loading reads its word list from disk: done once, where the program is put together."""

    __slots__ = ("_others", "_overlay", "_scorer", "_tables", "method")

    def __init__(
        self,
        tables: Tables,
        scorer: Scorer | None = None,
        overlay: _Overlay | None = None,
        method: str = METHOD,
        others: Mapping[str, _Overlay] = MappingProxyType({}),
    ) -> None:
        self._tables = tables
        self._scorer = scorer or Scorer(tables)
        self._overlay = overlay
        self._others = others
        self.method = method

    @classmethod
    def load(cls) -> Vader:
        """With vaderSentiment's own lexicon and emoji table. Reads the disk (about 50 ms)."""
        from vaderSentiment import vaderSentiment as published  # noqa: N813

        lists = published.SentimentIntensityAnalyzer()  # type: ignore[no-untyped-call]
        return cls(
            Tables(
                lists.lexicon,
                lists.emojis,
                published.BOOSTER_DICT,
                frozenset(published.NEGATE),
                published.SPECIAL_CASES,
                published.C_INCR,
                published.N_SCALAR,
            )
        )

    def with_words(
        self, words: Mapping[str, float | None], lists: Mapping[str, WordList] = MappingProxyType({})
    ) -> Vader:
        """The published list with these words, in small letters, worth so much (-4 to 4; None: no mood), and with no other overlay.

        Several words in a row count as one word of their own. `lists`: other languages that are scored, each by its own words alone.
        """
        content = "\n".join(f"{word}\t{worth}" for word, worth in sorted(words.items()))
        method = f"{METHOD}+{_short_hash(content)}" if words else METHOD
        method += "".join(f" {lang}:{_short_hash(_content(found))}" for lang, found in sorted(lists.items()))
        others = {lang: _Overlay(_tables_of(found, self._tables), found.words) for lang, found in lists.items()}
        return Vader(self._tables, self._scorer, _Overlay(self._tables, words) if words else None, method, others)

    def tone(self, text: str, lang: str, brand_names: Iterable[str] = ()) -> Tone:
        """The tone of a text in `lang` (as found, "" when unsure). Never raises; the numbers are VADER's, untouched."""
        other = self._others.get(lang)
        if lang != FITS and other is None:
            return NOT_SCORED
        plain = scored_part(text, tuple(brand_names))
        if not plain:
            return NOT_SCORED
        if lang != FITS and other is not None:
            neg, neu, pos, compound = other.scores(plain)
            return Tone(label(compound), neg, neu, pos, compound)
        neg, neu, pos, compound = self._scorer.scores(plain)
        verdict = label(compound if self._overlay is None else self._overlay.compound(plain, compound))
        return Tone(verdict, neg, neu, pos, compound)


def _content(found: WordList) -> str:
    """All of it as one text: what differs in any of it differs in this."""
    lines = [f"{word}\t{worth}" for word, worth in sorted(found.words.items())]
    lines += [f"-\t{word}" for word in sorted(found.negations)]
    return "\n".join([*lines, *(f"+\t{word}\t{add}" for word, add in sorted(found.boosters.items()))])


def _short_hash(content: str) -> str:
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def _tables_of(words: WordList, published: Tables) -> Tables:
    """Nothing of the published lists but how much capitals and negations count: its special cases and smileys are English words."""
    return Tables({}, {}, words.boosters, words.negations, {}, published.caps, published.negated, but="")


class _Overlay:
    """The same arithmetic with other words."""

    __slots__ = ("_begins", "_rows", "_scorer")

    def __init__(self, published: Tables, words: Mapping[str, float | None]) -> None:
        self._begins = frozenset(word.partition(" ")[0] for word in words)
        rows: dict[str, list[tuple[str, ...]]] = {}
        for word in words:
            if " " in word:
                rows.setdefault(word.partition(" ")[0], []).append(tuple(word.split()))
        self._rows = {first: sorted(found, key=lambda row: (-len(row), row)) for first, found in rows.items()}
        lexicon = {word: worth for word, worth in published.lexicon.items() if word not in words}
        lexicon |= {_ROW.join(word.split()): worth for word, worth in words.items() if worth is not None}
        self._scorer = Scorer(replace(published, lexicon=lexicon))

    def compound(self, plain: str, published: float) -> float:
        """The compound score with the overlay; the published one where no word of it is in the text."""
        tokens = plain.split()
        if plain.isascii() and not any(  # an emoji stands for words
            token.lower() in self._begins or token.strip(string.punctuation).lower() in self._begins for token in tokens
        ):
            return published
        return self._scorer.scores(" ".join(self._joined(tokens)))[3]

    def scores(self, plain: str) -> Scores:
        """The four numbers, with these words alone where nothing was published."""
        return self._scorer.scores(" ".join(self._joined(plain.split())))

    def _joined(self, tokens: list[str]) -> Iterable[str]:
        """The tokens, with those that are several words of the overlay in a row made one."""
        at = 0
        while at < len(tokens):
            rows = self._rows.get(tokens[at].lstrip(string.punctuation).lower(), ())
            many = next((len(row) for row in rows if _is_row(tokens[at : at + len(row)], row)), 1)
            yield _ROW.join(tokens[at : at + many])
            at += many


_ROW = "_"


def _is_row(tokens: list[str], row: tuple[str, ...]) -> bool:
    if len(tokens) != len(row):
        return False
    first, last = tokens[0].lstrip(string.punctuation), tokens[-1].rstrip(string.punctuation)
    return (first.lower(), *map(str.lower, tokens[1:-1]), last.lower()) == row


def label(compound: float) -> ToneLabel:
    """The verdict on a compound score."""
    if compound <= NEGATIVE:
        return ToneLabel.NEGATIVE
    return ToneLabel.POSITIVE if compound >= POSITIVE else ToneLabel.NEUTRAL


def scored_part(text: str, brand_names: tuple[str, ...] = ()) -> str:
    """The text as it is scored: mended, without handles, addresses and brand names, and with hashtags of several words as words.

    Mended is what machines broke: HTML's entities, bytes read in another encoding, curly quotes (`don’t` must deny), full-width letters.
    """
    plain = text[:MAX_CHARACTERS]
    if "&" in plain or not plain.isascii():
        plain = _mender()(plain)
    plain = _HANDLES_AND_ADDRESSES.sub(" ", plain)
    if "#" in plain:
        plain = _HASHTAG.sub(_as_words, plain)
    names = _names(brand_names)
    return (names.sub(" ", plain) if names else plain).strip()


@cache
def _mender() -> Callable[[str], str]:
    """ftfy, as late as a text needs it: it takes longer to load than most texts need it for."""
    import ftfy

    settings = ftfy.TextFixerConfig(
        explain=False, normalization=None, unescape_html=True, max_decode_length=MAX_CHARACTERS
    )
    return lambda text: ftfy.fix_text(text, settings)


def _as_words(tag: re.Match[str]) -> str:
    """#WorstServiceEver as it is read; a tag of one word, or all in capitals, stays."""
    return " ".join(_HUMP.split(tag[1]))


@lru_cache(maxsize=256)
def _names(brand_names: tuple[str, ...]) -> re.Pattern[str] | None:
    known = sorted({name.strip() for name in brand_names} - {""}, key=lambda name: (-len(name), name))
    if not known:
        return None
    return re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, known)) + r")(?:['’]s)?(?!\w)", re.IGNORECASE)
