"""The network's own windows in words: until when a message can be answered, and when that decides the order of work. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from inbox_tui.view import words
from inbox_tui.view.lines import Line, Piece
from listener.model import OPEN
from listener.store.views import Opened, QueueRow, ThreadMessage
from listener.workflow import DUE_SOON, Ahead, Lead, closes_first


def first_clock(row: QueueRow, now: datetime) -> Piece:
    """In the column of the due time: that, or how long the network still takes an answer where this ends before."""
    until = row.reply_until
    if until is None or row.state not in OPEN or not closes_first(row.due_at, until):
        return words.due(row.due_at, now)
    left = until - now
    if left < timedelta(0):
        return "closed", "late"
    return f"{words.span(left)} open", "soon" if left <= DUE_SOON else ""


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


def lead(found: Ahead, row: QueueRow, below: QueueRow) -> str:
    """Why a row stands above the next one, also where a window decides."""
    if found.by is Lead.DUE and closes_first(row.due_at, row.reply_until):
        gap = words.span(found.gap) if found.gap >= timedelta(seconds=1) else "a moment"
        return f"its reply window closes {gap} before the next one's time is up"
    return words.lead(found, row.state, below.state)
