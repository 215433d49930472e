"""What the queue shows: rows of conversations, near-copies folded, saved queries as folders, and how many there are.

Refuses what is in a conversation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from listener.model.leaving import ApprovalState, OutboxState
    from listener.model.scales import ToneLabel
    from listener.model.work import State


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One line of the inbox queue. (`sort_key`, `id`) is its place: pass it back to get the next or previous page."""

    id: int
    sort_key: int
    state: State
    source: str
    author_handle: str
    author_name: str
    snippet: str | None
    """The start of the last message, at most 280 characters; None: blanked."""
    tone: ToneLabel
    need: float
    priority: int
    due_at: datetime | None
    last_at: datetime
    tags: tuple[str, ...]
    team: str
    assignee_id: int | None
    assignee: str
    claimed_by: str
    """Name of the person who holds it now, '' for nobody."""
    claimed_by_id: int | None
    unread: bool
    messages: int
    outbox: OutboxState | None
    """The newest reply of ours that is still on its way or needs a decision."""
    version: int
    escalated_from: str = ""
    """The team that did not take it before it was overdue, while that due time runs; '' for none."""
    family: int | None = None
    """Rows with the same number are near-copies of one another, by what was said last; None: it is like no other, or our answer is last."""
    reply_until: datetime | None = None
    """When the network closes it to answers; None: never."""
    approval: ApprovalState | None = None
    """Of a reply that waits for approval, or that was sent back while the thread stands as it did."""
    planned: datetime | None = None
    """When a reply of ours goes out that waits for its time."""
    resolve_by: datetime | None = None
    """When all of it should be done; None: no clock. Of what is done: what it had."""


@dataclass(frozen=True, slots=True)
class Fold:
    """A family of near-copies as it stands in a folder."""

    family: int
    first: int
    """The conversation that stands first in the order of work: folded, it stands for all of them."""
    members: int
    """With the first one; counted up to `inbox.folded.COUNTED`."""


@dataclass(frozen=True, slots=True)
class FoldedPage:
    """Rows of a folder with near-copies folded, and how the families of those rows stand."""

    rows: tuple[QueueRow, ...]
    folds: tuple[Fold, ...]


@dataclass(frozen=True, slots=True)
class SavedView:
    """A named query as a folder of the inbox."""

    id: int
    name: str
    query: str
    """As it was written: parse it when it is opened."""
    shared: bool
    """Everybody's of the brand; else one person's own."""


@dataclass(frozen=True, slots=True)
class ViewPage:
    """Conversations of a view, in the queue's order."""

    rows: tuple[QueueRow, ...]
    searched_to: tuple[int, int] | None
    """Time ran out here: go on from this place. None: to the end, or until there were enough."""


@dataclass(frozen=True, slots=True)
class Standing:
    """All that stood in a folder or a view at one moment, in the order of work."""

    versions: Mapping[int, int]
    """Conversation to its version at that moment."""
    more: bool = False
    """There are more, or may be: there were too many, or time ran out."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Exact, from the maintained counters: never a scan."""

    folders: Mapping[str, int]
    """open, theirs, snoozed, done."""
    mine: int
    to_approve: int = 0
    """In which a reply waits for approval, whatever folder they are in."""
