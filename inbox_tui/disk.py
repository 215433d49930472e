"""A file that a person named, read whole. Owns how it is opened: no pipe is waited for, no device is touched, nothing without an end is read."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


def read_bytes(path: Path, most: int) -> bytes:
    """What is in a file: of a longer one, `most` bytes and one more. Raises `OSError`: it cannot be read, or it is no file."""
    _is_file(path.stat())  # opening a device may do something already
    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        _is_file(os.fstat(number))
        content = bytearray()
        while len(content) <= most and (more := os.read(number, most + 1 - len(content))):
            content += more
        return bytes(content)
    finally:
        os.close(number)


def _is_file(found: os.stat_result) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is no file")
