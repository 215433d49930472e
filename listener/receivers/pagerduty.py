"""PagerDuty by its Events API v2: trigger, acknowledge and resolve, under one dedup key an incident, so that a repeat is none."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC
from typing import Any

from listener.incidents.message import Message, headline, opening
from listener.incidents.shape import Incident, PageKind
from listener.model.scales import Severity
from listener.receivers.base import Wiring, taken

SECONDS = 10.0
MOST_SUMMARY, MOST_KEY, MOST_EVENT = 1024, 255, 512 * 1024
"""As its documentation says."""

_ACTIONS = {PageKind.ACKNOWLEDGED: "acknowledge", PageKind.RESOLVED: "resolve"}
_SEVERITIES = {Severity.NOTE: "info", Severity.WARNING: "warning", Severity.CRITICAL: "critical"}


class PagerDuty:
    """One integration of PagerDuty, by its routing key."""

    repeatable = True

    def __init__(self, wiring: Wiring) -> None:
        self._name, self._web, self._version = wiring.name, wiring.web, wiring.version
        self._key: str = wiring.options["key"]
        self._address = f"{wiring.options['address']}/v2/enqueue"

    async def ready(self) -> None:
        """Nothing takes long."""

    async def tell(self, message: Message, key: str) -> str:
        """As `Receiver.tell`."""
        said = ""
        for event in events_of(message, key, self._key):
            body = json.dumps(event, ensure_ascii=False).encode("utf-8", "replace")
            answer = await self._web.send(
                "POST", self._address, body, write=True, timeout=SECONDS, max_body=1 << 16, where=self._name
            )
            said = taken(answer, self._name, (self._key,))
        return said


def events_of(message: Message, key: str, routing_key: str) -> list[dict[str, Any]]:
    """The events of a page: one; of several incidents one each, as each is resolved for itself."""
    if not message.digest:
        return [event_of(message, key, routing_key)]
    each = [
        replace(message, incident=one, digest=(), title=headline(one), text=headline(one), severity=one.severity)
        for one in message.digest
    ]
    return [event_of(one, key, routing_key) for one in each]


def event_of(message: Message, key: str, routing_key: str) -> dict[str, Any]:
    """The event, as v2 has it."""
    incident = message.incident
    action = _ACTIONS.get(message.what, "trigger")
    event: dict[str, Any] = {
        "routing_key": routing_key,
        "event_action": action,
        "dedup_key": dedup_key(incident) if incident is not None else f"hubbub/{key}"[:MOST_KEY],
    }
    if action != "trigger":
        return event
    details: dict[str, Any] = {"text": message.text, **message.figures}
    event["payload"] = {
        "summary": message.title[:MOST_SUMMARY],
        "source": f"hubbub {message.brand}".strip(),
        "severity": _SEVERITIES[message.severity],
        "timestamp": message.at.astimezone(UTC).isoformat(timespec="milliseconds"),
        "component": (incident.topic or "brand") if incident is not None else "hubbub",
        "group": message.brand,
        "class": incident.watched.value if incident is not None else message.what.value,
        "custom_details": {**details, "open": opening(incident.id)} if incident is not None else details,
    }
    event["client"] = "Hubbub"
    if message.link:
        event["links"] = [{"href": message.link, "text": "Acknowledge in Hubbub"}]
    return event


def dedup_key(incident: Incident) -> str:
    """What all events of one incident share. Its beginning tells two houses apart that write to one integration."""
    return f"hubbub/{incident.brand_id}/{incident.id}/{int(incident.opened_at.timestamp())}"[:MOST_KEY]
