"""What the names in one query stand for: each looked up and read once. Owns circles, and problems of definitions told where they are used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from listener.model.problems import Problem
from listener.query import terms
from listener.query.names import Names, unknown_name
from listener.query.told import Told, locator
from listener.query.tree import Named, Node, Or

Read = Callable[[str, Told], tuple[Node | None, int]]
"""Reads a definition's text: its tree, and how many terms it has when all names are written out."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a name stands for, where that is written, and how many terms it has."""

    part: Node | None
    text: str
    size: int
    problems: tuple[Problem, ...] = ()


@dataclass(slots=True)
class Naming:
    """The names of one parse."""

    names: Names
    known: dict[str, Meaning] = field(default_factory=dict)
    open: list[str] = field(default_factory=list)
    """The definitions that are being read, each used in the one before it."""

    def meaning(self, name: str, start: int, end: int, told: Told, read: Read) -> tuple[Node | None, int]:
        """The part that a name stands for, and its size; None with one problem told."""
        if name in self.open:
            circle = " uses ".join([*self.open[self.open.index(name) :], name])
            told.problem(start, "circular-name", f"this goes round in a circle: {circle}", "take one of them out")
            return None, 0
        sort, _, written = name.partition(":")
        if written not in (self.names.lists if sort == "list" else self.names.queries):
            unknown_name(name, self.names, start, told)
            return None, 0
        meaning = self.known.get(name)
        if meaning is None:
            meaning = _list(self.names.lists[written]) if sort == "list" else self._query(name, written, read)
            self.known[name] = meaning
        if meaning.problems:
            _tell(name, meaning.problems, start, told)
        if meaning.part is None:
            return None, 0
        return Named(name, meaning.part, meaning.text, start, end), meaning.size

    def _query(self, name: str, written: str, read: Read) -> Meaning:
        text = self.names.queries[written]
        inner = Told(name, locator(text))
        self.open.append(name)
        part, size = read(text, inner)
        self.open.pop()
        return Meaning(None if inner.problems else part, text, size, tuple(inner.problems))


@lru_cache(maxsize=256)
def _list(entries: tuple[str, ...]) -> Meaning:
    text = "\n".join(entries)
    told = Told("", locator(text))
    found, at = [], 0
    for entry in entries:
        found.append(terms.entry(entry, at, told))
        at += len(entry) + 1
    parts = tuple(part for part in found if part is not None)
    if not parts and not told.problems:
        told.problem(0, "empty", "it has no entries", "add an entry to it")
    if told.problems:
        return Meaning(None, text, 0, tuple(told.problems))
    return Meaning(parts[0] if len(parts) == 1 else Or(parts, 0, len(text)), text, len(parts))


def _tell(name: str, problems: tuple[Problem, ...], at: int, told: Told) -> None:
    """One problem where the name is used. A circle is told as what it is."""
    if circle := next((one for one in problems if one.code == "circular-name"), None):
        told.problem(at, circle.code, circle.message, circle.hint)
        return
    first = min(problems, key=lambda one: (one.line, one.column))
    where = f"entry {first.line}" if name.startswith("list:") else f"line {first.line}, column {first.column}"
    more = f" and {len(problems) - 1} more" if len(problems) > 1 else ""
    told.problem(at, "broken-name", f"{name} cannot be used: {first.message} ({where} of it){more}", first.hint)
