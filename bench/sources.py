"""How fast bytes become our words, beside the plain parsers on the same bytes in the same run. One JSON line a figure.

Run: python -m bench sources [--quick]. `ours` and `peer` are events or rows a second on one core; `ratio` is ours / peer.
The peer of an event is `json.loads`, which only parses (for the firehose: the same events in Jetstream's words); the peer of a CSV row is
`csv.DictReader`. Rounds alternate, the median counts. Two hundred feeds with nothing new in one process tell what a silent source costs.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import random
import re
import resource
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
from aiohttp import ClientSession, web

from listener.sources.base import Stream, Wanted
from listener.sources.bluesky import Habits, Jetstream
from listener.sources.bluesky.convert import POST, convert_jetstream, read_event
from listener.sources.bluesky.frames import convert_frame
from listener.sources.feeds import Feeds
from listener.sources.feeds import Habits as FeedHabits
from listener.sources.feeds.convert import convert_document
from listener.sources.files import ImportPlan, ImportStream
from listener.sources.mastodon.convert import Us as MastodonUs
from listener.sources.mastodon.convert import convert as convert_status
from listener.sources.mastodon.convert import packed
from listener.sources.meta import grams, pages
from listener.sources.meta.hook import GraphHook
from listener.sources.telegram.convert import Us as TelegramUs
from listener.sources.telegram.convert import convert_update
from listener.sources.webhook.convert import Wired
from listener.sources.webhook.convert import convert as convert_delivered
from listener.webclient.addresses import Trust
from listener.webclient.client import WebClient
from pretend.feeds import FeedHost
from pretend.firehose import repos_frame
from pretend.graph import Graph
from pretend.mastodon import Mastodon
from pretend.telegram import GROUP, person

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
                "ratio": round(ours / peer, 3),
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


def framed(message: bytes) -> bytes:
    """A text message as a server's socket carries it."""
    size = len(message)
    return b"\x81" + (bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2, "big")) + message


def serve(frames: list[bytes], port: Connection) -> None:
    """The other end, in a process of its own: sends all frames to whoever connects, then closes.

    Made beforehand and handed over in one piece, so that who receives never waits for who sends: else each would be woken for a few frames,
    and pay for that, by how busy the machine is.
    """
    sent = b"".join(map(framed, frames))

    async def subscribe(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        assert request.transport is not None
        request.transport.write(sent)
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


def wired(number: int) -> dict[str, list[bytes]]:
    """Events of each network as its wire has them, by the pretend platforms: so many, each different."""
    graphed, host = Graph(), FeedHost()
    post, medium = graphed.post("We open today"), graphed.medium("We open today")
    town = Mastodon()
    town.url = "https://town.test"
    for nr in range(number):
        text = f"{' '.join(WORDS[nr % 7 :])} {nr}"
        graphed.comment(post, text)
        graphed.gram_comment(medium, text)
        host.say(text, f"<p>{text}</p>")
        town.say(f"fan{nr % 99}", f"@acme {text} #larkspur")
    bodies = [body for _, body in graphed.deliveries()]
    us = MastodonUs(town.url, "town.test", town.us.id, town.external_id(town.us))
    statuses = [town.status(said) for said in town.statuses.values()]
    updates = [
        {"update_id": nr, "message": {"message_id": nr + 1, "date": 1793610000, "chat": GROUP, "from": person(nr), "text": "where is my parcel"}}
        for nr in range(number)
    ]  # fmt: skip
    messages = [
        {"id": nr, "text": "where is my parcel", "author": {"id": f"c-{nr}", "handle": "mira"}, "account": "shop", "at": 1793610688}
        for nr in range(number)
    ]  # fmt: skip
    return {
        "facebook": [body for body in bodies if b'"object":"page"' in body],
        "instagram": [body for body in bodies if b'"object":"instagram"' in body],
        "mastodon": [packed(us, status) for status in statuses],
        "telegram": [json.dumps(update).encode() for update in updates],
        "webhook": [json.dumps(message).encode() for message in messages],
        "feeds": [json.dumps({"items": json.loads(host.json())["items"][nr : nr + 1]}).encode() for nr in range(min(number, 100))],
    }  # fmt: skip


def converters() -> dict[str, Callable[[bytes], object]]:
    """What each network's bytes are read by."""
    page = GraphHook("facebook", "page", pages.of_notice, app_secret="", verify_token="")
    gram = GraphHook("instagram", "instagram", lambda one: grams.of_notice(one, {}), app_secret="", verify_token="")
    bot, shop = TelegramUs("99", "acme_bot", frozenset()), Wired("shop")
    return {
        "facebook": page.read,
        "instagram": gram.read,
        "mastodon": lambda raw: convert_status(raw, HEARD),
        "telegram": lambda raw: convert_update(bot, raw),
        "webhook": lambda raw: convert_delivered(shop, raw, HEARD),
        "feeds": lambda raw: convert_document(raw, "application/feed+json", "feeds/here", HEARD),
    }


async def idle(number: int, seconds: float) -> dict[str, float]:
    """So many feeds in one process with nothing new: CPU share, memory of each, and how long the loop was ever late."""
    async with FeedHost.start() as host:
        for nr in range(20):
            host.say(f"entry {nr}", "<p>words</p>")
        web, before = WebClient("bench"), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        urls = [f"{host.url}/{nr}/feed.rss" for nr in range(number)]
        source = Feeds(web, urls, habits=FeedHabits(every=900.0, trust=Trust.STRANGER_OR_HERE))
        heard: set[str] = set()

        async def read(stream: Stream) -> None:
            async for _ in stream.batches(None):
                heard.add(stream.key)

        tasks = [asyncio.ensure_future(read(stream)) for stream in source.streams()]
        began = time.process_time()
        while len(heard) < number:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        start, cpu = time.perf_counter(), time.process_time()
        await asyncio.sleep(seconds)
        share = (time.process_time() - cpu) / (time.perf_counter() - start)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await web.close()
    first = (cpu - began) * 1000 / number
    return {
        "cpu_percent": round(100 * share, 2),
        "kib_each": round(grown / number),
        "ms_of_first_reading": round(first, 1),
    }


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
    reads = converters()
    for name, events in wired(200 if args.quick else 1000).items():
        ours, peer = rates(over(events, reads[name]), over(events, json.loads), seconds)
        size = round(statistics.mean(map(len, events)))
        tell(f"{name}: decode and convert / json.loads", "events/s", ours, peer, bytes=size, seed=args.seed)
    sources = 200
    told = asyncio.run(idle(sources, 2.0 if args.quick else 20.0))
    print(json.dumps({"bench": f"feeds: {sources} in one process, nothing new", **told}))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        write_csv(path, rng, 5000)
        ours, peer = rates(lambda: asyncio.run(import_all(path)), lambda: dict_rows(path), seconds)
        tell("import: CSV rows as mentions / csv.DictReader", "rows/s", ours, peer, seed=args.seed)


if __name__ == "__main__":
    main()
