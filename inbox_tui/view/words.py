"""Times, tones, states and counts in words. `now` is always an argument; the zone is the reader's."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

from listener.model.leaving import OutboxState
from listener.model.scales import Priority, ToneLabel
from listener.model.work import State
from listener.workflow import order
from listener.workflow.clocks import DUE_SOON

if TYPE_CHECKING:
    from inbox_tui.view.lines import Line, Piece

FOLDERS = (
    ("open", "Open"),
    ("mine", "Mine"),
    ("theirs", "Waiting for them"),
    ("snoozed", "Snoozed"),
    ("done", "Done"),
)
"""The folders of the inbox: key in the store, and words. 'mine' is 'open', assigned to the reader."""

TO_APPROVE = ("approve", "To approve")
"""The folder of those who may approve: conversations of whatever folder in which a reply waits for that."""

FOLDER_WORDS = dict((*FOLDERS, TO_APPROVE))

STATE_WORDS = {
    State.NEW: "new",
    State.OURS: "ours to answer",
    State.THEIRS: "waiting for them",
    State.SNOOZED: "snoozed",
    State.DONE: "done",
}

PRIORITY_WORDS = {Priority.LOW: "low", Priority.NORMAL: "normal", Priority.HIGH: "high", Priority.URGENT: "urgent"}
_PRIORITY_SIGNS = {Priority.LOW: "↓", Priority.NORMAL: " ", Priority.HIGH: "!", Priority.URGENT: "‼"}

TONE_WORDS = {
    ToneLabel.NEGATIVE: "negative",
    ToneLabel.NEUTRAL: "neutral",
    ToneLabel.POSITIVE: "positive",
    ToneLabel.NOT_SCORED: "not scored",
}
_TONE_SIGNS = {
    ToneLabel.NEGATIVE: ("−", "bad"),
    ToneLabel.NEUTRAL: ("=", "dim"),
    ToneLabel.POSITIVE: ("+", "good"),
    ToneLabel.NOT_SCORED: ("?", "dim"),
}

_OUTBOX_SIGNS = {
    OutboxState.QUEUED: ("reply queued", "ours"),
    OutboxState.SENDING: ("reply on its way", "ours"),
    OutboxState.ACCEPTED: ("reply accepted", "ours"),
    OutboxState.SEEN: ("answered", "good"),
    OutboxState.FAILED: ("reply failed", "bad"),
    OutboxState.UNKNOWN: ("reply: fate unknown", "bad"),
    OutboxState.STOPPED: ("reply stopped", "bad"),
    OutboxState.WITHDRAWN: ("reply taken back", "dim"),
}


def span(delta: timedelta) -> str:
    """A length of time in the largest unit that fits, rounded down: '40 s', '8 min', '2 h', '5 d'."""
    seconds = max(0, int(delta.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min"
    if seconds < 48 * 3600:
        return f"{seconds // 3600} h"
    return f"{seconds // 86400} d"


def age(at: datetime, now: datetime) -> str:
    """How long ago; 'now' for the last minute (and for a clock that runs ahead)."""
    past = now - at
    return "now" if past < timedelta(minutes=1) else span(past)


def ago(at: datetime, now: datetime) -> str:
    """The same as part of a sentence."""
    past = age(at, now)
    return "just now" if past == "now" else f"{past} ago"


def due(at: datetime | None, now: datetime) -> Piece:
    """The due time as a person says it, with its urgency as style."""
    if at is None:
        return "no clock", "dim"
    left = at - now
    if left < timedelta(0):
        return f"{span(-left)} over", "late"
    return f"{span(left)} left", "soon" if left <= DUE_SOON else ""


def clock(at: datetime, now: datetime, zone: tzinfo | None) -> str:
    """A moment by the reader's clock: the time today, with the date on other days."""
    local, today = at.astimezone(zone), now.astimezone(zone)
    if local.date() == today.date():
        return f"{local:%H:%M}"
    return f"{local:%a %d %b %H:%M}" if local.year == today.year else f"{local:%d %b %Y %H:%M}"


