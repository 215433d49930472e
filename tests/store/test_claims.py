"""Claims: of many who reach for a conversation one holds it; a dead terminal lets go; everybody sees it at once."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time

import asyncpg
import pytest

from listener.errors import Refused
from listener.model.people import Role
from listener.store import claims, inbox, people, upkeep
from listener.store.connect import connect_pool
from listener.store.feed import Feed
from tests.store.world import NOW, later, world


async def holder(pool: asyncpg.Pool, id_: int, at: float = 0) -> str:
    [row] = await inbox.rows(pool, [id_], later(seconds=at))
    return row.claimed_by


async def test_of_20_who_reach_for_it_at_once_one_holds_it(dsn: str, pool: asyncpg.Pool) -> None:
    w = await world(pool)
    crowd = [await people.ensure_person(pool, f"p{i}", f"P{i}", w.brand_id, Role.RESPONDER) for i in range(20)]
    wide = await connect_pool(dsn, application_name="crowd", min_size=20, max_size=20)
    for _ in range(10):
        one = await w.conversation()
        found = await asyncio.gather(*(claims.claim(wide, one, p.id, f"t{p.id}", NOW) for p in crowd))
        winners = [p for p, held_by in zip(crowd, found, strict=True) if held_by is None]
        assert len(winners) == 1
        assert {held_by for held_by in found if held_by is not None} == {winners[0]}
        assert await holder(pool, one) == winners[0].name
        assert [(e["kind"], e["person_id"]) for e in await w.events(one)] == [("claim.taken", winners[0].id)]
    await wide.close()


async def test_a_free_or_own_claim_is_got_and_a_held_one_is_not(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one = await w.conversation()
    assert await claims.claim(pool, one, w.mia.id, "t1", NOW) is None
    assert await claims.claim(pool, one, w.mia.id, "t1", later(seconds=30)) is None
    assert await claims.claim(pool, one, w.tom.id, "t2", later(seconds=80)) == w.mia
    assert await holder(pool, one, 80) == "Mia"
    # Until the last moment, and not a moment longer.
    assert await claims.claim(pool, one, w.tom.id, "t2", later(seconds=90)) == w.mia
    assert await claims.claim(pool, one, w.tom.id, "t2", later(seconds=90.001)) is None
    assert await holder(pool, one, 91) == "Tom"
    kinds = [(e["kind"], e["before"], e["after"]) for e in await w.events(one)]
    assert kinds == [
        ("claim.taken", None, {"person": w.mia.id}),
        ("claim.taken", {"person": w.mia.id}, {"person": w.tom.id}),
    ]


async def test_taking_over_on_purpose(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one = await w.conversation()
    await claims.claim(pool, one, w.mia.id, "t1", NOW)
    assert await claims.claim(pool, one, w.tom.id, "t2", NOW, take_over=True) is None
    assert await holder(pool, one) == "Tom"
    assert await claims.renew(pool, "t1", NOW) == frozenset()
    assert await claims.renew(pool, "t2", NOW) == {one}
    assert not await claims.release(pool, one, "t1", NOW)
    assert await holder(pool, one) == "Tom"


async def test_renewing_prolongs_and_tells_nobody(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one, two = await w.conversation(), await w.conversation()
    await claims.claim(pool, one, w.mia.id, "t1", NOW)
    await claims.claim(pool, two, w.mia.id, "t1", NOW)
    told = len(await w.events())
    assert await claims.renew(pool, "t1", later(seconds=50)) == {one, two}
    assert await holder(pool, one, 100) == "Mia"
    assert len(await w.events()) == told
    # What has expired is not brought back: somebody may have relied on it.
    assert await claims.renew(pool, "t1", later(seconds=111)) == frozenset()


async def test_letting_go(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one, two, three = [await w.conversation() for _ in range(3)]
    for id_ in (one, two, three):
        await claims.claim(pool, id_, w.mia.id, "t1", NOW)
    assert await claims.release(pool, one, "t1", NOW)
    assert not await claims.release(pool, one, "t1", NOW)
    assert await claims.release_all(pool, "t1", NOW) == 2
    assert [await holder(pool, id_) for id_ in (one, two, three)] == ["", "", ""]
    released = [(e["conversation_id"], e["before"]) for e in await w.events() if e["kind"] == "claim.released"]
    assert released == [(id_, {"person": w.mia.id}) for id_ in (one, two, three)]


async def test_a_dead_terminals_claim_ends_by_itself_and_is_told(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one, two = await w.conversation(), await w.conversation()
    await claims.claim(pool, one, w.mia.id, "t1", NOW, seconds=60)
    await claims.claim(pool, two, w.tom.id, "t2", NOW, seconds=600)
    assert await upkeep.next_at(pool) == later(seconds=60)
    await upkeep.wake(pool, later(seconds=60))
    assert len(await pool.fetch("SELECT 1 FROM claims")) == 2
    await upkeep.wake(pool, later(seconds=61))
    assert [row["conversation_id"] for row in await pool.fetch("SELECT conversation_id FROM claims")] == [two]
    assert [e["kind"] for e in await w.events(one)] == ["claim.taken", "claim.released"]


async def test_a_viewer_or_a_stranger_claims_nothing(pool: asyncpg.Pool) -> None:
    w, other = await world(pool), await world(pool, "other")
    one = await w.conversation()
    for person in (w.vera, other.mia):
        with pytest.raises(Refused, match="not work on it"):
            await claims.claim(pool, one, person.id, "t1", NOW)
    with pytest.raises(Refused):
        await claims.claim(pool, one + 1, w.mia.id, "t1", NOW)
    assert await w.events() == []


async def test_others_see_a_claim_within_half_a_second(dsn: str, pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one = await w.conversation()
    seen: asyncio.Queue[tuple[str, float]] = asyncio.Queue()
    ready = asyncio.Event()

    async def screen() -> None:
        async for changed in Feed(dsn, told=lambda on: ready.set()).changes(w.brand_id):
            [row] = await inbox.rows(pool, changed.conversations, NOW)
            seen.put_nowait((row.claimed_by, time.monotonic()))

    task = asyncio.create_task(screen())
    await asyncio.wait_for(ready.wait(), 10)
    took = []
    for _ in range(10):
        for step, expected in (
            (claims.claim(pool, one, w.mia.id, "t1", NOW), "Mia"),
            (claims.release_all(pool, "t1", NOW), ""),
        ):
            started = time.monotonic()
            await step
            name, at = await asyncio.wait_for(seen.get(), 10)
            assert name == expected
            took.append(at - started)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    print("claimed to seen, ms:", [round(t * 1000, 1) for t in took])
    assert sorted(took)[len(took) // 2] < 0.5


async def test_in_a_crowd_nobody_ever_holds_what_another_holds(dsn: str, pool: asyncpg.Pool) -> None:
    """Random terminals claim, take over, renew and let go at once; the events tell one story, and the table is its end."""
    seed = random.randrange(10**9)
    print("seed", seed)
    dice = random.Random(seed)
    w = await world(pool)
    ids = [await w.conversation() for _ in range(3)]

    async def terminal(session: str, person_id: int) -> None:
        for _ in range(25):
            id_, what = dice.choice(ids), dice.random()
            if what < 0.5:
                await claims.claim(pool, id_, person_id, session, NOW, take_over=dice.random() < 0.2)
            elif what < 0.7:
                await claims.renew(pool, session, NOW)
            else:
                await claims.release(pool, id_, session, NOW)

    await asyncio.gather(*(terminal(f"t{i}", (w.mia.id, w.tom.id)[i % 2]) for i in range(8)))
    table = {row["conversation_id"]: row["person_id"] for row in await pool.fetch("SELECT * FROM claims")}
    for id_ in ids:
        held: int | None = None
        for event in await w.events(id_):
            assert (event["before"] or {}).get("person") == held or event["kind"] == "claim.taken"
            held = (event["after"] or {}).get("person")
        assert held == table.get(id_)
