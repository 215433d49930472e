"""The words of the house as frozen values. Owns their shapes; refuses behaviour, clocks, wires and disks.

Times are timezone-aware UTC datetimes. External ids are the network's own, opaque, compared as bytes.
Everything that came from a network is hostile until `listener.harmless` has seen it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any

# What was heard ------------------------------------------------------------------------------------------------------


class Kind(StrEnum):
    """What sort of message it is."""

    POST = "post"
    COMMENT = "comment"
    REPLY = "reply"
    REPOST = "repost"
    QUOTE = "quote"
    REVIEW = "review"
    DM = "dm"


class Audience(StrEnum):
    """Who may read a message, as its network says. Of a private message (`Kind.DM`) it says nothing: those in it may."""

    PUBLIC = "public"
    UNLISTED = "unlisted"
    """Everybody; but it stands in no list of what is new."""
    FOLLOWERS = "followers"
    """Of its author, and who is named in it."""
    MEMBERS = "members"
    """Of the chat or group in which it stands."""
    SOME = "some"
    """Not everybody, in a way of the network's own."""


class Via(StrEnum):
    """How a mention reached a brand. The first four address an account of ours."""

    MENTION = "mention"
    REPLY = "reply"
    QUOTE = "quote"
    DM = "dm"
    TOPIC = "topic"
    THREAD = "thread"
    IMPORT = "import"
    OWN = "own"


ADDRESSES = frozenset({Via.MENTION, Via.REPLY, Via.QUOTE, Via.DM})


@dataclass(frozen=True, slots=True)
class Key:
    """A message's identity: network space (with account or server where ids are per account or server) and external id."""

    space: str
    external_id: str


@dataclass(frozen=True, slots=True)
class Author:
    """Who wrote it, as the message itself says; empty strings where it does not."""

    space: str
    external_id: str
    handle: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """An author as the network's profile call describes them."""

    author: Author
    bio: str = ""
    followers: int | None = None
    posts: int | None = None
    verified: bool | None = None


@dataclass(frozen=True, slots=True)
class Mention:
    """One message as a source handed it over: also our own posts and the thread's context. An edit is the same key, a later revision."""

    key: Key
    source: str
    author: Author
    text: str
    kind: Kind
    raw: bytes
    revision: str = ""
    """The network's own order of states, compared as bytes; "" sorts first: a source that does not know."""
    content_id: str = ""
    """Equal content ids are equal content (Bluesky: cid)."""
    parent: str | None = None
    root: str | None = None
    """Thread root where the network says it; None: found from the parent."""
    quoted: str | None = None
    named: tuple[str, ...] = ()
    """External ids of the accounts that the message names in its markup (never guessed from the text)."""
    tags: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    media: int = 0
    langs: tuple[str, ...] = ()
    """As claimed by the author."""
    url: str = ""
    claimed_at: datetime | None = None
    """By the author: may lie; only shown."""
    network_at: datetime | None = None
    """By the network: sorts and clocks."""
    rating: float | None = None
    """Stars of a review."""
    likes: int | None = None
    """These four as the network told them with the message; None: it did not."""
    reposts: int | None = None
    replies: int | None = None
    quotes: int | None = None
    reply_until: datetime | None = None
    """When the network closes it to an answer as it came (in public, or to a private message); None: never."""
    private_until: datetime | None = None
    """When it closes a public message to a private answer; None: never, or there is none."""
    audience: Audience = Audience.PUBLIC
    answers: tuple[str, ...] = ()
    """External ids of the accounts whose message, thread or page it stands under, where the network says so beside `parent` and `root`."""


@dataclass(frozen=True, slots=True)
class Deleted:
    """The network says that a message is gone. Known by key; outlives a create that comes late."""

    key: Key
    revision: str = ""


@dataclass(frozen=True, slots=True)
class AuthorChanged:
    """The network says that an account changed: a new handle, or a status of `authors.status` (deleted blanks everything)."""

    author: Author
    status: str = ""
    """'' : unknown or unchanged; else active, deactivated, suspended, takendown, deleted."""


