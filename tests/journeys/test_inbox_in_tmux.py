"""The inbox as people start it, in a real terminal (tmux): what it shows is read off the screen, and the keys go through the terminal."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from tests.store.world import World, world

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")


class Tmux:
    """One terminal, on a tmux server of its own."""

    def __init__(self, dsn: str) -> None:
        self._socket = f"hubbub-{uuid.uuid4().hex[:8]}"
        self._dsn = dsn

    def _tmux(self, *arguments: str) -> str:
        command = ["tmux", "-L", self._socket, "-f", os.devnull, *arguments]
        environ = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=20, env=environ).stdout

    def start(self, width: int = 120, height: int = 40, *, login: str = "mia-acme") -> None:
        """The inbox of a person, on a terminal of that size."""
        inbox = [sys.executable, "-m", "inbox_tui", "--brand", "acme", "--person", login]
        size = ["-x", str(width), "-y", str(height)]
        environ = ["-e", f"HUBBUB_DSN={self._dsn}", "-e", "LANG=C.UTF-8"]
        self._tmux("-u", "new-session", "-d", "-s", "inbox", *size, *environ, *inbox)

    def keys(self, *keys: str) -> None:
        """Keys by tmux's names."""
        self._tmux("send-keys", "-t", "inbox", *keys)

    def type(self, text: str) -> None:
        """A text, as it is typed."""
        self._tmux("send-keys", "-t", "inbox", "-l", text)

    def resize(self, width: int, height: int) -> None:
        """Another size, as when somebody drags the window's corner."""
        self._tmux("resize-window", "-t", "inbox", "-x", str(width), "-y", str(height))

    def screen(self) -> str:
        """What is to be read now."""
        return self._tmux("capture-pane", "-p", "-t", "inbox")

    async def shows(self, text: str, within: float = 30.0) -> str:
        """Waits until it can be read; the whole screen."""
        deadline = time.monotonic() + within
        while text not in (found := self.screen()):
            assert time.monotonic() < deadline, f"{text!r} was not shown:\n{found}"
            await asyncio.sleep(0.05)
        return found

    def kill(self) -> None:
        """The machine in the hand dies: nobody says goodbye."""
        os.kill(int(self._tmux("display-message", "-p", "-t", "inbox", "#{pane_pid}")), signal.SIGKILL)
        with contextlib.suppress(subprocess.CalledProcessError):
            self._tmux("kill-server")

    def end(self) -> None:
        """Whatever is left."""
        with contextlib.suppress(subprocess.CalledProcessError):
            self._tmux("kill-server")


@pytest.fixture
def tmux(dsn: str) -> Iterator[Tmux]:
    """A terminal that ends with the test."""
    found = Tmux(dsn)
    yield found
    found.end()


async def _busy(pool: asyncpg.Pool) -> World:
    w = await world(pool)
    await pool.execute("UPDATE accounts SET state = 'ready'")
    at = datetime.now(UTC)
    await w.conversation("where is my parcel?", author="ana", due_at=at + timedelta(minutes=9), at=at)
    await w.conversation("you charged me twice", author="bob", due_at=at + timedelta(minutes=40), at=at)
    await w.conversation("💌 great shop, thank you", author="eve", at=at)
    return w


@pytest.mark.timeout(180)
async def test_start_triage_reply_resize_and_a_terminal_that_dies_in_a_draft(
    pool: asyncpg.Pool, dsn: str, tmux: Tmux
) -> None:
    w = await _busy(pool)
    tmux.start()
    first = await tmux.shows("where is my parcel?")
    assert first.index("where is my parcel?") < first.index("you charged me twice"), "what is due first stands first"
    await tmux.shows("min left")
    tmux.keys("r")
    await tmux.shows("PUBLIC reply as @acme.example to @ana")
    tmux.type("It is on its way 📦, Ana.")
    await tmux.shows("It is on its way 📦, Ana.")
    tmux.keys("C-s")
    await tmux.shows("goes out in")
    assert await pool.fetchval("SELECT body FROM replies") == "It is on its way 📦, Ana."

    tmux.keys("Escape")
    await asyncio.sleep(0.5)  # a key right behind it would be one with alt
    tmux.keys("j")
    await tmux.shows("@bob · Bob")
    tmux.keys("t")
    await tmux.shows("words with spaces between")
    tmux.type("billing")
    tmux.keys("Enter")
    await tmux.shows("tagged #billing")

    tmux.resize(80, 24)
    small = await tmux.shows("you charged me twice")
    assert max(map(len, small.splitlines())) <= 80
    tmux.resize(160, 45)
    await tmux.shows("you charged me twice")

    tmux.keys("r")
    await tmux.shows("to @bob")
    tmux.type("I am sorry, Bob: I look at")
    await tmux.shows("I am sorry, Bob: I look at")
    deadline = time.monotonic() + 20
    while await pool.fetchval("SELECT count(*) FROM drafts WHERE body LIKE 'I am sorry%look at'") == 0:
        assert time.monotonic() < deadline, "the draft is kept while it is typed"
        await asyncio.sleep(0.05)
    tmux.kill()

    held = "SELECT until FROM claims WHERE person_id = $1"
    assert await pool.fetchval(held, w.mia.id) <= datetime.now(UTC) + timedelta(seconds=60), "a dead one lets go"
    tmux.start(100, 30)
    await tmux.shows("you charged me twice")
    tmux.keys("j")
    await tmux.shows("@bob · Bob")
    tmux.keys("r")
    await tmux.shows("You are on it in another terminal")
    tmux.keys("t")
    await tmux.shows("to @bob")
    await tmux.shows("I am sorry, Bob: I look at")
    tmux.keys("Escape")
    await tmux.shows("draft kept")
    tmux.keys("q")
    deadline = time.monotonic() + 20
    while await pool.fetchval("SELECT count(*) FROM claims"):
        assert time.monotonic() < deadline, "a terminal that ends lets go"
        await asyncio.sleep(0.05)


async def test_frames_stay_straight_whatever_people_write(pool: asyncpg.Pool, dsn: str, tmux: Tmux) -> None:
    """tmux has its own mind about the width of families, flags, keycaps and Devanagari; no frame is broken by it."""
    w = await world(pool)
    texts = (
        "👨‍👩‍👧‍👦 family 👍🏽 done",
        "हिन्दी में लिखा संदेश",
        "1️⃣ ☎️ ❤️ signs",
        "👩🏽‍🚀👩‍❤️‍💋‍👨 end",
        "مرحبا أين طلبي",
        "日本語の請求書",
    )
    for n, text in enumerate(texts):
        await w.conversation(text, author=f"user{n}", at=datetime.now(UTC) - timedelta(minutes=n))
    tmux.start(150, 40)
    await tmux.shows("日本語の請求書")
    await tmux.shows("why: no rule fired")
    tmux.keys("j")
    await tmux.shows("@user4 · User4")
    rows = tmux.screen().splitlines()[1:38]
    assert [line for line in rows if "│" not in line] == [], "\n".join(rows)
