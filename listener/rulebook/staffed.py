"""Holes in who is on duty: rotas with hours on which nobody is, and chains of which nobody is told. Pure; receivers are another matter."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from listener.model.problems import Problem
from listener.query.clock import zone
from listener.rulebook.alerting import Chain, Notified, Rota
from listener.rulebook.shape import Rulebook

AHEAD = timedelta(weeks=4)
"""So far it is looked."""
LOOK = timedelta(minutes=30)
"""A hole that is shorter may be missed."""


def unstaffed(rulebook: Rulebook, now: datetime) -> tuple[Problem, ...]:
    """Warnings for the four weeks to come, each rota and chain once."""
    return (
        *(found for rota in rulebook.rotas if (found := hole(rulebook, rota, now)) is not None),
        *(found for chain in rulebook.chains for found in _empty(rulebook, chain)),
    )


def hole(rulebook: Rulebook, rota: Rota, now: datetime) -> Problem | None:
    """The first time within four weeks at which nobody is on duty by a rota; None: there is none, or it cannot be told."""
    if rota.calendar and rota.turns is None:
        return None  # what its calendar says is not at hand here
    hours = {one.key: one for one in rulebook.hours}
    begin = max(now, min((layer.begins(rota.zone) for layer in rota.layers), default=now))
    looks = (begin + number * LOOK for number in range(int(AHEAD / LOOK)))
    hole = next((at for at in looks if not rota.on_duty(at, hours.get)), None)
    if hole is None:
        return None
    place = rota.place
    shown = hole.astimezone(zone(rota.zone))
    message = f"rota {rota.key}: nobody is on duty on {shown:%a %Y-%m-%d at %H:%M}, and perhaps more often"
    hint = "a step that tells this rota is passed over then: add a layer without hours below the others"
    return Problem(place.file, place.line, place.column, "nobody-on-duty", message, hint)


def _empty(rulebook: Rulebook, chain: Chain) -> Iterator[Problem]:
    teams = {team for person in rulebook.people for team in person.teams}
    for step in chain.steps:
        if step.notified is Notified.TEAM and step.name not in teams:
            place = chain.place
            message = f"chain {chain.key}: a step tells the team {step.name}, which has no people"
            hint = f"add teams: [{step.name}] to somebody under people:"
            yield Problem(place.file, place.line, place.column, "nobody-in-team", message, hint)
