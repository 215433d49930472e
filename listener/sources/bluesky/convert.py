"""Bluesky's wire as our words: pure functions from bytes to items that never raise, whatever the bytes are.

Owns what events, notifications, threads and profiles mean. A post that cannot be used becomes a `Reject` that says why, in words without
its text. It refuses clocks and wires, and it refuses to guess: who is named comes from facets, never from the text.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from listener.facets import clean_handle
from listener.harmless import storable
from listener.model.heard import Author, AuthorChanged, Deleted, Item, Key, Mention, Profile, Reason, Reject
from listener.model.kinds import Kind
from listener.sources.base import ThreadRead
from listener.sources.bluesky.shapes import (
    EVENT,
    MESSAGE,
    NOTIFICATION,
    PAGE,
    Commit,
    Embed,
    Event,
    Facet,
    Message,
    Notice,
    Notification,
    NotificationPage,
    Person,
    Post,
    PostView,
    ProfileView,
    Ref,
    Said,
    decode,
    fitted,
)

NAME = "bluesky"
SPACE = "bluesky"
POST = "app.bsky.feed.post"

MAX_FRAME = 1 << 20
MAX_RAW = 64 << 10
"""Bytes kept of an item that could not be used."""
MAX_TEXT = 30_000
"""Code points; ten times what the network's own lexicon allows in bytes."""
MAX_LIST = 100
"""Names, tags and links that we keep of one post."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_US = 1_262_304_000_000_000  # 2010
LAST_US = 7_258_118_400_000_000  # 2200: beyond it a float of seconds no longer holds every microsecond
_DID = re.compile(r"did:[a-z]{1,32}:[A-Za-z0-9._:%-]{1,1024}")
_OURS = re.compile(rf"at://did:[a-z]{{1,32}}:[A-Za-z0-9._:%-]{{1,1024}}/{re.escape(POST)}/[A-Za-z0-9._:~-]{{1,512}}")
_URI = re.compile(r"at://[A-Za-z0-9._:%-]{1,1024}/[A-Za-z0-9.-]{1,317}/[A-Za-z0-9._:~-]{1,512}")
_LANG = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8}){0,7}")
_STATES = frozenset({"deactivated", "suspended", "takendown", "deleted"})


# Jetstream -----------------------------------------------------------------------------------------------------------


def read_event(frame: bytes) -> Event | Reject:
    """The event of a frame, for `convert_event` and for the bookmark; a Reject when it cannot be read."""
    if len(frame) > MAX_FRAME:
        return Reject(Reason.TOO_BIG, f"a frame of {len(frame)} bytes", frame[:MAX_RAW])
    event = decode(Event, frame, EVENT)
    if isinstance(event, str):
        return Reject(Reason.NOT_DECODED, event, frame[:MAX_RAW])
    return event


def read_message(frame: bytes) -> Said:
    """What a frame of Jetstream's second wire says. The time is the one at which the host itself saw it: a place is found by that."""
    if len(frame) > MAX_FRAME:
        return Reject(Reason.TOO_BIG, f"a frame of {len(frame)} bytes", frame[:MAX_RAW])
    message = decode(Message, frame, MESSAGE)
    if isinstance(message, str):
        return Reject(Reason.NOT_DECODED, message, frame[:MAX_RAW])
    if message.kind == "error":
        return Notice(plain_name(message.error), ends=True)
    told = message.payload
    if told is None:
        return Reject(Reason.WRONG_SHAPE, "a message without a payload", frame[:MAX_RAW])
    kind = told.kind.rpartition("#")[2]
    if kind == "info":
        return Notice(plain_name(told.name))
    us = us_of(told.witnessed_at or told.time)
    event = Event(told.did, kind, us, told.seq, None, told.account, told.identity)
    if kind == "commit":
        event.commit = Commit(told.rev, told.operation, told.collection, told.rkey, told.cid, told.record)
    return event, frame


def plain_name(name: object) -> str:
    """An error's or a notice's name as the network may give one; 'unnamed' for anything else."""
    return name if isinstance(name, str) and re.fullmatch(r"[A-Za-z0-9]{1,64}", name) else "unnamed"


def us_of(text: object) -> int:
    """Unix microseconds of a time as the network writes it, exactly; 0 for nonsense."""
    moment = parse_time(text) if isinstance(text, str) else None
    return 0 if moment is None else (moment - _EPOCH) // timedelta(microseconds=1)


