"""WebSub: a feed's hub tells us what is new. Owns how we ask, the handshake by which the hub makes sure of us, and whose word is taken.

Every secret comes from one key of ours, so nothing has to be looked up to check a signature. A delivery that is not signed as we asked is
thanked for and thrown away, as the standard wants it: its sender learns nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from listener.errors import Refused
from listener.model.heard import Item, Reason, Reject
from listener.sources.base import Delivery, Verdict
from listener.sources.feeds.bookmark import Subscription
from listener.sources.feeds.convert import NAME, convert_document
from listener.sources.feeds.document import MAX_RAW, own_of
from listener.webclient.addresses import Trust, is_loopback
from listener.webclient.client import WebClient

LEASE = 10 * 86400
ASK_AGAIN = 3600
"""Seconds after which a hub that has not answered is asked again."""
MAX_DELIVERY = 2 << 20
_ALGORITHMS = frozenset({"sha1", "sha256", "sha384", "sha512"})
_SIGNED = re.compile(r"(sha\d{1,3})=([0-9a-fA-F]{40,128})")


@dataclass(frozen=True, slots=True)
class _Asked:
    topic: str
    until: int = 0
    """Unix seconds until which the hub agreed to tell us; 0: not yet."""
    denied: bool = False


class Subscriptions:
    """What we asked of which hub, by the feed's space: known to the feeds, which ask, and to the hook, which is asked."""

    def __init__(self, callback: str = "", key: bytes = b"") -> None:
        """`callback` is the public address of the webhook door; '' : nobody is asked."""
        self.callback = callback.rstrip("/")
        self._key = key
        self._asked: dict[str, _Asked] = {}
        self._feeds: dict[str, str] = {}

    def know(self, space: str, url: str) -> None:
        """That there is such a feed."""
        self._feeds[space] = url

    def remember(self, space: str, topic: str) -> None:
        """That we asked, before this program began."""
        if topic and space not in self._asked:
            self._asked[space] = _Asked(topic)

    def address(self, space: str) -> str:
        """Where the hub delivers: nobody guesses it."""
        return f"{self.callback}/hooks/{NAME}?{urlencode({'feed': space, 'token': self._token(space)})}"

    def secret(self, space: str) -> str:
        """With what the hub signs. By the feed alone: a delivery is checked before its feed was read again."""
        return self._made("secret", space)

    def topic(self, space: str) -> str:
        """By what the hub knows the feed; '' : it was not asked."""
        return self._asked[space].topic if space in self._asked else ""

    def space_of(self, topic: str) -> str:
        """The feed that its hub, or the settings, know by this; '' : none."""
        asked = (space for space, one in self._asked.items() if one.topic == topic)
        return next(asked, None) or next((space for space, url in self._feeds.items() if url == topic), "")

    def agreed(self, space: str, topic: str, until: int) -> None:
        """The hub took our wish."""
        self._asked[space] = _Asked(topic, until)

    def denied(self, space: str) -> None:
        """The hub does not want us."""
        if space in self._asked:
            self._asked[space] = replace(self._asked[space], until=0, denied=True)

    def is_ours(self, space: str, token: str) -> bool:
        """Whether an address that is called is one that we gave away."""
        return space in self._feeds and hmac.compare_digest(token.encode(), self._token(space).encode())

    def brought_up(self, kept: Subscription, space: str, now: int) -> Subscription:
        """A feed's subscription with what its hub said since; one that denied us is asked again in a day."""
        asked = self._asked.get(space)
        if asked is None or asked.topic != kept.topic:
            return kept
        if asked.denied:
            self._asked[space] = _Asked(asked.topic)
            return replace(kept, until=0, asked=now + 86400 - ASK_AGAIN)
        return replace(kept, until=max(kept.until, asked.until))

    async def ask(
        self, web: WebClient, space: str, hub: str, topic: str, kept: Subscription, trust: Trust, now: int
    ) -> Subscription:
        """Ask a hub when it is time: at first, at four fifths of what it agreed to, and an hour after it did not answer.

        Refused when the hub says no, TryAgain for a passing fault; both leave polling as it was.
        """
        if not self.callback or not hub or not topic:
            return kept
        same = (kept.hub, kept.topic) == (hub, topic)
        if same and (now < kept.asked + ASK_AGAIN or (kept.until > now and now < kept.until - _last_fifth(kept))):
            return kept
        if not _fit(hub, trust):
            raise Refused("its hub has no https address", where=urlsplit(hub).hostname or "", code="hub")
        if not same:
            self._asked[space] = _Asked(topic)
        form = urlencode({
            "hub.mode": "subscribe",
            "hub.topic": topic,
            "hub.callback": self.address(space),
            "hub.lease_seconds": str(LEASE),
            "hub.secret": self.secret(space),
        })  # fmt: skip
        head = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = await web.send("POST", hub, form.encode(), write=False, headers=head, trust=trust)
        if not 200 <= answer.status < 300:
            raise Refused(f"its hub answered {answer.status}", where=urlsplit(hub).hostname or "", code="hub")
        return Subscription(hub, topic, kept.until if same else 0, now)

    def _token(self, space: str) -> str:
        return self._made("address", space)[:32]

    def _made(self, what: str, of: str) -> str:
        return hmac.new(self._key, f"{what} {of}".encode(), hashlib.sha256).hexdigest()


