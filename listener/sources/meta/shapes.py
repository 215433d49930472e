"""What the bytes of both networks have in common: ids, times, revisions, notices of webhooks, and how a piece of them is kept.

Owns the order of states. A notice that says *new* speaks of the beginning, one that says *edited* of the time when it was made, what was
read by us of the time of the reading; so a notice that comes late or again never wins over what was seen since. Pure, never raises.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from listener.harmless import storable
from listener.model.heard import Reason, Reject

MAX_RAW = 64 << 10
"""Bytes kept of an item that could not be used."""
MAX_TEXT = 70_000
"""Characters: more than the networks take."""
MAX_NAME = 640
PRIVATE_WINDOW = timedelta(days=7)
"""How long a public comment can be answered in private, once."""

NEW, EDITED, READ = "a", "e", "r"
"""What a revision speaks of, behind its second."""

PRIVATE = "messaging"
"""The field of a notice that tells of private messages; it stands where others have a list of changes."""

_ID = re.compile(r"[A-Za-z0-9_:-]{1,200}")
_FIRST, _LAST = 1_072_915_200, 7_258_118_400  # 2004, 2200

Json = Mapping[str, Any]


def ident(value: object) -> str:
    """An id as text, also where it came as a number; '' for what is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if 0 <= value < 10**30 else ""
    return value if isinstance(value, str) and _ID.fullmatch(value) else ""


def moment(value: object) -> datetime | None:
    """A time as the networks write it: seconds, thousandths, or text; None for nonsense."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        seconds = value / 1000 if value > 1e11 else value
        return datetime.fromtimestamp(seconds, UTC) if _FIRST <= seconds <= _LAST else None
    if not isinstance(value, str) or not 10 <= len(value) <= 40:
        return None
    if value.isascii() and value.isdigit():
        return moment(int(value)) if len(value) < 14 else None
    try:
        at = datetime.fromisoformat(value)
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return at if _FIRST <= at.timestamp() <= _LAST else None


def revision(at: datetime | None, speaks_of: str) -> str:
    """The place of a state in their order; sorts as bytes."""
    return f"{0 if at is None else max(0, int(at.timestamp())):012d}{speaks_of}"


def content_of(text: str) -> str:
    """Equal for equal words; what a picture shows is not compared."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def words(value: object) -> str:
    """A text as it can be kept; '' for what is none."""
    return storable(value) if isinstance(value, str) else ""


def count(value: object) -> int | None:
    """A number that people see; None for what is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else None


def inside(value: object, *names: str) -> object:
    """What stands inside of objects inside of one another; None where one is missing."""
    for name in names:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def table(value: object) -> Json:
    """An object; an empty one for what is none."""
    return value if isinstance(value, dict) else {}


def loaded(raw: bytes) -> object:
    """What JSON says; None where it is none."""
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


def dumped(value: object) -> bytes:
    """As JSON, in plain ASCII as Meta writes it; b'' for what is nested too deeply."""
    try:
        return json.dumps(value, separators=(",", ":")).encode()
    except (ValueError, RecursionError):
        return b""


# Notices of webhooks ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that a delivery tells."""

    account: str
    """The id of ours that it is told to."""
    field: str
    value: Json
    sent_at: datetime | None
    raw: bytes
    """An envelope around this notice alone, for reading it again."""


def notices(body: bytes, kind: str) -> Iterator[Notice | Reject]:
    """What a delivery tells, one by one. `kind` is what the envelope must be about."""
    box = loaded(body)
    if not isinstance(box, dict):
        yield Reject(Reason.NOT_DECODED, "a delivery that is no JSON object", body[:MAX_RAW])
        return
    if box.get("object") != kind:
        yield Reject(Reason.WRONG_SHAPE, f"a delivery that is not about a {kind}", body[:MAX_RAW])
        return
    entries = box.get("entry")
    if not isinstance(entries, list):
        yield Reject(Reason.WRONG_SHAPE, "a delivery without a list of entries", body[:MAX_RAW])
        return
    for entry in entries:
        yield from _entry(entry, kind)


