"""What addresses an account of ours, what it says itself, and the tags that it follows. Owns how pushed events and lists come together.

On every connection: subscribe first, then read the lists from the bookmark on, then take what was pushed meanwhile; what comes twice is
handed over once. Only the lists move the bookmark: what is pushed has no order that could be resumed. Refuses to mark anything as read.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from listener.errors import HubbubError, Refused, SourceStopped, TryAgain
from listener.model.heard import Batch, Deleted, Gap, Item, Limits, Mention, Reason, Reject
from listener.sources.base import Say, Wanted
from listener.sources.mastodon.convert import (
    ADDRESSING,
    MAX_RAW,
    NAME,
    Us,
    convert,
    packed,
    parse_time,
    text_of,
)
from listener.sources.mastodon.events import Event, How, Told, opened
from listener.sources.mastodon.ids import Ids
from listener.sources.mastodon.lists import NOTES, OWN, SEARCH, TAG, Leaf, Lists, Mark, Marks, read_marks
from listener.sources.mastodon.server import Server

LAST_DAY = timedelta(hours=24)
"""How far back the first look at a list goes."""
CLOCKS = timedelta(minutes=10)
"""How far the server's clock may be behind ours."""
_REMEMBERED = 5_000


@dataclass(frozen=True, slots=True)
class Habits:
    """How patiently and how often; tests hurry."""

    poll: float = 30.0
    """Seconds between two looks at the lists where nothing is pushed,"""
    sweep: float = 300.0
    """and where it is: what a server holds back (filtered notifications) is only there."""
    first_pause: float = 1.0
    longest_pause: float = 60.0
    silence: float = 90.0
    linger: float = 0.05
    """Seconds in which pushed events are gathered into one batch."""
    page: int = 80
    batch: int = 200
    better: float = 900.0
    """Seconds after which a better way of being told is tried again."""
    tries: int = 3
    """How often a way may fail in turn before a lesser one is taken."""


