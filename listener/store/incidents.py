"""Incidents as rows: what a watch fires becomes one, grows, is over and comes again, and time has the staff told (`pages`).

What is decided is decided by `listener.incidents`; here it is read, locked, written and told in the feed, all in one transaction. Incidents of
one brand keep each other silent, so whoever changes one holds the brand's lock first: several may run, one at a time for a brand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import msgspec

from listener.incidents.escalation import Staffed, advance, reopened
from listener.incidents.grouping import parents, worse
from listener.incidents.shape import Fired, Incident, IncidentState, Matcher, Silence
from listener.model.scales import Severity
from listener.rulebook.alerting import Policy, Watched
from listener.spikes.paging import Told
from listener.store.conversations import Event, tell
from listener.store.pages import enqueue, tellings_of

REOPEN = timedelta(hours=1)
"""The same so soon after it was resolved is the same incident again; longer when the alert's cool-down is."""

_ALONE = "SELECT pg_advisory_xact_lock(750273903, $1::int)"

FIELDS = (
    "state", "severity", "title", "parent_id", "told_at", "over_at", "acknowledged_at", "acknowledged_by", "resolved_at", "resolved_by",
    "assignee_id", "reopened", "muted_by", "route", "chain", "step", "round", "next_at", "hushed", "cool_until", "reopened_at",
    "step_at", "worse", "worse_told",
)  # fmt: skip
"""What changes of an incident, but for its evidence."""

COLUMNS = (
    "id, brand_id, key, policy, watched, topic, source, since, opened_at, evidence::text AS evidence, version, "
    + ", ".join(FIELDS)
)
"""For every statement whose rows `of_row` reads."""

_LIVE = f"SELECT {COLUMNS} FROM incidents WHERE brand_id = $1 AND state <> 'resolved' ORDER BY id FOR UPDATE"  # noqa: S608 - constant

_LAST = f"""
SELECT {COLUMNS} FROM incidents WHERE brand_id = $1 AND key = $2 AND state = 'resolved' ORDER BY id DESC LIMIT 1 FOR UPDATE
"""  # noqa: S608 - constant

_LOCK = f"SELECT {COLUMNS} FROM incidents WHERE id = $1 FOR UPDATE"  # noqa: S608 - constant

_BRAND_OF = "SELECT brand_id FROM incidents WHERE id = $1"

_OPEN = """
INSERT INTO incidents (brand_id, key, policy, watched, topic, source, state, severity, title, since, opened_at, told_at, evidence, hushed,
                       step_at, next_at)
VALUES ($1, $2, $3, $4, $5, $6, 'open', $7, $8, $9, $10, $11, $12::text::jsonb, $13, $14, $10) RETURNING id
"""

_SAVE = f"""
UPDATE incidents SET ({", ".join(FIELDS)}, version) =
    ({", ".join(f"${number}" for number in range(2, len(FIELDS) + 2))}, version + 1)
WHERE id = $1
"""  # noqa: S608 - constant

_EVIDENCE = "UPDATE incidents SET evidence = $2::text::jsonb WHERE id = $1"

_LOOK_AT = "UPDATE incidents SET next_at = $2 WHERE brand_id = $1 AND state <> 'resolved'"

_LOOK_AT_ALL = "UPDATE incidents SET next_at = $1 WHERE state <> 'resolved'"

_CHILDREN = (
    "UPDATE incidents SET parent_id = NULL, next_at = $2 WHERE parent_id = $1 AND state <> 'resolved' RETURNING id"
)

_DUE_BRANDS = "SELECT DISTINCT brand_id FROM incidents WHERE next_at <= $1 ORDER BY brand_id"

_DUE = "SELECT id FROM incidents WHERE brand_id = $1 AND next_at <= $2 ORDER BY next_at, id LIMIT 100 FOR UPDATE SKIP LOCKED"

_NEXT = "SELECT min(next_at) FROM incidents WHERE next_at IS NOT NULL"

_SHOUTED = """
SELECT incident_id, max(id) AS page_id FROM pages WHERE what = 'undelivered' AND id > $1 GROUP BY incident_id ORDER BY incident_id
"""

_NEWEST_PAGE = "SELECT COALESCE(max(id), 0) FROM pages"

_SILENCES = """
SELECT id, brand_id, matchers::text AS matchers, begins_at, ends_at, note, person_id, made_at, ended_at FROM silences
WHERE brand_id = $1 AND ended_at IS NULL AND ends_at > $2 ORDER BY id
"""

