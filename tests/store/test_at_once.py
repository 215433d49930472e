"""Two at once, each pair held so that the one must meet the other: nothing is told wrongly, answered twice or left undone."""

from __future__ import annotations

import asyncio
import uuid

import asyncpg
import pytest

from listener.errors import Refused
from listener.model.leaving import OutboxState
from listener.store import acts, claims, outbox
from listener.store.reply_lane import REPLIES
from listener.store.views.thread import OutboxRow
from tests.store.world import NOW, World, later, world


async def test_who_takes_over_what_somebody_takes_at_that_moment_is_told_to_have_it_from_them(
    pool: asyncpg.Pool,
) -> None:
    w = await world(pool)
    one = await w.conversation()
    async with pool.acquire() as other, other.transaction():
        await other.execute("INSERT INTO claims VALUES ($1, $2, 'of mia', $3)", one, w.mia.id, later(minutes=1))
        over = asyncio.create_task(claims.claim(pool, one, w.tom.id, "of tom", NOW, take_over=True))
        left = asyncio.create_task(claims.claim(pool, one, w.tom.id, "another of tom", NOW))
        await asyncio.sleep(0.2)
    assert await over is None
    holder = await left
    assert holder is not None, "who does not take over leaves it to whoever has it"
    told = [(event["before"], event["after"]) for event in await w.events(one) if event["kind"] == "claim.taken"]
    assert told == [({"person": w.mia.id}, {"person": w.tom.id})]


async def _queued(w: World, conversation_id: int, person_id: int, body: str) -> OutboxRow:
    parent = await w.pool.fetchval(
        "SELECT mention_id FROM conversation_mentions WHERE conversation_id = $1", conversation_id
    )
    return await outbox.queue_reply(
        w.pool, person_id, conversation_id, w.account.id, parent, body, visibility="public", lang="en", fence=1,
        hold_seconds=0, close_after=False, now=NOW,
    )  # fmt: skip


async def test_what_was_stopped_is_not_sent_again_while_a_colleague_answers(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    await pool.execute("UPDATE accounts SET state = 'ready'")
    one = await w.conversation()
    first = await _queued(w, one, w.mia.id, "On our way")
    attempt = uuid.uuid4()
    assert await REPLIES.claim_next(pool, attempt, NOW, 30) is not None
    assert await REPLIES.settle(pool, first.id, attempt, "failed", NOW, problem="no")
    second = await _queued(w, one, w.tom.id, "We look into it")
    with pytest.raises(Refused, match="Tom is already answering"):
        await outbox.retry(pool, first.id, w.mia.id, NOW, fence=1)
    await outbox.withdraw(pool, second.id, w.tom.id, NOW)
    await outbox.retry(pool, first.id, w.mia.id, NOW, fence=1)
    row = await outbox.row(pool, first.id)
    assert row is not None
    assert row.state is OutboxState.QUEUED


_WAITS = "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


@pytest.mark.newest
async def test_an_act_that_the_database_undoes_to_break_a_ring_is_done_again(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one = await w.conversation()
    author = await pool.fetchval("SELECT author_id FROM conversations WHERE id = $1", one)
    async with pool.acquire() as heard, heard.transaction():
        await heard.execute("SELECT FROM conversations WHERE id = $1 FOR NO KEY UPDATE", one)
        mute = asyncio.create_task(acts.mute(pool, w.mia.id, w.brand_id, [author], NOW))
        while not await pool.fetchval(_WAITS):
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.3)
        # The ring is closed. Whoever has waited for a second looks first, and is undone: the mute.
        await heard.execute("SELECT FROM authors WHERE id = $1 FOR KEY SHARE", author)
    done = await mute
    assert (done.authors, done.changed) == ((author,), (one,))
    assert await pool.fetchval("SELECT count(*) FROM events WHERE kind = 'act.mute' AND conversation_id = $1", one) == 1


async def test_a_mute_goes_through_when_a_colleague_closes_the_same_at_that_moment(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one = await w.conversation()
    author = await pool.fetchval("SELECT author_id FROM conversations WHERE id = $1", one)
    async with pool.acquire() as other, other.transaction():
        await other.execute("UPDATE conversations SET state = 'done' WHERE id = $1", one)
        mute = asyncio.create_task(acts.mute(pool, w.mia.id, w.brand_id, [author], NOW))
        await asyncio.sleep(0.2)
    done = await mute
    assert (done.authors, done.changed) == ((author,), ())
