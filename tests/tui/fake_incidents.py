"""Incidents in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from inbox_tui.backend.incidents import Place
from listener.errors import Refused
from listener.incidents.message import Evidence
from listener.incidents.shape import IncidentState, Matcher
from listener.incidents.story import Listed, Quiet, Story, Written
from listener.model.people import Person
from listener.store.incident_views import place
from listener.store.views.alarmed import Alarmed


class FakeIncidents:
    """The part of the fake backend that obeys `IncidentsBackend`."""

    me: Person
    staff: list[Person]
    viewer: bool

    def __init__(self) -> None:
        super().__init__()
        self.stories: dict[int, Story] = {}
        self.said_of: dict[int, Evidence] = {}

    async def alarmed(self) -> Alarmed:
        live = sorted((one.listed for one in self.stories.values() if not one.listed.is_over), key=place)
        n = [sum(one.incident.state is state for one in live) for state in IncidentState]
        if not live:
            return Alarmed()
        first = live[0].incident
        return Alarmed(
            n[0], n[1], 0, sum(one.unheard for one in live), first.id, first.title, first.topic, first.source, first.state.value,
            first.since, live[0].acknowledged_by,
        )  # fmt: skip

    async def incidents(
        self, *, after: Place | None = None, before: Place | None = None, limit: int
    ) -> Sequence[Listed]:
        rows = sorted((one.listed for one in self.stories.values()), key=place)
        if before is not None:
            return [one for one in rows if place(one) < before][-limit:]
        return [one for one in rows if after is None or place(one) > after][:limit]

    async def incidents_now(self, ids: Sequence[int]) -> Sequence[Listed]:
        return [self.stories[id_].listed for id_ in ids if id_ in self.stories]

    def incident_place(self, one: Listed) -> Place:
        return place(one)

    async def incident(self, incident_id: int, now: datetime) -> Story | None:
        return self.stories.get(incident_id)

    async def incident_evidence(self, incident_id: int) -> Evidence | None:
        return self.said_of.get(incident_id)

    async def incident_report(self, incident_id: int, now: datetime) -> str | None:
        return f"# Incident {incident_id}\n"

    async def acknowledge_incident(self, incident_id: int, now: datetime) -> bool:
        if self._mine(incident_id).listed.incident.acknowledged_by == self.me.id:
            return False
        self._set(incident_id, acknowledged_by=self.me.name)
        self._change(incident_id, state=IncidentState.ACKNOWLEDGED, acknowledged_at=now, acknowledged_by=self.me.id)
        return True

    async def resolve_incident(self, incident_id: int, now: datetime) -> bool:
        self._mine(incident_id)
        self._set(incident_id, resolved_by=self.me.name)
        self._change(incident_id, state=IncidentState.RESOLVED, resolved_at=now, resolved_by=self.me.id)
        return True

    async def assign_incident(self, incident_id: int, person_id: int | None, now: datetime) -> int | None:
        before = self._mine(incident_id).listed.incident.assignee_id
        self._set(incident_id, assignee=next((one.name for one in self.staff if one.id == person_id), ""))
        self._change(incident_id, assignee_id=person_id)
        return before

    async def note_incident(self, incident_id: int, text: str, now: datetime) -> None:
        story = self._mine(incident_id)
        note = Written(len(story.notes) + 1, now, self.me.name, text)
        self.stories[incident_id] = replace(story, notes=(*story.notes, note))

    async def silence_incidents(self, matchers: Sequence[Matcher], until: datetime, note: str, now: datetime) -> int:
        for id_, story in self.stories.items():
            self._mine(id_)
            quiet = Quiet(1, tuple(matchers), now, until, note, self.me.name)
            self.stories[id_] = replace(story, quiet=(*story.quiet, quiet))
        return 1

    async def end_silence(self, silence_id: int, now: datetime) -> bool:
        for id_, story in self.stories.items():
            self.stories[id_] = replace(story, quiet=tuple(replace(one, ended_at=now) for one in story.quiet))
        return True

    def _mine(self, incident_id: int) -> Story:
        if self.viewer:
            raise Refused("you may look at this brand but not change anything (viewer)")
        return self.stories[incident_id]

    def _set(self, incident_id: int, **fields: str) -> None:
        story = self.stories[incident_id]
        self.stories[incident_id] = replace(story, listed=replace(story.listed, **fields))  # type: ignore[arg-type]

    def _change(self, incident_id: int, **fields: object) -> None:
        story = self.stories[incident_id]
        incident = replace(story.listed.incident, **fields)  # type: ignore[arg-type]
        self.stories[incident_id] = replace(story, listed=replace(story.listed, incident=incident))