def convert_event(event: Event, frame: bytes, heard_at: datetime) -> Item | None:
    """What an event means to us; None: not for us (likes, follows, kinds that we do not know). Never raises."""
    commit = event.commit
    if commit is None:
        return _author_changed(event, frame) if event.kind in {"account", "identity"} else None
    if event.kind != "commit" or commit.collection != POST:
        return None
    uri = f"at://{event.did}/{POST}/{commit.rkey}"
    if not _OURS.fullmatch(uri):
        return Reject(Reason.BAD_ID, "the did or the record key is none", frame[:MAX_RAW])
    revision = commit.rev if _is_token(commit.rev) else ""
    if commit.operation == "delete":
        return Deleted(Key(SPACE, uri), revision)
    if commit.operation not in {"create", "update"}:
        return None
    if commit.record is None:
        return Reject(Reason.WRONG_SHAPE, f"{commit.operation} without a record", frame[:MAX_RAW])
    at = event_time(event) or heard_at
    author = Author(SPACE, event.did)
    return _mention(uri, author, commit.record, frame, revision=revision, content_id=commit.cid, network_at=at)


def convert_jetstream(frame: bytes, heard_at: datetime) -> Item | None:
    """One web socket frame of Jetstream, of either generation, as an item; None: not for us. Never raises."""
    event = read_event(frame)
    if isinstance(event, Reject):
        return event
    if not event.kind and isinstance(said := read_message(frame), tuple):
        event = said[0]
    return convert_event(event, frame, heard_at)


def event_time(event: Event) -> datetime | None:
    """The network's time of an event; None when it is nonsense."""
    return datetime.fromtimestamp(event.time_us / 1e6, UTC) if FIRST_US <= event.time_us <= LAST_US else None


def _author_changed(event: Event, frame: bytes) -> Item | None:
    if not _DID.fullmatch(event.did):
        return Reject(Reason.BAD_ID, "the did is none", frame[:MAX_RAW])
    if event.kind == "identity":
        handle = clean_handle(event.identity.handle) if event.identity else ""
        return AuthorChanged(Author(SPACE, event.did, handle)) if handle else None
    state = event.account
    if state is None or state.active is None:
        return None
    status = "active" if state.active else state.status if state.status in _STATES else ""
    return AuthorChanged(Author(SPACE, event.did), status) if status else None


# A post --------------------------------------------------------------------------------------------------------------


def _mention(
    uri: str, author: Author, post: Post, raw: bytes, *, revision: str, content_id: str, network_at: datetime | None
) -> Mention | Reject:
    text = post.text
    if text is None:
        return Reject(Reason.WRONG_SHAPE, "the record has no text, or one that is not text", raw[:MAX_RAW])
    if len(text) > MAX_TEXT:
        return Reject(Reason.TOO_BIG, f"a text of {len(text)} characters", raw[:MAX_RAW])
    parent = root = quoted = None
    if post.reply is not None:
        parent, root = _post_uri(post.reply.parent), _post_uri(post.reply.root)
        root = root if parent else None
    named, links, tags = _facets(post.facets) if post.facets else ((), (), ())
    media = 0
    if post.embed is not None:
        quoted, media, link = _embed(post.embed)
        if link and link not in links:
            links = (*links, link)
    if post.tags:
        tags = _unique([*tags, *map(storable, post.tags)], 640)
    langs = tuple([lang for lang in post.langs[:3] if _LANG.fullmatch(lang)]) if post.langs else ()
    return Mention(
        Key(SPACE, uri),
        NAME,
        author,
        text.replace("\x00", "␀") if "\x00" in text else text,
        Kind.REPLY if parent else Kind.QUOTE if quoted else Kind.POST,
        raw,
        revision,
        content_id if _is_token(content_id) else "",
        parent,
        root,
        quoted,
        named,
        tags,
        links,
        media,
        langs,
        web_url(uri),
        parse_time(post.created_at),
        network_at,
    )


def _post_uri(ref: Ref | None) -> str | None:
    return ref.uri if ref is not None and _URI.fullmatch(ref.uri) else None