@dataclass(frozen=True, slots=True)
class Hidden:
    """The network says that a message is hidden from others, or shown again, by whomever and wherever that was done."""

    key: Key
    hidden: bool
    at: datetime
    """By the network, or when it was looked at: the latest counts, of two at one time the hidden one."""


Change = Deleted | AuthorChanged | Hidden


class Reason(StrEnum):
    """Why an item could not be used. Closed: a new reason is a decision."""

    NOT_DECODED = "not_decoded"
    """Not even the wire format (broken JSON, broken CSV row)."""
    WRONG_SHAPE = "wrong_shape"
    """Decoded, but a field that we need is missing or of another type."""
    TOO_BIG = "too_big"
    BAD_TIME = "bad_time"
    BAD_ID = "bad_id"


@dataclass(frozen=True, slots=True)
class Reject:
    """An item that could not be used, kept raw."""

    reason: Reason
    detail: str
    """Where and what, for a person: 'line 12: column "at" is not a time'. Never a stack trace."""
    raw: bytes


Item = Mention | Deleted | AuthorChanged | Hidden | Reject


@dataclass(frozen=True, slots=True)
class Gap:
    """A hole in a stream."""

    start: datetime
    end: datetime
    cause: str


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a text of an account of ours may be, where each server of a network says so itself."""

    external_id: str
    """The account's."""
    characters: int
    per_link: int
    """Characters that a link counts as, however long it is."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What a source hands over at once; stored with its cursor in one transaction, or not at all."""

    items: tuple[Item, ...]
    cursor: str | None
    """The bookmark after these items. None: this batch moves no bookmark (thread context, look-ups)."""
    heard_at: datetime
    gaps: tuple[Gap, ...] = ()
    item_at: datetime | None = None
    """Network time of the newest item seen, wanted or not: the lag is `heard_at - item_at`."""
    heard: int = 0
    """Items looked at to make this batch, also those that concern nobody."""
    history: bool = False
    """Imported or filled in afterwards: no due time, no unread mark, no alert."""
    final: bool = False
    """The source is at its end (an import)."""
    limits: tuple[Limits, ...] = ()
    """What the network told of texts of ours, if it did."""


@dataclass(frozen=True, slots=True)
class Account:
    """An identity of ours on a source."""

    id: int
    brand_id: int
    source: str
    space: str
    external_id: str
    handle: str


@dataclass(frozen=True, slots=True)
class Hearing:
    """How a mention concerns one brand: a topic by its key, or an account that it addresses."""

    brand_id: int
    via: Via
    topic: str = ""
    account_id: int = 0


# What the core thinks ------------------------------------------------------------------------------------------------


class ToneLabel(StrEnum):
    """The verdict; `not_scored` is a value of its own and never counts as neutral."""

    NEGATIVE = "negative"
    NEUTRAL = "neutral"
    POSITIVE = "positive"
    NOT_SCORED = "not_scored"


@dataclass(frozen=True, slots=True)
class Tone:
    """VADER's four numbers, untouched, and our label. `scores` is None where the method does not fit."""

    label: ToneLabel
    neg: float | None = None
    neu: float | None = None
    pos: float | None = None
    compound: float | None = None
    about: ToneLabel | None = None
    """The verdict on the sentences that name us, taken together; None: they are the whole of it, or there are none."""


class Priority(IntEnum):
    """How much it matters; higher is more urgent."""

    LOW = 1
    NORMAL = 2
    HIGH = 3
    URGENT = 4


class Severity(StrEnum):
    """How bad what is told to the staff is, from a note to what wakes them at night."""

    NOTE = "note"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Tick:
    """That a counting rule counts a message, for one group. Ids only."""

    rule: str
    sign: str
    """Of what the rule counts: one that counts otherwise begins anew."""
    group: str
    """What it is counted apart for, such as a topic's key; "" where all are counted together."""
    author: str
    """The author's external id."""
    hit: bool = True
    """False: it is merely in scope, for a ratio."""


@dataclass(frozen=True, slots=True)
class Window:
    """What a counting rule had counted when a message came, that message included."""

    value: float
    """Messages, authors, or the share of `of`."""
    of: int = 0
    """Messages in scope, for a ratio."""
    held: float = 0.0
    """Seconds for which it has been what the rule asks for, without a break; 0 at the first moment, and while it is not."""


