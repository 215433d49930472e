"""Kept views: saved from the search box or from a search, opened among the folders, live, told when broken, deleted when asked."""

from __future__ import annotations

import asyncio
from datetime import datetime

from inbox_tui.backend import Place
from inbox_tui.widgets.searching import Searching
from listener.errors import TryAgain
from listener.query.names import NO_NAMES, Names
from listener.store.views.queue import ViewPage
from listener.workflow.acts import Close, Tag
from tests.tui.fake import FakeBackend
from tests.tui.stage import SMALL, Stage, stage


def ids(s: Stage) -> list[int]:
    """The conversations in the queue, in order."""
    return [row.id for row in s.app.place.rows.window.rows]


async def choose(s: Stage, name: str) -> None:
    """Open a view by its line among the folders."""
    await s.press("f", "g")
    view = next(view for view in s.app.place.views if view.name == name)
    folders = s.app.place.query_one("#folders")
    for _ in range(30):
        if folders.cursor_key == f"view:{view.id}":
            break
        await s.press("down")
    await s.press("enter")
    await s.until(lambda: s.app.place.view == view, f"the view {name}")
    await s.pilot.pause()


def kept(*views: tuple[str, str], n: int = 16) -> FakeBackend:
    backend = FakeBackend(n)
    for name, query in views:
        backend.keep(name, query)
    return backend


async def ready(s: Stage) -> None:
    """The views are known."""
    await s.until(lambda: len(s.app.place.views) == len(s.backend.kept), "the views")


async def test_a_query_of_the_search_box_is_kept_and_shown_at_once() -> None:
    async with stage(FakeBackend(16)) as s:
        await s.press("slash")
        await s.type("refund tone:negative")
        await s.press("ctrl+s")
        await s.shows("Name of the view")
        await s.type("  Angry   refunds ")
        await s.press("enter")
        await s.shows("For whom?")
        await s.press("m")
        await s.until(lambda: s.app.place.view is not None, "the view")
        assert [(view.name, view.query, view.shared) for view in s.backend.kept] == [
            ("Angry refunds", "refund tone:negative", False)
        ]
        await s.shows("kept as Angry refunds, for you")
        await s.until(lambda: ids(s) == [1, 9], "refunds, in the queue's order")
        assert s.line_of(" Done  ") < max(i for i, line in enumerate(s.lines()) if "Angry refunds" in line), (
            "under the folders"
        )
        assert s.sees("refund tone:negative"), "and says what it asks"
        await s.press("1")
        await s.until(lambda: len(ids(s)) == 16, "the folder")


async def test_a_search_is_kept_with_one_key_and_everybody_may_have_it() -> None:
    backend = FakeBackend(16)
    backend.mention("billing", "a refund please", handle="payer.test")
    async with stage(backend) as s:
        await s.press("slash")
        await s.type("refund")
        await s.press("enter")
        await s.shows("a refund please")
        assert s.sees("S keep")
        await s.press("S")
        await s.shows("Name of the view")
        await s.type("Refunds")
        await s.press("enter")
        await s.shows("For whom?")
        await s.press("e")
        await s.shows("kept as Refunds, for everybody")
        assert s.sees("search refund"), "the search stays"
        assert [view.shared for view in backend.kept] == [True]
        await s.press("D")
        await s.shows("Delete the view Refunds?")
        await s.press("l")
        await s.press("l")
        await s.shows("Waiting for them")
        await s.until(lambda: any("Refunds" in line and " all" in line for line in s.lines()), "marked as everybody's")


async def test_without_a_search_there_is_nothing_to_keep() -> None:
    backend = FakeBackend(3)
    async with stage(backend, view="listening") as s:
        await s.press("S")
        await s.shows("search first (/)")
        await s.press("D")
        await s.shows("no search is shown")
        await s.press("l")
        await s.until(lambda: s.app.place.place == "inbox", "the inbox")
        await s.press("D")
        await s.shows("no view is shown")


