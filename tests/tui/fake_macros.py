"""Macros in memory."""

from __future__ import annotations

from collections.abc import Sequence

from listener.rulebook.macros import Macro


class FakeMacros:
    """The part of the fake that knows macros; stories put theirs in."""

    has_macros: Sequence[Macro] = ()

    async def macros(self) -> Sequence[Macro]:
        return self.has_macros
