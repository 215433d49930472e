"""How many open conversations a view has, kept right by judging what changed. Owns the count; refuses to ask anybody."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

MOST = 1_000
"""Counted up to here."""

HELD = 1_250
"""So many are known by id: a view may lose some of them before it has to be counted anew."""


@dataclass(slots=True)
class Tally:
    """The members of one view that are known. `whole`: there are no others."""

    ids: set[int] = field(default_factory=set)
    whole: bool = True

    @classmethod
    def counted(cls, ids: Iterable[int], whole: bool) -> Tally:
        """As it was counted."""
        return cls(set(ids), whole)

    def judged(self, asked: Collection[int], inside: Collection[int]) -> None:
        """Some conversations changed, and some of these are inside now."""
        self.ids.difference_update(asked)
        for id_ in inside:
            if len(self.ids) >= HELD:
                self.whole = False
                return
            self.ids.add(id_)

    @property
    def stale(self) -> bool:
        """Whether too few are known to say how many there are: it must be counted anew."""
        return not self.whole and len(self.ids) < MOST

    @property
    def shown(self) -> str:
        """`12`; `1,000+` above what is counted; `12+` where time ran out."""
        if len(self.ids) > MOST or (len(self.ids) == MOST and not self.whole):
            return f"{MOST:,}+"
        return f"{len(self.ids):,}" if self.whole else f"{len(self.ids):,}+"
