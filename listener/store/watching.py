"""One look at a brand's counters: read, learned from, kept, and what is surprising handed to incidents, all in one transaction.

Owns the order: what was counted late is mended first, then each finished bucket is taken once. A second listener finds it done, and who is
killed in between has done nothing. Refuses to know what becomes of what is fired: `Fire` is handed in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg

from listener.incidents import lives, watching
from listener.incidents.hearing import Stream
from listener.incidents.shape import Fired
from listener.incidents.watching import STEP, Alert, Counted, Counter, Heard, Watch
from listener.query.clock import zone
from listener.rulebook.alerting import Policy
from listener.rulebook.shape import Rulebook
from listener.spikes.baseline import DAY
from listener.spikes.paging import Told
from listener.store import lives as lived
from listener.store import series
from listener.store.connect import acquired, repeated
from listener.store.series import Asked, Watched
from listener.store.unanswered import LINE

GRACE = 60
"""Seconds after the end of a bucket until it is looked at: what is heard takes a while to come."""
LEARN_AT_ONCE = 10
"""Counters that are learned from the past in one look; the others wait for the next one, a moment later."""
OLDEST = timedelta(days=1)
"""What a rule asked for a message that was said longer ago is history."""

Fire = Callable[[asyncpg.Connection, Fired, Policy, datetime], Awaitable[int | None]]
"""What becomes of it, in the same transaction; the id of the incident."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look came to."""

    fired: tuple[Fired, ...] = ()
    more: bool = False
    """There are counters that were not learned from yet: look again at once."""


def newest(now: datetime) -> int:
    """The beginning of the newest bucket that may be looked at. Seconds since 1970."""
    return (int(now.timestamp()) - GRACE) // STEP * STEP - STEP


def next_look(now: datetime) -> datetime:
    """When the bucket after that may be."""
    return datetime.fromtimestamp(newest(now) + 2 * STEP + GRACE, UTC)


def _time(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC)


@repeated
async def look(pool: asyncpg.Pool, brand: Watched, book: Rulebook, now: datetime, fire: Fire) -> Seen:
    """Takes every finished bucket since the last look. Nothing, where somebody else is at it."""
    async with acquired(pool) as connection, connection.transaction():
        if not await series.alone(connection, brand.id):
            return Seen()
        return await _look(connection, brand, book, now, fire)


async def _look(connection: asyncpg.Connection, brand: Watched, book: Rulebook, now: datetime, fire: Fire) -> Seen:
    last = newest(now)
    begin, end = _time(last - watching.LEARNED_DAYS * DAY), _time(last + STEP)
    streams = await series.streams(connection, brand.id, begin, end)
    looks = watching.looks(book.alerts, book.topics, brand.key, {one.network for one in streams})
    watch = Watch(
        looks,
        brand.zone,
        book.calendar,
        await series.states(connection, brand.id),
        await series.desks(connection, brand.id),
    )
    watch.forget()
    cold = watch.cold()[:LEARN_AT_ONCE]
    topics = {counter.topic for counter in watching.needed(looks)}
    reached = watch.reached(last)
    counted = await series.changed(
        connection, brand.id, topics, _time(reached - DAY), end, _time(reached), [_time(at) for at in watch.unknown()]
    )
    heard = await asyncio.to_thread(_made_ready, watch, counted, streams, now)
    past = await series.counts(connection, brand.id, {counter.topic for counter in cold}, begin, end) if cold else []
    await asyncio.to_thread(_learned, watch, past, streams, now, cold, last)
    told: list[Fired] = []
    for at in watch.behind(last):
        fresh = now.timestamp() - (at + STEP) <= watching.FRESH
        for alert in await asyncio.to_thread(watch.take, at, heard, speak=fresh, on_time=at == last):
            one = await _fired(connection, brand, watch, alert, now)
            if one is not None:
                told.append(one)
                await fire(connection, one, alert.look.policy, now)
    # Who comes back is there before the streams are: whether they come too is seen at the next look.
    back = last - reached > watching.FRESH
    for found, what, began, stream in () if back else watch.not_heard(streams, last, now.timestamp()):
        one = watching.fired_deaf(brand.id, found, what, began, stream, now)
        told.append(one)
        await fire(connection, one, found.policy, now)
    await series.keep(connection, brand.id, watch.states, watch.desks, watching.needed(looks))
    return Seen(tuple(told), more=bool(watch.cold()))


def _made_ready(watch: Watch, counted: Sequence[Counted], streams: Sequence[Stream], now: datetime) -> Heard:
    heard = Heard(counted, streams, now.timestamp())
    watch.mend(heard)
    return heard


def _learned(
    watch: Watch,
    counted: Sequence[Counted],
    streams: Sequence[Stream],
    now: datetime,
    cold: Sequence[Counter],
    last: int,
) -> Heard:
    heard = Heard(counted, streams, now.timestamp())
    for counter in cold:
        watch.learn(counter, heard, last)
    return heard


