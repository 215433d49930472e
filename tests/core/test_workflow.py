"""What rules do to a conversation beside its clock, priority, tags and team: they help where nobody has decided, and lose nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from listener.model.judged import Assessment, Tone
from listener.model.scales import Priority, ToneLabel
from listener.model.work import OPEN, Conversation, State
from listener.workflow import clocks, moves, order
from listener.workflow.acts import Reopen
from listener.workflow.clocks import Clock
from listener.workflow.order import Ahead, Lead

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
THOUGHT = Assessment(
    Tone(ToneLabel.NEUTRAL), "en", 0.5, Priority.NORMAL, None, None, (), "", opens=False, flags=(), because=(), rulebook="", methods={}
)  # fmt: skip


@st.composite
def conversations(draw: st.DrawFn) -> Conversation:
    c = moves.opened(None, brand_id=1, at=NOW - timedelta(days=1), history=False)
    state = draw(st.sampled_from(State))
    until = NOW + timedelta(hours=draw(st.integers(1, 99))) if state is State.SNOOZED else None
    assignee = draw(st.none() | st.integers(1, 3))
    return replace(c, id=7, state=state, assignee_id=assignee, snoozed_until=until, unread=draw(st.booleans()))


assessments = st.builds(
    lambda closes, snooze: replace(THOUGHT, closes=closes, snooze=snooze),
    st.booleans(),
    st.none() | st.floats(60, 10**6),
)
people = st.none() | st.integers(4, 6)


@given(st.none() | conversations(), assessments, people)
def test_rules_never_overrule_what_a_person_or_an_earlier_message_has_set(
    was: Conversation | None, thought: Assessment, assignee: int | None
) -> None:
    first = moves.opened(thought, brand_id=1, at=NOW, history=False)
    became = first if was is None else moves.heard(was, thought, NOW, history=False)
    after = moves.ruled(was, became, thought, assignee, NOW, history=False)
    assert after.assignee_id == (assignee if was is None or was.assignee_id is None else was.assignee_id)
    put_away = thought.closes or thought.snooze is not None
    if not put_away or (was is not None and was.state in OPEN):
        assert replace(after, assignee_id=became.assignee_id) == became
    elif was is not None and was.state is State.SNOOZED:
        assert (after.state, after.snoozed_until) == (State.SNOOZED, was.snoozed_until)
    elif thought.snooze is not None:
        until = NOW + timedelta(seconds=thought.snooze)
        assert (after.state, after.snoozed_until) == (State.SNOOZED, until)
        assert moves.woken(after, until).state is State.OURS
    else:
        assert (after.state, after.due_at, clocks.next_at(after), after.unread) == (State.DONE, None, None, False)
    if after.state is State.SNOOZED:
        assert clocks.next_at(after) is not None, "or it would sleep for ever"
    assert after.version == became.version


@given(st.none() | conversations(), assessments, people)
def test_history_is_left_alone(was: Conversation | None, thought: Assessment, assignee: int | None) -> None:
    became = was or moves.opened(thought, brand_id=1, at=NOW, history=True)
    assert moves.ruled(was, became, thought, assignee, NOW, history=True) is became
    assert moves.ruled(was, became, None, assignee, NOW, history=False) is became


moments = st.none() | st.integers(-99, 99).map(lambda minutes: NOW + timedelta(minutes=minutes))


@given(conversations(), moments, moments, st.integers(-200, 200))
def test_what_is_late_is_looked_at_by_then(
    c: Conversation, due: datetime | None, resolve: datetime | None, minutes: int
) -> None:
    c = replace(c, due_at=due, resolve_by=resolve)
    now, look, running = NOW + timedelta(minutes=minutes), clocks.next_at(c), clocks.running(c)
    late = [clocks.lateness(clock, at, now) for clock, at in running.items()]
    if any(late):
        assert look is not None
        assert look <= now
    elif c.state is not State.SNOOZED:
        assert look is None or look > now
    again = clocks.next_look(c, now)
    for one in filter(None, late):
        at = running[one.clock]
        assert one.over == (now >= at)
        assert one.over or (again is not None and again <= at), "it is looked at again when it is over"
    assert (Clock.REPLY in running) == (c.state in OPEN and due is not None)
    assert (Clock.RESOLVE in running) == (c.state is not State.DONE and resolve is not None)


@given(conversations(), assessments, moments)
def test_the_time_to_resolve_runs_until_it_is_done_and_begins_anew_when_they_write_again(
    c: Conversation, thought: Assessment, had: datetime | None
) -> None:
    c, thought = replace(c, resolve_by=had), replace(thought, resolve_by=NOW + timedelta(hours=1))
    assert moves.replied(c, NOW).resolve_by == had, "an answer does not stop it"
    heard = moves.heard(c, thought, NOW, history=False)
    first = had if had is not None and c.state is not State.DONE else NOW + timedelta(hours=1)
    assert heard.resolve_by == min(first, NOW + timedelta(hours=1))
    if c.state is State.DONE:
        assert moves.heard(c, None, NOW, history=False).resolve_by is None
        assert moves.apply(c, Reopen(), 1, NOW).resolve_by == had, "nobody gains time by closing"
    assert moves.heard(c, thought, NOW, history=True).resolve_by == had
    assert moves.opened(thought, brand_id=1, at=NOW, history=True).resolve_by is None


# The order of work ----------------------------------------------------------------------------------------------------


@st.composite
def standing(draw: st.DrawFn) -> Conversation:
    """Few moments and priorities, so that ties are common."""
    few = st.integers(0, 3).map(lambda n: NOW + timedelta(seconds=n, microseconds=n * 7))
    c = replace(draw(conversations()), id=draw(st.integers(1, 9)), priority=draw(st.sampled_from(Priority)))
    until = draw(few) if c.state is State.SNOOZED else None
    return replace(c, last_at=draw(few), due_at=draw(st.none() | few), snoozed_until=until)


def first_difference(a: Conversation, b: Conversation) -> Ahead:
    """Said again, from the fields: what of the order of work tells these two of one folder apart."""
    if a.state is State.SNOOZED and a.snoozed_until and b.snoozed_until:
        gap, by = b.snoozed_until - a.snoozed_until, Lead.WAKING
    elif a.state not in OPEN:
        gap, by = a.last_at - b.last_at, Lead.LATEST
    elif a.due_at and b.due_at:
        gap, by = b.due_at - a.due_at, Lead.DUE
    elif a.due_at or b.due_at:
        return Ahead(Lead.CLOCK)
    elif a.priority is not b.priority:
        return Ahead(Lead.PRIORITY, priorities=(a.priority, b.priority))
    else:
        gap, by = b.last_at - a.last_at, Lead.WAITING
    return Ahead(by, gap) if gap else Ahead(Lead.FIRST)


@given(standing(), standing())
def test_why_one_stands_above_another_is_the_first_difference_in_the_order_of_work(
    a: Conversation, b: Conversation
) -> None:
    a, b = sorted((a, b), key=lambda c: (order.sort_key(c), c.id))
    found = order.ahead(a.state, order.sort_key(a), b.state, order.sort_key(b))
    assert found is not None
    assert found.gap >= timedelta(0)
    if (a.state in OPEN, a.state is State.SNOOZED) == (b.state in OPEN, b.state is State.SNOOZED):
        assert found == first_difference(a, b)
        if found.priorities is not None:
            assert found.priorities[0] > found.priorities[1]
    else:
        assert found == Ahead(Lead.STATE)
    if order.sort_key(a) != order.sort_key(b):
        assert order.ahead(b.state, order.sort_key(b), a.state, order.sort_key(a)) is None
