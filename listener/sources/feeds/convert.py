"""Entries of a feed as our words: whose identity, which text, whose revision. Pure, never raising.

A feed gives no bytes for one entry, so what is kept of each is its narrow shape as JSON with the feed's own name: it can be read again.
Identity is the entry's id, else its link, else a hash of what it says, in a space of its feed's own.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

import msgspec

from listener.harmless import storable
from listener.markup import read
from listener.model.heard import Author, Deleted, Item, Key, Mention, Reason, Reject
from listener.model.kinds import Kind
from listener.sources.feeds.document import MAX_RAW, Document, Entry, read_document

NAME = "feeds"
MAX_TEXT = 30_000
"""Code points; what is longer ends there."""
MAX_ID = 512
_LANG = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8}){0,7}")
_NEVER = datetime(1990, 1, 1, tzinfo=UTC)
_ADDRESS = re.compile(r"https?://[^\s<>\"']{4,2000}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of an entry beside the message."""

    space: str
    feed: str
    """The feed's title."""
    lang: str
    entry: Entry
    by_link: bool = False
    """Its id is no identity: other entries of the same feed have the same."""
    revision: str = ""


_KEPT = msgspec.json.Decoder(Kept)
_OUT = msgspec.json.Encoder()


def space_of(url: str) -> str:
    """The space of a feed's entries, and the key of its stream: its host for people, a digest for the machine."""
    host = re.sub(r"[^a-z0-9.-]", "", (urlsplit(url).hostname or "").lower())[:60]
    return f"{NAME}/{host}-{hashlib.sha256(url.encode('utf-8', 'replace')).hexdigest()[:10]}"


def kept_of(document: Document, space: str) -> list[Kept]:
    """The entries of a document, the oldest first where they say when, else the last of it first; each identity once, in its newest state."""
    ids = Counter({(one.id, one.link) for one in document.entries if one.id})
    links: Counter[str] = Counter(name for name, _ in ids)
    found: dict[str, Kept] = {}
    for one in reversed(document.entries):
        kept = Kept(space, document.title, document.lang, one, by_link=links[one.id] > 1 and bool(one.link))
        name = external_id(kept) or f"\x1f{len(found)}"
        if name not in found or one.updated >= found[name].entry.updated:
            found[name] = kept
    if all(kept.entry.published or kept.entry.updated for kept in found.values()):
        return sorted(found.values(), key=lambda kept: kept.entry.published or kept.entry.updated)
    return list(found.values())


def external_id(kept: Kept) -> str:
    """The entry's identity within its feed; '' where it says nothing at all."""
    one = kept.entry
    name = one.link if kept.by_link else one.id or one.link
    if not name and (one.title or one.body):
        said = "\x1f".join((one.title, one.published, "" if one.title else one.body))
        return f"sha256:{hashlib.sha256(said.encode('utf-8', 'replace')).hexdigest()}"
    if len(name) > MAX_ID or len(name.encode("utf-8", "replace")) > 2 * MAX_ID:
        return f"sha256:{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()}"
    return name


def convert_entry(kept: Kept, heard_at: datetime) -> Mention | Reject:
    """An entry as a message. Never raises."""
    one, raw = kept.entry, _OUT.encode(kept)
    name = external_id(kept)
    if not name:
        return Reject(Reason.WRONG_SHAPE, "an entry without an id, a link, a title or a text", raw[:MAX_RAW])
    if one.plain:
        words, links = one.body, tuple(dict.fromkeys(_ADDRESS.findall(one.body)))
    else:
        said = read(one.body)
        words, links = said.text, said.links
    text = _joined(one.title, storable(words))[:MAX_TEXT]
    published, updated = _time(one.published), _time(one.updated)
    at = next((moment for moment in (published, updated) if moment is not None), None)
    host = urlsplit(one.link).hostname or ""
    person = one.author_url or one.author or kept.feed or host or kept.space
    lang = one.lang or kept.lang
    parent = one.parent if one.parent and one.parent != name and len(one.parent) <= MAX_ID else None
    return Mention(
        key=Key(kept.space, name),
        source=NAME,
        author=Author(kept.space, person[:MAX_ID], "", one.author or kept.feed or host),
        text=text,
        kind=Kind.REVIEW if one.rating is not None else Kind.COMMENT if parent else Kind.POST,
        raw=raw,
        revision=kept.revision,
        content_id=hashlib.sha256(f"{one.rating}\x1f{text}".encode("utf-8", "replace")).hexdigest()[:16],
        parent=parent,
        tags=one.tags,
        links=tuple(link[:2048] for link in links)[:100],
        media=one.media,
        langs=(lang,) if _LANG.fullmatch(lang) else (),
        url=one.link,
        claimed_at=published or updated,
        network_at=at if at is None else min(at, heard_at),
        rating=one.rating,
        replies=one.replies,
    )


def with_revision(mention: Mention, revision: str) -> Mention:
    """The message under a revision, which is kept with it so that reading it again gives the same."""
    if revision == mention.revision:
        return mention
    return replace(mention, revision=revision, raw=_OUT.encode(replace(_KEPT.decode(mention.raw), revision=revision)))


def convert_document(body: bytes, content_type: str, space: str, heard_at: datetime, url: str = "") -> tuple[Item, ...]:
    """A whole document as items, by what it says itself: such as a delivery. Never raises."""
    document = read_document(body, content_type, url)
    if isinstance(document, Reject):
        return (document,)
    gone = {one.id: one.at for one in document.gone}
    items: list[Item] = [
        Deleted(Key(space, name), stamp(_time(at) or heard_at)) for name, at in gone.items() if len(name) <= MAX_ID
    ]
    for kept in kept_of(document, space):
        if external_id(kept) not in gone:
            said = said_at(kept.entry, heard_at) or heard_at
            items.append(convert_entry(replace(kept, revision=stamp(said)), heard_at))
    return tuple(items)


def reread(raw: bytes, heard_at: datetime) -> tuple[Item, ...]:
    """What kept bytes say: an entry, or that they are a whole document, which its feed brings again by itself. Never raises."""
    try:
        return (convert_entry(_KEPT.decode(raw), heard_at),)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return (Reject(Reason.NOT_DECODED, "a whole document that was no feed when it came", raw[:MAX_RAW]),)


def said_at(entry: Entry, heard_at: datetime) -> datetime | None:
    """When the feed says that the entry became what it is; None where it does not, or lies about the future."""
    moment = _time(entry.updated) or _time(entry.published)
    return moment if moment is not None and moment <= heard_at else None


def stamp(moment: datetime) -> str:
    """A revision: times of one width, compared as bytes."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")


def _time(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None and moment > _NEVER else None


def _joined(title: str, words: str) -> str:
    """Title and text, without saying the same twice: many feeds make the title from the text."""
    start = title.removesuffix("...").removesuffix("…").rstrip()
    if not title or (start and words.startswith(start)):
        return words or title
    return f"{title}\n\n{words}" if words else title
