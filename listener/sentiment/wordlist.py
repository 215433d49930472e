"""The words of one language that the published list does not fit, for the same arithmetic. Owns this shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class WordList:
    """All in small letters; several words in a row count as one."""

    words: Mapping[str, float] = field(default_factory=dict)
    """With their worth, -4 to 4."""
    negations: frozenset[str] = frozenset()
    boosters: Mapping[str, float] = field(default_factory=dict)
    """What each adds to the worth of what follows; VADER's own add and take 0.293."""

    def content(self) -> str:
        """All of it as one text: what differs in any of it differs in this."""
        lines = [f"{word}\t{worth}" for word, worth in sorted(self.words.items())]
        lines += [f"-\t{word}" for word in sorted(self.negations)]
        return "\n".join([*lines, *(f"+\t{word}\t{add}" for word, add in sorted(self.boosters.items()))])
