"""An example is judged as the real message would be: with its hour, its author, what came before it, exceptions that hold, and no others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from listener.language import Languages
from listener.model.judged import Context
from listener.query.subject import Subject
from listener.rulebook.check import check
from listener.rulebook.combine import findings
from listener.rulebook.conflicts import warnings
from listener.rulebook.parse import parse
from listener.rulebook.shape import Rulebook
from listener.rulebook.subject import Heard, Methods
from listener.sentiment import Vader
from tests.core.rulebooks import PLAIN
from tests.core.test_rule_conflicts import rule, rules, told

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)  # a Monday


def failing(*lines: str, more: str = "", now: datetime = NOW) -> list[tuple[int, str]]:
    return told(check(rules(*lines, more=more), PLAIN, now).problems)


def examples(fires: str = "", silent: str = "") -> str:
    return f"examples: {{fires: [{fires}], silent: [{silent}]}}"


HOURS = "hours: [{key: desk, zone: Europe/Berlin, open: {mon-fri: 09:00-17:00}}]\n"


@pytest.mark.parametrize("side", ["during", "outside"])
@pytest.mark.parametrize("hours_later", range(0, 168, 5))
def test_an_example_without_a_time_is_said_at_an_hour_of_its_rule(side: str, hours_later: int) -> None:
    line = rule("a", more=f"hours: {{{side}: desk}}, {examples('down', 'up')}")
    assert failing(line, more=HOURS, now=NOW + timedelta(hours=hours_later)) == []


@pytest.mark.parametrize(
    ("at", "fires"),
    [("2026-11-23T10:00+01:00", True), ("2026-11-23T18:00+01:00", False), ("2026-11-22T10:00+01:00", False)],
)
def test_an_example_with_a_time_is_said_then(at: str, fires: bool) -> None:
    said = f"{{text: down, at: '{at}'}}"
    line = rule("a", more=f"hours: {{during: desk}}, {examples(said, 'up') if fires else examples('down', said)}")
    assert failing(line, more=HOURS) == []
    line = rule("a", "down hour:[09:00 TO 11:00 Europe/Berlin]", more=examples("{text: down, at: '2026-11-23T08:30Z'}"))
    assert failing(line) == []


def test_an_exception_that_has_ended_keeps_the_rule_silent_on_its_own_examples_only() -> None:
    line = rule("a", more=examples("down", "up"))
    ended = "exceptions: [{rule: a, when: jacket, reason: r, until: 2026-11-01, examples: [down jacket]}]"
    assert failing(line, more=ended) == []
    assert failing(rule("a", more=examples("down jacket")), more=ended) == []
    holds = ended.replace("11-01", "11-23")
    assert failing(rule("a", more=examples("down jacket")), more=holds) == [(3, "must-fire")]
    assert failing(line, more=holds.replace("[down jacket]", "[down coat]")) == [(4, "must-not-fire")]


def test_an_exception_of_several_rules_is_tried_on_each_of_them() -> None:
    more = "exceptions: [{rule: [a, b], authors: ['@Ann.example'], reason: r, examples: [{text: down, author: ann.example}]}]"
    checked = check(rules(rule("a"), rule("b", "down OR up"), more=more), PLAIN, NOW)
    assert [(one.rule.id, one.good) for one in checked.tried] == [("a", True), ("b", True)]


def test_a_deprecated_rule_has_no_examples_to_try() -> None:
    made = rules(rule("a", more=f"status: deprecated, {examples('down', 'up')}"))
    assert check(made, PLAIN, NOW).tried == ()


def test_an_experimental_rule_fires_on_its_examples() -> None:
    assert failing(rule("a", more=f"status: experimental, {examples('down', 'up')}")) == []


def test_what_is_known_of_the_author_counts() -> None:
    assert failing(rule("a", "followers:>=1000", more=examples("{text: x, followers: 1000}", "x"))) == []
    assert failing(rule("a", "verified:yes", more=examples("{text: x, verified: yes}", "x"))) == []
    assert failing(rule("a", "author:ann.example", more=examples("{text: x, author: ann.example}", "x"))) == []


def test_a_post_of_ours_is_one() -> None:
    ours = "{text: down, ours: yes}"
    assert failing(rule("a", scope="addressed: yes, ours: yes", more=examples(f"{ours}, down"))) == []
    assert failing(rule("a", more=examples("down", ours))) == []


@pytest.mark.parametrize(
    ("count", "before", "fires"),
    [
        ("mentions: 3, within: 1h", "[{text: down, ago: 1m}, {text: down, ago: 59m}]", True),
        ("mentions: 3, within: 1h", "[{text: down, ago: 1m}, {text: down, ago: 60m}]", False),
        ("mentions: 3, within: 1h", "[{text: down, ago: 1m}, {text: up, ago: 2m}]", False),
        ("mentions: 3, within: 1h", "[{text: down, ago: 1m}, {text: down, ago: 2m, addressed: no}]", False),
        ("mentions: 2, within: 1h, per: source", "[{text: down, ago: 1m, source: files}]", False),
        ("mentions: 2, within: 1h, per: source", "[{text: down, ago: 1m}]", True),
        ("authors: 2, within: 1h", "[{text: down, ago: 1m}]", False),
        ("authors: 2, within: 1h", "[{text: down, ago: 1m, author: ann.example}]", True),
        ("ratio: 0.5, of at least: 2, within: 1h", "[{text: up, ago: 1m}]", True),
        ("ratio: 0.6, of at least: 2, within: 1h", "[{text: up, ago: 1m}]", False),
        ("mentions: 2, within: 1h, for: 10m", "[{text: down, ago: 15m}, {text: down, ago: 12m}]", True),
        ("mentions: 2, within: 1h, for: 10m", "[{text: down, ago: 9m}, {text: down, ago: 8m}]", False),
    ],
)  # fmt: skip
def test_what_came_before_an_example_counts(count: str, before: str, fires: bool) -> None:
    said = f"{{text: down, before: {before}}}"
    line = rule("a", more=f"count: {{{count}}}, {examples(said) if fires else examples('', said)}")
    assert failing(line) == []


def test_topics_count_only_where_they_listen() -> None:
    topics = "topics: [{key: t, kind: brand, query: app, sources: [files]}]"
    line = rule("a", "topic:t", scope="everything: yes", more=examples("{text: app, source: files}", "app"))
    assert failing(line, more=topics) == []


def test_tones_are_scored_with_the_words_of_the_trade() -> None:
    methods = Methods(Languages.load(), Vader.load())
    line = rule("a", "tone:negative", more=examples("this app is so craptacular today"))
    words = "lexicon: [{key: l, words: {craptacular: -3}}]"
    assert told(check(rules(line), methods, NOW).problems) == [(3, "must-fire")]
    assert told(check(rules(line, more=words), methods, NOW).problems) == []


WORDS = ("red", "green", "blue")
TREES = st.recursive(
    st.sampled_from(WORDS),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda two: f"({two[0]} OR {two[1]})"),
        st.tuples(inner, inner).map(lambda two: f"({two[0]} AND {two[1]})"),
        st.tuples(st.sampled_from(WORDS), inner).map(lambda two: f"({two[0]} AND NOT {two[1]})"),
    ),
    max_leaves=4,
)
TEXTS = [" ".join(some) for size in range(4) for some in combinations(WORDS, size)]


@settings(max_examples=120, deadline=None)
@given(TREES, st.lists(TREES, max_size=2), st.lists(TREES, max_size=2))
def test_a_rule_that_is_said_never_to_fire_fires_on_no_text(
    when: str, excepted: list[str], silencers: list[str]
) -> None:
    lines = [rule("a", when, more=f"unless: [{', '.join(f'u{n}' for n in range(len(silencers)))}]")]
    lines += [rule(f"u{place}", query, then="tags: [y]") for place, query in enumerate(silencers)]
    more = "exceptions: [" + ", ".join(f"{{rule: a, when: '{one}', reason: r}}" for one in excepted) + "]"
    made = parse({"r.yaml": f"rules:\n{''.join(lines)}{more}"})
    if not isinstance(made, Rulebook):
        return  # a query that nothing can match is a problem by itself
    heard = Heard("", True, frozenset(), frozenset(), ())
    fires = any(
        one.rule.id == "a" for text in TEXTS for one in findings(made, Subject(text=text), heard, Context(""), NOW)
    )
    never = any("rule a never fires" in one.message for one in warnings(made, NOW))
    assert never is not fires
