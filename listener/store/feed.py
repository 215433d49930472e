"""What has changed, told as it happens. Owns LISTEN and the reading of the `events` table; refuses to carry text, and to poll.

NOTIFY is only a bell; truth is the table. Ids and even transaction ids become visible out of order, so a reader's place is not an id
but a snapshot: the transactions it has seen. After a bell it takes what is visible now and was not visible in that snapshot.
So nothing is skipped or told twice, a transaction that stays open holds up nobody but itself (it rings its own bell when it commits),
and no timer runs while nothing happens.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field, replace

import asyncpg

from listener.errors import NotReachable, TryAgain
from listener.store.bells import DELIVERY, WISH
from listener.store.connect import acquired, connect, store_errors
from listener.store.views.changed import Changed

CHANNEL = "hubbub"

PRESENCE = "presence/"
"""Before the brand's id in the bell of those who look at conversations: what they do leaves no event."""

CALLS = (WISH, DELIVERY)
"""Before the stream's key in the bells of sources, which belong to no brand."""

SOURCES = "sources"
"""The bell of those who look at sources, of whatever brand."""

LATE = (
    "conversation.due-soon",
    "conversation.overdue",
    "conversation.escalated",
    "reminder.due-soon",
    "reminder.overdue",
)
"""Events that somebody should be told of who works on it."""

UNRESOLVED = (
    "conversation.resolve-soon",
    "conversation.resolve-over",
    "reminder.resolve-soon",
    "reminder.resolve-over",
)
"""The same, of the time to resolve."""

MOST = 5_000
"""Events read at a time. Who has missed more is told to read everything again: cheaper than a list of all of it."""

FIRST_WAIT, LONGEST_WAIT = 0.1, 5.0
"""Seconds between attempts to come back after a lost connection."""

PATIENCE = 30.0
"""Seconds that a statement may take before the connection counts as lost."""

_HERE = "SELECT pg_postmaster_start_time()::text || '/' || pg_current_snapshot()::text"

# A server that crashed may give transaction ids again that it gave before, to transactions which had written nothing;
# a restored database may stand anywhere. Places of another life of the server compare with nothing.
_SINCE = """
WITH here AS (
    SELECT pg_current_snapshot() AS now, split_part($1, '/', 2)::pg_snapshot AS since,
           pg_postmaster_start_time()::text AS life, split_part($1, '/', 1) AS life_then
)
SELECT here.life || '/' || here.now::text AS position,
       here.life <> here.life_then OR pg_snapshot_xmax(here.now) < pg_snapshot_xmax(here.since) AS other_life,
       e.kind, e.conversation_id, e.mention_id, e.outbox_id, e.topics, e.author_id, e.incident_id
FROM here LEFT JOIN LATERAL (
    SELECT kind, conversation_id, mention_id, outbox_id,
           (SELECT array_agg(t) FROM jsonb_object_keys(after -> 'topics') AS t) AS topics,
           CASE WHEN kind LIKE 'act.%' THEN (after ->> 'author')::bigint END AS author_id, incident_id
    FROM events
    WHERE xid >= pg_snapshot_xmin(here.since) AND NOT pg_visible_in_snapshot(xid, here.since)
      AND ($2::int IS NULL OR brand_id = $2)
    ORDER BY xid, id LIMIT $3
) AS e ON true
"""


async def position(pool: asyncpg.Pool) -> str:
    """The place of a reader who has seen everything committed so far. Opaque; take it before reading what a screen shows."""
    async with acquired(pool) as connection:
        return str(await connection.fetchval(_HERE))


async def since(
    connection: asyncpg.Connection, place: str, brand_id: int | None, *, most: int = MOST
) -> tuple[str, Changed]:
    """What became visible after `place`, and the new place. With more than `most` events: lost, and no list."""
    rows = await connection.fetch(_SINCE, place, brand_id, most + 1, timeout=PATIENCE)
    here = str(rows[0]["position"])
    if len(rows) > most or rows[0]["other_life"]:
        return here, EVERYTHING
    return here, Changed(
        conversations=frozenset(row["conversation_id"] for row in rows if row["conversation_id"] is not None),
        topics=frozenset(topic for row in rows for topic in row["topics"] or ()),
        outbox=frozenset(row["outbox_id"] for row in rows if row["outbox_id"] is not None),
        rulebook=any((row["kind"] or "").startswith("rulebook.") for row in rows),
        lost=False,
        views=any((row["kind"] or "").startswith("view.") for row in rows),
        notes=any(row["kind"] == "act.note" for row in rows),
        marks=frozenset(row["mention_id"] for row in rows if row["kind"] == "rule.marked"),
        late=frozenset(row["conversation_id"] for row in rows if row["kind"] in LATE),
        unresolved=frozenset(row["conversation_id"] for row in rows if row["kind"] in UNRESOLVED),
        handovers=any(row["kind"] == "handover.written" for row in rows),
        authors=frozenset(row["author_id"] for row in rows if row["author_id"] is not None),
        learned=any((row["kind"] or "").startswith("learning.") for row in rows),
        incidents=frozenset(row["incident_id"] for row in rows if row["incident_id"] is not None),
        asked=any(row["kind"] == "alert.asked" for row in rows),
    )


