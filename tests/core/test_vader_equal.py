"""Our arithmetic gives vaderSentiment's four numbers, for every text: its corners, and whatever else may be written."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vaderSentiment import vaderSentiment as published  # noqa: N813

from listener.sentiment import Vader
from listener.sentiment.scoring import Scorer
from tests.core.vader_texts import texts

ORACLE: Any = published.SentimentIntensityAnalyzer()  # type: ignore[no-untyped-call]
OURS: Scorer = Vader.load()._scorer
SETS = Path(__file__).parents[3] / "shared" / "data"


def told(text: str) -> tuple[float, ...]:
    found = ORACLE.polarity_scores(text)
    return found["neg"], found["neu"], found["pos"], found["compound"]


def test_every_corner_of_the_arithmetic() -> None:
    for text in texts(published, ORACLE, 1, 15_000):
        assert OURS.scores(text) == told(text), text


def test_every_word_emoji_and_special_case_alone_and_denied() -> None:
    for word in (*ORACLE.lexicon, *ORACLE.emojis, *published.BOOSTER_DICT, *published.SPECIAL_CASES):
        for text in (word, f"it is not {word}", f"I am never so {word} but"):
            assert OURS.scores(text) == told(text), text


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=80))
def test_whatever_is_written(text: str) -> None:
    assert OURS.scores(text) == told(text)


def test_a_word_is_forgotten_before_memory_grows() -> None:
    from listener.sentiment import scoring

    few = Scorer(OURS._tables)
    for number in range(scoring.REMEMBERED + 10):
        few.scores(f"w{number}")
    few.scores("l" * 10_000)
    assert len(few._words) <= scoring.REMEMBERED
    assert max(map(len, few._words)) <= scoring.LONGEST


@pytest.mark.parametrize("name", ["sentiment_rating/tweets", "sentiment_rating/amazon", "multilingual/multilingual"])
def test_real_texts(name: str) -> None:
    path = SETS / f"{name}.jsonl.gz"
    if not path.exists():
        pytest.skip("the real data sets are not beside this checkout")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for _, line in zip(range(3000), lines, strict=False):
            text = json.loads(line)["text"]
            assert OURS.scores(text) == told(text), text
