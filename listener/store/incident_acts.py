"""What people do with incidents: acknowledge, resolve, assign, note, silence. State and event in one transaction; viewers are refused.

Whoever was told of an incident is told that somebody has it, or that it is over, but for whoever did that. An acknowledgement stops the
escalation at once: it and the timers hold the same lock. Refuses to decide who is told next: time does that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec

from listener.errors import Refused
from listener.incidents import silences as said
from listener.incidents.escalation import told_parties
from listener.incidents.shape import Incident, IncidentState, Matcher, Page, PageKind, Silence
from listener.store.acts.rights import may_act, who
from listener.store.connect import acquired, repeated
from listener.store.conversations import Event, tell
from listener.store.incidents import COLUMNS as INCIDENT
from listener.store.incidents import alone, let_go, locked, look_again, of_row, save, silence_of
from listener.store.noting import written
from listener.store.pages import enqueue, tellings_of

MAX_NOTE = 20_000
"""Characters of a note on an incident."""

MAX_WHY = 500
"""Characters of why a silence was made."""

LONGEST_SILENCE = timedelta(days=366)

_CHILDREN = f"SELECT {INCIDENT} FROM incidents WHERE parent_id = $1 AND state <> 'resolved' ORDER BY id FOR UPDATE"  # noqa: S608

_LOGIN = "SELECT login FROM people WHERE id = $1"

_NOTE = "INSERT INTO incident_notes (incident_id, person_id, at, text) VALUES ($1, $2, $3, $4) RETURNING id"

_SILENCE = """
INSERT INTO silences (brand_id, matchers, begins_at, ends_at, note, person_id, made_at)
VALUES ($1, $2::text::jsonb, $3, $4, $5, $6, $7) RETURNING id
"""

_SILENCED = """
SELECT id, brand_id, matchers::text AS matchers, begins_at, ends_at, note, person_id, made_at, ended_at FROM silences WHERE id = $1
"""

_END = "UPDATE silences SET ended_at = $2, ended_by = $3 WHERE id = $1 AND ended_at IS NULL RETURNING id"

_SILENCES = """
SELECT id, brand_id, matchers::text AS matchers, begins_at, ends_at, note, person_id, made_at, ended_at FROM silences
WHERE brand_id = $1 AND ended_at IS NULL AND ends_at > $2 ORDER BY ends_at, id
"""

_LIVE = f"SELECT {INCIDENT} FROM incidents WHERE brand_id = $1 AND state <> 'resolved' ORDER BY id"  # noqa: S608 - constant


async def _mine(connection: asyncpg.Connection, incident_id: int, person_id: int) -> Incident:
    """The incident, locked, where the person may act on its brand. Raises Refused."""
    incident = await locked(connection, incident_id)
    if incident is None:
        raise Refused("there is no such incident", where=str(incident_id))
    await may_act(connection, person_id, incident.brand_id)
    return incident


def _standing(incident: Incident) -> None:
    if incident.state is IncidentState.RESOLVED:
        raise Refused("it is resolved", code="resolved", hint="what comes again opens it again")


@repeated
async def acknowledge(pool: asyncpg.Pool, incident_id: int, person_id: int, now: datetime) -> bool:
    """Somebody has it: nobody else is told any more. False when it is that person's already; of a colleague's they take it over.

    Raises Refused for a viewer, and when it is resolved.
    """
    async with acquired(pool) as connection, connection.transaction():
        return await acknowledged(connection, incident_id, person_id, now)


async def acknowledged(
    connection: asyncpg.Connection, incident_id: int, person_id: int, now: datetime, *, by: str = ""
) -> bool:
    """The same, as a part of something larger; `by`: the way on which they said so, such as link."""
    incident = await _mine(connection, incident_id, person_id)
    _standing(incident)
    if incident.acknowledged_by == person_id:
        return False
    taken = replace(
        incident, state=IncidentState.ACKNOWLEDGED, acknowledged_at=now, acknowledged_by=person_id, step=0, step_at=None, next_at=now
    )  # fmt: skip
    await save(connection, taken)
    await _tell_others(connection, taken, PageKind.ACKNOWLEDGED, person_id, now)
    before = {"state": incident.state.value, "acknowledged_by": incident.acknowledged_by}
    after = {"state": taken.state.value, "acknowledged_by": person_id, **({"by": by} if by else {})}
    await _say(connection, taken, "incident.acknowledged", person_id, now, before, after)
    return True


@repeated
async def resolve(pool: asyncpg.Pool, incident_id: int, person_id: int, now: datetime) -> bool:
    """It is done, and so is all that it kept silent. False when it was resolved already. Raises Refused for a viewer."""
    async with acquired(pool) as connection, connection.transaction():
        incident = await _mine(connection, incident_id, person_id)
        if incident.state is IncidentState.RESOLVED:
            return False
        act = uuid4()
        children = [of_row(row) for row in await connection.fetch(_CHILDREN, incident_id)]
        for one in (incident, *children):
            done = replace(
                one, state=IncidentState.RESOLVED, resolved_at=now, resolved_by=person_id, step_at=None, next_at=None, muted_by=""
            )  # fmt: skip
            await save(connection, done)
            await _tell_others(connection, done, PageKind.RESOLVED, person_id, now)
            before = {"state": one.state.value, "resolved_by": one.resolved_by}
            after = {"state": done.state.value, "resolved_by": person_id}
            await _say(connection, done, "incident.resolved", person_id, now, before, after, act)
        await let_go(connection, incident, now)
        return True


@repeated
async def assign(
    pool: asyncpg.Pool, incident_id: int, person_id: int, assignee_id: int | None, now: datetime
) -> int | None:
    """Whose it is from now on; None: nobody's. Returns whose it was. Raises Refused for a viewer, and for somebody who may not act on it."""
    async with acquired(pool) as connection, connection.transaction():
        incident = await _mine(connection, incident_id, person_id)
        if assignee_id is not None and (await who(connection, assignee_id)).may_not(incident.brand_id):
            raise Refused("they may not act on this brand", hint="somebody who answers for it")
        if incident.assignee_id != assignee_id:
            given = replace(incident, assignee_id=assignee_id)
            await save(connection, given)
            before, after = {"assignee_id": incident.assignee_id}, {"assignee_id": assignee_id}
            await _say(connection, given, "incident.assigned", person_id, now, before, after)
        return incident.assignee_id


