"""Several texts and pictures for who approves: written, kept, looked at, chosen; and what `z` and `^y` make of it."""

from __future__ import annotations

import os
from pathlib import Path

import asyncpg
import pytest

from inbox_tui.widgets import viewer
from listener.model.leaving import ApprovalState
from listener.pictures import PNG, Picture
from listener.rulebook.people import Approval
from listener.store import attachments, rulebooks
from listener.store.views.approvals import AttachedRow
from tests.store.world import world
from tests.tui.fake import FakeBackend
from tests.tui.stage import stage
from tests.tui.test_postgres import now, ready, real

DOT = Picture(PNG, 3, 2, b"\x89PNG\r\n\x1a\n")


async def test_two_texts_are_written_kept_asked_about_and_a_lead_chooses_the_one_with_the_picture(
    pool: asyncpg.Pool, dsn: str
) -> None:
    w = await world(pool)
    await ready(w)
    one = await w.conversation("where is my parcel?", author="ana", at=now())
    await rulebooks.publish(pool, "h", {"a.yaml": ""}, "", now(), Approval(frozenset({"mia-acme"})))
    async with real(dsn) as s:
        await s.press("r")
        await s.composes()
        await s.shows("^s asks for approval by a lead")
        await s.type("on its way")
        await s.press("ctrl+n")
        await s.shows("option 2 of 2")
        await s.composes()
        await s.type("it is late")
        await attachments.attach(pool, w.mia.id, one, "map.png", DOT, "a map", now(), 2)
        await s.press("ctrl+n")
        await s.shows("1 on its way")
        await s.press("1")
        await s.composes("on its way")
        await s.hides("map.png")
        await s.press("escape")
        await s.shows("draft kept")
    async with real(dsn) as s:
        await s.press("r")
        await s.composes("on its way")
        await s.shows("option 1 of 2")
        await s.press("ctrl+n", "2")
        await s.composes("it is late")
        await s.shows("map.png")
        await s.shows("^s asks for approval by a lead")
        await s.press("ctrl+s")
        await s.shows("waits for approval by a lead or an admin (x: decide)")
        await s.shows("▣ map.png  PNG, 3 by 2 pixels, 1 kB  “a map”")
        async with real(dsn, "tom-acme") as lead:
            await lead.press("6")
            await lead.shows("To approve  1")
            await lead.press("x")
            await lead.shows("Mia offers 2 texts for one reply")
            await lead.press("2")
            await lead.shows("Mia asks for approval: option 2 of 2")
            await lead.press("a")
            await lead.shows("approved; goes out in")
            await lead.shows("✓ option 2, approved")
    sent = await pool.fetch("SELECT r.body, a.alt FROM replies r LEFT JOIN attachments a ON a.reply_id = r.id")
    assert [tuple(row) for row in sent] == [("it is late", "a map")]
    assert await pool.fetchval("SELECT count(*) FROM drafts") == 0


