"""Incidents, asked of the store. What asks for more than what stands is loaded when somebody looks at incidents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from listener.incidents import story as stories
from listener.model.problems import Problem
from listener.store import alarmed, evidence, incident_acts, incident_report, incident_views
from listener.store.connect import acquired

if TYPE_CHECKING:
    from inbox_tui.backend.incidents import Place
    from listener.incidents.message import Evidence
    from listener.incidents.shape import Matcher
    from listener.model.people import Person
    from listener.rulebook.planned import Planned
    from listener.store.views.alarmed import Alarmed


class PostgresIncidents:
    """`IncidentsBackend` on the real store: the part of `PostgresBackend` that knows incidents."""

    pool: Any
    brand_id: int
    me: Person
    _shelf: Any

    async def alarmed(self) -> Alarmed:
        """Of the brand."""
        return await alarmed.alarmed(self.pool, self.brand_id)

    async def incidents(
        self, *, after: Place | None = None, before: Place | None = None, limit: int
    ) -> Sequence[stories.Listed]:
        """Of the brand."""
        return await incident_views.page(self.pool, self.brand_id, after=after, before=before, limit=limit)

    async def incidents_now(self, ids: Sequence[int]) -> Sequence[stories.Listed]:
        """Of the brand."""
        return await incident_views.rows(self.pool, self.brand_id, ids)

    def incident_place(self, one: stories.Listed) -> Place:
        """As the store sorts them."""
        return incident_views.place(one)

    async def incident(self, incident_id: int, now: datetime) -> stories.Story | None:
        """With the calendar of the rulebook in force."""
        story = await incident_views.story(self.pool, self.brand_id, incident_id, now)
        if story is None:
            return None
        begin, end = incident_views.span_of(story.listed, now)
        return replace(
            story, plans=stories.planned_for(await self._calendar(), story.listed.incident.topic, begin, end)
        )

    async def _calendar(self) -> Sequence[Planned]:
        book = await self._shelf.in_force()
        return () if book is None or isinstance(book, Problem) else book.calendar

    async def incident_evidence(self, incident_id: int) -> Evidence | None:
        """As the pages tell it."""
        async with acquired(self.pool) as connection:
            return await evidence.evidence(connection, incident_id)

    async def incident_report(self, incident_id: int, now: datetime) -> str | None:
        """As the command writes it."""

        return await incident_report.report_on(
            self.pool, self.brand_id, incident_id, now, calendar=await self._calendar()
        )

    async def acknowledge_incident(self, incident_id: int, now: datetime) -> bool:
        """As this person."""
        return await incident_acts.acknowledge(self.pool, incident_id, self.me.id, now)

    async def resolve_incident(self, incident_id: int, now: datetime) -> bool:
        """As this person."""
        return await incident_acts.resolve(self.pool, incident_id, self.me.id, now)

    async def assign_incident(self, incident_id: int, person_id: int | None, now: datetime) -> int | None:
        """As this person."""
        return await incident_acts.assign(self.pool, incident_id, self.me.id, person_id, now)

    async def note_incident(self, incident_id: int, text: str, now: datetime) -> None:
        """As this person."""
        await incident_acts.note(self.pool, incident_id, self.me.id, text, now)

    async def silence_incidents(self, matchers: Sequence[Matcher], until: datetime, note: str, now: datetime) -> int:
        """Of the brand, as this person."""
        return await incident_acts.silence(self.pool, self.brand_id, matchers, now, until, note, self.me.id, now)

    async def end_silence(self, silence_id: int, now: datetime) -> bool:
        """As this person."""
        return await incident_acts.end_silence(self.pool, silence_id, self.me.id, now)
