"""Bytes of RSS, Atom and JSON Feed as entries: decoded, mended, bounded, and never raising, whatever the bytes are. Pure.

Owns what a document says of itself (its hub, how often to read it) and of its entries, in the narrow shape of `Entry`. Before feedparser
sees a document it is well-formed and small in every way in which feedparser is slow: distinct tags, attributes and authors cost it their
square. What breaks off keeps its whole entries. Nobody here is ever given an address, and no entity of a document is ever expanded.
"""

from __future__ import annotations

import codecs
import html
import io
import json
import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import urljoin
from xml.parsers import expat

import feedparser

from listener.harmless import storable
from listener.markup import plain
from listener.model.heard import Reason, Reject

MAX_BODY = 10 << 20
"""Bytes of a document that are read."""
MAX_ENTRIES = 500
MAX_RAW = 64 << 10
MAX_BODY_TEXT = 100_000
"""Characters of one entry's markup that are kept."""

_MOST_ATTRIBUTES = 100
_MOST_ELEMENTS = 500
"""Of one entry, or of all that is not in one, without the elements of XHTML."""
_LONGEST_NAME = 1_000
"""Characters of an author: an address is looked for in them, with a pattern that costs the square."""
_DEEPEST = 200
_MOST_PARTS = 150_000
"""Elements and attributes of a whole document."""
_MOST_WORK = 20_000_000
"""What feedparser's squares may come to: a second or two."""
_ENTRIES = frozenset({"item", "entry"})
_PEOPLE = frozenset({
    "author", "creator", "contributor", "publisher", "webmaster", "managingeditor", "name", "email", "owner", "editor",
})  # fmt: skip
_XHTML = "http://www.w3.org/1999/xhtml"
_TOMBSTONES = "http://purl.org/atompub/tombstones/1.0"
_NAMESPACES = {
    "media": "http://search.yahoo.com/mrss/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "dcterms": "http://purl.org/dc/terms/",
    "content": "http://purl.org/rss/1.0/modules/content/",
    "itunes": "http://www.itunes.com/dtds/podcast-1.0.dtd",
    "atom": "http://www.w3.org/2005/Atom",
    "atom10": "http://www.w3.org/2005/Atom",
    "sy": "http://purl.org/rss/1.0/modules/syndication/",
    "slash": "http://purl.org/rss/1.0/modules/slash/",
    "thr": "http://purl.org/syndication/thread/1.0",
    "im": "http://itunes.apple.com/rss",
}
_PERIODS = {"hourly": 3600.0, "daily": 86400.0, "weekly": 7 * 86400.0, "monthly": 30 * 86400.0, "yearly": 365 * 86400.0}


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry, as the document says it; kept with the message, so that it can be read again. Texts may hold markup."""

    id: str = ""
    link: str = ""
    title: str = ""
    body: str = ""
    plain: bool = False
    """The body is text, not HTML."""
    author: str = ""
    author_url: str = ""
    published: str = ""
    """In ISO 8601, UTC; '' : not said, or no time."""
    updated: str = ""
    lang: str = ""
    tags: tuple[str, ...] = ()
    media: int = 0
    rating: float | None = None
    replies: int | None = None
    parent: str = ""


class Gone(NamedTuple):
    """An entry that the feed says is deleted."""

    id: str
    at: str
    """In ISO 8601; '' : not said."""


@dataclass(frozen=True, slots=True)
class Document:
    """A feed as it is now."""

    title: str
    lang: str
    entries: tuple[Entry, ...]
    """As they stand there."""
    gone: tuple[Gone, ...] = ()
    hub: str = ""
    own: str = ""
    """Its own address by which its hub knows it."""
    older: str = ""
    """Where what came before it is: an archive, or the next page."""
    every: float = 0.0
    """Seconds between two readings that it asks for; 0: it does not."""
    told: str = ""
    """What was wrong with it, in words; '' : nothing."""


def read_document(body: bytes, content_type: str = "", url: str = "", whole: bool = True) -> Document | Reject:
    """What a document says. A Reject when it is no feed, or is built to be slow. Never raises.

    `whole` is False for one that broke off. Relative links are completed by `url`.
    """
    try:
        text = decode(body[:MAX_BODY], content_type)
        start = text.lstrip("\ufeff \t\r\n")
        cut = not whole or len(body) > MAX_BODY
        if start.startswith("{") or (start.startswith("[") and "json" in content_type):
            return _json(start, body, url)
        return _xml(start, body, url, cut)
    except RecursionError:
        return _no(Reason.TOO_BIG, "nested too deeply", body)
    except Exception as err:  # feedparser's own stumbling: its kinds are not ours to know
        return _no(Reason.NOT_DECODED, f"the parser stumbled: {type(err).__name__}", body)


def _no(reason: Reason, detail: str, body: bytes) -> Reject:
    return Reject(reason, detail, body[:MAX_RAW])


def own_of(body: bytes, content_type: str = "") -> str:
    """The address that a document says is its own (`rel="self"`, `feed_url`), without reading more of it; '' : it says none. Never raises."""
    try:
        text = decode(body[:MAX_BODY], content_type).lstrip("\ufeff \t\r\n")
        if text.startswith("{"):
            loose = json.loads(text)
            return _absolute(_string(loose.get("feed_url")), "") if isinstance(loose, dict) else ""
        return _absolute(_Look(mend(text).encode("utf-8", "replace")).own, "")
    except (ValueError, RecursionError, _TooMuch):
        return ""


# Bytes to text -------------------------------------------------------------------------------------------------------

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([A-Za-z0-9._:-]{1,40})", re.IGNORECASE)
_DECLARED = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._:-]{1,40})", re.IGNORECASE)
_SINGLE = frozenset({"iso8859-1", "ascii", "latin-1"})


def decode(body: bytes, content_type: str = "") -> str:
    """The text of a document: by its mark, by its shape, by what is declared where that fits, else by what does. Never raises.

    Latin-1 is read as windows-1252, which is what is meant. Where UTF-8 is broken in places it stays UTF-8.
    """
    for mark, name in _BOMS:
        if body.startswith(mark):
            return body[len(mark) :].decode(name, "replace")
    if body[:4] in {b"<\0?\0", b"<\0r\0", b"<\0f\0"}:
        return body.decode("utf-16-le", "replace")
    if body[:4] in {b"\0<\0?", b"\0<\0r", b"\0<\0f"}:
        return body.decode("utf-16-be", "replace")
    names = [found[1] for found in (_CHARSET.search(content_type),) if found]
    names += [found[1].decode("ascii") for found in (_DECLARED.search(body[:1000]),) if found]
    for name in names:
        codec = _codec(name)
        if not codec or codec.startswith(("utf-16", "utf-32")):
            continue  # it is neither: it was looked at
        try:
            # A single-byte code fits everything, so it is believed only where UTF-8 does not fit.
            return _utf8(body) if codec == "utf-8" else _not_utf8(body, codec)
        except (UnicodeError, ValueError):
            continue
    try:
        return _utf8(body)
    except UnicodeError:
        return body.decode("windows-1252", "replace")


def _codec(name: str) -> str:
    try:
        found = codecs.lookup(name)
    except (LookupError, ValueError):
        return ""
    return found.name if getattr(found, "_is_text_encoding", True) else ""


def _utf8(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        text = body.decode("utf-8", "replace")
        good = len(text) - len(text.encode("ascii", "ignore"))
        if good < 4 * text.count("\ufffd"):  # fewer than three good ones for a bad one: it is something else
            raise
        return text


def _not_utf8(body: bytes, codec: str) -> str:
    codec = "windows-1252" if codec in _SINGLE else codec
    try:
        text = body.decode("utf-8")
        if not text.isascii():
            return text
    except UnicodeDecodeError:
        pass
    return body.decode(codec, "replace" if codec == "windows-1252" else "strict")


# XML -----------------------------------------------------------------------------------------------------------------

_ENTITY = re.compile(r"&(?:#(\d{1,8});|#[xX]([0-9a-fA-F]{1,7});|([A-Za-z][A-Za-z0-9]{1,31});)?")
_PREFIX = re.compile(r"[<\s/]([A-Za-z_][\w.-]{0,40}):[A-Za-z_]")
_DECLARES = re.compile(r"xmlns:([A-Za-z_][\w.-]{0,40})\s*=")
_ROOT = re.compile(r"<[A-Za-z_][\w.:-]{0,60}")
_XML_OWN = frozenset({"amp", "lt", "gt", "quot", "apos"})
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def mend(text: str) -> str:
    """A document without declaration and document type, with every sign and entity one that XML knows, and every prefix declared. Linear."""
    text = _UNFIT.sub("\ufffd", text)
    root = _root(text)
    if root < 0:
        return ""
    text = text[root:]
    parts = []
    at = 0
    while (start := text.find("<![CDATA[", at)) >= 0 and (end := text.find("]]>", start)) >= 0:
        parts += [_ENTITY.sub(_entity, text[at:start]), text[start : end + 3]]
        at = end + 3
    parts.append(_ENTITY.sub(_entity, text[at:]))
    text = "".join(parts)
    missing = {found[1] for found in _PREFIX.finditer(text)} - {found[1] for found in _DECLARES.finditer(text)}
    missing -= {"xml", "xmlns", "http", "https"}
    if missing and len(missing) <= 20 and (found := _ROOT.match(text)):
        declared = "".join(f' xmlns:{name}="{_NAMESPACES.get(name, f"urn:{name}")}"' for name in sorted(missing))
        text = f"{found[0]}{declared}{text[found.end() :]}"
    return text


def _root(text: str) -> int:
    """Where the first element begins, past declarations, comments and a document type with its entities; -1: nowhere."""
    at = 0
    while (at := text.find("<", at)) >= 0:
        if text.startswith("<!--", at):
            at = _past(text, "-->", at)
        elif text.startswith("<?", at):
            at = _past(text, "?>", at)
        elif text[at : at + 9].upper() == "<!DOCTYPE":
            close, inner = text.find(">", at), text.find("[", at)
            if 0 <= inner < close:
                end = re.compile(r"\]\s{0,100}>").search(text, inner)
                at = end.end() if end else -1
            else:
                at = close
        elif _ROOT.match(text, at):
            return at
        else:
            at += 1
        if at < 0:
            return -1
    return -1


def _past(text: str, end: str, at: int) -> int:
    found = text.find(end, at)
    return found + len(end) if found >= 0 else -1


def _entity(found: re.Match[str]) -> str:
    decimal, hexadecimal, name = found.groups()
    if name:
        if name in _XML_OWN:
            return found[0]
        known = html.entities.html5.get(f"{name};")
        return known.replace("&", "&amp;").replace("<", "&lt;") if known else f"&amp;{name};"
    if decimal or hexadecimal:
        number = int(decimal) if decimal else int(hexadecimal, 16)
        fits = number in {9, 10, 13} or (number >= 32 and number <= 0x10FFFF and not 0xD800 <= number <= 0xDFFF)
        return found[0] if fits and number & 0xFFFF not in {0xFFFE, 0xFFFF} else "\ufffd"
    return "&amp;"


class _TooMuch(Exception):
    """Built to be slow."""


class _Look:
    """One pass by expat: whether a document is well-formed, where its last whole entry ends, and whether it is bounded."""

    def __init__(self, whole: bytes) -> None:
        self.ends: list[int] = []
        """Past each whole entry, in bytes."""
        self.broken = ""
        self.gone: list[Gone] = []
        self.own = ""
        self._open: list[str] = []
        self._within = -1
        """How many elements were open when the entry began; -1: in none."""
        self._elements = self._outside = 0
        self._named = self._parts = self._work = 0
        self._whole = whole
        self._parser = expat.ParserCreate("utf-8", " ")
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._close
        self._parser.CharacterDataHandler = self._text
        try:
            self._parser.Parse(whole, True)
        except expat.ExpatError as err:
            self.broken = f"line {err.lineno}: {expat.errors.messages.get(err.code, 'not well-formed')}"

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        space, _, word = name.rpartition(" ")
        word = word.lower()
        self._parts += 1 + len(attributes)
        if self._parts > _MOST_PARTS:
            raise _TooMuch(f"more than {_MOST_PARTS} elements and attributes")
        if len(attributes) > _MOST_ATTRIBUTES:
            raise _TooMuch(f"an element of {len(attributes)} attributes")
        if len(self._open) >= _DEEPEST:
            raise _TooMuch(f"more than {_DEEPEST} elements in one another")
        if word in _ENTRIES and self._within < 0:
            self._within, self._elements = len(self._open), 0
        if space != _XHTML:
            if self._within >= 0:
                self._elements += 1
            elif word != "li":
                self._outside += 1
            if max(self._elements, self._outside) > _MOST_ELEMENTS:
                raise _TooMuch(f"more than {_MOST_ELEMENTS} elements in one entry or before them")
        if word in _PEOPLE:
            self._named = 0
        if space == _TOMBSTONES and word == "deleted-entry" and len(self.gone) < MAX_ENTRIES:
            self.gone.append(Gone(attributes.get("ref", "").strip(), _iso(attributes.get("when", ""))))
        if word == "link" and self._within < 0 and not self.own and attributes.get("rel", "").lower() == "self":
            self.own = attributes.get("href", "").strip()
        self._open.append(word)

    def _close(self, _name: str) -> None:
        word = self._open.pop()
        if word in _PEOPLE:
            self._worked(self._named**2 // 10)
        if self._within == len(self._open):
            self._within = -1
            self._worked(self._elements**2)
            self.ends.append(self._whole.find(b">", self._parser.CurrentByteIndex) + 1)

    def _worked(self, more: int) -> None:
        self._work += more
        if self._work > _MOST_WORK:
            raise _TooMuch("too many elements and authors for its size")

    def _text(self, text: str) -> None:
        if self._open and self._open[-1] in _PEOPLE:
            self._named += len(text)
            if self._named > _LONGEST_NAME:
                raise _TooMuch(f"an author of more than {_LONGEST_NAME} characters")


def _xml(text: str, body: bytes, url: str, cut: bool) -> Document | Reject:
    mended = mend(text).encode("utf-8", "replace")
    if not mended:
        return _no(Reason.NOT_DECODED, "neither XML nor JSON", body)
    try:
        look = _Look(mended)
    except _TooMuch as err:
        return _no(Reason.TOO_BIG, str(err), body)
    told = ""
    if look.broken and not look.ends:
        return _no(Reason.NOT_DECODED, f"no feed: {look.broken}, and no whole entry before it", body)
    if look.broken:
        told = f"it broke off ({look.broken})" if cut else f"it is broken ({look.broken})"
        told += f"; the {len(look.ends)} whole entries before that are read"
    elif cut:
        told = "it broke off"
    if len(look.ends) > MAX_ENTRIES:
        told = told or f"of its {len(look.ends)} entries the first {MAX_ENTRIES} are read"
    ends = look.ends[:MAX_ENTRIES]
    if ends and (look.broken or len(look.ends) > MAX_ENTRIES):
        mended = _closed(mended[: ends[-1]])
    read = feedparser.parse(  # type: ignore[attr-defined, no-untyped-call]
        io.BytesIO(mended),
        response_headers={"content-type": "application/xml; charset=utf-8"},
        sanitize_html=False,
        resolve_relative_uris=False,
    )
    if not read.version and not read.entries:
        return _no(Reason.NOT_DECODED, "XML, but no feed", body)
    channel = read.feed
    lang = _string(channel.get("language"))
    links = _links(channel)
    return Document(
        title=_string(channel.get("title"))[:300],
        lang=lang,
        entries=tuple(_entry(one, url, read.version.startswith("atom")) for one in read.entries[:MAX_ENTRIES]),
        gone=tuple(one for one in look.gone if one.id),
        hub=_absolute(_of(links, "hub"), url),
        own=_absolute(_of(links, "self"), url),
        older=_absolute(_of(links, "prev-archive") or _of(links, "next"), url),
        every=_every(channel),
        told=told,
    )


def _closed(head: bytes) -> bytes:
    """What ends right behind an entry, with the elements closed that are still open. It is well-formed up to there."""
    parser = expat.ParserCreate("utf-8")
    waiting: list[str] = []
    parser.StartElementHandler = lambda name, _: waiting.append(name)
    parser.EndElementHandler = lambda _: waiting.pop()
    parser.Parse(head, False)
    return head + b"".join(f"</{name}>".encode() for name in reversed(waiting))


def _entry(one: Mapping[str, Any], url: str, typed: bool) -> Entry:
    """`typed`: the format says which of its texts are HTML; RSS leaves that open."""
    body, is_text = _body(one, typed)
    person = one.get("author_detail")
    person = person if isinstance(person, dict) else {}
    parent = one.get("thr_in-reply-to")
    link = _string(one.get("link"))
    return Entry(
        id=_string(one.get("id")),
        link=_absolute(link, url),
        title=_title(one, typed),
        body=body,
        plain=is_text,
        author=(_string(person.get("name")) or _string(one.get("author")))[:300],
        author_url=_absolute(_string(person.get("href")), url),
        published=_moment(one.get("published_parsed") or one.get("created_parsed")),
        updated=_moment(one.get("updated_parsed") if "updated" in one else None),
        lang=_lang_of(one),
        tags=_tags(tag.get("term") for tag in _dicts(one.get("tags"))),
        media=_media(one),
        rating=_rating(one.get("im_rating"), one.get("rating"), one.get("review_rating")),
        replies=_whole(one.get("slash_comments") or one.get("thr_total")),
        parent=_string(parent.get("ref")) if isinstance(parent, dict) else "",
    )


def _title(one: Mapping[str, Any], typed: bool) -> str:
    value, detail = _string(one.get("title"))[:4_000], one.get("title_detail")
    return value if _is_text(detail, value, typed) else plain(value)


def _body(one: Mapping[str, Any], typed: bool) -> tuple[str, bool]:
    """The longest that it says beside its title, and whether that is plain text."""
    best, is_text = "", False
    for part in _dicts([one.get("summary_detail"), *_dicts(one.get("content"))]):
        value = _string(part.get("value"))
        if len(value) > len(best):
            best, is_text = value, _is_text(part, value, typed)
    return best[:MAX_BODY_TEXT], is_text


def _is_text(detail: Any, value: str, typed: bool) -> bool:
    """Where the format does not say, what shows no sign of markup is text."""
    said = isinstance(detail, dict) and detail.get("type") == "text/plain"
    return said and (typed or ("<" not in value and "&" not in value))


def _lang_of(one: Mapping[str, Any]) -> str:
    parts = [one, *_dicts(one.get("content")), *_dicts([one.get("title_detail"), one.get("summary_detail")])]
    return next((lang for part in parts if (lang := _string(part.get("language")))), "")


def _media(one: Mapping[str, Any]) -> int:
    found = {
        _string(part.get("url") or part.get("href"))
        for name in ("media_content", "enclosures")
        for part in _dicts(one.get(name))
    }
    return min(len(found - {""}), 100)


def _every(channel: Mapping[str, Any]) -> float:
    """Seconds between two readings that a feed asks for."""
    asked = 60.0 * (_number(channel.get("ttl")) or 0.0)
    period = _string(channel.get("sy_updateperiod")).lower()
    if period in _PERIODS:
        asked = max(asked, _PERIODS[period] / max(1.0, _number(channel.get("sy_updatefrequency")) or 1.0))
    return min(asked, 86400.0)


def _links(channel: Mapping[str, Any]) -> list[dict[str, Any]]:
    return _dicts(channel.get("links"))


def _of(links: list[dict[str, Any]], rel: str) -> str:
    return next((_string(link.get("href")) for link in links if link.get("rel") == rel), "")


def _moment(parsed: Any) -> str:
    try:
        return datetime(*parsed[:6]).replace(tzinfo=UTC).isoformat() if parsed else ""
    except (ValueError, TypeError, OverflowError):
        return ""


def _iso(text: str) -> str:
    """A time of RFC 3339 in UTC; '' where it is none."""
    try:
        moment = datetime.fromisoformat(text.strip()[:40])
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        return moment.isoformat()
    except (ValueError, OverflowError):
        return ""


# JSON ----------------------------------------------------------------------------------------------------------------


def _json(text: str, body: bytes, url: str) -> Document | Reject:
    try:
        loose = json.loads(text)
    except ValueError:
        return _no(Reason.NOT_DECODED, "neither XML nor whole JSON", body)
    items = loose.get("items") if isinstance(loose, dict) else None
    if not isinstance(items, list):
        return _no(Reason.WRONG_SHAPE, "JSON without a list of items", body)
    told = f"of its {len(items)} entries the first {MAX_ENTRIES} are read" if len(items) > MAX_ENTRIES else ""
    hubs = [
        _string(hub.get("url")) for hub in _dicts(loose.get("hubs")) if _string(hub.get("type")).lower() == "websub"
    ]
    return Document(
        title=_string(loose.get("title"))[:300],
        lang=_string(loose.get("language")),
        entries=tuple(_item(one if isinstance(one, dict) else {}, loose, url) for one in items[:MAX_ENTRIES]),
        hub=_absolute(next(iter(hubs), ""), url),
        own=_absolute(_string(loose.get("feed_url")), url),
        older=_absolute(_string(loose.get("next_url")), url),
        told=told,
    )


def _item(one: Mapping[str, Any], feed: Mapping[str, Any], url: str) -> Entry:
    people = _dicts(one.get("authors")) or _dicts([one.get("author")]) or _dicts(feed.get("authors"))
    person = people[0] if people else {}
    markup, words = _string(one.get("content_html")), _string(one.get("content_text"))
    number = one.get("id")
    pictures = {_string(one.get("image"))} | {_string(part.get("url")) for part in _dicts(one.get("attachments"))}
    tags = one.get("tags")
    return Entry(
        id=_string(number) or (str(number) if isinstance(number, int | float) and not isinstance(number, bool) else ""),
        link=_absolute(_string(one.get("url")) or _string(one.get("external_url")), url),
        title=_string(one.get("title"))[:2_000],
        body=(markup or words or _string(one.get("summary")))[:MAX_BODY_TEXT],
        plain=not markup,
        author=_string(person.get("name"))[:300],
        author_url=_absolute(_string(person.get("url")), url),
        published=_iso(_string(one.get("date_published"))),
        updated=_iso(_string(one.get("date_modified"))),
        lang=_string(one.get("language")),
        tags=_tags(tags if isinstance(tags, list) else ()),
        media=min(len(pictures - {""}), 100),
    )


# Values --------------------------------------------------------------------------------------------------------------


def _string(value: Any) -> str:
    return storable(unicodedata.normalize("NFC", value).strip()) if isinstance(value, str) else ""


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _tags(values: Iterable[Any]) -> tuple[str, ...]:
    tags = (_string(value).lstrip("#")[:200] for value in values)
    return tuple(dict.fromkeys(tag for tag in tags if tag))[:100]


def _number(value: Any) -> float | None:
    try:
        found = float(value) if isinstance(value, str | int | float) and len(str(value)) < 20 else math.nan
    except ValueError:
        return None
    return found if math.isfinite(found) and found >= 0 else None


def _whole(value: Any) -> int | None:
    found = _number(value)
    return int(found) if found is not None and found < 2**31 else None


def _rating(*values: Any) -> float | None:
    """Stars, where a feed of reviews gives them."""
    return next((found for value in values if (found := _number(value)) is not None and found <= 10), None)


def _absolute(address: str, base: str) -> str:
    """An address of the web, completed; '' for all else."""
    try:
        found = urljoin(base, address) if address else ""
    except ValueError:
        return ""
    return found if found.startswith(("https://", "http://")) and len(found) <= 2048 else ""
