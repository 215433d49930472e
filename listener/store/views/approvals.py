"""What is shown of replies that wait for approval, and of the pictures beside them. Refuses replies that left."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from listener.model.leaving import ApprovalState


@dataclass(frozen=True, slots=True)
class ApprovalRow:
    """A reply that somebody was asked to approve, and what became of it."""

    id: int
    conversation_id: int
    state: ApprovalState
    body: str
    """As it was submitted: of several options the one that was approved, else the first."""
    sent: str
    """As it was approved; '' while it is not."""
    account_handle: str
    parent_id: int
    private: bool
    close_after: bool
    planned: datetime | None
    person: str
    person_id: int
    fence: int
    """The thread as the writer knew it."""
    note: str
    """Why it was sent back."""
    asked_at: datetime
    decided_by: str
    decided_at: datetime | None
    outbox_id: int | None
    options: tuple[str, ...] = ()
    """All texts that were offered for it, where there were several."""
    option: int = 1
    """Which of them was approved."""
    pictures: tuple[AttachedRow, ...] = ()
    """Of all options."""

    @property
    def texts(self) -> tuple[str, ...]:
        """What was submitted, one text an option."""
        return self.options or (self.body,)

    def pictures_of(self, option: int) -> tuple[AttachedRow, ...]:
        """What was submitted with an option."""
        return tuple(one for one in self.pictures if one.option == option)


@dataclass(frozen=True, slots=True)
class AttachedRow:
    """A picture beside a draft, or with what was submitted for approval."""

    id: int
    name: str
    media_type: str
    width: int
    height: int
    size: int
    """Bytes."""
    alt: str
    option: int = 1
    """Of the draft, or of what was submitted."""
    submitted: str = ""
    """Its words as they were submitted, where whoever approved changed them."""
    sent: bool = False
    """It went out with a reply, or is to."""
    kept: bool = True
    """It can still be looked at."""