async def test_who_may_not_share_is_not_asked() -> None:
    backend = FakeBackend(16)
    backend.shares = False
    async with stage(backend) as s:
        await s.press("slash")
        await s.type("refund")
        await s.press("ctrl+s")
        await s.shows("Name of the view")
        await s.type("mine")
        await s.press("enter")
        await s.shows("kept as mine, for you")
        backend.keep("theirs", "refund", shared=True)
        await ready(s)
        await choose(s, "theirs")
        await s.press("D")
        await s.shows("It is everybody's.")
        await s.press("d")
        await s.shows("only a lead or an admin changes the views that all share")
        assert len(backend.kept) == 2


async def test_a_name_that_is_taken_is_asked_about() -> None:
    backend = kept(("Refunds", "refund"))
    backend.shares = False
    async with stage(backend) as s:
        for answer, query in (("l", "refund"), ("r", "billing")):
            await s.press("slash")
            await s.until(lambda: isinstance(s.app.screen, Searching) and s.app.focused is not None, "the search box")
            await s.press("ctrl+u")
            await s.type("billing")
            await s.press("ctrl+s")
            await s.shows("Name of the view")
            await s.type("Refunds")
            await s.press("enter")
            await s.shows("There is a view of this name")
            await s.press(answer)
            await s.until(lambda query=query: [view.query for view in backend.kept] == [query], f"it asks {query}")


async def test_a_view_is_live_and_holds_still_under_the_reader() -> None:
    backend = kept(("Refunds", "refund"))
    async with stage(backend) as s:
        await ready(s)
        await choose(s, "Refunds")
        await s.until(lambda: ids(s) == [1, 9], "two refunds")
        await s.press("j")
        new = backend.add("my refund is late", due_in=-30, handle="newest.test").conversation.id
        await s.until(lambda: ids(s) == [new, 1, 9], "a new one comes by itself")
        assert s.app.place.rows.cursor_id == 9
        await s.shows("1 new ↑")
        other = backend.add("something else", due_in=-30).conversation.id
        backend.say(2, "now I want a refund too")
        await s.until(lambda: 2 in ids(s), "one whose thread has come to match")
        assert other not in ids(s)
        backend.act_as(backend.staff[1], [1], Close())
        await s.until(lambda: 1 not in ids(s), "what a colleague closes goes")
        await s.press("e")
        await s.shows("closed (z takes it back)")
        assert 9 in ids(s), "the row under the cursor stays until the cursor leaves it"
        await s.press("k")
        await s.until(lambda: 9 not in ids(s), "then it goes")


async def test_a_view_that_asks_for_a_state_shows_that() -> None:
    backend = kept(("Shut", "status:done tag:odd"))
    backend.act_as(backend.staff[1], [4, 5], Tag(("odd",), ()))
    backend.act_as(backend.staff[1], [5], Close())
    async with stage(backend) as s:
        await ready(s)
        await choose(s, "Shut")
        await s.until(lambda: ids(s) == [5], "the closed one")
        backend.act_as(backend.staff[1], [4], Close())
        await s.until(lambda: set(ids(s)) == {4, 5}, "both")


EVERYTHING = "refund OR app OR release OR change OR billing OR cuenta OR time OR talk"


def all_belong(s: Stage) -> bool:
    """Whether what is held is what is shown."""
    return all(s.app.place.belongs(row) for row in s.app.place.rows.window.rows)


async def test_a_long_view_is_read_page_by_page_and_judged_as_far_as_it_reaches() -> None:
    backend = kept(("Everything", EVERYTHING), n=450)
    async with stage(backend) as s:
        await ready(s)
        await choose(s, "Everything")
        await s.until(lambda: len(ids(s)) >= 100, "a page")
        for _ in range(12):
            await s.press("pagedown")
        await s.until(lambda: len(ids(s)) > 150, "further pages")
        assert ids(s) == sorted(ids(s))
        assert all_belong(s)
        gone = ids(s)[40]
        backend.act_as(backend.staff[1], [gone], Close())
        await s.until(lambda: gone not in ids(s), "judged again")
        assert ids(s) == sorted(ids(s))
        await s.press("G")
        await s.until(lambda: 450 in ids(s), "the end")
        await s.press("g")
        await s.until(lambda: ids(s)[0] == 1, "the top")


