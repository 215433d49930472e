"""Clocks in words beside the one for the answer: until when the network takes one, until when all should be done, and when such a one
decides the order of work. Pure.
"""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

from inbox_tui.view import words
from listener.model.work import OPEN, Conversation, State
from listener.workflow import order
from listener.workflow.clocks import DUE_SOON, Clock, first_clock

if TYPE_CHECKING:
    from inbox_tui.view.lines import Line, Piece
    from listener.store.views.queue import QueueRow
    from listener.store.views.thread import Opened, ThreadMessage


def clock(row: QueueRow, now: datetime) -> Piece:
    """In the column of the due time: that, or what ends before it: how long the network still takes an answer, or the time to resolve (✓)."""
    if row.state not in OPEN:
        if row.state is State.DONE or row.resolve_by is None:
            return words.due(row.due_at, now)
        return _to_resolve(row.resolve_by, now)
    first = _first(row)
    if first is Clock.RESOLVE and row.resolve_by is not None:
        return _to_resolve(row.resolve_by, now)
    if first is not Clock.WINDOW or row.reply_until is None:
        return words.due(row.due_at, now)
    left = row.reply_until - now
    if left < timedelta(0):
        return "closed", "late"
    return f"{words.span(left)} open", "soon" if left <= DUE_SOON else ""


def _first(row: QueueRow) -> Clock | None:
    return first_clock(row.due_at, row.reply_until, row.resolve_by)


def _to_resolve(at: datetime, now: datetime) -> Piece:
    left = at - now
    if left < timedelta(0):
        return "✓ overdue", "late"
    return f"✓ in {words.span(left)}", "soon" if left <= DUE_SOON else ""


def resolve(conversation: Conversation, now: datetime, zone: tzinfo | None) -> Piece | None:
    """'to be resolved by Tue 24 Nov 17:00, 5 h left'; None: it is done, or nobody says until when it should be."""
    at = conversation.resolve_by
    if at is None or conversation.state is State.DONE:
        return None
    left, style = words.due(at, now)
    return f"to be resolved by {words.clock(at, now, zone)}, {left}", style


def closes(until: datetime | None, now: datetime, what: str = "window") -> Piece | None:
    """'window closes in 3 h', 'window closed 2 h ago'; None: there is none."""
    if until is None:
        return None
    left = until - now
    if left < timedelta(0):
        return f"{what} closed {words.span(-left)} ago", "late"
    return f"{what} closes in {words.span(left)}", "soon" if left <= DUE_SOON else ""


def row_window(row: QueueRow, now: datetime) -> Line:
    """Before the first words of an open conversation that its network will close."""
    said = closes(row.reply_until, now) if row.state in OPEN else None
    return () if said is None else (said, (" · ", "dim"))


def standing(opened: Opened, now: datetime) -> list[Piece]:
    """The windows of a conversation that waits for us: of an answer as it came, and of a private one."""
    c = opened.conversation
    newest = answerable(opened)
    until = newest.private_until if newest is not None else None
    said = (closes(c.reply_until, now), closes(until, now, "private window"))
    return [piece for piece in said if piece is not None] if c.state in OPEN else []


def answerable(opened: Opened) -> ThreadMessage | None:
    """The newest message of theirs that is still there."""
    return next((one for one in reversed(opened.thread) if one.mine and not one.ours and not one.deleted), None)


def closed(until: datetime | None, now: datetime) -> str:
    """Why no answer is possible any more; '' : it is."""
    said = closes(until, now)
    return f"its network takes no answer any more: the {said[0]}" if said is not None and until and until < now else ""


def lead(found: order.Ahead, row: QueueRow, below: QueueRow) -> str:
    """Why a row stands above the next one, also where a window decides."""
    gap = words.span(found.gap) if found.gap >= timedelta(seconds=1) else "a moment"
    first = _first(row)
    if found.by is order.Lead.DUE and first is Clock.WINDOW:
        return f"its reply window closes {gap} before the next one's time is up"
    if found.by is order.Lead.DUE and first is Clock.RESOLVE:
        return f"its time to resolve is over {gap} before the next one's time is up"
    return words.lead(found, row.state, below.state)
