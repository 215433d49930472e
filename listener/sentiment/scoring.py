"""VADER's arithmetic, score for score, without its detours. Owns the four numbers; refuses to know where the word lists come from.

Equal to vaderSentiment 3.3.2 on every text, its quirks included: `but` changes the *first equal* value, `n't` anywhere in a word negates,
`so` and `this` one word before count for whatever stands three before, only emojis of one code point are read. What makes it fast: all that
is asked of a word is looked up once and remembered, rules run only where a word of the list stands, and a text without any is done at once.
Source: Hutto & Gilbert, VADER (ICWSM 2014), and the package's own code.
"""

from __future__ import annotations

import math
import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

REMEMBERED = 60_000
"""Words that are remembered; then all are forgotten. A network's daily words are fewer."""
LONGEST = 40
"""Characters of a word that is worth remembering."""


Scores = tuple[float, float, float, float]
"""VADER's four numbers: neg, neu, pos, compound."""

NOTHING: Scores = (0.0, 0.0, 0.0, 0.0)
"""Of a text without words."""
_PLAIN: Scores = (0.0, 1.0, 0.0, 0.0)
"""Of a text without a word of the list."""

_SHIFTS = frozenset({"no", "so", "this", "least"})
"""Words that can change what comes after them, beside negations, boosters and words of the list."""
_PLAINEST: tuple[bool, float | None, float, bool, bool, bool] = (False, None, 0.0, False, False, False)
_DENIES: tuple[bool, float | None, float, bool, bool, bool] = (False, None, 0.0, True, True, False)
_UPPER = itemgetter(3)
_LOWER = itemgetter(0)


@dataclass(frozen=True, slots=True)
class Tables:
    """What the arithmetic is done with: the published lists, or such with other words."""

    lexicon: Mapping[str, float]
    emojis: Mapping[str, str]
    boosters: Mapping[str, float]
    negations: frozenset[str]
    phrases: Mapping[str, float]
    """Special cases: two or three words with a worth of their own."""
    caps: float
    """What capitals add."""
    negated: float
    """By what a negation multiplies."""
    but: str = "but"
    """After it counts more than before; "": no word does that."""


_Facts = tuple[bool, float | None, float, bool, bool, bool]
_Word = tuple[str, bool, float | None, bool, float, bool, bool, bool]
"""All that is ever asked of a token, a plain tuple because nothing is made as often:

0 in small letters · 1 in the lexicon · 2 what it is worth (None: not scored, also a booster) · 3 in capitals · 4 what it boosts (0.0: nothing)
5 it negates · 6 it may change the worth of one of the three words behind it; nearly no word does · 7 its own worth may hang on what stands
around it (part of a special case, `kind` and `no`)."""


class _Words(dict[str, _Word]):
    """Token to word, found at the first look and remembered."""

    __slots__ = ("_facts",)

    def __init__(self, tables: Tables) -> None:
        super().__init__()
        together = [one.split(" ") for one in (*tables.phrases, *tables.boosters) if " " in one]
        # A special case that stands before a word stands there whole, so that one of its words is enough to look for it.
        shifting = _SHIFTS | {max(words, key=len) for words in together}
        odd = {"kind", "no"}.union(*together)
        self._facts: dict[str, _Facts] = {}
        for lower in {*tables.lexicon, *tables.boosters, *tables.negations, *shifting, *odd}:
            listed, boost = lower in tables.lexicon, tables.boosters.get(lower)
            negates = lower in tables.negations or "n't" in lower
            worth = tables.lexicon[lower] if listed and boost is None else None
            shifts = listed or negates or boost is not None or lower in shifting
            self._facts[lower] = (listed, worth, boost or 0.0, negates, shifts, lower in odd)

    def __missing__(self, token: str) -> _Word:
        stripped = token.strip(string.punctuation)
        text = token if len(stripped) <= 2 else stripped  # an emoticon, most likely
        lower = text.lower()
        facts = self._facts.get(lower)
        if facts is None:
            facts = _DENIES if "n't" in lower else _PLAINEST
        listed, worth, boost, negates, shifts, odd = facts
        word = (lower, listed, worth, text.isupper(), boost, negates, shifts, odd)
        if len(token) <= LONGEST:
            if len(self) >= REMEMBERED:
                self.clear()
            self[token] = word
        return word


