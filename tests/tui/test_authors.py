"""The author behind a conversation: the card, mute and spam, as a person meets them."""

from __future__ import annotations

from datetime import timedelta

import asyncpg
import pytest

from inbox_tui.view import authors
from inbox_tui.view.keyfile import read_keys
from inbox_tui.view.lines import line_cells
from listener.harmless import harmless
from listener.model.leaving import Doing, OutboxState
from listener.model.work import State
from listener.store import acts
from listener.store.views.authors import Author, Mutable, Mute, PastRow
from listener.store.views.notes import Note
from listener.workflow.acts import Close, Reopen
from tests.store.world import world
from tests.tui.fake import START, FakeBackend
from tests.tui.stage import SMALL, stage
from tests.tui.test_postgres import now, real

NASTY = "evil\x1b[2J\u202e[red]\x07 " + "y" * 300 + "\n"


async def test_the_author_from_the_card_to_a_mute_and_back(pool: asyncpg.Pool, dsn: str) -> None:
    """On the real store: a note, a mute that says what it does and closes, one z for all of it, and a colleague's mute."""
    w = await world(pool)
    at = now()
    one = await w.conversation("buy my coins", author="ana", due_at=at + timedelta(minutes=9), at=at)
    old = await w.conversation("where is my parcel?", author="ana", at=at - timedelta(days=3))
    await acts.do(pool, w.tom.id, [old], Close(), at)
    await pool.execute("UPDATE authors SET bio = 'sells coins', followers = 12 WHERE handle = 'ana'")
    async with real(dsn) as s:
        await s.shows("buy my coins")
        await s.press("A")
        await s.shows("sells coins")
        await s.shows("12 followers")
        await s.shows("2 conversations with us, 0 answered by us")
        await s.shows("where is my parcel?")
        await s.press("n")
        await s.shows("Note on @ana, only for us")
        await s.type("asks every week")
        await s.press("ctrl+s")
        await s.shows("asks every week")
        await s.press("U")
        await s.shows("Mute @ana?")
        assert s.sees("Only for Acme and only here: they are not told")
        assert s.sees("1 conversation with them is closed with it: 1 open.")
        await s.press("m")
        await s.shows("@ana muted; 1 conversation closed (z takes it back)")
        await s.shows("⊘ muted by Mia just now")
        await s.press("z")
        await s.shows("as before: taken back")
        await s.shows("not muted")
        await s.press("U")
        await s.shows("Mute @ana?")
        await s.press("m")
        await s.shows("⊘ muted by Mia just now")
        await s.press("escape")
        await s.hides("Past conversations")
        await s.shows("1 note on the author")
        assert await pool.fetchval("SELECT state FROM conversations WHERE id = $1", one) == "done"
        await s.press("z")
        await s.shows("as before: taken back")
        await s.hides("⊘ muted by Mia")
        assert await pool.fetchval("SELECT state FROM conversations WHERE id = $1", one) == "new"
        # A colleague mutes them and opens the conversation again: who wants to take that back is asked.
        await s.press("U")
        await s.shows("Mute @ana?")
        await s.press("m")
        await s.shows("@ana muted")
        await acts.do(pool, w.tom.id, [one], Reopen(), now())
        await s.shows("ours to answer")
        await s.press("z")
        await s.shows("It was changed since")
        await s.shows("Tom reopened it just now")
        await s.press("u")
        await s.shows("as before: taken back")
        assert await pool.fetchval("SELECT count(*) FROM mutes WHERE until IS NULL") == 0
        ana = [await pool.fetchval("SELECT author_id FROM conversations")]
        await acts.mute(pool, w.tom.id, w.brand_id, ana, now())
        await s.shows("⊘ muted by Tom just now")
        await acts.unmute(pool, w.tom.id, w.brand_id, ana, now())
        await s.hides("⊘ muted by Tom")
        await s.press("A")
        await s.shows("where is my parcel?")
        await s.press("j", "enter")
        await s.hides("Past conversations")
        await s.shows("▸ @ana · 3 d")


