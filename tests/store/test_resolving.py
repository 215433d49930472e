"""The clock of the whole conversation: it begins with it, runs in opening hours until it is done, and is told of before and after."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import asyncpg

from listener.store import acts, inbox, upkeep
from listener.workflow.acts import Close, Reopen, Snooze
from tests.core.rulebooks import PLAIN
from tests.store.builders import said
from tests.store.heard import Ears
from tests.store.world import World, later, world

RULES = """\
hours: [{key: support, title: Support, zone: Europe/Berlin, open: {mon-fri: 09:00-17:00}}]
teams: [{key: care, hours: support, reply within: {normal: 8h}, resolve within: {normal: 12h, high: 4h}}]
rules:
  - {id: down, title: Down, owner: x, scope: {addressed: yes}, when: down, then: {team: care}}
  - {id: fire, title: Fire, owner: x, scope: {addressed: yes}, when: fire, then: {team: care, priority: high}}
"""
FRIDAY = datetime(2026, 11, 6, 8, 0, tzinfo=UTC)
"""09:00 in Berlin."""
MONDAY = datetime(2026, 11, 9, 12, 0, tzinfo=UTC)
"""12 opening hours later: 13:00 in Berlin."""


async def resolve_by(ears: Ears) -> list[datetime | None]:
    return [r["resolve_by"] for r in await ears.pool.fetch("SELECT resolve_by FROM conversations ORDER BY id")]


async def test_it_runs_in_opening_hours_from_the_first_message_until_it_is_done(pool: asyncpg.Pool) -> None:
    ears = await Ears.built(pool, {"r_yaml": RULES}, PLAIN)
    await ears.hear([said("old", "down", by="tom", at=FRIDAY, named=("us",))], FRIDAY, history=True)
    assert await resolve_by(ears) in ([], [None]), "history has no clock"
    await ears.hear([said("a", "down", at=FRIDAY, named=("us",))], FRIDAY)
    assert (await resolve_by(ears))[-1] == MONDAY
    hour = timedelta(hours=1)
    again = said("b", "down again", parent="a", root="a", at=FRIDAY + hour, named=("us",))
    await ears.hear([again], FRIDAY + hour)
    assert (await resolve_by(ears))[-1] == MONDAY, "what they write later gives nobody more time"
    urgent = said("c", "fire", parent="a", root="a", at=FRIDAY + 2 * hour, named=("us",))
    await ears.hear([urgent], FRIDAY + 2 * hour)
    assert (await resolve_by(ears))[-1] == FRIDAY + 6 * hour, "what is more urgent leaves less"
    await pool.execute("UPDATE conversations SET state = 'done'")
    anew = said("d", "down", parent="a", root="a", at=MONDAY, named=("us",))
    await ears.hear([anew], MONDAY)
    assert (await resolve_by(ears))[-1] == MONDAY + 28 * hour, "a new one begins"


async def resolved(w: World, **more: object) -> int:
    """A conversation that should be done in 4 hours."""
    one = await w.conversation(**more)  # type: ignore[arg-type]
    await w.pool.execute(
        "UPDATE conversations SET resolve_by = $2, next_at = $3 WHERE id = $1", one, later(hours=4), later(hours=3.75)
    )
    return one


async def told(w: World) -> list[tuple[str, int]]:
    return [(e["kind"], e["conversation_id"]) for e in await w.events() if "resolve" in e["kind"]]


async def test_it_is_told_before_and_after_also_while_they_are_waited_for(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    due = later(hours=3.9)
    ours, theirs = await resolved(w, due_at=due), await resolved(w, state="theirs", assignee=w.mia)
    asleep = await resolved(w)
    await acts.do(pool, w.mia.id, [asleep], Snooze(later(hours=9)), later())
    done = await resolved(w)
    await acts.do(pool, w.mia.id, [done], Close(), later())
    for hours in (3.7, 3.8, 3.9, 3.95):
        await upkeep.wake(pool, later(hours=hours))
    soon = [
        ("conversation.resolve-soon", ours),
        ("reminder.resolve-soon", theirs),
        ("conversation.resolve-soon", asleep),
    ]
    assert sorted(await told(w)) == sorted(soon)
    assert [e["kind"] for e in await w.events() if "due" in e["kind"]] == [
        "conversation.due-soon",
        "conversation.overdue",
    ]
    assert await upkeep.next_at(pool) == later(hours=4)
    for hours in (4, 5):
        await upkeep.wake(pool, later(hours=hours))
    over = [
        ("conversation.resolve-over", ours),
        ("reminder.resolve-over", theirs),
        ("conversation.resolve-over", asleep),
    ]
    assert sorted((await told(w))[3:]) == sorted(over)
    assert await upkeep.next_at(pool) == later(hours=9), "it still wakes"
    assert await upkeep.wake(pool, later(hours=9)) == 1


async def test_closing_opening_and_undoing_neither_lose_nor_win_time_and_the_order_is_by_the_first_clock(
    pool: asyncpg.Pool,
) -> None:
    w = await world(pool)
    due, one = await w.conversation(due_at=later(hours=5)), await resolved(w, due_at=later(hours=6))
    closed = await acts.do(pool, w.mia.id, [one], Close(), later(hours=1))
    assert [row.id for row in await inbox.page(pool, w.brand_id, "open")] == [due]
    await acts.undo(pool, w.mia.id, closed.act_id, later(hours=2))
    page = await inbox.page(pool, w.brand_id, "open")
    assert [(row.id, row.resolve_by) for row in page] == [(one, later(hours=4)), (due, None)]
    await acts.do(pool, w.mia.id, [one], Close(), later(hours=3))
    await acts.do(pool, w.mia.id, [one], Reopen(), later(hours=9))
    (row,) = await inbox.rows(pool, [one])
    assert row.resolve_by == later(hours=4)
    assert await upkeep.next_at(pool) == later(hours=3.75), "and it is told at once that it is over"
