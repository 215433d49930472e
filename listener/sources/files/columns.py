"""Rows of a file as our words: which column is what, what a time is, and a row as a mention or a reject. Pure, never raises on a row.

Owns the guesses and tells them. It refuses to change a text: what the file says is what is stored.
"""

from __future__ import annotations

import difflib
import email.utils
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from listener.errors import FixMe
from listener.harmless import storable
from listener.model.heard import Author, Key, Mention, Reason, Reject
from listener.model.kinds import Kind

NAME = "import"
MAX_RAW = 64 << 10
MAX_TEXT = 100_000
MAX_ID = 512

GUESSES: Mapping[str, tuple[str, ...]] = {
    "id": ("id", "tweet_id", "post_id", "status_id", "comment_id", "message_id", "review_id", "uri", "external_id"),
    "text": ("text", "body", "message", "content", "full_text", "tweet", "comment", "review"),
    "author": (
        "author",
        "author_id",
        "user",
        "user_id",
        "username",
        "screen_name",
        "handle",
        "author_handle",
        "author_username",
        "author_name",
        "user_username",
        "user_screen_name",
        "user_name",
    ),
    "at": ("at", "created_at", "date", "tweet_created", "timestamp", "time", "created", "posted_at", "datetime"),
    "parent": (
        "parent",
        "parent_id",
        "in_reply_to",
        "in_reply_to_id",
        "in_reply_to_status_id",
        "in_response_to_tweet_id",
        "reply_to",
    ),
    "root": ("root", "root_id", "conversation_id", "thread_id"),
    "lang": ("lang", "language"),
    "url": ("url", "link", "permalink"),
    "links": ("links", "urls", "expanded_urls"),
    "tags": ("tags", "hashtags"),
    "rating": ("rating", "stars", "star_rating"),
    "likes": ("likes", "like_count", "likes_count", "favorite_count", "favourites_count", "favorites", "favourites"),
    "reposts": ("reposts", "repost_count", "retweet_count", "retweets", "reblogs_count", "shares", "share_count"),
    "replies": ("replies", "reply_count", "replies_count", "comment_count", "comments"),
    "quotes": ("quotes", "quote_count"),
    "source": (),
}
"""Field to the column names that are taken for it, best first; what lies in an object is written with _ here.

A `source` column (the network that a row is from) is never guessed."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?) ?(Z|z|UTC|GMT|[+-]\d\d:?\d\d|[+-]\d\d)?)?", re.ASCII
)
_TWITTER = re.compile(r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) (\d\d) (\d\d:\d\d:\d\d) ([+-]\d{4}) (\d{4})", re.ASCII)
_MAIL = re.compile(r"(?:[A-Za-z]{3}, )?\d{1,2} [A-Za-z]{3} \d{4} .+", re.ASCII)
_NUMBER = re.compile(r"(\d{9,16})(?:\.(\d{1,9}))?", re.ASCII)
_FLOAT = re.compile(r"\A(\d{1,18})\.0\Z", re.ASCII)  # a column of ids with holes, as some programs write it
_MANGLED = re.compile(r"\d(?:[.,]\d+)?[Ee]\+\d+", re.ASCII)
_COUNT = re.compile(r"(\d{1,15}|\d{1,3}(?:[, _]\d{3}){1,4})(?:\.0+)?", re.ASCII)
_RATING = re.compile(
    r"(\d{1,3}(?:[.,]\d{1,3})?)(?: ?(?:/|of|out of) ?\d{1,3})?(?: ?(?:stars?|★))?", re.ASCII | re.IGNORECASE
)
_LINK = re.compile(r"https?://[^\s'\"|\[\]<>]+", re.IGNORECASE)
_BETWEEN_TAGS = re.compile(r"[\s,;|'\"\[\](){}]+")
_LANG = re.compile(r"[A-Za-z]{1,8}(?:[-_][A-Za-z0-9]{1,8}){0,7}")
_MONTHS = dict(zip(re.findall("...", "JanFebMarAprMayJunJulAugSepOctNovDec"), range(1, 13), strict=True))

Cell = Callable[[str], str]
"""A row: the value of a column by its name; '' where there is none. Raises `ValueError` where it is no single value."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column is which field."""

    of: Mapping[str, str]
    guessed: tuple[str, ...]
    """The fields whose column nobody named."""

    def __str__(self) -> str:
        told = (f"{name} = {column}{' (guessed)' if name in self.guessed else ''}" for name, column in self.of.items())
        return ", ".join(told)


