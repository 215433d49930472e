"""Who is there: seen by others at once, gone when its terminal dies, told without a row for every key."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from listener.store import claims, presence, upkeep
from listener.store.feed import Feed
from listener.store.views.changed import Changed
from tests.store.world import NOW, World, later, world

TERMINAL = """
import asyncio, sys
from datetime import UTC, datetime
from listener.store import claims, presence
from listener.store.connect import connect_pool

async def main(dsn, brand, person, conversation):
    pool = await connect_pool(dsn, application_name="terminal", max_size=1)
    now = datetime.now(UTC)
    assert await claims.claim(pool, conversation, person, "doomed", now, 1.0) is None
    await presence.attend(pool, "doomed", brand, person, conversation, True, now, 1.0)
    print("there", flush=True)
    await asyncio.sleep(60)

asyncio.run(main(sys.argv[1], *map(int, sys.argv[2:])))
"""


async def seen(w: World, at: float = 0) -> list[tuple[int | None, str, bool]]:
    found = await presence.present(w.pool, w.brand_id, later(seconds=at))
    return [(one.conversation_id, one.person, one.typing) for one in found]


class Listening:
    """What a screen hears, counted."""

    def __init__(self, dsn: str, brand_id: int | None) -> None:
        self.heard: list[Changed] = []
        self._ready = asyncio.Event()
        self._feed = Feed(dsn, told=lambda _: self._ready.set())
        self._brand_id = brand_id
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Listening:
        self._task = asyncio.create_task(self._listen())
        await asyncio.wait_for(self._ready.wait(), 10)
        return self

    async def _listen(self) -> None:
        async for changed in self._feed.changes(self._brand_id):
            self.heard.append(changed)

    async def __aexit__(self, *_: Any) -> None:
        assert self._task is not None
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def hears(self, n: int) -> None:
        for _ in range(1000):
            if len(self.heard) >= n:
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"heard {len(self.heard)} of {n}")


async def test_who_looks_and_who_types_is_seen_and_rings_only_when_it_is_something_else(
    pool: asyncpg.Pool, dsn: str
) -> None:
    w, other = await world(pool), await world(pool, "other")
    one, two = await w.conversation(), await w.conversation()
    async with (
        Listening(dsn, w.brand_id) as mine,
        Listening(dsn, other.brand_id) as theirs,
        Listening(dsn, None) as all_,
    ):
        await presence.attend(pool, "t1", w.brand_id, w.mia.id, one, False, NOW)
        await mine.hears(1)
        for second in range(5):
            await presence.attend(pool, "t1", w.brand_id, w.mia.id, one, False, later(seconds=second))
        await presence.attend(pool, "t2", w.brand_id, w.tom.id, None, False, NOW)
        await mine.hears(2)
        await presence.attend(pool, "t1", w.brand_id, w.mia.id, two, True, later(seconds=6))
        await mine.hears(3)
        assert await seen(w, 7) == [(two, "Mia", True), (None, "Tom", False)]
        await presence.leave(pool, "t2")
        await mine.hears(4)
        assert await seen(w, 7) == [(two, "Mia", True)]
        assert (
            mine.heard
            == [Changed(frozenset(), frozenset(), frozenset(), rulebook=False, lost=False, presence=True)] * 4
        )
        assert (theirs.heard, all_.heard) == ([], []), "another brand and the service are left alone"
    assert await w.events() == [], "looking is no deed"


async def test_whoever_may_only_look_and_strangers_are_not_shown(pool: asyncpg.Pool) -> None:
    w, other = await world(pool), await world(pool, "other")
    one = await w.conversation()
    await presence.attend(pool, "t1", w.brand_id, w.vera.id, one, False, NOW)
    await presence.attend(pool, "t2", w.brand_id, other.mia.id, one, False, NOW)
    assert await seen(w) == []
    await presence.attend(pool, "t3", other.brand_id, other.mia.id, one, False, NOW)
    assert await seen(other) == [(None, "Mia", False)], "there, but not at another brand's conversation"


async def test_a_lease_that_is_not_renewed_ends_and_the_timekeeper_says_so(pool: asyncpg.Pool, dsn: str) -> None:
    w = await world(pool)
    one = await w.conversation()
    await presence.attend(pool, "t1", w.brand_id, w.mia.id, one, False, NOW)
    await presence.attend(pool, "t1", w.brand_id, w.mia.id, one, False, later(seconds=20))
    assert await seen(w, 80) == [(one, "Mia", False)]
    assert await seen(w, 80.001) == [], "also where nobody keeps the time"
    assert await upkeep.next_at(pool) == later(seconds=80)
    async with Listening(dsn, w.brand_id) as mine:
        await upkeep.wake(pool, later(seconds=80))
        await upkeep.wake(pool, later(seconds=80.1))
        await mine.hears(1)
        assert mine.heard[0].presence
    assert await pool.fetchval("SELECT count(*) FROM presences") == 0
    await presence.attend(pool, "t1", w.brand_id, w.mia.id, one, False, later(seconds=90))
    assert await seen(w, 91) == [(one, "Mia", False)], "a terminal that slept comes back by its next heartbeat"


@pytest.mark.newest
async def test_a_terminal_that_is_killed_is_gone_when_its_lease_ends(pool: asyncpg.Pool, dsn: str) -> None:
    w = await world(pool)
    one = await w.conversation()
    arguments = [sys.executable, "-c", TERMINAL, dsn, str(w.brand_id), str(w.mia.id), str(one)]
    process = await asyncio.create_subprocess_exec(*arguments, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    assert (await asyncio.wait_for(process.stdout.readline(), 20)).strip() == b"there"
    async with Listening(dsn, w.brand_id) as mine:
        died = datetime.now(UTC)
        os.kill(process.pid, signal.SIGKILL)
        await process.wait()
        [row] = await pool.fetch("SELECT person_id, typing FROM presences")
        assert tuple(row) == (w.mia.id, True)
        while await pool.fetchval("SELECT count(*) FROM presences") or await pool.fetchval(
            "SELECT count(*) FROM claims"
        ):
            due = await upkeep.next_at(pool)
            assert due is not None
            await asyncio.sleep(max(0.01, (due - datetime.now(UTC)).total_seconds()))
            await upkeep.wake(pool, datetime.now(UTC))
        assert datetime.now(UTC) - died < timedelta(seconds=1.5), (
            "no later than its lease, which is a minute for real ones"
        )
        await mine.hears(1)
        assert any(changed.presence for changed in mine.heard)
    assert claims.SECONDS == presence.SECONDS == 60
