"""What a server pushes: its web socket, else its server-sent events, as events with their payload. Owns both wire forms.

Nothing pushed has a bookmark, and nothing is promised to come: whoever listens reads the lists as well. Refuses to say what an event means.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from listener.errors import HubbubError, Refused, TryAgain
from listener.sources.mastodon.convert import MAX_FRAME, decoded, text_of
from listener.sources.mastodon.server import Server

WAITING = 1_000
"""Events that wait for whoever listens; beyond them the server waits."""


class How(IntEnum):
    """By what a server tells us, the best first."""

    SOCKET = 0
    EVENTS = 1
    POLLS = 2


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `payload` is decoded, and None where it could not be."""

    name: str
    payload: Any
    raw: bytes


Told = Event | HubbubError
"""A fault is the last thing that comes."""


@asynccontextmanager
async def opened(
    server: Server, how: How, tags: Sequence[str], *, in_address: bool = False, silence: float = 90.0
) -> AsyncIterator[asyncio.Queue[Told]]:
    """Events of the account and of the tags, as they come. Refused when the server has no such thing, TryAgain when it is away."""
    queue: asyncio.Queue[Told] = asyncio.Queue(WAITING)
    async with AsyncExitStack() as stack:
        if how is How.SOCKET:
            readers = [await stack.enter_async_context(_socket(server, tags, in_address))]
        else:
            paths = [("/api/v1/streaming/user", ""), *(("/api/v1/streaming/hashtag", tag) for tag in tags)]
            readers = [await stack.enter_async_context(_lines(server, path, tag, silence)) for path, tag in paths]
        tasks = [asyncio.ensure_future(_pump(reader, queue)) for reader in readers]
        try:
            yield queue
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _pump(reader: AsyncIterator[Event], queue: asyncio.Queue[Told]) -> None:
    try:
        async for event in reader:
            await queue.put(event)
        await queue.put(TryAgain("the stream ended", code="closed"))
    except HubbubError as fault:
        await queue.put(fault)


# The web socket ------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _socket(server: Server, tags: Sequence[str], in_address: bool) -> AsyncIterator[AsyncIterator[Event]]:
    address = server.socket_address()
    if not address:
        raise Refused("the server names no streaming address that we would go to", where=server.host, code="no_address")
    params = [("stream", "user"), *([("access_token", server.login.secret)] if in_address else [])]
    url = f"{address}/api/v1/streaming"
    async with server.web.socket(url, params=params, headers=server.heads, max_message=MAX_FRAME) as socket:
        for tag in tags:
            await socket.say(json.dumps({"type": "subscribe", "stream": "hashtag", "tag": tag}))

        async def events() -> AsyncIterator[Event]:
            while True:
                if (event := read_frame(await socket.receive())) is not None:
                    yield event

        yield events()


def read_frame(frame: bytes) -> Event | None:
    """An event of the web socket, whose payload is JSON within JSON; None: not an event. Never raises."""
    envelope = decoded(frame)
    if not isinstance(envelope, dict):
        return Event("", None, frame)
    name, payload = text_of(envelope, "event"), envelope.get("payload")
    if not name:
        return None if "error" not in envelope else Event("error", envelope, frame)
    return Event(name, _payload(name, payload), frame)


def _payload(name: str, payload: object) -> Any:
    """Of a delete the bare id, of all others JSON as text; some relatives do not pack it twice."""
    if not isinstance(payload, str):
        return str(payload) if name == "delete" and type(payload) is int else payload
    return payload.strip().strip('"') if name == "delete" else decoded(payload.encode("utf-8", "replace"))


# Server-sent events --------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _lines(server: Server, path: str, tag: str, silence: float) -> AsyncIterator[AsyncIterator[Event]]:
    params = [("tag", tag)] if tag else []
    async with server.web.lines(
        server.base + path, params=params, headers=server.heads, silence=silence, max_line=MAX_FRAME
    ) as lines:
        yield read_lines(lines)


async def read_lines(lines: AsyncIterator[bytes]) -> AsyncIterator[Event]:
    """Events out of the lines of a stream; comments are signs of life."""
    name, data = "", b""
    async for line in lines:
        if line.startswith(b"event:"):
            name = line[6:].strip().decode("utf-8", "replace")
        elif line.startswith(b"data:"):
            data = (data + b"\n" if data else b"") + line[5:].removeprefix(b" ")
            if len(data) > MAX_FRAME:
                raise TryAgain("an event that is too big", code="too_big")
        elif not line:
            if name:
                yield Event(name, _payload(name, data.decode("utf-8", "replace")), data)
            name, data = "", b""
