"""Macros from the store: those of the published rulebook, never of the files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from listener.errors import FixMe
from listener.model.problems import Problem

if TYPE_CHECKING:
    from inbox_tui.backend.shelf import Shelf
    from listener.rulebook.macros import Macro


class PostgresMacros:
    """The part of the real backend that knows macros."""

    __slots__ = ()
    key: str
    _shelf: Shelf

    async def macros(self) -> Sequence[Macro]:
        """Of the rulebook in force."""
        book = await self._shelf.in_force()
        if isinstance(book, Problem):
            raise FixMe(f"no macros: this version cannot read the rulebook: {book}")
        return [one for one in book.macros if not one.brands or self.key in one.brands] if book is not None else ()
