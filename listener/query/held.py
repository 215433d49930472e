"""What a subject holds in each published field. Owns how fields are read; refuses to compare. Not known is None, or nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import cache, lru_cache
from urllib.parse import urlsplit

from listener.model.kinds import Kind
from listener.model.work import State
from listener.query import words
from listener.query.emoji import is_emoji
from listener.query.reach import reach
from listener.query.subject import Subject

# Names and ids -------------------------------------------------------------------------------------------------------


def handles(handle: str, id_: str = "") -> tuple[str, ...]:
    """What an account answers to: its handle, with @, its first label, and its id; folded."""
    folded = words.fold(handle)
    names = (folded, f"@{folded}", re.split(r"[.@]", folded, maxsplit=1)[0]) if folded else ()
    return (*names, words.fold(id_)) if id_ else names


def _one(value: str | None) -> tuple[str, ...]:
    return (words.fold(value),) if value else ()


def _each(values: Iterable[str] | None) -> Iterable[str]:
    return [words.fold(value) for value in values] if values else ()


def _assignee(subject: Subject) -> tuple[str, ...]:
    if subject.assignee is None:
        return ()
    if not subject.assignee:
        return ("nobody",)
    mine = bool(subject.me) and subject.assignee == subject.me
    return (words.fold(subject.assignee), "me") if mine else (words.fold(subject.assignee),)


NAMES: dict[str, Callable[[Subject], Iterable[str]]] = {
    "source": lambda subject: _one(subject.source),
    "author": lambda subject: handles(subject.author_handle, subject.author_id),
    "account": lambda subject: [name for one in subject.accounts or () for name in handles(one)],
    "topic": lambda subject: _each(subject.topics),
    "lang": lambda subject: _one(subject.lang),
    "rule": lambda subject: _each(subject.rules),
    "tag": lambda subject: _each(subject.tags),
    "label": lambda subject: _each(subject.labels),
    "assignee": _assignee,
    "team": lambda subject: _one(subject.team),
    "kind": lambda subject: (subject.kind.value,) if subject.kind is not None else (),
    "tone": lambda subject: (subject.tone.value,) if subject.tone is not None else (),
    "about": lambda subject: (subject.about.value,) if subject.about is not None else (),
    "priority": lambda subject: (subject.priority.name.lower(),) if subject.priority is not None else (),
    "status": lambda subject: _statuses(subject),
    "verified": lambda subject: () if subject.verified is None else ("yes",) if subject.verified else ("no",),
}
"""Fields whose values are texts, folded."""

IDS: dict[str, Callable[[Subject], str | None]] = {
    "parent": lambda subject: subject.parent,
    "root": lambda subject: subject.root,
}
"""Fields whose value is an id, as the network writes it."""


def _statuses(subject: Subject) -> tuple[str, ...]:
    state = subject.state
    if state is None:
        return ("open",) if "is:open" in subject.stated else ()
    return (state.value, "open") if state in {State.NEW, State.OURS} else (state.value,)


# Numbers -------------------------------------------------------------------------------------------------------------

NUMBERS: dict[str, Callable[[Subject], float | None]] = {
    "words": lambda subject: len(subject.words.keys),
    "followers": lambda subject: subject.followers,
    "reach": lambda subject: reach(
        subject.source, subject.followers, subject.reposts, subject.quotes, subject.likes, subject.replies
    ),
    "rating": lambda subject: subject.rating,
    "likes": lambda subject: subject.likes,
    "reposts": lambda subject: subject.reposts,
    "replies": lambda subject: subject.replies,
    "quotes": lambda subject: subject.quotes,
    "need": lambda subject: subject.need,
    "tone": lambda subject: subject.compound,
    "priority": lambda subject: subject.priority,
}
"""Fields whose values are numbers, or count as such."""

# Times ---------------------------------------------------------------------------------------------------------------


def said_at(subject: Subject, now: datetime) -> datetime | None:
    """When it was said, for its hour of the day: where only the minute is known, on the day of `now`."""
    if subject.at is not None or subject.minute is None:
        return subject.at
    return now.astimezone(UTC).replace(hour=subject.minute // 60, minute=subject.minute % 60, second=0, microsecond=0)


# Addresses -----------------------------------------------------------------------------------------------------------


def address_key(address: str) -> str:
    """A web address as it is compared: folded, without https:// and www."""
    return re.sub(r"\A(?:https?://)?(?:www\.)?", "", words.fold(address))


