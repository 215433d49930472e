"""Incidents as they are looked at: windows of the list, and one whole with all that became of it. Writes nothing.

A window is fetched by place: whoever needs somebody first, then what is acknowledged, then what is over, the newest first. Everything is
asked for one brand, as everywhere: an incident of another one is none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from listener.incidents.curve import frame_of
from listener.incidents.shape import IncidentState, Matcher, PageKind
from listener.incidents.silences import matches
from listener.incidents.story import Entry, Listed, Missing, PageTold, Quiet, Story, Written
from listener.model.scales import Severity
from listener.rulebook.alerting import Watched
from listener.store.connect import acquired
from listener.store.incidents import COLUMNS, of_row
from listener.store.source_views import LOOK_BACK

Place = tuple[int, int]
"""Where an incident stands in the list: (rank, -id)."""

ENTRIES, HOLES, SMALLER = 1_000, 100, 100
"""What is read of one incident at most: events and pages, holes, smaller ones."""

COUNTED = timedelta(hours=48)
"""So long after it was told last are messages counted for its curve."""

AFTERWARDS = timedelta(hours=2)
"""So long after its end, too."""

_NAMED = f"""
SELECT i.*, coalesce(a.name, '') AS acknowledger, coalesce(r.name, '') AS resolver, coalesce(w.name, '') AS assignee,
       EXISTS (SELECT FROM pages AS p JOIN outbox AS o ON o.page_id = coalesce(p.digest_id, p.id)
               WHERE p.incident_id = i.id AND o.state IN ('failed', 'unknown'))
       AND NOT EXISTS (SELECT FROM pages AS p JOIN outbox AS o ON o.page_id = coalesce(p.digest_id, p.id)
                       WHERE p.incident_id = i.id AND o.state IN ('accepted', 'seen', 'queued', 'sending')) AS unheard
FROM (SELECT {COLUMNS} FROM incidents WHERE {{which}}) AS i
LEFT JOIN people AS a ON a.id = i.acknowledged_by
LEFT JOIN people AS r ON r.id = i.resolved_by
LEFT JOIN people AS w ON w.id = i.assignee_id
ORDER BY i.id DESC
"""  # noqa: S608 - constants

# What is not resolved is little, and read whole; what is over is read by its ids.
_RANK = """
CASE state WHEN 'acknowledged' THEN 3 WHEN 'resolved' THEN 4 ELSE CASE severity WHEN 'critical' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END END
"""

_AFTER = f"""
SELECT id, rank FROM (
    (SELECT id, {_RANK} AS rank FROM incidents WHERE brand_id = $1 AND state <> 'resolved')
    UNION ALL
    (SELECT id, 4 FROM incidents WHERE brand_id = $1 AND state = 'resolved' AND id < $4 ORDER BY id DESC LIMIT $5)
) AS k WHERE (rank, -id) > ($2, $3) ORDER BY rank, -id LIMIT $5
"""  # noqa: S608 - constants

_BEFORE = f"""
SELECT id, rank FROM (
    (SELECT id, {_RANK} AS rank FROM incidents WHERE brand_id = $1 AND state <> 'resolved')
    UNION ALL
    (SELECT id, 4 FROM incidents WHERE brand_id = $1 AND state = 'resolved' AND id > $4 ORDER BY id LIMIT $5)
) AS k WHERE (rank, -id) < ($2, $3) ORDER BY rank DESC, -id DESC LIMIT $5
"""  # noqa: S608 - constants

_BY_ID = _NAMED.format(which="brand_id = $1 AND id = ANY($2::bigint[])")

_CHILDREN = _NAMED.format(which="brand_id = $1 AND parent_id = $2") + f"LIMIT {SMALLER}"

_ENTRIES = f"""
SELECT e.id, e.at, e.kind, coalesce(p.name, '') AS person, e.after, coalesce(w.name, '') AS whom FROM (
    SELECT id, at, kind, person_id, after FROM events WHERE incident_id = $1 AND brand_id = $2 ORDER BY id DESC LIMIT {ENTRIES}
) AS e LEFT JOIN people AS p ON p.id = e.person_id LEFT JOIN people AS w ON w.id = (e.after ->> 'assignee_id')::int ORDER BY e.id
"""  # noqa: S608 - constant

_TOLD = f"""
SELECT p.id, p.at, p.what, p.receiver, coalesce(n.name, p.person) AS person, coalesce(o.state, 'queued') AS state,
       coalesce(o.problem, '') AS problem, CASE WHEN o.state IN ('accepted', 'seen', 'failed', 'unknown') THEN o.changed_at END AS settled_at,
       p.step, p.round, p.digest_id
