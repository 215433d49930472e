"""The watch over the database: a storm is fired once whoever is killed, what nobody heard is unknown, and history wakes nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import asyncpg
import pytest

from listener.incidents.escalation import Staffed
from listener.incidents.shape import Fired
from listener.incidents.watching import Counter
from listener.model.people import Role
from listener.model.scales import Severity
from listener.rulebook.alerting import Policy
from listener.rulebook.shape import Rulebook
from listener.service.database import House as HouseOf
from listener.service.duties import Duties
from listener.service.stopping import Stop
from listener.service.watch import Watch
from listener.spikes.paging import Told
from listener.store import incidents, people, series, source_acts, sources, watching
from tests.core.rulebooks import book
from tests.store.builders import House

NOW = datetime.fromisoformat("2026-11-02T12:01:30+00:00")
STEP = timedelta(minutes=5)
RULES = """\
alerts:
  - {key: mood, owner: care, kind: negative, floors: {authors: 3}}
  - {key: quiet, owner: ops, kind: silence}
  - {key: outage, owner: ops, kind: rule}
  - {key: planned, owner: ops, kind: rule}
calendar:
  - {key: works, title: Works on the line, day: 2026-11-02, mute: [planned]}
"""

EAGER = """\
alerts:
  - {key: mood, owner: care, kind: negative}
  - {key: much, owner: care, kind: volume}
"""

_COUNT = """
INSERT INTO series (brand_id, topic, source, at, history, mentions, negative, urgent, reach)
SELECT $1, '', 'bluesky', at, $4, $5, $6, 0, 0
FROM generate_series(date_bin('5 minutes', $2::timestamptz, '2026-01-01Z'), $3::timestamptz - interval '1 second', '5 minutes') AS at
ON CONFLICT (brand_id, topic, source, at, history) DO UPDATE SET mentions = excluded.mentions, negative = excluded.negative
"""
_BROUGHT = """
INSERT INTO series_deltas (brand_id, topic, source, at, history, mentions, negative, urgent, reach)
SELECT $1, '', 'bluesky', at, true, 10, 2, 0, 0
FROM generate_series(date_bin('5 minutes', $2::timestamptz, '2026-01-01Z'), $3::timestamptz - interval '1 second', '5 minutes') AS at
"""
_SAID = """
WITH a AS (INSERT INTO authors (space, external_id, first_at) SELECT 'x', i::text, $2 FROM generate_series(1, $3::int) AS i
           ON CONFLICT (space, external_id) DO UPDATE SET handle = '' RETURNING id),
m AS (INSERT INTO mentions (space, external_id, source, author_id, kind, root, heard_at, at, ours)
      SELECT 'x', id::text, 'bluesky', id, 'post', id::text, $2, $2, false FROM a RETURNING id),
