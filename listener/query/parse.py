"""From a query's text to its tree. Owns the grammar and its problems: never raises, and tells every problem at once, each with its place.

query    = or
or       = and { OR and }
and      = not { [ AND ] not }
not      = [ NOT | - ] not | atom
atom     = word | word* | "phrase" | #tag | @handle | field:value | field:(value OR value) | ( or )
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from listener.model import Problem
from listener.query import words
from listener.query.fields import FIELDS, Use, did_you_mean, fields_for
from listener.query.tree import And, Field, Handle, Node, Not, Or, Phrase, Prefix, Tag, Value, Word

MAX_LENGTH = 10_000
MAX_DEPTH = 40
MAX_TERMS = 2_000
MIN_STEM = 2

Locate = Callable[[int], tuple[int, int]]

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


class _Sort(Enum):
    OPEN = 1
    CLOSE = 2
    AND = 3
    OR = 4
    NOT = 5
    TERM = 6
    END = 7


@dataclass(frozen=True, slots=True)
class _Piece:
    sort: _Sort
    start: int
    end: int
    node: Node | None = None


@dataclass(frozen=True, slots=True)
class Parsed:
    """What came of a text. `tree` is None when there are problems; warnings do not stop a query."""

    text: str
    use: Use
    tree: Node | None
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


def parse(text: str, use: Use = Use.SEARCH, *, file: str = "query", locate: Locate | None = None) -> Parsed:
    """Parse a query for a use. `locate` turns an offset into line and column of `file`; without it they count in the text itself."""
    reading = _Reading(text, use, file, locate or _locator(text))
    tree = reading.read()
    problems = tuple(sorted(reading.problems, key=lambda one: (one.line, one.column, one.code)))
    warnings = tuple(sorted(reading.warnings, key=lambda one: (one.line, one.column, one.code)))
    return Parsed(text, use, None if problems else tree, problems, warnings)


def _locator(text: str) -> Locate:
    def locate(offset: int) -> tuple[int, int]:
        return text.count("\n", 0, offset) + 1, offset - (text.rfind("\n", 0, offset) + 1) + 1

    return locate


class _Reading:
    """One parse under way."""

    def __init__(self, text: str, use: Use, file: str, locate: Locate) -> None:
        self.text = text
        self.use = use
        self.file = file
        self.locate = locate
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self.pieces: list[_Piece] = []
        self.at = 0
        self.depth = 0
        self.lonely = -1
        """Where an operator stands that nothing stands before: told once, also when nothing follows."""

    def problem(self, at: int, code: str, message: str, hint: str = "") -> None:
        self.problems.append(Problem(self.file, *self.locate(at), code, message, hint))

    def warn(self, at: int, code: str, message: str, hint: str = "") -> None:
        self.warnings.append(Problem(self.file, *self.locate(at), code, message, hint))

    def read(self) -> Node | None:
        if len(self.text) > MAX_LENGTH:
            self.problem(
                MAX_LENGTH, "too-long", f"a query has at most {MAX_LENGTH} characters", "split it into several"
            )
            return None
        self._cut()
        if len(self.pieces) > MAX_TERMS:
            self.problem(
                self.pieces[MAX_TERMS].start, "too-many-terms", f"a query has at most {MAX_TERMS} terms", "split it"
            )
            return None
        self._lower_case_operators()
        if not self.pieces and not self.problems:
            self.problem(0, "empty", "the query is empty", "write at least one word")
            return None
        tree = self._or()
        while (piece := self._peek()).sort is not _Sort.END:  # only a closing bracket ends an or too early
            self.problem(
                piece.start, "unopened-bracket", "this bracket closes nothing", "remove it, or open one before"
            )
            self.at += 1
            rest = self._or() if self._peek().sort is not _Sort.END else None
            tree = tree or rest
        return tree

    # From characters to pieces

    def _cut(self) -> None:
        at = 0
        while at < len(self.text):
            if space := _SPACE.match(self.text, at):
                at = space.end()
                continue
            char = self.text[at]
            if char in "()":
                self.pieces.append(_Piece(_Sort.OPEN if char == "(" else _Sort.CLOSE, at, at + 1))
                at += 1
            else:
                before, count = at, len(self.pieces)
                at = self._quoted(at) if char in _QUOTES else self._plain(at)
                if len(self.pieces) == count:  # a term with a problem still stands where it stands
                    self.pieces.append(_Piece(_Sort.TERM, before, at))

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
            self.pieces.append(_Piece(_Sort[raw], at, end))
            return end
        if raw.startswith("-") and (len(raw) > 1 or self.text[end : end + 1] in {"(", *_QUOTES}):
            self.pieces.append(_Piece(_Sort.NOT, at, at + 1))
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
        self.pieces.append(_Piece(_Sort.TERM, node.start, node.end, node))

    def _prefix(self, raw: str, at: int, end: int) -> None:
        known = words.segment(raw[:-1]).forms
        if len(known) != 1:
            self.problem(at, "star-needs-word", "a star must follow one word", "write it as word*")
        elif len(known[0][0]) < MIN_STEM:
            self.problem(
                at, "stem-too-short", f"a star needs at least {MIN_STEM} letters before it", "write more of the word"
            )
        else:
            self.pieces.append(_Piece(_Sort.TERM, at, end, Prefix(known[0][0], at, end)))

    def _add_words(self, raw: str, at: int, end: int) -> None:
        keys = tuple(known[0] for known in words.segment(raw).forms)
        if not keys:
            self.problem(
                at, "nothing-to-find", f"there is no word in {self.text[at:end]}", "a word has letters or digits"
            )
        elif len(keys) == 1:
            self.pieces.append(_Piece(_Sort.TERM, at, end, Word(keys[0], at, end)))
        else:
            self.pieces.append(_Piece(_Sort.TERM, at, end, Phrase(keys, at, end)))

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
            self.pieces.append(_Piece(_Sort.TERM, at, end, Field(name, tuple(values), at, end)))
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
            elif not any(one.code in {"unclosed-bracket", "unclosed-quote"} for one in self.problems):
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

    # From pieces to a tree

    def _peek(self) -> _Piece:
        return self.pieces[self.at] if self.at < len(self.pieces) else _Piece(_Sort.END, len(self.text), len(self.text))

    def _or(self) -> Node | None:
        parts, implicit = [], False
        start = self._peek().start
        while True:
            before = self.at
            part = self._and()
            implicit = implicit or (isinstance(part, And) and self.pieces[before].sort is not _Sort.OPEN)
            if part is not None:
                parts.append(part)
            if self._peek().sort is not _Sort.OR:
                break
            self.at += 1
        if len(parts) > 1 and implicit:
            self.warn(
                start, "mixed-operators", "AND binds tighter than OR here", "put brackets around what belongs together"
            )
        if len(parts) <= 1:
            return parts[0] if parts else None
        return Or(tuple(parts), parts[0].start, parts[-1].end)

    def _and(self) -> Node | None:
        parts: list[Node] = []
        while True:
            piece = self._peek()
            if piece.sort in {_Sort.END, _Sort.CLOSE, _Sort.OR, _Sort.AND}:
                self._missing(piece)
            else:
                part = self._not()
                if part is not None:
                    parts.append(part)
            following = self._peek()
            if following.sort is _Sort.AND:
                self.at += 1
            elif following.sort in {_Sort.END, _Sort.CLOSE, _Sort.OR}:
                break
        if len(parts) <= 1:
            return parts[0] if parts else None
        return And(tuple(parts), parts[0].start, parts[-1].end)

    def _missing(self, piece: _Piece) -> None:
        """Something should stand here."""
        before = self.pieces[self.at - 1] if self.at else None
        if before is not None and before.sort is _Sort.OPEN and piece.sort is _Sort.CLOSE:
            self.problem(
                before.start,
                "empty-brackets",
                "there is nothing in these brackets",
                "write at least one word, or remove them",
            )
        elif before is not None and before.sort in {_Sort.AND, _Sort.OR, _Sort.NOT}:
            if self.lonely == before.start:
                return
            name = before.sort.name
            self.problem(
                before.start,
                "missing-operand",
                f"nothing follows this {name}",
                f'add a word, or write "{name.lower()}"',
            )
        elif piece.sort in {_Sort.AND, _Sort.OR}:
            name, self.lonely = piece.sort.name, piece.start
            self.problem(
                piece.start,
                "missing-operand",
                f"nothing stands before this {name}",
                f'add a word, or write "{name.lower()}"',
            )

    def _not(self) -> Node | None:
        piece = self._peek()
        if piece.sort is _Sort.NOT:
            turns = 0
            while self._peek().sort is _Sort.NOT:
                self.at += 1
                turns += 1
            if self._peek().sort in {_Sort.END, _Sort.CLOSE, _Sort.OR, _Sort.AND}:
                self._missing(self._peek())
                return None
            part = self._not()
            if part is None or turns % 2 == 0:
                return part
            return Not(part, piece.start, part.end)
        return self._atom()

    def _atom(self) -> Node | None:
        piece = self._peek()
        self.at += 1
        if piece.sort is _Sort.TERM:
            return piece.node
        self.depth += 1  # an opening bracket: nothing else comes here
        if self.depth > MAX_DEPTH:
            self.problem(piece.start, "too-deep", f"brackets may nest {MAX_DEPTH} deep", "split the query")
            self.at = len(self.pieces)
            return None
        inside = self._or()
        self.depth -= 1
        if self._peek().sort is _Sort.CLOSE:
            self.at += 1
        elif not any(one.code == "too-deep" for one in self.problems):
            self.problem(piece.start, "unclosed-bracket", "this bracket is never closed", "add a ) where it ends")
        return inside

    def _lower_case_operators(self) -> None:
        """`a or b` looks for the word "or": say so."""
        for place, piece in enumerate(self.pieces):
            if isinstance(piece.node, Word) and (raw := self.text[piece.start : piece.end]) in {"and", "or", "not"}:
                before = place > 0 and self.pieces[place - 1].sort in {_Sort.TERM, _Sort.CLOSE}
                after = place + 1 < len(self.pieces) and self.pieces[place + 1].sort in {
                    _Sort.TERM,
                    _Sort.OPEN,
                    _Sort.NOT,
                }
                if after and (before or raw == "not"):
                    self.warn(
                        piece.start,
                        "lower-case-operator",
                        f"{raw} is looked for as a word",
                        f"write {raw.upper()} to combine",
                    )
