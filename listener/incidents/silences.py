"""Silences: what a matcher says, how it is written, and which incidents keep silent. Owns that grammar.

`topic=yoghurt,skyr severity=note`: all of the names must hold, each by one of its values; `source=` without a value is all sources together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from listener.errors import Refused
from listener.incidents.shape import Incident, Matcher, Silence
from listener.model.scales import Severity
from listener.rulebook.alerting import Watched

NAMES = ("topic", "source", "policy", "watched", "severity")
CLOSED = {"watched": tuple(one.value for one in Watched), "severity": tuple(one.value for one in Severity)}
MOST = 200
"""Values of one matcher."""
LONGEST = 200
"""Characters of a value."""


def parse(words: Iterable[str]) -> tuple[Matcher, ...]:
    """Matchers as they are written, one a word. Raises Refused for a name that is none, twice the same name, and nothing at all."""
    found: dict[str, Matcher] = {}
    for word in (part for one in words for part in one.split()):
        name, equals, text = word.partition("=")
        if name not in NAMES or not equals:
            raise Refused(f"{word[:60]!r} is no matcher", hint=f"NAME=VALUE[,VALUE], with one of {', '.join(NAMES)}")
        if name in found:
            raise Refused(f"{name} stands here twice", hint=f"give it all its values: {name}=one,other")
        found[name] = Matcher(name, frozenset(text.split(",")))
    return checked(found.values())


def checked(matchers: Iterable[Matcher]) -> tuple[Matcher, ...]:
    """The same, in the order of `NAMES`. Raises Refused for what would match nothing, or everything."""
    given = list(matchers)
    for one in given:
        if one.name not in NAMES:
            raise Refused(f"{one.name[:60]!r} is nothing that an incident has", hint=f"one of {', '.join(NAMES)}")
        if not one.values or len(one.values) > MOST or any(len(value) > LONGEST for value in one.values):
            raise Refused(f"{one.name} has 1 to {MOST} values of at most {LONGEST} characters")
        if not all(value.isprintable() and not set(value) & {",", " "} for value in one.values):
            raise Refused(f"a value of {one.name} has plain characters only, no space and no comma")
        if unknown := sorted(one.values - set(CLOSED.get(one.name, one.values))):
            raise Refused(f"{unknown[0]!r} is no {one.name}", hint=f"one of {', '.join(CLOSED[one.name])}")
    if len({one.name for one in given}) < len(given):
        raise Refused("a name stands here twice", hint="give it all its values at once")
    if not given:
        raise Refused("a silence of everything", hint="say of what, such as topic=yoghurt or severity=note,warning")
    return tuple(sorted(given, key=lambda one: NAMES.index(one.name)))


def written(matchers: Sequence[Matcher]) -> str:
    """Matchers as `parse` reads them."""
    return " ".join(f"{one.name}={','.join(sorted(one.values))}" for one in matchers)


def matches(matchers: Sequence[Matcher], incident: Incident) -> bool:
    """Whether all of them hold of an incident. None at all hold of nothing."""
    has = {
        "topic": incident.topic, "source": incident.source, "policy": incident.policy, "watched": incident.watched.value,
        "severity": incident.severity.value,
    }  # fmt: skip
    return bool(matchers) and all(has.get(one.name) in one.values for one in matchers)


def holds(silence: Silence, now: datetime) -> bool:
    """Whether a silence is in force."""
    return silence.begins_at <= now < silence.ends_at and silence.ended_at is None


def silencing(incident: Incident, silences: Iterable[Silence], now: datetime) -> Silence | None:
    """The silence that keeps an incident silent now; of several the one that ends last."""
    found = [one for one in silences if holds(one, now) and matches(one.matchers, incident)]
    return max(found, key=lambda one: (one.ends_at, -one.id), default=None)
