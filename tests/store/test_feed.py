"""The change feed: nothing skipped whatever the order of commits, nothing told twice, silent when nothing happens."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from listener.errors import FixMe, NotReachable, TryAgain
from listener.store import acts, claims, feed, marks, rulebooks
from listener.store.connect import connect
from listener.store.conversations import Event, tell
from listener.store.embedded import embedded
from listener.store.feed import Feed
from listener.store.migrate import migrate
from listener.store.views.changed import Changed
from listener.workflow.acts import Close
from tests.store.world import NOW, world

SOON = 10.0


class Reader:
    """Follows a feed and keeps what it heard, each conversation as often as it was told."""

    def __init__(self, dsn: str, brand_id: int | None, since: str | None = None) -> None:
        self.told: list[bool] = []
        self.heard: list[Changed] = []
        self.conversations: list[int] = []
        self.news = asyncio.Event()
        self._feed = Feed(dsn, application_name="a reader", told=self._told)
        self._changes = self._feed.changes(brand_id, since=since)

    def _told(self, connected: bool) -> None:
        self.told.append(connected)
        self.news.set()

    async def run(self) -> None:
        async for changed in self._changes:
            self.heard.append(changed)
            self.conversations += sorted(changed.conversations)
            self.news.set()

    async def until(self, is_so: object) -> None:
        assert callable(is_so)
        async with asyncio.timeout(SOON):
            while not is_so():
                self.news.clear()
                await self.news.wait()


@contextlib.asynccontextmanager
async def reading(dsn: str, brand_id: int | None, since: str | None = None) -> AsyncIterator[Reader]:
    reader = Reader(dsn, brand_id, since)
    task = asyncio.create_task(reader.run())
    try:
        await reader.until(lambda: reader.told[-1:] == [True] or task.done())
        yield reader
    finally:
        if task.done():
            await task
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def say(connection: asyncpg.Connection, brand_id: int, conversation_id: int) -> None:
    await tell(connection, [Event(brand_id, "conversation.heard", conversation_id)], NOW)


async def test_what_happens_is_told_as_ids(dsn: str, pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one = await w.conversation()
    async with reading(dsn, w.brand_id) as reader:
        await acts.do(pool, w.mia.id, [one], Close(), NOW)
        await reader.until(lambda: reader.heard)
        assert reader.heard == [Changed(frozenset({one}), frozenset(), frozenset(), rulebook=False, lost=False)]
        await claims.claim(pool, one, w.mia.id, "t1", NOW)
        await reader.until(lambda: reader.conversations == [one, one])
        async with pool.acquire() as connection:
            await tell(
                connection, [Event(w.brand_id, "mentions.heard", after={"topics": {"acme": 3, "rival": 1}})], NOW
            )
            await reader.until(lambda: len(reader.heard) == 3)
            assert reader.heard[-1].topics == {"acme", "rival"}
            await tell(connection, [Event(w.brand_id, "reply.queued", one, outbox_id=9)], NOW)
            await reader.until(lambda: len(reader.heard) == 4)
            assert (reader.heard[-1].outbox, reader.heard[-1].conversations) == ({9}, {one})
        await rulebooks.publish(pool, "aaa", {}, "", NOW)
        await reader.until(lambda: len(reader.heard) == 5)
        assert reader.heard[-1] == Changed(frozenset(), frozenset(), frozenset(), rulebook=True, lost=False)
        mention = await w.mention(tone="negative")
        await marks.mark(pool, w.mia.id, mention, w.brand_id, "outage", "right", "", NOW)
        await reader.until(lambda: len(reader.heard) == 6)
        assert reader.heard[-1].marks == {mention}


async def test_another_brands_changes_are_not_told(dsn: str, pool: asyncpg.Pool) -> None:
    w, other = await world(pool), await world(pool, "other")
    async with reading(dsn, w.brand_id) as reader, reading(dsn, None) as all_of_it:
        async with pool.acquire() as connection:
            await say(connection, other.brand_id, 1)
            await say(connection, w.brand_id, 2)
        await reader.until(lambda: reader.conversations == [2])
        await all_of_it.until(lambda: sorted(all_of_it.conversations) == [1, 2])


async def test_who_starts_earlier_and_commits_later_is_not_skipped(dsn: str, pool: asyncpg.Pool) -> None:
    w = await world(pool)
    async with reading(dsn, w.brand_id) as reader, pool.acquire() as early, pool.acquire() as late:
        slow = early.transaction()
        await slow.start()
        await say(early, w.brand_id, 1)
        await say(late, w.brand_id, 2)
        # Told at once, although an older transaction is still open; then that one, once, and the other not again.
        await reader.until(lambda: reader.conversations == [2])
        await say(late, w.brand_id, 3)
        await reader.until(lambda: reader.conversations == [2, 3])
        await slow.commit()
        await reader.until(lambda: reader.conversations == [2, 3, 1])
        await say(late, w.brand_id, 4)
        await reader.until(lambda: reader.conversations == [2, 3, 1, 4])


async def test_an_id_taken_early_and_committed_late_by_the_same_transaction_order(dsn: str, pool: asyncpg.Pool) -> None:
    """Two transactions whose event ids are in one order and whose transaction ids are in the other."""
    w = await world(pool)
    async with reading(dsn, w.brand_id) as reader, pool.acquire() as first, pool.acquire() as second:
        a, b = first.transaction(), second.transaction()
        await a.start()
        await first.execute("SELECT pg_current_xact_id()")
        await b.start()
        await say(second, w.brand_id, 20)
        await say(first, w.brand_id, 10)
        await a.commit()
        await reader.until(lambda: reader.conversations == [10])
        await b.commit()
        await reader.until(lambda: reader.conversations == [10, 20])


async def test_many_writers_at_once_are_all_told_exactly_once(dsn: str, pool: asyncpg.Pool) -> None:
    seed = random.randrange(10**9)
    print("seed", seed)
    dice = random.Random(seed)
    w = await world(pool)
    expected = list(range(1, 301))

    async def writer(ids: list[int]) -> None:
        for id_ in ids:
            async with pool.acquire() as connection:
                transaction = connection.transaction()
                await transaction.start()
                await say(connection, w.brand_id, id_)
                await asyncio.sleep(dice.random() * 0.004)
                if dice.random() < 0.2:
                    await transaction.rollback()
                    expected.remove(id_)
                else:
                    await transaction.commit()

    async with reading(dsn, w.brand_id) as reader:
        await asyncio.gather(*(writer(list(range(i + 1, 301, 6))) for i in range(6)))
        await reader.until(lambda: len(reader.conversations) >= len(expected))
        assert sorted(reader.conversations) == expected
        assert len(reader.heard) <= len(expected)


async def test_a_reader_may_start_from_where_it_read_its_screen(dsn: str, pool: asyncpg.Pool) -> None:
    w = await world(pool)
    async with pool.acquire() as connection, pool.acquire() as open_one:
        await say(connection, w.brand_id, 1)
        still_open = open_one.transaction()
        await still_open.start()
        await say(open_one, w.brand_id, 2)
        place = await feed.position(pool)
        await say(connection, w.brand_id, 3)
        await still_open.commit()
        async with reading(dsn, w.brand_id, place) as reader:
            await reader.until(lambda: reader.heard)
            assert reader.conversations == [2, 3]


async def test_who_missed_very_much_is_told_to_read_everything(dsn: str, pool: asyncpg.Pool) -> None:
    w = await world(pool)
    place = await feed.position(pool)
    async with pool.acquire() as connection:
        await tell(connection, [Event(w.brand_id, "conversation.heard", i) for i in range(feed.MOST)], NOW)
        here, changed = await feed.since(connection, place, w.brand_id)
        assert (len(changed.conversations), changed.lost) == (feed.MOST, False)
        await say(connection, w.brand_id, 1)
        assert (await feed.since(connection, place, w.brand_id))[1] == feed.EVERYTHING
        here, changed = await feed.since(connection, here, w.brand_id)
        assert changed.conversations == {1}
        assert (await feed.since(connection, here, w.brand_id))[1] == feed.NOTHING


async def test_a_place_from_before_a_restore_is_everything(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    async with pool.acquire() as connection:
        life = (await feed.position(pool)).partition("/")[0]
        restored = f"{life}/900000000000:900000000005:900000000002"
        here, changed = await feed.since(connection, restored, w.brand_id)
        assert changed == feed.EVERYTHING
        assert (await feed.since(connection, here, w.brand_id))[1] == feed.NOTHING


async def test_it_reads_by_the_index_from_the_oldest_open_transaction(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    await pool.execute(
        "INSERT INTO events (xid, brand_id, kind, conversation_id) "
        "SELECT (i / 10 + 3)::text::xid8, $1, 'conversation.heard', i FROM generate_series(1, 50000) AS i",
        w.brand_id,
    )
    # (Transaction ids of a young cluster may be smaller than those made up here: the place is where they end.)
    await pool.execute("ANALYZE events")
    rows = await pool.fetch(
        "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT TEXT) " + feed._SINCE.replace("$1", "'x/5002:5002:'")
        .replace("$2::int", f"{w.brand_id}::int").replace("brand_id = $2", f"brand_id = {w.brand_id}").replace("$3", "5001")
    )  # fmt: skip
    plan = "\n".join(row[0] for row in rows)
    assert "events_feed" in plan, plan
    assert "Seq Scan on events" not in plan, plan


async def test_nothing_runs_while_nothing_happens(dsn: str, pool: asyncpg.Pool) -> None:
    """No statement reaches the server from an idle feed: its last one stays the same for a while."""
    w = await world(pool)
    async with reading(dsn, w.brand_id) as reader:
        async with pool.acquire() as connection:
            await say(connection, w.brand_id, 1)
        await reader.until(lambda: reader.heard)
        last = "SELECT query_start FROM pg_stat_activity WHERE application_name = 'a reader' AND state = 'idle' AND datname = current_database()"
        before = await pool.fetchval(last)
        assert before is not None
        await asyncio.sleep(0.5)
        assert await pool.fetchval(last) == before


async def test_after_a_lost_connection_it_comes_back_and_says_that_it_was_lost(dsn: str, pool: asyncpg.Pool) -> None:
    w = await world(pool)
    async with reading(dsn, w.brand_id) as reader:
        await pool.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'a reader' "
            "AND datname = current_database()"
        )
        await reader.until(lambda: reader.heard)
        assert reader.told == [True, False, True]
        assert reader.heard == [feed.EVERYTHING]
        async with pool.acquire() as connection:
            await say(connection, w.brand_id, 8)
        await reader.until(lambda: len(reader.heard) == 2)
        assert reader.conversations == [8]
        assert not reader.heard[-1].lost


async def test_it_survives_a_crash_of_the_server(data_folder: Path, server_version: int) -> None:
    """Also the transaction ids that the crashed server gave to transactions which wrote nothing: they are given again."""
    settings = {"fsync": "off", "shared_buffers": "16MB"}
    async with embedded(data_folder, version=server_version, settings=settings) as server:
        owner = await connect(server.dsn(), application_name="owner")
        await migrate(owner)
        brand_id = await owner.fetchval("INSERT INTO brands (key, name) VALUES ('acme', 'Acme') RETURNING id")
        async with reading(server.dsn(), brand_id) as reader:
            await say(owner, brand_id, 1)
            await reader.until(lambda: reader.conversations == [1])
            place = await owner.fetchval(feed._HERE)
            for _ in range(20):
                await owner.execute("SELECT pg_current_xact_id()")
            far = await owner.fetchval(feed._HERE)
            pid = server.postmaster()
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            await reader.until(lambda: reader.told[-1] is False)
            owner.terminate()
            await server.ensure_running()
            owner = await connect(server.dsn(), application_name="owner")
            await reader.until(lambda: reader.heard[-1].lost)
            for id_ in range(2, 40):
                await say(owner, brand_id, id_)
                await reader.until(lambda id_=id_: id_ in reader.conversations)
            assert [changed.lost for changed in reader.heard].count(True) == 1
            for old in (place, far):
                assert (await feed.since(owner, old, brand_id))[1] == feed.EVERYTHING
            await owner.close()


async def test_the_first_connection_fails_loudly(tmp_path: Path) -> None:
    with pytest.raises((NotReachable, TryAgain, FixMe)):
        async for _ in Feed(f"postgresql://nobody@/none?host={tmp_path}").changes(1):
            pass