async def _fired(
    connection: asyncpg.Connection, brand: Watched, watch: Watch, alert: Alert, now: datetime
) -> Fired | None:
    """What is handed on; None: too few people said it, and the next bucket asks again."""
    authors = None
    if alert.alarm.told is not Told.OVER:
        begin, end = watching.span_of(alert.alarm)
        authors = await series.authors(connection, brand.id, alert.look.counter, begin, end, LINE)
        if alert.few(authors):
            watch.refuse(alert)
            return None
    return watching.fired(brand.id, alert, watch.states.get(alert.look.counter), now, authors)


@repeated
async def hand_over(pool: asyncpg.Pool, brand: Watched, book: Rulebook, now: datetime, fire: Fire) -> Seen:
    """Fires what rules asked for since the last time: once for an alert, however many messages asked."""
    async with acquired(pool) as connection, connection.transaction():
        found: dict[str, list[Asked]] = {}
        for one in await series.asked(connection, brand.id):
            if now - one.at <= OLDEST:
                found.setdefault(one.policy, []).append(one)
        policies: Mapping[str, Policy] = {policy.key: policy for policy in book.alerts}
        told = [
            asked(brand, policies[key], all_of, book, now) for key, all_of in sorted(found.items()) if key in policies
        ]
        for one_fired in told:
            await fire(connection, one_fired, policies[one_fired.policy], now)
    return Seen(tuple(told))


def asked(brand: Watched, policy: Policy, all_of: Sequence[Asked], book: Rulebook, now: datetime) -> Fired:
    """What rules ask for, as it is handed on."""
    day = now.astimezone(zone(brand.zone)).date()
    planned = [one for one in book.calendar if one.on(day)]
    mutes = [one.title for one in planned if policy.key in one.mute]
    rules = sorted({one.rule for one in all_of})
    count = "a message" if len(all_of) == 1 else f"{len(all_of)} messages"
    evidence = {
        "why": f"{count} by {', '.join(rules)}",
        "seen": len(all_of),
        "rules": rules,
        "mention": all_of[-1].mention_id,
        **({"planned": [one.title for one in planned]} if planned else {}),
    }
    muted_by = f"planned: {', '.join(mutes)}" if mutes else ""
    return Fired(
        brand.id, policy.key, policy.watched, Told.BEGUN, policy.severity, now, min(one.at for one in all_of), evidence=evidence,
        muted_by=muted_by,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay came to."""

    fired: tuple[Fired, ...]
    counters: int
    buckets: int


async def replay(
    pool: asyncpg.Pool, brand: Watched, book: Rulebook, start: datetime, end: datetime, *, policy: str = ""
) -> Replayed:
    """What alerts (or one of them) would have said from `start` to `end`, by the counters as they are now; the database is only read.

    What came before `start` is learned from, as by a first look. Streams that were not heard are told as far as that is kept.
    """
    begin, until = int(start.timestamp()) // STEP * STEP, int(end.timestamp()) // STEP * STEP
    since = datetime.fromtimestamp(begin - watching.LEARNED_DAYS * DAY, UTC)
    async with acquired(pool) as connection:
        streams = lives.lives(
            await series.streams(connection, brand.id, since, end), await lived.of_the_past(connection, brand.id)
        )
        listened = await lived.lived_until(connection) or 0.0
        policies = [one for one in book.alerts if not policy or one.key == policy]
        looks = watching.looks(policies, book.topics, brand.key, {one.network for one in streams})
        watch = Watch(looks, brand.zone, book.calendar)
        counted = await series.counts(connection, brand.id, {c.topic for c in watching.needed(looks)}, since, end)
        heard = await asyncio.to_thread(_learned, watch, counted, streams, end, watch.cold(), begin - STEP)
        told: list[Fired] = []
        for day in range(begin, until, DAY):
            buckets = range(day, min(day + DAY, until), STEP)
            told += await _replayed(connection, brand, watch, heard, buckets, streams, listened)
    return Replayed(tuple(told), len(watch.states), max(0, (until - begin) // STEP))


async def _replayed(
    connection: asyncpg.Connection, brand: Watched, watch: Watch, heard: Heard, buckets: Sequence[int],
    streams: Sequence[Stream], listened: float,
) -> list[Fired]:  # fmt: skip
    told = []
    for at in buckets:
        for alert in watch.take(at, heard):
            one = await _fired(connection, brand, watch, alert, datetime.fromtimestamp(at + STEP, UTC))
            if one is not None:
                told.append(one)
        looked = at + STEP + GRACE
        if looked <= listened:
            for found, what, began, stream in watch.not_heard(lives.those_of(streams, looked), at, looked):
                told.append(watching.fired_deaf(brand.id, found, what, began, stream, _time(looked)))
        await asyncio.sleep(0)
    return told
