"""What a word is. Owns segmentation and folding for texts and queries alike, and the words that the database's index holds.

A word is a run of letters, marks and digits; apostrophes join, underscores and hyphens part. Scripts that write no spaces are cut into
single characters, so that a query word in them is found as a substring. An emoji is a word; the same one again right behind it is the
same word. Addresses are no words; of a handle only its first label is.

Folding: compatibility forms, case, typographic apostrophes and invisible characters fold away. A word with an accent answers to itself
and to its plain form; so a plain query word finds both and an accented one only itself. "brand's" also answers to "brand", "l'heure" to
"heure", and an emoji with a skin tone to the one without. Nothing here raises, and every span counts code points of the text as it was
given.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

import regex

from listener.query import emoji

MAX_FORM = 64
"""Code points of a word that the database's index keeps: what differs only behind them is told apart by the matcher."""

MAX_APOSTROPHES = 4
"""Apostrophes of a word that may be stripped; real ones have three at most (qu'j't'aime), and hostile ones would have a form for each."""

MAX_TEXT = 100_000
"""Code points of a text that are looked at: the longest message of any network, and a limit for what pretends to be one."""

REMEMBERED = 1000
"""Code points of the longest text that is worth remembering for a moment."""

# Words ---------------------------------------------------------------------------------------------------------------

_QUOTES = "'’ʼ＇ꞌ‘"
_UNSPACED = (
    r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\u30fc\u3005\uff70"  # the last three: ー 々 ｰ
)
_ADDRESSED = r'[^\s"<>]'  # what may stand in an address: markup and quotes around it do not (RFC 3986, appendix C)
# A letter or digit before it, or a sign that takes what follows, keeps an address from being one: the scan has taken its head already.
_URL = rf"(?<![\w@＠#＃$＄])(?<!\w[{_QUOTES}])https?://{_ADDRESSED}+"
_LETTERS = rf"(?![{_UNSPACED}])[\p{{L}}\p{{N}}]"
_RUNS = rf"(?![{_UNSPACED}])[\p{{L}}\p{{M}}\p{{N}}]"
_CASH = r"(?<![\w$＄])[$＄](?=[A-Za-z])"
_SCAN = regex.compile(
    rf"(?P<url>{_URL})"
    rf"|(?P<emoji>{emoji.SEQUENCE})"
    rf"|(?P<handle>(?<![\p{{L}}\p{{N}}])[@＠][\p{{L}}\p{{N}}](?:[\p{{L}}\p{{M}}\p{{N}}_.\-]*[\p{{L}}\p{{M}}\p{{N}}_])?(?:@[\w.\-]*\w)?)"
    rf"|(?P<tag>[#＃](?=[\p{{L}}\p{{N}}_]))"
    rf"|(?P<cash>{_CASH})"
    rf"|(?P<unspaced>[{_UNSPACED}][\p{{M}}\p{{Cf}}\uff9e\uff9f]*)"
    rf"|(?P<word>{_LETTERS}(?:(?:{_RUNS})|[{_QUOTES}](?=[\p{{L}}\p{{N}}])|\p{{Cf}}+(?=[\p{{L}}\p{{M}}\p{{N}}{_QUOTES}]))*)",
    regex.VERSION1 | regex.IGNORECASE,
)
_TAG_BODY = regex.compile(r"[\p{L}\p{M}\p{N}_\p{Cf}]+")
_CASH_BODY = re.compile(r"[A-Za-z]{1,10}(?:[._][A-Za-z]{1,2}(?!\w))?(?!\w)")
_INNER = regex.compile(rf"[{_UNSPACED}][\p{{M}}\p{{Cf}}]*|{_LETTERS}(?:{_RUNS})*", regex.VERSION1)
# The quick ways, for most of what is posted. In ASCII: translating and splitting. In alphabets whose words are plain runs of letters (no
# marks, no invisible characters, no scripts without spaces; emoji are fine): the quicker library, and for words without places one pattern.
_PLAIN = (
    f"[\0-\u00ac\u00ae-\u02ff\u0370-\u0482\u048a-\u0557\u0400-\u052f\u2010-\u2027\u2030-\u205e\u20a0-\u20cf\u2100-\u2193"
    f"{emoji.FLAGS}{emoji.TONES}{emoji.PICTURES}]*"
)
_SIMPLE = re.compile(rf"{_PLAIN}(?:(?:(?<=[{emoji.PICTURES}])\ufe0f|\u200d[{emoji.PICTURES}]){_PLAIN})*")
_SIMPLE_SCAN = re.compile(
    rf"(?P<url>{_URL})"
    rf"|(?P<emoji>{emoji.SEQUENCE})"
    r"|(?P<handle>(?<![^\W_])[@＠][^\W_](?:[\w.\-]*\w)?(?:@[\w.\-]*\w)?)"
    r"|(?P<tag>[#＃](?=\w))"
    rf"|(?P<cash>{_CASH})"
    rf"|(?P<word>[^\W_]+(?:[{_QUOTES}][^\W_]+)*)",
    re.IGNORECASE,
)
_ODD_RUN = re.compile("[^\0-\x7f]+")
_ODD_PART = re.compile(rf"(?P<emoji>{emoji.SEQUENCE})|(?P<letters>[^\W_]+)|(?P<quote>[{_QUOTES}])|.", re.DOTALL)
_SIMPLE_TAG_BODY = re.compile(r"\w+")
# ASCII letters in lower case, digits, the apostrophe and whatever is not ASCII as they are; anything else parts words.
_LINE = bytes(
    code if code > 127 or code == 39 else ord(chr(code).lower()) if chr(code).isalnum() else 32 for code in range(256)
)
# Each way begins with one plain character: so the library leaps from one to the next, which is most of the cost of looking.
_UNPLAIN = re.compile(
    "|".join(rf"{h}(?<![\w@＠#＃$＄]{h})(?<!\w[{_QUOTES}]{h})[tT][tT][pP][sS]?://{_ADDRESSED}+" for h in "hH")
    + r"|@(?<![^\W_]@)[^\W_](?:[\w.\-]*\w)?(?:@[\w.\-]*\w)?"
)

