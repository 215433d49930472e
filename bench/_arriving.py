"""Mentions that arrive, from a process of its own: `listener.store.record`, as the listener stores, a batch and a transaction 10 times a second.

Each is a post by somebody new that addresses our account and is like no other, so each opens a conversation, is sketched for near-copies, has its
counters, its event and its bell. Only the thinking is left out (no rules, no tone): what is due is drawn among the first 200 conversations of
the queue, so that most arrive above or among what a reader sees.

The process stores while its stdin is open, then says on stdout how many mentions it stored in how many seconds.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from listener.model.heard import Author, Batch, Hearing, Key, Mention
from listener.model.judged import Assessment, Context, Tick, Tone
from listener.model.kinds import Kind, Via
from listener.model.scales import Priority, ToneLabel
from listener.rulebook.shape import Rule
from listener.store import inbox, people, sources
from listener.store.connect import connect_pool
from listener.store.record import record

BATCHES = 10
"""A second."""

SEED = 20261128


class _DueSoon:
    """A judge that only says until when."""

    counts, judges_ours, asks_copies = False, False, False
    counting: Sequence[Rule] = ()

    def __init__(self, first: datetime, last: datetime) -> None:
        self._dice = random.Random(SEED)
        self._first, self._within = first, last - first

    def knows(self, model: str) -> bool:
        """None."""
        return False

    def ticks(self, mention: Mention, hearings: Sequence[Hearing], context: Context, now: datetime) -> tuple[Tick, ...]:
        """None."""
        return ()

    def __call__(self, mention: Mention, hearings: Sequence[Hearing], context: Context, now: datetime) -> Assessment:
        """Due like one of the first in the queue."""
        due = self._first + self._dice.random() * self._within
        tone = Tone(ToneLabel.NOT_SCORED)
        return Assessment(tone, "en", 0.5, Priority.NORMAL, None, due, (), "", False, (), (), "bench", {})


async def arrive(dsn: str, a_second: int, ended: asyncio.Event) -> tuple[int, float]:
    """Stores until it is told to end: how many, in how many seconds."""
    pool = await connect_pool(dsn, application_name="bench arrivals", max_size=1)
    (brand_id, _, _), account = (await people.brands(pool))[0], (await people.accounts(pool))[0]
    source = await sources.open_source(pool, "bluesky/bench", datetime.now(UTC))
    due = [row.due_at for row in await inbox.page(pool, brand_id, "open", limit=200) if row.due_at is not None]
    judge = _DueSoon(due[0], due[-1])
    hearing = (Hearing(brand_id, Via.MENTION, account_id=account.id),)
    run, stored, at_once = time.time_ns(), 0, a_second // BATCHES
    began = time.perf_counter()
    while not ended.is_set():
        now = datetime.now(UTC)
        posts = tuple(_post(f"{run}-{stored + i}", now) for i in range(at_once))
        done = await record(
            pool, source.id, Batch(posts, None, now, heard=at_once), lambda _: hearing, judge, expect=None, now=now
        )
        assert len(done.opened) == at_once
        stored += at_once
        await asyncio.sleep(max(0.0, began + stored / a_second - time.perf_counter()))
    seconds = time.perf_counter() - began
    await pool.close()
    return stored, seconds


def _post(name: str, now: datetime) -> Mention:
    author = Author("bluesky", f"did:plc:{name}", f"new{name}.example")
    words = "".join(random.Random(name).choices("bdfgklmnprstvz", k=60))
    text = " ".join(["@acme.example", *(words[at : at + 5] for at in range(0, 60, 5)), name])
    return Mention(Key("bluesky", f"at://{name}"), "bluesky", author, text, Kind.POST, text.encode(), network_at=now)


class Arrivals:
    """So many a second, for the length of a `with` block; then `rate` says how many a second there were."""

    def __init__(self, dsn: str, a_second: int) -> None:
        command = [sys.executable, "-m", "bench._arriving", str(a_second)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._dsn = dsn
        self.rate = 0.0

    def __enter__(self) -> Arrivals:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{self._dsn}\n")
        self._process.stdin.flush()
        self._process.stdout.readline()
        return self

    def __exit__(self, *_: object) -> None:
        told, _ = self._process.communicate(timeout=60)
        stored, seconds = json.loads(told)
        self.rate = stored / seconds


async def _main() -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    dsn = sys.stdin.readline().strip()

    def heard() -> None:
        if not sys.stdin.buffer.read1():
            loop.remove_reader(sys.stdin)
            ended.set()

    loop.add_reader(sys.stdin, heard)
    print("begins", flush=True)
    print(json.dumps(await arrive(dsn, int(sys.argv[1]), ended)), flush=True)


if __name__ == "__main__":
    asyncio.run(_main())
