"""A feed's bookmark: what its server gave us to ask again with, where it moved, which entries were handed over, and when to look next.

Owns the string, which is checked strictly: a foreign one stops the feed instead of guessing. Owns what counts as an edit, too: an entry's
revisions only ever grow, and an entry that flips back and forth stops being told after `MOST_CHANGES`. Pure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec

from listener.errors import SourceStopped
from listener.model.heard import Deleted, Key, Mention
from listener.sources.feeds.convert import stamp
from listener.sources.feeds.document import MAX_ENTRIES

REMEMBERED = 2 * MAX_ENTRIES
"""Entries whose last state is remembered: those that stand in the feed, and as many that fell off it."""
MOST_CHANGES = 20
"""How often an entry is told as edited without a newer time of its own."""
GONE = "gone"
_HEAD = "feed1:"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_Text = Annotated[str, msgspec.Meta(max_length=2048)]
_Whole = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


@dataclass(frozen=True, slots=True)
class Seen:
    """The last state of an entry that was handed over."""

    content: Annotated[str, msgspec.Meta(max_length=16)]
    said: _Whole
    """The newest time that it gave itself, in microseconds; 0: none."""
    told: _Whole
    """Its revision, in microseconds; 0: none."""
    changes: _Whole = 0


@dataclass(frozen=True, slots=True)
class Subscription:
    """That a hub tells us of a feed."""

    hub: _Text = ""
    topic: _Text = ""
    until: _Whole = 0
    """Unix seconds; 0: it was asked and has not agreed yet."""
    asked: _Whole = 0


@dataclass(frozen=True, slots=True)
class Bookmark:
    """Where the reading of one feed stands."""

    etag: _Text = ""
    modified: _Text = ""
    given_by: _Text = ""
    """The address that gave them: they mean nothing to another."""
    moved: _Text = ""
    """Where the feed is now, for good; '' : where the settings say."""
    next_at: _Whole = 0
    """Unix milliseconds of the next reading."""
    failures: _Whole = 0
    unchanged: _Whole = 0
    read_at: _Whole = 0
    """Unix seconds of the last reading that the server answered."""
    every: _Whole = 0
    """Seconds between two readings that it asks for."""
    begun: bool = False
    """Its entries of the first reading, which are history, are all handed over."""
    bad: _Text = ""
    """A digest of the last document that could not be read: it is put aside once."""
    subscription: Subscription = field(default_factory=Subscription)
    seen: Mapping[str, tuple[str, int, int, int]] = field(default_factory=dict)
    """By a digest of the entry's id, the one seen last at the end: the fields of `Seen`."""


_IN = msgspec.json.Decoder(Bookmark)
_OUT = msgspec.json.Encoder()


def write(mark: Bookmark) -> str:
    """The bookmark as a cursor."""
    return _HEAD + _OUT.encode(mark).decode()


def read(cursor: str) -> Bookmark:
    """The bookmark of a cursor. SourceStopped when it is not one of a feed."""
    try:
        if cursor.startswith(_HEAD):
            mark = _IN.decode(cursor[len(_HEAD) :])
            if len(mark.seen) <= REMEMBERED and all(
                0 <= number <= 2**53 for one in mark.seen.values() for number in one[1:]
            ):
                return mark
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        pass
    raise SourceStopped(
        "the saved bookmark is not one of this source",
        where=cursor[:60],
        hint="clear the source's cursor to begin with what the feed holds now, as history",
    )


def digest(external_id: str) -> str:
    """What an entry is remembered by."""
    return hashlib.sha256(external_id.encode("utf-8", "replace")).hexdigest()[:16]


def revision_of(
    mention: Mention, said: datetime | None, seen: Seen | None, now: datetime, *, first: bool
) -> tuple[str, Seen] | None:
    """The revision under which a message is handed over, and what is remembered of it; None: it is no news.

    `said` is when it says that it became what it is. `first`: of a first reading, where equal bytes must give equal messages.
    """
    at = 0 if said is None else _micro(said)
    if seen is None:
        told = at or (0 if first else _micro(now))
        return _revision(told), Seen(mention.content_id, at, told)
    if seen.content == mention.content_id or (at and at < seen.said):
        return None  # as it was, or an older state from a server that is behind
    if at > seen.said:
        told = max(at, seen.told + 1)
        return _revision(told), Seen(mention.content_id, at, told, seen.changes)
    if seen.changes >= MOST_CHANGES:
        return None
    told = max(_micro(now), seen.told + 1)
    return _revision(told), Seen(mention.content_id, seen.said, told, seen.changes + 1)


def deletion_of(key: Key, said: datetime | None, seen: Seen | None, now: datetime) -> tuple[Deleted, Seen] | None:
    """That an entry is gone, once; None where that is known."""
    if seen is not None and seen.content == GONE:
        return None
    told = max(_micro(said or now), (seen.told if seen else 0) + 1)
    return Deleted(key, _revision(told)), Seen(GONE, told, told)


def _micro(moment: datetime) -> int:
    return max(0, (moment - _EPOCH) // timedelta(microseconds=1))


def _revision(micro: int) -> str:
    return stamp(_EPOCH + timedelta(microseconds=micro)) if micro else ""
