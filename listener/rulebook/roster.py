"""Who works when, by the rule files: people's teams, hours and days away; and to whom the next conversation goes. Pure.

Owns these answers; refuses to know whose terminal is open and who has said that they are away: that is handed in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta

from listener.query.clock import zone
from listener.rulebook.hours import Hours
from listener.rulebook.people import Person
from listener.rulebook.shape import Rulebook, Team

NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Hand:
    """Somebody who could be given a conversation."""

    person_id: int
    open: int
    """Conversations that they have and that wait for us."""
    given_at: datetime | None
    """When they were last given one; None: never."""


@dataclass(frozen=True, slots=True)
class Roster:
    """The staff of a rulebook."""

    people: Mapping[str, Person] = field(default_factory=dict)
    """By login."""
    teams: Mapping[str, Team] = field(default_factory=dict)
    hours: Mapping[str, Hours] = field(default_factory=dict)

    @classmethod
    def of(cls, rulebook: Rulebook) -> Roster:
        """The staff of a rulebook."""
        return cls(
            {one.id: one for one in rulebook.people},
            {one.key: one for one in rulebook.teams},
            {one.key: one for one in rulebook.hours},
        )

    def works(self, login: str, team: str, now: datetime) -> bool:
        """Whether somebody of a team works now: not on a day away, and within their own hours, else those of the team."""
        person = self.people.get(login)
        if person is None or team not in person.teams or person.away_at(now):
            return False
        found = self.hours.get(person.hours or (self.teams[team].hours if team in self.teams else ""))
        return found is None or found.open_at(now)

    def away_until(self, login: str, now: datetime) -> datetime | None:
        """When the days end on which somebody does not work; None: they are not away now."""
        person = self.people.get(login)
        if person is None or not person.away_at(now):
            return None
        where = zone(person.zone)
        day = now.astimezone(where).date()
        for one in sorted(person.away, key=lambda one: one.first):  # one may begin where another ends
            if one.first <= day <= one.last:
                day = one.last + timedelta(days=1)
        return datetime.combine(day, time(), where).astimezone(UTC)


def least(hands: Iterable[Hand], at_most: int | None) -> Hand | None:
    """Who is given the next one: who has the fewest open, then who was given none for longest. None: all have as many as they may."""
    free = [hand for hand in hands if at_most is None or hand.open < at_most]
    return min(free, key=lambda hand: (hand.open, hand.given_at or NEVER, hand.person_id), default=None)
