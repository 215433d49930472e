"""Hostile text made harmless: the one place that neutralises what came from outside before it is drawn, logged or sent.

Owns what a character may do to a terminal, a log line or a reader, and (`storable`) what a database cannot hold.
Refuses markup: `[bold]` or `<b>` stays as it is, because our
screens draw plain `Text` objects and never parse markup from a network. Refuses judging and rewriting of words.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Sequence
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import regex

MAX_MARKS = 8
"""Combining marks kept on one letter, and joiners in one emoji. Real scripts need up to five (Tibetan, pointed Hebrew, Vietnamese decomposed)."""

MAX_LINE = 10_000
"""Code points kept of one line; a longer one ends in an ellipsis."""

MAX_URL = 2048

REPLACEMENT = "�"

_LINE_ENDS = "\n\r\x85\u2028\u2029"
_LINE_END = regex.compile(f"\r\n|[{_LINE_ENDS}]")
# What str.isprintable() lets through although it hides or stacks: invisible marks and letters, and towers of marks.
_HIDDEN = regex.compile(
    r"[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef]|\p{M}{"
    + f"{MAX_MARKS + 1},}}"
)
_FLAG = regex.compile("\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f")
_PICTURE = regex.compile(r"\p{Extended_Pictographic}|[\U0001f3fb-\U0001f3ff\ufe0f]")
# Letters and marks whose shapes depend on joiners: cursive scripts and those with conjuncts.
_JOINING = regex.compile(
    r"[\p{Arabic}\p{Syriac}\p{Nko}\p{Mandaic}\p{Mongolian}\p{Phags_Pa}\p{Adlam}\p{Devanagari}\p{Bengali}\p{Gurmukhi}\p{Gujarati}"
    r"\p{Oriya}\p{Tamil}\p{Telugu}\p{Kannada}\p{Malayalam}\p{Sinhala}\p{Khmer}\p{Myanmar}\p{Tibetan}\p{Thai}\p{Lao}]"
)
_JOINERS = "\u200c\u200d"
_SELECTORS = frozenset(
    [*map(chr, range(0xFE00, 0xFE10)), *map(chr, range(0xE0100, 0xE01F0)), *"\u180b\u180c\u180d\u180f"]
)
_DROPPED = frozenset("\u034f\u17b4\u17b5")
_BLANK = frozenset("\u115f\u1160\u3164\uffa0")  # Hangul fillers: letters that show nothing
# Format characters that are seen: signs written before Arabic, Syriac and Kaithi numbers, and hieroglyph layout.
_SEEN_FORMATS = frozenset(
    [*map(chr, range(0x600, 0x606)), *"\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"]
) | frozenset(map(chr, range(0x13430, 0x13440)))


def harmless(text: str, *, lines: bool = False) -> str:
    """The text with nothing in it that could move a cursor, colour, hide, reorder, forge a link or break out of its line.

    Control characters become visible (ESC is shown as ␛), invisible and reordering ones go, broken ones become �. Newlines and tabs
    become spaces; with `lines`, newlines stay and every other line end becomes one. Emoji, accents and every script stay as they are.
    Never raises, never makes longer, and doing it twice changes nothing.
    """
    if _plain(text):
        return text
    return "".join(_clean(text, lines)[0])


def harmless_spans(text: str, spans: Sequence[int], *, lines: bool = False) -> tuple[str, tuple[int, ...]]:
    """`harmless` of the text, and the spans (start, end in turn, code points of the original) moved to where they now are."""
    if _plain(text):
        return text, tuple(spans)
    shown, origins = _clean(text, lines)
    return "".join(shown), tuple(bisect_left(origins, offset) for offset in spans)


def _plain(text: str) -> bool:
    """The quick answer for nearly every text: nothing to do."""
    return len(text) <= MAX_LINE and text.isprintable() and (text.isascii() or _HIDDEN.search(text) is None)


def _line(text: str, start: int, lines: bool) -> tuple[int, int]:
    """Where the line that starts here ends, and where it is cut (at its end when it is short enough)."""
    end = len(text)
    if lines and (found := _LINE_END.search(text, start)):
        end = found.start()
    return end, end if end - start <= MAX_LINE else start + MAX_LINE - 1


def _clean(text: str, lines: bool) -> tuple[list[str], list[int]]:
    """The characters to show and where each came from."""
    shown: list[str] = []
    origins: list[int] = []
    marks = joins = at = 0
    end, cut = _line(text, 0, lines)
    while at < len(text):
        if at == cut < end:
            shown.append("…")
            origins.append(at)
            at, marks = end, 0
            continue
        char = text[at]
        if char == "\U0001f3f4" and (flag := _FLAG.match(text, at, cut)):
            shown.extend(flag.group())
            origins.extend(range(at, flag.end()))
            at, marks = flag.end(), 0
            continue
        stacks = char in _JOINERS or char in _SELECTORS or unicodedata.category(char)[0] == "M"
        if stacks:
            marks += 1
            after = text[at + 1] if at + 1 < cut else ""
            new = char if max(marks, joins) <= MAX_MARKS and _may_stack(char, shown[-1] if shown else "", after) else ""
            joins += new == "\u200d"
        else:
            new = _alone(char, lines)
            if new:
                marks, joins = 0, joins if shown and shown[-1] == "\u200d" else 0
        if new:
            shown.append(new)
            origins.append(at)
        at += 2 if char == "\r" and text[at + 1 : at + 2] == "\n" else 1
        if at > end:
            end, cut = _line(text, at, lines)
    return shown, origins


def _may_stack(char: str, before: str, after: str) -> bool:
    """Whether a joiner, a variation selector or a mark does its work here."""
    if char in _JOINERS:
        if not before or before in _JOINERS:
            return False
        if _JOINING.match(before):
            return True
        return char == "\u200d" and bool(_PICTURE.match(before)) and after != "\ufe0f" and bool(_PICTURE.match(after))
    if char in _SELECTORS:
        return before not in _SELECTORS and before not in _JOINERS and before not in "\n "
    return char not in _DROPPED


def _alone(char: str, lines: bool) -> str:
    """What stands for a character that is neither mark nor joiner; "" drops it."""
    if char in _LINE_ENDS:
        return "\n" if lines else " "
    if char == "\t" or char in _BLANK:
        return " "
    category = unicodedata.category(char)
    if category == "Cc":
        point = ord(char)
        if point < 0x20:
            return chr(0x2400 + point)
        return "␡" if point == 0x7F else REPLACEMENT
    if category == "Cs" or (category == "Cn" and (ord(char) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(char) <= 0xFDEF)):
        return REPLACEMENT
    if (category == "Cf" and char not in _SEEN_FORMATS) or 0xE0000 <= ord(char) <= 0xE0FFF:
        return ""
    return char


# Addresses -----------------------------------------------------------------------------------------------------------

_SCRIPTS = (
    "Latin", "Cyrillic", "Greek", "Armenian", "Georgian", "Hebrew", "Arabic", "Ethiopic", "Devanagari", "Bengali", "Gurmukhi",
    "Gujarati", "Oriya", "Tamil", "Telugu", "Kannada", "Malayalam", "Sinhala", "Thai", "Lao", "Tibetan", "Myanmar", "Khmer",
)  # fmt: skip
_TOGETHER = (("Han", "Hiragana", "Katakana"), ("Han", "Hangul"))
"""As Japanese and Korean are written."""


@cache
def _scripts() -> tuple[Any, ...]:
    """What is in one script. Compiled for the first host name that is not ASCII: no program's start waits for it."""
    written = (*((one,) for one in _SCRIPTS), *_TOGETHER)
    classes = ("".join(rf"\p{{{name}}}" for name in names) for names in written)
    return tuple(regex.compile(rf"[{some}\p{{Common}}\p{{Inherited}}]*") for some in classes)


