"""What the inbox needs to know of macros; doing them is `do`, as with every act."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from listener.rulebook.macros import Macro


class MacrosBackend(Protocol):
    """The macros of the rulebook in force."""

    async def macros(self) -> Sequence[Macro]:
        """Those that are there for the brand, in the order of their keys. Raises `FixMe` where this version cannot read the rulebook."""
        ...
