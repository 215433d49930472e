"""Muting: what they write is kept and moves nothing, decided with the message in one transaction. The card, its past and its notes; spam."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from listener.errors import Refused
from listener.model.heard import Hearing
from listener.model.kinds import Via
from listener.model.work import State
from listener.store import acts, feed, inbox
from listener.store.acts import authors as acts_on_authors
from listener.workflow.acts import Close, NotSpam, Reopen, Snooze, Spam
from tests.store.builders import NOW, House, said
from tests.store.test_inbox import nodes, plan
from tests.store.world import world

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def house(pool: asyncpg.Pool) -> House:
    return await House.built(pool)


async def author_of(house: House, by: str = "mira") -> int:
    return int(await house.pool.fetchval("SELECT id FROM authors WHERE external_id = $1", by))


async def states(house: House) -> dict[str, str]:
    """Root of each conversation, and its state."""
    return dict(await house.pool.fetch("SELECT root, state FROM conversations WHERE merged_into IS NULL"))


async def muted(house: House, by: str = "mira", at: Any = NOW) -> acts.Done:
    return await acts.mute(house.pool, house.person_id, house.brand_id, [await author_of(house, by)], at)


async def count(house: House, what: str) -> int:
    return int(await house.pool.fetchval(f"SELECT count(*) FROM {what}"))


# Hearing --------------------------------------------------------------------------------------------------------------


async def test_what_a_muted_author_writes_is_kept_and_opens_nothing(house: House, pool: asyncpg.Pool) -> None:
    house.addressed("a", "b")
    house.topic("b", "c")
    house.judge.says["c"] = {
        "opens": True,
        "alerts": ("page",),
        "because": ({"rule": "rule-bad", "then": ("alert page",)},),
    }
    await house.record(said("a"))
    done = await muted(house)
    assert (done.authors, await states(house)) == ((await author_of(house),), {"a": "done"})
    heard = await house.record(said("b", "bad billing"), said("c", "bad luck"), now=NOW + MINUTE)
    assert (heard.new, heard.opened, heard.flagged) == (2, (), {"rule-bad": 2})
    assert await states(house) == {"a": "done"}
    assert await count(house, "events WHERE kind = 'alert.asked'") == 0
    rows = await inbox.listening(pool, house.brand_id, "brand")
    assert sorted((row.text, row.conversation_id) for row in rows) == [("bad billing", None), ("bad luck", None)]


async def test_a_muted_author_brings_nothing_back_and_sets_no_due_time(house: House, pool: asyncpg.Pool) -> None:
    """Also by an edit, which somebody else may hear; and a rule that would close or snooze does not either."""
    house.addressed("a", "b", "c")
    await house.record(said("a"))
    await muted(house)
    before = await pool.fetchrow("SELECT * FROM conversations")
    await house.record(said("b", "bad", parent="a", root="a"), now=NOW + MINUTE)
    house.judge.says["a"] = {"snooze": 60.0, "assign": "bob", "team": "care"}
    await house.record(said("a", "bad indeed", revision="3b"), now=NOW + 2 * MINUTE)
    after = await pool.fetchrow("SELECT * FROM conversations")
    for name in ("state", "due_at", "priority", "unread", "tags", "assignee_id", "team", "next_at", "snoozed_until"):
        assert before[name] == after[name], name
    assert after["thread_version"] == before["thread_version"] + 2, "a reply that did not know it must stop"
    assert await count(house, "conversation_mentions") == 2
    # A person asks for it: it opens, and what they write there is shown and moves it no more than before.
    await house.record(said("c", "bad, and elsewhere"), now=NOW + 3 * MINUTE)
    elsewhere = await pool.fetchval("SELECT id FROM mentions WHERE external_id = 'c'")
    opened = await acts.open_from_mention(pool, house.person_id, house.brand_id, elsewhere, NOW + 3 * MINUTE)
    assert await states(house) == {"a": "done", "c": "new"}
    await acts.do(pool, house.person_id, [opened], Close(), NOW + 3 * MINUTE)
    house.addressed("d")
    await house.record(said("d", "bad again", parent="c", root="c"), now=NOW + 4 * MINUTE)
    assert await states(house) == {"a": "done", "c": "done"}


async def test_what_was_heard_while_muted_stays_so_when_a_second_source_brings_it(house: House) -> None:
    """Unmuting brings nothing back; what they write or edit afterwards does."""
    house.topic("a", "b")
    house.addressed("o")
    await house.record(said("o"))
    await muted(house)
    await house.record(said("a"), said("b"), now=NOW + MINUTE)
    done = await acts.unmute(house.pool, house.person_id, house.brand_id, [await author_of(house)], NOW + 2 * MINUTE)
    assert (done.changed, await states(house)) == ((), {"o": "done"})
    again = (Hearing(house.brand_id, Via.MENTION, account_id=house.account.id),)
    house.hearings |= {"a": again, "b": again}
    await house.record(said("a"), said("b"), now=NOW + 3 * MINUTE)
    assert await states(house) == {"o": "done"}
    await house.record(said("b", "once more", revision="3b"), now=NOW + 4 * MINUTE)
    assert await states(house) == {"o": "done", "b": "new"}


async def test_a_mute_is_one_brands_and_one_network_spaces(house: House, pool: asyncpg.Pool) -> None:
    other = await world(pool, "other")
    house.addressed("a", "b")
    house.hearings["b"] = (*house.hearings["b"], Hearing(other.brand_id, Via.MENTION, account_id=other.account.id))
    await house.record(said("a"))
    await muted(house)
    await house.record(said("b"), now=NOW + MINUTE)
    rows = await pool.fetch("SELECT brand_id, root FROM conversations ORDER BY id")
    assert [tuple(row) for row in rows] == [(house.brand_id, "a"), (other.brand_id, "b")]


async def test_our_answer_in_the_networks_own_app_is_no_word_of_theirs(house: House, pool: asyncpg.Pool) -> None:
    """We may answer whom we have muted; what they said meanwhile does not make it ours to answer."""
    house.topic("a", "b")
    house.addressed("o")
    await house.record(said("o"))
    await muted(house)
    await house.record(said("a"), said("b", parent="a", root="a", at=NOW + 2 * MINUTE), now=NOW + 2 * MINUTE)
    await house.record(said("ours", by="us", parent="a", root="a", at=NOW + MINUTE), now=NOW + 3 * MINUTE)
    assert (await states(house))["a"] == "theirs"


async def test_a_post_of_ours_that_comes_late_opens_nothing_for_the_muted_who_answered_it(house: House) -> None:
    house.topic("answer")
    house.addressed("o")
    await house.record(said("o"))
    await muted(house)
    await house.record(said("answer", parent="post", root="post"), now=NOW + MINUTE)
    await house.record(said("post", by="us"), now=NOW + 2 * MINUTE)
    assert await states(house) == {"o": "done"}


async def test_hearing_and_muting_at_the_same_moment_never_leave_an_open_conversation(
    house: House, pool: asyncpg.Pool
) -> None:
    """Whoever comes second sees the other: half of it is closed by the mute, half of it never opened."""
    house.addressed("a")
    await house.record(said("a"))
    for n in range(6):
        by = f"author{n}"
        house.addressed(f"{by}/1", f"{by}/2")
        await house.record(said(f"{by}/1", by=by))
        for key in (f"{by}/1", f"{by}/2"):  # an edit that only edits what is held, beside a new message
            house.hearings[key] = house.hearings[key] if key.endswith("2") else ()
        author_id = await author_of(house, by)
        heard = house.record(said(f"{by}/1", "x", by=by, revision="3b"), said(f"{by}/2", by=by), now=NOW + MINUTE)
        mute = acts.mute(pool, house.person_id, house.brand_id, [author_id], NOW + MINUTE)
        await asyncio.gather(*((mute, heard) if n % 2 else (heard, mute)))
    open_ = await pool.fetch("SELECT root FROM conversations WHERE folder <> 'done' AND root <> 'a'")
    assert [tuple(row) for row in open_] == []


async def test_an_edit_that_concerns_nobody_waits_for_a_mute_that_is_under_way_all_the_same(
    house: House, pool: asyncpg.Pool
) -> None:
    house.addressed("a")
    await house.record(said("a"))
    one = await pool.fetchval("SELECT id FROM conversations")
    await acts.do(pool, house.person_id, [one], Close(), NOW)
    house.hearings.clear()
    async with pool.acquire() as connection:
        async with connection.transaction():  # as `acts.mute` begins
            await connection.execute(acts_on_authors._LOCK, [await author_of(house)])
            await connection.execute(
                acts_on_authors._BEGIN, house.brand_id, [await author_of(house)], house.person_id, NOW
            )
            heard = asyncio.create_task(house.record(said("a", "bad after all", revision="3b"), now=NOW + MINUTE))
            await asyncio.sleep(0.2)
            assert not heard.done()
        assert (await heard).edited == 1
    assert await states(house) == {"a": "done"}


async def test_a_batch_that_is_recorded_again_after_a_mute_changes_nothing(house: House, pool: asyncpg.Pool) -> None:
    house.addressed("a", "b")
    await house.record(said("a"), said("b"))
    await muted(house)
    before = [tuple(row) for row in await pool.fetch("SELECT * FROM conversations ORDER BY id")]
    again = await house.record(said("a"), said("b"), now=NOW + MINUTE)
    assert (again.new, again.opened, again.changed) == (0, (), ())
    assert [tuple(row) for row in await pool.fetch("SELECT * FROM conversations ORDER BY id")] == before


# Acts -----------------------------------------------------------------------------------------------------------------


async def test_a_mute_closes_what_is_not_done_and_one_undo_takes_all_of_it_back(
    house: House, pool: asyncpg.Pool
) -> None:
    house.addressed("a", "b", "c", "d")
    await house.record(*(said(name) for name in "abcd"), said("e", by="tom"))
    ids = dict(await pool.fetch("SELECT root, id FROM conversations"))
    ada = house.person_id
    await acts.do(pool, ada, [ids["b"]], Snooze(NOW + MINUTE), NOW)
    await acts.do(pool, ada, [ids["c"]], Close(), NOW)
    before = await states(house)
    place = await feed.position(pool)
    [told] = await inbox.mutable(pool, house.brand_id, conversation_ids=[ids["a"], ids["b"]])
    assert (told.handle, told.mute, told.open, told.snoozed, told.theirs, told.not_done) == (
        "mira.test",
        None,
        2,
        1,
        0,
        3,
    )
    done = await acts.mute(pool, ada, house.brand_id, [told.id], NOW)
    assert (set(done.changed), done.authors) == ({ids["a"], ids["b"], ids["d"]}, (told.id,))
    assert set((await states(house)).values()) == {"done"}
    async with pool.acquire() as connection:
        _, changed = await feed.since(connection, place, house.brand_id)
    assert (changed.authors, changed.conversations) == (frozenset({told.id}), frozenset(done.changed))
    [now_told] = await inbox.mutable(pool, house.brand_id, author_ids=[told.id])
    assert now_told.mute is not None
    assert (now_told.mute.person, now_told.mute.at, now_told.not_done) == ("Ada", NOW, 0)
    assert (await acts.mute(pool, ada, house.brand_id, [told.id], NOW)).authors == (), "already"
    assert await acts.last_act(pool, ada) == done.act_id
    undone = await acts.undo(pool, ada, done.act_id, NOW + MINUTE)
    assert (set(undone.changed), undone.authors) == (set(done.changed), done.authors)
    assert await states(house) == before
    assert await count(house, "mutes WHERE until IS NULL") == 0
    redone = await acts.last_undo(pool, ada)
    assert redone == undone.act_id
    await acts.undo(pool, ada, undone.act_id, NOW + 2 * MINUTE)
    assert (set((await states(house)).values()), await count(house, "mutes WHERE until IS NULL")) == ({"done"}, 1)


async def test_where_a_colleague_changed_any_of_it_undo_asks_and_then_takes_back_all(
    house: House, pool: asyncpg.Pool
) -> None:
    house.addressed("a", "b", "t")
    await house.record(said("a"), said("b"), said("t", by="tom"))
    ids = dict(await pool.fetch("SELECT root, id FROM conversations"))
    ada, bob, brand_id = house.person_id, house.colleague_id, house.brand_id
    both = [await author_of(house), await author_of(house, "tom")]
    done = await acts.mute(pool, ada, brand_id, both, NOW)
    await acts.do(pool, bob, [ids["b"]], Reopen(), NOW + MINUTE)
    # Of the one author all of it waits for an answer, the other's is taken back.
    undone = await acts.undo(pool, ada, done.act_id, NOW + MINUTE)
    assert (undone.changed, undone.authors) == ((ids["t"],), (both[1],))
    assert set(undone.refused) == {ids["a"], ids["b"]}
    assert undone.kept[both[0]] == "Bob reopened it just now; undo all the same?"
    assert await states(house) == {"a": "done", "b": "ours", "t": "new"}
    undone = await acts.undo(pool, ada, done.act_id, NOW + MINUTE, anyway=True)
    assert undone.authors == (both[0],)
    assert await states(house) == {"a": "new", "b": "new", "t": "new"}
    # Lifted and laid on again by the colleague: that is asked about too.
    done = await acts.mute(pool, ada, brand_id, both[:1], NOW)
    await acts.unmute(pool, bob, brand_id, both[:1], NOW)
    assert (await acts.undo(pool, ada, done.act_id, NOW)).authors == (), "it is lifted already; the closings go back"
    assert await states(house) == {"a": "new", "b": "new", "t": "new"}
    done = await acts.mute(pool, ada, brand_id, both[:1], NOW)
    await acts.unmute(pool, bob, brand_id, both[:1], NOW)
    await acts.mute(pool, bob, brand_id, both[:1], NOW)
    undone = await acts.undo(pool, ada, done.act_id, NOW + 2 * MINUTE)
    assert (undone.changed, dict(undone.kept)) == (
        (),
        {both[0]: "Bob muted them again 2 minutes ago; undo all the same?"},
    )
    assert (await acts.undo(pool, ada, done.act_id, NOW, anyway=True)).authors == (both[0],)
    assert await count(house, "mutes WHERE until IS NULL") == 0


async def test_who_may_not_act_mutes_nobody_and_nobody_mutes_us(house: House, pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one = await w.conversation(author="ana")
    ana = await pool.fetchval("SELECT author_id FROM conversations WHERE id = $1", one)
    for person in (w.vera.id, house.person_id):
        for act in (acts.mute, acts.unmute):
            with pytest.raises(Refused, match=r"viewer|not yours"):
                await act(pool, person, w.brand_id, [ana], NOW)
        with pytest.raises(Refused, match=r"viewer|not yours"):
            await acts.note_author(pool, person, w.brand_id, ana, "pays late", NOW)
    mention = await w.mention("we are here", author="acme", ours=True)
    us = await pool.fetchval("SELECT author_id FROM mentions WHERE id = $1", mention)
    done = await acts.mute(pool, w.mia.id, w.brand_id, [us, ana, 10**9], NOW)
    assert dict(done.kept) == {us: "that is an account of our own", 10**9: "there is no such author"}
    assert (done.authors, done.changed) == ((ana,), (one,))
    with pytest.raises(Refused, match="nothing to do with"):
        await acts.note_author(pool, w.mia.id, w.brand_id, us, "we", NOW)
    done = await acts.mute(pool, w.mia.id, w.brand_id, [ana], NOW)
    with pytest.raises(Refused, match="viewer"):
        await acts.undo(pool, w.vera.id, (await acts.last_act(pool, w.mia.id)) or done.act_id, NOW)


async def test_a_note_on_an_author_is_the_brands_and_can_be_taken_back(house: House, pool: asyncpg.Pool) -> None:
    house.addressed("a")
    await house.record(said("a"))
    mira, ada = await author_of(house), house.person_id
    done = await acts.note_author(pool, ada, house.brand_id, mira, "  calls every Monday ", NOW)
    card = await inbox.author(pool, house.brand_id, mira)
    assert card is not None
    assert [(note.person, note.body, note.at) for note in card.notes] == [("Ada", "calls every Monday", NOW)]
    found = await inbox.open(pool, await pool.fetchval("SELECT id FROM conversations"), ada, NOW)
    assert found is not None
    assert (found.author_notes, found.mute) == (1, None)
    event = await pool.fetchrow("SELECT * FROM events WHERE kind = 'act.author-note'")
    assert event["after"].keys() == {"author", "author_note"}, "ids only"
    assert await acts.last_act(pool, ada) == done.act_id
    undone = await acts.undo(pool, ada, done.act_id, NOW)
    assert undone.authors == (mira,)
    card = await inbox.author(pool, house.brand_id, mira)
    assert card is not None
    assert card.notes == ()
    assert (await acts.undo(pool, ada, done.act_id, NOW)).authors == (), "once is enough"
    await acts.undo(pool, ada, undone.act_id, NOW)
    assert await count(house, "author_notes WHERE removed_at IS NULL") == 1
    for body in ("", " \n", "x" * 10_001, "a\0b"):
        with pytest.raises(Refused, match="10,000"):
            await acts.note_author(pool, ada, house.brand_id, mira, body, NOW)


async def test_spam_is_one_act_and_one_undo(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one, two = await w.conversation("buy now"), await w.conversation("cheap")
    await acts.do(pool, w.mia.id, [two], Close(), NOW)
    done = await acts.do(pool, w.mia.id, [one, two], Spam(), NOW)
    rows = await pool.fetch("SELECT state, tags FROM conversations ORDER BY id")
    assert (done.changed, [tuple(row) for row in rows]) == ((one, two), [("done", ["spam"])] * 2)
    assert [e["kind"] for e in await w.events(one)] == ["act.spam"]
    assert dict((await acts.do(pool, w.tom.id, [one], Spam(), NOW)).refused) == {one: "it is spam already"}
    await acts.undo(pool, w.mia.id, done.act_id, NOW)
    rows = await pool.fetch("SELECT state, tags FROM conversations ORDER BY id")
    assert [tuple(row) for row in rows] == [("new", []), ("done", [])]
    assert dict((await acts.do(pool, w.mia.id, [one], NotSpam(), NOW)).refused) == {one: "it is not tagged spam"}
    await acts.do(pool, w.mia.id, [one], Spam(), NOW)
    await acts.do(pool, w.mia.id, [one], NotSpam(), NOW)
    assert tuple(await pool.fetchrow("SELECT state, tags FROM conversations ORDER BY id LIMIT 1")) == ("ours", [])


# The card -------------------------------------------------------------------------------------------------------------


async def test_the_card_says_who_they_are_and_what_we_had_to_do_with_them(pool: asyncpg.Pool) -> None:
    w, other = await world(pool), await world(pool, "other")
    ids = [await w.conversation(f"matter {n}", author="ana", at=NOW + n * MINUTE) for n in range(5)]
    await other.conversation("another brand's", author="ana")
    ana = await pool.fetchval("SELECT author_id FROM conversations WHERE id = $1", ids[0])
    await pool.execute(
        "UPDATE authors SET bio = 'flies', followers = 12, posts = 3, verified = true, status = 'suspended' WHERE id = $1",
        ana,
    )
    await pool.execute("UPDATE conversations SET last_ours_at = $2 WHERE id = ANY($1)", ids[:2], NOW)
    await acts.do(pool, w.mia.id, ids[1:3], Close(), NOW)
    await pool.execute("UPDATE conversations SET merged_into = $1 WHERE id = $2", ids[4], ids[3])
    card = await inbox.author(pool, w.brand_id, ana)
    assert card is not None
    assert (card.handle, card.name, card.bio, card.followers, card.posts, card.verified, card.status, card.source) == (
        "ana", "Ana", "flies", 12, 3, True, "suspended", "bluesky",
    )  # fmt: skip
    assert (card.conversations, card.answered, card.mute, card.notes) == (4, 2, None, ())
    past = await inbox.past(pool, w.brand_id, ana)
    assert [(row.id, row.state, row.words, row.answered) for row in past] == [
        (ids[4], State.NEW, "matter 4", False),
        (ids[2], State.DONE, "matter 2", False),
        (ids[1], State.DONE, "matter 1", True),
        (ids[0], State.NEW, "matter 0", True),
    ]
    middle = (past[1].last_at, past[1].id)
    assert await inbox.past(pool, w.brand_id, ana, before=middle, limit=1) == past[2:3]
    assert await inbox.past(pool, w.brand_id, ana, after=middle) == past[:1]
    assert await inbox.author(pool, other.brand_id, 10**9) is None
    assert await inbox.past(pool, other.brand_id, 10**9) == []


@pytest.mark.newest
async def test_an_authors_past_is_looked_up_however_much_there_is_of_everybody(pool: asyncpg.Pool) -> None:
    """Neither the others' conversations nor the author's own thousands are read for one page, nor for what a mute would close."""
    from listener.store.inbox import authors

    w = await world(pool)
    await w.many(5_000)
    await pool.execute(
        "UPDATE conversations SET author_id = (SELECT min(id) FROM authors), state = CASE WHEN id % 500 = 0 THEN 'new' ELSE 'done' END"
        " WHERE id <= (SELECT min(id) + 3000 FROM conversations)"
    )
    await pool.execute("VACUUM ANALYZE")
    busy = await pool.fetchval("SELECT min(id) FROM authors")
    for statement, values in (
        (authors._OLDER, (busy, w.brand_id, *authors.BEYOND, 50)),
        (authors._MUTABLE, (f"{{{busy}}}", "{}", w.brand_id)),
        (authors._CARD, (busy, w.brand_id, 1_000)),
        (acts_on_authors._NOT_DONE, (f"{{{busy}}}", w.brand_id)),
    ):
        root = await plan(pool, statement, *values)
        found = [n for n in nodes(root) if n.get("Relation Name") == "conversations"]
        read = sum(n["Actual Rows"] * n["Actual Loops"] + n.get("Rows Removed by Filter", 0) for n in found)
        assert read <= 1_010, statement
        assert not [n for n in found if n["Node Type"] == "Seq Scan"], statement
