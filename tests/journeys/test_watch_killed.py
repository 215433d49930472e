"""Whole listeners are killed while they watch: each alarm is one incident and one page, and what is remembered is what one that lived remembers.

The first kills fall where a look can be cut in two: the test holds the lock that the listener needs next, sees it wait there in the middle of
its transaction, and kills it. Those after them fall on two listeners at once, at random moments. The clocks are the wall's: the storm lies in
the last five minutes that are over, which nobody has looked at yet.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from listener.incidents import watching as thinking
from listener.incidents.hearing import Stream
from listener.incidents.shape import Fired
from listener.incidents.watching import STEP, Counted, Desks, Heard, States
from listener.rulebook.alerting import Policy
from listener.rulebook.parse import parse
from listener.rulebook.shape import Rulebook
from listener.spikes.paging import Told
from listener.store import migrate, people, series, sources, watching
from pretend.network import Network
from tests.journeys.running import RULES, Program, Running, running, until
from tests.journeys.test_escalation_killed import SHORT_LEASE
from tests.promises.paged import Ear, ear

SEED = random.randrange(10_000)
BRANDS = ("larkspur", "iris", "lily", "aster", "tulip", "peony")
TOPICS = ("petal", "stem", "leaf", "root")
RIPE = 4
"""Five minutes that are over and that nobody has looked at: few enough to be news until the journey ends."""
DAYS = 2
LOOKS, FIRES = 1_751_479_924, 750_273_903
"""The locks of a brand: of whoever looks at its counters, and of whoever changes its incidents."""

ALERTS = """
alerts:
  - {key: mood, owner: care, kind: negative, scope: {topics: [root]}}
  - {key: loud, owner: care, kind: volume, scope: {topics: [petal, stem]}}
  - {key: stuck, owner: care, kind: need, scope: {topics: [leaf]}}
  - {key: asked, owner: care, kind: rule}
routes: [{key: all, receivers: [team], wait: 1s, repeat: 4h, interval: 1h}]
"""
EVENTS = {Told.BEGUN: "incident.opened", Told.WORSE: "incident.worse", Told.OVER: "incident.over"}

_COUNT = """
INSERT INTO series (brand_id, topic, source, at, history, mentions, negative, urgent, reach)
SELECT $1, topic, 'bluesky', to_timestamp(at), false, mentions, negative, urgent, 0
FROM unnest($2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[]) AS n(topic, at, mentions, negative, urgent)
"""
_ASK = "INSERT INTO asked_alerts (brand_id, policy, rule, mention_id, at) SELECT $1, 'asked', 'down', n, $2 FROM generate_series(1, 3) AS n"
_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE $1 = ANY(pg_blocking_pids(pid))"
_LOOKING = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = $1 AND granted)"
_BEHIND = """
SELECT (SELECT count(*) FROM spike_states WHERE (state ->> 'at')::bigint < $1) + (SELECT count(*) FROM asked_alerts)
"""
_TO_TELL = (
    "SELECT (SELECT count(*) FROM incidents WHERE step = 0) + (SELECT count(*) FROM outbox WHERE state <> 'accepted')"
)
_LEAVING = "SELECT EXISTS (SELECT FROM outbox WHERE state = 'sending' AND frozen IS NOT NULL)"
_INCIDENTS = "SELECT id, policy, topic FROM incidents WHERE brand_id = $1"
_EVENTS = "SELECT kind FROM events WHERE brand_id = $1 AND kind LIKE 'incident.%' AND kind <> 'incident.step'"
_PAGES = "SELECT incident_id, what FROM pages"


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere in what a listener does for a brand, and what it needs there."""

    brands: tuple[str, ...]
    needs: str
    """A statement that takes it, for a brand's id ($1); it is taken back afterwards."""