class UserStream:
    """One account of ours."""

    def __init__(
        self,
        server: Server,
        us: Us,
        ids: Ids,
        tags: Sequence[str] = (),
        *,
        habits: Habits | None = None,
        in_address: bool = False,
        best: How = How.SOCKET,
        wanted: Wanted = lambda _: True,
        say: Say = lambda _: None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.key = f"{NAME}/user/{us.external_id}"
        self.trouble = ""
        """Why nothing is heard now, in words; '' while all is well."""
        self.how = best
        """By what we are told."""
        self._server, self._us, self._ids = server, us, ids
        self._tags = tuple(dict.fromkeys(tag.lstrip("#") for tag in tags if tag.lstrip("#")))
        self._habits = habits or Habits()
        self._in_address, self._best = in_address, best
        self._wanted, self._say, self._clock = wanted, say, clock
        self._lists = Lists(server, size=self._habits.page)
        self._handed: OrderedDict[str, None] = OrderedDict()

    async def batches(self, cursor: str | None) -> AsyncIterator[Batch]:
        """As `Stream` promises. Without a cursor: the last day."""
        marks = read_marks(cursor)
        self._handed.clear()
        fails = refusals = 0
        loop = asyncio.get_running_loop()
        while True:
            begun = loop.time()
            try:
                async for batch in self._once(marks):
                    self.trouble, refusals = "", 0
                    yield batch
                continue
            except Refused as no:
                fault: HubbubError = no
                refusals += 1
                if refusals >= 3:
                    raise SourceStopped(no.what, where=no.where, hint=no.hint, code=no.code) from None
            except TryAgain as passing:
                fault = passing
            fails = 1 if loop.time() - begun > self._habits.silence else fails + 1
            if fails >= self._habits.tries and self.how is not How.POLLS:
                self.how, fails = How(self.how + 1), 0
            self.trouble = str(fault)
            pause = random.uniform(0, min(self._habits.longest_pause, self._habits.first_pause * 2 ** min(fails, 10)))
            pause = max(pause, min(getattr(fault, "after", None) or 0.0, 900.0))
            self._say(f"{self.key}: {self.trouble}; next try in {pause:.1f} s")
            await asyncio.sleep(pause)

    async def _once(self, marks: Marks) -> AsyncIterator[Batch]:
        """One connection, or a while of polling. Ends by itself when a better way is to be tried again."""
        await self._server.ask_customs()
        limits = self._limits()
        until = asyncio.get_running_loop().time() + self._habits.better
        if self.how is How.POLLS:
            while asyncio.get_running_loop().time() < until:
                async for batch in self._sweep(marks, limits):
                    yield batch
                limits = ()
                await asyncio.sleep(self._habits.poll)
            self.how = self._best
            return
        subscribed = False
        try:
            async with opened(
                self._server, self.how, self._tags, in_address=self._in_address, silence=self._habits.silence
            ) as queue:
                subscribed = True
                async for batch in self._sweep(marks, limits):
                    yield batch
                async for batch in self._pushed(queue, marks):
                    yield batch
        except Refused as no:
            if subscribed:
                raise
            self._say(f"{self.key}: no {'web socket' if self.how is How.SOCKET else 'event stream'} here: {no.what}")
            self.how = How(self.how + 1)

    async def _pushed(self, queue: asyncio.Queue[Told], marks: Marks) -> AsyncIterator[Batch]:
        """What is pushed, until that breaks; now and then the lists."""
        loop = asyncio.get_running_loop()
        sweep_at = loop.time() + self._habits.sweep
        while True:
            try:
                async with asyncio.timeout_at(sweep_at):
                    told = [await queue.get()]
            except TimeoutError:
                told = []
            if told:
                if queue.empty():
                    await asyncio.sleep(self._habits.linger)
                while not queue.empty() and len(told) < self._habits.batch:
                    told.append(queue.get_nowait())
            events = [one for one in told if isinstance(one, Event)]
            fault = next((one for one in told if isinstance(one, HubbubError)), None)
            items: list[Item] = []
            stuck = False
            for event in events:
                try:
                    # Where the server cannot be asked, the lists bring all else again, but nothing says twice that a message is gone.
                    items += await self._event(event) if event.name == "delete" or not stuck else []
                except TryAgain as passing:
                    stuck, fault = True, passing
            if events:
                yield self._batch(items, None, len(events))
            if fault is not None:
                raise fault
            merged = any(event.name == "notifications_merged" for event in events)
            if merged or loop.time() >= sweep_at:
                async for batch in self._sweep(marks):
                    yield batch
                sweep_at = loop.time() + self._habits.sweep

    # The lists -------------------------------------------------------------------------------------------------------

    async def _sweep(self, marks: Marks, limits: tuple[Limits, ...] = ()) -> AsyncIterator[Batch]:
        """All lists from their bookmarks on. Always at least one batch: it is a sign of life."""
        some = False
        for place in (NOTES, OWN, *(TAG + tag for tag in self._tags)):
            mark = marks.places.get(place)
            forwards = (
                self._forwards(place, mark, marks) if mark is not None and mark.id else self._first(place, mark, marks)
            )
            async for batch in forwards:
                some = True
                yield batch
        if not some or limits:
            yield self._batch([], marks.cursor(), 0, limits=limits)

    async def _first(self, place: str, mark: Mark | None, marks: Marks) -> AsyncIterator[Batch]:
        """The first look at a list: the last day, or what came since it was empty."""
        now = self._clock()
        since = now - LAST_DAY if mark is None else mark.at
        leaves = [leaf async for leaf in self._lists.back(self._us, place, since)]
        if not leaves:
            if mark is None:
                marks.places[place] = Mark("", now - CLOCKS)
            return
        for leaf in reversed(leaves):
            items = await self._items(place, leaf.entries, since)
            marks.places[place] = Mark(leaf.after or leaf.oldest, leaf.ends() or now)
            yield self._batch(items, marks.cursor(), len(leaf.entries))

    async def _forwards(self, place: str, mark: Mark, marks: Marks) -> AsyncIterator[Batch]:
        """From the bookmark on until nothing more comes, and the newest page."""
        newest = await self._lists.page(self._us, place)
        known = any(text_of(one, "id") == mark.id for one in newest.entries)
        gaps = () if known or place != NOTES else await self._cleared(newest, mark)
        if not known:
            at = mark
            for _ in range(1_000_000):
                leaf = await self._lists.page(self._us, place, min_id=at.id)
                if not leaf.entries or not leaf.after or leaf.after == at.id:
                    break
                at = Mark(leaf.after, leaf.ends() or at.at)
                items = await self._items(place, leaf.entries)
                marks.places[place] = at
                yield self._batch(items, marks.cursor(), len(leaf.entries), gaps=gaps)
                gaps = ()
        items = await self._items(place, newest.entries)
        if known and newest.after:
            marks.places[place] = Mark(newest.after, newest.ends() or mark.at)
        if items or gaps:
            yield self._batch(items, marks.cursor(), len(newest.entries), gaps=gaps)

    async def _cleared(self, newest: Leaf, mark: Mark) -> tuple[Gap, ...]:
        """A gap where the server keeps nothing as old as our bookmark any more: somebody cleared the list, and what came between is gone."""
        begins, now = newest.begins(), self._clock()
        if newest.entries and (begins is None or begins <= mark.at or not newest.oldest):
            return ()
        if newest.oldest and (await self._lists.page(self._us, NOTES, max_id=newest.oldest)).entries:
            return ()
        return (Gap(mark.at, max(mark.at, begins or now), "the server keeps no notifications of that time any more"),)

    async def look_back(self, start: datetime, end: datetime) -> AsyncIterator[Batch]:
        """What the lists still hold of a time, the newest first."""
        async for batch in self._back((NOTES, *(TAG + tag for tag in self._tags)), start, end):
            yield batch

    async def search(self, searches: Sequence[str], start: datetime, end: datetime) -> AsyncIterator[Batch]:
        """What the server finds of a time, the newest first: #tags by their timelines, all else by its search of what is said."""
        places = [TAG + one[1:] if one.startswith("#") else SEARCH + one for one in searches]
        async for batch in self._back(places, start, end):
            yield batch

    async def _back(self, places: Sequence[str], start: datetime, end: datetime) -> AsyncIterator[Batch]:
        for place in places:
            async for leaf in self._lists.back(self._us, place, start):
                inside = [one for one in leaf.entries if start <= (parse_time(text_of(one, "created_at")) or end) < end]
                items = await self._items(place, inside, remember=False)
                if items:
                    yield Batch(tuple(items), None, self._clock(), heard=len(inside), history=True)

    # Items -----------------------------------------------------------------------------------------------------------

    async def _items(
        self, place: str, entries: Sequence[Any], since: datetime | None = None, *, remember: bool = True
    ) -> list[Item]:
        """Entries of a list as items, the oldest first, without those that were handed over already."""
        fresh = [
            one
            for one in reversed(entries)
            if since is None or (parse_time(text_of(one, "created_at")) or since) >= since
        ]
        if place == NOTES:
            made = await asyncio.gather(*(self._noted(one) for one in fresh))
        else:
            made = await asyncio.gather(*(self._said(one, all_of_it=place == OWN) for one in fresh))
        return [item for item in made if item is not None and (not remember or self._is_new(item))]

    async def _event(self, event: Event) -> list[Item]:
        """What a pushed event comes to."""
        match event.name:
            case "notification":
                item = await self._noted(event.payload)
            case "update":
                item = await self._said(event.payload)
            case "status.update":
                item = await self._said(event.payload, all_of_it=True)
            case "delete":
                key = self._ids.key(event.payload) if isinstance(event.payload, str) else None
                item = None if key is None else Deleted(key)
            case "":
                item = Reject(Reason.NOT_DECODED, "an event that is not JSON", event.raw[:MAX_RAW])
            case _:
                item = None  # conversations, filters, announcements, and what is not thought of yet
        return [item] if item is not None and self._is_new(item) else []

    async def _noted(self, note: Any) -> Item | None:
        """A notification; None: one that brings no message."""
        if not isinstance(note, dict):
            return Reject(Reason.WRONG_SHAPE, "a notification that is none", packed(self._us, note, note="?")[:MAX_RAW])
        kind = text_of(note, "type")
        if kind and kind not in ADDRESSING:
            return None
        at = text_of(note, "created_at") if kind in {"mention", "quote", "status"} else ""
        return await self._made(note.get("status"), note=kind or "?", told_at=at)

    async def _said(self, status: Any, *, all_of_it: bool = False) -> Item | None:
        """A status of a timeline; None: it concerns nobody (or it repeats what another said)."""
        if isinstance(status, dict) and status.get("reblog") is not None:
            return None
        if not all_of_it:
            mention = convert(packed(self._us, status), self._clock())
            ours = isinstance(mention, Mention) and mention.author.external_id == self._us.external_id
            if isinstance(mention, Mention) and not ours and not self._wanted(mention):
                if isinstance(status, dict):
                    self._ids.learn(self._us, status)
                return None
        return await self._made(status)

    async def _made(self, status: Any, *, note: str = "", told_at: str = "") -> Item:
        parent = ""
        if isinstance(status, dict):
            self._ids.learn(self._us, status)
            parent = await self._ids.parent(self._us, status)
        return convert(packed(self._us, status, parent=parent, note=note, told_at=told_at), self._clock())

    def _is_new(self, item: Item) -> bool:
        """Whether it was not handed over by this call yet, in this state."""
        if isinstance(item, Mention):
            name = f"{item.key.space} {item.key.external_id} {item.revision} {item.content_id}"
        elif isinstance(item, Reject):
            name = hashlib.sha256(item.raw).hexdigest()
        else:
            return True
        if name in self._handed:
            return False
        self._handed[name] = None
        if len(self._handed) > _REMEMBERED:
            self._handed.popitem(last=False)
        return True

    def _batch(
        self,
        items: Sequence[Item],
        cursor: str | None,
        heard: int,
        *,
        gaps: tuple[Gap, ...] = (),
        limits: tuple[Limits, ...] = (),
    ) -> Batch:
        times = [item.network_at for item in items if isinstance(item, Mention) and item.network_at is not None]
        return Batch(
            tuple(items), cursor, self._clock(), gaps=gaps, item_at=max(times, default=None), heard=heard, limits=limits
        )

    def _limits(self) -> tuple[Limits, ...]:
        """What this server takes, for whoever writes."""
        terms = self._server.customs.terms
        return (Limits(self._us.external_id, terms.characters, terms.per_link),)


def envelope_of(us: Us, status: Mapping[str, Any], parent: str) -> bytes:
    """A status of a thread as it is kept."""
    return packed(us, status, parent=parent)
