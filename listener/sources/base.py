"""The promise that every source keeps. Owns the words between a network and the hall; refuses to store, judge or log.

A source has pure converters (wire bytes to `Item`, never raising) and loops that move bytes. It hands over batches whose
cursor is saved in the same transaction as their items; asked to resume from any cursor it loses nothing and may repeat.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from listener.errors import Refused
from listener.model.accounts import Account, Capability
from listener.model.handed import NetworkAct, Reply
from listener.model.heard import Author, Batch, Item, Key, Mention, Profile
from listener.webclient.client import WebClient
from listener.webclient.patience import Budget

Say = Callable[[str], None]


def private_space(space: str, external_id: str) -> str:
    """The space of messages that only one account sees and whose ids are its own: 'telegram/<bot>' beside 'telegram'."""
    return f"{space}/{external_id}"


class Stream(Protocol):
    """One endless reading of a source: the public stream, or one account's notifications."""

    key: str
    """Names its bookmark and its health row: 'bluesky/jetstream', 'bluesky/notifications/<did>'."""

    def batches(self, cursor: str | None) -> AsyncIterator[Batch]:
        """Batches after `cursor` (None: from now on, or as far back as the network offers cheaply), for ever.

        A batch is flushed when the wire is idle or when it is big, never on a fixed tick. The consumer takes the next batch only after
        the last one is committed; what arrives meanwhile waits in a bounded queue (or in the network's own buffer).
        Reconnects by itself with the network's documented back-off and yields a batch with a `Gap` where something was missed.
        Raises `SourceStopped` when only a person can help (by the network's error name), never for a passing fault.
        """
        ...


class Wanted(Protocol):
    """Whether a message may concern anybody: asked for every item of the public stream, so cheap; may say yes too often, never no wrongly."""

    def __call__(self, mention: Mention) -> bool: ...


@dataclass(frozen=True, slots=True)
class Sent:
    """The network took our message."""

    external_id: str
    receipt: Mapping[str, Any]
    """Ids only."""


@dataclass(frozen=True, slots=True)
class ThreadRead:
    """A thread as the network shows it now. `missing` are keys that it says are gone or not for us."""

    mentions: tuple[Mention, ...]
    missing: tuple[Key, ...] = ()


class Kept(Protocol):
    """Where the secret of a login is kept. May touch a disk, so it is asked from a thread of its own."""

    def since(self) -> datetime | None:
        """When it was put there; None where that is not known."""
        ...

    def read(self) -> str:
        """The secret as it stands there; '' where it cannot be read."""
        ...

    def writable(self) -> bool:
        """Whether a new one could be put there."""
        ...

    def replace(self, old: str, new: str) -> bool:
        """Put a new one in the place of the old. False where we may not, where it fails, or where something else stands there by now."""
        ...


