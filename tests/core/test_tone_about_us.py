"""Sentences, and the tone of those that name us beside that of the whole."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listener.model.heard import Author, Hearing, Key, Mention
from listener.model.judged import Context
from listener.model.kinds import Kind, Via
from listener.model.scales import ToneLabel
from listener.rulebook.sentences import naming, sentences
from listener.rulebook.subject import Methods, heard_by, judged
from listener.sentiment import Vader
from tests.core.rulebooks import book

RULES = """\
topics:
  - {key: lark, kind: brand, title: Lark, query: '"lark air" OR larkair', names: [Lark Air]}
  - {key: orbit, kind: competitor, title: Orbit, query: orbit}
"""


class English:
    method = "english"

    def find(self, text: str, claimed: object = ()) -> str:
        return "de" if "nicht" in text else "en"


NOON = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
METHODS = Methods(English(), Vader.load())


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("Dr. Jones of the U.S. desk waited 3.5 hours at 9 p.m. for J. Smith", None),
        ("No. Never again", ["No.", "Never again"]),
        ("Seat no. 12 is wet", None),
        ("so… anyway, fine... but wet", None),
        ("first line\n\nsecond line", ["first line", "second line"]),
        ('He said "no!" and left. Bye', ['He said "no!" and left.', "Bye"]),
        ("お前。いい！", ["お前。", "いい！"]),
        ("see https://lark.example/a.b?c=d now", None),
        ("great!!! worst...", ["great!!!", "worst..."]),
    ],
)
def test_where_a_sentence_ends(text: str, cut: list[str] | None) -> None:
    assert [text[low:high].strip() for low, high in sentences(text)] == (cut or [text])


@given(st.text(alphabet=' .!?…\n。aB1")', max_size=60))
def test_nothing_is_lost_between_sentences(text: str) -> None:
    found = sentences(text)
    assert "".join("".join(text[low:high] for low, high in found).split()) == "".join(text.split())
    part = naming(text, ["a"])
    assert len("".join(part.split())) < max(1, len("".join(text.split()))), "never all of it; what joins is no part"


@pytest.mark.parametrize(
    ("text", "whole", "about"),
    [
        ("I love this sunny wonderful day, great mood! Lark Air lost my bag, terrible.", "positive", "negative"),
        ("Orbit is a horrible awful disaster. So I am happy with larkair.", "negative", "positive"),
        ("Orbit is a horrible awful disaster. @us.example answers within minutes.", "negative", "neutral"),
        ("Lark Air is great. Really great!", "positive", "positive"),
        ("Lark Air is awful. Lark Air is rude.", "negative", None),
        ("What a lovely day. Nothing to add.", "positive", None),
        ("terrible Lark Air", "negative", None),
        ("Lark Air is nicht great. Terrible.", "not_scored", None),
    ],
)
def test_what_is_said_about_us_has_a_tone_of_its_own(text: str, whole: str, about: str | None) -> None:
    rulebook = book(rules=RULES)
    mention = Mention(
        Key("bsky", "m"), "bluesky", Author("bsky", "did:1", "mira.example"), text, Kind.POST, b"", network_at=NOON
    )
    hearings = [Hearing(1, Via.TOPIC, topic=key) for key in ("lark", "orbit")]
    heard = heard_by(hearings, "acme", rulebook)
    context = Context("acme", accounts=("us.example",))
    subject, tone = judged(mention, heard, METHODS, context)
    assert (tone.label, tone.about) == (ToneLabel(whole), ToneLabel(about) if about else None)
    assert subject.about == (tone.about or tone.label)
    assert tone.compound == METHODS.vader.tone(text, "de" if whole == "not_scored" else "en", heard.names).compound, (
        "the whole's, untouched"
    )
