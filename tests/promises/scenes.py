"""Scenes for the source promises: each registered source's streams, with somebody who says things on them.

A new source adds its scenes here; `test_every_source_has_a_scene` fails until it does.
"""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypedDict

from listener.sources.base import Source, Stream
from listener.sources.bluesky import Notifications
from listener.sources.bluesky.session import Session
from listener.sources.files import Files, ImportPlan
from listener.webclient.client import WebClient
from pretend.garbage import frames as garbage_frames
from pretend.log import Event
from pretend.network import Network
from pretend.wire import POST
from tests.promises import scenes_mastodon, scenes_telegram
from tests.promises.hearing import bluesky, login_of
from tests.promises.scenes_feeds import FEEDS
from tests.promises.scenes_meta import SCENES_META


class Scene(Protocol):
    """A stream and a world behind it."""

    source: Source

    def stream(self) -> Stream:
        """The stream as a new program would open it: nothing remembered from before."""

    async def say(self, number: int, garbage: int = 0) -> set[str]:
        """So many messages become known; the ids of all. With `garbage`, so many unusable items are among them."""


Stage = Callable[[WebClient, Path], AbstractAsyncContextManager[Scene]]


class Hosts(TypedDict, total=False):
    """By which wire the public stream is read."""

    hosts: tuple[str, ...]
    firehose: tuple[str, ...]


@dataclass
class PublicScene:
    net: Network
    web: WebClient
    folder: Path
    wire: Hosts
    said: int = 0

    def __post_init__(self) -> None:
        self.source: Source = bluesky(self.net, self.web, self.folder, **self.wire)

    def stream(self) -> Stream:
        return bluesky(self.net, self.web, self.folder, **self.wire).streams()[0]

    async def say(self, number: int, garbage: int = 0) -> set[str]:
        ids = set()
        # Frames that are posts in all but one needed thing, so each one is rejected with its reason.
        frames = ("not-json", "text-is-a-number", "no-record", "rkey-with-a-slash", "half")[:garbage]
        log = self.net.world.log
        for place in range(number):
            if place == number // 2:
                for frame in garbage_frames(frames, log.tick()) if frames else ():
                    log.events.append(Event(log.events[-1].seq + 1, log.tick(), "", POST, frame))
            self.said += 1
            ids.add(self.net.stage.post(f"fan{self.said % 3}.test", f"message {self.said}").uri)
        return ids


@dataclass
class NotificationsScene:
    net: Network
    web: WebClient
    folder: Path
    did: str
    said: int = 0

    def __post_init__(self) -> None:
        self.source: Source = bluesky(self.net, self.web, self.folder)

    def stream(self) -> Stream:
        return Notifications(Session(self.web, login_of(self.net), self.folder), self.did, poll=0.05, batch=7)

    async def say(self, number: int, garbage: int = 0) -> set[str]:
        ids = set()
        for _ in range(number):
            self.said += 1
            await asyncio.sleep(0.002)  # the network tells notifications apart by the millisecond
            handle = self.net.account.handle
            ids.add(self.net.stage.post(f"fan{self.said % 3}.test", f"@{handle} message {self.said}").uri)
        for nr in range(garbage):
            record = {"text": nr}
            self.net.stage.post("fan0.test", f"@{self.net.account.handle}", extra=record, validate=False)
        return ids


@dataclass
class FileScene:
    folder: Path
    ending: str
    said: int = 0

    def __post_init__(self) -> None:
        self.path = self.folder / f"history{self.ending}"
        self.source: Source = Files()
        self.write("")

    def write(self, text: str) -> None:
        raw = text.encode() or (b"id,text,author,at\n" if "csv" in self.ending else b'{"text":"","id":"0"}\n')
        self.path.write_bytes(gzip.compress(raw) if self.ending.endswith(".gz") else raw)

    def stream(self) -> Stream:
        return Files((ImportPlan(self.path),), batch=7).streams()[0]

    async def say(self, number: int, garbage: int = 0) -> set[str]:
        """All at once: a file does not grow while it is read."""
        ids = {f"m{n}" for n in range(number)}
        rows = [f"m{n}" for n in range(number)]
        for n in range(garbage):
            rows.insert(number // 2, f"!{n}")
        if "csv" in self.ending:
            lines = ["id,text,author,at"]
            lines += ["only one cell" if row[0] == "!" else f'{row},"text\nof {row}",ann,2024-05-01' for row in rows]
        else:
            lines = ["{half" if row[0] == "!" else json.dumps({"id": row, "text": f"of {row}"}) for row in rows]
        self.write("\n".join(lines) + "\n")
        return ids


def _public(wire: Callable[[Network], Hosts]) -> Stage:
    @asynccontextmanager
    async def stage(web: WebClient, folder: Path) -> AsyncIterator[Scene]:
        async with Network.start() as net:
            yield PublicScene(net, web, folder, wire(net))

    return stage


@asynccontextmanager
async def _notifications(web: WebClient, folder: Path) -> AsyncIterator[Scene]:
    async with Network.start() as net:
        yield NotificationsScene(net, web, folder, net.account.did)


def _file(ending: str) -> Stage:
    @asynccontextmanager
    async def stage(web: WebClient, folder: Path) -> AsyncIterator[Scene]:
        yield FileScene(folder, ending)

    return stage


SCENES: dict[str, dict[str, Stage]] = {
    "bluesky": {
        "jetstream": _public(lambda net: {"hosts": (net.jetstream,)}),
        "jetstream-events": _public(lambda net: {"hosts": (net.jetstream_events,)}),
        "firehose": _public(lambda net: {"firehose": (net.firehose,)}),
        "notifications": _notifications,
    },
    "mastodon": dict(scenes_mastodon.STAGES),
    **SCENES_META,
    "feeds": FEEDS,
    "telegram": {"updates": scenes_telegram.stage},
    "webhook": {},  # it has doors and no streams of its own: test_webhook.py
    "import": {ending: _file(ending) for ending in (".csv", ".csv.gz", ".jsonl", ".jsonl.gz")},
}
