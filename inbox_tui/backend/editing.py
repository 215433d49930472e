"""What the inbox may ask of replies that were sent: what they say, to be edited, and to have them say something else."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from listener.store.views.thread import ActRow, Opened, Rewording


class EditingBackend(Protocol):
    """Edits leave through the outbox as acts do, and are taken back and tried again as those are."""

    async def editable(self, mention_id: int) -> Rewording | None:
        """A reply of ours as it was typed last; None: it was not sent from here."""
        ...

    async def edit_reply(
        self, opened: Opened, mention_id: int, edit: Rewording, *, hold_seconds: float, now: datetime
    ) -> ActRow:
        """Ask for it. Raises `Refused` where it was changed since, where an approval is needed, and when nothing differs."""
        ...
