"""The time to resolve on screen: in the row, in the conversation, why a row stands first, and the warning with its key."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from inbox_tui.view.staff import Colleague
from listener.model.work import State
from tests.tui.fake import START, FakeBackend
from tests.tui.stage import stage


async def test_the_time_to_resolve_gives_a_row_its_place_says_so_and_is_warned_of_once() -> None:
    backend = FakeBackend(4)
    backend.team[1] = Colleague(1, frozenset({"care"}), here=True)
    first, waiting = backend.talk(1), backend.talk(3)
    first.conversation = replace(first.conversation, due_at=None, resolve_by=START - timedelta(hours=9))
    waiting.conversation = replace(
        waiting.conversation, state=State.THEIRS, due_at=None, team="care", resolve_by=START + timedelta(minutes=14)
    )
    async with stage(backend, size=(150, 40)) as s:
        await s.shows("✓ overdue   @mira0.test")
        await s.press("b")
        await s.shows("above the next one: its time to resolve is over")
        await s.press("enter")
        await s.shows("to be resolved by 00:00, 9 h over")
        backend.ring(unresolved=[1, 3])
        await s.shows("to be resolved soon: @ade2.test, 14 min left (0 goes there)")
        await s.press("0")
        await s.shows("to be resolved by 09:14, 14 min left")
