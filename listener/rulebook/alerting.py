"""What is worth waking somebody for, and whom: alert policies, routes, rotas and chains. Owns these shapes and who is on duty when.

Receivers are names here: where they lead is in the settings. Nothing in here depends on the order of the files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from listener.model.problems import Problem
from listener.model.scales import Severity
from listener.query.clock import zone
from listener.rulebook.hours import WEEKDAYS, YEAR, Hours, instant, jumped
from listener.rulebook.nodes import NOWHERE, Place
from listener.rulebook.rehearsal import Rehearsal
from listener.rulebook.turns import Duty


class Watched(StrEnum):
    """What an alert policy looks at."""

    NEGATIVE = "negative"
    """Negative messages, by share and by number."""
    VOLUME = "volume"
    """How much is said."""
    NEED = "need"
    """How much wants an answer."""
    RIVAL = "rival"
    """The same about a competitor."""
    SHIFT = "shift"
    """What is talked about."""
    SILENCE = "silence"
    """A source that is quieter than that hour of the week ever is."""
    RULE = "rule"
    """Whatever a rule hands to it."""


class WhenPlanned(StrEnum):
    """What becomes of an alert while the calendar expects more or less than usual."""

    MUTE = "mute"
    RAISE = "raise"
    """It must be that much more surprising."""


@dataclass(frozen=True, slots=True)
class Floors:
    """Below these nothing is told, however surprising it is; 0: no floor."""

    mentions: int = 0
    authors: int = 0
    share: float = 0.0
    """Of the messages looked at, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Policy:
    """An alert: what it looks at, and how often it may be wrong."""

    key: str
    title: str
    owner: str
    watched: Watched
    topics: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    """Kinds of topic."""
    sources: frozenset[str] = frozenset()
    false_pages: float = 1.0
    """Accepted in a month."""
    floors: Floors = Floors()
    severity: Severity = Severity.WARNING
    quiet: WhenPlanned | None = None
    routes: frozenset[str] = frozenset()
    """Keys of the routes that it takes; empty: those that match it."""
    tests: tuple[Rehearsal, ...] = ()
    place: Place = NOWHERE
    recover: float = 900.0
    """Seconds that it must be over before its incident is resolved by itself."""
    cool_down: float = 0.0
    """Seconds after it was resolved in which the same tells nobody anew, unless it is worse."""


@dataclass(frozen=True, slots=True)
class Route:
    """Which alerts go to which receivers. What it says nothing about matches all."""

    key: str
    title: str
    alerts: frozenset[str] = frozenset()
    watched: frozenset[Watched] = frozenset()
    severities: frozenset[Severity] = frozenset()
    topics: frozenset[str] = frozenset()
    rank: int = 0
    receivers: frozenset[str] = frozenset()
    """Names from the settings."""
    chain: str = ""
    """Key of the chain of people that is told."""
    place: Place = NOWHERE
    wait: float = 30.0
    """Seconds before anybody is told, so that what belongs together is told together."""
    interval: float = 300.0
    """Seconds between two pages that it is worse."""
    repeat: float = 4 * 3600.0
    """Seconds after the end of the chain until it begins anew, when nobody has answered."""
    again_after: float = 3600.0
    """Seconds after which whoever acknowledged it is asked, when it is not resolved."""

    def matches(self, policy: Policy) -> bool:
        """Whether an alert goes this way."""
        return (
            (not self.alerts or policy.key in self.alerts)
            and (not self.watched or policy.watched in self.watched)
            and (not self.severities or policy.severity in self.severities)
            and (not self.topics or not self.topics.isdisjoint(policy.topics))
        )

    @property
    def weight(self) -> tuple[int, int]:
        """Rank, then how much it says: the heaviest route is taken."""
        return self.rank, sum(map(bool, (self.alerts, self.watched, self.severities, self.topics)))


