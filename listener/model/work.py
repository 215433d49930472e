"""The unit of work: a conversation, why it exists, and where it stands. Refuses to move it: that is `listener.workflow`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from listener.model.scales import Priority


class State(StrEnum):
    """Where a conversation stands. new and ours are ours to answer; they move by themselves as messages come and go."""

    NEW = "new"
    OURS = "ours"
    THEIRS = "theirs"
    SNOOZED = "snoozed"
    DONE = "done"


OPEN = frozenset({State.NEW, State.OURS})


class Origin(StrEnum):
    """Why a conversation exists."""

    ADDRESSED = "addressed"
    RULE = "rule"
    PERSON = "person"
    IMPORT = "import"


@dataclass(frozen=True, slots=True)
class Conversation:
    """The state row of a conversation: what the workflow may change."""

    id: int
    brand_id: int
    state: State
    priority: Priority
    priority_by: int | None
    due_at: datetime | None
    assignee_id: int | None
    team: str
    tags: tuple[str, ...]
    snoozed_until: datetime | None
    unread: bool
    version: int
    thread_version: int
    last_at: datetime
    last_ours_at: datetime | None
    reply_until: datetime | None = None
    """When the network closes it to answers, by its newest message; None: never."""
    resolve_by: datetime | None = None
    """When it should be done. Kept when it is, so that opening it again goes on with it; None: no clock."""
