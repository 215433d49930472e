"""A plain aiohttp client of the pretend network: what the tests see is what came over the wire."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from pretend.network import Network

Json = dict[str, Any]
POST = "app.bsky.feed.post"
NOW = "2026-11-02T09:20:00.000Z"


@dataclass
class Answer:
    """An HTTP answer, read whole."""

    status: int
    body: Any
    headers: dict[str, str]

    @property
    def error(self) -> str:
        """The error name."""
        return str(self.body["error"])


class Wire:
    """Calls of one client; `token` is sent where there is one."""

    def __init__(self, session: aiohttp.ClientSession, net: Network) -> None:
        self.session = session
        self.net = net
        self.token = ""
        self.refresh = ""

    @property
    def us(self) -> str:
        return self.net.account.did

    async def call(self, verb: str, path: str, *, token: str | None = None, **options: Any) -> Answer:
        bearer = self.token if token is None else token
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        async with self.session.request(verb, self.net.url + path, headers=headers, **options) as response:
            text = await response.text()
            body = json.loads(text) if text else None
            return Answer(response.status, body, dict(response.headers))

    async def get(self, method: str, token: str | None = None, **params: Any) -> Answer:
        return await self.call("GET", f"/xrpc/{method}", params=params, token=token)

    async def post(self, method: str, token: str | None = None, **body: Any) -> Answer:
        options = {"json": body} if body else {}
        return await self.call("POST", f"/xrpc/{method}", token=token, **options)

    async def log_in(self) -> Json:
        answer = await self.post(
            "com.atproto.server.createSession",
            identifier=self.net.account.handle,
            password=self.net.account.password,
        )
        assert answer.status == 200, answer
        self.token, self.refresh = answer.body["accessJwt"], answer.body["refreshJwt"]
        return dict(answer.body)

    async def put(self, rkey: str, text: str, /, **over: Any) -> Answer:
        record = {"$type": POST, "text": text, "createdAt": NOW} | over
        return await self.post("com.atproto.repo.putRecord", repo=self.us, collection=POST, rkey=rkey, record=record)

    @asynccontextmanager
    async def stream(self, **params: Any) -> AsyncIterator[Stream]:
        address = self.net.url + "/subscribe"
        async with self.session.ws_connect(address, params=params, max_msg_size=0, timeout=CLOSE) as socket:
            yield Stream(socket)


CLOSE = aiohttp.ClientWSTimeout(ws_close=1.0)


class Stream:
    """A Jetstream subscription."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def raw(self, seconds: float = 5.0) -> aiohttp.WSMessage:
        return await self.socket.receive(seconds)

    async def event(self, seconds: float = 5.0) -> Json:
        message = await self.raw(seconds)
        assert message.type is aiohttp.WSMsgType.TEXT, message
        return dict(json.loads(message.data))

    async def events(self, count: int) -> list[Json]:
        return [await self.event() for _ in range(count)]

    async def texts(self, count: int) -> list[str]:
        return [event["commit"]["record"]["text"] for event in await self.events(count)]

    async def quiet(self, seconds: float = 0.2) -> bool:
        """Whether nothing comes for a while."""
        try:
            await self.raw(seconds)
        except TimeoutError:
            return True
        return False


async def everything(socket: aiohttp.ClientWebSocketResponse, seconds: float) -> set[aiohttp.WSMsgType]:
    """The kinds of all messages until none comes for so long."""
    kinds = set()
    while True:
        try:
            kinds.add((await socket.receive(seconds)).type)
        except TimeoutError:
            return kinds


async def until(holds: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait until something holds; fail when it does not in time."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not holds():
        assert asyncio.get_running_loop().time() < deadline, "it never came"
        await asyncio.sleep(0.005)
