"""The lane of pages, as whoever delivers walks it: which one may leave to which receiver, and all that its text is made of.

The steps are every lane's (`listener.store.lane`). A page that was overtaken (its incident is over, or somebody has acknowledged it and it would
wake a person) is withdrawn instead of sent. One that reached nobody, for good or as far as is known, makes its incident due at once. Refuses to
call anybody and to write text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from listener.errors import Refused
from listener.incidents.message import Undelivered
from listener.incidents.shape import Incident, PageKind
from listener.store.connect import acquired
from listener.store.conversations import Event, tell
from listener.store.incidents import COLUMNS, of_row
from listener.store.lane import Lane

WAKING = (PageKind.ALERT, PageKind.AGAIN, PageKind.WORSE, PageKind.STILL, PageKind.UNDELIVERED)
"""Pages that say that something stands."""

# Pages of one incident go to one receiver in their order: nothing is told to be over before it is told.
_WAITING = """
FROM outbox AS o JOIN pages AS p ON p.id = o.page_id
WHERE o.lane = 'alert' AND o.state = 'queued' {due}
  AND NOT EXISTS (SELECT FROM pages AS e JOIN outbox AS x ON x.page_id = e.id
                  WHERE e.incident_id = p.incident_id AND e.receiver = p.receiver AND e.person = p.person AND e.id < p.id
                    AND x.state IN ('queued', 'sending'))
"""
_NEXT = (
    "SELECT o.id"
    + _WAITING.format(due="AND o.not_before <= $1 AND p.receiver = $2")
    + "ORDER BY o.not_before, o.id LIMIT 1 FOR UPDATE OF o SKIP LOCKED"
)
_NEXT_DUE = "SELECT min(o.not_before)" + _WAITING.format(due="AND p.receiver = $1")

_PARCEL = """
SELECT o.id AS outbox_id, o.key, o.queued_at, o.attempts, o.frozen::text AS frozen, p.id AS page_id, p.brand_id, p.incident_id, p.what,
       p.receiver, p.person, p.about::text AS about, b.name AS brand, b.zone, coalesce(w.name, p.person) AS person_name, w.id AS person_id,
       m.role IN ('responder', 'lead', 'admin') AS may_act
FROM outbox AS o JOIN pages AS p ON p.id = o.page_id JOIN brands AS b ON b.id = p.brand_id
LEFT JOIN people AS w ON w.login = p.person LEFT JOIN memberships AS m ON m.person_id = w.id AND m.brand_id = p.brand_id
WHERE o.id = $1
"""

_INCIDENTS = f"""
SELECT {COLUMNS}, (SELECT name FROM people AS a WHERE a.id = acknowledged_by) AS acknowledged_name,
       (SELECT name FROM people AS r WHERE r.id = resolved_by) AS resolved_name
FROM incidents WHERE id = ANY($1::bigint[]) ORDER BY id
"""  # noqa: S608 - constant

_LOCK = """
SELECT o.id, o.state, o.attempt, o.frozen IS NOT NULL AS is_frozen, coalesce(o.frozen ->> 'again', '') = 'true' AS again, o.key,
       p.id AS page_id, p.brand_id, p.incident_id, p.what, p.receiver, p.person, p.step, p.round, i.state AS incident_state
FROM outbox AS o JOIN pages AS p ON p.id = o.page_id LEFT JOIN incidents AS i ON i.id = p.incident_id
WHERE o.id = $1 FOR UPDATE OF o
"""

_SETTLE = """
UPDATE outbox SET state = $2, problem = $3, code = $4, not_before = coalesce($5, not_before), lease_until = NULL,
    receipt = coalesce($6::text::jsonb, receipt), changed_at = $7, frozen = CASE WHEN $8 THEN NULL ELSE frozen END
WHERE id = $1
"""

# A digest fares for the pages that it holds.
_DUE = """
UPDATE incidents SET next_at = $3 WHERE (id = $1 OR id IN (SELECT incident_id FROM pages WHERE digest_id = $2))
  AND state = 'open' AND (next_at IS NULL OR next_at > $3)
