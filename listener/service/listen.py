"""Hearing: each stream's batches into the database, with their bookmark, in order, none dropped. Owns the reading of one stream.

A batch is stored before the next one is asked for, so memory does not grow with a burst, however long a model takes over it. While the
database is away the same batch waits. A source that only a person can help is stopped and told, until somebody resumes it; the others go
on. What people pause is closed at once and keeps its bookmark. Refuses to run a stream that another listener runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol, TypeVar

from listener.errors import FixMe, HubbubError, Refused, SourceStopped, TryAgain
from listener.model.accounts import Account
from listener.model.heard import Batch
from listener.service.database import House
from listener.service.pulse import Pulse
from listener.service.rules import Bench
from listener.service.stopping import Backoff, Stop, Stopped
from listener.sources.base import Stream
from listener.store import people, source_health, source_wishes, sources
from listener.store.connect import Pool
from listener.store.record import CursorMoved, Hear, Judge, Recorded, record

log = logging.getLogger("hubbub.listen")

GHOST_SECONDS = 12.0
"""How long a source that another connection holds is waited for: our own dead predecessor's lock ends with its connection."""
GHOST_PAUSE = 0.5

Clock = Callable[[], datetime]
T = TypeVar("T")


class Recorder(Protocol):
    """`listener.store.record.record`; tests hand in one that is wrong on purpose."""

    async def __call__(
        self, pool: Pool, source_id: int, batch: Batch, hear: Hear, judge: Judge, *, expect: str | None, now: datetime
    ) -> Recorded:
        """Items and bookmark, committed together."""
        ...


def wall_clock() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


class _Paused(Exception):
    """People want the stream closed."""


