"""Promise: what is claimed of a query without a text is true of every text and of everything that may be known about it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from listener.model.kinds import Kind
from listener.model.scales import Priority, ToneLabel
from listener.model.work import State
from listener.query import match
from listener.query.proof import Prover, always, implies, never
from listener.query.solver import Solver
from listener.query.subject import Subject
from listener.query.tree import (
    And,
    Exact,
    Field,
    Hours,
    Moment,
    Named,
    Near,
    Node,
    Not,
    Or,
    Period,
    Phrase,
    Range,
    Sign,
    Text,
    Wild,
    Word,
    walk,
)
from tests.core import queries

NOW = queries.NOW


def words(*keys: str) -> tuple[Word, ...]:
    return tuple(map(Word, keys))


def phrase(*keys: str, slop: int | None = None) -> Phrase:
    return Phrase(words(*keys), slop)


def near(left: Node, right: Node, distance: int, ordered: bool = False) -> Near:
    return Near(left, right, distance, ordered)


def is_(name: str, *values: str) -> Field:
    return Field(name, tuple(Text(value, value, "*" in value or "?" in value) for value in values))


def number(name: str, low: float | None, high: float | None, low_in: bool = True, high_in: bool = True) -> Field:
    return Field(name, (Range(low, high, low_in, high_in),))


APP, DOWN, BILL = words("app", "down", "bill")
DAY = datetime(2026, 11, 1, tzinfo=UTC)


def days(low: int | None, high: int | None) -> Field:
    ends = [None if one is None else Moment(at=DAY + timedelta(days=one)) for one in (low, high)]
    return Field("time", (Period(ends[0], ends[1]),))


IMPLIED = [
    (APP, APP),
    (APP, Or((APP, DOWN))),
    (And((APP, DOWN)), And((DOWN, APP))),
    (And((APP, DOWN)), APP),
    (Not(Or((APP, DOWN))), Not(APP)),
    (And((APP, Or((DOWN, BILL)))), Or((And((APP, DOWN)), And((APP, BILL))))),
    (Named("list:x", APP), Or((APP, DOWN))),
    (Word("café"), Word("cafe")),
    (Word("👍🏽"), Word("👍")),
    (Word("bills"), Wild("bill*")),
    (Wild("bills*"), Wild("bill*")),
    (Wild("b?lls*"), Wild("b*")),
    (Word("café"), Wild("cafe*")),
    (Exact("BT"), Word("bt")),
    (Exact("BT"), Wild("b?")),
    (Exact("Café"), Word("cafe")),
    (Word("l'brand's"), Word("brand")),
    (Exact("L'Été's"), Word("ete")),
    (phrase("app", "down"), APP),
    (phrase("app", "down", slop=3), DOWN),
    (phrase("the", "app", "down"), phrase("app", "down")),
    (phrase("app", "down"), Phrase((APP, Wild("do*")))),
    (phrase("app", "down", slop=2), phrase("down", "app", slop=3)),
    (phrase("app", "is", "down"), phrase("down", "app", slop=1)),
    (phrase("app", "is", "down", slop=1), phrase("down", "app", slop=2)),
    (near(APP, DOWN, 3), DOWN),
    (near(APP, DOWN, 3), near(DOWN, APP, 3)),
    (near(APP, DOWN, 3, ordered=True), near(APP, DOWN, 4)),
    (near(APP, DOWN, 3), near(Or((APP, BILL)), DOWN, 3)),
    (near(Or((APP, BILL)), DOWN, 3), Or((APP, BILL))),
    (near(near(APP, DOWN, 1), BILL, 2), near(near(DOWN, APP, 2), BILL, 2)),
    (near(APP, DOWN, 2), phrase("app", "down", slop=2)),
    (near(APP, DOWN, 0, ordered=True), phrase("app", "down")),
    (phrase("app", "is", "down"), near(APP, DOWN, 1, ordered=True)),
    (phrase("app", "down", slop=2), near(DOWN, APP, 2)),
    (Sign("#café"), Sign("#cafe")),
    (Sign("#down"), is_("has", "tag")),
    (Sign("@acme.example"), Sign("@acme")),
    (Sign("@acme"), Word("acme")),
    (is_("kind", "reply"), is_("is", "reply")),
    (is_("kind", "reply"), Not(is_("kind", "post"))),
    (is_("is", "reply"), Not(is_("is", "post"))),
    (is_("status", "new"), is_("is", "open")),
    (is_("status", "new"), is_("status", "open")),
    (is_("status", "done"), Not(is_("is", "open"))),
    (is_("verified", "no"), Not(is_("is", "verified"))),
    (is_("lang", "de"), Not(is_("lang", "en"))),
    (is_("lang", "de"), is_("lang", "en", "de")),
    (is_("lang", "de"), is_("lang", "d*")),
    (is_("lang", "de*"), is_("lang", "d*")),
    (is_("lang", "de"), Not(is_("lang", "e*"))),
    (is_("lang", "de"), Not(is_("lang", "?n"))),
    (is_("author", "mira.example"), is_("author", "mira*")),
    (is_("assignee", "lea"), is_("is", "assigned")),
    (is_("rule", "outage"), is_("has", "flag")),
    (is_("domain", "shop.acme.example"), is_("domain", "acme.example")),
    (is_("domain", "acme.example"), is_("has", "link")),
    (is_("link", "acme.example/returns"), is_("link", "returns")),
    (is_("url", "acme.example/returns"), is_("url", "returns")),
    (is_("parent", "Ab"), Not(is_("parent", "ab"))),
    (is_("priority", "high"), number("priority", 3, None)),
    (number("priority", 4, None), is_("priority", "urgent")),
    (number("followers", 10, None), number("followers", 5, None)),
    (number("followers", 10, 10), number("followers", 10, None)),
    (number("followers", 10, None, low_in=False), number("followers", 10, None)),
    (number("followers", 0, 10), Or((number("followers", None, 5), number("followers", 5, None, low_in=False)))),
    (number("followers", 10, None), Not(number("followers", None, 10, high_in=False))),
    (days(2, 3), days(1, 4)),
    (days(2, 3), Not(days(3, 4))),
    (days(1, 4), Or((days(1, 3), days(2, 5)))),
    (Field("time", (Period(Moment(seconds=-60), None),)), Field("time", (Period(Moment(seconds=-120), None),))),
    (Field("hour", (Hours(1320, 360),)), Not(Field("hour", (Hours(720, 780),)))),
    (Field("hour", (Hours(1380, 1400),)), Field("hour", (Hours(1320, 360),))),
]


@pytest.mark.parametrize(("one", "other"), IMPLIED)
def test_what_is_known_to_follow(one: Node, other: Node) -> None:
    assert implies(one, other)


NOT_IMPLIED = [
    (APP, DOWN),
    (Or((APP, DOWN)), APP),
    (Word("cafe"), Word("café")),
    (Word("bt"), Exact("BT")),
    (Word("👍"), Word("👍🏽")),
    (Wild("bill*"), Wild("bills*")),
    (Wild("bill*"), Wild("bill?")),
    (phrase("app", "down"), phrase("down", "app")),
    (phrase("app", "is", "down"), phrase("app", "down", slop=0)),
    (phrase("app", "app", slop=1), phrase("app", "app", "app", slop=1)),
    (phrase("app", "down", slop=1), phrase("app", "down")),
    (phrase("app", "is", "down", slop=1), phrase("down", "app", slop=1)),  # the word between is another one here
    (near(APP, DOWN, 3), near(APP, DOWN, 2)),
    (near(APP, DOWN, 3), near(APP, DOWN, 3, ordered=True)),
    (near(APP, DOWN, 0), phrase("app", "down")),
    (Sign("#down"), DOWN),  # it may be carried outside the text
    (Sign("$bt"), Word("bt")),
    (Sign("@1.x"), Sign("@1")),
    (is_("author", "mira"), Not(is_("author", "lea"))),
    (is_("tag", "billing"), Not(is_("tag", "network"))),
    (is_("is", "open"), Or((is_("is", "new"), is_("status", "ours")))),  # a row may know no more than open
    (is_("is", "ours"), is_("status", "ours")),
    (is_("assignee", "me"), Not(is_("assignee", "lea"))),
    (is_("assignee", "lea"), Not(is_("assignee", "m*"))),
    (Not(number("followers", 5, None)), number("followers", None, 5, high_in=False)),
    (days(1, 4), Field("time", (Period(Moment(day=-1), None),))),
    (Field("hour", (Hours(0, 60),)), Not(Field("hour", (Hours(120, 180, "Europe/Berlin"),)))),
]


@pytest.mark.parametrize(("one", "other"), NOT_IMPLIED)
def test_what_does_not_follow(one: Node, other: Node) -> None:
    assert not implies(one, other)


def test_never_and_always() -> None:
    assert never(And((APP, Not(APP))))
    assert never(And((phrase("app", "down"), Not(Wild("do*")))))
    assert never(And((number("followers", 5, None, low_in=False), number("followers", None, 3, high_in=False))))
    assert never(And((is_("kind", "reply"), is_("kind", "post"))))
    assert always(Or((APP, Not(APP))))
    assert always(Or((Not(number("followers", 5, None)), number("followers", 3, None))))


def test_a_value_that_is_not_known_makes_no_pair_of_ranges_complete() -> None:
    assert not always(Or((number("followers", 5, None, low_in=False), number("followers", None, 5))))
    assert not always(is_("kind", *(kind.value for kind in Kind)))
    assert not always(Or((is_("status", "open"), *(is_("status", one.value) for one in State))))


def test_without_steps_nothing_is_claimed() -> None:
    hard = And(tuple(Or((Word(f"a{one}"), Not(Word(f"a{one + 1}")))) for one in range(60)))
    assert not never(hard, steps=10)
    assert not implies(Word("aaaa"), Wild("aaa*"), steps=0)


def test_a_proof_ends() -> None:
    """Pigeons: true, and out of reach for any search of this kind."""
    holes = range(8)
    sits = {(bird, hole): Word(f"b{bird}h{hole}") for bird in range(9) for hole in holes}
    everybody = [Or(tuple(sits[bird, hole] for hole in holes)) for bird in range(9)]
    alone = [
        Not(And((sits[one, hole], sits[other, hole]))) for hole in holes for one in range(9) for other in range(one)
    ]
    prover = Prover((tree := And((*everybody, *alone)),), 20_000)
    assert not prover.never(tree)
    assert prover.tired


# Held to the matcher -------------------------------------------------------------------------------------------------


TREES = queries.trees()


@st.composite
def related(draw: st.DrawFn) -> tuple[Node, Node]:
    """Two queries that share parts, so that something can follow."""
    parts = [part for tree in (draw(TREES), draw(TREES)) for part in walk(tree)]
    chosen = st.tuples(st.integers(0, len(parts) - 1), st.booleans()).map(
        lambda one: Not(parts[one[0]]) if one[1] else parts[one[0]]
    )
    joined = st.lists(chosen, min_size=1, max_size=3)
    made = []
    for some, join in ((draw(joined), draw(st.integers(0, 2))) for _ in range(2)):
        made.append(some[0] if join == 0 else And(tuple(some)) if join == 1 else Or(tuple(some)))
    return made[0], made[1]


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(related(), st.lists(queries.subjects(queries.texts() | queries.hostile_texts()), min_size=1, max_size=5))
def test_no_claim_is_false_of_any_message(pair: tuple[Node, Node], subjects: list[Subject]) -> None:
    one, other = pair
    first, second = match.test_of(one), match.test_of(other)
    if implies(one, other):
        assert all(second(subject, NOW) for subject in subjects if first(subject, NOW))
    if never(one):
        assert not any(first(subject, NOW) for subject in subjects)
    if always(one):
        assert all(first(subject, NOW) for subject in subjects)


CLOSE = [
    *map(Word, ["app", "down", "café", "cafe", "brand's", "brand", "l'heure", "heure", "strasse", "👍", "👍🏽"]),
    *map(Wild, ["ap*", "a?p", "d*n", "do*", "caf*", "caf?", "café*", "bra*", "br?nd*"]),
    *map(Exact, ["App", "app", "Café", "café", "brand's", "Straße", "L'Brand's"]),
    Word("l'brand's"),
]
ANY_TERM = st.sampled_from(CLOSE)
ANY_PHRASE = st.builds(
    Phrase,
    st.lists(st.sampled_from(CLOSE[:3] + CLOSE[11:14]), min_size=2, max_size=4).map(tuple),
    st.none() | st.integers(0, 3),
)
ANY_SIGN = st.sampled_from(["#app", "#café", "#cafe", "@app", "@app.down", "@1.app", "@1", "$app"]).map(Sign)
ANY_PLACE = st.recursive(
    ANY_TERM | ANY_PHRASE | ANY_SIGN,
    lambda parts: (
        st.builds(Near, parts, parts, st.integers(0, 3), st.booleans())
        | st.lists(parts, min_size=2, max_size=3).map(lambda some: Or(tuple(some)))
    ),
    max_leaves=4,
)
ANY_TEXT = st.lists(
    st.sampled_from(
        [
            *("app", "App", "down", "café", "cafe", "Café", "brand's", "l'brand's", "l'heure", "l'heure's", "Straße"),
            *("L’Brand's", "ĺ'brand's"),
            *("👍🏽", "👍", "#app", "#café", "@app.down", "@app", "@⒈app", "$app", "brand'ś", "apple", "x", "x"),
        ]
    ),
    max_size=7,
).map(" ".join)


@settings(max_examples=100)
@given(st.lists(ANY_PLACE, min_size=4, max_size=8), st.lists(ANY_TEXT, min_size=8, max_size=20))
def test_no_claim_about_words_and_places_is_false(parts: list[Node], texts: list[str]) -> None:
    subjects = [Subject(text=text, hashtags=("app",) if len(text) % 2 else ()) for text in texts]
    true = {part: frozenset(at for at, one in enumerate(subjects) if match.test_of(part)(one, NOW)) for part in parts}
    prover = Prover(parts)
    for one, other in product(parts, parts):
        if prover.implies(one, other):
            assert true[one] <= true[other], (one, other)


CLOSE_NUMBERS = st.sampled_from([0.0, 1.0, 2.0, 3.0])
ANY_RANGE = st.builds(Range, st.none() | CLOSE_NUMBERS, st.none() | CLOSE_NUMBERS, st.booleans(), st.booleans())
ANY_MOMENT = (
    st.integers(-3, 3).map(lambda day: Moment(at=NOW + timedelta(days=day)))
    | st.integers(-3, 3).map(lambda day: Moment(seconds=day * 86_400.0))
    | st.builds(Moment, day=st.integers(-2, 2), zone=st.sampled_from(["UTC", "Asia/Kolkata"]))
)
ANY_PERIOD = st.builds(Period, st.none() | ANY_MOMENT, st.none() | ANY_MOMENT)
ANY_HOURS = st.builds(
    Hours, st.integers(0, 23).map(lambda hour: hour * 60), st.integers(1, 24).map(lambda hour: hour * 60)
)


def a_field(names: list[str], values: st.SearchStrategy[object]) -> st.SearchStrategy[Field]:
    return st.builds(
        lambda name, some: Field(name, tuple(some)), st.sampled_from(names), st.lists(values, min_size=1, max_size=2)
    )


def a_text(names: list[str], values: list[str]) -> st.SearchStrategy[Field]:
    return a_field(names, st.sampled_from(values).map(lambda one: Text(one, one, "*" in one or "?" in one)))


ANY_FIELD = (
    a_field(["followers", "priority"], ANY_RANGE)
    | a_field(["age"], ANY_RANGE)
    | a_field(["time"], ANY_PERIOD)
    | a_field(["hour"], ANY_HOURS)
    | a_text(["priority"], ["low", "normal", "high", "urgent"])
    | a_text(["kind", "is"], [kind.value for kind in Kind])
    | a_text(["status", "is"], ["new", "open", "theirs", "done", "snoozed"])
    | a_text(["is"], ["ours", "assigned", "verified"])
    | a_text(["verified"], ["yes", "no"])
    | a_text(["lang", "team", "source"], ["de", "en", "d*", "?e", "de*", "*e"])
    | a_text(["author", "tag", "rule"], ["de", "en", "d*", "?e"])
    | a_text(["assignee"], ["me", "nobody", "de", "en", "n*", "m*"])
    | a_text(["domain"], ["a.example", "example", "b.a.example"])
    | a_text(["link", "url"], ["a.example", "example", "b.a.example/x", "x"])
    | a_text(["has"], ["link", "flag"])
    | a_text(["tone"], [label.value for label in ToneLabel])
    | a_text(["root"], ["A", "a"])
)


@st.composite
def known_subjects(draw: st.DrawFn) -> Subject:
    def maybe(*values: object) -> object:
        return draw(st.sampled_from([None, *values]))

    some = ["de", "den", "en"]
    state = maybe(*State)
    stated: set[str] = set(draw(st.sampled_from([(), ("has:link",), ("has:flag",)])))
    if state is None and draw(st.booleans()):
        stated |= {"is:open"}
    addresses = ["https://a.example/", "http://b.a.example/x", "https://www.example"]
    return Subject(
        text="",
        source=draw(st.sampled_from(["", *some])),
        kind=maybe(*Kind),  # type: ignore[arg-type]
        author_handle=draw(st.sampled_from(["", *some])),
        followers=maybe(0, 0.5, 1, 2, 2.5, 3, 4),  # type: ignore[arg-type]
        verified=maybe(True, False),  # type: ignore[arg-type]
        links=tuple(draw(st.lists(st.sampled_from(addresses), max_size=2))),
        url=draw(st.sampled_from(["", *addresses])),
        root=maybe("a", "A", "x"),  # type: ignore[arg-type]
        at=maybe(*(NOW - timedelta(seconds=9 * hour * 3600) for hour in range(-8, 9)), NOW - timedelta(seconds=1)),  # type: ignore[arg-type]
        minute=maybe(0, 60, 700),  # type: ignore[arg-type]
        ours=draw(st.booleans()),
        lang=maybe(*some),  # type: ignore[arg-type]
        tone=maybe(*ToneLabel),  # type: ignore[arg-type]
        rules=maybe(frozenset(), frozenset({"de"}), frozenset(some)),  # type: ignore[arg-type]
        tags=maybe(frozenset(), frozenset({"de"}), frozenset(some)),  # type: ignore[arg-type]
        state=state,  # type: ignore[arg-type]
        priority=maybe(*Priority),  # type: ignore[arg-type]
        assignee=maybe("", "me", "nobody", *some),  # type: ignore[arg-type]
        team=maybe(*some),  # type: ignore[arg-type]
        me=draw(st.sampled_from(["", "de", "nobody"])),
        stated=frozenset(stated),
    )


@settings(max_examples=100)
@given(st.lists(ANY_FIELD, min_size=3, max_size=8), st.lists(known_subjects(), min_size=8, max_size=20))
@example([is_("assignee", "nobody"), is_("is", "assigned")], [Subject(assignee="nobody")])
@example([is_("assignee", "m*"), is_("assignee", "de")], [Subject(assignee="de", me="de")])
def test_no_claim_about_fields_is_false(fields: list[Field], subjects: list[Subject]) -> None:
    true = {part: frozenset(at for at, one in enumerate(subjects) if match.test_of(part)(one, NOW)) for part in fields}
    every = frozenset(range(len(subjects)))
    prover = Prover(fields)
    for one, other in product(fields, fields):
        if prover.implies(one, other):
            assert true[one] <= true[other], (one, other)
        if prover.never_all(one, other):
            assert not true[one] & true[other], (one, other)
        if prover.never_all(false=(one, other)):
            assert true[one] | true[other] == every, (one, other)


@given(st.lists(st.lists(st.integers(1, 5).flatmap(lambda one: st.sampled_from([one, -one])), min_size=1, max_size=3)))
def test_the_search_is_right(clauses: list[list[int]]) -> None:
    solver = Solver(100_000)
    for _ in range(5):
        solver.variable()
    for clause in clauses:
        solver.clause(*clause)

    def holds(choice: tuple[int, ...]) -> bool:
        return all(any(choice[abs(one) - 1] == (one > 0) for one in clause) for clause in clauses)

    choices = [choice for choice in product((0, 1), repeat=5) if holds(choice)]
    for literal in (*range(1, 6), *range(-5, 0)):
        possible = [choice for choice in choices if choice[abs(literal) - 1] == (literal > 0)]
        assert solver.impossible(literal) == (not possible)
        if (forced := solver.forced(literal)) is not None:
            assert all(choice[abs(one) - 1] == (one > 0) for choice in possible for one in forced)
        else:
            assert not possible
