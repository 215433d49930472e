"""Scenes of Mastodon for the source promises: an account's stream by web socket, by server-sent events, and by its lists alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from listener.model.accounts import Account
from listener.model.handed import NetworkAct, Reply
from listener.model.heard import Author, Key
from listener.model.leaving import Doing
from listener.sources.base import Login, Source, Stream
from listener.sources.mastodon import Mastodon
from listener.sources.mastodon.convert import SPACE
from listener.sources.mastodon.stream import Habits
from listener.webclient.client import WebClient
from pretend import mastodon as pretended
from pretend.mastodon import Ways

QUICK = Habits(
    poll=0.05,
    sweep=0.4,
    first_pause=0.01,
    longest_pause=0.05,
    silence=5.0,
    linger=0.01,
    page=7,
    batch=7,
    better=60.0,
    tries=2,
)


def source(
    net: pretended.Mastodon,
    web: WebClient,
    *,
    habits: Habits = QUICK,
    clock: Callable[[], datetime] | None = None,
    **options: Any,
) -> Mastodon:
    """The source against the pretend server, with our account."""
    login = Login("acme", net.us.token, net.url, options)
    return Mastodon(web, [login], habits=habits, clock=clock or (lambda: datetime.now(UTC)))


async def stream(net: pretended.Mastodon, web: WebClient, *, habits: Habits = QUICK, **options: Any) -> Stream:
    """Our account's stream as a new program would open it."""
    made = source(net, web, habits=habits, **options)
    who = await made.identify("acme")
    return made.account_streams(who.external_id)[0]


def account(net: pretended.Mastodon) -> Account:
    """Our account as the store knows it."""
    return Account(1, 1, "mastodon", SPACE, net.external_id(net.us), "acme")


def reply_to(net: pretended.Mastodon, uri: str, text: str = "We are on it.", **more: Any) -> Reply:
    """A reply of ours as the deliverer hands it over, not yet frozen."""
    told: dict[str, Any] = {
        "outbox_id": 1, "key": "key-1", "account": account(net), "parent": Key(SPACE, uri), "parent_content_id": "", "root": uri,
        "parent_author": Author(SPACE, uri.partition("/statuses/")[0]), "text": text, "lang": "en", "private": False,
        "queued_at": datetime.now(UTC), "frozen": None, **more,
    }  # fmt: skip
    return Reply(**told)


def act_on(net: pretended.Mastodon, what: Doing, uri: str, by: Author) -> NetworkAct:
    """An act of ours, not yet frozen."""
    return NetworkAct(1, "key-1", account(net), what, Key(SPACE, uri), "", uri, by, "", datetime.now(UTC), None)


@dataclass
class MastodonScene:
    net: pretended.Mastodon
    web: WebClient
    opened: Stream
    said: int = 0

    def __post_init__(self) -> None:
        self.source: Source = source(self.net, self.web)

    def stream(self) -> Stream:
        return self.opened

    async def say(self, number: int, garbage: int = 0) -> set[str]:
        ids = set()
        for _ in range(number):
            self.said += 1
            ids.add(self.net.say(f"fan{self.said % 3}", f"@acme message {self.said}"))
        for nr in range(garbage):
            self.net.spoil(("uri", "content", "visibility")[nr % 3])
        return ids


def _staged(ways: Ways) -> Callable[[WebClient, Path], AbstractAsyncContextManager[MastodonScene]]:
    @asynccontextmanager
    async def stage(web: WebClient, folder: Path) -> AsyncIterator[MastodonScene]:
        async with pretended.Mastodon.start(ways) as net:
            yield MastodonScene(net, web, await stream(net, web))

    return stage


STAGES: Mapping[str, Callable[[WebClient, Path], AbstractAsyncContextManager[MastodonScene]]] = {
    "socket": _staged(Ways()),
    "events": _staged(Ways(socket=False, ulids=True)),
    "lists": _staged(Ways(socket=False, events=False, plain_400=True)),
}
