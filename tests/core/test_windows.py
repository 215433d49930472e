"""The network's windows: whatever becomes impossible or overdue first stands first, and the screen says which of both it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbox_tui.view import windows
from listener.model.scales import ToneLabel
from listener.model.work import Conversation, State
from listener.store.views.queue import QueueRow
from listener.workflow import moves, order

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def at(hours: float | None) -> datetime | None:
    return None if hours is None else NOW + timedelta(hours=hours)


def conversation(
    due: float | None = None, until: float | None = None, resolve: float | None = None, **more: object
) -> Conversation:
    begun = moves.opened(None, brand_id=1, at=NOW - timedelta(days=1), history=False, until=at(until))
    return replace(begun, due_at=at(due), resolve_by=at(resolve), **more)  # type: ignore[arg-type]


def row(c: Conversation) -> QueueRow:
    return QueueRow(
        c.id, order.sort_key(c), c.state, "x", "mira", "Mira", "hello", ToneLabel.NEUTRAL, 0.0, 2, c.due_at, c.last_at,
        (), "", None, "", "", None, False, 1, None, 1, reply_until=c.reply_until, resolve_by=c.resolve_by,
    )  # fmt: skip


clocks = st.one_of(st.none(), st.integers(-500, 500))


@given(st.lists(st.tuples(clocks, clocks, clocks), min_size=2, max_size=12))
def test_what_becomes_impossible_or_overdue_first_stands_first(times: list[tuple[float | None, ...]]) -> None:
    """The order is that of the earliest clock; what has none comes last."""
    clocked = [three for three in times if three != (None, None, None)]
    stand = sorted(clocked, key=lambda pair: order.sort_key(conversation(*pair)))
    firsts = [min(t for t in pair if t is not None) for pair in stand]
    assert firsts == sorted(firsts)
    without = order.sort_key(conversation())
    assert all(order.sort_key(conversation(*pair)) < without for pair in stand)


def test_what_they_write_last_keeps_the_conversation_open_the_longest_and_nothing_shortens_it() -> None:
    c = conversation(until=3)
    assert moves.heard(c, None, NOW, history=False, until=at(24)).reply_until == at(24)
    assert moves.heard(c, None, NOW, history=False, until=at(1)).reply_until == at(3)
    assert moves.heard(c, None, NOW, history=False).reply_until == at(3)
    assert moves.merged(c, conversation(until=9)).reply_until == at(9)


@pytest.mark.parametrize(
    ("due", "until", "resolve", "said", "style"),
    [
        (2, None, None, "2 h left", ""),
        (2, 5, 2, "2 h left", ""),
        (5, 2, None, "2 h open", ""),
        (None, 0.2, 3, "12 min open", "soon"),
        (5, -1, None, "closed", "late"),
        (-2, -1, None, "2 h over", "late"),
        (5, 6, 2, "✓ in 2 h", ""),
        (None, None, 0.2, "✓ in 12 min", "soon"),
        (None, 2, -1, "✓ overdue", "late"),
    ],
)
def test_a_row_says_which_clock_gives_it_its_place(
    due: float | None, until: float | None, resolve: float | None, said: str, style: str
) -> None:
    assert windows.clock(row(conversation(due, until, resolve)), NOW) == (said, style)


def test_a_window_counts_only_while_it_is_ours_to_answer() -> None:
    waiting = row(replace(conversation(5, 2), state=State.THEIRS))
    assert windows.row_window(waiting, NOW) == ()
    assert windows.clock(waiting, NOW)[0] == "5 h left"
    assert windows.row_window(row(conversation(5, 3)), NOW)[0] == ("window closes in 3 h", "")


def test_why_here_names_the_window_where_it_decides() -> None:
    first, second = conversation(5, 1), conversation(3)
    found = order.ahead(first.state, order.sort_key(first), second.state, order.sort_key(second))
    assert found is not None
    assert (
        windows.lead(found, row(first), row(second)) == "its reply window closes 2 h before the next one's time is up"
    )
    found = order.ahead(second.state, order.sort_key(second), State.NEW, order.sort_key(conversation(5)))
    assert found is not None
    assert windows.lead(found, row(second), row(conversation(5))) == "due 2 h earlier"
    third = conversation(9, resolve=3)
    assert (
        windows.lead(found, row(third), row(second))
        == "its time to resolve is over 2 h before the next one's time is up"
    )


def test_a_closed_window_is_the_reason_why_there_is_no_answer() -> None:
    assert windows.closed(None, NOW) == ""
    assert windows.closed(at(1), NOW) == ""
    assert windows.closed(at(-2), NOW) == "its network takes no answer any more: the window closed 2 h ago"
