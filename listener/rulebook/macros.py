"""Macros: several acts of a person under one name. Owns what one may hold; does nothing by itself, and sends nothing."""

from __future__ import annotations

from dataclasses import dataclass

from listener.model.scales import Priority
from listener.rulebook.nodes import NOWHERE, Place

ME = "me"
"""Instead of a person's id: whoever uses the macro."""


@dataclass(frozen=True, slots=True)
class Macro:
    """What one key does to a conversation, all of it or nothing."""

    key: str
    title: str
    shortcut: str = ""
    """A digit or a capital letter that runs it from the list at once."""
    assign: str = ""
    """A person's id, or `ME`."""
    team: str = ""
    priority: Priority | None = None
    tags: tuple[str, ...] = ()
    untag: tuple[str, ...] = ()
    snooze: float | None = None
    """Seconds from when it is used."""
    closes: bool = False
    note: str = ""
    reply: str = ""
    """Key of the saved reply that is put into the composer."""
    brands: frozenset[str] = frozenset()
    """Only for these brands; empty: shared by all."""
    place: Place = NOWHERE
