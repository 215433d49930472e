"""What a wired program delivers as our words: pure functions from bytes to items that never raise, whatever the bytes are.

Owns the shape that docs/webhook.md describes: one message as a JSON object, or a list of them. Each wired network is a space of its own,
`webhook/<name>`, because its ids are. Fields that we do not know are left alone; one that we know and that is wrong puts the message aside,
so that whoever wires it learns of it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from listener.harmless import storable
from listener.model.heard import Author, Deleted, Item, Key, Mention, Reason, Reject
from listener.model.kinds import Kind

NAME = "webhook"

MAX_BODY = 4 << 20
MAX_RAW = 64 << 10
"""Bytes kept of an item that could not be used."""
MAX_TEXT = 100_000
MAX_ID = 512
MAX_ITEMS = 1000
"""Messages of one delivery."""
MAX_LIST = 100

_FIRST, _LAST = 0, 7_258_118_400  # 1970 to 2200
_LANG = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8}){0,7}")
_SECONDS = re.compile(r"\d{1,11}")


class _Wrong(Exception):
    """A field that is not what it should be."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Wired:
    """One wired network, by the name of its account."""

    name: str

    @property
    def space(self) -> str:
        """Where its ids count."""
        return f"{NAME}/{self.name}"

    @property
    def us(self) -> Author:
        """Our account there: `author.id` of what we said, and `account` of what is said to us."""
        return Author(self.space, self.name, self.name)


def convert(wired: Wired, body: bytes, heard_at: datetime) -> tuple[Item, ...]:
    """What a delivery says, in its order. Never raises."""
    if len(body) > MAX_BODY:
        return (Reject(Reason.TOO_BIG, f"a delivery of {len(body)} bytes", body[:MAX_RAW]),)
    try:
        told = json.loads(body.decode("utf-8", "strict"))
    except (ValueError, RecursionError):
        return (Reject(Reason.NOT_DECODED, "a delivery that is no JSON", body[:MAX_RAW]),)
    many = told if isinstance(told, list) else [told]
    found = [_item(wired, one, heard_at) for one in many[:MAX_ITEMS]]
    if len(many) > MAX_ITEMS:
        found.append(Reject(Reason.TOO_BIG, f"{len(many)} items at once: {MAX_ITEMS} are read", body[:MAX_RAW]))
    return tuple(found)


def reread(raw: bytes, heard_at: datetime) -> tuple[Item, ...]:
    """What kept bytes say by the converter of now. Never raises."""
    try:
        whole = json.loads(raw)
    except (ValueError, RecursionError):
        whole = None
    if not isinstance(whole, dict) or not isinstance(whole.get("wired"), str) or "said" not in whole:
        return (Reject(Reason.NOT_DECODED, "not what a webhook keeps", raw[:MAX_RAW]),)
    return (_item(Wired(whole["wired"]), whole["said"], heard_at),)


def _item(wired: Wired, said: object, heard_at: datetime) -> Item:
    try:
        raw = json.dumps({"wired": wired.name, "said": said}, ensure_ascii=False, separators=(",", ":")).encode(
            "utf-8", "replace"
        )
    except (RecursionError, ValueError):
        return Reject(Reason.TOO_BIG, "nested too deeply", b"")
    if not isinstance(said, dict):
        return Reject(Reason.WRONG_SHAPE, "it is no object", raw[:MAX_RAW])
    try:
        return _message(wired, said, raw, heard_at)
    except _Wrong as wrong:
        return Reject(wrong.reason, wrong.detail, raw[:MAX_RAW])


def _message(wired: Wired, said: Mapping[str, Any], raw: bytes, heard_at: datetime) -> Mention | Deleted:
    key = Key(wired.space, _id(said, "id", needed=True) or "")
    revision = _revision(said)
    if _flag(said, "deleted"):
        return Deleted(key, revision)
    text = said.get("text")
    if not isinstance(text, str):
        raise _Wrong(Reason.WRONG_SHAPE, "text is missing, or is not text")
    if len(text) > MAX_TEXT:
        raise _Wrong(Reason.TOO_BIG, f"a text of {len(text)} characters")
    author = said.get("author")
    if not isinstance(author, dict):
        raise _Wrong(Reason.WRONG_SHAPE, "author is missing, or is no object")
    kind = _kind(said)
    to_us = _text(said, "account", 256).lower() == wired.name
    at = _time(said, "at") or heard_at
    parent = _id(said, "parent")
    who = _id(author, "id", needed=True, of="author.") or ""
    ours = who.lower() == wired.name
    named = (wired.name,) if (to_us or kind is Kind.DM) and not ours else ()
    rating = said.get("rating")
    if rating is not None and (
        isinstance(rating, bool) or not isinstance(rating, int | float) or not -1e6 < rating < 1e6
    ):
        raise _Wrong(Reason.WRONG_SHAPE, "rating is no number")
    return Mention(
        key,
        NAME,
        wired.us if ours else Author(
            wired.space, who, _text(author, "handle", 256, of="author."), _text(author, "name", 640, of="author.")
        ),
        storable(text),
        kind or (Kind.REPLY if parent else Kind.POST),
        raw,
        revision=revision,
        content_id=_content_id(text, rating, said.get("media")),
        parent=parent,
        root=_id(said, "root"),
        quoted=_id(said, "quoted"),
        named=named,
        tags=_texts(said, "tags", 640),
        links=_texts(said, "links", 8192),
        media=_media(said),
        langs=_langs(said),
        url=_link(said),
        network_at=at,
        rating=None if rating is None else float(rating),
        likes=_count(said, "likes"),
        reposts=_count(said, "reposts"),
        replies=_count(said, "replies"),
        quotes=_count(said, "quotes"),
        reply_until=_time(said, "reply_until"),
    )  # fmt: skip


