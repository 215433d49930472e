"""A text's length as each network counts it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listener.lengths import Terms, addressed, graphemes, length, measures, utf8_bytes


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("hello", 5),
        ("héllo", 5),
        ("he\u0301llo", 5),
        ("👩‍👩‍👧‍👦", 1),
        ("🇦🇹🇩🇪", 2),
        ("👍🏽", 1),
        ("한국어", 3),
        ("\u1112\u1161\u11ab", 1),
        ("नमस्ते", 3),  # a conjunct is one cluster since Unicode 15.1
        ("a\r\nb", 3),
        ("\u0301", 1),
    ],
)
def test_graphemes_are_what_a_reader_counts(text: str, count: int) -> None:
    assert graphemes(text) == count


def test_bluesky_counts_graphemes_and_bytes() -> None:
    assert length("bluesky", "a" * 300) == (300, 300)
    assert length("bluesky", "a" * 301) == (301, 300)
    family = "👩‍👩‍👧‍👦"  # 25 bytes, one grapheme
    assert length("bluesky", family * 120) == (120, 300)
    assert length("bluesky", family * 121) == (3025, 3000), "within 300 graphemes, but too many bytes"
    assert [m.over for m in measures("bluesky", family * 121)] == [0, 25]


def test_instagram_takes_more_than_it_has_been_seen_to_take() -> None:
    (measure,) = measures("instagram", "x" * 301)
    assert (measure.limit, measure.advised, measure.over) == (2200, 300, 0)
    assert length("facebook", "é" * 8001) == (8001, 8000)
    aside = Terms(private=True)
    assert length("facebook", "é" * 2001, aside) == (2001, 2000), "in private there is less room"
    assert length("instagram", "é" * 501, aside) == (1002, 1000), "and Instagram counts bytes"


def test_mastodon_counts_as_its_servers_do() -> None:
    link = "https://shop.example/" + "x" * 300
    assert length("mastodon", "x" * 501) == (501, 500)
    assert length("mastodon", f"see {link}, or shop.example/a") == (4 + 23 + 19, 500), (
        "only with its scheme is it a link"
    )
    assert length("mastodon", "@mira@far.example hi @acme mail@far.example") == (
        len("@mira hi @acme mail@far.example"),
        500,
    )
    roomy = Terms(5000, 40, "mira@far.example")
    assert length("mastodon", f"see {link}", roomy) == (len("@mira see ") + 40, 5000), (
        "who is answered is named, and that counts"
    )
    assert length("mastodon", "Hello @Mira@Far.example!", roomy) == (len("Hello @Mira!"), 5000)
    assert addressed("mastodon", "hi @mira@far.example.org", roomy.whom).startswith("@mira@far.example hi")
    assert addressed("bluesky", "hi", roomy.whom) == "hi"


def test_an_unknown_network_counts_without_a_limit() -> None:
    assert length("somewhere", "abc") == (3, 0)
    assert measures("somewhere", "x" * 10_000)[0].over == 0


@given(st.text(alphabet=st.characters(), max_size=50))
def test_any_text_can_be_counted(text: str) -> None:
    assert 0 <= graphemes(text) <= len(text) <= utf8_bytes(text)
