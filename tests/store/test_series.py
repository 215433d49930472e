"""The counters that alerts are found by: what is heard is counted once, where and when it was said; what is answered wants nothing more."""

from __future__ import annotations

from datetime import datetime, timedelta

import asyncpg
import pytest

from listener.model.heard import Deleted, Key
from listener.store import outbox, series
from listener.store.acts.doing import do
from listener.store.acts.overruling import overrule
from listener.store.acts.undoing import undo
from listener.store.conversations import lock, save
from listener.store.reply_rows import locked, write_down
from listener.workflow import moves
from listener.workflow.acts import Close, Reopen, Tag
from tests.store.builders import NOW, SPACE, House, said

_SUM = """
SELECT topic, source, history, sum(mentions) AS mentions, sum(negative) AS negative, sum(urgent) AS urgent, sum(reach) AS reach
FROM (SELECT topic, source, at, history, mentions, negative, urgent, reach FROM series UNION ALL
      SELECT topic, source, at, history, mentions, negative, urgent, reach FROM series_deltas) AS s
WHERE at = $1 GROUP BY 1, 2, 3
"""
BUCKET = NOW - timedelta(minutes=5)
AT = BUCKET + timedelta(minutes=3)


@pytest.fixture
async def house(pool: asyncpg.Pool) -> House:
    return await House.built(pool)


async def counted(pool: asyncpg.Pool) -> dict[tuple[str, bool], tuple[int, int, int]]:
    """Mentions, negative and urgent ones of the bucket, by topic, and whether it is history."""
    rows = await pool.fetch(_SUM, BUCKET)
    return {(r["topic"], r["history"]): (r["mentions"], r["negative"], r["urgent"]) for r in rows}


async def test_a_message_is_counted_once_for_the_brand_and_for_each_topic_when_it_was_said(house: House) -> None:
    house.addressed("b")
    house.topic("a", "b")
    house.topic("a", topic="outage")
    house.judge.says["b"] = {"need": 0.1}
    await house.record(said("a", "this is bad", at=AT), said("b", at=AT))
    wanted = {("", False): (2, 1, 1), ("brand", False): (2, 1, 1), ("outage", False): (1, 1, 1)}
    assert await counted(house.pool) == wanted
    other = await house.pool.fetchval("INSERT INTO sources (key) VALUES ('bluesky/other') RETURNING id")
    house.source_id, house.cursor = other, None
    await house.record(said("a", "this is bad", at=AT))
    assert await counted(house.pool) == wanted  # heard by a second stream: the same message
    house.topic("b", topic="outage")
    await house.record(said("b", at=AT))
    assert await counted(house.pool) == {**wanted, ("outage", False): (2, 1, 1)}
    await series.fold(house.pool)
    assert await house.pool.fetchval("SELECT count(*) FROM series_deltas") == 0
    assert await counted(house.pool) == {**wanted, ("outage", False): (2, 1, 1)}


async def test_an_edit_corrects_the_time_at_which_the_message_was_said(house: House) -> None:
    house.topic("a")
    await house.record(said("a", "this is bad", at=AT))
    house.judge.says["a"] = {"need": 0.1}
    await house.record(said("a", "this is good", at=AT, revision="3b"), now=NOW + timedelta(hours=2))
    assert await counted(house.pool) == {("", False): (1, 0, 0), ("brand", False): (1, 0, 0)}


async def test_what_a_person_says_of_a_message_counts_and_is_taken_back(house: House) -> None:
    house.topic("a")
    await house.record(said("a", "this is good", at=AT))
    one = await house.pool.fetchval("SELECT id FROM mentions")
    sayings = [("tone", "negative"), ("need", "not_needed"), ("tone", ""), ("need", "")]
    found = []
    for what, value in sayings:
        await overrule(house.pool, house.person_id, house.brand_id, one, what, value, NOW)
        found.append((await counted(house.pool))[("brand", False)])
    assert found == [(1, 1, 1), (1, 1, 0), (1, 0, 0), (1, 0, 1)]


