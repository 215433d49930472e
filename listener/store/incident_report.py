"""What the report after an incident is made of, read and handed to `listener.incidents.report`. Owns the gathering; writes nothing.

The posts are those that the query of the incident finds, as the search box finds them; none of their words is read into it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import asyncpg

from listener.incidents.asked import query_of
from listener.incidents.report import POSTS, Post, report
from listener.incidents.story import planned_for
from listener.query.clock import zone
from listener.query.fields import Use
from listener.query.parse import parse
from listener.rulebook.planned import Planned
from listener.store import evidence, inbox, incident_views
from listener.store.connect import acquired

COUNTED = 1_000
"""Posts that are counted; more are said to be more."""

_BRAND = "SELECT name, zone FROM brands WHERE id = $1"

_LINKS = "SELECT id, url FROM mentions WHERE id = ANY($1::bigint[]) AND state = 'live'"


async def report_on(
    pool: asyncpg.Pool, brand_id: int, incident_id: int, now: datetime, *, calendar: Sequence[Planned] = ()
) -> str | None:
    """The report on an incident of a brand, as Markdown, in the brand's zone; None: the brand has none of that id."""
    story = await incident_views.story(pool, brand_id, incident_id, now)
    if story is None:
        return None
    begin, end = incident_views.span_of(story.listed, now)
    incident = story.listed.incident
    story = replace(story, plans=planned_for(calendar, incident.topic, begin, end))
    query = query_of(incident, story.listed.ended)
    tree = parse(query, Use.VIEW).tree
    found = () if tree is None else (await inbox.search(pool, brand_id, tree, now, limit=COUNTED)).rows
    async with acquired(pool) as connection:
        brand = await connection.fetchrow(_BRAND, brand_id)
        links = await _links(connection, [row.id for row in found[:POSTS]])
        said = await evidence.evidence(connection, incident_id)
    posts = [Post(row.id, row.at, row.source, links.get(row.id, "")) for row in found[:POSTS]]
    return report(
        story,
        brand=brand["name"],
        now=now,
        zone=zone(brand["zone"]),
        query=query,
        posts=posts,
        of=len(found),
        evidence=said,
    )


async def _links(connection: asyncpg.Connection, ids: Sequence[int]) -> Mapping[int, str]:
    return {row["id"]: row["url"] for row in await connection.fetch(_LINKS, list(ids))}