_NAMES = "SELECT id, login FROM people WHERE id = ANY($1::int[])"


def of_row(row: Mapping[str, Any]) -> Incident:
    """The value of a row read with `COLUMNS`."""
    return Incident(
        id=row["id"],
        brand_id=row["brand_id"],
        key=row["key"],
        policy=row["policy"],
        watched=Watched(row["watched"]),
        topic=row["topic"],
        source=row["source"],
        since=row["since"],
        opened_at=row["opened_at"],
        evidence=msgspec.json.decode(row["evidence"]),
        version=row["version"],
        **{
            **{name: row[name] for name in FIELDS},
            "state": IncidentState(row["state"]),
            "severity": Severity(row["severity"]),
        },
    )


async def alone(connection: asyncpg.Connection, brand_id: int) -> None:
    """Until the transaction ends nobody else changes incidents of the brand."""
    await connection.execute(_ALONE, brand_id)


async def locked(connection: asyncpg.Connection, incident_id: int) -> Incident | None:
    """An incident, its brand's lock held; None: there is none."""
    brand_id = await connection.fetchval(_BRAND_OF, incident_id)
    if brand_id is None:
        return None
    await alone(connection, brand_id)
    return of_row(await connection.fetchrow(_LOCK, incident_id))


async def save(connection: asyncpg.Connection, incident: Incident) -> None:
    """Write back what `locked` read and somebody moved."""
    await connection.execute(_SAVE, incident.id, *(getattr(incident, name) for name in FIELDS))


# What a watch says ---------------------------------------------------------------------------------------------------


async def fire(
    connection: asyncpg.Connection, fired: Fired, policy: Policy, staff: Staffed, now: datetime
) -> int | None:
    """What a watch says of an alarm, within the caller's transaction: the id of its incident, opened, grown, reopened or over. None: it
    concerns no incident. Who is told, and what keeps silent, is decided here as far as it is due now; time does the rest (`due`).
    """
    await alone(connection, fired.brand_id)
    live = {one.id: one for one in map(of_row, await connection.fetch(_LIVE, fired.brand_id))}
    mine = next((one for one in live.values() if one.key == fired.key), None)
    if fired.told is Told.OVER:
        return None if mine is None else await _over(connection, mine, fired, staff, now)
    if mine is None:
        mine = await _again(connection, fired, policy, now)
        if mine is None and fired.told is Told.GOES_ON and await _settled_by_hand(connection, fired, policy, now):
            return None
        mine = mine or await _opened(connection, fired, policy, staff, now)
    else:
        mine = await _grown(connection, mine, fired, policy, now)
    live[mine.id] = mine
    await _group(connection, live, now)
    await _advance_all(connection, fired.brand_id, staff, now)
    return mine.id


async def _over(connection: asyncpg.Connection, mine: Incident, fired: Fired, staff: Staffed, now: datetime) -> int:
    if mine.over_at is None:
        await save(connection, replace(mine, over_at=fired.at, next_at=now))
        await _tell(connection, mine, "incident.over", now, {"at": fired.at.isoformat()})
        await _advance_all(connection, fired.brand_id, staff, now)
    return mine.id


async def _last(connection: asyncpg.Connection, fired: Fired, policy: Policy, now: datetime) -> Incident | None:
    """The same thing, resolved a short while ago."""
    row = await connection.fetchrow(_LAST, fired.brand_id, fired.key)
    last = None if row is None else of_row(row)
    if last is None or last.resolved_at is None:
        return None
    return last if now - last.resolved_at < max(REOPEN, timedelta(seconds=policy.cool_down)) else None


async def _settled_by_hand(connection: asyncpg.Connection, fired: Fired, policy: Policy, now: datetime) -> bool:
    """Whether a person has resolved it although it stands: that it goes on is no news to them."""
    last = await _last(connection, fired, policy, now)
    return last is not None and last.resolved_by is not None


async def _again(connection: asyncpg.Connection, fired: Fired, policy: Policy, now: datetime) -> Incident | None:
    last = await _last(connection, fired, policy, now)
    if last is None or (fired.told is Told.GOES_ON and last.resolved_by is not None):
        return None
    again = replace(
        reopened(last, policy, fired.severity, now), told_at=fired.at, title=policy.title, hushed=fired.muted_by
    )
    again = _momentary(again, fired)
    await save(connection, again)
    await _put_evidence(connection, again, fired)
    await _tell(connection, again, "incident.reopened", now, _said(fired), fired)
    return again


