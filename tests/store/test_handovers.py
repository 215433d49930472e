"""A hand-over note: drafted from the person's own events as things stand now, kept for the brand, and announced."""

from __future__ import annotations

from datetime import timedelta

import asyncpg
import pytest

from listener.errors import Refused
from listener.model.leaving import OutboxState
from listener.store import acts, attendance, handovers, outbox, sharing, upkeep
from listener.store.feed import position, since
from listener.store.views.staff import Replied
from listener.workflow.acts import Assign, Close, Snooze
from tests.store.test_inbox import nodes, plan, touched
from tests.store.world import NOW, World, later, world

MORNING = NOW - timedelta(hours=4)


async def reply(w: World, conversation: int, state: str) -> None:
    """Mia answers, and so far it has got."""
    parent = await w.pool.fetchval("SELECT last_mention_id FROM conversations WHERE id = $1", conversation)
    row = await outbox.queue_reply(
        w.pool, w.mia.id, conversation, w.account.id, parent, "we look into it", visibility="public", lang="en", fence=1,
        hold_seconds=0, close_after=False, now=later(minutes=10),
    )  # fmt: skip
    await w.pool.execute("UPDATE outbox SET state = $1 WHERE id = $2", state, row.id)


async def test_the_shift_is_what_was_done_since_the_last_note_as_it_stands_now(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    await pool.execute("UPDATE accounts SET state = 'ready'")
    closed, undone, calm, urgent, late, failed, leaving, mine, asleep, draft, toms = [
        await w.conversation(due_at=later(hours=3), priority=4 if n == 3 else 2) for n in range(11)
    ]
    await acts.do(pool, w.mia.id, [closed], Close(), later(minutes=1))
    await acts.do(pool, w.tom.id, [toms], Close(), later(minutes=1))
    done = await acts.do(pool, w.mia.id, [undone], Close(), later(minutes=2))
    await acts.undo(pool, w.mia.id, done.act_id, later(minutes=3))
    await pool.execute(
        "INSERT INTO events (brand_id, kind, conversation_id, at) VALUES ($1, 'conversation.overdue', $2, $3)",
        w.brand_id, late, later(minutes=5),
    )  # fmt: skip
    for id_, state in ((calm, "seen"), (late, "seen"), (urgent, "accepted"), (failed, "failed"), (leaving, "queued")):
        await reply(w, id_, state)
    await acts.do(pool, w.tom.id, [mine, asleep], Assign(w.mia.id), later(minutes=11))
    await acts.do(pool, w.mia.id, [asleep], Snooze(later(hours=5)), later(minutes=12))
    await acts.save_draft(pool, w.mia.id, draft, "dear", 1, later(minutes=13))
    await pool.execute(
        """INSERT INTO approvals (brand_id, conversation_id, account_id, parent_id, person_id, visibility, body, fence, asked_at)
           SELECT brand_id, id, $2, last_mention_id, $3, 'public', 'may I?', 1, $4 FROM conversations WHERE id = $1""",
        undone, w.account.id, w.mia.id, later(minutes=14),
    )  # fmt: skip
    found = await handovers.shift(pool, w.mia.id, w.brand_id, MORNING, later(minutes=20))
    assert found.since == later(minutes=1), "without a note, the first act of the day"
    assert found.closed == (closed,)
    assert found.answered == (Replied(urgent, 4, False), Replied(late, 2, True), Replied(calm, 2, False))
    assert found.undecided == ((failed, OutboxState.FAILED),)
    assert found.leaving == (leaving,)
    assert [row.id for row in found.open] == [mine]
    assert found.waking == ((asleep, later(hours=5)),)
    assert found.drafts == (draft,)
    assert found.waiting == (undone,)
    assert set(found.rows) == {closed, calm, urgent, late, failed, leaving, mine, asleep, draft, undone}
    await handovers.hand_over(pool, w.mia.id, w.brand_id, "so far", found.since, later(minutes=30))
    await acts.do(pool, w.mia.id, [calm], Close(), later(minutes=40))
    again = await handovers.shift(pool, w.mia.id, w.brand_id, MORNING, later(minutes=50))
    assert (again.since, again.closed, again.answered) == (later(minutes=30), (calm,), ())


async def test_a_note_is_kept_for_everybody_of_the_brand_and_told_without_its_words(pool: asyncpg.Pool) -> None:
    w, other = await world(pool), await world(pool, "other")
    place = await position(pool)
    first = await handovers.hand_over(pool, w.mia.id, w.brand_id, "  look at #12\n", MORNING, NOW)
    second = await handovers.hand_over(pool, w.tom.id, w.brand_id, "quiet", NOW, later(hours=1))
    found = await handovers.latest(pool, w.brand_id)
    assert [(one.id, one.person, one.body) for one in found] == [
        (second, "Tom", "quiet"),
        (first, "Mia", "look at #12"),
    ]
    assert await handovers.latest(pool, other.brand_id) == []
    assert [(e["kind"], e["after"]) for e in await w.events()] == [
        ("handover.written", {"handover": first}),
        ("handover.written", {"handover": second}),
    ]
    async with pool.acquire() as connection:
        assert (await since(connection, place, w.brand_id))[1].handovers
    for person, brand, body in ((w.vera, w, "x"), (w.mia, other, "x"), (w.mia, w, "  "), (w.mia, w, "x" * 20_001)):
        with pytest.raises(Refused):
            await handovers.hand_over(pool, person.id, brand.brand_id, body, MORNING, NOW)


async def test_nothing_of_a_shift_reads_a_table_from_end_to_end(pool: asyncpg.Pool) -> None:
    """Also with plans that were made without statistics, as a program keeps them from its first day."""
    w = await world(pool)
    await w.many(5_000)
    await pool.execute("UPDATE conversations SET team = CASE WHEN id % 50 = 0 THEN 'care' ELSE 'other' END")
    await pool.execute(
        "INSERT INTO events (brand_id, kind, conversation_id, person_id) SELECT brand_id, 'act.read', id, $1 FROM conversations",
        w.tom.id,
    )
    asked = {
        "nobodys": (sharing._NOBODYS, (w.brand_id, "care", NOW, 50)),
        "untouched": (attendance._UNTOUCHED, (w.brand_id, w.mia.id, NOW, 50)),
        "done": (handovers._DONE, (w.mia.id, w.brand_id, MORNING, 50)),
        "escalated": (upkeep._TOLD, ("{1,2,3}", "{conversation.escalated,conversation.overdue}")),
    }
    for name, (statement, values) in asked.items():
        root = await plan(pool, statement, *values)
        whole = {node["Relation Name"] for node in nodes(root) if node["Node Type"] == "Seq Scan"}
        assert not whole & {"conversations", "events"}, (name, whole)
        assert touched(root) < 1_000, (name, touched(root))


async def test_a_note_is_taken_back_while_no_colleague_has_read_it(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    first = await handovers.hand_over(pool, w.mia.id, w.brand_id, "too soon", MORNING, NOW)
    await handovers.mark_read(pool, w.mia.id, [first])
    await handovers.mark_read(pool, w.vera.id, [first])
    with pytest.raises(Refused, match="only its writer"):
        await handovers.take_back(pool, first, w.tom.id, NOW)
    assert await handovers.take_back(pool, first, w.mia.id, NOW) == "too soon"
    assert await handovers.latest(pool, w.brand_id) == []
    second = await handovers.hand_over(pool, w.mia.id, w.brand_id, "now", MORNING, NOW)
    await handovers.mark_read(pool, w.tom.id, [second])
    with pytest.raises(Refused, match="Tom has read"):
        await handovers.take_back(pool, second, w.mia.id, NOW)
    assert [note.id for note in await handovers.latest(pool, w.brand_id)] == [second]
