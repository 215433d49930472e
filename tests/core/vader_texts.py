"""Texts that visit every corner of VADER's arithmetic: made from its own word lists, by a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

CORNERS = (
    "but", "BUT", "kind", "of", "no", "NO", "or", "nor", "least", "at", "very", "never", "so", "this", "without", "doubt", "the", "a",
    "shit", "bomb", "bad", "ass", "badass", "bus", "stop", "yeah", "right", "kiss", "death", "to", "die", "for", "beating", "heart",
    "just", "enough", "sort", "isn't", "ain't", "DON'T", "good", "Good", "GOOD", "bad", "great", "love", "hate", "x", "I", "it",
    ":)", ":-(", ":D", "<3", "n't", "''", "...", "lol", "ſo", "İt", "ﬀ", "\u200b", "é",
)  # fmt: skip
TAILS = ("", "", "", "", "!", "?", "!!", "?!", "...", ",", '"', "?!?", "!!!!!", "????")
SPACES = (" ", " ", " ", "  ", "\n", "\t", "\u00a0", "\u2003")


def texts(published: Any, lists: Any, seed: int, many: int) -> Iterator[str]:
    """`published`: the package's module; `lists`: its analyzer."""
    chance = random.Random(seed)
    pool = (*lists.lexicon, *published.BOOSTER_DICT, *published.NEGATE)
    emojis = tuple(lists.emojis)
    for _ in range(many):
        words: list[str] = []
        for _ in range(chance.randint(0, 10)):
            word = chance.choice(CORNERS) if chance.random() < 0.6 else chance.choice(pool)
            shape = chance.random()
            word = word.upper() if shape < 0.15 else word.title() if shape < 0.2 else word
            if chance.random() < 0.08:
                word = chance.choice(emojis) + (word if chance.random() < 0.5 else "")
            words.append(f"{word}{chance.choice(TAILS)}")
        yield chance.choice(SPACES).join(words)
