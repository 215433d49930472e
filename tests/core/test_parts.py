"""A long text in numbered parts: nothing is lost, everything fits, and nothing is cut that belongs together."""

from __future__ import annotations

import re

import pytest
import regex
from hypothesis import example, given
from hypothesis import strategies as st

from listener.lengths import measures
from listener.parts import MOST, split

FAMILY = "👩‍👩‍👧‍👦"
LINK = "https://larkspur.example/help/" + "a" * 60
WORDS = st.sampled_from(
    ["hello", "parcel,", "sorry.", "Why?", "@mira.bsky.social", "#refund", LINK, "help@larkspur.example", FAMILY, "🇦🇹🇩🇪",
     "नमस्ते", "请稍等。", "我们正在处理您的退款请求", "x" * 340, "larkspur.example/a.b?c=d", "\n\n", "\n", "e\u0301" * 5, "…"]
)  # fmt: skip
TEXTS = st.lists(st.tuples(WORDS, st.sampled_from([" ", "  ", "\n", "\n\n"])), min_size=1, max_size=120).map(
    lambda pairs: "".join(word + gap for word, gap in pairs)
)


def bare(text: str) -> str:
    return "".join(text.split())


def unnumbered(text: str, i: int, n: int) -> str:
    assert text.endswith(f" {i}/{n}")
    return text.removesuffix(f" {i}/{n}")


@given(TEXTS | st.text(max_size=1200) | st.text("ab .\n!", max_size=2500))
@example("a" * 300)
@example("a" * 301)
@example("a b " * 75)
@example(FAMILY * 121)
def test_parts_are_the_text_fit_and_cut_no_grapheme(text: str) -> None:
    parts = split("bluesky", text)
    n = len(parts)
    assert n <= MOST
    if n < 2:
        assert not parts or parts[0].text == text.strip()
        return
    pieces = [unnumbered(part.text, i, n) for i, part in enumerate(parts, start=1)]
    assert "".join(map(bare, pieces)) == bare(text)
    assert all(not measure.over for part in parts for measure in measures("bluesky", part.text))
    assert all(pieces)
    assert all(text[part.begins :].startswith(piece) for part, piece in zip(parts, pieces, strict=True))
    borders = {match.start() for match in regex.finditer(r"\X", text)} | {len(text)}
    assert all({part.begins, part.begins + len(piece)} <= borders for part, piece in zip(parts, pieces, strict=True))


@given(TEXTS)
def test_what_belongs_together_stays_in_one_part(text: str) -> None:
    parts = split("bluesky", text)
    for whole in (LINK, "@mira.bsky.social", "help@larkspur.example", "larkspur.example/a.b?c=d"):
        if parts:
            assert sum(part.text.count(whole) for part in parts) == text.count(whole)


def test_it_is_cut_where_a_reader_would() -> None:
    first = "We are sorry that your parcel is late. " + "It was in Vienna on Monday. " * 7
    second = "A courier brings it tomorrow. " * 6
    parts = split("bluesky", f"{first}\n\n{second}")
    assert [part.text for part in parts] == [f"{first.strip()} 1/2", f"{second.strip()} 2/2"]
    sentences = split("bluesky", "This sentence has exactly forty letters. " * 20)
    assert all(re.search(r"letters\. \d/\d$", part.text) for part in sentences)
    words = split("bluesky", "word " * 100)
    assert all(re.search(r"word \d/\d$", part.text) for part in words)


def test_a_word_is_cut_only_where_it_is_longer_than_a_part() -> None:
    assert split("bluesky", f"Hi {'x' * 295} there {'y' * 20}")[0].text == "Hi 1/3"
    assert split("bluesky", f"Hi {'x' * 400}")[0].text == "Hi " + "x" * 293 + " 1/2"
    assert len(split("bluesky", "我们正在处理您的退款请求" * 30)) == 2


@pytest.mark.parametrize("text", ["", " \n ", "https://larkspur.example/" + "a" * 300, "word " * 1300])
def test_what_cannot_be_cut_gives_no_parts(text: str) -> None:
    assert split("bluesky", text) == ()


def test_more_than_nine_parts_leave_room_for_two_figures() -> None:
    parts = split("bluesky", "word " * 700)
    assert len(parts) == 12
    assert parts[-1].text.endswith(" 12/12")


def test_a_network_without_a_known_limit_takes_it_whole() -> None:
    assert [part.text for part in split("somewhere", " " + "a " * 5000)] == [("a " * 5000).strip()]
