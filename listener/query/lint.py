"""What is probably not meant in a query that can be read: parts without effect, what is never or always true, what is far too broad.

Owns these findings; refuses to change a query. Everything about meaning is shown by `proof` within bounded effort; what cannot be shown
there is not told. A named part is told about where it is defined, not where it is used.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from listener.networks import NETWORKS
from listener.query.fields import Use
from listener.query.needs import needs
from listener.query.proof import Prover
from listener.query.spelling import print_tree
from listener.query.told import Told
from listener.query.tree import And, Exact, Field, Named, Near, Node, Not, Or, Regex, Text, Wild, Word

STEPS = 20_000
"""What the proofs of one query may cost together: some milliseconds."""

MOST = 20
"""Findings about parts that are told; who has more begins with these."""

FEW = 10
"""Parts of which it is also asked whether several together cover another one."""

CHOSEN = frozenset(name for name, network in NETWORKS.items() if network.chosen)
"""Sources of which a topic may be everything."""

COMPARED = 50
"""Parts that are taken in pairs to say which two of them make a query useless."""

SHOWN = 40
"""Characters of a part in a message."""


def lint(tree: Node, text: str, use: Use, told: Told) -> None:
    """Tell what is probably not meant in a query. For a view all of it is a warning; elsewhere, what makes the query useless is a problem."""
    _Lint(tree, text, use, told).run()


class _Lint:
    """One query being looked at."""

    def __init__(self, tree: Node, text: str, use: Use, told: Told) -> None:
        self.tree = tree
        self.text = text
        self.use = use
        self.told = told
        self.prover = Prover((tree,), STEPS)
        self.findings = 0

    def _warn(self, at: int, code: str, message: str, hint: str) -> None:
        if self.findings < MOST:
            self.told.warn(at, code, message, hint)
        self.findings += 1

    def _shown(self, part: Node) -> str:
        """A part as it is written, or as it could be, shortened."""
        whole = isinstance(part, And | Or | Not | Near)  # their brackets stand outside of their places
        written = print_tree(part) if whole else " ".join(self.text[part.start : part.end].split())
        return written if len(written) <= SHOWN else f"{written[: SHOWN - 1]}…"

    def run(self) -> None:
        self._full_scans()
        if self.prover.tied(self.tree) and self._constant():
            return  # whatever else could be said follows from that
        self._broad()
        self._needless(self.tree, in_place=False)

    # Never and always

    def _constant(self) -> bool:
        """The query as a whole is never or always true: told where that comes from. Fit for a search box, for nothing that runs by itself."""
        tell = self.told.warn if self.use is Use.VIEW else self.told.problem
        if self.prover.never(self.tree):
            at, why, hint = self._why(self.tree, never=True)
            tell(at, "never-true", f"nothing can match this query: {why}", hint)
        elif self.prover.always(self.tree):
            at, why, hint = self._why(self.tree, never=False)
            tell(at, "always-true", f"every message matches this query: {why}", hint)
        else:
            return False
        return True

    def _why(self, node: Node, *, never: bool) -> tuple[int, str, str]:
        """Where it comes from that a part is never true, or always, and what to do."""
        node, never = self._cause(node, never)
        for earlier, later in self._pairs(node):
            if never and isinstance(node, And) and self.prover.never_all(earlier, later):
                what = f"{self._shown(earlier)} and {self._shown(later)} exclude each other"
                return later.start, what, "remove one of them, or write OR between them"
            if not never and isinstance(node, Or) and self.prover.never_all(false=(earlier, later)):
                what = f"{self._shown(earlier)} or {self._shown(later)} holds of every one"
                return later.start, what, "remove one of them, or write AND between them"
        if never:
            return node.start, f"{self._shown(node)} contradicts itself", "remove what contradicts the rest"
        return node.start, f"{self._shown(node)} leaves nothing out", "remove it, or what takes everything in"

    @staticmethod
    def _pairs(node: Node) -> Iterator[tuple[Node, Node]]:
        parts = node.parts[:COMPARED] if isinstance(node, And | Or) else ()
        return ((earlier, later) for place, later in enumerate(parts) for earlier in parts[:place])

    def _cause(self, node: Node, never: bool) -> tuple[Node, bool]:
        """The smallest part that alone makes it so."""
        while True:
            inner: Sequence[Node] = ()
            match node:
                case Not(part=part):
                    node, never = part, not never
                    continue
                case And(parts=parts) | Or(parts=parts):
                    inner = parts if isinstance(node, And) is never else parts[:1]  # else all are: the first shows it
                case Near(left=left, right=right):
                    inner = (left, right)
            alone = next((part for part in inner if self._is(part, never)), None)
            if alone is None:
                return node, never
            node = alone

    def _is(self, node: Node, never: bool) -> bool:
        return self.prover.never(node) if never else self.prover.always(node)

    # Parts without effect

    def _needless(self, node: Node, *, in_place: bool) -> None:
        """Tells parts without effect, from the outside in. `in_place`: beside a NEAR, where it counts where a part stands."""
        match node:
            case And(parts=parts) | Or(parts=parts):
                alive = [part for part in parts if not self._dead(part, isinstance(node, And))]
                self._covered(alive, joined_by_or=isinstance(node, Or), in_place=in_place)
                for part in alive:
                    self._needless(part, in_place=in_place)
            case Not(part=part):
                self._needless(part, in_place=in_place)
            case Near(left=left, right=right):
                self._needless(left, in_place=True)
                self._needless(right, in_place=True)
            case Field(name=name, values=values) if len(values) > 1:
                # Values of a named list all stand where its name stands.
                placed = {value.start: Field(name, (value,), value.start, value.end) for value in values}
                if len(placed) == len(values):
                    self._covered(list(placed.values()), joined_by_or=True, in_place=False)
            case _:
                pass

    def _dead(self, part: Node, in_and: bool) -> bool:
        """A branch that is never true, or a part of an AND that is always true: told here."""
        if self.prover.tired or not self.prover.tied(part):
            return False
        if not in_and and self.prover.never(part):
            at, why, hint = self._why(part, never=True)
            self._warn(at, "never-true", f"nothing can match {self._shown(part)}: {why}", hint)
            return True
        if in_and and self.prover.always(part):
            at, why, hint = self._why(part, never=False)
            self._warn(at, "always-true", f"every message matches {self._shown(part)}: {why}", hint)
            return True
        return False

    def _covered(self, parts: Sequence[Node], *, joined_by_or: bool, in_place: bool) -> None:
        """Of an OR the branches that others cover; of an AND the parts that others ask for anyway."""
        parts = self._related(parts)
        left = set(range(len(parts)))
        implied = self.prover.implied(parts)
        covered: list[tuple[int, int | None]] = []
        # From the end: of two that mean the same, the later one is told.
        for place in reversed(range(len(parts))):
            by = {
                other
                for other in left - {place}
                if (other in implied[place] if joined_by_or else place in implied[other])
                and not (in_place and not _alike(parts[place], parts[other]))
            }
            if by:
                covered.append((place, min(by)))
                left.discard(place)
        if len(parts) <= FEW and not in_place and not all(map(_is_text, parts)):
            for place in sorted(left, reverse=True):
                others = [parts[other] for other in sorted(left - {place})]
                if others and self._together(parts[place], others, joined_by_or):
                    covered.append((place, None))
                    left.discard(place)
        for place, cover in sorted(covered):
            self._tell_covered(parts[place], None if cover is None else parts[cover], joined_by_or)

    def _related(self, parts: Sequence[Node]) -> list[Node]:
        """Those that have something to do with another one of them."""
        groups = list(map(self.prover.groups, parts))
        often = Counter(group for some in groups for group in some)
        return [part for part, some in zip(parts, groups, strict=True) if any(often[group] > 1 for group in some)]

    def _together(self, part: Node, others: list[Node], joined_by_or: bool) -> bool:
        if joined_by_or:
            return self.prover.never_all(part, false=others)
        return self.prover.never_all(*others, false=(part,))

    def _tell_covered(self, part: Node, cover: Node | None, joined_by_or: bool) -> None:
        shown = self._shown(part)
        if cover is not None and self.prover.same(part, cover):
            also = f", as {self._shown(cover)}" if self._shown(cover) != shown else ""
            code = (
                "repeated-value"
                if isinstance(part, Field) and part.start == part.values[0].start
                else "shadowed-branch"
            )
            self._warn(part.start, code, f"{shown} stands here twice{also}", "keep one of them")
        elif joined_by_or:
            by = self._shown(cover) if cover is not None else "what stands beside it"
            message = f"{shown} finds nothing more: {by} covers it"
            self._warn(part.start, "shadowed-branch", message, "remove it, or narrow what covers it")
        else:
            by = self._shown(cover) if cover is not None else "what stands beside it"
            self._warn(part.start, "shadowed-branch", f"{shown} changes nothing: {by} already says so", "remove it")

    # Too much

    def _broad(self) -> None:
        if self.use is Use.TOPIC and needs(self.tree) is None and not _chosen(self.tree):
            hint = "add a word that must be there; NOT and fields alone match nearly everything"
            self.told.problem(self.tree.start, "too-broad", "this would listen to everything", hint)
        elif self.use in {Use.RULE, Use.ALERT} and _without_any(self.tree):
            message = "this only says what must not be there, so that it matches nearly everything"
            self.told.warn(self.tree.start, "too-broad", message, "add what must be there")

    def _full_scans(self) -> None:
        regexes = [part for part in _written_here(self.tree) if isinstance(part, Regex)]
        if not regexes or needs(self.tree) is not None:
            return
        for regex in regexes:
            if needs(regex) is None:
                message = (
                    "this regular expression is tried on every text: nothing tells beforehand where it cannot match"
                )
                hint = "put plain letters into it that must be there, at least three in a row, or add a word with AND"
                self.told.warn(regex.start, "full-scan-regex", message, hint)


def _written_here(tree: Node) -> Iterator[Node]:
    """The parts whose places count in this query's own text."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        match node:
            case And(parts=parts) | Or(parts=parts):
                waiting.extend(reversed(parts))
            case Not(part=part):
                waiting.append(part)
            case _:
                pass


