"""A range of rows: from where it began to the cursor, however far that is, and also over rows that no window holds any longer. Pure.

Owns which rows lie in it. It knows all rows of one stretch without a gap, from `low` to `high`, and is told of more. Refuses to fetch: where
the cursor is beyond what it knows, somebody walks there (`Rows`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inbox_tui.widgets.window import Place

MOST = 5_000
"""Rows that a range reaches over; whoever wants more takes everything."""


class Range:
    """One range, while it is drawn."""

    def __init__(self, row_id: int, at: Place, marked: Iterable[int]) -> None:
        self.row_id = row_id
        """Where it began."""
        self._at = self.low = self.high = at
        self._before = set(marked)
        """What was marked when it began: a range that shrinks gives back only its own rows."""
        self._known: dict[int, Place] = {row_id: at}
        self._came: set[int] = set()
        """What came meanwhile: not in it before the cursor has been there."""

    def __len__(self) -> int:
        return len(self._known)

    def met(self, row_id: int) -> None:
        """The cursor is on a row: it is in the range, whenever it came."""
        self._came.discard(row_id)

    def came(self, row_id: int) -> None:
        """A row that was not in the list before."""
        self._came.add(row_id)

    def lost(self, row_id: int) -> None:
        """A row that is in the list no longer."""
        self._known.pop(row_id, None)
        self._before.discard(row_id)

    def learn(self, rows: Iterable[tuple[int, Place]], low: Place, high: Place) -> None:
        """All rows from `low` to `high`, which touches what is known."""
        self._known.update(rows)
        self.low, self.high = min(self.low, low), max(self.high, high)

    def touches(self, low: Place, high: Place) -> bool:
        """Whether such a stretch follows what is known without a gap."""
        return low <= self.high and high >= self.low

    def knows(self, at: Place) -> bool:
        """Whether all rows from the beginning to there are known."""
        return self.low <= at <= self.high

    def marks(self, to: Place) -> set[int]:
        """All that is marked when it reaches to there."""
        low, high = min(self._at, to), max(self._at, to)
        return self._before | ({id_ for id_, place in self._known.items() if low <= place <= high} - self._came)

    def marks_of(self, between: set[int]) -> set[int]:
        """All that is marked when it reaches over just these."""
        return self._before | (between - self._came)
