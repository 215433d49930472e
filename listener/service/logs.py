"""The log: one line for each thing that happened, in a file that turns over or on stderr. Owns its form and what may stand in it.

Outside text is made harmless, secrets never get here, and an error is one line: what, where, hint. HUBBUB_DEBUG=1 adds the traceback.
"""

from __future__ import annotations

import logging
import logging.handlers
import os
import sys
import time
import traceback
from pathlib import Path

from listener.errors import FixMe, HubbubError
from listener.harmless import harmless

FORM = "%(asctime)s.%(msecs)03dZ %(levelname)-7s %(name)s: %(message)s"
MAX_BYTES = 5_000_000
KEPT = 4
LONGEST = 2000


class OneLine(logging.Formatter):
    """A record as exactly one harmless line; with HUBBUB_DEBUG the traceback follows, indented."""

    def __init__(self) -> None:
        super().__init__(FORM, "%Y-%m-%dT%H:%M:%S")
        self.converter = time.gmtime
        self._debug = bool(os.environ.get("HUBBUB_DEBUG"))

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        record.message = harmless(record.getMessage())[:LONGEST]
        line = self.formatMessage(self._with_time(record))
        if record.exc_info and record.exc_info[1] is not None:
            line += f": {told(record.exc_info[1])}"
            if self._debug:
                shown = "".join(traceback.format_exception(record.exc_info[1]))
                line += "\n" + "\n".join(f"    {harmless(part)}" for part in shown.splitlines())
        return line

    def _with_time(self, record: logging.LogRecord) -> logging.LogRecord:
        record.asctime = self.formatTime(record, self.datefmt)
        return record


def told(err: BaseException) -> str:
    """An error in one line: ours in its own words, a bug with the place it came from."""
    if isinstance(err, BaseExceptionGroup):
        return "; ".join(told(inner) for inner in err.exceptions)[:LONGEST]
    if isinstance(err, HubbubError):
        return harmless(str(err))[:LONGEST]
    frames = traceback.extract_tb(err.__traceback__)
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return harmless(f"{type(err).__name__}: {err}{where}")[:LONGEST]


def set_up(file: Path | None, level: str = "INFO") -> None:
    """Sends the log to `file` (made if missing; turned over at 5 MB, four kept) or to stderr. FixMe when the file cannot be written."""
    handler: logging.Handler
    if file is None:
        handler = logging.StreamHandler(sys.stderr)
    else:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            handler = logging.handlers.RotatingFileHandler(file, maxBytes=MAX_BYTES, backupCount=KEPT, encoding="utf-8")
        except OSError as err:
            raise FixMe(
                f"the log cannot be written: {err.strerror}",
                where=str(file),
                hint="set HUBBUB_HOME to a folder you may write to",
            ) from None
    handler.setFormatter(OneLine())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.getLogger("asyncio").setLevel("WARNING")
    logging.getLogger("asyncpg").setLevel("ERROR")  # a pool that cannot reconnect is told by whoever waits for it
