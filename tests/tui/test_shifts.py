"""A working day beside others: who looks and types, handing back, being away, warnings, and the note at the end."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from inbox_tui.view import handing, staff
from inbox_tui.view.lines import line_cells
from inbox_tui.view.queue import queue_lines
from inbox_tui.view.staff import Colleague
from listener.errors import TryAgain
from listener.model.leaving import OutboxState
from listener.model.scales import Priority
from listener.store.views.staff import Present, Replied, Shift
from listener.workflow.acts import Assign
from tests.tui.fake import START, Clock, FakeBackend
from tests.tui.stage import SMALL, Stage, stage


def beat(s: Stage, seconds: float = 0) -> None:
    """Time passes, and the app sees it."""
    s.backend.clock.forward(seconds=seconds)
    s.app.place.second()


async def settled(s: Stage) -> list[tuple[int | None, bool]]:
    await s.pilot.pause()
    return list(s.backend.attended)


@pytest.mark.parametrize("size", [SMALL, (150, 40)])
async def test_colleagues_are_seen_in_the_list_and_in_the_conversation(size: tuple[int, int]) -> None:
    async with stage(size=size) as s:
        s.backend.comes(2, 3)
        await s.shows("◦ Bo Lind looks")
        assert s.line_of("◦ Bo Lind looks") == s.line_of("ade2")
        s.backend.comes(2, 1, typing=True)
        await s.shows("✎ Bo Lind writes")
        await s.hides("◦ Bo Lind looks")
        s.backend.comes(3, 1)
        await s.shows("✎ Bo Lind writes +1")
        await s.press("enter")
        await s.shows("◦ Cy Ray looks")
        assert any("priority" in line and "✎ Bo Lind writes" in line for line in s.lines()) or s.sees(
            "✎ Bo Lind writes"
        )
        s.backend.clock.forward(seconds=61)
        s.app.place.tick()
        await s.hides("Cy Ray looks")


async def test_a_cursor_that_runs_tells_nobody_and_one_that_rests_tells_once() -> None:
    async with stage() as s:
        beat(s)
        beat(s, 1)
        await s.until(lambda: (1, False) in s.backend.attended, "that the first row is looked at")
        told = await settled(s)
        for _ in range(3):
            beat(s, 0.4)
            await s.press("j", "j", "j")
        assert await settled(s) == told, "nine keys, and not a word"
        beat(s)
        beat(s, 1)
        beat(s, 1)
        assert (await settled(s))[len(told) :] == [(10, False)]
        await s.press("r")
        await s.composes()
        await s.type("hello")
        beat(s)
        beat(s, 1)
        assert (await settled(s))[-1] == (10, True)
        beat(s, 6)
        beat(s, 1)
        assert (await settled(s))[-1] == (10, False), "who thinks does not type"
        await s.press("escape", "l")
        await s.until(lambda: s.backend.attended[-1] == (None, False), "off to Listening")
    async with stage(FakeBackend(), read_only=True) as s:
        beat(s)
        beat(s, 2)
        assert await settled(s) == [], "who only looks on is not shown"


async def test_who_went_to_lunch_looks_at_nothing() -> None:
    async with stage() as s:
        beat(s)
        beat(s, 2)
        assert (await settled(s))[-1] == (1, False)
        beat(s, 600)
        assert (await settled(s))[-1] == (None, False)


async def test_handing_back_keeps_the_team_and_can_be_undone_also_of_many() -> None:
    async with stage() as s:
        for id_ in (1, 2):
            talk = s.backend.talk(id_)
            talk.conversation = replace(talk.conversation, team="care", assignee_id=1)
            s.backend.ring(id_)
        await s.shows("→ you")
        await s.press("c")
        await s.shows("✎ you")
        await s.press("v", "j", "v", "B")
        await s.shows("2 conversations handed back (z takes it back)")
        await s.shows("→ care")
        assert not s.sees("✎ you")
        await s.press("z")
        await s.shows("→ you")
        s.backend.act_as(s.backend.staff[1], [3], Assign(2))
        await s.press("g", "j", "j", "B")
        await s.shows("not handed back: it is a colleague's")
        await s.press("r")
        await s.composes()
        await s.press("escape")


async def test_away_says_so_everywhere_and_asks_what_becomes_of_the_rest() -> None:
    backend = FakeBackend()
    async with stage(backend, size=SMALL) as s:
        for id_ in (1, 2):
            talk = backend.talk(id_)
            talk.conversation = replace(talk.conversation, team="care", assignee_id=1)
        await s.press("O")
        await s.shows("until I say that I am back")
        await s.press("down", "enter")
        await s.shows("2 conversations that you have not begun on")
        await s.shows("share out 2")
        await s.press("s")
        await s.shows("2 conversations handed back to the teams (z takes it back)")
        await s.shows("away until 10:00 (O: back)")
        assert backend.talk(1).conversation.assignee_id is None
        await s.press("O")
        await s.shows("you are back")
        await s.hides("(O: back)")
        backend.team[2] = Colleague(2, away=True, until=START + timedelta(hours=5))
        backend.team[3] = Colleague(3)
        await s.press("a")
        await s.shows("Bo Lind bo  away until 14:00")
        await s.shows("Cy Ray cy  no inbox open")
        await s.press("escape")
        await s.press("O")
        await s.shows("until I say")
        await s.press("escape")
        assert not backend.team[1].said, "who leaves the question is not away"


async def test_a_warning_comes_once_with_the_key_that_goes_there_and_moves_no_cursor() -> None:
    backend = FakeBackend()
    backend.team[1] = Colleague(1, frozenset({"care"}), here=True)
    for id_, fields in (
        (9, {"assignee_id": 1}),
        (12, {"team": "care"}),
        (14, {"team": "press"}),
        (15, {"assignee_id": 2}),
    ):
        talk = backend.talk(id_)
        talk.conversation = replace(talk.conversation, **fields)
    async with stage(backend) as s:
        await s.shows("Mine")
        backend.ring(late=[14, 15])
        await s.pilot.pause()
        assert not s.sees("goes there"), "others' business"
        backend.ring(late=[9, 12])
        await s.shows("due soon: @mira8.test, 3 min left, and 1 more (0 goes there)")
        assert s.app.place.rows.cursor_id == 1
        await s.press("0")
        await s.until(lambda: s.app.place.opened.conversation.id == 9, "the earliest")
        await s.press("escape", "0")
        await s.until(lambda: s.app.place.opened.conversation.id == 12, "the next one")


async def test_a_hand_over_is_announced_read_and_followed_to_its_conversations() -> None:
    backend = FakeBackend()
    backend.write(2, "Quiet.\nLook at #4 and #7, please. Not at #99999.")
    async with stage(backend, size=SMALL) as s:
        await s.shows("hand-over from Bo Lind, 09:00: T reads it")
        await s.press("T")
        await s.shows("Look at #4 and #7, please.")
        await s.shows("#4 @yuki3.test new: How do I change")
        assert not s.sees("#99999 ")
        await s.press("j", "enter")
        await s.until(lambda: s.app.place.opened.conversation.id == 7, "the second one")


async def test_a_hand_over_is_written_from_a_draft() -> None:
    backend = FakeBackend()
    rows = {row.id: row for row in await backend.rows([1, 2, 3])}
    backend.done = Shift(
        START - timedelta(hours=8), (2,), (Replied(3, Priority.URGENT, True),), (), ((1, OutboxState.FAILED),), (rows[1],),
        rows=rows,
    )  # fmt: skip
    async with stage(backend, size=SMALL) as s:
        await s.press("T")
        await s.shows("Your hand-over")
        await s.shows("Closed: 1. Answered: 1.")
        await s.shows("#3 @ade2.test new: Love the new")
        await s.type("All calm.\n")
        await s.press("escape")
        await s.shows("put down; T goes on with it")
        await s.press("T")
        await s.shows("All calm.")
        backend.fault = TryAgain("the store is away")
        await s.press("ctrl+s")
        await s.until(lambda: backend.calls["hand_over"] == 1 and s.sees("All calm."), "the page again, with the text")
        backend.fault = None
        await s.press("ctrl+s")
        await s.shows("handed over: everybody of the brand can read it (T)")
        await s.press("z")
        await s.shows("nobody had read it: taken back; T goes on with it")
        assert backend.notes == []
        await s.press("T")
        await s.shows("All calm.")
        await s.press("ctrl+s")
        await s.shows("handed over: everybody of the brand can read it (T); z takes it back")
        backend.read_notes.add(backend.notes[-1].id)
        await s.press("z")
        await s.shows("too late: Bo Lind has read the note")
        assert backend.notes[0].body.startswith("All calm.\nShift from 01:00 to 09:00")
        backend.write(3, "later")
        await s.shows("hand-over from Cy Ray")
        await s.press("T")
        await s.shows("1 of 2")
        await s.press("tab")
        await s.shows("All calm.")
        await s.press("w")
        await s.shows("Your hand-over")


# Words ----------------------------------------------------------------------------------------------------------------


async def test_the_draft_says_in_plain_words_what_was_done_and_what_is_left() -> None:
    backend = FakeBackend(clock=Clock())
    rows = {row.id: row for row in await backend.rows(range(1, 30))}
    shift = Shift(
        START - timedelta(hours=8),
        (20, 21),
        (Replied(5, Priority.URGENT, False), Replied(6, Priority.NORMAL, True), Replied(7, Priority.LOW, False)),
        (8,),
        ((9, OutboxState.UNKNOWN),),
        tuple(rows[i] for i in range(1, 15)),
        ((22, START + timedelta(hours=3)),),
        (23,),
        rows=rows,
    )
    said = handing.drafted(shift, START, START.tzinfo)
    assert said.startswith(
        "Shift from 01:00 to 09:00\n\nClosed: 2. Answered: 3.\n\nAnswered, urgent or late:\n- #5 urgent\n- #6 normal, was overdue\n"
    )
    for line in (
        "- #9 nobody knows whether it went out",
        "- #1 overdue since 08:55",
        "- #8 due 09:02, urgent",
        "- and 2 more",
        "Snoozed, awake soon:\n- #22 12:00",
        "Drafts that I leave:\n- #23",
    ):
        assert line in said
    assert "#7" not in handing.drafted(replace(shift, open=()), START, START.tzinfo), "what was calm is counted only"
    assert all(str(row.snippet) not in said for row in rows.values())
    assert handing.numbers("see #12, #7 and #12; not #x") == [12, 7]


def test_signs_fit_a_row_of_80_cells_and_say_it_without_colour() -> None:
    backend = FakeBackend()
    row = replace(backend._row(2), claimed_by="Bo Lind", claimed_by_id=2, outbox=OutboxState.FAILED)
    many = [Present(3, 10 + i, f"Very Long Name Number {i}", i == 1, START + timedelta(minutes=1)) for i in range(5)]
    seen = staff.signs(staff.others(many, 3, 1, START), row.claimed_by_id)
    for width in (78, 60, 44, 38):
        top, _ = queue_lines(row, width, START, 1, seen=seen)
        assert line_cells(top) == width
        assert "✎" in "".join(text for text, _ in top)
    top, _ = queue_lines(replace(row, outbox=None), 78, START, 1, seen=seen)
    assert "✎ Very Long N… writes +4" in "".join(text for text, _ in top)
    gone = staff.others(many, 3, 1, START + timedelta(minutes=2))
    assert staff.signs(gone, None) == ()
