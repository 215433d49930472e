"""Who is told next: over any schedule of kills, repeats and lost pages nobody is told twice in a step, nobody is forgotten, and an
acknowledgement ends it. Quiet hours, silences and groups; holes in rotas; keys of the rule files."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from listener.errors import Refused
from listener.incidents.escalation import TOLD_ALL_THE_SAME, Fate, Move, Staffed, Telling, advance
from listener.incidents.grouping import covers, parents, rank
from listener.incidents.quiet import passed_over, receivers_of
from listener.incidents.reaching import unreached
from listener.incidents.shape import Incident, IncidentState, Page, PageKind, Silence
from listener.incidents.silences import parse, silencing, written
from listener.model.scales import Severity
from listener.rulebook.alerting import Chain, Layer, Notified, Policy, Rota, Route, Step, Watched
from listener.rulebook.check import check
from listener.rulebook.hours import Hours, Span
from listener.rulebook.people import Away, Person
from tests.core.rulebooks import PLAIN, book
from tests.core.test_alerting import ALERTING, STAFF

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ALWAYS = Hours("q", "q", "UTC", ((Span(0, 1440),),) * 7)
NIGHT = Hours("q", "q", "Europe/Berlin", ((Span(22 * 60, 31 * 60),),) * 7)
WARNING, CRITICAL = Severity.WARNING, Severity.CRITICAL
MOOD = Policy("mood", "The mood turns", "lead", Watched.NEGATIVE)


def later(**span: float) -> datetime:
    return NOW + timedelta(**span)


def incident(**more: object) -> Incident:
    one = Incident(
        1, 1, "mood/acme/", "mood", Watched.NEGATIVE, "acme", "", IncidentState.OPEN, WARNING, "The mood turns",
        since=NOW, opened_at=NOW, told_at=NOW, step_at=later(seconds=30), next_at=NOW,
    )  # fmt: skip
    return replace(one, **more)  # type: ignore[arg-type]


def staff(people: dict[str, bool], reached: set[str] | None = None, *, room: bool = False, **more: float) -> Staffed:
    """A chain of these people, each with whether they are quiet, told after ten minutes each."""
    names = set(people) if reached is None else reached
    steps = tuple(Step(Notified.PERSON, name, 600) for name in people)
    given = {"wait": 30.0, "repeat": 3600.0, **more}
    return Staffed(
        alerts={"mood": MOOD},
        routes=(Route("all", "All", receivers=frozenset({"room"} if room else ()), chain="duty", **given),),  # type: ignore[arg-type]
        chains={"duty": Chain("duty", "Duty", steps)},
        people={name: Person(name, name, quiet=ALWAYS if quiet else None) for name, quiet in people.items()},
        reach={name: (f"to-{name}",) for name in names},
        receivers=frozenset({"room", *(f"to-{name}" for name in people)}),
    )


def telling(page: Page, at: datetime, fate: Fate = Fate.UNDERWAY) -> Telling:
    return Telling(page.what, page.receiver, page.person, page.step, page.round, at, fate)


class House:
    """Keeps what a move says, as the store does: whole, or not at all."""

    def __init__(self, one: Incident, who: Staffed, fates: dict[str, Fate] | None = None) -> None:
        self.incident, self.staff, self.fates = one, who, fates or {}
        self.tellings: list[Telling] = []
        self.said: list[dict[str, object]] = []

    def move(self, at: datetime, silences: tuple[Silence, ...] = ()) -> Move:
        return advance(self.incident, self.staff, self.tellings, silences, at)

    def keep(self, at: datetime, silences: tuple[Silence, ...] = ()) -> Move:
        made = self.move(at, silences)
        self.incident = made.incident
        self.tellings += [telling(page, at) for page in made.pages]
        self.said += [dict(one.after) for one in made.happened]
        return made

    def settle(self) -> bool:
        """Every page gets its fate, which may be that it never leaves; whether any was lost, upon which the lane has it looked at again."""
        before = self.tellings
        self.tellings = [replace(one, fate=self.fates.get(one.receiver, Fate.DELIVERED)) for one in before]
        return any(a.fate is not b.fate and b.fate is Fate.LOST for a, b in zip(before, self.tellings, strict=True))

    def run(self, until: datetime) -> None:
        """Time passes: whenever it must be looked at, it is."""
        at = self.incident.next_at
        while at is not None and at <= until:
            self.keep(at)
            while self.settle():
                self.keep(at)
            at = self.incident.next_at

    @property
    def told(self) -> list[str]:
        """Who was told, in order."""
        return [one.person or one.receiver for one in self.tellings if one.what in (PageKind.ALERT, PageKind.AGAIN)]


PEOPLE = st.lists(st.booleans(), min_size=1, max_size=4).map(
    lambda some: {f"p{i}": quiet for i, quiet in enumerate(some)}
)


@settings(max_examples=50, deadline=None)
@given(
    people=PEOPLE, lost=st.sets(st.integers(0, 3)), stuck=st.sets(st.integers(0, 4)), reached=st.sets(st.integers(0, 3)), room=st.booleans(),
    schedule=st.lists(st.tuples(st.floats(0, 900), st.booleans(), st.booleans()), min_size=5, max_size=40),
)  # fmt: skip
def test_over_any_schedule_nobody_is_told_twice_in_a_step_nobody_is_forgotten_and_an_acknowledgement_ends_it(
    people: dict[str, bool],
    lost: set[int],
    stuck: set[int],
    reached: set[int],
    room: bool,
    schedule: list[tuple[float, bool, bool]],
) -> None:
    known = {f"p{number}" for number in reached} & set(people)
    fates = {f"to-p{number}": Fate.LOST for number in lost} | {f"to-p{number}": Fate.UNDERWAY for number in stuck}
    if 4 in stuck:
        fates["room"] = Fate.UNDERWAY
    house = House(incident(), staff(people, known, room=room), fates)
    at = NOW
    for seconds, killed, settles in schedule:
        at += timedelta(seconds=seconds)
        if killed:  # the process dies before it commits: nothing of the move is kept, and the same comes again
            assert house.move(at) == house.move(at)
            continue
        house.keep(at)
        assert house.move(at).pages == ()  # asked again at once it says nothing new
        if settles:
            house.settle()
    house.keep(at)
    while house.settle():  # the lane has it looked at whenever a page is lost
        house.keep(at)
    house.run(at + timedelta(minutes=70))  # each step waits from when it was told, however late that was
    once = Counter((one.what, one.receiver, one.person, one.step, one.round) for one in house.tellings)
    assert set(once.values()) <= {1}
    arrives = {name for name in known if f"to-{name}" not in house.fates}
    for name in people:
        reasons = [step["passed"] for step in house.said if isinstance(step.get("passed"), dict)]
        assert name in house.told or any(name in some for some in reasons), "forgotten"  # type: ignore[operator]
    awake = {name for name in arrives if not people[name]}
    assert awake <= set(house.told)
    if arrives:
        assert arrives & set(house.told), "somebody could be told"
    elif not room or "room" in fates:
        assert any(one.what is PageKind.UNDELIVERED for one in house.tellings)
    house.incident = replace(
        house.incident, state=IncidentState.ACKNOWLEDGED, acknowledged_at=at, acknowledged_by=7, step=0, step_at=None
    )
    before = len(house.told)
    house.run(at + timedelta(hours=3))
    assert len(house.told) == before


def test_whoever_is_quiet_is_passed_over_at_once_and_told_when_nobody_else_could_be() -> None:
    house = House(incident(), staff({"a": True, "b": False, "c": True}))
    house.run(later(minutes=30))
    assert house.told == ["b"]
    assert house.tellings[0].at == later(seconds=30)
    everybody = House(incident(), staff({"a": True, "b": True}))
    everybody.run(later(seconds=30))
    assert everybody.told == ["a"] or everybody.told == ["b"]
    assert [step["note"] for step in everybody.said if step.get("told")] == [TOLD_ALL_THE_SAME]
    lost = House(incident(), staff({"a": True, "b": False}), {"to-b": Fate.LOST})
    lost.run(later(minutes=1))
    assert lost.told == ["b", "a"]
    bad = House(incident(severity=CRITICAL), staff({"a": True, "b": False}))
    bad.run(later(seconds=30))
    assert bad.told == ["a"]


def test_nobody_waits_for_a_page_that_does_not_begin_to_leave_and_it_is_not_made_anew_in_its_step() -> None:
    stuck = {"to-a": Fate.UNDERWAY, "to-b": Fate.UNDERWAY}
    house = House(incident(), staff({"a": False, "b": False, "c": False}), stuck)
    house.run(later(minutes=59))
    times = [(one.person, one.at) for one in house.tellings]
    assert times == [("a", later(seconds=30)), ("b", later(seconds=150)), ("c", later(seconds=270))]
    nobody = House(incident(), staff({"a": False}, room=True), {"to-a": Fate.UNDERWAY, "room": Fate.UNDERWAY})
    nobody.run(later(minutes=13))
    assert [(one.what, one.at) for one in nobody.tellings if one.person or one.what is PageKind.UNDELIVERED] == [
        (PageKind.ALERT, later(seconds=30)), (PageKind.UNDELIVERED, later(seconds=150)),
        (PageKind.UNDELIVERED, later(seconds=150)), (PageKind.AGAIN, later(seconds=750)),
    ]  # fmt: skip
    digest = telling(Page(1, 1, PageKind.ALERT, "to-a", "a"), NOW)
    assert digest.missed(later(minutes=2))
    assert not replace(digest, leaves=later(minutes=1)).missed(later(minutes=2)), "it was to leave later"


def test_a_chain_begins_anew_after_its_repeat_and_another_rulebook_takes_effect_at_once() -> None:
    house = House(incident(), staff({"a": False, "b": False}))
    house.run(later(hours=1, minutes=11))
    assert house.told == ["a", "b", "a"]
    house.staff = replace(
        staff({"c": False}), chains={"other": Chain("other", "Other", (Step(Notified.PERSON, "c"),))},
        routes=(Route("all", "All", chain="other"),),
    )  # fmt: skip
    house.keep(later(hours=1, minutes=12))
    assert house.told[-1] == "c"


def test_whoever_acknowledged_is_asked_again_and_somebody_else_when_that_does_not_arrive() -> None:
    names = {7: "b"}
    taken = incident(state=IncidentState.ACKNOWLEDGED, acknowledged_at=NOW, acknowledged_by=7, step_at=None)
    who = staff({"a": False, "b": False}, room=True, again_after=600.0)
    first = advance(taken, who, (), (), NOW, names)
    assert (first.pages, first.incident.next_at) == ((), later(minutes=10))
    asked = advance(first.incident, who, (), (), later(minutes=10), names)
    assert [(page.what, page.person) for page in asked.pages] == [(PageKind.STILL, "b")]
    gone = [telling(page, NOW, Fate.LOST) for page in asked.pages]
    others = advance(asked.incident, who, gone, (), later(minutes=11), names)
    assert [(page.receiver, page.person) for page in others.pages] == [("room", ""), ("to-a", "a")]
    over = replace(first.incident, over_at=NOW)
    assert advance(over, who, (), (), later(minutes=11), names).pages == ()


def test_what_a_rule_hands_over_is_told_until_somebody_has_it_and_is_resolved_a_while_after_that() -> None:
    rule = incident(watched=Watched.RULE, over_at=NOW)
    house = House(rule, staff({"a": False, "b": False}))
    house.run(later(hours=1, minutes=11))
    assert house.told == ["a", "b", "a"]
    at = later(hours=2)
    house.incident = replace(
        house.incident, state=IncidentState.ACKNOWLEDGED, acknowledged_at=at, acknowledged_by=7, step=0, step_at=None
    )
    house.keep(at)
    assert (house.incident.state, house.incident.next_at) == (IncidentState.ACKNOWLEDGED, at + timedelta(minutes=15))
    house.run(at + timedelta(minutes=15))
    assert house.incident.state is IncidentState.RESOLVED


def test_quiet_hours_go_by_the_persons_clock_and_receivers_by_their_wish() -> None:
    mia = Person("mia", "Mia", zone="Europe/Berlin", quiet=NIGHT, told_by={CRITICAL: ("phone",)})
    evening = datetime(2026, 11, 23, 21, 30, tzinfo=UTC)
    assert passed_over(mia, WARNING, evening) == "quiet until 07:00"
    assert passed_over(mia, WARNING, evening - timedelta(hours=1)) == ""
    assert passed_over(mia, CRITICAL, evening) == ""
    assert passed_over(replace(mia, quiet_for=frozenset(Severity)), CRITICAL, evening) != ""
    assert passed_over(replace(mia, away=(Away(date(2026, 11, 23), date(2026, 11, 23)),)), CRITICAL, NOW) == "away"
    assert receivers_of(mia, ("mail", "phone"), CRITICAL) == ("phone",)
    assert receivers_of(mia, ("mail", "phone"), WARNING) == ("mail", "phone")
    assert receivers_of(mia, ("mail",), CRITICAL) == (
        "mail",
    )  # a wish that nothing fulfils keeps nobody from being told


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["", "a", "b"]), st.sampled_from(["", "x"]), st.sampled_from(list(Severity)),
            st.sampled_from([Watched.NEGATIVE, Watched.VOLUME, Watched.RULE, Watched.SILENCE]), st.booleans(),
        ),
        max_size=8,
    )
)  # fmt: skip
def test_groups_have_one_level_no_rings_and_what_is_silent_itself_keeps_nobody_silent(
    some: list[tuple[str, str, Severity, Watched, bool]],
) -> None:
    live = [
        incident(id=number, topic=topic, source=source, severity=severity, watched=watched, policy=f"{watched}{number}")
        for number, (topic, source, severity, watched, _) in enumerate(some)
    ]
    silent = {number for number, one in enumerate(some) if one[4]}
    found = parents(live, silent)
    for one in live:
        parent = found[one.id]
        if parent is None:
            louder = [
                other for other in live if found[other.id] is None and other.id not in silent and other is not one
            ]
            assert not any(covers(other, one) and rank(other) > rank(one) for other in louder)
        else:
            assert found[parent] is None
            assert parent not in silent
            assert covers(live[parent], one)
            assert rank(live[parent]) > rank(one)


def test_matchers_are_read_as_they_are_written_and_a_silence_of_everything_is_none() -> None:
    for text in ("topic=a,b severity=note,warning", "source= watched=silence", "policy=mood"):
        assert written(parse(text.split())) == text
    for bad in ("", "topic", "colour=red", "severity=bad", "topic=a topic=b", "topic=" + "x" * 300, "policy=\x1b[31m"):
        with pytest.raises(Refused):
            parse([bad])
    silence = Silence(3, 1, parse(["topic=acme severity=warning"]), NOW, later(hours=1), "why", 1, NOW)
    assert silencing(incident(), [silence], NOW) is silence
    assert silencing(incident(severity=CRITICAL), [silence], NOW) is None
    assert silencing(incident(), [silence], later(hours=1)) is None
    house = House(incident(), staff({"a": False}))
    house.keep(later(minutes=1), (silence,))
    assert (house.told, house.incident.next_at) == ([], later(hours=1))
    house.keep(later(hours=1), (silence,))
    assert house.told == ["a"]


@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 10, 25)])
def test_a_rota_hands_over_by_the_clock_on_the_wall_also_when_the_clock_changes(day: date) -> None:
    layer = Layer(("a", "b"), day - timedelta(days=7), 9 * 60, day.weekday())
    rota = Rota("r", "R", "Europe/Berlin", (layer,))
    offset = timedelta(hours=2 if day.month == 3 else 1)  # at nine the clock has changed already
    nine = datetime(day.year, day.month, day.day, 9, tzinfo=UTC) - offset
    assert [rota.on_duty(nine + timedelta(seconds=s), lambda _: None) for s in (-1, 0)] == ["a", "b"]


def test_holes_and_empty_teams_are_warned_about_and_unknown_receivers_where_the_settings_are_at_hand() -> None:
    rules = book(r_yaml=ALERTING, s_yaml=STAFF.replace(", teams: [care]", ""))
    assert [one.code for one in check(rules, PLAIN, NOW).warnings] == ["nobody-in-team"]
    part = ALERTING.replace("      - {people: [mia, ben], start: 2026-11-23, hand over: mon 09:00}\n", "")
    holes = [one for one in check(book(r_yaml=part, s_yaml=STAFF), PLAIN, NOW).warnings if one.code == "nobody-on-duty"]
    assert [one.message for one in holes] == [
        "rota support: nobody is on duty on Tue 2026-11-24 at 12:00, and perhaps more often"
    ]
    who = Staffed.of(rules, ["mail"], {"mia": ("phone",)})
    said = [one.what for one in unreached(who)]
    assert said[0] == "nobody would be told of the alert angry: its route page reaches nobody"
    assert "the route page names the receiver ops-room, which the settings do not know" in said
    assert "mia is told by the receiver phone, which the settings do not know" in said
    assert "the chain wake tells ben, whom no receiver reaches" in said
    assert not any("handed" in one for one in said)


def test_the_keys_of_alerts_routes_and_people_mean_what_they_say() -> None:
    text = ALERTING.replace(
        "{key: handed, owner: care, kind: rule}", "{key: handed, owner: care, kind: rule, recover: 45s, cool down: 2h}"
    )
    text = text.replace(
        "{key: all, receivers: [mail]}",
        "{key: all, receivers: [mail], wait: 5s, interval: 1m, repeat: 2h, again after: 20m}",
    )
    people = STAFF.replace(
        "{id: mia}",
        "{id: mia, zone: Europe/Berlin, quiet: {mon-sun: 22:00-07:00}, quiet for: note, receivers: {critical: [phone]}}",
    )
    rules = book(r_yaml=text, s_yaml=people)
    handed = next(one for one in rules.alerts if one.key == "handed")
    assert (handed.recover, handed.cool_down) == (45, 7200)
    route = next(one for one in rules.routes if one.key == "all")
    assert (route.wait, route.interval, route.repeat, route.again_after) == (5, 60, 7200, 1200)
    mia = rules.person("mia")
    assert mia is not None
    assert (mia.quiet_for, mia.told_by) == ({Severity.NOTE}, {CRITICAL: ("phone",)})
    assert passed_over(mia, Severity.NOTE, datetime(2026, 11, 23, 5, 59, tzinfo=UTC)) == "quiet until 07:00"
