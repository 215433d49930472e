"""Who is told next: an incident, the staff, what was told and how that fared, and the time, make pages and the moment of the next look.

Owns the whole way from the first page to the last: wait, tell, next, repeat; worse; asked again after an acknowledgement; over and gone.
A page that does not begin to leave is not waited for; it still leaves when it can, until the same is said anew or is true no more.
Asked twice at one moment it says nothing new: what it said is among the tellings. Whoever is quiet or away is passed over to the next at
once; when that leaves nobody, they are told all the same. Refuses to send and to remember.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from listener.incidents.grouping import worse
from listener.incidents.quiet import passed_over, receivers_of
from listener.incidents.shape import Incident, IncidentState, Page, PageKind, Silence
from listener.incidents.silences import silencing
from listener.model.scales import Severity
from listener.rulebook.alerting import Chain, Notified, Policy, Rota, Route, Step, Watched, routes_of
from listener.rulebook.hours import Hours
from listener.rulebook.people import Person
from listener.rulebook.shape import Rulebook

RECOVER = 900.0
"""Seconds, where the rules know the alert no more."""
SHOUT_AGAIN = 600.0
"""Seconds until the chain begins anew when nothing arrived anywhere."""
LATE = 120.0
"""Seconds after which nobody waits for a page that is still to leave: whoever delivers is not there, or is held up."""
TOLD_ALL_THE_SAME = "nobody else could be told: quiet hours do not count"
TELLING = (PageKind.ALERT, PageKind.AGAIN)


class Fate(StrEnum):
    """How a page fared."""

    UNDERWAY = "underway"
    DELIVERED = "delivered"
    LOST = "lost"
    """It failed, or nobody knows: both count as not delivered."""


@dataclass(frozen=True, slots=True)
class Telling:
    """A page that was made, and how it fared."""

    what: PageKind
    receiver: str
    person: str
    step: int
    round: int
    at: datetime
    fate: Fate = Fate.UNDERWAY
    leaves: datetime | None = None
    """When it was to leave, where that is later than it was made."""

    @property
    def late_at(self) -> datetime:
        """When nobody waits for it any more, if it is still underway then. It may leave after all, and is not made anew in its step."""
        return (self.leaves or self.at) + timedelta(seconds=LATE)

    def missed(self, now: datetime) -> bool:
        """Whether it counts as not delivered."""
        return self.fate is Fate.LOST or (self.fate is Fate.UNDERWAY and self.late_at <= now)


@dataclass(frozen=True, slots=True)
class Stage:
    """Who is told at the same time, and how long their answer is waited for."""

    steps: tuple[Step, ...] = ()
    wait: float = 0.0


@dataclass(frozen=True, slots=True)
class Way:
    """Where an incident goes: its routes taken together."""

    routes: tuple[str, ...] = ()
    """Their keys."""
    chains: tuple[str, ...] = ()
    receivers: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    """Receivers that the routes name and the settings do not."""
    stages: tuple[Stage, ...] = (Stage(),)
    wait: float = 30.0
    interval: float = 300.0
    repeat: float = 4 * 3600.0
    again_after: float = 3600.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody whom a step tells."""

    person: str
    receivers: tuple[str, ...]
    passed: str = ""
    """Why they are passed over; "": they are told."""


