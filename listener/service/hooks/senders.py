"""Who is at the door, and how much they may ask: addresses behind proxies, and a bucket for each sender. Owns no wire and no clock.

An address in `X-Forwarded-For` counts only where the peer is a proxy that the operator trusts: anybody can write that header.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MOST_SENDERS = 10_000
"""Whose buckets are remembered; who asked the longest ago is forgotten first."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who asks."""

    address: Address | None
    """None: not an internet address, such as a socket in a file."""
    forwarded: bool
    """It came through a proxy that is not trusted: the address is the proxy's, and whose it is nobody knows."""

    @property
    def is_here(self) -> bool:
        """Surely a program on this machine."""
        return self.address is not None and self.address.is_loopback and not self.forwarded

    def within(self, networks: Sequence[Network]) -> bool:
        """Whether it is in one of these networks."""
        return self.address is not None and not self.forwarded and _within(self.address, networks)

    @property
    def bucket(self) -> str:
        """What is counted together: an address, of IPv6 its /64."""
        if isinstance(self.address, ipaddress.IPv6Address):
            return str(ipaddress.ip_network((self.address, 64), strict=False))
        return str(self.address)


def sender_of(peer: str, forwarded: Sequence[str], trusted: Sequence[Network]) -> Sender:
    """Who asks: the peer, or, where it is a trusted proxy, the last of `X-Forwarded-For` that is not one."""
    address = _address(peer)
    hops = [hop for line in forwarded for hop in line.split(",") if hop.strip()]
    if address is None or not hops:
        return Sender(address, False)
    if not _within(address, trusted):
        return Sender(address, True)
    for hop in reversed(hops):
        found = _address(hop)
        if found is None:
            break
        address = found
        if not _within(found, trusted):
            break
    return Sender(address, False)


def _address(text: str) -> Address | None:
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _within(address: Address, networks: Sequence[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


@dataclass(slots=True)
class Buckets:
    """What each sender may still ask: `per_minute` points, filling evenly."""

    per_minute: float
    _left: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)

    def spend(self, sender: str, points: float, now: float) -> float:
        """Takes the points, and 0.0; or how many seconds to wait for them. `now` by a clock that never jumps."""
        left, at = self._left.pop(sender, (self.per_minute, now))
        left = min(self.per_minute, left + (now - at) * self.per_minute / 60)
        wait = max(0.0, (points - left) * 60 / self.per_minute)
        self._left[sender] = (left if wait else left - points, now)
        while len(self._left) > MOST_SENDERS:
            self._left.popitem(last=False)
        return wait