async def test_a_lead_looks_at_a_picture_says_it_better_takes_one_off_and_sends_back_twice_by_a_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / ("open" if os.uname().sysname == "Darwin" else "xdg-open")
    program.write_text(
        f'#!/bin/sh\necho "$1" > {tmp_path}/where\nls -l "$1" > {tmp_path}/how\ncat "$1" > {tmp_path}/seen\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(viewer, "STAYS", 0.0)
    backend = FakeBackend()
    backend.approves = True
    rows = [AttachedRow(n, f"{n}.png", PNG, 3, 2, 900, alt, 2) for n, alt in ((1, "a bag"), (2, "its strap"))]
    backend.ask_as(backend.staff[1], 1, "Sorry!", options=["It is late"], pictures=rows)
    async with stage(backend) as s:
        await s.shows("waits for approval by a lead")
        await s.press("x")
        await s.shows("Bo Lind offers 2 texts")
        await s.press("r")
        await s.type("kinder")
        await s.press("ctrl+s")
        await s.shows("sent back to Bo Lind with your note")
        await s.press("z")
        await s.shows("taken back: it waits for approval again")
        await s.press("ctrl+y")
        await s.shows("sent back again with your note")
        assert (backend.submitted[1][0].state, backend.submitted[1][0].note) == (ApprovalState.REJECTED, "kinder")
        await s.press("z")
        await s.shows("taken back: it waits for approval again")
        await s.press("x", "2")
        await s.shows("option 2 of 2")
        await s.press("p", "1")
        await s.shows("PNG, 3 by 2 pixels, 1 kB")
        await s.press("o")
        await s.until(
            lambda: (tmp_path / "seen").exists() and (tmp_path / "seen").read_bytes() == DOT.content, "it is shown"
        )
        where = Path((tmp_path / "where").read_text().strip())
        assert (tmp_path / "how").read_text().startswith("-rw-------")
        await s.until(lambda: not where.parent.exists(), "its file is gone")
        await s.shows("Its pictures")
        await s.press("1", "w")
        await s.shows("What can be seen on 1.png?")
        await s.press("end")
        await s.type(", red")
        await s.press("enter")
        await s.shows("(your words)")
        await s.press("2", "t")
        await s.shows("taken off: it does not go out")
        await s.press("escape")
        await s.shows("approve it with what you changed")
        await s.press("c")
        await s.composes("It is late")
        await s.shows("a bag, red")
        await s.type("!")
        await s.press("ctrl+s")
        await s.shows("approved; goes out")
        assert backend.went == {1: "a bag, red"}
        assert (backend.talk(1).replies[0].body, backend.submitted[1][0].option) == ("It is late!", 2)


async def test_what_was_asked_is_taken_back_whole_and_asked_again_by_a_key() -> None:
    backend = FakeBackend()
    backend.needs = True
    async with stage(backend) as s:
        await s.press("r")
        await s.composes()
        await s.type("one")
        await s.press("ctrl+n")
        await s.shows("option 2 of 2")
        await s.shows("^s asks for approval by a lead")
        await s.press("ctrl+n", "1")
        await s.composes("one")
        await s.press("ctrl+s")
        await s.shows("this option is empty")
        await s.shows("option 2 of 2")
        await s.type("two")
        await backend.attach(1, "map.png", DOT, "a map", backend.clock(), 2)
        await s.press("ctrl+s")
        await s.shows("waits for approval; nothing is sent until then")
        assert backend.submitted[1][0].texts == ("one", "two")
        await s.press("z")
        await s.composes("one")
        await s.shows("option 1 of 2")
        await s.press("escape")
        await s.shows("draft kept")
        await s.press("ctrl+y")
        await s.shows("asked for again")
        again = backend.submitted[1][1]
        assert (again.texts, [one.alt for one in again.pictures_of(2)]) == (("one", "two"), ["a map"])
        await s.press("z")
        await s.composes("one")
        await s.type("!")
        await s.press("escape")
        await s.shows("draft kept")
        await s.press("ctrl+y")
        await s.shows("the draft is not what was taken back any more")
        await s.press("r")
        await s.composes("one!")
        await s.press("ctrl+n", "t")
        await s.shows("option 1 is taken away")
        await s.composes("two")
        await s.shows("map.png")
        assert len(backend.submitted[1]) == 2


async def test_several_texts_are_not_sent_by_who_needs_nobody() -> None:
    backend = FakeBackend()
    async with stage(backend) as s:
        await s.press("r")
        await s.composes()
        await s.type("one")
        await s.press("ctrl+n")
        await s.shows("option 2 of 2")
        await s.type("two")
        await s.press("ctrl+s")
        await s.shows("not sent, there are 2 options")
        assert backend.talk(1).replies == []


async def test_what_is_sent_back_while_nothing_is_written_yet_is_on_the_page_with_its_pictures() -> None:
    backend = FakeBackend()
    asked = backend.ask_as(
        backend.me, 1, "one", options=["two"], pictures=[AttachedRow(1, "map.png", PNG, 3, 2, 900, "a map", 1)]
    )
    async with stage(backend) as s:
        await s.shows("waits for approval by a lead")
        await s.press("r")
        await s.composes()
        backend.give_back(asked)
        backend.decide_as(backend.staff[1], asked.id, ApprovalState.REJECTED, note="kinder")
        await s.composes("one")
        await s.shows("option 1 of 2")
        await s.shows("▣ map.png  1 kB")