"""

# Sent once and not known to have arrived; the same under the same key is one.
_UNSURE = """
SELECT o.id FROM outbox AS o JOIN pages AS p ON p.id = o.page_id
WHERE o.lane = 'alert' AND o.state = 'unknown' AND o.frozen ->> 'again' = 'true' AND p.receiver = $1 ORDER BY o.id LIMIT 50
"""

# Whoever knows the receiver takes a page within seconds.
_NOBODYS = """
SELECT o.id FROM outbox AS o JOIN pages AS p ON p.id = o.page_id
WHERE o.lane = 'alert' AND p.receiver <> ALL ($1::text[])
  AND ((o.state = 'queued' AND o.not_before < $2) OR (o.state = 'unknown' AND o.frozen ->> 'again' = 'true' AND o.changed_at < $2))
ORDER BY o.id LIMIT 100
"""

_UNDELIVERED = """
SELECT p.receiver, coalesce(w.name, p.person) AS person, o.state, o.problem
FROM pages AS p JOIN outbox AS o ON o.page_id = p.id LEFT JOIN people AS w ON w.login = p.person
WHERE p.incident_id = $1 AND o.state IN ('failed', 'unknown') AND p.what <> 'undelivered' ORDER BY p.id DESC LIMIT 10
"""

_TOLD = """
SELECT p.receiver, o.state, o.code, count(*)::int AS n, max(o.changed_at) AS last_at
FROM outbox AS o JOIN pages AS p ON p.id = o.page_id WHERE o.lane = 'alert' AND o.changed_at >= $1 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""


@dataclass(frozen=True, slots=True)
class Parcel:
    """One page, for whoever delivers it."""

    outbox_id: int
    key: str
    queued_at: datetime
    attempts: int
    frozen: Mapping[str, Any] | None
    page_id: int
    brand_id: int
    incident_id: int | None
    what: PageKind
    receiver: str
    person: str
    about: tuple[int, ...]
    """Of a digest: ids of incidents."""
    note: str
    """What is to be known about the telling."""
    brand: str
    zone: str
    person_name: str
    may_act: bool
    """The one who is told may acknowledge."""


@dataclass(frozen=True, slots=True)
class Standing:
    """An incident, and by whom it was moved, by name."""

    incident: Incident
    acknowledged_by: str
    resolved_by: str


@dataclass(frozen=True, slots=True)
class Told:
    """How many pages of a receiver ended in one way."""

    receiver: str
    state: str
    code: str
    n: int
    last_at: datetime


def _read(r: asyncpg.Record) -> Parcel:
    about = msgspec.json.decode(r["about"])
    return Parcel(
        outbox_id=r["outbox_id"],
        key=r["key"],
        queued_at=r["queued_at"],
        attempts=r["attempts"],
        frozen=None if r["frozen"] is None else msgspec.json.decode(r["frozen"]),
        page_id=r["page_id"],
        brand_id=r["brand_id"],
        incident_id=r["incident_id"],
        what=PageKind(r["what"]),
        receiver=r["receiver"],
        person=r["person"],
        about=tuple(about.get("incidents", ())),
        note=about.get("note", ""),
        brand=r["brand"],
        zone=r["zone"],
        person_name=r["person_name"],
        may_act=bool(r["may_act"]),
    )


async def _locked(connection: asyncpg.Connection, outbox_id: int) -> asyncpg.Record:
    found = await connection.fetchrow(_LOCK, outbox_id)
    if found is None:
        raise Refused("there is no such page", where=str(outbox_id))
    return found


async def _write_down(
    connection: asyncpg.Connection, row: asyncpg.Record, state: str, now: datetime, *, problem: str = "", code: str = "",
    not_before: datetime | None = None, receipt: Mapping[str, Any] | None = None, external_id: str | None = None,
    thaw: bool = False,
) -> None:  # fmt: skip
    text = None if receipt is None else msgspec.json.encode(receipt).decode()
    await connection.execute(_SETTLE, row["id"], state, problem, code, not_before, text, now, thaw)
    unsure = state == "unknown" and row["again"]  # the same is sent again: nothing is lost yet
    if (kind := _KINDS.get(state)) is not None and not unsure:
        await tell(connection, [_event(row, kind, state, code)], now)
    if state in {"failed", "unknown"} and not unsure:
        await connection.execute(_DUE, row["incident_id"], row["page_id"], now)


