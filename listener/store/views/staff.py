"""What is shown of colleagues: where they are, what they handed over, and what a shift leaves. Refuses notes on conversations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from listener.model.leaving import OutboxState
    from listener.store.views.queue import QueueRow


@dataclass(frozen=True, slots=True)
class Present:
    """One terminal that is open."""

    conversation_id: int | None
    """What its person looks at; None: at no conversation."""
    person_id: int
    person: str
    typing: bool
    until: datetime
    """When it counts as gone, unless it says more."""


@dataclass(frozen=True, slots=True)
class Handover:
    """A note that was kept."""

    id: int
    person_id: int
    person: str
    body: str
    since: datetime
    at: datetime


@dataclass(frozen=True, slots=True)
class Replied:
    """A conversation that the person answered."""

    conversation_id: int
    priority: int
    late: bool
    """Its answer had been overdue."""


@dataclass(frozen=True, slots=True)
class Shift:
    """What a person did since their last hand-over, and what they leave."""

    since: datetime
    closed: tuple[int, ...] = ()
    """Closed by them and still closed."""
    answered: tuple[Replied, ...] = ()
    """The urgent and the late first."""
    leaving: tuple[int, ...] = ()
    """Where a reply of theirs has not left yet."""
    undecided: tuple[tuple[int, OutboxState], ...] = ()
    """Where a reply of theirs failed, was stopped, or nobody knows."""
    open: tuple[QueueRow, ...] = ()
    """Theirs, in the order of work; the first 50."""
    waking: tuple[tuple[int, datetime], ...] = ()
    """Theirs, snoozed, and awake within a day."""
    drafts: tuple[int, ...] = ()
    waiting: tuple[int, ...] = ()
    """Where a reply of theirs waits for somebody's approval."""
    rows: Mapping[int, QueueRow] = field(default_factory=dict)
    """All of these conversations, as they are now."""
    more: bool = False
    """They did so much that the beginning of it is left out."""
