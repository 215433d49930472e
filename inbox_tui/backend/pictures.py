"""What the inbox may ask about pictures beside a draft. One part of `Backend`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from listener.pictures import Picture
    from listener.store.views.approvals import AttachedRow


class PicturesBackend(Protocol):
    """Pictures of the person's own drafts; they go with the reply that a draft becomes."""

    async def attached(self, conversation_id: int) -> Sequence[AttachedRow]:
        """What lies beside the draft."""
        ...

    async def attach(
        self, conversation_id: int, name: str, picture: Picture, alt: str, now: datetime, option: int = 1
    ) -> None:
        """Lay one beside the draft, or one of its options. Raises `Refused`."""
        ...

    async def describe(self, attachment_id: int, alt: str) -> None:
        """Say anew what can be seen on it. Raises `Refused`."""
        ...

    async def picture(self, attachment_id: int) -> tuple[str, str, bytes]:
        """(name, media type, bytes) of one to look at: of a draft of one's own, or of what was submitted for approval. Raises `Refused`."""
        ...

    async def detach(self, conversation_id: int, attachment_id: int | None = None) -> None:
        """Take one off; None: all of them."""
        ...
