"""A webhook of Meta: the handshake by a word that we chose, the signature over the raw bytes, and what a delivery says.

Owns who may deliver. The secret is that of one subscription: an app that signs people in by Instagram signs with another one than the
app around it. Pure: nothing is fetched here, so a notice that holds ids only becomes a message without words, which is filled by a look.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable

from listener.model.heard import Item, Reject
from listener.sources.base import Delivery, Verdict
from listener.sources.meta.shapes import Notice, notices

MAX_BODY = 8 << 20
"""Bytes: a thousand notices of the longest sort."""

_CHALLENGE = re.compile(r"[A-Za-z0-9_.-]{1,256}")
_SIGNED = re.compile(r"sha256=([0-9a-f]{64})")

Convert = Callable[[Notice], tuple[Item, ...]]


class GraphHook:
    """Deliveries about one sort of object: pages, or professional accounts of Instagram."""

    max_body = MAX_BODY

    def __init__(self, name: str, kind: str, convert: Convert, *, app_secret: str, verify_token: str) -> None:
        self.name = name
        self._kind = kind
        self._convert = convert
        self._secret = app_secret.encode()
        self._word = verify_token.encode()

    def handshake(self, asked: Delivery) -> tuple[int, bytes]:
        """The challenge, bare, for whoever says our word; 403 for everybody else, and for all where we have none."""
        said = asked.query.get("hub.verify_token", "").encode("utf-8", "surrogatepass")
        challenge = asked.query.get("hub.challenge", "")
        fits = hmac.compare_digest(said, self._word) and bool(self._word)
        if not fits or asked.query.get("hub.mode") != "subscribe" or not _CHALLENGE.fullmatch(challenge):
            return 403, b""
        return 200, challenge.encode()

    def verify(self, delivery: Delivery) -> Verdict:
        """By `X-Hub-Signature-256` over the very bytes."""
        if not self._secret:
            return Verdict(False, "app_secret is not set: nobody can be told from anybody", 403)
        signed = _SIGNED.fullmatch(delivery.headers.get("x-hub-signature-256", "").strip())
        if signed is None:
            return Verdict(False, "it is not signed", 403)
        made = hmac.new(self._secret, delivery.body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(made.encode(), signed[1].encode()):
            return Verdict(False, "its signature is not made with our app's secret", 403)
        return Verdict(True)

    def convert(self, delivery: Delivery) -> tuple[Item, ...]:
        """As `Hook.convert`: one by one, so that one that cannot be used takes no other along."""
        return self.read(delivery.body)

    def read(self, body: bytes) -> tuple[Item, ...]:
        """What bytes say, also kept ones."""
        found: list[Item] = []
        for notice in notices(body, self._kind):
            found.extend((notice,) if isinstance(notice, Reject) else self._convert(notice))
        return tuple(found)