# Letters that look like Latin ones: a label made of nothing else is shown in its wire form.
_LOOKALIKES = frozenset("асԁеһіјӏорԛѕԝхуɡ" + "αικνορτυχω" + "աոսօհցյ")
_PORT = regex.compile(r":[0-9]{1,5}\Z")
_HOST = regex.compile(r"[\p{L}\p{M}\p{N}_.-]+|\[[0-9A-Fa-f:.]+\]")


def harmless_url(url: str) -> str | None:
    """The address as it may be shown and opened, or None when it may not.

    Only http and https, no user name in it, nothing invisible, no spaces. A host name that mixes scripts, or could be read as
    another one, is shown in its wire form (xn--…).
    """
    if (
        len(url) > MAX_URL
        or not url.isprintable()
        or any(char in ' \\<>"`{}|^' for char in url)
        or harmless(url) != url
    ):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not parts.netloc or "@" in parts.netloc:
        return None
    port = found.group() if (found := _PORT.search(parts.netloc)) else ""
    host = parts.netloc.removesuffix(port)
    shown = _shown_host(host)
    if shown is None or int(port[1:] or 0) > 65535:
        return None
    return parts._replace(netloc=shown + port).geturl()


def _shown_host(host: str) -> str | None:
    if not _HOST.fullmatch(host) or unicodedata.normalize("NFKC", host) != host:
        return None
    if host.isascii():
        return host
    labels = host.split(".")
    try:
        return ".".join(label if _readable(label) else label.encode("idna").decode("ascii") for label in labels)
    except UnicodeError:
        return None


def _readable(label: str) -> bool:
    """Whether a label is in one script and cannot be mistaken for a Latin one."""
    if label.isascii():
        return True
    letters = {char for char in label.casefold() if char.isalpha()}
    return any(one.fullmatch(label) for one in _scripts()) and not letters <= _LOOKALIKES


_SURROGATE = re.compile("[\ud800-\udfff]")


def storable(text: str) -> str:
    """The text as a database can hold it: NUL is shown as ␀, surrogate pairs are joined, lone ones become �. Never raises."""
    if "\x00" in text:
        text = text.replace("\x00", "␀")
    if text.isascii() or not _SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
