"""Everything that is shown of one conversation: its messages, our replies and acts, and what became of it.

Refuses what asks for approval, which has a room of its own, and rows of lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from listener.lengths import Terms
from listener.model.kinds import Audience, Kind

if TYPE_CHECKING:
    from listener.model.accounts import Capability
    from listener.model.leaving import Doing, OutboxState
    from listener.model.scales import ToneLabel
    from listener.model.work import Conversation, Origin
    from listener.store.views.approvals import ApprovalRow
    from listener.store.views.authors import Mute
    from listener.store.views.listening import ByHand
    from listener.store.views.notes import Note


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
    reply_until: datetime | None = None
    """When the network closes it to an answer as it came; None: never."""
    private_until: datetime | None = None
    """When it closes it to a private answer; None: never."""
    audience: Audience = Audience.PUBLIC
    by_hand: tuple[ByHand, ...] = ()
    about: ToneLabel | None = None
    """The tone of the sentences that name us, where it is another than that of the whole."""


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
    planned: datetime | None = None
    """When it is to go out; None: at once."""
    part: int = 0
    """Which of `parts` of one text; 0: it is whole."""
    parts: int = 0
    parent_id: int = 0
    """The message that it answers."""


@dataclass(frozen=True, slots=True)
class Rewording:
    """A reply of ours as it was typed last, or as an edit is to make it."""

    body: str
    content_id: str
    """The message's content as its editor read it."""


@dataclass(frozen=True, slots=True)
class ActRow:
    """An act of ours on the network (a like, a hide, a delete, a block) and how far it has got. *accepted*: the network says that it is so."""

    id: int
    conversation_id: int
    mention_id: int
    author_id: int
    what: Doing
    state: OutboxState
    account_handle: str
    person: str
    person_id: int
    not_before: datetime
    queued_at: datetime
    changed_at: datetime
    problem: str
    code: str


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
    approvals: tuple[ApprovalRow, ...] = ()
    """Replies that somebody was asked to approve, oldest first."""
    mute: Mute | None = None
    """In force on its author."""
    author_notes: int = 0
    """How many notes there are on its author, stopped at 100."""
    can: Mapping[Capability, str] = field(default_factory=dict)
    """What that account can do: '' for each that it can, else why not. What is missing, no listener has said yet."""
    network: tuple[ActRow, ...] = ()
    """Acts on the network on these messages and this author, the newest, oldest first."""
    terms: Terms = field(default_factory=Terms)
    """How long a text of that account may be, where its server says so."""
    draft_private: bool = False
    """The draft was meant for its addressee alone."""
    draft_options: tuple[str, ...] = ()
    """Further texts for the same reply, for whoever approves to choose from."""
