"""The worker that judges history: a process of its own, `python -m listener.service.replayer`, so that nothing else waits for it.

It reads what to judge from stdin and writes what came of it to stdout, one frame for one: four bytes of length, then msgpack. Owns those
frames. It ends when its stdin does, so it never outlives whoever started it; it opens no database and writes no file.
"""

from __future__ import annotations

import asyncio
import os
import struct
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import BinaryIO, TypeVar

import msgspec

from listener.assess import Judge, Methods, topics_of
from listener.errors import FixMe
from listener.learning import Model
from listener.model.judged import Tone
from listener.rulebook.lexicon import WordList
from listener.rulebook.parse import parse
from listener.rulebook.replay import Nights, Outcome, Record, Side, replay
from listener.rulebook.shape import Rulebook
from listener.rulebook.subject import FindsLanguage, HearsTone
from listener.settings import ToneSettings

T = TypeVar("T")

_LENGTH = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class Order:
    """What is compared, said once at the beginning."""

    old: Mapping[str, str]
    new: Mapping[str, str]
    """Rule files by path."""
    since: datetime
    """When the first record was heard that will be handed over."""
    zones: Mapping[str, str]
    """By a brand's key."""
    hours: str = ""
    """Key of the opening hours outside of which it is night; "": by the clock alone."""
    models: Mapping[str, Model] = field(default_factory=dict)
    """By version: what had been learned then, as far as it is kept."""
    tones: tuple[ToneSettings, ...] = ()
    """Models of tone, loaded by the worker."""


@dataclass(frozen=True, slots=True)
class Work:
    """Records in heard order; with `count` they are only counted, for what comes after them."""

    records: tuple[Record, ...]
    count: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """What came of one `Work`; with `problem` the worker could not go on."""

    outcome: Outcome
    problem: str = ""


def framed(value: object) -> bytes:
    """A frame as it goes over the wire."""
    body = msgspec.msgpack.encode(value)
    return _LENGTH.pack(len(body)) + body


def read(stream: BinaryIO, sort: type[T]) -> T | None:
    """The next frame of a stream; None: it is at its end, also in the middle of a frame."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (size,) = _LENGTH.unpack(head)
    body = stream.read(size)
    return msgspec.msgpack.decode(body, type=sort) if len(body) == size else None


async def receive(stream: asyncio.StreamReader, sort: type[T]) -> T | None:
    """The same from a stream of asyncio."""
    try:
        (size,) = _LENGTH.unpack(await stream.readexactly(_LENGTH.size))
        return msgspec.msgpack.decode(await stream.readexactly(size), type=sort)
    except asyncio.IncompleteReadError:
        return None


@dataclass(slots=True)
class _Languages:
    """Finds a text's language once for both rulebooks."""

    inner: FindsLanguage
    _last: tuple[tuple[str, tuple[str, ...]], str] | None = None

    @property
    def method(self) -> str:
        return self.inner.method

    def find(self, text: str, claimed: Iterable[str] = ()) -> str:
        key = text, tuple(claimed)
        if self._last is None or self._last[0] != key:
            self._last = key, self.inner.find(*key)
        return self._last[1]


@dataclass(slots=True)
class _Tones:
    """Scores a text once for all rulebooks that score alike."""

    inner: HearsTone
    _last: dict[str, tuple[tuple[str, str, tuple[str, ...]], Tone]] = field(default_factory=dict)

    @property
    def method(self) -> str:
        return self.inner.method

    def tone(self, text: str, lang: str, brand_names: Iterable[str] = ()) -> Tone:
        key = text, lang, tuple(brand_names)
        last = self._last.get(self.inner.method)
        if last is None or last[0] != key:
            last = self._last[self.inner.method] = key, self.inner.tone(*key)
        return last[1]

    def with_words(
        self, words: Mapping[str, float | None], lists: Mapping[str, WordList] = MappingProxyType({})
    ) -> _Tones:
        return _Tones(self.inner.with_words(words, lists), self._last)


def remembering(methods: Methods) -> Methods:
    """The methods for judging one message several times in a row: what they found for the last one is not found again."""
    return replace(methods, languages=_Languages(methods.languages), vader=_Tones(methods.vader))


def side_of(rulebook: Rulebook, since: datetime, methods: Methods) -> Side:
    """One rulebook, ready to judge history that begins at `since`."""
    own = methods.with_lexicon(rulebook.lexicon)
    return Side(
        rulebook,
        lambda clock: Judge(rulebook, own, clock),
        lambda brand, clock: topics_of(rulebook, brand, clock),
        since,
    )


def serve(source: BinaryIO, sink: BinaryIO, load: Callable[[Sequence[ToneSettings]], Methods]) -> int:
    """Judges until the source ends."""
    order = read(source, Order)
    if order is None:
        return 0
    try:
        methods = remembering(replace(load(order.tones), models=order.models))
        old, new = (book_of(files) for files in (order.old, order.new))
        hours = new.hours_named(order.hours) or old.hours_named(order.hours) if order.hours else None
        nights = Nights(order.zones, hours)
        sides = side_of(old, order.since, methods), side_of(new, order.since, methods)
        while (work := read(source, Work)) is not None:
            if work.count:
                for record in work.records:
                    for side in sides:
                        if not record.text_gone:
                            side.count(record)
                done = Done(Outcome())
            else:
                done = Done(replay(work.records, *sides, nights, order.models, methods.names()["tone"]))
            sink.write(framed(done))
            sink.flush()
    except BrokenPipeError:
        return 0  # nobody waits for it any more
    except Exception as err:
        sink.write(framed(Done(Outcome(), f"{type(err).__name__}: {err}"[:2000])))
        sink.flush()
        return 1
    return 0


def book_of(files: Mapping[str, str]) -> Rulebook:
    """The rulebook of these files. FixMe: they cannot be read."""
    loaded = parse(files)
    if not isinstance(loaded, Rulebook):
        raise FixMe("these rule files cannot be read", where=str(loaded[0]))
    return loaded


def main() -> int:
    """The process."""
    from listener.service.rules import load_methods

    sink = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever prints must not get between the frames
    code = serve(sys.stdin.buffer, sink, load_methods)
    os._exit(code)  # no thread of a library may keep it alive


if __name__ == "__main__":
    main()
