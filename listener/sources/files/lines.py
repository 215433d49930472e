"""A file as records, in constant memory: lines of bounded length, CSV records across lines, JSON lines, plain or gzipped.

Owns places (byte offset and line number, after decompression), so that reading can resume, and the repair after a broken quote: the
broken line is given up, not the rest of the file. It refuses to know what a column means.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from listener.errors import FixMe
from listener.model.heard import Reason

MAX_LINE = 1 << 20
"""Bytes of one line."""
MAX_RECORD = 4 << 20
"""Bytes of one CSV record with newlines in quotes."""
_CHUNK = 64 << 10
_BOMS = ((b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16"))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record ends: bytes of (decompressed) content, and lines."""

    offset: int = 0
    line: int = 0


@dataclass(frozen=True, slots=True)
class Record:
    """One row. `row` is None where it could not be read; `problem` then says why."""

    line: int
    raw: bytes
    row: Sequence[str] | dict[str, Any] | None
    problem: str = ""
    reason: Reason = Reason.NOT_DECODED


@dataclass(frozen=True, slots=True)
class _Line:
    raw: bytes
    size: int
    """Also of what was not kept of a line that is too long."""

    @property
    def whole(self) -> bool:
        return self.size <= MAX_LINE


class Lines:
    """The lines of a file from a place on; remembers where it is. FixMe for what cannot be read at all."""

    def __init__(self, path: Path, place: Place | None = None) -> None:
        self._path = path
        self._again: deque[_Line] = deque()
        self.place = place or Place()
        try:
            self._file: IO[bytes] = path.open("rb")
            self.total = path.stat().st_size
            zipped = self._file.read(2) == b"\x1f\x8b"
            self._file.seek(0)
            self._content: IO[bytes] = (
                io.BufferedReader(gzip.GzipFile(fileobj=self._file), _CHUNK) if zipped else self._file
            )
            self._skip(self.place.offset, zipped)
        except OSError as err:
            raise FixMe(f"the file cannot be read: {err.strerror or err}", where=str(path)) from None
        except (EOFError, zlib.error):
            raise self._cut_off() from None

    @property
    def done(self) -> int:
        """Bytes of the file itself that were read, of `total`."""
        return self._file.tell()

    def close(self) -> None:
        """Let go of the file."""
        self._content.close()
        self._file.close()

    def _skip(self, offset: int, zipped: bool) -> None:
        if not zipped:
            self._content.seek(offset)
            return
        left = offset
        while left and (part := self._content.read(min(left, _CHUNK))):
            left -= len(part)

    def next(self) -> _Line | None:
        """The next line with its end; None at the end of the file."""
        if self._again:
            line = self._again.popleft()
        else:
            try:
                line = self._read()
            except OSError as err:
                raise FixMe(f"the file cannot be read: {err.strerror or err}", where=str(self._path)) from None
            except (EOFError, zlib.error):
                raise self._cut_off() from None
        if not line.size:
            return None
        self.place = Place(self.place.offset + line.size, self.place.line + 1)
        return line

    def peek(self) -> bytes:
        """Some first bytes, at least one unless the file is empty. Takes them away."""
        return (
            bytes(self._content.read1(_CHUNK))
            if isinstance(self._content, io.BufferedReader)
            else self._content.read(_CHUNK)
        )

    def back(self, lines: Sequence[_Line]) -> None:
        """Un-read these last lines."""
        self._again.extendleft(reversed(lines))
        self.place = Place(self.place.offset - sum(line.size for line in lines), self.place.line - len(lines))

    def _read(self) -> _Line:
        raw = self._content.readline(MAX_LINE + 1)
        size = len(raw)
        part = raw
        while len(part) > MAX_LINE and not part.endswith(b"\n"):
            part = self._content.readline(MAX_LINE + 1)
            size += len(part)
        return _Line(raw if size <= MAX_LINE else raw[: 64 << 10], size)

    def _cut_off(self) -> FixMe:
        return FixMe(
            "the compressed file is broken or cut off",
            where=f"{self._path}, after line {self.place.line}",
            hint="what came before it is imported; get the whole file and import it again",
        )