EVERYTHING = Changed(
    frozenset(),
    frozenset(),
    frozenset(),
    rulebook=True,
    lost=True,
    views=True,
    presence=True,
    handovers=True,
    sources=True,
    learned=True,
)
"""Read everything again."""

NOTHING = Changed(frozenset(), frozenset(), frozenset(), rulebook=False, lost=False)


@dataclass(slots=True)
class Feed:
    """The feed of one database, by a connection of its own. `told` hears True when connected and False when not."""

    dsn: str = field(repr=False)
    application_name: str = "hubbub feed"
    told: Callable[[bool], None] = lambda _: None

    async def changes(self, brand_id: int | None, *, since: str | None = None) -> AsyncGenerator[Changed, None]:
        """What changes for a brand (None: for any), for ever, coalesced: one `Changed` per catch-up, never an empty one.

        `since`: a `position` to start from; None: from when this begins to listen. After a lost connection it comes back by itself
        and says `lost`; what has changed meanwhile is found by reading again. Raises FixMe when the database refuses us for good.
        """
        place, again = since, False
        while True:
            bell, looks = asyncio.Event(), asyncio.Event()
            called: set[str] = set()
            connection = await self._listening(bell, looks, called, brand_id, patient=again)
            try:
                # First listen, then look where we are: what commits from here on either rings or is seen by the first look.
                if place is None:
                    place = await _here(connection)
                self.told(True)
                if again:
                    yield EVERYTHING
                bell.set()
                while True:
                    await bell.wait()
                    bell.clear()
                    if connection.is_closed():
                        break
                    presence = looks.is_set()
                    looks.clear()
                    fares = SOURCES in called
                    calls = frozenset(called - {SOURCES})
                    called.clear()
                    place, changed = await _caught_up(connection, place, brand_id)
                    changed = replace(changed, presence=True) if presence else changed
                    changed = _with_calls(changed, calls) if calls else changed
                    changed = replace(changed, sources=True) if fares else changed
                    if changed != NOTHING:
                        yield changed
            except (TryAgain, NotReachable):
                pass
            finally:
                self.told(False)
                connection.terminate()
            place, again = None, True

    async def _listening(
        self, bell: asyncio.Event, looks: asyncio.Event, called: set[str], brand_id: int | None, *, patient: bool
    ) -> asyncpg.Connection:
        """A connection that rings `bell` for this brand and when it breaks, and `looks` with it when somebody looks at something else.
        What is wanted of sources, and delivered to them, leaves no event: it goes into `called`. The first attempt fails loudly,
        later ones wait.
        """
        wait = FIRST_WAIT

        def rung(_: object, __: int, ___: str, payload: str) -> None:
            if brand_id is not None and payload == f"{PRESENCE}{brand_id}":
                looks.set()
                bell.set()
            elif payload == SOURCES:
                if brand_id is not None:
                    called.add(payload)
                    bell.set()
            elif payload.startswith(CALLS):
                if brand_id is None:
                    called.add(payload)
                    bell.set()
            elif payload in (str(brand_id), "rulebook") or (brand_id is None and not payload.startswith(PRESENCE)):
                bell.set()

        while True:
            try:
                connection = await connect(self.dsn, application_name=self.application_name)
                try:
                    connection.add_termination_listener(lambda _: bell.set())
                    with store_errors():
                        await connection.add_listener(CHANNEL, rung)
                except BaseException:
                    connection.terminate()
                    raise
                return connection
            except (TryAgain, NotReachable):
                if not patient:
                    raise
            await asyncio.sleep(wait * random.uniform(0.5, 1.0))
            wait = min(wait * 2, LONGEST_WAIT)


async def _here(connection: asyncpg.Connection) -> str:
    with store_errors():
        return str(await connection.fetchval(_HERE, timeout=PATIENCE))


async def _caught_up(connection: asyncpg.Connection, place: str, brand_id: int | None) -> tuple[str, Changed]:
    with store_errors():
        return await since(connection, place, brand_id)


def _with_calls(changed: Changed, calls: frozenset[str]) -> Changed:
    return replace(
        changed,
        wishes=frozenset(call.removeprefix(WISH) for call in calls if call.startswith(WISH)),
        delivered=frozenset(call.removeprefix(DELIVERY) for call in calls if call.startswith(DELIVERY)),
    )
