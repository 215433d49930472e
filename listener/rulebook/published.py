"""Calendars at addresses, as they were last read there: what a rulebook's rotas make of them, and when a new reading does not count.

Owns the one mistake that nobody notices: a calendar that shrank to nothing. Refuses to fetch and to keep.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from listener.model.problems import Problem
from listener.query.fields import did_you_mean
from listener.rulebook.alerting import Rota
from listener.rulebook.people import Person
from listener.rulebook.shape import Rulebook
from listener.rulebook.turns import Timeline, Turn, known, moment_of

BEFORE, AHEAD = timedelta(days=31), timedelta(days=400)
"""So far back and ahead the turns of a calendar are kept."""


@dataclass(frozen=True, slots=True)
class Published:
    """The turns of a calendar at one time."""

    turns: tuple[Turn, ...]
    begins: datetime
    ends: datetime
    """Before and after that nothing is known of it."""


@dataclass(frozen=True, slots=True)
class FromAddress:
    """Who is on duty by such a calendar, in a rota's zone."""

    everybody: tuple[str, ...]
    timeline: Timeline

    def on_duty(self, moment: datetime) -> str:
        """Whose turn it is; "" when no turn of anybody we know covers the moment."""
        return self.timeline.on_duty(moment)


def span(now: datetime) -> tuple[datetime, datetime]:
    """From when to when turns are read of a calendar; by whole days, so that the same calendar gives the same turns all day."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today - BEFORE, today + AHEAD


def with_calendars(rulebook: Rulebook, published: Mapping[str, Published]) -> Rulebook:
    """The rulebook with the turns of these calendars, by name, in its rotas. Where one is not among them, the layers decide."""
    if not any(rota.calendar in published for rota in rulebook.rotas):
        return rulebook
    people = [(one.id, one.name) for one in rulebook.people]
    return replace(
        rulebook, rotas=tuple(_filled(rota, published.get(rota.calendar), people) for rota in rulebook.rotas)
    )


def _filled(rota: Rota, found: Published | None, people: list[tuple[str, str]]) -> Rota:
    if found is None:
        return rota
    named = known({one.call for one in found.turns}, people)
    turns = FromAddress(tuple(sorted(set(named.values()))), Timeline.of(found.turns, rota.zone, named))
    return replace(rota, turns=turns)


def to_come(found: Published | None, people: Iterable[Person], now: datetime) -> tuple[Turn, ...]:
    """The turns of people whom the rules know that are not over, the first first."""
    if found is None:
        return ()
    named = known({one.call for one in found.turns}, [(one.id, one.name) for one in people])
    coming = [one for one in found.turns if one.call in named and moment_of(one.end, "UTC") > now]
    return tuple(sorted(coming, key=lambda one: moment_of(one.begin, "UTC")))


def strangers(found: Published, people: Iterable[Person]) -> tuple[str, ...]:
    """Titles of turns that name nobody whom the rules know, each once."""
    calls = dict.fromkeys(one.call for one in found.turns)
    named = known(calls, [(one.id, one.name) for one in people])
    return tuple(call for call in calls if call not in named)


def shrunk(new: Published, last: Published | None, people: Iterable[Person], now: datetime) -> bool:
    """Whether nobody whom the rules know has a turn to come, and somebody had one by the last reading.

    That is what a calendar looks like that was emptied, put into another place or made to show only *busy*: a mistake until somebody says otherwise,
    by taking it out of the rota. Fewer turns are not: somebody has planned anew.
    """
    people = tuple(people)
    return bool(to_come(last, people, now)) and not to_come(new, people, now)


def unknown_calendars(rulebook: Rulebook, names: Iterable[str]) -> tuple[Problem, ...]:
    """Rotas whose calendar has none of the names that the settings know."""
    names = tuple(names)
    return tuple(
        Problem(
            rota.place.file,
            rota.place.line,
            rota.place.column,
            "unknown-calendar",
            f"rota {rota.key}: the settings know no calendar {rota.calendar!r}",
            did_you_mean(rota.calendar, names) or f'add [[calendar]] with name = "{rota.calendar}" to hubbub.toml',
        )
        for rota in rulebook.rotas
        if rota.calendar and rota.calendar not in names
    )
