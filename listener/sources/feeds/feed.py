"""One feed, read for ever: when to look, what is new, and what its server wants. Owns the order of these; knows no format and no other feed.

Where a reading finds nothing new it still hands over an empty batch: a sign of life, and the time of the next look survives a restart.
What goes wrong is told and waited for here, twice as long each time up to a day; only a feed that is gone for good (410) stops.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urljoin

from listener.errors import FixMe, Refused, SourceStopped, TryAgain
from listener.model.heard import Batch, Gap, Item, Key, Mention, Reject
from listener.sources.base import Say
from listener.sources.feeds import bookmark
from listener.sources.feeds.bookmark import Bookmark, Seen
from listener.sources.feeds.convert import convert_entry, kept_of, said_at, space_of, with_revision
from listener.sources.feeds.document import Document, read_document
from listener.sources.feeds.fetch import Fetched, Validators, fetch
from listener.sources.feeds.websub import Subscriptions
from listener.webclient.addresses import Trust
from listener.webclient.client import WebClient

DAY = 86400.0
MANY_FAILURES = 3
"""After so many a feed that moved is looked for where the settings say."""
MOST_PAGES = 50
_MAX_AGE = re.compile(r"max-age\s*=\s*(\d{1,9})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Habits:
    """How feeds are read; a test hurries."""

    every: float = 900.0
    """Seconds between two readings, where the feed does not ask for more."""
    batch: int = 100
    trust: Trust = Trust.STRANGER
    agent: str = ""
    timeout: float = 20.0


@dataclass(frozen=True, slots=True)
class _Read:
    """A document taken apart, with its entries as messages."""

    document: Document
    entries: tuple[tuple[Mention | Reject, datetime | None], ...]
    """With the time at which each says that it became what it is."""


@dataclass(frozen=True, slots=True)
class Turns:
    """How many feeds are fetched and parsed at the same time, of all there are."""

    wires: asyncio.Semaphore
    parsers: asyncio.Semaphore


class Feed:
    """The stream of one feed."""

    def __init__(
        self,
        web: WebClient,
        url: str,
        subscriptions: Subscriptions,
        turns: Turns,
        habits: Habits,
        *,
        say: Say = lambda _: None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.url = url
        """As the settings say, and as it is shown."""
        self.key = space_of(url)
        self.trouble = ""
        """Why nothing is heard now, in words; '' while all is well."""
        self._web = web
        self._hubs = subscriptions
        self._turns = turns
        self._habits = habits
        self._say = say
        self._clock = clock
        self._told = ""

    async def batches(self, cursor: str | None) -> AsyncIterator[Batch]:
        """As `Stream` promises. Without a cursor: what the feed holds now, as history, and then what is new."""
        mark = bookmark.read(cursor) if cursor is not None else Bookmark()
        self._hubs.remember(self.key, mark.subscription.topic)
        while True:
            # A clock that was set back must not silence a feed.
            await asyncio.sleep(min(mark.next_at / 1000 - self._clock().timestamp(), DAY))
            for batch, after in await self._turn(mark):
                mark = after
                yield batch

    async def _turn(self, mark: Bookmark) -> list[tuple[Batch, Bookmark]]:
        """One reading: its batches, each with the bookmark that is in it."""
        validators = Validators(mark.etag, mark.modified, mark.given_by)
        try:
            fetched = await self._fetch(mark.moved or self.url, validators)
            if fetched.answer.status == 304 and not fetched.asked_with:
                raise Refused("the server answered 304 to a plain question", where=self.url, code="http_304")
            if fetched.answer.status not in {200, 304}:
                raise Refused(f"the server answered {fetched.answer.status}", where=self.url, code="http")
        except (TryAgain, Refused) as fault:
            return [self._failed(mark, str(fault), fault.after if isinstance(fault, TryAgain) else None)]
        if fetched.answer.status == 304:
            return [await self._unchanged(mark, fetched)]
        now = self._clock()
        read = await self._parsed(fetched, now)
        if isinstance(read, Reject):
            bad = hashlib.sha256(fetched.answer.body).hexdigest()[:16]
            items = (read,) if bad != mark.bad else ()
            return [self._failed(replace(mark, bad=bad), f"{self.url}: {read.detail}", None, items)]
        return await self._new(mark, fetched, read, now)

    async def _fetch(self, url: str, validators: Validators) -> Fetched:
        habits = self._habits
        async with self._turns.wires:
            fetched = await fetch(self._web, url, validators, habits.trust, agent=habits.agent, timeout=habits.timeout)
        if fetched.answer.status == 410 and url == self.url:
            raise SourceStopped(
                "the feed is gone for good (410)", where=self.url, hint="take it out of the settings", code="gone"
            )
        return fetched

    async def _parsed(self, fetched: Fetched, now: datetime) -> _Read | Reject:
        """In a thread, one at a time: parsing is slow for its size."""
        async with self._turns.parsers:
            return await asyncio.to_thread(_take_apart, fetched, self.key, now)

    # What becomes of a reading

    def _failed(
        self, mark: Bookmark, why: str, after: float | None, items: tuple[Item, ...] = ()
    ) -> tuple[Batch, Bookmark]:
        failures = mark.failures + 1
        pause = max(self._pause(mark, 2.0 ** min(failures, 20)), min(after or 0.0, DAY))
        self.trouble = why
        self._say(f"{self.key}: {why}; next try in {pause:.0f} s")
        moved = mark.moved if failures < MANY_FAILURES else ""
        mark = replace(mark, failures=failures, moved=moved, next_at=self._in(pause))
        return self._batch(mark, items), mark

    async def _unchanged(self, mark: Bookmark, fetched: Fetched) -> tuple[Batch, Bookmark]:
        mark = self._answered(mark, fetched, None)
        mark = await self._subscribed(replace(mark, unchanged=min(mark.unchanged + 1, 1000)), None)
        mark = replace(mark, next_at=self._in(self._next_look(mark)))
        return self._batch(mark, ()), mark

    async def _new(self, mark: Bookmark, fetched: Fetched, read: _Read, now: datetime) -> list[tuple[Batch, Bookmark]]:
        """What is new of a document in batches, the oldest first. Only the last one says that the document is done with."""
        told = read.document.told
        if told and told != self._told:
            self._say(f"{self.key}: {told}")
        self._told = told
        news = self._news(mark, read, now)
        gaps = self._gaps(mark, read, len(news), now)
        seen, size = dict(mark.seen), self._habits.batch
        done, rest = divmod(len(news), size)
        whole = done if rest or not done else done - 1  # batches before the last
        made: list[tuple[Batch, Bookmark]] = []
        for number in range(whole):
            part = news[number * size : (number + 1) * size]
            seen = _remembered(seen, part)
            mark = replace(mark, seen=seen, next_at=0)
            made.append((self._batch(mark, tuple(item for _, item, _ in part), gaps, len(part)), mark))
            gaps = ()
        part = news[whole * size :]
        standing = [bookmark.digest(_name(one)) for one in read.entries]
        before, mark = mark, self._answered(mark, fetched, read.document)
        kept = _standing(_remembered(seen, part), standing)
        mark = replace(mark, seen=kept, begun=True, unchanged=0 if news else min(mark.unchanged + 1, 1000))
        mark = await self._subscribed(mark, read.document)
        mark = replace(mark, next_at=self._in(self._next_look(mark)))
        heard = max(len(read.entries) - whole * size, len(part))
        batch = self._batch(mark, tuple(item for _, item, _ in part), gaps, heard)
        return [*made, (replace(batch, history=not before.begun), mark)]

    def _news(self, mark: Bookmark, read: _Read, now: datetime) -> list[tuple[str, Item, Seen]]:
        """What was not handed over in this state, with what is remembered of it."""
        found: list[tuple[str, Item, Seen]] = []
        gone = {one.id: one.at for one in read.document.gone}
        for name, at in gone.items():
            digest = bookmark.digest(name)
            said = datetime.fromisoformat(at) if at else None
            said = said if said is not None and said <= now else None
            told = bookmark.deletion_of(Key(self.key, name[:512]), said, _seen(mark, digest), now)
            if told is not None:
                found.append((digest, *told))
        for item, said in read.entries:
            digest = bookmark.digest(_name((item, said)))
            if isinstance(item, Reject):
                if digest not in mark.seen:
                    found.append((digest, item, Seen("reject", 0, 0)))
            elif item.key.external_id not in gone:
                news = bookmark.revision_of(item, said, _seen(mark, digest), now, first=not mark.begun)
                if news is not None:
                    revision, kept = news
                    found.append((digest, with_revision(item, revision), kept))
        return found

    def _gaps(self, mark: Bookmark, read: _Read, news: int, now: datetime) -> tuple[Gap, ...]:
        """A feed of which every entry is new went on while nobody looked."""
        if not mark.begun or not mark.seen or not mark.read_at or news < len(read.entries) or len(read.entries) < 3:
            return ()
        if any(bookmark.digest(_name(one)) in mark.seen for one in read.entries):
            return ()
        start = datetime.fromtimestamp(mark.read_at, UTC)
        return (
            (Gap(start, now, "every entry of the feed is new: some may have come and gone in between"),)
            if start < now
            else ()
        )

    def _answered(self, mark: Bookmark, fetched: Fetched, document: Document | None) -> Bookmark:
        """The bookmark after a good answer, without what is decided by its entries."""
        self.trouble = ""
        asked = _MAX_AGE.search(fetched.answer.headers.get("cache-control", ""))
        every = max(min(float(asked[1]), DAY) if asked else 0.0, document.every if document else 0.0)
        given = fetched.validators
        if document is None:  # 304 may leave them out
            every = max(every, float(mark.every) if not asked else 0.0)
            given = Validators(given.etag or mark.etag, given.modified or mark.modified, mark.given_by)
        return replace(
            mark,
            etag=given.etag,
            modified=given.modified,
            given_by=given.given_by,
            moved=fetched.moved or mark.moved,
            failures=0,
            every=int(every),
            read_at=int(self._clock().timestamp()),
            bad="",
        )

    async def _subscribed(self, mark: Bookmark, document: Document | None) -> Bookmark:
        """The bookmark with what the hub agreed to, after asking it where it is time. A hub that fails costs nothing but its news."""
        now = int(self._clock().timestamp())
        kept = self._hubs.brought_up(mark.subscription, self.key, now)
        hub, topic = (document.hub, document.own) if document is not None else (kept.hub, kept.topic)
        try:
            kept = await self._hubs.ask(self._web, self.key, hub, topic, kept, self._habits.trust, now)
        except (TryAgain, Refused, FixMe) as fault:
            self._say(f"{self.key}: no subscription: {fault}")
            kept = replace(kept, hub=hub[:2048], topic=topic[:2048], asked=now)
        return replace(mark, subscription=kept)

    # When to look

    def _next_look(self, mark: Bookmark) -> float:
        """Seconds until the next reading: daily where a hub tells us, a little later each time while nothing changes."""
        now = self._clock().timestamp()
        if (until := mark.subscription.until) > now:
            return min(DAY, max(0.8 * (until - now), self._habits.every))
        return self._pause(mark, min(2.0, 1.0 + mark.unchanged / 8))

    def _pause(self, mark: Bookmark, factor: float) -> float:
        base = max(self._habits.every, float(mark.every))
        return min(DAY, base * factor) * random.uniform(1.0, 1.1)

    def _in(self, seconds: float) -> int:
        return int((self._clock().timestamp() + seconds) * 1000)

    def _batch(self, mark: Bookmark, items: tuple[Item, ...], gaps: tuple[Gap, ...] = (), heard: int = 0) -> Batch:
        times = [item.network_at for item in items if isinstance(item, Mention) and item.network_at is not None]
        return Batch(
            items,
            bookmark.write(mark),
            self._clock(),
            gaps=gaps,
            item_at=max(times, default=None),
            heard=max(heard, len(items)),
            history=not mark.begun,
        )

    # Looking back

    async def before(self, start: datetime, end: datetime) -> AsyncIterator[Batch]:
        """What the feed and the archives or pages that it links to say of a time, as history, the newest page first."""
        url, been = self.url, set[str]()
        while url and url not in been and len(been) < MOST_PAGES:
            been.add(url)
            fetched = await self._fetch(url, Validators())
            if fetched.answer.status != 200:
                raise Refused(f"the server answered {fetched.answer.status}", where=url, code="http")
            now = self._clock()
            read = await self._parsed(fetched, now)
            if isinstance(read, Reject):
                raise Refused(read.detail, where=url, code="not_decoded")
            items, oldest = [], now + timedelta(days=1)
            for item, said in read.entries:
                at = item.network_at if isinstance(item, Mention) else None
                if isinstance(item, Mention) and at is not None:
                    oldest = min(oldest, at)
                    if start <= at <= end:
                        revision, _ = bookmark.revision_of(item, said, None, now, first=True) or ("", None)
                        items.append(with_revision(item, revision))
            yield Batch(tuple(items), None, now, heard=len(read.entries), history=True)
            url = read.document.older if oldest >= start else ""


def _take_apart(fetched: Fetched, space: str, now: datetime) -> _Read | Reject:
    answer = fetched.answer
    document = read_document(answer.body, answer.headers.get("content-type", ""), fetched.url, answer.whole)
    if isinstance(document, Reject):
        return document
    document = _linked(document, answer.headers.get("link", ""), fetched.url)
    entries = tuple((convert_entry(kept, now), said_at(kept.entry, now)) for kept in kept_of(document, space))
    return _Read(document, entries)


_LINK = re.compile(r"<([^<>]{1,2048})>((?:\s*;\s*[A-Za-z*]{1,20}\s*=\s*(?:\"[^\"]{0,500}\"|[^\s;,\"]{0,500})){1,10})")
_REL = re.compile(r"rel\s*=\s*\"?([^\";]{1,200})", re.IGNORECASE)


def _linked(document: Document, header: str, url: str) -> Document:
    """The document with the hub and the address of its own that its `Link` header names: they go before those within."""
    found: dict[str, str] = {}
    for target, parts in _LINK.findall(header[:8192]):
        if (rel := _REL.search(parts)) is not None:
            for word in rel[1].lower().split():
                found.setdefault(word, urljoin(url, target))
    hub, own = found.get("hub", document.hub), found.get("self", document.own)
    return replace(document, hub=hub, own=own or url)


def _name(one: tuple[Mention | Reject, datetime | None]) -> str:
    item = one[0]
    return item.key.external_id if isinstance(item, Mention) else f"reject\x1f{hashlib.sha256(item.raw).hexdigest()}"


def _seen(mark: Bookmark, digest: str) -> Seen | None:
    kept = mark.seen.get(digest)
    return Seen(*kept) if kept is not None else None


def _remembered(
    seen: dict[str, tuple[str, int, int, int]], part: list[tuple[str, Item, Seen]]
) -> dict[str, tuple[str, int, int, int]]:
    """With what a part hands over; the oldest are forgotten, which the feed no longer holds."""
    found = dict(seen)
    for digest, _, one in part:
        found.pop(digest, None)
        found[digest] = (one.content, one.said, one.told, one.changes)
    return dict(list(found.items())[-bookmark.REMEMBERED :])


def _standing(seen: dict[str, tuple[str, int, int, int]], standing: list[str]) -> dict[str, tuple[str, int, int, int]]:
    """With what stands in the feed now at the end, where it is forgotten last."""
    there = {name: seen[name] for name in standing if name in seen}
    return {name: one for name, one in seen.items() if name not in there} | there
