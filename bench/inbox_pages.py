"""The inbox's windows of data at 100,000 conversations: a page at any depth beside the first page and beside the textbook's ways,
counts beside a full count, an opened conversation, and a change that another screen hears of.

Milliseconds on one connection, warm. Ours and the peer take turns in the same run; the ratio is of the medians.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import shutil
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg

from listener.query.parse import parse
from listener.store import acts, claims, inbox, upkeep
from listener.store.connect import connect, connect_pool
from listener.store.embedded import embedded
from listener.store.feed import Feed
from listener.store.inbox import queue
from listener.store.migrate import migrate
from listener.store.programs import scratch_folder
from listener.workflow import Assign
from tests.store.world import NOW, World, world

SEED = 20261123

OR_SHAPED = queue._PAGE_AFTER.replace("(sort_key, id) > ($4, $5)", "(sort_key > $4 OR (sort_key = $4 AND id > $5))")
OFFSET = "SELECT * FROM conversations WHERE brand_id = $1 AND folder = 'open' AND merged_into IS NULL ORDER BY sort_key, id OFFSET $2 LIMIT 50"
COUNT = "SELECT folder, count(*) FROM conversations WHERE brand_id = $1 AND merged_into IS NULL GROUP BY 1"
PLACE = "SELECT sort_key, id FROM conversations WHERE folder = 'open' ORDER BY sort_key, id OFFSET $1 LIMIT 1"

Ask = Callable[[], Awaitable[Any]]


async def timed(ask: Ask) -> float:
    """Milliseconds of one answer."""
    started = time.perf_counter()
    await ask()
    return (time.perf_counter() - started) * 1000


async def beside(bench: str, ours: Ask, peer: Ask, peer_is: str, repeats: int) -> None:
    """Both in turn; one line for the median and one for the 99th percentile."""
    for _ in range(10):
        await ours()
        await peer()
    mine, theirs = [], []
    for _ in range(repeats):
        mine.append(await timed(ours))
        theirs.append(await timed(peer))
    for name, of in (("p50", statistics.median), ("p99", lambda times: statistics.quantiles(times, n=100)[98])):
        a, b = of(mine), of(theirs)
        figure = {"bench": f"{bench}, {name}", "ours": round(a, 3), "peer": round(b, 3), "peer_is": peer_is}
        print(json.dumps(figure | {"ratio": round(a / b, 3), "unit": "ms"}), flush=True)


async def pages(w: World, n: int, repeats: int) -> None:
    """First, middle and last page, and the ways that grow with depth."""

    def page(after: tuple[int, int] | None = None, before: tuple[int, int] | None = None) -> Ask:
        return lambda: inbox.page(w.pool, w.brand_id, "open", after=after, before=before, limit=50)

    open_ones = n * 7 // 10
    middle, last = [tuple(await w.pool.fetchrow(PLACE, depth)) for depth in (open_ones // 2, open_ones - 51)]
    first = page()
    few = max(10, repeats // 10)
    await beside("queue, first page", first, lambda: w.pool.fetchval("SELECT 1"), "a round trip: SELECT 1", repeats)
    for name, ask in (
        ("middle page", page(after=middle)),
        ("last page", page(after=last)),
        ("last page, from the end", page(before=inbox.LAST)),
    ):
        await beside(f"queue, {name}", ask, first, "the first page", repeats)
    textbook = "OR-shaped keyset, same place"
    await beside(
        "queue, middle page",
        page(after=middle),
        lambda: w.pool.fetch(OR_SHAPED, None, w.brand_id, "open", *middle, 50),
        textbook,
        few,
    )
    await beside(
        "queue, last page",
        page(after=last),
        lambda: w.pool.fetch(OFFSET, w.brand_id, open_ones - 50),
        "OFFSET, ids only",
        few,
    )
    await beside(
        "queue, 50 rows again after a change",
        lambda: inbox.rows(w.pool, range(1, 51)),
        first,
        "the first page",
        repeats,
    )


async def others(w: World, repeats: int) -> None:
    """Counts, Listening, one conversation, search."""
    few = max(10, repeats // 10)
    counts: Ask = lambda: inbox.counts(w.pool, w.brand_id, w.mia.id)  # noqa: E731
    await beside("counts, unfolded deltas to add", counts, lambda: w.pool.fetch(COUNT, w.brand_id), "count(*)", few)
    await upkeep.fold(w.pool)
    await beside("counts", counts, lambda: w.pool.fetch(COUNT, w.brand_id), "count(*)", few)
    rows = await inbox.listening(w.pool, w.brand_id, "acme")
    deep = (rows[0].at, rows[-1].id // 10)
    await beside(
        "listening, deep page",
        lambda: inbox.listening(w.pool, w.brand_id, "acme", before=deep),
        lambda: inbox.listening(w.pool, w.brand_id, "acme"),
        "the first page",
        repeats,
    )
    dice = random.Random(SEED)
    ids = [row["id"] for row in await w.pool.fetch("SELECT id FROM conversations")]
    one_row = "SELECT * FROM conversations WHERE id = $1"
    await beside(
        "open a conversation",
        lambda: inbox.open(w.pool, dice.choice(ids), w.mia.id, NOW),
        lambda: w.pool.fetchrow(one_row, dice.choice(ids)),
        "one row by its key",
        repeats,
    )
    like = "SELECT mention_id FROM mention_versions WHERE text LIKE '%number ' || $1::text || ' %' LIMIT 50"
    rare = parse("4711").tree
    assert rare is not None
    await beside(
        "search, a rare word",
        lambda: inbox.search(w.pool, w.brand_id, rare, NOW),
        lambda: w.pool.fetch(like, "4711"),
        "LIKE",
        few,
    )
    common = parse("invoice").tree
    assert common is not None
    await beside(
        "search, a word of every message",
        lambda: inbox.search(w.pool, w.brand_id, common, NOW),
        lambda: inbox.page(w.pool, w.brand_id, "open", limit=50),
        "the first page",
        few,
    )


async def changes(dsn: str, w: World, repeats: int) -> None:
    """From the call that changes something to the row read again in another screen's process of thought."""
    heard: asyncio.Queue[float] = asyncio.Queue()
    ready = asyncio.Event()

    async def screen() -> None:
        async for changed in Feed(dsn, told=lambda _: ready.set()).changes(w.brand_id):
            await inbox.rows(w.pool, changed.conversations, NOW)
            heard.put_nowait(time.perf_counter())

    async with asyncio.TaskGroup() as group:
        task = group.create_task(screen())
        await ready.wait()
        ids = [row.id for row in await inbox.page(w.pool, w.brand_id, "open", limit=50)]
        numbers = iter(range(10**9))

        async def act_seen() -> None:
            who = (w.mia.id, w.tom.id)[next(numbers) % 2]
            await acts.do(w.pool, w.mia.id, [ids[1]], Assign(who), NOW)
            await heard.get()

        async def claim_seen() -> None:
            await claims.claim(w.pool, ids[0], w.mia.id, str(next(numbers)), NOW, take_over=True)
            await heard.get()

        bare = "UPDATE brands SET zone = zone WHERE id = $1"
        limit = "one durable UPDATE"
        await beside("act to another screen", act_seen, lambda: w.pool.execute(bare, w.brand_id), limit, repeats)
        await beside("claim to another screen", claim_seen, lambda: w.pool.execute(bare, w.brand_id), limit, repeats)
        task.cancel()