async def test_time_that_runs_out_is_told_and_the_reader_decides() -> None:
    backend = kept(("Refunds", "refund"), n=40)
    rows = [backend._row(i) for i in range(40)]
    backend.stops = [(rows[9].sort_key, rows[9].id)]
    async with stage(backend) as s:
        await ready(s)
        await choose(s, "Refunds")
        await s.shows("looked through a part, G goes on")
        assert ids(s) == [1, 9]
        await s.press("G")
        await s.until(lambda: ids(s) == [1, 9, 17, 25, 33], "the rest")
        await s.hides("looked through a part")
        assert all_belong(s)


async def test_what_was_not_judged_again_for_want_of_time_stays() -> None:
    backend = kept(("Refunds", "refund"), n=40)
    async with stage(backend) as s:
        await ready(s)
        await choose(s, "Refunds")
        await s.until(lambda: ids(s) == [1, 9, 17, 25, 33], "the refunds")
        row = backend._row(19)
        backend.stops = [(row.sort_key, row.id)]
        backend.act_as(backend.staff[1], [9], Close())
        await s.until(lambda: 9 not in ids(s), "judged as far as time went")
        assert ids(s) == [1, 17, 25, 33]


async def test_the_way_back_up_goes_on_where_its_time_ran_out() -> None:
    backend = kept(("Everything", EVERYTHING), n=300)
    async with stage(backend) as s:
        await ready(s)
        await choose(s, "Everything")
        await s.until(lambda: len(ids(s)) >= 100, "a page")
        rows = [backend._row(i) for i in (279, 249)]
        backend.stops = [(row.sort_key, row.id) for row in rows]
        await s.press("G")
        await s.until(lambda: ids(s)[-1] == 300, "the end")
        assert ids(s)[-100:] == list(range(201, 301))


class Slow(FakeBackend):
    """Whoever goes on from a place waits to be let."""

    def __init__(self, n: int) -> None:
        super().__init__(n)
        self.waits, self.let = asyncio.Event(), asyncio.Event()

    async def view_page(
        self, query: str, now: datetime, *, after: Place | None = None, before: Place | None = None, limit: int
    ) -> ViewPage:
        if after is not None:
            self.waits.set()
            await self.let.wait()
        return await super().view_page(query, now, after=after, before=before, limit=limit)


async def test_what_was_looked_for_further_is_not_put_into_another_view() -> None:
    backend = Slow(40)
    backend.keep("Refunds", "refund")
    backend.keep("Calls", "cuenta")
    row = backend._row(9)
    backend.stops = [(row.sort_key, row.id)]
    async with stage(backend) as s:
        await ready(s)
        await choose(s, "Refunds")
        await s.shows("looked through a part, G goes on")
        await s.press("G")
        await s.until(backend.waits.is_set, "looking further")
        await choose(s, "Calls")
        shown = ids(s)
        assert shown
        backend.let.set()
        await s.pilot.pause(0.2)
        assert ids(s) == shown


async def test_what_follows_the_page_that_was_looked_for_further_is_read_too() -> None:
    backend = kept(("Everything", EVERYTHING), n=300)
    row = backend._row(49)
    backend.stops = [(row.sort_key, row.id)]
    async with stage(backend) as s:
        await ready(s)
        await choose(s, "Everything")
        await s.shows("looked through a part, G goes on")
        assert ids(s) == list(range(1, 51))
        await s.press("G")
        await s.until(lambda: len(ids(s)) >= 150, "a page more")
        await s.press("G")
        await s.until(lambda: ids(s)[-1] == 300, "the end")
        assert all_belong(s)


async def test_the_top_of_a_long_view_comes_back_when_the_bar_is_dragged_there() -> None:
    """Nobody counts what is in a view: no place of it can be guessed, and what is wanted is read page by page."""
    backend = kept(("Everything", EVERYTHING), n=1000)
    async with stage(backend) as s:
        await ready(s)
        await choose(s, "Everything")
        rows = s.app.place.rows
        while rows.window.first < 300:
            end = rows.window.end
            rows.scroll_to(y=rows.max_scroll_y, animate=False)
            await s.until(lambda end=end: rows.window.end > end, "further pages")
        first, held = rows.window.first, ids(s)
        gone = held[40]
        backend.act_as(backend.staff[1], [gone], Close())
        await s.until(lambda: gone not in ids(s), "judged again")
        assert (rows.window.first, ids(s)) == (first, [one for one in held if one != gone]), "nothing else moves"
        rows.scroll_to(y=0, animate=False)
        await s.until(lambda: ids(s)[0] == 1, "the top")
        assert ids(s) == sorted(ids(s))
        assert all_belong(s)


