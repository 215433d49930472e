"""When streams lived, as far as that is kept: what is known of their past cuts the streams of now into those that they were then. Pure.

Owns what pauses and what earlier alarms say of it. A stream that came back is another stream than the one that fell silent: so both are heard,
missed and given up as they were then. Refuses to guess: who fell silent and came back, and nobody was told, is taken to have lived.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from listener.incidents.hearing import Stream


@dataclass(frozen=True, slots=True)
class Unheard:
    """A time in which a stream, or all those of a network, showed no sign of life. Seconds since 1970."""

    stream: str
    """Its key; or the network."""
    begin: float
    """Its last sign of life."""
    end: float | None = None
    """None: it still is silent."""
    state: str = ""
    """As that of a stream."""

    def covers(self, one: Stream) -> bool:
        """Whether it says something of a stream."""
        return self.stream in (one.key, one.network)


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing that is kept: that a stream fell silent, or lives again."""

    stream: str
    at: float
    silent: bool
    state: str = ""
    """As that of a stream, where it fell silent."""
    about: str = ""
    """What else tells apart whom it is about: signs with the same stream and this belong together."""


def unheard(signs: Iterable[Sign]) -> tuple[Unheard, ...]:
    """The times between them. Who falls silent twice fell silent the first time."""
    found = []
    for (stream, _), mine in groupby(sorted(signs, key=_whose), key=lambda sign: (sign.stream, sign.about)):
        since: Sign | None = None
        for sign in mine:
            if sign.silent:
                since = since or sign
            elif since is not None:
                found.append(Unheard(stream, since.at, sign.at, since.state))
                since = None
        if since is not None:
            found.append(Unheard(stream, since.at, None, since.state))
    return tuple(found)


def _whose(sign: Sign) -> tuple[str, str, float]:
    return sign.stream, sign.about, sign.at


def lives(streams: Iterable[Stream], silent: Sequence[Unheard]) -> tuple[Stream, ...]:
    """The streams, each as those that it was one after the other. Of one that runs again nobody knows when a silence without an end was over."""
    return tuple(
        piece
        for one in streams
        for piece in _pieces(
            one, [gone for gone in silent if gone.covers(one) and (gone.end is not None or one.state != "running")]
        )
    )


def _pieces(one: Stream, silent: Sequence[Unheard]) -> list[Stream]:
    found: list[Stream] = []
    born = one.born
    for gone in sorted(silent, key=lambda gone: gone.begin):
        end = one.until if gone.end is None else gone.end
        if gone.begin > born:
            found.append(replace(one, born=born, beat=gone.begin, state=gone.state, heard=None, item=None, until=end))
        elif found and end > born:
            found[-1] = replace(found[-1], until=end)
        born = max(born, end)
    return [*found, replace(one, born=born)] if born < one.until else found


def those_of(pieces: Iterable[Stream], now: float) -> tuple[Stream, ...]:
    """The streams as they stood at a moment."""
    return tuple(one for one in pieces if one.born <= now < one.until)
