"""A terminal that is gone: the inbox ends by itself, and what was being written is kept."""

from __future__ import annotations

import asyncio
import os
import pty
import signal
import sys

import asyncpg
import pytest
from textual.drivers._writer_thread import WriterThread

from inbox_tui.app.gone import GONE, Takes, is_gone
from tests.journeys.terminal import Terminal
from tests.store.world import world

INBOX = ["-m", "inbox_tui", "--brand", "acme", "--person", "mia-acme"]
# A terminal that belongs to another session: nobody is told by a signal that it is gone.
UNTOLD = """
import fcntl, os, signal, sys, termios
signal.signal(signal.SIGHUP, signal.SIG_IGN)
fcntl.ioctl(0, termios.TIOCNOTTY)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


@pytest.mark.parametrize("told", [False, True])
async def test_it_keeps_the_draft_and_ends(pool: asyncpg.Pool, dsn: str, told: bool) -> None:
    w = await world(pool)
    await pool.execute("UPDATE accounts SET state = 'ready'")
    await w.conversation("where is my parcel?", author="ana")
    command = [sys.executable, *([] if told else ["-c", UNTOLD]), *INBOX]

    def journey() -> None:
        with Terminal(command, {**os.environ, "HUBBUB_DSN": dsn, "TERM": "xterm-256color"}) as inbox:
            inbox.until("where is my parcel?")
            inbox.press("r")
            inbox.until("PUBLIC reply")
            inbox.press("half a word")
            inbox.until("11 of 300")
            if told:
                os.kill(inbox.pid, signal.SIGHUP)
            else:
                inbox.close()
            assert inbox.ended(10) == GONE

    await asyncio.get_running_loop().run_in_executor(None, journey)
    assert await pool.fetchval("SELECT body FROM drafts") == "half a word"
    assert await pool.fetchval("SELECT count(*) FROM claims WHERE until > clock_timestamp()") == 0, "it let go"


def test_whoever_draws_on_one_is_never_held_up() -> None:
    """However long the last words take: the app's queue of what is to be drawn holds thirty."""
    ours, theirs = pty.openpty()
    file = os.fdopen(theirs, "w")
    assert not is_gone(theirs)
    os.close(ours)
    assert is_gone(theirs)
    drawing = WriterThread(Takes(file))  # type: ignore[arg-type]
    drawing.start()
    for _ in range(100):
        drawing._queue.put("x", timeout=5)
    drawing.stop()
    with pytest.raises(OSError, match="Input/output"):
        file.close()
