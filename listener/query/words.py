"""What a word is. Owns segmentation and folding for texts and queries alike, and the words that the database's index holds.

A word is a run of letters, marks and digits; apostrophes join, underscores and hyphens part. Scripts that write no spaces are cut into
single characters, so that a query word in them is found as a substring. Addresses are no words; of a handle only its first label is.

Folding: compatibility forms, case, typographic apostrophes and invisible characters fold away. A word with an accent answers to itself
and to its plain form; so a plain query word finds both and an accented one only itself. "brand's" also answers to "brand", and
"l'heure" to "heure". Nothing here raises, and every span counts code points of the text as it was given.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import regex

MAX_FORM = 64
"""Code points that tell words apart; the index and the matcher cut at the same place."""

MAX_TEXT = 100_000
"""Code points of a text that are looked at: the longest message of any network, and a limit for what pretends to be one."""

REMEMBERED = 1000
"""Code points of the longest text that is worth remembering for a moment."""

_UNSPACED = (
    r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\u30fc\u3005\uff70"  # the last three: ー 々 ｰ
)
_SCAN = regex.compile(
    rf"(?P<url>https?://\S+)"
    rf"|(?P<handle>(?<![\p{{L}}\p{{N}}])[@＠][\p{{L}}\p{{N}}](?:[\p{{L}}\p{{M}}\p{{N}}_.\-]*[\p{{L}}\p{{M}}\p{{N}}_])?(?:@[\w.\-]*\w)?)"
    rf"|(?P<tag>[#＃](?=[\p{{L}}\p{{N}}_]))"
    rf"|(?P<unspaced>[{_UNSPACED}][\p{{M}}\p{{Cf}}\uff9e\uff9f]*)"
    rf"|(?P<word>[[\p{{L}}\p{{N}}]--[{_UNSPACED}]]"
    rf"(?:[[\p{{L}}\p{{M}}\p{{N}}]--[{_UNSPACED}]]|['’ʼ＇ꞌ‘](?=[\p{{L}}\p{{N}}])|\p{{Cf}}+(?=[\p{{L}}\p{{M}}\p{{N}}'’]))*)",
    regex.VERSION1 | regex.IGNORECASE,
)
_TAG_BODY = regex.compile(r"[\p{L}\p{M}\p{N}_\p{Cf}]+")
# The quick way for texts in alphabets whose words are plain runs of letters: most of what is posted. No marks, no invisible characters,
# no scripts without spaces; punctuation, symbols and emoji are fine.
_SIMPLE = re.compile(
    "[\0-\u00ac\u00ae-\u02ff\u0370-\u0482\u048a-\u0557\u0400-\u052f\u2010-\u2027\u2030-\u205e\u20a0-\u20cf\u2100-\u2bff\ufe0f\U0001f000-\U0001faff]*"
)
_SIMPLE_SCAN = re.compile(
    r"(?P<url>https?://\S+)"
    r"|(?P<handle>(?<![^\W_])[@＠][^\W_](?:[\w.\-]*\w)?(?:@[\w.\-]*\w)?)"
    r"|(?P<tag>[#＃](?=\w))"
    r"|(?P<word>[^\W_]+(?:['’ʼ＇‘][^\W_]+)*)",
    re.IGNORECASE,
)
_SIMPLE_TAG_BODY = re.compile(r"\w+")
_INNER = regex.compile(
    rf"[{_UNSPACED}][\p{{M}}\p{{Cf}}]*|[[\p{{L}}\p{{N}}]--[{_UNSPACED}]][[\p{{L}}\p{{M}}\p{{N}}]--[{_UNSPACED}]]*",
    regex.VERSION1,
)
_IS_UNSPACED = regex.compile(rf"[{_UNSPACED}]", regex.VERSION1)
_APOSTROPHES = str.maketrans(dict.fromkeys("’ʼ＇ꞌ‘", "'"))
# Marks that are accents (Latin, Greek, Cyrillic, pointed Hebrew and Arabic); never vowels of Indic scripts or Japanese voicing.
_ACCENTS = re.compile(
    "[\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\u0640]"
)
# Format characters (category Cf) and variation selectors: they show nothing and part nothing.
_INVISIBLE = re.compile(
    "[\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    "\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_STROKES = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ħ": "h", "ı": "i", "ŧ": "t", "æ": "ae", "œ": "oe", "ð": "d", "ŀ": "l"}
)
_ELISIONS = frozenset(
    ["l", "d", "j", "m", "t", "s", "n", "c", "qu", "un", "dell", "all", "nell", "sull", "dall", "quest"]
)


@dataclass(frozen=True, slots=True)
class Words:
    """A text cut into words. `places` finds the positions of every form; positions count words, spans count code points."""

    spans: tuple[tuple[int, int], ...]
    forms: tuple[tuple[str, ...], ...]
    places: dict[str, tuple[int, ...]]
    signs: dict[str, tuple[tuple[int, int], ...]]
    """Spans of hashtags and handles by their whole form, '#tag' and '@handle'."""


def fold(text: str) -> str:
    """One spelling for what looks or reads the same; accents stay."""
    if text.isascii():
        return text.lower()
    known = _INVISIBLE.sub("", text).translate(_APOSTROPHES)
    # Case folding can undo a normal form, and the normal form can bring back a case (dotted capital I, styled letters).
    known = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", known).casefold())
    again = known.casefold()
    return known if again == known else unicodedata.normalize("NFKC", again)


def unaccented(folded: str) -> str:
    """A folded word without its accents."""
    if folded.isascii():
        return folded
    bare = _ACCENTS.sub("", unicodedata.normalize("NFD", folded)).translate(_STROKES)
    return unicodedata.normalize("NFC", bare)


def forms_of(word: str) -> tuple[str, ...]:
    """What a word answers to: itself, folded, first; then its plain and its stripped forms. Empty when nothing is left of it."""
    exact = fold(word)[:MAX_FORM]
    if not exact:
        return ()
    if "'" not in exact and exact.isascii():
        return (exact,)
    known = {exact: None}
    if "'" in exact:
        head, _, tail = exact.rpartition("'")
        if tail == "s" and head:
            known[head] = None
        first, _, rest = exact.partition("'")
        if first in _ELISIONS and rest:
            known[rest] = None
    for form in list(known):
        if bare := unaccented(form)[:MAX_FORM]:
            known[bare] = None
    return tuple(known)


def segment(text: str) -> Words:
    """Cut a text into words. The last few short ones are remembered: a message is heard, judged and indexed in turn."""
    return _segment_again(text) if len(text) <= REMEMBERED else _segment(text[:MAX_TEXT])


@lru_cache(maxsize=1024)
def _segment_again(text: str) -> Words:
    return _segment(text)


def _segment(text: str) -> Words:
    spans: list[tuple[int, int]] = []
    forms: list[tuple[str, ...]] = []
    signs: dict[str, list[tuple[int, int]]] = {}
    simple = text.isascii() or _SIMPLE.fullmatch(text) is not None
    for found in (_SIMPLE_SCAN if simple else _SCAN).finditer(text):
        kind = found.lastgroup
        if kind == "word" or kind == "unspaced":
            if known := forms_of(found.group()):
                spans.append(found.span())
                forms.append(known)
        elif kind == "handle":
            start, end = found.span()
            for form in _handle_forms(found.group()):
                signs.setdefault(form, []).append((start, end))
            for inner in _INNER.finditer(text, start + 1, start + 1 + len(_first_label(found.group()))):
                if known := forms_of(inner.group()):
                    spans.append(inner.span())
                    forms.append(known)
        elif kind == "tag":
            start = found.start()
            body = (_SIMPLE_TAG_BODY if simple else _TAG_BODY).match(text, found.end())
            if body:
                for form in _tag_forms(body.group()):
                    signs.setdefault(form, []).append((start, body.end()))
    places: dict[str, list[int]] = {}
    for place, known in enumerate(forms):
        for form in known:
            places.setdefault(form, []).append(place)
    return Words(
        tuple(spans),
        tuple(forms),
        {form: tuple(found) for form, found in places.items()},
        {form: tuple(found) for form, found in signs.items()},
    )


def index_words(text: str, tags: Iterable[str] = ()) -> list[str]:
    """The words under which a text is found in the database: every form, every hashtag and handle, pairs of unspaced characters.

    Sorted, without repeats, none empty and none longer than Postgres takes: ready for `array_to_tsvector`. `tags` are hashtags that the
    message carries outside its text.
    """
    words = segment(text)
    found = set(words.places) | set(words.signs)
    found.update(form for tag in tags for form in _tag_forms(tag))
    before: tuple[str, ...] = ()
    for known in words.forms:
        if before and unspaced(known[0]) and unspaced(before[0]):
            found.update(pair(left, right) for left in before for right in known)
        before = known
    return sorted(found)


def pair(left: str, right: str) -> str:
    """The index word for two unspaced characters in a row."""
    return f"{left}{right}"


def unspaced(form: str) -> bool:
    """Whether a form is a character of a script without spaces."""
    return bool(_IS_UNSPACED.match(form))


def tag_form(tag: str) -> str:
    """What a hashtag is looked up by."""
    return _tag_forms(tag)[0]


def handle_form(handle: str) -> str:
    """What a handle is looked up by."""
    return "@" + fold(handle.lstrip("@＠"))[:MAX_FORM]


def _tag_forms(tag: str) -> tuple[str, ...]:
    exact = "#" + fold(tag.lstrip("#＃"))[:MAX_FORM]
    bare = unaccented(exact)[: MAX_FORM + 1]
    return (exact,) if exact == bare else (exact, bare)


def _handle_forms(handle: str) -> tuple[str, ...]:
    """The whole handle, and its first label: people write @brand for @brand.example."""
    whole, first = handle_form(handle), handle_form(_first_label(handle))
    return (whole,) if whole == first else (whole, first)


def _first_label(handle: str) -> str:
    return re.split(r"[.@]", handle.lstrip("@＠"), maxsplit=1)[0]
