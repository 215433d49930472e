"""Nothing leaves but through the outbox: one sender at a time, frozen before it leaves, fenced by the thread, honest to the end."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest

from listener.errors import Refused
from listener.model.handed import Reply
from listener.model.heard import Deleted, Key
from listener.model.leaving import OutboxState
from listener.store import outbox
from listener.store.lane import freeze
from listener.store.reply_lane import REPLIES
from listener.store.reply_rows import locked
from listener.store.views.thread import OutboxRow
from tests.store.builders import NOW, SPACE, House, said


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


class Desk:
    """A house with one conversation that somebody is about to answer."""

    def __init__(self, house: House, conversation_id: int, parent_id: int) -> None:
        self.house, self.pool = house, house.pool
        self.conversation_id, self.parent_id = conversation_id, parent_id

    async def conversation(self) -> asyncpg.Record:
        return await self.pool.fetchrow("SELECT * FROM conversations WHERE id = $1", self.conversation_id)

    async def queue(self, body: str = "We are on it", *, person: int | None = None, **other: Any) -> OutboxRow:
        options: dict[str, Any] = {
            "visibility": "public", "lang": "en", "fence": (await self.conversation())["thread_version"],
            "hold_seconds": 5, "close_after": False, "now": NOW, **other,
        }  # fmt: skip
        return await outbox.queue_reply(
            self.pool, person or self.house.person_id, self.conversation_id, self.house.account.id, self.parent_id, body,
            **options,
        )  # fmt: skip

    async def claim(self, at: float = 10, lease: float = 30) -> tuple[Reply | None, uuid.UUID]:
        attempt = uuid.uuid4()
        return await REPLIES.claim_next(self.pool, attempt, after(at), lease), attempt

    async def state(self, row: OutboxRow) -> OutboxState:
        found = await outbox.row(self.pool, row.id)
        assert found is not None
        return found.state


@pytest.fixture
async def desk(pool: asyncpg.Pool) -> Desk:
    house = await House.built(pool)
    house.addressed("a", "a2")
    done = await house.record(said("a", "bad"))
    return Desk(house, done.opened[0], await pool.fetchval("SELECT id FROM mentions"))


async def test_it_waits_so_that_it_can_be_taken_back(desk: Desk) -> None:
    row = await desk.queue()
    assert row.state is OutboxState.QUEUED
    assert row.not_before == after(5)
    assert (await desk.claim(at=4))[0] is None
    assert await outbox.withdraw(desk.pool, row.id, desk.house.person_id, after(4)) == "We are on it"
    assert (await desk.claim(at=99))[0] is None
    assert await desk.state(row) is OutboxState.WITHDRAWN


async def test_the_way_of_a_reply(desk: Desk) -> None:
    row = await desk.queue(close_after=True)
    reply, attempt = await desk.claim()
    assert reply is not None
    assert (reply.text, reply.parent.external_id, reply.parent_content_id) == ("We are on it", "a", "cid-a-3a")
    assert reply.frozen is None
    with pytest.raises(Refused, match="too late"):
        await outbox.withdraw(desk.pool, row.id, desk.house.person_id, after(11))
    assert await freeze(desk.pool, row.id, attempt, {"rkey": "k"}, "at://us/k", after(11))
    assert await REPLIES.settle(desk.pool, row.id, attempt, "accepted", after(12), receipt={"cid": "x"})
    assert (await desk.conversation())["state"] == "done"
    version = (await desk.conversation())["thread_version"]
    done = await desk.house.record(
        said("at://us/k", "We are on it", by="us", parent="a", root="a", at=after(12)), now=after(13)
    )
    assert await desk.state(row) is OutboxState.SEEN
    c = await desk.conversation()
    assert (c["state"], c["thread_version"]) == ("done", version)
    assert done.opened == ()
    assert await desk.pool.fetchval("SELECT mention_id FROM replies") is not None


async def test_the_stream_may_be_faster_than_the_answer(desk: Desk) -> None:
    row = await desk.queue()
    _, attempt = await desk.claim()
    await freeze(desk.pool, row.id, attempt, {"rkey": "k"}, "at://us/k", after(11))
    await desk.house.record(said("at://us/k", by="us", parent="a", root="a", at=after(12)), now=after(12))
    assert await desk.state(row) is OutboxState.SEEN
    assert (await desk.conversation())["state"] == "theirs"
    version = (await desk.conversation())["thread_version"]
    assert not await REPLIES.settle(desk.pool, row.id, attempt, "accepted", after(13))
    assert await desk.state(row) is OutboxState.SEEN
    assert (await desk.conversation())["thread_version"] == version


async def test_a_look_may_be_faster_than_the_stream_and_the_reply_still_finds_its_message(desk: Desk) -> None:
    row = await desk.queue()
    _, attempt = await desk.claim()
    await REPLIES.settle(desk.pool, row.id, attempt, "accepted", after(11), external_id="chat/7")
    await REPLIES.settle(desk.pool, row.id, None, "seen", after(12), external_id="chat/7")
    await desk.house.record(said("chat/7", by="us", parent="a", root="a", at=after(11)), now=after(13))
    assert (
        await desk.pool.fetchval("SELECT m.external_id FROM replies r JOIN mentions m ON m.id = r.mention_id")
        == "chat/7"
    )


async def test_the_same_id_elsewhere_is_another_message(desk: Desk) -> None:
    """Ids of two wired networks, or of two bots' private chats, may be equal."""
    row = await desk.queue()
    _, attempt = await desk.claim()
    await REPLIES.settle(desk.pool, row.id, attempt, "accepted", after(11), external_id="7")
    await desk.pool.execute(
        "INSERT INTO accounts (brand_id, source, space, external_id, handle) VALUES ($1, 'webhook', 'elsewhere', 'us', 'us')",
        desk.house.brand_id,
    )
    other = said("7", by="us", at=after(12))
    other = replace(other, key=Key("elsewhere", "7"), author=replace(other.author, space="elsewhere"))
    await desk.house.record(other, now=after(12))
    assert await desk.state(row) is OutboxState.ACCEPTED


