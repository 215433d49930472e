"""The key map as Textual bindings."""

from __future__ import annotations

from textual.binding import Binding, BindingType

from inbox_tui.keys import KEYS, shown


def bindings(*places: str, but: frozenset[str] = frozenset(), priority: bool = False) -> list[BindingType]:
    """Bindings of the acts of these places."""
    return [
        Binding(
            ",".join(key.keys),
            key.act,
            key.short,
            show=key.footer,
            key_display=shown(key.keys[0]),
            priority=priority,
            id=f"{key.where}.{key.act}",
        )
        for key in KEYS
        if key.where in places and key.act not in but
    ]
