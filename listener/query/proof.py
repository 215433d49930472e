"""What can be shown of queries without a text: that one covers another, that one is never or always true. Owns these proofs.

Parts are true-or-false variables; facts between them (a word is found by word*, a post is no reply) are clauses over those. Every fact
here is true of the matcher whatever the text and whatever is known. A proof has so many steps; what is not shown within them is not
claimed. Refuses to judge a text and to tell anybody.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from itertools import permutations
from typing import Any, TypeAlias

from listener.model.kinds import Kind
from listener.model.work import OPEN
from listener.query import words
from listener.query.covers import (
    answers,
    behind,
    covers,
    holds,
    near_is_phrase,
    nearer,
    phrase_is_near,
    plain,
    spelled,
    value_covers,
)
from listener.query.fields import FIELDS, FieldFact, Sort
from listener.query.solver import Solver
from listener.query.tree import (
    And,
    Exact,
    Field,
    Hours,
    Moment,
    Named,
    Near,
    Node,
    Not,
    Or,
    Period,
    Phrase,
    Range,
    Sign,
    Term,
    Text,
    Value,
    Wild,
    Word,
)

STEPS = 50_000
"""What a proof may cost: some tens of milliseconds at worst."""

_KINDS = frozenset(kind.value for kind in Kind)
_STATES = frozenset({"new", "theirs", "snoozed", "done"})
"""What `is:` calls as `status:` does; is:ours is who wrote it."""


def never(tree: Node, steps: int = STEPS) -> bool:
    """Whether a query is shown to match nothing."""
    return Prover((tree,), steps).never(tree)


def always(tree: Node, steps: int = STEPS) -> bool:
    """Whether a query is shown to match everything."""
    return Prover((tree,), steps).always(tree)


def implies(one: Node, other: Node, steps: int = STEPS) -> bool:
    """Whether it is shown that whatever the one matches, the other matches too."""
    return Prover((one, other), steps).implies(one, other)


class Prover:
    """Some trees, and what can be shown of them and of their parts. All questions share the steps."""

    def __init__(self, trees: Iterable[Node], steps: int = STEPS) -> None:
        self._facts = _Facts(Solver(steps // 2))
        for tree in trees:
            self._facts.literal(tree)
        self._facts.finish()
        self._solver = self._facts.solver
        self._solver.steps += steps - steps // 2  # facts without end leave something for the questions

    def groups(self, node: Node) -> frozenset[int]:
        """What a part is about, as numbers: parts without a common one have nothing to do with each other."""
        return self._facts.groups(node)

    def tied(self, node: Node) -> bool:
        """Whether parts of a part have to do with each other; else it is neither never nor always true, and none of them is without effect."""
        match node:
            case And(parts=parts) | Or(parts=parts):
                seen: set[int] = set()
                for part in parts:
                    groups = self.groups(part)
                    if not seen.isdisjoint(groups) or self.tied(part):
                        return True
                    seen |= groups
                return False
            case Not(part=part) | Named(part=part):
                return self.tied(part)
            case Near(left=left, right=right):
                return self.tied(left) or self.tied(right)
            case _:
                return False

    @property
    def tired(self) -> bool:
        """Whether the steps are used up."""
        return self._solver.steps <= 0

    def never(self, node: Node) -> bool:
        """Whether a part is shown to match nothing."""
        return self.never_all(node)

    def never_all(self, *true: Node, false: Sequence[Node] = ()) -> bool:
        """Whether it is shown that these parts cannot all be true while those are all false."""
        return self._solver.impossible(*map(self._facts.literal, true), *(-self._facts.literal(one) for one in false))

    def always(self, node: Node) -> bool:
        """Whether a part is shown to match everything."""
        return self.never_all(false=(node,))

    def implies(self, one: Node, other: Node) -> bool:
        """Whether whatever the one matches, the other matches too."""
        return self.never_all(one, false=(other,))

    def same(self, one: Node, other: Node) -> bool:
        """Whether two parts are the same thing, perhaps written differently."""
        return self._facts.literal(one) == self._facts.literal(other)

    def implied(self, nodes: Sequence[Node]) -> list[set[int]]:
        """For each of some parts the places of the others that cover it, as far as that is clear at once; nothing for what is never true."""
        literals = list(map(self._facts.literal, nodes))
        places: dict[int, list[int]] = {}
        for place, literal in enumerate(literals):
            places.setdefault(literal, []).append(place)
        found: list[set[int]] = [set() for _ in nodes]
        possible = [self._solver.forced(literal) for literal in literals]
        for place, literal in enumerate(literals):
            forward, backward = possible[place], self._solver.forced(-literal)
            if self._solver.steps <= 0 or forward is None or backward is None:
                continue
            found[place].update(other for one in forward if one in places for other in places[one])
            for one in backward:
                for other in places.get(-one, ()):
                    if possible[other] is not None:
                        found[other].add(place)
        for place, others in enumerate(found):
            others.discard(place)
        return found


# A value of a field is a stretch between two cuts of an ordered line: numbers, moments, and names in the order of their letters.
Cut: TypeAlias = tuple[Any, bool]
"""A point of a line, and whether it lies behind what stands at that point."""


@dataclass(slots=True)
class _Line:
    """One ordered line. `known`: the variable for "there is a value at all"; a cut's variable: the value lies at or behind the cut."""

    known: int
    cuts: dict[Cut, int] = field(default_factory=dict)


