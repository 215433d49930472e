"""The public stream: every post as batches with a bookmark, resumed, failed over, never silently holed; and its past, read a second time.

Owns the connection's life (hosts, back-off, silence, bounded memory) and the bookmark's meaning, whatever wire it comes by: `jetstream` and
`firehose` say how to ask for a place, and what a frame says. It refuses to judge: what concerns nobody is dropped by `wanted`, which it is
handed; edits of what we hold, deletes and account changes pass always.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from listener.errors import Refused, SourceStopped, TryAgain
from listener.model.heard import Batch, Gap, Item, Mention
from listener.sources.base import Say, Wanted
from listener.sources.bluesky.convert import FIRST_US, LAST_US, convert_event
from listener.sources.bluesky.shapes import Event, Notice, Said
from listener.webclient.client import Params, Socket, WebClient

MARGIN_US = 10_000_000
"""Microseconds that a resume by time goes back: servers do not agree to the last second."""
TIP = 15.0
"""Seconds without a word after which a reading of the past has come to the present."""
SEQ_END = 10**15
"""From here on a cursor is read as unix microseconds, so no sequence number reaches it."""
SKEW_US = 60_000_000
"""Microseconds by which clocks may differ before a time is nonsense."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PLACE = re.compile(r"(?:seq:(\d{1,15})@([^;\s]{1,300});)?us:(\d{1,17})")


@dataclass(frozen=True, slots=True)
class Place:
    """Our bookmark: the network's time in unix microseconds, and the sequence number that only one host understands."""

    us: int
    seq: int = 0
    host: str = ""

    def __str__(self) -> str:
        return f"seq:{self.seq}@{self.host};us:{self.us}" if self.seq else f"us:{self.us}"

    @classmethod
    def read(cls, text: str) -> Place:
        """The place of a saved bookmark. SourceStopped when it is none of ours: guessing would lose something."""
        found = _PLACE.fullmatch(text)
        if found is None:
            raise SourceStopped(
                "the saved bookmark is not one of this source",
                where=text[:60],
                hint="clear the source's cursor to start from now",
            )
        return cls(int(found[3]), int(found[1] or 0), found[2] or "")

    @property
    def at(self) -> datetime:
        """The place as a time."""
        return time_of(min(self.us, 253_402_300_799_000_000))


def unix_us(moment: datetime) -> int:
    """Unix microseconds, exactly."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def time_of(us: int) -> datetime:
    """The time at so many unix microseconds, exactly."""
    return _EPOCH + timedelta(microseconds=us)


@dataclass(frozen=True, slots=True)
class Habits:
    """How the stream behaves; seconds."""

    look_back: float = 36 * 3600.0
    """How far back the network can resume; beyond it there is a gap."""
    silence: float = 90.0
    proof: float = 5.0
    """How long we wait for the event that we resumed at: a server that does not send it again may have another numbering."""
    first_pause: float = 0.25
    longest_pause: float = 30.0
    linger: float = 0.25
    """How long deletes and account changes wait for company; mentions never wait."""
    beat: float = 3.0
    """At least so often the bookmark moves, also when nothing concerned us."""
    batch: int = 500
    """Items of one batch."""
    queue_frames: int = 4000
    queue_bytes: int = 8 << 20


@dataclass(frozen=True, slots=True)
class Asked:
    """How to connect so that a place is where it begins."""

    url: str
    params: Params
    headers: Mapping[str, str] = field(default_factory=dict)
    expected: int = 0
    """The sequence number that the first event must have; 0: any."""
    too_old: bool = False
    """The place may be further back than the host keeps: the first event shows where it really starts."""


class Wire(Protocol):
    """One host of the public stream, and the language that it speaks."""

    @property
    def host(self) -> str:
        """Its name in bookmarks."""
        ...

    async def ask(self, place: Place, by_time: bool) -> Asked:
        """How to begin at a place: by its sequence number where that is this host's, unless it is to be found by its time."""
        ...

    def read(self, frame: bytes) -> Sequence[Said]:
        """What a frame says. Never raises."""
        ...


