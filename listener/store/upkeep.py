"""What has to be done without anybody asking: counters folded, snoozes ended, late answers told and escalated, dead claims let go, old
leavings swept.

Every job may run in several programs at once and be killed anywhere: a lease or the rows' own locks see to it that it is done once.
Refuses to keep time: the hall calls, with `now`, when `next_at` says so.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

import asyncpg

from listener.model.work import Conversation
from listener.store import (
    attachments,
    claims,
    deliveries,
    page_links,
    presence,
    series,
    source_health,
    source_wishes,
    unanswered,
)
from listener.store.connect import acquired
from listener.store.conversations import COLUMNS, Event, changes, of_row, save, tell
from listener.workflow import clocks, moves
from listener.workflow.moves import Escalation

ESCALATED = "conversation.escalated"

FOLD_AT_ONCE = 20_000
WAKE_AT_ONCE = 200
SWEEP_AT_ONCE = 5_000

TOMBSTONES_FOR = timedelta(days=30)
"""How long a delete waits for a create that another source may bring late."""

REJECTS_FOR = timedelta(days=90)

RECHECKS_FOR = timedelta(days=90)
"""How long it is known when a message was last compared with the network."""

HIDDEN_FOR = timedelta(days=90)
"""How long it is known that a message is hidden on its network, or not, which nobody has brought."""

TICKS_FOR = timedelta(days=14)
"""How far back the longest window of a counting rule reaches: 7 days, held for 7 days."""

SKETCHES_FOR = timedelta(days=30)
"""How long later near-copies join a family; the conversations that are in it stay."""

# The lease ends with the transaction. One folder at a time: two would wait for each other's counter rows.
_FOLDER = "SELECT pg_try_advisory_xact_lock(7502739001)"

# In one statement, so that no reader ever sees a delta twice or not at all.
_FOLD = """
WITH gone AS (
    DELETE FROM counter_deltas WHERE id IN (SELECT id FROM counter_deltas ORDER BY id LIMIT $1)
    RETURNING brand_id, name, key, bucket, n
), folded AS (
    INSERT INTO counters AS c (brand_id, name, key, bucket, n)
    SELECT brand_id, name, key, bucket, sum(n) FROM gone GROUP BY 1, 2, 3, 4
    ON CONFLICT (brand_id, name, key, bucket) DO UPDATE SET n = c.n + excluded.n
)
SELECT count(*) FROM gone
"""

_DUE = f"""
SELECT {COLUMNS} FROM conversations WHERE next_at <= $1 ORDER BY next_at, id LIMIT $2 FOR UPDATE SKIP LOCKED
"""  # noqa: S608 - constant

# What was told already is known by the events themselves: whoever saves a conversation need not carry it along.
_TOLD = """
SELECT conversation_id, kind, (after ->> 'due')::timestamptz AS due, (after ->> 'person')::int AS person,
       before ->> 'team' AS from_team, after ->> 'team' AS to_team, at FROM events
WHERE conversation_id = ANY($1::bigint[]) AND kind = ANY($2::text[]) ORDER BY id
"""

_HELD = "SELECT conversation_id, until FROM claims WHERE conversation_id = ANY($1::bigint[]) AND until > $2"

_LOOK_AT = """
UPDATE conversations AS c SET next_at = n.next_at FROM unnest($1::bigint[], $2::timestamptz[]) AS n(id, next_at) WHERE c.id = n.id
"""

# Other rules may escalate what was overdue before.
_LOOK_AGAIN = """
UPDATE conversations SET next_at = $2 WHERE id IN (
    SELECT id FROM conversations
    WHERE brand_id = ANY($1::int[]) AND team = ANY($3::text[]) AND folder = 'open' AND assignee_id IS NULL AND merged_into IS NULL
      AND due_at <= $2 AND (next_at IS NULL OR next_at > $2) AND team <> '' ORDER BY id FOR UPDATE SKIP LOCKED
)
"""

_BRANDS = "SELECT array_agg(id) FROM brands"

_NEXT_AT = """
SELECT least((SELECT min(next_at) FROM conversations WHERE next_at IS NOT NULL), (SELECT min(until) FROM claims),
             (SELECT min(until) FROM presences))
"""

_SWEEP_TOMBSTONES = """
DELETE FROM tombstones WHERE (space, external_id) IN
    (SELECT space, external_id FROM tombstones WHERE at < $1 ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED)
"""

_SWEEP_REJECTS = """
DELETE FROM rejects WHERE (source_id, digest) IN
    (SELECT source_id, digest FROM rejects WHERE last_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)
