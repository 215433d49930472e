"""What is heard, as its source hands it over: messages and their authors, changes, rejects and gaps. Refuses every judgement."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from listener.model.kinds import Audience, Kind, Via


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
class Hearing:
    """How a mention concerns one brand: a topic by its key, or an account that it addresses."""

    brand_id: int
    via: Via
    topic: str = ""
    account_id: int = 0
