"""The signature of a delivery, the same in both directions: HMAC-SHA256 over the time, a dot and the body. Pure."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime

SIGNATURE = "X-Signature-256"
TIMESTAMP = "X-Timestamp"
KEY = "Idempotency-Key"


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """What stands in X-Signature-256."""
    made = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256)
    return f"sha256={made.hexdigest()}"


def signed(secret: str, at: datetime, body: bytes) -> Mapping[str, str]:
    """The headers of something that we send."""
    timestamp = str(int(at.timestamp()))
    return {TIMESTAMP: timestamp, SIGNATURE: sign(secret, timestamp, body)}