@dataclass(frozen=True, slots=True)
class Login:
    """An identity of ours as the operator's settings name it."""

    handle: str
    secret: str = field(default="", repr=False)
    """Its password or token; '' : none given."""
    service: str = ""
    """Its own server; '' : the network's."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """The account's settings as declared in `listener.networks`, defaults filled in."""
    kept: Kept | None = field(default=None, repr=False)
    """Where its secret stands, for networks whose logins are renewed."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """What a source is built from, all plain values: it knows no settings file, no database and no brand."""

    web: WebClient
    folder: Path
    """For sessions and the like, readable by us alone; may not be there yet."""
    logins: tuple[Login, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    """`[source.<name>]` as declared in `listener.networks`, defaults filled in, secrets read."""
    wanted: Wanted = lambda _: True
    """By the rulebook of the moment."""
    say: Say = lambda _: None
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What somebody delivered to a webhook, as it came."""

    headers: Mapping[str, str] = field(repr=False)
    """Names in lower case."""
    body: bytes = field(repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    """When it came."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a delivery is what it says. Refused ones are not stored; `status` is what its sender is told."""

    taken: bool
    why: str = ""
    """In words, without anything of the delivery; '' when it is taken."""
    status: int = 200
    once: str = ""
    """What makes this delivery the same one when it comes again (a signature with its time); '' : its bytes."""


class Hook(Protocol):
    """A webhook of a source: who may deliver, what answers its handshake, and what a delivery says. Pure: no clock, no disk, no wire."""

    name: str
    """The last part of its address, and of its stream's key: '/hooks/facebook', 'facebook/hooks/facebook'."""
    max_body: int

    def handshake(self, asked: Delivery) -> tuple[int, bytes] | None:
        """Status and body that answer a GET; None: it has no handshake."""
        ...

    def verify(self, delivery: Delivery) -> Verdict:
        """Whether it comes from whom it says, compared in constant time over the raw bytes, before anything is parsed."""
        ...

    def convert(self, delivery: Delivery) -> tuple[Item, ...]:
        """What it says; garbage is a `Reject`. Never raises.

        It was stored before it is read: of the headers there is its type and what begins with x-, of the query all; without what is called
        a token, secret, signature or the like.
        """
        ...


class Source(Protocol):
    """A network in both directions."""

    name: str
    """The registry's word, also `Mention.source`."""

    capabilities: Mapping[Capability, str]
    """Capability to '' (possible) or the reason, in words, why it is not."""

    hooks: tuple[Hook, ...]
    """The webhooks by which it is told; each is read as a stream of its own."""

    budgets: Mapping[str, Budget]
    """What is left of what the network allows, by a name for people; kept over a restart by whoever runs the source."""

    async def identify(self, handle: str) -> Author:
        """Who a login of ours is on the network. SourceStopped when only a person can help, TryAgain for a passing fault.

        From then on its streams are in `account_streams`.
        """
        ...

    def streams(self) -> tuple[Stream, ...]:
        """What there is to listen to for everybody, by settings."""
        ...

    def account_streams(self, external_id: str) -> tuple[Stream, ...]:
        """What addresses one account of ours that was identified; its keys end with '/<external_id>'."""
        ...

    def expiries(self) -> Mapping[str, datetime]:
        """When the login of each identified account ends by itself, by external id; without those that do not, or do not say."""
        ...

    def reread(self, raw: bytes, heard_at: datetime) -> tuple[Item, ...]:
        """What kept bytes of a reject or a mention say by the converters of now; garbage is a `Reject` again. Never raises."""
        ...

    def look_back(self, stream: str, start: datetime, end: datetime) -> AsyncIterator[Batch] | None:
        """What a stream (by its key) would have brought between two times, as `history` batches without a cursor; the oldest may come last.

        A batch's `gaps` are here what is still to be looked at after it, where the source can say so: a look back that was cut goes on
        with them. Without them it begins anew, which costs calls and repeats nothing.
        None: the network does not let one look back there. Errors as in `Stream.batches`.
        """
        ...

    def search(
        self, stream: str, searches: Sequence[str], start: datetime, end: datetime
    ) -> AsyncIterator[Batch] | None:
        """What the network's own search finds of these (words, "phrases" and #tags, any of them) between two times, as far as it is wanted.

        Batches and errors as in `look_back`, the newest first. None: the network has no such search, or that stream is not for it.
        """
        ...

    async def recheck(self, account: Account | None, keys: Sequence[Key]) -> tuple[Item, ...]:
        """Messages as they are now, or `Deleted` where the network says that they are gone or no longer for us; nothing for those unknown."""
        ...

    async def freeze(self, reply: Reply, now: datetime) -> Mapping[str, Any]:
        """Look before sending, and fix exactly what will be sent (ids, times, facets, names of pictures; not the text).

        Raises `Refused` when the parent is gone, changed, or closed to us. Shows nothing to anybody: pictures may be handed over here,
        where the network keeps them to itself until a message names them.
        """
        ...

    async def send(self, reply: Reply) -> Sent:
        """Send what is frozen. A repeat with equal `frozen` must be harmless or not happen: raise `Uncertain` when the fate is not known,
        `TryAgain` when surely nothing was taken, `Refused` when the network said no, `SourceStopped` when the account is out.
        """
        ...

    async def look_up(self, reply: Reply) -> Sent | None:
        """Whether our message is on the network, after an uncertain answer. None: surely not there.

        Refused where the network has no way to look: it stays unknown until a person says, and the words tell them what to do.
        """
        ...

    repeatable: bool
    """We choose the record's own id: after `look_up` found nothing, sending the same frozen message again is safe."""

    async def freeze_act(self, act: NetworkAct, now: datetime) -> Mapping[str, Any]:
        """Look before acting, and fix what will be done (ids and times only). Changes nothing.

        Raises `Refused` for what this source cannot do, by its capabilities, and when the message is gone, changed, or not ours to touch.
        """
        ...

    async def act(self, act: NetworkAct) -> Sent:
        """Do what is frozen. It asks for a state of the network, so a repeat with equal `frozen` must be harmless, also beside other
        acts of ours and of others. Errors as `send`.
        """
        ...

    async def look_up_act(self, act: NetworkAct) -> Sent | None:
        """Whether the network is as the act wanted it, after an uncertain answer. None: surely not."""
        ...

    async def thread(self, account: Account | None, key: Key) -> ThreadRead:
        """The thread around a message, for the conversation view."""
        ...

    async def profile(self, account: Account | None, author: Author) -> Profile | None:
        """The author's profile; None: gone."""
        ...

    def length(self, text: str) -> tuple[int, int]:
        """The network's own length of a text and its limit."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class Unanswered:
    """What a source is that only listens: refuses every reply and act, by `why`. A base for such sources."""

    repeatable = False
    hooks: tuple[Hook, ...] = ()
    budgets: Mapping[str, Budget] = {}
    why = "it can only be listened to"

    async def identify(self, handle: str) -> Author:
        """Always Refused: it has no accounts."""
        raise Refused("there are no accounts on this source", where=handle, hint=self.why, code="no_account")

    def account_streams(self, external_id: str) -> tuple[Stream, ...]:
        """None: it has no accounts."""
        return ()

    def expiries(self) -> Mapping[str, datetime]:
        """None: it has no accounts."""
        return {}

    def look_back(self, stream: str, start: datetime, end: datetime) -> AsyncIterator[Batch] | None:
        """None, unless a source knows better."""
        return None

    def search(
        self, stream: str, searches: Sequence[str], start: datetime, end: datetime
    ) -> AsyncIterator[Batch] | None:
        """None: nothing is searched."""
        return None

    async def recheck(self, account: Account | None, keys: Sequence[Key]) -> tuple[Item, ...]:
        """Nothing is known beyond what was heard."""
        return ()

    async def freeze(self, reply: Reply, now: datetime) -> Mapping[str, Any]:
        """Always Refused."""
        raise Refused("there is no way to answer here", hint=self.why, code="no_reply")

    async def send(self, reply: Reply) -> Sent:
        """Always Refused."""
        raise Refused("there is no way to answer here", hint=self.why, code="no_reply")

    async def look_up(self, reply: Reply) -> Sent | None:
        """None: nothing was ever sent."""
        return None

    async def freeze_act(self, act: NetworkAct, now: datetime) -> Mapping[str, Any]:
        """Always Refused."""
        raise Refused("there is nothing to act on here", hint=self.why, code="no_act")

    async def act(self, act: NetworkAct) -> Sent:
        """Always Refused."""
        raise Refused("there is nothing to act on here", hint=self.why, code="no_act")

    async def look_up_act(self, act: NetworkAct) -> Sent | None:
        """None: nothing was ever done."""
        return None

    async def thread(self, account: Account | None, key: Key) -> ThreadRead:
        """Nothing beyond what was heard."""
        return ThreadRead(())

    async def profile(self, account: Account | None, author: Author) -> Profile | None:
        """Nobody to ask."""
        return None

    async def close(self) -> None:
        """Nothing is held open."""


# Signing in -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Connected:
    """An account after `hubbub connect`: what goes into the settings, and the secret, which goes where the operator says."""

    handle: str
    service: str
    secret: str = field(repr=False)
    who: Author
    options: Mapping[str, Any] = field(default_factory=dict)
    told: tuple[str, ...] = ()
    """What was found: scopes that are there or missing, when the login ends, what it costs."""


class Asking(Protocol):
    """Whoever signs in at a terminal."""

    web: WebClient
    options: Mapping[str, Any]
    """`[source.<name>]` as declared."""

    async def ask(self, question: str, *, secret: bool = False, default: str = "") -> str:
        """An answer; a secret one is not shown while it is typed."""
        ...

    def say(self, text: str) -> None:
        """Something for the person to read."""
        ...


class Connect(Protocol):
    """Walks a person through the sign-in of one network, checks what the login may do, and gives it back. Nothing is stored here."""

    async def __call__(self, asking: Asking) -> Connected:
        """Refused with what to do when the network says no; TryAgain for a passing fault."""
        ...
