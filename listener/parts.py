"""A text that is too long for a network, as numbered parts: cut at the ends of paragraphs, sentences or words, each part with its `1/3`.

Owns where it may be cut: never in a link, a mention, a tag or a grapheme, and in a word only where that alone is longer than a part.
Every part fits with its number, by `lengths`; together they are the text, but for the spaces at the cuts. Refuses to drop anything:
what cannot be cut so gives no parts.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

import regex

from listener.lengths import Terms, measures

MOST = 20
"""Parts of one text: nobody reads more."""

_GRAPHEME = regex.compile(r"\X")
_WHOLE = regex.compile(
    r"https?://[^\s<>\"“”（）「」，。！？、]+"
    r"|[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,253}"
    r"|@[A-Za-z0-9_.-]{1,253}(?:@[A-Za-z0-9.-]{1,253})?"
    r"|[#＃]\w{1,64}"
    r"|[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+(?:/[^\s<>\"“”（）「」，。！？、]*)?",
    regex.IGNORECASE,
)
_SENTENCE = regex.compile(r"[.!?…:]+[\"'”’)\]»]*\Z")
_FULL_STOPS = frozenset("。！？")


@dataclass(frozen=True, slots=True)
class Part:
    """One part."""

    text: str
    """As it is sent, with its number."""
    begins: int
    """Where it begins in the whole text, in code points."""


class _End(IntEnum):
    """What ends at a place where a text may be cut; the higher the better."""

    WORD = 1
    SENTENCE = 2
    PARAGRAPH = 3


def split(source: str, text: str, terms: Terms | None = None) -> tuple[Part, ...]:
    """The text in parts for that network: one, without a number, where it fits; none where it cannot be cut, or only into too many."""
    if not text.strip():
        return ()
    if _fits(source, text.strip(), terms):
        return (Part(text.strip(), len(text) - len(text.lstrip())),)
    cutter = _Cutter(source, text, terms)
    for most in (9, MOST):
        spans = cutter.spans(f" {most}/{most}", most)
        if spans:
            n = len(spans)
            return tuple(Part(f"{text[begin:end]} {i}/{n}", begin) for i, (begin, end) in enumerate(spans, start=1))
    return ()


def _fits(source: str, text: str, terms: Terms | None) -> bool:
    return not any(measure.over for measure in measures(source, text, terms))


class _Cutter:
    """One text, and where it may be cut."""

    def __init__(self, source: str, text: str, terms: Terms | None) -> None:
        self._source, self._text, self._terms = source, text, terms
        self._starts = [match.start() for match in _GRAPHEME.finditer(text)]
        self._starts.append(len(text))
        self._wholes = [match.span() for match in _WHOLE.finditer(text)]
        self._ends = dict(self._places())
        self._order = sorted(self._ends)

    def _grapheme(self, i: int) -> str:
        return self._text[self._starts[i] : self._starts[i + 1]]

    def _is_space(self, i: int) -> bool:
        return self._grapheme(i).isspace()

    def _places(self) -> Iterator[tuple[int, _End]]:
        """Places by grapheme where something ends: at the beginning of white space, and behind a full stop of scripts without spaces."""
        n, i = len(self._starts) - 1, 0
        while i < n:
            if not self._is_space(i):
                if self._grapheme(i) in _FULL_STOPS and not self._within(i + 1):
                    yield i + 1, _End.SENTENCE
                i += 1
                continue
            begin = i
            while i < n and self._is_space(i):
                i += 1
            gap = self._text[self._starts[begin] : self._starts[i]]
            lines = gap.replace("\r\n", "\n").count("\n")
            before = self._text[max(0, self._starts[begin] - 8) : self._starts[begin]]
            if lines > 1:
                yield begin, _End.PARAGRAPH
            else:
                yield begin, _End.SENTENCE if lines or _SENTENCE.search(before) else _End.WORD

    def spans(self, number: str, most: int) -> Sequence[tuple[int, int]]:
        """Begin and end of every part with room for its number; empty where it cannot be cut, or only into more than `most`."""
        n, at = len(self._starts) - 1, 0
        found: list[tuple[int, int]] = []
        while True:
            while at < n and self._is_space(at):
                at += 1
            if at == n:
                return found
            end = self._end(at, number)
            if end is None or len(found) == most:
                return ()
            stop = end
            while self._is_space(stop - 1):
                stop -= 1
            found.append((self._starts[at], self._starts[stop]))
            at = end

    def _end(self, begin: int, number: str) -> int | None:
        """Where the part that begins here ends, by grapheme; None: nothing fits."""
        n = len(self._starts) - 1
        longest = self._longest(begin, n, number)
        if longest == n:
            return n
        half = begin + (longest - begin) // 2
        places = self._order[bisect_right(self._order, begin) : bisect_right(self._order, longest)]
        best = max((place for place in places if place > half), key=lambda p: (self._ends[p], p), default=None)
        if best is not None:
            return best
        early = places[-1] if places else None
        # Nothing ends in the second half: what stands there is cut only where it would have to be cut anyway.
        word = early if early is not None else begin
        while self._is_space(word):
            word += 1
        after = bisect_right(self._order, word)
        word_end = self._order[after] if after < len(self._order) else n
        if early is not None and self._longest(word, word_end, number) >= word_end:
            return early
        hard = longest
        while hard > begin and self._within(hard):
            hard -= 1
        if hard > begin and (early is None or hard > early):
            return hard
        return early

    def _longest(self, begin: int, most: int, number: str) -> int:
        """The farthest place up to `most` to which a part with its number fits; `begin`: not one grapheme does."""
        first = self._starts[begin]
        return (
            bisect_left(
                range(begin + 1, most + 1),
                True,
                key=lambda end: (
                    not _fits(self._source, self._text[first : self._starts[end]].rstrip() + number, self._terms)
                ),
            )
            + begin
        )

    def _within(self, place: int) -> bool:
        """Whether a place lies inside of what stays whole."""
        at = self._starts[place]
        i = bisect_left(self._wholes, (at, -1)) - 1
        return i >= 0 and self._wholes[i][0] < at < self._wholes[i][1]
