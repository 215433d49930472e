"""Why a rule fires on a message, or does not: everything that it asks for, with a sentence for each. Owns these sentences; refuses to print.

A rule fires when all of it is true. The sentences hold no words of the message; the places in its text are in the query's tree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from listener.model.judged import Context, Window
from listener.query.explain import Explained
from listener.query.explain import explain as explain_query
from listener.query.subject import Subject
from listener.rulebook.combine import findings, in_hours, span
from listener.rulebook.shape import Count, Counted, Exemption, Group, Rule, Rulebook, Scope, Status
from listener.rulebook.subject import Heard, by_its_author, exception_for, in_scope
from listener.rulebook.tally import reached


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that a rule asks for."""

    name: str
    """status, ours, scope, when, count, hours, exceptions or unless."""
    true: bool
    says: str
    """One sentence for whoever wrote the rule."""
    tree: Explained | None = None
    """Of a query: all its parts, with their places in the text."""


@dataclass(frozen=True, slots=True)
class Why:
    """What became of a rule on a message. All eight parts, always in the same order."""

    rule: Rule
    fires: bool
    """As the judgement has it. An experimental rule that fires is shown, and changes nothing."""
    shadow: bool
    parts: tuple[Part, ...]


def why(rulebook: Rulebook, rule: Rule, subject: Subject, heard: Heard, context: Context, now: datetime) -> Why:
    """Why one rule of a rulebook fires on a message when it is `now`, or why not. `context`: as the message was judged with it."""
    fired = frozenset(one.rule.id for one in findings(rulebook, subject, heard, context, now))
    return _why(rulebook, rule, subject, heard, context, now, fired)


def why_all(rulebook: Rulebook, subject: Subject, heard: Heard, context: Context, now: datetime) -> tuple[Why, ...]:
    """The same for every rule: those that fired first, weightiest first, then the others by their ids."""
    found = findings(rulebook, subject, heard, context, now)
    fired = frozenset(one.rule.id for one in found)
    rules = [*(one.rule for one in found), *(rule for rule in rulebook.rules if rule.id not in fired)]
    return tuple(_why(rulebook, rule, subject, heard, context, now, fired) for rule in rules)


def _why(
    rulebook: Rulebook, rule: Rule, subject: Subject, heard: Heard, context: Context, now: datetime, fired: frozenset[str]
) -> Why:  # fmt: skip
    parts = (
        _status(rule),
        _ours(rule, heard),
        _scope(rulebook, rule, heard),
        _when(rule, subject, now),
        _count(rule, context),
        _hours(rulebook, rule, now),
        _exceptions(rulebook, rule, subject, now),
        _unless(rulebook, rule, fired),
    )
    return Why(rule, all(part.true for part in parts), rule.status is Status.EXPERIMENTAL, parts)


def _status(rule: Rule) -> Part:
    match rule.status:
        case Status.STABLE:
            return Part("status", True, "stable: what follows from it is done")
        case Status.EXPERIMENTAL:
            return Part("status", True, "experimental: it is shown, and changes nothing")
        case Status.DEPRECATED:
            return Part("status", False, "deprecated: it never fires")


def _ours(rule: Rule, heard: Heard) -> Part:
    if not heard.ours:
        return Part("ours", True, "not a post of ours")
    if rule.scope.ours:
        return Part("ours", True, "a post of ours, and the scope says ours: yes")
    return Part("ours", False, "a post of ours: the scope does not say ours: yes")


def _scope(rulebook: Rulebook, rule: Rule, heard: Heard) -> Part:
    scope = rule.scope
    if scope.brands and heard.brand not in scope.brands:
        return Part("scope", False, f"not in scope: for brand {_or(scope.brands)} only, and this is {heard.brand}")
    true = in_scope(rule, heard)
    if heard.ours:
        return Part("scope", true, "in scope: any post of ours" if true else "not in scope: no post of ours is")
    if not true:
        return Part("scope", False, f"not in scope: {_missed(scope)}")
    return Part("scope", True, f"in scope: {_let_in(rulebook, scope, heard)}")


def _let_in(rulebook: Rulebook, scope: Scope, heard: Heard) -> str:
    if scope.addressed and heard.addressed:
        return "it addresses us"
    if named := scope.topics & heard.topics:
        return f"heard by topic {_and(named)}"
    if kinds := scope.kinds & heard.kinds:
        by = {topic.key for topic in rulebook.topics if topic.key in heard.topics and topic.kind in kinds}
        return f"heard by a {_and(kinds)} topic" + (f", {_and(by)}" if by else "")
    return "it looks at everything"


