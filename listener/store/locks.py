"""File locks between the programs that share one embedded server. Owns `flock` and nothing else; never trusts a pid.

The kernel drops such a lock when its last holder dies, however it dies, so no list of users can go stale.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path

POLL = 0.02
PATIENCE = 2.0


class FileLock:
    """One open lock file. Locks of two FileLock objects on one path exclude each other, also within one process."""

    def __init__(self, path: Path, owner: tuple[int, int] | None = None) -> None:
        self._path = path
        self._owner = owner
        self._fd = -1

    def fileno(self) -> int:
        """For handing the lock down to a child process: whoever has the file open, holds it."""
        return self._fd

    def try_shared(self) -> bool:
        """Takes the lock together with others, or changes an exclusive one into that; False when somebody has it alone."""
        return self._try(fcntl.LOCK_SH)

    def try_exclusive(self) -> bool:
        """Takes the lock alone, or changes a shared one into that; False when anybody else holds it."""
        return self._try(fcntl.LOCK_EX)

    async def exclusive(self, on_wait: Callable[[], None]) -> None:
        """Takes the lock alone and waits as long as that takes; `on_wait` is called once when it takes long."""
        started = time.monotonic()
        while not self.try_exclusive():
            if started and time.monotonic() - started > PATIENCE:
                started = 0.0
                on_wait()
            await asyncio.sleep(POLL)

    def release(self) -> None:
        """Lets go. Children which inherited the file keep the lock."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _try(self, kind: int) -> bool:
        while True:
            if self._fd < 0:
                self._open()
            try:
                fcntl.flock(self._fd, kind | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            if self._still_there():
                return True
            self.release()  # somebody deleted the file: a lock on it excludes nobody

    def _open(self) -> None:
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        if self._owner is not None and os.fstat(self._fd).st_uid != self._owner[0]:
            os.fchown(self._fd, *self._owner)

    def _still_there(self) -> bool:
        mine = os.fstat(self._fd)
        try:
            now = os.stat(self._path)
        except FileNotFoundError:
            return False
        return (mine.st_dev, mine.st_ino) == (now.st_dev, now.st_ino)
