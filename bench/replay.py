"""Replay: stored mentions judged again by two rulebooks, in a worker process, beside the same judging in memory without a database.

The mentions are the ingest bench's, the rules are the shipped ones, with a counting rule beside them in the second rulebook. What is
measured is what `hubbub rules replay` does: reading pages, handing them to the worker, judging twice, keeping every page on the disk.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from datetime import UTC, datetime, timedelta

from bench.ingest import BATCH, House, frames, line, texts
from listener import rulefiles
from listener.rulebook.parse import parse
from listener.rulebook.replay import Nights, Record, replay
from listener.rulebook.shape import Rulebook
from listener.service.replayer import remembering, side_of
from listener.service.replaying import Asked, _pages, kept_at, replayed
from listener.service.rules import load_methods
from listener.store import history
from listener.store.connect import connect_pool
from listener.store.embedded import embedded
from listener.store.migrate import migrate
from listener.store.programs import scratch_folder

BEGINNING = datetime.min.replace(tzinfo=UTC)
COUNTING = """\
rules:
  - {id: bench-storm, title: Many at once, owner: bench, scope: {everything: yes}, when: down OR refund, count: {mentions: 20, within: 10m},
     then: {priority: urgent}}
"""


async def measured(n: int) -> None:
    """All figures of this bench."""
    now = datetime.now(UTC)
    wire = frames(n, "did:plc:us", texts(), now - timedelta(hours=1))
    folder = scratch_folder("hubbub-bench-")
    folder.chmod(0o711)  # as root, Postgres runs as another user
    async with embedded(folder / "data") as server:
        pool = await connect_pool(server.dsn("hubbub"), application_name="bench", max_size=4)
        async with pool.acquire() as connection:
            await migrate(connection, say=lambda _: None)
        house = await House.built(pool)
        for lo in range(0, n, BATCH):
            await house.take(wire[lo : lo + BATCH])
        old = rulefiles.load(rulefiles.default_folder())
        assert isinstance(old, Rulebook), old
        new = parse({**old.files, "bench.yaml": COUNTING})
        assert isinstance(new, Rulebook), new
        start, end = now - timedelta(days=1), now + timedelta(days=1)
        total = await history.count(pool, 1, start, end)
        kept = kept_at(folder / "kept", {"bench": "replay"}, start, end, fresh=True)
        began = time.perf_counter()
        found = await replayed(pool, Asked(1, "larkspur", "UTC", start, end, old, new), kept, lambda _: None)
        ours = total / (time.perf_counter() - began)
        kept.close()
        assert found.outcome.judged == total == n, (found.outcome.judged, total)
        methods = remembering(load_methods())
        records: list[Record] = []
        async for page in _pages(pool, 1, start, end, None):
            records += page.records
        began = time.perf_counter()
        outcome = replay(records, side_of(old, BEGINNING, methods), side_of(new, BEGINNING, methods), Nights({}))
        alone = total / (time.perf_counter() - began)
        assert outcome == found.outcome
        line(
            "replay: two rulebooks, all of it", ours, alone, "judging in memory, no database, no process", "mentions/s"
        )
        line(
            "replay: two rulebooks, once the worker runs",
            total / found.seconds,
            alone,
            "judging in memory",
            "mentions/s",
        )
        await pool.close()


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.replay", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer mentions")
    arguments = parser.parse_args()
    asyncio.run(measured(2_000 if arguments.quick else 20_000))
    return 0


if __name__ == "__main__":
    sys.exit(main())
