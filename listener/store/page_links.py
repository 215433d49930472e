"""Links with which whoever was told of an incident says that they know: only a digest of each is kept, and it is used once.

A link acts as the person whom its page told, while they may act on the brand, and ends with the incident or its time. One that a colleague was
faster than is not used. Refuses to tell why a link is none: whoever asks learns nothing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from listener.incidents.shape import IncidentState
from listener.store.connect import acquired, repeated
from listener.store.incident_acts import acknowledged

LASTS = timedelta(hours=24)

_KEEP = "INSERT INTO page_links (digest, page_id, ends_at) VALUES ($1, $2, $3)"

_FIND = """
SELECT i.id AS incident_id, i.title, i.state, i.severity, i.since, b.name AS brand, b.zone, w.id AS person_id, w.name AS person,
       (SELECT name FROM people AS a WHERE a.id = i.acknowledged_by) AS acknowledged_by, i.acknowledged_at
FROM page_links AS l JOIN pages AS p ON p.id = l.page_id JOIN incidents AS i ON i.id = p.incident_id JOIN brands AS b ON b.id = i.brand_id
JOIN people AS w ON w.login = p.person
JOIN memberships AS m ON m.person_id = w.id AND m.brand_id = i.brand_id AND m.role IN ('responder', 'lead', 'admin')
WHERE l.digest = $1 AND l.used_at IS NULL AND l.ends_at > $2 AND i.state <> 'resolved'
"""
_LOCK = _FIND + "FOR UPDATE OF l"

SWEEP = """
DELETE FROM page_links WHERE digest IN (SELECT digest FROM page_links WHERE ends_at < $1 ORDER BY ends_at LIMIT $2 FOR UPDATE SKIP LOCKED)
"""
"""A link that has ended is none, whether its row is there or not."""

_USED = "UPDATE page_links SET used_at = $2 WHERE digest = $1"


@dataclass(frozen=True, slots=True)
class Link:
    """What a link is about, for who follows it."""

    incident_id: int
    title: str
    state: IncidentState
    severity: str
    since: datetime
    brand: str
    zone: str
    person: str
    """As whom it acts, by name."""
    acknowledged_by: str
    acknowledged_at: datetime | None


def digest_of(token: str) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


async def keep(pool: asyncpg.Pool, token: str, page_id: int, now: datetime) -> None:
    """A link of a page that is about to leave."""
    async with acquired(pool) as connection:
        await connection.execute(_KEEP, digest_of(token), page_id, now + LASTS)


async def look(pool: asyncpg.Pool, token: str, now: datetime) -> Link | None:
    """What a link is about; changes nothing. None: it is none, or none any more."""
    async with acquired(pool) as connection:
        row = await connection.fetchrow(_FIND, digest_of(token), now)
        return None if row is None else _link(row)


@repeated
async def use(pool: asyncpg.Pool, token: str, now: datetime) -> tuple[Link, bool] | None:
    """Acknowledges by a link, once: what it was about, and whether it did. False: somebody was faster. None: it is none, or none any more."""
    async with acquired(pool) as connection, connection.transaction():
        row = await connection.fetchrow(_LOCK, digest_of(token), now)
        if row is None:
            return None
        link = _link(row)
        if link.state is not IncidentState.OPEN:
            return link, False
        await acknowledged(connection, link.incident_id, row["person_id"], now, by="link")
        await connection.execute(_USED, digest_of(token), now)
        return link, True


def _link(row: asyncpg.Record) -> Link:
    values = {name: row[name] for name in Link.__dataclass_fields__}
    return Link(**{**values, "state": IncidentState(row["state"]), "acknowledged_by": row["acknowledged_by"] or ""})