def host_key(address: str) -> str:
    """The host of a web address, folded, without www.; "" where there is none."""
    try:
        host = urlsplit(address if "://" in address else f"//{address}").hostname or ""
    except ValueError:
        return ""
    return words.fold(host).rstrip(".").removeprefix("www.")


def links(subject: Subject) -> Iterable[str]:
    """Every address that a message carries, beside its text or in it."""
    return (*subject.links, *words.addresses(subject.text))


def own_address(subject: Subject) -> Iterable[str]:
    """The message's own address."""
    return (subject.url,) if subject.url else ()


ADDRESSES: dict[str, Callable[[Subject], Iterable[str]]] = {"link": links, "domain": links, "url": own_address}

# Flags ---------------------------------------------------------------------------------------------------------------

_QUESTION_MARK = re.compile("[?？؟⁇⁉❓❔\u037e]")
_PARTS = re.compile(r'[\s"<>]+')  # an address ends where `words` ends one
_EMAIL = re.compile(r"[^\s@<>()\[\],;:\"]+@[^\W_][\w-]*(?:\.[\w-]+)*\.[^\W\d_]{2,}")


@lru_cache(maxsize=2)  # the tone of a message asks, its need and any number of queries
def asks(text: str) -> bool:
    """Whether a text holds a question mark that is not part of an address."""
    if _QUESTION_MARK.search(text) is None:
        return False
    return any(_QUESTION_MARK.search(part) for part in _PARTS.split(text) if "://" not in part)


def _only_emoji(subject: Subject) -> bool:
    return bool(subject.words.keys) and all(map(is_emoji, subject.words.keys))


def _only_handles(subject: Subject) -> bool:
    """Handles, and no word outside of them."""
    known = subject.words
    taken = [span for form, spans in known.signs.items() if form[0] == "@" for span in spans]
    return bool(taken) and all(any(start <= word[0] and word[1] <= end for start, end in taken) for word in known.spans)


def _is_kind(kind: Kind) -> Callable[[Subject], bool]:
    return lambda subject: subject.kind is kind


IS: dict[str, Callable[[Subject], bool]] = {
    **{kind.value: _is_kind(kind) for kind in Kind},
    "question": lambda subject: asks(subject.text),
    "only-emoji": _only_emoji,
    "only-handles": _only_handles,
    "ours": lambda subject: subject.ours,
    "addressed": lambda subject: subject.addressed is True,
    "verified": lambda subject: subject.verified is True,
    "unread": lambda subject: subject.unread is True,
    "open": lambda subject: subject.state in {State.NEW, State.OURS},
    "new": lambda subject: subject.state is State.NEW,
    "theirs": lambda subject: subject.state is State.THEIRS,
    "snoozed": lambda subject: subject.state is State.SNOOZED,
    "done": lambda subject: subject.state is State.DONE,
    "assigned": lambda subject: bool(subject.assignee),
}

HAS: dict[str, Callable[[Subject], bool]] = {
    "link": lambda subject: bool(subject.links) or bool(words.addresses(subject.text)),
    "media": lambda subject: subject.media > 0,
    "tag": lambda subject: bool(subject.hashtags) or any(form[0] == "#" for form in subject.words.signs),
    "emoji": lambda subject: not subject.text.isascii() and any(map(is_emoji, subject.words.keys)),
    "email": lambda subject: "@" in subject.text and _EMAIL.search(subject.text[: words.MAX_TEXT]) is not None,
    "flag": lambda subject: bool(subject.rules),
}


@cache
def flag(name: str, value: str) -> Callable[[Subject], bool]:
    """`is:value` or `has:value` as a question to a subject; what a row states outright counts too."""
    known, stated = (IS if name == "is" else HAS)[value], f"{name}:{value}"
    return lambda subject: known(subject) or stated in subject.stated