def _content_id(text: str, rating: float | None, media: object) -> str:
    """So that an edit is known from a repeat also where the first state came without a revision."""
    told = json.dumps([text, rating, media], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()[:16]


# Fields --------------------------------------------------------------------------------------------------------------


def _id(said: Mapping[str, Any], name: str, *, needed: bool = False, of: str = "") -> str | None:
    found = said.get(name)
    if isinstance(found, int) and not isinstance(found, bool):
        found = str(found) if abs(found) < 1 << 63 else ""
    if found is None and not needed:
        return None
    if (
        not isinstance(found, str)
        or not 0 < len(found) <= MAX_ID
        or storable(found) != found
        or not found.isprintable()
    ):
        raise _Wrong(Reason.BAD_ID, f"{of}{name} is missing, or is no id of 1 to {MAX_ID} characters")
    return found


def _revision(said: Mapping[str, Any]) -> str:
    """A number counts as one; a text is compared as it is."""
    found = said.get("revision")
    if found is None:
        return ""
    if isinstance(found, int) and not isinstance(found, bool) and 0 <= found < 1 << 63:
        return f"{found:020d}"
    if isinstance(found, str) and found.isascii() and found.isprintable() and len(found) <= 256:
        return found
    raise _Wrong(Reason.WRONG_SHAPE, "revision is neither a whole number nor plain text")


def _time(said: Mapping[str, Any], name: str) -> datetime | None:
    """Seconds, or a time with its zone; None: it is not there."""
    found = said.get(name)
    if found is None:
        return None
    moment: datetime | None = None
    if isinstance(found, int | float) and not isinstance(found, bool):
        moment = datetime.fromtimestamp(found, UTC) if _FIRST <= found <= _LAST else None
    elif isinstance(found, str) and len(found) <= 64:
        if _SECONDS.fullmatch(found):
            raise _Wrong(Reason.BAD_TIME, f"{name} is a number in quotes: write it without them")
        try:
            moment = datetime.fromisoformat(found)
            moment = None if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, OverflowError):
            moment = None
    if moment is None or not _FIRST <= moment.timestamp() <= _LAST:
        raise _Wrong(Reason.BAD_TIME, f"{name} is no time with its zone, nor seconds since 1970")
    return moment


def _kind(said: Mapping[str, Any]) -> Kind | None:
    found = said.get("kind")
    if found is None:
        return None
    if not isinstance(found, str) or found not in set(Kind):
        raise _Wrong(Reason.WRONG_SHAPE, f"kind is none of {', '.join(Kind)}")
    return Kind(found)


def _text(said: Mapping[str, Any], name: str, longest: int, *, of: str = "") -> str:
    found = said.get(name)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise _Wrong(Reason.WRONG_SHAPE, f"{of}{name} is not text")
    return storable(found)[:longest]


def _link(said: Mapping[str, Any]) -> str:
    found = _text(said, "url", 4096)
    if found and not found.lower().startswith(("https://", "http://")):
        raise _Wrong(Reason.WRONG_SHAPE, "url is no address of http or https")
    return found


def _texts(said: Mapping[str, Any], name: str, longest: int) -> tuple[str, ...]:
    found = said.get(name, [])
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise _Wrong(Reason.WRONG_SHAPE, f"{name} is no list of texts")
    return tuple(dict.fromkeys(storable(one)[:longest] for one in found if one))[:MAX_LIST]


def _langs(said: Mapping[str, Any]) -> tuple[str, ...]:
    found = said.get("lang")
    if found is None:
        return ()
    many = found if isinstance(found, list) else [found]
    if not all(isinstance(one, str) and _LANG.fullmatch(one) for one in many):
        raise _Wrong(Reason.WRONG_SHAPE, "lang is no language like en or pt-BR")
    return tuple(many[:3])


def _media(said: Mapping[str, Any]) -> int:
    found = said.get("media", 0)
    number = len(found) if isinstance(found, list) else found
    if isinstance(number, bool) or not isinstance(number, int) or number < 0:
        raise _Wrong(Reason.WRONG_SHAPE, "media is neither a list nor a number")
    return min(number, MAX_LIST)


def _count(said: Mapping[str, Any], name: str) -> int | None:
    found = said.get(name)
    if found is not None and (isinstance(found, bool) or not isinstance(found, int) or not 0 <= found < 1 << 31):
        raise _Wrong(Reason.WRONG_SHAPE, f"{name} is no whole number")
    return found


def _flag(said: Mapping[str, Any], name: str) -> bool:
    found = said.get(name, False)
    if not isinstance(found, bool):
        raise _Wrong(Reason.WRONG_SHAPE, f"{name} is neither true nor false")
    return found
