"""Waiting that can be ended: every loop of the service waits in here, so that SIGTERM is heard at once. Waits go by the
monotonic clock, because the wall's may jump.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Stopped(Exception):
    """Somebody asked the service to end. Loops let it pass; it is not an error."""


class Stop:
    """The one request to end, and the waits that heed it."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self.why = ""

    @property
    def is_set(self) -> bool:
        """Whether the end was asked for."""
        return self._event.is_set()

    def set(self, why: str) -> None:
        """Ask for the end. The first reason counts."""
        self.why = self.why or why
        self._event.set()

    async def wait(self) -> None:
        """Until the end is asked for."""
        await self._event.wait()

    async def pause(self, seconds: float) -> None:
        """Waits that long; raises Stopped as soon as the end is asked for."""
        try:
            await asyncio.wait_for(self._event.wait(), max(0.0, seconds))
        except TimeoutError:
            return
        raise Stopped

    async def unless(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`; cancelled, and Stopped raised, when the end is asked for first. `work` must bear being cancelled."""
        task = asyncio.ensure_future(work)
        asked = asyncio.ensure_future(self._event.wait())
        try:
            await asyncio.wait({task, asked}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise Stopped
            return task.result()
        finally:
            asked.cancel()
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def wakened(self, bell: asyncio.Event, seconds: float) -> None:
        """Until the bell rings, at most that long; the bell is quiet again afterwards. Raises Stopped."""
        if self.is_set:
            raise Stopped
        if not bell.is_set() and seconds > 0:
            with contextlib.suppress(TimeoutError):
                await self.unless(asyncio.wait_for(bell.wait(), seconds))
        bell.clear()


class Backoff:
    """Waits that double from `first` to `most` seconds, with up to a quarter of jitter; `reset` after progress."""

    def __init__(self, first: float = 0.25, most: float = 30.0) -> None:
        self._first, self._most = first, most
        self._next = first

    def reset(self) -> None:
        """It went well: start small the next time."""
        self._next = self._first

    def next(self) -> float:
        """How long to wait now."""
        wait = self._next
        self._next = min(self._most, self._next * 2)
        return wait * random.uniform(1.0, 1.25)
