"""What the inbox may ask about sources, and what leads and admins may do to them. A part of `Backend`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from listener.store.source_views import SourceState


class SourcesBackend(Protocol):
    """The streams that the brand sees: everybody's, and those of its own accounts. Raises our errors only; acts raise `Refused` for all but
    leads and admins.
    """

    async def sources_now(self, now: datetime) -> Sequence[SourceState]:
        """All of them with everything that is known."""
        ...

    async def sources_stopped(self) -> Sequence[str]:
        """Titles of those that stopped until a person helps; cheap, and not harmless yet."""
        ...

    async def pause_source(self, key: str, now: datetime) -> bool:
        """Close it until somebody resumes it; False: it is paused."""
        ...

    async def resume_source(self, key: str, now: datetime) -> bool:
        """Let it go on, or try it again; False: it runs."""
        ...

    async def fill_gap(self, gap_id: int, now: datetime) -> None:
        """Have a gap filled."""
        ...

    async def read_rejects_again(self, key: str, now: datetime) -> int:
        """Have what could not be used read again; how many."""
        ...
