"""The source `feeds`: every feed of the settings as a stream of its own, and the hook at which their hubs deliver. Only listens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from listener.lengths import length
from listener.model.accounts import Capability
from listener.model.heard import Batch, Item
from listener.sources.base import Hook, Say, Stream, Unanswered, Wiring
from listener.sources.feeds import convert
from listener.sources.feeds.convert import NAME
from listener.sources.feeds.feed import Feed, Habits, Turns
from listener.sources.feeds.websub import FeedHook, Subscriptions, key_in
from listener.webclient.addresses import Trust
from listener.webclient.client import WebClient

AT_ONCE = 8
"""Feeds that are fetched at the same time."""

WHY = "a feed can only be read; open the entry's link and answer there"


class Feeds(Unanswered):
    """All feeds of the settings."""

    name = NAME
    why = WHY

    def __init__(
        self,
        web: WebClient,
        urls: Sequence[str],
        subscriptions: Subscriptions | None = None,
        habits: Habits | None = None,
        *,
        say: Say = lambda _: None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        hubs = subscriptions or Subscriptions()
        turns = Turns(asyncio.Semaphore(AT_ONCE), asyncio.Semaphore(1))
        self._feeds = {
            feed.key: feed
            for feed in (Feed(web, url, hubs, turns, habits or Habits(), say=say, clock=clock) for url in urls)
        }
        for feed in self._feeds.values():
            hubs.know(feed.key, feed.url)
        self.hooks: tuple[Hook, ...] = (FeedHook(hubs),) if hubs.callback else ()
        self.capabilities: Mapping[Capability, str] = {
            Capability.REPLY: WHY,
            Capability.PRIVATE_REPLY: WHY,
            Capability.THREAD: "a feed holds entries, not the talk about them",
            Capability.PROFILE: "a feed says no more of an author than a name",
            Capability.LIKE: WHY,
            Capability.HIDE: WHY,
            Capability.DELETE_OWN: WHY,
            Capability.REMOVE: WHY,
            Capability.BLOCK: WHY,
            Capability.EDIT: WHY,
            Capability.MEDIA: WHY,
            Capability.HISTORY: "",
        }

    def streams(self) -> tuple[Stream, ...]:
        """One for each feed."""
        return tuple(self._feeds.values())

    def reread(self, raw: bytes, heard_at: datetime) -> tuple[Item, ...]:
        """As `Source.reread`: an entry as it was kept."""
        return convert.reread(raw, heard_at)

    def look_back(self, stream: str, start: datetime, end: datetime) -> AsyncIterator[Batch] | None:
        """What the feed still holds of that time, and the archives or pages that it links to."""
        feed = self._feeds.get(stream)
        return None if feed is None else feed.before(start, end)

    def length(self, text: str) -> tuple[int, int]:
        """Characters, and no limit: nothing is sent."""
        return length(NAME, text)


def build(wiring: Wiring) -> Feeds:
    """From an operator's settings."""
    own = wiring.options
    callback = own["websub_callback"]
    habits = replace(
        Habits(),
        every=own["interval_minutes"] * 60.0,
        timeout=own["timeout_seconds"],
        trust=Trust.STRANGER_OR_HERE if own["this_machine"] else Trust.STRANGER,
        agent=f"hubbub (+{own['contact']})" if own["contact"] else "",
    )
    subscriptions = Subscriptions(callback, key_in(wiring.folder)) if callback else None
    return Feeds(wiring.web, own["feeds"], subscriptions, habits, say=wiring.say, clock=wiring.clock)
