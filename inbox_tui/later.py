"""Rooms that are read when something is first asked of them: the inbox starts so, that its first screen waits for nothing it does not show.

Which ones, the import statements say. `from inbox_tui.view import thread` takes a room, to be read at its first use; `from
inbox_tui.view.thread import Marked` takes what is in it, at once. Without `begin` both read at once, as everywhere in Python.
Owns how; refuses the modules of others, which may do something when they are imported: those of the house do not.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from threading import RLock
from types import ModuleType
from typing import Any

HOUSE = ("inbox_tui.", "listener.")


class Unread(ModuleType):
    """A room of which nothing was asked yet."""

    def __getattr__(self, name: str) -> Any:
        """Only what is not there yet comes here. What Python itself looks for is no reason to read a room."""
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        reading = self.__spec__.loader if self.__spec__ is not None else None
        if isinstance(reading, Reading):
            reading.read(self)
        return ModuleType.__getattribute__(self, name)


class Reading(Loader):
    """Reads a room once, when it is told to; another thread that asks meanwhile waits until it is whole."""

    def __init__(self, source: SourceFileLoader) -> None:
        self._source, self._lock, self._begun = source, RLock(), False

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The room, empty."""
        return Unread(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Not yet."""

    def read(self, room: ModuleType) -> None:
        """Now. What fails is raised to whoever asked, and tried again for the next."""
        with self._lock:
            if self._begun:  # by this thread, which is at it, or by one that was quicker
                return
            self._begun = True
            try:
                self._source.exec_module(room)
            except BaseException:
                self._begun = False
                raise
            room.__class__ = ModuleType


class House(MetaPathFinder):
    """Finds the rooms of the house, to be read later."""

    def __init__(self, packages: tuple[str, ...] = HOUSE) -> None:
        self._packages = packages

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """As Python finds it; None: it is not of the house."""
        if not fullname.startswith(self._packages):
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = Reading(spec.loader)
        return spec


def begin() -> None:
    """From now on, in this process."""
    sys.meta_path.insert(0, House())