_MORE_THAN_WORDS = re.compile("[@#$]|://")
_ASCII_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*", re.ASCII)

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


class _Scanned(NamedTuple):
    """A text scanned from left to right."""

    spans: tuple[tuple[int, int], ...]
    keys: list[str]
    others: dict[int, tuple[str, ...]]
    signs: dict[str, tuple[tuple[int, int], ...]]


class Words:
    """A text cut into words; positions count words, spans count code points. Most views of it are made when they are first asked for."""

    __slots__ = (
        "__weakref__",
        "forms",
        "keys",
        "ordered",
        "others",
        "places",
        "signs",
        "spans",
        "spelled",
        "text",
        "vocabulary",
    )

    text: str
    keys: list[str]
    """For each word the form that it answers to first: itself, folded."""
    others: dict[int, tuple[str, ...]]
    """Further forms of the few words that have any, by position."""
    vocabulary: set[str]
    """Every form of every word."""
    places: dict[str, tuple[int, ...]]
    """The positions of every form, ascending."""
    forms: tuple[tuple[str, ...], ...]
    """For each word all its forms, the first one first."""
    ordered: list[str]
    """The vocabulary, sorted: what a stem is looked up in."""
    spans: tuple[tuple[int, int], ...]
    signs: dict[str, tuple[tuple[int, int], ...]]
    """Spans of hashtags, handles and cashtags by their whole form: '#tag', '@handle', '$cash'."""
    spelled: tuple[tuple[str, ...], ...]
    """For each word its exact spellings: itself, and without what it is stripped of."""

    def __init__(self, text: str) -> None:
        self.text = text
        plain = _quick_words(text)
        if plain is None:
            _make_scan(self)
        else:
            self.keys, self.others = plain
        if self.others:
            self.vocabulary = {*self.keys, *(form for forms in self.others.values() for form in forms)}
        else:
            self.vocabulary = set(self.keys)

    def __getattr__(self, name: str) -> Any:
        # Only asked while a view is not there yet: afterwards its slot answers.
        try:
            make = _VIEWS[name]
        except KeyError:
            raise AttributeError(name) from None
        make(self)
        return getattr(self, name)

    def begins(self, stem: str) -> bool:
        """Whether a word begins so."""
        place = bisect_left(self.ordered, stem)
        return place < len(self.ordered) and self.ordered[place].startswith(stem)

    def answers(self, place: int, form: str) -> bool:
        """Whether the word at a position answers to a form."""
        return self.keys[place] == form or form in self.others.get(place, ())


