"""Every network at once, all pretended, and the account of what was said and answered on them. Owns the worlds and the count; refuses to judge.

What webhooks tell is handed to the door as the networks do: again until it is taken, twice, and in another order. What was said is
counted by a word that stands in it, and what was answered by its text, in the worlds themselves: never with Hubbub's own readers.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import random
import re
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from pretend import graph, mastodon
from pretend.faults import Effect, Fault
from pretend.feeds import FeedHost
from pretend.graph import Graph
from pretend.mastodon import Mastodon
from pretend.network import Network
from pretend.telegram import BotApi, person, private

SHOP_SECRET = "a secret of enough characters"
TOLD = {"id": 5552, "is_bot": True, "first_name": "Told", "username": "told_bot"}
TOLD_TOKEN = "5552:AAF-pretend_token_of_a_pretend_bot_1"

ANSWERED = ("bluesky", "mastodon", "facebook", "instagram", "telegram", "told", "webhook")
"""Where what is said asks for an answer. 'told' is the second bot, which hears by its webhook."""

MORE = """
[[account]]
brand = "larkspur"
source = "mastodon"
handle = "acme"
service = "{mastodon}"
token_env = "MASTODON_TOKEN"

[[account]]
brand = "larkspur"
source = "facebook"
handle = "larkspur.page"
token_env = "PAGE_TOKEN"

[[account]]
brand = "larkspur"
source = "instagram"
handle = "larkspur.gram"
token_env = "PAGE_TOKEN"

[[account]]
brand = "larkspur"
source = "telegram"
handle = "acme_bot"
service = "{telegram}"
token_env = "BOT_TOKEN"

[[account]]
brand = "larkspur"
source = "telegram"
handle = "told_bot"
service = "{told}"
token_env = "TOLD_TOKEN"
webhook_url = "{door}/hooks/telegram-told_bot"

[[account]]
brand = "larkspur"
source = "webhook"
handle = "shop-reviews"
secret_env = "SHOP_SECRET"
reply_url = "{shop}/replies"
lookup_url = "{shop}/replies"

[source.facebook]
graph = "{graph}"
app_id = "{app}"
app_secret_env = "APP_SECRET"
verify_token_env = "VERIFY_TOKEN"
sweep_seconds = 1

[source.instagram]
graph = "{graph}"
app_id = "{app}"
app_secret_env = "APP_SECRET"
verify_token_env = "VERIFY_TOKEN"
sweep_seconds = 1

[source.telegram]
poll_seconds = 2

[source.feeds]
feeds = ["{feeds}/feed.rss"]
websub_callback = "{door}"
this_machine = true

[door]
listen = "{address}"
per_minute = 60000
"""


class Shop:
    """A wired program of somebody's own: takes replies, tells of them, and is asked for them. It does not know repeats."""

    def __init__(self) -> None:
        self.url = ""
        self.taken: list[dict[str, Any]] = []
        self.waiting: list[dict[str, Any]] = []
        """Messages that the door has not taken yet."""
        self.loses = 0
        """How many of the next replies are taken without a word."""

    def say(self, text: str, number: int, **more: Any) -> str:
        """A customer writes."""
        made = f"r-{number}"
        who = {"id": f"c-{number}", "handle": f"mira{number}"}
        self.waiting.append({"id": made, "text": text, "author": who, "account": "shop-reviews", **more})
        return made

    async def _reply(self, request: web.Request) -> web.Response:
        told = await request.json()
        self.taken.append(told)
        made = f"a-{told['key']}"
        ours = {
            "id": made,
            "text": told["text"],
            "author": {"id": "shop-reviews"},
            "parent": told["parent"],
            "root": told["root"],
        }
        self.waiting.append(ours)
        if self.loses:
            self.loses -= 1
            return web.Response(status=500)
        return web.json_response({"id": made})

    async def _asked(self, request: web.Request) -> web.Response:
        found = any(one["key"] == request.query["key"] for one in self.taken)
        return web.json_response({"id": f"a-{request.query['key']}" if found else None})

    @classmethod
    @contextlib.asynccontextmanager
    async def start(cls) -> AsyncIterator[Shop]:
        """On loopback."""
        shop, app = cls(), web.Application()
        app.add_routes([web.post("/replies", shop._reply), web.get("/replies", shop._asked)])
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        shop.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield shop
        finally:
            await runner.cleanup()


