"""Incidents and pages written straight into the tables, a courier to carry them, and an HTTP receiver that does as a test says."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
from aiohttp import web as served

from listener.receivers.base import Receiver
from listener.service.database import House
from listener.service.notify import Build, Courier, building
from listener.service.stopping import Stop
from listener.settings import ReceiverSettings
from listener.webclient.client import WebClient
from tests.store.world import World

EVIDENCE = {
    "why": "30 min: 48 negative of 60, where 4 are usual", "seen": 48, "expected": 4.2, "low": 0, "high": 9, "seconds": 1800, "size": 5.3,
    "known": 0.9, "part": 48, "whole": 60, "share": 0.1, "authors": 31, "rules": ["outage"], "planned": ["Launch of 3.0"],
    "curve": [1, 2, None, 1, 5, 30, 48], "curve_step": 300,
}  # fmt: skip

_INCIDENT = """
INSERT INTO incidents (brand_id, key, policy, watched, topic, source, state, severity, title, since, opened_at, told_at, evidence, next_at)
VALUES ($1, $2, $2, $3, $4, '', $5, $6, $7, $8, $8, $8, $9, $10) RETURNING id
"""
_PAGE = """
WITH p AS (
    INSERT INTO pages (brand_id, incident_id, what, receiver, person, step, about, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id
)
INSERT INTO outbox (brand_id, lane, page_id, key, state, not_before, queued_at, changed_at)
SELECT $1, 'alert', id, 'page/' || id, 'queued', $8, $8, $8 FROM p RETURNING id
"""


def now() -> datetime:
    return datetime.now(UTC)


async def incident(
    w: World, *, policy: str = "angry", title: str = "Anger about Larkspur", watched: str = "negative", topic: str = "", state: str = "open",
    severity: str = "warning", since: datetime | None = None, evidence: Mapping[str, Any] = EVIDENCE,
) -> int:  # fmt: skip
    at = since or now() - timedelta(minutes=5)
    return int(
        await w.pool.fetchval(
            _INCIDENT, w.brand_id, policy, watched, topic, state, severity, title, at, dict(evidence), now() + timedelta(hours=1)
        )
    )  # fmt: skip


async def page(
    w: World, incident_id: int | None, receiver: str = "ops", *, what: str = "alert", person: str = "", step: int = 0,
    about: Mapping[str, Any] | None = None, at: datetime | None = None,
) -> int:  # fmt: skip
    """The id of its row in the outbox."""
    values = (w.brand_id, incident_id, what, receiver, person, step, dict(about or {}), at or now())
    return int(await w.pool.fetchval(_PAGE, *values))


@dataclass
class Ear:
    """An HTTP server on loopback: keeps what it hears, and answers as it is told, in turn; then always as in the end."""

    answers: list[Any] = field(default_factory=lambda: [200])
    """A status, a (status, headers, body), seconds of silence, or "cut": the connection ends after the request was read."""
    heard: list[tuple[str, Mapping[str, str], bytes]] = field(default_factory=list)
    address: str = ""
    came: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: served.BaseRequest) -> served.StreamResponse:
        self.heard.append((f"{request.method} {request.path}", dict(request.headers), await request.read()))
        self.came.set()
        told = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if told == "cut":
            request.transport.abort()
            raise asyncio.CancelledError
        if isinstance(told, float):
            await asyncio.sleep(told)
            told = 200
        status, headers, body = told if isinstance(told, tuple) else (told, {}, b"")
        return served.Response(status=status, headers=headers, body=body)

    def told(self) -> list[Any]:
        return [json.loads(body) for _, _, body in self.heard]


@contextlib.asynccontextmanager
async def ear(*answers: Any) -> AsyncIterator[Ear]:
    made = Ear(list(answers) or [200])
    runner = served.ServerRunner(served.Server(made.answer), shutdown_timeout=0.2)
    await runner.setup()
    site = served.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield made
    finally:
        await runner.cleanup()


@dataclass
class Post:
    """Couriers of one test."""

    w: World
    dsn: str
    web: WebClient
    stop: Stop = field(default_factory=Stop)
    clock: Callable[[], datetime] = now
    address: str = ""
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def house(self) -> House:
        return House(self.dsn, self.w.pool)

    def build(self) -> Build:
        return building(self.web, self.clock, "test")

    def start(self, name: str, kind: str, *, build: Build | None = None, lease: float = 30.0, **values: Any) -> Courier:
        settings = ReceiverSettings(name, kind, values)
        courier = Courier(
            settings, build or self.build(), self.house, asyncio.Event(), self.stop, self.clock, self.address, lease
        )
        self._tasks.append(asyncio.ensure_future(courier.deliver()))
        return courier

    async def state(self, outbox_id: int) -> asyncpg.Record:
        found = await self.w.pool.fetchrow("SELECT * FROM outbox WHERE id = $1", outbox_id)
        assert found is not None
        return found

    async def until(self, outbox_id: int, *states: str, seconds: float = 10.0) -> asyncpg.Record:
        """The row, once it is in one of these states."""
        async with asyncio.timeout(seconds):
            while (row := await self.state(outbox_id))["state"] not in states:
                await asyncio.sleep(0.02)
        return row

    async def kinds(self, incident_id: int) -> list[str]:
        return [
            row["kind"]
            for row in await self.w.pool.fetch(
                "SELECT kind FROM events WHERE incident_id = $1 ORDER BY id", incident_id
            )
        ]

    async def close(self) -> None:
        self.stop.set("the test is over")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def post(w: World, dsn: str) -> AsyncIterator[Post]:
    web = WebClient("test")
    made = Post(w, dsn, web)
    try:
        yield made
    finally:
        await made.close()
        await web.close()


def fixed(receiver: Receiver) -> Build:
    """A builder that hands out this one."""
    return lambda _: receiver
