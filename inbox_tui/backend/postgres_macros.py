"""Macros from the store: those of the published rulebook, never of the files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from inbox_tui.backend.shelf import Shelf
from listener.errors import FixMe
from listener.model import Problem
from listener.store import rulebooks

if TYPE_CHECKING:
    from listener.rulebook.macros import Macro


class PostgresMacros:
    """The part of the real backend that knows macros."""

    __slots__ = ()
    pool: Any
    key: str
    _shelf: Shelf

    async def macros(self) -> Sequence[Macro]:
        """Of the rulebook in force."""
        latest = await rulebooks.published(self.pool, 1)
        book = await self._shelf.book(latest[0].hash) if latest else None
        if isinstance(book, Problem):
            raise FixMe(f"no macros: this version cannot read the rulebook: {book}")
        return [one for one in book.macros if not one.brands or self.key in one.brands] if book is not None else ()
