"""The queue with near-copies folded: of the members of a family that stand in one folder, a page holds the most urgent one only.

Which one that is, is asked of an index for each row that a page passes; nothing is kept that could be wrong. Folders and their counts stay
what they are: members are conversations like all others. Refuses to know what a near-copy is.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

import asyncpg

from listener.store.connect import acquired
from listener.store.inbox.queue import FIRST, QUEUE_LINES, queue_row
from listener.store.views.queue import Fold, FoldedPage

COUNTED = 1_000
"""Members of a family are counted up to so many."""

# Who stands for a family is a join, not a condition: so Postgres remembers the answer while it walks over a storm.
_FIRST = """
    LEFT JOIN LATERAL (
        SELECT o.id FROM conversations AS o
        WHERE o.brand_id = $2 AND o.folder = $3 AND o.family = c.family AND o.merged_into IS NULL ORDER BY o.sort_key, o.id LIMIT 1
    ) AS first ON true
"""
_STANDS = "(first.id IS NULL OR first.id = c.id OR c.family = ANY($7::bigint[]))"

_PAGE_AFTER = f"""
WITH picked AS MATERIALIZED (
    SELECT c.id FROM conversations AS c {_FIRST}
    WHERE c.brand_id = $2 AND c.folder = $3 AND c.merged_into IS NULL AND (c.sort_key, c.id) > ($4, $5) AND {_STANDS}
    ORDER BY c.sort_key, c.id LIMIT $6
) {QUEUE_LINES} ORDER BY c.sort_key, c.id
"""  # noqa: S608 - constants

_PAGE_BEFORE = f"""
WITH picked AS MATERIALIZED (
    SELECT c.id FROM conversations AS c {_FIRST}
    WHERE c.brand_id = $2 AND c.folder = $3 AND c.merged_into IS NULL AND (c.sort_key, c.id) < ($4, $5) AND {_STANDS}
    ORDER BY c.sort_key DESC, c.id DESC LIMIT $6
) {QUEUE_LINES} ORDER BY c.sort_key, c.id
"""  # noqa: S608 - constants

_FOLDS = f"""
SELECT f.family, first.id AS first, told.members
FROM unnest($3::bigint[]) AS f(family)
JOIN LATERAL (
    SELECT c.id FROM conversations AS c
    WHERE c.brand_id = $1 AND c.folder = $2 AND c.family = f.family AND c.merged_into IS NULL ORDER BY c.sort_key, c.id LIMIT 1
) AS first ON true
JOIN LATERAL (
    SELECT count(*)::int AS members FROM (
        SELECT 1 FROM conversations AS c
        WHERE c.brand_id = $1 AND c.folder = $2 AND c.family = f.family AND c.merged_into IS NULL LIMIT {COUNTED}
    ) AS every
) AS told ON true
"""  # noqa: S608 - constants

_MEMBERS = """
SELECT c.id FROM conversations AS c
WHERE c.brand_id = $1 AND c.folder = $2 AND c.family = $3 AND c.merged_into IS NULL ORDER BY c.sort_key, c.id LIMIT $4
"""


def _of_person(statement: str, parameter: int) -> str:
    """The same among what is assigned to one person."""
    return re.sub(r"\b([co])\.folder = ", rf"\1.assignee_id = ${parameter} AND \1.folder = ", statement)


_MINE_AFTER, _MINE_BEFORE = _of_person(_PAGE_AFTER, 8), _of_person(_PAGE_BEFORE, 8)
_FOLDS_MINE, _MEMBERS_MINE = _of_person(_FOLDS, 4), _of_person(_MEMBERS, 5)


async def folded_page(
    pool: asyncpg.Pool,
    brand_id: int,
    folder: str,
    *,
    after: tuple[int, int] | None = None,
    before: tuple[int, int] | None = None,
    limit: int = 50,
    unfolded: Collection[int] = (),
    person_id: int | None = None,
) -> FoldedPage:
    """As `queue.page`, without those that a more urgent member of their family in the folder stands for. Families in `unfolded` are left
    as they are. A page walks over what it leaves out: in the middle of a storm its cost grows with the storm, a few microseconds a member.
    """
    if before is not None:
        statement, place = (_PAGE_BEFORE if person_id is None else _MINE_BEFORE), before
    else:
        statement, place = (_PAGE_AFTER if person_id is None else _MINE_AFTER), after or FIRST
    values: list[Any] = [None, brand_id, folder, *place, limit, list(unfolded)]
    if person_id is not None:
        values.append(person_id)
    async with acquired(pool) as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        rows = tuple(queue_row(row) for row in await connection.fetch(statement, *values))
        families = {row.family for row in rows if row.family is not None}
        return FoldedPage(rows, await _folds(connection, brand_id, folder, families, person_id))


async def folds(
    pool: asyncpg.Pool, brand_id: int, folder: str, families: Collection[int], *, person_id: int | None = None
) -> tuple[Fold, ...]:
    """How these families stand in the folder now; one without members there is missing."""
    async with acquired(pool) as connection:
        return await _folds(connection, brand_id, folder, families, person_id)


async def _folds(
    connection: asyncpg.Connection, brand_id: int, folder: str, families: Collection[int], person_id: int | None
) -> tuple[Fold, ...]:
    if not families:
        return ()
    statement, more = (_FOLDS, ()) if person_id is None else (_FOLDS_MINE, (person_id,))
    return tuple(Fold(*row) for row in await connection.fetch(statement, brand_id, folder, list(families), *more))


async def members(
    pool: asyncpg.Pool, brand_id: int, folder: str, family: int, *, person_id: int | None = None, limit: int = COUNTED
) -> list[int]:
    """The conversations of a family in the folder, in the order of work, the first `limit`."""
    statement, more = (_MEMBERS, ()) if person_id is None else (_MEMBERS_MINE, (person_id,))
    async with acquired(pool) as connection:
        return [row["id"] for row in await connection.fetch(statement, brand_id, folder, family, limit, *more)]