@dataclass(frozen=True, slots=True)
class Context:
    """What was known about a mention when it was judged, gathered by the store; kept with the assessment."""

    brand: str
    addresses: bool = False
    """It addresses an account of ours."""
    answers_us: bool = False
    """Its parent is a post of ours."""
    author_before: int = 0
    """Mentions by this author that we already held, at most 1000."""
    replied_before: bool = False
    """We answered in this thread before."""
    history: bool = False
    followers: int | None = None
    """Of the author, as far as their profile was known then; so with `verified`."""
    verified: bool | None = None
    accounts: tuple[str, ...] = ()
    """Handles of the accounts of ours that it addresses."""
    counts: Mapping[str, Window] = field(default_factory=dict)
    """By rule id: what each counting rule that the message matches had counted."""
    copies: int = 0
    """Other people who wrote nearly the same to the brand within a day before, at most 20. Counted of what addresses us, and not of history."""
    model: str = ""
    """What the brand's own decisions had taught, by the version of it that was in force; "": nothing, or it was switched off."""


@dataclass(frozen=True, slots=True)
class Flag:
    """A rule's finding: which rule, where in the text (code points, start and end in turn), with which values."""

    rule: str
    spans: tuple[int, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    shadow: bool = False
    """Of an experimental rule: shown and counted, and nothing followed from it."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """What the core thinks of one mention for one brand. Equal input, equal assessment."""

    tone: Tone
    lang: str
    need: float
    """Need for an answer, 0 to 1."""
    priority: Priority
    reply_within: float | None
    """Seconds from the mention's time to the due time; None: no clock."""
    due_at: datetime | None
    tags: tuple[str, ...]
    team: str
    opens: bool
    """A rule says that this becomes a conversation even though it addresses nobody."""
    flags: tuple[Flag, ...]
    because: tuple[Mapping[str, Any], ...]
    """In order of weight: {"rule": id, "title": ..., "then": [...], "spans": [...]} or {"signal": ..., "value": ...}, with "spans" where it
    stands in the text; no words of the text."""
    rulebook: str
    methods: Mapping[str, str]
    assign: str = ""
    """The person who should answer, by id."""
    snooze: float | None = None
    """Seconds to put it away for; None: not."""
    closes: bool = False
    """A rule says that nothing is to be done, and none asks for a reply."""
    hide: bool = False
    """A rule asks somebody to hide it on its network."""
    reply: str = ""
    """Key of the saved reply that is offered."""
    alerts: tuple[str, ...] = ()
    """Keys of the alert policies that are told."""
    resolve_by: datetime | None = None
    """When a conversation that began with it should be done; None: no clock."""
    learned: float | None = None
    """The chance that this team answers it, by what its decisions have taught; None: nothing that counts. It stands in need's place where people
    look and search, and whatever opens, closes, hides, sends or tells somebody asks `need`."""


# The unit of work ----------------------------------------------------------------------------------------------------


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


class OutboxState(StrEnum):
    """How far something has left the house, honestly."""

    QUEUED = "queued"
    SENDING = "sending"
    ACCEPTED = "accepted"
    SEEN = "seen"
    FAILED = "failed"
    UNKNOWN = "unknown"
    STOPPED = "stopped"
    WITHDRAWN = "withdrawn"


MOST_OPTIONS = 5
"""Texts for one reply that whoever approves may choose from: more nobody compares."""

PART_BEFORE = "part_before"
"""The code of a numbered part that was stopped because one before it did not go out."""


class ApprovalState(StrEnum):
    """What became of a reply that somebody was asked to approve."""

    WAITING = "waiting"
    APPROVED = "approved"
    CHANGED = "changed"
    """Approved with a change: both texts are kept."""
    REJECTED = "rejected"
    """Sent back to its writer, with a note."""
    SUPERSEDED = "superseded"
    """Overtaken by another one that waits."""
    WITHDRAWN = "withdrawn"
    """Taken back by its writer."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A picture that a reply carries."""

    id: int
    media_type: str
    width: int
    height: int
    alt: str
    """In words, for those who cannot see it."""
    content: bytes = field(default=b"", repr=False)
    """Empty where it is not about to leave."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of ours as the deliverer hands it to a source."""

    outbox_id: int
    key: str
    """Idempotency key, minted with the row."""
    account: Account
    parent: Key
    parent_content_id: str
    """The parent's content as the writer knew it: a differing one on the network stops the reply."""
    root: str
    parent_author: Author
    text: str
    lang: str
    private: bool
    queued_at: datetime
    frozen: Mapping[str, Any] | None
    """What an earlier attempt fixed before sending; a repeat must send exactly this."""
    attachments: Sequence[Attachment] = ()


class Capability(StrEnum):
    """What an account of ours can do on its network. A source says '' for each, or the reason, in words, why it cannot."""

    REPLY = "reply"
    PRIVATE_REPLY = "private_reply"
    THREAD = "thread"
    PROFILE = "profile"
    LIKE = "like"
    HIDE = "hide"
    """A message of somebody else, under a post of ours."""
    DELETE_OWN = "delete_own"
    REMOVE = "remove"
    """Delete a message of somebody else, under a post of ours, for everybody."""
    BLOCK = "block"
    EDIT = "edit"
    """A reply of ours, after it was sent."""
    MEDIA = "media"
    """Pictures with a reply."""
    HISTORY = "history"
    """What was said before we listened: of a topic, or of an account."""


class Doing(StrEnum):
    """What is done on a network beside answering. Each asks for a state, not for one thing more: twice done is once done."""

    LIKE = "like"
    UNLIKE = "unlike"
    HIDE = "hide"
    SHOW = "show"
    DELETE = "delete"
    REMOVE = "remove"
    BLOCK = "block"
    UNBLOCK = "unblock"
    EDIT = "edit"
    """A reply of ours, after it was sent: it is to say something else."""


NEEDS = {
    Doing.LIKE: Capability.LIKE,
    Doing.UNLIKE: Capability.LIKE,
    Doing.HIDE: Capability.HIDE,
    Doing.SHOW: Capability.HIDE,
    Doing.DELETE: Capability.DELETE_OWN,
    Doing.REMOVE: Capability.REMOVE,
    Doing.BLOCK: Capability.BLOCK,
    Doing.UNBLOCK: Capability.BLOCK,
    Doing.EDIT: Capability.EDIT,
}
"""What an account must be able to do for it."""

OPPOSITE = {
    Doing.LIKE: Doing.UNLIKE,
    Doing.UNLIKE: Doing.LIKE,
    Doing.HIDE: Doing.SHOW,
    Doing.SHOW: Doing.HIDE,
    Doing.BLOCK: Doing.UNBLOCK,
    Doing.UNBLOCK: Doing.BLOCK,
}
"""What answers it once it is on the network; a delete and an edit have no answer."""


@dataclass(frozen=True, slots=True)
class NetworkAct:
    """Something that is done on a network, as the deliverer hands it to a source."""

    outbox_id: int
    key: str
    """Idempotency key, minted with the row."""
    account: Account
    what: Doing
    target: Key
    """The message; of a block, the one at which a person looked."""
    target_content_id: str
    """Its content as the person knew it: what differs on the network is not liked, and not edited."""
    root: str
    author: Author
    """Who wrote it: of a block, who is blocked."""
    made: str
    """What an earlier act of ours made on the network and this one takes away again (Bluesky: the record's URI); '' : nothing known."""
    queued_at: datetime
    frozen: Mapping[str, Any] | None
    """What an earlier attempt fixed before sending; a repeat must do exactly this."""
    text: str = ""
    """Of an edit: what the message is to say, as its editor typed it."""


class Role(StrEnum):
    """What a person may do for a brand."""

    VIEWER = "viewer"
    RESPONDER = "responder"
    LEAD = "lead"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Person:
    """One of the staff."""

    id: int
    login: str
    name: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Something a human should fix in a file: never raised, always listed, all at once."""

    file: str
    line: int
    column: int
    code: str
    """Stable, for machines and docs."""
    message: str
    hint: str = ""

    def __str__(self) -> str:
        tail = f" ({self.hint})" if self.hint else ""
        return f"{self.file}:{self.line}:{self.column}: {self.message} [{self.code}]{tail}"
