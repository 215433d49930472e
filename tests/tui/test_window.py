"""The window over a long list, against a plain sorted list: whatever comes and goes, in whatever order."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from inbox_tui.widgets.window import Window

PAGE = 7


@dataclass(frozen=True)
class Row:
    id: int
    key: int
    text: str = ""


class Windows(RuleBasedStateMachine):
    """A table that changes, and a reader who goes up and down in it."""

    def __init__(self) -> None:
        super().__init__()
        self.table: dict[int, Row] = {}
        self.window: Window[Row] = Window(lambda row: (row.key, row.id), lambda row: row.id, keep=20)
        self.next = 1

    def ordered(self) -> list[Row]:
        return sorted(self.table.values(), key=lambda row: (row.key, row.id))

    @initialize(keys=st.lists(st.integers(0, 30), max_size=60))
    def begin(self, keys: list[int]) -> None:
        for key in keys:
            self.table[self.next] = Row(self.next, key)
            self.next += 1
        rows = self.ordered()
        self.window.restart(rows[:PAGE], 0, at_top=True, at_end=len(rows) < PAGE)

    @rule()
    def down(self) -> None:
        if self.window.rows and not self.window.at_end:
            last = self.window.place(self.window.rows[-1])
            rows = [row for row in self.ordered() if self.window.place(row) > last][:PAGE]
            self.window.append(rows, at_end=len(rows) < PAGE)

    @rule()
    def up(self) -> None:
        if self.window.rows and not self.window.at_top:
            first = self.window.place(self.window.rows[0])
            rows = [row for row in self.ordered() if self.window.place(row) < first][-PAGE:]
            self.window.prepend(rows, at_top=len(rows) < PAGE)

    @rule(key=st.integers(0, 30))
    def comes(self, key: int) -> None:
        row = self.table[self.next] = Row(self.next, key)
        self.next += 1
        self.window.insert(row)

    @rule(which=st.integers(0, 10**6))
    def goes(self, which: int) -> None:
        held = [row.id for row in self.window.rows]
        if held:
            row_id = held[which % len(held)]
            del self.table[row_id]
            self.window.remove(row_id)

    @rule(which=st.integers(0, 10**6), key=st.integers(0, 30))
    def moves(self, which: int, key: int) -> None:
        held = [row.id for row in self.window.rows]
        if not held:
            return
        row = self.table[held[which % len(held)]] = Row(held[which % len(held)], key, "moved")
        if self.window.update(row):
            self.window.remove(row.id)
            self.window.insert(row)

    @invariant()
    def in_order_and_without_holes(self) -> None:
        rows = self.window.rows
        assert [self.window.index(row.id) for row in rows] == list(range(len(rows)))
        ordered = self.ordered()
        if rows:
            start = ordered.index(rows[0])
            assert rows == ordered[start : start + len(rows)], "consecutive rows of the table"
            if self.window.at_top:
                assert (start, self.window.first) == (0, 0)
            if self.window.at_end:
                assert rows[-1] == ordered[-1]
        assert len(rows) <= 20 + PAGE


TestWindows = Windows.TestCase
TestWindows.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)


@given(st.lists(st.integers(), unique=True, min_size=1, max_size=50))
def test_memory_of_what_was_seen_is_bounded(ids: list[int]) -> None:
    window: Window[Row] = Window(lambda row: (row.key, row.id), lambda row: row.id, keep=2)
    for row_id in ids:
        window.restart([Row(row_id, 0)], 0, at_top=True, at_end=True)
    assert window.seen(ids[-1])
    assert len(window._seen) <= 16


def test_a_row_that_only_waits_for_the_cursor_moves_no_other() -> None:
    """What changed beside a row that is held out of its order stays where it is: it is compared with the rows that are in order."""
    window: Window[Row] = Window(lambda row: (row.key, row.id), lambda row: row.id)
    window.restart([Row(1, 10), Row(2, 20), Row(3, 30), Row(4, 40)], 0, at_top=True, at_end=True)
    window.held = 3
    assert window.update(Row(3, 5, "goes to the top, once the cursor has left it")), "it belongs elsewhere"
    assert not window.update(Row(2, 20, "as before")), "above it"
    assert not window.update(Row(4, 40, "as before")), "below it"
    assert window.update(Row(2, 50)), "but a row that has moved has"
