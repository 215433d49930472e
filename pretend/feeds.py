"""A host of feeds: RSS, Atom and JSON Feed of what is said, with validators, and a hub. It misbehaves answer by answer, as scripted.

Speaks HTTP only: `say` adds an entry, `script` puts answers before the good ones, `asked` remembers what was asked. Entries stand in the feed
with the newest first, as hosts do; the hub takes subscriptions and keeps their forms, and delivers nothing by itself.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from xml.sax.saxutils import escape

from aiohttp import web

_BEGAN = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
_ATOM = "http://www.w3.org/2005/Atom"


@dataclass
class Entry:
    """One entry; what is '' or None is left out."""

    id: str
    title: str
    body: str = ""
    at: datetime | None = None
    updated: datetime | None = None
    extra: str = ""
    """More of its XML."""


@dataclass(frozen=True)
class Answer:
    """A scripted answer."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    """The connection ends before all that `Content-Length` promises."""


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    path: str
    headers: dict[str, str]


class FeedHost:
    """What the host has to say, and to whom it said it."""

    def __init__(self) -> None:
        self.url = ""
        self.entries: list[Entry] = []
        self.head = ""
        """More of the feed's own XML."""
        self.headers: dict[str, str] = {}
        """With every good answer."""
        self.validates = True
        self.script: dict[str, deque[Answer]] = defaultdict(deque)
        self.asked: list[Asked] = []
        self.subscribed: list[dict[str, str]] = []
        """Forms that reached the hub."""
        self.hub_status = 202
        self._app = web.Application()
        self._app.router.add_post("/hub", self._hub)
        self._app.router.add_get("/{path:.*}", self._serve)

    @classmethod
    @asynccontextmanager
    async def start(cls) -> AsyncIterator[FeedHost]:
        """A host on a free port of this machine."""
        host = cls()
        runner = web.AppRunner(host._app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield host
        finally:
            await runner.cleanup()

    def say(self, title: str, body: str = "", *, extra: str = "") -> Entry:
        """One entry more, a minute after the last."""
        at = _BEGAN + timedelta(minutes=len(self.entries))
        entry = Entry(f"tag:feeds.test,2026:{len(self.entries)}", title, body, at, extra=extra)
        self.entries.append(entry)
        return entry

    def rss(self) -> bytes:
        """The feed as RSS 2.0."""
        items = "".join(
            f"<item>{_tag('guid', one.id)}{_tag('title', one.title)}{_tag('description', one.body)}"
            f"{_tag('pubDate', format_datetime(one.at) if one.at else '')}"
            f"{_tag('atom:updated', one.updated.isoformat() if one.updated else '')}{one.extra}</item>"
            for one in reversed(self.entries)
        )
        title = f"<title>Pretend news</title><language>en</language>{self.head}"
        return (
            f'<?xml version="1.0" encoding="utf-8"?><rss version="2.0" xmlns:atom="{_ATOM}">'
            f"<channel>{title}{items}</channel></rss>"
        ).encode()

    def atom(self) -> bytes:
        """The feed as Atom."""
        entries = "".join(
            f"<entry>{_tag('id', one.id)}{_tag('title', one.title)}"
            f"<content type='html'>{escape(one.body)}</content>"
            f"{_tag('published', one.at.isoformat() if one.at else '')}"
            f"{_tag('updated', (one.updated or one.at or _BEGAN).isoformat())}{one.extra}</entry>"
            for one in reversed(self.entries)
        )
        return f'<feed xmlns="{_ATOM}"><title>Pretend news</title>{self.head}{entries}</feed>'.encode()

    def json(self) -> bytes:
        """The feed as JSON Feed."""
        items = [
            {"id": one.id, "title": one.title, "content_html": one.body}
            | ({"date_published": one.at.isoformat()} if one.at else {})
            | ({"date_modified": one.updated.isoformat()} if one.updated else {})
            for one in reversed(self.entries)
        ]
        told = {"version": "https://jsonfeed.org/version/1.1", "title": "Pretend news", "items": items}
        return json.dumps(told).encode()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(Asked(request.path, {name.lower(): value for name, value in request.headers.items()}))
        if script := self.script[request.path]:
            return await _scripted(request, script.popleft())
        ways = {"rss": self.rss, "atom": self.atom, "json": self.json}
        ending = request.path.rpartition(".")[2]
        if ending not in ways:
            return web.Response(status=404)
        body = ways[ending]()
        head = dict(self.headers)
        if self.validates:
            # A weak one with odd signs: it has to come back as it was given.
            head["ETag"] = f'W/"{hashlib.sha256(body).hexdigest()[:12]}, é"'
            head["Last-Modified"] = format_datetime(_BEGAN, usegmt=True)
            if request.headers.get("If-None-Match") == head["ETag"]:
                return web.Response(status=304, headers=head)
        kind = "application/feed+json" if ending == "json" else f"application/{ending}+xml"
        return web.Response(body=body, headers=head | {"Content-Type": kind})

    async def _hub(self, request: web.Request) -> web.Response:
        form = await request.post()
        self.subscribed.append({name: str(value) for name, value in form.items()})
        return web.Response(status=self.hub_status)


async def _scripted(request: web.Request, answer: Answer) -> web.StreamResponse:
    if not answer.cut:
        return web.Response(status=answer.status, body=answer.body, headers=answer.headers)
    response = web.StreamResponse(status=answer.status, headers=answer.headers)
    response.content_length = len(answer.body) + 1000
    await response.prepare(request)
    await response.write(answer.body)
    await asyncio.sleep(0.01)
    if request.transport is not None:
        request.transport.close()
    return response


def _tag(name: str, text: str) -> str:
    return f"<{name}>{escape(text)}</{name}>" if text else ""