async def run(n: int, repeats: int) -> None:
    """A house with `n` conversations, asked."""
    home = scratch_folder("hubbub-bench-")
    home.chmod(0o711)
    try:
        async with embedded(home / "postgres") as server:
            connection = await connect(server.dsn(), application_name="bench")
            await migrate(connection)
            await connection.close()
            pool = await connect_pool(server.dsn(), application_name="bench", max_size=2, command_timeout=None)
            w = await world(pool)
            await w.many(n)
            await listened(pool, w)
            await pool.execute("VACUUM ANALYZE")
            await pages(w, n, repeats)
            await others(w, repeats)
            await changes(server.dsn(), w, min(repeats, 200))
            await pool.close()
    finally:
        shutil.rmtree(home, ignore_errors=True)


async def listened(pool: asyncpg.Pool, w: World) -> None:
    """All messages heard by one topic, and their words indexed."""
    await pool.execute(
        "INSERT INTO hearings (mention_id, brand_id, topic, source_id, via, at, heard_at) "
        "SELECT id, $1, 'acme', $2, 'topic', at, at FROM mentions", w.brand_id, w.source_id,
    )  # fmt: skip
    await pool.execute(
        "UPDATE mention_versions SET words = array_to_tsvector(string_to_array('my invoice is wrong number please help ' || mention_id, ' '))"
    )


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="10,000 conversations, fewer repeats")
    quick = parser.parse_args().quick
    asyncio.run(run(10_000 if quick else 100_000, 100 if quick else 500))


if __name__ == "__main__":
    main()
