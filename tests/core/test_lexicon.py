"""An overlay of words changes the label and nothing else; its tests are judged by the real scorer."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from listener.language import Languages
from listener.model.scales import ToneLabel
from listener.rulebook.check import check
from listener.rulebook.lexicon import words_of
from listener.rulebook.subject import Methods
from listener.sentiment import METHOD, NOT_SCORED, Vader, label, scored_part
from tests.core.rulebooks import book, problems
from tests.core.test_rulebook import shipped_files

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
VADER = Vader.load()
REAL = Methods(Languages.load(), VADER)

LEXICON = """\
lexicon:
  - key: trade
    title: Words of the trade
    lang: en
    words:
      Outage: -1.8
      killer feature: 2
    remove: [support, Care]
    tests:
      - {text: "another outage in my street today", tone: negative}
      - {text: "this is a killer feature", tone: positive}
  - key: more
    words: {laggy: -1.5}
    tests:
      - {text: "this app is laggy", tone: negative}
"""


def changed(old: str, new: str) -> str:
    assert LEXICON.count(old) == 1, old
    return LEXICON.replace(old, new)


def test_whole_overlays() -> None:
    more, trade = book(r_yaml=LEXICON).lexicon
    assert (more.key, more.title, trade.key, trade.title, trade.lang) == (
        "more",
        "more",
        "trade",
        "Words of the trade",
        "en",
    )
    assert trade.words == (("killer feature", 2.0), ("outage", -1.8))
    assert trade.removed == {"support", "care"}
    assert [(one.text, one.tone.value) for one in more.tests] == [("this app is laggy", "negative")]
    assert words_of((more, trade)) == {
        "laggy": -1.5,
        "killer feature": 2.0,
        "outage": -1.8,
        "support": None,
        "care": None,
    }


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        (changed("Outage: -1.8", "Outage: -5"), (6, 15, "wrong-type"), "such as 0.25"),
        (changed("Outage: -1.8", "Outage: bad"), (6, 15, "wrong-type"), "such as 0.25"),
        (changed("Outage: -1.8", "Outage: [1]"), (6, 15, "wrong-type"), "without brackets"),
        (changed("Outage: -1.8", "Outage!: -1.8"), (6, 7, "never-met"), "write outage"),
        (changed("killer feature: 2", "killer feature of this year: 2"), (7, 7, "too-long"), "at most 4 words"),
        (changed("[support, Care]", "[support, Care team]"), (8, 23, "too-long"), "one word in a row"),
        (changed("[support, Care]", "[support, outage]"), (8, 23, "repeated-id"), "at r.yaml:6:7"),
        (changed("{laggy: -1.5}", "{outage: -1.5}"), (13, 13, "repeated-id"), "at r.yaml:6:7"),
        (changed("{laggy: -1.5}", "[laggy]"), (13, 12, "wrong-type"), "write key: value"),
        (changed("tone: positive", "tone: postive"), (11, 50, "unknown-value"), "did you mean positive?"),
        (changed(", tone: positive", ""), (11, 9, "missing-key"), "add tone: ..."),
        (changed("lang: en", "lang: de"), (4, 11, "unknown-value"), "en"),
        (changed("key: more", "key: trade"), (12, 10, "repeated-id"), "at r.yaml:2:10"),
        ("lexicon:\n  - key: none", (2, 5, "does-nothing"), "add words: or remove:"),
    ],
)
def test_one_mistake_one_place(text: str, place: tuple[int, int, str], hint: str) -> None:
    found = problems(text)
    assert [(one.line, one.column, one.code) for one in found] == [place]
    assert hint in found[0].hint


def test_an_overlay_without_a_test_is_warned_about() -> None:
    text = "lexicon:\n  - {key: a, words: {laggy: -1.5}}"
    assert [(one.line, one.column, one.code) for one in book(r_yaml=text).warnings] == [(2, 5, "no-examples")]


def test_a_test_that_sounds_otherwise_is_a_problem_at_its_place() -> None:
    assert check(book(r_yaml=LEXICON), REAL, NOW).problems == ()
    wrong = LEXICON.replace("app is laggy", "app is not laggy").replace("Outage: -1.8", "Outage: 0")
    told = check(book(r_yaml=wrong), REAL, NOW).problems
    assert [(one.line, one.column, one.code) for one in told] == [(10, 9, "wrong-tone"), (15, 9, "wrong-tone")]
    assert told[1].message == "overlay more: this is positive, and must be negative"


def test_rules_ask_the_tone_with_the_overlay() -> None:
    rule = """\
