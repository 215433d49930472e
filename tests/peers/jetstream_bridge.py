"""TEST EQUIPMENT: the Jetstream v1 wire, served on loopback from a real network's own firehose.

There is no Jetstream server on any package registry, so this stands in for one: it subscribes to `com.atproto.sync.subscribeRepos` (DAG-CBOR and
CAR frames), turns every operation into the JSON that Jetstream documents for `/subscribe`, and keeps the lot in memory for replay. Events, texts,
keys and CIDs are the real network's; only the envelope is ours, so it proves nothing about Jetstream's own quirks. The pretend network's Jetstream
shows those.

Owns: the translation, both kinds of cursor (1e15 and above is unix microseconds, below is the sequence number; both inclusive; beyond the end is the
live tip), `wantedCollections` (also `prefix.*`), `wantedDids`, `maxMessageSizeBytes`, `options_update`. Refuses, with HTTP 400: `compress` and
`requireHello`.

    python -m tests.peers.jetstream_bridge ws://127.0.0.1:20583/xrpc/com.atproto.sync.subscribeRepos --port 6008
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import aiohttp
import libipld
from aiohttp import web

Json = dict[str, Any]
TIME_CURSOR = 10**15
LARGEST_FRAME = 32 * 2**20


@dataclass(frozen=True, slots=True)
class Event:
    """One Jetstream event and what a subscription filters by."""

    cursor: int
    time_us: int
    did: str
    collection: str | None
    wire: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """A subscription's filters; empty means everything. Account and identity events pass the collections, as on the real thing."""

    collections: tuple[str, ...] = ()
    dids: frozenset[str] = frozenset()
    largest: int = 0

    def takes(self, event: Event) -> bool:
        if self.dids and event.did not in self.dids:
            return False
        if self.largest and len(event.wire.encode()) > self.largest:
            return False
        if event.collection is None or not self.collections:
            return True
        return any(
            event.collection.startswith(name[:-1]) if name.endswith(".*") else event.collection == name
            for name in self.collections
        )

    @classmethod
    def asked(cls, collections: list[str], dids: list[str], largest: object) -> Wanted:
        """Junk for a size is silently read as none, as on the real thing."""
        size = int(str(largest)) if str(largest).isdecimal() else 0
        return cls(tuple(collections), frozenset(dids), size)