class WrongPlace(Exception):
    """The host does not start where we asked it to by sequence number: ask by time."""


class PublicStream:
    """Every public post that `wanted` says yes to, and all deletes and account changes."""

    def __init__(
        self,
        key: str,
        web: WebClient,
        wires: Sequence[Wire],
        wanted: Wanted,
        *,
        habits: Habits,
        say: Say = lambda _: None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        if not wires:
            raise ValueError("at least one host")
        self.key = key
        self.wanted = wanted
        """May be replaced at any time: a new rulebook listens for other words."""
        self.trouble = ""
        """Why nothing is heard now, in words; '' while all is well."""
        self._web = web
        self._wires = tuple(wires)
        self._habits = habits
        self._say = say
        self._clock = clock
        self._looks = 0

    async def batches(self, cursor: str | None) -> AsyncIterator[Batch]:
        """As `Stream` promises. Without a cursor: from now on."""
        place = Place.read(cursor) if cursor is not None else Place(unix_us(self._clock()))
        if cursor is None:
            yield Batch(
                (), str(place), self._clock()
            )  # so that a listener that dies before the first word resumes here
        turn = failures = 0
        by_time = False
        while True:
            wire = self._wires[turn % len(self._wires)]
            after: float | None = None
            try:
                async with aclosing(self._connected(wire, place, by_time)) as heard:
                    async for batch, at in heard:
                        place, failures, by_time, self.trouble = at, 0, False, ""
                        yield batch
            except WrongPlace:
                if not by_time:
                    by_time = True
                    continue
                self.trouble = "the host does not say where its stream begins"
            except TryAgain as fault:
                self.trouble, after = str(fault), fault.after
            except Refused as fault:
                if fault.code == "http_400":
                    raise _not_understood(fault) from None
                self.trouble = str(fault)
            failures += 1
            turn += failures % 2 == 0  # the same host again first: only there the sequence number counts
            pause = min(self._habits.longest_pause, self._habits.first_pause * 2 ** min(failures - 1, 20))
            pause = max(pause * random.uniform(0.5, 1.0), min(after or 0.0, 300.0))
            self._say(f"{self.key}: {self.trouble}; next try in {pause:.1f} s")
            await asyncio.sleep(pause)

    def look_back(self, start: datetime, end: datetime) -> AsyncIterator[Batch] | None:
        """A second reading, from a time to a time, beside the live one. None: all of it is further back than the network keeps."""
        reach = self._clock() - timedelta(seconds=self._habits.look_back)
        return self._look_back(start, end) if reach < end else None

    async def _look_back(self, start: datetime, end: datetime) -> AsyncIterator[Batch]:
        wire = self._wires[self._looks % len(self._wires)]
        lost: datetime | None = None
        try:
            async with aclosing(self._connected(wire, Place(unix_us(start)), True, unix_us(end))) as heard:
                async for batch, at in heard:
                    lost = lost or next((gap.end for gap in batch.gaps), None)
                    rest = (Gap(at.at, end, "not read yet"),) if start < at.at < end else ()
                    yield replace(batch, cursor=None, gaps=rest, history=True)
        except Refused as fault:
            if fault.code == "http_400":
                raise _not_understood(fault) from None
            raise
        except WrongPlace:
            raise TryAgain("the host does not say where its stream begins", where=wire.host, code="no_place") from None
        finally:
            self._looks += 1  # whoever tries again asks the next host
        if lost is not None:
            told = f"the network no longer has what was said before {min(lost, end):%Y-%m-%d %H:%M:%S} UTC"
            raise Refused(told, where=wire.host, code="too_old")

    async def _connected(
        self, wire: Wire, place: Place, by_time: bool, until: int = 0
    ) -> AsyncGenerator[tuple[Batch, Place], None]:
        asked = await wire.ask(place, by_time)
        async with self._opened(asked) as socket:
            pump = _Pump(socket, self._habits)
            reading = asyncio.create_task(pump.run())
            try:
                hearing = _Hearing(self, wire, place, asked.expected, asked.too_old, until)
                async with aclosing(self._hear(pump, hearing)) as batches:
                    async for batch in batches:
                        yield batch, hearing.place
            finally:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)  # whoever calls us off meanwhile is heard

    @asynccontextmanager
    async def _opened(self, asked: Asked) -> AsyncIterator[Socket]:
        try:
            async with self._web.socket(asked.url, params=asked.params, headers=asked.headers) as socket:
                yield socket
        except Refused as fault:
            if fault.code == "http_400" and asked.expected:
                raise WrongPlace from None  # the number is no longer kept there, or never was one of this host's
            raise

    async def _hear(self, pump: _Pump, hearing: _Hearing) -> AsyncGenerator[Batch, None]:
        habits = self._habits
        silence = min(TIP, habits.silence) if hearing.until else habits.silence
        loop = asyncio.get_running_loop()
        last_sound = last_flush = loop.time()
        while True:
            if pump.frames:
                hearing.take(pump.frames, habits.batch, self._clock())
                pump.taken()
                last_sound = loop.time()
            now = loop.time()
            wait = hearing.patience(habits, now - last_flush)
            if wait <= 0 or ((pump.fault or hearing.done) and (hearing.heard or hearing.items)):
                last_flush = now
                yield hearing.batch(self._clock())
                continue
            if hearing.done:
                return
            if pump.frames:
                continue
            if pump.fault:
                raise pump.fault
            if hearing.expected and now - last_sound >= habits.proof:
                raise WrongPlace
            if now - last_sound >= silence:
                if hearing.until and hearing.begun:
                    return
                raise TryAgain(f"nothing heard for {silence:g} s", where=hearing.wire.host, code="silence")
            limit = min(silence, habits.proof) if hearing.expected else silence
            await pump.wait(min(wait, last_sound + limit - now))

    def hears(self, item: Item) -> bool:
        """Whether an item goes on to the hall."""
        return not isinstance(item, Mention) or self.wanted(item)