@dataclass
class Worlds:
    """All of them."""

    bluesky: Network
    mastodon: Mastodon
    graph: Graph
    telegram: BotApi
    told: BotApi
    shop: Shop
    feeds: FeedHost
    address: str
    """Where the door is to be."""
    chance: random.Random
    said: dict[str, str] = field(default_factory=dict)
    """The word that stands in it, to where it was said."""
    ids: dict[str, str] = field(default_factory=dict)
    """And what it is called there."""
    gone: set[str] = field(default_factory=set)
    """Words that nobody may read any more."""
    refused: Counter[int] = field(default_factory=Counter)
    """What the door answered instead of taking it."""
    deliveries: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    _post: str = ""
    _medium: str = ""

    @classmethod
    @contextlib.asynccontextmanager
    async def start(cls, seed: int) -> AsyncIterator[Worlds]:
        """Running on loopback, with one post and one picture of ours to be talked about."""
        async with contextlib.AsyncExitStack() as stack:
            enter = stack.enter_async_context
            made = cls(
                await enter(Network.start(seed=seed)),
                await enter(Mastodon.start()),
                await enter(Graph.start()),
                await enter(BotApi.start()),
                await enter(BotApi.start(bot=TOLD, token=TOLD_TOKEN)),
                await enter(Shop.start()),
                await enter(FeedHost.start()),
                f"127.0.0.1:{_free_port()}",
                random.Random(seed),
            )
            feed = f"{made.feeds.url}/feed.rss"
            made.feeds.head = f'<atom:link rel="hub" href="{made.feeds.url}/hub"/><atom:link rel="self" href="{feed}"/>'
            made._post, made._medium = made.graph.post("We open today"), made.graph.medium("We open today")
            yield made

    @property
    def door(self) -> str:
        """Its address."""
        return f"http://{self.address}"

    def settings(self) -> str:
        """What a house beside these has to be told."""
        return MORE.format(
            mastodon=self.mastodon.url, telegram=self.telegram.url, told=self.told.url, door=self.door, shop=self.shop.url,
            graph=self.graph.url, app=graph.APP, feeds=self.feeds.url, address=self.address,
        )  # fmt: skip

    def secrets(self) -> dict[str, str]:
        """And what it reads from its environment."""
        return {
            "MASTODON_TOKEN": self.mastodon.us.token, "PAGE_TOKEN": graph.PAGE_TOKEN, "BOT_TOKEN": self.telegram.token,
            "TOLD_TOKEN": TOLD_TOKEN, "SHOP_SECRET": SHOP_SECRET, "APP_SECRET": graph.SECRET, "VERIFY_TOKEN": graph.WORD,
        }  # fmt: skip

    # What people say

    def say(self, where: str) -> str:
        """Somebody says something there that concerns us; the word by which it is known."""
        number = len(self.said)
        word = f"item{number}x"
        text, by = f"larkspur {word}: are you there?", f"fan{number % 5}"
        match where:
            case "bluesky":
                made = self.bluesky.stage.post(f"{by}.test", f"@{self.bluesky.account.handle} {text}").uri
            case "mastodon":
                made = self.mastodon.say(by, f"@acme {text}")
            case "facebook":
                made = self.graph.comment(self._post, text, by=by)
            case "instagram":
                made = self.graph.gram_comment(self._medium, text, by=by)
            case "telegram" | "told":
                api, who = (self.telegram if where == "telegram" else self.told), person(number)
                message = api.say(text, who, private(who))
                made = f"{message['chat']['id']}/{message['message_id']}"
            case "webhook":
                made = self.shop.say(text, number)
            case "feeds":
                made = self.feeds.say(text).id
            case _:
                raise AssertionError(where)
        self.said[word], self.ids[word] = where, made
        return word

    def lose_answers(self) -> None:
        """The next answer to each is taken, and nobody is told so."""
        self.bluesky.faults.add(Fault("com.atproto.repo.putRecord", Effect.CUT, times=1, carried_out=True))
        self.mastodon.faults.append(mastodon.Fault("POST", "/api/v1/statuses", "after"))
        self.graph.fail("POST", "/comments", after=True)
        self.graph.fail("POST", "/replies", after=True)
        self.telegram.fault("sendMessage", 500, "after")
        self.told.fault("sendMessage", 500, "after")
        self.shop.loses = 1

    def answers(self) -> list[tuple[str, str]]:
        """Everything that we said anywhere: where, and its text."""
        bluesky = [("bluesky", one["record"]["text"]) for one in self.bluesky.records() if one["record"] is not None]
        statuses = [one.text for one in self.mastodon.statuses.values() if one.by is self.mastodon.us]
        tooted = [("mastodon", re.sub(r"^@\S+ ", "", one)) for one in statuses]  # whom it answers is named there
        under = [one for one in self.graph.things.values() if one["_kind"] in {"comment", "gram"}]
        ours = {self.graph.page: "facebook", "555000111": "instagram"}
        meta = [
            (ours[one["from"]["id"]], one.get("message") or one.get("text"))
            for one in under
            if one["from"]["id"] in ours
        ]
        bots = [(name, one["text"]) for name in ("telegram", "told") for one in getattr(self, name).sent]
        return [*bluesky, *tooted, *meta, *bots, *(("webhook", one["text"]) for one in self.shop.taken)]

    # What the networks hand to the door

    async def deliver(self) -> None:
        """For ever: whatever is to be told, until the door has taken it; now and then once more, and in another order."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
            while True:
                await asyncio.sleep(0.05)
                self._collect()
                left = []
                for path, headers, body in self.deliveries:
                    if not await self._handed(session, path, headers, body):
                        left.append((path, headers, body))
                self.deliveries = left
                await self._agree(session)

    def miss_notices(self) -> None:
        """Meta gives up telling what it has not told yet."""
        self.graph.notices.clear()
        self.deliveries = [one for one in self.deliveries if not one[0].startswith(("facebook", "instagram"))]

    def _collect(self) -> None:
        for headers, body in self.graph.deliveries(order=self.chance, twice=self.chance.random() < 0.4):
            about = "facebook" if json.loads(body)["object"] == "page" else "instagram"
            self.deliveries.append((about, headers, body))
        if self.told.webhook:
            updates, self.told.updates = self.told.updates, []
            shown = {"x-telegram-bot-api-secret-token": self.told.secret, "content-type": "application/json"}
            self.deliveries += [("telegram-told_bot", shown, json.dumps(one).encode()) for one in updates]
        messages, self.shop.waiting = self.shop.waiting, []
        for one in messages:
            body, at = json.dumps(one).encode(), str(int(time.time()))
            made = hmac.new(SHOP_SECRET.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
            heads = {"X-Timestamp": at, "X-Signature-256": f"sha256={made}"}
            self.deliveries.append(("webhook-shop-reviews", heads, body))
        self.chance.shuffle(self.deliveries)

    async def _handed(self, session: aiohttp.ClientSession, path: str, headers: dict[str, str], body: bytes) -> bool:
        try:
            async with session.post(f"{self.door}/hooks/{path}", data=body, headers=headers) as answer:
                if answer.status >= 300:
                    self.refused[answer.status] += 1
                return answer.status < 300
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False

    async def _agree(self, session: aiohttp.ClientSession) -> None:
        """The hub of the feeds makes sure that it is us who asked."""
        for form in self.feeds.subscribed:
            query = {"hub.mode": "subscribe", "hub.topic": form["hub.topic"], "hub.challenge": "so it is"}
            with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
                async with session.get(form["hub.callback"], params=query) as answer:
                    if answer.status != 200 or await answer.text() != "so it is":
                        self.refused[answer.status] += 1

    async def push_feed(self) -> int:
        """The hub tells what is new; what the door answered."""
        form, body = self.feeds.subscribed[-1], self.feeds.rss()
        made = hmac.new(form["hub.secret"].encode(), body, hashlib.sha256).hexdigest()
        heads = {"content-type": "application/rss+xml", "x-hub-signature": f"sha256={made}"}
        async with (
            aiohttp.ClientSession() as session,
            session.post(form["hub.callback"], data=body, headers=heads) as answer,
        ):
            return answer.status


# The independent count -------------------------------------------------------------------------------------------------

_HELD = """
SELECT m.id, m.state, v.text,
       (SELECT count(*) FROM hearings AS h WHERE h.mention_id = m.id) AS hearings,
       (SELECT count(*) FROM conversation_mentions AS c WHERE c.mention_id = m.id) AS conversations
