"""The source `webhook`: each account is one wired network, with its own secret, its own door in and its own address out.

Owns who may deliver and which program is handed a reply. It refuses to know what is behind the wire.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from listener.errors import FixMe, Refused, SourceStopped
from listener.lengths import length
from listener.model.accounts import Account, Capability
from listener.model.handed import NetworkAct, Reply
from listener.model.heard import Author, Batch, Item, Key, Profile
from listener.model.leaving import NEEDS
from listener.sources.base import Delivery, Hook, Login, Sent, Stream, ThreadRead, Verdict, Wiring
from listener.sources.webhook import reply as replies
from listener.sources.webhook import signing
from listener.sources.webhook.convert import MAX_BODY, NAME, Wired, convert, reread
from listener.sources.webhook.reply import Receiver
from listener.webclient.patience import Budget

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_NO_WAY = "the webhook carries messages and replies only: do it on the network itself"


class SignedHook:
    """The door of one wired network: '/hooks/webhook-<name>'."""

    max_body = MAX_BODY

    def __init__(self, wired: Wired, secret: str) -> None:
        self.name = f"{NAME}-{wired.name}"
        self._wired = wired
        self._secret = secret

    def handshake(self, asked: Delivery) -> tuple[int, bytes] | None:
        """There is none."""
        return None

    def verify(self, delivery: Delivery) -> Verdict:
        """By its signature, its time, and once."""
        return signing.verify(self._secret, delivery)

    def convert(self, delivery: Delivery) -> tuple[Item, ...]:
        """As `Hook.convert`."""
        return convert(self._wired, delivery.body, delivery.at)


class Webhook:
    """Anything that somebody wires."""

    name = NAME
    repeatable = False

    def __init__(self, wiring: Wiring) -> None:
        """FixMe for a name that will not do."""
        self._wiring = wiring
        self._receivers: dict[str, Receiver] = {}
        hooks: list[Hook] = []
        for login in wiring.logins:
            wired = _wired(login, self._receivers)
            if len(login.secret) >= signing.SHORTEST_SECRET:
                hooks.append(SignedHook(wired, login.secret))
            self._receivers[wired.name] = Receiver(
                wired.name,
                login.secret,
                str(login.options.get("reply_url") or ""),
                str(login.options.get("lookup_url") or ""),
                bool(login.options.get("idempotent")),
            )
        self.hooks: tuple[Hook, ...] = tuple(hooks)
        self.budgets: Mapping[str, Budget] = {}
        outward = any(one.reply_url for one in self._receivers.values())
        self.capabilities: Mapping[Capability, str] = {
            **dict.fromkeys(Capability, _NO_WAY),
            **dict.fromkeys(
                (Capability.THREAD, Capability.PROFILE, Capability.HISTORY),
                "nothing is known beyond what was delivered",
            ),
            Capability.EDIT: "what was handed over is not edited from here",
            Capability.MEDIA: "pictures are not handed over",
            Capability.REPLY: "" if outward else "only where a reply_url is set, and none is",
            Capability.PRIVATE_REPLY: "a reply goes where the message stands",
        }

    async def identify(self, handle: str) -> Author:
        """The wired network's own name. Nobody is asked. SourceStopped when its secret could be guessed: its door is not opened then."""
        if len(self._receivers[handle].secret) < signing.SHORTEST_SECRET:
            raise SourceStopped(
                f"the secret is shorter than {signing.SHORTEST_SECRET} characters",
                where=handle,
                hint="openssl rand -hex 32 makes one",
                code="short_secret",
            )
        return Wired(handle).us

    def streams(self) -> tuple[Stream, ...]:
        """None: what is said comes in by the doors."""
        return ()

    def account_streams(self, external_id: str) -> tuple[Stream, ...]:
        """None: what is said comes in by the doors."""
        return ()

    def expiries(self) -> Mapping[str, datetime]:
        """None: a secret does not end by itself."""
        return {}

    def reread(self, raw: bytes, heard_at: datetime) -> tuple[Item, ...]:
        """As `Source.reread`."""
        return reread(raw, heard_at)

    def look_back(self, stream: str, start: datetime, end: datetime) -> AsyncIterator[Batch] | None:
        """None: whoever is wired delivers again what it wants heard."""
        return None

    def search(
        self, stream: str, searches: Sequence[str], start: datetime, end: datetime
    ) -> AsyncIterator[Batch] | None:
        """None: nothing is searched."""
        return None

    async def recheck(self, account: Account | None, keys: Sequence[Key]) -> tuple[Item, ...]:
        """Nothing: edits and deletes are delivered."""
        return ()

    async def freeze(self, reply: Reply, now: datetime) -> Mapping[str, Any]:
        """As `Source.freeze`."""
        return replies.freeze(self._receiver(reply.account), reply, now)

    async def send(self, reply: Reply) -> Sent:
        """As `Source.send`."""
        return await replies.send(self._wiring.web, self._receiver(reply.account), reply, self._wiring.clock)

    async def look_up(self, reply: Reply) -> Sent | None:
        """As `Source.look_up`: by lookup_url, where there is one."""
        return await replies.look_up(self._wiring.web, self._receiver(reply.account), reply, self._wiring.clock)

    async def freeze_act(self, act: NetworkAct, now: datetime) -> Mapping[str, Any]:
        """Always Refused."""
        raise Refused(self.capabilities[NEEDS[act.what]], code="no_act")

    async def act(self, act: NetworkAct) -> Sent:
        """Always Refused."""
        raise Refused(self.capabilities[NEEDS[act.what]], code="no_act")

    async def look_up_act(self, act: NetworkAct) -> Sent | None:
        """None: nothing was ever done."""
        return None

    async def thread(self, account: Account | None, key: Key) -> ThreadRead:
        """Nothing beyond what was delivered."""
        return ThreadRead(())

    async def profile(self, account: Account | None, author: Author) -> Profile | None:
        """Nobody to ask."""
        return None

    def length(self, text: str) -> tuple[int, int]:
        """Characters; no limit is known."""
        return length(NAME, text)

    async def close(self) -> None:
        """Nothing of its own to let go: connections are the web client's."""

    def _receiver(self, account: Account) -> Receiver:
        found = self._receivers.get(account.external_id)
        if found is None:
            raise SourceStopped(
                "no login for this account", where=account.handle, hint="add it to the settings", code="no_login"
            )
        return found


def is_name(name: str) -> bool:
    """Whether it can be a wired network's name, which is part of its door's address."""
    return _NAME.fullmatch(name) is not None


def _wired(login: Login, before: Mapping[str, Receiver]) -> Wired:
    where = f"[[account]] {login.handle}"
    if not is_name(login.handle):
        raise FixMe(
            "a webhook's handle is part of its address: small letters, digits and -", where=where, hint="like handle = \"shop-reviews\""
        )  # fmt: skip
    if login.handle in before:
        raise FixMe("two webhooks have the same handle", where=where, hint="one account per wired network")
    return Wired(login.handle)


def build(wiring: Wiring) -> Webhook:
    """From an operator's settings."""
    return Webhook(wiring)
