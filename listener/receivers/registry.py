"""Every kind of receiver by its word in the settings. Owns this list only."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from listener.receivers.alertmanager import Alertmanager
from listener.receivers.apprised import Apprised
from listener.receivers.base import Receiver, Wiring
from listener.receivers.pagerduty import PagerDuty
from listener.receivers.webhook import Webhook

RECEIVERS: Mapping[str, Callable[[Wiring], Receiver]] = {
    "apprise": Apprised,
    "pagerduty": PagerDuty,
    "alertmanager": Alertmanager,
    "webhook": Webhook,
}