async def test_what_a_model_learned_from_the_team_says_wakes_nobody(house: House) -> None:
    house.topic("a")
    house.judge.says["a"] = {"need": 0.1, "learned": 0.9}
    await house.record(said("a", "this is good", at=AT))
    one = await house.pool.fetchval("SELECT id FROM mentions")
    found = [(await counted(house.pool))[("brand", False)]]
    for value in ("needed", ""):
        await overrule(house.pool, house.person_id, house.brand_id, one, "need", value, NOW)
        found.append((await counted(house.pool))[("brand", False)])
    assert found == [(1, 0, 0), (1, 0, 1), (1, 0, 0)], "only need itself, or a person"


async def test_what_is_brought_afterwards_counts_apart_and_wants_nothing(house: House) -> None:
    house.topic("a")
    await house.record(said("a", "this is bad", at=AT), history=True)
    assert await counted(house.pool) == {("", True): (1, 1, 0), ("brand", True): (1, 1, 0)}


async def test_an_answer_takes_what_wanted_it_away_once(house: House) -> None:
    house.addressed("a", "b")
    await house.record(said("a", at=AT), said("b", by="tom", at=AT))
    assert (await counted(house.pool))[("", False)] == (2, 0, 2)
    for _ in range(2):
        async with house.pool.acquire() as connection, connection.transaction():
            first = await connection.fetchval("SELECT min(id) FROM conversations")
            held = await lock(connection, [first])
            await save(connection, [moves.replied(held[first], NOW, close=False, history=False)], NOW)
        assert (await counted(house.pool))[("", False)] == (2, 0, 1)
    house.topic("a", topic="outage")
    await house.record(said("a", at=AT))
    assert (await counted(house.pool))[("outage", False)] == (1, 0, 0)  # it is answered, by whatever topic it is heard


async def test_an_answer_that_is_gone_brings_back_what_wanted_it_and_so_does_reopening(house: House) -> None:
    pool = house.pool

    async def urgent() -> int:
        return (await counted(pool))[("", False)][2]

    async def gone(name: str, now: datetime = NOW) -> int:
        await house.record(Deleted(Key(SPACE, name)), now=now)
        return await urgent()

    house.addressed("a")
    await house.record(said("a", at=AT))
    await house.record(said("ours", by="us", parent="a", root="a", at=NOW))
    assert await urgent() == 0
    assert await gone("ours") == 1
    assert await pool.fetchval("SELECT state FROM conversations") == "theirs"  # whoever took it away knows
    await do(pool, house.person_id, [1], Tag(("later",)), NOW)
    assert await urgent() == 1, "also when its conversation is touched afterwards"
    assert await gone("ours") == 1
    # What the network took counts before it is heard there; and there is one answer more than was taken away.
    await answered_from_here(house, "a")
    assert await urgent() == 0
    await house.record(said("again", by="us", parent="a", root="a", at=NOW))
    assert await gone("again") == 0
    # Closed and opened again: it is answered, and wants nothing.
    await do(pool, house.person_id, [1], Close(), NOW)
    await do(pool, house.person_id, [1], Reopen(), NOW)
    assert await urgent() == 0
    # Another one nobody answered: closed it wants nothing, opened or taken back it does.
    house.addressed("b")
    await house.record(said("b", by="tom", at=AT))
    for back in (Reopen(), None):
        closed = await do(pool, house.person_id, [2], Close(), NOW)
        assert await urgent() == 0
        await (
            undo(pool, house.person_id, closed.act_id, NOW)
            if back is None
            else do(pool, house.person_id, [2], back, NOW)
        )
        assert await urgent() == 1
    # Who cleans up what was answered long ago changes nothing.
    await house.record(said("late", by="us", parent="b", root="b", at=NOW))
    assert await gone("late", NOW + timedelta(days=2)) == 0


async def answered_from_here(house: House, name: str) -> None:
    """A reply that the network took, and that no stream has brought yet."""
    [row] = await house.pool.fetch(
        "SELECT c.id, c.account_id, c.thread_version, m.id AS parent FROM conversations AS c, mentions AS m WHERE m.external_id = $1",
        name,
    )
    queued = await outbox.queue_reply(
        house.pool, house.person_id, row["id"], row["account_id"], row["parent"], "Sorry!", visibility="public", lang="en",
        fence=row["thread_version"], hold_seconds=0, close_after=False, now=NOW,
    )  # fmt: skip
    async with house.pool.acquire() as connection, connection.transaction():
        await connection.execute("UPDATE outbox SET state = 'sending'")
        await write_down(connection, await locked(connection, queued.id), "accepted", NOW, external_id="from-here")
