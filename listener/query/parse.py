"""From a query's text to its tree. Owns the grammar and its problems: never raises, and tells every problem at once, each with its place.

query    = or
or       = and { OR and }
and      = not { [ AND ] not }
not      = { NOT | - } near
near     = atom { NEAR/n atom }
atom     = term | field:value | ( or )
"""

from __future__ import annotations

from dataclasses import dataclass

from listener.model.problems import Problem
from listener.query.cut import Piece, Sort, cut
from listener.query.fields import Use
from listener.query.lint import lint
from listener.query.names import NO_NAMES, Names
from listener.query.naming import Naming
from listener.query.told import Locate, Told, locator
from listener.query.tree import And, Field, Named, Near, Node, Not, Or, Phrase, Raw, Regex, Word, parts_of, positional

MAX_LENGTH = 10_000
MAX_DEPTH = 40
"""Brackets inside brackets, those of named queries included."""

MAX_TERMS = 2_000
MAX_SIZE = 20_000
"""Terms when all names are written out."""

MAX_HEIGHT = 150
"""Parts inside parts."""

_ENDS = frozenset({Sort.END, Sort.CLOSE, Sort.OR, Sort.AND, Sort.NEAR})
_OPERATORS = frozenset({Sort.AND, Sort.OR, Sort.NOT, Sort.NEAR})


@dataclass(frozen=True, slots=True)
class Parsed:
    """What came of a text. `tree` is None when there are problems; warnings do not stop a query."""

    text: str
    use: Use
    tree: Node | None
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


def parse(
    text: str, use: Use = Use.VIEW, *, file: str = "query", locate: Locate | None = None, names: Names = NO_NAMES
) -> Parsed:
    """Parse a query for a use, with the rule files' `names`.

    `locate` turns an offset into line and column of `file`; without it they count in the text itself.
    """
    told = Told(file, locate or locator(text))
    tree, _ = _read(text, use, told, Naming(names), 0)
    if tree is not None and _height(tree) > MAX_HEIGHT:
        told.problem(tree.start, "too-deep", "too many parts stand inside each other", "split the query")
    elif tree is not None and not told.problems:
        lint(tree, text, use, told)
    problems = tuple(sorted(told.problems, key=_place))
    return Parsed(text, use, None if problems else tree, problems, tuple(sorted(told.warnings, key=_place)))


def _place(one: Problem) -> tuple[int, int, str]:
    return one.line, one.column, one.code


def _height(tree: Node) -> int:
    highest, waiting = 0, [(tree, 1)]
    while waiting:
        node, level = waiting.pop()
        highest = max(highest, level)
        waiting.extend((part, level + 1) for part in parts_of(node))
    return highest


def _read(text: str, use: Use, told: Told, naming: Naming, depth: int) -> tuple[Node | None, int]:
    """A text's tree and its size; None when it has problems, or nothing in it."""
    if len(text) > MAX_LENGTH:
        what = f"a query has at most {MAX_LENGTH} characters"
        told.problem(MAX_LENGTH, "too-long", what, "split it into several")
        return None, 0
    pieces = [piece for piece in cut(text, use, told, naming.names) if piece.sort is not Sort.COMMENT]
    if len(pieces) > MAX_TERMS:
        told.problem(pieces[MAX_TERMS].start, "too-many-terms", f"a query has at most {MAX_TERMS} terms", "split it")
        return None, 0
    if not pieces:
        if not told.problems:
            told.problem(0, "empty", "the query is empty", "write at least one word")
        return None, 0
    _lower_case_operators(text, pieces, told)
    reading = _Reading(text, use, told, pieces, naming, depth)
    tree = reading.read()
    return (None if told.problems else tree), reading.size