def _entry(entry: object, kind: str) -> Iterator[Notice | Reject]:
    raw = dumped({"object": kind, "entry": [entry]})[:MAX_RAW]
    account = ident(inside(entry, "id"))
    if not isinstance(entry, dict) or not account:
        yield Reject(Reason.BAD_ID, "an entry without an id", raw)
        return
    # Instagram's own login puts the one change into the entry itself.
    changes = entry.get("changes", [entry] if "field" in entry else [])
    if not isinstance(changes, list):
        yield Reject(Reason.WRONG_SHAPE, "an entry whose changes are no list", raw)
        return
    head = {"id": account, "time": entry.get("time")}
    for change in changes:
        told, value = inside(change, "field"), inside(change, "value")
        own = dumped({"object": kind, "entry": [{**head, "changes": [{"field": told, "value": value}]}]})
        if not isinstance(told, str) or not isinstance(value, dict) or not own:
            yield Reject(Reason.WRONG_SHAPE, "a change without a field and a value", own[:MAX_RAW] or raw)
            continue
        yield Notice(account, told, value, moment(entry.get("time")), own)
    # Where another program has taken a conversation over, what is said in it comes to us as a bystander: it is said all the same.
    for word in (PRIVATE, "standby"):
        events = entry.get(word, [])
        if not isinstance(events, list):
            yield Reject(Reason.WRONG_SHAPE, "an entry whose private events are no list", raw)
            continue
        for event in events:
            own = dumped({"object": kind, "entry": [{**head, PRIVATE: [event]}]})
            if not isinstance(event, dict) or not own:
                yield Reject(Reason.WRONG_SHAPE, "a private event that is no object", own[:MAX_RAW] or raw)
                continue
            yield Notice(account, PRIVATE, event, moment(entry.get("time")), own)


@dataclass(frozen=True, slots=True)
class Told:
    """What every message has."""

    id: str
    text: str
    at: datetime | None


# Pieces that were read -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Piece:
    """An object as Graph gave it, with where and when it was read."""

    edge: str
    """'post', 'visitor', 'tagged', 'comment' and the like: what it is to us."""
    account: str
    """The id of ours whose affair it is."""
    value: Json
    at: datetime
    post: str = ""
    """The post that it stands under, where we know."""

    def packed(self) -> bytes:
        """For keeping, and for `unpacked`."""
        return dumped({**self._head(), "at": self.at.timestamp(), "value": self.value})

    def reject(self, reason: Reason, detail: str) -> Reject:
        """That it cannot be used. Without the time of the reading, so that it is the same one when it is read again."""
        return Reject(reason, detail, dumped({**self._head(), "value": self.value})[:MAX_RAW])

    def told(
        self, text: str, at: str, *, ident: Callable[[object], str] = ident, timeless: bool = False
    ) -> Told | Reject:
        """What every message has, by the names of those fields; or why it cannot be used. `timeless`: it may say no time."""
        external_id, said, moved = ident(self.value.get("id")), self.value.get(text), moment(self.value.get(at))
        if not external_id:
            return self.reject(Reason.BAD_ID, f"a {self.edge} without an id")
        if said is not None and not isinstance(said, str):
            return self.reject(Reason.WRONG_SHAPE, f"a {self.edge} whose text is none")
        if said is not None and len(said) > MAX_TEXT:
            return self.reject(Reason.TOO_BIG, f"a text of {len(said)} characters")
        if moved is None and not timeless:
            return self.reject(Reason.BAD_TIME, f"a {self.edge} without a time")
        return Told(external_id, storable(said or ""), moved)

    def _head(self) -> dict[str, str]:
        return {"edge": self.edge, "account": self.account, "post": self.post}


def unpacked(raw: bytes, heard_at: datetime) -> Piece | None:
    """The piece that was packed; None: it is none."""
    box = loaded(raw)
    if not isinstance(box, dict) or not isinstance(box.get("edge"), str) or not isinstance(box.get("value"), dict):
        return None
    account = ident(box.get("account"))
    at = moment(box.get("at")) or heard_at
    return Piece(box["edge"], account, box["value"], at, ident(box.get("post"))) if account else None
