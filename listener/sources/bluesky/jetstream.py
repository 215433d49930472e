"""The public stream by Jetstream, in both generations of its wire. Owns how to ask a host for a place, and which of the two it speaks.

The first is `/subscribe`, which every host understands: a place that is too old is moved on without a word, so we suspect it by our own clock.
The second is the method `network.bsky.jetstream.subscribeEvents`, for an address that ends with it: its server says when a place is too old.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from listener.model.heard import Reject
from listener.sources.base import Say, Wanted
from listener.sources.bluesky.convert import POST, read_event, read_message
from listener.sources.bluesky.public import MARGIN_US, Asked, Habits, Place, PublicStream, Wire
from listener.sources.bluesky.shapes import Said
from listener.webclient.client import WebClient

FIRST = "/subscribe"
SECOND = "/xrpc/network.bsky.jetstream.subscribeEvents"
_KINDS = ("commit", "identity", "account")


class Jetstream(PublicStream):
    """The public stream of Jetstream hosts: names, addresses, or addresses with the path of a wire."""

    def __init__(
        self,
        web: WebClient,
        hosts: Sequence[str],
        wanted: Wanted,
        *,
        habits: Habits | None = None,
        say: Say = lambda _: None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        habits = habits or Habits()
        wires = [_wire(host, timedelta(seconds=habits.look_back), clock) for host in hosts]
        super().__init__("bluesky/jetstream", web, wires, wanted, habits=habits, say=say, clock=clock)


def _wire(host: str, keeps: timedelta, clock: Callable[[], datetime]) -> Wire:
    address = address_of(host)
    if address.endswith(SECOND):
        return _Second(address)
    return _First(address.removesuffix(FIRST) + FIRST, keeps, clock)


def address_of(host: str) -> str:
    """'wss://host' of a bare host name, or the address as it is."""
    return (host if "://" in host else f"wss://{host}").rstrip("/")


def _asked_at(place: Place, by_seq: int) -> str:
    return str(by_seq or max(0, place.us - MARGIN_US))


@dataclass(frozen=True, slots=True)
class _First:
    """`/subscribe`: events as they are, and a silent clamp of what is too old."""

    address: str
    keeps: timedelta
    clock: Callable[[], datetime]

    @property
    def host(self) -> str:
        return urlsplit(self.address).netloc

    async def ask(self, place: Place, by_time: bool) -> Asked:
        by_seq = place.seq if place.host == self.host and not by_time else 0
        params = [("wantedCollections", POST), ("cursor", _asked_at(place, by_seq))]
        # By our own clock, so only a suspicion.
        return Asked(self.address, params, {}, by_seq, place.at < self.clock() - self.keeps)

    def read(self, frame: bytes) -> Sequence[Said]:
        event = read_event(frame)
        return (event if isinstance(event, Reject) else (event, frame),)


@dataclass(frozen=True, slots=True)
class _Second:
    """`subscribeEvents`: messages that say of what type they are, notices, and an error as the last word."""

    address: str

    @property
    def host(self) -> str:
        return urlsplit(self.address).netloc

    async def ask(self, place: Place, by_time: bool) -> Asked:
        by_seq = place.seq if place.host == self.host and not by_time else 0
        params = [("collections", POST), *(("kinds", kind) for kind in _KINDS), ("cursor", _asked_at(place, by_seq))]
        return Asked(self.address, params, {"Sec-WebSocket-Protocol": "xrpc.v1.json"}, by_seq)

    def read(self, frame: bytes) -> Sequence[Said]:
        return (read_message(frame),)
