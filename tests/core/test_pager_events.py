"""What PagerDuty and Alertmanager are handed: the shapes that their v2 APIs document, one key and one set of labels an incident."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from listener.incidents.message import Facts, Message, message
from listener.incidents.shape import Incident, IncidentState, PageKind
from listener.model.scales import Severity
from listener.receivers.alertmanager import alerts_of
from listener.receivers.pagerduty import event_of, events_of
from listener.rulebook.alerting import Watched

NOW = datetime(2026, 11, 20, 14, 28, tzinfo=UTC)
INCIDENT = Incident(
    12, 1, "angry/app/", "angry", Watched.NEGATIVE, "app", "", IncidentState.OPEN, Severity.WARNING, "Anger about the app",
    NOW - timedelta(minutes=23), NOW, NOW, evidence={"seen": 48, "expected": 4.2, "why": "48 negative of 60"},
)  # fmt: skip


def told(what: PageKind, **change: Any) -> Message:
    found = replace(INCIDENT, **change)
    return message(Facts(what, "ops", NOW, "Larkspur", incident=found, link="https://h.example/alerts/x"))


def test_one_dedup_key_an_incident_from_the_trigger_to_the_end() -> None:
    events = [
        event_of(told(what), "page/1", "R" * 32)
        for what in (PageKind.ALERT, PageKind.WORSE, PageKind.ACKNOWLEDGED, PageKind.RESOLVED)
    ]
    assert [event["event_action"] for event in events] == ["trigger", "trigger", "acknowledge", "resolve"]
    assert {event["dedup_key"] for event in events} == {f"hubbub/1/12/{int(NOW.timestamp())}"}
    payload = events[0]["payload"]
    assert (payload["severity"], payload["summary"]) == ("warning", "WARNING: Anger about the app (incident 12)")
    assert payload["custom_details"]["seen"] == 48
    assert events[0]["links"] == [{"href": "https://h.example/alerts/x", "text": "Acknowledge in Hubbub"}]
    assert set(events[3]) == {"routing_key", "event_action", "dedup_key"}
    test = event_of(message(Facts(PageKind.TEST, "ops", NOW)), "page/test/1", "R")
    assert (test["dedup_key"], test["payload"]["severity"]) == ("hubbub/page/test/1", "info")
    assert event_of(told(PageKind.ALERT, severity=Severity.CRITICAL), "k", "R")["payload"]["severity"] == "critical"


def test_several_at_once_are_each_one_there_so_that_each_can_be_resolved() -> None:
    other = replace(INCIDENT, id=13, policy="loud", severity=Severity.CRITICAL)
    digest = message(Facts(PageKind.DIGEST, "ops", NOW, "Larkspur", digest=(INCIDENT, other)))
    events = events_of(digest, "page/digest/1", "R")
    assert [(event["dedup_key"].split("/")[2], event["payload"]["severity"]) for event in events] == [
        ("13", "critical"),
        ("12", "warning"),
    ]
    assert events_of(told(PageKind.RESOLVED), "k", "R")[0]["dedup_key"] == events[1]["dedup_key"]
    alerts = alerts_of(digest, timedelta(hours=24))
    assert [alert["labels"]["incident"] for alert in alerts] == ["13", "12"]
    assert alerts[1]["labels"] == alerts_of(told(PageKind.ALERT), timedelta(hours=24))[0]["labels"]


def labels(alert: Mapping[str, Any]) -> tuple[str, bool]:
    return alert["labels"]["severity"], datetime.fromisoformat(alert["endsAt"]) > NOW


@pytest.mark.parametrize(
    ("what", "severity", "firing"),
    [
        (PageKind.ALERT, Severity.WARNING, [("warning", True)]),
        (PageKind.WORSE, Severity.CRITICAL, [("critical", True), ("note", False), ("warning", False)]),
        (PageKind.ACKNOWLEDGED, Severity.WARNING, [("warning", True)]),
        (PageKind.RESOLVED, Severity.WARNING, [("warning", False), ("note", False)]),
    ],
)
def test_an_alert_fires_until_news_and_ends_with_its_incident(
    what: PageKind, severity: Severity, firing: list[tuple[str, bool]]
) -> None:
    resolved = NOW if what is PageKind.RESOLVED else None
    found = alerts_of(told(what, severity=severity, resolved_at=resolved), timedelta(hours=24))
    assert [labels(alert) for alert in found] == firing
    assert all(alert["labels"] | {"severity": ""} == found[0]["labels"] | {"severity": ""} for alert in found)
    assert all(found[0]["labels"].values()), "an empty label is refused"
