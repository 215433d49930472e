"""What rules do to one another that nobody can have meant: circles of `unless`, rules that never fire, rules that say the same, and values
that only a rule's id decides. Owns these findings; only what is proven is claimed. Refuses to judge: it is told which rules fired on what.

A rule that is deprecated does nothing to any other. Proofs are those of `listener.query.proof`, of bounded effort.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from listener.harmless import harmless
from listener.model.problems import Problem
from listener.query.proof import Prover
from listener.query.tree import Field, Node, Not, Or, Text, walk
from listener.rulebook.circles import circles
from listener.rulebook.shape import Rule, Rulebook, Scope, Status, Topic

STEPS = 20_000
"""What the proof about one rule may cost: some milliseconds."""

MOST = 50
"""Findings of one sort that are told; who has more begins with these."""

SHOWN = 60
"""Characters of an example in a message."""

_OURS = Field("is", (Text("ours", "ours"),))

SINGLE = ("team", "assign", "reply", "snooze")
"""What can have one value only."""


def problems(rulebook: Rulebook) -> tuple[Problem, ...]:
    """Circles of `unless`: nobody can say which of those rules is silent."""
    return tuple(_circles(rulebook))


def warnings(rulebook: Rulebook, now: datetime) -> tuple[Problem, ...]:
    """Rules that never fire, rules that say what another one says already, and what has no effect when it is `now`."""
    found = (_same(rulebook), _never(rulebook), _idle_unless(rulebook), _ended(rulebook, now))
    return tuple(one for some in found for one in list(some)[:MOST])


def shortened(text: str, most: int = SHOWN) -> str:
    """A text on one line, harmless and no longer than that."""
    plain = harmless(text)
    return plain if len(plain) <= most else f"{plain[: most - 1]}…"


# Values that only a rule's id decides --------------------------------------------------------------------------------


def contested(fired: Sequence[Rule]) -> Iterator[tuple[str, Rule, Rule]]:
    """Of rules that fire together: what can have one value only and is set to different ones by rules of the same, highest rank.

    With the rule whose id decides, and the first one that says otherwise.
    """
    steady = [rule for rule in fired if rule.status is Status.STABLE]
    answered = any(rule.then.asks_for_reply for rule in steady)
    for name in SINGLE:
        if name == "snooze" and answered:
            continue  # nothing is put away
        setting = [rule for rule in steady if getattr(rule.then, name) not in ("", None)]
        top = max((rule.rank for rule in setting), default=0)
        leading = sorted((rule for rule in setting if rule.rank == top), key=lambda rule: rule.id)
        for rule in leading[1:]:
            if getattr(rule.then, name) != getattr(leading[0].then, name):
                yield name, leading[0], rule
                break


def equal_ranks(judged: Iterable[tuple[str, Sequence[Rule]]]) -> Iterator[Problem]:
    """A problem for each two rules that were seen to contest a value: of texts with the rules that fire on them."""
    told: set[tuple[str, str, str]] = set()
    for text, fired in judged:
        for name, first, second in contested(fired):
            if (name, first.id, second.id) in told or len(told) >= MOST:
                continue
            told.add((name, first.id, second.id))
            one, other = (getattr(rule.then, name) for rule in (first, second))
            earlier, later = sorted((first, second), key=_by_place)
            said = "different times" if name == "snooze" else f"{one} and {other}"
            message = (
                f"rules {first.id} and {second.id} both fire on “{shortened(text)}” and set {name} with the same rank "
                f"{first.rank}: {said}"
            )
            hint = f"give one of them a higher rank; the other is at {earlier.place}"
            yield _at(later, "equal-rank", message, hint)


# Circles -------------------------------------------------------------------------------------------------------------


def _circles(rulebook: Rulebook) -> Iterator[Problem]:
    """One problem for each knot of rules, with the shortest circle in it that begins with its first rule that is in one."""
    rules = {rule.id: rule for rule in _alive(rulebook)}
    edges = {
        rule.id: sorted(id_ for id_ in rule.unless if id_ in rules and _silences(rules[id_], rule))
        for rule in rules.values()
    }
    for knot in circles(edges):
        path = _way_back(knot, edges)
        first = min((rules[id_] for id_ in path), key=_by_place)
        if len(path) == 1:
            message, hint = f"rule {path[0]} is silenced by itself", "take it out of its own unless"
        else:
            message = f"these rules silence one another in a circle: {' -> '.join((*path, path[0]))}"
            hint = "take one of them out of an unless; a higher rank settles which value counts"
        yield _at(first, "unless-circle", message, hint)


def _way_back(knot: Sequence[str], edges: Mapping[str, Sequence[str]]) -> list[str]:
    """The shortest way from the first rule of a knot over `unless` back to it."""
    start, came = knot[0], dict[str, str]()
    waiting = [start]
    for here in waiting:
        for other in edges[here]:
            if other == start:
                way = [here]
                while way[-1] != start:
                    way.append(came[way[-1]])
                return way[::-1]
            if other not in came and other in knot:
                came[other] = here
                waiting.append(other)
    return [start]


# Rules that never fire -----------------------------------------------------------------------------------------------


def _never(rulebook: Rulebook) -> Iterator[Problem]:
    for rule in _alive(rulebook):
        if why := _why_never(rule, rulebook):
            message, hint = why
            yield _at(rule, "never-fires", f"rule {rule.id} never fires: {message}", hint)


def _why_never(rule: Rule, rulebook: Rulebook) -> tuple[str, str] | None:
    """What is proven to keep a rule silent always, and what to do."""
    silencers = _silencers(rule, rulebook)
    bounds = list(_bounds(rule, rulebook))
    if not silencers and not bounds:
        return None
    when = rule.when.tree
    prover = Prover((when, *(tree for tree, _ in silencers), *(tree for tree, _, _ in bounds)), STEPS)
    for tree, message, hint in bounds:
        if prover.never_all(when, tree):
            return message, hint
    for tree, what in silencers:
        if prover.implies(when, tree):
            return f"{what} covers all that it matches", "narrow one of them, or deprecate the rule"
    if len(silencers) > 1 and prover.never_all(when, false=[tree for tree, _ in silencers]):
        said = " and ".join(what for _, what in silencers)
        return f"{said} together cover all that it matches", "narrow one of them, or deprecate the rule"
    return None


def _bounds(rule: Rule, rulebook: Rulebook) -> Iterator[tuple[Node, str, str]]:
    """What is true of every message that gets as far as this rule's query, where its query asks for such things."""
    asked = {part.name for part in walk(rule.when.tree) if isinstance(part, Field)}
    if "is" in asked and not rule.scope.ours:
        message = "it asks for posts of ours, and its scope leaves them out"
        yield Not(_OURS), message, "say ours: yes in its scope"
    scope = rule.scope
    if "topic" in asked and scope.topics and not (scope.addressed or scope.kinds or scope.everything or scope.ours):
        heard = tuple(_topic(key) for key in sorted(scope.topics))
        message = "its query leaves out the topics of its scope"
        yield heard[0] if len(heard) == 1 else Or(heard), message, "name other topics in the scope"


