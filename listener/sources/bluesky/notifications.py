"""What addresses an account of ours: listNotifications swept back to the bookmark, handed over oldest first.

Owns the sweep and its overlap. The network pages backwards only and gives no forward cursor, so the bookmark is the newest `indexedAt`
that was committed, and each sweep goes ten minutes behind it. `indexedAt` is never later than the time that the author claims, so a post
with a slow clock turns up behind the bookmark: whatever the pages show of the last day is taken too. One that claims to be older still
is seen by the public stream alone, which goes by the network's own time.
It refuses to mark anything as seen: that is the staff's own app's affair.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from listener.errors import Refused, SourceStopped, TryAgain
from listener.model.heard import Batch, Gap, Item, Mention, Reject
from listener.sources.base import Say
from listener.sources.bluesky.convert import Notified, convert_notification, read_notifications, sane_time
from listener.sources.bluesky.session import Session

OVERLAP = timedelta(minutes=10)
LAST_DAY = timedelta(hours=24)
"""How far back the first sweep of a new account goes, and how late a notification on a page that we read anyway may turn up."""
PAGE = 100
MAX_PAGES = 200
BATCH = 500
_REASONS = [("reasons", "mention"), ("reasons", "reply"), ("reasons", "quote")]
_METHOD = "app.bsky.notification.listNotifications"


@dataclass(slots=True)
class _Sweep:
    """What one sweep found, newest first."""

    notes: list[Notified] = field(default_factory=list)
    since: datetime = datetime.min
    """What is older is not for us."""
    complete: bool = True

    def new(self, handed: set[str], now: datetime) -> list[Notified]:
        """What was not handed over yet, oldest first."""
        fresh = {one.id: one for one in self.notes if one.id not in handed and (one.at is None or one.at >= self.since)}
        return sorted(fresh.values(), key=lambda one: one.at or now)


class Notifications:
    """Mentions, replies and quotes that address one account."""

    def __init__(
        self,
        session: Session,
        did: str,
        *,
        poll: float = 15.0,
        batch: int = BATCH,
        say: Say = lambda _: None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.key = f"bluesky/notifications/{did}"
        self.trouble = ""
        """Why nothing is heard now, in words; '' while all is well."""
        self._session = session
        self._poll = poll
        self._size = batch
        self._say = say
        self._clock = clock
        self._bell = asyncio.Event()

    def poke(self) -> None:
        """Look now instead of at the next turn."""
        self._bell.set()

    async def batches(self, cursor: str | None) -> AsyncIterator[Batch]:
        """As `Stream` promises. Without a cursor: the last day."""
        mark = _read(cursor) if cursor is not None else None
        handed: set[str] = set()  # what this call gave already: the next sweep meets it again
        refusals = failures = 0
        while True:
            self._bell.clear()
            pause = self._poll
            try:
                sweep = await self._sweep(mark)
            except Refused as fault:
                refusals += 1
                if refusals >= 3:
                    raise SourceStopped(
                        fault.what, where=fault.where, code=fault.code, hint="the network does not take our request"
                    ) from None
                self.trouble = str(fault)
            except TryAgain as fault:
                failures += 1
                pause = max(random.uniform(0, min(300.0, 2.0 ** min(failures - 1, 9))), min(fault.after or 0.0, 900.0))
                self.trouble = str(fault)
                self._say(f"{self.key}: {self.trouble}; next try in {pause:.1f} s")
            else:
                refusals = failures = 0
                self.trouble = ""
                batches, mark = self._batches(sweep, mark, handed)
                for batch in batches:
                    yield batch
                handed = {one.id for one in sweep.notes}
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._bell.wait()

    async def look_back(self, start: datetime, end: datetime) -> AsyncIterator[Batch]:
        """What addressed the account between two times, page by page, the newest first."""
        cursor, seen = "", set[str]()
        for _ in range(MAX_PAGES):
            notes, cursor = await self._page(cursor)
            oldest = min((one.at for one in notes if one.at is not None), default=None)
            now = self._clock()
            items = [
                item
                for one in reversed(notes)
                if one.at is None or start <= one.at <= end
                if (item := convert_notification(one.raw, now)) is not None
            ]
            over = not notes or not cursor or cursor in seen or (oldest is not None and oldest < start)
            rest = () if over or oldest is None else (Gap(start, min(oldest, end), "not read yet"),)
            yield Batch(tuple(items), None, now, gaps=rest, heard=len(notes), history=True)
            if over:
                return
            seen.add(cursor)
        raise Refused(
            f"more than {MAX_PAGES * PAGE} notifications since then: the rest was not read",
            where=self.key,
            code="too_many",
        )

    async def _page(self, cursor: str) -> tuple[list[Notified], str]:
        params = [*_REASONS, ("limit", str(PAGE)), *([("cursor", cursor)] if cursor else [])]
        page = read_notifications(await self._session.get(_METHOD, params))
        if isinstance(page, Reject):
            raise TryAgain(page.detail, where=self.key, code="not_decoded")
        return page

    async def _sweep(self, mark: datetime | None) -> _Sweep:
        """All pages back to the overlap behind the mark."""
        last_day = self._clock() - LAST_DAY
        until = mark - OVERLAP if mark is not None else last_day
        found = _Sweep(since=min(until, last_day))
        cursor, seen = "", set[str]()
        for _ in range(MAX_PAGES):
            notes, cursor = await self._page(cursor)
            found.notes.extend(notes)
            oldest = min((one.at for one in notes if one.at is not None), default=None)
            if not notes or not cursor or cursor in seen or (oldest is not None and oldest < until):
                return found
            seen.add(cursor)
        found.complete = False
        return found

    def _batches(self, sweep: _Sweep, mark: datetime | None, handed: set[str]) -> tuple[list[Batch], datetime | None]:
        """The sweep as batches, oldest first, and the mark once they are committed. Never no batch: it is a sign of life."""
        now = self._clock()
        made: list[Batch] = []
        gaps: tuple[Gap, ...] = ()
        notes = sweep.new(handed, now)
        if not sweep.complete and mark is not None and notes:
            gaps = (Gap(mark, notes[0].at or now, f"more than {MAX_PAGES * PAGE} notifications since the last look"),)
        for start in range(0, max(len(notes), 1), self._size):
            part = notes[start : start + self._size]
            items: list[Item] = []
            item_at = None
            for one in part:
                item = convert_notification(one.raw, now)
                if item is not None:
                    items.append(item)
                if isinstance(item, Mention):
                    item_at = item.network_at
                if one.at is not None:
                    # A time ahead of our clock must not carry the mark past what is still to come.
                    mark = max(mark or one.at, min(one.at, now))
            cursor = None if mark is None else f"at:{mark.isoformat()}"
            made.append(Batch(tuple(items), cursor, now, gaps=gaps, item_at=item_at, heard=len(part)))
            gaps = ()
        return made, mark


def _read(cursor: str) -> datetime:
    mark = sane_time(cursor.removeprefix("at:")) if cursor.startswith("at:") else None
    if mark is None:
        raise SourceStopped(
            "the saved bookmark is not one of this source",
            where=cursor[:60],
            hint="clear the source's cursor to start with the last day",
        )
    return mark
