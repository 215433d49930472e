"""Sharing out: what nobody has goes to whoever is there and has the fewest open, once, and never what a person assigned."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import asyncpg
import pytest

from listener.errors import Refused
from listener.model.people import Person, Role
from listener.rulebook.hours import Hours, Span
from listener.rulebook.people import Away
from listener.rulebook.people import Person as Listed
from listener.rulebook.roster import Roster
from listener.rulebook.shape import Team
from listener.store import acts, attendance, claims, people, presence, sharing, upkeep
from listener.workflow.acts import Assign, Close, HandBack
from tests.store.world import NOW, World, later, world

DAY = (Span(9 * 60, 17 * 60),)
OFFICE = Hours("office", "Office", "UTC", (DAY,) * 7)
NIGHT = Hours("night", "Night", "UTC", ((Span(20 * 60, 24 * 60),),) * 7)


def roster(
    *staff: Person, at_most: int | None = None, hours: str = "", own: str = "", away: tuple[Away, ...] = ()
) -> Roster:
    """A team that shares out, and these in it; the first with their own hours and days away."""
    listed = [Listed(one.login, one.name, frozenset({"care"})) for one in staff]
    first = replace(listed[0], hours=own, away=away)
    team = Team("care", "Care", hours, share_out=True, at_most=at_most)
    return Roster({one.id: one for one in [first, *listed[1:]]}, {"care": team}, {"office": OFFICE, "night": NIGHT})


async def here(w: World, *staff: Person, at: datetime = NOW) -> None:
    for one in staff:
        await presence.attend(w.pool, f"of {one.login}", w.brand_id, one.id, None, False, at)


async def nobodys(w: World, n: int = 1, team: str = "care") -> list[int]:
    found = [await w.conversation(due_at=later(minutes=60 + i)) for i in range(n)]
    await w.pool.execute("UPDATE conversations SET team = $1 WHERE id = ANY($2)", team, found)
    return found


async def whose(w: World, ids: list[int]) -> list[str]:
    rows = await w.pool.fetch(
        "SELECT c.id, coalesce(p.name, '') AS name FROM conversations c LEFT JOIN people p ON p.id = c.assignee_id WHERE c.id = ANY($1)",
        ids,
    )
    names = {row["id"]: row["name"] for row in rows}
    return [names[id_] for id_ in ids]


async def test_the_least_busy_gets_the_next_and_it_is_told_why(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    staff = roster(w.mia, w.tom)
    await here(w, w.mia, w.tom)
    busy = await nobodys(w, 2)
    await acts.do(pool, w.tom.id, busy, Assign(w.mia.id), NOW)
    ids, elsewhere = await nobodys(w, 5), await nobodys(w, 1, "press")
    found = await asyncio.gather(*(sharing.share_out(pool, later(seconds=30), staff) for _ in range(4)))
    assert sum(found) == 5, "however many keep the time"
    assert await whose(w, ids) == ["Tom", "Tom", "Mia", "Tom", "Mia"], "ties go to who was given none for longest"
    assert await whose(w, elsewhere + busy) == ["", "Mia", "Mia"]
    told = {e["conversation_id"]: e for e in await w.events() if e["kind"] == sharing.SHARED}
    assert [told[i]["after"] for i in ids[:3]] == [
        {"assignee_id": w.tom.id, "open": 0, "of": 2},
        {"assignee_id": w.tom.id, "open": 1, "of": 2},
        {"assignee_id": w.mia.id, "open": 2, "of": 2},
    ]
    await acts.do(
        pool, w.mia.id, [i for i, name in zip(ids, await whose(w, ids), strict=True) if name == "Mia"], Close(), NOW
    )
    later_ones = await nobodys(w, 1)
    assert await sharing.share_out(pool, later(seconds=40), staff) == 1
    assert await whose(w, later_ones) == ["Mia"], "counted as things are now"


async def test_of_equals_it_goes_to_who_was_given_none_for_longest(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    await here(w, w.mia)
    first = await nobodys(w)
    await sharing.share_out(pool, NOW, roster(w.mia, w.tom))
    await acts.do(pool, w.mia.id, first, Close(), NOW)
    await here(w, w.tom)
    second = await nobodys(w)
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(7502739002)")
        assert await sharing.share_out(pool, NOW, roster(w.mia, w.tom)) == 0, "another program counts"
    assert await sharing.share_out(pool, NOW, roster(w.mia, w.tom)) == 1
    assert await whose(w, first + second) == ["Mia", "Tom"]


async def test_it_goes_to_nobody_who_is_not_there_away_off_or_full(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    [one] = await nobodys(w)

    async def given(staff: Roster, at: datetime = NOW) -> int:
        return await sharing.share_out(pool, at, staff)

    assert await given(roster(w.mia)) == 0, "no inbox open"
    await here(w, w.mia)
    assert await given(roster(w.mia), later(seconds=61)) == 0, "that terminal is dead"
    assert await given(roster(w.tom)) == 0, "not of the team"
    assert await given(roster(w.mia, hours="night")) == 0, "out of the team's hours"
    assert await given(roster(w.mia, hours="office", own="night")) == 0, "out of their own hours"
    day = NOW.date()
    assert await given(roster(w.mia, away=(Away(day, day),))) == 0, "a day away in the rule files"
    await attendance.away(pool, w.mia.id, w.brand_id, later(hours=1), NOW)
    assert await given(roster(w.mia)) == 0, "away, by their own word"
    await attendance.back(pool, w.mia.id, w.brand_id, NOW)
    await acts.do(pool, w.tom.id, [one], Assign(w.mia.id), NOW)
    [two] = await nobodys(w)
    assert await given(roster(w.mia, at_most=1)) == 0, "as many as they may"
    assert await given(roster(w.mia, at_most=2)) == 1
    assert await whose(w, [one, two]) == ["Mia", "Mia"]
    viewer = await people.ensure_person(pool, "looker", "Looker", w.brand_id, Role.VIEWER)
    await nobodys(w)
    await here(w, viewer)
    assert await given(roster(viewer)) == 0


async def test_what_is_held_or_handed_back_is_not_forced_on_anybody(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    staff = roster(w.mia, w.tom)
    await here(w, w.mia)
    held, back = await nobodys(w, 2)
    await claims.claim(pool, held, w.tom.id, "t1", NOW)
    assert await sharing.share_out(pool, NOW, staff) == 1
    assert await whose(w, [held, back]) == ["", "Mia"]
    await acts.do(pool, w.mia.id, [back], HandBack(), NOW)
    assert await sharing.share_out(pool, NOW, staff) == 0, "not to who has just handed it back"
    await here(w, w.tom)
    assert await sharing.share_out(pool, NOW, staff) == 1
    assert await whose(w, [held, back]) == ["", "Tom"]


async def test_a_kill_in_the_middle_gives_to_nobody(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    ids = await nobodys(w, 3)
    await here(w, w.mia)
    await pool.execute(
        """CREATE FUNCTION killed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'killed'; END $$;
           CREATE TRIGGER killed AFTER INSERT ON events EXECUTE FUNCTION killed()"""
    )
    with pytest.raises(asyncpg.RaiseError):
        await sharing.share_out(pool, NOW, roster(w.mia))
    await pool.execute("DROP TRIGGER killed ON events")
    assert await whose(w, ids) == ["", "", ""]
    assert await sharing.share_out(pool, NOW, roster(w.mia)) == 3


# Away -----------------------------------------------------------------------------------------------------------------


async def test_away_and_back_are_told_and_end_by_themselves(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    await attendance.away(pool, w.mia.id, w.brand_id, later(hours=1), NOW)
    await attendance.away(pool, w.tom.id, w.brand_id, None, NOW)
    found = {one.person_id: one.until for one in await attendance.absences(pool, w.brand_id, later(minutes=59))}
    assert found == {w.mia.id: later(hours=1), w.tom.id: None}
    assert [one.person_id for one in await attendance.absences(pool, w.brand_id, later(hours=1))] == [w.tom.id]
    assert await attendance.back(pool, w.tom.id, w.brand_id, later(hours=2))
    assert not await attendance.back(pool, w.tom.id, w.brand_id, later(hours=2))
    assert [(e["kind"], e["person_id"]) for e in await w.events()] == [
        ("person.away", w.mia.id),
        ("person.away", w.tom.id),
        ("person.back", w.tom.id),
    ]
    with pytest.raises(Refused, match="viewer"):
        await attendance.away(pool, w.vera.id, w.brand_id, None, NOW)
    with pytest.raises(Refused, match="passed"):
        await attendance.away(pool, w.mia.id, w.brand_id, NOW - timedelta(minutes=1), NOW)


async def test_untouched_is_what_nobody_would_miss_a_thread_of(pool: asyncpg.Pool) -> None:
    w = await world(pool)
    ids = await nobodys(w, 5)
    await acts.do(pool, w.tom.id, ids, Assign(w.mia.id), NOW)
    untouched, answered, held, begun, closed = ids
    await pool.execute("UPDATE conversations SET last_ours_at = $1 WHERE id = $2", NOW, answered)
    await claims.claim(pool, held, w.tom.id, "t1", NOW)
    await acts.save_draft(pool, w.mia.id, begun, "dear", 1, NOW)
    await acts.do(pool, w.mia.id, [closed], Close(), NOW)
    assert await attendance.untouched(pool, w.mia.id, w.brand_id, NOW) == [untouched]
    assert await upkeep.next_at(pool) is not None
