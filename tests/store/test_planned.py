"""A planned reply leaves at its time, never before; it stops nobody who answers earlier, and any change of the thread stops it."""

from __future__ import annotations

import asyncpg
import pytest

from listener.errors import Refused
from listener.model.leaving import OutboxState
from listener.store import outbox
from listener.store.reply_lane import REPLIES, overtaken
from tests.store.builders import said
from tests.store.test_outbox import Desk, after, desk

__all__ = ["desk"]

TUESDAY = 86_400.0


async def test_it_waits_for_its_time_and_never_goes_out_early(desk: Desk) -> None:
    row = await desk.queue(planned=after(TUESDAY))
    assert (row.planned, row.not_before) == (after(TUESDAY), after(TUESDAY))
    assert await REPLIES.next_due_at(desk.pool) == after(TUESDAY)
    assert await overtaken(desk.pool, after(60)) == 0
    assert (await desk.claim(at=TUESDAY - 1))[0] is None
    reply, _ = await desk.claim(at=TUESDAY)
    assert reply is not None
    soon = await desk.queue("two", planned=after(3), person=desk.house.person_id)
    assert soon.not_before == after(5), "the seconds in which it can be taken back are kept"


async def test_a_time_that_has_passed_is_refused(desk: Desk) -> None:
    with pytest.raises(Refused, match="already passed"):
        await desk.queue(planned=after(0))
    row = await desk.queue(planned=after(TUESDAY))
    with pytest.raises(Refused, match="already passed"):
        await outbox.plan(desk.pool, row.id, desk.house.person_id, after(-1), after(0))


async def test_it_can_be_put_off_brought_forward_and_taken_back(desk: Desk) -> None:
    me = desk.house.person_id
    row = await desk.queue(planned=after(TUESDAY))
    await outbox.plan(desk.pool, row.id, me, after(2 * TUESDAY), after(1))
    assert (await desk.claim(at=TUESDAY + 1))[0] is None
    await outbox.plan(desk.pool, row.id, desk.house.colleague_id, after(60), after(2))
    assert (await desk.claim(at=59))[0] is None
    await outbox.plan(desk.pool, row.id, me, None, after(30))
    assert (await desk.claim(at=31))[0] is not None
    with pytest.raises(Refused, match="too late"):
        await outbox.plan(desk.pool, row.id, me, after(TUESDAY), after(32))
    other = await desk.queue("again", planned=after(TUESDAY))
    assert await outbox.withdraw(desk.pool, other.id, me, after(40)) == "again"
    assert (await desk.claim(at=9 * TUESDAY))[0] is None


async def test_an_answer_before_its_time_goes_out_at_once_and_stops_it(desk: Desk) -> None:
    planned = await desk.queue("planned", planned=after(TUESDAY))
    with pytest.raises(Refused, match="waits for its time"):
        await desk.queue("from a colleague", person=desk.house.colleague_id)
    now = await desk.queue("now")
    assert await REPLIES.next_due_at(desk.pool) == after(5)
    reply, attempt = await desk.claim(at=6)
    assert reply is not None
    assert reply.text == "now"
    await REPLIES.settle(desk.pool, now.id, attempt, "accepted", after(7), external_id="at://us/1")
    assert await overtaken(desk.pool, after(8)) == 1
    assert await desk.state(planned) is OutboxState.STOPPED


async def test_when_the_thread_moves_a_person_is_asked_at_once_and_may_keep_the_plan(desk: Desk) -> None:
    me = desk.house.person_id
    row = await desk.queue(planned=after(TUESDAY))
    await desk.house.record(said("a2", "never mind", parent="a", root="a", at=after(60)), now=after(60))
    assert (await desk.claim(at=TUESDAY + 1))[0] is None, "also where nobody has looked before its time"
    assert await desk.state(row) is OutboxState.STOPPED
    await outbox.retry(desk.pool, row.id, me, after(70), fence=2, planned=after(TUESDAY))
    assert await overtaken(desk.pool, after(71)) == 0
    assert (await desk.claim(at=TUESDAY - 1))[0] is None
    assert (await desk.claim(at=TUESDAY))[0] is not None


async def test_two_that_are_due_at_once_leave_one_after_the_other(desk: Desk, pool: asyncpg.Pool) -> None:
    first = await desk.queue("planned", planned=after(100))
    await desk.queue("at once", hold_seconds=5)
    reply, _ = await desk.claim(at=200)
    assert reply is not None
    assert reply.text == "at once"
    assert (await desk.claim(at=200))[0] is None, "the elder waits while the younger is being sent"
    assert await desk.state(first) is OutboxState.QUEUED


async def test_nothing_is_planned_for_after_the_network_closes_its_window(desk: Desk, pool: asyncpg.Pool) -> None:
    me = desk.house.person_id
    row = await desk.queue(planned=after(TUESDAY))
    await pool.execute("UPDATE mentions SET reply_until = $1", after(2 * TUESDAY))
    with pytest.raises(Refused, match="window has closed"):
        await outbox.plan(desk.pool, row.id, me, after(3 * TUESDAY), after(1))
    await outbox.withdraw(desk.pool, row.id, me, after(2))
    with pytest.raises(Refused, match="window has closed"):
        await desk.queue(planned=after(3 * TUESDAY))
