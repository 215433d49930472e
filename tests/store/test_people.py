"""Brands, accounts, people, sources, rulebooks: what settings name becomes rows, once."""

from __future__ import annotations

import asyncio
import contextlib
import zlib

import asyncpg
import pytest

from listener.errors import FixMe, Refused
from listener.model.people import Person, Role
from listener.model.problems import Problem
from listener.store import people, rulebooks, source_wishes, sources
from tests.store.world import NOW, later, world


async def test_a_name_makes_one_row_however_often_it_is_ensured(pool: asyncpg.Pool) -> None:
    first = await people.ensure_brand(pool, "acme", "Acme", "UTC")
    assert await people.ensure_brand(pool, "acme", "Acme Inc", "Europe/Vienna") == first
    assert await people.brands(pool) == [(first, "acme", "Acme Inc")]

    account = await people.ensure_account(pool, first, "bluesky", "at", "did:1", "old.example")
    renamed = await people.ensure_account(pool, first, "bluesky", "at", "did:1", "new.example")
    assert (renamed.id, renamed.handle) == (account.id, "new.example")
    assert await people.accounts(pool) == [renamed]

    mia = await people.ensure_person(pool, "mia", "Mia", first, Role.VIEWER)
    assert await people.ensure_person(pool, "mia", "Mia B.", first, Role.LEAD) == Person(mia.id, "mia", "Mia B.")
    assert await people.role(pool, mia.id, first) is Role.LEAD
    assert [person.name for person in await people.people(pool, first)] == ["Mia B."]


async def test_a_person_of_one_brand_is_nobody_in_another(pool: asyncpg.Pool) -> None:
    acme, other = await world(pool), await world(pool, "other")
    assert await people.role(pool, acme.mia.id, other.brand_id) is None
    assert {person.login for person in await people.people(pool, other.brand_id)} == {
        "mia-other",
        "tom-other",
        "vera-other",
    }


async def test_an_account_without_the_networks_id_is_refused(pool: asyncpg.Pool) -> None:
    with pytest.raises(FixMe, match="own id"):
        await people.ensure_account(pool, 1, "bluesky", "at", "", "acme.example")


