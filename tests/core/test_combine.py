"""What rules come to together: by no order, by no rule that is only tried out, and never put away what wants a reply."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from listener.assess import Judge, assess
from listener.model.heard import Hearing
from listener.model.judged import Assessment, Context, Window
from listener.model.kinds import Via
from listener.query.subject import Subject
from listener.rulebook.combine import Finding, combine, findings, says
from listener.rulebook.shape import During, Rulebook, Status, Then
from listener.rulebook.subject import Heard
from listener.rulebook.tally import Tally
from tests.core.judging import NIGHT, NOON, Case, Said, Timed, cases, plainly, with_rules
from tests.core.rulebooks import PLAIN, book
from tests.core.test_assess import mention


def thought(rules: Rulebook, said: Said) -> Assessment:
    return assess(said.mention, said.hearings, said.context, rules, PLAIN, said.now)


# Whatever is written -------------------------------------------------------------------------------------------------


@settings(max_examples=300)
@given(cases())
def test_the_rules_that_fire_are_those_of_the_plain_judgement(case: Case) -> None:
    rules = case.rules
    for said in case.said:
        assert {flag.rule for flag in thought(rules, said).flags} == plainly(rules, said)


@settings(max_examples=150)
@given(cases(), st.randoms(use_true_random=False))
def test_the_order_of_rules_and_exceptions_changes_nothing(case: Case, chance: random.Random) -> None:
    rules = case.rules
    shuffled = with_rules(
        rules, tuple(chance.sample(rules.rules, len(rules.rules))), tuple(chance.sample(rules.exceptions, len(rules.exceptions)))
    )  # fmt: skip
    for said in case.said:
        assert thought(shuffled, said) == thought(rules, said)


@settings(max_examples=200)
@given(cases())
def test_experimental_rules_change_nothing_but_the_marks_of_their_own(case: Case) -> None:
    rules = case.rules
    tried = {rule.id for rule in rules.rules if rule.status is Status.EXPERIMENTAL}
    without = with_rules(rules, tuple(rule for rule in rules.rules if rule.id not in tried))
    for said in case.said:
        found = thought(rules, said)
        assert {flag.rule for flag in found.flags if flag.shadow} == {flag.rule for flag in found.flags} & tried
        marks = tuple(one for one in found.because if one.get("shadow"))
        assert {one["rule"] for one in marks} == {flag.rule for flag in found.flags if flag.shadow}
        assert found.because[len(found.because) - len(marks) :] == marks  # at the end
        bare = replace(
            found,
            flags=tuple(flag for flag in found.flags if not flag.shadow),
            because=tuple(one for one in found.because if not one.get("shadow")),
        )
        assert bare == thought(without, said)


@settings(max_examples=100)
@given(cases())
def test_deprecated_rules_are_as_good_as_gone(case: Case) -> None:
    rules = case.rules
    without = with_rules(rules, tuple(rule for rule in rules.rules if rule.status is not Status.DEPRECATED))
    for said in case.said:
        assert thought(rules, said) == thought(without, said)


@settings(max_examples=150)
@given(cases())
def test_what_wants_a_reply_is_never_closed_or_put_away(case: Case) -> None:
    rules = case.rules
    for said in case.said:
        found = thought(rules, said)
        fired = [rule for rule in rules.rules if rule.id in {flag.rule for flag in found.flags if not flag.shadow}]
        wants = any(rule.then.asks_for_reply for rule in fired)
        assert found.closes == (not wants and any(rule.then.closes for rule in fired))
        assert (found.snooze is not None) == (not wants and any(rule.then.snooze for rule in fired))


# One by one ----------------------------------------------------------------------------------------------------------

HEARD = Heard("acme", True, frozenset(), frozenset(), ())
RULES = """\
rules:
  - {id: a, title: A, owner: x, scope: {addressed: yes}, when: app, then: {tags: [a]}}
  - {id: b, title: B, owner: x, scope: {addressed: yes}, when: app, then: {tags: [b]}}
  - {id: c, title: C, owner: x, scope: {addressed: yes}, when: app, then: {tags: [c]}}