def _make_scan(known: Words) -> None:
    known.spans, known.keys, known.others, known.signs = _scan(known.text)


def _make_spans(known: Words) -> None:
    """Spans and signs of a text whose keys are known: of ASCII without signs and addresses, its words are all that there is to find."""
    if known.text.isascii() and _MORE_THAN_WORDS.search(known.text) is None:
        known.spans, known.signs = tuple([found.span() for found in _ASCII_WORD.finditer(known.text)]), {}
    else:
        _make_scan(known)


def _make_places(known: Words) -> None:
    places: dict[str, list[int]] = {}
    for place, key in enumerate(known.keys):
        if key in places:
            places[key].append(place)
        else:
            places[key] = [place]
        if place in known.others:
            for form in known.others[place]:
                places.setdefault(form, []).append(place)
    known.places = {form: tuple(found) for form, found in places.items()}


def _make_forms(known: Words) -> None:
    others = known.others
    known.forms = tuple((key, *others.get(place, ())) for place, key in enumerate(known.keys))


def _make_ordered(known: Words) -> None:
    known.ordered = sorted(known.vocabulary)


def _make_spelled(known: Words) -> None:
    known.spelled = tuple(
        (key,) if emoji.is_emoji(key) else _spellings(known.text[start:end])
        for (start, end), key in zip(known.spans, known.keys, strict=True)
    )


_VIEWS = {
    "places": _make_places,
    "forms": _make_forms,
    "ordered": _make_ordered,
    "spans": _make_spans,
    "signs": _make_spans,
    "spelled": _make_spelled,
}


def fold(text: str) -> str:
    """One spelling for what looks or reads the same; accents stay."""
    if text.isascii():
        return text.lower()
    known = _INVISIBLE.sub("", text)
    # Case folding can undo a normal form, and the normal form can bring back a case (dotted capital I, styled letters).
    known = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", known).casefold())
    if (again := known.casefold()) != known:
        known = unicodedata.normalize("NFKC", again)
    return known.translate(_APOSTROPHES)  # last: either can bring one to light (ŉ, the capital saltillo)


def unaccented(folded: str) -> str:
    """A folded word without its accents."""
    if folded.isascii():
        return folded
    bare = _ACCENTS.sub("", unicodedata.normalize("NFD", folded)).translate(_STROKES)
    return unicodedata.normalize("NFC", bare)


def forms_of(word: str) -> tuple[str, ...]:
    """What a word answers to: itself, folded, first; then its plain and its stripped forms. Empty when nothing is left of it.

    Closed: whatever a form answers to, the word answers to as well.
    """
    return _forms_again(word) if len(word) <= 32 else _forms_of(word)


def _forms_of(word: str) -> tuple[str, ...]:
    if emoji.is_emoji(word):
        exact = emoji.plain(word)
        toneless = emoji.toneless(exact)
        return (exact,) if toneless == exact else (exact, toneless)
    exact = fold(word)
    if not exact:
        return ()
    if "'" not in exact and exact.isascii():
        return (exact,)
    known = _stripped(exact)
    if not exact.isascii():
        # What has no accent any more may be an article.
        known += [form for one in known if (bare := unaccented(one)) for form in _stripped(bare)]
    return tuple(dict.fromkeys(known))


_forms_again = lru_cache(maxsize=1 << 16)(_forms_of)


def _stripped(word: str) -> list[str]:
    """A word; without its possessive 's, and without an elided article, as far as it has any; and so on with what is left."""
    found = [word]
    if not 0 < word.count("'") <= MAX_APOSTROPHES:
        return found
    for form in found:  # grows on the way
        head, _, tail = form.rpartition("'")
        if tail in {"s", "S"} and head and head not in found:
            found.append(head)
        first, _, rest = form.partition("'")
        if first.lower() in _ELISIONS and rest and rest not in found:
            found.append(rest)
    return found


