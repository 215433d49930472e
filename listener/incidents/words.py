"""Which words stand out in what was said: seen against usual. Pure.

A word counts once a message. How usual it is comes from what the same brand heard on other days, with a guess from the word itself until enough
was heard. Refuses texts: it gets words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from math import log2

from listener.incidents.message import MOST_NAMED, Word

BELIEF = 10
"""Messages of other days that must be held before they count as much as the guess."""
FEWEST = 2
"""Messages that have the word."""
TIMES = 2.0
"""At least so much more than usual."""


def standing_out(
    now: Iterable[Iterable[str]], before: Iterable[Iterable[str]], usual: Callable[[str], float], most: int = MOST_NAMED
) -> tuple[Word, ...]:
    """The words that say most about what is different, the strongest first."""
    seen, n = _counted(now)
    held, m = _counted(before)
    found = []
    for word, times in seen.items():
        if times < FEWEST or not _is_word(word):
            continue
        share = min(0.999, (held[word] + BELIEF * usual(word)) / (m + BELIEF))
        if times >= TIMES * share * n:
            found.append((_surprise(times / n, share) * n, Word(word, times, share * n)))
    found.sort(key=lambda one: (-one[0], one[1].text))
    return tuple(word for _, word in found[:most])


def _counted(texts: Iterable[Iterable[str]]) -> tuple[Counter[str], int]:
    counts: Counter[str] = Counter()
    n = 0
    for words in texts:
        n += 1
        counts.update(set(words))
    return counts, n


def _surprise(share: float, usual: float) -> float:
    """Bits a message."""
    rest = (1 - share) * log2((1 - share) / (1 - usual)) if share < 1 else 0.0
    return share * log2(share / usual) + rest


def _is_word(word: str) -> bool:
    """Numbers and single Latin letters say nothing."""
    return any(char.isalpha() for char in word) and (len(word) > 2 or not word.isascii())
