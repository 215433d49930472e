"""Answers that are due soon or overdue while nobody has taken the conversation: told once for each due time, never of history."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from listener.store import acts, claims, inbox, upkeep
from listener.workflow.acts import Assign, Close, Tag
from tests.core.rulebooks import PLAIN
from tests.store.builders import said
from tests.store.heard import Ears
from tests.store.world import NOW, World, later, world

DUE = later(hours=2)
SOON, OVER = "conversation.due-soon", "conversation.overdue"


async def late(w: World) -> list[tuple[str, int, str]]:
    """What was told: kind, conversation, due time."""
    return [
        (e["kind"], e["conversation_id"], datetime.fromisoformat(e["after"]["due"]))
        for e in await w.events()
        if e["kind"] in (SOON, OVER)
    ]


async def test_an_untaken_conversation_is_told_of_when_due_soon_and_when_overdue(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one = await w.conversation(due_at=DUE)
    for state in ("theirs", "done"):
        await w.conversation(state=state, due_at=DUE)
    await w.conversation()
    assert await upkeep.next_at(pool) == DUE - timedelta(minutes=15)
    assert await upkeep.wake(pool, later(hours=1.74)) == 0
    assert await late(w) == []
    assert await upkeep.wake(pool, later(hours=1.75)) == 0
    assert await late(w) == [(SOON, one, DUE)]
    assert await upkeep.next_at(pool) == DUE
    for hours in (1.9, 2, 2, 99):
        await upkeep.wake(pool, later(hours=hours))
    assert await late(w) == [(SOON, one, DUE), (OVER, one, DUE)]
    assert await upkeep.next_at(pool) is None
    (row,) = await inbox.rows(pool, [one])
    assert row.version == 1, "nothing was done to it"


async def test_it_is_told_once_whatever_is_done_to_it_in_between(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one = await w.conversation(due_at=DUE)
    for minutes in (105, 110, 120, 130):
        await asyncio.gather(*(upkeep.wake(pool, later(minutes=minutes)) for _ in range(3)))
        await acts.do(pool, w.mia.id, [one], Tag(add=(f"t{minutes}",)), later(minutes=minutes))
        done = await acts.do(pool, w.mia.id, [one], Close(), later(minutes=minutes))
        await acts.undo(pool, w.mia.id, done.act_id, later(minutes=minutes))
        await upkeep.wake(pool, later(minutes=minutes))
    assert await late(w) == [(SOON, one, DUE), (OVER, one, DUE)]
    await pool.execute("UPDATE conversations SET due_at = $1", later(hours=3))
    await acts.do(pool, w.mia.id, [one], Tag(add=("new",)), later(hours=2.5))
    await upkeep.wake(pool, later(hours=3))
    assert (await late(w))[2:] == [(OVER, one, later(hours=3))], "a new due time is told anew"


async def test_who_has_it_is_not_reminded_and_whoever_lets_go_is(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    held, given = await w.conversation(due_at=DUE), await w.conversation(due_at=DUE, assignee=w.mia)
    await claims.claim(pool, held, w.tom.id, "t1", later(minutes=104), seconds=120)
    await upkeep.wake(pool, later(minutes=105))
    assert await late(w) == []
    assert await upkeep.next_at(pool) == later(minutes=106), "the end of the claim, and not before"
    await claims.renew(pool, "t1", later(minutes=106), seconds=60)
    await upkeep.wake(pool, later(minutes=106))
    assert await late(w) == []
    await upkeep.wake(pool, later(minutes=107.5))
    assert await late(w) == [(SOON, held, DUE)]
    await acts.do(pool, w.mia.id, [given], Assign(None), later(minutes=121))
    await upkeep.wake(pool, later(minutes=121))
    assert sorted((await late(w))[1:]) == [(OVER, held, DUE), (OVER, given, DUE)]


async def test_a_kill_before_the_end_leaves_it_to_the_next_look(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one = await w.conversation(due_at=DUE)
    await pool.execute(
        """CREATE FUNCTION killed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'killed'; END $$;
           CREATE TRIGGER killed AFTER INSERT ON events EXECUTE FUNCTION killed()"""
    )
    with pytest.raises(asyncpg.RaiseError):
        await upkeep.wake(pool, later(minutes=110))
    await pool.execute("DROP TRIGGER killed ON events")
    assert await late(w) == []
    for _ in range(2):
        await upkeep.wake(pool, later(minutes=110))
    assert await late(w) == [(SOON, one, DUE)]


async def test_what_time_tells_holds_up_nobody(pool: asyncpg.Pool) -> None:
    """It is no change by somebody else: who acts on what they see is not asked to look again."""
    w = await world(pool)
    one = await w.conversation(due_at=DUE)
    await acts.do(pool, w.mia.id, [one], Tag(add=("a",)), NOW)
    await upkeep.wake(pool, DUE)
    done = await acts.do(pool, w.mia.id, [one], Close(), DUE, expect={one: 1})
    assert (done.changed, done.refused) == ((one,), {})


RULES = """\
hours: [{key: support, title: Support, zone: Europe/Berlin, open: {mon-fri: 09:00-17:00}}]
teams: [{key: care, hours: support}]
rules:
  - {id: down, title: Down, owner: x, scope: {addressed: yes}, when: down, then: {reply within: 2h, team: care}}
"""

_TOLD = """
SELECT e.kind, c.root FROM events e JOIN conversations c ON c.id = e.conversation_id
WHERE e.kind IN ('conversation.due-soon', 'conversation.overdue') ORDER BY e.id
"""


async def test_history_is_never_late_and_what_is_heard_is_late_in_opening_hours(pool: asyncpg.Pool) -> None:
    ears = await Ears.built(pool, {"r_yaml": RULES}, PLAIN)
    friday, monday = datetime(2026, 11, 6, 15, 30, tzinfo=UTC), datetime(2026, 11, 9, 9, 30, tzinfo=UTC)
    await ears.hear([said("old", "down", by="tom", at=friday, named=("us",))], friday, history=True)
    await ears.hear([said("new", "down", at=friday, named=("us",))], friday)
    told: list[tuple[str, str]] = []
    for at in (friday + timedelta(hours=3), monday - timedelta(minutes=16), monday - timedelta(minutes=15), monday):
        await upkeep.wake(pool, at)
        told = [tuple(row) for row in await pool.fetch(_TOLD)]
        assert len(told) == max(0, 1 + (at >= monday) - (at < monday - timedelta(minutes=15)))
    assert told == [(SOON, "new"), (OVER, "new")]
