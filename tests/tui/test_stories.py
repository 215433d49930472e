"""What a community manager does all day, key by key, and what they read on the screen."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from textual import events
from textual.keys import _character_to_key

from listener.lengths import Terms
from listener.model.kinds import Kind
from listener.model.leaving import OutboxState
from listener.model.scales import Priority
from listener.model.work import State
from listener.workflow.acts import Close
from tests.tui.fake import FakeBackend, message
from tests.tui.stage import SMALL, Stage, stage


def at(s: Stage) -> int | None:
    return s.app.place.rows.cursor_id if s.app.place else None


async def test_the_queue_opens_on_what_is_due_first_and_previews_it() -> None:
    async with stage() as s:
        await s.shows("5 min over")
        assert at(s) == 1
        await s.shows("Where is my refund? I have been waiting for three weeks now.")
        await s.shows("why: rule billing.refund")
        assert s.sees("Waiting for them")
        assert s.sees("40")


async def test_moving_and_opening_marks_it_read_and_a_preview_does_not() -> None:
    async with stage() as s:
        await s.press("j", "j")
        await s.until(lambda: at(s) == 3, "the cursor on the third row")
        await s.shows("▸ @ade2.test")
        assert s.backend.talk(3).conversation.unread
        await s.press("enter")
        await s.until(lambda: not s.backend.talk(3).conversation.unread, "it counts as read")
        await s.press("escape", "k")
        await s.until(lambda: at(s) == 2, "one up")


async def test_a_reply_says_as_whom_to_whom_and_how_public_and_goes_to_the_outbox() -> None:
    async with stage() as s:
        await s.press("r")
        await s.shows("PUBLIC reply as @larkspur.test to @mira0.test")
        assert s.backend.talk(1).claimed_by is not None, "starting a reply takes the conversation"
        await s.type("We are on it")
        await s.shows("12 of 300 characters")
        await s.press("ctrl+s")
        await s.shows("goes out in 8 s as @larkspur.test; z takes it back")
        [row] = s.backend.talk(1).replies
        assert (row.body, row.state, row.private, row.fence) == ("We are on it", OutboxState.QUEUED, False, 1)
        assert row.not_before - row.queued_at == timedelta(seconds=8)
        assert s.backend.talk(1).drafts == {}
        assert s.backend.talk(1).claimed_by is None


async def test_the_countdown_runs_on_the_screen() -> None:
    async with stage() as s:
        await s.press("r")
        await s.composes()
        await s.type("soon")
        await s.press("ctrl+s")
        await s.shows("goes out in 8 s, z takes it back")
        s.backend.clock.forward(seconds=3)
        await s.shows("goes out in 5 s, z takes it back")


async def test_what_is_typed_before_the_composer_is_there_is_written_and_closes_nothing() -> None:
    async with stage() as s:
        for character in "rel E":
            s.app.post_message(events.Key(_character_to_key(character), character))
        await s.composes("el E")
        talk = s.backend.talk(1)
        assert talk.conversation.state is State.NEW
        await s.type("ch")
        await s.composes("el Ech")
        await s.press("ctrl+x")
        await s.shows("draft thrown away")
        talk.thread[:] = [one for one in talk.thread if one.ours]
        await s.press("r")
        await s.shows("there is no message left to answer")
        await s.press("e")
        await s.until(lambda: s.backend.talk(1).conversation.state is State.DONE, "keys are acts again")


async def test_z_takes_the_reply_back_into_the_composer() -> None:
    async with stage() as s:
        await s.press("r")
        await s.composes()
        await s.type("too fast")
        await s.press("ctrl+s")
        await s.shows("z takes it back")
        await s.press("x")
        await s.shows("it goes out in a moment; z takes it back")
        await s.press("z")
        await s.shows("taken back; nothing was sent")
        await s.shows("PUBLIC reply")
        assert s.backend.talk(1).replies[0].state is OutboxState.WITHDRAWN
        await s.composes("too fast")


async def test_too_late_to_take_back_is_said() -> None:
    async with stage() as s:
        await s.press("r")
        await s.composes()
        await s.type("gone")
        await s.press("ctrl+s")
        await s.shows("z takes it back")
        talk, i = s.backend._reply(1)
        talk.replies[i] = replace(talk.replies[i], state=OutboxState.SENDING)
        await s.press("z")
        await s.shows("too late to take it back")


async def test_every_state_of_a_reply_is_said_honestly() -> None:
    said = {
        OutboxState.SENDING: "being sent",
        OutboxState.ACCEPTED: "accepted by the network, not seen there yet",
        OutboxState.SEEN: "seen on the network",
        OutboxState.FAILED: "failed: the account is out (x: try again",
        OutboxState.UNKNOWN: "nobody knows whether it went out",
        OutboxState.STOPPED: "stopped: the account is out (x: send it anyway",
    }
    async with stage() as s:
        await s.press("r")
        await s.composes()
        await s.type("hello")
        await s.press("ctrl+s")
        await s.shows("z takes it back")
        for state, words in said.items():
            problem = "the account is out" if state in (OutboxState.FAILED, OutboxState.STOPPED) else ""
            s.backend.move_reply(1, state, problem=problem)
            await s.until(lambda words=words: words in " ".join(s.text().split()) or s.sees(words[:30]), words)


async def test_where_each_server_has_its_limit_that_is_shown_with_the_name_of_who_is_answered() -> None:
    async with stage() as s:
        talk = s.backend.talk(1)
        talk.source, talk.terms = "mastodon", Terms(5000, 23)
        await s.press("r")
        await s.composes()
        s.app.place.composer.query_one("#composer-text").text = "hi https://shop.example/" + "x" * 99
        await s.shows(f"{len('@mira0.test hi ') + 23} of 5000 characters")


async def test_too_long_is_counted_as_the_network_counts_and_not_sent_like_that() -> None:
    async with stage() as s:
        await s.press("r")
        await s.composes()
        s.app.place.composer.query_one("#composer-text").text = "👩‍👩‍👧‍👦" * 110
        await s.shows("110 of 300 characters")
        s.app.place.composer.query_one("#composer-text").text = "é" * 301
        await s.shows("301 of 300 characters, 1 too many")
        await s.press("ctrl+s")
        await s.shows("Too long by 1 characters")
        await s.press("b")
        await s.hides("Too long by 1 characters")
        assert s.backend.talk(1).replies == []


async def test_reply_and_close() -> None:
    async with stage() as s:
        await s.press("r")
        await s.composes()
        await s.type("done")
        await s.press("ctrl+e")
        await s.shows("z takes it back")
        assert s.backend.calls["queue_reply"] == 1
        assert s.app.place.rows.cursor_id == 2, "on to the next one"
        await s.press("r")
        await s.composes()


async def test_close_and_on_to_the_next_reads_it_if_the_last_was_read() -> None:
    async with stage() as s:
        await s.press("E")
        await s.shows("closed (z takes it back)")
        assert (s.app.place.rows.cursor_id, s.app.place.reading) == (2, False)
        await s.press("enter")
        await s.until(lambda: s.app.place.reading, "reading")
        await s.press("E")
        await s.until(lambda: s.app.place.opened.conversation.id == 3, "the third one")
        assert s.app.place.reading


async def test_a_private_message_is_answered_in_private_and_says_so() -> None:
    backend = FakeBackend()
    talk = backend.talk(1)
    talk.thread.append(message(1999, "secret question", backend.clock(), talk.handle, kind=Kind.DM))
    async with stage(backend) as s:
        await s.press("r")
        await s.shows("PRIVATE reply as @larkspur.test")
        await s.type("secret answer")
        await s.press("ctrl+s")
        await s.shows("z takes it back")
        assert talk.replies[0].private


async def test_what_cannot_be_answered_says_why() -> None:
    backend = FakeBackend()
    backend.talk(1).account_handle = ""
    async with stage(backend) as s:
        await s.press("r")
        await s.shows("no account of ours fits: it cannot be answered from here")
        assert not s.app.place.composer.is_open


async def test_a_draft_is_kept_and_comes_back() -> None:
    async with stage() as s:
        await s.press("r")
        await s.composes()
        await s.type("half a thought")
        await s.until(lambda: 1 in s.backend.talk(1).drafts, "the draft is saved while typing")
        await s.press("escape")
        await s.shows("draft kept")
        assert s.backend.talk(1).drafts[1] == ("half a thought", 1)
        assert s.backend.talk(1).claimed_by is None
        await s.press("r")
        await s.composes("half a thought")
        await s.press("ctrl+x")
        await s.shows("draft thrown away")
        assert s.backend.talk(1).drafts == {}


async def test_what_was_typed_a_moment_before_leaving_is_kept_too() -> None:
    async with stage() as s:
        await s.press("r")
        await s.composes()
        for text in ("quick", "quick words"):
            s.app.focused.text = text
        await s.press("escape")
        await s.shows("draft kept")
        assert s.backend.talk(1).drafts[1] == ("quick words", 1)


async def test_a_draft_older_than_the_thread_asks() -> None:
    backend = FakeBackend()
    backend.talk(1).drafts[1] = ("an old thought", 0)
    async with stage(backend) as s:
        await s.press("r")
        await s.shows("The thread has changed since you began this draft")
        await s.shows("an old thought")
        await s.press("k")
        await s.until(lambda: s.app.place.composer.text == "an old thought", "the draft is kept")


async def test_a_thread_that_moves_while_writing_is_told_and_asked_about() -> None:
    async with stage() as s:
        await s.press("r")
        await s.composes()
        await s.type("first answer")
        s.backend.say(1, "Never mind, solved it!")
        await s.shows("meanwhile: @mira0.test wrote just now")
        await s.press("ctrl+s")
        await s.shows("The thread has changed while you wrote")
        assert s.sees("Never mind, solved it!")
        await s.press("b")
        await s.hides("The thread has changed while you wrote")
        assert s.backend.talk(1).replies == []
        await s.press("ctrl+s")
        await s.shows("The thread has changed while you wrote")
        await s.press("s")
        await s.shows("goes out in")
        assert s.backend.talk(1).replies[0].fence == 2


async def test_a_colleagues_answer_meanwhile_asks_before_a_second_one_goes_out() -> None:
    async with stage() as s:
        await s.press("r")
        await s.composes()
        await s.type("mine")
        talk = s.backend.talk(1)
        opened = await s.backend.open(1, s.backend.clock())
        await s.backend.queue_reply(
            opened, 1002, "theirs", private=False, fence=1, hold_seconds=0, close_after=False, now=s.backend.clock()
        )
        talk.replies[0] = replace(talk.replies[0], person="Bo Lind", person_id=2)
        await s.press("ctrl+s")
        await s.shows("Bo Lind answered just now: “theirs”")
        await s.press("b")
        assert len(talk.replies) == 1
        await s.press("escape")
        await s.shows("draft kept")
        await s.press("r")
        await s.shows("A colleague has answered")


async def test_a_colleague_who_holds_it_is_named_before_it_is_taken_over() -> None:
    backend = FakeBackend()
    backend.talk(1).claimed_by = (backend.staff[1], "another terminal")
    async with stage(backend) as s:
        await s.shows("✎ Bo Lind")
        await s.press("r")
        await s.shows("Bo Lind is on it")
        await s.press("l")
        await s.shows("left to Bo Lind")
        assert not s.app.place.composer.is_open
        await s.press("r")
        await s.shows("take it over")
        await s.press("t")
        await s.shows("PUBLIC reply")
        assert backend.talk(1).claimed_by[0].id == 1


async def test_close_dims_the_row_until_the_cursor_leaves_and_undo_brings_it_back() -> None:
    async with stage() as s:
        await s.press("e")
        await s.shows("closed (z takes it back)")
        assert s.backend.talk(1).conversation.state is State.DONE
        await s.shows("now done")
        await s.shows("39")
        assert at(s) == 1
        await s.press("z")
        await s.shows("as before: taken back")
        await s.hides("now done")
        assert s.backend.talk(1).conversation.state is State.NEW
        await s.press("e")
        await s.shows("now done")
        await s.press("j")
        await s.hides("@mira0.test   ")
        assert at(s) == 2


async def test_undo_asks_where_a_colleague_changed_the_same() -> None:
    async with stage() as s:
        await s.press("e")
        await s.shows("closed")
        talk = s.backend.talk(1)
        talk.conversation = replace(talk.conversation, priority=Priority.URGENT, version=9)
        await s.press("u")
        await s.shows("It was changed since")
        await s.press("l")
        await s.shows("left as it is")
        assert talk.conversation.state is State.DONE


async def test_acts_that_are_refused_say_so_in_plain_words() -> None:
    async with stage() as s:
        await s.press("o")
        await s.shows("not opened again: it is already open")


async def test_assign_tag_priority_snooze_note_and_claim() -> None:
    async with stage() as s:
        await s.press("a")
        await s.shows("Give it to")
        await s.type("bo")
        await s.press("enter")
        await s.shows("given to Bo Lind")
        assert s.backend.talk(1).conversation.assignee_id == 2
        await s.press("t")
        await s.shows("Tags")
        await s.type("vip")
        await s.shows("vip")
        await s.press("enter")
        await s.shows("tagged #vip")
        assert s.backend.talk(1).conversation.tags == ("vip",)
        await s.press("t")
        await s.shows("Tags")
        await s.type("-vip bi")
        await s.shows("tab: billing")
        await s.press("tab", "enter")
        await s.shows("untagged #vip")
        assert s.backend.talk(1).conversation.tags == ("billing",)
        await s.press("p")
        await s.shows("as computed")
        await s.press("4")
        await s.shows("set to urgent")
        assert s.backend.talk(1).conversation.priority is Priority.URGENT
        await s.press("n")
        await s.shows("Note, only for us")
        await s.type("ask Cy")
        await s.press("ctrl+s")
        await s.shows("noted")
        await s.shows("note by Ana Sol")
        await s.press("c")
        await s.shows("you are on it (c lets go)")
        assert s.backend.talk(1).claimed_by is not None
        await s.press("c")
        await s.shows("let go")
        await s.press("s")
        await s.shows("Snooze until they write, or for")
        await s.type("tomorrow")
        await s.press("enter")
        await s.shows("snoozed until")
        assert s.backend.talk(1).conversation.state is State.SNOOZED


async def test_marked_rows_are_acted_on_together_and_undone_together() -> None:
    async with stage() as s:
        await s.press("space", "space", "space")
        await s.shows("3 marked")
        await s.press("e")
        await s.shows("3 conversations closed")
        assert [s.backend.talk(i).conversation.state for i in (1, 2, 3)] == [State.DONE] * 3
        await s.press("z")
        await s.shows("3 conversations as before")
        assert [s.backend.talk(i).conversation.state for i in (1, 2, 3)] == [State.NEW] * 3


async def test_edits_and_deletes_are_shown_as_facts() -> None:
    backend = FakeBackend()
    talk = backend.talk(1)
    edited = message(1500, "now polite", backend.clock(), talk.handle, version=2)
    talk.versions[1500] = [(1, "very rude", backend.clock()), (2, "now polite", backend.clock())]
    talk.thread += [edited, message(1501, None, backend.clock(), talk.handle, deleted=True)]
    async with stage(backend) as s:
        await s.shows("edited, v2")
        await s.shows("deleted by its author; the text is gone")
        await s.press("V")
        await s.shows("very rude")
        await s.press("escape")
        await s.hides("very rude")


async def test_a_failed_reply_can_be_sent_again_or_taken_back() -> None:
    async with stage() as s:
        await s.press("r")
        await s.composes()
        await s.type("hello")
        await s.press("ctrl+s")
        await s.shows("z takes it back")
        s.backend.move_reply(1, OutboxState.FAILED, problem="the network said no")
        await s.shows("failed: the network said no")
        await s.press("x")
        await s.shows("It failed")
        await s.press("s")
        await s.until(lambda: s.backend.calls["retry"] == 1, "it is sent again")
        s.backend.move_reply(1, OutboxState.UNKNOWN)
        await s.shows("nobody knows")
        await s.press("x")
        await s.shows("Look at the thread on the network")
        await s.press("y")
        await s.until(lambda: s.backend.talk(1).replies[0].state is OutboxState.ACCEPTED, "it is known now")


async def test_folders_by_number_and_by_mouse() -> None:
    backend = FakeBackend()
    backend.act_as(backend.staff[1], [5], Close())
    async with stage(backend) as s:
        await s.press("5")
        await s.until(lambda: at(s) == 5, "the closed one")
        await s.press("2")
        await s.shows("Nothing is yours.")
        await s.pilot.click("#folders", offset=(3, 1))
        await s.until(lambda: at(s) == 1, "the open ones, by a click")
        await s.pilot.click("#queue", offset=(20, 4))
        await s.until(lambda: at(s) == 3, "the third row, by a click")


async def test_help_lists_every_key_and_the_palette_does_every_act() -> None:
    async with stage() as s:
        await s.press("question_mark")
        await s.shows("Keys")
        await s.shows("Next row")
        await s.press("escape")
        await s.press("ctrl+p")
        await s.type("close: noth")
        await s.shows("Close: nothing more to do")
        await s.press("enter")
        await s.until(lambda: s.backend.talk(1).conversation.state is State.DONE, "closed by the palette")


async def test_read_only_changes_nothing() -> None:
    async with stage(read_only=True) as s:
        for key in ("e", "r", "c", "a", "z", "n"):
            await s.press(key)
        await s.shows("read-only: nothing is changed from here")
        await s.press("enter")
        assert not {"do", "claim", "note", "mark_read", "queue_reply", "undo"} & set(s.backend.calls)


async def test_leaving_asks_about_the_listener_and_tells_by_exit_code() -> None:
    for answer, code in (("k", 0), ("s", 10)):
        async with stage(ask_on_quit=True) as s:
            await s.press("q")
            await s.shows("Keep listening?")
            await s.press(answer)
            await s.until(lambda: s.app.return_code is not None, "the end")
        assert s.app.return_code == code


async def test_leaving_while_writing_keeps_the_draft() -> None:
    async with stage() as s:
        await s.press("r")
        await s.composes()
        await s.type("unfinish")
        await s.press("ctrl+q")
        await s.until(lambda: s.app.return_code is not None, "the end")
        assert s.backend.talk(1).drafts[1][0] == "unfinish"


async def test_small_terminals_fold_to_one_pane() -> None:
    async with stage(size=SMALL) as s:
        await s.shows("@mira0.test")
        assert not s.sees("Waiting for them")
        assert not s.sees("why: rule")
        await s.press("j", "enter")
        await s.shows("why: rule")
        assert not s.sees("@mira0.test")
        await s.press("r")
        await s.shows("PUBLIC reply as @larkspur.test to @jonas1.test")
        await s.type("small screens too")
        await s.shows("small screens too")
        await s.press("ctrl+s")
        await s.shows("z takes it back")
        await s.press("escape")
        await s.shows("@mira0.test")
        await s.press("f")
        await s.shows("Waiting for them")
        await s.press("j", "enter")
        await s.shows("Nothing is yours.")


async def test_compact_shows_one_line_a_row() -> None:
    async with stage() as s:
        await s.shows("@lucia15.test")
        assert not s.sees("@sam21.test")
        await s.press("m")
        await s.shows("@sam21.test")
        assert at(s) == 1


async def test_dark_and_light() -> None:
    async with stage() as s:
        assert s.app.current_theme.dark
        await s.press("d")
        assert not s.app.current_theme.dark


async def test_the_wheel_scrolls_without_moving_the_cursor() -> None:
    async with stage(FakeBackend(200)) as s:
        rows = s.app.place.rows
        for _ in range(10):
            rows.post_message(
                events.MouseScrollDown(
                    rows, 1, 1, 0, 1, 0, shift=False, meta=False, ctrl=False, screen_x=40, screen_y=5
                )
            )
        await s.until(lambda: rows.scroll_offset.y > 0, "scrolled")
        await s.hides("@mira0.test    ")
        assert at(s) == 1
        await s.press("j")
        await s.until(lambda: at(s) == 2 and s.sees("@jonas1.test"), "the cursor comes back into view")


async def test_a_busy_thread_folds_what_does_not_lead_here() -> None:
    backend = FakeBackend(3)
    talk = backend.talk(1)
    root = message(10, "the post", backend.clock(), "larkspur.test", ours=True, mine=False)
    others = [
        message(20 + i, f"noise {i}", backend.clock(), f"n{i}.test", mine=False, parent=root.external_id)
        for i in range(9)
    ]
    asked = message(40, "the question before", backend.clock(), "friend.test", mine=False, parent=root.external_id)
    theirs = message(41, "what this is about", backend.clock(), talk.handle, parent=asked.external_id)
    talk.thread = [root, *others, asked, theirs]
    async with stage(backend) as s:
        await s.shows("9 other messages in this thread (w shows all)")
        assert s.sees("the question before")
        assert not s.sees("noise 3")
        await s.press("w")
        await s.shows("noise 3")


async def test_on_a_small_terminal_the_message_that_is_answered_stays_in_sight() -> None:
    backend = FakeBackend(3)
    talk = backend.talk(1)
    early = [message(100 + i, f"earlier words {i}", backend.clock(), talk.handle) for i in range(30)]
    talk.thread = [*early, message(200, "this is what we answer", backend.clock(), talk.handle)]
    async with stage(backend, size=SMALL) as s:
        await s.press("r")
        await s.composes()
        await s.shows("this is what we answer")
        paper = s.app.place.paper
        paper.move(-20)
        s.app.place.tick()
        await s.pilot.pause(0.1)
        assert not s.sees("this is what we answer"), "who scrolls up to read is not pulled down again"