_KINDS = {"accepted": "page.sent", "failed": "page.failed", "unknown": "page.unknown", "withdrawn": "page.withdrawn"}


def _event(row: asyncpg.Record, kind: str, state: str, code: str) -> Event:
    told = {name: row[name] for name in ("page_id", "what", "receiver", "person", "step", "round")}
    return Event(
        row["brand_id"], kind, outbox_id=row["id"], before={"state": row["state"]}, after={**told, "state": state, "code": code},
        incident_id=row["incident_id"],
    )  # fmt: skip


def _overtaken(row: asyncpg.Record) -> str:
    """Why a page says nothing that is true any more; '': it does."""
    if row["what"] in WAKING and row["incident_state"] == "resolved":
        return "resolved"
    if row["what"] in (PageKind.ALERT, PageKind.AGAIN) and row["person"] and row["incident_state"] == "acknowledged":
        return "acknowledged"
    return ""


async def _may_leave(connection: asyncpg.Connection, row: asyncpg.Record, now: datetime) -> bool:
    if not (why := _overtaken(row)):
        return True
    await _write_down(connection, row, "withdrawn", now, problem=f"not sent: the incident is {why}", code="overtaken")
    return False


def _leaving(_: asyncpg.Record) -> None:
    return None


PAGES: Lane[Parcel] = Lane(
    name="alert",
    next=_NEXT,
    next_due=_NEXT_DUE,
    parcel=_PARCEL,
    read=_read,
    locked=_locked,
    write_down=_write_down,
    leaving=_leaving,
    looked_up=("unknown",),
    died="the sender died while it sent this: nobody knows whether it arrived",
    may_leave=_may_leave,
)
"""Claims and dues ask for one receiver's by its name."""


async def unsure(pool: asyncpg.Pool, receiver: str) -> Sequence[int]:
    """Pages to a receiver whose fate is not known, and of which the same may be sent again."""
    async with acquired(pool) as connection:
        return [row["id"] for row in await connection.fetch(_UNSURE, receiver)]


async def withdraw_overtaken(pool: asyncpg.Pool, outbox_id: int, now: datetime) -> bool:
    """Whether an unsure page says nothing that is true any more; it is withdrawn then, and not sent again."""
    async with acquired(pool) as connection, connection.transaction():
        row = await _locked(connection, outbox_id)
        return row["state"] == "unknown" and not await _may_leave(connection, row, now)


async def fail_nobodys(pool: asyncpg.Pool, known: Sequence[str], before: datetime, now: datetime) -> int:
    """Pages to receivers that the settings do not name, and that nobody else took since `before`: failed, so that somebody else is told."""
    n = 0
    async with acquired(pool) as connection, connection.transaction():
        for found in await connection.fetch(_NOBODYS, list(known), before):
            row = await _locked(connection, found["id"])
            if row["state"] in {"queued", "unknown"}:
                n += 1
                told = f"the settings have no receiver {row['receiver']!r}"
                await _write_down(connection, row, "failed", now, problem=told, code="no_receiver")
    return n


async def standing(connection: asyncpg.Connection, ids: Sequence[int]) -> dict[int, Standing]:
    """Incidents as they are now, by id."""
    rows = await connection.fetch(_INCIDENTS, list(ids))
    return {
        row["id"]: Standing(of_row(row), row["acknowledged_name"] or "", row["resolved_name"] or "") for row in rows
    }


async def undelivered(connection: asyncpg.Connection, incident_id: int) -> tuple[Undelivered, ...]:
    """Pages of an incident that reached nobody, as far as is known; the newest first."""
    rows = await connection.fetch(_UNDELIVERED, incident_id)
    return tuple(Undelivered(row["receiver"], row["person"], row["problem"] or f"it is {row['state']}") for row in rows)


async def told(pool: asyncpg.Pool, since: datetime) -> list[Told]:
    """What became of pages since then, counted by receiver, state and reason."""
    async with acquired(pool) as connection:
        return [Told(**dict(row)) for row in await connection.fetch(_TOLD, since)]
