"""From a query's characters to its pieces: words, phrases, signs, fields, operators and brackets. Owns how each is written.

Every problem is told with its place and reading goes on behind it, so that all are told at once. Refuses to know how pieces combine.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from listener.model import Problem
from listener.query import words
from listener.query.fields import FIELDS, Use, did_you_mean, fields_for
from listener.query.tree import Field, Handle, Node, Phrase, Prefix, Tag, Value, Word

MIN_STEM = 2

Locate = Callable[[int], tuple[int, int]]
"""Line and column of an offset into the query's text."""

_QUOTES = '"“”„‟'
_SPACE = re.compile(r"\s+")
_PLAIN = re.compile(rf"[^\s(){_QUOTES}]+")
_FIELD = re.compile(r"([A-Za-z_]+):(?!//)")
_LATER = (
    (re.compile(r"NEAR(/\d+f?)?\Z"), "NEAR is not part of the language yet", 'use AND, or a "phrase"'),
    (re.compile(r"/.+/\Z"), "regular expressions are not part of the language yet", "use words with OR, or word*"),
    (re.compile(r"\{.*\}\Z"), "exact case is not part of the language yet", "write the word without braces"),
    (re.compile(r"\$[A-Za-z]+\Z"), "cash tags are not part of the language yet", "write the word without $"),
    (re.compile(r"~\d+\Z"), "a phrase with slop is not part of the language yet", "use AND"),
)
_STAR_INSIDE = re.compile(r"[*?]")