def _facets(facets: list[Facet]) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Whom, where to and about what, by the markup. Offsets are not looked at: the network tells a named account whatever they say."""
    named: list[str] = []
    links: list[str] = []
    tags: list[str] = []
    for facet in facets:
        for feature in facet.features or ():
            kind = feature.kind
            if kind == "app.bsky.richtext.facet#mention":
                if _DID.fullmatch(feature.did):
                    named.append(feature.did)
            elif kind == "app.bsky.richtext.facet#link":
                links.append(storable(feature.uri))
            elif kind == "app.bsky.richtext.facet#tag":
                tags.append(storable(feature.tag))
    return (
        _unique(named, 2048) if named else (),
        _unique(links, 8192) if links else (),
        _unique(tags, 640) if tags else (),
    )


def _is_token(text: str) -> bool:
    """Whether it can be a revision or a content id: plain letters and digits."""
    return text.isalnum() and text.isascii() and len(text) <= 256


def _embed(embed: Embed) -> tuple[str | None, int, str]:
    """(quoted post, pictures and videos, link card)."""
    quoted: str | None = None
    if embed.record is not None:
        uri = embed.record.record.uri if embed.record.record is not None else embed.record.uri
        quoted = uri if f"/{POST}/" in uri and _URI.fullmatch(uri) else None
    media, link = _media(embed)
    if embed.media is not None:
        beside, card = _media(embed.media)
        media, link = media + beside, link or card
    return quoted, min(media, MAX_LIST), storable(link)[:8192]


def _media(box: Embed) -> tuple[int, str]:
    media = 0 if box.video is None else 1
    if box.images:
        media += len(box.images)
    if box.items:
        media += len(box.items)
    return media, "" if box.external is None else box.external.uri


def _unique(values: list[str], longest: int) -> tuple[str, ...]:
    if len(values) == 1:
        return (values[0],) if 0 < len(values[0]) <= longest else ()
    return tuple(dict.fromkeys([value for value in values if 0 < len(value) <= longest]))[:MAX_LIST]


def web_url(uri: str) -> str:
    """Where a person can see the post; '' when the uri is not a post's."""
    repo, _, rest = uri.removeprefix("at://").partition("/")
    collection, _, rkey = rest.partition("/")
    return f"https://bsky.app/profile/{repo}/post/{rkey}" if collection == POST and rkey else ""


def parse_time(text: str) -> datetime | None:
    """A time as people's programs write it, in UTC; None for nonsense. Without a zone it is taken for UTC; a leap second is the one before."""
    if not 10 <= len(text) <= 64:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        if text[16:19] != ":60":
            return None
        try:
            moment = datetime.fromisoformat(f"{text[:16]}:59{text[19:]}")
        except ValueError:
            return None
    zone = moment.tzinfo
    if zone is UTC:
        return moment
    try:
        return moment.replace(tzinfo=UTC) if zone is None else moment.astimezone(UTC)
    except OverflowError:
        return None


# Notifications -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Notified:
    """A notification as it came, with what tells it from others."""

    id: str
    """Which post in which version: an edit is another one, a seen mark is not."""
    at: datetime | None
    """The network's time; None when it is nonsense."""
    raw: bytes


def read_notifications(body: bytes) -> tuple[list[Notified], str] | Reject:
    """One page of listNotifications, and the cursor of the page before it ('' : none). Never raises."""
    page = decode(NotificationPage, body, PAGE)
    if isinstance(page, str) or page.notifications is None:
        told = page if isinstance(page, str) else "no list of notifications"
        return Reject(Reason.NOT_DECODED, f"listNotifications: {told}", body[:MAX_RAW])
    return [_notified(bytes(raw)) for raw in page.notifications], page.cursor


def _notified(raw: bytes) -> Notified:
    note = decode(Notification, raw, NOTIFICATION)
    if isinstance(note, str) or not note.uri:
        return Notified(hashlib.sha256(raw).hexdigest(), None, raw)
    return Notified(f"{note.uri} {note.cid}", sane_time(note.indexed_at), raw)


def convert_notification(raw: bytes, heard_at: datetime) -> Mention | Reject | None:
    """A notification that addresses us as a mention; None: a like, a follow, a reason that we do not know. Never raises."""
    note = decode(Notification, raw, NOTIFICATION)
    if isinstance(note, str):
        return Reject(Reason.NOT_DECODED, f"a notification: {note}", raw[:MAX_RAW])
    if note.reason not in {"mention", "reply", "quote"} or (_URI.fullmatch(note.uri) and f"/{POST}/" not in note.uri):
        return None
    author = _author(note.author)
    if author is None or not _URI.fullmatch(note.uri):
        return Reject(Reason.BAD_ID, "a notification whose uri or author is none", raw[:MAX_RAW])
    if note.record is None:
        return Reject(Reason.WRONG_SHAPE, "a notification without a record", raw[:MAX_RAW])
    at = sane_time(note.indexed_at) or heard_at
    return _mention(note.uri, author, note.record, raw, revision="", content_id=note.cid, network_at=at)


