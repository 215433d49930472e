"""The promise that every source keeps. Owns the words between a network and the hall; refuses to store, judge or log.

A source has pure converters (wire bytes to `Item`, never raising) and loops that move bytes. It hands over batches whose
cursor is saved in the same transaction as their items; asked to resume from any cursor it loses nothing and may repeat.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from listener.model import Account, Author, Batch, Capability, Key, Mention, NetworkAct, Profile, Reply


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


class Source(Protocol):
    """A network in both directions."""

    name: str
    """The registry's word, also `Mention.source`."""

    capabilities: Mapping[Capability, str]
    """Capability to '' (possible) or the reason, in words, why it is not."""

    def streams(self) -> tuple[Stream, ...]:
        """What there is to listen to, by settings."""
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
        """Whether our message is on the network, after an uncertain answer. None: surely not there."""
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


Say = Callable[[str], None]