@dataclass(slots=True)
class Ear:
    """One stream being listened to."""

    house: House
    stream: Stream
    bench: Bench
    pulse: Pulse
    stop: Stop
    accounts: Sequence[Account] = ()
    heard: Callable[[Batch, Recorded], None] = lambda _batch, _recorded: None
    """Told after each commit."""
    clock: Clock = wall_clock
    record: Recorder = record
    bell: asyncio.Event = field(default_factory=asyncio.Event)
    """Rings when somebody wants something of this stream."""
    state: str = "new"
    """As `sources.state`, for whoever asks this program."""
    waits: int | None = None
    """The id of the source's row while the next batch is waited for: then the stream lives. None: nothing is waited for."""

    async def listen(self) -> None:
        """Until the service ends. While a person must help this source it waits until they resume it. FixMe when another listener runs it."""
        with contextlib.suppress(Stopped):
            while not self.stop.is_set:
                async with contextlib.AsyncExitStack() as stack:
                    held = await self._hold(stack)
                    opened = await self._persistently(
                        lambda: sources.open_source(self.house.pool, self.stream.key, self.clock())
                    )
                    lost = await self._until_lost(opened, held)
                if lost:
                    log.warning("%s: the connection that holds it was lost; taking it again", self.stream.key)
                else:
                    await self._until_asked(opened.id)

    async def _until_lost(self, opened: sources.OpenSource, held: sources.Hold) -> bool:
        """True when the hold was lost and the stream must be taken again; False when a person must help."""
        try:
            await self._accounts("ready", "")
            await self._read(opened, held)
        except SourceStopped as err:
            await self._stopped(opened.id, err)
            return False
        except CursorMoved:
            raise
        except (FixMe, Refused) as err:
            await self._stopped(opened.id, err)
            return False
        return True

    async def _hold(self, stack: contextlib.AsyncExitStack) -> sources.Hold:
        waited, told = 0.0, False
        while True:
            try:
                return await self._persistently(
                    lambda: stack.enter_async_context(self.house.holds.hold(self.stream.key))
                )
            except Refused as err:
                if waited >= GHOST_SECONDS:
                    raise FixMe(err.what, where=self.stream.key, hint=err.hint) from err
                if not told:
                    log.warning("%s; waiting for it to let go", err)
                    told = True
            waited += GHOST_PAUSE
            await self.stop.pause(GHOST_PAUSE)

    async def _read(self, opened: sources.OpenSource, held: sources.Hold) -> None:
        cursor, backoff = opened.cursor, Backoff()
        while not held.lost.is_set():
            if not await self._unless_paused(opened.id, held):
                return
            log.info("%s: listening %s", self.stream.key, "from its bookmark" if cursor else "from now on")
            batches = self.stream.batches(cursor)
            try:
                while (batch := await self._next(batches, held, opened.id)) is not None:
                    await self._store(opened.id, batch, cursor)
                    cursor = cursor if batch.cursor is None else batch.cursor
                    backoff.reset()
                if not held.lost.is_set():
                    raise SourceStopped("the stream ended", where=self.stream.key, hint="start the listener again")
            except _Paused:
                continue
            except TryAgain as err:
                log.warning("%s: %s", self.stream.key, err)
                await self._fault(err)
                await self._wait(opened.id, err.after if err.after is not None else backoff.next())
            finally:
                if isinstance(batches, AsyncGenerator):
                    await batches.aclose()

    async def _next(self, batches: AsyncIterator[Batch], held: sources.Hold, source_id: int) -> Batch | None:
        """The next batch; None when the stream is at its end or the hold is lost."""
        task = asyncio.ensure_future(anext(batches, None))
        ends = [asyncio.ensure_future(self.stop.wait()), asyncio.ensure_future(held.lost.wait())]
        rung = asyncio.ensure_future(self.bell.wait())
        self.waits = source_id
        try:
            while not task.done():
                await asyncio.wait({task, rung, *ends}, return_when=asyncio.FIRST_COMPLETED)
                if self.stop.is_set:
                    raise Stopped
                if held.lost.is_set():
                    return None
                if rung.done():
                    self.bell.clear()
                    rung = asyncio.ensure_future(self.bell.wait())
                    if await self._is_paused(source_id):
                        raise _Paused  # a batch that is there by now comes again: its bookmark did not move
            return task.result()
        finally:
            self.waits = None
            for end in (*ends, rung, task):
                end.cancel()
            await asyncio.gather(*ends, rung, task, return_exceptions=True)

    # What people want

    async def _is_paused(self, source_id: int) -> bool:
        wanted, _ = await self._persistently(lambda: source_wishes.wanted(self.house.pool, source_id))
        return wanted == "paused"

    async def _unless_paused(self, source_id: int, held: sources.Hold) -> bool:
        """True as soon as nobody wants it paused; False: the hold was lost meanwhile."""
        while await self._is_paused(source_id):
            if self.state != "paused":
                await self._show(source_id, "paused")
                log.info("%s: paused", self.stream.key)
            ends = [asyncio.ensure_future(wait) for wait in (self.stop.wait(), held.lost.wait(), self.bell.wait())]
            try:
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for end in ends:
                    end.cancel()
                await asyncio.gather(*ends, return_exceptions=True)
            if self.stop.is_set:
                raise Stopped
            if held.lost.is_set():
                return False
            self.bell.clear()
        if self.state == "paused":
            await self._show(source_id, "running")
        self.state = "running"
        return True

    async def _show(self, source_id: int, state: str) -> None:
        self.state = state
        await self._persistently(lambda: sources.set_state(self.house.pool, source_id, state, "", self.clock()))

    async def _wait(self, source_id: int, seconds: float) -> None:
        """That long, or until people want it paused."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            await self.stop.wakened(self.bell, left)
            if await self._is_paused(source_id):
                return

    async def _until_asked(self, source_id: int) -> None:
        """A person must help; that they did they say by resuming it."""
        while True:
            await self.stop.wakened(self.bell, 3600.0)
            _, state = await self._persistently(lambda: source_wishes.wanted(self.house.pool, source_id))
            if state != "stopped":
                return

    async def _fault(self, err: HubbubError) -> None:
        now = self.clock()
        await self._persistently(
            lambda: source_health.note_fault(self.house.pool, self.stream.key, err.code, str(err), now)
        )

    async def _store(self, source_id: int, batch: Batch, expect: str | None) -> None:
        """Stores one batch, however long that takes. A commit whose answer was lost is recognised by its bookmark."""
        repeated, bench = False, self.bench.now
        judge = await bench.prepared(batch)

        async def once() -> Recorded | None:
            nonlocal repeated, bench, judge
            again, repeated = repeated, True
            if again and bench is not self.bench.now:
                bench = self.bench.now
                judge = await bench.prepared(batch)
            try:
                return await self.record(
                    self.house.pool, source_id, batch, bench.hear, judge, expect=expect, now=self.clock()
                )
            except CursorMoved:
                if not again or batch.cursor is None:
                    raise
                held = await sources.open_source(self.house.pool, self.stream.key, self.clock())
                if held.cursor != batch.cursor:
                    raise
                return None

        recorded = await self._persistently(once)
        committed = self.clock()
        self.pulse.committed(batch, recorded, committed)
        if recorded is None:
            return
        for gap in batch.gaps:
            log.warning("%s: a gap from %s to %s: %s", self.stream.key, gap.start, gap.end, gap.cause)
        if recorded.rejects:
            log.warning("%s: %d items could not be used; they are kept as rejects", self.stream.key, recorded.rejects)
        self.heard(batch, recorded)

    async def _stopped(self, source_id: int, err: HubbubError) -> None:
        log.error("%s is stopped: %s", self.stream.key, err)
        self.state = "stopped"
        await self._fault(err)
        await self._persistently(
            lambda: sources.set_state(self.house.pool, source_id, "stopped", str(err), self.clock())
        )
        await self._accounts("stopped", str(err))

    async def _accounts(self, state: str, problem: str) -> None:
        """Marks the account whose own stream this is."""
        for account in self.accounts:
            if self.stream.key.endswith(f"/{account.external_id}"):
                mark = functools.partial(people.account_state, self.house.pool, account.id, state, problem)
                await self._persistently(mark)

    async def _persistently(self, act: Callable[[], Awaitable[T]]) -> T:
        return await self.house.persistently(act, self.stop, self.stream.key)