def _not_understood(fault: Refused) -> SourceStopped:
    return SourceStopped(
        "the stream does not understand our request",
        where=fault.where,
        code=fault.code,
        hint="is this host a server of this stream?",
    )


class _Pump:
    """Moves frames from the socket into a bounded queue. When it is full, the socket is not read: the network's own buffers wait."""

    def __init__(self, socket: Socket, habits: Habits) -> None:
        self.frames: deque[bytes] = deque()
        self.fault: TryAgain | None = None
        self._socket = socket
        self._habits = habits
        self._size = 0
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()

    async def run(self) -> None:
        """Until the socket ends; `fault` then says how."""
        try:
            while True:
                frame = await self._socket.receive()
                self.frames.append(frame)
                self._size += len(frame)
                self._arrived.set()
                if len(self.frames) >= self._habits.queue_frames or self._size >= self._habits.queue_bytes:
                    self._room.clear()
                    await self._room.wait()
        except TryAgain as fault:
            self.fault = fault
            self._arrived.set()

    def taken(self) -> None:
        """Somebody took frames from the left: there may be room again."""
        self._size = sum(map(len, self.frames))
        if self._size < self._habits.queue_bytes // 2:
            self._room.set()

    async def wait(self, seconds: float) -> None:
        """Until a frame arrives or the socket ends, at most so long."""
        if self.frames or self.fault:
            return
        self._arrived.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._arrived.wait()


