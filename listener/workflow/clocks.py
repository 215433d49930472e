"""The times that run for a conversation, and how late it is by them. Refuses to move it: that is `listener.workflow.moves`."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from listener.model.work import OPEN, Conversation, State

DUE_SOON = timedelta(minutes=15)
"""So long before its due time an answer is due soon, and before its time to resolve is over a conversation is to be resolved soon."""


class Clock(StrEnum):
    """The times that may give an open conversation its place."""

    REPLY = "reply"
    """When the answer is due."""
    WINDOW = "window"
    """When the network closes it to answers."""
    RESOLVE = "resolve"
    """When all of it should be done."""


class Lateness(StrEnum):
    """What is told, once for each time: to everybody of a conversation that nobody has taken, else to who has it."""

    SOON = "due-soon"
    OVER = "overdue"
    RESOLVE_SOON = "resolve-soon"
    RESOLVE_OVER = "resolve-over"

    @property
    def clock(self) -> Clock:
        """Of which clock it is told."""
        return Clock.REPLY if self in {Lateness.SOON, Lateness.OVER} else Clock.RESOLVE

    @property
    def over(self) -> bool:
        """Whether the time has passed, not only nearly."""
        return self in {Lateness.OVER, Lateness.RESOLVE_OVER}


def earlier(*times: datetime | None) -> datetime | None:
    """The earliest of those that are there."""
    return min((t for t in times if t is not None), default=None)


def running(conversation: Conversation) -> dict[Clock, datetime]:
    """The clocks of ours that run: for the answer while it is ours to give, for the whole until it is done, also while they are waited
    for or it is snoozed.
    """
    c = conversation
    found = {}
    if c.state in OPEN and c.due_at is not None:
        found[Clock.REPLY] = c.due_at
    if c.state is not State.DONE and c.resolve_by is not None:
        found[Clock.RESOLVE] = c.resolve_by
    return found


def lateness(clock: Clock, at: datetime, now: datetime) -> Lateness | None:
    """How late it is by a clock that runs until `at`. None: not late."""
    if now < at - DUE_SOON:
        return None
    soon, over = (
        (Lateness.SOON, Lateness.OVER) if clock is Clock.REPLY else (Lateness.RESOLVE_SOON, Lateness.RESOLVE_OVER)
    )
    return soon if now < at else over


def next_at(conversation: Conversation) -> datetime | None:
    """When time itself may have something to do with it: wake it, or tell that it is late. None: never, as it stands."""
    c = conversation
    wakes = c.snoozed_until if c.state is State.SNOOZED else None
    return earlier(wakes, *(at - DUE_SOON for at in running(c).values()))


def next_look(conversation: Conversation, now: datetime) -> datetime | None:
    """The same, once all that is late by now has been told."""
    c = conversation
    wakes = c.snoozed_until if c.state is State.SNOOZED else None
    moments = (moment for at in running(c).values() for moment in (at - DUE_SOON, at) if moment > now)
    return earlier(wakes, *moments)


def first_clock(due_at: datetime | None, reply_until: datetime | None, resolve_by: datetime | None) -> Clock | None:
    """Which clock gives an open conversation its place: the one that ends first, of several at once the answer's. None: it has none."""
    times = {Clock.REPLY: due_at, Clock.WINDOW: reply_until, Clock.RESOLVE: resolve_by}
    known = {clock: at for clock, at in times.items() if at is not None}
    return min(known, key=known.__getitem__, default=None)