def spelled(word: str) -> str:
    """The exact spelling of a word: case and accents as they are; invisible characters and kinds of apostrophes do not count."""
    if emoji.is_emoji(word):
        return emoji.plain(word)
    return unicodedata.normalize("NFC", _INVISIBLE.sub("", word).translate(_APOSTROPHES))


def _spellings(word: str) -> tuple[str, ...]:
    exact = spelled(word)
    if "'" not in exact or fold(exact).count("'") > MAX_APOSTROPHES:  # as `forms_of` counts them: ŉ holds one
        return (exact,)
    return tuple(_stripped(exact))


def segment(text: str) -> Words:
    """Cut a text into words. The last few short ones are remembered: a message is heard, judged and indexed in turn."""
    return _segment_again(text) if len(text) <= REMEMBERED else Words(text[:MAX_TEXT])


_segment_again = lru_cache(maxsize=1024)(Words)


def _quick_words(text: str) -> tuple[list[str], dict[int, tuple[str, ...]]] | None:
    """Keys and other forms of a text, as `_scan` finds them, without their places; None where only the scan can tell."""
    given = text
    if not text.isascii():
        text = _ODD_RUN.sub(_plain_run, given)
        if _UNKNOWN in text:
            return None
    if "@" in given or "://" in given:
        text = _ODD_RUN.sub(_plain_run, _UNPLAIN.sub(_first_only, given))
    line = text.encode().translate(_LINE).decode()
    if "'" not in line and line.isascii():
        return line.split(), {}
    return _with_forms(line.split()) if "''" not in line else None


_UNKNOWN = "\ue000"


def _plain_run(found: re.Match[str]) -> str:
    """What a run of characters that are no ASCII leaves in a text: letters, apostrophes, and emoji, each by itself."""
    run = found.group()
    return _plain_again(run) if len(run) <= 32 else _plain_anew(run)


def _plain_anew(run: str) -> str:
    if _SIMPLE.fullmatch(run) is None:
        return _UNKNOWN
    return _ODD_PART.sub(_plain_part, run)


_plain_again = lru_cache(maxsize=1 << 14)(_plain_anew)


def _plain_part(found: re.Match[str]) -> str:
    kind = found.lastgroup
    if kind == "letters":
        return found.group()
    return "'" if kind == "quote" else f" {found.group()} " if kind == "emoji" else " "


def _with_forms(found: Iterable[str]) -> tuple[list[str], dict[int, tuple[str, ...]]]:
    keys: list[str] = []
    others: dict[int, tuple[str, ...]] = {}
    for word in found:
        if word.isalnum() and word.isascii():
            keys.append(word)
        elif bare := word.strip("'"):
            key, *more = forms_of(bare)
            if keys and keys[-1] == key and emoji.is_emoji(key):
                continue
            if more:
                others[len(keys)] = tuple(more)
            keys.append(key)
    return keys, others


def _first_only(found: re.Match[str]) -> str:
    """What an address or a handle leaves in a text: nothing, or its first label."""
    taken = found.group()
    return f" {_first_label(taken)} " if taken[0] == "@" else " "


def _scan(text: str) -> _Scanned:
    spans: list[tuple[int, int]] = []
    keys: list[str] = []
    others: dict[int, tuple[str, ...]] = {}
    signs: dict[str, list[tuple[int, int]]] = {}
    simple = text.isascii() or _SIMPLE.fullmatch(text) is not None

    def add(word: str, span: tuple[int, int]) -> None:
        if known := forms_of(word):
            if len(known) > 1:
                others[len(keys)] = known[1:]
            keys.append(known[0])
            spans.append(span)

    for found in (_SIMPLE_SCAN if simple else _SCAN).finditer(text):
        kind = found.lastgroup
        if kind == "word" or kind == "unspaced":
            add(found.group(), found.span())
        elif kind == "emoji":
            if keys and keys[-1] == emoji.plain(found.group()):
                spans[-1] = (spans[-1][0], found.end())
            else:
                add(found.group(), found.span())
        elif kind == "handle":
            start = found.start()
            for inner in _INNER.finditer(text, start + 1, start + 1 + len(_first_label(found.group()))):
                add(inner.group(), inner.span())
        if kind in {"handle", "tag", "cash"}:
            body, forms = _sign(text, found.span(), simple=simple)
            for form in forms:
                signs.setdefault(form, []).append((found.start(), body))
    return _Scanned(tuple(spans), keys, others, {form: tuple(places) for form, places in signs.items()})


