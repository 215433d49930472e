"""Whether a delivery is signed by whom we share a secret with. What is signed, and how, is `listener.signing`. Pure."""

from __future__ import annotations

import hmac

from listener.signing import SIGNATURE, TIMESTAMP, sign
from listener.sources.base import Delivery, Verdict

FRESH_SECONDS = 300
SHORTEST_SECRET = 16


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