@repeated
async def note(pool: asyncpg.Pool, incident_id: int, person_id: int, body: str, now: datetime) -> int:
    """Writes something down on it, resolved or not; the note's id. Raises Refused for a viewer, and for a text that is empty or too long."""
    body = written(body, MAX_NOTE)
    async with acquired(pool) as connection, connection.transaction():
        incident = await _mine(connection, incident_id, person_id)
        id_ = int(await connection.fetchval(_NOTE, incident_id, person_id, now, body))
        await _say(connection, incident, "incident.noted", person_id, now, None, {"note": id_})
        return id_


@repeated
async def silence(
    pool: asyncpg.Pool, brand_id: int, matchers: Sequence[Matcher], begins: datetime, ends: datetime, note: str, person_id: int,
    now: datetime,
) -> int:  # fmt: skip
    """Nobody is told of matching incidents of the brand from `begins` until `ends`; the silence's id.

    Raises Refused for a viewer, for matchers that match nothing or everything, for an end that has passed or is a year away, and without a note.
    """
    kept, body = (
        said.checked(matchers),
        written(note, MAX_WHY, "the note of a silence", hint="say why, for those who find it"),
    )
    if ends <= max(begins, now) or ends - now > LONGEST_SILENCE:
        raise Refused("a silence ends after it begins, and within a year", hint="choose another end")
    async with acquired(pool) as connection, connection.transaction():
        await may_act(connection, person_id, brand_id)
        await alone(connection, brand_id)
        plain = [{"name": one.name, "is": sorted(one.values)} for one in kept]
        id_ = int(
            await connection.fetchval(
                _SILENCE, brand_id, msgspec.json.encode(plain).decode(), begins, ends, body, person_id, now
            )
        )
        about = {"silence": id_, "matchers": said.written(kept), "begins": begins.isoformat(), "ends": ends.isoformat()}
        made = Event(brand_id, "silence.made", person_id=person_id, after=about)
        each = await _of_each(connection, "incident.silenced", brand_id, kept, id_, person_id)
        await look_again(connection, now, brand_id)
        await tell(connection, [made, *each], now)
        return id_


@repeated
async def end_silence(pool: asyncpg.Pool, silence_id: int, person_id: int, now: datetime) -> bool:
    """Takes a silence away before its time: what stands is told from now on. False when it had ended. Raises Refused for a viewer."""
    async with acquired(pool) as connection, connection.transaction():
        row = await connection.fetchrow(_SILENCED, silence_id)
        if row is None:
            raise Refused("there is no such silence", where=str(silence_id))
        await may_act(connection, person_id, row["brand_id"])
        await alone(connection, row["brand_id"])
        if row["ends_at"] <= now or await connection.fetchval(_END, silence_id, now, person_id) is None:
            return False
        await look_again(connection, now, row["brand_id"])
        ended = Event(row["brand_id"], "silence.ended", person_id=person_id, after={"silence": silence_id})
        matchers = silence_of(row).matchers
        each = await _of_each(connection, "incident.unsilenced", row["brand_id"], matchers, silence_id, person_id)
        await tell(connection, [ended, *each], now)
        return True


async def _of_each(
    connection: asyncpg.Connection, kind: str, brand_id: int, matchers: Sequence[Matcher], silence_id: int, person_id: int
) -> list[Event]:  # fmt: skip
    """What somebody did to a silence, told of each incident that stands and is of it: whoever looks at one sees it at once."""
    return [
        Event(brand_id, kind, person_id=person_id, after={"silence": silence_id}, incident_id=one.id)
        for one in map(of_row, await connection.fetch(_LIVE, brand_id))
        if said.matches(matchers, one)
    ]


async def silences(pool: asyncpg.Pool, brand_id: int, now: datetime) -> list[Silence]:
    """The silences of a brand that are in force or will be, the one that ends first before the others."""
    async with acquired(pool) as connection:
        return [silence_of(row) for row in await connection.fetch(_SILENCES, brand_id, now)]


async def _tell_others(
    connection: asyncpg.Connection, incident: Incident, what: PageKind, person_id: int, now: datetime
) -> None:
    """Whoever was told of it and may know, but for whoever did this, by each receiver once."""
    login = await connection.fetchval(_LOGIN, person_id)
    since = incident.reopened_at or incident.opened_at
    parties = told_parties(await tellings_of(connection, incident.id), since)
    pages = [
        Page(incident.brand_id, incident.id, what, receiver, person, 0, incident.round)
        for receiver, person in parties
        if person != login
    ]
    await enqueue(connection, pages, now)


async def _say(
    connection: asyncpg.Connection, incident: Incident, kind: str, person_id: int, now: datetime, before: dict[str, Any] | None,
    after: dict[str, Any], act: UUID | None = None,
) -> None:  # fmt: skip
    event = Event(
        incident.brand_id, kind, person_id=person_id, act=act, before=before, after=after, incident_id=incident.id
    )
    await tell(connection, [event], now)
