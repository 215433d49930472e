"""Likes, hides, deletes and blocks from the inbox: asked for, taken back in time, answered by their opposite later, honest to the end."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import asyncpg

from inbox_tui.backend.postgres import connect
from listener.model.accounts import Capability
from listener.model.leaving import Doing, OutboxState
from listener.store import capabilities
from tests.store.world import world
from tests.tui.fake import START, FakeBackend
from tests.tui.stage import SMALL, stage


def asked(backend: FakeBackend) -> list[tuple[Doing, int, OutboxState]]:
    return [(one.what, one.mention_id, one.state) for one in backend.network]


async def test_a_like_is_taken_back_in_time_and_answered_by_its_opposite_later() -> None:
    async with stage(FakeBackend(3)) as s:
        await s.press("L")
        await s.shows("liked on Bluesky in 8 s as @larkspur.test; z takes it back")
        await s.shows("liked in 8 s, z takes it back")
        await s.press("z")
        await s.shows("taken back: nothing is asked of the network")
        await s.press("L")
        await s.until(lambda: len(s.backend.network) == 2, "the second like")
        s.backend.move_act(1001, OutboxState.SENDING)
        await s.shows("being liked")
        s.backend.move_act(1001, OutboxState.ACCEPTED)
        await s.shows("♥ liked by Ana Sol, now")
        await s.press("z")
        await s.shows("It has left: it cannot be taken back here")
        await s.press("o")
        await s.shows("no longer liked on Bluesky in 8 s")
        s.backend.move_act(1002, OutboxState.ACCEPTED)
        await s.hides("♥ liked")
        assert [what for what, _, _ in asked(s.backend)] == [Doing.LIKE, Doing.LIKE, Doing.UNLIKE]


async def test_z_after_a_local_act_undoes_that_and_leaves_the_network_alone() -> None:
    async with stage(FakeBackend(3)) as s:
        await s.press("L")
        await s.shows("liked in 8 s")
        s.backend.move_act(1000, OutboxState.ACCEPTED)
        await s.shows("♥ liked")
        await s.press("e")
        await s.shows("closed (z takes it back)")
        await s.press("z")
        await s.shows("as before: taken back")
        assert asked(s.backend) == [(Doing.LIKE, 1002, OutboxState.ACCEPTED)]
        await s.press("L")  # takes it back again, and while that waits
        await s.shows("no longer liked in 8 s")
        await s.press("e")
        await s.shows("closed (z takes it back)")
        await s.press("z")
        await s.shows("as before: taken back")
        assert s.backend.network[-1].state is OutboxState.QUEUED, "what was done last is what z means"
        await s.press("z")
        await s.shows("taken back: nothing is asked of the network")


async def test_what_rules_ask_to_hide_is_hidden_with_one_key_and_shown_again_with_the_same() -> None:
    backend = FakeBackend(3)
    backend.talk(1).hide = True
    async with stage(backend) as s:
        await s.shows("rules ask somebody to hide it on Bluesky (H hides it)")
        await s.press("H")
        await s.shows("hidden on Bluesky in 8 s")
        assert asked(backend) == [(Doing.HIDE, 1002, OutboxState.QUEUED)]
        backend.move_act(1000, OutboxState.ACCEPTED)
        await s.shows("⊘ hidden on Bluesky by Ana Sol")
        await s.shows("rules asked to hide it")
        await s.press("H")
        await s.shows("Hide which message?")
        await s.press("enter")
        await s.shows("shown again on Bluesky in 8 s")


async def test_deleting_asks_says_that_it_is_for_good_and_has_no_way_back() -> None:
    async with stage(FakeBackend(3), size=SMALL) as s:
        await s.press("X")
        await s.shows("Delete this on Bluesky?")
        await s.shows("It cannot be brought back.")
        await s.press("enter")
        await s.shows("left as it is")
        assert s.backend.network == []
        await s.press("X")
        await s.shows("Delete this on Bluesky?")
        await s.press("d")
        await s.shows("deleted on Bluesky in 8 s")
        s.backend.move_act(1000, OutboxState.ACCEPTED)
        await s.until(lambda: s.app.place.opened.network[-1].state is OutboxState.ACCEPTED, "the network's word")
        await s.press("z")
        await s.shows("what is deleted cannot be brought back")


async def test_what_others_said_under_our_post_is_deleted_where_the_network_lets_us_after_asking() -> None:
    backend = FakeBackend(3)
    backend.can = {**backend.can, Capability.REMOVE: "", Capability.DELETE_OWN: "not here"}
    async with stage(backend, size=SMALL) as s:
        await s.press("X")
        await s.shows("Delete which message?")
        await s.press("enter")
        await s.shows("for everybody")
        await s.press("d")
        await s.shows("deleted on Bluesky in 8 s")
        assert [one.what for one in backend.network] == [Doing.REMOVE]


async def test_blocking_asks_and_stands_at_the_author() -> None:
    async with stage(FakeBackend(3)) as s:
        await s.press("K")
        await s.shows("Block @mira0.test on Bluesky?")
        await s.press("b")
        await s.shows("blocked on Bluesky in 8 s")
        s.backend.move_act(1000, OutboxState.ACCEPTED)
        await s.shows("⊘ blocked on Bluesky by Ana Sol")
        await s.press("K")
        await s.shows("no longer blocked on Bluesky in 8 s")


async def test_what_fails_is_said_and_decided() -> None:
    async with stage(FakeBackend(3)) as s:
        await s.press("L")
        await s.shows("liked in 8 s")
        s.backend.move_act(1000, OutboxState.FAILED, problem="the author has blocked us")
        await s.shows("not liked: the author has blocked us (x: try again or put it aside)")
        await s.press("x")
        await s.shows("It is not liked")
        await s.press("t")
        await s.shows("trying it once more")
        s.backend.move_act(1000, OutboxState.UNKNOWN, problem="no clear answer")
        await s.shows("nobody knows whether it is liked: no clear answer")


async def test_what_the_network_does_not_allow_is_crossed_and_says_why() -> None:
    backend = FakeBackend(3)
    backend.can = {**backend.can, Capability.BLOCK: "nobody is blocked there"}
    async with stage(backend) as s:
        await s.shows("on Bluesky: L like  H hide  X delete  ✗K block  ✗I private")
        await s.press("K")
        await s.shows("not on Bluesky: nobody is blocked there")
        backend.talk(2).thread[0] = replace(backend.talk(2).thread[0], ours=False)
        await s.press("j")
        await s.shows("on Bluesky: L like  ✗H hide  ✗X delete")
        await s.press("H")
        await s.shows("not here: only under a post of ours can we hide what others say")
        await s.press("X")
        await s.shows("not here: there is nothing of ours on the network to delete")
        backend.can = {}
        await s.press("L")
        await s.shows("nobody has said yet what our account can do here")
        assert backend.network == []


async def test_what_the_line_under_the_thread_names_can_be_clicked() -> None:
    async with stage(FakeBackend(3)) as s:
        await s.shows("on Bluesky: L like")
        await s.pilot.click("#acts", offset=(15, 0))
        await s.shows("liked on Bluesky in 8 s")
        await s.pilot.click("#acts", offset=(50, 0))
        await s.shows("not on Bluesky: private messages")


async def test_nothing_leaves_from_a_read_only_inbox() -> None:
    async with stage(FakeBackend(3), read_only=True) as s:
        for key in "LHXK":
            await s.press(key)
        await s.pilot.pause()
        assert s.backend.network == []
        assert not s.sees("on Bluesky: L like"), "and nothing is offered"


async def test_a_private_draft_never_becomes_public_by_itself() -> None:
    backend = FakeBackend(3)
    async with stage(backend) as s:
        await s.press("I")
        await s.shows("not on Bluesky: private messages are not part of what we read there")
        backend.can = {**backend.can, Capability.PRIVATE_REPLY: ""}
        await s.press("I")
        await s.shows("PRIVATE reply as @larkspur.test to @mira0.test, only they can")
        await s.type("between us")
        await s.press("escape")
        await s.shows("draft kept")
        await s.press("r")
        await s.shows("This draft was meant to be private")
        await s.press("enter")
        await s.shows("PRIVATE reply")
        await s.composes("between us")
        await s.press("escape")
        await s.press("r")
        await s.shows("This draft was meant to be private")
        await s.press("p")
        await s.shows("PUBLIC reply")
        await s.composes("between us")
        await s.press("ctrl+s")
        await s.shows("goes out in 8 s")
        assert [one.private for one in backend.talk(1).replies] == [False]


async def test_a_private_answer_leaves_as_one_and_comes_back_as_one() -> None:
    backend = FakeBackend(3)
    backend.can = {**backend.can, Capability.PRIVATE_REPLY: ""}
    async with stage(backend) as s:
        await s.press("I")
        await s.composes()
        await s.type("mail me at a@b.example")
        await s.press("ctrl+s")
        await s.shows("goes out in 8 s")
        assert [one.private for one in backend.talk(1).replies] == [True]
        await s.press("z")
        await s.shows("PRIVATE reply")


async def test_a_closed_window_keeps_the_composer_shut_and_says_why() -> None:
    backend = FakeBackend(3)
    talk = backend.talk(1)
    talk.conversation = replace(talk.conversation, reply_until=START - timedelta(hours=2))
    talk.thread[-1] = replace(talk.thread[-1], reply_until=START - timedelta(hours=2))
    open_still = backend.talk(2)
    open_still.conversation = replace(open_still.conversation, reply_until=START + timedelta(hours=3), due_at=None)
    async with stage(backend) as s:
        await s.shows("closed      @mira0.test")
        await s.shows("window closed 2 h ago")
        await s.shows("3 h open")
        await s.shows("window closes in 3 h")
        await s.press("r")
        await s.shows("its network takes no answer any more: the window closed 2 h ago")
        assert not s.app.place.composer.is_open


async def test_a_like_from_the_key_to_the_outbox_and_back_on_the_real_store(pool: asyncpg.Pool, dsn: str) -> None:
    w = await world(pool)
    await pool.execute("UPDATE accounts SET state = 'ready'")
    await capabilities.publish(pool, w.account.id, dict.fromkeys(Capability, ""))
    await w.conversation("lovely, thank you", author="ana", at=datetime.now(UTC))
    backend = await connect(dsn, "acme", "mia-acme")
    state = "SELECT state FROM outbox WHERE lane = 'network'"
    async with stage(backend, clock=lambda: datetime.now(UTC)) as s:
        await s.shows("on Bluesky: L like  ✗H hide  ✗X delete  K block  I private")
        await s.press("L")
        await s.shows("liked on Bluesky in 8 s as @acme.example")
        assert await pool.fetchval(state) == "queued"
        await s.press("z")
        await s.shows("taken back: nothing is asked of the network")
        assert await pool.fetchval(state) == "withdrawn"
        await s.press("h")
        await s.shows("Mia asked for it to be liked")
    await backend.close(datetime.now(UTC))
