"""Everything that can be said of a rulebook that could be read: its examples, tests of tone and tests of signals tried, what its rules do
to one another, hours that do not exist, what its rules cost.

Owns which looks are taken and in which order they are told; each look has a room of its own. Refuses to print. A listener takes no
rulebook with problems into force; warnings are for whoever writes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from listener.model.problems import Problem
from listener.query.frequency import usual
from listener.rulebook import conflicts
from listener.rulebook.alerting import odd_hand_overs
from listener.rulebook.examples import Trials, Tried
from listener.rulebook.hours import odd_hours
from listener.rulebook.seen import Seen, seen
from listener.rulebook.shape import Rulebook, Status
from listener.rulebook.staffed import unstaffed
from listener.rulebook.subject import Methods
from listener.rulebook.tones import Sounded, sounded

DEAR = 0.25
"""The share of messages from which on a rule's query is told as costing something."""


@dataclass(frozen=True, slots=True)
class Cost:
    """On about what share of all messages a rule's query has to be judged; 1: on each, because no word of it must be there."""

    rule: str
    share: float


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found, problems and warnings each by file, line and column."""

    tried: tuple[Tried, ...]
    tones: tuple[Sounded, ...]
    signals: tuple[Seen, ...]
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    """What is probably not meant."""
    costs: tuple[Cost, ...]
    """The dearest rules first, where they cost something."""


def check(rulebook: Rulebook, methods: Methods, now: datetime) -> Checked:
    """Look at everything, with examples judged as if they were said `now` where they do not say when."""
    tried = tuple(Trials(rulebook, methods, now).all())
    tones = sounded(rulebook, methods)
    signals = seen(rulebook, methods, now)
    problems = (
        *(failed(one) for one in tried if not one.good),
        *(one.problem for one in tones if not one.good),
        *(one.problem for one in signals if not one.good),
        *conflicts.problems(rulebook),
        *conflicts.equal_ranks((one.example.text, one.beside) for one in tried),
    )
    warnings = (*conflicts.warnings(rulebook, now), *odd_times(rulebook, now), *unstaffed(rulebook, now))
    return Checked(tried, tones, signals, _ordered(problems), _ordered(warnings), costs(rulebook))


def odd_times(rulebook: Rulebook, now: datetime) -> tuple[Problem, ...]:
    """Times of opening and of handing over that do not exist on some day of the year to come."""
    return (
        *(one for hours in rulebook.hours for one in odd_hours(hours, now.date())),
        *(one for rota in rulebook.rotas for one in odd_hand_overs(rota, now.date())),
    )


def costs(rulebook: Rulebook) -> tuple[Cost, ...]:
    """The rules whose query is judged on many messages or on all."""
    found = [
        Cost(rule.id, 1.0 if rule.when.needs is None else min(1.0, rule.when.needs.cost(usual)))
        for rule in rulebook.rules
        if rule.status is not Status.DEPRECATED
    ]
    return tuple(sorted((one for one in found if one.share >= DEAR), key=lambda one: (-one.share, one.rule)))


def failed(tried: Tried) -> Problem:
    """The problem with an example that did not do as it must, at its place."""
    place, rule = tried.example.place, tried.rule.id
    if tried.must_fire:
        message, code = f"rule {rule} must fire on this example and does not", "must-fire"
        hint = f"widen when:, or move the example to silent:; hubbub rules test {rule} says why"
    elif tried.exception is not None:
        message, code = f"rule {rule} must stay silent on this example of an exception and fires", "must-not-fire"
        hint = "widen the exception's when: or authors:, or take the example out"
    else:
        message, code = f"rule {rule} must stay silent on this example and fires", "must-not-fire"
        hint = "narrow when: (AND NOT ...), or move the example to fires:"
    return Problem(place.file, place.line, place.column, code, message, hint)


def _ordered(found: tuple[Problem, ...]) -> tuple[Problem, ...]:
    return tuple(sorted(found, key=lambda one: (one.file, one.line, one.column, one.code, one.message)))