class Scorer:
    """Scores texts with one set of tables. Remembers words, so one for the whole program; threads may share it."""

    __slots__ = ("_boosting", "_emoji", "_phrased", "_tables", "_words")

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._words = _Words(tables)
        single = "".join(map(re.escape, sorted(one for one in tables.emojis if len(one) == 1)))
        self._emoji = re.compile(f"[{single}]") if single else None
        self._boosting = {tuple(one.split(" ")): worth for one, worth in tables.boosters.items() if " " in one}
        self._phrased = {tuple(one.split(" ")): worth for one, worth in tables.phrases.items() if " " in one}

    def scores(self, text: str) -> Scores:
        """The four numbers. Never raises."""
        if self._emoji is not None and not text.isascii() and self._emoji.search(text) is not None:
            text = self._described(text)
        words = list(map(self._words.__getitem__, text.split()))
        hits = [at for at, word in enumerate(words) if word[2] is not None]
        if not hits:
            return _PLAIN if words else NOTHING
        uppers = sum(map(_UPPER, words))
        differs = 0 < uppers < len(words)
        worths: list[float] = []
        for at in hits:
            word = words[at]
            if (
                word[7]
                or (at > 0 and words[at - 1][6])
                or (at > 1 and words[at - 2][6])
                or (at > 2 and words[at - 3][6])
            ):
                worths.append(self._worth(words, at, differs))
            else:
                worths.append(self._in_capitals(word[2], word[3] and differs))  # type: ignore[arg-type]
        lowers = list(map(_LOWER, words))
        if (but := self._tables.but) in lowers:
            _but(worths, hits, lowers.index(but))
        return _combined(worths, len(words) - len(hits), text)

    def _described(self, text: str) -> str:
        """Emojis of one code point in words. A space is put before, where none stands, and none behind."""
        parts: list[str] = []
        after_space = True
        emojis = self._tables.emojis
        for char in text:
            told = emojis.get(char)
            if told is None:
                parts.append(char)
                after_space = char == " "
            else:
                parts.append(told if after_space else f" {told}")
                after_space = False
        return "".join(parts)

    def _in_capitals(self, worth: float, louder: bool) -> float:
        if not louder:
            return worth
        return worth + self._tables.caps if worth > 0 else worth - self._tables.caps

    def _worth(self, words: Sequence[_Word], at: int, differs: bool) -> float:
        """Of a word of the list, with what stands around it."""
        word = words[at]
        lower, listed_worth = word[0], word[2]
        assert listed_worth is not None  # noqa: S101
        following = words[at + 1] if at + 1 < len(words) else None
        if lower == "kind" and following is not None and following[0] == "of":
            return 0.0
        tables = self._tables
        one = words[at - 1] if at > 0 else None
        two = words[at - 2] if at > 1 else None
        three = words[at - 3] if at > 2 else None
        worth = listed_worth
        if lower == "no" and following is not None and following[1]:
            worth = 0.0
        if one is not None and (
            one[0] == "no"
            or (two is not None and two[0] == "no")
            or (three is not None and three[0] == "no" and one[0] in {"or", "nor"})
        ):
            worth = listed_worth * tables.negated
        worth = self._in_capitals(worth, differs and word[3])
        if one is None:
            return worth
        if not one[1]:
            worth = worth + self._boosted(one, worth, differs)
            if one[5]:
                worth = worth * tables.negated
        if two is not None and not two[1]:
            boost = self._boosted(two, worth, differs)
            worth = worth + (boost * 0.95 if boost else boost)
            if two[0] == "never" and one[0] in {"so", "this"}:
                worth = worth * 1.25
            elif two[5] and not (two[0] == "without" and one[0] == "doubt"):
                worth = worth * tables.negated
        if three is not None and two is not None and not three[1]:
            boost = self._boosted(three, worth, differs)
            worth = worth + (boost * 0.9 if boost else boost)
            if (three[0] == "never" and two[0] in {"so", "this"}) or one[0] in {"so", "this"}:
                worth = worth * 1.25
            elif three[5] and not (three[0] == "without" and (two[0] == "doubt" or one[0] == "doubt")):
                worth = worth * tables.negated
            worth = self._with_phrases(worth, words, at)
        if one[0] == "least" and not one[1] and (two is None or two[0] not in {"at", "very"}):
            worth = worth * tables.negated
        return worth

    def _boosted(self, before: _Word, worth: float, differs: bool) -> float:
        """What a word before adds to the worth."""
        boost = before[4]
        if not boost:
            return 0.0
        if worth < 0:
            boost = boost * -1
        if differs and before[3]:
            boost = boost + self._tables.caps if worth > 0 else boost - self._tables.caps
        return boost

    def _with_phrases(self, worth: float, words: Sequence[_Word], at: int) -> float:
        """The worth where the word stands in a special case, or after two words that boost together. Three words stand before it."""
        three, two, one, this = words[at - 3][0], words[at - 2][0], words[at - 1][0], words[at][0]
        phrased, boosting = self._phrased, self._boosting
        for phrase in ((one, this), (two, one, this), (two, one), (three, two, one), (three, two)):
            if phrase in phrased:
                worth = phrased[phrase]
                break
        if len(words) - 1 > at:
            following = words[at + 1][0]
            if (this, following) in phrased:
                worth = phrased[(this, following)]
            if len(words) - 1 > at + 1 and (this, following, words[at + 2][0]) in phrased:
                worth = phrased[(this, following, words[at + 2][0])]
        for pair in ((three, two, one), (three, two), (two, one)):
            if pair in boosting:
                worth = worth + boosting[pair]
        return worth


def _but(worths: list[float], hits: Sequence[int], but: int) -> None:
    """Half of what stands before a `but`, and half as much again of what stands behind; of the first equal worth each time, as published."""
    for worth in worths:
        first = worths.index(worth)
        if hits[first] < but:
            worths[first] = worth * 0.5
        elif hits[first] > but:
            worths[first] = worth * 1.5


def _combined(worths: Sequence[float], others: int, text: str) -> Scores:
    """The four numbers of the words of the list and so many others."""
    total = float(sum(worths))
    marks, asks = text.count("!"), text.count("?")
    emphasis = 0.0
    if marks:
        emphasis = min(marks, 4) * 0.292
    if asks > 1:
        emphasis = emphasis + (asks * 0.18 if asks <= 3 else 0.96)
    if total > 0:
        total += emphasis
    elif total < 0:
        total -= emphasis
    pos = neg = 0.0
    for worth in worths:
        if worth > 0:
            pos += worth + 1
        elif worth < 0:
            neg += worth - 1
        else:
            others += 1
    against = -neg
    if pos > against:
        pos += emphasis
    elif pos < against:
        against = -(neg - emphasis)
    whole = pos + against + others
    return (
        round(against / whole, 3) if against else 0.0,
        round(others / whole, 3),
        round(pos / whole, 3) if pos else 0.0,
        round(total / math.sqrt(total * total + 15), 4) if total else 0.0,
    )
