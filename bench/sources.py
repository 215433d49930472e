"""How fast bytes become our words, beside the plain parsers on the same bytes in the same run. One JSON line a figure.

Run: python -m bench sources [--quick]. `ours` and `peer` are events or rows a second on one core; `ratio` is ours / peer.
The peer of a frame is `json.loads`, which only parses (for the firehose: the same events in Jetstream's words); the peer of a CSV row is
`csv.DictReader`. Rounds alternate, the median counts.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import random
import re
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from multiprocessing import Pipe, Process
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import libipld
from aiohttp import ClientSession, WSMsgType, web

from listener.sources.base import Wanted
from listener.sources.bluesky import Habits, Jetstream
from listener.sources.bluesky.convert import POST, convert_jetstream, read_event
from listener.sources.bluesky.frames import convert_frame
from listener.sources.files import ImportPlan, ImportStream
from listener.webclient import WebClient
from pretend.firehose import repos_frame

HEARD = datetime(2026, 11, 2, 9, 12, tzinfo=UTC)
WORDS = re.findall(
    "[a-z]+", "line down again since this morning nobody answers thanks for the quick help it works now router bill"
)


def did(rng: random.Random) -> str:
    return "did:plc:" + "".join(rng.choices("abcdefghijklmnopqrstuvwxyz234567", k=24))


def frame(rng: random.Random, collection: str, operation: str, record: dict[str, Any] | None) -> bytes:
    """One event in the wire's own key order and spacing."""
    rkey = "3m" + "".join(rng.choices("abcdefghijklmnopqrstuvwxyz234567", k=11))
    commit: dict[str, Any] = {"rev": rkey, "operation": operation, "collection": collection, "rkey": rkey}
    if record is not None:
        commit |= {"record": record, "cid": "bafyrei" + "".join(rng.choices("abcdefghijklmnopqrstuvwxyz234567", k=52))}
    head = {
        "did": did(rng),
        "time_us": 1793610689377120 + rng.randrange(10**9),
        "cursor": 48211733901 + rng.randrange(10**6),
    }
    return json.dumps(head | {"kind": "commit", "commit": commit}, ensure_ascii=False, separators=(",", ":")).encode()


def post(rng: random.Random) -> bytes:
    """A post as rich as they come: reply, mention, link, card with a picture, languages. About 1.4 kB."""
    ref = {"uri": f"at://{did(rng)}/{POST}/3mxyz2222222c", "cid": "bafyrei" + "a" * 52}
    text = " ".join(rng.choices(WORDS, k=24)) + " @brand.example https://a.example/x 🙂"
    facets = [
        {
            "index": {"byteStart": 13, "byteEnd": 27},
            "features": [{"$type": "app.bsky.richtext.facet#mention", "did": did(rng)}],
        },
        {
            "index": {"byteStart": 35, "byteEnd": 54},
            "features": [{"$type": "app.bsky.richtext.facet#link", "uri": "https://a.example/x"}],
        },
    ]
    thumb = {"$type": "blob", "ref": {"$link": "bafkrei" + "b" * 51 + "a"}, "mimeType": "image/jpeg", "size": 482113}
    card = {"uri": "https://a.example/x", "title": "A title", "description": "What it is about", "thumb": thumb}
    record = {
        "$type": POST,
        "text": text,
        "createdAt": "2026-11-02T09:11:28.004Z",
        "langs": ["en"],
        "reply": {"root": ref, "parent": ref},
        "facets": facets,
        "embed": {"$type": "app.bsky.embed.external", "external": card},
    }
    return frame(rng, POST, "create", record)


def mix(rng: random.Random) -> bytes:
    """The whole network: likes most of all, follows, reposts, plain posts, deletes."""
    kind = rng.random()
    if kind < 0.58:
        subject = {"uri": f"at://{did(rng)}/{POST}/3mxyz2222222c", "cid": "bafyrei" + "a" * 52}
        record = {"$type": "app.bsky.feed.like", "subject": subject, "createdAt": "2026-11-02T09:11:28.004Z"}
        return frame(rng, "app.bsky.feed.like", "create", record)
    if kind < 0.78:
        record = {"$type": "app.bsky.graph.follow", "subject": did(rng), "createdAt": "2026-11-02T09:11:28.004Z"}
        return frame(rng, "app.bsky.graph.follow", "create", record)
    if kind < 0.86:
        return frame(rng, POST, "delete", None)
    if kind < 0.93:
        return post(rng)
    text = {
        "$type": POST,
        "text": " ".join(rng.choices(WORDS, k=18)),
        "createdAt": "2026-11-02T09:11:28.004Z",
        "langs": ["en"],
    }
    return frame(rng, POST, "create", text)


def rates(ours: Callable[[], int], peer: Callable[[], int], seconds: float) -> tuple[float, float]:
    """(ours, peer) a second: medians of alternating rounds."""
    found: tuple[list[float], list[float]] = ([], [])
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(found[0]) < 5:
        for side, run in enumerate((ours, peer)):
            start = time.perf_counter()
            number = run()
            found[side].append(number / (time.perf_counter() - start))
    return statistics.median(found[0]), statistics.median(found[1])


