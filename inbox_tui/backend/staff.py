"""What the inbox may ask about colleagues: who is there and where, who is away, what was handed over. A part of `Backend`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from inbox_tui.view import staff
    from listener.store.views.staff import Handover, Present, Shift


class StaffBackend(Protocol):
    """Colleagues, for one brand as one person. Raises our errors only."""

    async def attend(self, conversation_id: int | None, *, typing: bool, now: datetime) -> None:
        """This terminal is open, and looks at a conversation or at none."""
        ...

    async def present(self, now: datetime) -> Sequence[Present]:
        """Every terminal that is open, and where it looks."""
        ...

    async def colleagues(self, now: datetime) -> Sequence[staff.Colleague]:
        """Everybody who works for the brand: teams, and whether they are there or away."""
        ...

    async def away(self, until: datetime | None, now: datetime) -> None:
        """This person is away; None: until they say that they are back. Raises `Refused`."""
        ...

    async def back(self, now: datetime) -> bool:
        """This person is back; False: they had not said that they were away. Raises `Refused`."""
        ...

    async def untouched(self, now: datetime) -> Sequence[int]:
        """The open conversations that this person has and has not begun on."""
        ...

    async def handovers(self, limit: int = 10) -> Sequence[Handover]:
        """The notes that were handed over last, the newest first."""
        ...

    async def shift(self, today: datetime, now: datetime) -> Shift:
        """What this person did since the last one, or since `today`; and what they leave."""
        ...

    async def hand_over(self, body: str, since: datetime, now: datetime) -> int:
        """Keep a note for everybody of the brand; its number. Raises `Refused`."""
        ...

    async def read_handovers(self, ids: Sequence[int]) -> None:
        """This person has them on the screen."""
        ...

    async def take_back_handover(self, handover_id: int, now: datetime) -> str:
        """Take one's own back while no colleague has read it; its words. Raises `Refused`."""
        ...