FROM (SELECT * FROM pages WHERE incident_id = $1 AND brand_id = $2 ORDER BY id DESC LIMIT {ENTRIES}) AS p
LEFT JOIN outbox AS o ON o.page_id = coalesce(p.digest_id, p.id) LEFT JOIN people AS n ON n.login = p.person ORDER BY p.id
"""  # noqa: S608 - constant

_NOTES = f"""
SELECT n.id, n.at, p.name AS person, n.text FROM incident_notes AS n JOIN people AS p ON p.id = n.person_id
WHERE n.incident_id = $1 ORDER BY n.id LIMIT {ENTRIES}
"""  # noqa: S608 - constant

_QUIET = """
SELECT s.id, s.matchers, s.begins_at, s.ends_at, s.note, p.name AS person, s.ended_at
FROM silences AS s JOIN people AS p ON p.id = s.person_id
WHERE s.brand_id = $1 AND s.begins_at < $3 AND coalesce(s.ended_at, s.ends_at) > $2 ORDER BY s.id
"""

# Of streams that the brand sees: everybody's, and those of its own accounts.
_HOLES = f"""
SELECT s.key AS source, g.start_at AS start, g.end_at AS "end", g.cause, g.state FROM gaps AS g JOIN sources AS s ON s.id = g.source_id
WHERE g.start_at < $4 AND g.end_at > $3 AND g.cause <> $5 AND ($2 = '' OR split_part(s.key, '/', 1) = $2)
  AND (SELECT bool_or(a.brand_id = $1) FROM accounts AS a
       WHERE a.source = split_part(s.key, '/', 1) AND right(s.key, length(a.external_id) + 1) = '/' || a.external_id) IS NOT FALSE
ORDER BY g.start_at, g.id LIMIT {HOLES}
"""  # noqa: S608 - constant

_COUNTED = """
SELECT floor(extract(epoch FROM s.at - $4) / $6)::int AS n,
       sum(CASE $7 WHEN 'negative' THEN s.negative WHEN 'urgent' THEN s.urgent ELSE s.mentions END)::bigint AS seen
FROM (SELECT at, mentions, negative, urgent FROM series
      WHERE brand_id = $1 AND topic = $2 AND ($3 = '' OR source = $3) AND at >= $4 AND at < $5
      UNION ALL
      SELECT at, mentions, negative, urgent FROM series_deltas
      WHERE brand_id = $1 AND topic = $2 AND ($3 = '' OR source = $3) AND at >= $4 AND at < $5) AS s
