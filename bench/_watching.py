"""Many clients of the inbox without screens, in a process of their own: each follows the feed and reads what changed, by the backend that the
screens use, over connections of its own. Says on stdout which tag it has read, and when (the machine's monotonic clock).
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Mapping

from inbox_tui.backend.postgres import connect

MARK = "seen"
"""How tags begin that are told."""


async def follow(dsn: str, brand: str, login: str) -> None:
    """One client, for ever."""
    backend = await connect(dsn, brand, login)
    known: set[str] = set()
    async for changed in backend.changes(lambda connected: print("ready" if connected else "lost", flush=True)):
        rows = await backend.rows(list(changed.conversations))
        at = time.perf_counter()
        new = {tag for row in rows for tag in row.tags if tag.startswith(MARK)} - known
        known |= new
        for tag in new:
            print(tag, at, flush=True)


class Watching:
    """So many of them, for the length of an `async with` block. `seen` holds, for each tag, when each of them read it; `news` is set then."""

    def __init__(self, dsn: str, brand: str, login: str, many: int, news: asyncio.Event) -> None:
        self._news = news
        self._command = [sys.executable, "-m", "bench._watching", brand, login, str(many)]
        self._environment: Mapping[str, str] = {**os.environ, "HUBBUB_DSN": dsn}
        self._many = many
        self.seen: dict[str, list[float]] = {}

    async def __aenter__(self) -> Watching:
        self._process = await asyncio.create_subprocess_exec(
            *self._command, env=self._environment, stdout=asyncio.subprocess.PIPE
        )
        assert self._process.stdout is not None
        for _ in range(self._many):
            assert (await self._process.stdout.readline()).strip() == b"ready"
        self._reading = asyncio.create_task(self._read(self._process.stdout))
        return self

    async def _read(self, told: asyncio.StreamReader) -> None:
        async for line in told:
            tag, at = line.decode().split()
            self.seen.setdefault(tag, []).append(float(at))
            self._news.set()

    async def __aexit__(self, *_: object) -> None:
        self._process.terminate()
        await self._process.wait()
        await self._reading


async def _main(brand: str, login: str, many: str) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(int(many)):
            group.create_task(follow(os.environ["HUBBUB_DSN"], brand, login))


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