"""


_SWEEP_TICKS = """
DELETE FROM rule_ticks WHERE (mention_id, brand_id, rule, sign, grp) IN
    (SELECT mention_id, brand_id, rule, sign, grp FROM rule_ticks
     WHERE at AT TIME ZONE 'UTC' < $1::timestamptz AT TIME ZONE 'UTC' ORDER BY at AT TIME ZONE 'UTC' LIMIT $2 FOR UPDATE SKIP LOCKED)
"""

_SWEEP_HIDDEN = """
DELETE FROM hidden_messages WHERE (space, external_id) IN
    (SELECT h.space, h.external_id FROM hidden_messages AS h
     WHERE h.at < $1 AND NOT EXISTS (SELECT FROM mention_keys AS k JOIN mentions AS m ON m.id = k.mention_id
                                     WHERE k.space = h.space AND k.external_id = h.external_id AND m.state = 'live')
     ORDER BY h.at LIMIT $2 FOR UPDATE OF h SKIP LOCKED)
"""

_SWEEP_SKETCHES = """
DELETE FROM copies WHERE mention_id IN
    (SELECT mention_id FROM copies WHERE at < $1 ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED)
"""


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep took away."""

    tombstones: int
    rejects: int
    ticks: int
    sketches: int
    pictures: int = 0
    """Of which only the bytes went."""
    hidden: int = 0


async def fold(pool: asyncpg.Pool) -> int:
    """Adds deltas to the counters and to the series, at most 20,000 of each; how many to the counters. 0: none, or another program is at it."""
    await series.fold(pool)
    async with acquired(pool) as connection, connection.transaction():
        if not await connection.fetchval(_FOLDER):
            return 0
        return int(await connection.fetchval(_FOLD, FOLD_AT_ONCE))


async def wake(pool: asyncpg.Pool, now: datetime, escalations: Mapping[str, Escalation] = MappingProxyType({})) -> int:
    """Ends every snooze that is due, and every claim and presence whose terminal died, and tells everybody; tells once for each due time
    that an answer is due soon or overdue, and that a conversation should soon be resolved or should have been: while nobody holds it or
    is assigned to it, else its assignee alone. Whose answer nobody took goes to another team, where its own has an entry in
    `escalations`. How many conversations woke.
    """
    await claims.expire(pool, now)
    await presence.expire(pool, now)
    woken = 0
    while (more := await _wake(pool, now, escalations)) is not None:
        woken += more
    return woken


async def _wake(pool: asyncpg.Pool, now: datetime, escalations: Mapping[str, Escalation]) -> int | None:
    """One transaction's worth; None: nothing is due, or others have it in hand."""
    async with acquired(pool) as connection, connection.transaction():
        due = [of_row(row) for row in await connection.fetch(_DUE, now, WAKE_AT_ONCE)]
        if not due:
            return None
        moved = [(c, moves.woken(c, now)) for c in due]
        woken = [(c, awake) for c, awake in moved if awake is not c]
        await save(connection, [awake for _, awake in woken], now)
        late = await _late(connection, [c for c, awake in moved if awake is c], now, escalations)
        await tell(connection, [*(_woke(c, awake) for c, awake in woken), *late], now)
        return len(woken)


async def look_again(pool: asyncpg.Pool, now: datetime, teams: Collection[str]) -> None:
    """Teams escalate otherwise than before: what they have not taken and is overdue is looked at anew by the next `wake`."""
    if teams:
        async with acquired(pool) as connection:
            brands = await connection.fetchval(_BRANDS)
            await connection.execute(_LOOK_AGAIN, brands or [], now, list(teams))


def _woke(asleep: Conversation, awake: Conversation) -> Event:
    before, after = changes(asleep, awake)
    return Event(asleep.brand_id, "wake", asleep.id, before=before, after=after)


@dataclass(slots=True)
class _Past:
    """What was told of the times that a conversation has now."""

    kinds: set[tuple[str, int | None]] = field(default_factory=set)
    """With whom it was told to alone."""
    passed_on: set[str] = field(default_factory=set)
    """Teams from which it was taken for being overdue."""
    reached: dict[str, datetime] = field(default_factory=dict)
    """When it came to which team so."""