"""


def asking(**changes: dict[str, object]) -> Rulebook:
    """Three rules on "app", changed by id."""
    plain = book(r_yaml=RULES)
    made = tuple(replace(rule, **changes.get(rule.id, {})) for rule in plain.rules)  # type: ignore[arg-type]
    return Timed(**{**_held(plain), "rules": made})  # type: ignore[arg-type]


def _held(rules: Rulebook) -> dict[str, object]:
    return {"topics": rules.topics, "teams": rules.teams, "files": rules.files, "hash": rules.hash}


def fired(rules: Rulebook, text: str = "app", context: Context | None = None, now: object = NOON) -> list[str]:
    found = findings(rules, Subject(text=text), HEARD, context or Context("acme"), now)  # type: ignore[arg-type]
    return [one.rule.id for one in found]


def unless(*ids: str) -> dict[str, object]:
    return {"unless": frozenset(ids)}


TRIED: dict[str, object] = {"status": Status.EXPERIMENTAL}


@pytest.mark.parametrize(
    ("changes", "ids"),
    [
        ({"a": unless("b")}, ["b", "c"]),
        ({"a": unless("b"), "b": unless("c")}, ["a", "c"]),  # whoever is silenced silences nobody
        ({"a": unless("b"), "b": unless("a")}, ["a", "b", "c"]),  # a circle
        ({"a": unless("b"), "b": unless("c"), "c": unless("a")}, ["a", "b", "c"]),
        ({"a": unless("b", "c"), "b": unless("a")}, ["b", "c"]),  # what leaves the circle counts
        ({"a": unless("a")}, ["a", "b", "c"]),
        ({"a": unless("b"), "b": TRIED}, ["a", "c", "b"]),  # what is tried out silences nothing
        ({"a": {**unless("b"), **TRIED}, "b": TRIED}, ["c", "b"]),  # but what is tried out as well
        ({"a": {**unless("b"), **TRIED}}, ["b", "c"]),
        ({"a": unless("b"), "b": {**unless("a"), **TRIED}}, ["a", "c"]),  # no circle: one way counts only
        ({"a": unless("b"), "b": {"status": Status.DEPRECATED}}, ["a", "c"]),
    ],
)
def test_a_rule_is_silent_when_one_of_its_unless_fires(changes: dict[str, dict[str, object]], ids: list[str]) -> None:
    assert fired(asking(**changes)) == ids


def test_a_rule_that_does_not_fire_silences_nobody() -> None:
    exempt = "exceptions: [{rule: b, when: test, reason: known}]\n"
    rules = book(r_yaml=RULES.replace("{tags: [a]}", "{tags: [a]}, unless: b") + exempt)
    assert fired(rules) == ["b", "c"]
    assert fired(rules, "app test") == ["a", "c"]


def test_hours_are_those_of_the_moment_of_judging() -> None:
    rules = asking(a={"during": During("day", inside=True)}, b={"during": During("day", inside=False)})
    assert fired(rules) == ["a", "c"]
    assert fired(rules, now=NIGHT) == ["b", "c"]


def test_a_counting_rule_fires_as_the_context_says() -> None:
    text = RULES.replace("{tags: [a]}", "{tags: [a]}, count: {mentions: 5, within: 15m, for: 10m}")
    rules = book(r_yaml=text)
    windows = [None, Window(4.0, held=900.0), Window(5.0, held=599.0), Window(5.0, held=600.0), Window(6.0, held=900.0)]
    contexts = [Context("acme", counts={"a": one} if one else {}) for one in windows]
    assert ["a" in fired(rules, context=one) for one in contexts] == [False, False, False, True, True]
    judged = assess(
        mention("app"), ADDRESSED, Context("acme", counts={"a": Window(5.0, held=600.0)}), rules, PLAIN, NOON
    )
    assert judged.flags[0].values["count"] == {"value": 5.0, "of": 0, "held": 600.0}


def test_a_post_of_ours_fires_only_what_asks_for_ours() -> None:
    rules = book(
        r_yaml=RULES.replace("id: b, title: B, owner: x, scope: {", "id: b, title: B, owner: x, scope: {ours: yes, ")
    )
    judge = Judge(rules, PLAIN, lambda: NOON)
    assert judge.judges_ours
    assert [flag.rule for flag in judge(mention("app"), OWN, Context("acme")).flags] == ["b"]
    assert [flag.rule for flag in judge(mention("app"), ADDRESSED, Context("acme")).flags] == ["a", "b", "c"]
    assert not Judge(book(r_yaml=RULES), PLAIN, lambda: NOON).judges_ours
    gone = with_status(rules, Status.DEPRECATED)
    assert not Judge(gone, PLAIN, lambda: NOON).judges_ours


def with_status(rules: Rulebook, status: Status) -> Rulebook:
    return replace(rules, rules=tuple(replace(rule, status=status) for rule in rules.rules))


OWN = (Hearing(1, Via.OWN, account_id=7),)
ADDRESSED = (Hearing(1, Via.MENTION, account_id=7),)


def verdict(**thens: Then) -> object:
    """What three rules come to, all of rank 0 but c, which has a higher one."""
    rules = book(r_yaml=RULES).rules
    return combine(
        Finding(replace(rule, then=thens.get(rule.id, Then()), rank=5 if rule.id == "c" else 0), ()) for rule in rules
    )


def test_single_values_are_settled_by_rank_and_then_by_id() -> None:
    one = Then(team="ops", assign="mia", snooze=60.0)
    two = Then(team="care", assign="lea", snooze=120.0)
    for found in (verdict(a=two, c=one), verdict(b=two, c=one), verdict(a=one, b=two)):
        assert (found.team, found.assign, found.snooze) == ("ops", "mia", 60.0)  # type: ignore[attr-defined]
    assert verdict(a=Then(reply="sorry"), b=Then(reply="thanks")).reply == "sorry"  # type: ignore[attr-defined]
    assert verdict(a=Then(reply="sorry"), c=Then(reply="thanks")).reply == "thanks"  # type: ignore[attr-defined]


def test_close_and_snooze_lose_to_a_reply_whatever_its_rank() -> None:
    away = Then(closes=True, snooze=60.0)
    alone = verdict(c=away)
    assert (alone.closes, alone.snooze) == (True, 60.0)  # type: ignore[attr-defined]
    for asks in (Then(reply_within=3600.0), Then(reply="thanks")):
        found = verdict(a=asks, c=away)
        assert (found.closes, found.snooze) == (False, None)  # type: ignore[attr-defined]


def test_tags_and_alerts_add_up_and_one_wish_to_hide_is_enough() -> None:
    found = verdict(
        a=Then(alerts=frozenset({"vip"}), tags=("x",)), b=Then(alerts=frozenset({"spike", "vip"}), hide=True)
    )
    assert (found.tags, found.alerts, found.hide) == (("x",), ("spike", "vip"), True)  # type: ignore[attr-defined]


def test_what_follows_is_told_in_the_words_of_the_rule_files() -> None:
    then = Then(assign="mia", snooze=7200.0, hide=True, closes=True, reply="thanks", alerts=frozenset({"vip", "spike"}))
    rule = replace(book(r_yaml=RULES).rules[0], then=then)
    assert says(rule) == ["assign mia", "offer thanks", "snooze 2h", "close", "ask to hide", "alert spike", "alert vip"]


# Counting, all of it --------------------------------------------------------------------------------------------------

MANY = """\
rules:
  - {id: many, title: M, owner: x, scope: {addressed: yes}, when: down, count: {authors: 3, within: 15m}, then: {tags: [m]}}
"""


def test_the_judge_counts_with_a_tally_of_its_ticks() -> None:
    judge = Judge(book(r_yaml=MANY), PLAIN, lambda: NOON)
    assert judge.counts
    tally = Tally(judge.counting)
    flags = []
    heard = [("down", "a", 0), ("down", "a", 1), ("up", "b", 2), ("down", "b", 3), ("down", "c", 15), ("down", "d", 18)]
    for text, author, minute in heard:
        one = mention(text)
        one = replace(one, author=replace(one.author, external_id=author))
        ticks = judge.ticks(one, ADDRESSED, Context("acme"))
        at = NOON + timedelta(minutes=minute)
        tally.put(ticks, at)
        flags.append(bool(judge(one, ADDRESSED, Context("acme", counts=tally.counts(ticks, at))).flags))
    assert flags == [False, False, False, False, True, False]


def test_a_rulebook_that_counts_nothing_says_so() -> None:
    judge = Judge(book(r_yaml=RULES), PLAIN, lambda: NOON)
    assert not judge.counts
    assert judge.ticks(mention("app"), ADDRESSED, Context("acme")) == ()
    assert not Judge(with_status(book(r_yaml=MANY), Status.DEPRECATED), PLAIN, lambda: NOON).counts
