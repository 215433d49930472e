"""The scenes of feeds: one of each format, on a host that gives validators."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from listener.sources.base import Source, Stream
from listener.sources.feeds import Feeds, Habits
from listener.webclient.addresses import Trust
from listener.webclient.client import WebClient
from pretend.feeds import Entry, FeedHost

QUICK = Habits(every=0.03, batch=7, trust=Trust.STRANGER_OR_HERE, timeout=5.0)


@dataclass
class FeedScene:
    host: FeedHost
    web: WebClient
    ending: str

    def __post_init__(self) -> None:
        self.source: Source = self.feeds()

    def feeds(self) -> Feeds:
        return Feeds(self.web, [f"{self.host.url}/feed.{self.ending}"], habits=QUICK)

    def stream(self) -> Stream:
        return self.feeds().streams()[0]

    async def say(self, number: int, garbage: int = 0) -> set[str]:
        ids = {self.host.say(f"message {len(self.host.entries)}", "<p>words</p>").id for _ in range(number)}
        for nr in range(garbage):
            self.host.entries.insert(number // 2, Entry("", "", extra=f"<category>{nr}</category>"))
        return ids


def feed(ending: str):  # type: ignore[no-untyped-def]
    @asynccontextmanager
    async def stage(web: WebClient, _folder: Path) -> AsyncIterator[FeedScene]:
        async with FeedHost.start() as host:
            yield FeedScene(host, web, ending)

    return stage


FEEDS = {"rss": feed("rss"), "atom": feed("atom")}
