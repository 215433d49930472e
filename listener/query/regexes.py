"""Regular expressions over texts: letter case ignored, in time that grows with the text alone. The one room that names the library.

Owns which patterns are taken, what is wrong with others, and places in code points. A lone surrogate counts as U+FFFD.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import paula

MAX_PATTERN = 500
"""Characters of a pattern."""

_PUT_BEFORE = "(?i)"
_SURROGATE = re.compile("[\ud800-\udfff]")
_CARETS = re.compile(r" *(\^)[\^ ]*\Z")
_MENDED = "write it in another way, or words and phrases in its place"
_SMALLER = "repeat less: {3,9} in place of {3,900}"
_HINTS = (
    ("look-around", "say what must not be there with NOT outside of the pattern"),
    ("backreferences", "write the second part out"),
    ("unclosed", "close it, or write a backslash before the character that is meant"),
    ("unopened", "write a backslash before it, or open it"),
    ("repetition", "write a backslash before it if the character is meant"),
)
_NUMBERED = re.compile(r"([0-9]+): ")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a pattern, and the offset into it."""

    at: int
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Compiled:
    """A pattern, ready to be asked."""

    pattern: str
    _regex: Any

    def is_match(self, text: str) -> bool:
        """Whether the pattern matches anywhere in a text."""
        return bool(self._regex.is_match(_encodable(text)))

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where it matches, in order, in code points; what matches nothing at all (a mere border) has no span."""
        text = _encodable(text)
        found = [(one.start, one.end) for one in self._regex.find_iter(text) if one.start < one.end]
        return found if text.isascii() else _in_code_points(found, text)


def compile_regex(pattern: str) -> Compiled:
    """A pattern that has no fault. Raises ValueError for another one: ask `fault_of` first."""
    compiled = _compiled(pattern)
    if isinstance(compiled, Fault):
        raise ValueError(compiled.message)
    return compiled


def fault_of(pattern: str) -> Fault | None:
    """Why a pattern cannot be used: it does not compile, is too long or too big, or matches the empty text and so everything."""
    compiled = _compiled(pattern)
    return compiled if isinstance(compiled, Fault) else None


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> Compiled | Fault:
    if len(pattern) > MAX_PATTERN:
        return Fault(MAX_PATTERN, f"a pattern has at most {MAX_PATTERN} characters", "split it in two")
    try:
        regex = paula.Regex(_PUT_BEFORE + _encodable(pattern))
    except ValueError as error:
        return _fault(str(error), pattern)
    if regex.is_match(""):
        what = "this pattern also matches nothing at all, so it would match every text"
        return Fault(0, what, "let it need a character: x+ in place of x*")
    return Compiled(pattern, regex)


def _encodable(text: str) -> str:
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def _in_code_points(found: list[tuple[int, int]], text: str) -> list[tuple[int, int]]:
    raw = text.encode()
    spans, byte, point = [], 0, 0
    for start, end in found:
        first = point + len(raw[byte:start].decode())
        byte, point = end, first + len(raw[start:end].decode())
        spans.append((first, point))
    return spans


def _fault(told: str, pattern: str) -> Fault:
    """The library's own words and the place of its first caret, which stands below the line that it is about."""
    rows = told.split("\n")
    reason = next((row.removeprefix("error: ") for row in rows if row.startswith("error: ")), "")
    if not reason:
        return Fault(
            0, "this pattern is too big" if "size limit" in told else "this pattern does not compile", _SMALLER
        )
    hint = next((hint for word, hint in _HINTS if word in reason), _MENDED)
    for row, below in pairwise(rows):
        if not (caret := _CARETS.fullmatch(below)):
            continue
        line, indent = 1, 4
        if numbered := _NUMBERED.match(row):
            line, indent = int(numbered.group(1)), numbered.end()
        before = sum(len(one) + 1 for one in pattern.split("\n")[: line - 1])
        at = before + caret.start(1) - indent - (len(_PUT_BEFORE) if line == 1 else 0)
        return Fault(max(0, min(at, len(pattern))), reason, hint)
    return Fault(0, reason, hint)
