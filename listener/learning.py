"""What a team's own decisions say about a message: a small linear model as plain numbers, its score with reasons, and what is learned from.

Owns the marks of a text, the model's shape and its file, and scoring, in plain Python. Refuses to learn (`listener.service.learner` does, by a
library in a process of its own), to decide what becomes of a score, and to hold a word: a model is numbers by numbers.

Marks are a text's words, its pairs of neighbouring words and the runs of three to five characters within its words, each as a hash of 32 bits. A
list of words would hold names of people, in a file that is copied and kept longer than any text. Hashing alone is no veil, since whoever has a
guess can hash it as well; so a mark counts only where at least `FEWEST_AUTHORS` people said it, handles and addresses are no marks, and whatever
holds a digit is one and the same number. Of what only one person or two say, a model knows nothing. Reasons are told by hashing the text at hand.
"""

from __future__ import annotations

import hashlib
import math
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import pairwise
from typing import Any

import msgspec

from listener.errors import FixMe
from listener.query.words import segment

VERSION = 1
"""Models of another version are not read: raise it with every change of what marks are or how they add up."""

FEWEST_AUTHORS = 3
MOST_MARKS = 20_000
"""Marks that a model holds: those that most people said."""
MOST_WORDS = 200
"""Words of a text: what stands behind so many does not count."""
_SHORTEST, _LONGEST = 3, 5
_LONGEST_WORD = 40
_SHOWN = 4
"""Reasons that are told of one message."""
_FAINT = 0.01
"""A reason that moves the score by less is none."""

_NO_WORDS = re.compile(r"https?://\S+|(?<!\w)[@＠][\w.\-]+(?:@[\w.\-]+)?", re.IGNORECASE)
_DIGIT = re.compile(r"\d").search


@dataclass(frozen=True, slots=True)
class Decision:
    """A message with what the out-of-the-box judgement thought of it, and what the team then did."""

    text: str
    answered: bool
    """What is to be learned: it got an answer, or whatever else the team calls worth one."""
    need: float
    signals: tuple[str, ...] = ()
    """Titles of the signals that it held."""
    author: str = ""
    """Whoever wrote it, by any name that is theirs alone; "": nobody knows, and they count as one of their own."""
    at: datetime | None = None
    """When it was said. Where any has no time, the given order is the order of time."""


@dataclass(frozen=True, slots=True)
class Measured:
    """How both scores did on decisions that were held back: the latest ones, learned from by nobody."""

    held: int
    answered: int
    """Of those held back."""
    auc_need: float
    """The chance that of two, one answered and one not, need puts the answered one first. 0.5: a coin."""
    auc: float
    """The same by what was learned from the earlier decisions."""
    top_need: float
    """Share of the answered that stands in the upper fifth by need,"""
    top: float
    """and by what was learned."""
    gain_low: float
    """What is learned gains at least so much AUC in 97.5 of 100 redraws of the authors held back,"""
    gain_high: float
    """and at most so much."""


@dataclass(frozen=True, slots=True)
class Model:
    """What was learned of one team's decisions."""

    version: int
    need: str
    """The method of need, with the hash of its signals, that it was learned on: it speaks only beside that one."""
    decisions: int
    answered: int
    measured: Measured
    counts: bool
    """It beat need on what was held back: its score is taken."""
    why: str
    """That in words."""
    start: float
    """Log-odds of a message that holds nothing it knows."""
    by_need: float
    """Log-odds for one of need's."""
    by_signal: Mapping[str, float]
    by_mark: Mapping[int, float]

    @property
    def method(self) -> str:
        """Its name with a hash of all that it holds."""
        plain = msgspec.to_builtins(self, str_keys=True)
        content = msgspec.json.encode(plain, order="deterministic")  # a database keeps its own order of keys
        return f"learned-{self.version}+{hashlib.sha256(content).hexdigest()[:8]}"

    def to_json(self) -> str:
        """The model's file: plain numbers, and the titles of signals."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1).decode() + "\n"


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a model thinks of one message."""

    score: float
    """The chance that this team answers it, 0 to 1."""
    because: tuple[Mapping[str, Any], ...]
    """What moved it most: a signal, or words by their spans (code points); `value` is by how much the score would be lower without."""


