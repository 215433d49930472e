"""Many rows in one go, the same again, back and forth, and what leaves for the clipboard."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

from inbox_tui.backend import Place
from listener.errors import TryAgain
from listener.model.work import State
from listener.store.views.queue import FoldedPage
from listener.workflow.acts import Assign, Close
from tests.tui.fake import FakeBackend, message
from tests.tui.stage import Stage, stage


def at(s: Stage) -> int | None:
    return s.app.place.rows.cursor_id if s.app.place else None


def state_of(s: Stage, id_: int) -> State:
    found: State = s.backend.talk(id_).conversation.state
    return found


# Ranges ---------------------------------------------------------------------------------------------------------------


async def test_a_range_marks_what_the_cursor_moves_over_and_gives_back_only_its_own() -> None:
    async with stage() as s:
        await s.press("space")
        await s.press("j", "v", "j", "j", "j")
        await s.shows("5 marked (v ends the range)")
        await s.press("k", "k", "k", "k", "k")
        await s.until(lambda: s.app.place.rows.marked == {1, 2, 3}, "the way back gives back, what space marked stays")
        await s.press("v")
        await s.hides("(v ends the range)")
        await s.press("j", "j", "j", "j", "j")
        await s.until(lambda: at(s) == 6, "moving on")
        await s.press("v", "j", "space", "j")
        await s.until(lambda: at(s) == 8, "space ended the range too")
        s.backend.act_as(s.backend.staff[1], [6], Close())
        await s.until(lambda: s.app.place.rows.marked == {1, 2, 3, 7}, "what has left takes its mark along")
        await s.press("v", "j")
        s.backend.act_as(s.backend.staff[1], [2], Close())
        await s.until(lambda: s.app.place.rows.marked == {1, 3, 7, 8, 9}, "also while a range is drawn")
        await s.press("j")
        await s.until(
            lambda: s.app.place.rows.marked == {1, 3, 7, 8, 9, 10}, "and it does not come back with the next row"
        )
        await s.press("e")
        await s.shows("6 conversations closed (z takes it back)")
        assert [state_of(s, id_) for id_ in (1, 3, 7, 8, 9, 10)] == [State.DONE] * 6
        assert not s.app.place.rows.marked


async def test_what_arrives_inside_a_range_is_not_in_it() -> None:
    async with stage(FakeBackend(200)) as s:
        rows = s.app.place.rows
        await s.press("v", "pagedown")
        await s.until(lambda: len(rows.marked) > 10, "a page marked")
        n = len(rows.marked)
        late = s.backend.add("I came later", due_in=-1.5)
        await s.until(lambda: rows.window.get(late.conversation.id) is not None, "it is in the list")
        await s.press("j")
        await s.until(lambda: len(rows.marked) == n + 1, "one more")
        assert late.conversation.id not in rows.marked
        await s.press("G")
        await s.shows("200 marked (v ends the range)")
        assert late.conversation.id not in rows.marked, "nor where it is read from the store"


async def test_a_range_reaches_over_rows_that_are_not_loaded_and_shrinks_again() -> None:
    async with stage(FakeBackend(1_000)) as s:
        rows = s.app.place.rows
        await s.press("j", "v", "G")
        await s.shows("999 marked (v ends the range)")
        assert len(rows.window) <= 600
        assert rows.window.get(2) is None, "where it began is not held"
        s.backend.act_as(s.backend.staff[1], [300], Close())
        await s.shows("998 marked")
        await s.press("k")
        await s.shows("997 marked")
        await s.press("j", "v", "e")
        await s.shows("Close 998 marked conversations?")
        assert s.backend.calls["do"] == 0
        await s.press("y")
        await s.shows("998 closed (z takes it back)")
        assert {id_ for id_ in range(1, 1_001) if state_of(s, id_) is not State.DONE} == {1}
        await s.press("z")
        await s.shows("998 conversations as before: taken back")


async def test_a_range_over_more_than_anybody_means_ends_as_it_was() -> None:
    async with stage(FakeBackend(1_000_000)) as s:
        await s.press("v", "j", "G")
        await s.shows("a range reaches over at most 5,000 rows")
        assert s.app.place.rows.marked == {1, 2}


async def test_a_range_ends_as_it_was_when_the_store_is_away() -> None:
    backend = FakeBackend(1_000)
    async with stage(backend) as s:
        await s.press("v", "j")
        read = backend.folded_page

        async def away(folder: str, *, after: Place | None = None, **more: Any) -> FoldedPage:
            if after is not None:
                raise TryAgain("the database does not answer")
            return await read(folder, after=after, **more)

        backend.folded_page = away  # type: ignore[method-assign]
        await s.press("G")
        await s.shows("the database does not answer: it ends as it was")
        assert s.app.place.rows.marked == {1, 2}


# All ------------------------------------------------------------------------------------------------------------------


async def test_all_of_a_folder_is_what_stood_there_when_it_was_asked_and_one_act() -> None:
    async with stage(FakeBackend(450)) as s:
        await s.press("asterisk")
        await s.shows("all taken (\\ lets go)")
        await s.press("e")
        await s.shows("Close 450 conversations in Open?")
        assert s.backend.calls["do"] == 0
        late = s.backend.add("I came while you were asked").conversation.id
        s.backend.act_as(s.backend.staff[1], [7], Assign(2))
        await s.press("y")
        await s.shows("449 closed; 1 had changed and stay (z takes it back)")
        assert s.backend.calls["do"] == 3, "in parts"
        assert {id_ for id_ in range(1, 452) if state_of(s, id_) is not State.DONE} == {7, late}
        await s.hides("all taken")
        await s.press("z")
        await s.shows("449 conversations as before: taken back")
        assert not [id_ for id_ in range(1, 452) if state_of(s, id_) is State.DONE], "one key takes back all of it"
        await s.press("ctrl+y")
        await s.shows("449 conversations done again (z takes it back)")
        assert {id_ for id_ in range(1, 452) if state_of(s, id_) is not State.DONE} == {7, late}
        s.backend.act_as(s.backend.staff[1], [3], Assign(2))
        await s.press("z")
        await s.shows("448 conversations as before: taken back; 1 had changed since and stay")
        assert {id_ for id_ in range(1, 452) if state_of(s, id_) is State.DONE} == {3}


async def test_escape_stops_between_two_parts_and_what_was_done_is_still_one_act() -> None:
    backend = FakeBackend(450)
    async with stage(backend) as s:
        backend.pace = asyncio.Semaphore(1)
        await s.press("asterisk", "e")
        await s.shows("Close 450 conversations in Open?")
        await s.press("y")
        await s.shows("200 of 450")
        await s.press("z", "escape")
        await s.shows("stopping")
        backend.pace.release()
        await s.shows("400 closed; stopped before 50 others (z takes it back)")
        assert backend.undoes == {}, "nothing is taken back while it is under way"
        await s.press("z")
        await s.shows("400 conversations as before: taken back")
        assert not [id_ for id_ in range(1, 451) if state_of(s, id_) is State.DONE]


async def test_what_lies_above_the_progress_does_not_keep_it_there_when_it_is_over() -> None:
    backend = FakeBackend(450)
    async with stage(backend) as s:
        backend.pace = asyncio.Semaphore(2)
        await s.press("asterisk", "e")
        await s.shows("Close 450 conversations in Open?")
        await s.press("y")
        await s.shows("400 of 450")
        await s.press("ctrl+p")
        await s.until(lambda: len(s.app.screen_stack) == 3, "the palette above")
        backend.pace.release()
        await s.until(lambda: backend.calls["do"] == 3 and state_of(s, 450) is State.DONE, "the last part")
        await s.press("escape")
        await s.until(lambda: len(s.app.screen_stack) == 1, "both are gone")
        await s.shows("450 closed (z takes it back)")


async def test_of_a_view_the_first_thousand_are_taken_and_no_answer_does_nothing() -> None:
    backend = FakeBackend(1_600)
    view = backend.keep("Billing", "tag:billing")
    async with stage(backend) as s:
        await s.app.place.show_view(view)
        await s.press("asterisk", "t")
        await s.type("gone-through\n")
        await s.shows("Tag 1,000 of more conversations in Billing with")
        await s.press("escape")
        await s.shows("left as they are")
        assert backend.calls["do"] == 0
        await s.press("c")
        await s.shows("one at a time: unmark the others first")
        await s.press("backslash")
        await s.hides("all taken")
        await s.press("asterisk", "1")
        await s.hides("all taken")


# The same again -------------------------------------------------------------------------------------------------------


async def test_the_last_act_again_is_on_the_row_under_the_cursor_or_on_the_marks() -> None:
    async with stage() as s:
        await s.press("full_stop")
        await s.shows("no act to do again yet")
        await s.press("t")
        await s.type("seen\n")
        await s.shows("tagged #seen")
        await s.press("j", "full_stop")
        await s.until(lambda: "seen" in s.backend.talk(2).conversation.tags, "on the second row")
        assert len([one for one, _, moved in s.backend.acts if 1 in moved]) == 1, "not on the first again"
        await s.press("j", "v", "j", "full_stop")
        await s.shows("2 conversations tagged #seen")
        assert all("seen" in s.backend.talk(id_).conversation.tags for id_ in (3, 4))


async def test_snoozing_again_reckons_the_time_anew() -> None:
    async with stage() as s:
        await s.press("s")
        await s.shows("Snooze until they write, or for")
        await s.press("enter")
        await s.until(lambda: state_of(s, 1) is State.SNOOZED, "snoozed for an hour")
        s.backend.clock.forward(hours=2)
        await s.press("j", "full_stop")
        await s.until(lambda: state_of(s, 2) is State.SNOOZED, "and the next one")
        assert s.backend.talk(2).conversation.snoozed_until == s.backend.clock() + timedelta(hours=1)


# Back and forth -------------------------------------------------------------------------------------------------------


async def test_what_was_undone_is_done_again_unless_something_else_was_done_since() -> None:
    async with stage() as s:
        await s.press("ctrl+y")
        await s.shows("there is nothing to do again")
        await s.press("e")
        await s.shows("closed (z takes it back)")
        await s.press("z")
        await s.shows("as before: taken back")
        await s.press("ctrl+y")
        await s.shows("done again (z takes it back)")
        assert state_of(s, 1) is State.DONE
        await s.press("z")
        await s.until(lambda: state_of(s, 1) is State.NEW, "and back")
        await s.press("j", "e")
        await s.until(lambda: state_of(s, 2) is State.DONE, "something else")
        await s.press("ctrl+y")
        await s.shows("there is nothing to do again")
        assert state_of(s, 1) is State.NEW


async def test_doing_again_asks_where_a_colleague_changed_the_same() -> None:
    async with stage() as s:
        await s.press("e")
        await s.shows("closed (z takes it back)")
        await s.press("z")
        await s.shows("as before: taken back")
        talk = s.backend.talk(1)
        talk.conversation = replace(talk.conversation, team="care", version=9)
        await s.press("ctrl+y")
        await s.shows("do it again anyway")
        await s.press("l")
        await s.shows("left as it is")
        assert talk.conversation.state is State.NEW


# Copying --------------------------------------------------------------------------------------------------------------


async def test_text_address_and_id_are_copied_and_nothing_that_a_terminal_would_obey() -> None:
    backend = FakeBackend()
    talk = backend.talk(1)
    evil = "pay \x1b]52;c;cm0gLXJm\x07 now\r\nor \x9b31m\u202enever"
    talk.thread.append(message(1999, evil, backend.clock(), talk.handle))
    async with stage(backend) as s:
        for key, said in (("t", "text"), ("l", "address"), ("i", "id")):
            await s.press("y")
            await s.shows("Copy")
            await s.press(key)
            await s.shows(f"{said} copied")
            if key == "t":
                assert s.app.clipboard == "pay ␛]52;c;cm0gLXJm␇ now\nor �31mnever"
        assert s.app.clipboard == "1999"
        talk.thread[-1] = replace(talk.thread[-1], text=None, deleted=True, url="javascript:alert(1)")
        backend.ring(1)
        await s.shows("deleted by its author")
        await s.press("y")
        await s.shows("i id")
        assert not s.sees("l address")
        assert not s.sees("t text")


# The order of work ----------------------------------------------------------------------------------------------------


async def test_a_row_says_why_it_stands_above_the_next_one() -> None:
    async with stage() as s:
        await s.press("b")
        await s.shows("above the next one: due 1 min earlier")
        await s.press("e", "b")
        await s.shows("it is held here only until the cursor leaves it")
        await s.press("G", "b")
        await s.shows("nothing stands below it")
