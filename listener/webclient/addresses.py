"""Which addresses we are willing to call, by who chose them. Refuses to look a name up: whoever calls does, and asks again."""

from __future__ import annotations

import ipaddress
from enum import Enum
from urllib.parse import urlsplit

from listener.errors import FixMe, Refused


class Trust(Enum):
    """Who chose an address, and so what is called there."""

    NAMED = "named"
    """An operator: by https, or on this machine."""
    STRANGER = "stranger"
    """Anybody, such as a feed that redirects us or names its hub: also by plain http, as no secret of ours is sent there; never a private
    address, whatever the name resolves to. Connections are not kept."""
    STRANGER_OR_HERE = "stranger_or_here"
    """The same, and this machine."""


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine by its spelling alone; no look-up is made."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_public(address: str) -> bool:
    """Whether an IP address is one of the internet's own, also when it is wrapped into another one."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if inner is None and found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
        if found.teredo is not None:
            return False
    return found.is_global and not found.is_multicast


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def check_url(url: str, schemes: frozenset[str] = frozenset({"http", "https"}), trust: Trust = Trust.NAMED) -> str:
    """'host[:port]/path' of an address that we are willing to call, for messages. FixMe when we are not.

    Plain http and ws only to this machine: everything else would show tokens to the network; unless a stranger chose the address, who gets none.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise FixMe("not an address", where=url[:60], hint="like https://host") from None
    if "@" in parts.netloc:
        raise FixMe("an address must not hold a user name or a password", where=host)
    if parts.scheme not in schemes or not host:
        raise FixMe(f"not an address of {' or '.join(sorted(schemes))}", where=url[:60])
    if trust is Trust.NAMED and parts.scheme in {"http", "ws"} and not is_loopback(host):
        raise FixMe("plain http is for this machine only", where=host, hint=f"write {parts.scheme}s://")
    return f"{host}{f':{port}' if port else ''}{parts.path}"


def checked(url: str, trust: Trust, name: str) -> str:
    """As `check_url`, with `name` in place of an address that must not be told."""
    try:
        where = check_url(url, trust=trust)
    except FixMe as err:
        raise FixMe(err.what, where=name or err.where, hint=err.hint) from None
    return name or where


INSIDE = "the address is one of a private network"


def check_literal(url: str, where: str, trust: Trust) -> None:
    """A number instead of a name is never resolved, so it is looked at here."""
    host = urlsplit(url).hostname or ""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return
    if not is_public(host) and not (trust is Trust.STRANGER_OR_HERE and is_loopback(host)):
        raise Refused(INSIDE, where=where, code="private_address")
