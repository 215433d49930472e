"""The server at the door: `/hooks/<name>`, `/health`, `/metrics`. Owns its limits: sizes, times, senders, and how many at once.

A delivery is verified over its raw bytes, stored, and only then answered with 2xx; its sender repeats whatever was answered otherwise. It refuses
to parse a body, to log one, and to tell anybody outside what went wrong inside.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import logging
import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from listener.errors import FixMe, HubbubError
from listener.service.database import House
from listener.service.hooks import figures
from listener.service.hooks.links import HEADERS as LINK_HEADERS
from listener.service.hooks.links import PATH as LINKS
from listener.service.hooks.links import Links
from listener.service.hooks.senders import Buckets, Network, Sender, sender_of
from listener.service.stopping import Stop
from listener.settings import Door as DoorSettings
from listener.sources.base import Delivery, Hook, Verdict
from listener.store import alert_lane, alive, deliveries, source_health

log = logging.getLogger("hubbub.hooks")

HEAD_SECONDS = 10.0
BODY_SECONDS = 15.0
"""How long a sender may take to say what it wants, and to bring the body."""
STORE_SECONDS = 10.0
IDLE_SECONDS = 30.0
GRACE_SECONDS = 5.0
MOST_AT_ONCE = 32
MOST_OF_ONE = 16
"""Deliveries that come in at the same time: of all, and of one sender, so that a slow one does not hold every place."""
MOST_CONNECTIONS = 512
REFUSED_COSTS = 5.0
"""Points of a sender's bucket: who guesses is slowed down."""
BIND_SECONDS = 12.0
"""How long an address in use is waited for: our own dead predecessor may hold it for a moment."""
LATER = {"Retry-After": "5"}


@dataclass(frozen=True, slots=True)
class Way:
    """Where deliveries of one hook go."""

    key: str
    """Its stream's."""
    hook: Hook