async def _opened(
    connection: asyncpg.Connection, fired: Fired, policy: Policy, staff: Staffed, now: datetime
) -> Incident:
    way = staff.way(policy, fired.severity, fired.topic)
    id_ = await connection.fetchval(
        _OPEN, fired.brand_id, fired.key, fired.policy, fired.watched.value, fired.topic, fired.source, fired.severity.value, policy.title,
        fired.since, now, fired.at, msgspec.json.encode(dict(fired.evidence)).decode(), fired.muted_by,
        now + timedelta(seconds=way.wait),
    )  # fmt: skip
    made = _momentary(of_row(await connection.fetchrow(_LOCK, id_)), fired)
    await save(connection, made)
    await _tell(connection, made, "incident.opened", now, _said(fired), fired)
    return made


async def _grown(
    connection: asyncpg.Connection, mine: Incident, fired: Fired, policy: Policy, now: datetime
) -> Incident:
    """It stands still, is worse, or is back before it was resolved."""
    back = mine.over_at is not None and mine.watched is not Watched.RULE
    rises = worse(fired.severity, mine.severity)
    grows = rises or fired.told is Told.WORSE
    grown = replace(
        mine, told_at=fired.at, over_at=None, hushed=fired.muted_by, title=policy.title, next_at=now,
        severity=fired.severity if rises else mine.severity, worse=mine.worse + grows,
        cool_until=None if rises else mine.cool_until,
    )  # fmt: skip
    if rises and mine.state is IncidentState.OPEN and mine.step > 0:
        # Whoever was passed over for something smaller is told now: the chain begins anew, and that says that it is worse.
        grown = replace(grown, round=mine.round + 1, step=0, step_at=now, worse_told=grown.worse)
    grown = _momentary(grown, fired)
    await save(connection, grown)
    await _put_evidence(connection, grown, fired)
    if grows:
        await _tell(connection, grown, "incident.worse", now, _said(fired), fired)
    elif back or fired.told is Told.BEGUN:
        await _tell(connection, grown, "incident.fired", now, _said(fired), fired)
    return grown


def _momentary(incident: Incident, fired: Fired) -> Incident:
    """What a rule hands over is said once and does not last: from then on nothing more is heard of it."""
    return replace(incident, over_at=fired.at) if fired.watched is Watched.RULE else incident


async def _put_evidence(connection: asyncpg.Connection, incident: Incident, fired: Fired) -> None:
    if fired.evidence:
        both = {**incident.evidence, **fired.evidence}
        await connection.execute(_EVIDENCE, incident.id, msgspec.json.encode(both).decode())


def _said(fired: Fired) -> dict[str, Any]:
    return {
        "told": fired.told.value,
        "severity": fired.severity.value,
        "policy": fired.policy,
        "at": fired.at.isoformat(),
        **_not_heard(fired),
    }


def _not_heard(fired: Fired) -> dict[str, Any]:
    """When a network fell silent, for whoever asks later when it lived; rows of streams only say how they stand now."""
    if "stream" not in fired.evidence:
        return {}
    stream, state = fired.evidence["stream"], fired.evidence["state"]
    return {"not_heard": {"stream": stream, "state": state, "since": fired.since.isoformat()}}


async def _tell(
    connection: asyncpg.Connection, incident: Incident, kind: str, now: datetime, after: Mapping[str, Any], fired: Fired | None = None
) -> None:  # fmt: skip
    mention = None if fired is None else fired.evidence.get("mention")
    event = Event(
        incident.brand_id,
        kind,
        mention_id=mention if isinstance(mention, int) else None,
        after=after,
        incident_id=incident.id,
    )
    await tell(connection, [event], now)


async def _group(connection: asyncpg.Connection, live: Mapping[int, Incident], now: datetime) -> None:
    """Which of them keep which others silent, by what they are now."""
    silent = [one.id for one in live.values() if one.hushed or (one.muted_by and one.parent_id is None)]
    for id_, parent_id in parents(list(live.values()), silent).items():
        if live[id_].parent_id != parent_id:
            await save(connection, replace(live[id_], parent_id=parent_id, next_at=now))


# What time does ------------------------------------------------------------------------------------------------------


