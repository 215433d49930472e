"""The Jetstream door: ``GET /subscribe`` as a websocket, the v1 wire of the 2026 servers; other wires are other dresses of the same door.

It owns the subscribers' filters, their place in the log, pings, and the stream's scripted faults. Zstd compression is
refused; permessage-deflate is never offered.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from aiohttp import WSMsgType, web

from pretend import garbage
from pretend.faults import STREAM, Effect, Fault, FaultBook
from pretend.log import Clock, Event, Log
from pretend.settings import Settings
from pretend.wire import DID, NSID

MAX_COLLECTIONS = 100
MAX_DIDS = 10_000
MAX_CLIENT_FRAME = 10_000_000
BATCH = 256

_DOOR = frozenset({Effect.STATUS})
_FLOW = frozenset({Effect.LATE, Effect.CUT, Effect.TWICE, Effect.GARBAGE, Effect.STALL})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a subscriber asked for. Empty sets let everything through."""

    collections: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()
    dids: frozenset[str] = frozenset()
    max_bytes: int = 0

    @classmethod
    def read(cls, collections: Sequence[object], dids: Sequence[object], max_bytes: int) -> Wanted:
        """The filter of a query string or an options_update.

        Raises:
            ValueError: With the sentence for the client.
        """
        full = {str(one) for one in collections if not str(one).endswith(".*")}
        prefixes = {str(one)[:-1] for one in collections if str(one).endswith(".*")}
        people = {str(did) for did in dids}
        bad = next((one for one in full if not NSID.match(one)), None)
        if bad is not None:
            raise ValueError(f"invalid options: invalid collection: {bad}")
        if len(full) + len(prefixes) > MAX_COLLECTIONS:
            raise ValueError(f"invalid options: too many wanted collections: > {MAX_COLLECTIONS}")
        bad = next((did for did in people if not DID.match(did)), None)
        if bad is not None:
            raise ValueError(f"invalid options: invalid DID: {bad}")
        if len(people) > MAX_DIDS:
            raise ValueError(f"invalid options: too many wanted DIDs: {len(people)} > {MAX_DIDS}")
        return cls(frozenset(full), tuple(sorted(prefixes)), frozenset(people), max(0, max_bytes))

    def wants(self, event: Event) -> bool:
        """Whether the subscriber gets this event; account and identity events pass any collection filter."""
        if self.dids and event.did not in self.dids:
            return False
        if self.max_bytes and len(event.frame) > self.max_bytes:
            return False
        if not event.collection or not (self.collections or self.prefixes):
            return True
        return event.collection in self.collections or event.collection.startswith(self.prefixes or "\0")


@dataclass(frozen=True, slots=True)
class Start:
    """Where a subscriber begins."""

    place: int
    first: bytes = b""
    """What it is told before anything else."""
    ends: bool = False
    """That was all."""


class Dress(Protocol):
    """A language of the stream: what may be asked, where a cursor points, and how an event looks."""

    kind: ClassVar[WSMsgType]
    protocols: ClassVar[tuple[str, ...]] = ()

    def wanted(self, request: web.Request) -> Wanted:
        """The filter of a request. ValueError with the sentence for the client."""
        ...

    def start(self, log: Log, cursor: int | None, settings: Settings, now_us: int) -> Start:
        """Where a cursor points. ValueError with the sentence for the client."""
        ...

    def said(self, frame: bytes, seq: int) -> bytes:
        """A frame of `/subscribe` in this language; rubbish as far as it can be said, else as it is. Without a number: its own."""
        ...


@dataclass(frozen=True, slots=True)
class First(Dress):
    """`/subscribe`."""

    kind = WSMsgType.TEXT

    def wanted(self, request: web.Request) -> Wanted:
        """By the names of this wire."""
        query = request.query
        size = _size(query.get("maxMessageSizeBytes", ""))
        return Wanted.read(query.getall("wantedCollections", []), query.getall("wantedDids", []), size)

    def start(self, log: Log, cursor: int | None, settings: Settings, now_us: int) -> Start:
        """Whatever is too old or too new is moved without a word."""
        return Start(log.start(cursor))

    def said(self, frame: bytes, seq: int) -> bytes:
        """As it is."""
        return frame


def _size(text: str) -> int:
    try:
        size = int(text)
    except ValueError:
        return 0
    return size if 0 <= size < 2**32 else 0