class _Facts:
    """Trees as clauses: the variables of their parts, and what is true between those."""

    def __init__(self, solver: Solver) -> None:
        self.solver = solver
        self._group: dict[int, int] = {}
        """Variables that have to do with each other lead to the same one."""
        self._known: dict[Hashable, int] = {}
        """By node, and by what else has a variable of its own."""
        self._lines: dict[Hashable, _Line] = {}
        self._terms: dict[Word | Wild | Exact, int] = {}
        self._phrases: list[Phrase] = []
        self._nears: list[Near] = []
        self._texts: dict[tuple[str, str, bool], int] = {}
        """Values that are looked for by their letters: field, key, whether it is wild."""
        self._ones: dict[str, dict[str, int]] = {}
        """Values of closed lists of which a message has one at most, by field."""

    # Parts

    def literal(self, node: Node) -> int:
        """The literal of a part; made when it is met first."""
        match node:
            case Not(part=part):
                return -self.literal(part)
            case Named(part=part):
                return self.literal(part)
        if node not in self._known:
            self._known[node] = self._made(node)
        return self._known[node]

    def groups(self, node: Node) -> frozenset[int]:
        """The groups of the variables of a part's leaves."""
        match node:
            case And(parts=parts) | Or(parts=parts):
                return frozenset().union(*map(self.groups, parts))
            case Not(part=part) | Named(part=part):
                return self.groups(part)
            case Field(name=name, values=values) if len(values) > 1:
                return frozenset().union(*(self.groups(Field(name, (value,))) for value in values))
            case Near(left=left, right=right):
                return self.groups(left) | self.groups(right) | {self._leader(abs(self._known[node]))}
            case _:
                return frozenset((self._leader(abs(self._known[node])),))

    def _leader(self, variable: int) -> int:
        while (leader := self._group.get(variable, variable)) != variable:
            variable = leader
        return variable

    def _together(self, one: int, other: int) -> None:
        first, second = self._leader(abs(one)), self._leader(abs(other))
        if first != second:
            self._group[first] = second

    def _fact(self, one: int, other: int) -> None:
        """If the one, then the other: they have to do with each other."""
        self.solver.clause(-one, other)
        self._together(one, other)

    def _made(self, node: Node) -> int:
        match node:
            case And(parts=parts):
                return -self._any([-self.literal(part) for part in parts])
            case Or(parts=parts):
                return self._any([self.literal(part) for part in parts])
            case Field(name=name, values=values) if len(values) > 1:
                return self._any([self.literal(Field(name, (value,))) for value in values])
            case Field(name=name, values=values):
                return self._value(name, values[0])
            case Word() | Wild() | Exact():
                self._terms[node] = found = self.solver.variable()
                for form in answers(node):
                    self._fact(found, self.literal(Word(form)))
                return found
            case Phrase(parts=parts):
                self._phrases.append(node)
                return self._whole(parts)
            case Near(left=left, right=right):
                self._nears.append(node)
                return self._whole((left, right))
            case Sign(form=form):
                return self._sign(form)
            case _:
                return self.solver.variable()

    def _sign(self, form: str) -> int:
        found = self.solver.variable()
        if form[0] == "#":
            self._fact(found, self._shared(("has", "tag")))
            if (bare := words.unaccented(form)) != form:
                self._fact(found, self.literal(Sign(bare)))
        elif form[0] == "@":
            # A handle answers to its first label, and that is a word of the text. After a digit the . may have been a part of it: ⒈
            label, dot, _ = form[1:].partition(".")
            if dot and label and not label[-1].isdigit() and "@" not in label:
                self._fact(found, self.literal(Sign(f"@{label}")))
            elif form[1:].isascii() and form[1:].isalnum():
                self._fact(found, self.literal(Word(form[1:])))
        return found

    def _any(self, literals: list[int]) -> int:
        found = self.solver.variable()
        self.solver.clause(-found, *literals)
        for literal in literals:
            self.solver.clause(found, -literal)
        return found

    def _whole(self, parts: tuple[Node, ...]) -> int:
        """A part that is true only when all of these are."""
        found = self.solver.variable()
        for part in parts:
            self._fact(found, self.literal(part))
        return found

    def _shared(self, key: Hashable) -> int:
        """The variable of something that several parts speak of."""
        if key not in self._known:
            self._known[key] = self.solver.variable()
        return self._known[key]

    def finish(self) -> None:
        """The facts between parts, when all parts are known."""
        for name, line in self._lines.items():
            self._ends(name, line)
            before = line.known
            for _, following in sorted(line.cuts.items()):
                self.solver.clause(-following, before)
                before = following
        self._open_among()
        self._texts_among()
        covered = self._terms_among()
        self._phrases_among(covered)
        self._nears_among(covered)

    def _ends(self, name: Hashable, line: _Line) -> None:
        """Of an ordered choice nothing lies before the first and behind the last."""
        fact = FIELDS.get(name) if isinstance(name, str) else None
        if fact is not None and fact.order:
            for cut, found in line.cuts.items():
                if cut <= (1, False):
                    self.solver.clause(found, -line.known)
                elif cut >= (len(fact.order), True):
                    self.solver.clause(-found)

    # Words

    def _terms_among(self) -> dict[Term, set[Term]]:
        """Links each term to those that answer wherever it does, and returns those."""
        covered: dict[Term, set[Term]] = {term: {term} for term in self._terms}
        wilds = sorted((term.pattern, term) for term in self._terms if isinstance(term, Wild))
        letters = sorted((spelled(term), place, term) for place, term in enumerate(self._terms)) if wilds else []
        for pattern, wild in wilds:
            at = bisect_left(letters, (wild.stem,))
            while at < len(letters) and self.solver.steps > 0 and letters[at][0].startswith(wild.stem):
                written, _, met = letters[at]
                at += 1
                self.solver.steps -= 1
                if not isinstance(met, Exact) and covers(pattern, written):
                    covered[met].add(wild)
        plainly = {term: set(found) for term, found in covered.items()}
        for term in self._terms:
            for form in answers(term):
                covered[term] |= plainly.get(Word(form), set())
        for term, wider in covered.items():
            for other in wider - {term}:
                self._fact(self._terms[term], self._terms[other])
        return covered

    def _phrases_among(self, covered: dict[Term, set[Term]]) -> None:
        """Links phrases to those that are found wherever they are."""
        by_word: dict[Term, list[Phrase]] = {}
        for phrase in self._phrases:
            by_word.setdefault(phrase.parts[0], []).append(phrase)
        for phrase in self._phrases:
            meant = {term for part in phrase.parts for term in covered[part]}
            for other in (other for term in meant for other in by_word.get(term, ())):
                self.solver.steps -= len(phrase.parts)
                if self.solver.steps <= 0:
                    return
                if other != phrase and holds(phrase, other, covered):
                    self._fact(self._known[phrase], self._known[other])

    def _nears_among(self, covered: dict[Term, set[Term]]) -> None:
        """Links what stands near to what is near wherever it is."""
        for near in self._nears:
            for other in self._nears:
                self.solver.steps -= 5
                if other != near and nearer(near, other, covered):
                    self._fact(self._known[near], self._known[other])
            for phrase in self._phrases:
                self.solver.steps -= 5 * len(phrase.parts)
                if phrase_is_near(phrase, near, covered):
                    self._fact(self._known[phrase], self._known[near])
                if near_is_phrase(near, phrase, covered):
                    self._fact(self._known[near], self._known[phrase])
            if self.solver.steps <= 0:
                return

    # Fields

    def _value(self, name: str, value: Value) -> int:
        fact = FIELDS.get(name)
        match value:
            case Range(low=low, high=high, low_in=low_in, high_in=high_in):
                return self._stretch(
                    name,
                    None if low is None else (low, not low_in),
                    None if high is None else (high, high_in),
                )
            case Period(low=first, high=last):
                return self._period(first, last)
            case Hours(low=opens, high=closes, zone=zone):
                return self._hours(opens, closes, zone)
            case _ if fact is None:
                return self.solver.variable()
            case Text() if fact.sort is Sort.CHOICE:
                return self._choice(fact, value.key)
            case Text():
                return self._text(fact, value)

    def _line(self, name: Hashable, known: Hashable) -> _Line:
        if name not in self._lines:
            self._lines[name] = _Line(self._shared(("known", known)))
        return self._lines[name]

    def _cut(self, line: _Line, cut: Cut) -> int:
        if cut not in line.cuts:
            line.cuts[cut] = self.solver.variable()
            self._together(line.cuts[cut], line.known)
        return line.cuts[cut]

    def _stretch(self, name: Hashable, low: Cut | None, high: Cut | None) -> int:
        """A value from one cut to another."""
        line = self._line(name, name)
        below = line.known if low is None else self._cut(line, low)
        return below if high is None else self._both(below, -self._cut(line, high))

    def _both(self, one: int, other: int) -> int:
        return -self._either(-one, -other)

    def _either(self, one: int, other: int) -> int:
        found = self._any([one, other])
        self._together(found, one)
        self._together(found, other)
        return found

    def _period(self, low: Moment | None, high: Moment | None) -> int:
        known = self._shared(("known", "at"))
        below = known if low is None else self._moment(low)
        return below if high is None else self._both(below, self._both(known, -self._moment(high)))

    def _moment(self, moment: Moment) -> int:
        """Said at this moment or later. Moments of different kinds are not compared: which is first depends on now."""
        if moment.at is not None:
            # In one zone: comparing across zones is not always an order.
            return self._cut(self._line("at", "at"), (moment.at.astimezone(UTC), False))
        if moment.day is not None:
            return self._cut(self._line(("day", moment.zone), "at"), (moment.day, False))
        return self._cut(self._line("now", "at"), (moment.seconds, False))

    def _hours(self, low: int, high: int, zone: str) -> int:
        line = self._line(("hour", zone), "hour")
        after, before = self._cut(line, (low, False)), -self._cut(line, (high, False))
        if low < high:
            return self._both(after, before)
        return self._either(after, self._both(line.known, before))

    def _choice(self, fact: FieldFact, key: str) -> int:
        """One of a closed list. What two fields call differently is one variable here."""
        if key in fact.order:
            place = fact.order.index(key) + 1
            return self._stretch(fact.name, (place, False), (place, True))
        if fact.name == "is":
            if key in _KINDS:
                return self._one_of("kind", key)
            if key in _STATES:
                return self._one_of("status", key)
            if key == "verified":
                return self._one_of("verified", "yes")
        return self._shared((fact.name, key)) if fact.many or key == "open" else self._one_of(fact.name, key)

    def _open_among(self) -> None:
        """A conversation that is new or ours is open, any other is not. One may be known to be open and not which of the two."""
        is_open, status_open = self._known.get(("is", "open")), self._known.get(("status", "open"))
        if is_open and status_open:
            self._fact(status_open, is_open)
        for key, found in self._ones.get("status", {}).items():
            for one in (is_open, status_open):
                if one:
                    self._fact(found, one if key in OPEN else -one)

    def _one_of(self, name: str, key: str) -> int:
        """A value of a field that has one value at most."""
        found = self._stretch(("one", name), (key, False), (key, True))
        self._ones.setdefault(name, {})[key] = found
        return found

    def _text(self, fact: FieldFact, value: Text) -> int:
        key, wild, name = (value.raw if fact.sort is Sort.ID else value.key), value.wild, fact.name
        if (name, key, wild) in self._texts:
            return self._texts[name, key, wild]
        me = name == "assignee" and key == "me"
        if fact.many or fact.sort not in {Sort.NAME, Sort.ID} or me or (name == "assignee" and wild):
            found = self.solver.variable()  # one of several
        elif not wild:
            found = self._stretch(name, (key, False), (key, True))
        elif plain(key[:-1]) and key[:-1] and key[-1] == "*":
            found = self._stretch(name, (key[:-1], False), (behind(key[:-1]), False))
        else:
            found = self.solver.variable()
        self._texts[name, key, wild] = found
        if name in {"link", "domain"}:
            self._fact(found, self._shared(("has", "link")))
        elif name == "rule":
            self._fact(found, self._shared(("has", "flag")))
        elif name == "assignee" and not wild and key != "nobody":
            self._fact(found, self._shared(("is", "assigned")))
        return found

    def _texts_among(self) -> None:
        """Links values of a field that answer wherever others do, and parts those that never do together."""
        by_field: dict[str, list[tuple[str, bool, int]]] = {}
        for (name, key, wild), found in self._texts.items():
            by_field.setdefault(name, []).append((key, wild, found))
        for name, values in by_field.items():
            fact = FIELDS[name]
            if fact.sort is Sort.NAME and not any(wild for _, wild, _ in values):
                continue
            for (key, wild, found), (other_key, other_wild, other) in permutations(values, 2):
                self.solver.steps -= 1
                if self.solver.steps <= 0:
                    return
                if value_covers(fact, other_key, other_wild, key, wild):
                    self._fact(found, other)
                elif other_wild and _is_one(fact, key, wild):
                    self._fact(found, -other)


def _is_one(fact: FieldFact, key: str, wild: bool) -> bool:
    """Whether a value is just these letters and the only one."""
    return fact.sort is Sort.NAME and not fact.many and fact.name != "assignee" and not wild and "*" not in key