def _is_text(part: Node) -> bool:
    """Whether a part is a field with one name, of which only another one can cover it."""
    return isinstance(part, Field) and all(isinstance(value, Text) for value in part.values)


def _alike(one: Node, other: Node) -> bool:
    """Whether, if the one covers the other, it stands wherever the other stands: for single words it does."""
    return one == other or (isinstance(one, Word | Wild | Exact) and isinstance(other, Word | Wild | Exact))


def _chosen(node: Node) -> bool:
    """Whether what holds no wanted word can match only where the settings name one by one what comes."""
    match node:
        case Field(name="source", values=values):
            return all(isinstance(value, Text) and not value.wild and value.key in CHOSEN for value in values)
        case Named(part=part):
            return _chosen(part)
        case And(parts=parts):
            return any(map(_chosen, parts))
        case Or(parts=parts):
            return all(_chosen(part) or needs(part) is not None for part in parts)
        case _:
            return False


def _without_any(node: Node) -> bool:
    """Whether a part is true of a message that has nothing of what it names."""
    match node:
        case Not(part=part):
            return not _without_any(part)
        case Named(part=part):
            return _without_any(part)
        case And(parts=parts):
            return all(map(_without_any, parts))
        case Or(parts=parts):
            return any(map(_without_any, parts))
        case _:
            return False
