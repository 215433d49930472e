"""Private messages of both networks as items: notices of webhooks, and pieces of conversations that were read. Pure; never raises.

Owns what they are called. A message's id counts for one account alone, so it stands in a space of that account's; its thread is the person
whom it is with, by the id that the network gives them for that account. What they pressed, saw, or put a heart on is not for us. Refuses to
tell words that a picture, a film or a place is sent with from those that it is sent without: there are none, and they are counted only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from listener.harmless import storable
from listener.model.heard import Author, Deleted, Item, Key, Mention, Reason, Reject
from listener.model.kinds import Kind
from listener.sources.base import private_space
from listener.sources.meta.shapes import (
    EDITED,
    MAX_NAME,
    MAX_RAW,
    MAX_TEXT,
    NEW,
    PRIVATE,
    READ,
    Json,
    Notice,
    Piece,
    content_of,
    ident,
    inside,
    moment,
    revision,
    table,
    words,
)

EDGE = "private line"
"""The sort of a piece that is a private message; its post is the person whom it is with."""
FIELDS = frozenset({PRIVATE, "messages", "message_edits"})
"""Where notices of private messages stand: by themselves, or as a change, as Instagram's own login has them."""

STANDARD = timedelta(hours=24)
"""How long after somebody's last words an account may answer them,"""
BY_A_PERSON = timedelta(days=7)
"""and how long where a person answers, and Meta has given the app its tag for that."""
MOST_ATTACHMENTS = 100

_MID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.$:=+-]{0,399}")
_THREAD = "with:"
_UNSEEN = frozenset({"fallback", "location", "template", "product_template"})
"""What is attached and is neither picture, film, sound nor file."""


@dataclass(frozen=True, slots=True)
class Terms:
    """On which network, and how long after somebody's last words it takes an answer."""

    network: str
    window: timedelta = STANDARD

    def space(self, account: str) -> str:
        """Where ids of an account's private messages count."""
        return private_space(self.network, account)


def mid(value: object) -> str:
    """A private message's id; '' for what is none."""
    return value if isinstance(value, str) and _MID.fullmatch(value) else ""


def thread_with(person: str) -> str:
    """What the thread with somebody is called."""
    return f"{_THREAD}{person}"


def person_of(root: str) -> str:
    """Whom a thread is with; '' : it is no such thread."""
    return ident(root.removeprefix(_THREAD)) if root.startswith(_THREAD) else ""


def of_notice(notice: Notice, terms: Terms) -> tuple[Item, ...]:
    """What a notice of a private message means; nothing: it is not for us."""
    value = notice.value
    if "message" in value:
        return _said(notice, terms, table(value["message"]), NEW)
    if "message_edit" in value:
        return _said(notice, terms, table(value["message_edit"]), EDITED)
    # What was pressed, read, delivered, reacted to, handed over: by name, and what may be added to them.
    told = any(isinstance(one, dict) for name, one in value.items() if name not in {"sender", "recipient"})
    return () if told else (_reject(notice, Reason.WRONG_SHAPE, "a private event without what happened"),)


def _said(notice: Notice, terms: Terms, message: Json, speaks_of: str) -> tuple[Item, ...]:
    value, account = notice.value, notice.account
    external_id = mid(message.get("mid"))
    if not external_id:
        return (_reject(notice, Reason.BAD_ID, "said in private, without an id"),)
    key = Key(terms.space(account), external_id)
    if message.get("is_deleted") is True:
        return (Deleted(key),)
    sender, recipient = ident(inside(value, "sender", "id")), ident(inside(value, "recipient", "id"))
    ours = message.get("is_echo") is True or sender == account
    person = recipient if ours else sender
    if not person:
        return (_reject(notice, Reason.BAD_ID, "said in private, without whom it is with"),)
    if person == account or message.get("is_self") is True:
        return ()  # a note to oneself
    at = moment(value.get("timestamp")) or notice.sent_at
    if at is None:
        return (_reject(notice, Reason.BAD_TIME, "said in private, without a time"),)
    text = message.get("text")
    if (text is None and speaks_of == EDITED) or (text is not None and not isinstance(text, str)):
        return (_reject(notice, Reason.WRONG_SHAPE, "said in private, with a text that is none"),)
    if text is not None and len(text) > MAX_TEXT:
        return (_reject(notice, Reason.TOO_BIG, f"a text of {len(text)} characters"),)
    media, links = _attached(message.get("attachments"))
    turn = revision(None, NEW) if speaks_of == NEW else revision(notice.sent_at or at, EDITED) + _turn(message)
    above = mid(inside(message, "reply_to", "mid"))
    author = Author(terms.network, account if ours else person)
    return (
        _mention(terms, account, person, key, author, text or "", at, turn, notice.raw, media=media, links=links, parent=above),
    )  # fmt: skip


