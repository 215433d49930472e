"""How a conversation moves: by what is heard, by what we answer, by what people do, by time.

Owns every legal move and the order of work; pure: conversation x act x now -> conversation, or `Refused`.
Refuses to store, to tell anybody, or to know a screen. Undo is not here: the store swaps the recorded fields back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from listener.errors import Refused
from listener.model import OPEN, Assessment, Conversation, Priority, State

# Acts of people ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Assign:
    """Give it to a person (the team stays, unless one is named), to a team, or to nobody (None and '')."""

    person_id: int | None
    team: str = ""


@dataclass(frozen=True, slots=True)
class HandBack:
    """Nobody's again: what was given to the person who does it goes back to its team."""


@dataclass(frozen=True, slots=True)
class Tag:
    """Put tags on and take tags off."""

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SetPriority:
    """Overrule the computed priority; None: back to computed from now on."""

    priority: Priority | None


@dataclass(frozen=True, slots=True)
class Snooze:
    """Out of sight until a time or until they write again."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Close:
    """Nothing more to do."""


@dataclass(frozen=True, slots=True)
class Reopen:
    """Back to work."""


@dataclass(frozen=True, slots=True)
class Read:
    """Somebody has looked at it."""


@dataclass(frozen=True, slots=True)
class Spam:
    """Nothing more to do, and tagged so that others see why: one act. A later message of theirs brings it back, as any."""


@dataclass(frozen=True, slots=True)
class NotSpam:
    """It was none: the tag goes, and what was closed is back to work."""


Part = Assign | HandBack | Tag | SetPriority | Snooze | Close | Reopen | Read | Spam | NotSpam


@dataclass(frozen=True, slots=True)
class Macro:
    """Several acts under one name, done as one: all of them or none. What a part asks for and is so already is no reason to refuse."""

    key: str
    parts: tuple[Part, ...]
    note: str = ""
    """Written beside them; the store keeps it."""


Act = Part | Macro

SPAM = "spam"
"""The tag that says it."""

MAX_TAG = 40
MAX_TAGS = 30


def parts_of(act: Act) -> tuple[Part, ...]:
    """An act as the single ones that it is made of."""
    return act.parts if isinstance(act, Macro) else (act,)


def apply(conversation: Conversation, act: Act, person_id: int, now: datetime) -> Conversation:
    """The conversation after the act, its version one higher; itself, unchanged, when the act changes nothing.

    Raises `Refused` for what makes no sense now: closing the closed, snoozing into the past.
    """
    moved = conversation
    for part in parts_of(act):
        so_already = isinstance(act, Macro) and isinstance(part, Close) and moved.state is State.DONE
        moved = moved if so_already else _moved(moved, part, person_id, now)
    return moved if moved == conversation else replace(moved, version=conversation.version + 1)


def _moved(c: Conversation, act: Part, person_id: int, now: datetime) -> Conversation:
    match act:
        case Assign() | HandBack():
            return _assigned(c, act, person_id)
        case Tag(add, remove):
            return replace(c, tags=_tagged(c.tags, add, remove))
        case SetPriority(None):
            return replace(c, priority_by=None)
        case SetPriority(Priority() as priority):
            return replace(c, priority=priority, priority_by=person_id)
        case Snooze(until):
            if until <= now:
                raise Refused("that time has already passed", hint="snooze until a later time")
            return replace(c, state=State.SNOOZED, snoozed_until=until)
        case Close():
            if c.state is State.DONE:
                raise Refused("it is already closed")
            return _done(c)
        case Reopen():
            if c.state in OPEN:
                raise Refused("it is already open")
            return replace(c, state=State.OURS, snoozed_until=None)
        case Read():
            return replace(c, unread=False)
        case Spam() | NotSpam():
            return _as_spam(c) if isinstance(act, Spam) else _as_no_spam(c)
        case SetPriority():
            raise Refused("not a priority: " + repr(act.priority))


def _assigned(c: Conversation, act: Assign | HandBack, person_id: int) -> Conversation:
    if isinstance(act, HandBack):
        if c.assignee_id not in (None, person_id):
            raise Refused("it is a colleague's", hint="a gives it to somebody else")
        return replace(c, assignee_id=None)
    team = act.team or (c.team if act.person_id is not None else "")
    return replace(c, assignee_id=act.person_id, team=team)


def is_spam(state: State, tags: tuple[str, ...]) -> bool:
    """Whether it was put away as spam; the tag alone, on work that is open, only describes."""
    return state is State.DONE and SPAM in tags


def _as_spam(c: Conversation) -> Conversation:
    if is_spam(c.state, c.tags):
        raise Refused("it is spam already")
    return replace(_done(c), tags=_tagged(c.tags, (SPAM,), ()))


def _as_no_spam(c: Conversation) -> Conversation:
    if SPAM not in c.tags:
        raise Refused("it is not tagged spam")
    return replace(c, state=State.OURS if c.state is State.DONE else c.state, tags=_tagged(c.tags, (), (SPAM,)))


def _done(c: Conversation) -> Conversation:
    return replace(c, state=State.DONE, due_at=None, snoozed_until=None, unread=False)


def _tagged(tags: tuple[str, ...], add: tuple[str, ...], remove: tuple[str, ...]) -> tuple[str, ...]:
    wanted = {tag.strip() for tag in add}
    for tag in wanted:
        if not tag or len(tag) > MAX_TAG or any(ord(c) < 32 for c in tag):
            raise Refused(f"a tag has 1 to {MAX_TAG} plain characters")
    after = (set(tags) | wanted) - {tag.strip() for tag in remove}
    if len(after) > MAX_TAGS:
        raise Refused(f"a conversation has at most {MAX_TAGS} tags")
    return tuple(sorted(after))


# What happens to it --------------------------------------------------------------------------------------------------


def opened(
    assessment: Assessment | None,
    *,
    brand_id: int,
    at: datetime,
    history: bool,
    by_person: bool = False,
    until: datetime | None = None,
) -> Conversation:
    """A conversation as it begins with its first message, which can be answered `until` then. History is done already: no clock, no unread mark."""
    priority = assessment.priority if assessment else Priority.NORMAL
    return Conversation(
        id=0,
        brand_id=brand_id,
        state=State.DONE if history else State.NEW,
        priority=priority,
        priority_by=None,
        due_at=None if history or assessment is None else assessment.due_at,
        assignee_id=None,
        team=assessment.team if assessment else "",
        tags=assessment.tags if assessment else (),
        snoozed_until=None,
        unread=not history and not by_person,
        version=1,
        thread_version=1,
        last_at=at,
        last_ours_at=None,
        reply_until=until,
        resolve_by=None if history or assessment is None else assessment.resolve_by,
    )


def heard(
    conversation: Conversation,
    assessment: Assessment | None,
    at: datetime,
    *,
    history: bool,
    muted: bool = False,
    until: datetime | None = None,
) -> Conversation:
    """They wrote, or edited what they had written: it is ours again, whatever it was; clocks take the earlier, priority the higher.
    What was done begins anew, with clocks of its own.

    History, and what a muted author writes, only stands in the thread: it moves nothing, but stops a reply that did not know it.
    `until`: when the network closes this message to an answer; what they wrote last keeps the conversation open the longest.
    """
    c = replace(
        conversation,
        last_at=max(conversation.last_at, at),
        version=conversation.version + 1,
        thread_version=conversation.thread_version + 1,
        reply_until=_later(conversation.reply_until, until),
    )
    if history or muted:
        return c
    if c.state is State.DONE:
        c = replace(c, resolve_by=None)
    if assessment is not None:
        if c.priority_by is None:
            c = replace(c, priority=max(c.priority, assessment.priority) if c.state in OPEN else assessment.priority)
        due = assessment.due_at if c.state not in OPEN else earlier(c.due_at, assessment.due_at)
        resolve_by = earlier(c.resolve_by, assessment.resolve_by)
        c = replace(
            c,
            due_at=due,
            resolve_by=resolve_by,
            tags=tuple(sorted({*c.tags, *assessment.tags})),
            team=c.team or assessment.team,
        )
    state = c.state if c.state is State.NEW else State.OURS
    return replace(c, state=state, snoozed_until=None, unread=True)


def ruled(
    was: Conversation | None,
    became: Conversation,
    assessment: Assessment | None,
    assignee_id: int | None,
    now: datetime,
    *,
    history: bool,
) -> Conversation:
    """What rules ask for beside clock, priority, tags and team, once a message has opened (`was` None) or moved a conversation.

    Somebody is given it where nobody has it. It is put away, done or snoozed, only where nothing else in it waits for us; one that is
    snoozed already sleeps on until its own time. Where both are asked for, it is snoozed: nothing is lost. History is left alone.
    """
    if history or assessment is None:
        return became
    c = became if became.assignee_id is not None else replace(became, assignee_id=assignee_id)
    if (assessment.snooze is None and not assessment.closes) or (was is not None and was.state in OPEN):
        return c
    if was is not None and was.state is State.SNOOZED:
        return replace(c, state=State.SNOOZED, snoozed_until=was.snoozed_until, unread=was.unread)
    if assessment.snooze is not None:
        until = now + timedelta(seconds=assessment.snooze)
        return replace(c, state=State.SNOOZED, snoozed_until=until)
    return _done(c)


def replied(conversation: Conversation, at: datetime, *, close: bool = False, history: bool = False) -> Conversation:
    """We answered, here or in the network's own app: waiting for them, no answer due; the time to resolve runs on."""
    c = replace(
        conversation,
        last_at=max(conversation.last_at, at),
        last_ours_at=max(conversation.last_ours_at or at, at),
        version=conversation.version + 1,
        thread_version=conversation.thread_version + 1,
    )
    if history:
        return c
    state = State.DONE if close else State.THEIRS
    return replace(c, state=state, due_at=None, snoozed_until=None, unread=False)


