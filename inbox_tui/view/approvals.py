"""Replies that wait for approval, or were decided, in words: for the conversation, for who decides, and for who wrote them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from inbox_tui.keys import KEYS, Table, sign
from inbox_tui.view import words
from inbox_tui.view.lines import Line, Piece, flow, flow_parts, paragraphs, say
from inbox_tui.view.names import account
from inbox_tui.view.pictures import submitted_lines
from listener.model.leaving import ApprovalState

if TYPE_CHECKING:
    from listener.store.views.approvals import ApprovalRow
    from listener.store.views.thread import Opened

ASKS = {"send": "asks for approval by a lead", "put_down": "puts it down"}
DECIDES = {"send": "approves it as it stands here", "put_down": "leaves it waiting"}
"""What the composer's keys do, act to words."""


def waiting(opened: Opened | None) -> ApprovalRow | None:
    """The reply of a conversation that waits for approval; there is one at most."""
    rows = opened.approvals if opened is not None else ()
    return next((one for one in rows if one.state is ApprovalState.WAITING), None)


def moved(row: ApprovalRow, opened: Opened) -> bool:
    """Whether the thread has changed since its writer read it."""
    return row.fence != opened.conversation.thread_version


def sent_back(opened: Opened, person_id: int) -> ApprovalRow | None:
    """The person's reply that was sent back last, while they have not asked again and nobody has answered or written since."""
    last = opened.approvals[-1] if opened.approvals else None
    mine = last is not None and last.person_id == person_id and last.state is ApprovalState.REJECTED
    return last if mine and last is not None and not moved(last, opened) else None


def sent_back_line(row: ApprovalRow) -> Line:
    """Who sent it back, and why."""
    return ((f"✗ {say(row.decided_by)} sent this back: ", "bad"), (say(row.note), "bold"))


def shown(row: ApprovalRow, opened: Opened) -> bool:
    """Whether a conversation shows it: while it waits, when it was sent back last, and where what was sent is not all that was submitted, or
    had pictures.
    """
    return (
        row.state in (ApprovalState.WAITING, ApprovalState.CHANGED, ApprovalState.SUPERSEDED)
        or (row.state is ApprovalState.REJECTED and row == opened.approvals[-1])
        or (row.state is ApprovalState.APPROVED and (bool(row.options) or bool(row.pictures)))
    )


def goes_out(planned: datetime | None, now: datetime, zone: tzinfo | None) -> str:
    """When it is to go out, where that is not at once."""
    return "" if planned is None else f"goes out {words.clock(planned, now, zone)}"


def state_words(row: ApprovalRow, opened: Opened, table: Table = KEYS) -> Piece:
    """Where it stands, and what can be done about it."""
    by, settle = say(row.decided_by), sign("settle", table)
    which = f": option {row.option} of {len(row.options)}" if row.options else ""
    match row.state:
        case ApprovalState.WAITING if moved(row, opened):
            return f"waits for approval, but the thread has changed since ({settle}: decide)", "bad"
        case ApprovalState.WAITING:
            return f"waits for approval by a lead or an admin ({settle}: decide)", "soon"
        case ApprovalState.REJECTED:
            return f"sent back by {by}", "bad"
        case ApprovalState.CHANGED:
            return f"approved by {by} with a change{which}; this is what was submitted", "note"
        case ApprovalState.APPROVED:
            return f"approved by {by}{which}; this is what was submitted", "note"
        case ApprovalState.SUPERSEDED:
            return "not sent: another reply waited here when two conversations became one", "bad"
        case _:
            return row.state.value, "dim"


def approval_lines(
    row: ApprovalRow,
    opened: Opened,
    *,
    person_id: int,
    now: datetime,
    zone: tzinfo | None,
    width: int,
    table: Table = KEYS,
) -> Iterator[Line]:
    """It in the thread: who wrote it, where it stands, its words, and the note with which it was sent back."""
    whose = "you" if row.person_id == person_id else say(row.person)
    parts: list[Line] = [((f"◃ {whose}, as {account(row.account_handle)}", "ours"),)]
    if row.private:
        parts.append((("privately", "note"),))
    parts.append((state_words(row, opened, table),))
    if row.state is ApprovalState.WAITING and (when := goes_out(row.planned, now, zone)):
        parts.append(((when, "ours"),))
    yield from flow_parts(parts, width)
    if row.note:
        yield from flow(((f"  {say(row.decided_by)}: ", "note"), (say(row.note), "bold")), width, hanging="    ")
    decided = row.state in (ApprovalState.CHANGED, ApprovalState.APPROVED)
    for number, text in enumerate(row.texts, start=1):
        if row.options:
            chosen = decided and number == row.option
            told = f"{'✓ ' if chosen else ''}option {number}{', approved' if chosen else ''}"
            yield ((f"  {told}", "good" if chosen else "accent"),)
        yield from flow(paragraphs(text, style="dim" if decided else ""), width, indent="  ")
        for line in submitted_lines(row.pictures_of(number), decided=decided):
            yield from flow(line, width, indent="  ", hanging="    ")
