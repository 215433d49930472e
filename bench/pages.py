"""Pages: from an alarm that is committed to the receiver's having the page, evidence gathered and all, beside a plain POST of the same bytes.

Run: python -m bench pages [--quick]. The receiver is an HTTP server on loopback in the same process. `ours` is from the commit of the transaction
that fires (its incident and its page are in it) to the moment when the receiver has read the body: bell, claim, evidence over two thousand posts,
text, freeze, send. Waits of the rules (group wait) are 0 here. Milliseconds; one JSON line a figure.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import statistics
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web as served

from bench.ingest import line
from listener.incidents.escalation import Staffed
from listener.incidents.shape import Fired, Told
from listener.model.people import Role
from listener.rulebook.alerting import Policy, Route, Severity, Watched
from listener.service import notify
from listener.service.bells import Bells
from listener.service.database import House
from listener.service.stopping import Stop
from listener.settings import ReceiverSettings
from listener.store import incidents, people, sources
from listener.store.connect import acquired, connect, connect_pool
from listener.store.embedded import embedded
from listener.store.migrate import migrate
from listener.store.programs import scratch_folder
from listener.webclient.client import WebClient

POSTS = 2_000

# A topic with posts of today and of the week before, half of them negative.
_FILL = """
WITH a AS (
    INSERT INTO authors (space, external_id, handle, first_at) SELECT 'b', 'a' || i, 'author' || i, $2 FROM generate_series(1, $3::int) AS i
    RETURNING id, external_id
), m AS (
    INSERT INTO mentions (space, external_id, source, author_id, ours, kind, root, heard_at, at)
    SELECT 'b', 'm' || external_id, 'bluesky', id, false, 'post', 'm' || external_id, $2 - interval '1 min' * (id % 3000),
           $2 - interval '1 min' * (id % 3000)
    FROM a RETURNING id, at
), v AS (
    INSERT INTO mention_versions (mention_id, version, revision, content_id, text, heard_at)
    SELECT id, 1, '', '', 'the app is down again ' || id || ' and support does not answer, I want my money back', at FROM m
), j AS (
    INSERT INTO assessments (mention_id, brand_id, version, rulebook, methods, tone, tone_compound, need, priority, because, context, at)
    SELECT id, $1, 1, 'h', '{}', CASE WHEN id % 2 = 0 THEN 'negative' ELSE 'neutral' END, -0.5, 0.5, 2, '[]', '{}', at FROM m
)
INSERT INTO hearings (mention_id, brand_id, topic, source_id, via, at, heard_at) SELECT id, $1, 'app', $4, 'topic', at, at FROM m
"""


class Receiver:
    """Notes when each body was read whole."""

    def __init__(self) -> None:
        self.came: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def answer(self, request: served.BaseRequest) -> served.Response:
        """200, always."""
        body = await request.read()
        self.came.put_nowait((time.perf_counter(), body))
        return served.Response(status=200)


def now() -> datetime:
    return datetime.now(UTC)


async def bench(rounds: int, posts: int) -> None:
    folder = scratch_folder("hubbub-bench-")
    folder.chmod(0o755)
    receiver = Receiver()
    runner = served.ServerRunner(served.Server(receiver.answer))
    await runner.setup()
    await served.TCPSite(runner, "127.0.0.1", 0).start()
    address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    web, stop, bells = WebClient("bench"), Stop(), Bells()
    try:
        async with embedded(folder / "data") as server:
            dsn = server.dsn("hubbub")
            connection = await connect(dsn, application_name="bench")
            await migrate(connection)
            await connection.close()
            pool = await connect_pool(dsn, application_name="bench", max_size=6)
            house = House(dsn, pool)
            brand = await people.ensure_brand(pool, "larkspur", "Larkspur")
            await people.ensure_person(pool, "mia", "Mia", brand, Role.RESPONDER)
            source = await sources.open_source(pool, "bluesky/jetstream", now())
            await pool.execute(_FILL, brand, now(), posts, source.id)
            await pool.execute("ANALYZE")
            settings = ReceiverSettings(
                "ops", "webhook", {"address": address, "secret": "a secret of enough characters"}
            )
            courier = notify.Courier(settings, notify.building(web, now, "bench"), house, bells.paged(), stop, now)
            tasks = [asyncio.ensure_future(bells.listen(house, stop)), asyncio.ensure_future(courier.deliver())]
            await asyncio.sleep(0.5)
            ours, bodies = await _fired(pool, brand, receiver, rounds)
            peer = await _posted(web, address, receiver, bodies)
            stop.set("done")
            await asyncio.gather(*tasks)
            await pool.close()
    finally:
        await web.close()
        await runner.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
    for name, rank in (("p50", 0.5), ("p99", 0.99)):
        line(
            f"alarm to page {name}, evidence of {posts} posts",
            _at(ours, rank),
            _at(peer, rank),
            "a plain POST of the same bytes",
            "ms",
        )


async def _fired(pool: Any, brand: int, receiver: Receiver, rounds: int) -> tuple[list[float], list[bytes]]:
    policies = {f"angry{n}": Policy(f"angry{n}", "Anger about the app", "mia", Watched.NEGATIVE) for n in range(rounds)}
    route = Route("all", "All", receivers=frozenset({"ops"}), wait=0.0)
    staff = Staffed(policies, (route,), receivers=frozenset({"ops"}))
    took: list[float] = []
    bodies: list[bytes] = []
    for key, policy in policies.items():
        evidence = {
            "why": "30 min: 48 negative of 60",
            "seen": 48,
            "expected": 4.2,
            "low": 0,
            "high": 9,
            "seconds": 1800,
            "curve": [1, 2, 3, 48],
        }
        fired = Fired(
            brand,
            key,
            Watched.NEGATIVE,
            Told.BEGUN,
            Severity.WARNING,
            now(),
            now() - timedelta(minutes=30),
            "app",
            evidence=evidence,
        )
        async with acquired(pool) as connection, connection.transaction():
            await incidents.fire(connection, fired, policy, staff, now())
        began = time.perf_counter()
        at, body = await asyncio.wait_for(receiver.came.get(), 30)
        took.append((at - began) * 1000)
        bodies.append(body)
        await pool.execute("UPDATE incidents SET state = 'resolved', next_at = NULL WHERE state <> 'resolved'")
    return took, bodies


async def _posted(web: WebClient, address: str, receiver: Receiver, bodies: list[bytes]) -> list[float]:
    took = []
    for body in bodies:
        began = time.perf_counter()
        await web.send("POST", address, body, write=True)
        at, _ = await receiver.came.get()
        took.append((at - began) * 1000)
    return took


def _at(found: list[float], rank: float) -> float:
    return sorted(found)[min(len(found) - 1, int(rank * len(found)))] if rank != 0.5 else statistics.median(found)


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench pages", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    arguments = parser.parse_args()
    asyncio.run(bench(40 if arguments.quick else 300, POSTS))


if __name__ == "__main__":
    main()
