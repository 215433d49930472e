"""Scenes of Facebook and Instagram: the sweep of an account, and the deliveries of a webhook read in order, both over the pretend Graph."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from listener.errors import SourceStopped
from listener.model.heard import Batch
from listener.networks import NETWORKS, Takes
from listener.sources.base import Delivery, Login, Source, Stream, Wiring
from listener.sources.meta import Facebook, Instagram
from listener.sources.meta.sweep import Sweep
from listener.webclient.client import WebClient
from pretend import graph
from pretend.graph import Graph

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
"""It stands still: what is read twice at one time is the same."""


def options(name: str, net: Graph, **other: Any) -> dict[str, Any]:
    """As the settings hand them over."""
    told = {one.name: one.default for one in NETWORKS[name].settings if one.takes is not Takes.SECRET}
    addresses: dict[str, Any] = {key: net.url for key in ("graph", "instagram_graph") if key in told}
    made = {"app_id": graph.APP, "app_secret": graph.SECRET, "verify_token": graph.WORD, "sweep_seconds": 0.02}
    return {**told, **addresses, **made, **other}


def source_of(
    name: str, net: Graph, web: WebClient, *, clock: Callable[[], datetime] = lambda: NOW, token: str = graph.PAGE_TOKEN,
    login: str = "facebook", said: list[str] | None = None, **other: Any,
) -> Facebook | Instagram:  # fmt: skip
    """The source against the pretend Graph, with our one account."""
    logins = (Login("larkspur.page" if name == "facebook" else "larkspur.gram", token, options={"login": login}),)
    told = said if said is not None else []
    wiring = Wiring(web, Path("/nowhere"), logins, options(name, net, **other), say=told.append, clock=clock)
    made = Facebook if name == "facebook" else Instagram
    return made(wiring, settles=timedelta(0))


@dataclass
class SweepScene:
    net: Graph
    source: Source
    home: str
    said: int = 0

    def stream(self) -> Stream:
        (own,) = self.source.account_streams(self.net.page if self.source.name == "facebook" else self.net.gram)
        assert isinstance(own, Sweep)
        return Sweep(own.key, own._ground, poll=0.02, overlap=timedelta(hours=1), batch=7, clock=lambda: NOW)

    async def say(self, number: int, garbage: int = 0) -> set[str]:
        ids = {self.home}
        say = self.net.comment if self.source.name == "facebook" else self.net.gram_comment
        for nr in range(number):
            self.said += 1
            ids.add(say(self.home, f"message {self.said}", by=f"fan{self.said % 3}"))
            if nr < garbage:
                say(self.home, nr)
        return ids


@dataclass
class Deliveries:
    """What a webhook was told, as the hall reads it: kept deliveries, one by one, behind a bookmark."""

    scene: HookScene
    key: str

    async def batches(self, cursor: str | None) -> AsyncIterator[Batch]:
        if cursor is not None and not cursor.isdecimal():
            raise SourceStopped("the saved bookmark is not one of this source")
        (hook,) = self.scene.source.hooks
        for number, (headers, body) in enumerate(self.scene.kept):
            if number >= int(cursor or 0):
                delivery = Delivery(headers, body, at=NOW)
                assert hook.verify(delivery).taken
                items = hook.convert(delivery)
                yield Batch(items, str(number + 1), NOW, heard=len(items))
        yield Batch((), str(len(self.scene.kept)), NOW)


@dataclass
class HookScene(SweepScene):
    kept: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def stream(self) -> Stream:
        return Deliveries(self, f"{self.source.name}/hooks/{self.source.hooks[0].name}")

    async def say(self, number: int, garbage: int = 0) -> set[str]:
        ids = await super().say(number) - {self.home}
        kind, account = ("page", self.net.page) if self.source.name == "facebook" else ("instagram", self.net.gram)
        told = "feed" if kind == "page" else "comments"
        for nr in range(garbage):
            value: dict[str, object] = {
                "item": "comment",
                "verb": "add",
                "comment_id": f"no such id {nr}",
                "id": f"no such id {nr}",
            }
            self.net._tell(kind, account, {"field": told, "value": value})
        self.kept += self.net.deliveries(together=5)
        return ids


@dataclass
class TalkScene(SweepScene):
    """Private messages that no webhook told of. The network shows the newest twenty with each person, so many people write."""

    async def say(self, number: int, garbage: int = 0) -> set[str]:
        platform = "messenger" if self.source.name == "facebook" else "instagram"
        ids = {self.home}
        for nr in range(number):
            self.said += 1
            ids.add(
                self.net.talks.message(f"message {self.said}", by=f"fan{self.said % 9}", platform=platform, quiet=True)
            )
            if nr < garbage:
                self.net.talks.message("", by=f"fan{nr}", platform=platform, quiet=True, broken=nr)
        return ids


@dataclass
class ToldTalkScene(HookScene):
    """The same, as a webhook tells it."""

    async def say(self, number: int, garbage: int = 0) -> set[str]:
        platform = "messenger" if self.source.name == "facebook" else "instagram"
        ids = set()
        for nr in range(number):
            self.said += 1
            ids.add(self.net.talks.message(f"message {self.said}", by=f"fan{self.said % 9}", platform=platform))
            if nr < garbage:
                self.net.talks.message("", by=f"fan{nr}", platform=platform, mid=f"no such id {nr}")
        self.net.talks.noise(platform)
        self.kept += self.net.deliveries(together=5)
        return ids


def _stage(name: str, made: type[SweepScene]) -> Any:
    @asynccontextmanager
    async def stage(web: WebClient, folder: Path) -> AsyncIterator[SweepScene]:
        async with Graph.start(clock=lambda: NOW) as net:
            source = source_of(name, net, web)
            await source.identify(source._logins[0].handle)
            home = net.post("We open today") if name == "facebook" else net.medium("We open today")
            yield made(net, source, home)

    return stage


SCENES_META = {
    name: {
        "sweep": _stage(name, SweepScene),
        "hook": _stage(name, HookScene),
        "talks": _stage(name, TalkScene),
        "told talks": _stage(name, ToldTalkScene),
    }
    for name in ("facebook", "instagram")
}
