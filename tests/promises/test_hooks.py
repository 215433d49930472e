"""The door: what is delivered is stored once before it is said so, read once, and nothing else gets in or is told."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from listener.model.heard import Batch, Deleted, Key
from listener.service.hooks.door import Door, Way
from listener.service.hooks.senders import Buckets, sender_of
from listener.service.hooks.stream import DeliveryStream
from listener.settings import Door as DoorSettings
from listener.store import deliveries, source_acts, sources
from listener.store.record import record
from tests.promises.hooked import HOOKED, Hall, News, body_of, now, signed, until
from tests.store.builders import SPACE
from tests.store.leading import Lead

ROOT = Path(__file__).parents[2]


@contextlib.asynccontextmanager
async def open_door(hall: Hall, **other: Any) -> AsyncIterator[tuple[Door, aiohttp.ClientSession]]:
    settings = other.pop("settings", DoorSettings(port=0))
    door = Door(settings, {"news": Way(HOOKED, News())}, hall.house, hall.stop, now, **other)
    hall.start(door.serve())
    await until(lambda: door.port)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{door.port}") as web:
        yield door, web


def stream_of(hall: Hall, **other: Any) -> DeliveryStream:
    return DeliveryStream(HOOKED, News(), hall.house, hall.bells.delivered(HOOKED), hall.stop, now, **other)


async def post(web: aiohttp.ClientSession, body: bytes, **headers: str) -> int:
    async with web.post("/hooks/news", data=body, headers={**signed(body), **headers}) as answer:
        await answer.read()
        return answer.status


async def test_what_is_delivered_is_stored_before_yes_and_once_and_read_as_a_stream(
    dsn: str, pool: asyncpg.Pool
) -> None:
    async with Hall.built(dsn, pool) as hall, open_door(hall) as (door, web):
        async with web.post(
            "/hooks/news?feed=7&token=t", data=body_of("a", "b"), headers=signed(body_of("a", "b"))
        ) as answer:
            assert answer.status == 200
        assert await pool.fetchval("SELECT count(*) FROM deliveries WHERE state = 'waiting'") == 1
        [waits] = await deliveries.waiting(pool, HOOKED, 10)
        assert (waits.body, waits.query) == (body_of("a", "b"), {"feed": "7"})  # with its NULs, byte for byte
        assert await post(web, body_of("a", "b")) == 200
        assert await post(web, body_of("c"), **{"X-Once": "7"}) == 200
        assert await post(web, body_of("other"), **{"X-Once": "7"}) == 200
        assert door.answered == {(HOOKED, "taken"): 2, (HOOKED, "again"): 2}
        hall.ear(stream_of(hall))
        await until(lambda: pool.fetchval("SELECT count(*) = 3 FROM mentions"))
        assert await post(web, body_of("d")) == 200  # woken by the bell
        await until(
            lambda: pool.fetchval("SELECT count(*) = 3 FROM deliveries WHERE state = 'done' AND packed IS NULL")
        )
        assert await hall.names() == ["a", "b", "c", "d"]


async def test_nothing_forged_big_slow_or_unknown_gets_in_and_its_sender_learns_nothing(
    dsn: str, pool: asyncpg.Pool, caplog: pytest.LogCaptureFixture
) -> None:
    async with Hall.built(dsn, pool) as hall, open_door(hall, body_seconds=0.3, head_seconds=0.3) as (door, web):
        assert await post(web, body_of("a"), **{"X-Signed": "forged"}) == 403
        assert await post(web, b"x" * 4097) == 413

        async def endless(pause: float) -> AsyncIterator[bytes]:
            for _ in range(100):
                yield b"y" * 100
                await asyncio.sleep(pause)

        for pause, status in ((0, 413), (0.05, 408)):
            with contextlib.suppress(aiohttp.ClientError):
                async with web.post("/hooks/news", data=endless(pause)) as answer:
                    assert answer.status == status
        assert (door.answered[HOOKED, "too big"], door.answered[HOOKED, "too slow"]) == (2, 1)
        assert await post(web, body_of("a"), **{"Content-Encoding": "gzip"}) == 415
        for method, path, status in (("GET", "/hooks/other", 404), ("PUT", "/hooks/news", 405), ("GET", "/", 404)):
            async with web.request(method, path) as answer:
                assert (answer.status, "Traceback" in await answer.text()) == (status, False)
        # Whoever never says what they want is cut off, before and between requests; what is no HTTP is told nothing.
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        writer.write(b"POST /hooks/news HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        began = time.monotonic()
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        assert time.monotonic() - began < 3
        writer.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        writer.write(b"my secret words\r\n\r\n")
        answered = await reader.read()
        assert b" 400 " in answered.split(b"\r\n")[0]
        assert b"secret" not in answered
        writer.close()
        async with web.get("/hooks/news", params={"verify": "me", "challenge": "<b>7"}) as answer:
            assert (await answer.text(), answer.content_type) == ("<b>7", "text/plain")
        async with web.get("/hooks/news", params={"verify": "you"}) as answer:
            assert answer.status == 403
        assert await pool.fetchval("SELECT count(*) FROM deliveries") == 0
        assert "secret" not in caplog.text


async def test_one_sender_cannot_take_everything_and_a_forwarded_address_counts_by_trust_only(
    dsn: str, pool: asyncpg.Pool
) -> None:
    settings = DoorSettings(port=0, per_minute=10, trusted_proxies=("127.0.0.0/8",))
    async with Hall.built(dsn, pool) as hall, open_door(hall, settings=settings) as (_, web):
        for n in range(10):
            assert await post(web, body_of(str(n)), **{"X-Forwarded-For": "192.0.2.1"}) == 200
        async with web.post("/hooks/news", data=b"", headers={"X-Forwarded-For": "198.51.100.9, 192.0.2.1"}) as answer:
            assert (answer.status, int(answer.headers["Retry-After"]) > 0) == (429, True)
        assert await post(web, body_of("x"), **{"X-Forwarded-For": "192.0.2.2"}) == 200
        async with web.get("/metrics", headers={"X-Forwarded-For": "192.0.2.1"}) as answer:
            assert answer.status == 404


async def test_while_the_database_is_away_nobody_is_told_yes_and_health_says_so(dsn: str, pool: asyncpg.Pool) -> None:
    states = ["running", "stopped"]
    async with Hall.built(dsn, pool) as hall, open_door(hall, states=lambda: states) as (door, web):
        await sources.open_source(pool, HOOKED, now())
        async with web.get("/health") as answer:
            told = {"ok": True, "database": True, "streams": {"running": 1, "stopped": 1}}
            assert (answer.status, await answer.json()) == (200, told)
        async with web.get("/metrics") as answer:
            text = await answer.text()
        assert f'hubbub_stream_state{{stream="{HOOKED}",state="running"}} 1\n' in text
        there, hall.house.pool = hall.house.pool, await asyncpg.create_pool(dsn, min_size=1)
        await hall.house.pool.close()
        door._seen = (0.0, True)
        async with web.post("/hooks/news", data=body_of("a"), headers=signed(body_of("a"))) as answer:
            assert (answer.status, "Retry-After" in answer.headers) == (503, True)
        async with web.get("/health") as answer:
            assert answer.status == 503
        async with web.get("/metrics") as answer:
            assert "hubbub_database_up 0" in await answer.text()
        hall.house.pool = there
        assert await post(web, body_of("a")) == 200


async def test_what_was_begun_is_answered_and_stored_when_the_program_ends(dsn: str, pool: asyncpg.Pool) -> None:
    async with Hall.built(dsn, pool) as hall, open_door(hall, most_of_one=1) as (_, web):
        begun = asyncio.Event()
        body = body_of("last")

        async def slowly() -> AsyncIterator[bytes]:
            yield body[:5]
            begun.set()
            await asyncio.sleep(0.3)
            yield body[5:]

        async def last() -> int:
            async with web.post("/hooks/news", data=slowly(), headers=signed(body)) as answer:
                return answer.status

        asked = asyncio.ensure_future(last())
        await begun.wait()
        await asyncio.sleep(0.05)
        assert await post(web, body_of("beside it")) == 429  # a slow sender holds its own places only
        hall.stop.set("asked to end")
        assert await asked == 200
        assert len(await deliveries.waiting(pool, HOOKED, 10)) == 1


async def test_a_death_anywhere_between_storing_and_reading_loses_nothing_and_reads_nothing_twice(
    dsn: str, pool: asyncpg.Pool
) -> None:
    async with Hall.built(dsn, pool) as hall:
        bench = hall.bench.now
        source = await sources.open_source(pool, HOOKED, now())

        async def died(cursor: str | None, commits: bool) -> list[str]:
            """Reads one batch and dies, before or after its commit."""
            batches = stream_of(hall).batches(cursor)
            batch = await asyncio.wait_for(anext(batches), 5)
            if commits:
                await record(pool, source.id, batch, bench.hear, bench.judge, expect=cursor, now=now())
            return [item.key.external_id for item in batch.items]

        await deliveries.take(pool, HOOKED, {}, body_of("a"), "", now())
        assert await died(None, commits=False) == ["a"]
        # Ids commit out of order: this one is given before b's, and is there after it.
        late = await pool.acquire()
        transaction = late.transaction()
        await transaction.start()
        await late.execute(
            deliveries._TAKE, HOOKED, b"late", now(), deliveries._packed({}, {}, body_of("late")), 9, "x"
        )
        await deliveries.take(pool, HOOKED, {}, body_of("b"), "", now())
        assert await died(None, commits=True) == ["a", "b"]
        await transaction.commit()
        await pool.release(late)
        cursor = (await sources.open_source(pool, HOOKED, now())).cursor
        assert await died(cursor, commits=True) == ["late"]
        cursor = (await sources.open_source(pool, HOOKED, now())).cursor
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(stream_of(hall).batches(cursor)), 0.2)
        assert {(s.state, s.n, s.kept) for s in await deliveries.states(pool)} == {("done", 3, 0)}
        assert await pool.fetchval("SELECT heard FROM sources WHERE key = $1", HOOKED) == 3


async def test_what_cannot_be_read_is_kept_and_replayed_and_kept_bytes_go_with_the_words(
    dsn: str, pool: asyncpg.Pool
) -> None:
    async with Hall.built(dsn, pool) as hall:
        hook = News()
        stream = DeliveryStream(
            HOOKED, hook, hall.house, hall.bells.delivered(HOOKED), hall.stop, now, timedelta(hours=1)
        )
        hall.ear(stream)
        before = now()
        told = {
            "content-type": "text/x",
            "x-event-key": "pushed",
            "x-hub-signature-256": "s",
            "x-api-key": "s",
            "host": "h",
        }
        assert deliveries.kept_headers(told) == {"content-type": "text/x", "x-event-key": "pushed"}
        assert deliveries.kept_query({"feed": "f", "token": "t", "api_secret": "s", "hub.topic": "h"}) == {
            "feed": "f",
            "hub.topic": "h",
        }
        for body in (b"boom", b"{garbage", body_of("a", "b"), body_of("c")):
            await deliveries.take(pool, HOOKED, {"cookie": "secret", "x-kind": "news"}, body, "", now())
        failed = "SELECT count(*) FROM deliveries WHERE state = 'failed' AND packed IS NOT NULL"
        await until(
            lambda: pool.fetchval(
                f"SELECT ({failed}) = 2 AND (SELECT count(*) FROM deliveries WHERE state = 'done') = 2"
            )
        )
        assert await pool.fetchval("SELECT sum(seen) FROM rejects") == 1
        bench = hall.bench.now
        line = await sources.open_source(pool, "bluesky/line", now())
        gone = Batch((Deleted(Key(SPACE, "b")),), "1", now())
        await record(pool, line.id, gone, bench.hear, bench.judge, expect=None, now=now())
        kept = await pool.fetch("SELECT about FROM deliveries WHERE packed IS NOT NULL AND state = 'done'")
        assert [row["about"] for row in kept] == [["c"]]
        # A better program: what failed is read again, and so is what is kept; nothing is there twice.
        hook.convert = lambda delivery: News().convert(  # type: ignore[method-assign]
            type(delivery)({}, body_of("boom") if delivery.body == b"boom" else delivery.body)
        )
        lead = await Lead.of(pool)
        assert await lead.does(source_acts.replay, HOOKED, before, now(), now()) == 3
        await until(lambda: pool.fetchval("SELECT count(*) = 4 FROM mentions"))
        await until(lambda: pool.fetchval("SELECT count(*) = 0 FROM deliveries WHERE state = 'waiting'"))
        assert await hall.names() == ["a", "b", "c", "boom"]
        await deliveries.sweep(pool, now() + timedelta(hours=2))
        assert {(s.state, s.n, s.kept) for s in await deliveries.states(pool)} == {("done", 3, 0), ("failed", 1, 1)}
        await deliveries.sweep(pool, now() + timedelta(days=91))
        assert await deliveries.states(pool) == []


PROXIES = tuple(map(ip_network, ("127.0.0.0/8", "10.0.0.0/8")))


@given(st.lists(st.sampled_from(["192.0.2.1", "10.1.1.1", "junk", "203.0.113.5:99", "::1"]), max_size=4))
def test_what_anybody_can_write_into_a_header_never_makes_them_somebody_else(hops: list[str]) -> None:
    stranger = sender_of("198.51.100.1", [", ".join(hops)], PROXIES)
    assert (str(stranger.address), stranger.is_here) == ("198.51.100.1", False)
    behind = sender_of("127.0.0.1", [*hops, "198.51.100.1"], PROXIES)
    assert (str(behind.address), behind.is_here) == ("198.51.100.1", False)
    assert not sender_of("127.0.0.1", ["127.0.0.1", *hops], ()).is_here


def test_a_bucket_fills_evenly_and_never_over() -> None:
    buckets = Buckets(60)
    assert [buckets.spend("a", 30, 0.0), buckets.spend("a", 30, 0.0), buckets.spend("a", 2, 0.0)] == [0.0, 0.0, 2.0]
    assert buckets.spend("b", 60, 0.0) == 0.0
    assert buckets.spend("a", 2, 2.0) == 0.0
    assert buckets.spend("a", 61, 10_000.0) == 1.0


async def test_a_program_that_is_killed_loses_nothing_that_it_said_yes_to_and_reads_nothing_twice(
    dsn: str, pool: asyncpg.Pool
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = [sys.executable, "-m", "tests.promises.hooked_program", dsn, str(port)]
    running = subprocess.Popen(program, cwd=ROOT)
    wanted, yes = 240, 0

    async def deliver(web: aiohttp.ClientSession, number: int) -> None:
        nonlocal yes
        for _ in range(1 + number % 3 // 2):  # every third one comes twice
            while True:
                with contextlib.suppress(aiohttp.ClientError):
                    if await post(web, body_of(f"m{number}")) == 200:
                        break
                await asyncio.sleep(0.05)
        yes += 1

    async def sender(web: aiohttp.ClientSession, some: range) -> None:
        for number in some:
            await deliver(web, number)

    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as web:
            senders = [asyncio.ensure_future(sender(web, range(n, wanted, 4))) for n in range(4)]
            await until(lambda: yes > wanted / 3, 30)
            running.kill()
            running.wait()
            running = subprocess.Popen(program, cwd=ROOT)
            async with asyncio.timeout(30):
                await asyncio.gather(*senders)
        await until(lambda: pool.fetchval("SELECT count(*) = $1 FROM deliveries WHERE state = 'done'", wanted), 20)
    finally:
        running.kill()
        running.wait()
    assert await pool.fetchval("SELECT count(*) FROM mentions") == wanted
    assert await pool.fetchval("SELECT heard FROM sources WHERE key = $1", HOOKED) == wanted