h AS (INSERT INTO hearings (mention_id, brand_id, source_id, via, at, heard_at) SELECT id, $1, $4, 'mention', $2, $2 FROM m)
INSERT INTO assessments (mention_id, brand_id, version, rulebook, methods, tone, priority, because, context, at)
SELECT id, $1, 1, 'h', '{}', 'negative', 2, '[]', '{}', $2 FROM m
"""


class Killed(Exception):
    """In the middle of it."""


@dataclass
class Scene:
    """A brand of which ten mentions are heard in five minutes, two of them negative, for as long as it is looked at."""

    house: House
    rules: Rulebook
    brand: series.Watched
    now: datetime = NOW
    told: list[Fired] = field(default_factory=list)
    dies: bool = False

    @classmethod
    async def built(cls, pool: asyncpg.Pool, born: timedelta = timedelta(days=20)) -> Scene:
        house = await House.built(pool)
        scene = cls(house, book(**{"alerts.yaml": RULES}), series.Watched(house.brand_id, "lark", "UTC"))
        await pool.execute("UPDATE sources SET born_at = $1, state = 'running', stored = 100", NOW - born)
        return scene

    @property
    def bucket(self) -> datetime:
        """The newest one that is over."""
        return self.now - timedelta(minutes=self.now.minute % 5 + 5, seconds=self.now.second)

    async def counted(
        self, since: datetime, until: datetime, mentions: int = 10, negative: int = 2, *, history: bool = False
    ) -> None:
        await self.house.pool.execute(_COUNT, self.house.brand_id, since, until, history, mentions, negative)

    async def said(self, people: int) -> None:
        """So many people were negative in the newest bucket."""
        await self.house.pool.execute(_SAID, self.house.brand_id, self.bucket, people, self.house.source_id)

    async def fire(self, connection: asyncpg.Connection, fired: Fired, policy: Policy, now: datetime) -> int | None:
        """Keeps it in the transaction, as incidents would."""
        after = {"told": fired.told.value, "policy": fired.policy}
        await connection.execute(
            "INSERT INTO events (brand_id, kind, after) VALUES ($1, 'fired', $2)", fired.brand_id, after
        )
        if self.dies:
            raise Killed
        await asyncio.sleep(0.1)  # others may look meanwhile
        self.told.append(fired)
        return None

    async def look(self, *, alive: bool = True) -> watching.Seen:
        if alive:
            await self.house.pool.execute("UPDATE sources SET beat_at = $1", self.now)
        return await watching.look(self.house.pool, self.brand, self.rules, self.now, self.fire)

    async def goes_on(self, buckets: int, mentions: int = 10, negative: int = 2, *, alive: bool = True) -> list[Fired]:
        """So many buckets are over and looked at; what was fired meanwhile."""
        before = len(self.told)
        for _ in range(buckets):
            self.now += STEP
            if mentions:
                await self.counted(self.bucket, self.bucket + STEP, mentions, negative)
            await self.look(alive=alive)
        return self.told[before:]

    async def kept(self) -> list[Mapping[str, str]]:
        return [
            r["after"] for r in await self.house.pool.fetch("SELECT after FROM events WHERE kind = 'fired' ORDER BY id")
        ]


@pytest.fixture
async def scene(pool: asyncpg.Pool) -> Scene:
    scene = await Scene.built(pool)
    await scene.counted(scene.bucket - timedelta(days=20), scene.bucket + STEP)
    assert (await scene.look()).fired == ()  # a first start learns from what is there, and wakes nobody
    return scene


async def test_a_storm_is_fired_once_whoever_is_killed_and_however_many_watch(scene: Scene) -> None:
    assert await scene.goes_on(3) == []
    scene.now += STEP
    await scene.counted(scene.bucket, scene.bucket + STEP, 100, 90)
    assert (await scene.look()).fired == ()  # so many by nobody: there is a floor for authors
    scene.now += STEP
    await scene.said(5)
    await scene.counted(scene.bucket, scene.bucket + STEP, 100, 90)
    scene.dies = True
    with pytest.raises(Killed):
        await scene.look()
    assert await scene.kept() == []
    scene.dies = False
    await asyncio.gather(*(scene.house.pool.execute("SELECT pg_sleep(0.1)") for _ in range(4)))  # all are connected
    await asyncio.gather(*(scene.look() for _ in range(4)))
    await scene.look()
    assert await scene.kept() == [{"told": "begun", "policy": "mood"}]
    [told] = scene.told
    evidence = told.evidence
    assert told.severity is Severity.CRITICAL
    assert evidence["authors"] == 5
    assert evidence["counter"] == "negative"
    assert len(evidence["curve"]) == len(evidence["curve_expected"]) == 288
    assert evidence["curve"][-1] == 90
    assert evidence["curve_at"] + 287 * 300 == scene.bucket.timestamp()
    # What was fired is what a replay of the same time finds.
    end = scene.bucket + STEP
    again = await watching.replay(
        scene.house.pool, scene.brand, scene.rules, NOW - timedelta(hours=3), end, policy="mood"
    )
    assert [(one.told, one.at, one.evidence["curve"]) for one in again.fired] == [(Told.BEGUN, end, evidence["curve"])]


async def test_what_a_stream_missed_is_unknown_until_it_is_filled_and_neither_wakes_anybody(scene: Scene) -> None:
    hole = scene.bucket + STEP
    gap = await scene.house.pool.fetchval(
        "INSERT INTO gaps (source_id, start_at, end_at, cause, noted_at) VALUES ($1, $2, $3, 'away', $2) RETURNING id",
        scene.house.source_id, hole, hole + timedelta(hours=3),
    )  # fmt: skip
    assert await scene.goes_on(36, 0) == []
    assert await scene.goes_on(6) == []
    await scene.counted(hole, hole + timedelta(hours=3), history=True)
    await scene.house.pool.execute("UPDATE gaps SET state = 'filled' WHERE id = $1", gap)
    assert await scene.goes_on(6) == []
    async with scene.house.pool.acquire() as connection:
        [state] = [s for c, s in (await series.states(connection, scene.brand.id)).items() if c == ("", "", "mentions")]
    assert set(state.counts) == {10}  # filled, it is as if it had been heard
    await scene.counted(scene.bucket - 9 * STEP, scene.bucket - 8 * STEP, 11)  # one came late
    assert await scene.goes_on(1) == []
    async with scene.house.pool.acquire() as connection:
        states = await series.states(connection, scene.brand.id)
    assert states[Counter("", "", "mentions")].counts[-12:] == (10, 11, *[10] * 10)
    # Without the gap's record the same would be silence.
    [told, *_] = await scene.goes_on(14, 0)
    assert (told.policy, told.source, told.told) == ("quiet", "bluesky", Told.BEGUN)


async def test_history_teaches_and_wakes_nobody(pool: asyncpg.Pool) -> None:
    scene = await Scene.built(pool, born=timedelta(0))
    scene.rules = book(a_yaml=EAGER)
    await scene.look()
    assert await scene.goes_on(3) == []
    await scene.counted(NOW - timedelta(days=30), scene.bucket + STEP, 400, 300, history=True)  # a month is imported
    assert await scene.goes_on(24) == []
    await scene.counted(NOW, scene.bucket + STEP, 400, 300, history=True)  # and what was heard already, once more
    assert await scene.goes_on(6) == []
    # Who was away for hours comes back, and learns of a storm that is over.
    await scene.counted(scene.bucket + STEP, scene.bucket + 2 * STEP, 200, 150)
    await scene.counted(scene.bucket + 2 * STEP, scene.bucket + timedelta(hours=30))
    scene.now += timedelta(hours=30)
    assert (await scene.look()).fired == ()


async def test_history_that_is_brought_after_the_first_look_is_learned_from_by_the_next(pool: asyncpg.Pool) -> None:
    scene = await Scene.built(pool, born=timedelta(0))
    await scene.look()
    assert await scene.goes_on(3) == []

    async def known() -> set[int]:
        return {state.known for state in (await series.states(pool, scene.house.brand_id)).values()}

    assert await known() <= {3, 4}
    for since, until in ((6, 5), (5, 0)):  # the newest day comes last, and is nothing new
        begin, end = (scene.bucket - timedelta(days=days) for days in (since, until))
        await pool.execute(_BROUGHT, scene.house.brand_id, begin, end)
        assert await series.fold(pool) > 0
        assert await scene.goes_on(1) == []
    assert min(await known()) > 6 * 288
    await scene.said(20)
    told = (await scene.goes_on(3, 40, 38))[0]
    assert told.policy == "mood"
    assert "the busiest so far" not in told.evidence["why"]


async def test_a_stream_that_does_not_live_is_told_with_its_reason(scene: Scene) -> None:
    await scene.house.pool.execute("UPDATE sources SET state = 'stopped'")
    told = await scene.goes_on(16, 0, alive=False)
    assert [(one.policy, one.told, one.severity) for one in told] == [("quiet", Told.BEGUN, Severity.WARNING)]
    assert "a person must help (bluesky/jetstream)" in told[0].evidence["why"]
    opened = await sources.open_source(scene.house.pool, "bluesky/jetstream", scene.now)
    assert opened.id == scene.house.source_id
    assert [one.told for one in await scene.goes_on(2)] == [Told.OVER]
    await scene.house.pool.execute("UPDATE sources SET state = 'paused'")
    [told_again] = await scene.goes_on(16, 0, alive=False)
    assert (told_again.severity, "people paused it" in told_again.evidence["why"]) == (Severity.NOTE, True)


async def test_what_rules_ask_for_is_fired_once_for_an_alert(scene: Scene) -> None:
    rows = [("outage", "a", 1), ("outage", "b", 2), ("planned", "a", 1), ("gone", "a", 1)]
    for policy, rule, mention in rows:
        await scene.house.pool.execute(
            "INSERT INTO asked_alerts (brand_id, policy, rule, mention_id, at) VALUES ($1, $2, $3, $4, $5)",
            scene.brand.id, policy, rule, mention, scene.now,
        )  # fmt: skip
    scene.dies = True
    with pytest.raises(Killed):
        await watching.hand_over(scene.house.pool, scene.brand, scene.rules, scene.now, scene.fire)
    scene.dies = False
    for _ in range(2):
        await watching.hand_over(scene.house.pool, scene.brand, scene.rules, scene.now, scene.fire)
    assert [(one.policy, one.evidence["rules"], one.muted_by) for one in scene.told] == [
        ("outage", ["a", "b"], ""),
        ("planned", ["a"], "planned: Works on the line"),
    ]


async def test_the_service_makes_incidents_of_what_surprises_and_of_what_rules_ask_for(scene: Scene) -> None:
    scene.now += STEP
    await scene.counted(scene.bucket, scene.bucket + STEP, 100, 90)
    await scene.said(5)
    await scene.house.pool.execute("UPDATE sources SET beat_at = $1", scene.now)
    stop, bell, at = Stop(), asyncio.Event(), [scene.now - STEP]
    house = HouseOf("", scene.house.pool)
    watch = Watch(house, lambda: scene.rules, Duties(), bell, stop, lambda: at[0])
    running = asyncio.create_task(watch.watch())
    try:
        at[0] = scene.now
        await scene.house.pool.execute(
            "INSERT INTO asked_alerts (brand_id, policy, rule, mention_id, at) VALUES ($1, 'outage', 'a', 1, $2)",
            scene.brand.id, scene.now,
        )  # fmt: skip
        bell.set()
        await until(scene.house.pool, 2, "SELECT count(*) FROM incidents")
    finally:
        stop.set("enough")
        await running
    assert watch.duties.staff.alerts.keys() == {one.key for one in scene.rules.alerts}
    rows = await scene.house.pool.fetch(
        "SELECT policy, watched, state, evidence ->> 'authors' AS authors FROM incidents ORDER BY policy"
    )
    assert [tuple(row.values()) for row in rows] == [
        ("mood", "negative", "open", "5"),
        ("outage", "rule", "open", None),
    ]


async def until(pool: asyncpg.Pool, wanted: int, statement: str) -> None:
    """Waits for a count."""
    async with asyncio.timeout(10):
        while await pool.fetchval(statement) != wanted:
            await asyncio.sleep(0.02)


async def test_who_comes_back_gives_the_streams_time_to_come_too(scene: Scene) -> None:
    scene.now += timedelta(hours=5)  # Hubbub was down: no stream shows life, and nobody was there to hear of it
    assert (await scene.look(alive=False)).fired == ()
    assert [one.told for one in await scene.goes_on(1, 0, alive=False)] == [Told.BEGUN]
    assert [one.told for one in await scene.goes_on(1)] == [Told.OVER]
    scene.now += timedelta(hours=5)
    assert (await scene.look(alive=False)).fired == ()
    assert await scene.goes_on(3) == []


async def test_a_replay_tells_of_streams_that_stopped_or_were_paused_and_came_back_what_the_live_watch_told(
    scene: Scene,
) -> None:
    pool, began = scene.house.pool, scene.now
    staff = Staffed.of(scene.rules, (), {})

    async def fire(connection: asyncpg.Connection, fired: Fired, policy: Policy, now: datetime) -> int | None:
        scene.told.append(fired)
        return await incidents.fire(connection, fired, policy, staff, now)

    scene.fire = fire  # type: ignore[method-assign]
    await pool.execute("UPDATE sources SET state = 'stopped', beat_at = beat_at - interval '40 seconds'")
    await scene.goes_on(16, 0, alive=False)
    await sources.open_source(pool, "bluesky/jetstream", scene.now)
    await scene.goes_on(4)
    lead = await people.ensure_person(pool, "ann", "Ann", scene.brand.id, Role.LEAD)
    paused = scene.now + timedelta(seconds=20)
    assert await source_acts.pause(pool, lead.id, scene.brand.id, "bluesky/jetstream", paused)
    await sources.set_state(pool, scene.house.source_id, "paused", "", paused)
    await scene.goes_on(16, 0, alive=False)
    assert await source_acts.resume(pool, lead.id, scene.brand.id, "bluesky/jetstream", scene.now)
    await sources.open_source(pool, "bluesky/jetstream", scene.now)
    await scene.goes_on(16)
    await pool.execute("INSERT INTO programs VALUES ('listener', 'here', 1, '', $1, $1)", scene.now)

    def short(all_of: Sequence[Fired]) -> list[tuple[Told, Severity, int, str, str]]:
        return [
            (one.told, one.severity, int(one.at.timestamp()) // 300, f"{one.since:%H:%M:%S}", one.evidence["why"])
            for one in all_of
        ]

    assert [one.told for one in scene.told] == [Told.BEGUN, Told.OVER] * 2
    again = await watching.replay(pool, scene.brand, scene.rules, began - timedelta(hours=1), scene.now, policy="quiet")
    assert short(again.fired) == short(scene.told)