def look(path: Path) -> bytes:
    """The first bytes of the content. FixMe for what we do not read: an empty file, UTF-16, old Mac line ends, a binary file."""
    lines = Lines(path)
    try:
        head = lines.peek()
    except (OSError, EOFError, zlib.error):
        raise lines._cut_off() from None
    finally:
        lines.close()
    where = str(path)
    for bom, name in _BOMS:
        if head.startswith(bom):
            raise FixMe(f"the file is {name}", where=where, hint=f"make it UTF-8: iconv -f {name} -t UTF-8")
    if not head.strip(b"\xef\xbb\xbf \t\r\n"):
        raise FixMe("the file is empty", where=where)
    if b"\n" not in head and head.count(b"\r") > 3:
        raise FixMe("the lines end as on old Macs", where=where, hint="make them ordinary: tr '\\r' '\\n'")
    if head.count(b"\0") > len(head) // 4:
        raise FixMe("this is not a text file", where=where)
    return head


class _CsvLines:
    """Feeds lines to the csv reader and remembers those of the current record."""

    def __init__(self, lines: Lines, encoding: str) -> None:
        self.current: list[_Line] = []
        self._lines = lines
        self._encoding = encoding
        self._size = 0

    def begin(self) -> None:
        self.current, self._size = [], 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._lines.next()
        if line is None:
            raise StopIteration
        self.current.append(line)
        self._size += line.size
        if not line.whole:
            raise csv.Error(f"a line of {line.size} bytes")
        if self._size > MAX_RECORD:
            raise csv.Error("a quote that does not end")
        raw = line.raw
        if len(self.current) == 1 and self._lines.place.line == 1:
            raw = raw.removeprefix(b"\xef\xbb\xbf")
        # What is not text is seen in the cells later: the record must be read to its end first.
        return raw.decode(self._encoding, "surrogateescape")


def csv_records(lines: Lines, delimiter: str, encoding: str) -> Iterator[Record]:
    """CSV records; quoted newlines are fine. After a quote that never ends, reading goes on with the next line."""
    feed = _CsvLines(lines, encoding)
    reader = csv.reader(feed, delimiter=delimiter, strict=True)
    while True:
        feed.begin()
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as err:
            first, *rest = feed.current
            lines.back(rest)
            reason = Reason.NOT_DECODED if first.whole else Reason.TOO_BIG
            yield Record(lines.place.line, first.raw, None, str(err), reason)
            continue
        at = lines.place.line - len(feed.current) + 1
        raw = b"".join(line.raw for line in feed.current).rstrip(b"\r\n")
        if not row:
            continue
        if not raw.isascii() and any(not _is_text(cell) for cell in row):
            yield Record(at, raw, None, f"not {encoding.upper()} text")
        else:
            yield Record(at, raw, row)


def _is_text(cell: str) -> bool:
    try:
        cell.encode()
    except UnicodeEncodeError:
        return False
    return True


def json_records(lines: Lines, encoding: str) -> Iterator[Record]:
    """One JSON object a line; empty lines are fine."""
    while (line := lines.next()) is not None:
        at = lines.place.line
        if not line.whole:
            yield Record(at, line.raw, None, f"a line of {line.size} bytes", Reason.TOO_BIG)
            continue
        raw = line.raw.removeprefix(b"\xef\xbb\xbf").strip() if at == 1 else line.raw.strip()
        if not raw:
            continue
        try:
            row = json.loads(raw.decode(encoding))
        except UnicodeDecodeError as err:
            yield Record(at, raw, None, f"not {encoding.upper()} text at byte {err.start}")
        except json.JSONDecodeError as err:
            yield Record(at, raw, None, f"not JSON: {err.msg} at character {err.pos}")
        except (ValueError, RecursionError):
            yield Record(at, raw, None, "not JSON that we can read")
        else:
            if isinstance(row, dict):
                yield Record(at, raw, row)
            else:
                yield Record(at, raw, None, f"not a JSON object but {type(row).__name__}", Reason.WRONG_SHAPE)
