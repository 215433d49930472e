"""What rules do to one another is told where it is proven, and nowhere else."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from listener.model.problems import Problem
from listener.query.subject import Subject
from listener.rulebook.check import check
from listener.rulebook.conflicts import covers, problems, warnings
from listener.rulebook.shape import Rulebook, Scope, TopicKind
from listener.rulebook.subject import Heard, in_scope
from tests.core.rulebooks import PLAIN, book

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
TEAMS = "teams: [{key: one}, {key: two}]\n"


def rule(id_: str, when: str = "down", then: str = "tags: [x]", scope: str = "addressed: yes", more: str = "") -> str:
    """One rule on one line."""
    return (
        f"  - {{id: {id_}, title: T, owner: o, scope: {{{scope}}}, when: '{when}', then: {{{then}}}"
        f"{', ' if more else ''}{more}}}\n"
    )


def rules(*lines: str, more: str = "") -> Rulebook:
    return book(r_yaml=f"{TEAMS}rules:\n{''.join(lines)}{more}")


def told(found: tuple[Problem, ...]) -> list[tuple[int, str]]:
    return [(one.line, one.code) for one in found]


# Circles


@pytest.mark.parametrize(
    ("unless", "lines"),
    [
        ({"a": "a"}, [3]),
        ({"a": "b", "b": "a"}, [3]),
        ({"a": "b", "b": "c", "c": "a"}, [3]),
        ({"b": "c", "c": "b", "a": "b"}, [4]),
        ({"a": "b", "b": "c"}, []),
        ({"a": "b, c", "b": "c"}, []),
        ({"a": "b", "b": "a", "c": "d", "d": "c"}, [3, 5]),
    ],
)
def test_rules_that_silence_one_another_in_a_circle_are_a_problem(unless: dict[str, str], lines: list[int]) -> None:
    made = rules(*(rule(id_, more=f"unless: [{unless[id_]}]" if id_ in unless else "") for id_ in "abcd"))
    assert told(problems(made)) == [(line, "unless-circle") for line in lines]


def test_a_circle_is_told_with_its_way_and_once() -> None:
    made = rules(*(rule(a, more=f"unless: [{b}]") for a, b in ("ab", "bc", "ca")))
    (one,) = problems(made)
    assert "a -> b -> c -> a" in one.message


def test_a_deprecated_rule_closes_no_circle() -> None:
    assert not problems(rules(rule("a", more="unless: [b]"), rule("b", more="unless: [a], status: deprecated")))


@settings(max_examples=150)
@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("abcdef")), max_size=12))
def test_there_is_a_circle_where_and_only_where_rules_cannot_be_put_in_a_row(edges: list[tuple[str, str]]) -> None:
    made = rules(*(rule(a, more=f"unless: [{', '.join(sorted({y for x, y in edges if x == a}))}]") for a in "abcdef"))
    left = set("abcdef")
    while free := {a for a in left if not any(x == a and y in left for x, y in edges)}:
        left -= free
    found = problems(made)
    assert bool(found) == bool(left)
    assert all(made.rules[one.line - 3].id in left for one in found)


# Never fires


@pytest.mark.parametrize(
    ("lines", "more", "why"),
    [
        # An exception covers it.
        ([rule("a", "app down")], "exceptions: [{rule: a, when: down OR up, reason: r}]", "the exception at r.yaml:4:14"),
        ([rule("a", "app down")], "exceptions: [{rule: a, when: up, reason: r}]", ""),
        ([rule("a", "app down")], "exceptions: [{rule: a, when: down, reason: r, until: 2027-01-01}]", ""),
        ([rule("a", "app down")], "exceptions: [{rule: a, authors: [x], reason: r}]", ""),
        (
            [rule("a", "app (down OR up)")],
            "exceptions: [{rule: a, when: down, reason: r}, {rule: a, when: up app, reason: r}]",
            "together",
        ),
        # Another rule silences it wherever it matches.
        ([rule("a", "app down", more="unless: [b]"), rule("b", "down")], "", "rule b"),
        ([rule("a", "app down", more="unless: [b]"), rule("b", "down app lang:en")], "", ""),
        ([rule("a", "app down", more="unless: [b]"), rule("b", "down", scope="kinds: [brand]")], "", ""),
        ([rule("a", "app down", more="unless: [b]"), rule("b", "down", scope="everything: yes")], "", "rule b"),
        (
            [rule("a", "app down", more="unless: [b]"), rule("b", "down", scope="addressed: yes, brands: [x]")],
            "",
            "",
        ),
        ([rule("a", "down", more="unless: [b]"), rule("b", more="status: experimental")], "", ""),
        ([rule("a", "down", more="unless: [b]"), rule("b", more="count: {mentions: 3, within: 1h}")], "", ""),
        ([rule("a", "down", more="unless: [b]"), rule("b", more="unless: [c]"), rule("c")], "", "b"),
        ([rule("a", "down", more="unless: [b]"), rule("b")], "exceptions: [{rule: b, when: up, reason: r}]", ""),
        ([rule("a", "down", scope="addressed: yes, ours: yes", more="unless: [b]"), rule("b")], "", ""),
        # Its scope leaves out what it asks for.
        ([rule("a", "down is:ours")], "", "posts of ours"),
        ([rule("a", "down is:ours", scope="addressed: yes, ours: yes")], "", ""),
        ([rule("a", "down OR is:ours")], "", ""),
        (
            [rule("a", "down -topic:t", scope="topics: [t]")],
            "topics: [{key: t, kind: brand, query: x}]",
            "the topics of its scope",
        ),
        ([rule("a", "down -topic:t", scope="topics: [t], addressed: yes")], "topics: [{key: t, kind: brand, query: x}]", ""),
        ([rule("a", "down -topic:t", scope="topics: [t, u]")],
         "topics: [{key: t, kind: brand, query: x}, {key: u, kind: brand, query: y}]", ""),
    ],
)  # fmt: skip
def test_a_rule_never_fires_where_that_is_proven(lines: list[str], more: str, why: str) -> None:
    found = [one for one in warnings(rules(*lines, more=more), NOW) if one.code == "never-fires"]
    if why == "b":  # c silences b, and so b says nothing of a; b itself never fires
        assert [one.line for one in found] == [4]
        return
    assert [one.line for one in found] == ([3] if why else [])
    assert all(why in one.message for one in found)


SCOPES = st.builds(
    Scope,
    addressed=st.booleans(),
    topics=st.frozensets(st.sampled_from("st"), max_size=2),
    kinds=st.frozensets(st.sampled_from(TopicKind), max_size=2),
    everything=st.booleans(),
    brands=st.frozensets(st.sampled_from("pq"), max_size=2),
)


LISTENED = "topics: [{key: s, kind: brand, query: x}, {key: t, kind: campaign, query: y}]\n"
HEARD = book(r_yaml=f"{LISTENED}rules:\n{rule('a')}")


@settings(max_examples=300)
@given(SCOPES, SCOPES, st.booleans(), st.frozensets(st.sampled_from("st")), st.sampled_from("pqr"))
def test_a_scope_that_covers_another_lets_in_all_that_the_other_does(
    wide: Scope, narrow: Scope, addressed: bool, keys: frozenset[str], brand: str
) -> None:
    kinds = frozenset(topic.kind for topic in HEARD.topics if topic.key in keys)
    heard = Heard(brand, addressed, keys, kinds, ())
    one, other = (replaced(HEARD, scope) for scope in (wide, narrow))
    if covers(wide, narrow, HEARD.topics) and in_scope(other, heard):
        assert in_scope(one, heard)


def replaced(made: Rulebook, scope: Scope):  # type: ignore[no-untyped-def]
    from dataclasses import replace

    return replace(made.rules[0], scope=scope)


# The same, and no effect


def test_a_rule_that_does_the_same_as_an_earlier_one_is_told() -> None:
    made = rules(rule("b"), rule("a"), rule("c", "up"), rule("d", then="tags: [y]"), rule("e", scope="everything: yes"))
    assert told(warnings(made, NOW)) == [(4, "same-as")]
    assert "same as b at r.yaml:3:5" in warnings(made, NOW)[0].message


@pytest.mark.parametrize(
    "more",
    ["status: experimental", "count: {mentions: 3, within: 1h}", "unless: [c]", "status: deprecated"],
)
def test_what_differs_in_its_conditions_is_not_the_same(more: str) -> None:
    assert not warnings(rules(rule("a"), rule("b", more=more), rule("c", "up")), NOW)


def test_an_exception_makes_two_rules_differ() -> None:
    assert not warnings(rules(rule("a"), rule("b"), more="exceptions: [{rule: a, when: up, reason: r}]"), NOW)


@pytest.mark.parametrize(
    ("mine", "theirs", "idle"),
    [
        ("stable", "stable", False),
        ("stable", "experimental", True),
        ("stable", "deprecated", True),
        ("experimental", "experimental", False),
        ("experimental", "deprecated", True),
    ],
)
def test_an_unless_that_silences_nothing_is_told(mine: str, theirs: str, idle: bool) -> None:
    made = rules(rule("a", "up", more=f"unless: [b], status: {mine}"), rule("b", more=f"status: {theirs}"))
    assert told(warnings(made, NOW)) == ([(3, "idle-unless")] if idle else [])


@pytest.mark.parametrize(("day", "over"), [("2026-11-22", True), ("2026-11-23", False)])
def test_an_exception_that_has_ended_is_told_from_the_next_day_on(day: str, over: bool) -> None:
    made = rules(rule("a"), more=f"exceptions: [{{rule: a, when: up, reason: r, until: {day}}}]")
    assert told(warnings(made, NOW)) == ([(4, "ended")] if over else [])


# Equal ranks


def contested(*lines: str) -> list[Problem]:
    return [one for one in check(rules(*lines), PLAIN, NOW).problems if one.code == "equal-rank"]


def with_examples(*texts: str) -> str:
    return f"examples: {{fires: [{', '.join(texts)}]}}"


def test_two_rules_that_set_the_same_thing_differently_with_the_same_rank_are_told_with_an_example() -> None:
    (one,) = contested(
        rule("a", "down", "team: one", more=with_examples("the app is down")), rule("b", "app", "team: two")
    )
    assert (one.line, one.code) == (4, "equal-rank")
    assert "rules a and b both fire on “the app is down” and set team with the same rank 0: one and two" in one.message


@pytest.mark.parametrize(
    "lines",
    [
        # Queries that exclude each other, though they share their words.
        (rule("a", "down -app", "team: one", more=with_examples("down")),
         rule("b", "down app", "team: two", more=with_examples("app down"))),
        (rule("a", "down lang:en", "team: one", more=with_examples("down")),
         rule("b", "down lang:de", "team: two", more=with_examples("{text: down, lang: de}"))),
        # Scopes that do, different ranks, the same value, no effect, and a third one that settles it.
        (rule("a", "down", "team: one", more=with_examples("app down")),
         rule("b", "app", "team: two", scope="kinds: [competitor]")),
        (rule("a", "down", "team: one", more=with_examples("app down")), rule("b", "app", "team: two", more="rank: 1")),
        (rule("a", "down", "team: one", more=with_examples("app down")), rule("b", "app", "team: one")),
        (rule("a", "down", "team: one", more=with_examples("app down")),
         rule("b", "app", "team: two", more="status: experimental")),
        (rule("a", "down", "team: one", more=with_examples("app down")), rule("b", "app", "team: two"),
         rule("c", "app", "team: two", more="rank: 5")),
        # Nothing is put away where a reply is asked for.
        (rule("a", "down", "snooze: 1h, reply within: 2h", more=with_examples("app down")), rule("b", "app", "snooze: 2h")),
    ],
)  # fmt: skip
def test_what_no_id_decides_is_not_told(lines: tuple[str, ...]) -> None:
    assert contested(*lines) == []


def test_a_snooze_is_contested_too() -> None:
    (one,) = contested(rule("a", "down", "snooze: 1h", more=with_examples("app down")), rule("b", "app", "snooze: 2h"))
    assert "set snooze with the same rank 0" in one.message


def test_an_example_of_a_third_rule_shows_it_as_well_and_it_is_told_once() -> None:
    found = contested(
        rule("a", "down", "team: one"),
        rule("b", "app", "team: two"),
        rule("c", "the", more="examples: {fires: [the app is down], silent: [app down]}"),
    )
    assert len(found) == 1


def test_an_example_is_made_harmless_and_short_in_a_message() -> None:
    text = '"down app \\e[31m ' + "very " * 50 + '"'
    (one,) = contested(rule("a", "down", "team: one", more=with_examples(text)), rule("b", "app", "team: two"))
    assert "\x1b" not in one.message
    assert len(one.message) < 250


def test_subjects_stay_plain() -> None:
    """The builders of this file make rules that match what they look like."""
    assert rules(rule("a", "app down")).rules[0].when.test(Subject(text="the app is down"), NOW)
