"""Postgres as the service and the commands use it: found by the settings, opened, migrated, waited for. Owns patience.

A database that is down, restarting or full is waited for with a back-off and told once; whatever was to be stored is stored
when it is back. Refuses to wait for what only a human can mend.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from listener.errors import FixMe, HubbubError, NotReachable, TryAgain
from listener.service.stopping import Backoff, Stop
from listener.settings import Settings
from listener.store import connect as connecting
from listener.store.embedded import Server, embedded
from listener.store.migrate import migrate, require_current
from listener.store.sources import Holds

T = TypeVar("T")
Say = Callable[[str], None]
log = logging.getLogger("hubbub.database")

DISK_FULL = "53100"


def _quiet(_: str) -> None:
    pass


@dataclass(slots=True)
class House:
    """An open database: its address, its pool, and the embedded server under it, if that is ours."""

    dsn: str = field(repr=False)
    pool: connecting.Pool
    server: Server | None = None
    problem: str = ""
    """Why it is being waited for now; '' : it is fine."""
    holds: Holds = field(init=False, repr=False)
    """Of the sources that this program runs."""
    _reviving: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    def __post_init__(self) -> None:
        self.holds = Holds(self.dsn)

    async def persistently(self, act: Callable[[], Awaitable[T]], stop: Stop, what: str) -> T:
        """The result of `act`, repeated with a back-off for as long as the database is away, busy or full.

        `act` must be safe to repeat. Raises Stopped when the service ends meanwhile, and whatever only a human can mend.
        """
        backoff = Backoff(0.1, 10.0)
        while True:
            try:
                result = await act()
            except (TryAgain, FixMe) as err:
                if not passes(err):
                    raise
                await self._wait(err, backoff, stop, what)
                continue
            if self.problem:
                log.info("the database is back")
                self.problem = ""
            return result

    async def _wait(self, err: HubbubError, backoff: Backoff, stop: Stop, what: str) -> None:
        if str(err) != self.problem and not (isinstance(err, TryAgain) and err.code.startswith("40")):
            self.problem = str(err)
            log.warning("%s waits: %s", what, err)
        after = err.after if isinstance(err, TryAgain) and err.after is not None else backoff.next()
        await stop.pause(after)
        await self.revive()

    async def revive(self) -> None:
        """Starts an embedded server again when it has died under us. Never raises for a passing fault."""
        if self.server is None or self._reviving.locked():
            return
        async with self._reviving:
            try:
                await self.server.ensure_running()
            except (TryAgain, NotReachable, FixMe, OSError) as err:
                log.warning("the embedded database does not start: %s", err)


def passes(err: HubbubError) -> bool:
    """Whether waiting may help: the server is away or busy, or its disk is full (somebody will make room)."""
    return isinstance(err, TryAgain | NotReachable) or err.code == DISK_FULL


@contextlib.asynccontextmanager
async def opened(
    settings: Settings,
    program: str,
    *,
    migrating: bool,
    say: Say = _quiet,
    max_size: int = 8,
    reading: bool = False,
) -> AsyncIterator[House]:
    """The database of these settings: started if it is the embedded one, migrated or at least checked, with a pool.

    `program` names the connections; with `reading` they cannot change anything. NotReachable, TryAgain or FixMe when it cannot be had.
    """
    async with address(settings, say) as (dsn, server):
        await prepared(dsn, program, migrating=migrating, say=say)
        pool = await connecting.connect_pool(dsn, application_name=program, max_size=max_size, reading=reading)
        try:
            yield House(dsn, pool, server)
        finally:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(pool.close(), 10)


@contextlib.asynccontextmanager
async def address(settings: Settings, say: Say = _quiet) -> AsyncIterator[tuple[str, Server | None]]:
    """The address of these settings' database for the length of the block; the embedded server runs meanwhile."""
    if not settings.database.is_embedded:
        yield settings.database.dsn(os.environ).reveal(), None
        return
    async with embedded(settings.database.embedded, say=say) as server:
        yield server.dsn(), server


async def prepared(dsn: str, program: str, *, migrating: bool, say: Say = _quiet) -> None:
    """Brings the schema up to this program, or refuses a database that does not fit it."""
    connection = await connecting.connect(dsn, application_name=program)
    try:
        with connecting.store_errors(connecting.place_of(dsn)):
            if migrating:
                await migrate(connection, say=say)
            else:
                await require_current(connection)
    finally:
        await connection.close()
