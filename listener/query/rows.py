"""A line of a JSONL file as what a query is judged on: its keys are the query's own field names. Owns how a value is written there.

Never raises: what cannot be read is a problem with its line. Refuses to guess: a key that is missing or null is not known.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from listener.model.kinds import Kind
from listener.model.problems import Problem
from listener.model.scales import Priority, ToneLabel
from listener.model.work import State
from listener.query.fields import FIELDS, did_you_mean, nearest
from listener.query.subject import Subject

MAX_LINE = 1 << 20
"""Bytes of one line: more is no mention."""

MAX_VALUES = 1_000
"""Entries of one list."""

_SPAN = re.compile(r"\s*(\d{1,12}(?:\.\d{1,6})?)\s*([smhdw])\s*", re.ASCII | re.IGNORECASE)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_CLOCK = re.compile(r"([01]?\d|2[0-4])(?::([0-5]\d))?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_YES_NO = {"yes": True, "true": True, "no": False, "false": False}
_STATES = frozenset(one.value for one in State)
_KINDS = frozenset(one.value for one in Kind)
_COUNTED = frozenset({"words", "reach"})
"""Fields that are counted from the text or other fields, whatever a row says."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line that could be read."""

    id: str
    """As it is written: also a number keeps its spelling."""
    is_number: bool
    subject: Subject
    unknown: tuple[str, ...] = ()
    """Keys that mean nothing here, in their order."""


def read_row(raw: bytes, line: int, now: datetime, *, file: str = "rows", me: str = "") -> Row | Problem | None:
    """A line as a row; None for a blank one. `age` counts back from `now`; `me` is who asks, for assignee:me.

    id is a text or a number and must be there; text is "" when it is not. Of two spellings (link, links) both count. What is wrong with
    a row is told once, by its first wrong key.
    """
    if len(raw) > MAX_LINE:
        return Problem(
            file, line, 1, "line-too-long", f"a line has at most {MAX_LINE:,} bytes", "one JSON object a line"
        )
    found = _decoded(raw, line, file)
    if not isinstance(found, dict):
        return found
    try:
        number = found.get("id")
        if not isinstance(number, str | int | float) or isinstance(number, bool) or number == "":
            raise _Wrong("id", "a row needs an id: a text or a number", 'write {"id": "17", "text": "..."}')
        subject = _subject(found, now, me)
    except _Wrong as wrong:
        column = max(raw.decode("utf-8", "replace").find(json.dumps(wrong.key, ensure_ascii=False)), 0) + 1
        return Problem(file, line, column, "bad-row", f"{wrong.key}: {wrong.message}", wrong.hint)
    unknown = tuple(key for key in found if key not in _KEYS and key not in _COUNTED)
    spelled = number.spelling if isinstance(number, _Float) else str(number)
    return Row(spelled, not isinstance(number, str), subject, unknown)


def unknown_key(key: str, line: int, file: str = "rows") -> Problem:
    """The warning for a key that means nothing here."""
    meant = nearest(key, _KEYS)
    hint = f"did you mean {meant}?" if meant else "hubbub query fields lists the names"
    return Problem(file, line, 1, "unknown-key", f"{key[:80]} is no field: it is not looked at", hint)


# A line --------------------------------------------------------------------------------------------------------------


