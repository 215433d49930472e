"""Saved views: queries that a person, or a brand, keeps under a name. Owns `saved_views`; refuses to parse a query and to show one.

Whoever may act on a brand keeps views of their own; only leads and admins change those that all share. Each change is an event.
"""

from __future__ import annotations

from datetime import datetime

import asyncpg

from listener.errors import Refused
from listener.harmless import storable
from listener.model.people import Role
from listener.store.acts.rights import who
from listener.store.connect import acquired
from listener.store.conversations import Event, tell
from listener.store.views.queue import SavedView

MAX_NAME = 60
MAX_QUERY = 20_000

_ALL = """
SELECT id, name, query, person_id IS NULL AS shared FROM saved_views
WHERE brand_id = $1 AND (person_id IS NULL OR person_id = $2) ORDER BY person_id IS NOT NULL, lower(name), id
"""

_SAVE = """
INSERT INTO saved_views AS s (brand_id, person_id, name, query, created_at, changed_at) VALUES ($1, $2, $3, $4, $5, $5)
ON CONFLICT (brand_id, person_id, name) DO UPDATE SET query = excluded.query, changed_at = excluded.changed_at
RETURNING id, name, query, person_id IS NULL AS shared
"""

_CHANGE = """
UPDATE saved_views SET name = $2, query = $3, person_id = $4, changed_at = $5 WHERE id = $1
RETURNING id, name, query, person_id IS NULL AS shared
"""

_ONE = "SELECT id, brand_id, person_id, name FROM saved_views WHERE id = $1 FOR UPDATE"

_DELETE = "DELETE FROM saved_views WHERE id = $1"


async def saved_views(pool: asyncpg.Pool, brand_id: int, person_id: int) -> list[SavedView]:
    """The views that a person has of a brand: those that all share, then their own, by name."""
    async with acquired(pool) as connection:
        return [SavedView(**dict(row)) for row in await connection.fetch(_ALL, brand_id, person_id)]


async def save_view(
    pool: asyncpg.Pool,
    person_id: int,
    brand_id: int,
    name: str,
    query: str,
    shared: bool,
    now: datetime,
    *,
    view_id: int | None = None,
) -> SavedView:
    """Keeps a query under a name, in place of what stood under it. `view_id`: that view gets this name, query and owner instead.

    Raises Refused for viewers, for a shared view unless by a lead or admin, and for a name that is empty, too long or taken.
    """
    name = " ".join(storable(name).split())
    query = storable(query).strip()
    if not name or len(name) > MAX_NAME:
        raise Refused(f"a view needs a name of 1 to {MAX_NAME} characters")
    if not query or len(query) > MAX_QUERY:
        raise Refused(f"a view needs a query of 1 to {MAX_QUERY} characters")
    async with acquired(pool) as connection, connection.transaction():
        await _may(connection, person_id, brand_id, shared=shared)
        owner = None if shared else person_id
        before: dict[str, object] | None = None
        if view_id is None:
            row = await connection.fetchrow(_SAVE, brand_id, owner, name, query, now)
        else:
            old = await _own(connection, person_id, view_id)
            if old["brand_id"] != brand_id:
                raise Refused("that view is another brand's")
            before = {"name": old["name"], "shared": old["person_id"] is None}
            try:
                async with connection.transaction():
                    row = await connection.fetchrow(_CHANGE, view_id, name, query, owner, now)
            except asyncpg.UniqueViolationError:
                raise Refused(f"there is a view named {name} already") from None
        view = SavedView(**dict(row))
        after = {"view": view.id, "name": view.name, "shared": view.shared}
        await tell(connection, [Event(brand_id, "view.saved", person_id=person_id, before=before, after=after)], now)
    return view


async def delete_view(pool: asyncpg.Pool, person_id: int, view_id: int, now: datetime) -> None:
    """Forgets a view. Raises Refused for another person's, for a shared one unless by a lead or admin, and when there is none."""
    async with acquired(pool) as connection, connection.transaction():
        old = await _own(connection, person_id, view_id)
        await connection.execute(_DELETE, view_id)
        before = {"view": view_id, "name": old["name"], "shared": old["person_id"] is None}
        await tell(connection, [Event(old["brand_id"], "view.deleted", person_id=person_id, before=before)], now)


async def _own(connection: asyncpg.Connection, person_id: int, view_id: int) -> asyncpg.Record:
    """The row, locked, that the person may change."""
    row = await connection.fetchrow(_ONE, view_id)
    if row is None or row["person_id"] not in {None, person_id}:
        raise Refused("there is no such view")
    await _may(connection, person_id, row["brand_id"], shared=row["person_id"] is None)
    return row


async def _may(connection: asyncpg.Connection, person_id: int, brand_id: int, *, shared: bool) -> None:
    person = await who(connection, person_id)
    if refusal := person.may_not(brand_id):
        raise Refused(refusal)
    if shared and person.roles[brand_id] not in {Role.LEAD, Role.ADMIN}:
        raise Refused("only a lead or an admin changes the views that all share")
