"""How the bells of streams are called in a NOTIFY: before the stream's key. Owns their names; who rings and who hears are elsewhere."""

from __future__ import annotations

WISH = "source/"
"""Somebody wants something of that source."""

DELIVERY = "delivery/"
"""Something waits at that hook."""
