"""A program on a terminal of its own, and which processes belong to a folder. Owns the pseudo-terminal; refuses to know what is shown."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from pathlib import Path
from typing import Self

ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07]*\x07|\x1b[=>()][A-Z0-9]?")


class Terminal:
    """A program on a terminal of its own: what it shows, and keys for it. As a context it ends the program, however the test ends."""

    def __init__(self, arguments: list[str], environ: dict[str, str]) -> None:
        self.shown = b""
        sized = {name: value for name, value in environ.items() if name not in ("COLUMNS", "LINES")}
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))  # before the program looks
            os.execve(arguments[0], arguments, sized)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            self._reap(0)
        self.close()

    def close(self) -> None:
        """Nobody holds the other end any more."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def until(self, wanted: str, within: float = 60.0) -> None:
        """Reads until the words have been shown since the last call."""
        deadline, seen = time.monotonic() + within, b""
        while time.monotonic() < deadline:
            seen += self._read()
            if wanted.encode() in ESCAPES.sub(b"", seen):
                return
        raise AssertionError(
            f"{wanted!r} was not shown: {ESCAPES.sub(b'', self.shown)[-3000:].decode(errors='replace')}"
        )

    def _read(self) -> bytes:
        if self._fd < 0:
            time.sleep(0.02)
            return b""
        if not select.select([self._fd], [], [], 0.1)[0]:
            return b""
        try:
            found = os.read(self._fd, 65536)
        except OSError:
            return b""
        self.shown += found
        return found

    def press(self, keys: str) -> None:
        """Types."""
        os.write(self._fd, keys.encode())

    def ended(self, within: float = 60.0) -> int:
        """Its exit code."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            self._read()
            if (code := self._reap(os.WNOHANG)) is not None:
                self.close()
                return code
        raise AssertionError("it did not end")

    def _reap(self, options: int) -> int | None:
        pid, status = os.waitpid(self.pid, options)
        if not pid:
            return None
        self.pid = 0
        return os.waitstatus_to_exitcode(status)


def processes_of(folder: Path) -> list[str]:
    """Command lines of all processes that know this folder, by their arguments or their environment."""
    mark, found = os.fsencode(folder), []
    for path in Path("/proc").glob("[0-9]*"):
        if int(path.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            command = (path / "cmdline").read_bytes()
            if command and (mark in command or mark in (path / "environ").read_bytes()):
                found.append(f"{path.name} {command.replace(bytes(1), b' ').decode(errors='replace')[:150]}")
    return found


def until_gone(folder: Path, within: float) -> None:
    deadline = time.monotonic() + within
    while (left := processes_of(folder)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not left, f"still there after {within:g} s: {left}"


def end_all(folder: Path) -> None:
    """Ends whatever still belongs to this folder."""
    for line in processes_of(folder):
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(line.partition(" ")[0]), signal.SIGTERM)
    deadline = time.monotonic() + 10
    while processes_of(folder) and time.monotonic() < deadline:
        time.sleep(0.1)