class _Reading:
    """One parse under way."""

    def __init__(self, text: str, use: Use, told: Told, pieces: list[Piece], naming: Naming, depth: int) -> None:
        self.text = text
        self.use = use
        self.told = told
        self.problem = told.problem
        self.pieces = pieces
        self.naming = naming
        self.depth = depth
        self.size = len(pieces)
        self.at = 0
        self.lacking: set[int] = set()
        """Where operators stand that lack a part: told once, also when they lack both."""
        self.too_deep = False

    def read(self) -> Node | None:
        tree = self._or()
        while (piece := self._peek()).sort is not Sort.END:  # only a closing bracket ends an or too early
            what = "this bracket closes nothing"
            self.problem(piece.start, "unopened-bracket", what, "remove it, or open one before")
            self.at += 1
            rest = self._or() if self._peek().sort is not Sort.END else None
            tree = tree or rest
        return tree

    # From pieces to a tree

    def _peek(self) -> Piece:
        return self.pieces[self.at] if self.at < len(self.pieces) else Piece(Sort.END, len(self.text), len(self.text))

    def _or(self) -> Node | None:
        parts: list[Node] = []
        branches: list[tuple[Piece, int]] = []
        while True:
            first = self._peek()
            part, joined = self._and()
            branches.append((first, joined))
            if part is not None:
                parts.append(part)
            if self._peek().sort is not Sort.OR:
                break
            self.at += 1
        if len(branches) > 1:
            self._surprising(branches)
        if len(parts) <= 1:
            return parts[0] if parts else None
        return Or(tuple(parts), parts[0].start, parts[-1].end)

    def _surprising(self, branches: list[tuple[Piece, int]]) -> None:
        """What stands beside an OR without brackets and binds tighter than people think."""
        if any(joined > 1 for _, joined in branches):
            what = "AND binds tighter than OR here"
            hint = "put brackets around what belongs together"
            self.told.warn(branches[0][0].start, "mixed-operators", what, hint)
        elif (first := branches[0][0]).sort is Sort.NOT and self.text[first.start] == "N":
            what = "this NOT covers what stands before the OR, not what stands behind it"
            self.told.warn(first.start, "mixed-operators", what, "write NOT (one OR other), or (NOT one) OR other")

    def _and(self) -> tuple[Node | None, int]:
        """The part, and how many were joined to make it."""
        parts: list[Node] = []
        joined = 0
        while True:
            piece = self._peek()
            if piece.sort in _ENDS:
                self._missing(piece)
                if piece.sort is Sort.NEAR:
                    self.at += 1
                    continue
            else:
                joined += 1
                part = self._not()
                if part is not None:
                    parts.append(part)
            following = self._peek()
            if following.sort is Sort.AND:
                self.at += 1
            elif following.sort in {Sort.END, Sort.CLOSE, Sort.OR}:
                break
        if len(parts) <= 1:
            return (parts[0] if parts else None), joined
        return And(tuple(parts), parts[0].start, parts[-1].end), joined

    def _missing(self, piece: Piece) -> None:
        """Something should stand here."""
        before = self.pieces[self.at - 1] if self.at else None
        if before is not None and before.sort is Sort.OPEN and piece.sort is Sort.CLOSE:
            hint = "write at least one word, or remove them"
            self.problem(before.start, "empty-brackets", "there is nothing in these brackets", hint)
        elif before is not None and before.sort in _OPERATORS:
            self._lacks(before, "follows")
        elif piece.sort in _OPERATORS:
            self._lacks(piece, "stands before")

    def _lacks(self, operator: Piece, where: str) -> None:
        if operator.start in self.lacking:
            return
        self.lacking.add(operator.start)
        name = self.text[operator.start : operator.end]
        hint = f'add a word, or write "{name.lower()}" to find that word' if name.isalpha() else "add a word"
        self.problem(operator.start, "missing-operand", f"nothing {where} this {name}", hint)

    def _not(self) -> Node | None:
        first, turns = self._peek(), 0
        while self._peek().sort is Sort.NOT:
            self.at += 1
            turns += 1
        if turns and self._peek().sort in _ENDS:
            self._missing(self._peek())
            return None
        part = self._near()
        return part if part is None or turns % 2 == 0 else Not(part, first.start, part.end)

    def _near(self) -> Node | None:
        left, first = self._atom(), self._peek()
        links = 0
        while (operator := self._peek()).sort is Sort.NEAR:
            self.at += 1
            links += 1
            right = self._beside_near()
            if left is None or right is None:
                left = None
                continue
            for side in (left, right):
                self._check_operand(side)
            left = Near(left, right, operator.distance, operator.ordered, left.start, right.end)
        if links > 1:
            what = "several NEAR in a row are taken from the left: (one NEAR/n two) NEAR/n three"
            self.told.warn(first.start, "near-chain", what, "put brackets around what belongs together")
        return left

    def _beside_near(self) -> Node | None:
        piece = self._peek()
        if piece.sort is Sort.NOT:
            hint = "write (one NEAR/5 two) AND NOT three"
            self.problem(piece.start, "near-operand", "NOT cannot stand beside NEAR", hint)
            self._not()
            return None
        if piece.sort in _ENDS:
            self._missing(piece)
            return None
        return self._atom()

    def _check_operand(self, node: Node) -> None:
        if positional(node):
            return
        inner = node
        while isinstance(inner, Named):
            inner = inner.part
        match inner:
            case And():
                what, hint = "words joined by AND", "write one NEAR/5 two AND one NEAR/5 three, or a phrase in quotes"
            case Not():
                what, hint = "NOT", "write (one NEAR/5 two) AND NOT three"
            case Field():
                what, hint = "a field", f"write (one NEAR/5 two) AND {self.text[node.start : node.end]}"
            case Raw() | Regex():
                what, hint = "raw: or a regular expression", "write them with AND, or the words alone"
            case _:
                what, hint = "this OR", "only words, phrases and signs stand beside NEAR, and ORs of those"
        self.problem(node.start, "near-operand", f"{what} cannot stand beside NEAR", hint)

    def _atom(self) -> Node | None:
        piece = self._peek()
        self.at += 1
        if piece.sort is Sort.TERM:
            return self._meaning(piece) if piece.name else piece.node
        self.depth += 1  # an opening bracket: nothing else comes here
        if self.depth > MAX_DEPTH:
            self.problem(piece.start, "too-deep", f"brackets may nest {MAX_DEPTH} deep", "split the query")
            self.at = len(self.pieces)
            self.too_deep = True
            return None
        inside = self._or()
        self.depth -= 1
        if self._peek().sort is Sort.CLOSE:
            self.at += 1
        elif not self.too_deep:
            self.problem(piece.start, "unclosed-bracket", "this bracket is never closed", "add a ) where it ends")
        return inside

    def _meaning(self, piece: Piece) -> Node | None:
        """What a name of the rule files stands for."""
        if self.depth >= MAX_DEPTH:
            self.problem(piece.start, "too-deep", f"brackets and names may nest {MAX_DEPTH} deep", "split the query")
            return None

        def read(text: str, told: Told) -> tuple[Node | None, int]:
            return _read(text, self.use, told, self.naming, self.depth + 1)

        part, size = self.naming.meaning(piece.name, piece.start, piece.end, self.told, read)
        self.size += size
        if self.size > MAX_SIZE:
            if self.size - size <= MAX_SIZE:
                what = f"with its names written out a query has at most {MAX_SIZE:,} terms"
                self.problem(piece.start, "too-many-terms", what, "split it")
            return None
        return part


def _lower_case_operators(text: str, pieces: list[Piece], told: Told) -> None:
    """`a or b` looks for the word "or": say so."""
    for place, piece in enumerate(pieces):
        if not isinstance(piece.node, Word | Phrase) or piece.end - piece.start > 10:
            continue
        raw = text[piece.start : piece.end]
        word, _, number = raw.partition("/")
        if word not in {"and", "or", "not", "near"} or (
            number and (word != "near" or not number.rstrip("f").isdigit())
        ):
            continue
        before = place > 0 and pieces[place - 1].sort in {Sort.TERM, Sort.CLOSE}
        after = place + 1 < len(pieces) and pieces[place + 1].sort in {Sort.TERM, Sort.OPEN, Sort.NOT}
        if after and (before or word == "not"):
            meant = f"NEAR/{number or 5}" if word == "near" else raw.upper()
            told.warn(piece.start, "lower-case-operator", f"{raw} is looked for as a word", f"write {meant} to combine")
