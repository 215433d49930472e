"""What screens and commands read: one frozen shape per window of data. Owns no statement; refuses to format anything.

Texts in here are as the network sent them: hostile until `listener.harmless` has seen them. None means: blanked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from listener.model import Conversation, Kind, Origin, OutboxState, State, ToneLabel


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


@dataclass(frozen=True, slots=True)
class ListeningRow:
    """One line of a topic's mentions, newest first. (`at`, `id`) is its place."""

    id: int
    at: datetime
    source: str
    author_handle: str
    author_name: str
    text: str | None
    kind: Kind
    tone: ToneLabel
    need: float
    lang: str
    rules: tuple[str, ...]
    conversation_id: int | None
    deleted: bool


@dataclass(frozen=True, slots=True)
class ThreadMessage:
    """One message of a thread, oldest first."""

    id: int
    external_id: str
    parent: str | None
    at: datetime
    claimed_at: datetime | None
    author_id: int
    author_handle: str
    author_name: str
    author_status: str
    ours: bool
    mine: bool
    """It belongs to this conversation; others are context."""
    text: str | None
    kind: Kind
    version: int
    """More than 1: edited; earlier versions by `inbox.versions`."""
    deleted: bool
    media: int
    url: str
    lang: str
    tone: ToneLabel | None
    compound: float | None
    need: float | None
    flags: tuple[Mapping[str, Any], ...]
    """{"rule", "spans"} of the version in force."""


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A reply of ours and how far it has got."""

    id: int
    reply_id: int
    conversation_id: int
    state: OutboxState
    body: str
    account_handle: str
    parent_handle: str
    private: bool
    person: str
    person_id: int
    not_before: datetime
    queued_at: datetime
    changed_at: datetime
    external_id: str | None
    problem: str
    code: str
    fence: int


@dataclass(frozen=True, slots=True)
class Note:
    """A private note of the staff."""

    id: int
    person: str
    body: str
    at: datetime


@dataclass(frozen=True, slots=True)
class NoteToMe:
    """A note that asks somebody who has not seen it."""

    note_id: int
    conversation_id: int
    person: str
    """Who asks."""
    body: str
    at: datetime
    author_handle: str
    author_name: str


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One event of a conversation, for people."""

    id: int
    at: datetime
    kind: str
    person: str
    """'' : Hubbub itself."""
    act: str | None
    before: Mapping[str, Any]
    after: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Opened:
    """Everything the conversation view shows, read in one transaction."""

    conversation: Conversation
    brand: str
    source: str
    space: str
    origin: Origin
    account_id: int
    account_handle: str
    """As whom we would answer; '' when no account of ours fits: it cannot be answered from here."""
    author_id: int
    author_handle: str
    author_name: str
    author_bio: str
    author_followers: int | None
    author_status: str
    author_conversations: int
    """Other conversations with this author, stopped at 100."""
    assignee: str
    claimed_by: str
    claimed_by_id: int | None
    thread: tuple[ThreadMessage, ...]
    replies: tuple[OutboxRow, ...]
    notes: tuple[Note, ...]
    history: tuple[HistoryLine, ...]
    because: tuple[Mapping[str, Any], ...]
    """Of the last assessed mention of this conversation."""
    because_mention_id: int | None
    rulebook: str
    draft: str
    draft_thread_version: int | None
    hide: bool = False
    """Rules ask somebody to hide that mention on its network,"""
    saved_reply: str = ""
    """and offer this saved reply, by its key."""


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


@dataclass(frozen=True, slots=True)
class TopicCount:
    """One topic of the Listening view."""

    topic: str
    today: int
    """Mentions heard in the last 24 hours, by the hour's buckets."""
    negative_today: int


@dataclass(frozen=True, slots=True)
class Changed:
    """What the feed tells after a bell: ids, never text. Coalesced: one per catch-up."""

    conversations: frozenset[int]
    topics: frozenset[str]
    outbox: frozenset[int]
    rulebook: bool
    lost: bool
    """The connection was lost meanwhile: read everything again."""
    views: bool = False
    """Saved views were made, changed or deleted."""
    marks: frozenset[int] = frozenset()
    """Mentions of which somebody has said, or no longer says, that a rule was right or wrong."""
    notes: bool = False
    """Notes were written."""


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """One source's row for status, doctor and the sources screen."""

    key: str
    state: str
    problem: str
    cursor: str | None
    started_at: datetime | None
    beat_at: datetime | None
    item_at: datetime | None
    heard_at: datetime | None
    heard: int
    stored: int
    rejects: int
    open_gaps: int