GROUP BY 1
"""


async def page(
    pool: asyncpg.Pool, brand_id: int, *, after: Place | None = None, before: Place | None = None, limit: int
) -> list[Listed]:
    """Incidents of a brand right after or right before a place of the list, in its order."""
    rank, number = before or after or (-1, 0)
    bound = -number if rank == _OVER else 0 if before else 2**63 - 1
    async with acquired(pool) as connection:
        rows = await connection.fetch(_BEFORE if before else _AFTER, brand_id, rank, number, bound, limit)
        ids = [row["id"] for row in rows]
        found = {one.id: one for one in await _listed(connection, _BY_ID, brand_id, ids)}
    return [found[id_] for id_ in (reversed(ids) if before else ids) if id_ in found]


def place(one: Listed) -> Place:
    """Where it stands in the list."""
    state, severity = one.incident.state, one.incident.severity
    if state is IncidentState.OPEN:
        return _BY_SEVERITY.index(severity), -one.id
    return (3 if state is IncidentState.ACKNOWLEDGED else _OVER), -one.id


_OVER = 4
_BY_SEVERITY = (Severity.CRITICAL, Severity.WARNING, Severity.NOTE)


async def rows(pool: asyncpg.Pool, brand_id: int, ids: Sequence[int]) -> list[Listed]:
    """These incidents of a brand as they are now."""
    async with acquired(pool) as connection:
        return await _listed(connection, _BY_ID, brand_id, list(ids))


async def story(pool: asyncpg.Pool, brand_id: int, incident_id: int, now: datetime) -> Story | None:
    """One incident whole, all of it as it was at one moment; None: the brand has none of that id. The calendar is the rulebook's, and is
    not read here.
    """
    async with acquired(pool) as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        found = await _listed(connection, _BY_ID, brand_id, [incident_id])
        if not found:
            return None
        one = found[0].incident
        begin, end = span_of(found[0], now)
        holes = await connection.fetch(_HOLES, brand_id, one.source, begin, end, LOOK_BACK)
        missing = tuple(Missing(**dict(row)) for row in holes)
        quiet = [_quiet(row) for row in await connection.fetch(_QUIET, brand_id, one.opened_at, end)]
        entries = await connection.fetch(_ENTRIES, incident_id, brand_id)
        told = await connection.fetch(_TOLD, incident_id, brand_id)
        notes = await connection.fetch(_NOTES, incident_id)
        children = await _listed(connection, _CHILDREN, brand_id, incident_id)
        after = await _after(connection, found[0], missing, end)
    return Story(
        found[0],
        tuple(Entry(**{**dict(row), "after": _object(row["after"])}) for row in entries),
        tuple(PageTold(**{**dict(row), "what": PageKind(row["what"])}) for row in told),
        tuple(Written(**dict(row)) for row in notes),
        missing,
        tuple(one_quiet for one_quiet in quiet if matches(one_quiet.matchers, one)),
        tuple(children),
        after=after,
    )


def span_of(one: Listed, now: datetime) -> tuple[datetime, datetime]:
    """The time that its picture shows: from a day before it was told, or the beginning of its curve, to a while after its end."""
    begin = min(one.incident.since, one.incident.opened_at) - timedelta(hours=1)
    frame = frame_of(one.incident.evidence)
    if frame is not None:
        begin = min(begin, frame[0])
    end = min(now, one.ended + AFTERWARDS) if one.ended is not None else now
    return max(begin, one.incident.opened_at - timedelta(days=8)), max(end, one.incident.opened_at)


_COUNTERS = {Watched.NEGATIVE: "negative", Watched.NEED: "urgent"}


async def _after(
    connection: asyncpg.Connection, one: Listed, missing: Sequence[Missing], end: datetime
) -> tuple[int | None, ...]:
    """What was counted after the evidence, in whole buckets; where nothing was counted and a hole is, nobody knows."""
    incident, frame = one.incident, frame_of(one.incident.evidence)
    if frame is None:
        return ()
    first, step, known = frame
    begin = first + known * step
    n = (min(end, begin + COUNTED) - begin) // step
    if n < 1:
        return ()
    counter = incident.evidence.get("counter") or _COUNTERS.get(incident.watched, "mentions")
    values = (
        incident.brand_id,
        incident.topic,
        incident.source,
        begin,
        begin + n * step,
        step.total_seconds(),
        counter,
    )
    seen = {row["n"]: row["seen"] for row in await connection.fetch(_COUNTED, *values)}
    open_holes = [(hole.start, hole.end) for hole in missing if hole.state != "filled"]

    def count(index: int) -> int | None:
        low = begin + index * step
        unheard = any(start < low + step and low < stop for start, stop in open_holes)
        return seen.get(index, None if unheard else 0)

    return tuple(count(index) for index in range(n))


async def _listed(connection: asyncpg.Connection, statement: str, *values: object) -> list[Listed]:
    return [_named(row) for row in await connection.fetch(statement, *values)]


def _named(row: Mapping[str, Any]) -> Listed:
    return Listed(of_row(row), row["acknowledger"], row["resolver"], row["assignee"], row["unheard"])


def _quiet(row: Mapping[str, Any]) -> Quiet:
    shapes = tuple(Matcher(str(one["name"]), frozenset(map(str, one["is"]))) for one in row["matchers"])
    return Quiet(**{**dict(row), "matchers": shapes})


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
