"""What nobody took goes to another team when it is overdue: a step at a time, once, whole or not at all, and never from a person."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import asyncpg
import pytest

from listener.model.scales import Priority
from listener.store import acts, claims, inbox, upkeep
from listener.store.feed import position, since
from listener.workflow.acts import Assign, Close, HandBack, Tag
from listener.workflow.moves import Escalation
from tests.store.world import World, later, world

DUE = later(hours=1)
STEPS = {
    "first": Escalation("second", timedelta(minutes=10)),
    "second": Escalation("third", timedelta(minutes=30)),
}


async def with_team(w: World, team: str = "first", **more: object) -> int:
    id_ = await w.conversation(due_at=DUE, **more)  # type: ignore[arg-type]
    await w.pool.execute("UPDATE conversations SET team = $1 WHERE id = $2", team, id_)
    return id_


async def passed(w: World) -> list[tuple[int, str, str, datetime]]:
    return [
        (e["conversation_id"], e["before"]["team"], e["after"]["team"], datetime.fromisoformat(e["after"]["due"]))
        for e in await w.events()
        if e["kind"] == upkeep.ESCALATED
    ]


async def test_a_chain_goes_a_step_at_a_time_each_with_its_span(pool: asyncpg.Pool, dsn: str) -> None:
    w = await world(pool)
    one = await with_team(w, priority=1)
    looks = []
    for minutes in (45, 60, 69, 70, 99, 100, 500):
        await asyncio.gather(*(upkeep.wake(pool, later(minutes=minutes), STEPS) for _ in range(3)))
        await acts.do(pool, w.mia.id, [one], Tag(add=(f"t{minutes}",)), later(minutes=minutes))  # it is looked at anew
        await upkeep.wake(pool, later(minutes=minutes), STEPS)
        [row] = await inbox.rows(pool, [one])
        looks.append((row.team, row.escalated_from, await upkeep.next_at(pool)))
    assert looks == [
        ("first", "", DUE),
        ("first", "", later(minutes=70)),
        ("first", "", later(minutes=70)),
        ("second", "first", later(minutes=100)),
        ("second", "first", later(minutes=100)),
        ("third", "second", None),
        ("third", "second", None),
    ]
    assert row.priority == Priority.HIGH
    assert await passed(w) == [(one, "first", "second", DUE), (one, "second", "third", DUE)]
    opened = await inbox.open(pool, one, w.mia.id, later(hours=9))
    assert opened is not None
    assert [line.kind for line in opened.history].count(upkeep.ESCALATED) == 2


async def test_whoever_has_it_or_holds_it_keeps_it(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    given, held, done = await with_team(w), await with_team(w), await with_team(w)
    await acts.do(pool, w.tom.id, [given], Assign(w.mia.id), later(minutes=65))
    await acts.do(pool, w.tom.id, [done], Close(), later(minutes=65))
    await claims.claim(pool, held, w.tom.id, "t1", later(minutes=69), seconds=120)
    await upkeep.wake(pool, later(minutes=70), STEPS)
    assert await passed(w) == []
    assert (await inbox.rows(pool, [given]))[0].team == "first", "a person's work stays their team's"
    await upkeep.wake(pool, later(minutes=71.1), STEPS)
    assert [id_ for id_, *_ in await passed(w)] == [held], "the claim has ended"
    await acts.do(pool, w.mia.id, [given], HandBack(), later(minutes=80))
    await upkeep.wake(pool, later(minutes=80), STEPS)
    assert [id_ for id_, *_ in await passed(w)] == [held, given], "nobody has it any more"


async def test_who_gives_it_back_to_the_team_is_not_overruled_until_it_is_late_anew(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one = await with_team(w)
    await upkeep.wake(pool, later(minutes=70), STEPS)
    await acts.do(pool, w.mia.id, [one], Assign(None, "first"), later(minutes=75))
    for minutes in (75, 90, 300):
        await upkeep.wake(pool, later(minutes=minutes), STEPS)
    assert len(await passed(w)) == 1
    await pool.execute("UPDATE conversations SET due_at = $1, next_at = $1", later(hours=6))
    [row] = await inbox.rows(pool, [one])
    assert row.escalated_from == "", "that was another due time"
    await upkeep.wake(pool, later(hours=6.2), STEPS)
    assert [due for *_, due in await passed(w)] == [DUE, later(hours=6)]


async def test_a_kill_in_the_middle_leaves_nothing_and_the_next_look_does_it_once(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one = await with_team(w)
    await pool.execute(
        """CREATE FUNCTION killed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'killed'; END $$;
           CREATE TRIGGER killed BEFORE INSERT ON events FOR EACH ROW WHEN (NEW.kind = 'conversation.escalated')
           EXECUTE FUNCTION killed()"""
    )
    with pytest.raises(asyncpg.RaiseError):
        await upkeep.wake(pool, later(minutes=70), STEPS)
    assert (await inbox.rows(pool, [one]))[0].team == "first"
    await pool.execute("DROP TRIGGER killed ON events")
    for _ in range(2):
        await upkeep.wake(pool, later(minutes=70), STEPS)
    assert await passed(w) == [(one, "first", "second", DUE)]


async def test_rules_that_escalate_from_now_on_find_what_is_overdue_already(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    one, other = await with_team(w), await with_team(w, "elsewhere")
    await upkeep.wake(pool, later(minutes=70))
    assert await upkeep.next_at(pool) is None
    await upkeep.look_again(pool, later(minutes=80), ["first"])
    await upkeep.wake(pool, later(minutes=80), STEPS)
    assert await passed(w) == [(one, "first", "second", DUE)]
    assert (await inbox.rows(pool, [other]))[0].team == "elsewhere"


async def test_who_has_it_is_reminded_once_and_nobody_else_is(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    place = await position(pool)
    one = await w.conversation(due_at=DUE, assignee=w.mia)
    for minutes in (45, 50, 60, 61):
        await upkeep.wake(pool, later(minutes=minutes), STEPS)
    told = [
        (e["kind"], e["after"]["person"]) for e in await w.events() if e["kind"].startswith(("rem", "conversation."))
    ]
    assert told == [("reminder.due-soon", w.mia.id), ("reminder.overdue", w.mia.id)]
    async with pool.acquire() as connection:
        assert (await since(connection, place, w.brand_id))[1].late == {one}
    done = await acts.do(pool, w.tom.id, [one], Close(), later(minutes=62), expect={one: 1})
    assert done.changed == (one,), "a reminder is no change by somebody else"


# Handing back ---------------------------------------------------------------------------------------------------------


async def test_handing_back_is_one_act_that_keeps_the_team_lets_go_and_can_be_taken_back(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    mine, toms, free = [await with_team(w) for _ in range(3)]
    await acts.do(pool, w.tom.id, [mine], Assign(w.mia.id), later(minutes=1))
    await acts.do(pool, w.tom.id, [toms], Assign(w.tom.id), later(minutes=1))
    for id_ in (mine, free):
        assert await claims.claim(pool, id_, w.mia.id, "t1", later(minutes=1)) is None
    await claims.claim(pool, toms, w.tom.id, "t2", later(minutes=1))
    done = await acts.do(pool, w.mia.id, [mine, toms, free], HandBack(), later(minutes=1))
    assert done.changed == (mine,)
    assert "a colleague's" in done.refused[toms]
    rows = {row.id: row for row in await inbox.rows(pool, [mine, toms, free], later(minutes=1))}
    assert [(rows[i].assignee, rows[i].team, rows[i].claimed_by) for i in (mine, toms, free)] == [
        ("", "first", ""),
        ("Tom", "first", "Tom"),
        ("", "first", ""),
    ]
    assert await acts.last_act(pool, w.mia.id) == done.act_id
    await acts.undo(pool, w.mia.id, done.act_id, later(minutes=2))
    [row] = await inbox.rows(pool, [mine])
    assert (row.assignee, row.team) == ("Mia", "first")
    assert (await acts.do(pool, w.vera.id, [mine], HandBack(), later(minutes=3))).refused, "a viewer hands nothing back"