TO_FIRE = f"SELECT pg_advisory_xact_lock({FIRES}, $1::int)"
PLACES = (
    Place(("peony",), TO_FIRE),  # what rules asked for is taken, and nothing made of it
    Place(("larkspur",), TO_FIRE),  # everything is read, and nothing written
    Place(("iris",), "SELECT FROM spike_states WHERE brand_id = $1 FOR UPDATE"),  # all incidents are written
    Place(("lily",), "INSERT INTO spike_desks SELECT $1, 'loud', 'petal', '', '{}'"),  # and what was learned
)
MEETING = Place(("aster", "tulip", "peony"), TO_FIRE)
"""Where two listeners are at once: in the looks at two brands, or one in what rules asked for."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Brands of which a storm was heard in the last minutes, and what was remembered of them before it."""

    house: Running
    book: Rulebook
    brands: Mapping[str, series.Watched]
    counted: Sequence[Counted]
    anchor: int
    """The newest bucket that was over when it began."""
    before: Mapping[str, tuple[States, Desks]]

    @classmethod
    async def built(cls, house: Running) -> Scene:
        topics = "".join(f"  - {{key: {key}, title: {key}, kind: brand, query: {key}}}\n" for key in TOPICS)
        text = RULES.replace("rules:\n", f"{topics}rules:\n") + ALERTS
        (house.folder / "rules" / "rules.yaml").write_text(text)
        book = parse({"rules.yaml": text})
        assert isinstance(book, Rulebook), book
        async with house.pool.acquire() as connection:
            await migrate.migrate(connection)
        brands = {
            key: series.Watched(await people.ensure_brand(house.pool, key, key, "UTC"), key, "UTC") for key in BRANDS
        }
        now = datetime.now(UTC)
        anchor = watching.newest(now)
        await sources.open_source(house.pool, "bluesky/jetstream", now)
        await house.pool.execute(
            "UPDATE sources SET born_at = $1, beat_at = $2, stored = 1000000", now - timedelta(days=9), now
        )
        counted, before = list(counts(anchor)), {}
        rows = [(one.topic, one.at, one.mentions, one.negative, one.urgent) for one in counted]
        quiet = datetime.fromtimestamp(anchor - (RIPE - 1) * STEP + watching.GRACE, UTC)
        for brand in brands.values():
            await house.pool.execute(_COUNT, brand.id, *map(list, zip(*rows, strict=True)))
            for moment in (quiet - timedelta(seconds=STEP), quiet):  # learned from; then five minutes like all others
                assert not (await watching.look(house.pool, brand, book, moment, nothing_yet)).more
            async with house.pool.acquire() as connection:
                found = await series.states(connection, brand.id), await series.desks(connection, brand.id)
            before[brand.key] = found
        for key in BRANDS[-2:]:
            await house.pool.execute(_ASK, brands[key].id, now)
        return cls(house, book, brands, counted, anchor, before)

    def undisturbed(self, key: str, last: int) -> tuple[thinking.Watch, list[Fired]]:
        """A watch that nobody kills, after the bucket `last`, and what it said. Pure."""
        heard = Heard(self.counted, [Stream("bluesky/jetstream", "running", 0.0, last + STEP)], last + STEP)
        looks = thinking.looks(self.book.alerts, self.book.topics, key, {"bluesky"})
        states, desks = self.before[key]
        watch = thinking.Watch(looks, "UTC", (), dict(states), dict(desks))
        said = [
            thinking.fired(self.brands[key].id, alert, None, datetime.fromtimestamp(at + STEP, UTC))
            for at in watch.behind(last)
            for alert in watch.take(at, heard)
        ]
        return watch, said

    @contextlib.asynccontextmanager
    async def waits_at(self, place: Place, listeners: int) -> AsyncIterator[None]:
        """While so many listeners wait there."""
        connection = await asyncpg.connect(self.house.server.dsn(), server_settings={"search_path": "hubbub"})

        async def there() -> bool:
            return bool(await self.house.pool.fetchval(_WAITING, connection.get_server_pid()) == listeners)

        try:
            await connection.execute("BEGIN")
            for key in place.brands:
                await connection.fetch(place.needs, self.brands[key].id)
            await until(there, every=0.02, told=self.house.logs)
            yield
        finally:
            await connection.close()

    async def looked(self) -> bool:
        """Whether everything was looked at."""
        return bool(await self.house.pool.fetchval(_BEHIND, self.anchor) == 0)

    async def looking(self) -> bool:
        """Whether somebody looks now, or there is nothing left to look at."""
        return bool(await self.house.pool.fetchval(_LOOKING, LOOKS)) or await self.looked()

    async def leaving(self) -> bool:
        """Whether a page may be on its way now, or all of them have arrived."""
        return bool(await self.house.pool.fetchval(_LEAVING)) or await self.done()

    async def done(self) -> bool:
        """Whether all of it is looked at and told."""
        return await self.looked() and await self.house.pool.fetchval(_TO_TELL) == 0


