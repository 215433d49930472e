"""The watch: it never looks ahead, an alert looks at what it says, the calendar does what it says, and tests beside alerts come out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from listener.cli import FINDINGS, FINE, main
from listener.incidents.hearing import Hole, Stream, deaf, heard
from listener.incidents.rehearsing import rehearsed
from listener.incidents.watching import STEP, Alert, Counted, Heard, Watch, fired, looks, severity
from listener.model.scales import Severity
from listener.rulebook.rehearsal import Stretch, stretch_of
from listener.spikes.paging import Told
from tests.core.rulebooks import book, problems

BEGIN = 1_767_571_200
"""Monday 2026-01-05, midnight."""
ALERTS = """\
alerts:
  - {key: mood, owner: care, kind: negative, scope: {kinds: [brand]}, false pages: 2}
  - {key: all, owner: care, kind: volume}
  - {key: rivals, owner: care, kind: rival}
  - {key: quiet, owner: ops, kind: silence}
  - {key: rules, owner: ops, kind: rule}
  - {key: there, owner: ops, kind: need, scope: {topics: [ours], sources: [bluesky, mastodon]}}
topics:
  - {key: ours, kind: brand, query: lark}
  - {key: ours-too, kind: brand, query: larkspur}
  - {key: theirs, kind: competitor, query: finch}
  - {key: of-another, kind: brand, query: wren, brand: wren}
"""
TESTED = """\
alerts:
  - key: mood
    owner: care
    kind: negative
    floors: {authors: 8, mentions: 8}
    quiet: mute
    severity: critical
    tests:
      - {title: a storm, series: [5 days of 10/h with 20 % negative, 1 h of 60/h with 80 % negative], pages: 40m, severity: warning}
      - {title: praise, series: [5 days of 10/h with 20 % negative, 1 h of 60/h with 20 % negative], pages: no}
      - {title: one loud person, series: [5 days of 10/h with 20 % negative, 30m of 60/h with 80 % negative by 1 people], pages: no}
      - {title: a hole, series: [5 days of 10/h with 20 % negative, 6 h unheard, 2 h of 10/h with 20 % negative], pages: no}
      - {title: planned, series: [5 days of 10/h with 20 % negative, 1 h of 60/h with 80 % negative], pages: no, from: 2026-03-02}
calendar:
  - {key: sale, title: The sale, day: 2026-03-07, expect: more}
