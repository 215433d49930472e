"""Telegram in both directions: each bot's stream or webhook, replies, acts and profiles, together behind `Source`.

Owns which bot speaks for which account. It refuses to know settings files, databases and brands.
"""

from __future__ import annotations

import json
from collections import ChainMap
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from listener.errors import FixMe, Refused, SourceStopped, TryAgain
from listener.lengths import length
from listener.model.accounts import Account, Capability
from listener.model.handed import NetworkAct, Reply
from listener.model.heard import Author, Batch, Item, Key, Profile, Reject
from listener.model.leaving import NEEDS
from listener.sources.base import Hook, Sent, Stream, ThreadRead, Wiring
from listener.sources.telegram import acts, convert
from listener.sources.telegram import reply as replies
from listener.sources.telegram.convert import NAME, SPACE, UPDATES
from listener.sources.telegram.hook import TelegramHook
from listener.sources.telegram.updates import PAGE, Updates
from listener.sources.telegram.wire import Bot
from listener.webclient.patience import Budget

_NO_WAY: Mapping[Capability, str] = {
    Capability.PRIVATE_REPLY: "a bot cannot write to somebody in private who has not written to it",
    Capability.THREAD: "a bot cannot read what was said before it listened",
    Capability.HIDE: "Telegram cannot hide a message",
    Capability.REMOVE: "an admin of the group does it in Telegram",
    Capability.BLOCK: "that would throw somebody out of a group: an admin does it in Telegram",
    Capability.MEDIA: "pictures are not sent to Telegram from here",
    Capability.HISTORY: "a bot cannot read what was said before it listened",
}


