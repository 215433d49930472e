"""The one door between the inbox and the store. Owns who is looking (brand, person, session); refuses to show or decide anything.

`promise.Backend` is what screens may ask; `postgres` asks the store; the tests' own keeps the same promise in memory.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from listener.errors import Refused

if TYPE_CHECKING:
    from inbox_tui.view.queries import QueryProblem
    from listener.store.views.listening import ListeningRow

Place = tuple[Any, int]
"""Where a row stands in its list: pass it back to get the rows after or before it."""


@dataclass(frozen=True, slots=True)
class Done:
    """What an act did."""

    act_id: uuid.UUID | None
    changed: tuple[int, ...]
    refused: Mapping[int, str]
    """Conversation to the reason, in words."""
    overtaken: frozenset[int] = frozenset()
    """Those of the refused that somebody else changed after they were seen."""
    authors: tuple[int, ...] = ()
    """Authors that carry it."""
    kept: Mapping[int, str] = field(default_factory=dict)
    """Author to the reason why they stay as they are, in words."""
    mentions: tuple[int, ...] = ()
    """Messages of which something was said."""


@dataclass(frozen=True, slots=True)
class Found:
    """One window of search results. When time ran out: how far back the search got, and the place to go on from."""

    rows: tuple[ListeningRow, ...]
    searched_to: datetime | None = None
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """A rule to choose."""

    id: str
    title: str
    shadow: bool = False
    """An experiment."""


class BadQuery(Refused):
    """The query cannot be read; all of its problems at once."""

    def __init__(self, problems: Sequence[QueryProblem]) -> None:
        super().__init__("; ".join(p.message for p in problems))
        self.problems = tuple(problems)
