"""One bot's calls: the token in the path and nowhere else, the network's own words for what went wrong, and its budgets.

Owns the token. It is in no message, no `where`, no repr and no trace: whoever speaks of a call says 'telegram <method>'. Refuses to repeat.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from listener.errors import Refused, SourceStopped, TryAgain, Uncertain
from listener.harmless import storable
from listener.sources.base import Sent
from listener.sources.telegram.convert import Us
from listener.webclient.client import Answer, WebClient
from listener.webclient.patience import Budget

_TOKEN = re.compile(r"(\d{1,16}):[A-Za-z0-9_-]{1,256}")
_CHAT = re.compile(r"chat -?\d{1,20}(, in a minute)?")
_MOST_CHATS = 500
_MOST_SENT = 1000


class _Parameters(msgspec.Struct):
    migrate_to_chat_id: int = 0
    retry_after: int = 0


class _Answer(msgspec.Struct):
    ok: bool = False
    result: msgspec.Raw = msgspec.Raw(b"null")
    error_code: int = 0
    description: str = ""
    parameters: _Parameters | None = None


_ANSWER = msgspec.json.Decoder(_Answer)
_LIST = msgspec.json.Decoder(list[msgspec.Raw])


def retry_after(body: bytes) -> float | None:
    """Seconds that the body of a 429 asks us to wait; None: it does not say."""
    try:
        told = _ANSWER.decode(body).parameters
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    return float(told.retry_after) if told is not None and told.retry_after > 0 else None


class Buckets(dict[str, Budget]):
    """What one bot may say, by a name for people. A chat's is made when it is first asked for: by sending, or by who kept what is left of it."""

    def __init__(self, username: str) -> None:
        super().__init__()
        self._who = f"@{username}: "
        self.all = self.of("everything")

    def of(self, what: str) -> Budget:
        """The bucket of 'everything', of 'chat <id>', or of 'chat <id>, in a minute'."""
        return self[self._who + what]

    def __missing__(self, name: str) -> Budget:
        what = name.removeprefix(self._who)
        chat = _CHAT.fullmatch(what)
        if what == name or (chat is None and what != "everything"):
            raise KeyError(name)
        if len(self) > _MOST_CHATS:
            full = [old for old, one in self.items() if one is not self.all and one.wait(1e9) <= 0]
            for old in full or list(self)[1:2]:
                del self[old]
        self[name] = Budget(30, 1) if chat is None else Budget(20, 60) if chat[1] else Budget(1, 1)
        return self[name]


class Bot:
    """One token. What it may say to a chat and in all is counted here."""

    def __init__(self, web: WebClient, handle: str, token: str, base: str, chats: frozenset[str] = frozenset()) -> None:
        found = _TOKEN.fullmatch(token)
        self.us = Us(found[1] if found else "", handle.lstrip("@"), chats)
        """`id` is '' where the token is none: then `identify` says so."""
        self.sent: dict[int, Sent] = {}
        """By outbox id, what the network said that it took: since we run, and the newest only."""
        self.echo: Callable[[bytes], None] = lambda _: None
        """Told of each message of ours as the network answered it."""
        self.budgets = Buckets(self.us.username)
        self.hook_secret = hmac.new(token.encode(), b"hubbub webhook", hashlib.sha256).hexdigest()
        """What Telegram shows us with each delivery: made from the token, so that there is nothing more to keep."""
        self._web = web
        self._token = token
        self._base = base.rstrip("/")

    async def read(self, method: str, body: Mapping[str, Any], *, timeout: float = 20.0) -> bytes:
        """The result of a call that changes nothing. Refused (code: 'http_400' and so on) when the network says no."""
        return await self._call(method, body, False, timeout, None)

    async def write(self, method: str, body: Mapping[str, Any], chat: int) -> bytes:
        """The result of a call that says or changes something in a chat. Uncertain when its fate is not known."""
        name = f"chat {chat}"
        if chat < 0:
            await self.budgets.of(f"{name}, in a minute").spend(patience=30.0)
        return await self._call(method, body, True, 30.0, self.budgets.of(name))

    def took(self, outbox_id: int, sent: Sent, message: bytes) -> None:
        """The network took a message of ours and showed it."""
        while len(self.sent) >= _MOST_SENT:
            del self.sent[next(iter(self.sent))]
        self.sent[outbox_id] = sent
        self.echo(message)

    async def _call(
        self, method: str, body: Mapping[str, Any], write: bool, timeout: float, budget: Budget | None
    ) -> bytes:
        where = f"telegram {method}"
        if method != "getUpdates":
            await self.budgets.all.spend()
        wire = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        answer = await self._web.send(
            "POST", f"{self._base}/bot{self._token}/{method}", wire, write=write, timeout=timeout, budget=budget,
            where=where, asked=retry_after,
        )  # fmt: skip
        return self._result(answer, where, write)

    def _result(self, answer: Answer, where: str, write: bool) -> bytes:
        try:
            told = _ANSWER.decode(answer.body)
        except (msgspec.DecodeError, ValueError, RecursionError):
            told = None
        if told is not None and told.ok:
            return bytes(told.result)
        code = (told.error_code if told is not None else 0) or answer.status
        words = storable(told.description)[:300] if told is not None else ""
        if code in {401, 404}:
            raise SourceStopped(
                f"Telegram does not know the token of @{self.us.username}",
                where=where,
                hint="ask @BotFather for the bot's token and put it where the settings say; look at `api` too, if it is set",
                code=f"http_{code}",
            )
        if told is None or not 400 <= code < 500:
            kind = Uncertain if write else TryAgain
            raise kind(f"an answer that is none ({answer.status})", where=where, code="not_decoded")
        if told.parameters is not None and told.parameters.migrate_to_chat_id:
            raise Refused(
                "the group has become a supergroup: what was said before cannot be answered or touched any more",
                where=where,
                hint="write in the group itself, in Telegram",
                code="parent_gone",
            )
        if code == 429:
            wait = told.parameters.retry_after if told.parameters is not None else 0
            raise TryAgain("Telegram asks us to wait", after=float(wait) or None, where=where, code="http_429")
        if code == 403:
            raise Refused(
                words or "the bot may not write there",
                where=where,
                hint="the bot was blocked, or is no longer in that chat: the person or an admin has to let it in again",
                code="http_403",
            )
        raise Refused(words or f"the server answered {code}", where=where, code=f"http_{code}")


def listed(result: bytes) -> list[bytes] | None:
    """The updates of a result, each as its own bytes; None: it is no list."""
    try:
        return [bytes(raw) for raw in _LIST.decode(result)]
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
