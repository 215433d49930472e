"""What one bot is told: `getUpdates` as a long poll, and the bot's own messages as the network answered them.

Owns the bookmark. The number that we ask for next confirms everything before it, and what is confirmed Telegram forgets: the next ask comes
only after the last batch is committed. Updates are kept for a day, so a longer silence of ours is a gap. Numbers begin anew after a week
without updates, so a bookmark that old asks for whatever there is. Refuses to confirm what it did not hand over.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from listener.errors import FixMe, HubbubError, Refused, SourceStopped, TryAgain
from listener.model.heard import Batch, Gap, Item, Mention
from listener.sources.base import Say
from listener.sources.telegram.convert import UPDATES, convert_sent, convert_update, update_number
from listener.sources.telegram.wire import Bot, listed

KEPT = timedelta(hours=24)
"""How long Telegram keeps an update."""
RENUMBERED = timedelta(days=6)
"""After a week without updates the next one may have any number."""
PAGE = 100
_CONFLICTS = 3
"""Asks in a row that somebody else's ask broke off: one may be our own, from before a crash."""
_MOST_ECHOES = 1000
_MARK = re.compile(r"u:(\d{1,16}):(\d{1,11}):(\d{1,11})")


@dataclass(frozen=True, slots=True)
class _Mark:
    number: int
    """Of the newest update that was handed over."""
    at: int
    """When it came, in unix seconds."""
    asked: int
    """When we last heard from the network."""

    def __str__(self) -> str:
        return f"u:{self.number}:{self.at}:{self.asked}"


