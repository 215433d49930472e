"""A program of the operator's: one signed POST of JSON a page, under the same key for every attempt."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from listener.errors import Refused
from listener.incidents.message import Message, opening
from listener.incidents.shape import Incident
from listener.receivers.base import Wiring, taken
from listener.signing import KEY, signed

SHORTEST_SECRET = 16
SECONDS = 10.0


class Webhook:
    """Whoever knows the secret knows that we said it; whoever keeps keys takes each page once."""

    repeatable = True

    def __init__(self, wiring: Wiring) -> None:
        self._name, self._web, self._clock = wiring.name, wiring.web, wiring.clock
        self._address: str = wiring.options["address"]
        self._secret: str = wiring.options["secret"]
        if len(self._secret) < SHORTEST_SECRET:
            hint = f"at least {SHORTEST_SECRET} characters: openssl rand -hex 32"
            raise Refused("the secret is too short", where=self._name, hint=hint, code="settings")

    async def ready(self) -> None:
        """Nothing takes long."""

    async def tell(self, message: Message, key: str) -> str:
        """As `Receiver.tell`."""
        body = body_of(message, key)
        # Signed anew each time, so that a late attempt is fresh; the key says that it is the same page.
        heads = {**signed(self._secret, self._clock(), body), KEY: key}
        answer = await self._web.send(
            "POST", self._address, body, write=True, headers=heads, timeout=SECONDS, max_body=1 << 16, where=self._name
        )
        return taken(answer, self._name, (self._secret,))


def body_of(message: Message, key: str) -> bytes:
    """The JSON that is handed over."""
    told: dict[str, Any] = {
        "key": key,
        "what": message.what.value,
        "at": _time(message.at),
        "brand": message.brand,
        "person": message.person,
        "severity": message.severity.value,
        "title": message.title,
        "short": message.short,
        "text": message.text,
        "acknowledge": message.link or None,
        "incident": None if message.incident is None else _incident(message.incident),
        "figures": dict(message.figures),
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _incident(incident: Incident) -> dict[str, Any]:
    return {
        "id": incident.id,
        "policy": incident.policy,
        "watched": incident.watched.value,
        "topic": incident.topic,
        "source": incident.source,
        "state": incident.state.value,
        "severity": incident.severity.value,
        "since": _time(incident.since),
        "opened_at": _time(incident.opened_at),
        "acknowledged_at": _time(incident.acknowledged_at),
        "resolved_at": _time(incident.resolved_at),
        "open": opening(incident.id),
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="seconds")
