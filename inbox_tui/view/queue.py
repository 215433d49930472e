"""The lines of the lists: conversations of a folder, mentions of a topic, folders themselves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from inbox_tui.view import labels as own
from inbox_tui.view import names, windows, words
from inbox_tui.view.lines import ONE_LINE, Line, Piece, column, cut, fit, joined, line_cells, say, spread
from listener.model.leaving import ApprovalState, OutboxState
from listener.model.work import State

if TYPE_CHECKING:
    from listener.store.views.listening import ListeningRow, TopicCount
    from listener.store.views.queue import Counts, QueueRow, SavedView

_DUE = 11
_WIDE = 76
"""Cells from which one line has room for a name more."""
_NAMED = 60
"""Cells of a message's first words where it is named."""
_NEWS = frozenset(OutboxState) - {OutboxState.SEEN, OutboxState.WITHDRAWN}


def who(handle: str, name: str) -> str:
    """A person by handle, else by name."""
    return names.account(handle) if say(handle) else say(name) or "somebody"


def in_folder(row: QueueRow, folder: str, person_id: int) -> bool:
    """Whether a row, as it is now, belongs to a folder."""
    if folder == "approve":
        return row.approval is ApprovalState.WAITING
    if folder == "mine":
        return row.state in (State.NEW, State.OURS) and row.assignee_id == person_id
    if folder == "open":
        return row.state in (State.NEW, State.OURS)
    return row.state.value == folder


def _holder(row: QueueRow, person_id: int) -> Piece | None:
    """Who is on it: a claim is louder than an assignment."""
    if row.claimed_by_id is not None:
        return ("✎ you", "accent") if row.claimed_by_id == person_id else (f"✎ {say(row.claimed_by)}", "soon")
    if row.assignee_id is not None:
        return ("→ you", "accent") if row.assignee_id == person_id else (f"→ {say(row.assignee)}", "dim")
    if row.escalated_from:
        return f"{say(row.escalated_from)} ⇒ {say(row.team)}", "late"
    return (f"→ {say(row.team)}", "dim") if row.team else None


def _writes(seen: Sequence[Piece | None]) -> bool:
    """Whether a colleague is typing: that says who is on it."""
    return bool(seen) and seen[0] is not None and seen[0][0].startswith("✎")


def _marks(row: QueueRow, marked: bool) -> list[Piece]:
    """Three cells: marked or unread, priority, space."""
    first: Piece = ("✓", "accent") if marked else ("●", "accent") if row.unread else (" ", "")
    return [first, words.priority_sign(row.priority), (" ", "")]


