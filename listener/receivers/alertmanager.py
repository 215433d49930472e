"""Prometheus Alertmanager by its API v2: an incident is an alert there, with labels that stay, and an end when it is resolved.

It groups, inhibits, silences and routes by its own rules. An alert whose labels change is another one there, so that a worse one ends the milder.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from listener.incidents.message import Message, headline, opening
from listener.incidents.shape import Incident, PageKind
from listener.model.scales import Severity
from listener.receivers.base import Wiring, taken

SECONDS = 10.0
WATCHDOG = "HubbubIsWell"
_TEST_LASTS = timedelta(minutes=1)

Labels = dict[str, str]


class Alertmanager:
    """One Alertmanager."""

    repeatable = True

    def __init__(self, wiring: Wiring) -> None:
        self._name, self._web, self._clock = wiring.name, wiring.web, wiring.clock
        options = wiring.options
        self._address = f"{options['address']}/api/v2/alerts"
        self._lasts = timedelta(hours=options.get("hours", 24.0))
        password, token = options.get("password", ""), options.get("token", "")
        self._secrets = tuple(filter(None, (password, token)))
        self._heads: dict[str, str] = {}
        if token:
            self._heads["Authorization"] = f"Bearer {token}"
        elif options.get("user"):
            pair = base64.b64encode(f"{options['user']}:{password}".encode()).decode()
            self._heads["Authorization"] = f"Basic {pair}"
            self._secrets += (pair,)

    async def ready(self) -> None:
        """Nothing takes long."""

    async def tell(self, message: Message, key: str) -> str:
        """As `Receiver.tell`."""
        return await self._post(alerts_of(message, self._lasts))

    async def all_is_well(self, now: datetime, until: datetime) -> None:
        """As `Watched.all_is_well`: an alert that fires for as long as it is renewed."""
        labels = {"alertname": WATCHDOG, "service": "hubbub", "severity": "none"}
        told = {"summary": "Hubbub is well. When this alert ends, it is not."}
        await self._post([{"labels": labels, "annotations": told, "startsAt": _time(now), "endsAt": _time(until)}])

    async def _post(self, alerts: Sequence[dict[str, Any]]) -> str:
        body = json.dumps(alerts, ensure_ascii=False).encode("utf-8", "replace")
        answer = await self._web.send(
            "POST",
            self._address,
            body,
            write=True,
            headers=self._heads,
            timeout=SECONDS,
            max_body=1 << 16,
            where=self._name,
        )
        return taken(answer, self._name, self._secrets)


def alerts_of(message: Message, lasts: timedelta) -> list[dict[str, Any]]:
    """The alerts that are posted: the incident's own, and the ends of the milder ones that it was before."""
    incident = message.incident
    told = {"summary": message.title, "description": message.text}
    if message.link:
        told["acknowledge"] = message.link
    if message.digest:
        each = [
            replace(message, incident=one, digest=(), title=headline(one), text=headline(one)) for one in message.digest
        ]
        return [alert for one in each for alert in alerts_of(one, lasts)]
    if incident is None:
        labels = {"alertname": "HubbubTest", "service": "hubbub", "severity": message.severity.value}
        labels |= {"brand": message.brand} if message.brand else {}
        return [_alert(labels, told, message.at, message.at + _TEST_LASTS)]
    told["open"] = opening(incident.id)
    order = list(Severity)
    milder = order[: order.index(incident.severity)]
    resolved = message.what is PageKind.RESOLVED
    end = (incident.resolved_at or message.at) if resolved else message.at + lasts
    found = [_alert(labels_of(incident, message.brand, incident.severity), told, incident.since, end)]
    if message.what is PageKind.WORSE or resolved:
        over = (incident.resolved_at if resolved else None) or message.at
        found += [_alert(labels_of(incident, message.brand, one), told, incident.since, over) for one in milder]
    return found


def labels_of(incident: Incident, brand: str, severity: Severity) -> Labels:
    """What makes it one alert there. An empty label is none there."""
    labels = {
        "alertname": incident.policy,
        "service": "hubbub",
        "brand": brand,
        "watched": incident.watched.value,
        "topic": incident.topic,
        "source": incident.source,
        "severity": severity.value,
        "incident": str(incident.id),
    }
    return {name: value for name, value in labels.items() if value}


def _alert(labels: Labels, told: dict[str, str], start: datetime, end: datetime) -> dict[str, Any]:
    return {"labels": labels, "annotations": told, "startsAt": _time(min(start, end)), "endsAt": _time(end)}


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")
