"""What happened to a reply, honestly in words, and what changed in a thread while somebody was writing."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from math import ceil
from typing import TYPE_CHECKING

from inbox_tui.keys import KEYS, Table, sign
from inbox_tui.view import words
from inbox_tui.view.lines import Piece, fit, say
from inbox_tui.view.queue import who
from listener.model.leaving import OutboxState

if TYPE_CHECKING:
    from listener.store.views.thread import Opened, OutboxRow


def seconds_left(reply: OutboxRow, now: datetime) -> int:
    """Whole seconds in which it can still be taken back; 0 when they are over."""
    return max(0, ceil((reply.not_before - now).total_seconds()))


COUNTED_DOWN = timedelta(minutes=10)
"""What goes out later than this is told by the clock."""


def taken_back(reply: OutboxRow, opened: Opened | None) -> str:
    """What is said once it is: of numbered parts, some may have left before."""
    out = (OutboxState.SENDING, OutboxState.UNKNOWN, OutboxState.ACCEPTED, OutboxState.SEEN)
    rows = opened.replies if opened is not None and reply.parts else ()
    # The parts of one text stand one after the other.
    left = [
        one for one in rows if one.parts == reply.parts and one.state in out and 0 < reply.id - one.id < reply.parts
    ]
    if not left:
        return "taken back; nothing was sent"
    return f"taken back what had not left: {words.count(len(left), 'part')} of {reply.parts} stay out"


def planned(reply: OutboxRow, now: datetime) -> bool:
    """Whether it waits for its time, and not only for the seconds in which it can be taken back."""
    return reply.state is OutboxState.QUEUED and reply.planned is not None and reply.not_before - now > COUNTED_DOWN


def outbox_words(reply: OutboxRow, now: datetime, zone: tzinfo | None = None, table: Table = KEYS) -> Piece:
    """Where a reply is and what can be done about it."""
    problem = f": {say(reply.problem)}" if reply.problem else ""
    undo, settle = sign("take_back", table), sign("settle", table)
    match reply.state:
        case OutboxState.QUEUED if planned(reply, now):
            return (
                f"goes out {words.clock(reply.not_before, now, zone)} ({settle}: change that or take it back)",
                "soon",
            )
        case OutboxState.QUEUED if left := seconds_left(reply, now):
            return f"goes out in {left} s, {undo} takes it back", "soon"
        case OutboxState.QUEUED:
            return f"waiting to go out{problem}, {undo} takes it back", "soon"
        case OutboxState.SENDING:
            return "being sent", "soon"
        case OutboxState.ACCEPTED:
            return "accepted by the network, not seen there yet", "ours"
        case OutboxState.SEEN:
            return "seen on the network", "good"
        case OutboxState.FAILED:
            return f"failed{problem} ({settle}: try again or take it back)", "bad"
        case OutboxState.UNKNOWN:
            return f"nobody knows whether it went out{problem} ({settle}: say what you see on the network)", "bad"
        case OutboxState.STOPPED:
            return f"stopped{problem} ({settle}: send it anyway or take it back)", "bad"
        case OutboxState.WITHDRAWN:
            return "taken back", "dim"


def changed_since(before: Opened, after: Opened, person_id: int, now: datetime) -> list[str]:
    """What was said, edited, deleted or answered between two looks at a conversation, in words; [] when nothing was."""
    known = {m.id: m for m in before.thread}
    said: list[str] = []
    for message in after.thread:
        old = known.get(message.id)
        name = "we" if message.ours else who(message.author_handle, message.author_name)
        if old is None:
            said.append(f"{name} wrote {words.ago(message.at, now)}: “{fit(say(message.text), 80)}”")
        elif message.deleted and not old.deleted:
            said.append(f"{name} deleted a message")
        elif message.version != old.version:
            said.append(f"{name} edited a message; it now says: “{fit(say(message.text), 80)}”")
    seen = {r.id for r in before.replies}
    said.extend(
        f"{say(r.person)} answered {words.ago(r.queued_at, now)}: “{fit(say(r.body), 80)}”"
        for r in after.replies
        if r.id not in seen and r.person_id != person_id and r.state is not OutboxState.WITHDRAWN
    )
    return said


def answered_by_others(opened: Opened, person_id: int) -> OutboxRow | None:
    """A colleague's newest reply that is on its way or out, when nothing by the author came after it."""
    theirs = [m.at for m in opened.thread if m.mine and not m.ours]
    last = max(theirs, default=None)
    for reply in reversed(opened.replies):
        out = reply.state not in (OutboxState.WITHDRAWN, OutboxState.FAILED, OutboxState.STOPPED)
        if out and reply.person_id != person_id and (last is None or reply.queued_at >= last):
            return reply
    return None


def answered_words(reply: OutboxRow, now: datetime) -> str:
    """A colleague's answer in one sentence."""
    return f"{say(reply.person)} answered {words.ago(reply.queued_at, now)}: “{fit(say(reply.body), 80)}”"