async def test_spam_closes_and_tags_in_one_act_and_the_same_key_takes_it_back() -> None:
    backend = FakeBackend(n=4)
    async with stage(backend) as s:
        await s.press("exclamation_mark")
        await s.shows("closed as spam: back if they write, U mutes (z takes it back)")
        c = backend.talk(1).conversation
        assert (c.state, "spam" in c.tags) == (State.DONE, True)
        await s.press("j", "full_stop")
        await s.until(lambda: backend.talk(2).conversation.state is State.DONE, "the second one")
        await s.press("z")
        await s.shows("as before: taken back")
        assert (backend.talk(2).conversation.state, backend.talk(2).conversation.tags) == (State.NEW, ("billing",))
        backend.say(1, "buy, buy")
        await s.shows("buy, buy")
        await s.press("G")
        await s.until(lambda: s.app.place.rows.cursor_id == 1, "the last row")
        await s.press("exclamation_mark")
        await s.until(lambda: backend.talk(1).conversation.state is State.DONE, "spam again")
        await s.press("5")
        await s.shows("Done")
        await s.press("exclamation_mark")
        await s.shows("opened again, no spam")
        assert "spam" not in backend.talk(1).conversation.tags


async def test_all_that_is_shown_can_be_swept_away_as_spam_and_comes_back_by_one_z() -> None:
    backend = FakeBackend(n=450)
    async with stage(backend) as s:
        await s.press("asterisk", "exclamation_mark")
        await s.shows("Close 450 conversations in Open as spam?")
        await s.press("y")
        await s.shows("450 closed as spam: back if they write, U mutes (z takes it back)")
        await s.press("z")
        await s.shows("450 conversations as before: taken back")
        assert not [i for i in range(1, 451) if "spam" in backend.talk(i).conversation.tags]


async def test_marked_rows_mute_their_authors_after_a_question_that_counts() -> None:
    backend = FakeBackend(n=5)
    backend.mutes[3] = Mute("Bo Lind", START)
    async with stage(backend, size=SMALL) as s:
        await s.press("space", "space", "space", "U")
        await s.shows("Mute 2 authors?")
        assert s.sees("2 conversations with them are closed with it: 2 open.")
        assert s.sees("1 of them are muted already, and stay so.")
        await s.press("escape")
        await s.shows("left as it is")
        assert set(backend.mutes) == {3}
        await s.press("U")
        await s.shows("Mute 2 authors?")
        await s.press("m")
        await s.shows("2 authors muted; 2 conversations closed (z takes it back)")
        assert set(backend.mutes) == {1, 2, 3}
        await s.press("asterisk", "U")
        await s.shows("mute takes rows that you mark")
        await s.press("backslash", "5")
        await s.shows("Done")
        await s.press("U")
        await s.shows("Unmute @")
        assert s.sees("Nothing comes back by it")
        await s.press("m")
        await s.shows("unmuted: what was closed stays closed (z takes it back)")


async def test_the_card_holds_on_a_small_screen_by_mouse_and_without_writing() -> None:
    backend = FakeBackend(n=3)
    talk = backend.talk(1)
    talk.bio, talk.author_status = NASTY, "suspended"
    backend.notes_on[1] = [Note(i, NASTY, NASTY, START) for i in range(30)]
    backend.pasts[1] = [
        PastRow(1000 + i, State.DONE, START, START - timedelta(days=i), f"matter {i}", ("spam",), answered=True)
        for i in range(150)
    ]
    async with stage(backend, read_only=True) as s:
        await s.shows("✍ 30 notes on the author")
        line = s.line_of("mira0.test · Mira")
        await s.pilot.click(offset=(s.lines()[line].index("mira0.test · Mira"), line))
        await s.shows("Past conversations")
        await s.press("n", "U")
        await s.shows("read-only: nothing is changed from here")
        assert not s.sees("n note")
        await s.press("escape")
        await s.hides("Past conversations")
    async with stage(backend, size=SMALL) as s:
        await s.press("A")
        await s.shows("Past conversations")
        await s.shows("matter 0")
        assert s.sees("account suspended")
        await s.press(*["pagedown"] * 30)
        await s.shows("matter 149")
        await s.press("tab", "pagedown")
        assert all(len(line) == 80 and harmless(line) == line for line in s.lines())


