"""How a conversation moves: by what is heard, by what we answer, by what people do, by time.

Owns every legal move: conversation x act x now -> conversation, or `Refused`. Refuses to store, to tell anybody, or to know a screen.
Undo is not here: the store swaps the recorded fields back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from listener.errors import Refused
from listener.model.judged import Assessment
from listener.model.scales import Priority
from listener.model.work import OPEN, Conversation, State
from listener.workflow.acts import (
    SPAM,
    Act,
    Assign,
    Close,
    HandBack,
    Macro,
    NotSpam,
    Part,
    Read,
    Reopen,
    SetPriority,
    Snooze,
    Spam,
    Tag,
    parts_of,
)
from listener.workflow.clocks import earlier

MAX_TAG = 40

MAX_TAGS = 30


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


def _later(a: datetime | None, b: datetime | None) -> datetime | None:
    return max((t for t in (a, b) if t is not None), default=None)


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
