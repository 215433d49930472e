"""History through two rulebooks: read from the database, judged by a worker process, kept on the disk as it comes.

Owns the worker's life, the order of pages, and the file that holds how far a replay got, so that one that was stopped goes on where it
was. Reads only; the judging itself is the worker's, so that whoever waits stays able to draw and to stop it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import msgspec

from listener.assess import topics_of
from listener.errors import FixMe
from listener.model.heard import Hearing
from listener.rulebook.replay import Outcome, Record, reach
from listener.rulebook.shape import Rulebook
from listener.rulebook.subject import heard_anew
from listener.service.processes import make_folder
from listener.service.replayer import Done, Order, Work, framed, receive
from listener.settings import ToneSettings
from listener.store import history, learned
from listener.store.connect import Pool
from listener.store.judged import Judged
from listener.store.locks import FileLock
from listener.store.record.keep import sorting_time

PAGE = 500
"""Records that are judged, and kept as judged, at once."""
FORMAT = 2
_BEGINNING = datetime.min.replace(tzinfo=UTC)
_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is compared, over which part of whose history."""

    brand_id: int
    brand: str
    zone: str
    start: datetime
    end: datetime
    old: Rulebook
    new: Rulebook
    hours: str = ""
    """Key of the opening hours outside of which it is night; "": by the clock alone."""
    tones: tuple[ToneSettings, ...] = ()
    """Models of tone by which both judge."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of a replay."""

    outcome: Outcome
    seconds: float
    """Of judging in this run,"""
    mentions: int
    """and for how many."""


def record_of(found: Judged) -> Record:
    """A stored judgement as the replay takes it."""
    said_at = sorting_time(found.mention, found.at)
    return Record(
        found.mention_id, found.brand_id, found.brand, found.mention, found.hearings, found.context, said_at, found.at,
        found.text_gone, found.assessment.lang, found.assessment.methods.get("tone", ""),
    )  # fmt: skip


def hearings_by(found: Judged, rulebook: Rulebook) -> tuple[Hearing, ...]:
    """How a stored message reaches its brand under a rulebook: as it did, under the one that judged it; else by its topics, asked anew."""
    if found.rulebook == rulebook.hash or found.text_gone:
        return found.hearings
    ear = topics_of(rulebook, found.brand, lambda: found.at)
    return heard_anew(found.hearings, found.brand_id, lambda: ear(found.mention, found.context.accounts))


@dataclass(frozen=True, slots=True)
class Page:
    """Some records in heard order, and the place after which the next ones are."""

    records: tuple[Record, ...]
    last: history.Place


async def replayed(pool: Pool, asked: Asked, kept: Kept, show: Callable[[int], None]) -> Replayed:
    """Judge the asked history by both rulebooks, from where `kept` stands; `show` is told how many records are done.

    Raises FixMe when the worker dies. Whatever stops it, what was done is kept, and no process is left.
    """
    before = reach(asked.old, asked.new)
    since = asked.start - before
    if not await history.heard(pool, asked.brand_id, _BEGINNING, since, limit=1):
        since = _BEGINNING  # there is nothing before it that could be missed
    models = await learned.kept(pool, asked.brand_id)
    order = Order(
        dict(asked.old.files), dict(asked.new.files), since, {asked.brand: asked.zone}, asked.hours, models, asked.tones
    )
    mentions, began = 0, time.monotonic()
    async with working(order) as worker:
        if before:  # those that count need what came before
            begin, end = asked.start, asked.start
            if kept.after is not None and kept.newest is not None:
                begin, end = min(kept.newest, kept.after[0]), kept.after[0] + _INSTANT
            async for page in _pages(pool, asked.brand_id, max(since, begin - before), end, None):
                await worker.take(Work(page.records, count=True))
        await worker.take(Work((), count=True))  # once it answers, it is ready
        began = time.monotonic()
        async for page in _pages(pool, asked.brand_id, asked.start, asked.end, kept.after):
            outcome = await worker.take(Work(page.records))
            kept.add(page.last, outcome, len(page.records), max(one.said_at for one in page.records))
            mentions += len(page.records)
            show(kept.done)
    return Replayed(kept.outcome, time.monotonic() - began, mentions)


def place_of(found: Judged) -> history.Place:
    """Where a record stands in heard order."""
    return found.at, found.mention_id


async def _pages(
    pool: Pool, brand_id: int, start: datetime, end: datetime, after: history.Place | None
) -> AsyncIterator[Page]:
    """Pages of history; the next one is fetched while one is judged. What was heard at once, as one batch, stays on one page, in the
    order in which the house heard it: by the messages' own times.
    """
    fetching = asyncio.create_task(history.heard(pool, brand_id, start, end, after, PAGE))
    left: list[Judged] = []
    try:
        while found := await fetching:
            more = len(found) == PAGE
            if more:
                fetching = asyncio.create_task(history.heard(pool, brand_id, start, end, place_of(found[-1]), PAGE))
            page = [*left, *found]
            whole = len(page)
            while more and whole and page[whole - 1].at == found[-1].at:
                whole -= 1
            page, left = page[:whole], page[whole:]
            if page:
                records = sorted(map(record_of, page), key=lambda one: (one.judged_at, one.said_at, one.id))
                yield Page(tuple(records), place_of(page[-1]))
            if not more:
                return
        if left:
            records = sorted(map(record_of, left), key=lambda one: (one.judged_at, one.said_at, one.id))
            yield Page(tuple(records), place_of(left[-1]))
    finally:
        fetching.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await fetching


