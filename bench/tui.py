"""The inbox on a real terminal (a pty): process start to first screen, key to paint, and memory, at two sizes of the table.

The peer of the start is an empty Textual app on the same pty in the same run; the limit of a key is Textual's own 60 Hz tick.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import json
import os
import pty
import random
import select
import statistics
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import asyncpg

from listener.model import Role
from listener.store import people
from listener.store.connect import connect_pool
from listener.store.embedded import embedded
from listener.store.migrate import migrate
from listener.store.programs import scratch_folder

TICK_MS = 1000 / 60
ROWS, COLUMNS = 40, 120
SEED = 20261123

BAR = "▌".encode()

EMPTY_APP = """
from textual.app import App
from textual.widgets import Static
class Empty(App):
    def compose(self):
        yield Static("empty app is ready")
Empty().run()
"""

FILL = """
WITH a AS (
    INSERT INTO authors (space, external_id, handle, first_at)
    SELECT 'many', 'did:' || i, 'author' || i, $3 FROM generate_series(1, $2::int) AS i RETURNING id, external_id
), m AS (
    INSERT INTO mentions (space, external_id, source, author_id, ours, kind, root, heard_at, at)
    SELECT 'many', external_id || '/1', 'bluesky', id, false, 'post', external_id || '/1', $3, $3 FROM a
    RETURNING id, external_id, author_id
), v AS (
    INSERT INTO mention_versions (mention_id, version, revision, content_id, text, heard_at)
    SELECT id, 1, '', '', 'my invoice is wrong, number ' || id || ', and nobody answers', $3 FROM m
), c AS (
    INSERT INTO conversations (brand_id, space, root, author_id, source, origin, state, priority, due_at, sort_key, opened_at,
                               last_at, last_mention_id, changed_at)
    SELECT $1, 'many', external_id, author_id, 'bluesky', 'addressed', 'new', 2, NULL, id * 1000, $3, $3, id, $3 FROM m
    RETURNING id, last_mention_id
)
INSERT INTO conversation_mentions SELECT id, last_mention_id FROM c
"""


def say(bench: str, ours: float, peer: float, peer_is: str, unit: str) -> None:
    """One figure."""
    line = {"bench": bench, "ours": round(ours, 2), "peer": round(peer, 2), "peer_is": peer_is}
    print(json.dumps({**line, "ratio": round(ours / peer, 2), "unit": unit}), flush=True)


ARRIVE = FILL.replace("id * 1000, $3", "(random() * 200000)::bigint, $3").replace(
    "INSERT INTO conversation_mentions SELECT id, last_mention_id FROM c",
    """, told AS (
    INSERT INTO events (brand_id, kind, conversation_id) SELECT $1, 'conversation.opened', id FROM c
)
INSERT INTO conversation_mentions SELECT id, last_mention_id FROM c""",
)
"""New conversations, told as the listener tells them, most of them above or among what the reader sees."""


class Arrivals:
    """So many new conversations a second, from a thread with a connection of its own, for the length of a `with` block."""

    def __init__(self, dsn: str, a_second: int) -> None:
        self.dsn, self.a_second = dsn, a_second
        self.stored = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._arrive()))

    async def _arrive(self) -> None:
        connection = await asyncpg.connect(self.dsn, server_settings={"search_path": "hubbub"})
        at_once = max(1, self.a_second // 20)
        while not self._stop.is_set():
            began = time.perf_counter()
            async with connection.transaction():
                statement = ARRIVE.replace("'did:' || i", f"'did:{random.random()}:' || i")
                await connection.execute(statement, 1, at_once, datetime.now(UTC))
                await connection.execute("NOTIFY hubbub, '1'")
            self.stored += at_once
            await asyncio.sleep(max(0.0, at_once / self.a_second - (time.perf_counter() - began)))
        await connection.close()

    def __enter__(self) -> Arrivals:
        self._began = time.perf_counter()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self.rate = self.stored / (time.perf_counter() - self._began)


class Terminal:
    """A program on a pty of a fixed size."""

    def __init__(self, command: Sequence[str], environment: dict[str, str]) -> None:
        self.began = time.perf_counter()
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**environment, "TERM": "xterm-256color"},
            close_fds=True,
        )
        os.close(slave)
        self.seen = b""

    def read(self, seconds: float) -> bytes:
        """What comes within some time; at once when there is something."""
        ready, _, _ = select.select([self.master], [], [], seconds)
        if not ready:
            return b""
        try:
            data = os.read(self.master, 1 << 20)
        except OSError:
            return b""
        self.seen += data
        return data

    def until(self, text: bytes, seconds: float = 60.0) -> float:
        """Seconds from the start until a text was drawn."""
        deadline = time.perf_counter() + seconds
        while text not in self.seen:
            if time.perf_counter() > deadline or self.process.poll() is not None:
                raise SystemExit(f"never drawn: {text!r}; last: {self.seen[-500:]!r}")
            self.read(0.05)
        return time.perf_counter() - self.began

    def quiet(self, seconds: float) -> None:
        """Read until nothing comes for a while."""
        while self.read(seconds):
            pass

    def key(self, key: bytes) -> float:
        """Milliseconds from a key to the first bytes that it draws."""
        begin = time.perf_counter()
        os.write(self.master, key)
        while not self.read(1.0):
            if self.process.poll() is not None:
                raise SystemExit("the inbox ended")
        return (time.perf_counter() - begin) * 1000

    def memory(self) -> float:
        """Resident MiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024

    def end(self) -> None:
        """End the program that this started."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.master)


def starts(command: Sequence[str], environment: dict[str, str], text: bytes, n: int) -> float:
    """Median seconds from process start to a text on the screen; the first run, which fills caches, does not count."""
    took = []
    for _ in range(n + 1):
        terminal = Terminal(command, environment)
        took.append(terminal.until(text))
        terminal.end()
    return statistics.median(took[1:])


def keys(terminal: Terminal, n: int, rng: random.Random) -> list[float]:
    """Key to paint, one key at a time, with a person's pauses between."""
    took = []
    for i in range(n):
        terminal.quiet(rng.uniform(0.12, 0.2))  # the preview of the row follows the cursor; it is not the key's paint
        took.append(terminal.key(b"k" if i % 10 == 9 else b"j"))
    return sorted(took)


