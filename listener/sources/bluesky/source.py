"""Bluesky in both directions: puts its streams, sessions, replies, acts, threads and profiles together behind `Source`.

Owns which session speaks for which account. It refuses to know settings files, databases and brands: whoever builds it hands in plain values.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from listener.errors import Refused, SourceStopped, TryAgain
from listener.facets import clean_handle
from listener.lengths import length
from listener.model.accounts import Account, Capability
from listener.model.handed import NetworkAct, Reply
from listener.model.heard import Author, Batch, Item, Key, Profile, Reject
from listener.model.leaving import NEEDS
from listener.sources.base import Hook, Say, Sent, Stream, ThreadRead, Wanted, Wiring
from listener.sources.bluesky import acts, rechecks, searching
from listener.sources.bluesky import reply as replies
from listener.sources.bluesky.convert import (
    NAME,
    SPACE,
    convert_jetstream,
    convert_notification,
    convert_profile,
    convert_shown,
    convert_thread,
)
from listener.sources.bluesky.firehose import Firehose
from listener.sources.bluesky.frames import convert_frame, is_frame
from listener.sources.bluesky.jetstream import Jetstream
from listener.sources.bluesky.notifications import Notifications
from listener.sources.bluesky.public import Habits, PublicStream
from listener.sources.bluesky.session import Login, Session, xrpc_error
from listener.webclient.client import Params, WebClient
from listener.webclient.patience import Budget, Retry

PUBLIC_HOSTS = ("wss://jetstream1.us-east.bsky.network", "wss://jetstream2.us-west.bsky.network")
PUBLIC_APPVIEW = "https://public.api.bsky.app"


@dataclass(frozen=True, slots=True)
class Options:
    """What an operator may say about Bluesky, as plain values."""

    hosts: tuple[str, ...] = PUBLIC_HOSTS
    """Jetstream servers in order of preference; empty, without a firehose: the public stream is not read."""
    appview: str = PUBLIC_APPVIEW
    """For threads and profiles where no account of ours asks."""
    poll_seconds: float = 15.0
    habits: Habits = field(default_factory=Habits)
    firehose: tuple[str, ...] = ()
    """Hosts that send their own firehose, in order of preference; where there are some, no Jetstream is read."""


class Bluesky:
    """The source `bluesky`. `identify` each login before `streams`, so that its notifications are among them."""

    name = NAME
    repeatable = True
    hooks: tuple[Hook, ...] = ()

    def __init__(
        self,
        web: WebClient,
        folder: Path,
        logins: Sequence[Login] = (),
        options: Options | None = None,
        *,
        wanted: Wanted = lambda _: True,
        say: Say = lambda _: None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`folder` keeps the sessions, readable by us alone."""
        self._web = web
        self._options = options or Options()
        self._wanted = wanted
        self._say = say
        self._clock = clock
        self._sessions = {login.identifier: Session(web, login, folder) for login in logins}
        self._notifications: dict[str, Notifications] = {}
        self._public = Budget(3000, 300)
        self.budgets: Mapping[str, Budget] = {
            "public reads": self._public,
            **{f"requests of {name}": session.requests for name, session in self._sessions.items()},
            **{f"write points of {name}": session.points for name, session in self._sessions.items()},
        }
        hosts, kind = self._options.firehose or self._options.hosts, Firehose if self._options.firehose else Jetstream
        self.public: PublicStream | None = (
            kind(web, hosts, wanted, habits=self._options.habits, say=say, clock=clock) if hosts else None
        )
        silent = "" if logins else "no account of ours is set up"
        self.capabilities: Mapping[Capability, str] = {
            Capability.REPLY: silent,
            Capability.PRIVATE_REPLY: "private messages are not part of what we read on Bluesky",
            Capability.THREAD: "",
            Capability.PROFILE: "",
            Capability.LIKE: silent,
            Capability.HIDE: silent,
            Capability.DELETE_OWN: silent,
            Capability.REMOVE: acts.NO_REMOVING,
            Capability.BLOCK: silent,
            Capability.EDIT: acts.NO_EDITING,
            Capability.MEDIA: silent,
            Capability.HISTORY: "",
        }

    async def identify(self, identifier: str) -> Author:
        """Who a login is on the network: its DID and handle. From the saved session where there is one, so mostly without a call.

        SourceStopped when only a person can help, TryAgain for a passing fault.
        """
        session = self._sessions[identifier]
        did = await session.start()
        if did not in self._notifications:
            self._notifications[did] = Notifications(
                session, did, poll=self._options.poll_seconds, say=self._say, clock=self._clock
            )
        return Author(SPACE, did, clean_handle(session.handle) or identifier)

    def streams(self) -> tuple[Stream, ...]:
        """The public stream."""
        return () if self.public is None else (self.public,)

    def account_streams(self, external_id: str) -> tuple[Stream, ...]:
        """One account's notifications; none before `identify`."""
        found = self._notifications.get(external_id)
        return () if found is None else (found,)

    def expiries(self) -> Mapping[str, datetime]:
        """None: sessions renew themselves, and app passwords do not end."""
        return {}

    def reread(self, raw: bytes, heard_at: datetime) -> tuple[Item, ...]:
        """As `Source.reread`: a frame of the firehose, an event of the public stream, else a notification, else a post as it was shown."""
        if is_frame(raw):
            return convert_frame(raw, heard_at)
        read: Item | None = convert_jetstream(raw, heard_at)
        for turn in (convert_notification, convert_shown):
            if read is None or isinstance(read, Reject):
                told = turn(raw, heard_at)
                read = read if told is None or isinstance(told, Reject) else told
        return () if read is None else (read,)

    def look_back(self, stream: str, start: datetime, end: datetime) -> AsyncIterator[Batch] | None:
        """As `Source.look_back`: the public stream as far as its hosts keep it, and an account's notifications."""
        if self.public is not None and stream == self.public.key:
            return self.public.look_back(start, end)
        found = next((one for one in self._notifications.values() if one.key == stream), None)
        return None if found is None else found.look_back(start, end)

    def search(
        self, stream: str, searches: Sequence[str], start: datetime, end: datetime
    ) -> AsyncIterator[Batch] | None:
        """As `Source.search`, of the public stream, as one of our accounts sees the network."""
        if self.public is None or stream != self.public.key:
            return None
        return searching.search(self._searched, searches, start, end, self._wanted, self._clock)

    async def _searched(self, method: str, params: Params) -> bytes:
        for session in self._sessions.values():
            return await session.get(method, params)
        raise Refused(
            "the network's search is for those who are signed in",
            where=method,
            hint="hubbub connect bluesky, then the same again",
            code="no_account",
        )

    async def recheck(self, account: Account | None, keys: Sequence[Key]) -> tuple[Item, ...]:
        """As `Source.recheck`, as the account sees them or anybody; of one whose author left, that they left."""

        async def ask(method: str, params: Params) -> bytes:
            return await self._ask(account, method, params)

        return await rechecks.recheck(ask, keys, self._clock())

    async def freeze(self, reply: Reply, now: datetime) -> Mapping[str, Any]:
        """As `Source.freeze`."""
        return await replies.freeze(await self._session(reply.account), reply, now)

    async def send(self, reply: Reply) -> Sent:
        """As `Source.send`; a repeat is no change, because the record's key is ours."""
        return await replies.send(await self._session(reply.account), reply)

    async def look_up(self, reply: Reply) -> Sent | None:
        """As `Source.look_up`: asks our own repository, which is never behind."""
        return await replies.look_up(await self._session(reply.account), reply)

    async def freeze_act(self, act: NetworkAct, now: datetime) -> Mapping[str, Any]:
        """As `Source.freeze_act`."""
        self._possible(act)
        return await acts.freeze(await self._session(act.account), act, now)

    async def act(self, act: NetworkAct) -> Sent:
        """As `Source.act`: one record of our own repository, or its removal."""
        self._possible(act)
        return await acts.act(await self._session(act.account), act)

    async def look_up_act(self, act: NetworkAct) -> Sent | None:
        """As `Source.look_up_act`: asks our own repository, which is never behind."""
        if self.capabilities[NEEDS[act.what]]:
            return None
        return await acts.look_up(await self._session(act.account), act)

    async def thread(self, account: Account | None, key: Key) -> ThreadRead:
        """As `Source.thread`: ten levels down, eighty up, as the AppView shows it to the account or to anybody."""
        params = [("uri", key.external_id), ("depth", "10"), ("parentHeight", "80")]
        try:
            read = convert_thread(await self._ask(account, "app.bsky.feed.getPostThread", params), self._clock())
        except Refused as fault:
            if fault.code == "NotFound":
                return ThreadRead((), (key,))
            raise
        if isinstance(read, Reject):
            raise TryAgain(read.detail, where=NAME, code="not_decoded")
        return read

    async def profile(self, account: Account | None, author: Author) -> Profile | None:
        """As `Source.profile`."""
        try:
            body = await self._ask(account, "app.bsky.actor.getProfile", [("actor", author.external_id)])
        except Refused as fault:
            if fault.code in {"AccountTakedown", "AccountDeactivated", "AccountSuspended"} or "not found" in fault.what:
                return None
            raise
        read = convert_profile(body)
        if isinstance(read, Reject):
            raise TryAgain(read.detail, where=NAME, code="not_decoded")
        return read

    def length(self, text: str) -> tuple[int, int]:
        """Graphemes and 300, or UTF-8 bytes and 3000 where it is those that do not fit."""
        return length(NAME, text)

    async def close(self) -> None:
        """Nothing of its own to let go: connections are the web client's."""

    def _possible(self, act: NetworkAct) -> None:
        if reason := self.capabilities[NEEDS[act.what]]:
            raise Refused(reason, code="no_act")

    async def _session(self, account: Account) -> Session:
        for identifier, session in self._sessions.items():
            if session.did == account.external_id or identifier.lower() in {account.handle, account.external_id}:
                if await session.start() != account.external_id:
                    continue
                return session
        raise SourceStopped(
            "no login for this account",
            where=account.handle or account.external_id,
            hint="add it to the settings",
            code="NoLogin",
        )

    async def _ask(self, account: Account | None, method: str, params: Params) -> bytes:
        """The body of a query, as our account sees it, else as anybody does."""
        if account is not None and account.source == NAME and self._sessions:
            return await (await self._session(account)).get(method, params)
        url = f"{self._options.appview.rstrip('/')}/xrpc/{method}"
        answer = await self._web.get(url, params=params, retry=Retry(attempts=3), budget=self._public)
        if answer.status == 200:
            return answer.body
        code, message = xrpc_error(answer)
        raise Refused(message or code, where=method, code=code)


def build(wiring: Wiring) -> Bluesky:
    """From an operator's settings."""
    own = wiring.options
    logins = [Login(one.handle, one.secret or None, one.service or own["pds"]) for one in wiring.logins]
    options = Options(
        hosts=tuple(own["jetstream"]) if own["listen"] else (),
        firehose=tuple(own["firehose"]) if own["listen"] else (),
        appview=own["appview"],
        poll_seconds=own["poll_seconds"],
        habits=replace(Habits(), look_back=own["look_back_hours"] * 3600.0),
    )
    return Bluesky(wiring.web, wiring.folder, logins, options, wanted=wiring.wanted, say=wiring.say, clock=wiring.clock)