class Sort(Enum):
    """What a piece is."""

    OPEN = 1
    CLOSE = 2
    AND = 3
    OR = 4
    NOT = 5
    TERM = 6
    END = 7


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece and where it stands."""

    sort: Sort
    start: int
    end: int
    node: Node | None = None


@dataclass(slots=True)
class Told:
    """Problems and warnings so far, and how an offset becomes a place in a file."""

    file: str
    locate: Locate
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def problem(self, at: int, code: str, message: str, hint: str = "") -> None:
        """Something that keeps the query from being one."""
        self.problems.append(Problem(self.file, *self.locate(at), code, message, hint))

    def warn(self, at: int, code: str, message: str, hint: str = "") -> None:
        """Something that is probably not meant."""
        self.warnings.append(Problem(self.file, *self.locate(at), code, message, hint))


def cut(text: str, use: Use, told: Told) -> list[Piece]:
    """The pieces of a query, in order. A term with a problem is a piece without a node."""
    cutter = _Cutter(text, use, told)
    cutter.cut()
    return cutter.pieces


class _Cutter:
    """One query being cut."""

    def __init__(self, text: str, use: Use, told: Told) -> None:
        self.text = text
        self.use = use
        self.told = told
        self.problem = told.problem
        self.pieces: list[Piece] = []

    def cut(self) -> None:
        at = 0
        while at < len(self.text):
            if space := _SPACE.match(self.text, at):
                at = space.end()
                continue
            char = self.text[at]
            if char in "()":
                self.pieces.append(Piece(Sort.OPEN if char == "(" else Sort.CLOSE, at, at + 1))
                at += 1
            else:
                before, count = at, len(self.pieces)
                at = self._quoted(at) if char in _QUOTES else self._plain(at)
                if len(self.pieces) == count:  # a term with a problem still stands where it stands
                    self.pieces.append(Piece(Sort.TERM, before, at))

    def _quoted(self, at: int) -> int:
        inside, end = self._inside_quotes(at)
        if inside is not None:
            if star := _STAR_INSIDE.search(inside):
                self.problem(
                    at + 1 + star.start(),
                    "star-in-quotes",
                    "a star inside quotes is not part of the language yet",
                    "use AND",
                )
            self._add_words(inside, at, end)
        return end

    def _inside_quotes(self, at: int) -> tuple[str | None, int]:
        """What stands between the quote at `at` and the next one, and where to go on."""
        closing = min((found for quote in _QUOTES if (found := self.text.find(quote, at + 1)) >= 0), default=-1)
        if closing < 0:
            self.problem(at, "unclosed-quote", "this quote is never closed", 'add a " at the end of the phrase')
            return None, len(self.text)
        return self.text[at + 1 : closing], closing + 1

    def _plain(self, at: int) -> int:
        found = _PLAIN.match(self.text, at)
        assert found is not None, "every character is a space, a bracket, a quote or plain"  # noqa: S101
        raw, end = found.group(), found.end()
        if raw in {"AND", "OR", "NOT"}:
            self.pieces.append(Piece(Sort[raw], at, end))
            return end
        if raw.startswith("-") and (len(raw) > 1 or self.text[end : end + 1] in {"(", *_QUOTES}):
            self.pieces.append(Piece(Sort.NOT, at, at + 1))
            return at + 1
        if field := _FIELD.match(raw):
            return self._field(at, field.group(1))
        for pattern, message, hint in _LATER:
            if pattern.match(raw):
                self.problem(at, "not-yet", message, hint)
                return end
        self._term(raw, at, end)
        return end

    def _term(self, raw: str, at: int, end: int) -> None:
        if raw[0] in "#＃" and len(raw) > 1:
            self._sign(Tag(words.tag_form(raw), at, end), raw)
        elif raw[0] in "@＠" and len(raw) > 1:
            self._sign(Handle(words.handle_form(raw), at, end), raw)
        elif raw.endswith("*") and not _STAR_INSIDE.search(raw[:-1]):
            self._prefix(raw, at, end)
        elif star := _STAR_INSIDE.search(raw.rstrip("?")):
            self.problem(
                at + star.start(), "star-inside", "a star may only end a word so far", "use word*, or words with OR"
            )
        else:
            self._add_words(raw, at, end)

    def _sign(self, node: Tag | Handle, raw: str) -> None:
        known = words.segment(raw).signs
        if node.form not in known:
            what = "hashtag" if isinstance(node, Tag) else "handle"
            self.problem(
                node.start, f"bad-{what}", f"{raw} is not a {what}", "write letters, digits and _ only, without a star"
            )
            return
        self.pieces.append(Piece(Sort.TERM, node.start, node.end, node))

    def _prefix(self, raw: str, at: int, end: int) -> None:
        known = words.segment(raw[:-1]).forms
        if len(known) != 1:
            self.problem(at, "star-needs-word", "a star must follow one word", "write it as word*")
        elif len(known[0][0]) < MIN_STEM:
            self.problem(
                at, "stem-too-short", f"a star needs at least {MIN_STEM} letters before it", "write more of the word"
            )
        else:
            self.pieces.append(Piece(Sort.TERM, at, end, Prefix(known[0][0], at, end)))

    def _add_words(self, raw: str, at: int, end: int) -> None:
        keys = tuple(known[0] for known in words.segment(raw).forms)
        if not keys:
            self.problem(
                at, "nothing-to-find", f"there is no word in {self.text[at:end]}", "a word has letters or digits"
            )
        elif len(keys) == 1:
            self.pieces.append(Piece(Sort.TERM, at, end, Word(keys[0], at, end)))
        else:
            self.pieces.append(Piece(Sort.TERM, at, end, Phrase(keys, at, end)))

    # Fields

    def _field(self, at: int, written: str) -> int:
        name = written.lower()
        value_at = at + len(written) + 1
        following = self.text[value_at : value_at + 1]
        if following == "(":
            values, end = self._value_list(value_at)
        elif following and following in _QUOTES:
            inside, end = self._inside_quotes(value_at)
            values = [] if inside is None else [Value(words.fold(inside.strip()), False, value_at, end)]
        else:
            found = _PLAIN.match(self.text, value_at)
            end = found.end() if found else value_at
            values = [self._value(found.group(), value_at, end)] if found else []
        if self._check_field(at, name, values, following):
            self.pieces.append(Piece(Sort.TERM, at, end, Field(name, tuple(values), at, end)))
        return end

    def _value_list(self, at: int) -> tuple[list[Value], int]:
        closing = self.text.find(")", at)
        if closing < 0:
            self.problem(at, "unclosed-bracket", "this bracket is never closed", "add a ) after the last value")
            return [], len(self.text)
        values: list[Value] = []
        wanted = True
        place = at + 1
        while place < closing:
            if space := _SPACE.match(self.text, place):
                place = space.end()
                continue
            if self.text[place] in _QUOTES:
                inside, end = self._inside_quotes(place)
                raw = inside or ""
            else:
                found = _PLAIN.match(self.text, place)
                end = found.end() if found else place + 1
                raw = self.text[place:end]
                if raw == "OR":
                    wanted = True
                    place = end
                    continue
            if not wanted or raw in {"AND", "NOT", "("}:
                self.problem(
                    place, "value-list", "values in brackets are separated by OR", "write field:(one OR other)"
                )
            values.append(self._value(raw, place, end))
            wanted = False
            place = end
        return values, closing + 1

    def _value(self, raw: str, start: int, end: int) -> Value:
        prefix = raw.endswith("*") and len(raw) > 1
        return Value(words.fold(raw.removesuffix("*") if prefix else raw), prefix, start, end)

    def _check_field(self, at: int, name: str, values: list[Value], following: str) -> bool:
        fact = FIELDS.get(name)
        known = {one.name for one in fields_for(self.use)}
        if fact is None:
            meant = did_you_mean(name, known)
            self.problem(
                at, "unknown-field", f"there is no field {name}", meant or f'write "{name}" in quotes to find the word'
            )
            return False
        if self.use not in fact.uses:
            self.problem(
                at,
                "field-not-here",
                f"a {self.use} cannot ask for {name}",
                f"it may ask for: {', '.join(sorted(known))}",
            )
            return False
        if not values:
            if following != "(" and following not in _QUOTES:
                self.problem(at, "no-value", f"{name}: needs a value right after the colon", f"write {name}:value")
            elif not any(one.code in {"unclosed-bracket", "unclosed-quote"} for one in self.told.problems):
                self.problem(at, "no-value", f"{name}: has no value", f"write {name}:value")
            return False
        allowed = fact.values_for(self.use)
        good = True
        for value in values:
            if not value.text:
                self.problem(value.start, "no-value", f"{name}: has an empty value", f"write {name}:value")
                good = False
            elif allowed and (value.prefix or value.text not in allowed):
                hint = did_you_mean(value.text, allowed)
                self.problem(value.start, "unknown-value", f"{name}: knows no {value.text!r}", hint)
                good = False
        return good
