"""Mastodon's wire as our words: pure functions from bytes to items that never raise, whatever the bytes are.

Owns what statuses, notifications, threads and profiles mean, and the envelope in which a status is kept: ids are each server's own, so beside
it stands for which account of ours it was read, what its parent is called everywhere, and by what notification it came. Refuses clocks and
wires, and to guess: who is named comes from the status's own list, never from its text.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from listener.harmless import storable
from listener.markup import plain, read
from listener.model.heard import Author, Key, Mention, Profile, Reason, Reject
from listener.model.kinds import Audience, Kind

NAME = "mastodon"
SPACE = "mastodon"

MAX_RAW = 64 << 10
"""Bytes kept of an item that could not be used."""
MAX_FRAME = 1 << 20
MAX_TEXT = 100_000
"""Code points of a status; servers set their own limit, some very high."""
MAX_LIST = 100

ADDRESSING = ("mention", "quote", "status", "update", "quoted_update")
"""Notifications that bring a message: to us, about us, or one that was held and changed. All others count or organise."""
DIRECT = "direct"
_AUDIENCE = {
    "public": Audience.PUBLIC,
    "unlisted": Audience.UNLISTED,
    "private": Audience.FOLLOWERS,
    DIRECT: Audience.PUBLIC,  # a private message: `kind` says it
}
"""Relatives know others."""

_ID = re.compile(r"[^\s\x00-\x1f\x7f]{1,2048}")
_LOCAL = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
_ACCT = re.compile(r"[^\s@\x00-\x1f\x7f]{1,128}(?:@[^\s@/\x00-\x1f\x7f]{1,253})?")
_LANG = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8}){0,7}")
_VISIBILITY = re.compile(r"[a-z_]{1,32}")


@dataclass(frozen=True, slots=True)
class Us:
    """For whom a status was read."""

    server: str
    """https://host"""
    domain: str
    """What stands behind the @ in the handles of its people."""
    id: str
    """The account's id on that server."""
    external_id: str

    @property
    def private_space(self) -> str:
        """The space of what is said to this account alone."""
        return f"{SPACE}/{self.external_id}"


# The envelope --------------------------------------------------------------------------------------------------------