class Telegram:
    """The source `telegram`: one bot per account. `identify` each before `account_streams`."""

    name = NAME
    repeatable = False

    def __init__(self, wiring: Wiring, *, page: int = PAGE, pause: float = 1.0) -> None:
        """`page`: updates asked for at once; `pause`: seconds, the first after a fault."""
        self._wiring = wiring
        self._page = page
        self._pause = pause
        self._bots: dict[str, Bot] = {}
        self._hooked: dict[str, str] = {}
        self._streams: dict[str, Updates] = {}
        hooks: list[Hook] = []
        for login in wiring.logins:
            told = login.options.get("own_chats", ())
            chats = frozenset(str(one).lstrip("@").lower() for one in told)
            bot = Bot(wiring.web, login.handle, login.secret, login.service or str(wiring.options["api"]), chats)
            self._bots[login.handle] = bot
            if (url := str(login.options.get("webhook_url") or "")) and bot.us.id:
                hooks.append(TelegramHook(bot.us, bot.hook_secret))
                self._hooked[login.handle] = url
        self.hooks: tuple[Hook, ...] = tuple(hooks)
        self.budgets: Mapping[str, Budget] = ChainMap(*(bot.budgets for bot in self._bots.values()))
        """What each bot may say: a message a second to a chat, twenty a minute to a group, thirty a second in all."""
        silent = "" if wiring.logins else "no bot of ours is set up"
        self.capabilities: Mapping[Capability, str] = {one: _NO_WAY.get(one, silent) for one in Capability}

    async def identify(self, handle: str) -> Author:
        """Who the token's bot is, by getMe; its webhook is set where the settings want one. SourceStopped when the token is none, or
        another bot's.
        """
        bot = self._bots[handle]
        if not bot.us.id:
            raise SourceStopped(
                "that is no token of a bot", where=handle, hint="ask @BotFather for it: digits, a colon, and letters", code="bad_token"
            )  # fmt: skip
        me = object_of(await bot.read("getMe", {}))
        name = str(me.get("username") or "")
        if str(me.get("id")) != bot.us.id or name.lower() != bot.us.username.lower():
            raise SourceStopped(
                f"the token belongs to @{name[:64]}, not to @{bot.us.username}",
                where=handle,
                hint="write the bot's own user name as the account's handle, or its own token",
                code="another_bot",
            )
        if url := self._hooked.get(handle):
            # Asked anew each time: where it is set so already, nothing changes.
            hook = {"url": url, "secret_token": bot.hook_secret, "allowed_updates": list(UPDATES)}
            await bot.read("setWebhook", hook)
        if bot.us.id not in self._streams:
            own = self._wiring
            self._streams[bot.us.id] = Updates(
                bot, polls=handle not in self._hooked, wait=float(own.options["poll_seconds"]), page=self._page,
                pause=self._pause, say=own.say, clock=own.clock,
            )  # fmt: skip
        return bot.us.author

    def streams(self) -> tuple[Stream, ...]:
        """None for everybody: a bot hears what it is told."""
        return ()

    def account_streams(self, external_id: str) -> tuple[Stream, ...]:
        """What one bot is told; none before `identify`."""
        found = self._streams.get(external_id)
        return () if found is None else (found,)

    def expiries(self) -> Mapping[str, datetime]:
        """None: a token is good until somebody asks @BotFather for another."""
        return {}

    def reread(self, raw: bytes, heard_at: datetime) -> tuple[Item, ...]:
        """As `Source.reread`, as the bot that heard it."""
        return convert.reread(raw, [bot.us for bot in self._bots.values()])

    def look_back(self, stream: str, start: datetime, end: datetime) -> AsyncIterator[Batch] | None:
        """None: a bot cannot read what was said before."""
        return None

    def search(
        self, stream: str, searches: Sequence[str], start: datetime, end: datetime
    ) -> AsyncIterator[Batch] | None:
        """None: the network does not let one search it."""
        return None

    async def recheck(self, account: Account | None, keys: Sequence[Key]) -> tuple[Item, ...]:
        """Nothing: a bot cannot look at a message, and is not told when one is deleted."""
        return ()

    async def freeze(self, reply: Reply, now: datetime) -> Mapping[str, Any]:
        """As `Source.freeze`."""
        self._bot(reply.account)
        return replies.freeze(reply)

    async def send(self, reply: Reply) -> Sent:
        """As `Source.send`; there is no harmless repeat."""
        return await replies.send(self._bot(reply.account), reply)

    async def look_up(self, reply: Reply) -> Sent | None:
        """As `Source.look_up`: Refused unless the network told us itself, because a bot cannot look."""
        return replies.look_up(self._bot(reply.account), reply)

    async def freeze_act(self, act: NetworkAct, now: datetime) -> Mapping[str, Any]:
        """As `Source.freeze_act`."""
        self._possible(act)
        return acts.freeze(self._bot(act.account), act)

    async def act(self, act: NetworkAct) -> Sent:
        """As `Source.act`."""
        self._possible(act)
        return await acts.act(self._bot(act.account), act)

    async def look_up_act(self, act: NetworkAct) -> Sent | None:
        """None: it cannot be seen, and doing it again is harmless."""
        return None

    async def thread(self, account: Account | None, key: Key) -> ThreadRead:
        """Nothing beyond what was heard."""
        return ThreadRead(())

    async def profile(self, account: Account | None, author: Author) -> Profile | None:
        """What getChat tells; None: the bot may not see them, or they are gone."""
        bot = (
            self._bot(account)
            if account is not None and account.source == NAME
            else next(iter(self._bots.values()), None)
        )
        if bot is None or author.space != SPACE or not author.external_id.removeprefix("-").isdigit():
            return None
        try:
            read = convert.convert_profile(await bot.read("getChat", {"chat_id": int(author.external_id)}), author)
        except Refused as no:
            if no.code in {"http_400", "http_403"}:
                return None
            raise
        if isinstance(read, Reject):
            raise TryAgain(read.detail, where=NAME, code="not_decoded")
        return read

    def length(self, text: str) -> tuple[int, int]:
        """Characters, and 4096."""
        return length(NAME, text)

    async def close(self) -> None:
        """Nothing of its own to let go: connections are the web client's."""

    def _bot(self, account: Account) -> Bot:
        for bot in self._bots.values():
            if bot.us.id and bot.us.id == account.external_id:
                return bot
        raise SourceStopped(
            "no login for this account",
            where=account.handle or account.external_id,
            hint="add it to the settings",
            code="no_login",
        )

    def _possible(self, act: NetworkAct) -> None:
        if why := self.capabilities[NEEDS[act.what]]:
            raise Refused(why, code="no_act")


def object_of(raw: bytes) -> dict[str, Any]:
    """A result as the JSON object that it must be. TryAgain when it is none."""
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise TryAgain("an answer that is not understood", where=NAME, code="not_decoded")
    return found


def build(wiring: Wiring) -> Telegram:
    """From an operator's settings. FixMe where two bots would share a webhook's address."""
    made = Telegram(wiring)
    names = [hook.name for hook in made.hooks]
    if len(set(names)) < len(names):
        raise FixMe("two accounts on Telegram have the same handle", hint="one account per bot")
    return made