def _topic(key: str) -> Field:
    return Field("topic", (Text(key, key),))


def _silencers(rule: Rule, rulebook: Rulebook) -> list[tuple[Node, str]]:
    """Queries on whose matches the rule is silent for good, and what each is."""
    found = [
        (one.when.tree, f"the exception at {one.place}")
        for one in rulebook.exceptions_to(rule.id)
        if one.when is not None and one.until is None
    ]
    for id_ in sorted(rule.unless):
        other = rulebook.rule(id_)
        if other is not None and other.id != rule.id and _always_beside(other, rule, rulebook):
            found.append((other.when.tree, f"rule {other.id}, which silences it,"))
    return found


def _always_beside(other: Rule, rule: Rule, rulebook: Rulebook) -> bool:
    """Whether the other one surely fires, and silences, wherever its query matches what this one looks at."""
    return (
        _silences(other, rule)
        and other.count is None
        and (other.during is None or other.during == rule.during)
        and not other.unless
        and not rulebook.exceptions_to(other.id)
        and covers(other.scope, rule.scope, rulebook.topics)
    )


def _silences(other: Rule, rule: Rule) -> bool:
    """Whether one rule's status lets it silence the other at all."""
    if other.status is Status.DEPRECATED:
        return False
    return other.status is Status.STABLE or rule.status is Status.EXPERIMENTAL


def covers(wide: Scope, narrow: Scope, topics: Iterable[Topic] = ()) -> bool:
    """Whether a scope surely looks at whatever another one looks at."""
    if narrow.ours and not wide.ours:
        return False
    if wide.brands and not (narrow.brands and narrow.brands <= wide.brands):
        return False
    if wide.everything:
        return True
    kinds = {topic.key: topic.kind for topic in topics}
    return (
        not narrow.everything
        and (wide.addressed or not narrow.addressed)
        and narrow.kinds <= wide.kinds
        and all(key in wide.topics or kinds.get(key) in wide.kinds for key in narrow.topics)
    )


# What has no effect --------------------------------------------------------------------------------------------------


def _same(rulebook: Rulebook) -> Iterator[Problem]:
    """Rules of which an earlier one has the same query and scope, under the same conditions, and the same follows."""
    seen: dict[Hashable, Rule] = {}
    for rule in sorted(_alive(rulebook), key=_by_place):
        exempt = frozenset(one.place for one in rulebook.exceptions_to(rule.id))
        says = (rule.when.tree, rule.scope, rule.then, rule.count, rule.during, rule.unless, rule.status, exempt)
        first = seen.setdefault(says, rule)
        if first is not rule:
            message = f"rule {rule.id} does the same as {first.id} at {first.place}: the same scope, when and then"
            yield _at(rule, "same-as", message, "remove one of them")


def _idle_unless(rulebook: Rulebook) -> Iterator[Problem]:
    for rule in _alive(rulebook):
        for id_ in sorted(rule.unless):
            other = rulebook.rule(id_)
            if other is not None and not _silences(other, rule):
                message = f"rule {rule.id} is not silenced by {other.id}, which is {other.status.value}"
                hint = (
                    "take it out of unless" if other.status is Status.DEPRECATED else "it will be once that is stable"
                )
                yield _at(rule, "idle-unless", message, hint)


def _ended(rulebook: Rulebook, now: datetime) -> Iterator[Problem]:
    for one in rulebook.exceptions:
        if one.until is not None and one.until < now.date():
            place = one.place
            message = f"this exception ended with {one.until.isoformat()}"
            yield Problem(place.file, place.line, place.column, "ended", message, "remove it, or say another day")


def _alive(rulebook: Rulebook) -> Iterator[Rule]:
    return (rule for rule in rulebook.rules if rule.status is not Status.DEPRECATED)


def _by_place(rule: Rule) -> tuple[str, int, int]:
    return rule.place.file, rule.place.line, rule.place.column


def _at(rule: Rule, code: str, message: str, hint: str) -> Problem:
    return Problem(rule.place.file, rule.place.line, rule.place.column, code, message, hint)