def tone_sign(label: ToneLabel) -> Piece:
    """One cell for the tone; a sign, so that it does not depend on colour."""
    return _TONE_SIGNS[label]


def tone(label: ToneLabel) -> Piece:
    """The tone as sign and word."""
    sign, style = _TONE_SIGNS[label]
    return f"{sign} {TONE_WORDS[label]}", style


def about_us(label: ToneLabel) -> Piece:
    """The tone of what it says about us, where that is another than the whole's."""
    return f"about us: {TONE_WORDS[label]}", _TONE_SIGNS[label][1]


def judged_short(label: ToneLabel, score: float) -> Line:
    """Tone and need in few cells, for lists: signs and short words, so that neither depends on colour."""
    sign, style = _TONE_SIGNS[label]
    short = {"negative": "neg", "neutral": "neu", "positive": "pos", "not_scored": "n/s"}[label]
    answer: Piece = ("answer", "accent") if score >= 0.66 else ("answer?", "dim") if score >= 0.33 else ("", "")
    return ((f"{sign}{short} ", style), answer, (" " if answer[0] else "", ""))


def need(score: float) -> Piece | None:
    """The need for an answer, when there is one worth saying."""
    if score >= 0.66:
        return "needs an answer", "accent"
    if score >= 0.33:
        return "may need one", "dim"
    return None


def need_sign(score: float) -> Piece:
    """One cell for the need."""
    return ("¿", "accent") if score >= 0.66 else ("·", "dim") if score >= 0.33 else (" ", "")


def priority_sign(value: int) -> Piece:
    """One cell for the priority."""
    known = _priority(value)
    return _PRIORITY_SIGNS[known], "bad" if known >= Priority.HIGH else "dim"


def lead(found: order.Ahead, state: State, below: State) -> str:
    """Why a row stands above the next one: 'due 12 min earlier', 'urgent before high'."""
    gap = span(found.gap) if found.gap >= timedelta(seconds=1) else "a moment"
    first, second = found.priorities or (Priority.NORMAL, Priority.NORMAL)
    return {
        order.Lead.DUE: f"due {gap} earlier",
        order.Lead.CLOCK: "it has a clock, the next has none",
        order.Lead.PRIORITY: f"{PRIORITY_WORDS[first]} before {PRIORITY_WORDS[second]}",
        order.Lead.WAITING: f"waits {gap} longer",
        order.Lead.WAKING: f"wakes {gap} earlier",
        order.Lead.LATEST: f"the last word is {gap} newer",
        order.Lead.STATE: f"{STATE_WORDS[state]} before {STATE_WORDS[below]}",
        order.Lead.FIRST: "all the same, it came first",
    }[found.by]


def priority_words(value: int) -> str:
    """The priority's name."""
    return PRIORITY_WORDS[_priority(value)]


def _priority(value: int) -> Priority:
    return Priority(min(max(value, Priority.LOW), Priority.URGENT))


def outbox_sign(state: OutboxState) -> Piece:
    """A reply's state in two or three words."""
    return _OUTBOX_SIGNS[state]


def count(n: int, one: str, many: str = "") -> str:
    """'1 reply', '2 replies', '1,200 replies'."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def short_count(n: int) -> str:
    """A count in at most five cells: '999', '1.2k', '34k', '1.2M'."""
    for limit, unit, digits in ((1_000, "", 0), (10_000, "k", 1), (1_000_000, "k", 0), (10_000_000, "M", 1)):
        if n < limit:
            scale = {"": 1, "k": 1_000, "M": 1_000_000}[unit]
            return f"{n / scale:.{digits}f}{unit}" if unit else str(n)
    return f"{n // 1_000_000}M"


def words(*texts: str, style: str = "dim") -> Line:
    """Plain words of ours as a line."""
    return tuple((text, style) for text in texts)
