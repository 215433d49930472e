"""What people do: row and event together, what changed meanwhile is said, everything can be taken back."""

from __future__ import annotations

import asyncio
import itertools
import random
import uuid
from typing import Any

import asyncpg
import pytest

from listener.errors import Refused
from listener.model.people import Role
from listener.model.scales import Priority
from listener.model.work import Conversation, State
from listener.store import acts, inbox, people
from listener.store.conversations import COLUMNS, FIELDS, of_row
from listener.workflow import moves, order
from listener.workflow.acts import Act, Assign, Close, NotSpam, Read, Reopen, SetPriority, Snooze, Spam, Tag
from tests.store.world import NOW, World, later, world


async def row(w: World, id_: int) -> Conversation:
    return of_row(await w.pool.fetchrow(f"SELECT {COLUMNS} FROM conversations WHERE id = $1", id_))


async def fields(w: World, id_: int) -> dict[str, Any]:
    c = await row(w, id_)
    return {name: getattr(c, name) for name in FIELDS}


async def notes(w: World, id_: int) -> list[str]:
    found = await inbox.open(w.pool, id_, w.mia.id, NOW)
    assert found is not None
    return [note.body for note in found.notes]


# Doing ----------------------------------------------------------------------------------------------------------------


async def test_an_act_changes_the_row_and_tells_what_changed(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one = await w.conversation(due_at=later(minutes=10))
    done = await acts.do(pool, w.mia.id, [one], Close(), later(minutes=1))
    assert (done.changed, dict(done.refused)) == ((one,), {})
    c = await row(w, one)
    assert (c.state, c.due_at, c.unread, c.version, c.thread_version) == (State.DONE, None, False, 2, 1)
    [event] = await w.events(one)
    assert (event["kind"], event["person_id"], event["act"], event["brand_id"], event["at"]) == (
        "act.close", w.mia.id, done.act_id, w.brand_id, later(minutes=1),
    )  # fmt: skip
    assert event["before"] == {"due_at": "2026-11-20T12:10:00Z", "state": "new", "unread": True}
    assert event["after"] == {"due_at": None, "state": "done", "unread": False}
    place = await pool.fetchval("SELECT sort_key FROM conversations WHERE id = $1", one)
    assert place == order.sort_key(c)


async def test_every_act_has_its_kind(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one = await w.conversation()
    told: list[tuple[Act, str]] = [
        (Assign(w.tom.id), "act.assign"),
        (Tag(add=("refund",)), "act.tag"),
        (SetPriority(Priority.URGENT), "act.priority"),
        (Snooze(later(hours=1)), "act.snooze"),
        (Reopen(), "act.reopen"),
        (Read(), "act.read"),
        (Spam(), "act.spam"),
        (NotSpam(), "act.not-spam"),
        (Close(), "act.close"),
    ]
    for act, _ in told:
        assert (await acts.do(pool, w.mia.id, [one], act, NOW)).changed == (one,)
    assert [e["kind"] for e in await w.events(one)] == [kind for _, kind in told]
    assert (await row(w, one)).version == 1 + len(told)


async def test_what_changes_nothing_is_no_event(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one = await w.conversation(assignee=w.mia)
    done = await acts.do(pool, w.mia.id, [one], Assign(w.mia.id), NOW)
    assert (done.changed, dict(done.refused)) == ((), {})
    assert await w.events(one) == []
    assert (await row(w, one)).version == 1
    assert await acts.mark_read(pool, w.mia.id, one, NOW)
    assert not await acts.mark_read(pool, w.mia.id, one, NOW)
    assert not await acts.mark_read(pool, w.mia.id, 10**9, NOW)
    assert [e["kind"] for e in await w.events(one)] == ["act.read"]


async def test_a_bulk_act_is_one_act_and_refuses_only_what_it_must(pool: asyncpg.Pool) -> None:
    w, other = await world(pool), await world(pool, "other")
    await w.many(1_200)
    ids = [r["id"] for r in await pool.fetch("SELECT id FROM conversations ORDER BY id")]
    done_already = [r["id"] for r in await pool.fetch("SELECT id FROM conversations WHERE folder = 'done' ORDER BY id")]
    merged, strangers = await w.conversation(), await other.conversation()
    await pool.execute("UPDATE conversations SET merged_into = $1 WHERE id = $2", ids[0], merged)
    done = await acts.do(pool, w.mia.id, [*ids, *ids, merged, strangers, 10**9], Close(), NOW)
    assert list(done.changed) == sorted(set(ids) - set(done_already))
    assert dict(done.refused) == {
        **dict.fromkeys(done_already, "it is already closed"),
        merged: f"it has become one with conversation {ids[0]}",
        strangers: "this brand is not yours to work on",
        10**9: "there is no such conversation",
    }
    told = [e for e in await w.events() if e["kind"] == "act.close"]
    assert len(told) == len(done.changed)
    assert {e["act"] for e in told} == {done.act_id}
    assert len({e["xid"] for e in told}) == 1
    undone = await acts.undo(pool, w.mia.id, done.act_id, NOW)
    assert undone.changed == done.changed
    assert (await inbox.counts(pool, w.brand_id, None)).folders["done"] == len(done_already)


async def test_a_viewer_changes_nothing(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one = await w.conversation()
    done = await acts.do(pool, w.vera.id, [one], Close(), NOW)
    assert "viewer" in done.refused[one]
    assert "viewer" in (await acts.note(pool, w.vera.id, one, "hello", NOW)).refused[one]
    assert await w.events() == []
    assert (await row(w, one)).version == 1
    # Nor is work given to somebody who cannot do it.
    assert "cannot work on this brand" in (await acts.do(pool, w.mia.id, [one], Assign(w.vera.id), NOW)).refused[one]


async def test_what_a_colleague_changed_meanwhile_is_said(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one, two = await w.conversation(), await w.conversation()
    seen = {one: 1, two: 1}
    await acts.do(pool, w.mia.id, [one], Close(), NOW)
    done = await acts.do(pool, w.tom.id, [one, two], Assign(w.tom.id), later(minutes=2), expect=seen)
    assert done.changed == (two,)
    assert done.refused[one] == "Mia closed it 2 minutes ago; look again"
    # With the version as it is, or without a word about it, it goes.
    assert (await acts.do(pool, w.tom.id, [one], Assign(w.tom.id), NOW, expect={one: 2})).changed == (one,)
    assert (await acts.do(pool, w.tom.id, [one], Assign(None), NOW)).changed == (one,)


async def test_ones_own_acts_meanwhile_are_no_surprise(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one = await w.conversation()
    await acts.mark_read(pool, w.mia.id, one, NOW)
    await acts.do(pool, w.mia.id, [one], Tag(add=("a",)), NOW)
    assert (await acts.do(pool, w.mia.id, [one], Tag(add=("b",)), NOW, expect={one: 1})).changed == (one,)
    await acts.do(pool, w.tom.id, [one], Tag(add=("c",)), NOW)
    await acts.do(pool, w.mia.id, [one], Tag(add=("d",)), NOW)
    refused = (await acts.do(pool, w.mia.id, [one], Close(), NOW, expect={one: 4})).refused
    assert refused[one] == "Tom changed its tags just now; look again"


async def test_two_who_act_at_once_both_count(pool: asyncpg.Pool) -> None:
    """Bulk acts over the same rows in other orders: no deadlock, and no tag is lost."""
    seed = random.randrange(10**9)
    print("seed", seed)
    dice = random.Random(seed)
    w = await world(pool)
    ids = [await w.conversation() for _ in range(30)]
    tags = [f"t{i}" for i in range(8)]

    async def one(tag: str) -> None:
        mixed = dice.sample(ids, len(ids))
        assert len((await acts.do(pool, w.mia.id, mixed, Tag(add=(tag,)), NOW)).changed) == len(ids)

    await asyncio.gather(*(one(tag) for tag in tags))
    for id_ in ids:
        assert (await row(w, id_)).tags == tuple(tags)
        assert (await row(w, id_)).version == 9


async def test_events_are_append_only(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one = await w.conversation()
    await acts.do(pool, w.mia.id, [one], Close(), NOW)
    for statement in ("UPDATE events SET kind = 'x'", "DELETE FROM events"):
        with pytest.raises(asyncpg.PostgresError, match="append-only"):
            await pool.execute(statement)


# Undoing --------------------------------------------------------------------------------------------------------------


async def test_undo_puts_everything_back_and_undo_of_that_does_it_again(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one = await w.conversation(due_at=later(minutes=10), assignee=w.tom)
    await acts.do(pool, w.mia.id, [one], Tag(add=("vip", "late")), NOW)
    for act in (
        Assign(w.mia.id, "billing"),
        Tag(add=("refund",), remove=("vip",)),
        SetPriority(Priority.URGENT),
        Snooze(later(hours=1)),
        Close(),
    ):
        before, at = await fields(w, one), await pool.fetchval("SELECT sort_key FROM conversations WHERE id = $1", one)
        done = await acts.do(pool, w.mia.id, [one], act, NOW)
        after = await fields(w, one)
        assert after != before
        undone = await acts.undo(pool, w.mia.id, done.act_id, NOW)
        assert (undone.changed, dict(undone.refused)) == ((one,), {}), act
        assert await fields(w, one) == before
        assert await pool.fetchval("SELECT sort_key FROM conversations WHERE id = $1", one) == at
        redone = await acts.undo(pool, w.mia.id, undone.act_id, NOW)
        assert redone.changed == (one,)
        assert await fields(w, one) == after
        last = (await w.events(one))[-1]
        assert (last["kind"], last["undoes"], last["act"]) == ("act.undo", undone.act_id, redone.act_id)
        await acts.undo(pool, w.mia.id, redone.act_id, NOW)


async def test_undo_asks_where_the_same_fields_were_changed_since(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one, two = await w.conversation(), await w.conversation()
    done = await acts.do(pool, w.mia.id, [one, two], Assign(w.mia.id), NOW)
    await acts.do(pool, w.tom.id, [one], Assign(w.tom.id), later(minutes=1))
    # Another field is no reason to ask.
    await acts.do(pool, w.tom.id, [two], Tag(add=("x",)), later(minutes=1))
    undone = await acts.undo(pool, w.mia.id, done.act_id, later(minutes=31))
    assert undone.changed == (two,)
    assert undone.refused[one] == "Tom assigned it 30 minutes ago; undo all the same?"
    assert (await row(w, one)).assignee_id == w.tom.id
    assert ((await row(w, two)).assignee_id, (await row(w, two)).tags) == (None, ("x",))
    anyway = await acts.undo(pool, w.mia.id, done.act_id, later(minutes=31), anyway=True)
    assert anyway.changed == (one,)
    assert anyway.refused[two] == "that is undone already"
    assert (await row(w, one)).assignee_id is None


async def test_undo_of_a_close_asks_when_they_wrote_again(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one = await w.conversation()
    done = await acts.do(pool, w.mia.id, [one], Close(), NOW)
    # As the recording does it.
    from listener.store.conversations import Event, changes, lock, save, tell

    async with pool.acquire() as connection, connection.transaction():
        before = (await lock(connection, [one]))[one]
        after = moves.heard(before, None, later(minutes=5), history=False)
        await save(connection, [after], later(minutes=5))
        was, became = changes(before, after)
        await tell(
            connection, [Event(w.brand_id, "conversation.heard", one, before=was, after=became)], later(minutes=5)
        )
    refused = (await acts.undo(pool, w.mia.id, done.act_id, later(minutes=6))).refused
    assert refused[one] == "they wrote again 1 minute ago; undo all the same?"


async def test_that_somebody_read_it_is_no_reason_to_ask(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one = await w.conversation()
    done = await acts.do(pool, w.mia.id, [one], Close(), NOW)
    undone = await acts.undo(pool, w.mia.id, done.act_id, NOW)
    await acts.mark_read(pool, w.tom.id, one, NOW)
    assert (await acts.undo(pool, w.mia.id, undone.act_id, NOW)).changed == (one,)


async def test_an_act_is_undone_once(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one = await w.conversation()
    done = await acts.do(pool, w.mia.id, [one], Close(), NOW)
    results = await asyncio.gather(*(acts.undo(pool, w.mia.id, done.act_id, NOW) for _ in range(4)))
    assert sorted(len(r.changed) for r in results) == [0, 0, 0, 1]
    assert [e["kind"] for e in await w.events(one)] == ["act.close", "act.undo"]
    with pytest.raises(Refused, match="no such act"):
        await acts.undo(pool, w.mia.id, uuid.uuid4(), NOW)
    assert "viewer" in (await acts.undo(pool, w.vera.id, done.act_id, NOW)).refused[one]


async def test_a_note_is_written_taken_back_and_brought_back(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one = await w.conversation()
    done = await acts.note(pool, w.mia.id, one, "  promised a refund \n", NOW)
    assert await notes(w, one) == ["promised a refund"]
    undone = await acts.undo(pool, w.mia.id, done.act_id, NOW)
    assert undone.changed == (one,)
    assert await notes(w, one) == []
    assert "undone already" in (await acts.undo(pool, w.mia.id, done.act_id, NOW)).refused[one]
    await acts.undo(pool, w.mia.id, undone.act_id, NOW)
    assert await notes(w, one) == ["promised a refund"]
    # Nobody's words are in the events.
    assert all("refund" not in str(dict(e)) for e in await w.events())
    for body in ("", "  \n", "x" * 10_001, "a\0b"):
        with pytest.raises(Refused, match="a note has"):
            await acts.note(pool, w.mia.id, one, body, NOW)


async def test_the_last_act_in_force_is_the_one_to_undo(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one = await w.conversation()
    assert await acts.last_act(pool, w.mia.id) is None
    first = await acts.do(pool, w.mia.id, [one], Assign(w.mia.id), NOW)
    second = await acts.do(pool, w.mia.id, [one], Close(), NOW)
    await acts.do(pool, w.tom.id, [one], Tag(add=("x",)), NOW)
    await acts.mark_read(pool, w.mia.id, await w.conversation(), NOW)
    assert await acts.last_act(pool, w.mia.id) == second.act_id
    undone = await acts.undo(pool, w.mia.id, second.act_id, NOW)
    assert await acts.last_act(pool, w.mia.id) == first.act_id
    redone = await acts.undo(pool, w.mia.id, undone.act_id, NOW)
    assert await acts.last_act(pool, w.mia.id) == second.act_id
    again = await acts.undo(pool, w.mia.id, redone.act_id, NOW)
    assert await acts.last_act(pool, w.mia.id) == first.act_id
    assert again.changed
    # Also when a colleague takes it back.
    await acts.undo(pool, w.tom.id, first.act_id, NOW)
    assert await acts.last_act(pool, w.mia.id) is None


async def test_a_history_of_random_acts_is_undone_to_its_beginning(pool: asyncpg.Pool) -> None:
    seed = random.randrange(10**9)
    print("seed", seed)
    dice = random.Random(seed)
    w = await world(pool)
    ids = [await w.conversation(due_at=dice.choice([None, later(minutes=9)])) for _ in range(4)]
    beginning = [await fields(w, id_) for id_ in ids]
    in_force: list[uuid.UUID] = []
    for step in itertools.count():
        choices: list[Act] = [
            Close(), Reopen(), Spam(), NotSpam(), Assign(w.tom.id), Assign(None, "care"), Snooze(later(hours=dice.randrange(1, 9))),
            Tag(add=(f"t{step % 3}",)), Tag(remove=("t1",)), SetPriority(Priority(dice.randrange(1, 5))), SetPriority(None),
        ]  # fmt: skip
        done = await acts.do(pool, w.mia.id, dice.sample(ids, dice.randrange(1, 5)), dice.choice(choices), NOW)
        if done.changed:  # what was so already is no act
            in_force.append(done.act_id)
        if len(in_force) == 12:
            break
        if dice.random() < 0.3 and in_force:
            assert await acts.last_act(pool, w.mia.id) == in_force[-1]
            assert not (await acts.undo(pool, w.mia.id, in_force.pop(), NOW)).refused
    while last := await acts.last_act(pool, w.mia.id):
        assert last == in_force.pop(), "the acts in force, each once, the last one first"
        assert not (await acts.undo(pool, w.mia.id, last, NOW)).refused
    assert not in_force
    assert [await fields(w, id_) for id_ in ids] == beginning


# Drafts ---------------------------------------------------------------------------------------------------------------


async def test_a_draft_is_its_writers_and_goes_when_dropped(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one = await w.conversation()
    await acts.save_draft(pool, w.mia.id, one, "Dear", 1, NOW)
    await acts.save_draft(pool, w.mia.id, one, "Dear\0 Ana", 2, NOW)
    for person, expected in ((w.mia, ("Dear Ana", 2)), (w.tom, ("", None))):
        found = await inbox.open(pool, one, person.id, NOW)
        assert found is not None
        assert (found.draft, found.draft_thread_version) == expected
    await acts.drop_draft(pool, w.mia.id, one)
    assert await pool.fetchval("SELECT count(*) FROM drafts") == 0


# Out of Listening -----------------------------------------------------------------------------------------------------


async def test_a_mention_becomes_a_conversation_with_all_that_its_author_said(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    first = await w.mention("Acme is slow today", author="bo", topic="acme")
    ours = await w.mention("We look into it", author="acme", parent="m1", root="m1", ours=True, at=later(minutes=1))
    second = await w.mention("Still slow", author="bo", parent="m2", root="m1", topic="acme", tone="negative",
                             due_at=later(hours=1), at=later(minutes=2))  # fmt: skip
    await w.mention("not my thread", author="bo", topic="acme")
    await w.mention("not my words", author="ana", parent="m1", root="m1", topic="acme")
    one = await acts.open_from_mention(pool, w.mia.id, w.brand_id, second, later(minutes=9))
    found = await inbox.open(pool, one, w.mia.id, NOW)
    assert found is not None
    assert {m.id for m in found.thread if m.mine} == {first, ours, second}
    c = found.conversation
    assert (c.state, c.priority, c.due_at, c.team, c.tags, c.unread) == (
        State.NEW, Priority.HIGH, later(hours=1), "care", ("billing",), False,
    )  # fmt: skip
    assert (c.last_at, c.last_ours_at) == (later(minutes=2), later(minutes=1))
    assert (found.origin.value, found.account_id) == ("person", w.account.id)
    [line] = await inbox.page(pool, w.brand_id, "open", limit=9)
    assert (line.id, line.snippet, line.tone.value, line.messages) == (one, "Still slow", "negative", 3)
    assert line.sort_key == order.sort_key(c)
    [event] = await w.events()
    assert (event["kind"], event["conversation_id"], event["mention_id"], event["person_id"], event["after"]) == (
        "conversation.opened", one, second, w.mia.id, {"origin": "person", "topics": {"acme": 0}},
    )  # fmt: skip
    assert (await inbox.counts(pool, w.brand_id, None)).folders["open"] == 1
    # Again, and by another of its messages: the same one, and nothing is told twice.
    assert await acts.open_from_mention(pool, w.tom.id, w.brand_id, first, NOW) == one
    assert len(await w.events()) == 1


async def test_of_many_who_open_it_at_once_one_conversation_comes(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    for _ in range(5):
        one = await w.mention(author="bo", topic="acme")
        found = await asyncio.gather(*(acts.open_from_mention(pool, w.mia.id, w.brand_id, one, NOW) for _ in range(8)))
        assert len(set(found)) == 1
    assert await pool.fetchval("SELECT count(*) FROM conversations") == 5
    assert await pool.fetchval("SELECT count(*) FROM events") == 5


async def test_what_cannot_be_opened_says_why(pool: asyncpg.Pool) -> None:
    w, other = await world(pool), await world(pool, "other")
    mention = await w.mention(topic="acme")
    ours = await w.mention(author="acme", ours=True)
    gone = await w.mention(topic="acme", author="bo")
    await pool.execute("UPDATE mentions SET state = 'deleted' WHERE id = $1", gone)
    unheard = await w.mention(heard=False)
    for world_, person, id_, why in (
        (w, w.vera, mention, "viewer"),
        (w, other.mia, mention, "not yours"),
        (other, other.mia, mention, "no such mention"),
        (w, w.mia, ours, "our own"),
        (w, w.mia, gone, "deleted"),
        (w, w.mia, unheard, "no such mention"),
    ):
        with pytest.raises(Refused, match=why):
            await acts.open_from_mention(pool, person.id, world_.brand_id, id_, NOW)
    assert await pool.fetchval("SELECT count(*) FROM conversations") == 0


async def test_a_lead_and_an_admin_may_act_too(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    admin = await people.ensure_person(pool, "root", "Root", w.brand_id, Role.ADMIN)
    for person in (w.tom, admin):
        one = await w.conversation()
        assert (await acts.do(pool, person.id, [one], Close(), NOW)).changed == (one,)


async def test_an_act_in_parts_is_one_act_and_is_taken_back_whole(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    ids = [await w.conversation() for _ in range(6)]
    act_id = uuid.uuid4()
    await acts.do(pool, w.tom.id, [ids[4]], Tag(add=("a",)), NOW)
    changed: list[int] = []
    for part in (ids[:3], ids[3:5]):
        done = await acts.do(pool, w.mia.id, part, Close(), NOW, expect=dict.fromkeys(part, 1), act_id=act_id)
        assert done.act_id == act_id
        changed += done.changed
    assert (changed, done.overtaken, set(done.refused)) == (ids[:4], {ids[4]}, {ids[4]})
    assert await acts.last_act(pool, w.mia.id) == act_id
    undone = await acts.undo(pool, w.mia.id, act_id, NOW)
    assert list(undone.changed) == ids[:4]
    # Whoever took it back in another terminal has taken back all that will ever be of it.
    with pytest.raises(Refused, match="taken back meanwhile"):
        await acts.do(pool, w.mia.id, ids[5:], Close(), NOW, act_id=act_id)
    assert (await row(w, ids[5])).state is State.NEW


async def test_the_last_undo_is_found_while_nothing_else_was_done(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one = await w.conversation()

    async def undo() -> uuid.UUID:
        last = await acts.last_act(pool, w.mia.id)
        assert last is not None
        return (await acts.undo(pool, w.mia.id, last, NOW)).act_id

    async def redo() -> None:
        last = await acts.last_undo(pool, w.mia.id)
        assert last is not None
        assert (await acts.undo(pool, w.mia.id, last, NOW)).changed == (one,)

    assert await acts.last_undo(pool, w.mia.id) is None
    await acts.do(pool, w.mia.id, [one], Tag(add=("a",)), NOW)
    await acts.do(pool, w.mia.id, [one], Tag(add=("b",)), NOW)
    assert await acts.last_undo(pool, w.mia.id) is None, "a new act is nothing to do again"
    later_one, earlier_one = await undo(), await undo()
    assert (await row(w, one)).tags == ()
    assert await acts.last_undo(pool, w.mia.id) == earlier_one
    assert await acts.last_undo(pool, w.tom.id) is None, "it is nobody else's"
    await redo()
    assert (await row(w, one)).tags == ("a",)
    await acts.mark_read(pool, w.mia.id, one, NOW)
    assert await acts.last_undo(pool, w.mia.id) == later_one, "to look at something is no act"
    await redo()
    assert (await row(w, one)).tags == ("a", "b")
    assert await acts.last_undo(pool, w.mia.id) is None
    await undo()
    # A colleague has the tags otherwise by now: it asks.
    await acts.do(pool, w.tom.id, [one], Tag(add=("c",)), NOW)
    last = await acts.last_undo(pool, w.mia.id)
    assert last is not None
    refused = (await acts.undo(pool, w.mia.id, last, NOW)).refused
    assert refused[one] == "Tom changed its tags just now; do it again all the same?"
    await acts.do(pool, w.mia.id, [one], Close(), NOW)
    assert await acts.last_undo(pool, w.mia.id) is None, "what was done since would be in its way"
