"""Listening in tests: batches of a stream up to a condition, with a deadline; and a Bluesky source set to hurry."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from listener.model.accounts import Account
from listener.model.handed import Reply
from listener.model.heard import Author, Batch, Gap, Key, Mention, Reject
from listener.sources.base import Stream, Wanted
from listener.sources.bluesky import Bluesky, Habits, Login, Options
from listener.sources.bluesky.convert import SPACE
from listener.webclient.client import WebClient
from pretend.network import Network

QUICK = Habits(silence=2.0, proof=0.5, first_pause=0.01, longest_pause=0.1, linger=0.02, beat=0.1, batch=7)


class Heard:
    """Batches in order, as a consumer that commits each one would see them."""

    def __init__(self, batches: Sequence[Batch] = ()) -> None:
        self.batches = list(batches)

    @property
    def mentions(self) -> list[Mention]:
        return [item for batch in self.batches for item in batch.items if isinstance(item, Mention)]

    @property
    def ids(self) -> set[str]:
        return {mention.key.external_id for mention in self.mentions}

    @property
    def rejects(self) -> list[Reject]:
        return [item for batch in self.batches for item in batch.items if isinstance(item, Reject)]

    @property
    def gaps(self) -> list[Gap]:
        return [gap for batch in self.batches for gap in batch.gaps]

    @property
    def cursor(self) -> str | None:
        return next((batch.cursor for batch in reversed(self.batches) if batch.cursor is not None), None)


async def hear(stream: Stream, cursor: str | None, enough: Callable[[Heard], bool], *, within: float = 20.0) -> Heard:
    """Read until `enough`, or until the stream is at its end. Fails after `within` seconds with what was heard."""
    heard = Heard()
    batches = stream.batches(cursor)
    try:
        async with asyncio.timeout(within):
            async for batch in batches:
                heard.batches.append(batch)
                if batch.final or enough(heard):
                    return heard
    except TimeoutError:
        told = f"{len(heard.batches)} batches, {len(heard.mentions)} mentions, {getattr(stream, 'trouble', '')!r}"
        raise AssertionError(f"not enough within {within:g} s: {told}") from None
    finally:
        if isinstance(batches, AsyncGenerator):
            await batches.aclose()
    return heard


def login_of(net: Network, password: str | None = "", identifier: str = "") -> Login:
    told = net.account.password if password == "" else password
    return Login(identifier or net.account.handle, told, net.url)


def bluesky(
    net: Network,
    web: WebClient,
    folder: Path,
    *logins: Login,
    hosts: tuple[str, ...] = (),
    firehose: tuple[str, ...] = (),
    wanted: Wanted = lambda _: True,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Bluesky:
    """The source against the pretend network, with our account unless told otherwise."""
    options = Options(hosts or (net.jetstream,), net.url, 0.05, QUICK, firehose)
    return Bluesky(web, folder, logins or (login_of(net),), options, wanted=wanted, clock=clock)


def account(net: Network) -> Account:
    return Account(1, 1, "bluesky", SPACE, net.account.did, net.account.handle)


def reply_to(net: Network, uri: str, text: str = "We are on it.", cid: str = "", outbox_id: int = 1) -> Reply:
    """A reply of ours as the deliverer hands it over, not yet frozen."""

    return Reply(
        outbox_id=outbox_id,
        key=f"test-{outbox_id}",
        account=account(net),
        parent=Key(SPACE, uri),
        parent_content_id=cid,
        root=uri,
        parent_author=Author(SPACE, uri.split("/")[2]),
        text=text,
        lang="en",
        private=False,
        queued_at=datetime.now(UTC),
        frozen=None,
    )


@dataclass
class Answering:
    """A person who signs in: answers each question by a word of it."""

    web: WebClient
    options: Mapping[str, Any]
    answers: Mapping[str, str]
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    async def ask(self, question: str, *, secret: bool = False, default: str = "") -> str:
        assert secret == ("password" in question.lower())
        self.asked.append(question)
        return next(answer for word, answer in self.answers.items() if word in question) or default

    def say(self, text: str) -> None:
        self.said.append(text)
