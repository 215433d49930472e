"""A reply that somebody reads before it goes out: how its writer asks, how a lead decides, and what both read on the screen."""

from __future__ import annotations

from typing import Any

import asyncpg

from listener.model.leaving import ApprovalState, OutboxState
from listener.pictures import PNG, Picture
from listener.rulebook.people import Approval
from listener.store import rulebooks
from tests.store.world import world
from tests.tui.fake import FakeBackend
from tests.tui.stage import SMALL, stage
from tests.tui.test_postgres import now, ready, real


async def test_who_needs_an_approval_is_told_before_and_asks_with_the_key_that_sends() -> None:
    backend = FakeBackend()
    backend.needs = True
    async with stage(backend, size=SMALL) as s:
        await s.press("r")
        await s.composes()
        await s.shows("^s asks for approval by a lead")
        await s.type("We are on it")
        await s.press("ctrl+s")
        await s.shows("waits for approval; nothing is sent until then")
        assert backend.talk(1).replies == []
        assert backend.talk(1).drafts == {}
        await s.shows("waits for approval by a lead or an admin (x: decide)")
        await s.press("z")
        await s.shows("taken back; nothing was sent")
        await s.composes("We are on it")
        assert backend.submitted[1][0].state is ApprovalState.WITHDRAWN


async def test_anybody_may_ask_and_a_rule_that_is_new_sends_nothing() -> None:
    backend = FakeBackend()
    async with stage(backend) as s:
        await s.press("r")
        await s.composes()
        await s.type("Is this right?")
        backend.needs = True
        await s.press("ctrl+s")
        await s.shows("not sent: by the rules of now")
        assert not backend.submitted
        backend.needs = False
        await s.press("ctrl+g")
        await s.until(lambda: bool(backend.submitted.get(1)), "it is asked for")
        await s.press("escape")
        await s.shows("waits for approval ")


async def test_a_lead_finds_what_waits_reads_it_and_lets_it_go() -> None:
    backend = FakeBackend()
    backend.approves = True
    bo = backend.staff[1]
    backend.ask_as(bo, 3, "We is on it")
    async with stage(backend) as s:
        await s.press("6")
        await s.shows("To approve  1")
        await s.shows("◃ Bo Lind, as @larkspur.test")
        await s.shows("We is on it")
        await s.press("x")
        await s.shows("Bo Lind asks for approval")
        await s.press("a")
        await s.shows("approved; goes out in 8 s in the name of Bo Lind")
        [sent] = backend.talk(3).replies
        assert (sent.body, sent.person, sent.state) == ("We is on it", "Bo Lind", OutboxState.QUEUED)
        await s.press("z")
        await s.shows("taken back: it waits for approval again")
        assert backend.talk(3).replies[0].state is OutboxState.WITHDRAWN
        await s.press("x")
        await s.shows("Bo Lind asks for approval")
        await s.press("a")
        await s.shows("approved; goes out in 8 s in the name of Bo Lind")
        s.backend.clock.forward(seconds=1)
        await s.press("L")
        await s.shows("liked on Bluesky in 8 s")
        await s.press("z")
        await s.shows("nothing is asked of the network")
        await s.press("z")
        await s.shows("taken back: it waits for approval again")
        await s.press("x")
        await s.shows("Bo Lind asks for approval")
        await s.press("c")
        await s.composes("We is on it")
        await s.shows("^s approves it as it stands here")
        await s.type("!")
        await s.app.place.leaving()
        assert backend.talk(3).drafts == {}, "a colleague's words are no draft of mine"
        await s.press("ctrl+s")
        await s.shows("approved by Ana Sol with a change; this is what was submitted")
        assert [r.body for r in backend.talk(3).replies] == ["We is on it", "We is on it", "We is on it!"]
        assert backend.talk(3).drafts == {}


