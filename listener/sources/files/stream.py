"""A file of messages as a stream that ends: JSONL and CSV, plain or gzipped, resumable, harmless when run twice.

Owns the plan of an import and what its source key is made of (content and plan, never the file's place). A person's history is not
news: without `as_new` nothing of it alerts, is due or unread. It refuses to answer anybody: a file is not a network.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from listener.errors import FixMe, SourceStopped
from listener.lengths import length
from listener.model.accounts import Capability
from listener.model.heard import Author, Batch, Item, Mention, Reason, Reject
from listener.sources.base import Stream, Unanswered, Wiring
from listener.sources.files.columns import (
    MAX_RAW,
    NAME,
    Cell,
    Columns,
    as_cell,
    check_column,
    choose_columns,
    convert_row,
    is_value,
)
from listener.sources.files.lines import Lines, Place, Record, csv_records, json_records, look

BATCH = 1000
"""Rows of one batch."""
MAX_OURS = 10_000
_SAMPLE = 1000
_DELIMITERS = ",;\t|"
_CURSOR = re.compile(r"offset:(\d{1,18});line:(\d{1,15})")
_ENDINGS = re.compile(r"(\.(csv|tsv|jsonl|ndjson|json|txt))?(\.gz)?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """What to import, and how to read it."""

    path: Path
    columns: Mapping[str, str] = field(default_factory=dict)
    """Field (id, text, author, at, parent, root, lang, url, source) to column; the rest is guessed. JSON: `user.name` looks inside."""
    ours: tuple[str, str] | None = None
    """(column, value): such rows were written by us."""
    only: tuple[str, str] | None = None
    """(column, value): other rows are left out."""
    topic: str | None = None
    """The topic that all of it is listed under; the hall's affair."""
    name: str = ""
    """Part of the network space, so the same name means the same ids; '' : the file's name without its endings."""
    as_new: bool = False
    """Treat it as news: alerts, due times and unread marks."""
    encoding: str = "utf-8"

    @property
    def space(self) -> str:
        """The network space of the ids in this file."""
        name = self.name or _ENDINGS.sub("", self.path.name)
        return f"{NAME}:{re.sub(r'[^A-Za-z0-9._-]+', '-', name)[:80] or 'file'}"


