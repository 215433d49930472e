"""What a word is: forms, folding, spans in the text as it was given, and the words of the index."""

import re
import unicodedata

import pytest
import regex
from hypothesis import assume, example, given
from hypothesis import strategies as st

from listener.query import emoji
from listener.query import words as room
from listener.query.words import (
    _INVISIBLE,
    MAX_FORM,
    addresses,
    fold,
    forms_of,
    handle_form,
    index_form,
    index_words,
    segment,
    spelled,
    tag_form,
    unaccented,
)

LETTERS = st.sampled_from(
    [
        *"abcABC émÉİıßſﬁłøÅ'’_-.@#0１٣ 障害ｶﾞガ々ーสวัดีक्षिمَر한글",
        *"\u0301\u0308\u200b\u200d\u00ad\ufe0f😀👩\u200d💻\n",
        *("http://x.y/down", '"', "<", ">"),
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
        ("L’Brand’s", ("l'brand's", "l'brand", "brand's", "brand")),
        ("j’t’aime", ("j't'aime", "t'aime", "aime")),
        ("ĺ'brand", ("ĺ'brand", "l'brand", "brand")),
        ("a'a'a'a'a's", ("a'a'a'a'a's",)),
        ("ŉ", ("'n",)),
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
        ("👍🏽", ("👍🏽", "👍")),
        ("❤️", ("❤",)),
        ("👩‍💻", ("👩‍💻",)),
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
        ('<a href="https://down.example/outage">app</a> down', ["a", "href", "app", "a", "down"]),
        ("<HTTPS://down.example/><app> “http://down.example/”", ["app"]),
        ("@acme.bsky.social help", ["acme", "help"]),
        ("#BillingFail", ["billingfail"]),
        ("障害 iPhone修理", ["障", "害", "iphone", "修", "理"]),
        ("สวัสดี", ["ส", "วั", "ส", "ดี"]),
        ("ｶﾞｲﾄﾞ", ["ガ", "イ", "ド"]),
        ("naïve naïve", ["naïve", "naïve"]),
        ("Z̸a̷l̵g̶o̴", ["z̸a̷l̵g̶o̴"]),
        ("😀 … — !", ["😀"]),
        ("down 😡😡 😡 again", ["down", "😡", "again"]),
        ("❤️‍🔥 1️⃣ 🇩🇪🇫🇷 🏴\U000e0067\U000e0062\U000e007f", ["❤‍🔥", "1⃣", "🇩🇪", "🇫🇷", "🏴\U000e0067\U000e0062\U000e007f"]),
        ("Larkspur™ © 2026 ✓", ["larkspur", "2026"]),
        ("mail joe@shop.example", ["mail", "joe", "shop", "example"]),
        ("$TSLA, $4,000", ["tsla", "4", "000"]),
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
        if not emoji.is_emoji(text[start:end]):
            assert forms[0] == fold(text[start:end])
        assert all(forms)
        before = end
    for form, places in words.places.items():
        assert all(form in words.forms[place] for place in places)


@given(TEXT)
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


def test_folding_twice_is_folding_once_for_every_character() -> None:
    assert [hex(code) for code in range(0x110000) if fold(once := fold(chr(code))) != once] == []


@given(TEXT | st.lists(st.sampled_from([*"lsdŉĺ'’ꞋaÉ", "l'", "'s", "qu’", "👍🏽"]), max_size=12).map("".join))
def test_a_word_answers_to_whatever_its_forms_answer_to(word: str) -> None:
    assume(re.fullmatch(emoji.SEQUENCE, word) or not re.search(emoji.SEQUENCE, word))  # no word is an emoji in part
    forms = forms_of(word)
    assert {further for form in forms for further in forms_of(form)} == set(forms)


@given(TEXT | st.lists(st.sampled_from([*"lsdŉĺ'’ꞋaÉ", "L'", "'S", "qu’"]), max_size=12).map("".join))
def test_a_word_answers_to_all_that_it_is_spelled_as(text: str) -> None:
    words = segment(text)
    for forms, spellings in zip(words.forms, words.spelled, strict=True):
        assert {form for spelling in spellings for form in forms_of(spelling)} <= set(forms)


def test_a_word_of_many_apostrophes_has_few_forms() -> None:
    assert forms_of("l'" * 40_000 + "brand's") == ("l'" * 40_000 + "brand's",)


@given(TEXT)
def test_what_was_looked_up_folds_to_itself(text: str) -> None:
    for forms in segment(text).forms:
        assert forms_of(forms[0])[:1] == forms[:1]


@given(TEXT)
def test_index_words_fit_into_postgres(text: str) -> None:
    words = index_words(text)
    assert words == sorted(set(words))
    for word in words:
        assert word
        assert len(word.encode()) < 2046
        assert "\0" not in word
        assert "\x1f" not in word
    assert {index_form(form) for form in segment(text).places} <= set(words)


def test_invisible_characters_are_all_that_unicode_calls_format() -> None:
    missed = [hex(n) for n in range(0x110000) if unicodedata.category(chr(n)) == "Cf" and not _INVISIBLE.match(chr(n))]
    assert missed == []


def test_the_index_holds_pairs_where_there_are_no_spaces() -> None:
    assert index_words("障害発生") == sorted(["障", "害", "発", "生", "障害", "害発", "発生"])
    assert "#launch" in index_words("no tag here", tags=["Launch"])


def test_a_long_text_is_cut_and_long_words_too() -> None:
    assert index_words("x" * 500) == ["x" * MAX_FORM]
    assert len(segment("word " * 60_000).forms) == 20_000


@given(
    TEXT
    | st.lists(
        st.sampled_from(
            [
                "http://",
                "HTTPS://",
                '"',
                "<",
                ">",
                "a",
                "B",
                "_",
                "'",
                "''",
                "@",
                "#",
                "$",
                ".",
                "-",
                " ",
                "\n",
                "x1",
                "9",
            ]
        ),
        max_size=14,
    ).map("".join)
)
@example("'So' they didn't, o'neill's x1_9")
def test_the_quick_way_through_a_text_finds_what_the_scan_finds(text: str) -> None:
    quick, slow = room.Words(text), room._scan(text)
    assert (quick.keys, quick.others, quick.spans, quick.signs) == (slow.keys, slow.others, slow.spans, slow.signs)
    again = room.segment(text)
    assert again.vocabulary == set(again.places) == {form for forms in again.forms for form in forms}


@given(TEXT)
def test_both_libraries_scan_alike(text: str) -> None:
    """What the quicker library is trusted with, the slower one reads the same way."""
    if room._SIMPLE.fullmatch(text):
        found = [(one.lastgroup, one.span()) for one in room._SIMPLE_SCAN.finditer(text)]
        assert found == [(one.lastgroup, one.span()) for one in room._SCAN.finditer(text)]


def test_cashtags_are_told_from_sums() -> None:
    assert segment("$TSLA ＄brk.b US$ $100 $$x a$b $toolongforone").signs == {"$tsla": ((0, 5),), "$brk.b": ((6, 12),)}


def test_exact_spellings_keep_case_and_accents() -> None:
    assert segment("BT’s l'Équipe Straße b\u200bt").spelled == (
        ("BT's", "BT"),
        ("l'Équipe", "Équipe"),
        ("Straße",),
        ("bt",),
    )
    assert spelled("cafe\u0301") == "café"


def test_addresses_in_a_text() -> None:
    assert addresses("see (https://a.example/x?y=1), http://b.example. Not ftp://c.example") == [
        "https://a.example/x?y=1",
        "http://b.example",
    ]
    assert addresses('<a href="https://a.example/x">b</a> <http://b.example>, "https://c.example/", https://"no') == [
        "https://a.example/x",
        "http://b.example",
        "https://c.example/",
    ]


def test_the_table_of_emoji_is_unicodes() -> None:
    """Every pictograph is one but those that are text by default; besides them only pictures of the blocks that hold nothing else."""
    known = regex.compile(f"[{emoji.PICTURES}{emoji.TONES}]")
    pictograph, letter = regex.compile(r"\p{ExtPict}"), regex.compile(r"[\p{L}\p{P}©®™Ⓜ㊗㊙]")
    for code in range(0x80, 0x20000):
        if not 0xD800 <= code < 0xE000:
            char = chr(code)
            if pictograph.match(char) and not letter.match(char):
                assert known.match(char), hex(code)
            elif known.match(char):
                assert 0x1F300 <= code <= 0x1FAFF
                assert unicodedata.category(char) in {"So", "Sk", "Cn"}, hex(code)
