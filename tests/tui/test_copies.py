"""A storm of nearly the same post is one row of the queue: nothing more urgent is hidden, nothing is lost, and the cursor stays."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import asyncpg

from inbox_tui.view.copies import copies_words, marked_words
from inbox_tui.view.lines import line_cells
from inbox_tui.view.queue import queue_lines
from listener.model.leaving import ApprovalState
from listener.model.work import OPEN, State
from listener.store.views.queue import Fold
from listener.workflow.acts import Close, Reopen, Tag
from tests.store.world import world
from tests.tui.fake import START, FakeBackend
from tests.tui.stage import SMALL, Stage, stage
from tests.tui.test_postgres import now, real


def storm(backend: FakeBackend, *ids: int, family: int = 7) -> None:
    backend.families.update(dict.fromkeys(ids, family))


def shown(s: Stage) -> list[int]:
    return [row.id for row in s.app.place.rows.window.rows]


def closed(backend: FakeBackend) -> list[int]:
    return sorted(i for i, talk in backend.talks.items() if talk.conversation.state is State.DONE)


def test_a_row_says_for_how_many_it_stands() -> None:
    fold = Fold(7, 3, 13)
    assert copies_words(fold, 3, unfolded=False, so_far=False) == "+12 like this"
    assert copies_words(fold, 3, unfolded=False, so_far=True) == "+12 like this so far"
    assert copies_words(fold, 4, unfolded=True, so_far=False) == "1 of 13 alike"
    assert copies_words(Fold(7, 3, 1000), 3, unfolded=False, so_far=False) == "+999 or more like this"
    assert copies_words(Fold(7, 3, 1), 3, unfolded=False, so_far=False) == ""
    assert copies_words(None, 3, unfolded=False, so_far=False) == ""
    assert "first 1,000" in marked_words(1000)


def test_that_a_reply_waits_for_approval_stands_before_how_many_are_like_it() -> None:
    row = replace(FakeBackend()._row(2), approval=ApprovalState.WAITING, messages=3)
    tops = {}
    for width in range(52, 120):
        [*pieces] = queue_lines(row, width, START, 1, copies="+3 like this")[0]
        tops[width] = "".join(text for text, _ in pieces)
        assert line_cells(tuple(pieces)) == width
        assert "waits for approval" in tops[width], width
    assert "+3 like this" in tops[112]
    assert "+3 " in tops[64]


async def test_a_storm_is_one_row_that_unfolds_and_folds_again() -> None:
    backend = FakeBackend(12)
    storm(backend, 3, 4, 6, 9)
    async with stage(backend) as s:
        await s.shows("+3 like this")
        assert shown(s) == [1, 2, 3, 5, 7, 8, 10, 11, 12]
        await s.shows("Open  12")
        await s.press("equals_sign")
        await s.shows("nothing here says nearly the same")
        await s.press("j", "j", "equals_sign")
        await s.shows("unfolded: all 4, each at its own place")
        assert shown(s) == list(range(1, 13))
        assert s.app.place.rows.cursor_id == 3
        assert s.text().count("1 of 4 alike") == 4
        await s.press("j", "j", "j", "equals_sign")
        await s.shows("folded: 4 in one row")
        assert shown(s) == [1, 2, 3, 5, 7, 8, 10, 11, 12]
        assert s.app.place.rows.cursor_id == 3, "the cursor goes where they went"


async def test_an_act_on_a_folded_row_is_about_that_row_until_space_marks_all() -> None:
    backend = FakeBackend(12)
    storm(backend, 3, 4, 6, 9)
    async with stage(backend) as s:
        await s.press("j", "j", "e")
        await s.shows("closed (z takes it back)")
        assert closed(backend) == [3]
        await s.until(lambda: 4 in shown(s), "the next one stands for the others")
        await s.shows("+2 like this")
        assert s.app.place.rows.cursor_id == 3
        await s.press("j", "space")
        await s.shows("marked all 3: this one and 2 like it")
        await s.shows("3 marked")
        await s.press("e")
        await s.shows("3 conversations closed")
        assert closed(backend) == [3, 4, 6, 9]
        await s.hides("like this")
        await s.shows("Open  8")
        await s.press("z")
        await s.shows("+2 like this")


async def test_space_once_more_lets_all_of_them_go() -> None:
    backend = FakeBackend(12)
    storm(backend, 1, 4, 6)
    async with stage(backend) as s:
        await s.press("space")
        await s.shows("3 marked")
        await s.press("k", "space")
        await s.shows("not marked any more: 3")
        assert not s.app.place.rows.marked


async def test_what_becomes_more_urgent_stands_and_the_row_under_the_cursor_stays() -> None:
    backend = FakeBackend(12)
    storm(backend, 3, 9)
    async with stage(backend) as s:
        await s.press("j", "j")
        await s.until(lambda: s.app.place.rows.cursor_id == 3, "row 3")
        storm(backend, backend.next_id)
        urgent = backend.add("the same complaint, due at once", due_in=-60)
        await s.shows("folded above")
        await s.shows("1 new ↑")
        assert shown(s)[0] == urgent.conversation.id
        assert s.app.place.rows.cursor_id == 3
        await s.press("j")
        await s.until(lambda: 3 not in shown(s), "folded away when the cursor has left it")
        await s.press("g")
        await s.shows("+2 like this")


async def test_copies_that_come_in_are_counted_and_announced_by_nobody() -> None:
    backend = FakeBackend(12)
    storm(backend, 1, 2)
    async with stage(backend) as s:
        await s.shows("+1 like this")
        for _ in range(5):
            storm(backend, backend.next_id)
            backend.add("the same again", due_in=30)
        await s.shows("+6 like this")
        assert "the same again" not in s.text()
        assert not s.sees("new ↑")
        await s.shows("Open  17")
        backend.act_as(backend.staff[1], [1, 2], Close())
        await s.shows("+4 like this")
        assert s.app.place.rows.cursor_id == 1


async def test_marks_of_what_is_folded_away_last_and_go_with_what_leaves() -> None:
    backend = FakeBackend(12)
    storm(backend, 3, 4, 6)
    async with stage(backend) as s:
        await s.press("j", "j", "space")
        await s.shows("3 marked")
        backend.act_as(backend.staff[1], [4], Close())
        await s.until(lambda: s.app.place.rows.marked == {3, 6}, "the closed one has lost its mark")
        storm(backend, backend.next_id)
        backend.add("the same complaint, due at once", due_in=-60)
        await s.until(lambda: 3 not in shown(s), "folded away")
        assert s.app.place.rows.marked == {3, 6}


async def test_a_storm_longer_than_the_window_hides_nothing_behind_it() -> None:
    backend = FakeBackend(3000)
    storm(backend, *range(2, 2500))
    async with stage(backend, size=SMALL) as s:
        await s.shows("+999 or more like this")
        assert shown(s)[:4] == [1, 2, 2500, 2501]


async def test_a_view_is_folded_as_far_as_it_was_read() -> None:
    backend = FakeBackend(0)
    for i in range(1500):
        storm(backend, *([i + 1] if i % 2 else []))
        backend.add(f"refund please, number {i}", due_in=10 + i)
    backend.keep("refunds", "refund")
    async with stage(backend) as s:
        await s.shows("refunds")
        await s.app.place.choose("view", "1")
        await s.until(lambda: s.app.place.view is not None and len(shown(s)) > 50, "the view")
        assert shown(s)[:4] == [1, 2, 3, 5]
        await s.shows("like this so far")
        await s.press("j", "equals_sign")
        await s.shows("1 of")
        assert shown(s)[:4] == [1, 2, 3, 4]
        await s.press("equals_sign")
        await s.until(lambda: shown(s)[:4] == [1, 2, 3, 5], "folded")
        backend.act_as(backend.staff[1], [2], Close())
        await s.until(lambda: 4 in shown(s), "the next one stands")
        await s.press("j")
        await s.until(lambda: shown(s)[:3] == [1, 3, 4], "in its place")
        backend.act_as(backend.staff[1], [4], Tag(("seen",)))
        await s.shows("#seen")


async def test_whatever_happens_the_most_urgent_of_each_family_is_shown_and_the_cursor_stays() -> None:
    """Colleagues, newcomers and the reader in any order, against what a folded folder must show."""
    rng = random.Random(11)
    backend = FakeBackend(24)
    for i in range(1, 25):
        if i % 3:
            storm(backend, i, family=1 + i % 4)
    async with stage(backend) as s:
        rows, unfolded = s.app.place.rows, s.app.place._unfolded

        def expected() -> list[int]:
            every = sorted(map(backend._row, range(backend.n)), key=lambda row: row.id)
            now = {row.id: row for row in every} | {i: backend._as_row(talk) for i, talk in backend.talks.items()}
            inside = sorted((r for r in now.values() if r.state in OPEN), key=lambda r: (r.sort_key, r.id))
            first: dict[int, int] = {}
            for row in inside:
                first.setdefault(row.family or -row.id, row.id)
            return [r.id for r in inside if r.family is None or r.family in unfolded or first[r.family] == r.id]

        for step in range(25):
            act, some = rng.randrange(6), rng.randrange(1, backend.next_id)
            before = rows.cursor_id
            if act == 0:
                backend.act_as(backend.staff[1], [some], Close())
            elif act == 1:
                backend.act_as(backend.staff[1], [some], Reopen())
            elif act == 2:
                storm(backend, backend.next_id, family=rng.randrange(1, 5))
                backend.add(f"number {step}", due_in=rng.randrange(-60, 60))
            elif act == 3 and some in backend.families:
                backend.families[some] = rng.randrange(1, 5)  # edited
                backend.ring(some)
            elif act == 4:
                await s.press("equals_sign")
            elif act == 5:
                await s.press(rng.choice("jk"))
            await s.pilot.pause()
            if act < 4:
                assert rows.cursor_id == before, f"nobody but the reader moves the cursor (step {step})"

            def right() -> bool:
                return [i for i in shown(s) if i != rows.cursor_id] == [i for i in expected() if i != rows.cursor_id]

            await s.until(right, f"step {step}, act {act}", seconds=5)


async def test_a_storm_on_the_real_store_from_mark_to_undo(pool: asyncpg.Pool, dsn: str) -> None:
    w = await world(pool)
    ids = [
        await w.conversation(f"spam number {i}", author=f"bot{i}", at=now() + timedelta(seconds=i)) for i in range(8)
    ]
    other = await w.conversation("a real question", author="ana", at=now() + timedelta(seconds=4))
    await pool.execute("UPDATE conversations SET family = 1 WHERE id = ANY($1)", ids)
    async with real(dsn) as s:
        await s.shows("+7 like this")
        assert shown(s) == [ids[0], other]
        await s.press("2")
        await s.shows("Nothing is yours")
        await s.press("1")
        await s.shows("+7 like this")
        await s.press("e")
        await s.until(lambda: shown(s) == [ids[0], ids[1], other], "the next one stands for them")
        await s.press("j", "space", "e")
        await s.shows("7 conversations closed")
        await s.shows("Open  1")
        await s.press("z")
        await s.shows("7 conversations as before: taken back")
        await s.until(lambda: ids[1] in shown(s) and ids[2] not in shown(s), "folded again")
        await s.press("k", "equals_sign")
        await s.until(lambda: set(ids[1:]) <= set(shown(s)), "unfolded")
        await s.press("P")
        await s.shows("The post")
        await s.shows("no comments heard")