def tell(bench: str, unit: str, ours: float, peer: float, **more: Any) -> None:
    print(
        json.dumps(
            {
                "bench": bench,
                "ours": round(ours),
                "peer": round(peer),
                "ratio": round(ours / peer, 2),
                "unit": unit,
                **more,
            }
        )
    )


def over(frames: list[bytes], act: Callable[[bytes], object]) -> Callable[[], int]:
    def run() -> int:
        for one in frames:
            act(one)
        return len(frames)

    return run


def write_csv(path: Path, rng: random.Random, rows: int) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["tweet_id", "created_at", "author", "text", "in_reply_to"])
        for number in range(rows):
            text = " ".join(rng.choices(WORDS, k=18))
            writer.writerow(
                [number, "2026-11-02 09:11:28 +0000", f"u{number % 997}", text, number - 1 if number % 3 else ""]
            )


def serve(frames: list[bytes], port: Connection) -> None:
    """The other end, in a process of its own: sends all frames to whoever connects, then closes."""

    async def subscribe(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        for one in frames:
            await socket.send_frame(one, WSMsgType.TEXT)
        await socket.close()
        return socket

    async def run() -> None:
        app = web.Application()
        app.router.add_get("/subscribe", subscribe)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port.send(runner.addresses[0][1])
        await asyncio.Event().wait()

    asyncio.run(run())


async def receive(url: str) -> float:
    """CPU seconds of a client that only receives the frames."""
    async with ClientSession() as session, session.ws_connect(f"{url}/subscribe", decode_text=False) as socket:
        start = time.process_time()
        async for _ in socket:
            pass
    return time.process_time() - start


async def listen(url: str, number: int, wanted: Wanted) -> float:
    """CPU seconds of our stream for as many frames: received, decoded, converted, asked for, batched, bookmarked."""
    client = WebClient("bench")
    stream = Jetstream(client, (url,), wanted, habits=Habits(beat=0.1))
    start = time.process_time()
    heard = 0
    batches = stream.batches(f"us:{int(time.time() * 1e6)}")
    async for batch in batches:
        heard += batch.heard
        if heard >= number:
            break
    taken = time.process_time() - start
    await batches.aclose()  # type: ignore[attr-defined]
    await client.close()
    return taken


def over_the_wire(name: str, frames: list[bytes], rounds: int, seed: int) -> None:
    """Our whole stream beside a bare client on the same frames: events per CPU second of the receiving process."""
    here, there = Pipe()
    server = Process(target=serve, args=(frames, there), daemon=True)
    server.start()
    url = f"ws://127.0.0.1:{here.recv()}"
    ours, peer = [], []
    for _ in range(rounds):
        peer.append(len(frames) / asyncio.run(receive(url)))
        ours.append(len(frames) / asyncio.run(listen(url, len(frames), lambda mention: "zebra" in mention.text)))
    server.kill()
    told = f"jetstream, {name}: received to batch, nothing wanted / bare aiohttp client"
    tell(told, "events/CPU s", statistics.median(ours), statistics.median(peer), seed=seed)


async def import_all(path: Path) -> int:
    return sum([len(batch.items) async for batch in ImportStream(ImportPlan(path)).batches(None)])


def dict_rows(path: Path) -> int:
    with path.open(newline="", encoding="utf-8") as file:
        return sum(1 for _ in csv.DictReader(file))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=2.0, help="for each figure")
    options.add_argument("--quick", action="store_true", help="for a first look")
    options.add_argument("--seed", type=int, default=7)
    args = options.parse_args()
    seconds = 0.2 if args.quick else args.seconds
    rng = random.Random(args.seed)
    for name, make in (("fat posts", post), ("network mix", mix)):
        frames = [make(rng) for _ in range(2000)]
        size = round(statistics.mean(map(len, frames)))
        for what, act in (("decode", read_event), ("decode and convert", lambda one: convert_jetstream(one, HEARD))):
            ours, peer = rates(over(frames, act), over(frames, json.loads), seconds)
            tell(f"jetstream, {name}: {what} / json.loads", "events/s", ours, peer, bytes=size, seed=args.seed)
        binary = [repos_frame(json.loads(one), number) for number, one in enumerate(frames, 1)]
        size = round(statistics.mean(map(len, binary)))
        by_firehose: tuple[tuple[str, Callable[[bytes], object]], ...] = (
            ("decode only", libipld.decode_dag_cbor_multi),
            ("decode and convert", lambda one: convert_frame(one, HEARD)),
        )
        for what, turn in by_firehose:
            ours, peer = rates(over(binary, turn), over(frames, json.loads), seconds)
            tell(f"firehose, {name}: {what} / json.loads", "events/s", ours, peer, bytes=size, seed=args.seed)
        over_the_wire(name, frames * (2 if args.quick else 20), 3, args.seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        write_csv(path, rng, 5000)
        ours, peer = rates(lambda: asyncio.run(import_all(path)), lambda: dict_rows(path), seconds)
        tell("import: CSV rows as mentions / csv.DictReader", "rows/s", ours, peer, seed=args.seed)


if __name__ == "__main__":
    main()
