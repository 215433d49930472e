"""Whom an alert would have woken: who is told first, what time it is for them, whether that is in their quiet hours, and from whom it is kept.

Owns what night is for who says nothing of it. The telling is `foretell`, up to the first moment at which it reaches a person: that they answer is
supposed. Refuses to know what was fired.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from listener.incidents.escalation import TOLD_ALL_THE_SAME, Staffed
from listener.incidents.foretelling import Foretold, foretell
from listener.model.scales import Severity
from listener.query.clock import zone
from listener.rulebook.alerting import Notified, Policy
from listener.rulebook.shape import Rulebook

NIGHT_BEGINS, NIGHT_ENDS = 22, 7
"""Hours of the clock on the wall, for who has no quiet hours."""
SOME_RECEIVER = "a receiver"
"""By what people are reached where the settings say of nobody how."""


@dataclass(frozen=True, slots=True)
class Woken:
    """Somebody who would have been told."""

    person: str
    at: datetime
    """By their clock."""
    receivers: tuple[str, ...]
    quiet: bool
    """In their quiet hours."""
    why: str
    """Why all the same; "": nothing spoke against it."""
    night: bool
    """In their quiet hours; for who has none, at night."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Somebody whose turn it was and who would not have been told."""

    person: str
    at: datetime
    """By their clock."""
    why: str


@dataclass(frozen=True, slots=True)
class Waking:
    """Who would have been told first."""

    woken: tuple[Woken, ...]
    kept: tuple[Kept, ...]
    receivers: tuple[str, ...]
    """And which receivers besides, that everybody reads."""
    undelivered: bool
    """It reaches nobody: every receiver that is known is told that."""
    night: bool
    """At night for somebody who is told; where that is nobody by name, for the brand."""

    @property
    def tells(self) -> bool:
        """Whether anything leaves: it does not where the alert is over before."""
        return bool(self.woken or self.receivers or self.undelivered)


def waking(
    staff: Staffed, policy: Policy, severity: Severity, topic: str, source: str, at: datetime, over: datetime | None, zone_name: str
) -> Waking:  # fmt: skip
    """Of an alert that begins at a moment and is over at another. `zone_name`: the brand's, and that of people whom the rules do not know."""
    woken: list[Woken] = []
    kept: dict[str, Kept] = {}
    receivers: tuple[str, ...] = ()
    seen = foretell(staff, policy, severity, topic, source, at)
    for told in seen.told:
        if over is not None and told.at >= over:
            break
        receivers += tuple(name for name in told.receivers if name not in receivers)
        for person, why in told.passed.items():
            kept.setdefault(person, Kept(person, _there(staff, person, told.at, zone_name), why))
        woken += [_woken(staff, told, person, by, severity, zone_name) for person, by in told.people.items()]
        if woken:
            break
    for one in woken:
        kept.pop(one.person, None)
    undelivered = seen.undelivered and not woken and not receivers
    whole = not woken and (undelivered or bool(receivers)) and is_night(at.astimezone(zone(zone_name)))
    return Waking(tuple(woken), tuple(kept.values()), receivers, undelivered, whole or any(one.night for one in woken))


def is_night(there: datetime) -> bool:
    """Whether it is night by this clock."""
    return there.hour >= NIGHT_BEGINS or there.hour < NIGHT_ENDS


def everybody_reached(book: Rulebook) -> Staffed:
    """The staff of a rulebook as if the settings knew how to reach all of them: for a trial before there are receivers."""
    named = {step.name for chain in book.chains for step in chain.steps if step.notified is Notified.PERSON}
    named |= {person for rota in book.rotas for person in rota.everybody} | {one.id for one in book.people}
    receivers = {name for route in book.routes for name in route.receivers}
    reach: Mapping[str, tuple[str, ...]] = dict.fromkeys(named, (SOME_RECEIVER,))
    return Staffed.of(book, {*receivers, SOME_RECEIVER}, reach)


def by_person(wakings: Iterable[Waking]) -> dict[str, tuple[int, int, int]]:
    """How often each person would have been told, how many of these at night, and how often it would have been kept from them."""
    found: dict[str, tuple[int, int, int]] = {}
    for one in wakings:
        for woken in one.woken:
            told, nights, kept = found.get(woken.person, (0, 0, 0))
            found[woken.person] = told + 1, nights + woken.night, kept
        for passed in one.kept:
            told, nights, kept = found.get(passed.person, (0, 0, 0))
            found[passed.person] = told, nights, kept + 1
    return dict(sorted(found.items()))


def _there(staff: Staffed, person: str, at: datetime, zone_name: str) -> datetime:
    known = staff.people.get(person)
    return at.astimezone(zone(zone_name if known is None else known.zone))


def _woken(
    staff: Staffed, told: Foretold, person: str, by: tuple[str, ...], severity: Severity, zone_name: str
) -> Woken:
    known = staff.people.get(person)
    there = _there(staff, person, told.at, zone_name)
    if known is None or known.quiet is None:
        return Woken(person, there, by, False, told.note, is_night(there))
    if not known.quiet.open_at(told.at):
        return Woken(person, there, by, False, told.note, False)
    why = told.note if told.note == TOLD_ALL_THE_SAME else f"{severity.value} passes them"
    return Woken(person, there, by, True, why, True)
