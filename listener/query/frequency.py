"""How many texts hold a word: observed, or guessed from the word. Owns this estimate; refuses to keep a text or who wrote it.

The index looks a query up by the rarest words that it cannot do without, so a wrong guess costs time and never an answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from listener.query.words import segment

Share = Callable[[str], float]
"""Of 1: the texts that hold a word."""

BELIEF = 200
"""Texts that must be seen before what was seen counts as much as the guess."""
SPAN = 100_000
"""Texts after which older ones count half."""
LIMIT = 50_000
"""Words that are remembered."""

_FIRST = (
    "the a an and or to of in is it for on this that with you i my me we our your be are was have has had do does not no so but just at "
    "as by from all what they can if up out get like more will now how about when one who there their he she his her them been would "
    "der die das und ist nicht ich zu den mit von es ein eine auf für im sie wir "
    "de la le les et un une des en que est je pas pour dans du ce el los las y por con no se lo una o e a os do da em um uma não"
)
_NEXT = (
    "time people day good new know want need see go going make back think really still why today work got here only than some also love "
    "great please thanks thank help first day even because well year way us over any then much lol http https com www am pm rt via im "
    "don't i'm it's can't his app service phone online free live today news best last next never always again please everyone"
)
_VERY_COMMON = frozenset(_FIRST.split())
_COMMON = frozenset(_NEXT.split())
# Three letters: one text in 250; each further letter makes a word rarer by 40 %, down to a floor.
_BY_LENGTH = [max(0.004 * 0.6 ** (length - 3), 0.00002) for length in range(20)]


def usual(word: str) -> float:
    """A guess from the word alone: the commonest are known by name, long ones are rare, a single character of a script without spaces is not."""
    if word in _VERY_COMMON:
        return 0.2
    if word in _COMMON:
        return 0.03
    if not word.isascii() and len(word) == 1:
        return 0.02
    return _BY_LENGTH[min(len(word), len(_BY_LENGTH) - 1)]


class Frequency:
    """What share of the texts holds a word. Fed with each text's words; bounded, and what is old fades."""

    __slots__ = ("_counts", "_texts")

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._texts = 0

    def hear(self, words: Iterable[str]) -> None:
        """Count the words of one text, each once."""
        self._counts.update(words)
        self._texts += 1
        if self._texts >= SPAN or len(self._counts) > LIMIT:
            self._fade()

    def share(self, word: str) -> float:
        """Of 1: the texts that hold this word, as far as is known."""
        return (usual(word) * BELIEF + self._counts.get(word, 0)) / (BELIEF + self._texts)

    def _fade(self) -> None:
        """Everything counts half, and what was seen once is forgotten; again, until at least half of the room is free."""
        while True:
            self._counts = Counter({word: count // 2 for word, count in self._counts.items() if count > 1})
            self._texts //= 2
            if len(self._counts) <= LIMIT // 2:
                return

    def __len__(self) -> int:
        return len(self._counts)


class Sample:
    """How often words are said in texts of one sort, known from every n-th of them: cutting a text into words costs more than sieving it."""

    __slots__ = ("_each", "_frequency", "_passed")

    def __init__(self, each: int) -> None:
        self._each = each
        self._frequency = Frequency()
        self._passed = 0

    def hear(self, text: str) -> None:
        """One more text goes by."""
        self._passed += 1
        if self._passed % self._each == 0:
            self._frequency.hear(segment(text).vocabulary)

    @property
    def taken(self) -> int:
        """Texts of which the words were counted."""
        return self._passed // self._each

    def share(self, word: str) -> float:
        """Of 1: the texts that hold this word, as far as is known."""
        return self._frequency.share(word)
