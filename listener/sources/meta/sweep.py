"""The sweep: what webhooks missed, read again and again by looking at posts and at the comments under those where something happened.

Owns the bookmark (the beginning of the last whole turn) and how far each turn goes behind it. Webhooks have no history and are dropped
after a day and a half, so everything since the bookmark is read again; what was handed over already and has not changed is not handed
over again. A turn in which nothing happened costs one call for each list of posts. Refuses to read more of one post than `MOST_PAGES`.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from listener.errors import Refused, SourceStopped, TryAgain
from listener.model.heard import Batch, Gap, Hidden, Item, Mention
from listener.sources.base import Say

LAST_DAY = timedelta(hours=24)
"""How far back the first turn of a new account goes."""
MOST_PAGES = 50
BATCH = 200
WATCH_SECONDS = 3600.0
"""How often the webhook's subscription and the login's end are looked after."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A post as a list of posts shows it; or a conversation in private."""

    id: str
    items: tuple[Item, ...]
    sign: str
    """Differs when something happened at it."""
    moved_at: datetime | None
    """When something last happened at it; None: the network does not say."""
    commented: bool = True
    """Whether its comments are for us."""
    person: str = ""
    """Whom a conversation in private is with; '' : it is a post."""


class Ground(Protocol):
    """What a network lets one read of an account of ours."""

    def spots(self, since: datetime) -> AsyncIterator[Spot]:
        """Posts at which something may have happened, the newest of each list; those named are read anyway."""
        ...

    def comments(self, spot: Spot, since: datetime) -> AsyncIterator[tuple[list[Item], bool]]:
        """What was said there that may be newer, page by page, each with whether it was cut there."""
        ...

    async def watch(self) -> None:
        """Look after what makes webhooks come."""
        ...