async def test_the_card_goes_by_ones_own_keys_and_says_who_is_blocked() -> None:
    table, found = read_keys(
        '[author_card]\ncard_note = "f6"\ncard_mute = "f7"\ncard_undo = "f8"\n[everywhere]\ntake_back = "f9"\n', "f"
    )
    assert not found
    async with stage(table=table) as s:
        await s.press("A")
        await s.shows("Past conversations")
        assert not s.sees("blocked")
        await s.press("n", "U", "z")
        assert not s.backend.notes_on, "nobody's keys any more"
        await s.press("f6")
        await s.type("asks every week")
        await s.press("ctrl+s")
        await s.shows("noted (f8 takes it back)")
        opened = await s.backend.open(1, START)
        for what, state in ((Doing.BLOCK, OutboxState.ACCEPTED), (Doing.UNBLOCK, OutboxState.FAILED)):
            row = await s.backend.act_on_network(opened, 1, what, hold_seconds=0, now=START)
            s.backend.move_act(row.id, state)
        await s.press("f7")
        await s.shows("Mute @")
        await s.press("m")
        await s.shows("muted; 1 conversation closed (f8 takes it back)")
        await s.shows(f"⊘ blocked on Bluesky for @{opened.account_handle} by")
        await s.press("f8")
        await s.shows("taken back")
        ends = await s.backend.act_on_network(opened, 1, Doing.UNBLOCK, hold_seconds=0, now=START)
        s.backend.move_act(ends.id, OutboxState.ACCEPTED)
        await s.press("escape", "A")
        await s.shows("Past conversations")
        assert not s.sees("blocked on Bluesky")
        await s.press("escape", "U")
        await s.shows("Unmute @")
        await s.press("m")
        await s.shows("(f9 takes it back)")


# The lines ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [20, 40, 76, 110])
def test_no_author_breaks_out_of_the_lines(width: int) -> None:
    card = Author(
        1, "at", NASTY, "did:1", NASTY, NASTY, NASTY, None, None, None, NASTY, None, START, Mute(NASTY, START), 1_000, 7,
        (Note(1, NASTY, NASTY, START),),
    )  # fmt: skip
    past = PastRow(1, State.OURS, START, START, NASTY, (NASTY, NASTY), answered=True)
    lines = authors.card_lines(card, START, None, width)
    for line in (*lines, *authors.past_line(past, width, START)):
        text = "".join(piece for piece, _ in line)
        assert line_cells(line) <= max(width, 40), text
        assert harmless(text) == text
    assert "1,000 or more" in " ".join("".join(piece for piece, _ in line).strip() for line in lines)


def test_a_mute_says_all_that_it_does_before_it_is_done() -> None:
    one = Mutable(1, "ana", "Ana", "bluesky", None, 2, 1, 0)
    two = Mutable(2, "", "Bo", "mastodon", None, 0, 0, 1)
    title, said = authors.mute_question([one], "Larkspur")
    assert title == "Mute @ana?"
    text = " ".join(said)
    for words in (
        "Only for Larkspur and only here: they are not told, and nothing changes on Bluesky.",
        "What they write is kept, and search and Listening find it.",
        "It opens no conversation, brings none back, wakes nothing, sets no due time",
        "3 conversations with them are closed with it: 2 open, 1 snoozed.",
        "z takes all of it back",
    ):
        assert words in text
    title, said = authors.mute_question([one, two], "Larkspur")
    assert title == "Mute 2 authors?"
    assert "Bluesky and Mastodon" in said[0]
    assert "4 conversations with them are closed with it: 2 open, 1 snoozed, 1 waiting for them." in said
    assert "none is closed" in " ".join(authors.mute_question([Mutable(1, "a", "", "x", None, 0, 0, 0)], "L")[1])
