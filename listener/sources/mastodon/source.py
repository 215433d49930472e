"""Mastodon and its relatives in both directions: puts streams, replies, acts, threads and profiles together behind `Source`.

Owns which server speaks for which account: every account of ours has its own, and asks only there. It refuses to know settings files,
databases and brands: whoever builds it hands in plain values.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from listener.errors import Refused, SourceStopped
from listener.lengths import length
from listener.model.accounts import Account, Capability
from listener.model.handed import NetworkAct, Reply
from listener.model.heard import Author, Batch, Deleted, Item, Key, Mention, Profile, Reject
from listener.model.leaving import NEEDS
from listener.sources.base import Hook, Login, Say, Sent, Stream, ThreadRead, Wanted, Wiring
from listener.sources.mastodon import acts
from listener.sources.mastodon import reply as replies
from listener.sources.mastodon.convert import NAME, SPACE, Us, convert, convert_profile, id_of, packed, statuses_in
from listener.sources.mastodon.events import How
from listener.sources.mastodon.ids import Ids
from listener.sources.mastodon.server import GONE, Server
from listener.sources.mastodon.stream import Habits, UserStream
from listener.webclient.client import WebClient
from listener.webclient.patience import Budget


@dataclass(slots=True)
class _Home:
    """One account of ours and its server."""

    server: Server
    ids: Ids
    stream: UserStream | None = None


class Mastodon:
    """The source `mastodon`. `identify` each login before its streams."""

    name = NAME
    repeatable = False
    hooks: tuple[Hook, ...] = ()

    def __init__(
        self,
        web: WebClient,
        logins: Sequence[Login] = (),
        *,
        habits: Habits | None = None,
        best: How = How.SOCKET,
        wanted: Wanted = lambda _: True,
        say: Say = lambda _: None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`best`: the way of being told that is tried first."""
        self._habits, self._best = habits or Habits(), best
        self._wanted, self._say, self._clock = wanted, say, clock
        self._homes: dict[str, _Home] = {}
        for login in logins:
            server = Server(web, login)
            self._homes[login.handle] = _Home(server, Ids(server))
        self.budgets: Mapping[str, Budget] = {
            f"{word} at {home.server.host} ({handle})": budget
            for handle, home in self._homes.items()
            for word, budget in (
                ("requests", home.server.calls),
                ("pictures", home.server.pictures),
                ("deletes", home.server.deletes),
            )
        }
        silent = "" if logins else "no account of ours is set up"
        self.capabilities: Mapping[Capability, str] = {
            Capability.REPLY: silent,
            Capability.PRIVATE_REPLY: silent,
            Capability.THREAD: silent,
            Capability.PROFILE: silent,
            Capability.LIKE: silent,
            Capability.HIDE: acts.NO_HIDING,
            Capability.DELETE_OWN: silent,
            Capability.REMOVE: acts.NO_REMOVING,
            Capability.BLOCK: silent,
            Capability.EDIT: silent,
            Capability.MEDIA: silent,
            Capability.HISTORY: silent,
        }

    async def identify(self, handle: str) -> Author:
        """Who a login is: its actor's address and its whole handle. From then on its stream is in `account_streams`."""
        home = self._homes[handle]
        us = await home.server.start()
        if home.stream is None:
            options = home.server.login.options
            home.stream = UserStream(
                home.server,
                us,
                home.ids,
                tuple(options.get("hashtags", ())),
                habits=self._habits,
                in_address=bool(options.get("token_in_address", False)),
                best=self._best,
                wanted=self._wanted,
                say=self._say,
                clock=self._clock,
            )
        whole = home.server.handle or handle
        # As the settings say it, where that means the same: by this word the account is known again at the next start.
        return Author(SPACE, us.external_id, handle if handle.lower() == whole.partition("@")[0].lower() else whole)

    def streams(self) -> tuple[Stream, ...]:
        """None: there is no stream of the whole network; each account hears by its own server."""
        return ()

    def account_streams(self, external_id: str) -> tuple[Stream, ...]:
        """One account's stream; none before `identify`."""
        return tuple(
            home.stream
            for home in self._homes.values()
            if home.stream is not None and home.stream.key.endswith(f"/{external_id}")
        )

    def expiries(self) -> Mapping[str, datetime]:
        """None: a token lasts until somebody takes it back."""
        return {}

    def reread(self, raw: bytes, heard_at: datetime) -> tuple[Item, ...]:
        """As `Source.reread`."""
        return (convert(raw, heard_at),)

    def look_back(self, stream: str, start: datetime, end: datetime) -> AsyncIterator[Batch] | None:
        """As `Source.look_back`: notifications and the tags' timelines, as far back as the server keeps them."""
        for home in self._homes.values():
            if home.stream is not None and home.stream.key == stream:
                return home.stream.look_back(start, end)
        return None

    def search(
        self, stream: str, searches: Sequence[str], start: datetime, end: datetime
    ) -> AsyncIterator[Batch] | None:
        """As `Source.search`: timelines of tags, and the server's search, which finds words only where its owner has switched that on."""
        for home in self._homes.values():
            if home.stream is not None and home.stream.key == stream:
                return home.stream.search(searches, start, end)
        return None

    async def recheck(self, account: Account | None, keys: Sequence[Key]) -> tuple[Item, ...]:
        """As `Source.recheck`. What this server does not know by its address stays as it is."""
        home, us = await self._home(account)
        found: list[Item] = []
        for key in keys:
            try:
                status = await home.ids.status(us, key.external_id)
            except Refused as no:
                if no.code != "gone":
                    raise
                found.append(Deleted(key))
                continue
            if status is not None:
                parent = await home.ids.parent(us, status)
                found.append(convert(packed(us, status, parent=parent), self._clock()))
        return tuple(found)

    async def freeze(self, reply: Reply, now: datetime) -> Mapping[str, Any]:
        """As `Source.freeze`."""
        home, us = await self._home(reply.account)
        return await replies.freeze(home.server, home.ids, us, reply, now)

    async def send(self, reply: Reply) -> Sent:
        """As `Source.send`: it looks first, so a repeat sends nothing twice."""
        home, us = await self._home(reply.account)
        return await replies.send(home.server, home.ids, us, reply)

    async def look_up(self, reply: Reply) -> Sent | None:
        """As `Source.look_up`: under the message, and among what we said."""
        home, us = await self._home(reply.account)
        return await replies.look_up(home.server, us, reply, self._clock())

    async def freeze_act(self, act: NetworkAct, now: datetime) -> Mapping[str, Any]:
        """As `Source.freeze_act`."""
        home, us = await self._acting(act)
        return await acts.freeze(home.server, home.ids, us, act, now)

    async def act(self, act: NetworkAct) -> Sent:
        """As `Source.act`."""
        home, _ = await self._acting(act)
        return await acts.act(home.server, act)

    async def look_up_act(self, act: NetworkAct) -> Sent | None:
        """As `Source.look_up_act`."""
        if act.frozen is None or not act.frozen.get("id"):
            return None
        home, _ = await self._home(act.account)
        return await acts.look_up(home.server, act)

    async def _acting(self, act: NetworkAct) -> tuple[_Home, Us]:
        if act.what in acts.IMPOSSIBLE:
            raise Refused(self.capabilities[NEEDS[act.what]], code="no_act")
        return await self._home(act.account)

    async def thread(self, account: Account | None, key: Key) -> ThreadRead:
        """As `Source.thread`: what our account's server shows it."""
        home, us = await self._home(account)
        try:
            status = await home.ids.status(us, key.external_id)
            if status is None:
                return ThreadRead(())
            around = (await home.server.get(f"/api/v1/statuses/{id_of(status)}/context")).body
        except Refused as no:
            if no.code == "gone" or no.code in GONE:
                return ThreadRead((), (key,))
            raise
        above = around.get("ancestors") if isinstance(around, dict) else []
        top = list(statuses_in(above))
        every = [*top, status, *(one for one in statuses_in(around) if one not in top)]
        for one in every:
            home.ids.learn(us, one)
        made = [convert(packed(us, one, parent=await home.ids.parent(us, one)), self._clock()) for one in every]
        return ThreadRead(tuple(one for one in made if isinstance(one, Mention)))

    async def profile(self, account: Account | None, author: Author) -> Profile | None:
        """As `Source.profile`, as our account's server knows it."""
        home, us = await self._home(account)
        name = await home.ids.account(author)
        if not name:
            raise Refused("this server does not know that account", where=author.handle, code="no_account")
        try:
            read = convert_profile((await home.server.get(f"/api/v1/accounts/{name}")).body, us)
        except Refused as no:
            if no.code in GONE:
                return None
            raise
        if isinstance(read, Reject):
            raise Refused(read.detail, where=author.handle, code="wrong_shape")
        return replace(read, author=author) if not read.author.handle else read

    def length(self, text: str) -> tuple[int, int]:
        """Characters as the network counts them, and the limit that most servers have: each says its own."""
        return length(NAME, text)

    async def close(self) -> None:
        """Nothing of its own to let go: connections are the web client's."""

    async def _home(self, account: Account | None) -> tuple[_Home, Us]:
        """The server that speaks for an account of ours; for none, the first one's."""
        for handle, home in self._homes.items():
            if account is None:
                return home, await home.server.start()
            stream = home.stream
            known = stream is not None and stream.key.endswith(f"/{account.external_id}")
            named = account.handle.lower() in {handle.lower(), home.server.handle.lower()}
            if known or named or len(self._homes) == 1:
                us = await home.server.start()
                if us.external_id == account.external_id:
                    return home, us
        if account is None or not self._homes:
            raise Refused("no account of ours is set up", hint="hubbub connect mastodon", code="NoLogin")
        raise SourceStopped(
            "no login for this account", where=account.handle, hint="add it to the settings", code="NoLogin"
        )


def build(wiring: Wiring) -> Mastodon:
    """From an operator's settings."""
    own = wiring.options
    habits = replace(Habits(), poll=own["poll_seconds"], sweep=own["sweep_seconds"])
    best = How.SOCKET if own["streaming"] else How.POLLS
    return Mastodon(
        wiring.web, wiring.logins, habits=habits, best=best, wanted=wiring.wanted, say=wiring.say, clock=wiring.clock
    )