@dataclass(frozen=True, slots=True)
class Staffed:
    """Whom alerts can reach: the rules' part, and the settings' part, which knows by what."""

    alerts: Mapping[str, Policy] = field(default_factory=dict)
    routes: tuple[Route, ...] = ()
    chains: Mapping[str, Chain] = field(default_factory=dict)
    rotas: Mapping[str, Rota] = field(default_factory=dict)
    people: Mapping[str, Person] = field(default_factory=dict)
    hours: Mapping[str, Hours] = field(default_factory=dict)
    reach: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Login -> names of receivers."""
    receivers: frozenset[str] = frozenset()
    """Names of all that are known."""

    @classmethod
    def of(cls, rulebook: Rulebook, receivers: Iterable[str], reach: Mapping[str, tuple[str, ...]]) -> Staffed:
        """The staff of a rulebook, with the receivers' names and who is reached by which."""
        return cls(
            {one.key: one for one in rulebook.alerts},
            rulebook.routes,
            {one.key: one for one in rulebook.chains},
            {one.key: one for one in rulebook.rotas},
            {one.id: one for one in rulebook.people},
            {one.key: one for one in rulebook.hours},
            dict(reach),
            frozenset(receivers),
        )

    def way(self, policy: Policy | None, severity: Severity, topic: str) -> Way:
        """Where an alert goes that is so bad and about such a topic; nowhere when the rules know it no more."""
        if policy is None:
            return Way()
        asked = replace(policy, severity=severity, topics=frozenset({topic}) if topic else policy.topics)
        routes = routes_of(asked, self.routes)
        if not routes:
            return Way()
        named = sorted({name for route in routes for name in route.receivers})
        chains = [self.chains[key] for key in sorted({route.chain for route in routes}) if key in self.chains]
        return Way(
            tuple(route.key for route in routes),
            tuple(chain.key for chain in chains),
            tuple(name for name in named if name in self.receivers),
            tuple(name for name in named if name not in self.receivers),
            stages_of(chains),
            min(route.wait for route in routes),
            min(route.interval for route in routes),
            max(1.0, min(route.repeat for route in routes)),
            min(route.again_after for route in routes),
        )

    def candidates(self, stage: Stage, severity: Severity, now: datetime) -> tuple[Candidate, ...]:
        """Whom a stage tells now, each person once."""
        found: dict[str, Candidate] = {}
        for step in stage.steps:
            for person in self._people(step, now):
                found.setdefault(person, self.candidate(person, severity, now))
        return tuple(found.values())

    def candidate(self, person: str, severity: Severity, now: datetime) -> Candidate:
        """How somebody is told of something so bad."""
        known = self.people.get(person)
        reach = tuple(name for name in self.reach.get(person, ()) if name in self.receivers)
        ways = receivers_of(known, reach, severity)
        if not ways:
            return Candidate(person, (), "not reached by any receiver")
        return Candidate(person, ways, "" if known is None else passed_over(known, severity, now))

    def _people(self, step: Step, now: datetime) -> tuple[str, ...]:
        match step.notified:
            case Notified.PERSON:
                return (step.name,)
            case Notified.TEAM:
                return tuple(sorted(one.id for one in self.people.values() if step.name in one.teams))
            case Notified.ROTA:
                rota = self.rotas.get(step.name)
                person = "" if rota is None else rota.on_duty(now, self.hours.get)
                return (person,) if person else ()


def stages_of(chains: Sequence[Chain]) -> tuple[Stage, ...]:
    """Chains side by side: their first steps at once, then their second ones; at least one stage, for what goes to receivers alone."""
    stages = []
    for number in range(max((len(chain.steps) for chain in chains), default=0)):
        steps = tuple(chain.steps[number] for chain in chains if number < len(chain.steps))
        stages.append(Stage(steps, min((step.wait for step in steps if step.wait), default=0.0)))
    return tuple(stages) or (Stage(),)


@dataclass(frozen=True, slots=True)
class Happened:
    """Something that is told in the feed of events: ids, names of ours and our own words."""

    kind: str
    after: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Move:
    """What time makes of an incident."""

    incident: Incident
    pages: tuple[Page, ...] = ()
    happened: tuple[Happened, ...] = ()


def advance(
    incident: Incident, staff: Staffed, tellings: Sequence[Telling], silences: Sequence[Silence], now: datetime,
    names: Mapping[int, str] | None = None,
) -> Move:  # fmt: skip
    """What is to be told of an incident now, and when it is looked at next (`next_at`). `names`: the logins of people by their ids.

    The pages of a move become tellings; until they have, the same call gives the same move.
    """
    walk = _Walk(incident, staff, list(tellings), now, names or {})
    walk.go(silences)
    return Move(walk.incident, tuple(walk.pages), tuple(walk.happened))


def recover_of(policy: Policy | None) -> timedelta:
    """How long it must be over before it is resolved by itself."""
    return timedelta(seconds=RECOVER if policy is None else policy.recover)


def told_parties(tellings: Iterable[Telling], since: datetime | None = None) -> list[tuple[str, str]]:
    """Receiver and person of whoever was told of it (since a moment) and may know, each once, in their order."""
    return list(
        dict.fromkeys(
            (one.receiver, one.person)
            for one in tellings
            if one.what in TELLING and one.fate is not Fate.LOST and (since is None or one.at >= since)
        )
    )