def _sign(text: str, span: tuple[int, int], *, simple: bool) -> tuple[int, tuple[str, ...]]:
    """Where a handle, hashtag or cashtag that begins at a span ends, and what it answers to: nothing where it is none after all."""
    start, end = span
    if text[start] in "@＠":
        return end, _handle_forms(text[start:end])
    if text[start] in "$＄":
        found = _CASH_BODY.match(text, end)
        return (found.end(), (cash_form(found.group()),)) if found else (end, ())
    body = (_SIMPLE_TAG_BODY if simple else _TAG_BODY).match(text, end)
    return (body.end(), tag_forms(body.group())) if body else (end, ())


def addresses(text: str) -> list[str]:
    """The web addresses in a text, as they are written, without the punctuation behind them."""
    return [text[start:end] for start, end in address_spans(text)]


def address_spans(text: str) -> list[tuple[int, int]]:
    """Where the web addresses in a text stand."""
    if "://" not in text:
        return []
    found = ((one.start(), one.group()) for one in _ADDRESS.finditer(text[:MAX_TEXT]))
    return [(start, start + len(address.rstrip(".,;:!?)]}'’”»…"))) for start, address in found]


_ADDRESS = re.compile(_URL, re.IGNORECASE)


# The index of words --------------------------------------------------------------------------------------------------


def index_words(text: str, tags: Iterable[str] = ()) -> list[str]:
    """The words under which a text is found in the database: every form, every sign, pairs of unspaced characters.

    Sorted, without repeats, none empty and none longer than Postgres takes: ready for `array_to_tsvector`. `tags` are hashtags that the
    message carries outside its text.
    """
    words = segment(text)
    found = {index_form(form) for form in words.vocabulary}
    found.update(index_form(form) for form in words.signs)
    found.update(index_form(form) for tag in tags for form in tag_forms(tag))
    if not text.isascii():
        before: tuple[str, ...] = ()
        for known in words.forms:
            if before and unspaced(known[0]) and unspaced(before[0]):
                found.update(pair(left, right) for left in before for right in known)
            before = known
    return sorted(found)


def index_form(form: str) -> str:
    """A form or sign as the index keeps it; of a sign the sign itself does not count."""
    return form if len(form) <= MAX_FORM else form[: MAX_FORM + (form[0] in "#@$")]


def pair(left: str, right: str) -> str:
    """The index word for two unspaced characters in a row."""
    return f"{index_form(left)}{index_form(right)}"


def unspaced(form: str) -> bool:
    """Whether a form is a character of a script without spaces."""
    return not form.isascii() and bool(_IS_UNSPACED.match(form))


# Signs ---------------------------------------------------------------------------------------------------------------


def tag_form(tag: str) -> str:
    """What a hashtag is looked up by."""
    return tag_forms(tag)[0]


def tag_forms(tag: str) -> tuple[str, ...]:
    """What a hashtag answers to: itself first, then its plain form."""
    exact = "#" + fold(tag.lstrip("#＃"))
    bare = unaccented(exact)
    return (exact,) if exact == bare else (exact, bare)


def handle_form(handle: str) -> str:
    """What a handle is looked up by."""
    return "@" + fold(handle.lstrip("@＠"))


def cash_form(cash: str) -> str:
    """What a cashtag is looked up by."""
    return "$" + fold(cash.lstrip("$＄"))


def _handle_forms(handle: str) -> tuple[str, ...]:
    """The whole handle, and its first label: people write @brand for @brand.example."""
    whole, first = handle_form(handle), handle_form(_first_label(handle))
    return (whole,) if whole == first else (whole, first)


def _first_label(handle: str) -> str:
    return handle.lstrip("@＠").partition("@")[0].partition(".")[0]
