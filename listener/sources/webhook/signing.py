"""The signature of a delivery, the same in both directions: HMAC-SHA256 over the time, a dot and the body. Pure."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime

from listener.sources.base import Delivery, Verdict

SIGNATURE = "X-Signature-256"
TIMESTAMP = "X-Timestamp"
KEY = "Idempotency-Key"
FRESH_SECONDS = 300
SHORTEST_SECRET = 16


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """What stands in X-Signature-256."""
    made = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256)
    return f"sha256={made.hexdigest()}"


def signed(secret: str, at: datetime, body: bytes) -> Mapping[str, str]:
    """The headers of something that we send."""
    timestamp = str(int(at.timestamp()))
    return {TIMESTAMP: timestamp, SIGNATURE: sign(secret, timestamp, body)}


def verify(secret: str, delivery: Delivery) -> Verdict:
    """Whether it is signed with the secret, and lately. It counts once: the same time and signature come from the same bytes."""
    timestamp = delivery.headers.get(TIMESTAMP.lower(), "").strip()
    told = delivery.headers.get(SIGNATURE.lower(), "").strip()
    if not timestamp or not told:
        return Verdict(False, f"{SIGNATURE} or {TIMESTAMP} is missing", 401)
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 11):
        return Verdict(False, f"{TIMESTAMP} is no number of seconds", 401)
    expected = sign(secret, timestamp, delivery.body)
    if not hmac.compare_digest(expected.encode(), told.lower().encode("utf-8", "replace")):
        return Verdict(False, f"{SIGNATURE} is not of this body, this time and this secret", 401)
    if abs(delivery.at.timestamp() - int(timestamp)) > FRESH_SECONDS:
        return Verdict(False, f"{TIMESTAMP} is more than five minutes off: is a clock wrong?", 401)
    return Verdict(True, once=f"{timestamp}.{expected}")