class Jetstream:
    """Serves the log to any number of subscribers."""

    def __init__(self, log: Log, book: FaultBook, settings: Settings, dress: Dress, clock: Clock) -> None:
        self._log = log
        self._book = book
        self._settings = settings
        self._dress = dress
        self._clock = clock
        self._open: set[Subscriber] = set()
        self.heard = asyncio.Event()  # set when the first subscriber has come

    @property
    def subscribers(self) -> int:
        """How many are connected now."""
        return len(self._open)

    async def close(self) -> None:
        """Say goodbye to everybody."""
        await asyncio.gather(*(subscriber.hang_up() for subscriber in self._open))

    async def subscribe(self, request: web.Request) -> web.StreamResponse:
        """The aiohttp handler of this door."""
        for fault in self._book.due(STREAM, _DOOR):
            return web.Response(status=fault.status, text=fault.message or "service not ready: warming up")
        query = request.query
        if query.get("compress") == "true":
            return web.Response(status=400, text="zstd is not spoken here: connect without compress=true")
        try:
            wanted = self._dress.wanted(request)
            text = query.get("cursor")
            cursor = int(text) if text else None
            if cursor is not None and cursor < 0:
                raise ValueError("invalid cursor: must not be negative")
            start = self._dress.start(self._log, cursor, self._settings, self._clock())
        except ValueError as error:
            return web.Response(status=400, text=str(error))
        hello = query.get("requireHello") == "true"
        socket = web.WebSocketResponse(
            compress=False,
            autoping=False,
            max_msg_size=MAX_CLIENT_FRAME,
            timeout=0.2,
            protocols=self._dress.protocols,
        )
        await socket.prepare(request)
        if start.first:
            await socket.send_frame(start.first, self._dress.kind)
        if start.ends:
            await socket.close(code=1008)
            return socket
        subscriber = Subscriber(socket, request, wanted, start.place, hello, self._dress)
        self._open.add(subscriber)
        self.heard.set()
        try:
            await subscriber.serve(self._log, self._book, self._settings)
        finally:
            self._open.discard(subscriber)
        return socket


class Subscriber:
    """One connection: a filter, a place in the log and three loops (read, write, ping)."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        request: web.Request,
        wanted: Wanted,
        place: int,
        hello: bool,
        dress: Dress,
    ) -> None:
        self._dress = dress
        self._socket = socket
        self._request = request
        self._wanted = wanted
        self._place = place
        self._greeted = asyncio.Event()
        self._deaf = False  # a scripted stall that does not answer pings either
        self._mute = False  # a scripted stall
        if not hello:
            self._greeted.set()

    async def serve(self, log: Log, book: FaultBook, settings: Settings) -> None:
        """Run until either side ends it."""
        bell = log.bell()
        loops = [
            asyncio.create_task(self._read()),
            asyncio.create_task(self._write(log, bell, book, settings)),
            asyncio.create_task(self._ping(settings)),
        ]
        try:
            await asyncio.wait(loops, return_when=asyncio.FIRST_COMPLETED)
        finally:
            log.unhook(bell)
            for loop in loops:
                loop.cancel()
            for result in await asyncio.gather(*loops, return_exceptions=True):
                if isinstance(result, Exception) and not isinstance(result, ConnectionError | TimeoutError):
                    raise result
            await self.hang_up()

    async def hang_up(self) -> None:
        """Close the websocket politely; a deaf client is not waited for."""
        with contextlib.suppress(ConnectionError):
            await self._socket.close()

    async def _read(self) -> None:
        async for message in self._socket:
            if message.type is WSMsgType.PING and not self._deaf:
                await self._socket.pong(message.data)
            elif message.type is WSMsgType.TEXT and not self._take_options(message.data):
                return

    def _take_options(self, text: str) -> bool:
        """Apply an options_update; False ends the connection, as on the real server."""
        try:
            frame = json.loads(text)
            if not isinstance(frame, dict) or frame.get("type") != "options_update":
                return True  # unknown frames are ignored
            payload = frame.get("payload") or {}
            self._wanted = Wanted.read(
                payload.get("wantedCollections") or [],
                payload.get("wantedDids") or [],
                int(payload.get("maxMessageSizeBytes") or 0),
            )
        except (ValueError, TypeError, AttributeError, RecursionError):
            return False
        self._greeted.set()
        return True

    async def _ping(self, settings: Settings) -> None:
        while True:
            await asyncio.sleep(settings.ping_seconds or 3600)
            if not self._mute and settings.ping_seconds:
                await self._socket.ping()

    async def _write(self, log: Log, bell: asyncio.Event, book: FaultBook, settings: Settings) -> None:
        await self._greeted.wait()
        while True:
            bell.clear()
            batch = log.events[self._place : self._place + BATCH]
            if not batch:
                await bell.wait()
                continue
            for event in batch:
                self._place += 1
                if not self._wanted.wants(event):
                    continue
                faults = book.due(STREAM, _FLOW)
                if faults and not await self._misbehave(event, faults):
                    return
                async with asyncio.timeout(settings.write_timeout_seconds):
                    await self._socket.send_frame(self._dress.said(event.frame, event.seq), self._dress.kind)
            await asyncio.sleep(0)

    async def _misbehave(self, event: Event, faults: list[Fault]) -> bool:
        """Carry out the script before an event is sent; False when the connection is gone."""
        for fault in faults:
            match fault.effect:
                case Effect.LATE:
                    await asyncio.sleep(fault.seconds)
                case Effect.TWICE:
                    await self._socket.send_frame(self._dress.said(event.frame, event.seq), self._dress.kind)
                case Effect.GARBAGE:
                    for frame in garbage.frames(fault.frames, event.time_us):
                        await self._socket.send_frame(self._dress.said(frame, 0), self._dress.kind)
                case Effect.STALL:
                    self._mute, self._deaf = True, not fault.pongs
                    await asyncio.sleep(fault.seconds or 10**8)
                    self._mute = self._deaf = False
                case _:
                    self._abort()
                    return False
        return True

    def _abort(self) -> None:
        if self._request.transport is not None:
            self._request.transport.abort()
