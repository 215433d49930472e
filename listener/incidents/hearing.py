"""Who listened when: whether five minutes were heard, so that what was not heard is unknown and not nothing. Pure.

A stream was heard for a time when it was there by then, has shown a sign of life since, has no hole in it and is not still catching up. Of
several streams those count that bring messages: a time is known when the streams that were heard usually bring at least `ENOUGH` of it all. A
stream that was gone for a day is left out: the others go on without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

ENOUGH = 0.9
GONE = 86_400.0
GIVEN_UP = 7 * 86_400.0
"""Who has shown no sign of life for a week is missed by nobody."""
BEHIND = 120.0
"""A stream whose newest item was older than this when it came, a moment ago, is reading what it missed."""
MOMENT = 90.0


@dataclass(frozen=True, slots=True)
class Hole:
    """A time that a stream missed. Seconds since 1970, as everywhere in here."""

    start: float
    end: float
    rest: tuple[float, float] | None
    """What is still missing; None: all of it was brought afterwards."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A way by which messages come."""

    key: str
    state: str
    born: float
    """Since when it is there."""
    beat: float
    """Its last sign of life."""
    heard: float | None = None
    """When it last brought something, and"""
    item: float | None = None
    """how old that was."""
    weight: float = 1.0
    """How much it brings."""
    holes: tuple[Hole, ...] = ()
    until: float = inf
    """When another one took its place; see `lives`."""

    @property
    def network(self) -> str:
        """The first part of its key."""
        return self.key.partition("/")[0]

    def lived(self, begin: float, end: float, now: float) -> bool:
        """Whether it was heard all the time."""
        if self.born > begin or self.beat < end:
            return False
        if any(hole.rest is not None and hole.rest[0] < end and begin < hole.rest[1] for hole in self.holes):
            return False
        reading = self.heard is not None and self.item is not None and now - self.heard < MOMENT
        if reading and self.heard is not None and self.item is not None:
            return not (self.heard - self.item > BEHIND and self.item < end)
        return True


def of_network(streams: Sequence[Stream], network: str) -> tuple[Stream, ...]:
    """Those of one network; "": all."""
    return tuple(one for one in streams if not network or one.network == network)


def born(streams: Sequence[Stream]) -> float | None:
    """When the first of them began."""
    return min((one.born for one in streams), default=None)


def heard(streams: Sequence[Stream], begin: float, end: float, now: float) -> bool:
    """Whether what was said from `begin` on and before `end` is known."""
    there = [one for one in streams if one.born < end and begin < min(one.beat + GONE, one.until)]
    whole = sum(one.weight for one in there)
    return bool(there) and sum(one.weight for one in there if one.lived(begin, end, now)) >= ENOUGH * whole


def missed(streams: Sequence[Stream], begin: float, end: float) -> bool:
    """Whether something of it was missed at first, so that what was brought afterwards counts."""
    return any(hole.start < end and begin < hole.end for one in streams for hole in one.holes)


def deaf(streams: Sequence[Stream], now: float, seconds: float) -> Stream | None:
    """The stream that brings most, where none of them has shown a sign of life for so long; those that are given up are left out."""
    there = [one for one in streams if now - one.beat < GIVEN_UP]
    if not there or any(now - one.beat < seconds for one in there):
        return None
    return max(there, key=lambda one: (one.weight, one.key))