async def _late(
    connection: asyncpg.Connection,
    untouched: Sequence[Conversation],
    now: datetime,
    escalations: Mapping[str, Escalation],
) -> list[Event]:
    """What is to be told of conversations that did not wake; each is looked at again when that can be otherwise, or it would be due for ever."""
    ids = [c.id for c in untouched]
    past = await _told_of(connection, untouched)
    held = {row["conversation_id"]: row["until"] for row in await connection.fetch(_HELD, ids, now)}
    events: list[Event] = []
    looks: list[datetime | None] = []
    passed: list[Conversation] = []
    for c in untouched:
        running = clocks.running(c)
        told = [late for clock, at in running.items() if (late := clocks.lateness(clock, at, now)) is not None]
        if not told:
            looks.append(clocks.next_at(c))
            continue
        if c.id in held and c.assignee_id is None:
            looks.append(clocks.earlier(held[c.id], c.snoozed_until))
            continue
        before = past[c.id]
        events += [_warning(c, late, running[late.clock]) for late in told if _kind(c, late) not in before.kinds]
        look = clocks.next_look(c, now)
        step = escalations.get(c.team)
        if clocks.Lateness.OVER in told and c.due_at is not None and step is not None and _untaken(c, before):
            at: datetime | None = before.reached.get(c.team, c.due_at) + step.after
            if at is not None and at <= now:
                after = moves.escalated(c, step.to)
                passed.append(after)
                was, became = changes(c, after)
                events.append(Event(c.brand_id, ESCALATED, c.id, before=was, after={**became, "due": c.due_at}))
                at = now + escalations[step.to].after if step.to in escalations else None
            look = clocks.earlier(look, at)
        looks.append(look)
    await save(connection, passed, now)
    await connection.execute(_LOOK_AT, ids, looks)
    return events


def _kind(c: Conversation, late: clocks.Lateness) -> tuple[str, int | None]:
    """Of the event that says so, with the person to whom alone it is said."""
    return (f"conversation.{late}" if c.assignee_id is None else f"reminder.{late}"), c.assignee_id


def _warning(c: Conversation, late: clocks.Lateness, at: datetime) -> Event:
    kind, person_id = _kind(c, late)
    to = {} if person_id is None else {"person": person_id}
    return Event(c.brand_id, kind, c.id, after={"due": at, **to})


def _untaken(c: Conversation, past: _Past) -> bool:
    """Nobody has it, and nobody gave it back to the team from which it was taken."""
    return c.assignee_id is None and c.team not in past.passed_on


async def _told_of(connection: asyncpg.Connection, conversations: Sequence[Conversation]) -> dict[int, _Past]:
    kinds = [f"{word}.{one}" for one in clocks.Lateness for word in ("conversation", "reminder")]
    times = {c.id: clocks.running(c) for c in conversations}
    past = {c.id: _Past() for c in conversations}
    for row in await connection.fetch(_TOLD, list(times), [*kinds, ESCALATED]):
        late = None if row["kind"] == ESCALATED else clocks.Lateness(row["kind"].partition(".")[2])
        if row["due"] == times[row["conversation_id"]].get(late.clock if late else clocks.Clock.REPLY):
            one = past[row["conversation_id"]]
            if late is None:
                one.passed_on.add(row["from_team"])
                one.reached[row["to_team"]] = row["at"]
            else:
                one.kinds.add((row["kind"], row["person"]))
    return past


async def next_at(pool: asyncpg.Pool) -> datetime | None:
    """When `wake` has something to do again; None: nothing is planned. It may have passed already."""
    async with acquired(pool) as connection:
        found: datetime | None = await connection.fetchval(_NEXT_AT)
    return found


async def prune(pool: asyncpg.Pool, now: datetime) -> Swept:
    """Sweeps out tombstones after 30 days, rejects 90 days after they were last seen, what no rule counts any more, sketches after
    30 days, the bytes of pictures 30 days after they went out or came to nothing, what networks said 90 days ago of the hiding of messages
    that are not held, series after 400 days, links of pages that have ended, and what deliveries and faults have left; in small transactions.
    """
    await deliveries.sweep(pool, now)
    await source_health.sweep(pool, now)
    await source_wishes.sweep(pool, now - RECHECKS_FOR)
    await _sweep(pool, series.SWEEP, now - series.KEPT_FOR)
    await _sweep(pool, unanswered.SWEEP, now - unanswered.KEPT_FOR)
    await _sweep(pool, page_links.SWEEP, now)
    return Swept(
        await _sweep(pool, _SWEEP_TOMBSTONES, now - TOMBSTONES_FOR),
        await _sweep(pool, _SWEEP_REJECTS, now - REJECTS_FOR),
        await _sweep(pool, _SWEEP_TICKS, now - TICKS_FOR),
        await _sweep(pool, _SWEEP_SKETCHES, now - SKETCHES_FOR),
        await attachments.sweep(pool, now),
        await _sweep(pool, _SWEEP_HIDDEN, now - HIDDEN_FOR),
    )


async def _sweep(pool: asyncpg.Pool, statement: str, before: datetime) -> int:
    swept = 0
    async with acquired(pool) as connection:
        while gone := int((await connection.execute(statement, before, SWEEP_AT_ONCE)).rpartition(" ")[2]):
            swept += gone
    return swept
