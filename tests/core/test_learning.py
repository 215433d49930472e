"""A model of a team's decisions: what of a text it can know, what it says of one, and which files are none."""

from __future__ import annotations

import io
import json
import math
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listener.errors import FixMe
from listener.learning import VERSION, Measured, Model, log_odds, marks, model_from, opinion, titles
from listener.service.replayer import Order, framed, read

MEASURED = Measured(100, 40, 0.7, 0.8, 0.3, 0.4, 0.02, 0.15)
REFUND = max(marks("refund") - marks("refunds") - marks("xrefund"))
"""A mark that only the word itself has."""
MODEL = Model(
    VERSION, "need-2+abc", 300, 120, MEASURED, True, "it counts", -1.0, 0.5, {"question": 0.75}, {REFUND: 2.0}
)


def test_neither_handles_nor_addresses_nor_numbers_are_known_apart() -> None:
    said = marks("@larkspur_help my order 4711 is late, see https://shop.example/jane.doe?mail=jane")
    assert said == marks("@jane_doe my order 99 is late, see https://elsewhere.example/")
    assert said == marks("my order 7 is late, see")
    assert marks("Refund") == marks("REFUND")
    assert marks("refund me") != marks("me refund")  # neighbours count as a pair


def test_reasons_point_at_the_words_and_at_the_signals_of_this_text() -> None:
    text = "@larkspur 🙏 my Refund?"
    thinks = opinion(MODEL, text, 0.4, ("question", "is rude"))
    odds = -1.0 + 0.5 * log_odds(0.4)
    assert thinks.score == round(1 / (1 + math.exp(-(odds + 0.75 + 2.0))), 4)
    words, question = thinks.because
    start, end = words["spans"]
    assert text[start:end] == "Refund"
    assert words["value"] == round(thinks.score - 1 / (1 + math.exp(-(odds + 0.75))), 2)
    assert question == {
        "signal": "learned: question",
        "value": round(thinks.score - 1 / (1 + math.exp(-(odds + 2))), 2),
    }
    assert opinion(MODEL, "", 0.4, ()).because == ()
    assert titles(({"rule": "r"}, {"signal": "is rude", "value": 0.3}, *thinks.because)) == ("is rude",)


def test_a_long_text_is_not_surer_than_a_short_one() -> None:
    twice = replace(MODEL, by_mark=dict.fromkeys(marks("refund order late today"), 0.5))
    short, long = (opinion(twice, text, 0.5, ()).score for text in ("refund order", "refund order late today"))
    assert short < long < opinion(replace(twice, by_mark={REFUND: 5.0}), "refund", 0.5, ()).score


@given(text=st.text(max_size=300), need=st.floats(0, 1), signals=st.lists(st.sampled_from(["question", "x"])))
def test_any_text_has_a_chance_and_reasons_within_it(text: str, need: float, signals: list[str]) -> None:
    everything = replace(MODEL, by_mark=dict.fromkeys(marks(text), 900.0))
    thinks = opinion(everything, text, need, signals)
    assert 0 <= thinks.score <= 1
    for reason in thinks.because:
        start, end = reason.get("spans", (0, 0))
        assert 0 <= start <= end <= len(text)


def test_a_model_comes_back_from_its_file_as_it_was() -> None:
    assert model_from(MODEL.to_json()) == MODEL
    assert model_from(MODEL.to_json().encode()).method == MODEL.method != replace(MODEL, start=-2.0).method
    turned = replace(MODEL, by_signal={"b": 1.0, "a": 2.0}), replace(MODEL, by_signal={"a": 2.0, "b": 1.0})
    assert turned[0].method == turned[1].method, "a database keeps its own order"
    order = Order({}, {}, datetime(2026, 11, 2, tzinfo=UTC), {}, models={MODEL.method: MODEL})
    assert read(io.BytesIO(framed(order)), Order) == order, "a worker gets it as it is"


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ({"version": VERSION + 1}, f"version {VERSION + 1}"),
        ({"start": 1e9}, "out of all bounds"),
        ({"by_mark": {"refund": 1.0}}, "no model"),
        ({"by_signal": {"question": "3"}}, "no model"),
        ({"measured": None}, "no model"),
    ],
)
def test_a_file_that_is_no_model_is_told(broken: dict[str, object], says: str) -> None:
    with pytest.raises(FixMe, match=says) as told:
        model_from(json.dumps({**json.loads(MODEL.to_json()), **broken}), "model.json")
    assert told.value.where == "model.json"
    with pytest.raises(FixMe, match="no model"):
        model_from(b"\x80\x04\x95pickled", "model.pkl")