class _Wrong(Exception):
    """A value that its key cannot have."""

    def __init__(self, key: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.key, self.message, self.hint = key, message, hint


class _Float(float):
    """A number that remembers how it was written: an id is printed so."""

    __slots__ = ("spelling",)
    spelling: str

    def __new__(cls, spelling: str) -> _Float:
        made = super().__new__(cls, spelling)
        made.spelling = spelling
        return made


def _refused(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_float=_Float, parse_constant=_refused)


def _decoded(raw: bytes, line: int, file: str) -> dict[str, Any] | Problem | None:
    try:
        text = raw.decode("utf-8-sig" if line == 1 else "utf-8").rstrip("\r\n")
        if not text or text.isspace():
            return None
        found = _DECODER.decode(text)
    except UnicodeDecodeError as err:
        return Problem(file, line, err.start + 1, "not-utf-8", "this is not UTF-8 text", "save the file as UTF-8")
    except json.JSONDecodeError as err:
        message = f"not JSON: {err.msg[:1].lower()}{err.msg[1:]}"
        return Problem(file, line, err.pos + 1, "not-json", message, "one JSON object a line")
    except (ValueError, RecursionError) as err:  # NaN, a number of thousands of digits, brackets without end
        told = "brackets nested too deep" if isinstance(err, RecursionError) else str(err)[:80]
        return Problem(file, line, 1, "not-json", f"not JSON that we read: {told}", "one JSON object a line")
    if not isinstance(found, dict):
        return Problem(file, line, 1, "not-an-object", "a row is a JSON object", 'write {"id": "17", "text": "..."}')
    return found


def _subject(found: Mapping[str, Any], now: datetime, me: str) -> Subject:
    known: dict[str, Any] = {"me": me, "kind": None}
    stated: set[str] = set()
    place = _Place(now, known, stated)
    for key, value in found.items():
        if (read := _KEYS.get(key)) is not None and (value is not None or key == "assignee"):
            place.key = key
            read(place, value)
    _settle(known, stated)
    return Subject(**known, stated=frozenset(stated))


def _settle(known: dict[str, Any], stated: set[str]) -> None:
    """What one key says about another."""
    for fact in sorted(stated) if stated else ():
        sort, _, value = fact.partition(":")
        if sort == "is" and value in _KINDS:
            known["kind"] = known["kind"] or Kind(value)
        elif sort == "is" and value in _STATES and value != "ours":  # is:ours is who wrote it, not where it stands
            known.setdefault("state", State(value))
        elif fact in _FACTS:
            known.setdefault(*_FACTS[fact])
    if (age := known.pop("age", None)) is not None:
        known.setdefault("at", age)
    if (clock := known.pop("clock", None)) is not None and "at" not in known:
        known["minute"] = clock
    if domains := known.pop("domains", ()):
        links: tuple[str, ...] = known.get("links", ())
        hosts = {_host(link) for link in links}
        known["links"] = (*links, *(f"https://{domain}/" for domain in domains if domain.lower() not in hosts))


_FACTS: dict[str, tuple[str, Any]] = {
    "is:ours": ("ours", True),
    "is:addressed": ("addressed", True),
    "is:verified": ("verified", True),
    "is:unread": ("unread", True),
    "has:media": ("media", 1),
}


def _host(link: str) -> str:
    try:
        return (urlsplit(link if "://" in link else f"//{link}").hostname or "").removeprefix("www.")
    except ValueError:
        return ""


# Values --------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Place:
    """The key being read, and where what it says goes. One for a row: a million rows have ten million keys."""

    now: datetime
    known: dict[str, Any]
    stated: set[str]
    key: str = ""

    def wrong(self, wanted: str, hint: str = "") -> _Wrong:
        return _Wrong(self.key, f"needs {wanted}", hint)

    def text(self, value: Any) -> str:
        if not isinstance(value, str):
            raise self.wrong("a text", "write it in quotes")
        return value

    def name(self, value: Any) -> str:
        """An id or a handle: exports write them as numbers too."""
        if isinstance(value, _Float):
            return value.spelling
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        return self.text(value)

    def number(self, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong("a number", "write it without quotes")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise self.wrong("a number of ordinary size")
        return number

    def many(self, value: Any) -> tuple[str, ...]:
        """A text, or a list of them."""
        listed = value if isinstance(value, list) else [value]
        if len(listed) > MAX_VALUES:
            raise self.wrong(f"at most {MAX_VALUES:,} values")
        if not all(
            isinstance(one, str) or (isinstance(one, int | float) and not isinstance(one, bool)) for one in listed
        ):
            raise self.wrong("a text or a list of texts")
        return tuple(self.name(one) for one in listed)

    def choice(self, value: Any, known: frozenset[str]) -> str:
        word = self.text(value).strip().lower()
        if word not in known:
            raise _Wrong(self.key, f"knows no {word[:80]!r}", did_you_mean(word, known))
        return word


_Read = Callable[[_Place, Any], None]


def _nothing(place: _Place, value: Any) -> None:
    """`id`: read apart."""


def _texts(attribute: str) -> _Read:
    def read(place: _Place, value: Any) -> None:
        place.known[attribute] = place.text(value)

    return read


def _names(attribute: str) -> _Read:
    def read(place: _Place, value: Any) -> None:
        place.known[attribute] = place.name(value) or None

    return read


def _numbers(attribute: str) -> _Read:
    def read(place: _Place, value: Any) -> None:
        place.known[attribute] = place.number(value)

    return read


def _sets(attribute: str, *, handles: bool = False) -> _Read:
    def read(place: _Place, value: Any) -> None:
        values = frozenset(one.removeprefix("@") if handles else one for one in place.many(value) if one)
        place.known[attribute] = place.known.get(attribute, frozenset()) | values

    return read


def _lists(attribute: str) -> _Read:
    def read(place: _Place, value: Any) -> None:
        place.known[attribute] = (*place.known.get(attribute, ()), *filter(None, place.many(value)))

    return read


def _author(place: _Place, value: Any) -> None:
    """A handle or the network's own id: a row need not say which."""
    written = place.name(value)
    place.known["author_handle"] = written.removeprefix("@")
    place.known["author_id"] = written


def _lang(place: _Place, value: Any) -> None:
    place.known["lang"] = place.text(value).strip().lower() or None


def _verified(place: _Place, value: Any) -> None:
    said = value if isinstance(value, bool) else _YES_NO.get(value.strip().lower()) if isinstance(value, str) else None
    if said is None:
        raise place.wrong("true or false", 'or "yes" or "no"')
    place.known["verified"] = said


def _kind(place: _Place, value: Any) -> None:
    place.known["kind"] = Kind(place.choice(value, _KINDS))


def _facts(place: _Place, value: Any) -> None:
    known = FIELDS[place.key].values
    place.stated.update(f"{place.key}:{place.choice(one, known)}" for one in place.many(value))


def _tone(place: _Place, value: Any) -> None:
    """A label, VADER's compound, or both in a list."""
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, str):
            place.known["tone"] = ToneLabel(place.choice(one.replace(" ", "_"), FIELDS["tone"].values))
        elif isinstance(one, bool) or not isinstance(one, int | float) or not -1 <= one <= 1:
            raise place.wrong("a label or a number from -1 to 1", 'as "negative" or -0.6, or both: ["negative", -0.6]')
        else:
            place.known["compound"] = float(one)


def _about(place: _Place, value: Any) -> None:
    said = value.replace(" ", "_") if isinstance(value, str) else value
    place.known["about"] = ToneLabel(place.choice(said, FIELDS["about"].values))


def _status(place: _Place, value: Any) -> None:
    word = place.choice(value, FIELDS["status"].values)
    if word in _STATES:
        place.known["state"] = State(word)
    else:  # open: new or ours, a row need not say which
        place.stated.add(f"is:{word}")


def _priority(place: _Place, value: Any) -> None:
    place.known["priority"] = Priority[place.choice(value, FIELDS["priority"].values).upper()]


def _assignee(place: _Place, value: Any) -> None:
    login = "" if value is None else place.name(value).removeprefix("@")
    place.known["assignee"] = "" if login.lower() == "nobody" else login


def _time(place: _Place, value: Any) -> None:
    try:
        if isinstance(value, str) and _DAY.match(value):
            said = datetime.fromisoformat(value.strip())
            place.known["at"] = said.replace(tzinfo=UTC) if said.tzinfo is None else said.astimezone(UTC)
            return
        if isinstance(value, int | float) and not isinstance(value, bool):
            place.known["at"] = _EPOCH + timedelta(seconds=value)
            return
    except (ValueError, OverflowError):
        pass
    raise place.wrong("a time", "ISO 8601 (2026-11-27T09:30:00Z; without a zone: UTC), or unix seconds")


def _age(place: _Place, value: Any) -> None:
    span = _SPAN.fullmatch(value) if isinstance(value, str) else None
    try:
        seconds = float(span[1]) * _UNITS[span[2].lower()] if span else place.number(value)
        if seconds >= 0:
            place.known["age"] = place.now - timedelta(seconds=seconds)
            return
    except (_Wrong, OverflowError):
        pass
    raise place.wrong("a span of time", 'seconds, or a span such as "2h" (s, m, h, d, w)')


def _hour(place: _Place, value: Any) -> None:
    minutes: float | None = None
    if isinstance(value, str) and (clock := _CLOCK.fullmatch(value.strip())):
        minutes = int(clock[1]) * 60 + int(clock[2] or 0)
    elif isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 24:
        minutes = value * 60
    if minutes is None or minutes > 1440:
        raise place.wrong("an hour of the day in UTC", '9, or "09:30"')
    place.known["clock"] = int(minutes) % 1440


_KEYS: dict[str, _Read] = {
    "id": _nothing,
    "text": _texts("text"),
    "source": _texts("source"),
    "author": _author,
    "followers": _numbers("followers"),
    "verified": _verified,
    "lang": _lang,
    "kind": _kind,
    "is": _facts,
    "has": _facts,
    "link": _lists("links"),
    "links": _lists("links"),
    "domain": _lists("domains"),
    "domains": _lists("domains"),
    "url": _texts("url"),
    "parent": _names("parent"),
    "root": _names("root"),
    "tone": _tone,
    "about": _about,
    "need": _numbers("need"),
    "rating": _numbers("rating"),
    "likes": _numbers("likes"),
    "reposts": _numbers("reposts"),
    "replies": _numbers("replies"),
    "quotes": _numbers("quotes"),
    "account": _sets("accounts", handles=True),
    "accounts": _sets("accounts", handles=True),
    "topic": _sets("topics"),
    "topics": _sets("topics"),
    "rule": _sets("rules"),
    "rules": _sets("rules"),
    "tag": _sets("tags"),
    "tags": _sets("tags"),
    "label": _sets("labels"),
    "labels": _sets("labels"),
    "status": _status,
    "priority": _priority,
    "assignee": _assignee,
    "team": _texts("team"),
    "time": _time,
    "age": _age,
    "hour": _hour,
}