async def test_only_one_of_many_senders_gets_it(desk: Desk) -> None:
    await desk.queue()
    got = await asyncio.gather(*(desk.claim() for _ in range(8)))
    assert sum(reply is not None for reply, _ in got) == 1


async def test_order_is_kept_in_a_conversation(desk: Desk) -> None:
    first = await desk.queue("one", hold_seconds=20)
    await desk.queue("two", hold_seconds=0)
    assert (await desk.claim(at=1))[0] is None
    reply, attempt = await desk.claim(at=21)
    assert reply is not None
    assert reply.text == "one"
    assert (await desk.claim(at=22))[0] is None
    await REPLIES.settle(desk.pool, first.id, attempt, "accepted", after(22), external_id="at://us/1")
    reply, _ = await desk.claim(at=23)
    assert reply is not None
    assert reply.text == "two"  # one's own earlier answer does not fence the next one off


async def test_any_change_to_the_thread_stops_it_and_asks(desk: Desk) -> None:
    row = await desk.queue()
    await desk.house.record(said("a2", "bad!", parent="a", root="a", at=after(2)), now=after(2))
    assert (await desk.claim())[0] is None
    assert await desk.state(row) is OutboxState.STOPPED
    with pytest.raises(Refused, match="changed"):
        await outbox.retry(desk.pool, row.id, desk.house.person_id, after(11), fence=1)
    await outbox.retry(desk.pool, row.id, desk.house.person_id, after(11), fence=2)
    assert (await desk.claim(at=12))[0] is not None


async def test_no_answer_to_what_is_gone_or_was_not_read(desk: Desk) -> None:
    with pytest.raises(Refused, match="changed"):
        await desk.queue(fence=7)
    with pytest.raises(Refused, match="empty"):
        await desk.queue("  \n ")
    await desk.house.record(Deleted(Key(SPACE, "a"), "3b"))
    with pytest.raises(Refused, match="deleted"):
        await desk.queue()


async def test_two_people_do_not_answer_the_same(desk: Desk) -> None:
    await desk.queue()
    with pytest.raises(Refused, match="Ada is already answering"):
        await desk.queue(person=desk.house.colleague_id)


async def test_a_dead_sender_is_looked_up_never_sent_again(desk: Desk) -> None:
    row = await desk.queue()
    _, attempt = await desk.claim(lease=30)
    await freeze(desk.pool, row.id, attempt, {"rkey": "k"}, "at://us/k", after(11))
    assert await REPLIES.expired(desk.pool, after(20)) == 0
    assert await REPLIES.expired(desk.pool, after(60)) == 1
    assert await desk.state(row) is OutboxState.UNKNOWN
    assert (await desk.claim(at=61))[0] is None
    found = await REPLIES.unsettled(desk.pool, after(61))
    assert [(state, reply.frozen) for state, reply in found] == [(OutboxState.UNKNOWN, {"rkey": "k"})]
    other = uuid.uuid4()
    assert await REPLIES.again(desk.pool, row.id, other, after(62), 30) is not None
    assert not await REPLIES.settle(desk.pool, row.id, attempt, "failed", after(63))  # the dead one wakes up: too late
    assert await REPLIES.settle(desk.pool, row.id, other, "accepted", after(63))
    assert await desk.state(row) is OutboxState.ACCEPTED


async def test_what_was_never_frozen_cannot_have_left(desk: Desk) -> None:
    row = await desk.queue()
    _, attempt = await desk.claim(lease=30)
    assert await REPLIES.expired(desk.pool, after(60)) == 1
    assert await desk.state(row) is OutboxState.QUEUED
    again, _ = await desk.claim(at=61)
    assert again is not None
    assert not await freeze(desk.pool, row.id, attempt, {"rkey": "old"}, "at://us/old", after(62))