@dataclass(frozen=True, slots=True)
class Layer:
    """People who take turns."""

    people: tuple[str, ...]
    start: date
    """When the first one begins."""
    hand_over: int
    """Minute of the day."""
    weekday: int | None = None
    """Monday is 0; None: every day."""
    hours: str = ""
    """Key of the opening hours within which it counts; "": always."""
    place: Place = NOWHERE

    def begins(self, zone_name: str) -> datetime:
        """When the first turn begins."""
        return instant(self.start, self.hand_over, zone_name)

    def turn(self, moment: datetime, zone_name: str) -> str:
        """Whose turn it is; "" before the start."""
        every = 1 if self.weekday is None else 7
        passed = (moment.astimezone(zone(zone_name)).date() - self.start).days // every
        if moment < instant(self.start + timedelta(days=passed * every), self.hand_over, zone_name):
            passed -= 1
        return self.people[passed % len(self.people)] if passed >= 0 else ""


@dataclass(frozen=True, slots=True)
class Override:
    """Somebody else for a time; the end is not included."""

    begin: datetime
    end: datetime
    person: str


@dataclass(frozen=True, slots=True)
class Rota:
    """Who is on duty when."""

    key: str
    title: str
    zone: str
    layers: tuple[Layer, ...]
    """A later one covers those before it, while it counts."""
    overrides: tuple[Override, ...] = ()
    place: Place = NOWHERE
    turns: Duty | None = None
    """What its calendar says; while that names somebody it covers the layers."""
    calendar: str = ""
    """Name of a calendar at an address; "": none. Rule files say no more of it: its turns come from where it is fetched."""

    @property
    def everybody(self) -> tuple[str, ...]:
        """Whoever may ever be on duty, each once."""
        turns = (person for layer in self.layers for person in layer.people)
        named = () if self.turns is None else self.turns.everybody
        return tuple(dict.fromkeys((*turns, *named, *(one.person for one in self.overrides))))

    def on_duty(self, moment: datetime, hours_named: Callable[[str], Hours | None]) -> str:
        """The person on duty; "" when nobody is. `hours_named` is the rulebook's."""
        for override in self.overrides:
            if override.begin <= moment < override.end:
                return override.person
        if self.turns is not None and (person := self.turns.on_duty(moment)):
            return person
        for layer in reversed(self.layers):
            hours = hours_named(layer.hours) if layer.hours else None
            if (hours is None or hours.open_at(moment)) and (person := layer.turn(moment, self.zone)):
                return person
        return ""


class Notified(StrEnum):
    """Whom a step tells."""

    ROTA = "rota"
    PERSON = "person"
    TEAM = "team"


@dataclass(frozen=True, slots=True)
class Step:
    """Somebody who is told, and how long their answer is waited for."""

    notified: Notified
    name: str
    """A key, or a person's id."""
    wait: float = 0.0
    """Seconds until the next step; 0 for the last."""


@dataclass(frozen=True, slots=True)
class Chain:
    """Who is told when nobody answers."""

    key: str
    title: str
    steps: tuple[Step, ...]
    place: Place = NOWHERE


def routes_of(policy: Policy, routes: Iterable[Route]) -> tuple[Route, ...]:
    """The routes that an alert takes: those that it names, else of those that match it the heaviest; all of them when several are equal."""
    named = [route for route in routes if route.key in policy.routes]
    if policy.routes:
        return tuple(sorted(named, key=lambda route: route.key))
    matching = [route for route in routes if route.matches(policy)]
    heaviest = max((route.weight for route in matching), default=(0, 0))
    return tuple(sorted((route for route in matching if route.weight == heaviest), key=lambda route: route.key))


def odd_hand_overs(rota: Rota, since: date) -> tuple[Problem, ...]:
    """Layers whose turn ends, on some day of the year from `since` on, in an hour that the clock of the zone jumps over; each once."""
    found: dict[Place, Problem] = {}
    for number in range(YEAR):
        day = since + timedelta(days=number)
        for layer in rota.layers:
            if layer.weekday not in {None, day.weekday()}:
                continue
            there = jumped(day, layer.hand_over, rota.zone)
            if there is None or layer.place in found:
                continue
            shown = f"{layer.hand_over // 60:02}:{layer.hand_over % 60:02}"
            message = f"rota {rota.key}: {shown} does not exist in {rota.zone} on {day}, {WEEKDAYS[day.weekday()]}"
            hint = f"the clock jumps to {there:%H:%M}, which counts instead; hand over at another time"
            place = layer.place
            found[place] = Problem(place.file, place.line, place.column, "hour-does-not-exist", message, hint)
    return tuple(found.values())