class Sweep:
    """The stream of one account."""

    def __init__(
        self,
        key: str,
        ground: Ground,
        *,
        poll: float,
        overlap: timedelta,
        batch: int = BATCH,
        say: Say = lambda _: None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.key = key
        self.trouble = ""
        """Why nothing is heard now, in words; '' while all is well."""
        self._ground = ground
        self._poll = poll
        self._overlap = overlap
        self._size = batch
        self._say = say
        self._clock = clock
        self._bell = asyncio.Event()

    def poke(self) -> None:
        """Look now instead of at the next turn."""
        self._bell.set()

    async def batches(self, cursor: str | None) -> AsyncIterator[Batch]:
        """As `Stream` promises. Without a cursor: the last day."""
        turn = _Turn(_read(cursor) if cursor is not None else self._clock() - LAST_DAY)
        failures = refusals = 0
        watched: datetime | None = None
        while True:
            self._bell.clear()
            pause, began = self._poll, self._clock()
            try:
                if watched is None or (began - watched).total_seconds() >= WATCH_SECONDS:
                    watched = began
                    await self._watch()
                async for batch in self._turn(turn):
                    yield batch
            except Refused as fault:
                refusals += 1
                if refusals >= 3:
                    raise SourceStopped(fault.what, where=fault.where, code=fault.code, hint=fault.hint) from None
                self.trouble = str(fault)
            except TryAgain as fault:
                failures += 1
                pause = max(random.uniform(0, min(300.0, 2.0 ** min(failures, 9))), fault.after or 0.0)
                self.trouble = str(fault)
                self._say(f"{self.key}: {self.trouble}; next try in {pause:.0f} s")
            else:
                failures, refusals, self.trouble = 0, 0, ""
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._bell.wait()

    async def _watch(self) -> None:
        """Nothing is lost where this does not work: the sweep reads all the same."""
        try:
            await self._ground.watch()
        except (Refused, TryAgain, SourceStopped) as fault:
            if isinstance(fault, SourceStopped) and fault.code != "permission":
                raise
            self._say(f"{self.key}: the webhook could not be looked after: {fault}")

    async def _turn(self, turn: _Turn) -> AsyncIterator[Batch]:
        """All of one turn. The bookmark moves with its last batch, which is there also when nothing happened: a sign of life."""
        began, since = self._clock(), turn.mark - self._overlap
        cursor, heard, gaps = f"at:{turn.mark.isoformat()}", 0, []
        items: list[Item] = []
        signs: dict[str, str] = {}
        async for spot in self._ground.spots(since):
            signs[spot.id] = spot.sign
            known = turn.signs.get(spot.id)
            quiet = spot.moved_at is not None and spot.moved_at < since if known is None else known == spot.sign
            if quiet:
                continue
            items += spot.items
            heard += 1
            if not spot.commented:
                continue
            async for found, cut in self._ground.comments(spot, since):
                heard += len(found)
                items += found
                if cut:
                    what = (
                        "one private conversation" if spot.person else f"{MOST_PAGES} pages of comments under one post"
                    )
                    gaps.append(Gap(turn.mark, began, f"more was said than is read of {what}"))
                while len(items) > self._size:
                    part, items = items[: self._size], items[self._size :]
                    yield _batch(turn.new(part), cursor, began, heard)
                    heard = 0
        turn.mark, turn.signs = max(turn.mark, began), signs
        turn.forget(began - self._overlap - LAST_DAY)
        yield _batch(turn.new(items), f"at:{turn.mark.isoformat()}", began, heard, tuple(gaps))

    async def look_back(self, start: datetime, end: datetime) -> AsyncIterator[Batch]:
        """As `Source.look_back`."""
        async for spot in self._ground.spots(start):
            if spot.moved_at is not None and spot.moved_at < start:
                continue
            found = list(_between(spot.items, start, end))
            if spot.commented:
                async for page, _ in self._ground.comments(spot, start):
                    found += _between(page, start, end)
            if found:
                yield Batch(tuple(found), None, self._clock(), heard=len(found), history=True)


@dataclass(slots=True)
class _Turn:
    """What one reading of the stream remembers between its turns; a new reading begins with the bookmark alone."""

    mark: datetime
    signs: dict[str, str] = field(default_factory=dict)
    handed: dict[str, tuple[object, datetime]] = field(default_factory=dict)
    """What was handed over: id and sort to what it said, and when."""

    def new(self, items: list[Item]) -> Iterator[Item]:
        """Those that say something new. Asked when they are handed over, not before: a turn may break off in between."""
        for item in items:
            if isinstance(item, Mention):
                name, says = f"m{item.key.external_id}", (item.content_id, item.revision[-1:])
                at = item.network_at or self.mark
            elif isinstance(item, Hidden):
                name, says, at = f"h{item.key.external_id}", (str(item.hidden), ""), item.at
            else:
                name, says, at = f"r{hash(item)}", ("", ""), self.mark
            if self.handed.get(name, (None, at))[0] != says:
                self.handed[name] = (says, at)
                yield item

    def forget(self, before: datetime) -> None:
        """What is so old that only a post at which something happens brings it again."""
        self.handed = {name: kept for name, kept in self.handed.items() if kept[1] >= before}


def _batch(new: Iterator[Item], cursor: str, at: datetime, heard: int, gaps: tuple[Gap, ...] = ()) -> Batch:
    items = tuple(new)
    times = [item.network_at for item in items if isinstance(item, Mention) and item.network_at is not None]
    return Batch(items, cursor, at, gaps=gaps, item_at=max(times, default=None), heard=max(heard, len(items)))


def _between(items: tuple[Item, ...] | list[Item], start: datetime, end: datetime) -> Iterator[Item]:
    for item in items:
        if not isinstance(item, Mention) or (item.network_at is not None and start <= item.network_at <= end):
            yield item


def _read(cursor: str) -> datetime:
    try:
        mark = datetime.fromisoformat(cursor.removeprefix("at:")) if cursor.startswith("at:") else None
    except ValueError:
        mark = None
    if mark is None or mark.tzinfo is None:
        raise SourceStopped(
            "the saved bookmark is not one of this source",
            where=cursor[:60],
            hint="clear the source's cursor to start with the last day",
        )
    return mark
