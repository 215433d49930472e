"""Incidents for lists and for the doctor: which there are, what became of one, who was told and how that fared, what nobody was told of.

Only reads. Notes are the staff's own words; events hold ids, which are given their names here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from listener.incidents.shape import Incident
from listener.store.connect import acquired
from listener.store.incidents import COLUMNS, of_row

_LISTED = f"""
SELECT {COLUMNS} FROM incidents WHERE brand_id = $1 AND (state <> 'resolved' OR $2) ORDER BY state = 'resolved', id DESC LIMIT $3
"""  # noqa: S608 - constant

_ONE = f"SELECT {COLUMNS} FROM incidents WHERE id = $1 AND brand_id = $2"  # noqa: S608 - constant

_PARTS = "SELECT id FROM incidents WHERE parent_id = $1 ORDER BY id"

_PEOPLE = "SELECT id, name, login FROM people"

_EVENTS = """
SELECT at, kind, person_id, before::text AS before, after::text AS after FROM events WHERE incident_id = $1 ORDER BY id LIMIT 5000
"""

_NOTES = "SELECT id, at, person_id, text FROM incident_notes WHERE incident_id = $1 ORDER BY id"

_PAGES = """
SELECT p.id, p.what, p.receiver, p.person, p.step, p.round, p.at, p.digest_id, o.state, o.problem, o.changed_at
FROM pages AS p LEFT JOIN outbox AS o ON o.page_id = COALESCE(p.digest_id, p.id)
WHERE p.incident_id = $1 ORDER BY p.id LIMIT 5000
"""

_WAITING = """
SELECT count(*) FILTER (WHERE state = 'open' AND parent_id IS NULL AND muted_by = '') AS waiting, count(*) FILTER (WHERE muted_by <> '') AS muted,
       count(*) FILTER (WHERE state = 'acknowledged') AS acknowledged, min(opened_at) FILTER (WHERE state = 'open' AND muted_by = '') AS oldest
FROM incidents WHERE state <> 'resolved'
"""

# Told to nobody, although somebody should have been: it stands, nothing keeps it silent, and the last shout is younger than whatever arrived.
_UNDELIVERED = """
SELECT i.id FROM incidents AS i WHERE i.state <> 'resolved' AND i.muted_by = ''
  AND (SELECT max(e.id) FROM events AS e WHERE e.incident_id = i.id AND e.kind = 'incident.step' AND e.after ? 'undelivered')
      > COALESCE((SELECT max(e.id) FROM events AS e WHERE e.incident_id = i.id AND e.kind = 'page.sent'
                  AND e.after ->> 'what' IS DISTINCT FROM 'undelivered'), 0)
ORDER BY i.id
"""


@dataclass(frozen=True, slots=True)
class Happening:
    """An event of an incident."""

    at: datetime
    kind: str
    person: str
    """The name of whoever did it; "": time, or the watch."""
    before: Mapping[str, Any]
    after: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody wrote down."""

    id: int
    at: datetime
    person: str
    text: str


@dataclass(frozen=True, slots=True)
class PageRow:
    """A page, and how it fared."""

    id: int
    what: str
    receiver: str
    person: str
    step: int
    round: int
    at: datetime
    digest_id: int | None
    state: str
    problem: str
    changed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Whole:
    """All that is known of one incident."""

    incident: Incident
    people: Mapping[int, str]
    """Names by id."""
    happened: tuple[Happening, ...]
    notes: tuple[Note, ...]
    pages: tuple[PageRow, ...]
    parts: tuple[int, ...]
    """The ids of those that it keeps silent."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How alerts fare, for the doctor."""

    waiting: int
    """Open, told, and acknowledged by nobody."""
    acknowledged: int
    muted: int
    oldest: datetime | None
    undelivered: tuple[int, ...]
    """Ids of incidents that could not be delivered to anybody."""


async def listed(pool: asyncpg.Pool, brand_id: int, *, resolved: bool = False, limit: int = 50) -> list[Incident]:
    """The incidents of a brand, the newest first, those that stand before those that are `resolved`, which are left out unless asked for."""
    async with acquired(pool) as connection:
        return [of_row(row) for row in await connection.fetch(_LISTED, brand_id, resolved, limit)]


async def names(pool: asyncpg.Pool) -> dict[int, str]:
    """Names of people by their ids."""
    async with acquired(pool) as connection:
        return {row["id"]: row["name"] or row["login"] for row in await connection.fetch(_PEOPLE)}


async def whole(pool: asyncpg.Pool, brand_id: int, incident_id: int) -> Whole | None:
    """One incident of a brand with its timeline; None: it has none such."""
    known = await names(pool)
    async with acquired(pool) as connection:
        row = await connection.fetchrow(_ONE, incident_id, brand_id)
        if row is None:
            return None
        events = await connection.fetch(_EVENTS, incident_id)
        notes = await connection.fetch(_NOTES, incident_id)
        pages = await connection.fetch(_PAGES, incident_id)
        parts = await connection.fetch(_PARTS, incident_id)
    return Whole(
        of_row(row),
        known,
        tuple(
            Happening(e["at"], e["kind"], known.get(e["person_id"], ""), _decoded(e["before"]), _decoded(e["after"]))
            for e in events
        ),
        tuple(Note(n["id"], n["at"], known.get(n["person_id"], ""), n["text"]) for n in notes),
        tuple(PageRow(**{**dict(p), "state": p["state"] or "", "problem": p["problem"] or ""}) for p in pages),
        tuple(part["id"] for part in parts),
    )


async def standing(pool: asyncpg.Pool) -> Standing:
    """How alerts of all brands fare."""
    async with acquired(pool) as connection:
        row = await connection.fetchrow(_WAITING)
        undelivered = await connection.fetch(_UNDELIVERED)
    return Standing(
        row["waiting"], row["acknowledged"], row["muted"], row["oldest"], tuple(one["id"] for one in undelivered)
    )  # fmt: skip


def _decoded(text: str | None) -> Mapping[str, Any]:
    return {} if text is None else msgspec.json.decode(text)