def packed(us: Us, status: object, *, parent: str = "", note: str = "", told_at: str = "") -> bytes:
    """A status as it is kept: with all that reading it again needs."""
    envelope = {
        "us": [us.server, us.domain, us.id, us.external_id],
        "parent": parent,
        "note": note,
        "told_at": told_at,
        "status": status,
    }
    try:
        return json.dumps(envelope, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    except (RecursionError, ValueError, TypeError):
        return b"{}"


def decoded(raw: bytes) -> Any:
    """JSON as Python has it; None for what is none. Never raises."""
    if len(raw) > 8 * MAX_FRAME:
        return None
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


def convert(raw: bytes, heard_at: datetime) -> Mention | Reject:
    """An envelope as a mention, or why not. Never raises."""
    if len(raw) > MAX_FRAME:
        return Reject(Reason.TOO_BIG, f"a status of {len(raw)} bytes", raw[:MAX_RAW])
    envelope = decoded(raw)
    us = _us(envelope.get("us")) if isinstance(envelope, dict) else None
    if us is None:
        return Reject(Reason.NOT_DECODED, "not a status as it is kept here", raw[:MAX_RAW])
    status = envelope.get("status")
    if not isinstance(status, dict):
        return Reject(Reason.WRONG_SHAPE, "a notification without its status", raw[:MAX_RAW])
    try:
        return _mention(us, envelope, status, raw, heard_at)
    except RecursionError:
        return Reject(Reason.TOO_BIG, "a status nested too deeply", raw[:MAX_RAW])


def _us(told: object) -> Us | None:
    if isinstance(told, list) and len(told) == 4 and all(isinstance(one, str) and one for one in told):
        return Us(*told)
    return None


# A status ------------------------------------------------------------------------------------------------------------


def _mention(
    us: Us, envelope: Mapping[str, Any], status: Mapping[str, Any], raw: bytes, heard_at: datetime
) -> Mention | Reject:
    uri, author = text_of(status, "uri"), author_of(status.get("account"), us)
    if not _ID.fullmatch(uri) or author is None:
        return Reject(Reason.BAD_ID, "a status whose uri or author is none", raw[:MAX_RAW])
    content, visibility = status.get("content"), text_of(status, "visibility")
    if not isinstance(content, str):
        return Reject(Reason.WRONG_SHAPE, "a status without content, or with one that is not text", raw[:MAX_RAW])
    if not _VISIBILITY.fullmatch(visibility):
        return Reject(Reason.WRONG_SHAPE, "a status that does not say who may read it", raw[:MAX_RAW])
    created = parse_time(text_of(status, "created_at"))
    if created is None:
        return Reject(Reason.BAD_TIME, "a status whose time is none", raw[:MAX_RAW])
    body = read(content)
    text = said(status, body.text)
    if len(text) > MAX_TEXT:
        return Reject(Reason.TOO_BIG, f"a text of {len(text)} characters", raw[:MAX_RAW])
    parent = text_of(envelope, "parent")
    told_at = parse_time(text_of(envelope, "told_at"))
    quoted = _quoted(status)
    answers = text_of(status, "in_reply_to_account_id") == us.id or (quoted is not None and quoted[1] == us.id)
    own = text_of(status.get("account"), "id") == us.id
    return Mention(
        Key(us.private_space if visibility == DIRECT else SPACE, uri),
        NAME,
        author,
        storable(text),
        _kind(status, visibility, quoted is not None),
        raw,
        revision_of(status),
        content_id_of(status),
        parent if _ID.fullmatch(parent) else None,
        None,
        quoted[0] if quoted is not None else None,
        _named(status, us),
        _tags(status),
        tuple(storable(link)[:8192] for link in body.links[:MAX_LIST]),
        min(len(_list(status, "media_attachments")), MAX_LIST),
        (lang,) if _LANG.fullmatch(lang := text_of(status, "language")) else (),
        url if (url := text_of(status, "url")).startswith(("https://", "http://")) else "",
        created,
        told_at if told_at is not None and not own else created,
        likes=_count(status, "favourites_count"),
        reposts=_count(status, "reblogs_count"),
        replies=_count(status, "replies_count"),
        quotes=_count(status, "quotes_count"),
        audience=_AUDIENCE.get(visibility, Audience.SOME),
        answers=(us.external_id,) if answers and not own else (),
    )


def said(status: Mapping[str, Any], content: str) -> str:
    """What a status says: its warning first, its words, and what can be voted for."""
    poll = status.get("poll")
    options = _list(poll, "options") if isinstance(poll, dict) else []
    choices = "\n".join(f"- {text_of(one, 'title')}" for one in options[:MAX_LIST])
    return "\n\n".join(part for part in (text_of(status, "spoiler_text").strip(), content, choices) if part)


def revision_of(status: Mapping[str, Any]) -> str:
    """The order of a status's states: 0 as it was first said, then by the time of the last edit."""
    edited = parse_time(text_of(status, "edited_at"))
    return "0" if edited is None else edited.strftime("1%Y%m%d%H%M%S%f")


def content_id_of(status: Mapping[str, Any]) -> str:
    """Equal for equal words and as many pictures, also as another server shows them."""
    content = status.get("content")
    words = said(status, plain(content) if isinstance(content, str) else "")
    told = f"{len(_list(status, 'media_attachments'))}\n{words}".encode("utf-8", "replace")
    return hashlib.sha256(told).hexdigest()[:32]


def _kind(status: Mapping[str, Any], visibility: str, quotes: bool) -> Kind:
    if visibility == DIRECT:
        return Kind.DM
    if text_of(status, "in_reply_to_id"):
        return Kind.REPLY
    return Kind.QUOTE if quotes else Kind.POST


def _quoted(status: Mapping[str, Any]) -> tuple[str, str] | None:
    """(uri, its author's id here) of what is quoted, where the server shows it."""
    quote = status.get("quote")
    inner = quote.get("quoted_status") if isinstance(quote, dict) else None
    if not isinstance(inner, dict):
        inner = quote if isinstance(quote, dict) and "uri" in quote else None  # relatives show the status itself
    if inner is None or not _ID.fullmatch(uri := text_of(inner, "uri")):
        return None
    return uri, text_of(inner.get("account"), "id")


def _named(status: Mapping[str, Any], us: Us) -> tuple[str, ...]:
    found = []
    for one in _list(status, "mentions")[:MAX_LIST]:
        name = us.external_id if text_of(one, "id") == us.id else text_of(one, "url")
        if _ID.fullmatch(name):
            found.append(name)
    return tuple(dict.fromkeys(found))


def _tags(status: Mapping[str, Any]) -> tuple[str, ...]:
    names = (storable(text_of(one, "name"))[:640] for one in _list(status, "tags")[:MAX_LIST])
    return tuple(dict.fromkeys(name for name in names if name))


def author_of(account: object, us: Us) -> Author | None:
    """Who wrote it; None where the account cannot be told from others."""
    if not isinstance(account, dict):
        return None
    external_id = external_id_of(account)
    if not external_id:
        return None
    return Author(SPACE, external_id, handle_of(account, us.domain), storable(text_of(account, "display_name"))[:640])


def external_id_of(account: Mapping[str, Any]) -> str:
    """What an account is called everywhere: its actor's address, else its page's; '' : neither is one."""
    for name in ("uri", "url"):
        if _ID.fullmatch(found := text_of(account, name)):
            return found
    return ""


def handle_of(account: Mapping[str, Any], domain: str) -> str:
    """name@host, also of people of the server itself; '' when it is none."""
    acct = text_of(account, "acct")
    if not _ACCT.fullmatch(acct):
        return ""
    return acct if "@" in acct or not domain else f"{acct}@{domain}"


# Notifications, events, pages ----------------------------------------------------------------------------------------


def convert_profile(account: object, us: Us) -> Profile | Reject:
    """The answer of accounts/:id. Never raises."""
    author = author_of(account, us)
    if author is None or not isinstance(account, dict):
        return Reject(Reason.BAD_ID, "an account that cannot be told from others", b"")
    note = account.get("note")
    bio = plain(note) if isinstance(note, str) else ""
    verified = any(isinstance(one, dict) and one.get("verified_at") for one in _list(account, "fields"))
    posts = _count(account, "statuses_count")
    return Profile(author, storable(bio)[:30_000], _count(account, "followers_count"), posts, verified or None)


def statuses_in(body: object) -> Iterator[Mapping[str, Any]]:
    """Each status of a page, or of a thread, that can be told from others here."""
    parts = ("ancestors", "descendants", "statuses")
    for page in [body.get(part) for part in parts] if isinstance(body, dict) else [body]:
        for one in page if isinstance(page, list) else ():
            if isinstance(one, dict) and id_of(one):
                yield one


def id_of(thing: object) -> str:
    """Its id on the server; '' when it is none. Mostly digits, but nobody promises that."""
    found = text_of(thing, "id")
    return found if _LOCAL.fullmatch(found) else ""


def key_of(status: Mapping[str, Any], us: Us) -> Key | None:
    """What a status is called here; None where it cannot be told from others."""
    uri = text_of(status, "uri")
    if not _ID.fullmatch(uri):
        return None
    return Key(us.private_space if text_of(status, "visibility") == DIRECT else SPACE, uri)


def host_of(address: str) -> str:
    """host[:port] of an address; '' when it is none."""
    try:
        return urlsplit(address).netloc.lower()
    except ValueError:
        return ""


# Fields --------------------------------------------------------------------------------------------------------------


def text_of(box: object, name: str) -> str:
    """A field's text; '' where there is none."""
    found = box.get(name) if isinstance(box, dict) else None
    return found if isinstance(found, str) else ""


def _list(box: object, name: str) -> list[Any]:
    found = box.get(name) if isinstance(box, dict) else None
    return found if isinstance(found, list) else []


def _count(box: Mapping[str, Any], name: str) -> int | None:
    number = box.get(name)
    return number if type(number) is int and 0 <= number < 2**63 else None


def parse_time(text: str) -> datetime | None:
    """A time as servers write it, in UTC; None for nonsense, and before 2008, when nothing of the kind was there."""
    if not 10 <= len(text) <= 40:
        return None
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if moment.year >= 2008 else None