FROM mentions AS m JOIN mention_versions AS v ON v.mention_id = m.id WHERE NOT m.ours AND v.text ~ 'item[0-9]+x'
"""
_OUTBOX = """
SELECT o.id, o.state, o.problem, r.body, a.source FROM outbox AS o JOIN replies AS r ON r.id = o.reply_id
JOIN accounts AS a ON a.id = o.account_id
"""

CANNOT_LOOK = frozenset({"telegram", "webhook"})
"""Where a lost answer stays unknown: nobody can look, or the receiver's no is not believed for a minute."""


async def count(worlds: Worlds, pool: Any) -> tuple[list[str], list[str]]:
    """What is wrong, and what may still come right, one line of words each."""
    held = await pool.fetch(_HELD)
    outbox = await pool.fetch(_OUTBOX)
    wrong: list[str] = []
    waiting: list[str] = []
    by_word: dict[str, dict[int, Any]] = {}
    for row in held:
        by_word.setdefault(next(one.strip(":") for one in row["text"].split() if one.startswith("item")), {})[
            row["id"]
        ] = row
    for word, where in worlds.said.items():
        found = by_word.pop(word, {})
        if word in worlds.gone:
            wrong += [f"{word} is gone on {where}, and can be read here"] if found else []
        elif not found:
            waiting.append(f"missing: {word} on {where}")
        elif len(found) > 1:
            wrong.append(f"{word} on {where} is stored {len(found)} times")
        else:
            (row,) = found.values()
            if not row["hearings"] or (where in ANSWERED and row["conversations"] != 1):
                wrong.append(f"{word} on {where} has {row['hearings']} hearings, {row['conversations']} conversations")
    wrong += [f"{word} is stored and nobody said it" for word in by_word]
    there = Counter(text for _, text in worlds.answers())
    wrong += [f"said {n} times: {text!r}" for text, n in there.items() if n > 1]
    written = {row["body"] for row in outbox}
    wrong += [f"said, but nobody wrote it: {text!r}" for text in there if text not in written]
    for row in outbox:
        n, line = there[row["body"]], f"reply {row['id']} on {row['source']} is {row['state']}: {row['problem']}"
        if row["state"] in {"queued", "sending"} or (row["state"] == "accepted" and row["source"] not in CANNOT_LOOK):
            waiting.append(line)
        elif row["state"] in {"seen", "accepted"} and n != 1:
            wrong.append(f"{line}, and {n} times on the network")
        elif row["state"] in {"failed", "stopped", "withdrawn"} and n:
            wrong.append(f"{line}, and on the network")
        elif row["state"] == "unknown" and n and row["source"] not in CANNOT_LOOK:
            waiting.append(line)
    return wrong, waiting


async def meanwhile(worlds: Worlds, act: Callable[[], Awaitable[None]]) -> None:
    """Does it while the networks hand over what they have to tell."""
    task = asyncio.ensure_future(worlds.deliver())
    try:
        await act()
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
