"""What can be copied from a message: nothing leaves for the clipboard that could do harm where it is pasted. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from inbox_tui.view.lines import typed
from listener.harmless import harmless_url


@dataclass(frozen=True, slots=True)
class Copyable:
    """One thing to copy."""

    key: str
    name: str
    """'text', 'address', 'id'."""
    text: str
    """Harmless."""


def copyables(text: str | None, url: str | None, mention_id: int) -> tuple[Copyable, ...]:
    """What a message has: its text unless that is gone, its address when it is safe to open, the id by which Hubbub knows it."""
    link = harmless_url(url) if url else None
    found = [Copyable("t", "text", typed(text))] if text else []
    found += [Copyable("l", "address", link)] if link else []
    return (*found, Copyable("i", "id", str(mention_id)))
