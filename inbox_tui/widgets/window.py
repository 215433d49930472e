"""A window over a list too long to hold: some hundred rows in order, and where among all rows they stand. Pure; draws and fetches nothing."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

Row = TypeVar("Row")
Place = tuple[Any, int]

_EPOCH, _TICK = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)

KEEP = 600
"""Rows held at most: memory does not grow with the table."""


def newest_first(at: datetime, row_id: int) -> Place:
    """The place of a row in a list that begins with the newest."""
    return -((at - _EPOCH) // _TICK), -row_id


def by_time(place: Place | None) -> Place | None:
    """Such a place as the store knows it: (at, id)."""
    return None if place is None else (_EPOCH - place[0] * _TICK, -place[1])


class Window(Generic[Row]):
    """Consecutive rows. `first` is the rank of `rows[0]` among all rows: exact near the ends, an estimate after a jump."""

    def __init__(self, place: Callable[[Row], Place], ident: Callable[[Row], int], keep: int = KEEP) -> None:
        self.place = place
        self.ident = ident
        self.keep = keep
        self.rows: list[Row] = []
        self.first = 0
        self.at_top = True
        self.at_end = True
        self.held: int | None = None
        """A row that stays where it is although it has left the list or belongs elsewhere."""
        self._index: dict[int, int] = {}
        self._seen: OrderedDict[int, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def end(self) -> int:
        """The rank after the last row held."""
        return self.first + len(self.rows)

    def index(self, row_id: int) -> int | None:
        """Where a row is among the rows held."""
        return self._index.get(row_id)

    def get(self, row_id: int) -> Row | None:
        """A row held, by its id."""
        index = self._index.get(row_id)
        return None if index is None else self.rows[index]

    def at(self, rank: int) -> Row | None:
        """The row of a rank, when it is held."""
        index = rank - self.first
        return self.rows[index] if 0 <= index < len(self.rows) else None

    def stands(self, index: int) -> Place:
        """The place in the list of a row held; of one that is out of order, that of the row beside it."""
        row = self.rows[index]
        if self.ident(row) == self.held:
            row = self._beside(index, -1) or self._beside(index, 1) or row
        return self.place(row)

    def seen(self, row_id: int) -> bool:
        """Whether the row has been held lately."""
        return row_id in self._seen

    def restart(self, rows: Sequence[Row], first: int, *, at_top: bool, at_end: bool) -> None:
        """Forget everything and begin with these rows."""
        self.rows = list(rows)
        self.first = first
        self.at_top, self.at_end = at_top, at_end
        self.held = None
        self._reindex(self.rows)

    def append(self, rows: Sequence[Row], *, at_end: bool) -> None:
        """Rows that follow; the front gives way."""
        self.rows.extend(row for row in rows if self.ident(row) not in self._index)
        self.at_end = at_end
        surplus = len(self.rows) - self.keep
        if surplus > 0:
            del self.rows[:surplus]
            self.first += surplus
            self.at_top = False
        self._reindex(rows)

    def prepend(self, rows: Sequence[Row], *, at_top: bool) -> None:
        """Rows that come before (in order); the back gives way. At the top the rank becomes exact again."""
        new = [row for row in rows if self.ident(row) not in self._index]
        self.rows[:0] = new
        self.first = max(0, self.first - len(new))
        self.at_top = at_top
        if at_top:
            self.first = 0
        elif self.first == 0:
            self.first = 1  # an estimate was wrong: there are rows above
        if len(self.rows) > self.keep:
            del self.rows[self.keep :]
            self.at_end = False
        self._reindex(new)

    def update(self, row: Row) -> bool:
        """A row held, as it is now, in the place that it has; whether it belongs elsewhere by now."""
        index = self._index.get(self.ident(row))
        if index is None:
            return False
        was, place = self.place(self.rows[index]), self.place(row)
        self.rows[index] = row
        above, below = self._beside(index, -1), self._beside(index, 1)
        if above is None and place < was and not self.at_top:
            return True  # past rows that are not held
        if below is None and place > was and not self.at_end:
            return True
        return (above is not None and self.place(above) > place) or (below is not None and self.place(below) < place)

    def _beside(self, index: int, step: int) -> Row | None:
        """The row above or below; the row held back may be out of order and is looked past."""
        near = index + step
        if 0 <= near < len(self.rows) and self.ident(self.rows[near]) == self.held:
            near += step
        return self.rows[near] if 0 <= near < len(self.rows) else None

    def insert(self, row: Row) -> int | None:
        """A row that belongs into the list: its index when it lies inside the window, None when above or below."""
        index = self._where(self.place(row))
        if index == 0 and not self.at_top:
            self.first += 1
            return None
        if index == len(self.rows) and not self.at_end:
            return None
        self.rows.insert(index, row)
        if len(self.rows) > self.keep:
            del self.rows[self.keep :]
            self.at_end = False
        self._reindex([row])
        return index

    def _where(self, place: Place) -> int:
        """Before which row a place lies. The row held back may be out of order: it is looked past."""
        held = None if self.held is None else self._index.get(self.held)
        if held is None:
            return bisect_right(self.rows, place, key=self.place)
        rows = self.rows[:held] + self.rows[held + 1 :]
        index = bisect_right(rows, place, key=self.place)
        return index if index < held else index + 1  # never above a row that only waits for the cursor to leave

    def remove(self, row_id: int) -> int | None:
        """Take a row out; the index that it had."""
        index = self._index.get(row_id)
        if index is None:
            return None
        del self.rows[index]
        if self.held == row_id:
            self.held = None
        self._reindex()
        return index

    def _reindex(self, new: Sequence[Row] = ()) -> None:
        self._index = {self.ident(row): i for i, row in enumerate(self.rows)}
        for row in new:
            self._seen.pop(self.ident(row), None)
            self._seen[self.ident(row)] = None
        while len(self._seen) > 8 * self.keep:
            self._seen.popitem(last=False)
