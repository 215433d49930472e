"""Packages of the store that are known by what is in their rooms: each room is read when something of it is first asked for.

What reads a queue waits for nothing that opens a conversation. Owns how; refuses to know which rooms there are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any


def by_name(package: str, rooms: Mapping[str, Sequence[str]]) -> Callable[[str], Any]:
    """A package's `__getattr__`: what is in each of its rooms."""
    room_of = {name: room for room, names in rooms.items() for name in names}

    def asked(name: str) -> Any:
        if name not in room_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{room_of[name]}"), name)

    return asked