async def nothing_yet(_connection: asyncpg.Connection, fired: Fired, _policy: Policy, _now: datetime) -> int | None:
    raise AssertionError(f"nothing has happened yet: {fired}")


def counts(anchor: int) -> Iterator[Counted]:
    """Days that are like each other, with a storm in the last five minutes but some; and what is still to come."""
    for topic in TOPICS:
        for at in range(anchor - DAYS * 86_400, anchor + 6 * STEP, STEP):
            storm = anchor - (RIPE - 1) * STEP < at <= anchor
            yield Counted(topic, "bluesky", at, False, *((90, 80, 40) if storm else (9 + at // STEP % 3, 2, 1)))


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_listeners_killed_while_they_watch_fire_each_alarm_once_and_remember_what_one_that_lived_does() -> None:
    print(f"seed {SEED}")
    dice = random.Random(SEED)
    async with ear() as one, Network.start() as network:
        more = "".join(f'\n[[brand]]\nkey = "{key}"\nname = "{key}"\n' for key in BRANDS[1:])
        more += (
            f'\n[[receiver]]\nname = "team"\nkind = "webhook"\naddress = "{one.address}"\nsecret_env = "PAGER_SECRET"\n'
        )
        secrets = {"PAGER_SECRET": "0123456789abcdef0123456789abcdef"}
        async with running(network, more=more, secrets=secrets) as house:
            scene = await Scene.built(house)
            first = house.program("listener", serve=SHORT_LEASE)
            second = Program("second", first.arguments, elsewhere(house), house.folder / "second.log")
            for place in PLACES:
                async with scene.waits_at(place, 1):
                    first.kill()
                first.start()
            house.programs["second"] = second
            second.start()
            async with scene.waits_at(MEETING, 2):
                pass
            for _ in range(2):
                await asyncio.sleep(dice.uniform(0.0, 0.3))
                victim = dice.choice((first, second))
                victim.kill()
                victim.start()
                await until(scene.looking, every=0.002, told=house.logs)
            await until(scene.leaving, every=0.001, told=house.logs)
            for victim in (first, second):
                victim.kill()
                victim.start()
            await until(scene.done, told=house.logs)
            wanted = [await compared(scene, key) for key in BRANDS]
            rows = await house.pool.fetch(_PAGES)
            assert Counter(map(tuple, rows)) == Counter((id_, "alert") for ids in wanted for id_ in ids)
            assert arrived(one) == sorted(f"page/{id_}/alert/team//0/0" for ids in wanted for id_ in ids)


def elsewhere(house: Running) -> dict[str, str]:
    """The surroundings of a listener with a home of its own, on the same database."""
    return {**house.environ, "HUBBUB_HOME": str(house.folder / "elsewhere"), "HUBBUB_DATABASE_URL": house.server.dsn()}


async def compared(scene: Scene, key: str) -> list[int]:
    """The incidents of a brand, after everything of it was found to be as if one listener had lived all the time."""
    brand = scene.brands[key]
    async with scene.house.pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
        states = await series.states(connection, brand.id)
        desks = await series.desks(connection, brand.id)
        incidents = await connection.fetch(_INCIDENTS, brand.id)
        events = await connection.fetch(_EVENTS, brand.id)
    [last] = {state.at for state in states.values()}
    assert last is not None
    assert last >= scene.anchor
    watch, said = scene.undisturbed(key, last)
    assert len([fired for fired in said if fired.told is Told.BEGUN]) == 4
    assert states == watch.states, key
    assert desks == watch.desks, key
    begun = [(fired.policy, fired.topic) for fired in said if fired.told is Told.BEGUN]
    asked = [("asked", "")] if key in BRANDS[-2:] else []
    assert sorted((row["policy"], row["topic"]) for row in incidents) == sorted(begun + asked), key
    kinds = Counter(row["kind"] for row in events)
    assert kinds == Counter([*(EVENTS[fired.told] for fired in said if fired.told in EVENTS), *(EVENTS[Told.BEGUN] for _ in asked)]), key  # fmt: skip
    return [row["id"] for row in incidents]


def arrived(one: Ear) -> list[str]:
    """The pages that arrived, by their keys; a delivery that was killed may come again under its key."""
    return sorted({json.loads(body)["key"] for _, _, body in one.heard})