rules:
  - id: angry
    title: Angry
    owner: me
    scope: {addressed: yes}
    when: tone:negative
    then: {tags: [angry]}
    examples:
      fires: [there is another outage]
      silent: [this is a killer feature]
"""
    assert check(book(r_yaml=rule, l_yaml=LEXICON), REAL, NOW).problems == ()
    assert len(check(book(r_yaml=rule), REAL, NOW).problems) == 2


def test_the_name_of_the_method_says_which_words() -> None:
    one = VADER.with_words({"a": 1.0, "b": None})
    assert one.method.startswith(METHOD + "+")
    assert one.method == VADER.with_words({"b": None, "a": 1.0}).method
    assert len({one.method, VADER.with_words({"a": 1.5, "b": None}).method, VADER.with_words({"a": 1.0}).method}) == 3
    assert VADER.with_words({}).method == METHOD == VADER.method
    assert one.with_words({}).method == METHOD  # no other overlay than the last
    assert REAL.with_lexicon(book(r_yaml=LEXICON).lexicon).names()["tone"] != METHOD
    assert REAL.with_lexicon(()).names() == REAL.names()


@pytest.mark.parametrize(
    ("text", "tone"),
    [
        ("a killer feature", "positive"),
        ("a KILLER   feature!!", "positive"),
        ("(killer feature)", "positive"),
        ("a killer, feature this", "negative"),
        ("killer", "negative"),
        ("support", "neutral"),
        ("SUPPORT.", "neutral"),
        ("supportive", "positive"),
        ("Outage!", "negative"),
        ("no killer feature", "negative"),
        ("😡 killer feature killer feature killer feature", "positive"),
    ],
)
def test_words_and_rows_of_words(text: str, tone: str) -> None:
    overlaid = VADER.with_words({"killer feature": 2.0, "outage": -1.8, "support": None})
    assert overlaid.tone(text, "en").label is ToneLabel(tone)


def test_an_emoji_stands_for_words_of_the_overlay() -> None:
    assert VADER.tone("🔥", "en").label is ToneLabel.NEGATIVE  # fire
    assert VADER.with_words({"fire": 2.0}).tone("🔥", "en").label is ToneLabel.POSITIVE


words = st.sampled_from(
    [
        *("outage", "Killer", "feature!", "killer feature", "support", "love", "WORST", "😡"),
        *("not", "very", "but", "no", "it", "?", "\n"),
    ]
)
overlays = st.dictionaries(
    st.sampled_from(["outage", "killer", "killer feature", "support", "love", "worst", "no", "love it"]),
    st.none() | st.floats(-4, 4),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(words, max_size=12).map(" ".join), overlays)
def test_the_four_numbers_are_vaders_whatever_the_overlay(text: str, overlay: dict[str, float | None]) -> None:
    plain, overlaid = VADER.tone(text, "en"), VADER.with_words(overlay).tone(text, "en")
    assert (plain.neg, plain.neu, plain.pos, plain.compound) == (
        overlaid.neg,
        overlaid.neu,
        overlaid.pos,
        overlaid.compound,
    )
    assert (plain == NOT_SCORED) == (overlaid == NOT_SCORED)
    begins = {word.partition(" ")[0] for word in overlay}
    if begins.isdisjoint(text.lower().replace("!", "").split()):
        assert plain == overlaid


@settings(max_examples=100, deadline=None)
@given(st.lists(words, max_size=12).map(" ".join), overlays)
def test_the_label_is_that_of_a_list_with_these_words(text: str, overlay: dict[str, float | None]) -> None:
    single = {word: worth for word, worth in overlay.items() if " " not in word}
    oracle: Any = SentimentIntensityAnalyzer()  # type: ignore[no-untyped-call]
    for word, worth in single.items():
        oracle.lexicon.pop(word, None)
        if worth is not None:
            oracle.lexicon[word] = worth
    overlaid = VADER.with_words(single).tone(text, "en")
    if overlaid.compound is not None:
        assert overlaid.label is label(oracle.polarity_scores(scored_part(text))["compound"])


def test_the_shipped_overlay_says_what_it_changes() -> None:
    rules = book(**{name.replace(".", "_"): text for name, text in shipped_files().items()})
    found = check(rules, REAL, NOW)
    assert found.problems == ()
    plain = {one.test.text: VADER.tone(one.test.text, "en").label for one in found.tones}
    assert sum(one.tone is not plain[one.test.text] for one in found.tones) >= len(found.tones) // 2