async def test_a_view_that_cannot_be_read_says_where_and_can_be_mended_or_deleted() -> None:
    backend = kept(("Old", "宽宽 nosuch:x"))
    async with stage(backend) as s:
        await ready(s)
        await choose(s, "Old")
        await s.shows("Old  cannot be read")
        assert ids(s) == []
        line = next(line for line in s.lines()[2:] if "宽宽 nosuch:x" in line)
        mark = next(line for line in s.lines() if line.replace("│", " ").split() == ["^"] or "^" in line)
        assert mark.index("^") == line.index("nosuch") + 2, "under the character: two wide ones stand before it"
        assert s.sees("there is no field nosuch")
        backend.ring(1)
        backend.ring(lost=True)
        await s.press("slash")
        await s.until(lambda: isinstance(s.app.screen, Searching) and s.app.focused is not None, "the search box")
        assert s.app.focused.value == "宽宽 nosuch:x", "to go on from"
        await s.press("escape")
        await s.shows("Old  cannot be read")
        await s.press("D")
        await s.shows("Delete the view Old?")
        await s.press("d")
        await s.shows("Old is deleted")
        assert backend.kept == []


async def test_a_view_follows_the_names_that_it_uses_and_says_when_one_is_gone() -> None:
    backend = kept(("Money", "list:money"))
    async with stage(backend) as s:
        await ready(s)
        await s.until(lambda: backend.calls["read_names"] > 0, "no names at first")
        backend.in_force = Names({"money": ("refund",)})
        await choose(s, "Money")
        await s.until(lambda: ids(s) == [1, 9], "nothing is told to be unknown by names of yesterday")
        backend.publish(Names({"money": ("refund", "release")}))
        await s.until(lambda: ids(s) == [1, 3, 9, 11], "the list has grown")
        backend.publish(Names({"money": ("release",)}))
        await s.until(lambda: ids(s) in ([1, 3, 11], [3, 11]), "and shrunk; only the row under the cursor may stay")
        backend.publish(Names({"other": ("refund",)}))
        await s.shows("Money  cannot be read")
        await s.shows("the rule files define no list 'money'")
        assert ids(s) == []
        assert s.app.place.view is not None, "it is not lost"
        backend.add("a refund that nobody sees here", due_in=-30)
        backend.publish(Names({"money": ("refund",)}))
        await s.until(lambda: ids(s) == [17, 1, 9], "it comes back by itself")
        await s.hides("cannot be read")
        assert s.sees("list:money")


async def test_whoever_writes_a_reply_goes_on_writing_whatever_becomes_of_the_view_beside_it() -> None:
    backend = kept(("Money", "list:money"))
    backend.in_force = Names({"money": ("refund",)})
    async with stage(backend) as s:
        await ready(s)
        await choose(s, "Money")
        await s.until(lambda: ids(s) == [1, 9], "refunds")
        await s.press("r")
        await s.composes()
        await s.type("on its ")
        backend.publish(NO_NAMES)
        await s.shows("Money  cannot be read")
        assert s.sees("▸ @mira0.test"), "and goes on reading what the reply is to"
        await s.type("way")
        await s.composes("on its way")
        backend.keep("Money", "release")
        await s.until(lambda: ids(s) == [3, 11], "somebody has mended it")
        await s.type("!")
        await s.composes("on its way!")
        backend.kept.clear()
        backend.ring(views=True)
        await s.until(lambda: s.app.place.view is None and len(ids(s)) == 16, "and somebody else has deleted it")
        await s.type("!")
        await s.composes("on its way!!")
        await s.press("ctrl+s")
        await s.shows("goes out in")