class ImportStream:
    """One file, from its bookmark to its end."""

    def __init__(
        self, plan: ImportPlan, *, batch: int = BATCH, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        """Looks at the file's beginning. FixMe when it is not one that can be imported by this plan; what was guessed is in `columns`."""
        self.plan = plan
        self._clock = clock
        self._size = batch
        self._progress = (0, 0)
        try:
            "".encode(plan.encoding)
        except LookupError:
            raise FixMe(
                f"there is no encoding {plan.encoding!r}", hint="for example utf-8, latin-1 or cp1252"
            ) from None
        head = look(plan.path).removeprefix(b"\xef\xbb\xbf").lstrip()
        self._json = head.startswith(b"{")
        where = str(plan.path)
        if head.startswith(b"["):
            raise FixMe("this is one JSON list, not a JSON object a line", where=where, hint="jq -c '.[]' FILE")
        self._delimiter = max(_DELIMITERS, key=head.partition(b"\n")[0].decode("utf-8", "replace").count)
        self._names = self._find_names()
        for condition in (plan.ours, plan.only):
            if condition is not None:
                check_column(condition[0], self._names, where)
        self.columns: Columns = choose_columns(self._names, plan.columns, where)
        """Which column is which field, and which of that was guessed."""
        self._index = {name: number for number, name in reversed(list(enumerate(self._names)))}
        self.key = f"{NAME}/{self._digest()}"

    @property
    def progress(self) -> tuple[int, int]:
        """(bytes read, bytes there are) of the file itself; (0, 0) before the first batch."""
        return self._progress

    async def ours_authors(self) -> tuple[Author, ...]:
        """Who wrote the rows that are ours, by a pass of its own over the file: their accounts must be there before the first batch."""
        return await asyncio.to_thread(self._ours, self.plan.ours) if self.plan.ours is not None else ()

    async def batches(self, cursor: str | None) -> AsyncIterator[Batch]:
        """As `Stream` promises, but it ends: the last batch is `final`."""
        lines = await asyncio.to_thread(Lines, self.plan.path, _read(cursor))
        try:
            reading = _Reading(lines, self._records(lines))
            final = False
            while not final:
                batch = await asyncio.to_thread(self._batch, reading)
                final = batch.final
                yield batch
        finally:
            lines.close()

    def rows(self) -> Iterator[tuple[Mention | Reject, Cell | None]]:
        """Once through the file, for whoever stores nothing: each row as `batches` has it, with its cells by any column's name (None: it could
        not be read). Reads the disk where it is called.
        """
        lines = Lines(self.plan.path)
        try:
            for record in self._records(lines):
                self._progress = (lines.done, lines.total)
                if (item := self._item(record)) is not None:
                    yield item, self._cell(record)
        finally:
            lines.close()

    def _batch(self, reading: _Reading) -> Batch:
        items: list[Item] = []
        heard = 0
        while heard < self._size and (record := reading.next(first=not heard)) is not None:
            heard += 1
            item = self._item(record)
            if item is not None:
                items.append(item)
        lines = reading.lines
        self._progress = (lines.done, lines.total)
        return Batch(
            tuple(items),
            f"offset:{lines.place.offset};line:{lines.place.line}",
            self._clock(),
            heard=heard,
            history=not self.plan.as_new,
            final=heard < self._size and reading.fault is None,
        )

    def _item(self, record: Record) -> Mention | Reject | None:
        cell = self._cell(record)
        if cell is None:
            problem = record.problem
            if record.row is not None:
                problem = f"{len(record.row)} columns where the first line has {len(self._names)}"
            reason = Reason.WRONG_SHAPE if record.row is not None else record.reason
            return Reject(reason, f"line {record.line}: {problem}", record.raw[:MAX_RAW])
        if self.plan.only is not None and not _says(cell, self.plan.only):
            return None
        return convert_row(cell, self.columns, self.plan.space, record.line, record.raw)

    def _cell(self, record: Record) -> Cell | None:
        row = record.row
        if row is None:
            return None
        if isinstance(row, dict):
            return lambda column: as_cell(_inside(row, column))
        if len(row) != len(self._names):
            return None
        return lambda column: row[self._index[column]]

    def _records(self, lines: Lines) -> Iterator[Record]:
        if self._json:
            return json_records(lines, self.plan.encoding)
        records = csv_records(lines, self._delimiter, self.plan.encoding)
        if lines.place.line == 0:
            next(records, None)  # the head
        return records

    def _find_names(self) -> list[str]:
        """The columns that there are: the first line, or the keys of the first objects; of an object within, its keys behind a dot."""
        lines = Lines(self.plan.path)
        try:
            if not self._json:
                head = next(csv_records(lines, self._delimiter, self.plan.encoding), None)
                if head is None or not isinstance(head.row, list):
                    told = head.problem if head is not None else "it is empty"
                    raise FixMe(f"the first line is no list of columns: {told}", where=str(self.plan.path))
                return [name.strip() for name in head.row]
            names: dict[str, None] = {}
            for record in itertools.islice(json_records(lines, self.plan.encoding), _SAMPLE):
                if isinstance(record.row, dict):
                    for name, value in record.row.items():
                        names.update(
                            dict.fromkeys([f"{name}.{inner}" for inner in value] if isinstance(value, dict) else [name])
                        )
            return list(names)
        finally:
            lines.close()

    def _ours(self, ours: tuple[str, str]) -> tuple[Author, ...]:
        found: dict[Author, None] = {}
        lines = Lines(self.plan.path)
        try:
            for record in self._records(lines):
                item = self._item(record)
                cell = self._cell(record)
                if isinstance(item, Mention) and cell is not None and _says(cell, ours):
                    found[item.author] = None
                    if len(found) > MAX_OURS:
                        raise FixMe(
                            f"more than {MAX_OURS} authors are ours by {'='.join(ours)}",
                            where=str(self.plan.path),
                            hint="is it the other value?",
                        )
        finally:
            lines.close()
        return tuple(found)

    def _digest(self) -> str:
        """Content and plan; not the path, so that a moved file goes on where it stopped."""
        plan, digest = self.plan, hashlib.sha256()
        size = plan.path.stat().st_size
        with plan.path.open("rb") as file:
            digest.update(file.read(1 << 20))
            file.seek(max(0, size - (64 << 10)))
            digest.update(file.read())
        told = (size, sorted(self.columns.of.items()), plan.ours, plan.only, plan.topic, plan.space, plan.as_new)
        digest.update(repr((*told, plan.encoding)).encode())
        return digest.hexdigest()[:32]


@dataclass(slots=True)
class _Reading:
    """One pass over the records. What breaks the file off is told only after what came before it was handed over."""

    lines: Lines
    records: Iterator[Record]
    fault: FixMe | None = None

    def next(self, *, first: bool) -> Record | None:
        try:
            return None if self.fault is not None and not first else self._next()
        except FixMe as fault:
            self.fault = fault
            if first:
                raise
            return None

    def _next(self) -> Record | None:
        if self.fault is not None:
            raise self.fault
        return next(self.records, None)


def _read(cursor: str | None) -> Place:
    if cursor is None:
        return Place()
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise SourceStopped("the saved bookmark is not one of an import", where=cursor[:60])
    return Place(int(found[1]), int(found[2]))


def _says(cell: Cell, condition: tuple[str, str]) -> bool:
    try:
        return is_value(cell(condition[0]), condition[1])
    except ValueError:
        return False


def _inside(row: dict[str, Any], column: str) -> Any:
    if column in row:
        return row[column]
    outer, _, inner = column.partition(".")
    box = row.get(outer)
    return box.get(inner) if inner and isinstance(box, dict) else None


_NO = "this came from a file"


class Files(Unanswered):
    """The source `import`: files to read, nobody to answer."""

    name = NAME
    why = _NO
    capabilities: Mapping[Capability, str] = dict.fromkeys(Capability, _NO)

    def __init__(self, plans: tuple[ImportPlan, ...] = (), *, batch: int = BATCH) -> None:
        self._streams = tuple(ImportStream(plan, batch=batch) for plan in plans)

    def streams(self) -> tuple[Stream, ...]:
        """One for each file."""
        return self._streams

    def reread(self, raw: bytes, heard_at: datetime) -> tuple[Item, ...]:
        """A row means nothing without its file's columns: import the file again, which is harmless."""
        return (Reject(Reason.WRONG_SHAPE, "a row of a file: mend the file and import it again", raw),)

    def length(self, text: str) -> tuple[int, int]:
        """No limit is known."""
        return length(NAME, text)


def build(_: Wiring) -> Files:
    """Without a file: whoever imports one hands in its plan."""
    return Files()
