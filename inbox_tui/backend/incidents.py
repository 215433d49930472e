"""What the inbox may ask about incidents, and what the staff may do to them. A part of `Backend`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # they rest on the rulebook, which no first screen needs
    from listener.incidents.message import Evidence
    from listener.incidents.shape import Matcher
    from listener.incidents.story import Listed, Story
    from listener.store.views.alarmed import Alarmed

Place = tuple[int, int]
"""Where an incident stands in the list."""


class IncidentsBackend(Protocol):
    """The incidents of the brand. Raises our errors only; acts raise `Refused` for viewers."""

    async def incidents(
        self, *, after: Place | None = None, before: Place | None = None, limit: int
    ) -> Sequence[Listed]:
        """Right after or right before a place: open ones first, then acknowledged ones, then what is over, the newest first."""
        ...

    async def incidents_now(self, ids: Sequence[int]) -> Sequence[Listed]:
        """These as they are now."""
        ...

    def incident_place(self, one: Listed) -> Place:
        """Where it stands in the list."""
        ...

    async def alarmed(self) -> Alarmed:
        """What stands; cheap."""
        ...

    async def incident(self, incident_id: int, now: datetime) -> Story | None:
        """One whole, with what the calendar has for its days; None: there is none."""
        ...

    async def incident_evidence(self, incident_id: int) -> Evidence | None:
        """What was said: top words, authors and sources; None: it cannot be told any more."""
        ...

    async def incident_report(self, incident_id: int, now: datetime) -> str | None:
        """The report on it, as Markdown."""
        ...

    async def acknowledge_incident(self, incident_id: int, now: datetime) -> bool:
        """Say that one knows: nobody else is woken. False: one has said so already."""
        ...

    async def resolve_incident(self, incident_id: int, now: datetime) -> bool:
        """Say that it is over, and all that is a part of it; False: it was."""
        ...

    async def assign_incident(self, incident_id: int, person_id: int | None, now: datetime) -> int | None:
        """Give it to somebody; None: to nobody. Whose it was."""
        ...

    async def note_incident(self, incident_id: int, text: str, now: datetime) -> None:
        """Write a note on it."""
        ...

    async def silence_incidents(self, matchers: Sequence[Matcher], until: datetime, note: str, now: datetime) -> int:
        """Have nobody told of such ones from now until then; the silence's number."""
        ...

    async def end_silence(self, silence_id: int, now: datetime) -> bool:
        """Let them be told again; False: it had ended."""
        ...
