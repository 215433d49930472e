"""Counters that many write and one folds, snoozes that end, leavings swept: each once, whoever else is at it."""

from __future__ import annotations

import asyncio
import random

import asyncpg

from listener.model.heard import Deleted, Key
from listener.model.work import State
from listener.store import acts, inbox, upkeep
from listener.store.record.gone import delete
from listener.workflow.acts import Act, Assign, Close, Reopen, Snooze
from tests.store.world import NOW, World, later, world

# The counters and a full count, in one snapshot.
TRUTH = """
SELECT
    (SELECT coalesce(jsonb_object_agg(k, n), '{}') FROM (
        SELECT name || ' ' || key AS k, sum(n) AS n FROM (
            SELECT name, key, n FROM counters WHERE name IN ('folder', 'assigned')
            UNION ALL SELECT name, key, n FROM counter_deltas WHERE name IN ('folder', 'assigned')) AS c
        GROUP BY 1 HAVING sum(n) <> 0) AS counted) AS counted,
    (SELECT coalesce(jsonb_object_agg(k, n), '{}') FROM (
        SELECT 'folder ' || folder AS k, count(*) AS n FROM conversations WHERE merged_into IS NULL GROUP BY 1
        UNION ALL
        SELECT 'assigned ' || assignee_id, count(*) FROM conversations
        WHERE merged_into IS NULL AND folder = 'open' AND assignee_id IS NOT NULL GROUP BY 1) AS there) AS there
"""


async def test_counts_are_exact_at_every_moment(pool: asyncpg.Pool) -> None:
    """Writers in many transactions, some rolled back, two folders and a reader at once: what is counted is what is there."""
    seed = random.randrange(10**9)
    print("seed", seed)
    dice = random.Random(seed)
    w = await world(pool)
    await w.many(200)
    ids = [row["id"] for row in await pool.fetch("SELECT id FROM conversations")]
    over = asyncio.Event()
    looked = 0

    async def writer() -> None:
        for _ in range(40):
            some = dice.sample(ids, dice.randrange(1, 12))
            choices: list[Act] = [
                Close(), Reopen(), Assign(w.mia.id), Assign(w.tom.id), Assign(None), Snooze(later(hours=1)),
            ]  # fmt: skip
            act = dice.choice(choices)
            await acts.do(pool, w.mia.id, some, act, NOW)
            if dice.random() < 0.1:
                # In the order of ids, as everybody else.
                a, b = sorted(dice.sample(ids, 2))
                await pool.execute(
                    "UPDATE conversations SET merged_into = $1 WHERE id = $2 AND merged_into IS NULL", a, b
                )
            if dice.random() < 0.2:
                async with pool.acquire() as connection:
                    transaction = connection.transaction()
                    await transaction.start()
                    await connection.execute("UPDATE conversations SET state = 'done' WHERE id = $1", dice.choice(ids))
                    await transaction.rollback()

    async def folder() -> None:
        while not over.is_set():
            await upkeep.fold(pool)
            await asyncio.sleep(dice.random() * 0.01)

    async def reader() -> None:
        nonlocal looked
        while not over.is_set():
            row = await pool.fetchrow(TRUTH)
            assert row["counted"] == row["there"]
            looked += 1

    async with asyncio.TaskGroup() as group:
        for job in (folder(), folder(), reader()):
            group.create_task(job)
        await asyncio.gather(*(writer() for _ in range(4)))
        over.set()
    assert looked > 10
    while await upkeep.fold(pool):
        pass
    assert await pool.fetchval("SELECT count(*) FROM counter_deltas") == 0
    row = await pool.fetchrow(TRUTH)
    assert row["counted"] == row["there"]
    counts = await inbox.counts(pool, w.brand_id, w.mia.id)
    assert {f"folder {k}": n for k, n in counts.folders.items() if n} == {
        k: n for k, n in row["there"].items() if k.startswith("folder")
    }
    assert counts.mine == row["there"].get(f"assigned {w.mia.id}", 0)


