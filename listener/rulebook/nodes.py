"""A YAML document as plain values that know their places, and the place of whatever is made of them. Owns these shapes; refuses to know which
library read them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is written; lines and columns count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


NOWHERE = Place("", 1, 1)
"""Of what no file says."""


@dataclass(frozen=True, slots=True)
class Text:
    """A scalar, always as the words that were written: `no`, `09:30` and `0x1F` stay what they are."""

    value: str
    line: int
    column: int
    plain: bool = True
    """Written without quotes."""
    locate: Callable[[int], tuple[int, int]] = field(default=lambda _: (1, 1), compare=False, repr=False)
    """Line and column in the file of an offset into `value`."""
    cut_by_hashtag: bool = False
    """A `#word` follows without quotes: YAML takes it, and all behind it, for a comment."""

    @property
    def empty(self) -> bool:
        """Nothing was written, or YAML's null."""
        return self.plain and self.value in {"", "~", "null"}


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping; pairs as written, repeats included."""

    pairs: tuple[tuple[Text, Node], ...]
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Items:
    """A sequence."""

    items: tuple[Node, ...]
    line: int
    column: int


Node = Text | Table | Items


def locator(
    source: str, start: int, line: int, column: int, value: str, *, escapes: bool = False
) -> Callable[[int], tuple[int, int]]:
    """Line and column in the file for each offset into a scalar's value, found by walking both together.

    Folding, indentation, quotes and doubled quotes are skipped; what an escape sequence stands for is where that begins. `start` is where
    the scalar's content begins in `source` (after its quote or its block header), `line` and `column` the same place; `escapes`: a
    backslash begins one there.
    """
    places: list[tuple[int, int]] = []

    def walk() -> None:
        at, row, col = start, line, column

        def on(steps: int) -> None:
            nonlocal at, row, col
            for char in source[at : at + steps]:
                row, col = (row + 1, 1) if char == "\n" else (row, col + 1)
            at += steps

        for char in value:
            while at < len(source):
                here = source[at]
                if escapes and here == "\\":
                    if source[at + 1 : at + 2] != "\n":
                        break
                    on(1)  # a line that goes on in the next
                elif here == char or (char.isspace() and here.isspace()):
                    break
                on(1)
                if at - start > 4 * len(value) + 4096:
                    return
            places.append((row, col))
            escaped = escapes and source[at : at + 1] == "\\"
            on(2 + _DIGITS.get(source[at + 1 : at + 2], 0) if escaped else 1)
        places.append((row, col))

    def locate(offset: int) -> tuple[int, int]:
        if not places:
            walk()
        return places[min(offset, len(places) - 1)] if places else (line, column)

    return locate


_DIGITS = {"x": 2, "u": 4, "U": 8}
"""How many follow in an escape sequence."""
