"""Hostile text cannot move a cursor, colour, hide, reorder, forge a link or break out of its line; honest text stays as it is."""

import unicodedata

import pytest
import regex
from hypothesis import example, given
from hypothesis import strategies as st

from listener.harmless import MAX_LINE, MAX_MARKS, harmless, harmless_spans, harmless_url

NASTY = st.sampled_from(
    [
        *map(chr, range(0x20)),
        *map(chr, range(0x7F, 0xA0)),
        *"\u00ad\u034f\u061c\u115f\u1160\u17b4\u180b\u180e\u200b\u200c\u200d\u200e\u200f\u2028\u2029\u2060\u3164\ufeff\uffa0\ufff9",
        *map(chr, range(0x202A, 0x202F)),
        *map(chr, range(0x2066, 0x2070)),
        *"\ud800\udfff\ufdd0\ufffe\uffff\U0001fffe\ufe0e\ufe0f\U000e0001\U000e0067\U000e007f\U000e0100",
        "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        *"a é\u0301\u0489क्\u0646🏴👩👨💻❤️🇩🇪漢",
        "\r\n",
        "\x1b[31m",
        "\x1b]8;;http://evil.example\x07",
    ]
)
TEXT = st.text() | st.lists(NASTY, max_size=40).map("".join)
MARKS = regex.compile(r"\p{M}{" + f"{MAX_MARKS + 1},}}")


@given(TEXT, st.booleans())
def test_nothing_dangerous_is_left_and_twice_is_once(text: str, lines: bool) -> None:
    shown = harmless(text, lines=lines)
    assert harmless(shown, lines=lines) == shown
    assert len(shown) <= len(text)
    allowed = "\n" if lines else ""
    for char in shown:
        assert char in allowed or unicodedata.category(char) not in {"Cc", "Cs", "Zl", "Zp"}
        assert char not in "\u200b\u200e\u200f\u061c\u2060\ufeff\u00ad"
        assert not 0x202A <= ord(char) <= 0x202E
        assert not 0x2066 <= ord(char) <= 0x206F
        assert ord(char) & 0xFFFE != 0xFFFE
    assert not MARKS.search(shown)
    shown.encode()
    assert len(shown.splitlines()) <= 1 or lines


@given(TEXT, st.data(), st.booleans())
def test_spans_move_with_their_characters(text: str, data: st.DataObject, lines: bool) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    shown, (low, high) = harmless_spans(text, (start, end), lines=lines)
    assert shown == harmless(text, lines=lines)
    assert 0 <= low <= high <= len(shown)
    assert shown[low:high] or not harmless(text[start:end], lines=lines).strip("�\u200d\ufe0f ") or high == low


def test_spans_find_the_same_word_behind_what_went() -> None:
    text = "\u202eevil \u200bthe app is down"
    at = text.index("down")
    shown, (low, high) = harmless_spans(text, (at, at + 4))
    assert shown[low:high] == "down"
    assert shown == "evil the app is down"


