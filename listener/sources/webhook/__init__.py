"""A signed webhook in and out: what another program hears comes in, our replies go out to it. Owns that shape, knows no network."""

from listener.sources.webhook.connect import connect
from listener.sources.webhook.source import Webhook, build

__all__ = ["Webhook", "build", "connect"]
