"""Changes arrive while somebody reads: nothing moves under the reader, and memory does not grow with the table."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

from listener.errors import TryAgain
from listener.model.work import State
from listener.store.views.thread import Opened
from listener.workflow.acts import Assign, Close
from tests.tui.fake import START, FakeBackend
from tests.tui.stage import Stage, stage


def cursor_line(s: Stage) -> int:
    return next(i for i, line in enumerate(s.lines()) if "▌" in line[22:60])


async def test_new_rows_above_do_not_move_the_cursor_and_are_announced() -> None:
    backend = FakeBackend(200)
    async with stage(backend) as s:
        await s.press(*["j"] * 25)
        await s.until(lambda: s.app.place.rows.cursor_id == 26, "row 26")
        line = cursor_line(s)
        for i in range(12):
            backend.add(f"urgent thing {i}", due_in=-30)
        await s.shows("12 new ↑")
        assert s.app.place.rows.cursor_id == 26
        assert cursor_line(s) == line
        await s.press("g")
        await s.shows("urgent thing 0")
        await s.hides("new ↑")


async def test_a_new_row_above_a_cursor_at_the_very_top_moves_nothing() -> None:
    backend = FakeBackend(3)
    async with stage(backend) as s:
        await s.shows("@mira0.test")
        line = cursor_line(s)
        backend.add("most urgent", due_in=-60)
        await s.shows("1 new ↑")
        assert s.app.place.rows.cursor_id == 1
        assert cursor_line(s) == line
        await s.press("k")
        await s.until(lambda: s.app.place.rows.cursor_id == 4, "up to the new one")
        await s.hides("new ↑")
        assert s.sees("most urgent")


async def test_a_new_row_below_appears_without_a_word() -> None:
    backend = FakeBackend(3)
    async with stage(backend) as s:
        await s.shows("@ade2.test")
        backend.add("no hurry", due_in=600)
        await s.shows("no hurry")
        assert not s.sees("new ↑")


async def test_rows_that_come_do_not_lay_the_screen_out_anew() -> None:
    backend = FakeBackend(200)
    async with stage(backend) as s:
        await s.press(*["j"] * 25)
        await s.until(lambda: s.app.place.rows.cursor_id == 26, "row 26")
        await s.pilot.pause(0.5)
        laid_out: list[object] = []
        s.app.place.screen_layout_refresh_signal.subscribe(s.app.place.rows, laid_out.append)
        bar = s.app.place.rows.vertical_scrollbar
        before = bar.window_virtual_size
        for i in range(5):
            backend.add(f"urgent thing {i}", due_in=-30)
            await s.shows(f"{i + 1} new ↑")
        assert laid_out == []
        assert bar.window_virtual_size == before + 5 * s.app.place.rows.row_height


async def test_what_changes_out_of_sight_draws_nothing() -> None:
    backend = FakeBackend(200)
    async with stage(backend) as s:
        await s.press(*["j"] * 25)
        await s.until(lambda: s.app.place.rows.cursor_id == 26, "row 26")
        await s.pilot.pause(0.5)
        rows, drawn = s.app.place.rows, []
        render = rows.render_line
        rows.render_line = lambda y: drawn.append(y) or render(y)  # type: ignore[method-assign]
        s.app._seconds = 0  # ages are drawn anew in five seconds only
        backend.add("urgent thing", due_in=-30)
        backend.act_as(backend.staff[1], [100], Close())
        await s.shows("1 new ↑")
        await s.until(lambda: rows.window.get(100) is None, "one below is closed")
        await s.pilot.pause(0.1)
        assert drawn == []
        backend.act_as(backend.staff[1], [25], Close())
        await s.until(lambda: bool(drawn), "the row above the cursor goes")


async def test_a_change_of_the_conversation_before_does_not_keep_the_next_one_from_coming() -> None:
    backend = FakeBackend(20)
    open_, asked, gate = backend.open, asyncio.Event(), asyncio.Event()

    async def slow(conversation_id: int, now: datetime) -> Opened | None:
        if conversation_id == 3:
            asked.set()
            await gate.wait()
        return await open_(conversation_id, now)

    backend.open = slow  # type: ignore[method-assign]
    async with stage(backend) as s:
        await s.press("j")
        await s.until(lambda: s.app.place.opened is not None and s.app.place.opened.conversation.id == 2, "the second")
        await s.press("j")
        await asyncio.wait_for(asked.wait(), 20)
        opens = backend.calls["open"]
        backend.act_as(backend.staff[1], [2], Close())
        await s.shows("Open  19")
        await s.pilot.pause(0.3)
        gate.set()
        await s.until(lambda: s.app.place.opened is not None and s.app.place.opened.conversation.id == 3, "the third")
        assert backend.calls["open"] == opens + 1


async def test_rows_that_colleagues_take_out_vanish_and_the_cursor_stays() -> None:
    backend = FakeBackend(100)
    async with stage(backend) as s:
        await s.press(*["j"] * 10)
        await s.until(lambda: s.app.place.rows.cursor_id == 11, "row 11")
        line = cursor_line(s)
        backend.act_as(backend.staff[1], [2, 3, 4, 20], Close())
        await s.hides("@jonas1.test")
        await s.shows("96")
        assert s.app.place.rows.cursor_id == 11
        assert cursor_line(s) == line


async def test_a_row_that_leaves_the_folder_stays_dimmed_under_the_cursor() -> None:
    backend = FakeBackend(10)
    async with stage(backend) as s:
        await s.press("j")
        await s.until(lambda: s.app.place.rows.cursor_id == 2, "row 2")
        backend.act_as(backend.staff[1], [2], Close())
        await s.shows("now done")
        assert s.app.place.rows.cursor_id == 2
        await s.press("j")
        await s.hides("now done")
        assert s.app.place.rows.cursor_id == 3


async def test_a_change_of_the_row_under_the_cursor_shows_at_once_in_both_panes() -> None:
    backend = FakeBackend(10)
    async with stage(backend) as s:
        await s.shows("why: rule")
        backend.act_as(backend.staff[1], [1], Assign(2))
        await s.shows("→ Bo Lind")
        await s.shows("for Bo Lind")
        backend.say(1, "One more thing: it is urgent")
        await s.until(lambda: s.text().count("One more thing") == 2, "in the queue and in the thread")


async def test_a_lost_connection_is_said_and_everything_is_read_again() -> None:
    backend = FakeBackend(10)
    backend.beat = START + timedelta(days=1)  # however long all this takes, the listener is heard
    async with stage(backend) as s:
        await s.shows("● connected")
        backend.told(False)
        await s.shows("connection lost, reconnecting")
        backend.talks[2] = backend.talk(2)
        backend.talks[2].conversation = replace(backend.talks[2].conversation, state=State.DONE)
        backend.told(True)
        backend.ring(lost=True)
        await s.shows("● connected")
        await s.hides("@jonas1.test")
        assert s.app.place.rows.cursor_id == 1


async def test_a_dead_listener_is_said() -> None:
    backend = FakeBackend(3)
    async with stage(backend) as s:
        await s.shows("connected, listening")
        backend.clock.forward(seconds=16)
        s.hurry()
        await s.shows("nobody is listening")


async def test_a_database_fault_becomes_a_sentence_and_the_app_lives() -> None:
    backend = FakeBackend(10)
    async with stage(backend) as s:
        await s.until(lambda: s.app.place.opened is not None, "the start is over")
        backend.fault = TryAgain("the database does not answer", hint="it will be tried again")
        await s.press("e")
        await s.shows("the database does not answer: it will be tried again")
        backend.fault = None
        await s.press("e")
        await s.shows("closed (z takes it back)")


async def test_ages_and_dues_move_with_the_clock_without_asking_the_database() -> None:
    backend = FakeBackend(10)
    async with stage(backend) as s:
        await s.shows("1 min left")
        await s.until(lambda: min(backend.calls["people"], backend.calls["read_names"]) > 0, "the start is over")
        await asyncio.sleep(0.3)
        backend.clock.forward(minutes=2)
        calls = sum(n for name, n in backend.calls.items() if name not in ("listener_beat", "attend"))
        s.hurry()
        await s.shows("7 min over")
        assert sum(n for name, n in backend.calls.items() if name not in ("listener_beat", "attend")) == calls


async def test_a_million_rows_open_at_once_and_only_a_window_is_held() -> None:
    backend = FakeBackend(1_000_000)
    async with stage(backend) as s:
        await s.shows("1,000,000")
        rows = s.app.place.rows
        await s.press("G")
        await s.until(lambda: rows.cursor_id == 1_000_000, "the very last row")
        await s.press("g")
        await s.until(lambda: rows.cursor_id == 1, "the first again")
        for _ in range(60):
            await s.press("pagedown")
        await s.until(lambda: (rows.cursor_id or 0) > 900, "far down")
        assert len(rows.window) <= 600
        rows.scroll_to(y=1_000_000, animate=False, force=True)
        await s.until(
            lambda: rows.window.at(rows.scroll_offset.y // 2 + 5) is not None, "the middle, by the scroll bar"
        )
        row = rows.window.at(rows.scroll_offset.y // 2)
        assert row is not None
        assert abs(row.id - 500_000) < 20_000
        assert len(rows.window) <= 600


async def test_a_storm_of_changes_leaves_the_cursor_and_the_keys_alone() -> None:
    backend = FakeBackend(500)
    async with stage(backend) as s:
        await s.press(*["j"] * 5)
        rows = s.app.place.rows
        await s.until(lambda: rows.cursor_id == 6, "the sixth row")
        await s.pilot.pause()  # and it is drawn
        line = cursor_line(s)
        for i in range(300):
            backend.add(f"storm {i}", due_in=(i * 7) % 90 - 20)
            if i % 20 == 0:
                await asyncio.sleep(0.02)
        await s.shows("800")
        assert rows.cursor_id == 6
        assert cursor_line(s) == line
        await s.press("j")
        await s.until(lambda: cursor_line(s) == line + 2, "the keys work")
        ids = [row.id for row in rows.window.rows]
        assert len(ids) == len(set(ids))
        places = [(row.sort_key, row.id) for row in rows.window.rows if row.id != rows.window.held]
        assert places == sorted(places)


async def test_claims_are_renewed() -> None:
    backend = FakeBackend(3)
    async with stage(backend) as s:
        s.app._seconds = 19
        await s.until(lambda: backend.calls["renew_claims"] > 0, "renewed")


async def test_taken_back_reply_after_a_day_has_no_countdown() -> None:
    backend = FakeBackend(3)
    async with stage(backend) as s:
        await s.press("r")
        await s.composes()
        await s.type("x")
        await s.press("ctrl+s")
        await s.shows("goes out in 8 s, z takes")
        backend.clock.forward(seconds=timedelta(days=1).total_seconds())
        await s.shows("waiting to go out, z takes it back")
