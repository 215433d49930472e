"""A small pretend Bot API: one bot, its updates, what it says; on a script it misbehaves as Telegram and the wires to it do.

Owns updates with their confirmation by `offset`, messages with their numbers per chat, reactions and deletes. Faults are asked for by method:
429 with retry_after, 500 after the message was taken, 409, HTML where JSON should be; updates twice, out of order, or without what they need.
It imports nothing of the house.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

BOT = {"id": 5551, "is_bot": True, "first_name": "Acme", "username": "acme_bot"}
TOKEN = "5551:AAF-pretend_token_of_a_pretend_bot_0"  # noqa: S105
GROUP = {"id": -1001500000001, "type": "supergroup", "title": "Acme talk", "username": "acme_talk"}
SMALL = {"id": -4711, "type": "group", "title": "A few of us"}
Object = dict[str, Any]


def person(number: int, name: str = "Mira") -> Object:
    """Somebody on the network."""
    return {"id": 7_712_000 + number, "is_bot": False, "first_name": name, "username": f"{name.lower()}_{number}"}


def private(who: Object) -> Object:
    """The private chat with somebody."""
    return {"id": who["id"], "type": "private", "first_name": who["first_name"], "username": who["username"]}


@dataclass
class BotApi:
    """One bot's side of Telegram."""

    forgets: bool = True
    """Whether confirmed updates are gone, as on the real network."""
    second: float = 1.0
    """How long a second of a long poll takes here."""
    bot: Object = field(default_factory=lambda: dict(BOT))
    token: str = TOKEN
    url: str = ""
    webhook: str = ""
    secret: str = ""
    """What the webhook is shown with each update, as it was asked for."""
    privacy: bool = True
    updates: list[Object] = field(default_factory=list)
    sent: list[Object] = field(default_factory=list)
    """Messages of the bot that stand in chats."""
    calls: list[tuple[str, Object]] = field(default_factory=list)
    reactions: dict[tuple[int, int], list[Object]] = field(default_factory=dict)
    faults: dict[str, deque[tuple[int, str, Object]]] = field(default_factory=dict)
    """By method, what its next calls answer instead: (status, how, parameters)."""
    twice: bool = False
    """Each answer begins with an update that was confirmed long ago."""
    backwards: bool = False
    _number: int = 91_000_000
    _messages: int = 500
    _bell: asyncio.Event = field(default_factory=asyncio.Event)
    _confirmed: list[Object] = field(default_factory=list)

    @classmethod
    @asynccontextmanager
    async def start(cls, **settings: Any) -> AsyncIterator[BotApi]:
        """Listening on this machine until the block ends."""
        api = cls(**settings)
        app = web.Application()
        app.router.add_post("/bot{token}/{method}", api._called)
        runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        api.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield api
        finally:
            api._bell.set()
            await runner.cleanup()

    # What happens on the network

    def say(self, text: str, who: Object | None = None, chat: Object | None = None, **more: Any) -> Object:
        """Somebody says something; the message."""
        self._messages += 1
        message = {
            "message_id": self._messages, "date": int(time.time()), "chat": chat or GROUP, "from": who or person(1), "text": text, **more,
        }  # fmt: skip
        kind = "channel_post" if message["chat"]["type"] == "channel" else "message"
        self.tell({"business_message" if "business_connection_id" in message else kind: message})
        return message

    def edit(self, message: Object, text: str, at: int) -> None:
        """Somebody edits what they said."""
        self.tell({"edited_message": {**message, "text": text, "edit_date": at}})

    def migrate(self) -> None:
        """The small group becomes a supergroup: it is told in both, and the old one takes nothing more."""
        told = {"message_id": 900, "date": int(time.time()), "chat": SMALL, "from": person(1)}
        self.tell({"message": {**told, "migrate_to_chat_id": GROUP["id"]}})
        self.tell({"message": {**told, "message_id": 1, "chat": GROUP, "migrate_from_chat_id": SMALL["id"]}})
        moved = (400, "Bad Request: group chat was upgraded to a supergroup chat", {"migrate_to_chat_id": GROUP["id"]})
        self.fault("sendMessage", *moved)

    def tell(self, update: Object) -> None:
        """An update for the bot."""
        self._number += 1
        self.updates.append({"update_id": self._number, **update})
        self._bell.set()

    def fault(self, method: str, status: int, how: str = "", parameters: Object | None = None, times: int = 1) -> None:
        """The next calls of a method go wrong. `how`: the description; 'after' takes it first, 'html' answers with a page."""
        self.faults.setdefault(method, deque()).extend([(status, how, parameters or {})] * times)

    # The calls

    async def _called(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        if request.match_info["token"] != self.token:
            return _no(401, "Unauthorized")
        body = await request.json() if request.can_read_body else {}
        self.calls.append((method, body))
        waiting = self.faults.get(method)
        if waiting:
            status, how, parameters = waiting.popleft()
            if how == "after":
                await self._answer(method, body)
            if how == "html":
                return web.Response(status=status, text="<html>bad gateway</html>", content_type="text/html")
            return _no(status, how or "it went wrong", parameters)
        return await self._answer(method, body)

    async def _answer(self, method: str, body: Object) -> web.Response:
        if method == "getUpdates":
            return await self._get_updates(body)
        if method == "getMe":
            return _yes({**self.bot, "can_read_all_group_messages": not self.privacy, "can_join_groups": True})
        if method == "getWebhookInfo":
            return _yes({"url": self.webhook, "has_custom_certificate": False, "pending_update_count": 0})
        if method == "setWebhook":
            self.webhook, self.secret = body["url"], body.get("secret_token", "")
            return _yes(True)
        if method == "sendMessage":
            return self._send(body)
        if method == "setMessageReaction":
            self.reactions[(body["chat_id"], body["message_id"])] = body["reaction"]
            return _yes(True)
        if method == "editMessageText":
            found = [one for one in self.sent if one["message_id"] == body["message_id"]]
            if not found:
                return _no(400, "Bad Request: message to edit not found")
            if found[0]["text"] == body["text"]:
                return _no(400, "Bad Request: message is not modified")
            found[0] |= {"text": body["text"], "edit_date": int(time.time())}
            return _yes(found[0])
        if method == "deleteMessage":
            left = [one for one in self.sent if one["message_id"] != body["message_id"]]
            if len(left) == len(self.sent):
                return _no(400, "Bad Request: message to delete not found")
            self.sent = left
            return _yes(True)
        if method == "getChat":
            return (
                _yes({**private(person(1)), "bio": "I knit"})
                if body["chat_id"] == person(1)["id"]
                else _no(400, "chat not found")
            )
        return _no(404, "Not Found")

    async def _get_updates(self, body: Object) -> web.Response:
        if self.webhook:
            return _no(409, "Conflict: can't use getUpdates method while webhook is active")
        offset = body.get("offset", 0)
        if self.forgets:
            self._confirmed += [one for one in self.updates if one["update_id"] < offset]
            self.updates = [one for one in self.updates if one["update_id"] >= offset]
        until = asyncio.get_running_loop().time() + body.get("timeout", 0) * self.second
        while not (found := [one for one in self.updates if one["update_id"] >= offset]):
            self._bell.clear()
            try:
                async with asyncio.timeout_at(until):
                    await self._bell.wait()
            except TimeoutError:
                break
            if not self.url:
                break
        found = found[: min(body.get("limit", 100), 100)]
        if self.backwards:
            found.reverse()
        if self.twice and self._confirmed and found:
            found.insert(0, self._confirmed[0])
        return _yes(found)

    def _send(self, body: Object) -> web.Response:
        there = {"id": body["chat_id"], "type": "private", "first_name": "Mira"}
        chat = next((one for one in (GROUP, SMALL) if one["id"] == body["chat_id"]), there)
        self._messages += 1
        message = {
            "message_id": self._messages, "date": int(time.time()), "chat": chat,
            "from": self.bot, "text": body["text"],
            "reply_to_message": {
                "message_id": body["reply_parameters"]["message_id"], "date": int(time.time()), "chat": chat,
                "from": person(1), "text": "what was said",
            },
        }  # fmt: skip
        self.sent.append(message)
        return _yes(message)


def _yes(result: object) -> web.Response:
    return web.json_response({"ok": True, "result": result})


def _no(code: int, description: str, parameters: Object | None = None) -> web.Response:
    told: Object = {"ok": False, "error_code": code, "description": description}
    if parameters:
        told["parameters"] = parameters
    return web.Response(status=code, text=json.dumps(told), content_type="application/json")