@dataclass(slots=True)
class _Walk:
    """One call of `advance`."""

    incident: Incident
    staff: Staffed
    tellings: list[Telling]
    now: datetime
    names: Mapping[int, str]
    pages: list[Page] = field(default_factory=list)
    happened: list[Happened] = field(default_factory=list)
    looks: list[datetime] = field(default_factory=list)
    way: Way = Way()

    def go(self, silences: Sequence[Silence]) -> None:
        """All that is due."""
        i = self.incident
        if i.state is IncidentState.RESOLVED:
            self._set(step_at=None, next_at=None)
            return
        policy = self.staff.alerts.get(i.policy)
        if self._recovered(policy):
            return
        muted = self._muted(policy, silences)
        if muted != i.muted_by:
            self._say("incident.muted", by=muted)
            self._set(muted_by=muted)
        self.way = self.staff.way(policy, i.severity, i.topic)
        if not muted:
            self._tell_on()
            self.looks += [one.late_at for one in self.tellings if self._waits_for(one)]
        future = [at for at in self.looks if at > self.now]
        self._set(next_at=min(future, default=None))

    def _tell_on(self) -> None:
        self._rerouted()
        self._worse()
        if self.incident.state is IncidentState.ACKNOWLEDGED:
            self._ask_again()
        elif self._over() is None or self._begun():
            self._chain()

    # Over, muted, on another way

    def _recovered(self, policy: Policy | None) -> bool:
        """Whether it has been over for long enough: then it is resolved, and whoever was told is told so."""
        i = self.incident
        if i.over_at is None or self._over() is None:
            return False
        # What a rule handed over has somebody's attention from the acknowledgement on.
        since = max(i.over_at, i.acknowledged_at or i.over_at) if i.watched is Watched.RULE else i.over_at
        until = since + recover_of(policy)
        if until > self.now:
            self.looks.append(until)
            return False
        for receiver, person in told_parties(self.tellings, self._since()):
            self._page(PageKind.RESOLVED, receiver, person, 0, i.round)
        self._set(
            state=IncidentState.RESOLVED,
            resolved_at=self.now,
            resolved_by=None,
            step_at=None,
            next_at=None,
            muted_by="",
        )
        self._say("incident.resolved", by="recovery", over=i.over_at.isoformat())
        return True

    def _over(self) -> datetime | None:
        """Since when it is over. What a rule handed over is so at once, and waits for a person all the same."""
        i = self.incident
        return None if i.watched is Watched.RULE and i.state is IncidentState.OPEN else i.over_at

    def _muted(self, policy: Policy | None, silences: Sequence[Silence]) -> str:
        """Why nobody is told; when that may end is looked at then."""
        i = self.incident
        self.looks += [one.begins_at for one in silences if one.begins_at > self.now]
        if i.parent_id is not None:
            return f"part of incident {i.parent_id}"
        if i.hushed:
            return i.hushed
        if policy is None:
            return f"the rules know no alert {i.policy} any more"
        if (silence := silencing(i, silences, self.now)) is not None:
            self.looks.append(silence.ends_at)
            return f"silence {silence.id} until {silence.ends_at:%Y-%m-%d %H:%M} UTC"
        if i.cool_until is not None and i.cool_until > self.now:
            self.looks.append(i.cool_until)
            return f"cool-down until {i.cool_until:%Y-%m-%d %H:%M} UTC"
        return ""

    def _rerouted(self) -> None:
        """The way of now, by the rules of now: on another chain it begins anew."""
        routes, chains = ",".join(self.way.routes), ",".join(self.way.chains)
        i = self.incident
        if (i.route, i.chain) == (routes, chains):
            return
        self._set(route=routes, chain=chains)
        if i.chain != chains and i.state is IncidentState.OPEN and self._begun():
            self._set(round=i.round + 1, step=0, step_at=self.now)
        self._say("incident.step", route=routes, chain=chains)

    def _since(self) -> datetime:
        return self.incident.reopened_at or self.incident.opened_at

    def _begun(self) -> bool:
        """Whether anybody was told since it was opened or reopened."""
        return any(one.what in TELLING and one.at >= self._since() for one in self.tellings)

    # It is worse

    def _worse(self) -> None:
        i = self.incident
        if i.worse <= i.worse_told:
            return
        if not self._begun():
            self._set(worse_told=i.worse)  # the first page will say it as it is then
            return
        last = max(one.at for one in self.tellings if one.what in (*TELLING, PageKind.WORSE))
        at = last + timedelta(seconds=self.way.interval)
        if at > self.now:
            self.looks.append(at)
            return
        self._set(worse_told=i.worse)
        parties = told_parties(self.tellings, self._since())
        keepers = [(name, who.person) for who in self._keepers() for name in who.receivers]
        everybody = list(dict.fromkeys((*parties, *keepers)))
        awake = [(name, who) for name, who in everybody if not who or not self._passed(who)]
        for receiver, person in awake or everybody:
            self._page(PageKind.WORSE, receiver, person, 0, i.worse)

    def _passed(self, person: str) -> str:
        return self.staff.candidate(person, self.incident.severity, self.now).passed

    # Nobody has answered

    def _chain(self) -> None:
        i = self.incident
        if i.step_at is None:
            self._set(step_at=self.now)
        while True:
            step_at = self.incident.step_at
            assert step_at is not None  # noqa: S101
            step, stages = self.incident.step, len(self.way.stages)
            if step < stages:
                if step_at > self.now and not self._step_lost():
                    break
                self._stage()
            elif step == stages and self._nobody_reached():
                continue
            elif step_at > self.now or self._over() is not None:
                break
            else:
                self._set(round=self.incident.round + 1, step=0, step_at=self.now)
        if self.incident.step < len(self.way.stages) or self._over() is None:
            assert self.incident.step_at is not None  # noqa: S101
            self.looks.append(self.incident.step_at)

    def _of_round(self) -> list[Telling]:
        return [one for one in self.tellings if one.what in TELLING and one.round == self.incident.round]

    def _waits_for(self, one: Telling) -> bool:
        """Whether it makes a difference that a page does not leave: others are told then."""
        return one.fate is Fate.UNDERWAY and one.what in (*TELLING, PageKind.STILL) and one.round == self.incident.round

    def _step_lost(self) -> bool:
        """Whether none of the last step's pages to people arrived, or will soon: the next step does not wait."""
        last = [one for one in self._of_round() if one.step == self.incident.step - 1 and one.person]
        return bool(last) and all(one.missed(self.now) for one in last)

    def _stage(self) -> None:
        """Tells the next step, or passes it over."""
        i, stages = self.incident, self.way.stages
        severity, step = i.severity, i.step
        found = self.staff.candidates(stages[step], severity, self.now)
        told = [one for one in found if not one.passed]
        note = ""
        if not told and any(one.receivers for one in found) and not self._others(step):
            told, note = [one for one in found if one.receivers], TOLD_ALL_THE_SAME
        what = PageKind.AGAIN if self._begun_before_this_round() else PageKind.ALERT
        if step == 0:
            for receiver in self.way.receivers:
                self._page(what, receiver, "", step, i.round)
        self._tell(what, told, step, note)
        between = stages[step].wait if told else 0.0
        wait = between if step + 1 < len(stages) else self.way.repeat
        self._set(step=step + 1, step_at=self.now + timedelta(seconds=wait))
        passed = {one.person: one.passed for one in found if one not in told}
        self._say(
            "incident.step", step=step, round=i.round, told=[one.person for one in told], passed=passed,
            receivers=list(self.way.receivers) if step == 0 else [], note=note,
        )  # fmt: skip

    def _tell(self, what: PageKind, told: Iterable[Candidate], step: int, note: str = "") -> None:
        for one in told:
            for receiver in one.receivers:
                self._page(what, receiver, one.person, step, self.incident.round, note)

    def _others(self, step: int) -> bool:
        """Whether somebody of the chain is told already in this round, or a later step tells somebody now."""
        if any(one.person and not one.missed(self.now) for one in self._of_round()):
            return True
        later = self.way.stages[step + 1 :]
        severity = self.incident.severity
        return any(not one.passed for stage in later for one in self.staff.candidates(stage, severity, self.now))

    def _begun_before_this_round(self) -> bool:
        return any(
            one.what in TELLING and one.at >= self._since() and one.round < self.incident.round for one in self.tellings
        )

    def _nobody_reached(self) -> bool:
        """At the end of the chain: whoever was passed over is told when nobody else could be, and when nothing arrived anywhere, every
        receiver that is known is told that. Whether anything came of it.
        """
        i = self.incident
        mine = self._of_round()
        if any(one.person and not one.missed(self.now) for one in mine):
            return False
        asked = {one.person for one in mine if one.person}
        left: dict[str, tuple[int, Candidate]] = {}
        for step, stage in enumerate(self.way.stages):
            for one in self.staff.candidates(stage, i.severity, self.now):
                if one.receivers and one.person not in asked:
                    left.setdefault(one.person, (step, one))
        if left:
            what = PageKind.AGAIN if self._begun_before_this_round() else PageKind.ALERT
            for step, one in left.values():
                self._tell(what, [one], step, TOLD_ALL_THE_SAME)
            self._say("incident.step", step=i.step, round=i.round, told=sorted(left), passed={}, receivers=[], note=TOLD_ALL_THE_SAME)  # fmt: skip
            return True
        if any(not one.missed(self.now) for one in mine):
            return False
        self._shout()
        soon = min(self.way.repeat, SHOUT_AGAIN)
        self._set(step=i.step + 1, step_at=self.now + timedelta(seconds=soon))
        return True

    def _shout(self) -> None:
        """Every receiver that is known is told that this could not be delivered."""
        for receiver in sorted(self.staff.receivers):
            self._page(PageKind.UNDELIVERED, receiver, "", self.incident.step, self.incident.round)
        self._say("incident.step", step=self.incident.step, round=self.incident.round, undelivered=True, unknown=list(self.way.unknown))  # fmt: skip

    # Somebody has it, and it is not done

    def _ask_again(self) -> None:
        """Whoever acknowledged it, and whoever has it, are asked; when that does not arrive, the receivers and the first who can be told."""
        i = self.incident
        if self._over() is not None:
            return
        after = timedelta(seconds=self.way.again_after)
        if i.step_at is None:
            self._set(step=0, step_at=max((i.acknowledged_at or self.now) + after, self.now))
        step_at = self.incident.step_at
        assert step_at is not None  # noqa: S101
        if step_at <= self.now:
            self._set(round=i.round + 1, step=1, step_at=self.now + after)
            asked = [one for one in self._keepers() if not one.passed]
            self._tell(PageKind.STILL, asked, 1)
            self._say(
                "incident.step", step=1, round=self.incident.round, told=[one.person for one in asked], still=True
            )
        mine = [one for one in self.tellings if one.what is PageKind.STILL and one.round == self.incident.round]
        lost = all(one.missed(self.now) for one in mine)
        if self.incident.step == 1 and lost:
            self._set(step=2)
            asked_already = {one.person for one in mine}
            found = [self.staff.candidates(stage, i.severity, self.now) for stage in self.way.stages]
            free = [[one for one in some if not one.passed and one.person not in asked_already] for some in found]
            first = next((some for some in free if some), [])
            for receiver in self.way.receivers:
                self._page(PageKind.STILL, receiver, "", 2, self.incident.round)
            self._tell(PageKind.STILL, first, 2)
            self._say(
                "incident.step", step=2, round=self.incident.round, told=[one.person for one in first],
                receivers=list(self.way.receivers), still=True,
            )  # fmt: skip
            mine = [one for one in self.tellings if one.what is PageKind.STILL and one.round == self.incident.round]
            lost = all(one.missed(self.now) for one in mine)
        if self.incident.step == 2 and lost:
            self._shout()
            self._set(step=3)
        self.looks.append(self.incident.step_at or self.now)

    def _keepers(self) -> list[Candidate]:
        i = self.incident
        ids = [id_ for id_ in (i.acknowledged_by, i.assignee_id) if id_ is not None]
        logins = dict.fromkeys(self.names[id_] for id_ in ids if id_ in self.names)
        return [self.staff.candidate(login, i.severity, self.now) for login in logins]

    # What is said

    def _page(self, what: PageKind, receiver: str, person: str, step: int, round_: int, note: str = "") -> None:
        i = self.incident
        made = Telling(what, receiver, person, step, round_, self.now)
        if any(
            (one.what, one.receiver, one.person, one.step, one.round) == (what, receiver, person, step, round_)
            for one in self.tellings
        ):
            return
        self.tellings.append(made)
        self.pages.append(Page(i.brand_id, i.id, what, receiver, person, step, round_, note=note))

    def _say(self, kind: str, **after: Any) -> None:
        self.happened.append(Happened(kind, after))

    def _set(self, **fields: Any) -> None:
        self.incident = replace(self.incident, **fields)


def reopened(incident: Incident, policy: Policy, severity: Severity, now: datetime) -> Incident:
    """The same one again, soon after it was resolved: told from the first step on, after the cool-down unless it is worse than it was."""
    cool = None
    if incident.resolved_at is not None and policy.cool_down and not worse(severity, incident.severity):
        cool = incident.resolved_at + timedelta(seconds=policy.cool_down)
    return replace(
        incident, state=IncidentState.OPEN, severity=severity, reopened=incident.reopened + 1, reopened_at=now, cool_until=cool,
        over_at=None, acknowledged_at=None, acknowledged_by=None, resolved_at=None, resolved_by=None, parent_id=None,
        step=0, round=incident.round + 1, step_at=now, next_at=now, worse_told=incident.worse,
    )  # fmt: skip