def _turn(edit: Json) -> str:
    """Which of several edits it is, where the network counts them: two may be of one second."""
    said = edit.get("num_edit")
    number = (
        said
        if isinstance(said, int)
        else int(said)
        if isinstance(said, str) and re.fullmatch("[0-9]{1,4}", said)
        else 0
    )
    return f"{number:04d}" if 0 < number < 10_000 and not isinstance(said, bool) else ""  # fmt: skip


def of_piece(piece: Piece, terms: Terms) -> tuple[Item, ...]:
    """What a private message that was read means."""
    value, told = piece.value, piece.told("message", "created_time", ident=mid)
    if isinstance(told, Reject) or told.at is None:
        return (told,) if isinstance(told, Reject) else ()
    sender, person = ident(inside(value, "from", "id")), piece.post
    if not sender or not person:
        return (piece.reject(Reason.BAD_ID, "said in private, without whom it is with"),)
    # Instagram may tell of us by another id than our own: whoever is not the other one is us.
    author = Author(terms.network, piece.account)
    if sender == person:
        name, handle = words(inside(value, "from", "name")), words(inside(value, "from", "username"))
        author = Author(terms.network, person, handle[:MAX_NAME], name[:MAX_NAME])
    media, links = _attached(inside(value, "attachments", "data"))
    media += 1 if value.get("sticker") and not media else 0
    key, turn = Key(terms.space(piece.account), told.id), revision(piece.at, READ)
    return (
        _mention(terms, piece.account, person, key, author, told.text, told.at, turn, piece.packed(), media=media, links=links),
    )  # fmt: skip


def _mention(
    terms: Terms, account: str, person: str, key: Key, author: Author, text: str, at: datetime, turn: str, raw: bytes, *, media: int,
    links: tuple[str, ...], parent: str = "",
) -> Mention:  # fmt: skip
    said = storable(text)
    ours = author.external_id == account
    return Mention(
        key,
        terms.network,
        author,
        said,
        Kind.DM,
        raw,
        turn,
        content_of(said),
        parent=parent or None,
        root=thread_with(person),
        named=() if ours else (account,),
        links=links,
        media=media,
        network_at=at,
        reply_until=None if ours else at + terms.window,
    )


def _attached(given: object) -> tuple[int, tuple[str, ...]]:
    """(pictures, films, sounds and files; what links lead to)."""
    rows = [one for one in given if isinstance(one, dict)][:MOST_ATTACHMENTS] if isinstance(given, list) else []
    media = sum(1 for one in rows if words(one.get("type")) not in _UNSEEN)
    links = [
        words(one.get("url")) or words(inside(one, "payload", "url")) for one in rows if one.get("type") == "fallback"
    ]
    return media, tuple(dict.fromkeys(link for link in links if 0 < len(link) <= 8192))


def whom(conversation: Json, account: str, names: frozenset[str]) -> str:
    """Whom a conversation is with: the one who takes part and is not us, by id or by `names`, in lower case; '' : it cannot be told."""
    rows = inside(conversation, "participants", "data")
    others = [
        found
        for one in (rows if isinstance(rows, list) else [])
        if (found := ident(inside(one, "id"))) not in {"", account} and words(inside(one, "username")).lower() not in names - {""}
    ]  # fmt: skip
    return others[0] if len(others) == 1 else ""


def _reject(notice: Notice, reason: Reason, detail: str) -> Reject:
    return Reject(reason, detail, notice.raw[:MAX_RAW])