def storm(
    command: Sequence[str], environment: dict[str, str], dsn: str, size: int, n_keys: int, rng: random.Random
) -> None:
    """Key to the end of its paint while a thousand conversations a second arrive: the screen is never quiet, so the cursor's bar is
    what is waited for."""
    terminal = Terminal(command, environment)
    terminal.until(b"@author")
    terminal.quiet(1.5)
    took = []
    with Arrivals(dsn, 1_000) as arrivals:
        for i in range(n_keys):
            until = time.perf_counter() + rng.uniform(0.05, 0.1)
            while time.perf_counter() < until:
                terminal.read(0.01)
            terminal.seen = b""
            began = time.perf_counter()
            os.write(terminal.master, b"k" if i % 4 == 3 else b"j")
            while BAR not in terminal.seen and time.perf_counter() - began < 5:
                terminal.read(0.5)
            took.append((time.perf_counter() - began) * 1000)
    terminal.end()
    took.sort()
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        figure = took[int(len(took) * share)]
        bench = f"tui: key to paint {name} while {arrivals.rate:,.0f} conversations/s arrive, {size:,} before"
        say(bench, figure, TICK_MS, "Textual's 60 Hz tick", "ms")


async def fill(pool: asyncpg.Pool, n: int) -> None:
    """A brand, a person, and so many open conversations."""
    async with pool.acquire() as connection:
        await migrate(connection, say=lambda _: None)
    brand = await people.ensure_brand(pool, "acme", "Acme")
    await people.ensure_person(pool, "mia", "Mia", brand, Role.RESPONDER)
    for _ in range(max(1, n // 20_000)):
        await pool.execute(
            FILL.replace("'did:' || i", f"'did:{random.random()}:' || i"), brand, min(n, 20_000), datetime.now(UTC)
        )
    await pool.execute("ANALYZE")


async def measure(sizes: Sequence[int], runs: int, n_keys: int) -> None:
    """Everything, at each size."""
    rng = random.Random(SEED)
    folder = scratch_folder("hubbub-bench-")
    folder.chmod(0o711)  # as root, Postgres runs as another user
    async with embedded(folder / "data") as server:
        first: dict[int, float] = {}
        for size in sizes:
            await server.ensure_database(f"bench_{size}")
            dsn = server.dsn(f"bench_{size}")
            pool = await connect_pool(dsn, application_name="bench", min_size=1, max_size=2)
            await fill(pool, size)
            await pool.close()
            environment = {**os.environ, "HUBBUB_DSN": dsn, "PYTHONPYCACHEPREFIX": str(folder / "pyc")}
            environment.pop("PYTHONDONTWRITEBYTECODE", None)  # installed programs are compiled once, not at every start
            command = [sys.executable, "-m", "inbox_tui", "--brand", "acme", "--person", "mia"]
            ours = starts(command, environment, b"@author", runs)
            peer = starts([sys.executable, "-c", EMPTY_APP], environment, b"ready", runs)
            say(f"tui: start to first screen, {size:,} conversations", ours, peer, "an empty Textual app", "s")
            terminal = Terminal(command, environment)
            terminal.until(b"@author")
            terminal.quiet(1.5)
            took = keys(terminal, n_keys, rng)
            for name, share in (("p50", 0.5), ("p99", 0.99)):
                figure = took[int(len(took) * share)]
                say(f"tui: key to paint {name}, {size:,} conversations", figure, TICK_MS, "Textual's 60 Hz tick", "ms")
            os.write(terminal.master, b"G")
            terminal.quiet(0.5)
            os.write(terminal.master, b"g")
            terminal.quiet(0.5)
            first[size] = terminal.memory()
            terminal.end()
            storm(command, environment, dsn, size, n_keys // 2, rng)
        small, big = min(sizes), max(sizes)
        say(f"tui: memory at {big:,} conversations", first[big], first[small], f"at {small:,}", "MiB")


def main() -> int:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    sizes, runs, n_keys = ((1_000, 5_000), 3, 60) if quick else ((1_000, 100_000), 9, 300)
    asyncio.run(measure(sizes, runs, n_keys))
    return 0


if __name__ == "__main__":
    sys.exit(main())
