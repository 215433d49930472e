"""From a query's text to its tree. Owns the grammar and its problems: never raises, and tells every problem at once, each with its place.

query    = or
or       = and { OR and }
and      = not { [ AND ] not }
not      = [ NOT | - ] not | atom
atom     = word | word* | "phrase" | #tag | @handle | field:value | field:(value OR value) | ( or )
"""

from __future__ import annotations

from dataclasses import dataclass

from listener.model import Problem
from listener.query.cut import Locate, Piece, Sort, Told, cut
from listener.query.fields import Use
from listener.query.tree import And, Node, Not, Or, Word

MAX_LENGTH = 10_000
MAX_DEPTH = 40
MAX_TERMS = 2_000


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
    told = Told(file, locate or _locator(text))
    tree = _Reading(text, told).read(use)
    problems = tuple(sorted(told.problems, key=_place))
    return Parsed(text, use, None if problems else tree, problems, tuple(sorted(told.warnings, key=_place)))


def _place(one: Problem) -> tuple[int, int, str]:
    return one.line, one.column, one.code


def _locator(text: str) -> Locate:
    def locate(offset: int) -> tuple[int, int]:
        return text.count("\n", 0, offset) + 1, offset - (text.rfind("\n", 0, offset) + 1) + 1

    return locate


class _Reading:
    """One parse under way."""

    def __init__(self, text: str, told: Told) -> None:
        self.text = text
        self.told = told
        self.problem = told.problem
        self.pieces: list[Piece] = []
        self.at = 0
        self.depth = 0
        self.lonely = -1
        """Where an operator stands that nothing stands before: told once, also when nothing follows."""

    def read(self, use: Use) -> Node | None:
        if len(self.text) > MAX_LENGTH:
            what = f"a query has at most {MAX_LENGTH} characters"
            self.problem(MAX_LENGTH, "too-long", what, "split it into several")
            return None
        self.pieces = cut(self.text, use, self.told)
        if len(self.pieces) > MAX_TERMS:
            what = f"a query has at most {MAX_TERMS} terms"
            self.problem(self.pieces[MAX_TERMS].start, "too-many-terms", what, "split it")
            return None
        self._lower_case_operators()
        if not self.pieces:
            self.problem(0, "empty", "the query is empty", "write at least one word")
            return None
        tree = self._or()
        while (piece := self._peek()).sort is not Sort.END:  # only a closing bracket ends an or too early
            self.problem(
                piece.start, "unopened-bracket", "this bracket closes nothing", "remove it, or open one before"
            )
            self.at += 1
            rest = self._or() if self._peek().sort is not Sort.END else None
            tree = tree or rest
        return tree

    # From pieces to a tree

    def _peek(self) -> Piece:
        return self.pieces[self.at] if self.at < len(self.pieces) else Piece(Sort.END, len(self.text), len(self.text))

    def _or(self) -> Node | None:
        parts, implicit = [], False
        start = self._peek().start
        while True:
            before = self.at
            part = self._and()
            implicit = implicit or (isinstance(part, And) and self.pieces[before].sort is not Sort.OPEN)
            if part is not None:
                parts.append(part)
            if self._peek().sort is not Sort.OR:
                break
            self.at += 1
        if len(parts) > 1 and implicit:
            self.told.warn(
                start, "mixed-operators", "AND binds tighter than OR here", "put brackets around what belongs together"
            )
        if len(parts) <= 1:
            return parts[0] if parts else None
        return Or(tuple(parts), parts[0].start, parts[-1].end)

    def _and(self) -> Node | None:
        parts: list[Node] = []
        while True:
            piece = self._peek()
            if piece.sort in {Sort.END, Sort.CLOSE, Sort.OR, Sort.AND}:
                self._missing(piece)
            else:
                part = self._not()
                if part is not None:
                    parts.append(part)
            following = self._peek()
            if following.sort is Sort.AND:
                self.at += 1
            elif following.sort in {Sort.END, Sort.CLOSE, Sort.OR}:
                break
        if len(parts) <= 1:
            return parts[0] if parts else None
        return And(tuple(parts), parts[0].start, parts[-1].end)

    def _missing(self, piece: Piece) -> None:
        """Something should stand here."""
        before = self.pieces[self.at - 1] if self.at else None
        if before is not None and before.sort is Sort.OPEN and piece.sort is Sort.CLOSE:
            self.problem(
                before.start,
                "empty-brackets",
                "there is nothing in these brackets",
                "write at least one word, or remove them",
            )
        elif before is not None and before.sort in {Sort.AND, Sort.OR, Sort.NOT}:
            if self.lonely == before.start:
                return
            name = before.sort.name
            self.problem(
                before.start,
                "missing-operand",
                f"nothing follows this {name}",
                f'add a word, or write "{name.lower()}"',
            )
        elif piece.sort in {Sort.AND, Sort.OR}:
            name, self.lonely = piece.sort.name, piece.start
            self.problem(
                piece.start,
                "missing-operand",
                f"nothing stands before this {name}",
                f'add a word, or write "{name.lower()}"',
            )

    def _not(self) -> Node | None:
        piece = self._peek()
        if piece.sort is Sort.NOT:
            turns = 0
            while self._peek().sort is Sort.NOT:
                self.at += 1
                turns += 1
            if self._peek().sort in {Sort.END, Sort.CLOSE, Sort.OR, Sort.AND}:
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
        if piece.sort is Sort.TERM:
            return piece.node
        self.depth += 1  # an opening bracket: nothing else comes here
        if self.depth > MAX_DEPTH:
            self.problem(piece.start, "too-deep", f"brackets may nest {MAX_DEPTH} deep", "split the query")
            self.at = len(self.pieces)
            return None
        inside = self._or()
        self.depth -= 1
        if self._peek().sort is Sort.CLOSE:
            self.at += 1
        elif not any(one.code == "too-deep" for one in self.told.problems):
            self.problem(piece.start, "unclosed-bracket", "this bracket is never closed", "add a ) where it ends")
        return inside

    def _lower_case_operators(self) -> None:
        """`a or b` looks for the word "or": say so."""
        for place, piece in enumerate(self.pieces):
            if isinstance(piece.node, Word) and (raw := self.text[piece.start : piece.end]) in {"and", "or", "not"}:
                before = place > 0 and self.pieces[place - 1].sort in {Sort.TERM, Sort.CLOSE}
                after = place + 1 < len(self.pieces) and self.pieces[place + 1].sort in {
                    Sort.TERM,
                    Sort.OPEN,
                    Sort.NOT,
                }
                if after and (before or raw == "not"):
                    self.told.warn(
                        piece.start,
                        "lower-case-operator",
                        f"{raw} is looked for as a word",
                        f"write {raw.upper()} to combine",
                    )
