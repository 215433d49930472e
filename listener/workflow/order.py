"""The order of work: where a conversation stands in its folder, and why above another. Built from absolute times, so that waiting changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from listener.model.scales import Priority
from listener.model.work import OPEN, Conversation, State
from listener.workflow.clocks import earlier

_NO_CLOCK = 10**17
"""Above every due time in microseconds: what has no clock comes after what has one."""


def sort_key(conversation: Conversation) -> int:
    """Where it stands in its folder, ascending; built from absolute times, so the order never changes by waiting.

    Open: what is due, to be resolved, or closed to answers by its network, first; then, without a clock, the higher priority, then who
    has waited longest.
    Snoozed: what wakes first. Waiting for them, done: the latest first.
    """
    last = _microseconds(conversation.last_at)
    if conversation.state in OPEN:
        clock = earlier(conversation.due_at, conversation.reply_until, conversation.resolve_by)
        if clock is not None:
            return _microseconds(clock)
        return _NO_CLOCK * (1 + Priority.URGENT - conversation.priority) + last
    if conversation.state is State.SNOOZED and conversation.snoozed_until is not None:
        return _microseconds(conversation.snoozed_until)
    return -last


class Lead(StrEnum):
    """What puts one conversation above another."""

    DUE = "due earlier"
    CLOCK = "has a clock"
    PRIORITY = "higher priority"
    WAITING = "waits longer"
    WAKING = "wakes earlier"
    LATEST = "moved later"
    STATE = "stands otherwise"
    """They are of folders that are ordered differently."""
    FIRST = "came first"
    """All else is the same."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """Why a conversation stands above another: the first thing in which their sort keys differ."""

    by: Lead
    gap: timedelta = timedelta(0)
    """How far apart they are, where it is a matter of time."""
    priorities: tuple[Priority, Priority] | None = None
    """Of both, where it is a matter of priority."""


def ahead(state: State, key: int, below_state: State, below_key: int) -> Ahead | None:
    """Why what has this state and `sort_key` stands above what has the others; None: it does not.

    Read from the keys alone, so that what is told is what decides.
    """
    if key > below_key:
        return None
    by, priority, at = _meaning(state, key)
    below_by, below_priority, below_at = _meaning(below_state, below_key)
    if by is not below_by:
        return Ahead(Lead.CLOCK if {by, below_by} == {Lead.DUE, Lead.WAITING} else Lead.STATE)
    if priority != below_priority:
        return Ahead(Lead.PRIORITY, priorities=(Priority(priority), Priority(below_priority)))
    return Ahead(by, timedelta(microseconds=below_at - at)) if at != below_at else Ahead(Lead.FIRST)


def _meaning(state: State, key: int) -> tuple[Lead, int, int]:
    """What a sort key says: what its time means, the priority where that counts (else 0), the time in microseconds."""
    if state in OPEN:
        if key < _NO_CLOCK:
            return Lead.DUE, 0, key
        steps, last = divmod(key, _NO_CLOCK)
        return Lead.WAITING, 1 + Priority.URGENT - steps, last
    return (Lead.WAKING if state is State.SNOOZED else Lead.LATEST), 0, key


def _microseconds(at: datetime) -> int:
    return int(at.timestamp()) * 1_000_000 + at.microsecond
