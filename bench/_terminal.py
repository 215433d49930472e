"""A program on a pseudo-terminal of a fixed size, timed: to a text on the screen, and from a key to where it moved the cursor's bar."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ROWS, COLUMNS = 40, 120

_FIRST_CELL = re.compile(rb"\x1b\[(\d+);1H(?:\x1b\[[\d;:]*m)*(\xe2\x96\x8c|[^\x1b](?=..))", re.DOTALL)
"""What is drawn in the first cell of a line: the bar of the row under the cursor (▌), or something else."""


class Terminal:
    """A program that runs on one. What it draws is only looked at where a figure needs it."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.began = time.perf_counter()
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env={**environment, "TERM": "xterm-256color"}
        )
        os.close(slave)
        self.seen = b""
        self._bars: set[int] = set()
        self._rest = b""

    def read(self, seconds: float) -> bytes:
        """What comes within some time; at once when there is something."""
        if not select.select([self.master], [], [], max(seconds, 0))[0]:
            return b""
        try:
            drawn = os.read(self.master, 1 << 20)
        except OSError:
            return b""
        self.seen += drawn
        self._rest += drawn
        return drawn

    def until(self, text: bytes, seconds: float = 120.0) -> float:
        """Seconds from the start until a text is drawn."""
        deadline = time.perf_counter() + seconds
        while text not in self.seen:
            if time.perf_counter() > deadline or self.process.poll() is not None:
                raise SystemExit(f"never drawn: {text!r}; last: {self.seen[-500:]!r}")
            self.read(0.05)
        return time.perf_counter() - self.began

    def quiet(self, seconds: float) -> None:
        """Read until nothing comes for a while."""
        while self.read(seconds):
            self.seen = b""

    def pause(self, seconds: float) -> None:
        """Read for some time, whatever comes."""
        until = time.perf_counter() + seconds
        while (left := until - time.perf_counter()) > 0:
            self.read(left)
        self.seen = b""

    def press(self, keys: bytes) -> None:
        """Type."""
        os.write(self.master, keys)

    def moved(self, key: bytes) -> float:
        """Milliseconds from a key to the cursor's bar on other lines than before; the rest of what is drawn meanwhile does not count."""
        before = self._cursor()
        began = time.perf_counter()
        self.press(key)
        while not (now := self._cursor()) or now & before:
            if time.perf_counter() - began > 10:
                raise SystemExit(f"{key!r} moved nothing in 10 seconds: the bar is on lines {sorted(before)}")
            self.read(1.0)
        return (time.perf_counter() - began) * 1000

    def _cursor(self) -> frozenset[int]:
        """The lines with the bar, after all that was drawn so far."""
        last = None
        for last in _FIRST_CELL.finditer(self._rest):
            line = int(last[1])
            if last[2] == b"\xe2\x96\x8c":
                self._bars.add(line)
            else:
                self._bars.discard(line)
        self._rest = self._rest[last.end() if last is not None else -64 :]
        return frozenset(self._bars)

    def memory(self) -> float:
        """Resident MiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024

    def ended(self, seconds: float) -> None:
        """Wait until it ends by itself, and read what it says meanwhile."""
        deadline = time.perf_counter() + seconds
        while self.process.poll() is None and time.perf_counter() < deadline:
            self.read(0.02)

    def end(self) -> None:
        """End the program that this started."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
