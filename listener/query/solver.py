"""Whether clauses over true-or-false variables can all hold. Owns the search and its limit; refuses to know what a variable stands for.

A literal is a variable's number, negative for its opposite. What is not shown within the steps is not shown: the answer is then no.
"""

from __future__ import annotations

from collections.abc import Iterable


class Solver:
    """Clauses, and questions about them. Every question draws on the same steps."""

    __slots__ = ("_ahead", "_binary", "_clauses", "_dead", "_trail", "_units", "_values", "_watching", "steps")

    def __init__(self, steps: int) -> None:
        self.steps = steps
        """How many are left."""
        self._values: list[int] = [0]
        """By variable: 1 true, -1 false, 0 open."""
        self._binary: dict[int, list[int]] = {}
        """What a literal makes true at once."""
        self._clauses: list[list[int]] = []
        self._watching: dict[int, list[int]] = {}
        """Clauses that wait for a literal to become false; each waits for two, its first two."""
        self._units: list[int] = []
        self._trail: list[int] = []
        self._ahead = 0
        """How far along the trail the consequences are drawn."""
        self._dead = False
        """The clauses contradict each other."""

    def variable(self) -> int:
        """A new one."""
        self._values.append(0)
        return len(self._values) - 1

    def clause(self, *literals: int) -> None:
        """One of these must be true. All clauses come before the first question."""
        if len(literals) == 2:
            one, other = literals
            self._binary.setdefault(-one, []).append(other)
            self._binary.setdefault(-other, []).append(one)
        elif len(literals) == 1:
            self._units.append(literals[0])
        else:
            place = len(self._clauses)
            self._clauses.append(list(literals))
            for literal in literals[:2]:
                self._watching.setdefault(literal, []).append(place)
            self._dead = self._dead or not literals

    def forced(self, *assumed: int) -> frozenset[int] | None:
        """The literals that follow at once from some; None: those cannot all be true. What follows only by trying is not found."""
        mark = self._ready()
        found = frozenset(self._trail) if self._assume(assumed) else None
        self._undo(mark)
        return found

    def impossible(self, *assumed: int) -> bool:
        """Whether it is shown that these literals cannot all be true."""
        mark = self._ready()
        result = not self._assume(assumed) or not self._satisfiable()
        self._undo(mark)
        return result

    def _satisfiable(self) -> bool:
        """Try the open variables, false first. Also true when the steps run out."""
        tried: list[tuple[int, int, bool]] = []  # where the trail stood, the literal, whether it is the second try
        at = 1
        while self.steps > 0:
            while at < len(self._values) and self._values[at]:
                at += 1
                self.steps -= 1
            if at == len(self._values):
                return True
            tried.append((len(self._trail), -at, False))
            literal = -at
            while not self._assume((literal,)):
                if self.steps <= 0:
                    return True
                mark, literal, second = tried.pop()
                while second and tried:
                    mark, literal, second = tried.pop()
                self._undo(mark)
                if second:
                    return False
                literal = -literal
                at = abs(literal)
                tried.append((mark, literal, True))
        return True

    def _ready(self) -> int:
        """Clauses of one literal hold in every question: they are drawn once, below all that is undone. Where the trail stands then."""
        units, self._units = self._units, []
        if units and not self._assume(units):
            self._dead = True
        return len(self._trail)

    def _assume(self, literals: Iterable[int]) -> bool:
        """Make literals true, with all that follows at once; False: there is a contradiction."""
        return not self._dead and all(map(self._set, literals)) and self._propagate()

    def _set(self, literal: int) -> bool:
        value = 1 if literal > 0 else -1
        known = self._values[abs(literal)]
        if known:
            return known == value
        self._values[abs(literal)] = value
        self._trail.append(literal)
        return True

    def _propagate(self) -> bool:
        while self._ahead < len(self._trail):
            literal = self._trail[self._ahead]
            self._ahead += 1
            following = self._binary.get(literal, ())
            self.steps -= 1 + len(following)
            if not all(map(self._set, following)) or not self._awaken(-literal):
                return False
        return True

    def _awaken(self, false: int) -> bool:
        """A literal became false: each clause that waited for it waits for another, or makes its last one true."""
        waiting = self._watching.get(false)
        if not waiting:
            return True
        kept: list[int] = []
        good = True
        for place in waiting:
            clause = self._clauses[place]
            self.steps -= 1
            if clause[0] == false:
                clause[0], clause[1] = clause[1], false
            if not good or self._is(clause[0], 1):
                kept.append(place)
                continue
            for other in range(2, len(clause)):
                self.steps -= 1
                if not self._is(clause[other], -1):
                    clause[1], clause[other] = clause[other], false
                    self._watching.setdefault(clause[1], []).append(place)
                    break
            else:
                kept.append(place)
                good = self._set(clause[0])
        self._watching[false] = kept
        return good

    def _is(self, literal: int, value: int) -> bool:
        return self._values[abs(literal)] == (value if literal > 0 else -value)

    def _undo(self, mark: int) -> None:
        while len(self._trail) > mark:
            self._values[abs(self._trail.pop())] = 0
        self._ahead = mark