@dataclass(slots=True)
class Door:
    """One server for all hooks of a program."""

    settings: DoorSettings
    ways: Mapping[str, Way]
    """By the last part of the address."""
    house: House
    stop: Stop
    clock: Callable[[], datetime]
    pulse: Callable[[], Mapping[str, Any]] = dict
    states: Callable[[], Sequence[str]] = tuple
    """Of this program's streams."""
    links: Links | None = None
    """To acknowledge incidents; None: there are none."""
    body_seconds: float = BODY_SECONDS
    head_seconds: float = HEAD_SECONDS
    most_of_one: int = MOST_OF_ONE
    port: int = 0
    """Where it listens, once it does."""
    answered: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By the hook's stream and what its sender was told."""
    _buckets: Buckets = field(init=False)
    _trusted: tuple[Network, ...] = field(init=False)
    _metrics_to: tuple[Network, ...] = field(init=False)
    _busy: Counter[str] = field(default_factory=Counter)
    """Deliveries that are coming in, by sender."""
    _idle: asyncio.Event | None = None
    """While it closes."""
    _refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)
    _seen: tuple[float, bool] = (float("-inf"), False)

    def __post_init__(self) -> None:
        self._buckets = Buckets(self.settings.per_minute)
        self._trusted = tuple(map(ipaddress.ip_network, self.settings.trusted_proxies))
        self._metrics_to = tuple(map(ipaddress.ip_network, self.settings.metrics_to))

    async def serve(self, opened: Callable[[], None] = lambda: None) -> None:
        """Until the service ends; what was begun by then is answered first. FixMe when its address cannot be had."""
        server = _Server(self._answer, self.head_seconds, access_log=None, keepalive_timeout=IDLE_SECONDS,
                         auto_decompress=False, lingering_time=1.0)  # fmt: skip
        runner = web.ServerRunner(server, shutdown_timeout=1.0)
        await runner.setup()
        try:
            if not await self._bound(runner):
                return
            log.info(
                "the door is open at %s:%d: %s",
                self.settings.host,
                self.port,
                ", ".join(sorted(self.ways)) or "no hooks",
            )
            opened()
            while not self.stop.is_set:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.stop.wait(), IDLE_SECONDS)
                with contextlib.suppress(HubbubError):
                    await self._note_refused()
        finally:
            await self._closed(runner)

    async def _closed(self, runner: web.ServerRunner) -> None:
        """Nobody new comes in; what was begun is answered, as far as its sender hurries."""
        self.port = 0
        for site in list(runner.sites):
            await site.stop()
        self._idle = asyncio.Event()
        if self._busy:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), GRACE_SECONDS)
        await runner.cleanup()

    async def _bound(self, runner: web.ServerRunner) -> bool:
        until = time.monotonic() + BIND_SECONDS
        while True:
            site = web.TCPSite(runner, self.settings.host, self.settings.port)
            try:
                await site.start()
            except OSError as err:
                if time.monotonic() >= until:
                    raise FixMe(
                        f"the door cannot listen there: {err.strerror or type(err).__name__}",
                        where=f"{self.settings.host}:{self.settings.port}",
                        hint='another program may: stop it, or say another address, [door] listen = "127.0.0.1:8081"',
                    ) from None
                await site.stop()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.stop.wait(), 0.5)
                    return False
                continue
            self.port = runner.addresses[0][1]
            return True

    # Answering

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Never raises; whoever asks learns nothing about the inside."""
        line = request.protocol
        if isinstance(line, _Line):
            line.begun()
        try:
            return await self._routed(request)
        except HubbubError as err:
            log.warning("a delivery could not be stored, its sender is asked to repeat it: %s", err)
            return _said(503, "not now", LATER)
        except TimeoutError:
            return _said(503, "not now", LATER)
        except (ConnectionError, web.RequestPayloadError):
            return _said(400, "not understood")
        except Exception as err:
            # The type only: what it says may repeat what was delivered.
            log.error("the door: %s", type(err).__name__)
            return _said(500, "not now", LATER)
        finally:
            if isinstance(line, _Line):
                line.over()

    async def _routed(self, request: web.BaseRequest) -> web.StreamResponse:
        peer = request.transport.get_extra_info("peername") if request.transport else None
        sender = sender_of(str(peer[0]) if peer else "", request.headers.getall("X-Forwarded-For", []), self._trusted)
        path = request.path
        if path.startswith("/hooks/"):
            way = self.ways.get(path.removeprefix("/hooks/"))
            if way is None:
                self._buckets.spend(sender.bucket, REFUSED_COSTS, time.monotonic())
                return _said(404, "nothing here")
            return await self._hooked(request, way, sender)
        if self.links is not None and path.startswith(LINKS):
            return await self._linked(request, self.links, sender)
        if request.method != "GET":
            return _said(404, "nothing here")
        if path == "/health":
            return await self._health()
        if path == "/metrics" and (sender.is_here or sender.within(self._metrics_to)):
            return await self._metrics()
        return _said(404, "nothing here")

    async def _hooked(self, request: web.BaseRequest, way: Way, sender: Sender) -> web.StreamResponse:
        if wait := self._buckets.spend(sender.bucket, 1.0, time.monotonic()):
            self.answered[way.key, "too many"] += 1
            return _said(429, "too many", {"Retry-After": str(math.ceil(wait))})
        if request.method == "GET":
            return self._handshake(way, Delivery(_headers(request), b"", dict(request.query), self.clock()))
        if request.method != "POST":
            return _said(405, "only GET and POST", {"Allow": "GET, POST"})
        if self._busy[sender.bucket] >= self.most_of_one:
            self.answered[way.key, "too many"] += 1
            return _said(429, "too many", {"Retry-After": "1"})
        if self._busy.total() >= MOST_AT_ONCE:
            self.answered[way.key, "not now"] += 1
            return _said(503, "not now", {"Retry-After": "1"})
        self._busy[sender.bucket] += 1
        try:
            return await self._delivered(request, way, sender)
        finally:
            self._busy[sender.bucket] -= 1
            self._busy = +self._busy
            if not self._busy and self._idle is not None:
                self._idle.set()

    async def _linked(self, request: web.BaseRequest, known: Links, sender: Sender) -> web.StreamResponse:
        if wait := self._buckets.spend(sender.bucket, 1.0, time.monotonic()):
            return _said(429, "too many", {"Retry-After": str(math.ceil(wait))})
        async with asyncio.timeout(self.body_seconds):
            shown = await known.answer(
                request.method, request.path, _headers(request), lambda most: _body(request, most)
            )
        if shown.status >= 400:
            self._buckets.spend(sender.bucket, REFUSED_COSTS, time.monotonic())
        return web.Response(
            status=shown.status, text=shown.page, content_type="text/html", headers={**_SAFE, **LINK_HEADERS}
        )

    def _handshake(self, way: Way, asked: Delivery) -> web.StreamResponse:
        answer = way.hook.handshake(asked)
        if answer is None:
            return _said(405, "only POST", {"Allow": "POST"})
        status, body = answer
        self.answered[way.key, "handshake" if status < 300 else "refused handshake"] += 1
        kind = "application/json" if body[:1] in (b"{", b"[") else "text/plain"
        return web.Response(status=status, body=body, content_type=kind, headers=_SAFE)

    async def _delivered(self, request: web.BaseRequest, way: Way, sender: Sender) -> web.StreamResponse:
        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            return self._no(way, "packed", _said(415, "send it as it is"))
        try:
            async with asyncio.timeout(self.body_seconds):
                body = await _body(request, way.hook.max_body)
        except TimeoutError:
            return self._no(way, "too slow", _said(408, "too slow"))
        if body is None:
            return self._no(way, "too big", _said(413, "too big"))
        now = self.clock()
        headers = _headers(request)
        verdict = self._verdict(way, Delivery(headers, body, dict(request.query), now))
        if not verdict.taken:
            self._buckets.spend(sender.bucket, REFUSED_COSTS, time.monotonic())
            self._refused[way.key, verdict.why] += 1
            return self._no(way, "refused", _said(verdict.status, "refused"))
        try:
            async with asyncio.timeout(STORE_SECONDS):
                new = await deliveries.take(self.house.pool, way.key, headers, body, verdict.once, now, request.query)
        except (HubbubError, TimeoutError):
            self.answered[way.key, "not now"] += 1
            raise
        self.answered[way.key, "taken" if new else "again"] += 1
        return web.Response(status=verdict.status if 200 <= verdict.status < 300 else 200, headers=_SAFE)

    def _verdict(self, way: Way, delivery: Delivery) -> Verdict:
        try:
            return way.hook.verify(delivery)
        except Exception as err:
            log.error("%s: the check of a delivery broke: %s", way.key, type(err).__name__)
            return Verdict(False, "the check broke", 500)

    def _no(self, way: Way, told: str, response: web.Response) -> web.Response:
        self.answered[way.key, told] += 1
        response.force_close()
        return response

    async def _note_refused(self) -> None:
        """Refused deliveries, counted by reason beside the faults of their stream: never one write each."""
        for (key, why), n in list(self._refused.items()):
            code, what = f"refused: {why}", f"deliveries are refused: {why}"
            await source_health.note_fault(self.house.pool, key, code, what, self.clock(), n)
            self._refused[key, why] -= n
        self._refused = +self._refused

    # What is told about us

    async def _health(self) -> web.StreamResponse:
        async with self._looking:
            at, up = self._seen
            if time.monotonic() - at > 1.0:
                up = await self._database_answers()
                self._seen = (time.monotonic(), up)
        well, told = figures.health(up, self.states())
        return web.Response(
            status=200 if well else 503,
            body=json.dumps(told).encode() + b"\n",
            content_type="application/json",
            headers=_SAFE,
        )

    async def _database_answers(self) -> bool:
        try:
            async with asyncio.timeout(3.0):
                await alive.answers(self.house.pool)
        except (HubbubError, TimeoutError):
            return False
        return True

    async def _metrics(self) -> web.StreamResponse:
        streams, pages = None, []
        now = self.clock()
        async with self._looking:
            with contextlib.suppress(HubbubError, TimeoutError):
                async with asyncio.timeout(STORE_SECONDS):
                    streams = await source_health.everything(self.house.pool, now)
                    pages = await alert_lane.told(self.house.pool, now - timedelta(days=1))
        text = figures.metrics(self.pulse(), self.answered, streams, now, pages)
        return web.Response(body=text, headers={**_SAFE, "Content-Type": figures.CONTENT_TYPE})


_SAFE = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Server": "hubbub"}


def _said(status: int, text: str, more: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(status=status, text=f"{text}\n", headers={**_SAFE, **(more or {})})


def _headers(request: web.BaseRequest) -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}


async def _body(request: web.BaseRequest, most: int) -> bytes | None:
    """The raw bytes; None as soon as there are more than `most`."""
    if (request.content_length or 0) > most:
        return None
    parts, size = [], 0
    async for part in request.content.iter_any():
        size += len(part)
        if size > most:
            return None
        parts.append(part)
    return b"".join(parts)


class _Server(web.Server):
    """Counts connections, and makes each one impatient."""

    def __init__(self, answer: Any, head_seconds: float, **options: Any) -> None:
        super().__init__(answer, **options)
        self._head_seconds = head_seconds
        self._options = options

    def __call__(self) -> web.RequestHandler:
        return _Line(self, self._head_seconds, **self._options)


class _Line(web.RequestHandler):
    """One connection: whoever does not say within a time what they want is cut off. aiohttp itself would wait for ever."""

    def __init__(self, server: _Server, head_seconds: float, **options: Any) -> None:
        super().__init__(server, loop=asyncio.get_running_loop(), **options)
        self._server = server
        self._head_seconds = head_seconds
        self._patience: asyncio.TimerHandle | None = None
        self._answering = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._wait_for_a_head()
        if len(self._server.connections) > MOST_CONNECTIONS:
            self._cut()

    def data_received(self, data: bytes) -> None:
        if not self._answering and self._patience is None:
            self._wait_for_a_head()
        super().data_received(data)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._calm()
        super().connection_lost(exc)

    def begun(self) -> None:
        """A whole head has come."""
        self._answering = True
        self._calm()

    def over(self) -> None:
        """It is answered; the next one may come."""
        self._answering = False

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """What is no HTTP gets a number and nothing else, and no line in the log: it may hold anything."""
        response = _said(status, "not understood")
        response.force_close()
        return response

    def _wait_for_a_head(self) -> None:
        self._patience = asyncio.get_running_loop().call_later(self._head_seconds, self._cut)

    def _calm(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _cut(self) -> None:
        if self.transport is not None:
            self.transport.abort()
