"""The search box: typing, taking offers, the mark under the right character, warnings, searches that come back."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual import events
from textual.geometry import Offset

from inbox_tui.view.lines import cells, typed
from inbox_tui.view.queries import Checked, QueryProblem, cell_of, graphemes, pointed
from inbox_tui.widgets.searching import Pointer, QueryField, Searching
from listener.query.names import NO_NAMES, Names
from listener.workflow.acts import Tag
from tests.tui.fake import FakeBackend
from tests.tui.stage import SMALL, Stage, stage

FAMILY = "👩‍👩‍👧‍👦"


async def opened(s: Stage, text: str = "") -> QueryField:
    """The box, with a text typed into it."""
    await s.press("slash")
    await s.until(lambda: isinstance(s.app.screen, Searching) and s.app.focused is not None, "the search box")
    await s.type(text)
    await looked(s, text)
    return s.app.screen.query_one(QueryField)


async def looked(s: Stage, text: str) -> None:
    """Until the box has looked at a text."""
    box = s.app.screen
    assert isinstance(box, Searching)
    await s.until(lambda: box._looked is not None and box._looked[0] == text, f"a look at {text!r}")
    await s.pilot.pause()


def offered(s: Stage) -> list[str]:
    assert isinstance(s.app.screen, Searching)
    return [one.insert for one in s.app.screen._offers.offers]


def column_of(line: str, text: str) -> int:
    """At which cell of a screen line a text begins."""
    return cells(line[: line.index(text)])


def marked(s: Stage) -> int:
    """The cell of the screen at which the mark stands."""
    at = s.app.screen.query_one("#search-pointer").region
    return column_of(s.lines()[at.y], "^")


async def test_offers_follow_the_typing_and_tab_takes_one() -> None:
    async with stage() as s:
        field = await opened(s, "refund AND kin")
        assert offered(s) == ["kind:"]
        assert s.sees("what sort of message")
        await s.press("tab")
        await looked(s, "refund AND kind:")
        assert s.sees("it is a direct message")
        await s.press("down", "down", "tab")
        await looked(s, "refund AND kind:post")
        assert field.cursor_position == len(field.value)
        assert s.sees("It is a post."), "what it means"
        await s.type(" ")
        await looked(s, "refund AND kind:post ")
        assert offered(s)[:2] == ["AND ", "OR "]
        await s.press("down", "tab")
        await looked(s, "refund AND kind:post OR ")


async def test_the_end_of_the_list_is_the_end_and_a_fresh_list_begins_at_its_first() -> None:
    async with stage() as s:
        await opened(s, "kind:r")
        await s.press("down", "down", "down", "down")
        await s.type("ep")
        await looked(s, "kind:rep")
        await s.press("tab")
        await looked(s, "kind:reply")


async def test_what_is_known_here_is_offered() -> None:
    backend = FakeBackend()
    backend.in_force = Names({"vip": ("@mira", "jo")})
    backend.act_as(backend.staff[1], [1], Tag(("two words", "late"), ()))
    async with stage(backend) as s:
        await s.until(lambda: bool(s.desk.logins) and backend.names != NO_NAMES, "the people and the names")
        await opened(s, "tag:")
        assert {"billing", "late", '"two words"', "refund"} <= set(offered(s))
        await s.press("ctrl+u")
        await looked(s, "")
        await s.type("assignee:")
        await looked(s, "assignee:")
        assert offered(s)[:5] == ["me", "nobody", "ana", "bo", "cy"]
        await s.press("ctrl+u")
        await s.type("list:vip")
        await looked(s, "list:vip")
        assert s.sees("Any of 2: @mira, jo")


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ("(refund", "(refund"),
        ("refund AND nope:x", "nope:"),
        ("宽宽 nope:x", "nope:"),
        (f"{FAMILY} 👍🏽 nope:x", "nope:"),
        ("e\u0301te\u0301 cafe\u0301 nope:x", "nope:"),
        ("❤️ 🇦🇹 nope:x", "nope:"),
        ("שלום nope:x", "nope:"),
    ],
)
async def test_the_mark_is_under_the_very_character(query: str, wrong: str) -> None:
    async with stage() as s:
        field = await opened(s)
        field.post_message(events.Paste(query))
        await looked(s, query)
        row = field.region.y
        assert marked(s) == column_of(s.lines()[row], wrong)
        for _ in range(len(query)):
            await s.press("left")
            assert marked(s) == column_of(s.lines()[row], wrong), "wherever the cursor stands"


async def test_the_mark_follows_a_line_that_is_longer_than_the_box() -> None:
    long = " ".join(["宽宽宽 word"] * 20)
    async with stage(size=SMALL) as s:
        field = await opened(s)
        query = f"{long} nope:x {long}"
        field.post_message(events.Paste(query))
        await looked(s, query)
        await s.until(lambda: field.scroll_offset.x > 0, "it scrolls")
        assert s.sees("← further left")
        await s.press("enter")
        await s.until(lambda: s.app.screen.query_one(Pointer).cell is not None, "the mistake is brought into sight")
        await s.pilot.pause()
        assert marked(s) == column_of(s.lines()[field.region.y], "nope:")
        await s.press("home")
        await s.shows("further right →")
        assert s.backend.calls["search"] == 0


async def test_a_problem_stops_enter_and_keeps_the_text_and_a_warning_does_not() -> None:
    backend = FakeBackend()
    backend.mention("billing", "a refund and bees", handle="payer.test")
    async with stage(backend) as s:
        field = await opened(s, "refund AND")
        assert s.sees("nothing follows this AND")
        await s.press("enter")
        await s.pilot.pause()
        assert field.value == "refund AND"
        assert isinstance(s.app.screen, Searching)
        styles = {"problem": _style_of(s, "^")}
        for _ in range(3):
            await s.press("backspace")
        await s.type("and bees")
        await looked(s, "refund and bees")
        assert s.sees("and is looked for as a word")
        assert s.sees("enter searches all the same")
        assert marked(s) == column_of(s.lines()[field.region.y], "and bees")
        assert _style_of(s, "^") != styles["problem"], "in another colour"
        await s.press("enter")
        await s.shows("search refund and bees")
        await s.shows("a refund and bees")


def _style_of(s: Stage, text: str) -> object:
    row = s.app.screen.query_one("#search-pointer").region.y
    strip = s.app.screen._compositor.render_strips()[row]
    return next(segment.style.color for segment in strip if text in segment.text and segment.style)


async def test_last_searches_come_back_with_up_in_an_empty_box() -> None:
    async with stage() as s:
        for query in ("first", "second", "third"):
            field = await _reopened(s)
            field.value = ""
            await s.type(query)
            await s.press("enter")
            await s.shows(f"search {query}")
        field = await _reopened(s)
        assert field.value == "third", "it goes on from the search that is shown"
        await s.press("ctrl+u")
        await looked(s, "")
        assert s.sees("↑ recalls the last search")
        await s.press("up")
        assert field.value == "third"
        await s.press("up", "up", "up")
        assert field.value == "first"
        await s.press("down")
        assert field.value == "second"
        await s.press("down", "down")
        assert field.value == ""
        await s.press("up", "up", "enter")
        await s.shows("search second")
        field = await _reopened(s)
        await s.press("ctrl+u", "up", "up")
        assert field.value == "third", "the last one used comes first, and each only once"
        await s.type(" k")
        await looked(s, "third k")
        await s.press("up")
        assert field.value == "third k", "what was changed is not recalled over"


async def _reopened(s: Stage) -> QueryField:
    await s.press("slash")
    await s.until(lambda: isinstance(s.app.screen, Searching) and s.app.focused is not None, "the search box")
    return s.app.screen.query_one(QueryField)


async def test_escape_leaves_and_so_does_enter_on_nothing() -> None:
    async with stage() as s:
        await opened(s, "refund")
        await s.press("escape")
        await s.until(lambda: not isinstance(s.app.screen, Searching), "it is gone")
        await opened(s)
        await s.press("enter")
        await s.until(lambda: not isinstance(s.app.screen, Searching), "it is gone")
        assert s.backend.calls["search"] == 0


async def test_a_click_takes_an_offer_and_leaves_the_typing_where_it_was() -> None:
    async with stage() as s:
        field = await opened(s, "kind:re")
        at = s.app.screen.query_one("#search-offers").region
        await s.pilot.click(offset=Offset(at.x + 4, at.y + 1))
        await looked(s, "kind:repost")
        assert s.app.focused is field


async def test_a_long_paste_is_taken_in_at_once() -> None:
    async with stage() as s:
        field = await opened(s)
        text = "(" + " OR ".join(["宽refund", '"lost parcel"~3', "kind:reply"] * 300)
        text = text[:9_990]
        began = time.monotonic()
        field.post_message(events.Paste(text))
        await looked(s, text)
        assert s.sees("this bracket is never closed")
        await s.press("left", "left", "end", "x")
        await looked(s, text + "x")
        assert time.monotonic() - began < 8, "seconds: the suite runs beside others"
        await s.press("ctrl+u")
        field.post_message(events.Paste("a " * 100_000))
        await s.shows("a query has at most 10000 characters")
        assert len(field.value) <= 20_000
        assert field.value.startswith("a a ")


async def test_every_key_of_the_box_is_named_in_it_or_in_the_help() -> None:
    async with stage() as s:
        await opened(s)
        for said in ("enter searches", "tab takes", "^s keeps", "esc leaves"):
            assert s.sees(said)
        await s.press("escape", "question_mark")
        await s.shows("Keys")
        for _ in range(10):
            await s.press("pagedown")
            if s.sees("Search box (while searching)"):
                break
        assert s.sees("Search box (while searching)")


TEXT = st.text(
    alphabet=st.sampled_from(["a", " ", "宽", "e", "\u0301", "👩", "\u200d", "\ufe0f", "❤", "🏽", "🇦", "🇹", "(", "ש"]),
    max_size=40,
)


@given(TEXT, st.integers(0, 45))
def test_characters_cover_the_text_and_their_cells_are_its_cells(text: str, at: int) -> None:
    text = typed(text)
    spans = graphemes(text)
    assert "".join(text[start:end] for start, end, _ in spans) == text
    assert sum(size for _, _, size in spans) == cells(text)
    assert cell_of(spans, at) <= cells(text)


@given(TEXT, st.integers(0, 45), st.integers(10, 50))
def test_a_pointed_line_fits_and_points_at_the_character(text: str, at: int, width: int) -> None:
    text = typed(text)
    query = text + "X" + text
    line, mark = pointed(query, len(text), width)
    shown = "".join(piece for piece, _ in line)
    assert cells(shown) <= width
    place = cells("".join(piece for piece, _ in mark)) - 1
    assert place == cells(shown[: shown.index("X")])
    pointed(query, at, width)


def test_what_is_told_first_is_a_problem() -> None:
    warned = QueryProblem(3, "odd")
    assert Checked().first is None
    assert Checked((), (warned,)).first is warned
    assert Checked((QueryProblem(9, "bad"),), (warned,)).first == QueryProblem(9, "bad")
