"""A message before a brand's judge, and what the store asks of a judge. Shapes only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from listener.model.heard import Hearing, Mention
from listener.model.judged import Assessment, Context, Tick
from listener.rulebook.shape import Rule
from listener.store.record.keep import Kept


class Judge(Protocol):
    """Mention x how it reached one brand x what was known x now -> what the core thinks of it. Pure."""

    @property
    def counts(self) -> bool:
        """Whether any rule counts."""
        ...

    @property
    def counting(self) -> Sequence[Rule]:
        """Those that do."""
        ...

    @property
    def judges_ours(self) -> bool:
        """Whether any rule looks at posts of our own."""
        ...

    @property
    def asks_copies(self) -> bool:
        """Whether it counts how many others wrote nearly the same."""
        ...

    def knows(self, model: str) -> bool:
        """Whether what a team has taught, by its version, can speak here."""
        ...

    def ticks(self, mention: Mention, hearings: Sequence[Hearing], context: Context, now: datetime) -> tuple[Tick, ...]:
        """Which rules count it, for which groups."""
        ...

    def __call__(self, mention: Mention, hearings: Sequence[Hearing], context: Context, now: datetime) -> Assessment:
        """What the core thinks of it."""
        ...


@dataclass(slots=True)
class Case:
    """One message before one brand's judge."""

    kept: Kept
    brand_id: int
    hearings: list[Hearing]
    mention: Mention
    """With what we know and the message does not say itself: its thread's root, its author's handle."""
    context: Context

    @property
    def key(self) -> tuple[int, int]:
        """Mention id and brand id."""
        return self.kept.id, self.brand_id