@dataclass(slots=True)
class _Hearing:
    """What was heard since the last batch, and where that is in the stream. Times are unix microseconds: they are compared for every event."""

    stream: PublicStream
    wire: Wire
    begins: Place
    """Where that was before anything moved it."""
    expected: int
    """As in `Asked`."""
    too_old: bool
    until: int
    """At which a reading of the past ends; 0: never."""
    done: bool = False
    begun: bool = False
    items: list[Item] = field(default_factory=list)
    heard: int = 0
    urgent: bool = False
    us: int = 0
    """The time of the last event; 0: there was none."""
    seq: int = 0
    """The last number of this host that is known."""
    newest: int = 0
    """The latest time since the last batch; 0: there was no event."""
    gaps: list[Gap] = field(default_factory=list)
    ahead: int = 0
    """The time of the last event when it was ahead of our clock."""

    def __post_init__(self) -> None:
        self.seq = self.begins.seq if self.begins.host == self.wire.host else 0

    @property
    def place(self) -> Place:
        """The bookmark now."""
        return Place(self.us, self.seq, self.wire.host if self.seq else "") if self.us else self.begins

    def take(self, frames: deque[bytes], most: int, heard_at: datetime) -> None:
        """Read frames from the left until there are so many items. WrongPlace, or TryAgain, when the host says that it is over."""
        read, heard_us = self.wire.read, unix_us(heard_at)
        while frames and len(self.items) < most and not self.done:
            for said in read(frames.popleft()):
                if isinstance(said, tuple):
                    self._event(*said, heard_at, heard_us)
                elif isinstance(said, Notice):
                    self._noticed(said)
                else:
                    self.heard += 1
                    self.items.append(said)

    def _noticed(self, notice: Notice) -> None:
        if notice.name == "FutureCursor":
            raise WrongPlace  # the host began a new numbering, or it is another one than it was
        if notice.ends:
            raise TryAgain(f"the stream was ended: {notice.name}", where=self.wire.host, code=notice.name)
        self.too_old = self.too_old or notice.name == "OutdatedCursor"

    def _event(self, event: Event, raw: bytes, heard_at: datetime, heard_us: int) -> None:
        if self.expected and event.cursor:
            if event.cursor != self.expected or event.time_us != self.place.us:
                raise WrongPlace  # another event has our number: the host counts anew
            self.expected = 0
        if 0 < self.until <= event.time_us:
            self.done = True
            return
        self.heard += 1
        self.begun = True
        item = convert_event(event, raw, heard_at)
        if item is not None:
            is_edit = event.commit is not None and event.commit.operation == "update"
            if is_edit or self.stream.hears(item):
                self.items.append(item)
                self.urgent = self.urgent or isinstance(item, Mention)
        if FIRST_US <= event.time_us <= LAST_US and self._believed(event.time_us, heard_us):
            self._move(event)

    def _move(self, event: Event) -> None:
        """The bookmark after this event."""
        if self.too_old:
            self.too_old = False
            if event.time_us > self.place.us + SKEW_US:
                told = "the bookmark was older than what the network keeps"
                self.gaps.append(Gap(self.place.at, time_of(event.time_us), told))
        self.us = event.time_us
        if event.time_us > self.newest:
            self.newest = event.time_us
        if 0 < event.cursor < SEQ_END:
            self.seq = event.cursor

    def _believed(self, us: int, heard_us: int) -> bool:
        """One event from the future is nonsense; two in a row that agree say that our own clock is behind."""
        before, self.ahead = self.ahead, us if us > heard_us + SKEW_US else 0
        return not self.ahead or abs(us - before) <= SKEW_US

    def patience(self, habits: Habits, since: float) -> float:
        """Seconds that what is there may still wait; nothing waits when it is a mention or when there is much."""
        if self.urgent or len(self.items) >= habits.batch:
            return 0.0
        if self.items:
            return habits.linger - since
        return habits.beat - since if self.heard else habits.silence

    def batch(self, now: datetime) -> Batch:
        made = Batch(
            tuple(self.items),
            str(self.place),
            now,
            gaps=tuple(self.gaps),
            item_at=time_of(self.newest) if self.newest else None,
            heard=self.heard,
        )
        self.items, self.gaps, self.heard, self.urgent, self.newest = [], [], 0, False, 0
        return made