async def test_what_was_frozen_is_frozen(desk: Desk) -> None:
    row = await desk.queue()
    _, attempt = await desk.claim()
    assert await freeze(desk.pool, row.id, attempt, {"rkey": "k"}, "at://us/k", after(11))
    assert not await freeze(desk.pool, row.id, attempt, {"rkey": "other"}, "at://us/other", after(11))
    assert await REPLIES.settle(desk.pool, row.id, attempt, "queued", after(12), not_before=after(20))
    assert (await desk.claim(at=19))[0] is None
    reply, _ = await desk.claim(at=21)
    assert reply is not None
    assert reply.frozen == {"rkey": "k"}


async def test_a_person_settles_the_unknown(desk: Desk) -> None:
    row = await desk.queue()
    _, attempt = await desk.claim()
    await freeze(desk.pool, row.id, attempt, {"rkey": "k"}, "at://us/k", after(11))
    await REPLIES.settle(desk.pool, row.id, attempt, "unknown", after(12), problem="no answer", code="timeout")
    await outbox.resolve_unknown(desk.pool, row.id, desk.house.person_id, "not_sent", after(13))
    assert await desk.state(row) is OutboxState.FAILED
    await outbox.retry(desk.pool, row.id, desk.house.person_id, after(14), fence=1)
    # And if it turns up on the network after all, that is the truth, and nothing is sent a second time.
    await desk.house.record(said("at://us/k", by="us", parent="a", root="a", at=after(15)), now=after(15))
    assert await desk.state(row) is OutboxState.SEEN
    assert (await desk.claim(at=99))[0] is None


async def test_a_stopped_account_sends_nothing(desk: Desk) -> None:
    await desk.queue()
    assert await REPLIES.next_due_at(desk.pool) == after(5)
    await desk.pool.execute("UPDATE accounts SET state = 'stopped', problem = 'AccountTakedown'")
    assert (await desk.claim())[0] is None
    assert await REPLIES.next_due_at(desk.pool) is None
    with pytest.raises(Refused, match="AccountTakedown"):
        await desk.queue("another")


async def test_a_viewer_sends_and_withdraws_nothing(desk: Desk) -> None:
    row = await desk.queue()
    await desk.pool.execute("UPDATE memberships SET role = 'viewer' WHERE person_id = $1", desk.house.colleague_id)
    with pytest.raises(Refused, match="viewer"):
        await desk.queue(person=desk.house.colleague_id)
    with pytest.raises(Refused, match="viewer"):
        await outbox.withdraw(desk.pool, row.id, desk.house.colleague_id, NOW)
    assert await desk.state(row) is OutboxState.QUEUED


async def test_answering_while_the_thread_moves_never_ends_in_a_deadlock(desk: Desk) -> None:
    """Edits of the very message that is answered, and answers to it, at full speed: each is done, or refused in words."""
    refused = 0

    async def answers() -> None:
        nonlocal refused
        for i in range(60):
            try:
                row = await desk.queue(f"answer {i}")
                await outbox.withdraw(desk.pool, row.id, desk.house.person_id, NOW)
            except Refused:
                refused += 1

    async def edits() -> None:
        for i in range(60):
            await desk.house.record(said("a", f"bad {i}", revision=f"3b{i:03d}"))

    await asyncio.gather(answers(), edits())
    assert await desk.pool.fetchval("SELECT count(*) FROM mention_versions") == 61
    assert await desk.pool.fetchval("SELECT count(*) FROM outbox WHERE state = 'withdrawn'") == 60 - refused


async def test_a_batch_that_merges_threads_waits_for_a_reply_that_is_settled_and_holds_no_conversation_meanwhile(
    desk: Desk,
) -> None:
    """Whoever settles has the reply's row and asks for its conversation next: a batch that had that already would close the ring."""
    desk.house.addressed("c")
    desk.house.topic("b")
    [apart] = (await desk.house.record(said("c", parent="b"))).opened
    desk.conversation_id, first = apart, desk.conversation_id
    desk.parent_id = await desk.pool.fetchval("SELECT id FROM mentions WHERE external_id = 'c'")
    row = await desk.queue()
    _, attempt = await desk.claim()
    waits = "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    async with desk.pool.acquire() as settling, settling.transaction():
        await locked(settling, row.id)
        batch = asyncio.ensure_future(desk.house.record(said("b", by="noor", parent="a")))
        async with asyncio.timeout(5):
            while not await desk.pool.fetchval(waits):
                await asyncio.sleep(0.01)
        for conversation_id in (apart, first):
            await settling.execute("SELECT FROM conversations WHERE id = $1 FOR UPDATE NOWAIT", conversation_id)
    await batch
    assert await desk.pool.fetchval("SELECT merged_into FROM conversations WHERE id = $1", apart) == first
    assert await REPLIES.settle(desk.pool, row.id, attempt, "accepted", after(12), external_id="at://us/1")
    assert (await desk.pool.fetchrow("SELECT conversation_id FROM outbox WHERE id = $1", row.id))[0] == first