def queue_lines(
    row: QueueRow,
    width: int,
    now: datetime,
    person_id: int,
    *,
    marked: bool = False,
    left: bool = False,
    zone: tzinfo | None = None,
    copies: str = "",
    seen: Sequence[Piece | None] = (),
    labels: Sequence[str] = (),
) -> tuple[Line, Line]:
    """One conversation in two lines. `left`: it is no longer in the folder that is shown; `copies`: that it stands for others; `seen`: who
    looks at it, in full and shorter; `labels`: the reader's own.
    """
    due_text, due_style = windows.clock(row, now)
    top: list[Piece] = [*_marks(row, marked), (column(due_text, _DUE), due_style), (" ", "")]
    name = who(row.author_handle, row.author_name)
    top.append((name, "bold" if row.unread else ""))
    news = _news(row, now, zone)
    short = copies.partition(" ")[0] if copies.startswith("+") else ""
    for alike in (copies, short, "", copies):  # where a reply stands wins over how many are like it
        begun = [*top, (f"  {alike}", "accent")] if alike else top
        room = width - line_cells(tuple(begun)) - 1
        aside = _aside(row, now, person_id, room, seen, news, left=left)
        if news is None or (news in aside and line_cells(aside) <= room):
            break
    top = begun
    if row.messages > 1:
        top.append((f" ({row.messages})", "dim"))
    judged = words.judged_short(row.tone, row.need)
    second: list[Piece] = [("   ", ""), *judged, *windows.row_window(row, now), first_words(row.snippet)]
    tags = (*own.row_pieces(labels), *_tags(row.tags, width // 3))
    return spread(top, aside, width), spread(second, tags, width)


def queue_line(
    row: QueueRow,
    width: int,
    now: datetime,
    person_id: int,
    *,
    marked: bool = False,
    left: bool = False,
    seen: Sequence[Piece | None] = (),
    zone: tzinfo | None = None,
    copies: str = "",
    labels: Sequence[str] = (),
) -> tuple[Line]:
    """One conversation in one line, for those who want to see many."""
    due_text, due_style = windows.clock(row, now)
    line: list[Piece] = [*_marks(row, marked), (column(due_text, _DUE), due_style), (" ", "")]
    line.extend((words.tone_sign(row.tone), words.need_sign(row.need), (" ", "")))
    line.append((column(who(row.author_handle, row.author_name), max(12, width // 5)), "bold" if row.unread else ""))
    line.append((f" {copies} " if copies else " ", "accent"))
    line.append(first_words(row.snippet))
    aside: list[Piece] = []
    if left:
        aside.append((f"now {words.STATE_WORDS[row.state]} ", "note"))
    holder = None if _writes(seen) else _holder(row, person_id)
    short = seen[1 if width >= _WIDE else 2] if seen else None
    for piece in (own.short_piece(labels), holder, short, asked_sign(row, now, zone)):
        if piece is not None:
            aside.extend((piece, (" ", "")))
    aside.append((words.age(row.last_at, now), "dim"))
    return (spread(line, aside, width),)


def first_words(text: str | None) -> Piece:
    """The start of a message without the handles that it begins with: in a list they are all the same, and hide the words."""
    if text is None:
        return say(None), "gone"
    rest = text[: 2 * ONE_LINE].lstrip()
    while rest.startswith("@") and len(parts := rest.split(maxsplit=1)) == 2:
        rest = parts[1]
    return say(rest), ""


def asked_sign(row: QueueRow, now: datetime, zone: tzinfo | None) -> Piece | None:
    """That a reply waits for approval, was sent back, or waits for its time; None: none does."""
    if row.approval is ApprovalState.WAITING:
        return "waits for approval", "soon"
    if row.approval is ApprovalState.REJECTED:
        return "sent back", "bad"
    return None if row.planned is None else (f"goes out {words.clock(row.planned, now, zone)}", "ours")


def _news(row: QueueRow, now: datetime, zone: tzinfo | None) -> Piece | None:
    """Where our last reply stands; None: nothing that anybody has to know."""
    news = asked_sign(row, now, zone)
    if news is None and row.outbox in _NEWS and row.outbox is not None:
        return words.outbox_sign(row.outbox)
    return news


def _aside(
    row: QueueRow,
    now: datetime,
    person_id: int,
    room: int,
    seen: Sequence[Piece | None],
    news: Piece | None,
    *,
    left: bool,
) -> Line:
    """What stands at the right: as much as leaves the author readable; the age always, the source gives way first."""
    full, short, tiny = seen or (None, None, None)
    holder = None if _writes(seen) else _holder(row, person_id)
    age: Piece = (words.age(row.last_at, now), "dim")
    source: Piece = (names.short(row.source), "dim")
    moved: Piece | None = (f"now {words.STATE_WORDS[row.state]}", "note") if left else None
    shown: tuple[Piece | None, ...] = ()
    for shown in (
        (moved, full, holder, news, source, age),
        (moved, full, holder, news, age),
        (moved, short, holder, news, age),
        (moved, tiny, holder, news, age),
        (moved, tiny, news or holder, age),
        (moved, tiny, age),
        (moved, age),
        (moved, age),
    ):
        parts = tuple(piece for piece in shown if piece is not None)
        line = joined(((piece,) for piece in parts), " ")
        if line_cells(line) <= room:
            return line
    return joined(((piece,) for piece in shown if piece is not None), " ")


def _tags(tags: tuple[str, ...], width: int) -> Line:
    shown = [(f"#{say(tag)}", "tag") for tag in tags[:6]]
    if len(tags) > len(shown):
        shown.append((f"+{len(tags) - len(shown)}", "dim"))
    spaced: list[Piece] = []
    for piece in shown:
        spaced.extend(((" ", ""), piece))
    return cut(spaced, width)


def mention_named(row: ListeningRow) -> str:
    """A mention as it is named to a person: who, and the first words."""
    return named(row.author_handle, row.author_name, row.text)


def named(handle: str, name: str, text: str | None) -> str:
    """The same, of any message."""
    return f"{who(handle, name)}: {fit(say(text), _NAMED)}"


def listening_lines(row: ListeningRow, width: int, now: datetime, *, fresh: bool = False) -> tuple[Line, Line]:
    """One mention in two lines."""
    top: list[Piece] = [("● " if fresh else "  ", "accent"), (who(row.author_handle, row.author_name), "bold")]
    if row.kind.value not in ("post", "reply"):
        top.append((f" {row.kind.value}", "dim"))
    aside: list[Piece] = []
    if row.conversation_id is not None:
        aside.append(("in the inbox ", "accent"))
    if row.lang:
        aside.append((f"{say(row.lang)} ", "dim"))
    aside.append((f"{names.short(row.source)} {words.age(row.at, now)}", "dim"))
    second: list[Piece] = [("  ", ""), *words.judged_short(row.tone, row.need)]
    if row.deleted:
        second.append(("deleted by its author ", "gone"))
    second.append(first_words(row.text))
    rules = joined((((f"⚑{say(rule)}", "tag"),) for rule in row.rules[:4]), " ")
    return spread(top, aside, width), spread(second, cut(rules, width // 3), width)


def folder_line(label: str, n: int | None, width: int, *, bad: int = 0) -> Line:
    """A folder or topic with its count at the right edge."""
    right: list[Piece] = []
    if bad:
        right.append((f"−{words.short_count(bad)} ", "bad"))
    if n is not None:
        right.append((words.short_count(n), "bold" if n else "dim"))
    return spread([(fit(say(label), width - 4), "")], right, width)


def folder_counts(counts: Counts) -> dict[str, int]:
    """Folder key to exact count."""
    folders = {key: counts.folders.get(key, 0) for key, _ in words.FOLDERS}
    return {**folders, "mine": counts.mine, "approve": counts.to_approve}


def topic_line(topic: TopicCount, width: int) -> Line:
    """A topic: mentions of the last day, and how many of them are negative."""
    return folder_line(topic.topic, topic.today, width, bad=topic.negative_today)


def view_line(view: SavedView, width: int, count: str = "") -> Line:
    """A kept view; whether all have it, and how many are in it."""
    right: list[Piece] = [("all ", "dim")] if view.shared else []
    right += [(count, "dim" if count == "0" else "bold")] if count else []
    return spread([(fit(say(view.name), width - 1 - line_cells(tuple(right))), "")], right, width)
