"""Ingest: wire bytes to committed rows, every post stored, beside plain vaderSentiment on the same texts in the same run.

Frames are made here from the scripted day's texts. Ours does decode, convert, hearing, the shipped rules, tone, deduplicated
durable storage with an index of words, conversations, counters and events; the peer does nothing but tone.
Event to committed is measured one post at a time on an idle house.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from importlib.resources import files

import asyncpg

from listener import rulefiles
from listener.assess import Judge, topics_of
from listener.model.heard import Batch, Item, Mention
from listener.rulebook.shape import Rulebook
from listener.service.hearing import Hearer
from listener.service.rules import load_methods
from listener.service.run import GARBAGE
from listener.sources.bluesky.convert import convert_jetstream
from listener.store import people, rulebooks, sources
from listener.store.connect import connect_pool
from listener.store.embedded import embedded
from listener.store.migrate import migrate
from listener.store.programs import scratch_folder
from listener.store.record import record

BATCH = 500
SEED = 20261102


def texts() -> list[str]:
    """The texts of the scripted day."""
    lines = (files("pretend") / "days" / "product-launch.jsonl").read_text("utf-8").splitlines()
    acts = [json.loads(line) for line in lines if line.startswith("{")]
    return [act["say"] for act in acts if isinstance(act.get("say"), str)]


def frames(n: int, us: str, said: Sequence[str], start: datetime) -> list[bytes]:
    """`n` posts by a tenth as many people; each names the account or a topic, so that each is stored."""
    rng = random.Random(SEED)
    made = []
    for i in range(n):
        did = f"did:plc:{rng.randrange(max(1, n // 10)):024d}"
        text = f"{rng.choice(said)[:200]} brambletel {i}"
        record_of: dict[str, object] = {
            "$type": "app.bsky.feed.post",
            "text": text,
            "createdAt": start.isoformat(),
            "langs": ["en"],
        }
        if i % 10 == 0:
            index = {"byteStart": 0, "byteEnd": 1}
            record_of["facets"] = [
                {"index": index, "features": [{"$type": "app.bsky.richtext.facet#mention", "did": us}]}
            ]
        us_time = int((start + timedelta(milliseconds=i)).timestamp() * 1_000_000)
        commit = {
            "rev": f"3{i:012d}", "operation": "create", "collection": "app.bsky.feed.post", "rkey": f"3{i:012d}",
            "cid": f"bafy{i:055d}", "record": record_of,
        }  # fmt: skip
        made.append(json.dumps({"did": did, "time_us": us_time, "kind": "commit", "commit": commit}).encode())
    return made


def line(bench: str, ours: float, peer: float, peer_is: str, unit: str) -> None:
    """One figure."""
    figure = {
        "bench": bench,
        "ours": round(ours, 3),
        "peer": round(peer, 3),
        "peer_is": peer_is,
        "ratio": round(ours / peer, 4),
        "unit": unit,
    }
    print(json.dumps(figure), flush=True)


def rate(run: Callable[[], object], n: int) -> float:
    """Items a second."""
    began = time.perf_counter()
    run()
    return n / (time.perf_counter() - began)


class House:
    """A brand with one account, the shipped rules, and a source to record under."""

    @classmethod
    async def built(cls, pool: asyncpg.Pool) -> House:
        self = cls()
        self.pool = pool
        now = datetime.now(UTC)
        brand_id = await people.ensure_brand(pool, "larkspur", "Larkspur", "UTC")
        account = await people.ensure_account(pool, brand_id, "bluesky", "bluesky", "did:plc:us", "larkspur.test")
        rulebook = rulefiles.load(rulefiles.default_folder())
        assert isinstance(rulebook, Rulebook), rulebook
        await rulebooks.publish(pool, rulebook.hash, rulebook.files, "", now)
        self.hearer = Hearer([account], {brand_id: topics_of(rulebook, "larkspur", lambda: datetime.now(UTC))})
        self.methods = load_methods()
        self.judge = Judge(rulebook, self.methods, lambda: datetime.now(UTC))
        self.source_id = (await sources.open_source(pool, "bluesky/jetstream", now)).id
        self.cursor = None
        return self

    async def take(self, wire: Sequence[bytes]) -> int:
        """Decode, convert and record one batch; how many were stored."""
        now = datetime.now(UTC)
        items: list[Item] = [item for frame in wire if (item := convert_jetstream(frame, now)) is not None]
        cursor = f"us:{hash(wire[-1]) & 0xFFFFFFFF}"
        batch = Batch(tuple(items), cursor, now, heard=len(wire))
        done = await record(self.pool, self.source_id, batch, self.hearer.hear, self.judge, expect=self.cursor, now=now)
        self.cursor = cursor
        return done.new


async def ingest(n: int, singles: int) -> None:
    """All figures of this bench."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    said = texts()
    start = datetime.now(UTC) - timedelta(hours=1)
    wire = frames(n + singles, "did:plc:us", said, start)
    plain = [json.loads(frame)["commit"]["record"]["text"] for frame in wire[:n]]
    vader = SentimentIntensityAnalyzer()
    folder = scratch_folder("hubbub-bench-")
    folder.chmod(0o711)  # as root, Postgres runs as another user
    async with embedded(folder / "data") as server:
        pool = await connect_pool(server.dsn("hubbub"), application_name="bench", max_size=4)
        async with pool.acquire() as connection:
            await migrate(connection, say=lambda _: None)
        house = await House.built(pool)
        ours, peers = [], []
        chunk = max(BATCH, n // 6 // BATCH * BATCH)
        for lo in range(0, n, chunk):  # interleaved, so that a busy machine slows both
            part = wire[lo : lo + chunk]
            began = time.perf_counter()
            stored = 0
            for i in range(0, len(part), BATCH):
                stored += await house.take(part[i : i + BATCH])
            ours.append(len(part) / (time.perf_counter() - began))
            assert stored == len(part), (stored, len(part))
            peers.append(rate(lambda lo=lo: [vader.polarity_scores(t) for t in plain[lo : lo + chunk]], len(part)))  # type: ignore[misc]
        line(
            "ingest: every post stored",
            statistics.median(ours),
            statistics.median(peers),
            "plain vaderSentiment",
            "posts/s",
        )
        began = time.perf_counter()
        for i in range(0, n // 2, BATCH):
            assert await house.take(wire[i : i + BATCH]) == 0
        line(
            "ingest: redelivered, nothing new",
            n // 2 / (time.perf_counter() - began),
            statistics.median(ours),
            "the first time",
            "posts/s",
        )
        await _alone(house, wire[n:])
        _parts(house, wire[:n], statistics.median(ours))
        await _search_kept(house, frames(6 * chunk, "did:plc:us", said, start + timedelta(minutes=30)), chunk)
        await pool.close()


TRIGGERS = {
    "conversation_mentions": ("conversation_mentions_open_words", "conversation_mentions_not_open_words"),
    "conversations": ("conversations_open_words",),
    "mention_versions": ("mention_versions_open_words_edited", "mention_versions_open_words_blanked"),
}


async def _search_kept(house: House, wire: Sequence[bytes], chunk: int) -> None:
    """What it costs that the words of open conversations are kept in an index of their own: the same without it, in turns."""
    speeds: dict[bool, list[float]] = {True: [], False: []}
    for turn, lo in enumerate(range(0, len(wire), chunk)):
        kept = turn % 2 == 0
        for table, triggers in TRIGGERS.items():
            for trigger in triggers:
                await house.pool.execute(f"ALTER TABLE {table} {'ENABLE' if kept else 'DISABLE'} TRIGGER {trigger}")
        part = wire[lo : lo + chunk]
        began = time.perf_counter()
        for i in range(0, len(part), BATCH):
            await house.take(part[i : i + BATCH])
        speeds[kept].append(len(part) / (time.perf_counter() - began))
    line(
        "ingest: with the index of the open inbox",
        statistics.median(speeds[True]),
        statistics.median(speeds[False]),
        "without it",
        "posts/s",
    )


async def _alone(house: House, wire: Sequence[bytes]) -> None:
    """One post at a time: what an idle house needs from bytes to commit, beside an empty durable transaction."""
    took, empty = [], []
    for frame in wire:
        began = time.perf_counter()
        await house.take([frame])
        took.append((time.perf_counter() - began) * 1000)
        began = time.perf_counter()
        async with house.pool.acquire() as connection, connection.transaction():
            await connection.execute("UPDATE sources SET beat_at = clock_timestamp() WHERE id = $1", house.source_id)
        empty.append((time.perf_counter() - began) * 1000)
    for name, q in (("p50", 50), ("p99", 99)):
        line(
            f"one post, bytes to commit, {name}",
            _percentile(took, q),
            _percentile(empty, q),
            "one durable UPDATE",
            "ms",
        )


def _parts(house: House, wire: Sequence[bytes], all_of_it: float) -> None:
    """Where the time goes: each thinking part alone."""
    now = datetime.now(UTC)
    converted: list[Mention] = []
    speed = rate(
        lambda: converted.extend(m for f in wire if isinstance(m := convert_jetstream(f, now), Mention)), len(wire)
    )
    line("part: decode and convert", speed, all_of_it, "the whole ingest", "posts/s")
    line(
        "part: hearing (topics, accounts)",
        rate(lambda: [house.hearer.hear(m) for m in converted], len(wire)),
        all_of_it,
        "the whole ingest",
        "posts/s",
    )


def _percentile(values: Iterable[float], q: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * q // 100)]


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    gc.set_threshold(GARBAGE)  # as the listener has it
    asyncio.run(ingest(3_000 if quick else 30_000, 50 if quick else 300))
    return 0


if __name__ == "__main__":
    sys.exit(main())