def choose_columns(there: Sequence[str], named: Mapping[str, str], where: str) -> Columns:
    """The columns to read: those named, else those whose names say what they are. FixMe when a named one or any text is not there."""
    for field, column in named.items():
        if field not in GUESSES:
            raise FixMe(f"{field!r} is not something that we read", where=where, hint=_did_you_mean(field, GUESSES))
        check_column(column, there, where)
    plain = {_plain(column): column for column in reversed(there)}
    found, guessed = {}, []
    for field, names in GUESSES.items():
        if field in named:
            found[field] = named[field]
        elif column := next((plain[name] for name in names if name in plain), ""):
            found[field] = column
            guessed.append(field)
    if "text" not in found:
        raise FixMe("which column is the text?", where=where, hint=f"name it; the file has: {_listed(there)}")
    return Columns(found, tuple(guessed))


def check_column(column: str, there: Iterable[str], where: str) -> None:
    """FixMe, with the columns there are, when this one is not among them."""
    if column not in (names := list(there)):
        raise FixMe(f"there is no column {column!r}", where=where, hint=_did_you_mean(column, names))


def _did_you_mean(word: str, there: Iterable[str]) -> str:
    names = list(there)
    near = difflib.get_close_matches(word.lower(), [name.lower() for name in names], 1, 0.6)
    asked = f"did you mean {next(name for name in names if name.lower() == near[0])!r}? " if near else ""
    return f"{asked}there are: {_listed(names)}"


def _listed(names: Sequence[str]) -> str:
    shown = [storable(name)[:60] for name in names[:40]]
    return ", ".join(shown) + (", …" if len(names) > 40 else "")


def _plain(column: str) -> str:
    return re.sub(r"[\s.-]+", "_", column.strip().lower())


def parse_when(text: str) -> datetime | None:
    """A time as exports write it, in UTC: ISO 8601 with or without a zone (none: UTC), the classic Twitter form, mail dates, and unix
    seconds, milliseconds or microseconds. None for all else, also for dates whose day and month could be either.
    """
    text = text.strip()
    try:
        if found := _ISO.fullmatch(text):
            return _utc(datetime.fromisoformat(_iso(*found.groups())))
        if found := _NUMBER.fullmatch(text):
            digits = found[1]
            unit = 1_000_000 if len(digits) <= 11 else 1000 if len(digits) <= 14 else 1
            part = float(f"0.{found[2]}") if found[2] else 0.0
            return _EPOCH + timedelta(microseconds=int(digits) * unit + int(part * unit))
        if found := _TWITTER.fullmatch(text):
            day = f"{found[5]}-{_MONTHS[found[1]]:02d}-{found[2]}"
            return _utc(datetime.fromisoformat(f"{day}T{found[3]}{found[4][:3]}:{found[4][3:]}"))
        if _MAIL.fullmatch(text):
            return _utc(email.utils.parsedate_to_datetime(text))
    except (ValueError, OverflowError, KeyError, TypeError, IndexError):
        pass
    return None


def _iso(day: str, clock: str | None, zone: str | None) -> str:
    clock = (clock or "00:00").replace(",", ".")
    if clock[6:8] == "60":  # a leap second is told as the one before
        clock = f"{clock[:6]}59{clock[8:]}"
    zone = "+00:00" if zone in {None, "Z", "z", "UTC", "GMT"} else zone or ""
    if len(zone) == 3:
        zone += ":00"
    return f"{day}T{clock}{zone if ':' in zone else f'{zone[:3]}:{zone[3:]}'}"


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class SeveralValues(ValueError):
    """A list of plain values where a single one is needed."""

    def __init__(self, values: tuple[str, ...]) -> None:
        super().__init__("a list or an object where a single value is needed")
        self.values = values