async def test_an_account_that_stopped_says_why(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    await people.account_state(pool, w.account.id, "stopped", "AccountTakedown: ask the network")
    row = await pool.fetchrow("SELECT state, problem FROM accounts WHERE id = $1", w.account.id)
    assert tuple(row) == ("stopped", "AccountTakedown: ask the network")


async def test_a_source_opened_again_has_its_bookmark(pool: asyncpg.Pool) -> None:
    first = await sources.open_source(pool, "bluesky/jetstream", NOW)
    assert first.cursor is None
    await pool.execute("UPDATE sources SET cursor = '17' WHERE id = $1", first.id)
    await sources.set_state(pool, first.id, "stopped", "AuthFactorTokenRequired", later(minutes=1))
    [health] = await sources.health(pool)
    assert (health.state, health.problem, health.beat_at) == ("stopped", "AuthFactorTokenRequired", later(minutes=1))
    again = await sources.open_source(pool, "bluesky/jetstream", later(minutes=2))
    assert (again.id, again.cursor) == (first.id, "17")
    [health] = await sources.health(pool)
    assert (health.state, health.problem, health.started_at) == ("running", "", later(minutes=2))


async def test_a_sign_of_life_never_goes_back_and_waits_for_nobody(pool: asyncpg.Pool) -> None:
    first, second = [(await sources.open_source(pool, key, NOW)).id for key in ("a", "b")]
    await sources.beat(pool, [first, second], later(seconds=20))
    await sources.beat(pool, [first], later(seconds=5))
    assert [row.beat_at for row in await sources.health(pool)] == [later(seconds=20)] * 2
    async with pool.acquire() as other, other.transaction():
        await other.execute("UPDATE sources SET heard = 1 WHERE id = $1", first)
        async with asyncio.timeout(5):
            await sources.beat(pool, [first, second], later(seconds=40))
    assert [row.beat_at for row in await sources.health(pool)] == [later(seconds=20), later(seconds=40)]


async def test_gaps_and_rejects_are_listed(pool: asyncpg.Pool) -> None:
    source = await sources.open_source(pool, "s", NOW)
    await pool.execute(
        "INSERT INTO gaps (source_id, start_at, end_at, cause, noted_at) VALUES ($1, $2, $3, 'cursor too old', $3)",
        source.id, NOW, later(hours=1),
    )  # fmt: skip
    bomb = zlib.compress(b"{" + b" " * 5_000_000)
    await pool.execute(
        "INSERT INTO rejects (source_id, digest, reason, detail, raw, seen, first_at, last_at) VALUES ($1, 'd', 'bad_id', 'x', $2, 3, $3, $3)",
        source.id, bomb, NOW,
    )  # fmt: skip
    [gap] = await sources.gaps(pool, "open")
    assert (gap.source, gap.start, gap.end, gap.cause) == ("s", NOW, later(hours=1), "cursor too old")
    await source_wishes.settle(pool, gap.id, "filled", "", gap.end)
    assert await sources.gaps(pool, "open") == []
    assert len(await sources.gaps(pool)) == 1
    [reject] = await sources.rejects(pool, "s")
    assert (reject.reason, reject.seen, len(reject.raw)) == ("bad_id", 3, 1_000_000)
    assert await sources.rejects(pool, "t") == []
    [health] = await sources.health(pool)
    assert (health.rejects, health.open_gaps) == (3, 0)


CONNECTIONS = "FROM pg_stat_activity WHERE application_name = 'hubbub sources' AND datname = current_database()"


async def test_only_one_listener_runs_a_source(dsn: str, pool: asyncpg.Pool) -> None:
    ours, theirs = sources.Holds(dsn), sources.Holds(dsn)
    async with ours.hold("bluesky/jetstream"):
        with pytest.raises(Refused, match="another listener already runs bluesky/jetstream"):
            async with theirs.hold("bluesky/jetstream"):
                pass
        with pytest.raises(Refused, match="this listener already runs bluesky/jetstream"):
            async with ours.hold("bluesky/jetstream"):
                pass
        async with theirs.hold("bluesky/other"):
            pass
    assert await pool.fetchval(f"SELECT count(*) {CONNECTIONS}") == 0


async def test_hundreds_of_sources_are_held_on_one_connection_and_lost_with_it(dsn: str, pool: asyncpg.Pool) -> None:
    ours, theirs = sources.Holds(dsn), sources.Holds(dsn)
    async with contextlib.AsyncExitStack() as stack:
        held = [await stack.enter_async_context(ours.hold(f"feeds/{number}")) for number in range(200)]
        async with ours.hold("feeds/short"):
            assert await pool.fetchval(f"SELECT count(*) {CONNECTIONS}") == 1
        async with theirs.hold("feeds/short"):
            pass  # let go of, while the others are held
        assert not any(one.lost.is_set() for one in held)
        await pool.execute(f"SELECT pg_terminate_backend(pid) {CONNECTIONS}")
        async with asyncio.timeout(10):
            await asyncio.gather(*(one.lost.wait() for one in held))
        async with theirs.hold("feeds/7"):
            with pytest.raises(Refused, match="another listener already runs feeds/7"):
                async with ours.hold("feeds/7"):
                    pass
        async with ours.hold("feeds/7") as again:
            assert not again.lost.is_set()


async def test_the_last_accepted_rulebook_is_in_force(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    assert await rulebooks.in_force(pool) is None
    assert await rulebooks.last_health(pool) is None
    files = {"rules/outage.yaml": "id: outage\ntext: 'Ausfall \N{PILE OF POO}'\n"}
    assert await rulebooks.publish(pool, "aaa", files, "", NOW)
    assert await rulebooks.publish(pool, "bbb", {}, "c0ffee", later(minutes=1))
    # Back to the first one, by a program whose clock is behind.
    assert await rulebooks.publish(pool, "aaa", files, "", later(hours=-1))
    assert not await rulebooks.publish(pool, "aaa", files, "", later(minutes=3))
    in_force = await rulebooks.in_force(pool)
    assert in_force is not None
    assert (in_force.hash, in_force.files) == ("aaa", files)
    assert await rulebooks.in_force(pool, unless="bbb") == in_force
    assert await rulebooks.in_force(pool, unless="aaa") is None, "known already, and the one before is not taken for it"
    assert await rulebooks.files_of(pool, "bbb") == {}
    assert await rulebooks.files_of(pool, "ccc") is None
    told = [(row["brand_id"], row["kind"], row["after"]) for row in await w.events()]
    assert told == [(w.brand_id, "rulebook.accepted", {"hash": hash_}) for hash_ in ("aaa", "bbb", "aaa")]


async def test_a_refused_rulebook_leaves_the_last_good_one_in_force(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    await rulebooks.publish(pool, "aaa", {}, "", NOW)
    problem = Problem("rules/x.yaml", 3, 7, "unknown-key", "there is no 'prioritty'", "did you mean priority?")
    await rulebooks.health(pool, [problem], None, later(minutes=1))
    in_force = await rulebooks.in_force(pool)
    assert in_force is not None
    assert in_force.hash == "aaa"
    assert await rulebooks.last_health(pool) == rulebooks.Health(later(minutes=1), "aaa", (problem,))
    assert [row["kind"] for row in await w.events()] == ["rulebook.accepted", "rulebook.refused"]
    assert not await rulebooks.publish(pool, "aaa", {}, "", later(minutes=2))
    assert not await rulebooks.publish(pool, "aaa", {}, "", later(minutes=2))
    told = [row["kind"] for row in await w.events()]
    assert told == ["rulebook.accepted", "rulebook.refused", "rulebook.mended"], "a refusal that is over is told once"
    last = await rulebooks.last_health(pool)
    assert last is not None
    assert last.problems == ()
