"""What every receiver promises to whoever delivers. Owns these shapes, and how an HTTP answer becomes our errors."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from listener.errors import Refused
from listener.harmless import harmless
from listener.incidents.message import Message
from listener.webclient.client import Answer, WebClient

MOST_SAID = 200
"""Characters of a receiver's own words that are kept."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """What a receiver is built from."""

    name: str
    """In the settings."""
    options: Mapping[str, Any] = field(repr=False)
    """Its settings, secrets revealed."""
    web: WebClient
    clock: Callable[[], datetime]
    version: str = ""


class Receiver(Protocol):
    """One way to tell somebody."""

    repeatable: bool
    """The same message under the same key, sent twice, is one."""

    async def ready(self) -> None:
        """Does what takes long the first time, before anybody waits for it. Errors as `tell`."""

    async def tell(self, message: Message, key: str) -> str:
        """Tell it once; what was answered, in a few harmless words.

        `key` is the same for every attempt at one page. TryAgain: surely not taken; Uncertain: it may have been; Refused: never like this,
        with the code `auth`, `rate_limit`, `refused` or `settings`.
        """


class Watched(Protocol):
    """A receiver that is told, again and again, that all is well, and tells people when it is not."""

    async def all_is_well(self, now: datetime, until: datetime) -> None:
        """All is well until then. Errors as `Receiver.tell`."""


def taken(answer: Answer, where: str, secrets: tuple[str, ...] = ()) -> str:
    """What a receiver answered with 2xx, in its words. Refused for every other answer that came back."""
    words = said(answer, secrets)
    if 200 <= answer.status < 300:
        return words or f"taken ({answer.status})"
    told = f"it said {answer.status}{f': {words}' if words else ''}"
    if answer.status in {401, 403, 407}:
        raise Refused(told, where=where, hint="is the secret the right one?", code="auth")
    if 300 <= answer.status < 400:
        raise Refused(
            f"the address leads elsewhere ({answer.status})",
            where=where,
            hint="write where it leads to",
            code="settings",
        )
    raise Refused(told, where=where, hint="does the address in the settings fit?", code="refused")


def said(answer: Answer, secrets: tuple[str, ...] = ()) -> str:
    """The words of an answer, harmless, short, and with none of our secrets in them."""
    text = answer.body[: 4 * MOST_SAID].decode("utf-8", "replace")
    try:
        told = json.loads(answer.body)
    except (ValueError, RecursionError):
        told = None
    if isinstance(told, dict):
        words = [told.get(name) for name in ("status", "message", "error", "errors")]
        text = "; ".join(one if isinstance(one, str) else json.dumps(one) for one in words if one)
    return without(harmless(text), secrets).strip()[:MOST_SAID]


def without(text: str, secrets: tuple[str, ...]) -> str:
    """The text with every secret, and every part of one, taken out."""
    for secret in sorted((one for one in secrets if len(one) > 3), key=len, reverse=True):
        text = text.replace(secret, "***")
    return text
