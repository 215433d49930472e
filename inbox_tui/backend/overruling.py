"""What the inbox may say of a message in place of the methods. A part of `Backend`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from inbox_tui.backend import Done


class OverrulingBackend(Protocol):
    """This person's word on tone and need, which counts for everybody. Raises our errors only."""

    async def overrule(self, mention_id: int, what: str, value: str, now: datetime) -> Done:
        """The message's tone or need is this from now on; '' : as the methods say. One act. Raises `Refused`."""
        ...
