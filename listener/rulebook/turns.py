"""Turns, plain: whom a calendar calls from when to when, and who is on duty by them. Owns which of several turns counts.

Refuses to know where turns come from: a file beside the rules or an address, `ical` reads both.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from heapq import heappop, heappush
from typing import Protocol

from listener.rulebook.hours import instant

BETWEEN = " - "
"""What stands between the parts of a title, such as `On Call - Mia Berg - Support`."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One event of a calendar. A time without a zone, and the midnight at which a day begins, are the rota's."""

    call: str
    """Its title."""
    begin: date | datetime
    end: date | datetime
    """Not included."""


class Duty(Protocol):
    """Who is on duty by a calendar."""

    @property
    def everybody(self) -> tuple[str, ...]:
        """Whoever may ever be, each once."""
        ...

    def on_duty(self, moment: datetime) -> str:
        """Whose turn it is; "" when no turn of anybody we know covers the moment."""
        ...


@dataclass(frozen=True, slots=True)
class Timeline:
    """Turns as moments at which somebody else, or nobody, begins."""

    moments: tuple[datetime, ...] = ()
    people: tuple[str, ...] = ()
    """From each of the moments on; "": nobody."""

    @classmethod
    def of(cls, turns: Iterable[Turn], zone_name: str, people: Mapping[str, str]) -> Timeline:
        """Of several turns at once the one that began last counts, then the first by its title; those of nobody among `people` do not."""
        spans = sorted(
            (moment_of(one.begin, zone_name), moment_of(one.end, zone_name), one.call)
            for one in turns
            if one.call in people
        )
        spans = [one for one in spans if one[0] < one[1]]
        moments, found = list[datetime](), list[str]()
        running, taken = list[tuple[float, str, datetime]](), 0
        for moment in sorted({at for begin, end, _ in spans for at in (begin, end)}):
            while taken < len(spans) and spans[taken][0] <= moment:
                begin, end, call = spans[taken]
                heappush(running, (-begin.timestamp(), call, end))
                taken += 1
            while running and running[0][2] <= moment:
                heappop(running)
            person = people[running[0][1]] if running else ""
            if not found or found[-1] != person:
                moments.append(moment)
                found.append(person)
        return cls(tuple(moments), tuple(found))

    def on_duty(self, moment: datetime) -> str:
        """Whose turn it is; "" when it is nobody's."""
        place = bisect_right(self.moments, moment)
        return self.people[place - 1] if place else ""


def moment_of(at: date | datetime, zone_name: str) -> datetime:
    """When that is, in UTC, by the clock of a zone where it has none of its own."""
    if not isinstance(at, datetime):
        return instant(at, 0, zone_name)
    if at.tzinfo is None:
        return instant(at.date(), at.hour * 60 + at.minute, zone_name)
    return at.astimezone(UTC)


def known(calls: Iterable[str], people: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Ids by what a calendar calls people, of those who are known: `people` are ids with names.

    A title is an id or a name, or one of its parts is (` - ` between them). One whose parts name two people names nobody.
    """
    by_word: dict[str, str] = {}
    for id_, name in people:
        by_word.setdefault(name.casefold(), id_)
    by_word.update((id_.casefold(), id_) for id_, _ in people)
    found: dict[str, str] = {}
    for call in calls:
        whole = by_word.get(call.casefold())
        named = (one.strip().casefold() for one in call.split(BETWEEN))
        parts = {by_word[one] for one in named if one and one in by_word}
        if whole is not None or len(parts) == 1:
            found[call] = whole or parts.pop()
    return found