def _missed(scope: Scope) -> str:
    ways = [
        *(["it does not address us"] if scope.addressed else []),
        *([f"it was not heard by topic {_or(scope.topics)}"] if scope.topics else []),
        *([f"it was not heard by a {_or(scope.kinds)} topic"] if scope.kinds else []),
    ]
    return " and ".join(ways) or "the scope lets nothing in"


def _when(rule: Rule, subject: Subject, now: datetime) -> Part:
    tree = explain_query(rule.when.tree, subject, now)
    return Part("when", tree.true, "the query matches" if tree.true else "the query does not match", tree)


def _count(rule: Rule, context: Context) -> Part:
    count = rule.count
    if count is None:
        return Part("count", True, "it does not count: one message is enough")
    window = context.counts.get(rule.id)
    if window is None:
        return Part("count", False, f"count: this message is not counted; it takes {_asked(count)}")
    return Part("count", reached(count, window), f"count: {_counted(count, window)}")


_OF: dict[Counted, Callable[[Count], str]] = {
    Counted.MENTIONS: lambda count: f"{count.least:g}",
    Counted.AUTHORS: lambda count: f"{count.least:g} authors",
    Counted.RATIO: lambda count: f"{_percent(count.least)} of at least {count.of_least} messages in scope",
}
_EACH = {
    Group.AUTHOR: "author",
    Group.SOURCE: "network",
    Group.TOPIC: "topic",
    Group.ACCOUNT: "account of ours",
    Group.THREAD: "thread",
    Group.LANG: "language",
}


def _asked(count: Count) -> str:
    held = f", for {span(count.hold)}" if count.hold else ""
    return f"{_OF[count.what](count)} within {span(count.within)}{_apart(count)}{held}"


def _counted(count: Count, window: Window) -> str:
    if count.what is Counted.RATIO:
        here = f"{_percent(window.value)} of {window.of} messages in scope within {span(count.within)}{_apart(count)}"
        here += f"; it takes {_OF[count.what](count)}"
    else:
        here = f"{window.value:g} of {_OF[count.what](count)} within {span(count.within)}{_apart(count)}"
    return here + (f", held for {span(window.held)} of {span(count.hold)}" if count.hold else "")


def _apart(count: Count) -> str:
    return f" for the same {_and(_EACH[group] for group in count.per)}" if count.per else ""


def _percent(share: float) -> str:
    return f"{round(100 * share, 2):g}%"


def _hours(rulebook: Rulebook, rule: Rule, now: datetime) -> Part:
    if rule.during is None:
        return Part("hours", True, "at any hour")
    true = in_hours(rulebook, rule, now)
    state = "open" if true is rule.during.inside else "closed"
    only = "during" if rule.during.inside else "outside"
    return Part("hours", true, f"hours: {rule.during.hours} is {state}, and it fires {only} these hours only")


def _exceptions(rulebook: Rulebook, rule: Rule, subject: Subject, now: datetime) -> Part:
    found = exception_for(rulebook, rule, subject, now)
    if found is not None:
        return _exempt(found, subject, now)
    if rulebook.exceptions_to(rule.id):
        return Part("exceptions", True, "none of its exceptions holds here")
    return Part("exceptions", True, "it has no exceptions")


def _exempt(found: Exemption, subject: Subject, now: datetime) -> Part:
    until = f", until {found.until}" if found.until is not None else ""
    if by_its_author(found, subject) or found.when is None:
        return Part("exceptions", False, f"exception: its author is excepted{until} ({found.reason})")
    tree = explain_query(found.when.tree, subject, now)
    return Part("exceptions", False, f"exception: its query matches{until} ({found.reason})", tree)


def _unless(rulebook: Rulebook, rule: Rule, fired: frozenset[str]) -> Part:
    if not rule.unless:
        return Part("unless", True, "no rule silences it")
    if silencing := rulebook.silencers.get(rule.id, frozenset()) & fired:
        return Part("unless", False, f"silenced by rule {_and(silencing)}")
    if idle := rule.unless & fired:
        return Part(
            "unless",
            True,
            f"rule {_and(idle)} fires, and silences nothing: it is experimental, or they run in a circle",
        )
    return Part("unless", True, f"rule {_or(rule.unless)} would silence it, and does not fire")


def _and(names: Iterable[str]) -> str:
    return _listed(names, "and")


def _or(names: Iterable[str]) -> str:
    return _listed(names, "or")


def _listed(names: Iterable[str], word: str) -> str:
    *some, last = sorted(names)
    return f"{', '.join(some)} {word} {last}" if some else last