async def test_only_one_folds_and_nobody_waits_for_it(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    await w.conversation()
    async with pool.acquire() as connection, connection.transaction():
        assert await connection.fetchval(upkeep._FOLDER)
        assert await asyncio.wait_for(upkeep.fold(pool), 5) == 0
    assert await upkeep.fold(pool) == 1
    assert await upkeep.fold(pool) == 0


async def test_a_long_backlog_is_folded_in_pieces(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    await pool.execute(
        "INSERT INTO counter_deltas (brand_id, name, key, n) SELECT $1, 'x', (i % 3)::text, 1 FROM generate_series(1, 45000) AS i",
        w.brand_id,
    )
    folded = []
    while n := await upkeep.fold(pool):
        folded.append(n)
    assert folded == [20_000, 20_000, 5_000]
    assert [tuple(r) for r in await pool.fetch("SELECT key, n FROM counters WHERE name = 'x' ORDER BY key")] == [
        ("0", 15_000), ("1", 15_000), ("2", 15_000),
    ]  # fmt: skip


# Snoozes --------------------------------------------------------------------------------------------------------------


async def states(w: World, ids: list[int]) -> list[State]:
    return [row.state for row in sorted(await inbox.rows(w.pool, ids), key=lambda row: ids.index(row.id))]


async def test_a_snooze_ends_when_it_is_due_and_not_before(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    ids = [await w.conversation() for _ in range(3)]
    for hours, id_ in enumerate(ids, start=1):
        await acts.do(pool, w.mia.id, [id_], Snooze(later(hours=hours)), NOW)
    assert await upkeep.next_at(pool) == later(hours=1)
    assert await upkeep.wake(pool, later(hours=0.99)) == 0
    assert await upkeep.wake(pool, later(hours=1)) == 1
    assert await states(w, ids) == [State.OURS, State.SNOOZED, State.SNOOZED]
    assert await upkeep.next_at(pool) == later(hours=2)
    assert await upkeep.wake(pool, later(hours=9)) == 2
    assert await upkeep.next_at(pool) is None
    woke = [e for e in await w.events() if e["kind"] == "wake"]
    assert [e["conversation_id"] for e in woke] == ids
    assert woke[0]["before"]["state"] == "snoozed"
    assert woke[0]["after"] == {"snoozed_until": None, "state": "ours"}
    assert woke[0]["person_id"] is None
    assert (await inbox.counts(pool, w.brand_id, None)).folders["open"] == 3


async def test_two_timekeepers_wake_each_conversation_once(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    ids = [await w.conversation() for _ in range(450)]
    await acts.do(pool, w.mia.id, ids, Snooze(later(hours=1)), NOW)
    woken = await asyncio.gather(*(upkeep.wake(pool, later(hours=2)) for _ in range(4)))
    # One may have left rows to another that had them in hand: what is left is woken by the next look.
    assert sum(woken) + await upkeep.wake(pool, later(hours=2)) == 450
    assert sorted(e["conversation_id"] for e in await w.events() if e["kind"] == "wake") == ids


async def test_a_time_without_a_reason_is_looked_at_once(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one = await w.conversation()
    await pool.execute("UPDATE conversations SET next_at = $1", NOW)
    assert await asyncio.wait_for(upkeep.wake(pool, later(hours=1)), 10) == 0
    assert await upkeep.next_at(pool) is None
    assert await states(w, [one]) == [State.NEW]
    assert await w.events() == []


async def test_the_sweep_takes_what_is_old_and_nothing_else(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    await pool.execute(
        "INSERT INTO tombstones SELECT 'at', i::text, '', $1::timestamptz - i * interval '1 day' FROM generate_series(0, 60) AS i",
        NOW,
    )
    await pool.execute(
        "INSERT INTO rejects (source_id, digest, reason, detail, raw, first_at, last_at) "
        "SELECT $1, i::text::bytea, 'bad_id', '', '', $2, $2::timestamptz - i * interval '1 day' FROM generate_series(0, 100) AS i",
        w.source_id, NOW,
    )  # fmt: skip
    assert await upkeep.prune(pool, NOW) == upkeep.Swept(30, 10, 0, 0)
    assert await upkeep.prune(pool, NOW) == upkeep.Swept(0, 0, 0, 0)
    assert await pool.fetchval("SELECT min(at) FROM tombstones") == later(days=-30)


async def test_what_is_known_of_hiding_goes_with_the_message_and_what_nobody_brought_after_a_while(
    pool: asyncpg.Pool,
) -> None:
    w = await world(pool)
    one = await w.conversation()
    key = await pool.fetchrow(
        "SELECT k.space, k.external_id FROM mention_keys AS k JOIN conversation_mentions AS j USING (mention_id) WHERE j.conversation_id = $1",
        one,
    )
    rows = [(*key, True, later(days=-200)), ("x", "old", True, later(days=-91)), ("x", "new", True, later(days=-89))]
    await pool.executemany("INSERT INTO hidden_messages VALUES ($1, $2, $3, $4)", rows)
    left = "SELECT external_id FROM hidden_messages ORDER BY at"
    assert (await upkeep.prune(pool, NOW)).hidden == 1
    assert [row["external_id"] for row in await pool.fetch(left)] == [key["external_id"], "new"]
    async with pool.acquire() as connection, connection.transaction():
        await delete(connection, [Deleted(Key(*key))], NOW)
    assert [row["external_id"] for row in await pool.fetch(left)] == ["new"]
