"""Need for an answer: signals from files, what is built in, and the verdict on a tone; in no order, and the same each time."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listener import rulefiles
from listener.assess import assess
from listener.model.judged import Assessment, Context, Tone
from listener.model.scales import ToneLabel
from listener.rulebook.check import check
from listener.rulebook.parse import SHIPPED_NEED, parse
from listener.rulebook.shape import Rulebook
from listener.rulebook.signals import BUILT_IN, METHOD, Signal, verdict
from tests.core.rulebooks import PLAIN, book
from tests.core.test_assess import MENTIONED, NOW, mention

SIGNALS = """\
need:
  - {key: refund, title: wants money, weight: 0.5, why: w, lang: en, when: refund OR "money back", tests: {must: [my refund], must not: [my bag]}}
  - {key: lost, weight: 0.5, why: w, complaint: yes, when: lost, tests: {must: [lost it], must not: [found it]}}
  - {key: thanks, weight: -0.5, why: w, when: thanks, tests: {must: [thanks], must not: [no]}}
  - {key: asleep, weight: 0.9, why: w, on: no, when: refund}
"""
RULE = "rules: [{id: fire, title: Fire, owner: x, scope: {addressed: yes}, when: smoke, then: {reply within: 1h}}]\n"
BOOK = book(n_yaml=SIGNALS, r_yaml=RULE)
TO_US = Context("main", addresses=True)


def judged(text: str, rules: Rulebook = BOOK, context: Context = TO_US, **more: object) -> Assessment:
    return assess(mention(text, **more), MENTIONED, context, rules, PLAIN, NOW)


def signals(text: str, rules: Rulebook = BOOK, langs: tuple[str, ...] = ("en",)) -> dict[str, float]:
    return {one["signal"]: one["value"] for one in judged(text, rules, langs=langs).because if "signal" in one}


def test_a_signal_of_a_file_counts_by_its_title_and_weight_with_its_words() -> None:
    found = judged("the refund, money back")
    assert found.because == (
        {"signal": "wants money", "value": 0.5, "spans": [4, 10, 12, 22]},
        {"signal": "addressed to us", "value": 0.35},
    )
    assert found.need == pytest.approx(1 - 0.5 * 0.65)
    assert check(BOOK, PLAIN, NOW).problems == ()


def test_a_language_other_than_a_signals_own_is_not_its_business_and_an_unknown_one_is() -> None:
    assert "wants money" in signals("refund", langs=())
    assert "wants money" not in signals("refund", langs=("de",))
    assert "lost" in signals("lost", langs=("de",))


def test_what_is_built_in_is_weighed_and_switched_off_in_a_file() -> None:
    assert signals("why?") == {"addressed to us": 0.35, "question": 0.2}
    many = [
        {one["signal"] for one in judged("oh", context=replace(TO_US, copies=n)).because if "signal" in one}
        for n in (2, 3)
    ]
    assert many == [{"addressed to us"}, {"addressed to us", "others say the same"}]
    other = book(n_yaml="need:\n  - {key: question, title: asks, weight: 0.6, why: w}\n  - {key: addressed, on: no}\n")
    assert signals("why?", other) == {"asks": 0.6}


def test_what_damps_takes_its_share_and_nothing_of_what_a_rule_wants_answered() -> None:
    assert judged("thanks").need == pytest.approx(0.35 * 0.5)
    assert judged("thanks, smoke").need == pytest.approx(1 - 0.65 * 0.65, abs=1e-4)
    assert "thanks" not in signals("thanks, smoke")


def test_a_complaint_without_clear_praise_is_negative_and_rules_see_it() -> None:
    rules = book(n_yaml=SIGNALS, r_yaml=RULE.replace("smoke", "tone:negative"))
    found = judged("my bag is lost", rules)
    assert (found.tone.label, found.tone.compound) == (ToneLabel.NEGATIVE, 0.0)
    assert [flag.rule for flag in found.flags] == ["fire"]
    assert "negative tone: a complaint without clear praise" in signals("my bag is lost", rules)
    assert "negative tone" in signals("awful, lost", rules)
    assert judged("lovely, you found what I lost", rules).tone.label is ToneLabel.POSITIVE
    assert judged("lost", rules, langs=("de",)).tone.label is ToneLabel.NOT_SCORED


@pytest.mark.parametrize(
    ("label", "compound", "complains", "question", "comes_to"),
    [
        ("positive", 0.3, False, True, "neutral"),
        ("positive", 0.3, True, True, "negative"),
        ("positive", 0.5, True, True, "positive"),
        ("neutral", 0.7, True, False, "negative"),  # the overlay took its praise away
        ("positive", 0.3, False, False, "positive"),
        ("negative", -0.3, False, True, "negative"),
        ("not_scored", None, True, True, "not_scored"),
    ],
)
def test_the_verdict(label: str, compound: float | None, complains: bool, question: bool, comes_to: str) -> None:
    said = [Signal("lost", "lost", 0.5, complaint=True)] if complains else []
    tone = Tone(ToneLabel(label), compound=compound)
    assert verdict(tone, said, question=question).value == comes_to


@given(
    st.integers(),
    st.text(max_size=30)
    | st.lists(st.sampled_from(["lost", "refund", "thanks", "why?", "smoke", "lovely"])).map(" ".join),
)
def test_shuffling_signals_changes_nothing(seed: int, text: str) -> None:
    head, *lines = SIGNALS.splitlines()
    Random(seed).shuffle(lines)
    parts = {"n.yaml": "\n".join([head, *lines[:2]]), "a.yaml": "\n".join([head, *lines[2:]]), "r.yaml": RULE}
    other = parse(parts)
    assert isinstance(other, Rulebook)
    assert other.signals.method == BOOK.signals.method
    assert replace(judged(text, other), rulebook="") == replace(judged(text), rulebook="")
    assert 0 <= judged(text).need < 1


def test_the_method_names_every_signal_that_counts() -> None:
    methods = [
        book(n_yaml=SIGNALS.replace(old, new, 1)).signals.method
        for old, new in [
            *(("", ""), ("weight: 0.5", "weight: 0.4"), ("wants money", "money"), ("refund OR", "refunds OR")),
            *(("complaint: yes", "complaint: no"), ("lang: en", "lang: de"), ("on: no", "on: yes")),
        ]
    ]
    assert len(set(methods)) == len(methods)
    assert all(one.startswith(f"{METHOD}+") for one in methods)
    assert book(r_yaml=RULE).signals.method not in methods


def test_whoever_has_no_signals_has_the_shipped_ones_in_the_rulebook_itself(tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "r.yaml").write_text(RULE)
    loaded = rulefiles.load(tmp_path)
    assert isinstance(loaded, Rulebook)
    assert SHIPPED_NEED in loaded.files
    assert {one.key for one in loaded.need} > BUILT_IN.keys()
    assert loaded.names.lists == {}  # its lists are its own
    again = parse(loaded.files)  # as it is published
    assert isinstance(again, Rulebook)
    assert (again.hash, again.signals.method) == (loaded.hash, loaded.signals.method)
    assert judged("my flight was cancelled", loaded).need > judged("a flight", loaded).need
    (tmp_path / "n.yaml").write_text("need: []\n")
    own = rulefiles.load(tmp_path)
    assert isinstance(own, Rulebook)
    assert own.need == ()