def deleted(conversation: Conversation, *, nothing_left: bool) -> Conversation:
    """A message of theirs is gone. With none left there is nothing to answer; a reply in the making must stop and ask."""
    c = replace(conversation, version=conversation.version + 1, thread_version=conversation.thread_version + 1)
    if nothing_left and c.state is not State.DONE:
        return _done(c)
    return c


def woken(conversation: Conversation, now: datetime) -> Conversation:
    """The snooze is over. Itself, unchanged, when it is not due."""
    if conversation.state is not State.SNOOZED or conversation.snoozed_until is None:
        return conversation
    if conversation.snoozed_until > now:
        return conversation
    return replace(
        conversation,
        state=State.OURS,
        snoozed_until=None,
        unread=True,
        version=conversation.version + 1,
    )


def merged(older: Conversation, younger: Conversation) -> Conversation:
    """One conversation of two whose threads turned out to be one: the more urgent of each field, the older's choices first."""
    state = older.state if younger.state not in OPEN or older.state in OPEN else younger.state
    latest = max((t for t in (older.last_ours_at, younger.last_ours_at) if t), default=None)
    return replace(
        older,
        state=state,
        priority=older.priority if older.priority_by is not None else max(older.priority, younger.priority),
        due_at=earlier(older.due_at, younger.due_at) if state in OPEN else older.due_at,
        assignee_id=older.assignee_id or younger.assignee_id,
        team=older.team or younger.team,
        tags=tuple(sorted({*older.tags, *younger.tags})),
        snoozed_until=older.snoozed_until if state is State.SNOOZED else None,
        unread=older.unread or younger.unread,
        last_at=max(older.last_at, younger.last_at),
        last_ours_at=latest,
        version=older.version + 1,
        thread_version=max(older.thread_version, younger.thread_version) + 1,
        reply_until=_later(older.reply_until, younger.reply_until),
        resolve_by=earlier(*(c.resolve_by for c in (older, younger) if c.state is state or c.state is not State.DONE)),
    )


