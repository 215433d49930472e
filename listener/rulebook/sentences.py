"""A text in sentences, and those of them that name something. Owns where a sentence ends; refuses to score, and to understand.

Plain rules for short public texts: a line ends a sentence; so do ! and ?, and a full stop before a space, but not in an abbreviation, an
initial, or three dots with which a sentence goes on. A sentence that speaks of a thing by "it" does not name it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise

METHOD = "sentences-1"
"""Changes when the same text may be cut or named otherwise."""

LONGEST = 10_000
"""Characters that are looked at."""

_END = re.compile(r"[.!?…]+[\"'”’»)\]]*(?=\s)|[。！？]+[」』）]*|\s*\n\s*")
_CLOSING = frozenset("\"'”’»)]")
_BEFORE = re.compile(r"[^\s(\[\"'“‘«]+\Z")
_ABBREVIATED = frozenset(
    {
        "mr",
        "mrs",
        "ms",
        "dr",
        "prof",
        "vs",
        "e.g",
        "i.e",
        "cf",
        "approx",
        "jr",
        "sr",
        "a.m",
        "p.m",
        "u.s",
        "u.k",
        "z.b",
        "bzw",
        "sra",
    }
)
_COUNTED = frozenset({"no", "nr", "st", "fig", "vol", "pp", "min", "max", "ca", "art"})
"""Abbreviations before a number; else they may be words, or end a sentence."""


@lru_cache(maxsize=2)  # asked whether there are several, and then which of them name something
def sentences(text: str) -> tuple[tuple[int, int], ...]:
    """Where its sentences stand, in order and without a gap between one and the next."""
    text = text[:LONGEST]
    cuts = [0, *_cuts(text), len(text)]
    return tuple((low, high) for low, high in pairwise(cuts) if text[low:high].strip())


def _cuts(text: str) -> Iterator[int]:
    for end in _END.finditer(text):
        mark = end[0].strip()
        following = text[end.end() : end.end() + 3].lstrip()[:1]
        if mark == "." and _abbreviated(text, end.start(), following):
            continue
        if following.islower() and (mark[:1] == "…" or mark[:2] == ".." or mark[-1:] in _CLOSING):
            continue
        yield end.end()


def _abbreviated(text: str, dot: int, following: str) -> bool:
    found = _BEFORE.search(text, max(0, dot - 12), dot)
    word = found[0].lower() if found else ""
    return (
        word in _ABBREVIATED
        or (word in _COUNTED and following.isdecimal())
        or (len(word) == 1 and word.isalpha() and word != "i")
    )


def naming(text: str, names: Sequence[str], spans: Iterable[int] = ()) -> str:
    """The sentences that hold one of these names (in any case, whole words, handles with or without @) or one of these spans (start and
    end in turn), joined. '' where that is no part of the text: it has one sentence, none of them does, or all do.
    """
    found = sentences(text)
    if len(found) < 2:
        return ""
    known = _names(tuple(names))
    places = [one.start() for one in known.finditer(text)] if known is not None else []
    places.extend(list(spans)[::2])
    named = [(low, high) for low, high in found if any(low <= place < high for place in places)]
    if not named or len(named) == len(found):
        return ""
    return " ".join(text[low:high].strip() for low, high in named)


@lru_cache(maxsize=1024)
def _names(names: tuple[str, ...]) -> re.Pattern[str] | None:
    known = sorted({name.strip().lstrip("@") for name in names} - {""}, key=lambda name: (-len(name), name))
    return re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, known)) + r")(?!\w)", re.IGNORECASE) if known else None