async def due(connection: asyncpg.Connection, staff: Staffed, now: datetime) -> int:
    """Advances the incidents whose time has come and writes their pages, each brand's in a transaction of its own; how many there were.

    Several may call it at once: one brand is looked at by one of them at a time, and whoever comes later finds it done.
    """
    done = 0
    for row in await connection.fetch(_DUE_BRANDS, now):
        async with connection.transaction():
            await alone(connection, row["brand_id"])
            done += await _advance_all(connection, row["brand_id"], staff, now)
    return done


async def next_at(connection: asyncpg.Connection) -> datetime | None:
    """When time must look next; None: nothing waits."""
    found: datetime | None = await connection.fetchval(_NEXT)
    return found


async def look_again(connection: asyncpg.Connection, now: datetime, brand_id: int | None = None) -> None:
    """Every incident that is not resolved is looked at: the rules, the settings or the silences are other ones now."""
    if brand_id is None:
        await connection.execute(_LOOK_AT_ALL, now)
    else:
        await connection.execute(_LOOK_AT, brand_id, now)


async def newest_page(connection: asyncpg.Connection) -> int:
    """The id of the page that was written last; 0: none was."""
    return int(await connection.fetchval(_NEWEST_PAGE))


async def shouted(connection: asyncpg.Connection, after: int) -> dict[int, int]:
    """The incidents that could not be delivered anywhere, as pages newer than this id say, each with the newest of these."""
    return {row["incident_id"]: row["page_id"] for row in await connection.fetch(_SHOUTED, after)}


async def _advance_all(connection: asyncpg.Connection, brand_id: int, staff: Staffed, now: datetime) -> int:
    """What is due of a brand, until nothing more is: what is resolved lets go of what it kept silent."""
    silences = await silences_of(connection, brand_id, now)
    done = 0
    for _ in range(10):
        found = [row["id"] for row in await connection.fetch(_DUE, brand_id, now)]
        for id_ in found:  # each is read when it is its turn: the one before it may have changed it
            incident = of_row(await connection.fetchrow(_LOCK, id_))
            if incident.next_at is not None and incident.next_at <= now:
                await _advance(connection, incident, staff, silences, now)
                done += 1
        if not found:
            break
    return done


async def _advance(
    connection: asyncpg.Connection, incident: Incident, staff: Staffed, silences: Sequence[Silence], now: datetime
) -> None:
    tellings = await tellings_of(connection, incident.id)
    ids = [id_ for id_ in (incident.acknowledged_by, incident.assignee_id) if id_ is not None]
    names = {row["id"]: row["login"] for row in await connection.fetch(_NAMES, ids)} if ids else {}
    move = advance(incident, staff, tellings, silences, now, names)
    await save(connection, move.incident)
    await enqueue(connection, move.pages, now)
    events = [Event(incident.brand_id, one.kind, after=one.after, incident_id=incident.id) for one in move.happened]
    await tell(connection, events, now)
    if move.incident.state is IncidentState.RESOLVED and incident.state is not IncidentState.RESOLVED:
        await let_go(connection, incident, now)
    elif move.incident.muted_by != incident.muted_by:
        live = {one.id: one for one in map(of_row, await connection.fetch(_LIVE, incident.brand_id))}
        await _group(connection, live, now)


async def let_go(connection: asyncpg.Connection, incident: Incident, now: datetime) -> None:
    """What it kept silent is looked at for itself, and may keep others silent from now on."""
    if await connection.fetch(_CHILDREN, incident.id, now):
        live = {one.id: one for one in map(of_row, await connection.fetch(_LIVE, incident.brand_id))}
        await _group(connection, live, now)


async def silences_of(connection: asyncpg.Connection, brand_id: int, now: datetime) -> list[Silence]:
    """The silences of a brand that are in force or will be."""
    return [silence_of(row) for row in await connection.fetch(_SILENCES, brand_id, now)]


def silence_of(row: Mapping[str, Any]) -> Silence:
    """The value of a row of `silences`, its matchers as text."""
    matchers = tuple(Matcher(one["name"], frozenset(one["is"])) for one in msgspec.json.decode(row["matchers"]))
    return Silence(
        row["id"], row["brand_id"], matchers, row["begins_at"], row["ends_at"], row["note"], row["person_id"], row["made_at"],
        row["ended_at"],
    )  # fmt: skip
