"""Authors in words: their card, a line of their past, what is said at the head of a conversation, and what a mute does, before it is done."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from inbox_tui.keys import KEYS, Table, sign
from inbox_tui.view import names, words
from inbox_tui.view.lines import Line, Piece, column, cut, flow, flow_parts, paragraphs, say, spread
from inbox_tui.view.queue import first_words, who
from listener.model.work import OPEN

if TYPE_CHECKING:
    from listener.store.views.authors import Author, Mutable, Mute, PastRow
    from listener.store.views.notes import Note
    from listener.store.views.thread import Opened

_COUNTED = 1_000
"""Where the store stops counting conversations."""
_NOTED = 100
"""And notes."""
_BIO = 3
"""Lines of a bio."""

KEPT = (
    "What they write is kept, and search and Listening find it. It opens no conversation, brings none back, wakes nothing,"
    " sets no due time and asks for no alert."
)
"""What a mute does, beside closing."""


def about(opened: Opened, now: datetime, width: int, table: Table = KEYS) -> list[Line]:
    """At the head of a conversation: that its author is muted, and that there are notes; nothing where neither is so."""
    parts: list[Line] = []
    if opened.mute is not None:
        parts.append(
            (
                _muted(opened.mute, now),
                (f": what they write moves nothing here ({sign('mute', table)} ends it)", "soon"),
            )
        )
    if n := opened.author_notes:
        many = f"{_NOTED} or more notes" if n >= _NOTED else words.count(n, "note")
        parts.append(((f"✍ {many} on the author ({sign('author', table)} shows them)", "note"),))
    return flow_parts(parts, width)


def _muted(mute: Mute, now: datetime) -> Piece:
    return f"⊘ muted by {say(mute.person)} {words.ago(mute.at, now)}", "soon"


def card_lines(author: Author, now: datetime, zone: tzinfo | None, width: int, more: Sequence[Line] = ()) -> list[Line]:
    """Who they are, what we had to do with them, `more` that the caller knows, and our notes."""
    parts: list[Line] = [((who(author.handle, author.name), "title"),)]
    if author.handle and author.name != author.handle and author.name:
        parts.append(((say(author.name), "bold"),))
    if author.verified is not None:
        parts.append((("✓ verified", "good") if author.verified else ("not verified", "dim"),))
    gone = author.status not in ("", "active")
    parts.append(((f"account {say(author.status)}", "bad" if gone else "dim"),))
    parts.append(((f"on {names.network(author.source)}", "dim"),))
    lines = flow_parts(parts, width)
    known: list[Line] = []
    if author.followers is not None:
        known.append(((words.count(author.followers, "follower"), ""),))
    if author.posts is not None:
        known.append(((words.count(author.posts, "post"), ""),))
    known.append(((f"first heard {words.clock(author.first_at, now, zone)}", "dim"),))
    read = "profile not read yet" if author.fetched_at is None else f"profile read {words.ago(author.fetched_at, now)}"
    known.append(((read, "dim"),))
    lines.extend(flow_parts(known, width))
    if author.bio:
        lines.extend(flow(((say(author.bio), ""),), width)[:_BIO])
    lines.append(())
    lines.extend(flow((_past(author.conversations, author.answered),), width))
    if author.mute is None:
        lines.append((("not muted", "dim"),))
    else:
        lines.extend(flow((_muted(author.mute, now), (f". {KEPT}", "")), width))
    lines.extend(more)
    for note in author.notes:
        lines.extend(_note(note, now, width))
    return lines


def _past(conversations: int, answered: int) -> Piece:
    if conversations >= _COUNTED:
        return f"{_COUNTED:,} or more conversations with us, {answered:,} or more answered by us", ""
    return f"{words.count(conversations, 'conversation')} with us, {answered:,} answered by us", ""


def _note(note: Note, now: datetime, width: int) -> list[Line]:
    head = (f"✍ note by {say(note.person)}", "note"), (f", {words.ago(note.at, now)}, only for us", "dim")
    return [*flow(head, width), *flow(paragraphs(note.body, style="note"), width, indent="  ")]


def past_line(row: PastRow, width: int, now: datetime) -> tuple[Line]:
    """One conversation of theirs: where it stands, when, whether we answered, how it began."""
    open_ = row.state in OPEN
    left: list[Piece] = [
        (" ", ""),
        (column(words.STATE_WORDS[row.state], 17), "bold" if open_ else "dim"),
        (column(words.age(row.last_at, now), 6), "dim"),
        (column("answered" if row.answered else "", 9), "ours"),
        first_words(row.words),
    ]
    tags: list[Piece] = [(f" #{say(tag)}", "tag") for tag in row.tags[:3]]
    return (spread(left, cut(tags, width // 4), width),)


# Muting, in words -----------------------------------------------------------------------------------------------------


def name(author: Mutable | Author) -> str:
    """How they are called in a sentence."""
    return who(author.handle, author.name)


def mute_question(authors: Sequence[Mutable], brand: str, table: Table = KEYS) -> tuple[str, list[str]]:
    """The question before a mute of these, none of whom is muted, and all that it does."""
    one = len(authors) == 1
    title = f"Mute {name(authors[0])}?" if one else f"Mute {words.count(len(authors), 'author')}?"
    networks = " and ".join(sorted({names.network(author.source) for author in authors}))
    return title, [
        f"Only for {say(brand)} and only here: they are not told, and nothing changes on {networks}.",
        KEPT,
        _closes(authors),
        f"A person may still make a conversation of it ({sign('take_in', table)} in Listening). "
        f"{sign('mute', table)} ends the mute, {sign('take_back', table)} takes all of it back.",
    ]


def _closes(authors: Sequence[Mutable]) -> str:
    total = sum(author.not_done for author in authors)
    if not total:
        return "No conversation with them is open: none is closed."
    parts = [
        (sum(author.open for author in authors), "open"),
        (sum(author.snoozed for author in authors), "snoozed"),
        (sum(author.theirs for author in authors), "waiting for them"),
    ]
    which = ", ".join(f"{n:,} {word}" for n, word in parts if n)
    return f"{words.count(total, 'conversation')} with them {'is' if total == 1 else 'are'} closed with it: {which}."


def unmute_question(authors: Sequence[Mutable]) -> tuple[str, list[str]]:
    """The question before a mute ends."""
    one = len(authors) == 1
    return f"Unmute {name(authors[0])}?" if one else f"Unmute {words.count(len(authors), 'author')}?", [
        "What they write from now on comes in as anybody's.",
        "Nothing comes back by it: what was closed stays closed, and what they wrote meanwhile opens nothing. Search and Listening find it.",
    ]


def mute_told(authors: Sequence[Mutable], muted: Sequence[int], closed: int, *, ends: bool, undo: str) -> str:
    """What a mute, or its end, has done. `undo`: the key that takes it back, as people read it."""
    only = next((author for author in authors if [author.id] == list(muted)), None)
    whom = name(only) if only is not None else words.count(len(muted), "author")
    if ends:
        return f"{whom} unmuted: what was closed stays closed ({undo} takes it back)"
    also = f"; {words.count(closed, 'conversation')} closed" if closed else ""
    return f"{whom} muted{also} ({undo} takes it back)"