"""


def test_an_alert_looks_at_what_its_scope_says_and_shares_its_false_pages() -> None:
    rules = book(a_yaml=ALERTS)
    found = looks(rules.alerts, rules.topics, "lark", ["bluesky", "mastodon"])
    assert sorted((one.policy.key, *one.counter, one.watch.false_pages) for one in found) == [
        ("all", "", "", "mentions", 1.0),
        ("mood", "ours", "", "negative", 1.0),
        ("mood", "ours-too", "", "negative", 1.0),
        ("quiet", "", "bluesky", "mentions", 0.5),
        ("quiet", "", "mastodon", "mentions", 0.5),
        ("rivals", "theirs", "", "mentions", 1.0),
        ("there", "ours", "bluesky", "urgent", 0.5),
        ("there", "ours", "mastodon", "urgent", 0.5),
    ]


def _said(numbers: Sequence[tuple[int, int] | None]) -> list[Counted]:
    return [
        Counted("", "bluesky", BEGIN + i * STEP, False, n[0] + n[1], n[1], 0)
        for i, n in enumerate(numbers)
        if n is not None
    ]


def _run(numbers: Sequence[tuple[int, int] | None], until: int) -> list[Alert]:
    """What is said of the first `until` buckets, where all of `numbers` is at hand; None: a hole."""
    rules = book(
        a_yaml="alerts: [{key: mood, owner: a, kind: negative}, {key: much, owner: a, kind: volume}, {key: no, owner: a, kind: silence}]\n"
    )
    holes = tuple(
        Hole(BEGIN + i * STEP, BEGIN + (i + 1) * STEP, (BEGIN + i * STEP, BEGIN + (i + 1) * STEP))
        for i, n in enumerate(numbers)
        if n is None
    )
    streams = [Stream("bluesky/x", "running", BEGIN, BEGIN + len(numbers) * STEP, holes=holes)]
    watch = Watch(looks(rules.alerts, (), "lark", ["bluesky"]))
    numbered = Heard(_said(numbers), streams, BEGIN + len(numbers) * STEP)
    for counter in watch.cold():
        watch.learn_nothing(counter)
    return [alert for i in range(until) for alert in watch.take(BEGIN + i * STEP, numbered)]


_BUCKET = st.one_of(st.none(), st.tuples(st.integers(0, 40), st.integers(0, 80)))


@settings(max_examples=25)
@given(st.lists(_BUCKET, min_size=1, max_size=40), st.lists(_BUCKET, max_size=40), st.lists(_BUCKET, max_size=40))
def test_what_is_said_of_a_bucket_does_not_depend_on_later_ones(
    begin: list[tuple[int, int] | None], one: list[tuple[int, int] | None], other: list[tuple[int, int] | None]
) -> None:
    calm: list[tuple[int, int] | None] = [(8, 2)] * 90
    until = len(calm) + len(begin)
    assert _run([*calm, *begin, *one], until) == _run([*calm, *begin, *other], until)


def test_a_time_is_known_when_those_were_heard_that_usually_bring_it() -> None:
    big = Stream("bluesky/jetstream", "running", 0, 1_000, weight=95)
    small = Stream("feeds/x", "stopped", 0, 400, weight=5)
    assert heard([big, small], 600, 900, 1_000)
    assert not heard([replace(big, beat=800), small], 600, 900, 1_000)
    assert not heard([replace(big, weight=80), replace(small, weight=20)], 600, 900, 1_000)
    assert heard([replace(big, weight=80), replace(small, weight=20)], 90_000, 90_300, 90_400) is False  # nobody lives
    gone = replace(small, weight=500)
    assert heard([replace(big, beat=90_000), gone], 89_000, 89_300, 90_000)  # who was gone for a day is not waited for
    assert not heard([replace(big, born=700)], 600, 900, 1_000)
    hole = Hole(500, 700, (500, 650))
    assert not heard([replace(big, holes=(hole,))], 600, 900, 1_000)
    assert heard([replace(big, holes=(replace(hole, rest=(500, 600)),))], 600, 900, 1_000)  # as far as it was filled
    behind = replace(big, heard=990, item=300)
    assert not heard([behind], 600, 900, 1_000)  # it reads what it missed
    assert heard([behind], 0, 300, 1_000)
    assert deaf([big, small], 1_000, 300) is None
    assert deaf([replace(big, beat=600), small], 1_000, 300) == replace(big, beat=600)
    assert deaf([small], 900_000, 300) is None


def test_severity_is_measured_and_weighed_by_the_alert() -> None:
    calm: list[tuple[int, int] | None] = [(40, 5)] * 600
    [alert, *_] = [one for one in _run([*calm, (10, 900)], 601) if one.look.policy.key == "mood"]
    policy = alert.look.policy
    told = fired(1, alert, None, datetime(2026, 1, 6, tzinfo=UTC), 7)
    assert (told.told, told.severity, told.evidence["part"], told.evidence["authors"]) == (
        Told.BEGUN,
        Severity.CRITICAL,
        900,
        7,
    )
    assert severity(replace(policy, severity=Severity.NOTE), alert.alarm) is Severity.WARNING


def test_tests_beside_an_alert_come_out_by_share_people_holes_and_calendar() -> None:
    rules = book(a_yaml=TESTED)
    assert {one.test.title: one.problem for one in rehearsed(rules.alerts, rules.calendar)} == dict.fromkeys(
        ("a storm", "praise", "one loud person", "a hole", "planned"), ""
    )
    without = {one.test.title: one.problem for one in rehearsed(rules.alerts, ())}
    assert without["planned"].startswith("it must page nobody, and does after")
    [policy] = rules.alerts
    loud = replace(policy, floors=replace(policy.floors, authors=0, mentions=0), severity=Severity.NOTE)
    told = {one.test.title: one.problem for one in rehearsed([loud], rules.calendar)}
    assert told["one loud person"].startswith("it must page nobody")
    assert told["a storm"] in {"", "it must be warning, and is note at most"}


def test_a_time_of_a_series_is_read_as_it_is_written() -> None:
    assert stretch_of("3 days of 10/h with 20 % negative") == Stretch(259_200, 240.0, 0.2)
    assert stretch_of("30m of 2/min with 10% urgent and 5% negative by 3 people") == Stretch(
        1_800, 2_880.0, 0.05, 0.1, 3
    )
    assert stretch_of("2 h unheard") == Stretch(7_200, None)
    assert stretch_of("2 h of nothing") == Stretch(7_200, 0.0)
    for bad in ("3 days", "2m of 1/h", "0h of 1/h", "1 h of 10/h with 120 % negative", "61 days of 1/h", "1 h of lots"):
        assert stretch_of(bad) is None, bad


@pytest.mark.parametrize(
    ("test", "code"),
    [
        ("{series: [1 h of lots], pages: no}", "bad-series"),
        ("{series: [1 h of 10/h], pages: soon}", "bad-duration"),
        ("{series: [1 h of 10/h]}", "missing-key"),
        ("{series: [40 days of 10/h, 40 days of 10/h], pages: no}", "too-long"),
    ],
)
def test_what_is_wrong_with_a_test_is_told_at_its_place(test: str, code: str) -> None:
    text = f"alerts:\n  - {{key: a, owner: o, kind: volume, tests: [{test}]}}\n"
    assert [(one.code, one.line) for one in problems(text)] == [(code, 2)]


def test_the_command_tells_each_test_and_check_refuses_what_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.yaml").write_text(TESTED, "utf-8")
    assert main(["alerts", "test", "--rules", str(tmp_path)]) == FINE
    assert "5 tests of alerts: 0 fail" in capsys.readouterr().out
    (tmp_path / "a.yaml").write_text(TESTED.replace("authors: 8, ", ""), "utf-8")
    assert main(["alerts", "test", "mood", "--rules", str(tmp_path), "--json"]) == FINDINGS
    told = json.loads(capsys.readouterr().out)
    assert [one["title"] for one in told["tests"] if not one["pass"]] == ["one loud person"]
    assert main(["rules", "check", str(tmp_path), "--json"]) == FINDINGS
    [problem] = json.loads(capsys.readouterr().out)["problems"]
    assert (problem["code"], problem["line"]) == ("alert-test", 11)
