"""What is around a conversation: its thread and its author's profile, fetched when it opens and seldom again. Owns the queue of those.

A few at a time, each at most once in a while, so that a storm of conversations is not a storm of calls. What was fetched is stored as
context: it opens nothing, moves nothing and calls for no answer. Refuses to hold up hearing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from listener.errors import FixMe, HubbubError, Refused, SourceStopped, TryAgain
from listener.model.heard import Author, Batch, Profile
from listener.service.database import House
from listener.service.hearing import context
from listener.service.rules import Bench
from listener.service.stopping import Stop, Stopped
from listener.sources.base import Source, ThreadRead
from listener.store import context as around
from listener.store import sources as source_rows
from listener.store.context import Surroundings
from listener.store.record import record

log = logging.getLogger("hubbub.threads")
T = TypeVar("T")

AT_ONCE = 3
AGAIN_AFTER = timedelta(minutes=10)
MOST_WAITING = 10_000
STRANGERS_AT_ONCE = 30


@dataclass(slots=True)
class Threads:
    """The conversations to look around, in the order in which they rang."""

    house: House
    sources: Mapping[str, Source]
    bench: Bench
    stop: Stop
    clock: Callable[[], datetime]
    _waiting: dict[int, None] = field(default_factory=dict)
    _strangers: dict[tuple[str, str], Author] = field(default_factory=dict)
    _bell: asyncio.Event = field(default_factory=asyncio.Event)

    def ring(self, conversation_ids: Iterable[int]) -> None:
        """These opened or moved. When very many wait already, they are left for their next move."""
        for conversation_id in conversation_ids:
            if len(self._waiting) < MOST_WAITING:
                self._waiting.setdefault(conversation_id)
        self._bell.set()

    def meet(self, source: str, authors: Iterable[Author]) -> None:
        """These were heard, and the network told no name: they are asked for when nothing else waits."""
        for author in authors:
            if not author.handle and len(self._strangers) < MOST_WAITING:
                self._strangers.setdefault((source, author.external_id), author)
        if self._strangers:
            self._bell.set()

    async def fetch(self) -> None:
        """Until the service ends."""
        with contextlib.suppress(Stopped):
            while True:
                await self.stop.wakened(self._bell, 3600.0)
                while self._waiting or self._strangers:
                    await (self._some() if self._waiting else self._some_strangers())

    async def _some(self) -> None:
        ids = list(self._waiting)[: 10 * AT_ONCE]
        for conversation_id in ids:
            del self._waiting[conversation_id]
        since = self.clock() - AGAIN_AFTER
        due = await self._keep(lambda: around.due(self.house.pool, ids, list(self.sources), since))
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(found: Surroundings) -> None:
            async with gate:
                await self._look(found)

        # One author with several conversations is read once; the rest of them stay for their next move.
        by_author = {(found.author.space, found.author.external_id): found for found in reversed(due)}
        async with asyncio.TaskGroup() as group:
            for found in by_author.values():
                group.create_task(one(found))

    async def _some_strangers(self) -> None:
        some = list(self._strangers.items())[:STRANGERS_AT_ONCE]
        for key, _ in some:
            del self._strangers[key]
        unknown = await self._keep(lambda: around.nameless(self.house.pool, [author for _, author in some]))
        networks = {(author.space, author.external_id): key[0] for key, author in some}
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(author: Author) -> None:
            source = self.sources.get(networks[(author.space, author.external_id)])
            async with gate:
                if source is not None:
                    await self._introduce(source, author)

        async with asyncio.TaskGroup() as group:
            for author in unknown:
                group.create_task(one(author))

    async def _introduce(self, source: Source, author: Author) -> None:
        with contextlib.suppress(Stopped):
            try:
                profile = await self.stop.unless(source.profile(None, author))
            except (TryAgain, Refused, SourceStopped, FixMe) as err:
                log.info("who wrote is not known: %s", err)
                return
            await self._keep(lambda: around.introduced(self.house.pool, author, profile, self.clock()))

    async def _look(self, found: Surroundings) -> None:
        source = self.sources[found.source]
        with contextlib.suppress(Stopped):
            try:
                read = await self.stop.unless(source.thread(found.account, found.key))
                profile = await self.stop.unless(source.profile(found.account, found.author))
            except (TryAgain, Refused, SourceStopped, FixMe) as err:
                await self._failed(found, err)
                return
            await self._store(found, read, profile)

    async def _failed(self, found: Surroundings, err: HubbubError) -> None:
        log.info("conversation %d: its thread could not be read: %s", found.conversation_id, err)
        if not isinstance(err, TryAgain):
            await self._keep(lambda: around.looked_around(self.house.pool, found, None, 0, self.clock()))

    async def _store(self, found: Surroundings, read: ThreadRead, profile: Profile | None) -> None:
        bench = self.bench.now
        hear = context(bench.hearer, found.brand_id)
        new = 0
        if read.mentions:
            key = f"{found.source}/threads"
            opened = await self._keep(lambda: source_rows.open_source(self.house.pool, key, self.clock()))
            batch = Batch(read.mentions, None, self.clock(), heard=len(read.mentions))
            judge = await bench.prepared(batch, hear)
            done = await self._keep(
                lambda: record(self.house.pool, opened.id, batch, hear, judge, expect=None, now=self.clock())
            )
            new = done.new
        await self._keep(lambda: around.looked_around(self.house.pool, found, profile, new, self.clock()))

    async def _keep(self, act: Callable[[], Awaitable[T]]) -> T:
        return await self.house.persistently(act, self.stop, "context")
