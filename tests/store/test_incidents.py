"""Incidents in the database: opened, told, acknowledged, over, again; silent where something bigger, a silence or the calendar says so."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from listener.incidents.escalation import Staffed
from listener.incidents.shape import Fired
from listener.incidents.silences import parse
from listener.model.scales import Severity
from listener.rulebook.alerting import Chain, Notified, Policy, Route, Step, Watched
from listener.rulebook.people import Person
from listener.spikes.paging import Told
from listener.store import incident_acts, incidents
from tests.store.world import NOW, World, later, world

STORM = Policy("storm", "Bad mood", "lead", Watched.NEGATIVE, recover=600)
LOUD = Policy("loud", "Much is said", "lead", Watched.VOLUME)
CHAIN = Chain("duty", "Duty", (Step(Notified.PERSON, "mia", 600), Step(Notified.PERSON, "tom")))
STAFF = Staffed(
    alerts={"storm": STORM, "loud": LOUD},
    routes=(Route("all", "All", receivers=frozenset({"room"}), chain="duty", wait=30, repeat=3600),),
    chains={"duty": CHAIN},
    people={"mia": Person("mia", "Mia"), "tom": Person("tom", "Tom")},
    reach={"mia": ("phone-mia",), "tom": ("phone-tom",)},
    receivers=frozenset({"room", "phone-mia", "phone-tom"}),
)


async def on_call(pool: asyncpg.Pool) -> World:
    """A brand whose people are called as the rules call them."""
    made = await world(pool)
    await pool.execute("UPDATE people SET login = split_part(login, '-', 1)")
    return made


def fired(w: World, told: Told = Told.BEGUN, at: datetime = NOW, policy: Policy = STORM, **more: Any) -> Fired:
    given: dict[str, Any] = {"severity": Severity.WARNING, "since": NOW, "topic": "yoghurt", **more}
    return Fired(w.brand_id, policy.key, policy.watched, told, at=at, **given)


async def fire(w: World, what: Fired, staff: Staffed = STAFF) -> int | None:
    async with w.pool.acquire() as connection, connection.transaction():
        return await incidents.fire(connection, what, staff.alerts[what.policy], staff, what.at)


async def due(w: World, at: datetime, staff: Staffed = STAFF) -> int:
    async with w.pool.acquire() as connection:
        return await incidents.due(connection, staff, at)


async def pages(w: World) -> list[tuple[str, str, int, int]]:
    """What was told to whom, in which step and round."""
    rows = await w.pool.fetch("SELECT what, person, receiver, step, round FROM pages ORDER BY id")
    return [(r["what"], r["person"] or r["receiver"], r["step"], r["round"]) for r in rows]


async def settle(w: World, receiver: str, state: str, at: datetime) -> None:
    """What the lane does when it knows what became of a page."""
    await w.pool.execute(
        "UPDATE outbox AS o SET state = $2 FROM pages AS p WHERE p.id = o.page_id AND p.receiver = $1 AND o.state = 'queued'",
        receiver, state,
    )  # fmt: skip
    if state in ("failed", "unknown"):
        await w.pool.execute("UPDATE incidents SET next_at = $1 WHERE state <> 'resolved'", at)


async def state(w: World, id_: int | None) -> asyncpg.Record:
    return await w.pool.fetchrow("SELECT * FROM incidents WHERE id = $1", id_)


async def kinds(w: World, id_: int | None) -> list[str]:
    rows = await w.pool.fetch("SELECT kind FROM events WHERE incident_id = $1 ORDER BY id", id_)
    return [row["kind"] for row in rows]


async def test_an_incident_is_told_step_by_step_until_somebody_acknowledges_it(pool: asyncpg.Pool, dsn: str) -> None:
    w = await on_call(pool)
    one = await fire(w, fired(w))
    assert await pages(w) == []  # the group waits for what belongs to it
    assert await incidents.next_at(pool) == later(seconds=30)
    for _ in range(2):
        await asyncio.gather(*(due(w, later(seconds=30)) for _ in range(3)))
    first = [("alert", "room", 0, 0), ("alert", "mia", 0, 0)]
    assert await pages(w) == first
    await settle(w, "phone-mia", "accepted", later(seconds=31))
    await due(w, later(seconds=629))
    assert await pages(w) == first
    await due(w, later(seconds=630))
    assert await pages(w) == [*first, ("alert", "tom", 1, 0)]
    assert await incident_acts.acknowledge(pool, one or 0, w.tom.id, later(seconds=700))
    assert not await incident_acts.acknowledge(pool, one or 0, w.tom.id, later(seconds=701))
    told = [*first, ("alert", "tom", 1, 0), ("acknowledged", "room", 0, 0), ("acknowledged", "mia", 0, 0)]
    assert await pages(w) == told
    await due(w, later(seconds=700 + 3599))
    assert await pages(w) == told
    await due(w, later(seconds=700 + 3600))
    assert await pages(w) == [*told, ("still", "tom", 1, 1)]
    keys = await pool.fetch("SELECT key FROM outbox WHERE lane = 'alert' ORDER BY id")
    assert keys[1]["key"] == f"page/{one}/alert/phone-mia/mia/0/0"
    told_of = [kind for kind in await kinds(w, one) if kind != "page.queued"]
    assert told_of == [
        "incident.opened",
        "incident.step",
        "incident.step",
        "incident.step",
        "incident.acknowledged",
        "incident.step",
    ]


async def test_what_is_over_long_enough_is_resolved_and_what_comes_back_soon_is_the_same_incident(
    pool: asyncpg.Pool, dsn: str
) -> None:
    w = await on_call(pool)
    one = await fire(w, fired(w))
    await due(w, later(minutes=1))
    assert await fire(w, fired(w, Told.OVER, later(minutes=5))) == one
    await due(w, later(minutes=14))
    assert (await state(w, one))["state"] == "open"
    assert (
        await fire(w, fired(w, Told.BEGUN, later(minutes=14, seconds=30))) == one
    )  # hysteresis: it was not over for long
    await due(w, later(minutes=15, seconds=30))
    assert (await state(w, one))["state"] == "open"
    await fire(w, fired(w, Told.OVER, later(minutes=20)))
    await due(w, later(minutes=30))
    assert (await state(w, one))["state"] == "resolved"
    assert ("resolved", "mia", 0, 0) in await pages(w)
    assert await fire(w, fired(w, Told.BEGUN, later(minutes=80))) == one
    assert (await state(w, one))["reopened"] == 1
    assert ("alert", "mia", 0, 1) in await pages(w)
    await incident_acts.resolve(pool, one or 0, w.mia.id, later(minutes=81))
    assert await fire(w, fired(w, Told.GOES_ON, later(minutes=90))) is None  # a person says that it is done
    assert await fire(w, fired(w, Told.BEGUN, later(minutes=200))) != one


async def test_a_bigger_incident_keeps_its_smaller_ones_silent_and_lets_them_go(pool: asyncpg.Pool, dsn: str) -> None:
    w = await on_call(pool)
    small = await fire(w, fired(w, policy=LOUD))
    await due(w, later(minutes=1))
    before = len(await pages(w))
    big = await fire(w, fired(w, at=later(minutes=2), severity=Severity.CRITICAL, topic=""))
    assert (await state(w, small))["parent_id"] == big
    same = await fire(w, fired(w, at=later(minutes=2), topic="skyr"))
    assert (await state(w, same))["muted_by"] == f"part of incident {big}"
    await due(w, later(minutes=20))
    rows = await pool.fetch("SELECT DISTINCT incident_id FROM pages WHERE id > $1", before)
    assert {row["incident_id"] for row in rows} == {big}
    await fire(w, fired(w, Told.OVER, later(minutes=21), topic="", severity=Severity.CRITICAL))
    await due(w, later(minutes=31))
    assert (await state(w, big))["state"] == "resolved"
    assert (await state(w, same))["parent_id"] is None
    rows = await pool.fetch("SELECT what, person FROM pages WHERE incident_id = $1", same)
    assert ("alert", "mia") in {(row["what"], row["person"]) for row in rows}


async def test_nobody_is_told_while_a_silence_or_the_calendar_holds_and_everybody_afterwards(
    pool: asyncpg.Pool, dsn: str
) -> None:
    w = await on_call(pool)
    silence = await incident_acts.silence(
        pool, w.brand_id, parse(["topic=yoghurt"]), NOW, later(hours=1), "a test", w.mia.id, NOW
    )
    one = await fire(w, fired(w))
    hushed = await fire(w, fired(w, topic="skyr", muted_by="planned: the launch"))
    await due(w, later(minutes=50))
    assert await pages(w) == []
    assert (await state(w, one))["muted_by"] == f"silence {silence} until {later(hours=1):%Y-%m-%d %H:%M} UTC"
    assert await incident_acts.end_silence(pool, silence, w.mia.id, later(minutes=51))
    rung = await pool.fetch(
        "SELECT incident_id, after ->> 'silence' AS of FROM events WHERE kind = 'incident.unsilenced'"
    )
    assert [(row["incident_id"], row["of"]) for row in rung] == [(one, str(silence))], "whoever looks at it sees so"
    await due(w, later(minutes=51))
    assert ("alert", "mia", 0, 0) in await pages(w)
    before = len(await pages(w))
    await fire(w, fired(w, Told.GOES_ON, later(minutes=52), topic="skyr"))
    assert (await state(w, hushed))["muted_by"] == ""
    assert len(await pages(w)) > before


async def test_what_cannot_be_delivered_goes_to_the_next_at_once_and_is_shouted_about_in_the_end(
    pool: asyncpg.Pool, dsn: str
) -> None:
    w = await on_call(pool)
    await fire(w, fired(w))
    await due(w, later(seconds=30))
    await settle(w, "room", "failed", later(seconds=31))
    await due(w, later(seconds=31))
    assert ("alert", "tom", 1, 0) not in await pages(w)  # mia's is under way
    await settle(w, "phone-mia", "unknown", later(seconds=32))
    await pool.execute("UPDATE outbox SET frozen = $1 WHERE state = 'unknown'", {"again": True})
    await due(w, later(seconds=32))
    assert ("alert", "tom", 1, 0) not in await pages(w)  # its sender died, and the same is sent again
    await pool.execute("UPDATE outbox SET frozen = $1 WHERE state = 'unknown'", {"again": False})
    await settle(w, "", "unknown", later(seconds=33))
    await due(w, later(seconds=33))
    assert ("alert", "tom", 1, 0) in await pages(w)
    await settle(w, "phone-tom", "failed", later(seconds=40))
    await asyncio.gather(due(w, later(seconds=40)), due(w, later(seconds=41)))
    shouted = [page for page in await pages(w) if page[0] == "undelivered"]
    assert shouted == [("undelivered", name, 2, 0) for name in ("phone-mia", "phone-tom", "room")]
    await due(w, later(minutes=11))
    assert ("again", "mia", 0, 1) in await pages(w)


async def test_while_nothing_leaves_the_chain_goes_on_and_whoever_is_told_anew_is_told_once(
    pool: asyncpg.Pool, dsn: str
) -> None:
    w = await on_call(pool)
    one = await fire(w, fired(w))
    at = NOW
    while (looks := (await state(w, one))["next_at"]) is not None and looks <= later(minutes=16):
        at = looks
        await due(w, at)
    rows = await pool.fetch(
        "SELECT what, person, receiver, step, round, state, extract(epoch FROM p.at - $1)::int AS after "
        "FROM pages AS p JOIN outbox AS o ON o.page_id = p.id ORDER BY p.id", NOW,
    )  # fmt: skip
    alerts = [(r["receiver"], r["after"], r["state"]) for r in rows if r["what"] == "alert"]
    assert alerts == [("room", 30, "withdrawn"), ("phone-mia", 30, "withdrawn"), ("phone-tom", 150, "queued")]
    anew = [(r["receiver"], r["after"], r["state"]) for r in rows if r["what"] == "again"]
    assert anew == [("room", 870, "queued"), ("phone-mia", 870, "queued")]
    assert [r["after"] for r in rows if r["what"] == "undelivered"] == [270] * 3
    gone = await pool.fetch("SELECT after ->> 'receiver' AS of FROM events WHERE kind = 'page.withdrawn' ORDER BY id")
    assert [row["of"] for row in gone] == ["room", "phone-mia"]


async def test_too_many_pages_for_one_person_are_one_digest(pool: asyncpg.Pool, dsn: str) -> None:
    w = await on_call(pool)
    staff = replace(STAFF, routes=(replace(STAFF.routes[0], receivers=frozenset(), wait=0),))
    ids = [await fire(w, fired(w, topic=f"t{number}"), staff) for number in range(11)]
    rows = await pool.fetch("SELECT what, about ->> 'incidents' AS about, digest_id FROM pages ORDER BY id")
    assert [row["what"] for row in rows].count("digest") == 1
    [digest] = [row for row in rows if row["what"] == "digest"]
    assert digest["about"] == str(ids[8:])
    assert len(await pool.fetch("SELECT FROM outbox WHERE lane = 'alert'")) == 9
    await settle(w, "phone-mia", "accepted", NOW)
    for number, bad in ((11, Severity.WARNING), (12, Severity.CRITICAL)):
        ids.append(await fire(w, fired(w, topic=f"t{number}", at=later(minutes=2), severity=bad), staff))
        due_at = "SELECT o.not_before FROM outbox AS o JOIN pages AS p ON p.id = o.page_id WHERE o.state = 'queued' AND p.what = 'digest'"
        # A critical one does not wait for the end of the limit.
        expected = later(minutes=10) if bad is Severity.WARNING else later(minutes=2)
        assert await pool.fetchval(due_at) == expected
    at = later(minutes=2, seconds=5)
    await settle(w, "phone-mia", "failed", at)  # what was told in the digest fares as it does
    await due(w, at, staff)
    rows = await pool.fetch("SELECT DISTINCT incident_id FROM pages WHERE person = 'tom' ORDER BY 1")
    assert [row["incident_id"] for row in rows] == ids[11:]


async def test_it_is_worse_and_everybody_who_knows_is_told_but_not_every_minute(pool: asyncpg.Pool, dsn: str) -> None:
    w = await on_call(pool)
    one = await fire(w, fired(w))
    await due(w, later(seconds=30))
    await settle(w, "phone-mia", "accepted", later(seconds=31))
    for minutes in (1, 2, 3):
        await fire(w, fired(w, Told.WORSE, later(minutes=minutes)))
        await due(w, later(minutes=minutes))
    assert [page for page in await pages(w) if page[0] == "worse"] == []
    await due(w, later(minutes=6))
    await due(w, later(minutes=7))
    assert [page for page in await pages(w) if page[0] == "worse"] == [("worse", "room", 0, 3), ("worse", "mia", 0, 3)]
    await incident_acts.acknowledge(pool, one or 0, w.mia.id, later(minutes=8))
    await fire(w, fired(w, Told.WORSE, later(minutes=20), severity=Severity.CRITICAL))
    assert [page for page in await pages(w) if page[0] == "worse"][2:] == [
        ("worse", "room", 0, 4),
        ("worse", "mia", 0, 4),
    ]


async def test_a_process_that_dies_between_any_two_statements_leaves_nothing_half_done(
    pool: asyncpg.Pool, dsn: str
) -> None:
    """The steps of one incident, each begun and thrown away before it is done: told once, by whoever comes next."""
    w = await on_call(pool)
    await fire(w, fired(w))
    for at in (later(seconds=30), later(seconds=630), later(hours=2)):
        for _ in range(2):
            async with pool.acquire() as connection:
                killed = connection.transaction()
                await killed.start()
                await incidents.due(connection, STAFF, at)
                await killed.rollback()
        await due(w, at)
        await due(w, at + timedelta(seconds=1))
        for receiver in ("phone-mia", "phone-tom"):
            await settle(w, receiver, "accepted", at)
    told = await pages(w)
    assert len(told) == len(set(told))
    assert [page for page in told if page[1] == "tom"] == [("alert", "tom", 1, 0)]
    assert ("again", "mia", 0, 1) in told


async def test_what_is_fired_at_once_is_one_incident_and_one_group(pool: asyncpg.Pool, dsn: str) -> None:
    w = await on_call(pool)
    ids = await asyncio.gather(
        *(fire(w, fired(w)) for _ in range(4)),
        *(fire(w, fired(w, policy=LOUD)) for _ in range(2)),
        fire(w, fired(w, topic="", severity=Severity.CRITICAL)),
    )
    assert len(set(ids)) == 3
    roots = await pool.fetch("SELECT id FROM incidents WHERE parent_id IS NULL")
    assert [row["id"] for row in roots] == [ids[-1]]