class Updates:
    """What is said to one bot. With a webhook it hands over our own messages only: the rest is delivered."""

    def __init__(
        self,
        bot: Bot,
        *,
        polls: bool = True,
        wait: float = 50.0,
        page: int = PAGE,
        pause: float = 1.0,
        say: Say = lambda _: None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`wait`: seconds for which an ask stays open; `pause`: the first of those after a fault."""
        self.key = f"telegram/updates/{bot.us.id}"
        self.trouble = ""
        """Why nothing is heard now, in words; '' while all is well."""
        self._bot = bot
        self._polls = polls
        self._wait = wait
        self._page = page
        self._pause = pause
        self._say = say
        self._clock = clock
        self._bell = asyncio.Event()
        self._echoes: deque[bytes] = deque(maxlen=_MOST_ECHOES)
        bot.echo = self._heard_ourselves

    async def batches(self, cursor: str | None) -> AsyncIterator[Batch]:
        """As `Stream` promises. Without a bookmark: whatever Telegram still holds, at most of the last day."""
        mark = _read(cursor) if cursor is not None else None
        gaps = self._gaps(mark)
        faults = _Faults(self)
        stuck: list[bytes] = []
        while True:
            asked = asyncio.ensure_future(self._ask(mark))
            try:
                while not asked.done():
                    await self._ring_or(asked)
                    if told := self._told():
                        yield told
                updates = asked.result()
            except HubbubError as fault:
                await asyncio.sleep(await faults.judge(fault))
                continue
            finally:
                asked.cancel()
                await asyncio.gather(asked, return_exceptions=True)
            faults.none()
            numbers = [number for raw in updates if (number := update_number(raw)) is not None]
            if updates and not numbers and updates == stuck:
                # Nothing of it can be confirmed, so it comes again: once is enough.
                self.trouble = "Telegram sends updates without numbers"
                await asyncio.sleep(min(60.0, 10 * self._pause))
                continue
            stuck = [] if numbers else updates
            mark = self._moved(mark, numbers)
            yield self._batch(updates, mark, gaps)
            gaps = ()

    # Asking ----------------------------------------------------------------------------------------------------------

    async def _ask(self, mark: _Mark | None) -> list[bytes]:
        """Updates after the bookmark, each as its own bytes; none when nothing was said meanwhile."""
        if not self._polls:
            await asyncio.Event().wait()
        now = self._clock()
        body = {"timeout": int(self._wait), "limit": self._page, "allowed_updates": list(UPDATES)}
        if mark is not None and now.timestamp() - mark.at < RENUMBERED.total_seconds():
            body["offset"] = mark.number + 1
        updates = listed(await self._bot.read("getUpdates", body, timeout=self._wait + 15.0))
        if updates is None:
            raise TryAgain("an answer that is no list of updates", where=self.key, code="not_decoded")
        return updates

    async def webhook(self) -> bool:
        """Whether a webhook is set: then nobody may ask."""
        try:
            told = json.loads(await self._bot.read("getWebhookInfo", {}))
        except (TryAgain, Refused, ValueError):
            return False
        return isinstance(told, dict) and bool(told.get("url"))

    def _moved(self, mark: _Mark | None, numbers: list[int]) -> _Mark | None:
        now = int(self._clock().timestamp())
        if not numbers:
            return replace(mark, asked=now) if mark is not None else None
        newest = max(numbers)
        # All of them before the bookmark: repeats, or the numbers have begun anew. Going back repeats, staying could lose.
        return _Mark(newest, now, now)

    def _batch(self, updates: list[bytes], mark: _Mark | None, gaps: tuple[Gap, ...]) -> Batch:
        # They may come out of order: the parent before its answer makes the better thread.
        ordered = sorted(updates, key=lambda raw: update_number(raw) or 0)
        items: list[Item] = [item for raw in ordered for item in convert_update(self._bot.us, raw)]
        times = [item.network_at for item in items if isinstance(item, Mention) and item.network_at is not None]
        cursor = None if mark is None else str(mark)
        return Batch(
            tuple(items), cursor, self._clock(), gaps=gaps, item_at=max(times, default=None), heard=len(updates)
        )

    def _gaps(self, mark: _Mark | None) -> tuple[Gap, ...]:
        if mark is None or not self._polls:
            return ()
        since, kept = datetime.fromtimestamp(mark.asked, UTC), self._clock() - KEPT
        return (Gap(since, kept, "Telegram keeps what a bot was told for a day only"),) if since < kept else ()

    # Our own messages ------------------------------------------------------------------------------------------------

    def _heard_ourselves(self, message: bytes) -> None:
        self._echoes.append(message)
        self._bell.set()

    def _told(self) -> Batch | None:
        """What we said since the last time; it moves no bookmark."""
        self._bell.clear()
        said = [self._echoes.popleft() for _ in range(len(self._echoes))]
        items = tuple(item for raw in said for item in convert_sent(self._bot.us, raw))
        return Batch(items, None, self._clock(), heard=len(said)) if items else None

    async def _ring_or(self, asked: asyncio.Future[list[bytes]]) -> None:
        ring: asyncio.Future[Any] = asyncio.ensure_future(self._bell.wait())
        both: set[asyncio.Future[Any]] = {ring, asked}
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ring.cancel()
            await asyncio.gather(ring, return_exceptions=True)  # of its own end only: ours goes on up


class _Faults:
    """What went wrong in a row, and when it is enough."""

    def __init__(self, updates: Updates) -> None:
        self._updates = updates
        self._failures = self._refusals = self._conflicts = 0

    def none(self) -> None:
        """An ask went well."""
        self._failures = self._refusals = self._conflicts = 0
        self._updates.trouble = ""

    async def judge(self, fault: HubbubError) -> float:
        """Seconds until the next ask; raises what only a person can mend."""
        if isinstance(fault, SourceStopped | FixMe):
            raise fault
        one = self._updates
        one.trouble = str(fault)
        self._failures += 1
        if isinstance(fault, Refused):
            if fault.code == "http_409":
                await self._conflict()
            else:
                self._refusals += 1
                if self._refusals >= _CONFLICTS:
                    raise SourceStopped(
                        fault.what, where=fault.where, code=fault.code, hint="Telegram does not take our request"
                    )
        bound = min(300.0, one._pause * 2.0 ** min(self._failures - 1, 9))
        asked = fault.after if isinstance(fault, TryAgain) else None
        pause = max(random.uniform(bound / 2, bound), min(asked or 0.0, 900.0))
        one._say(f"{one.key}: {one.trouble}; next try in {pause:.1f} s")
        return pause

    async def _conflict(self) -> None:
        self._conflicts += 1
        if await self._updates.webhook():
            raise SourceStopped(
                "a webhook is set for this bot, so it cannot be asked what it was told",
                where=self._updates.key,
                hint="take the webhook away (deleteWebhook), or give the account its webhook_url and let Telegram deliver to us",
                code="webhook_set",
            )
        if self._conflicts >= _CONFLICTS:
            raise SourceStopped(
                "another program asks Telegram with the same token",
                where=self._updates.key,
                hint="stop the other program, or give Hubbub a bot of its own",
                code="another_poller",
            )


def _read(cursor: str) -> _Mark:
    found = _MARK.fullmatch(cursor)
    if found is None:
        raise SourceStopped(
            "the saved bookmark is not one of this source",
            where=cursor[:60],
            hint="clear the source's cursor to start with what Telegram still holds",
        )
    return _Mark(int(found[1]), int(found[2]), int(found[3]))