def earlier(*times: datetime | None) -> datetime | None:
    """The earliest of those that are there."""
    return min((t for t in times if t is not None), default=None)


def _later(a: datetime | None, b: datetime | None) -> datetime | None:
    return max((t for t in (a, b) if t is not None), default=None)


# Time ----------------------------------------------------------------------------------------------------------------

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


@dataclass(frozen=True, slots=True)
class Escalation:
    """To which team goes what a team has not taken when its answer is overdue, and how long after that."""

    to: str
    after: timedelta = timedelta(0)


def escalated(conversation: Conversation, to: str) -> Conversation:
    """Nobody of its team had taken it: another team's now, and of high priority at least."""
    c = conversation
    return replace(c, team=to, priority=max(c.priority, Priority.HIGH), version=c.version + 1)


def given(conversation: Conversation, person_id: int) -> Conversation:
    """Shared out to somebody of its team."""
    return replace(conversation, assignee_id=person_id, version=conversation.version + 1)


# The order of work ---------------------------------------------------------------------------------------------------

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


def first_clock(due_at: datetime | None, reply_until: datetime | None, resolve_by: datetime | None) -> Clock | None:
    """Which clock gives an open conversation its place: the one that ends first, of several at once the answer's. None: it has none."""
    times = {Clock.REPLY: due_at, Clock.WINDOW: reply_until, Clock.RESOLVE: resolve_by}
    known = {clock: at for clock, at in times.items() if at is not None}
    return min(known, key=known.__getitem__, default=None)


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
