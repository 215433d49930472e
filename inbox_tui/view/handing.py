"""The hand-over note: its draft in plain words from what was done, and its conversations, which stand in it by their numbers. Pure.

A note holds no word of anybody else, so that nothing is left of it when a text is blanked: what was said last stands beside it on screen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING

from inbox_tui.view import words
from inbox_tui.view.lines import Line, fit, flow, paragraphs, say
from inbox_tui.view.queue import who
from listener.model.leaving import OutboxState
from listener.model.scales import Priority

if TYPE_CHECKING:
    from listener.store.views.queue import QueueRow
    from listener.store.views.staff import Handover, Shift

LISTED = 12
"""Conversations of one sort that a draft names."""

FRESH = timedelta(hours=24)
"""So long a note is announced to whoever comes."""

_NUMBER = re.compile(r"#([0-9]{1,18})\b")
_UNDECIDED = {
    OutboxState.FAILED: "failed",
    OutboxState.STOPPED: "stopped before it left",
    OutboxState.UNKNOWN: "nobody knows whether it went out",
}


def today(now: datetime, zone: tzinfo | None) -> datetime:
    """When the reader's day began."""
    local = now.astimezone(zone)
    return datetime.combine(local.date(), time(), local.tzinfo)


def drafted(shift: Shift, now: datetime, zone: tzinfo | None) -> str:
    """The note as a draft."""

    def at(moment: datetime) -> str:
        return words.clock(moment, now, zone)

    lines = [f"Shift from {at(shift.since)} to {at(now)}" + (" (the beginning is left out)" if shift.more else "")]
    lines += ["", f"Closed: {len(shift.closed):,}. Answered: {len(shift.answered):,}."]
    told = [one for one in shift.answered if one.late or one.priority >= Priority.HIGH]
    lines += _listed("Answered, urgent or late", [
        f"#{one.conversation_id} {words.priority_words(one.priority)}{', was overdue' if one.late else ''}" for one in told
    ])  # fmt: skip
    lines += _listed("Replies to look after", [f"#{id_} {_UNDECIDED[state]}" for id_, state in shift.undecided])
    lines += _listed("Replies that have not left yet", [f"#{id_}" for id_ in shift.leaving])
    lines += _listed("Replies that wait for approval", [f"#{id_}" for id_ in shift.waiting])
    lines += _listed("Still open with me", [f"#{row.id} {_due(row, now, zone)}" for row in shift.open])
    lines += _listed("Snoozed, awake soon", [f"#{id_} {at(when)}" for id_, when in shift.waking])
    lines += _listed("Drafts that I leave", [f"#{id_}" for id_ in shift.drafts])
    return "\n".join(lines) + "\n"


def _listed(title: str, entries: Sequence[str]) -> list[str]:
    if not entries:
        return []
    more = [f"- and {len(entries) - LISTED:,} more"] if len(entries) > LISTED else []
    return ["", f"{title}:", *(f"- {entry}" for entry in entries[:LISTED]), *more]


def _due(row: QueueRow, now: datetime, zone: tzinfo | None) -> str:
    urgent = f", {words.priority_words(row.priority)}" if row.priority >= Priority.HIGH else ""
    if row.due_at is None:
        return f"no clock{urgent}"
    return f"{'overdue since' if row.due_at < now else 'due'} {words.clock(row.due_at, now, zone)}{urgent}"


def numbers(body: str) -> list[int]:
    """The conversations that a note names, in its order."""
    return list(dict.fromkeys(int(found) for found in _NUMBER.findall(body)))


def named(row: QueueRow, width: int) -> Line:
    """A conversation that a note names, as it is now."""
    state = words.STATE_WORDS[row.state]
    name = fit(who(row.author_handle, row.author_name), 24)
    said = fit(say(row.snippet), max(8, width - len(name) - len(state) - 14))
    return (
        (f"#{row.id} ", "accent"),
        (f"{name} ", "bold"),
        (f"{state}: ", "dim"),
        (said, "gone" if row.snippet is None else ""),
    )


def legend(ids: Iterable[int], rows: Mapping[int, QueueRow], width: int) -> list[Line]:
    """What the numbers of a note stand for."""
    return [named(rows[id_], width) for id_ in ids if id_ in rows]


def title(note: Handover, now: datetime, zone: tzinfo | None) -> str:
    """'mira, 14:02'."""
    return f"{say(note.person)}, {words.clock(note.at, now, zone)}"


def note_lines(note: Handover, width: int) -> list[Line]:
    """A note to read."""
    return flow(paragraphs(note.body), width)


def banner(note: Handover | None, me: int, now: datetime, zone: tzinfo | None) -> str:
    """What is said of the newest note to whoever comes; '' for nothing."""
    if note is None or note.person_id == me or now - note.at > FRESH:
        return ""
    return f"hand-over from {title(note, now, zone)}"
