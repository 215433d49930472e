"""Labels of one's own: put with a key, seen in the row and the conversation, searched, counted in a view, taken back."""

from __future__ import annotations

from inbox_tui.view import labels
from inbox_tui.view.lines import line_cells
from listener.store.views.queue import SavedView
from tests.tui.fake import FakeBackend
from tests.tui.stage import stage


async def test_a_label_is_put_on_marked_rows_found_in_an_own_view_and_taken_back() -> None:
    backend = FakeBackend(6)
    backend.kept = [SavedView(1, "My calls", "label:callback", False)]
    async with stage(backend, size=(150, 40)) as s:
        await s.shows("My calls")
        await s.press("space", "space", "Y")
        await s.shows("only you see them")
        await s.type("callback ~vip -gone")
        await s.press("enter")
        await s.shows("labelled ~callback ~vip on 2 conversations; only you see it (z takes it back)")
        assert backend.own == {(1, "callback"), (1, "vip"), (2, "callback"), (2, "vip")}
        await s.until(lambda: s.line_of("My calls") >= 0 and "2" in s.lines()[s.line_of("My calls")], "it is counted")
        await s.press("enter")
        await s.until(lambda: sum("~callback" in line for line in s.lines()) >= 2, "row and conversation")
        assert "act.tag" not in str(backend.calls)
        await s.press("z")
        await s.shows("taken back: your labels are as before")
        await s.hides("~callback")
        assert backend.own == set()
        await s.press("z")
        await s.shows("there is nothing to take back")


def test_long_and_hostile_labels_take_no_more_than_their_room() -> None:
    line = labels.row_pieces(["x" * 40, "\x1b[31mred", "c", "d", "e"])
    assert line_cells(line) <= 3 * 14 + 5
    assert "\x1b" not in "".join(text for text, _ in line)
    assert labels.read("~a -~b - a") == (("a",), ("b",))
