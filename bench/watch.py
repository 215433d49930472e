"""The watch through the database: what a look at all counters of a brand costs, beside the trade's plainest recipe as one SQL statement.

Run: python -m bench watch [--quick]. `ours` is a whole look: streams, holes, counts of three days, states read, stepped and written back, in one
transaction. The recipe: each counter's last day against the mean and deviation of its week, in Postgres. Per counter and minute, in microseconds:
a look every five minutes. One JSON line a figure.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import statistics
import time
from datetime import UTC, datetime, timedelta

import asyncpg

from bench.ingest import line
from listener.rulebook.parse import parse
from listener.rulebook.shape import Rulebook
from listener.store import people, series, sources, watching
from listener.store.connect import connect, connect_pool
from listener.store.embedded import embedded
from listener.store.migrate import migrate
from listener.store.programs import scratch_folder

ROUNDS = 5
DAYS = 8

_FILL = """
INSERT INTO series (brand_id, topic, source, at, history, mentions, negative, urgent, reach, changed_at)
SELECT $1, 'topic-' || t, 'bluesky', at, false, 5 + (t * 7 + extract(epoch FROM at)::bigint / 300) % 11, 1, 0, 0, at + interval '5 minutes'
FROM generate_series(1, $2::int) AS t, generate_series($3::timestamptz, $4::timestamptz, '5 minutes') AS at
"""

# What is learned of the first counter is as good for the others: learning a thousand takes minutes.
_COPY = """
INSERT INTO spike_states (brand_id, topic, source, counter, state)
SELECT $1, 'topic-' || t, source, counter, state FROM spike_states, generate_series(1, $2::int) AS t
WHERE brand_id = $1 AND topic = 'topic-1' ON CONFLICT DO NOTHING
"""

_RECIPE = """
SELECT topic, avg(mentions) FILTER (WHERE at > $2::timestamptz - interval '1 day') > avg(mentions) + 2 * stddev_pop(mentions)
FROM series WHERE brand_id = $1 AND at > $2::timestamptz - interval '7 days' GROUP BY topic
"""


def rules(topics: int) -> Rulebook:
    """One alert on so many topics."""
    listed = "\n".join(f"  - {{key: topic-{i}, kind: brand, query: word{i}}}" for i in range(1, topics + 1))
    text = f"alerts:\n  - {{key: much, owner: bench, kind: volume, scope: {{kinds: [brand]}}}}\ntopics:\n{listed}\n"
    found = parse({"bench.yaml": text})
    if not isinstance(found, Rulebook):
        raise SystemExit(str(found[0]))
    return found


async def measured(pool: asyncpg.Pool, topics: int) -> tuple[float, float]:
    """Microseconds a counter and minute, ours and the recipe's."""
    brand_id = await people.ensure_brand(pool, f"brand-{topics}", "Brand", "UTC")
    brand = series.Watched(brand_id, f"brand-{topics}", "UTC")
    now = datetime(2026, 11, 2, 12, 1, 30, tzinfo=UTC)
    opened = await sources.open_source(pool, "bluesky/jetstream", now - timedelta(days=DAYS))
    await pool.execute(_FILL, brand_id, topics, now - timedelta(days=DAYS), now + timedelta(hours=1))
    book = rules(topics)
    await sources.beat(pool, [opened.id], now)
    await watching.look(pool, brand, book, now, _nothing)
    await pool.execute(_COPY, brand_id, topics)
    ours, recipe = [], []
    for _ in range(ROUNDS):
        now += timedelta(minutes=5)
        await sources.beat(pool, [opened.id], now)
        began = time.perf_counter()
        await watching.look(pool, brand, book, now, _nothing)
        ours.append(time.perf_counter() - began)
        began = time.perf_counter()
        await pool.fetch(_RECIPE, brand_id, now)
        recipe.append(time.perf_counter() - began)
    each = 1e6 / topics / 5
    return statistics.median(ours) * each, statistics.median(recipe) * each


async def _nothing(*_: object) -> int | None:
    return None


async def bench(sizes: tuple[int, ...]) -> None:
    folder = scratch_folder("hubbub-bench-")
    folder.chmod(0o755)
    try:
        async with embedded(folder / "database") as server:
            connection = await connect(server.dsn(), application_name="bench")
            await migrate(connection)
            await connection.close()
            pool = await connect_pool(server.dsn(), application_name="bench")
            for topics in sizes:
                ours, recipe = await measured(pool, topics)
                line(
                    f"watch: {topics:,} counters",
                    ours,
                    recipe,
                    "24 h against 7 days, one SQL statement",
                    "us/counter and minute",
                )
            await pool.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench watch", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="up to a hundred counters")
    arguments = parser.parse_args()
    asyncio.run(bench((10, 100) if arguments.quick else (10, 100, 1_000)))


if __name__ == "__main__":
    main()
