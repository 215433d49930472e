"""What is wrong with who would be told: alerts of which nobody is told, names that the settings do not know, people whom nothing reaches.

The linter of rule files cannot know: receivers are in the settings. Asked where both are at hand: service, doctor, `hubbub alerts route`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from listener.incidents.escalation import Staffed
from listener.rulebook.alerting import Notified, Policy


@dataclass(frozen=True, slots=True)
class Unreached:
    """Something that is wrong, and what to do."""

    what: str
    hint: str
    nobody: bool = False
    """Of an alert nobody at all would be told."""


def unreached(staff: Staffed) -> tuple[Unreached, ...]:
    """Everything that is wrong with it, alerts of which nobody would be told first."""
    return (*_alerts(staff), *_names(staff), *_people(staff))


def anybody(staff: Staffed, policy: Policy) -> bool:
    """Whether anybody could be told of an alert, whoever is on duty."""
    way = staff.way(policy, policy.severity, "")
    told = (one for stage in way.stages for step in stage.steps for one in _ever(staff, step.notified, step.name))
    return bool(way.receivers) or any(_reached(staff, person) for person in told)


def _alerts(staff: Staffed) -> Iterator[Unreached]:
    for policy in sorted(staff.alerts.values(), key=lambda one: one.key):
        if not anybody(staff, policy):
            way = staff.way(policy, policy.severity, "")
            why = f"its route {', '.join(way.routes)} reaches nobody" if way.routes else "no route takes it"
            hint = f"hubbub alerts route --policy {policy.key} says where it goes"
            yield Unreached(f"nobody would be told of the alert {policy.key}: {why}", hint, nobody=True)


def _names(staff: Staffed) -> Iterator[Unreached]:
    for route in sorted(staff.routes, key=lambda one: one.key):
        for name in sorted(route.receivers - staff.receivers):
            hint = f"add [[receiver]] with name = {name!r}, or take it out of the route"
            yield Unreached(f"the route {route.key} names the receiver {name}, which the settings do not know", hint)
    for login, names in sorted(staff.reach.items()):
        for name in names:
            if name not in staff.receivers:
                hint = f"add [[receiver]] with name = {name!r}"
                yield Unreached(f"{login} is told by the receiver {name}, which the settings do not know", hint)


def _people(staff: Staffed) -> Iterator[Unreached]:
    named: dict[str, str] = {}
    for chain in staff.chains.values():
        for step in chain.steps:
            for person in _ever(staff, step.notified, step.name):
                named.setdefault(person, chain.key)
    for person, chain_key in sorted(named.items()):
        if not _reached(staff, person):
            hint = f"add [[person]] with login = {person!r} and receivers = [...] to the settings"
            yield Unreached(f"the chain {chain_key} tells {person}, whom no receiver reaches", hint)


def _reached(staff: Staffed, person: str) -> bool:
    return any(name in staff.receivers for name in staff.reach.get(person, ()))


def _ever(staff: Staffed, notified: Notified, name: str) -> tuple[str, ...]:
    """Whoever a step may tell at some time."""
    match notified:
        case Notified.PERSON:
            return (name,)
        case Notified.TEAM:
            return tuple(one.id for one in staff.people.values() if name in one.teams)
        case Notified.ROTA:
            rota = staff.rotas.get(name)
            return () if rota is None else rota.everybody
