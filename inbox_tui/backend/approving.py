"""What the inbox asks of approvals: who needs one, asking for it, and deciding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from listener.store.views.approvals import ApprovalRow
    from listener.store.views.thread import Opened, OutboxRow


class ApprovingBackend(Protocol):
    """Replies that somebody reads before they go out. Raises `Refused` as the store does."""

    async def needs_approval(self, account_id: int) -> bool:
        """Whether what this person writes as that account has to be approved, by the rules in force."""
        ...

    async def may_approve(self) -> bool:
        """Whether this person may approve, now."""
        ...

    async def ask_approval(
        self,
        opened: Opened,
        parent_mention_id: int,
        body: str,
        *,
        private: bool,
        fence: int,
        close_after: bool,
        planned: datetime | None,
        now: datetime,
        options: Sequence[str] = (),
    ) -> ApprovalRow:
        """Submit a reply for approval instead of sending it, with its pictures. `options`: further texts to choose from."""
        ...

    async def approve(
        self,
        approval_id: int,
        now: datetime,
        *,
        fence: int,
        hold_seconds: float,
        body: str | None = None,
        moved: bool = False,
        option: int = 1,
        alts: Mapping[int, str] | None = None,
    ) -> OutboxRow:
        """Let one of its options go, as it was submitted or as `body`, with the pictures that `alts` names and their words. `moved`: also though
        the thread moved after its writer had read it.
        """
        ...

    async def reject(self, approval_id: int, note: str, now: datetime) -> None:
        """Send it back to its writer with a note."""
        ...

    async def take_back_asked(self, approval_id: int, now: datetime) -> str:
        """Take one's own back before anybody decides, as a draft; its words."""
        ...

    async def reconsider(self, approval_id: int, now: datetime) -> None:
        """Take one's own decision back: it waits again."""
        ...