# The worker ----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Worker:
    """The process that judges."""

    process: asyncio.subprocess.Process

    async def take(self, work: Work) -> Outcome:
        """What came of some work."""
        assert self.process.stdin is not None and self.process.stdout is not None  # noqa: S101, PT018
        with contextlib.suppress(ConnectionError):
            self.process.stdin.write(framed(work))
            await self.process.stdin.drain()
        done = await receive(self.process.stdout, Done)
        if done is None:
            raise FixMe(f"the process that judges ended: {await self._end()}", hint=_GO_ON)
        if done.problem:
            raise FixMe(f"the process that judges could not go on: {done.problem}", hint=_GO_ON)
        return done.outcome

    async def _end(self) -> str:
        code = await self.process.wait()
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"


_GO_ON = "what was judged is kept: the same command goes on from there"


@contextlib.asynccontextmanager
async def working(order: Order) -> AsyncIterator[Worker]:
    """A worker for the length of the block. It is in a session of its own: Ctrl-C is ours to handle, and ends it."""
    errors = None if os.environ.get("HUBBUB_DEBUG") else asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "listener.service.replayer",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=errors, start_new_session=True,
    )  # fmt: skip
    try:
        assert process.stdin is not None  # noqa: S101
        process.stdin.write(framed(order))
        yield Worker(process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()  # it holds nothing that could be lost
        await process.wait()


# What is kept --------------------------------------------------------------------------------------------------------


class _Head(msgspec.Struct):
    format: int
    start: datetime
    end: datetime


class _Line(msgspec.Struct):
    after: tuple[datetime, int]
    newest: datetime
    done: int
    outcome: Outcome


@dataclass(slots=True)
class Kept:
    """How far a replay got and what came of it so far, in a file that survives whatever stops it. Close it in the end."""

    start: datetime
    end: datetime
    """The part of history, as it was when the replay was begun."""
    outcome: Outcome = field(default_factory=Outcome)
    after: history.Place | None = None
    """The place of the last record that was judged; None: none yet."""
    newest: datetime | None = None
    """When the youngest of them was said."""
    done: int = 0
    _path: Path | None = None
    _file: BinaryIO | None = None
    _lock: FileLock | None = None

    @property
    def resumed(self) -> bool:
        """Whether it was begun before."""
        return self.after is not None

    def add(self, after: history.Place, outcome: Outcome, records: int, newest: datetime) -> None:
        """One more page; on the disk when this returns."""
        line = _Line(after, newest, records, outcome)
        self._take(line)
        if self._file is not None:
            self._file.write(msgspec.json.encode(line) + b"\n")
            _on_disk(self._file)

    def _take(self, line: _Line) -> None:
        self.after, self.outcome, self.done = line.after, self.outcome + line.outcome, self.done + line.done
        self.newest = line.newest if self.newest is None else max(self.newest, line.newest)

    def finished(self) -> None:
        """It is told: the next one begins anew."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Lets the next one have the file."""
        if self._file is not None:
            self._file.close()
        if self._lock is not None:
            self._lock.release()


def kept_at(folder: Path, about: Mapping[str, str], start: datetime, end: datetime, *, fresh: bool) -> Kept:
    """What is kept of the replay `about` these things, or the beginning of one. FixMe: the same replay runs elsewhere right now."""
    make_folder(folder)
    name = hashlib.sha256(msgspec.json.encode(sorted(about.items()))).hexdigest()[:32]
    path = folder / f"replay-{name}.jsonl"
    lock = FileLock(path)
    try:
        if not lock.try_exclusive():
            hint = "wait for it, or stop it; what it did is kept"
            raise FixMe("the same replay already runs", where=str(path), hint=hint)
        file = path.open("r+b")
    except OSError as err:
        lock.release()
        hint = "set HUBBUB_HOME to a folder you may write to"
        raise FixMe(f"nothing can be kept here: {err.strerror}", where=str(path), hint=hint) from None
    except BaseException:
        lock.release()
        raise
    kept = Kept(start, end, _path=path, _file=file, _lock=lock)
    if fresh or not _go_on(kept, file):
        file.seek(0)
        file.truncate()
        file.write(msgspec.json.encode(_Head(FORMAT, start, end)) + b"\n")
        _on_disk(file)
    return kept


def _go_on(kept: Kept, file: BinaryIO) -> bool:
    """Takes up what a file holds. A line that was not written whole is taken off, as if it had never been judged."""
    lines = file.read().splitlines(keepends=True)
    try:
        head = msgspec.json.decode(lines[0], type=_Head)
    except (IndexError, msgspec.MsgspecError, UnicodeDecodeError):
        return False
    if head.format != FORMAT:
        return False
    good = len(lines[0])
    for raw in lines[1:]:
        try:
            line = msgspec.json.decode(raw, type=_Line)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            break
        if not raw.endswith(b"\n"):
            break
        kept._take(line)
        good += len(raw)
    if not kept.resumed:
        return False  # nothing was judged: no reason to keep to an hour that has passed
    kept.start, kept.end = head.start, head.end
    file.seek(good)
    file.truncate()
    return True


def _on_disk(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