def as_cell(value: Any) -> str:
    """A JSON value as a cell. SeveralValues for lists of plain values, ValueError for other lists and objects."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list) and not any(isinstance(one, list | dict) for one in value):
        raise SeveralValues(tuple(map(as_cell, value)))
    raise ValueError("a list or an object where a single value is needed")


def is_value(cell: str, value: str) -> bool:
    """Whether a cell says a value: as text, without spaces around it, in any case (true is True)."""
    return cell.strip().casefold() == value.strip().casefold()


def convert_row(cell: Cell, columns: Columns, space: str, line: int, raw: bytes) -> Mention | Reject:
    """A row as a mention; a Reject names its line and says why."""

    def reject(reason: Reason, detail: str) -> Reject:
        return Reject(reason, f"line {line}: {detail}", raw[:MAX_RAW])

    has: dict[str, str] = {}
    for field, column in columns.of.items():
        if field not in _EXTRAS:
            try:
                has[field] = cell(column)
            except ValueError as err:
                return reject(Reason.WRONG_SHAPE, f"column {column!r} is {err}")
    text = storable(has["text"])
    if len(text) > MAX_TEXT:
        return reject(Reason.TOO_BIG, f"a text of {len(text)} characters")
    said = has.get("at", "").strip()
    at = parse_when(said) if said else None
    if said and at is None:
        return reject(Reason.BAD_TIME, f"column {columns.of['at']!r} is not a time")
    source = storable(has.get("source", "").strip())[:60]
    space = f"{space}/{source}" if source else space
    person = has.get("author", "").strip() or "unknown"
    for field in ("id", "parent", "root"):
        has[field] = _FLOAT.sub(r"\1", has.get(field, "").strip())
    if "id" in columns.of:
        external_id = has["id"]
        if not external_id:
            return reject(Reason.BAD_ID, f"column {columns.of['id']!r} is empty")
        if _MANGLED.fullmatch(external_id):
            return reject(Reason.BAD_ID, f"column {columns.of['id']!r} was rounded by a spreadsheet")
    else:
        # Equal author, time and text are the same message: a file without ids can be imported twice.
        external_id = hashlib.sha256("\x1f".join((person, said, text)).encode("utf-8", "replace")).hexdigest()[:32]
    parent, root = has["parent"] or None, has["root"] or None
    if any(len(one) > MAX_ID or storable(one) != one for one in (external_id, person, parent or "", root or "")):
        return reject(Reason.BAD_ID, "an id that is too long or holds a NUL")
    lang = has.get("lang", "").strip()
    return Mention(
        key=Key(space, external_id),
        source=NAME,
        author=Author(space, person, person),
        text=text,
        kind=Kind.REPLY if parent else Kind.POST,
        raw=raw,
        parent=parent,
        root=root,
        langs=(lang,) if _LANG.fullmatch(lang) else (),
        url=storable(has.get("url", "").strip())[:2048],
        network_at=at,
        **_extras(cell, columns),
    )


def _extras(cell: Cell, columns: Columns) -> dict[str, Any]:
    """What a row says besides. A column that was guessed for it and holds something else says nothing: no row is lost for that."""
    found: dict[str, Any] = {}
    for field in _EXTRAS & columns.of.keys():
        try:
            values: tuple[str, ...] = (cell(columns.of[field]),)
        except SeveralValues as several:
            values = several.values
        except ValueError:
            continue
        found[field] = _EXTRA[field](values)
    return found


def _count(values: tuple[str, ...]) -> int | None:
    said = _COUNT.fullmatch(values[0].strip()) if len(values) == 1 else None
    return int(re.sub(r"[, _]", "", said[1])) if said else None


def _rating(values: tuple[str, ...]) -> float | None:
    said = _RATING.fullmatch(values[0].strip()) if len(values) == 1 else None
    return float(said[1].replace(",", ".")) if said else None


def _links(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(link.rstrip(",;")[:2048] for value in values for link in _LINK.findall(storable(value))))


def _tags(values: tuple[str, ...]) -> tuple[str, ...]:
    tags = (tag.lstrip("#＃") for value in values for tag in _BETWEEN_TAGS.split(storable(value)))
    return tuple(dict.fromkeys(tag[:200] for tag in tags if tag))


_EXTRA: Mapping[str, Callable[[tuple[str, ...]], Any]] = {
    "rating": _rating,
    "likes": _count,
    "reposts": _count,
    "replies": _count,
    "quotes": _count,
    "links": _links,
    "tags": _tags,
}
_EXTRAS = _EXTRA.keys()