@pytest.mark.parametrize(
    "honest",
    [
        "Plain words, with [bold]markup[/bold] and <b>tags</b> left alone",
        "café, naïve, Straße, Ελλάδα, Привет",
        "מה שלומך", "می‌خواهم", "नमस्ते क्‍ष", "ക്‍", "สวัสดี", "你好，世界", "こんにちは　世界", "안녕하세요",
        "👩‍💻 👨‍👩‍👧‍👦 ❤️‍🔥 🏳️‍🌈 👍🏽 1️⃣ 🇩🇪 🏴󠁧󠁢󠁥󠁮󠁧󠁿 🧑🏽‍🚀 👁️‍🗨️",
        "Việt Nam viết đủ dấu: ệ",
        "שָׁלוֹם",
        "",
    ],
)  # fmt: skip
def test_honest_text_stays(honest: str) -> None:
    assert harmless(honest) == honest
    assert harmless(honest, lines=True) == honest


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[2J\x1b[31mred", "␛[2J␛[31mred"),
        ("\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x07", "␛]8;;http://evil.example␛\\click␛]8;;␇"),
        ("\x1b]52;c;ZXZpbA==\x9c", "␛]52;c;ZXZpbA==�"),
        ("\x9b31mred", "�31mred"),
        ("back\x08space\x7f", "back␈space␡"),
        ("moc.live//\u202egood", "moc.live//good"),
        ("a\u2066b\u2069c\u200ed\u200fe\u061cf\u206ag", "abcdefg"),
        ("zero\u200bwidth\ufeff\u2060", "zerowidth"),
        ("not\u200djoining\u200c", "notjoining"),
        ("one\ntwo\r\nthree\rfour\u2028five\u2029six\tseven\x85", "one two three four five six seven "),
        ("lone \ud83d surrogate", "lone � surrogate"),
        ("non\ufdd0char\uffff\U0002ffff", "non�char��"),
        ("tags\U000e0068\U000e0069", "tags"),
        ("🏴\U000e0067", "🏴"),
        ("Z" + "\u0300" * 500 + "algo", "Z" + "\u0300" * MAX_MARKS + "algo"),
        ("v\ufe0f\ufe0f\ufe0e", "v\ufe0f"),
        ("nul\0l", "nul␀l"),
    ],
)
def test_hostile_text_is_told_or_gone(hostile: str, shown: str) -> None:
    assert harmless(hostile) == shown


def test_an_emoji_cannot_be_joined_without_end() -> None:
    shown = harmless("👩\u200d" * 100 + "👩")
    longest = max(part.count("\u200d") for part in regex.findall(r"\X", shown))
    assert 3 < longest <= MAX_MARKS + 1
    assert shown.count("👩") == 101
    assert harmless(shown) == shown


def test_lines_stay_when_asked() -> None:
    assert harmless("one\r\ntwo\rthree\u2028four\tfive", lines=True) == "one\ntwo\nthree\nfour five"


def test_overlong_lines_are_cut_and_short_ones_beside_them_are_not() -> None:
    text = "short\n" + "x" * (MAX_LINE + 5) + "\nlast"
    shown = harmless(text, lines=True)
    assert shown == "short\n" + "x" * (MAX_LINE - 1) + "…\nlast"
    assert harmless(shown, lines=True) == shown
    at = text.index("last")
    assert harmless_spans(text, (at, at + 4), lines=True)[1] == (len(shown) - 4, len(shown))
    assert len(harmless("👩\u200d" * MAX_LINE)) <= MAX_LINE


@given(st.integers(MAX_LINE - 6, MAX_LINE + 6), TEXT, TEXT, st.booleans())
def test_cutting_in_the_middle_of_a_cluster_is_stable(width: int, middle: str, tail: str, lines: bool) -> None:
    text = "x" * width + middle + "\n" + tail
    once = harmless(text, lines=lines)
    assert harmless(once, lines=lines) == once
    assert all(len(line) <= MAX_LINE for line in once.split("\n"))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://example.com/a?b=c#d", "https://example.com/a?b=c#d"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/"),
        ("http://[::1]:80/x", "http://[::1]:80/x"),
        ("https://bücher.example/", "https://bücher.example/"),
        ("https://пример.example/", "https://пример.example/"),
        ("https://日本語テスト.example/", "https://日本語テスト.example/"),
        ("https://pаypal.example/", "https://xn--pypal-4ve.example/"),  # the first a is Cyrillic
        ("https://сосо.example/", "https://xn--n1aahb.example/"),  # all Cyrillic, reads as Latin
        ("https://example.com/путь", "https://example.com/путь"),
    ],
)
def test_addresses_that_may_be_shown(url: str, shown: str) -> None:
    assert harmless_url(url) == shown


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)", "file:///etc/passwd", "ftp://example.com", "//example.com", "example.com", "", "http://", "https:///x",
        "https://user@example.com", "https://good.example@evil.example/", "https://user:pw@example.com/", "https://exa mple.com/",
        "https://example.com/\x1b[31m", "https://example.com/\u202egnp.exe", "https://example.com\\@evil.example", "https://example.com:99999/",
        "https://example.com:port/", "https://exam\u200bple.com/", "https://ｅｘａｍｐｌｅ.com/", "https://[::1/", "https://e%78ample.com/",
        "https://example.com/" + "a" * 3000, "https://example.com/\ud800", "https://" + "ü" * 80 + "а.example/",
    ],
)  # fmt: skip
def test_addresses_that_may_not(url: str) -> None:
    assert harmless_url(url) is None


@given(TEXT)
@example("[")
def test_any_address_is_answered(text: str) -> None:
    for url in (text, "https://" + text, "https://example.com/" + text):
        shown = harmless_url(url)
        assert shown is None or (
            shown.isprintable() and shown.startswith(("http://", "https://")) and harmless_url(shown) == shown
        )