def model_from(text: str | bytes, where: str = "") -> Model:
    """A model from its file. FixMe: it is none, or of another version."""
    hint = "make it anew with: hubbub judge learn"
    try:
        version = msgspec.json.decode(text, type=_Head).version
        if version != VERSION:
            raise FixMe(f"a model of version {version}, and this program reads {VERSION}", where=where, hint=hint)
        model = msgspec.json.decode(text, type=Model)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as err:
        raise FixMe(f"this is no model: {err}", where=where, hint=hint) from None
    numbers = [model.start, model.by_need, *model.by_signal.values(), *model.by_mark.values()]
    if len(model.by_mark) > MOST_MARKS or not all(abs(one) <= _HUGE for one in numbers):
        raise FixMe("this is no model: numbers out of all bounds", where=where, hint=hint)
    return model


SAID = "learned: "
"""How the reasons of a model begin."""


def titles(because: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Which signals of need an assessment held, by its reasons; what a model said of it is none."""
    said = (str(one["signal"]) for one in because if "signal" in one)
    return tuple(title for title in said if not title.startswith(SAID))


class _Head(msgspec.Struct):
    version: int


_HUGE = 1e6


def log_odds(need: float) -> float:
    """Need as a model adds it up; its ends are not without bound."""
    return math.log((need + 0.02) / (1.02 - need))


def marks(text: str) -> frozenset[int]:
    """All marks of a text. Each counts once."""
    return frozenset(mark for found, _ in _marks(text) for mark in found)


def opinion(model: Model, text: str, need: float, signals: Iterable[str]) -> Opinion:
    """What a model thinks of a message that need is so sure of, for these signals (by their titles)."""
    known, seen = model.by_mark, set[int]()
    by_place: dict[tuple[int, int], float] = {}
    for some, place in _marks(text):
        for mark in some:
            weight = known.get(mark)
            if weight is not None and mark not in seen:
                seen.add(mark)
                by_place[place] = by_place.get(place, 0.0) + weight
    scale = share_of(len(seen))
    by_signal = [(model.by_signal[one], one) for one in sorted(set(signals)) if one in model.by_signal]
    odds = model.start + model.by_need * log_odds(need) + sum(by_place.values()) * scale
    odds += sum(weight for weight, _ in by_signal)
    moves: list[tuple[float, str | tuple[int, int]]] = [*by_signal]
    moves += [(weight * scale, place) for place, weight in by_place.items()]
    moves.sort(
        key=lambda one: -abs(one[0])
    )  # those that weigh the same stay in order: signals by title, words as they are said
    score = chance(odds)
    told = ((score - chance(odds - weight), what) for weight, what in moves[:_SHOWN])
    return Opinion(round(score, 4), tuple(_reason(by, what) for by, what in told if abs(by) >= _FAINT))


def _reason(by: float, what: str | tuple[int, int]) -> Mapping[str, Any]:
    if isinstance(what, str):
        return {"signal": f"{SAID}{what}", "value": round(by, 2)}
    return {"signal": f"{SAID}these words", "value": round(by, 2), "spans": list(what)}


def share_of(marks: int) -> float:
    """What each of so many known marks counts: a long text is not surer than a short one."""
    return 1.0 / math.sqrt(marks) if marks else 0.0


def chance(odds: float) -> float:
    """Log-odds as a chance, 0 to 1."""
    return 1.0 / (1.0 + math.exp(-odds)) if odds >= 0 else 1.0 - 1.0 / (1.0 + math.exp(odds))


def _marks(text: str) -> Iterable[tuple[Sequence[int], tuple[int, int]]]:
    """Marks with the span that says them, in the text's order: a word's with those within it, then the pair's with the next one."""
    blank = (
        _NO_WORDS.sub(lambda found: " " * len(found.group()), text)
        if "@" in text or "＠" in text or "://" in text
        else text
    )
    words = segment(blank)
    spans = words.spans[:MOST_WORDS]
    keys = ["0" if _DIGIT(key) else key for key in words.keys[:MOST_WORDS]]
    for key, span in zip(keys, spans, strict=True):
        yield _within(key[:_LONGEST_WORD]), span
    for (one, begin), (other, end) in pairwise(zip(keys, spans, strict=True)):
        yield (_hash(f"{one} {other}"),), (begin[0], end[1])


@lru_cache(8192)
def _within(word: str) -> tuple[int, ...]:
    framed = f" {word} "
    runs = (framed[at : at + size] for size in range(_SHORTEST, _LONGEST + 1) for at in range(len(framed) - size + 1))
    return tuple(dict.fromkeys((_hash(word), *(_hash(f"/{run}") for run in runs))))


def _hash(mark: str) -> int:
    return zlib.crc32(mark.encode("utf-8", "surrogatepass"))
