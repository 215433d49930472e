"""Whom alerts can reach now: a rulebook, the receivers of the settings, and the calendars as they were last read. Owns keeping these together.

Each who tells people has one of its own. Refuses to fetch a calendar and to load a rulebook.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from listener.incidents.escalation import Staffed
from listener.rulebook.published import Published, with_calendars
from listener.rulebook.shape import Rulebook
from listener.store import calendars
from listener.store.connect import Pool


@dataclass(slots=True)
class Duties:
    """The staff of a rulebook."""

    receivers: Sequence[str] = ()
    """Names of those that the settings know, and"""
    reach: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """which of them reach whom, by login."""
    calendars: Sequence[str] = ()
    """Names of those that the settings know."""
    staff: Staffed = field(default_factory=Staffed)
    _made_of: tuple[str, Mapping[str, str]] | None = None
    _published: Mapping[str, Published] = field(default_factory=dict)

    async def look(self, pool: Pool, book: Rulebook, now: datetime) -> bool:
        """Has the staff as this rulebook and the calendars of now say; whether that is other than before. Costs next to nothing where it is not."""
        digests = await calendars.digests(pool) if any(rota.calendar for rota in book.rotas) else {}
        if self._made_of == (book.hash, digests):
            return False
        if digests and (self._made_of is None or self._made_of[1] != digests):
            self._published = {
                one.name: one.published for one in await calendars.states(pool) if one.published is not None
            }
        self.staff = await asyncio.to_thread(self._staffed, book, now)
        self._made_of = (book.hash, digests)
        return True

    def _staffed(self, book: Rulebook, now: datetime) -> Staffed:
        filled = with_calendars(book, self._published)
        for rota in filled.rotas:
            if rota.turns is not None:
                rota.turns.on_duty(now)  # a calendar beside the rules is worked out here, where nobody waits
        return Staffed.of(filled, self.receivers, self.reach)
