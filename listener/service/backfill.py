"""What was missed, fetched afterwards: gaps are filled where the network lets one look back, and rejects are read again. Owns one source's past.

Everything goes in as history: it opens work where it must, and alerts nobody. A fill that is cut, by a fault or a death, goes on where the source
says that it can, else anew; what is held already stays as it is. Refuses to hold up hearing: it is a loop of its own, one batch at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from listener.errors import FixMe, Refused, SourceStopped, TryAgain
from listener.model.heard import Batch, Gap, Item, Reject
from listener.query.searching import searches
from listener.service.database import House
from listener.service.rules import Bench
from listener.service.stopping import Stop, Stopped
from listener.sources.base import Source
from listener.store import source_wishes
from listener.store.record import record
from listener.store.source_wishes import ToFill, ToReread

log = logging.getLogger("hubbub.backfill")
T = TypeVar("T")

LONGEST_SLEEP = 3600.0
MOST_TRIES = 20
"""Passing faults in a row, without a batch between them, after which a gap is given up until somebody asks for it."""
FIRST_WAIT, LONGEST_WAIT = 5.0, 900.0
REREAD_AT_ONCE = 50

NO_WAY = "the network does not let one look back there"
NO_SEARCH = "that network, or that stream of it, has no search that we can ask"


@dataclass(slots=True)
class Backfill:
    """The past of one source."""

    house: House
    source: Source
    bench: Bench
    bell: asyncio.Event
    """Rings when somebody asks, and when a gap was found."""
    stop: Stop
    clock: Callable[[], datetime]
    first_wait: float = FIRST_WAIT

    async def work(self) -> None:
        """Until the service ends."""
        with contextlib.suppress(Stopped):
            while True:
                while await self._reread_some():
                    pass
                await self.stop.wakened(self.bell, await self._fill_all())

    # Gaps

    async def _fill_all(self) -> float:
        """Fills what can be filled now; how long to sleep then."""
        tried: set[int] = set()
        while True:
            gaps = await self._keep(lambda: source_wishes.to_fill(self.house.pool, self.source.name))
            now = self.clock()
            due = [gap for gap in gaps if gap.id not in tried and (gap.next_at is None or gap.next_at <= now)]
            if not due:
                later = [gap.next_at for gap in gaps if gap.next_at is not None and gap.next_at > now]
                wait = (min(later) - now).total_seconds() if later else LONGEST_SLEEP
                return max(0.05, min(wait, LONGEST_SLEEP))
            tried.add(due[0].id)  # looked at anew after each: somebody may have asked for another one
            await self._fill(due[0])

    async def _fill(self, gap: ToFill) -> None:
        try:
            batches = self._past(gap)
        except Refused as err:
            await self._settle(gap, "failed", str(err))
            return
        if batches is None:
            if gap.asked:
                await self._settle(gap, "lost", NO_SEARCH if gap.topic else NO_WAY)
            return
        log.info("%s: filling a gap from %s to %s", gap.key, gap.start, gap.until)
        tries = gap.tries
        try:
            while (batch := await self.stop.unless(_next(batches))) is not None:
                found = await self._record(gap.source_id, batch.items, batch.heard_at)
                if not await self._came_far(gap, found, _rest(batch.gaps)):
                    log.info("%s: somebody stopped the look back", gap.key)
                    return
                tries = 0
        except TryAgain as err:
            await self._put_off(gap, err, tries)
            return
        except Refused as err:
            await self._settle(gap, "lost", str(err))
            return
        except (SourceStopped, FixMe) as err:
            await self._settle(gap, "failed", str(err))
            return
        finally:
            if isinstance(batches, AsyncGenerator):
                await batches.aclose()
        await self._settle(gap, "filled", "")

    def _past(self, gap: ToFill) -> AsyncIterator[Batch] | None:
        """What is to be read for it, by the rulebook of now. Refused: its topic is gone, or no search can be asked for it."""
        if not gap.topic:
            return self.source.look_back(gap.key, gap.start, gap.until)
        book = self.bench.now.rulebook
        topic = next((one for one in book.topics if one.key == gap.topic), None)
        if topic is None:
            raise Refused(
                "there is no such topic any more", where=gap.topic, hint="hubbub rules topics", code="no_topic"
            )
        asked = searches(topic.query.tree, book.share).asked
        if not asked:
            raise Refused(
                "the topic's query has no word that a network's search could be asked for",
                where=gap.topic,
                hint="look back without a topic, as far as the network keeps its stream",
                code="no_words",
            )
        return self.source.search(gap.key, asked, gap.start, gap.until)

    async def _came_far(self, gap: ToFill, found: int, rest: tuple[datetime, datetime] | None) -> bool:
        return await self._keep(lambda: source_wishes.filling(self.house.pool, gap.id, found, rest))

    async def _put_off(self, gap: ToFill, err: TryAgain, tries: int) -> None:
        if tries + 1 >= MOST_TRIES:
            await self._settle(gap, "failed", str(err))
            return
        wait = err.after if err.after is not None else min(LONGEST_WAIT, self.first_wait * 2**tries)
        log.info("%s: the gap is filled later: %s", gap.key, err)
        at = self.clock() + timedelta(seconds=wait)
        await self._keep(lambda: source_wishes.put_off(self.house.pool, gap.id, str(err), at))

    async def _settle(self, gap: ToFill, state: str, why: str) -> None:
        log.log(logging.INFO if state == "filled" else logging.WARNING, "%s: the gap is %s. %s", gap.key, state, why)
        await self._keep(lambda: source_wishes.settle(self.house.pool, gap.id, state, why, gap.end_at))

    # Rejects

    async def _reread_some(self) -> bool:
        """Whether there may be more."""
        asked = await self._keep(lambda: source_wishes.rejects_asked(self.house.pool, self.source.name, REREAD_AT_ONCE))
        for one in asked:
            await self._reread(one)
        return len(asked) == REREAD_AT_ONCE

    async def _reread(self, asked: ToReread) -> None:
        said = self.source.reread(asked.raw, asked.heard_at)
        items = tuple(item for item in said if not isinstance(item, Reject))
        still = next((item for item in said if isinstance(item, Reject)), None)
        if items:
            await self._record(asked.source_id, items, asked.heard_at)
        await self._keep(lambda: source_wishes.reread(self.house.pool, asked, still, became=bool(items)))

    async def _record(self, source_id: int, items: Sequence[Item], heard_at: datetime) -> int:
        batch = Batch(tuple(items), None, heard_at, heard=len(items), history=True)
        bench = self.bench.now
        judge = await bench.prepared(batch)
        await self._keep(
            lambda: record(self.house.pool, source_id, batch, bench.hear, judge, expect=None, now=self.clock())
        )
        return len(items)

    async def _keep(self, act: Callable[[], Awaitable[T]]) -> T:
        return await self.house.persistently(act, self.stop, f"the past of {self.source.name}")


async def _next(batches: AsyncIterator[Batch]) -> Batch | None:
    return await anext(batches, None)


def _rest(gaps: Sequence[Gap]) -> tuple[datetime, datetime] | None:
    return (min(gap.start for gap in gaps), max(gap.end for gap in gaps)) if gaps else None
