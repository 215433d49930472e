"""A file that a person named, read or written whole. Owns how it is opened: no pipe is waited for, no device is touched, nothing without an
end is read.
"""

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


def meant(written: str, name: str) -> Path:
    """The file that a person means: ~ is their home, and in a folder it gets this name."""
    path = Path(written)
    try:
        path = path.expanduser()
    except RuntimeError:  # a home that nobody knows: taken by its letters
        return path
    return path / name if path.is_dir() else path


def write_text(path: Path, text: str) -> None:
    """Writes a file whole, readable for its owner; what stood there goes. Raises `OSError`: it cannot be written, or is no file."""
    if path.exists():
        _is_file(path.stat())
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC, 0o600)
    with os.fdopen(number, "w", encoding="utf-8") as file:
        file.write(text)
