"""By mouse alone: every act has a place to click, and no link opens by itself."""

from __future__ import annotations

from typing import Any

from textual.widget import Widget

from inbox_tui.keys import COMPOSER, EVERYWHERE, INBOX, here
from inbox_tui.widgets.bars import KeysBar
from inbox_tui.widgets.choices import Choices
from listener.model.leaving import OutboxState
from listener.model.work import State
from tests.tui.fake import FakeBackend, message
from tests.tui.stage import SMALL, Stage, stage


async def clicks(s: Stage, text: str, *, shift: bool = False, control: bool = False) -> None:
    """Click where a text can be read, wherever that is on the screen."""
    await s.shows(text)
    y = s.line_of(text)
    x = s.lines()[y].index(text)
    await clicks_at(s, x + len(text) - len(text.lstrip()), y, shift=shift, control=control)


async def clicks_at(s: Stage, x: int, y: int, *, shift: bool = False, control: bool = False) -> None:
    found: tuple[Widget, Any] = s.app.screen.get_widget_at(x, y)
    widget, region = found
    offset = (x - region.x, y - region.y)
    await s.pilot.click(widget, offset=offset, shift=shift, control=control)


async def test_a_click_on_the_mark_marks_and_with_shift_all_between() -> None:
    async with stage() as s:
        rows = s.app.place.rows
        left = s.app.screen.query_one("#queue").region.x
        await clicks_at(s, left + 1, s.line_of("@jonas1.test"))
        await s.until(lambda: rows.marked == {2}, "one is marked")
        await clicks(s, "@olga4.test", shift=True)
        await s.until(lambda: rows.marked == {2, 3, 4, 5}, "and all to there")
        await clicks(s, "@yuki3.test", control=True)
        await s.until(lambda: rows.marked == {2, 3, 5}, "one is taken off")
        assert not s.app.place.reading, "marking opens nothing"
        await clicks(s, "e close")
        await s.shows("3 conversations closed")
        await clicks(s, "z undo")
        await s.shows("3 conversations as before")
        await clicks(s, "@ade2.test")
        await s.until(lambda: s.app.place.reading, "a click on a row opens it")


async def test_read_only_marks_nothing_by_mouse() -> None:
    async with stage(read_only=True) as s:
        left = s.app.screen.query_one("#queue").region.x
        await clicks_at(s, left + 1, s.line_of("@jonas1.test"))
        await s.shows("read-only: nothing is changed from here")
        assert not s.app.place.rows.marked


async def test_a_reply_is_written_decided_and_sent_by_mouse() -> None:
    async with stage(FakeBackend(), size=SMALL) as s:
        await clicks(s, "r reply")
        await s.composes()
        await s.type("On it.")
        await clicks(s, "^s sends")
        await s.shows("goes out in 8 s")
        assert [reply.state for reply in s.backend.talk(1).replies] == [OutboxState.QUEUED]


async def test_questions_and_folders_are_answered_by_mouse() -> None:
    async with stage() as s:
        await clicks(s, "a assign")
        await s.shows("type to narrow")
        await clicks(s, "Bo Lind")
        await s.shows("given to Bo Lind")
        await clicks(s, "t tag")
        await s.shows("Tags")
        await s.type("vip")
        await clicks(s, "enter takes it")
        await s.shows("tagged #vip")
        await clicks(s, "s snooze")
        await s.shows("Snooze until")
        await clicks(s, "esc leaves")
        await s.hides("Snooze until")
        await clicks(s, "? help")
        await s.shows("Next row")
        await clicks(s, "esc leaves")
        await s.hides("Next row")
        folders = s.app.screen.query_one("#folders", Choices)
        await s.pilot.click(folders, offset=(3, s.line_of("Done") - folders.region.y))
        await s.shows("« Done")
        await clicks(s, "/ search")
        await s.type("refund")
        await clicks(s, "enter searches")
        await s.shows("search refund")


async def test_the_palette_stays_in_the_footer_of_the_narrowest_terminal_so_that_every_act_can_be_clicked() -> None:
    async with stage(size=(60, 24)) as s:
        for end in ("^p palette", "? help", "q quit"):
            assert s.sees(end)
        await clicks(s, "^p palette")
        await s.shows("Search for commands")
        await s.type("all by")
        await s.press("escape")
        await s.hides("Search for commands")
        await s.press("r")
        await s.composes()
        await s.shows("^p palette")
        assert s.sees("^s send")
    shown = [key for place in (INBOX, EVERYWHERE, COMPOSER) for key in here(place) if key.footer]
    assert {"reply", "claim", "close", "send", "command_palette", "help", "leave"} <= {key.act for key in shown}


async def test_every_key_in_the_footer_does_what_it_says_when_it_is_clicked() -> None:
    async with stage() as s:
        bar = s.app.screen.query_one(KeysBar)
        assert len(bar._spots) > 8
        for _, _, act in bar._spots:
            place = s.app.place
            assert hasattr(place, f"action_{act}") or hasattr(s.app, f"action_{act}"), act
        await clicks(s, "e close")
        await s.until(lambda: s.backend.talk(1).conversation.state is State.DONE, "closed")


async def test_no_link_in_a_message_can_be_opened_by_a_click() -> None:
    backend = FakeBackend()
    talk = backend.talk(1)
    talk.thread.append(message(99, "see https://evil.example/x and [a](b)", talk.thread[-1].at, mine=True))
    async with stage(backend) as s:
        await s.press("enter")
        await s.shows("https://evil.example/x")
        for strip in s.app.screen._compositor.render_strips():
            for segment in strip:
                style = segment.style
                assert style is None or (style.link is None and not any("click" in key for key in style.meta))
