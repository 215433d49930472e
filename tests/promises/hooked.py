"""A source that keeps the promise and whose every answer a test writes: a stream, a webhook, a past, and messages as they are now."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import asyncpg

from listener.model.accounts import Account, Capability
from listener.model.heard import Batch, Deleted, Hearing, Item, Key, Mention, Reason, Reject
from listener.model.kinds import Via
from listener.rulebook.shape import Rulebook
from listener.service.bells import Bells
from listener.service.database import House
from listener.service.listen import Ear
from listener.service.pulse import Pulse
from listener.service.rules import Bench
from listener.service.stopping import Stop
from listener.sources.base import Delivery, Hook, Stream, Unanswered, Verdict
from listener.store import people
from listener.webclient.patience import Budget
from tests.store.builders import SPACE, ByHand, said

KEY = b"only the network knows"
HOOKED = "bluesky/hooks/news"

NO_RULES = Rulebook((), (), (), {}, "")


def now() -> datetime:
    return datetime.now(UTC)


def heard(name: str, text: str = "hello", **other: Any) -> Mention:
    return said(name, text, at=now(), **other)


def signed(body: bytes) -> dict[str, str]:
    return {"X-Signed": hmac.new(KEY, body, hashlib.sha256).hexdigest()}


def body_of(*names: str) -> bytes:
    return json.dumps([{"id": name, "text": f"said {name}\0"} for name in names]).encode()


class News:
    """The webhook: a signed list of messages; a handshake that gives the challenge back."""

    name = "news"
    max_body = 4096

    def handshake(self, asked: Delivery) -> tuple[int, bytes] | None:
        if asked.query.get("verify") == "me":
            return 200, asked.query.get("challenge", "").encode()
        return 403, b"no"

    def verify(self, delivery: Delivery) -> Verdict:
        wanted = hmac.new(KEY, delivery.body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(wanted.encode(), delivery.headers.get("x-signed", "").encode()):
            return Verdict(False, "the signature is wrong", 403)
        return Verdict(True, once=delivery.headers.get("x-once", ""))

    def convert(self, delivery: Delivery) -> tuple[Item, ...]:
        if delivery.body == b"boom":
            raise ZeroDivisionError(delivery.body)
        try:
            rows = json.loads(delivery.body)
        except ValueError:
            return (Reject(Reason.NOT_DECODED, "not JSON", delivery.body),)
        return tuple(heard(row["id"], row["text"].rstrip("\0")) for row in rows)


class Line:
    """A stream of numbered messages: gives what is put in, raises what is put in; its cursor is the last number."""

    key = "bluesky/line"

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Batch | Exception] = asyncio.Queue()
        self.opened: list[str | None] = []

    async def batches(self, cursor: str | None) -> AsyncIterator[Batch]:
        self.opened.append(cursor)
        while True:
            given = await self.queue.get()
            if isinstance(given, Exception):
                raise given
            yield given

    def give(self, number: int, *items: Item, **other: Any) -> None:
        self.queue.put_nowait(Batch(items, str(number), now(), heard=len(items), **other))


class Told(Unanswered):
    """The source."""

    name = "bluesky"
    capabilities: Mapping[Capability, str] = {}

    def __init__(self) -> None:
        self.hooks: tuple[Hook, ...] = (News(),)
        self.budgets: Mapping[str, Budget] = {}
        self.past: Callable[[datetime, datetime], AsyncIterator[Batch]] | None = None
        self.asked: list[tuple[datetime, datetime]] = []
        self.searched: list[tuple[str, ...]] = []
        self.gone: set[str] = set()
        self.looked: list[list[str]] = []
        self.line = Line()

    def streams(self) -> tuple[Stream, ...]:
        return (self.line,)

    def reread(self, raw: bytes, heard_at: datetime) -> tuple[Item, ...]:
        if raw.startswith(b"now good:"):
            return (heard(raw.partition(b":")[2].decode()),)
        return (Reject(Reason.BAD_ID, "still no good", raw),)

    def search(
        self, stream: str, searches: Sequence[str], start: datetime, end: datetime
    ) -> AsyncIterator[Batch] | None:
        self.searched.append(tuple(searches))
        return self.look_back(stream, start, end)

    def look_back(self, stream: str, start: datetime, end: datetime) -> AsyncIterator[Batch] | None:
        if self.past is None:
            return None
        self.asked.append((start, end))
        return self.past(start, end)

    async def recheck(self, account: Account | None, keys: Sequence[Key]) -> tuple[Item, ...]:
        self.looked.append([key.external_id for key in keys])
        return tuple(Deleted(key) for key in keys if key.external_id in self.gone)

    def length(self, text: str) -> tuple[int, int]:
        return len(text), 300


@dataclass
class Hall:
    """A house with a brand, its judge, and bells that ring."""

    house: House
    stop: Stop
    bells: Bells
    bench: Bench
    account: Account
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @classmethod
    @contextlib.asynccontextmanager
    async def built(cls, dsn: str, pool: asyncpg.Pool) -> AsyncIterator[Hall]:
        brand_id = await people.ensure_brand(pool, "lark", "Lark", "UTC")
        account = await people.ensure_account(pool, brand_id, "bluesky", SPACE, "us", "us.test")
        house, stop, bells = House(dsn, pool), Stop(), Bells()

        def hear(_: Mention) -> tuple[Hearing, ...]:
            return (Hearing(brand_id, Via.MENTION, account_id=account.id),)

        async def nothing() -> None:
            """No rules change."""

        hearer = SimpleNamespace(hear=hear)
        judge = ByHand()

        async def prepared(*_: object) -> ByHand:
            return judge

        judgement = SimpleNamespace(hear=hear, judge=judge, prepared=prepared, hearer=hearer, rulebook=NO_RULES)

        async def learns(_: asyncio.Event) -> None:
            """Nothing is learned."""

        seat = SimpleNamespace(now=judgement, watch=nothing, weigh=nothing, follow=learns, know=lambda _: None)
        hall = cls(house, stop, bells, cast(Bench, seat), account)
        hall.start(bells.listen(house, stop))
        try:
            yield hall
        finally:
            stop.set("the test is over")
            await asyncio.gather(*hall._tasks)

    def start(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.ensure_future(work)
        self._tasks.append(task)
        return task

    def ear(self, stream: Stream, **other: Any) -> Ear:
        bell = self.bells.wishes(stream.key)
        ear = Ear(self.house, stream, self.bench, Pulse(), self.stop, [self.account], bell=bell, **other)
        self.start(ear.listen())
        return ear

    async def names(self) -> list[str]:
        rows = await self.house.pool.fetch("SELECT external_id FROM mentions ORDER BY id")
        return [row["external_id"] for row in rows]


async def until(true: Callable[[], Any], within: float = 8.0) -> None:
    """Waits for a condition, which may be asynchronous; fails after `within` seconds."""
    async with asyncio.timeout(within):
        while True:
            found = true()
            if await found if asyncio.iscoroutine(found) else found:
                return
            await asyncio.sleep(0.01)