async def test_what_is_sent_back_stands_above_the_draft_with_its_note() -> None:
    backend = FakeBackend()
    bo = backend.staff[1]
    row = backend.ask_as(backend.me, 1, "we is on it")
    async with stage(backend) as s:
        await s.shows("waits for approval by a lead")
        backend.decide_as(bo, row.id, ApprovalState.REJECTED, note="Grammar, please")
        backend.talk(1).drafts[1] = ("we is on it", 1)
        backend.ring(1)
        await s.shows("sent back by Bo Lind")
        await s.press("r")
        await s.composes("we is on it")
        await s.shows("✗ Bo Lind sent this back: Grammar, please")


async def test_what_lies_beside_a_draft_of_mine_is_left_alone_while_i_change_a_colleagues_words() -> None:
    backend = FakeBackend()
    backend.approves = True
    backend.ask_as(backend.staff[1], 1, "We is on it")
    await backend.attach(1, "mine.png", Picture(PNG, 3, 2, b"png"), "a case", backend.clock.now)
    async with stage(backend) as s:
        await s.shows("waits for approval by a lead")
        await s.press("x")
        await s.shows("Bo Lind asks for approval")
        await s.press("c")
        await s.composes("We is on it")
        await s.shows("^s approves it as it stands here")
        await s.hides("mine.png")
        await s.press("ctrl+f")
        await s.shows("it came without pictures: you add none")
        await s.press("ctrl+x")
        await s.shows("left waiting, as it was written")
        assert [row.name for row in await backend.attached(1)] == ["mine.png"]


async def test_an_approval_of_a_thread_that_moved_says_so_first() -> None:
    backend = FakeBackend()
    backend.approves = True
    backend.ask_as(backend.staff[1], 1, "We are on it")
    async with stage(backend) as s:
        backend.say(1, "Never mind, solved it")
        await s.shows("but the thread has changed since")
        await s.press("x")
        await s.shows("The thread has changed since Bo Lind wrote this")
        await s.press("a")
        await s.shows("approved; goes out")


async def test_a_trainees_day_on_the_real_store(pool: asyncpg.Pool, dsn: str) -> None:
    w = await world(pool)
    await ready(w)
    one = await w.conversation("where is my parcel?", author="ana", at=now())
    await rulebooks.publish(pool, "h", {"a.yaml": ""}, "", now(), Approval(frozenset({"mia-acme"})))
    async with real(dsn) as s:
        await s.press("r")
        await s.composes()
        await s.shows("^s asks for approval by a lead")
        await s.type("on its way")
        await s.press("ctrl+s")
        await s.shows("waits for approval by a lead or an admin (x: decide)")
        assert await pool.fetchval("SELECT count(*) FROM outbox") == 0
        await s.press("6")
        await s.shows("only leads and admins approve replies")
        async with real(dsn, "tom-acme") as lead:
            await lead.press("6")
            await lead.shows("To approve  1")
            await lead.press("x")
            await lead.shows("Mia asks for approval")
            await lead.press("r")
            await lead.type("say when")
            await lead.press("ctrl+s")
            await lead.shows("sent back to Mia with your note")
            await s.shows("sent back by Tom")
            await s.press("r")
            await s.composes("on its way")
            await s.shows("✗ Tom sent this back: say when")
            await s.shows("^s asks for approval by a lead")  # before that ^s only tells it: nobody asks without knowing
            await s.type(", tomorrow")
            await s.press("ctrl+s")
            await s.shows("waits for approval by a lead or an admin (x: decide)")
            await lead.shows("To approve  1")
            await lead.shows("on its way, tomorrow")
            await lead.press("x")
            await lead.shows("Mia asks for approval")
            await lead.press("a")
            await lead.shows("approved; goes out in")
        await s.shows("goes out in")
    row = await pool.fetchrow("SELECT r.body, r.person_id FROM outbox o JOIN replies r ON r.id = o.reply_id")
    assert tuple(row) == ("on its way, tomorrow", w.mia.id)
    assert [r[0] for r in await states(pool, one)] == ["rejected", "approved"]


async def states(pool: asyncpg.Pool, conversation_id: int) -> list[Any]:
    return list(await pool.fetch("SELECT state FROM approvals WHERE conversation_id = $1 ORDER BY id", conversation_id))
