"""A query at a glance, also a half-typed or broken one: which piece begins and ends where. For completion and hover.

Owns a reading that always comes to an end and judges nothing: what a query means, and what is wrong with it, is for the parser.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

QUOTES = '"“”„‟'

_SPACE = re.compile(r"\s+")
_QUOTE = re.compile(f"[{QUOTES}]")
_SLOP = re.compile(r"~[0-9]*")
_EXACT = re.compile(rf"\{{([^{{}}\n(){QUOTES}]*)(\}}?)")
_REGEX = re.compile(r"/((?:[^/\\\n]|\\[^\n]|/(?![\s()]|<<<|\Z))+)/(?=[\s()]|<<<|\Z)")
_PLAIN = re.compile(rf"(?:(?!<<<)[^\s(){{}}{QUOTES}])+|[{{}}]")
_VALUE = re.compile(rf"[<>]=?[ \t]+(?:(?!<<<)[^\s(){QUOTES}])*|(?:(?!<<<)[^\s(){QUOTES}])*")
_LISTED = re.compile(rf"(?:(?!<<<)[^\s(),{QUOTES}])+")
_RANGE = re.compile(r"\[[^\[\]\n]*(\]?)")
_FIELD = re.compile(r"([A-Za-z_]+):(?!//)")
_NEAR = re.compile(r"NEAR(?:/[0-9]*[fF]?)?\Z")


class Mark(Enum):
    """What a piece is."""

    WORD = 1
    QUOTED = 2
    EXACT = 3
    REGEX = 4
    RAW = 5
    COMMENT = 6
    OPEN = 7
    CLOSE = 8
    COMMA = 9
    OPERATOR = 10
    MINUS = 11
    FIELD = 12
    """A field's name with its colon. A value follows, be it of no length, or a bracket."""
    VALUE = 13
    RANGE = 14
    NAMED = 15
    """`list:name` or `query:name`."""


COMPLETE = frozenset(
    {Mark.WORD, Mark.QUOTED, Mark.EXACT, Mark.REGEX, Mark.RAW, Mark.CLOSE, Mark.VALUE, Mark.RANGE, Mark.NAMED}
)
"""Pieces that end a term."""


@dataclass(frozen=True, slots=True)
class Glimpse:
    """One piece and where it stands."""

    mark: Mark
    start: int
    end: int
    field: str = ""
    """For a field, its values and its bracket: its name, in lower case."""
    closed: bool = True
    """False: it began and the text ended before it did."""


@dataclass(frozen=True, slots=True)
class Glance:
    """All pieces in order, and the brackets that are open at the end: '' for a group, else the field whose values are listed."""

    pieces: tuple[Glimpse, ...]
    open: tuple[str, ...]


def glance(text: str) -> Glance:
    """Look over a text once, from left to right."""
    looking = _Looking(text)
    at = 0
    while at < len(text):
        at = space.end() if (space := _SPACE.match(text, at)) else looking.piece(at)
    return Glance(tuple(looking.pieces), tuple(looking.open))


class _Looking:
    """One look under way. Every reader gives the place to go on from, always behind where it began."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.pieces: list[Glimpse] = []
        self.open: list[str] = []

    def piece(self, at: int) -> int:
        char, field = self.text[at], self.open[-1] if self.open else ""
        if self.text.startswith("<<<", at):
            return self._until(Mark.COMMENT, at, self.text.find(">>>", at + 3), 3)
        if char == "(":
            self.open.append("")
            return self._add(Mark.OPEN, at, at + 1)
        if char == ")":
            if self.open:
                self.open.pop()
            return self._add(Mark.CLOSE, at, at + 1)
        if field:
            return self._listed(at, field)
        if char in QUOTES:
            return self._quoted(Mark.QUOTED, at)
        if char == "{":
            found = _EXACT.match(self.text, at)
            return self._add(Mark.EXACT, at, found.end(), closed=bool(found.group(2))) if found else at + 1
        if char == "/":
            return self._regex(at)
        return self._plain(at)

    def _add(self, mark: Mark, at: int, end: int, field: str = "", *, closed: bool = True) -> int:
        self.pieces.append(Glimpse(mark, at, end, field, closed))
        return end

    def _until(self, mark: Mark, at: int, closing: int, size: int, field: str = "") -> int:
        end = len(self.text) if closing < 0 else closing + size
        return self._add(mark, at, end, field, closed=closing >= 0)

    def _quoted(self, mark: Mark, at: int, field: str = "", *, begin: int | None = None) -> int:
        """A piece that ends with the next quote; the quote that opens it is at `begin`."""
        closing = _QUOTE.search(self.text, (at if begin is None else begin) + 1)
        end = closing.end() if closing else len(self.text)
        if closing and mark is Mark.QUOTED and (slop := _SLOP.match(self.text, end)):
            end = slop.end()
        return self._add(mark, at, end, field, closed=closing is not None)

    def _regex(self, at: int) -> int:
        if found := _REGEX.match(self.text, at):
            return self._add(Mark.REGEX, at, found.end())
        line = self.text.find("\n", at)
        return self._add(Mark.REGEX, at, len(self.text) if line < 0 else line, closed=False)

    def _plain(self, at: int) -> int:
        found = _PLAIN.match(self.text, at)
        end = found.end() if found else at + 1
        raw = self.text[at:end]
        if raw in {"AND", "OR", "NOT"} or _NEAR.match(raw):
            return self._add(Mark.OPERATOR, at, end)
        if raw[0] == "-" and self.text[at + 1 : at + 2] not in {" ", "\t", "\n", ")"}:
            return self._add(Mark.MINUS, at, at + 1)
        if field := _FIELD.match(raw):
            return self._field(at, field.group(1).lower(), at + field.end())
        return self._add(Mark.WORD, at, end)

    def _field(self, at: int, name: str, value_at: int) -> int:
        following = self.text[value_at : value_at + 1]
        if name in {"raw", "list", "query"}:
            mark = Mark.RAW if name == "raw" else Mark.NAMED
            if following and following in QUOTES:
                return self._quoted(mark, at, begin=value_at)
            return self._add(mark, at, self._end(_VALUE, value_at))
        self._add(Mark.FIELD, at, value_at, name)
        if following == "(":
            self.open.append(name)
            return self._add(Mark.OPEN, value_at, value_at + 1, name)
        return self._value(value_at, name, _VALUE)

    def _listed(self, at: int, field: str) -> int:
        if self.text[at] == ",":
            return self._add(Mark.COMMA, at, at + 1)
        if self._end(_LISTED, at) - at <= 3 and self.text[at : self._end(_LISTED, at)] in {"AND", "OR", "NOT"}:
            return self._add(Mark.OPERATOR, at, self._end(_LISTED, at), field)
        return self._value(at, field, _LISTED)

    def _value(self, at: int, field: str, plain: re.Pattern[str]) -> int:
        following = self.text[at : at + 1]
        if following and following in QUOTES:
            return self._quoted(Mark.VALUE, at, field)
        if following == "[" and (found := _RANGE.match(self.text, at)):
            return self._add(Mark.RANGE, at, found.end(), field, closed=bool(found.group(1)))
        end = self._end(plain, at)
        mark = Mark.NAMED if self.text.startswith("list:", at) else Mark.VALUE
        if mark is Mark.NAMED and self.text[end : end + 1] in {*QUOTES}:
            return self._quoted(mark, at, field, begin=end)
        return self._add(mark, at, end, field)

    def _end(self, pattern: re.Pattern[str], at: int) -> int:
        found = pattern.match(self.text, at)
        return found.end() if found else at
