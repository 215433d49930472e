"""Another language by words of its own: scored by the same arithmetic and those words alone; without them it is not scored, never neutral."""

from __future__ import annotations

import pytest

from listener.language import Languages
from listener.model.scales import ToneLabel
from listener.rulebook.check import check
from listener.rulebook.subject import Methods
from listener.rulebook.tones import sounded
from listener.sentiment import METHOD, NOT_SCORED, Vader
from tests.core.rulebooks import book, problems
from tests.core.test_lexicon import LEXICON, NOW

GERMAN = """\
lexicon:
  - key: deutsch
    title: Deutsche Wörter
    lang: de
    method: lexicon
    words: {schlecht: -2.5, gut: 1.9, katastrophe: -3, "nicht zu fassen": -2, outage: -1}
    negations: [nicht, kein, keine]
    boosters: {sehr: 0.3, etwas: -0.3}
    tests:
      - {text: "der Service ist heute wieder sehr schlecht", tone: negative}
      - {text: "das Netz ist gar nicht gut", tone: negative}
      - {text: "das Paket ist heute angekommen", tone: neutral}
"""
REAL = Methods(Languages.load(), Vader.load())


def test_german_is_scored_by_its_words_and_all_else_stays_as_it_was() -> None:
    rulebook = book(a_yaml=LEXICON, b_yaml=GERMAN)
    methods = REAL.with_lexicon(rulebook.lexicon)
    assert all(one.good for one in sounded(rulebook, REAL))
    assert not check(rulebook, REAL, NOW).problems
    german = methods.vader.tone("Das ist sehr schlecht. but good, great, love 😡", "de")
    assert german.label is ToneLabel.NEGATIVE
    assert german.compound == pytest.approx((-2.8) / (2.8**2 + 15) ** 0.5, abs=1e-4), (
        "no English word, no English smiley counts"
    )
    assert methods.vader.tone("nicht zu fassen", "de").label is ToneLabel.NEGATIVE, "a row of words is one"
    assert methods.vader.tone("das ist nicht sehr gut", "de").compound < 0  # type: ignore[operator]
    assert methods.vader.tone("c'est très mauvais", "fr") == NOT_SCORED
    english = "this is good, but schlecht is no word here"
    assert methods.vader.tone(english, "en") == REAL.with_lexicon(book(a_yaml=LEXICON).lexicon).vader.tone(
        english, "en"
    )
    names = methods.names()["tone"]
    assert names.startswith(f"{METHOD}+")
    assert " de:" in names
    assert (
        names
        != REAL.with_lexicon(book(a_yaml=LEXICON, b_yaml=GERMAN.replace("sehr: 0.3", "sehr: 0.4")).lexicon).names()[
            "tone"
        ]
    )
    assert REAL.with_lexicon(()).names() == REAL.names()


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("    method: lexicon\n", "", (4, 11)),
        ("lang: de", "lang: en", (4, 11)),
        ("lang: de", "lang: German", (4, 11)),
        ("method: lexicon", "method: magic", (5, 13)),
        ("sehr: 0.3", "sehr: 3", (8, 22)),
        ("    negations", "    remove: [gut]\n    negations", (7, 13)),
    ],
)
def test_what_cannot_be_scored_so_is_told_at_its_place(old: str, new: str, where: tuple[int, int]) -> None:
    assert GERMAN.count(old) == 1
    assert where in [(one.line, one.column) for one in problems(GERMAN.replace(old, new))]


def test_negations_are_for_other_languages_only() -> None:
    told = problems(LEXICON.replace("    remove:", "    negations: [hardly]\n    remove:"))
    assert [one.code for one in told] == ["does-nothing"]