class JetstreamBridge:
    """The events so far, and whoever listens to them. `url` is what a Jetstream consumer connects to."""

    def __init__(self, firehose: str) -> None:
        self.firehose = firehose
        self.url = ""
        self.events: list[Event] = []
        self.subscribers = 0
        self._grown = asyncio.Condition()
        self._sockets: set[web.WebSocketResponse] = set()

    async def listen(self) -> None:
        """Follow the firehose from its beginning until it closes; a frame that cannot be read is a failure, not a shrug."""
        async with (
            aiohttp.ClientSession() as http,
            http.ws_connect(f"{self.firehose}?cursor=0", max_msg_size=LARGEST_FRAME, heartbeat=30) as socket,
        ):
            async for message in socket:
                if message.type is not aiohttp.WSMsgType.BINARY:
                    raise ValueError(f"the firehose sent {message.type!r}: {message.data!r}")
                head, body = libipld.decode_dag_cbor_multi(message.data)
                if head["op"] != 1:
                    raise ValueError(f"the firehose said: {body}")
                await self._keep(head["t"], body)

    async def catch_up(self, listening: asyncio.Task[None], quiet: float = 0.2) -> None:
        """Wait until the replay has fallen silent, so that what comes later is live. The firehose has no sign of its own for it."""
        count = -1
        while count < len(self.events) and not listening.done():
            count = len(self.events)
            await asyncio.sleep(quiet)

    async def _keep(self, kind: str, body: Json) -> None:
        async with self._grown:
            for did, collection, event in _translated(kind, body):
                cursor = len(self.events) + 1
                last = self.events[-1].time_us if self.events else 0
                time_us = max(last + 1, _microseconds(body["time"]))
                envelope = {"did": did, "time_us": time_us, "cursor": cursor, **event}
                self.events.append(
                    Event(
                        cursor,
                        time_us,
                        did,
                        collection,
                        json.dumps(envelope, ensure_ascii=False, separators=(",", ":")),
                    )
                )
            self._grown.notify_all()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One subscription."""
        query = request.query
        if query.get("compress") == "true" or query.get("requireHello") == "true":
            return web.json_response({"error": "this bridge does neither compress nor requireHello"}, status=400)
        cursor = query.get("cursor", "")
        if cursor and not cursor.isdecimal():
            return web.json_response({"error": "invalid cursor"}, status=400)
        wanted = Wanted.asked(
            query.getall("wantedCollections", []), query.getall("wantedDids", []), query.get("maxMessageSizeBytes", "0")
        )
        subscription = _Subscription(wanted, self._place(int(cursor)) if cursor else len(self.events))
        socket = web.WebSocketResponse(heartbeat=30)
        await socket.prepare(request)
        self._sockets.add(socket)
        self.subscribers += 1
        sender = asyncio.create_task(self._send(socket, subscription))
        try:
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    subscription.update(message.data)
        finally:
            sender.cancel()
            with suppress(asyncio.CancelledError, ConnectionError):
                await sender
            self._sockets.discard(socket)
            self.subscribers -= 1
        return socket

    async def cut(self) -> None:
        """Close every subscription, as a server that restarts would; clients are expected to come back with their cursor."""
        for socket in list(self._sockets):
            await socket.close(code=aiohttp.WSCloseCode.GOING_AWAY)

    def _place(self, cursor: int) -> int:
        """Where in the events a cursor starts: inclusive; what lies beyond the end is the live tip."""
        if cursor < TIME_CURSOR:
            return min(max(cursor - 1, 0), len(self.events))
        return next((place for place, event in enumerate(self.events) if event.time_us >= cursor), len(self.events))

    async def _send(self, socket: web.WebSocketResponse, subscription: _Subscription) -> None:
        while True:
            while subscription.place < len(self.events):
                event = self.events[subscription.place]
                subscription.place += 1
                if subscription.wanted.takes(event):
                    await socket.send_str(event.wire)
            async with self._grown:
                await self._grown.wait_for(lambda: subscription.place < len(self.events))


@dataclass(slots=True)
class _Subscription:
    wanted: Wanted
    place: int = field(default=0)

    def update(self, frame: str) -> None:
        """`options_update` replaces the filters; any other frame is ignored."""
        said = json.loads(frame)
        if said.get("type") == "options_update":
            options = said["payload"]
            self.wanted = Wanted.asked(
                options.get("wantedCollections", []),
                options.get("wantedDids", []),
                options.get("maxMessageSizeBytes", 0),
            )


def _translated(kind: str, body: Json) -> Iterator[tuple[str, str | None, Json]]:
    """A firehose frame as Jetstream events: did, collection, and the event without its envelope. `#sync` and `#info` have none."""
    if kind == "#commit":
        _, blocks = libipld.decode_car(body["blocks"]) if body["blocks"] else ({}, {})
        for op in body["ops"]:
            collection, rkey = op["path"].split("/", 1)
            commit = {"rev": body["rev"], "operation": op["action"], "collection": collection, "rkey": rkey}
            if op["action"] != "delete":
                commit["record"] = _plain(blocks[op["cid"]])
                commit["cid"] = _cid(op["cid"])
            yield body["repo"], collection, {"kind": "commit", "commit": commit}
    elif kind in ("#identity", "#account"):
        name = kind[1:]
        yield body["did"], None, {"kind": name, name: {key: value for key, value in body.items() if value is not None}}


def _plain(value: Any) -> Any:
    """A decoded record in the JSON form of the data model: links and bytes are written out."""
    if isinstance(value, bytes):
        looks_like_a_link = (
            len(value) == 36 and value[0] == 1 and value[1] in (0x55, 0x71) and value[2:4] == b"\x12\x20"
        )
        return {"$link": _cid(value)} if looks_like_a_link else {"$bytes": base64.b64encode(value).decode().rstrip("=")}
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _cid(octets: bytes) -> str:
    """A version 1 CID as text: multibase base32, lower case, no padding."""
    return "b" + base64.b32encode(octets).decode().rstrip("=").lower()


def _microseconds(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return int(moment.timestamp()) * 1_000_000 + moment.microsecond


@asynccontextmanager
async def jetstream_bridge(firehose: str, port: int = 0) -> AsyncIterator[JetstreamBridge]:
    """A bridge that follows `firehose` and serves on loopback (`port` 0: any free one) until the block ends."""
    bridge = JetstreamBridge(firehose)
    app = web.Application()
    app.router.add_get("/subscribe", bridge.serve)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    host, bound = runner.addresses[0][:2]
    bridge.url = f"ws://{host}:{bound}/subscribe"
    listening = asyncio.create_task(bridge.listen())
    try:
        await bridge.catch_up(listening)
        yield bridge
    finally:
        listening.cancel()
        await bridge.cut()
        await runner.cleanup()
        with suppress(asyncio.CancelledError):
            await listening


async def _run(firehose: str, port: int) -> None:
    async with jetstream_bridge(firehose, port) as bridge:
        print(json.dumps({"jetstream": bridge.url}), flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="the Jetstream v1 wire from a real network's firehose; test equipment")
    parser.add_argument("firehose")
    parser.add_argument("--port", type=int, default=0)
    chosen = parser.parse_args()
    with suppress(KeyboardInterrupt):
        asyncio.run(_run(chosen.firehose, chosen.port))
