"""Colleagues in memory: the part of the fake backend that obeys `StaffBackend`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from inbox_tui.view.staff import Colleague
from listener.errors import Refused
from listener.model.people import Person
from listener.model.work import OPEN
from listener.store.views.staff import Handover, Present, Shift


class FakeStaff:
    """What colleagues do is set by the test."""

    me: Person
    staff: list[Person]
    talks: dict[int, Any]
    clock: Any
    ring: Callable[..., None]
    _called: Callable[[str], Awaitable[None]]

    def __init__(self) -> None:
        super().__init__()
        self.attended: list[tuple[int | None, bool]] = []
        """Everything that this terminal said, in order."""
        self.others: list[Present] = []
        self.team: dict[int, Colleague] = {}
        self.notes: list[Handover] = []
        self.read_notes: set[int] = set()
        self.done = Shift(datetime.min)

    async def attend(self, conversation_id: int | None, *, typing: bool, now: datetime) -> None:
        await self._called("attend")
        self.attended.append((conversation_id, typing))

    async def present(self, now: datetime) -> Sequence[Present]:
        await self._called("present")
        return [one for one in self.others if one.until >= now]

    async def colleagues(self, now: datetime) -> Sequence[Colleague]:
        await self._called("colleagues")
        return [self.team.get(person.id, Colleague(person.id, here=True)) for person in self.staff]

    async def away(self, until: datetime | None, now: datetime) -> None:
        await self._called("away")
        mine = self.team.get(self.me.id, Colleague(self.me.id))
        self.team[self.me.id] = Colleague(self.me.id, mine.teams, True, until, True, True)

    async def back(self, now: datetime) -> bool:
        await self._called("back")
        mine = self.team.get(self.me.id)
        self.team[self.me.id] = Colleague(self.me.id, mine.teams if mine else frozenset(), here=True)
        return mine is not None and mine.said

    async def untouched(self, now: datetime) -> Sequence[int]:
        await self._called("untouched")
        mine = [t.conversation for t in self.talks.values() if t.conversation.assignee_id == self.me.id]
        return sorted(c.id for c in mine if c.state in OPEN and c.last_ours_at is None)

    async def handovers(self, limit: int = 10) -> Sequence[Handover]:
        await self._called("handovers")
        return sorted(self.notes, key=lambda note: -note.id)[:limit]

    async def shift(self, today: datetime, now: datetime) -> Shift:
        await self._called("shift")
        return self.done

    async def hand_over(self, body: str, since: datetime, now: datetime) -> int:
        await self._called("hand_over")
        self.write(self.me.id, body)
        return self.notes[-1].id

    async def read_handovers(self, ids: Sequence[int]) -> None:
        await self._called("read_handovers")
        self.read_notes |= {note.id for note in self.notes if note.id in ids and note.person_id != self.me.id}

    async def take_back_handover(self, handover_id: int, now: datetime) -> str:
        await self._called("take_back_handover")
        if handover_id in self.read_notes:
            raise Refused("too late: Bo Lind has read the note", code="read")
        [note] = [one for one in self.notes if one.id == handover_id]
        self.notes.remove(note)
        return note.body

    # What colleagues do

    def write(self, person_id: int, body: str) -> None:
        """Somebody hands over."""
        name = next(person.name for person in self.staff if person.id == person_id)
        now = self.clock()
        self.notes.append(Handover(len(self.notes) + 1, person_id, name, body, now - timedelta(hours=8), now))
        self.ring(handovers=True)

    def comes(self, person_id: int, conversation_id: int | None, *, typing: bool = False) -> None:
        """Somebody looks at a conversation, for a minute."""
        name = next(person.name for person in self.staff if person.id == person_id)
        self.others = [one for one in self.others if one.person_id != person_id]
        self.others.append(Present(conversation_id, person_id, name, typing, self.clock() + timedelta(seconds=60)))
        self.ring(presence=True)
