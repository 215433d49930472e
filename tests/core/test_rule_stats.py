"""What about a rule wants attention, and what first."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from listener.cli.rules.stats import Line, line_of, narrow
from listener.rulebook.shape import Rule, Status
from listener.store.rulestats import RuleStat
from tests.core.rulebooks import book

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
(RULE,) = book(r_yaml="rules: [{id: r, title: R, owner: x, scope: {addressed: yes}, when: a, then: {tags: [t]}}]").rules


def told(rule: Rule | None = RULE, **figures: float | None) -> Line:
    stat = RuleStat(
        1, "r", hits=9, shadow_hits=0, today=1, right=0, false_alarms=0, missed=0, minutes=None, last_at=NOW
    )
    return line_of("r", rule, [replace(stat, **figures)] if figures or rule is None else [stat], None)  # type: ignore[arg-type]


def test_what_is_wrong_more_often_than_right_comes_first_and_what_is_fine_says_nothing() -> None:
    lines = [
        told(right=1, false_alarms=3),
        told(right=9, false_alarms=1),
        told(missed=2),
        line_of("r", RULE, [], None),
        told(hits=0),
        told(right=5),
    ]
    assert [one.weight for one in lines] == [4, 3, 3, 2, 1, 0]
    assert [one.attention for one in lines] == [
        "3 of 4 marks are false alarms", "1 of 10 marks are false alarms", "2 missed", "never fired", "did not fire in that time", "",
    ]  # fmt: skip
    assert [one.precision for one in lines] == [0.25, 0.9, None, None, None, 1.0]


def test_of_an_experiment_it_is_told_what_it_would_have_flagged() -> None:
    line = told(replace(RULE, status=Status.EXPERIMENTAL), hits=0, shadow_hits=12, right=3, false_alarms=1)
    assert line.attention == "experimental: would have flagged 12, 3 marked right, 1 false"
    assert (line.hits, line.would) == (0, 12)


def test_brands_add_up() -> None:
    one = RuleStat(1, "r", hits=9, shadow_hits=0, today=1, right=1, false_alarms=0, missed=0, minutes=5.0, last_at=NOW)
    line = line_of(
        "r", RULE, [one, replace(one, brand_id=2, hits=1, right=0, false_alarms=1, minutes=90.0, last_at=None)], 1.5
    )
    assert (line.hits, line.right, line.false_alarms, line.precision, line.minutes, line.last_at) == (
        10,
        1,
        1,
        0.5,
        5.0,
        NOW,
    )


def test_a_rule_that_is_no_more_is_told_as_such() -> None:
    assert told(None).attention == "not in the rules in force"
    assert told(replace(RULE, status=Status.DEPRECATED)).attention == "deprecated: never fires"


def test_a_small_terminal_is_shown_what_is_wanted_first() -> None:
    rows = [("RULE", "HITS", "TODAY", "COST", ""), ("outage", "3", "1", "2 µs", "never fired")]
    assert narrow(rows) == [("RULE", "HITS", ""), ("outage", "3", "never fired")]