async def test_names_that_could_not_be_read_are_read_as_soon_as_the_store_is_back() -> None:
    backend = FakeBackend(3)
    async with stage(backend) as s:
        await s.until(lambda: backend.calls["read_names"] > 0, "read at first")
        backend.fault = TryAgain("the store is away")
        before = backend.calls["rules_refused"]
        backend.publish(Names({"money": ("refund",)}))
        await s.until(lambda: backend.calls["rules_refused"] > before, "an attempt")
        backend.fault = None
        s.hurry()
        await s.until(lambda: "money" in backend.names.lists, "another one")


async def test_deleting_is_asked_first_and_the_queue_goes_back_to_open() -> None:
    backend = kept(("Refunds", "refund"), ("Bills", "billing"))
    async with stage(backend) as s:
        await ready(s)
        await choose(s, "Refunds")
        await s.press("D")
        await s.shows("Delete the view Refunds?")
        await s.press("escape")
        assert len(backend.kept) == 2
        await s.press("D")
        await s.shows("Delete the view Refunds?")
        await s.press("d")
        await s.until(lambda: [view.name for view in backend.kept] == ["Bills"], "it is deleted")
        await s.until(lambda: s.app.place.view is None and len(ids(s)) == 16, "the open folder")
        await s.press("f")
        for _ in range(5):
            await s.press("down")
        await s.press("D")
        await s.shows("Delete the view Bills?")
        await s.press("escape")
        await choose(s, "Bills")
        await s.press("f")
        assert s.app.place.query_one("#folders").cursor_key == s.app.place.shown_key, "the cursor is on what is shown"
        await s.press("D")
        await s.shows("Delete the view Bills?")


async def test_what_a_colleague_does_to_a_view_arrives() -> None:
    backend = kept(("Refunds", "refund"))
    async with stage(backend) as s:
        await ready(s)
        await choose(s, "Refunds")
        await s.until(lambda: ids(s) == [1, 9], "two refunds")
        backend.keep("Refunds", "release")
        await s.until(lambda: ids(s) == [3, 11], "it asks something else now")
        backend.kept.clear()
        backend.ring(views=True)
        await s.shows("the view Refunds is deleted")
        await s.until(lambda: s.app.place.view is None and len(ids(s)) == 16, "the open folder")


async def test_after_a_lost_connection_a_view_is_read_again() -> None:
    backend = kept(("Refunds", "refund"))
    async with stage(backend) as s:
        await ready(s)
        await choose(s, "Refunds")
        talk = backend.add("refund, unheard", due_in=600)
        while not backend.queue.empty():
            backend.queue.get_nowait()
        backend.ring(lost=True)
        await s.until(lambda: ids(s) == [1, 9, talk.conversation.id], "what was missed")


async def test_read_only_keeps_and_deletes_nothing() -> None:
    backend = kept(("Refunds", "refund"))
    async with stage(backend, read_only=True, size=SMALL) as s:
        await ready(s)
        await choose(s, "Refunds")
        await s.press("D")
        await s.shows("read-only")
        await s.press("slash")
        await s.until(lambda: isinstance(s.app.screen, Searching) and s.app.focused is not None, "the search box")
        assert not s.sees("^s")
        await s.press("ctrl+s")
        assert isinstance(s.app.screen, Searching)
        assert len(backend.kept) == 1


async def test_the_box_goes_on_from_the_view_that_is_shown() -> None:
    backend = kept(("Refunds", "refund"))
    backend.shares = False
    async with stage(backend) as s:
        await ready(s)
        await choose(s, "Refunds")
        await s.press("slash")
        await s.until(lambda: isinstance(s.app.screen, Searching) and s.app.focused is not None, "the search box")
        assert s.app.focused.value == "refund"
        await s.press("ctrl+s")
        await s.shows("Name of the view")
        assert s.app.focused.value == "Refunds", "and knows its name"


async def test_a_view_opens_also_when_the_inbox_was_never_shown() -> None:
    backend = FakeBackend(16)
    backend.shares = False
    async with stage(backend, view="listening") as s:
        await s.press("slash")
        await s.type("refund")
        await s.press("ctrl+s")
        await s.shows("Name of the view")
        await s.type("Refunds")
        await s.press("enter")
        await s.until(lambda: s.app.place.place == "inbox" and s.app.place.view is not None, "the view")
        await s.until(lambda: ids(s) == [1, 9], "its rows")
