"""What a word is: forms, folding, spans in the text as it was given, and the words of the index."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listener.query.index import loose
from listener.query.words import (
    _INVISIBLE,
    MAX_FORM,
    fold,
    forms_of,
    handle_form,
    index_words,
    segment,
    tag_form,
    unaccented,
)

LETTERS = st.sampled_from(
    [
        *"abcABC émÉİıßſﬁłøÅ'’_-.@#0１٣ 障害ｶﾞガ々ーสวัดีक्षिمَر한글",
        *"\u0301\u0308\u200b\u200d\u00ad\ufe0f😀👩\u200d💻\n",
        "http://x.y/down",
    ]
)
TEXT = st.text() | st.lists(LETTERS, max_size=40).map("".join)


@pytest.mark.parametrize(
    ("word", "forms"),
    [
        ("Down", ("down",)),
        ("Café", ("café", "cafe")),
        ("brand's", ("brand's", "brand")),
        ("brand’s", ("brand's", "brand")),
        ("l’heure", ("l'heure", "heure")),
        ("don't", ("don't",)),
        ("STRASSE", ("strasse",)),
        ("Straße", ("strasse",)),
        ("ﬁn", ("fin",)),
        ("𝓕𝓻𝓮𝓮", ("free",)),
        ("ｆｕｌｌ", ("full",)),
        ("Łódź", ("łódź", "lodz")),
        ("İstanbul", ("i̇stanbul", "istanbul")),
        ("b\u200bi\u00adll", ("bill",)),
        ("Ελλάδα", ("ελλάδα", "ελλαδα")),
        ("مَرحبا", ("مَرحبا", "مرحبا")),
        ("\u200b", ()),
    ],
)
def test_what_a_word_answers_to(word: str, forms: tuple[str, ...]) -> None:
    assert forms_of(word) == forms


def test_voicing_marks_and_indic_vowels_are_no_accents() -> None:
    assert unaccented(fold("ガ")) == "ガ"
    assert unaccented(fold("क्षि")) == "क्षि"
    assert unaccented(fold("한글")) == "한글"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The app's DOWN, again!", ["the", "app's", "down", "again"]),
        ("e-mail user_name 1,000", ["e", "mail", "user", "name", "1", "000"]),
        ("see https://down.example/outage now", ["see", "now"]),
        ("@acme.bsky.social help", ["acme", "help"]),
        ("#BillingFail", ["billingfail"]),
        ("障害 iPhone修理", ["障", "害", "iphone", "修", "理"]),
        ("สวัสดี", ["ส", "วั", "ส", "ดี"]),
        ("ｶﾞｲﾄﾞ", ["ガ", "イ", "ド"]),
        ("naïve naïve", ["naïve", "naïve"]),
        ("Z̸a̷l̵g̶o̴", ["z̸a̷l̵g̶o̴"]),
        ("😀 … — !", []),
        ("", []),
    ],
)
def test_a_text_in_words(text: str, words: list[str]) -> None:
    assert [forms[0] for forms in segment(text).forms] == words


def test_zalgo_answers_to_its_plain_form() -> None:
    assert "zalgo" in segment("Z̸a̷l̵g̶o̴").places


def test_signs_are_told_from_words() -> None:
    words = segment("down @acme.bsky.social #Down")
    assert words.signs == {"@acme.bsky.social": ((5, 22),), "@acme": ((5, 22),), "#down": ((23, 28),)}
    assert handle_form("@Acme.bsky.social") == "@acme.bsky.social"
    assert tag_form("Down") == tag_form("#down") == "#down"


@given(TEXT)
def test_spans_are_in_order_and_hold_their_words(text: str) -> None:
    words = segment(text)
    before = 0
    for (start, end), forms in zip(words.spans, words.forms, strict=True):
        assert before <= start < end <= len(text)
        assert forms[0] == fold(text[start:end])[:MAX_FORM]
        assert all(0 < len(form) <= MAX_FORM for form in forms)
        before = end
    for form, places in words.places.items():
        assert all(form in words.forms[place] for place in places)


@given(TEXT)
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(TEXT)
def test_what_was_looked_up_folds_to_itself(text: str) -> None:
    for forms in segment(text).forms:
        assert forms_of(forms[0])[:1] == forms[:1]


@given(TEXT, st.lists(st.text(min_size=1, max_size=10), max_size=3))
def test_every_form_stands_in_the_loose_text(text: str, tags: list[str]) -> None:
    found = loose(text, tags)
    for form in segment(text).places:
        assert form in found
    for form in segment(text).signs:
        assert form[1:] in found
    for tag in tags:
        assert tag_form(tag)[1:] in found


@given(TEXT)
def test_index_words_fit_into_postgres(text: str) -> None:
    words = index_words(text)
    assert words == sorted(set(words))
    for word in words:
        assert word
        assert len(word.encode()) < 2046
        assert "\0" not in word
        assert "\x1f" not in word
    assert set(segment(text).places) <= set(words)


def test_invisible_characters_are_all_that_unicode_calls_format() -> None:
    missed = [hex(n) for n in range(0x110000) if unicodedata.category(chr(n)) == "Cf" and not _INVISIBLE.match(chr(n))]
    assert missed == []


def test_the_index_holds_pairs_where_there_are_no_spaces() -> None:
    assert index_words("障害発生") == sorted(["障", "害", "発", "生", "障害", "害発", "発生"])
    assert "#launch" in index_words("no tag here", tags=["Launch"])


def test_a_long_text_is_cut_and_long_words_too() -> None:
    assert index_words("x" * 500) == ["x" * MAX_FORM]
    assert len(segment("word " * 60_000).forms) == 20_000
