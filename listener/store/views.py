"""What screens and commands read: one frozen shape per window of data. Owns no statement; refuses to format anything.

Texts in here are as the network sent them: hostile until `listener.harmless` has seen them. None means: blanked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from listener.lengths import Terms
from listener.model import (
    ApprovalState,
    Audience,
    Capability,
    Conversation,
    Doing,
    Kind,
    Origin,
    OutboxState,
    State,
    ToneLabel,
)


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


NEEDED, NOT_NEEDED = "needed", "not_needed"
"""What a person says of the need for an answer."""


@dataclass(frozen=True, slots=True)
class ByHand:
    """What a person says of a message in place of the methods."""

    what: str
    """tone or need."""
    value: str
    """The label of a tone; needed or not_needed."""
    person_id: int
    person: str
    at: datetime
    said: str
    """What the methods said of this state: a label, or a number."""


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
    by_hand: tuple[ByHand, ...] = ()
    about: ToneLabel | None = None
    """The tone of the sentences that name us, where it is another than that of the whole."""


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
class Mute:
    """That an author is muted, for one brand."""

    person: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Author:
    """One author's card: who they are, as the network told it last, and what a brand has had to do with them."""

    id: int
    space: str
    source: str
    external_id: str
    handle: str
    name: str
    bio: str
    followers: int | None
    posts: int | None
    verified: bool | None
    """These three are None where nobody has asked the network."""
    status: str
    fetched_at: datetime | None
    """When the profile was read from the network."""
    first_at: datetime
    mute: Mute | None
    conversations: int
    """Both stopped at 1,000."""
    answered: int
    """Conversations in which we said something."""
    notes: tuple[Note, ...]
    """The newest 100, the newest first."""


@dataclass(frozen=True, slots=True)
class PastRow:
    """One conversation that a brand has with an author. (`last_at`, `id`) is its place."""

    id: int
    state: State
    opened_at: datetime
    last_at: datetime
    words: str | None
    """The start of the author's first message, at most 280 characters; None: blanked."""
    tags: tuple[str, ...]
    answered: bool


@dataclass(frozen=True, slots=True)
class Mutable:
    """An author whom an act is about: who, whether muted, and how many conversations are not done, by state."""

    id: int
    handle: str
    name: str
    source: str
    mute: Mute | None
    open: int
    snoozed: int
    theirs: int

    @property
    def not_done(self) -> int:
        """What a mute closes."""
        return self.open + self.snoozed + self.theirs


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


class CommentStanding(StrEnum):
    """How a comment stands for us, one of these."""

    TO_ANSWER = "to answer"
    """In an open conversation, and we have said nothing in it since."""
    ANSWERED = "answered"
    """We have said something in its conversation since."""
    ASIDE = "put aside"
    """Closed, snoozed or waiting, without an answer since."""
    ELSEWHERE = "not in the inbox"
    """Heard, and nobody's work."""
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class CommentCounts:
    """How the comments of a post stand. Every comment is in one of `standing`; every one that is not deleted in one of `tones`."""

    standing: Mapping[CommentStanding, int]
    tones: Mapping[ToneLabel, int]
    hidden: int = 0
    """Hidden on the network, from here or as the network tells, and still there."""
    more: bool = False
    """These are the newest only; there may be more."""

    @property
    def comments(self) -> int:
        """All of them."""
        return sum(self.standing.values())


@dataclass(frozen=True, slots=True)
class PostShown:
    """The message at the root of a thread, ours or somebody's. `id` is None where nobody has heard it: only its comments are known."""

    space: str
    root: str
    counts: CommentCounts
    id: int | None = None
    ours: bool = False
    source: str = ""
    author_handle: str = ""
    author_name: str = ""
    text: str | None = None
    at: datetime | None = None
    url: str = ""
    kind: Kind = Kind.POST
    version: int = 1
    deleted: bool = False
    media: int = 0
    likes: int | None = None
    reposts: int | None = None
    replies: int | None = None
    quotes: int | None = None
    """As the network told them last; None: it never did."""


@dataclass(frozen=True, slots=True)
class CommentRow:
    """One comment of a post, newest first. (`at`, `id`) is its place."""

    id: int
    at: datetime
    author_handle: str
    author_name: str
    snippet: str | None
    tone: ToneLabel
    need: float
    conversation_id: int | None
    standing: CommentStanding
    hidden: bool = False


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


@dataclass(frozen=True, slots=True)
class TopicCount:
    """One topic of the Listening view."""

    topic: str
    today: int
    """Mentions heard in the last 24 hours, by the hour's buckets."""
    negative_today: int


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


@dataclass(frozen=True, slots=True)
class Answered:
    """A message of the past that we answered, for whoever answers one like it."""

    mention_id: int
    question: str
    author_handle: str
    author_name: str
    lang: str
    private: bool
    """It was answered in private, whatever it answers: what is in it may be for its reader alone."""
    answer: str
    at: datetime
    person: str
    """Who of us answered; '' : in the network's own app."""
    closed: bool
    after: str | None
    """What its author wrote next; None: nothing."""
    shared: tuple[str, ...]
    """The words in common by which it was found."""
    times: int
    """How often it was given among what was found."""


@dataclass(frozen=True, slots=True)
class Alarmed:
    """The incidents that stand, and the one that needs somebody most."""

    open: int = 0
    """Of which nobody has said that they know,"""
    acknowledged: int = 0
    silent: int = 0
    """and of which nobody is told: a silence or the calendar keeps them quiet."""
    unheard: int = 0
    """Of the open ones: of which nobody could be told."""
    id: int | None = None
    title: str = ""
    topic: str = ""
    source: str = ""
    state: str = ""
    since: datetime | None = None
    person: str = ""
    """Who has it; "": nobody."""


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
    authors: frozenset[int] = frozenset()
    """Authors who were muted, unmuted or noted."""
    notes: bool = False
    """Notes were written."""
    presence: bool = False
    """Somebody looks at another conversation, types, came or left."""
    late: frozenset[int] = frozenset()
    """Conversations whose answer is due soon or overdue, or that were escalated for it, since now."""
    handovers: bool = False
    """Somebody handed over."""
    unresolved: frozenset[int] = frozenset()
    """Conversations whose time to resolve is nearly over or over, since now."""
    wishes: frozenset[str] = frozenset()
    """Keys of streams of which somebody wants something. Told only to who reads for every brand; so with `delivered`."""
    delivered: frozenset[str] = frozenset()
    """Keys of hooks to which something was delivered."""
    sources: bool = False
    """Sources fare otherwise, or somebody wants something else of them."""
    learned: bool = False
    """Something was learned from a brand's decisions, put into force, switched on or off, or forgotten."""
    incidents: frozenset[int] = frozenset()
    """Incidents that were opened, acknowledged, resolved, told or noted."""
    asked: bool = False
    """A rule asked for an alert."""


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


LabelPair = tuple[int, str]
"""A conversation and a label of one's own."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """What was changed, in pairs of conversation and label: the other way round it is undone."""

    put: tuple[LabelPair, ...] = ()
    taken: tuple[LabelPair, ...] = ()

    @property
    def ids(self) -> frozenset[int]:
        """The conversations that were changed."""
        return frozenset(id_ for id_, _ in (*self.put, *self.taken))
