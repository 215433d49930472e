"""Starting, asking and killing programs that use an embedded server, and looking at what they leave behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import asyncpg

from listener.store.locks import FileLock
from listener.store.programs import OsUser, first_blocked

REPO = Path(__file__).parents[2]


class Program:
    """One `tests.store.embedded_client` in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.said: list[str] = []
        self.socket_folder = ""

    @classmethod
    async def start(
        cls,
        folder: Path,
        version: int = 18,
        *options: str,
        python: str = sys.executable,
        environment: Mapping[str, str] | None = None,
        **how: Any,
    ) -> Program:
        process = await asyncio.create_subprocess_exec(
            python,
            *("-m", "tests.store.embedded_client", str(folder), str(version), *options),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=REPO,
            env={**os.environ, **(environment or {})},
            **how,
        )
        return cls(process)

    async def answer(self, timeout: float = 60) -> list[str]:
        """The next line that is not a message to people."""
        assert self.process.stdout is not None
        async with asyncio.timeout(timeout):
            while line := (await self.process.stdout.readline()).decode():
                word, _, rest = line.strip().partition(" ")
                if word != "said":
                    return [word, *rest.split(" ")]
                self.said.append(rest)
        return []

    async def ready(self, timeout: float = 60) -> int:
        """Waits until the server runs for this program; returns the postmaster's pid."""
        word, *rest = await self.answer(timeout)
        assert word == "ready", (word, rest)
        self.socket_folder = rest[1]
        return int(rest[0])

    def tell(self, command: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{command}\n".encode())

    async def ensure(self, timeout: float = 60) -> int:
        self.tell("ensure")
        return await self.ready(timeout)

    async def leave(self, timeout: float = 60) -> None:
        self.tell("leave")
        assert await self.answer(timeout) == ["left", "leave"]
        async with asyncio.timeout(timeout):
            assert await self.process.wait() == 0

    async def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()


@contextlib.asynccontextmanager
async def programs(folder: Path, count: int, *options: str, version: int = 18) -> AsyncIterator[list[Program]]:
    """Several programs at once, started together; those still alive at the end are killed."""
    started = [await Program.start(folder, version, *options) for _ in range(count)]
    try:
        yield started
    finally:
        for program in started:
            await program.kill()


def lives(folder: Path) -> bool:
    """Whether any process of the folder's server is alive, whatever its pid file says."""
    lock = FileLock(folder / "server.lock")
    try:
        return not lock.try_exclusive()
    finally:
        lock.release()


async def until(true: Callable[[], bool], timeout: float = 30, what: str = "it") -> None:
    """Polls until something is true."""
    deadline = time.monotonic() + timeout
    while not true():
        assert time.monotonic() < deadline, f"{what} did not come true within {timeout} s"
        await asyncio.sleep(0.02)


async def value(dsn: str, sql: str) -> Any:
    """One value from one fresh connection."""
    connection = await asyncpg.connect(dsn, timeout=20)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


def running(*words: str) -> list[int]:
    """The pids of processes whose command line holds all these words (Linux)."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            with contextlib.suppress(OSError):
                line = (process / "cmdline").read_bytes()
                if all(word.encode() in line for word in words):
                    found.append(int(process.name))
    return found


async def kill_postmaster(folder: Path) -> int:
    """SIGKILL to Postgres' first process; its pid."""
    pid = int((folder / "cluster" / "postmaster.pid").read_text().split()[0])
    os.kill(pid, signal.SIGKILL)
    return pid


def ordinary_python(user: OsUser) -> str | None:
    """An interpreter of our version that another OS user can start; None when there is none."""
    same = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (sys.executable, f"/usr/bin/{same}", f"/usr/local/bin/{same}"):
        found = Path(candidate).resolve()
        if found.exists() and first_blocked(found, user) is None and first_blocked(REPO / "x", user) is None:
            return candidate
    return None
