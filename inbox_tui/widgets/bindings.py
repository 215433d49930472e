"""The key map as Textual bindings."""

from __future__ import annotations

from textual.binding import Binding, BindingType

from inbox_tui.keys import KEYS, Table, shown


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


def keymap_of(table: Table) -> dict[str, str]:
    """What Textual must be told of a table: its keys by the name of the binding, where they are not the shipped ones."""
    shipped = {(key.where, key.act): key.keys for key in KEYS}
    changed = (key for key in table if key.keys != shipped.get((key.where, key.act)))
    return {f"{key.where}.{key.act}": ",".join(key.keys) for key in changed}