def sane_time(text: str) -> datetime | None:
    """A time given by the network; None before 2010, which no server of this network ever meant."""
    moment = parse_time(text)
    return moment if moment is not None and moment.year >= 2010 else None


def _author(person: Person | None) -> Author | None:
    if person is None or not _DID.fullmatch(person.did):
        return None
    return Author(SPACE, person.did, clean_handle(person.handle), storable(person.name)[:640])


# Threads and profiles ------------------------------------------------------------------------------------------------


def convert_post_view(view: dict[str, Any], heard_at: datetime, revision: str = "") -> Mention | Reject | None:
    """A post as the AppView shows it (getPosts, getPostThread); None: not a post. Never raises."""
    try:
        raw = json.dumps(view, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
        note = fitted(PostView, view)
    except (RecursionError, ValueError):
        return Reject(Reason.TOO_BIG, "a post nested too deeply", b"")
    if f"/{POST}/" not in note.uri:
        return None
    author = _author(note.author)
    if author is None or not _URI.fullmatch(note.uri) or note.record is None:
        return Reject(Reason.WRONG_SHAPE, "a post without uri, author or record", raw[:MAX_RAW])
    at = sane_time(note.indexed_at) or heard_at
    read = _mention(note.uri, author, note.record, raw, revision=revision, content_id=note.cid, network_at=at)
    if isinstance(read, Reject):
        return read
    return replace(
        read,
        likes=_count(note.likes),
        reposts=_count(note.reposts),
        replies=_count(note.replies),
        quotes=_count(note.quotes),
    )


def convert_shown(raw: bytes, heard_at: datetime) -> Mention | Reject | None:
    """The kept bytes of a post as the AppView showed it; None: not a post. Never raises."""
    try:
        view = json.loads(raw.decode("utf-8", "replace"))
    except (RecursionError, ValueError):
        return Reject(Reason.NOT_DECODED, "a shown post: not JSON", raw[:MAX_RAW])
    return convert_post_view(view, heard_at) if isinstance(view, dict) else None


def convert_thread(body: bytes, heard_at: datetime) -> ThreadRead | Reject:
    """The answer of getPostThread: posts from the top down, and the keys that it says are gone or closed to us. Never raises."""
    try:
        loose = json.loads(body.decode("utf-8", "replace"))
    except (RecursionError, ValueError):
        return Reject(Reason.NOT_DECODED, "getPostThread: not JSON", body[:MAX_RAW])
    top = loose.get("thread") if isinstance(loose, dict) else None
    if not isinstance(top, dict):
        return Reject(Reason.WRONG_SHAPE, "getPostThread: no thread", body[:MAX_RAW])
    found: dict[str, Mention] = {}
    missing: list[Key] = []
    above: list[dict[str, Any]] = []
    parent = top.get("parent")
    while isinstance(parent, dict):
        above.append(parent)
        parent = parent.get("parent")
    waiting = [top, *above]  # taken from the end: the root first, then down, then the answers
    while waiting:
        node = waiting.pop()
        view = node.get("post")
        if isinstance(view, dict):
            mention = convert_post_view(view, heard_at)
            if isinstance(mention, Mention):
                found.setdefault(mention.key.external_id, mention)
        elif isinstance(uri := node.get("uri"), str) and _URI.fullmatch(uri):
            missing.append(Key(SPACE, uri))
        answers = node.get("replies")
        if isinstance(answers, list):
            waiting.extend(answer for answer in reversed(answers) if isinstance(answer, dict))
    return ThreadRead(tuple(found.values()), tuple(dict.fromkeys(missing)))


def convert_profile(body: bytes) -> Profile | Reject:
    """The answer of getProfile. Never raises."""
    view = decode(ProfileView, body)
    if isinstance(view, str):
        return Reject(Reason.NOT_DECODED, f"getProfile: {view}", body[:MAX_RAW])
    author = _author(Person(view.did, view.handle, view.name))
    if author is None:
        return Reject(Reason.BAD_ID, "getProfile: the did is none", body[:MAX_RAW])
    verified = None if view.verification is None else view.verification.status == "valid"
    return Profile(author, storable(view.bio)[:30_000], _count(view.followers), _count(view.posts), verified)


def _count(number: int | None) -> int | None:
    return number if number is not None and 0 <= number < 2**63 else None