def _last_fifth(kept: Subscription) -> int:
    return max(0, kept.until - kept.asked) // 5


def _fit(hub: str, trust: Trust) -> bool:
    """A secret goes there: https, or this machine where that is allowed."""
    host = urlsplit(hub).hostname or ""
    return hub.startswith("https://") or (trust is Trust.STRANGER_OR_HERE and is_loopback(host))


class FeedHook:
    """The webhook at which hubs ask and deliver. Of one that agrees it remembers until when; else it is pure."""

    name = NAME
    max_body = MAX_DELIVERY

    def __init__(self, subscriptions: Subscriptions) -> None:
        self._subscriptions = subscriptions

    def handshake(self, asked: Delivery) -> tuple[int, bytes] | None:
        """The challenge back, only for what we asked."""
        query = asked.query
        space, mode = query.get("feed", ""), query.get("hub.mode", "")
        topic, challenge = query.get("hub.topic", ""), query.get("hub.challenge", "")
        if not self._subscriptions.is_ours(space, query.get("token", "")) or topic != self._subscriptions.topic(space):
            return 404, b""
        if mode == "denied":
            self._subscriptions.denied(space)
            return 200, b""
        if mode != "subscribe" or not challenge or len(challenge) > 4096:
            return 404, b""
        said = query.get("hub.lease_seconds", "")
        lease = int(said) if said.isascii() and said.isdigit() and len(said) < 10 else LEASE
        self._subscriptions.agreed(space, topic, int(asked.at.timestamp()) + min(lease, 365 * 86400))
        return 200, challenge.encode("utf-8", "replace")

    def verify(self, delivery: Delivery) -> Verdict:
        """By the address that only the hub knows, and by its signature over the bytes."""
        space = delivery.query.get("feed", "")
        if not self._subscriptions.is_ours(space, delivery.query.get("token", "")):
            return Verdict(taken=False, why="no feed of ours is subscribed to by this address", status=410)
        said = _SIGNED.fullmatch(delivery.headers.get("x-hub-signature", "").strip())
        if said is None or said[1] not in _ALGORITHMS:
            return Verdict(taken=False, why="it is not signed in a way that we know", status=202)
        secret = self._subscriptions.secret(space).encode()
        if not hmac.compare_digest(hmac.new(secret, delivery.body, said[1]).hexdigest(), said[2].lower()):
            return Verdict(taken=False, why="its signature is not the hub's", status=202)
        said_by = self._subscriptions.space_of(own_of(delivery.body, delivery.headers.get("content-type", "")))
        if said_by not in {"", space}:
            return Verdict(taken=False, why="it is signed for one feed and speaks of another", status=202)
        return Verdict(taken=True)

    def convert(self, delivery: Delivery) -> tuple[Item, ...]:
        """The entries of the document that was delivered, of the feed whose address it names as its own."""
        kind = delivery.headers.get("content-type", "")
        space = self._subscriptions.space_of(own_of(delivery.body, kind)) or delivery.query.get("feed", "")
        if not space:
            return (
                Reject(Reason.WRONG_SHAPE, "a delivery that names none of the feeds here", delivery.body[:MAX_RAW]),
            )
        return convert_document(delivery.body, kind, space, delivery.at, self._subscriptions.topic(space))


def key_in(folder: Path) -> bytes:
    """The key from which secrets are made: kept in a file that we alone can read, made at the first time."""
    place = folder / "feeds-websub.key"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return place.read_bytes()
    with os.fdopen(handle, "wb") as file:
        key = os.urandom(32)
        file.write(key)
    return key
