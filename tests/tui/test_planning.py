"""A reply that goes out later: chosen or typed, said in the row and the conversation, changed, taken back, stopped by the thread."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from listener.model.leaving import OutboxState
from tests.tui.fake import START, FakeBackend
from tests.tui.stage import SMALL, stage


async def test_a_reply_is_planned_said_changed_and_taken_back() -> None:
    backend = FakeBackend()
    async with stage(backend) as s:
        await s.press("r")
        await s.composes()
        await s.type("Good morning!")
        await s.press("ctrl+t")
        await s.shows("tomorrow, 9:00")
        await s.shows("late: due 08:55")
        await s.type("tomorrow")
        await s.press("enter")
        await s.shows("goes out Tue 24 Nov 09:00 as @larkspur.test; x changes that or takes it back")
        [row] = backend.talk(1).replies
        assert row.planned == row.not_before == START + timedelta(days=1)
        await s.shows("goes out Tue 24 Nov 09:00 (x: change that or take it back)")
        await s.until(lambda: "goes out Tue" in s.lines()[s.line_of("5 min over")], "it is said in the row")
        await s.press("x")
        await s.shows("It goes out Tue 24 Nov 09:00")
        await s.press("t")
        await s.type("typed")
        await s.press("enter")
        await s.shows("When it goes out")
        await s.type("8:00")
        await s.press("enter")
        await s.shows("that time has already passed")
        await s.press("backspace", "backspace", "backspace", "backspace")
        await s.type("wed 8:30")
        await s.press("enter")
        await s.shows("it goes out Wed 25 Nov 08:30")
        assert backend.talk(1).replies[0].not_before == datetime(2026, 11, 25, 8, 30, tzinfo=UTC)
        await s.press("x")
        await s.shows("It goes out Wed 25 Nov 08:30")
        await s.press("e")
        await s.shows("taken back; nothing was sent")
        await s.composes("Good morning!")
        assert backend.talk(1).replies[0].state is OutboxState.WITHDRAWN


async def test_z_is_for_acts_and_not_for_what_waits_until_tuesday() -> None:
    backend = FakeBackend()
    async with stage(backend, size=SMALL) as s:
        await s.press("r")
        await s.composes()
        await s.type("Later")
        await s.press("ctrl+t")
        await s.shows("tomorrow, 9:00")
        await s.type("tomorrow")
        await s.press("enter")
        await s.shows("x changes that or takes it back")
        await s.press("z")
        await s.shows("there is nothing to take back")
        assert backend.talk(1).replies[0].state is OutboxState.QUEUED
        await s.press("r")
        await s.composes()
        await s.shows("whatever is sent before stops it")


async def test_a_planned_reply_that_was_stopped_may_keep_its_time() -> None:
    backend = FakeBackend()
    async with stage(backend) as s:
        await s.press("r")
        await s.composes()
        await s.type("Later")
        await s.press("ctrl+t")
        await s.shows("tomorrow, 9:00")
        await s.type("tomorrow")
        await s.press("enter")
        await s.shows("x changes that or takes it back")
        backend.move_reply(1, OutboxState.STOPPED, problem="the thread has changed")
        await s.shows("stopped: the thread has changed")
        await s.press("x")
        await s.shows("It was stopped before its time")
        await s.press("k")
        await s.shows("goes out Tue 24 Nov 09:00 (x: change")
        assert backend.talk(1).replies[0].planned == START + timedelta(days=1)
