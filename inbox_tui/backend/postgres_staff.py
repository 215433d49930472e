"""Colleagues, asked of the store: presence of this terminal, attendance, hand-over notes, and the staff by the rulebook in force."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from inbox_tui.view.staff import Colleague
from listener.model.problems import Problem
from listener.rulebook import roster as rosters
from listener.store import attendance, handovers, presence
from listener.store import people as staff

if TYPE_CHECKING:
    from inbox_tui.backend.shelf import Shelf
    from listener.model.people import Person
    from listener.store.views.staff import Handover, Present, Shift


class PostgresStaff:
    """`StaffBackend` on the real store: the part of `PostgresBackend` that knows colleagues."""

    pool: Any
    brand_id: int
    me: Person
    session: str
    _shelf: Shelf
    _attending: asyncio.Lock
    _at: tuple[int | None, bool] = (None, False)
    """Where this terminal looks, and whether somebody types in it."""

    async def attend(self, conversation_id: int | None, *, typing: bool, now: datetime) -> None:
        """One after the other: what was said earlier never replaces what was said later."""
        self._at = conversation_id, typing
        await self.still_here(now)

    async def still_here(self, now: datetime) -> None:
        """As `attend`, where it was."""
        async with self._attending:
            await presence.attend(self.pool, self.session, self.brand_id, self.me.id, *self._at, now)

    async def present(self, now: datetime) -> Sequence[Present]:
        """Every terminal of the brand."""
        return await presence.present(self.pool, self.brand_id, now)

    async def colleagues(self, now: datetime) -> Sequence[Colleague]:
        """Rows and rule files together: who has said that they are away is, whatever the files say."""
        people = await staff.people(self.pool, self.brand_id)
        absent = {one.person_id: one for one in await attendance.absences(self.pool, self.brand_id, now)}
        here = {one.person_id for one in await self.present(now)}
        book = await self._shelf.in_force()
        found = {}
        if book is not None and not isinstance(book, Problem):
            roster = rosters.Roster.of(book)
            found = {login: (one.teams, roster.away_until(login, now)) for login, one in roster.people.items()}
        colleagues = []
        for one in people:
            teams, until = found.get(one.login, (frozenset[str](), None))
            said = absent.get(one.id)
            away = said is not None or until is not None
            until = until if said is None else said.until
            colleagues.append(Colleague(one.id, teams, away, until, said is not None, one.id in here))
        return colleagues

    async def away(self, until: datetime | None, now: datetime) -> None:
        """From now on."""
        await attendance.away(self.pool, self.me.id, self.brand_id, until, now)

    async def back(self, now: datetime) -> bool:
        """From now on."""
        return await attendance.back(self.pool, self.me.id, self.brand_id, now)

    async def untouched(self, now: datetime) -> Sequence[int]:
        """Never answered, held by nobody, without a draft."""
        return await attendance.untouched(self.pool, self.me.id, self.brand_id, now)

    async def handovers(self, limit: int = 10) -> Sequence[Handover]:
        """Of the brand."""
        return await handovers.latest(self.pool, self.brand_id, limit)

    async def shift(self, today: datetime, now: datetime) -> Shift:
        """By the person's own events."""
        return await handovers.shift(self.pool, self.me.id, self.brand_id, today, now)

    async def hand_over(self, body: str, since: datetime, now: datetime) -> int:
        """A row for everybody."""
        return await handovers.hand_over(self.pool, self.me.id, self.brand_id, body, since, now)

    async def read_handovers(self, ids: Sequence[int]) -> None:
        """Who has read it first is kept."""
        await handovers.mark_read(self.pool, self.me.id, ids)

    async def take_back_handover(self, handover_id: int, now: datetime) -> str:
        """The row goes."""
        return await handovers.take_back(self.pool, handover_id, self.me.id, now)
