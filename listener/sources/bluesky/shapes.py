"""Bluesky's wire shapes as narrow structs, and their tolerant decoding. Pure.

Only what we need is decoded. A field of a wrong type costs that field; broken text (lone surrogates, bytes that are not UTF-8) is mended;
what is no JSON object at all is told in words. It refuses to know what a field means to us.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from listener.harmless import storable
from listener.model.heard import Reject


class Shape(msgspec.Struct, gc=False):
    """What JSON is decoded into; JSON makes no circles, so Python need not look for any."""


class Ref(Shape):
    """A strong reference: at-URI and content id."""

    uri: str = ""
    cid: str = ""


class ReplyRef(Shape):
    """`record.reply`."""

    parent: Ref | None = None
    root: Ref | None = None


class Feature(Shape):
    """What a facet is: a mention, a link or a tag."""

    kind: str = msgspec.field(default="", name="$type")
    did: str = ""
    uri: str = ""
    tag: str = ""


class Facet(Shape):
    """A marked part of a text; its offsets are of no use to us."""

    features: list[Feature] | None = None


class Anything(Shape):
    """Something of which only the presence counts."""


class Embedded(Shape):
    """`record` of an embed: a reference, or (with media beside it) a box around one."""

    uri: str = ""
    record: Ref | None = None


class Embed(Shape):
    """Pictures, video, a link card, a quoted post, or a quoted post with media."""

    kind: str = msgspec.field(default="", name="$type")
    record: Embedded | None = None
    images: list[Anything] | None = None
    items: list[Anything] | None = None
    video: Anything | None = None
    external: Ref | None = None
    media: Embed | None = None


class Post(Shape):
    """A record of app.bsky.feed.post."""

    text: str | None = None
    created_at: str = msgspec.field(default="", name="createdAt")
    langs: list[str] | None = None
    reply: ReplyRef | None = None
    embed: Embed | None = None
    facets: list[Facet] | None = None
    tags: list[str] | None = None


class Commit(Shape):
    """A write to a repository."""

    rev: str = ""
    operation: str = ""
    collection: str = ""
    rkey: str = ""
    cid: str = ""
    record: Post | None = None


class AccountState(Shape):
    """What became of an account."""

    active: bool | None = None
    status: str = ""


class Identity(Shape):
    """A new handle."""

    handle: str = ""


class Event(Shape):
    """One Jetstream event. `cursor` is absent on servers before 2026."""

    did: str = ""
    kind: str = ""
    time_us: int = 0
    cursor: int = 0
    commit: Commit | None = None
    account: AccountState | None = None
    identity: Identity | None = None


class Payload(Shape):
    """One event of Jetstream's second wire: a commit stands in it without a box."""

    kind: str = msgspec.field(default="", name="$type")
    seq: int = 0
    did: str = ""
    time: str = ""
    witnessed_at: str = msgspec.field(default="", name="witnessedAt")
    rev: str = ""
    operation: str = ""
    collection: str = ""
    rkey: str = ""
    cid: str = ""
    record: Post | None = None
    account: AccountState | None = None
    identity: Identity | None = None
    name: str = ""
    """Of a notice."""


class Message(Shape):
    """One frame of Jetstream's second wire."""

    kind: str = msgspec.field(default="", name="$type")
    payload: Payload | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """What a host says of the stream itself."""

    name: str
    ends: bool = False


Said = tuple[Event, bytes] | Reject | Notice
"""One thing of a frame: an event with its bytes by which it can be read again, what cannot be used, or a word about the stream."""


class Person(Shape):
    """A profile in short."""

    did: str = ""
    handle: str = ""
    name: str = msgspec.field(default="", name="displayName")


class Notification(Shape):
    """One of listNotifications."""

    uri: str = ""
    cid: str = ""
    reason: str = ""
    indexed_at: str = msgspec.field(default="", name="indexedAt")
    author: Person | None = None
    record: Post | None = None


class PostView(Notification):
    """A post of getPosts and getPostThread: the same fields, with what is counted."""

    likes: int | None = msgspec.field(default=None, name="likeCount")
    reposts: int | None = msgspec.field(default=None, name="repostCount")
    replies: int | None = msgspec.field(default=None, name="replyCount")
    quotes: int | None = msgspec.field(default=None, name="quoteCount")


class NotificationPage(Shape):
    """The answer of listNotifications, each notification still raw: a broken one must not cost its neighbours."""

    cursor: str = ""
    notifications: list[msgspec.Raw] | None = None


class Verification(Shape):
    """Whether the network vouches for somebody."""

    status: str = msgspec.field(default="", name="verifiedStatus")


class ProfileView(Shape):
    """The answer of getProfile."""

    did: str = ""
    handle: str = ""
    name: str = msgspec.field(default="", name="displayName")
    bio: str = msgspec.field(default="", name="description")
    followers: int | None = msgspec.field(default=None, name="followersCount")
    posts: int | None = msgspec.field(default=None, name="postsCount")
    verification: Verification | None = None


S = TypeVar("S", bound=msgspec.Struct)

EVENT = msgspec.json.Decoder(Event)
MESSAGE = msgspec.json.Decoder(Message)
PAGE = msgspec.json.Decoder(NotificationPage)
NOTIFICATION = msgspec.json.Decoder(Notification)


def decode(shape: type[S], data: bytes, decoder: msgspec.json.Decoder[S] | None = None) -> S | str:
    """The struct, or in words why there is none. Wrong-typed fields fall back to their defaults; broken text is mended."""
    try:
        return msgspec.json.decode(data, type=shape) if decoder is None else decoder.decode(data)
    except RecursionError:
        return "nested too deeply"
    except (msgspec.MsgspecError, ValueError):
        pass  # the slow way below: rare, and worth a post
    try:
        loose = json.loads(data.decode("utf-8", "replace"))
    except RecursionError:
        return "nested too deeply"
    except ValueError as err:
        return f"not JSON: {err.msg} at character {err.pos}" if isinstance(err, json.JSONDecodeError) else "not JSON"
    if not isinstance(loose, dict):
        return f"not a JSON object but {type(loose).__name__}"
    try:
        return fitted(shape, loose)
    except RecursionError:
        return "nested too deeply"


def fitted(shape: type[S], loose: dict[str, Any]) -> S:
    """A struct from what fits: every field by itself, every list element by itself."""
    found: dict[str, Any] = {}
    for field in msgspec.structs.fields(shape):
        if (value := loose.get(field.encode_name)) is not None:
            fits, value = _fit(field.type, value)
            if fits:
                found[field.name] = value
    return shape(**found)


def _fit(kind: Any, value: Any) -> tuple[bool, Any]:
    options = getattr(kind, "__args__", ())
    if options and type(None) in options:  # `X | None`
        kind = next(option for option in options if option is not type(None))
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return (True, fitted(kind, value)) if isinstance(value, dict) else (False, None)
    if getattr(kind, "__origin__", None) is list:
        if not isinstance(value, list):
            return False, None
        return True, [fitted for one in value for fits, fitted in [_fit(kind.__args__[0], one)] if fits]
    if kind is str:
        return (True, storable(value)) if isinstance(value, str) else (False, None)
    if kind is msgspec.Raw:
        return True, msgspec.Raw(json.dumps(value).encode())
    return (True, value) if type(value) is kind else (False, None)
