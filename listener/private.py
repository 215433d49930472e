"""What belongs to one person in a text: e-mail addresses, telephone and card numbers, booking codes. Owns what they look like and their masks.

Refuses to know names and handles, and to decide: who writes in public is asked, a rule file is refused, a draft of a rule is masked.
What is found looks like it; nothing here can know whose it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

MASKED_MAIL, MASKED_NUMBER = "someone@mail.example", "+00 000 000000"
CARD = range(13, 20)
"""Digits of a card's number."""
_LONGEST = 64
"""Digits of a run in which a card's number is looked for."""

# A run is read once: it may begin only where no character of an address stands before it.
_MAIL = re.compile(
    r"(?<![^\s@<>()\[\],;:\"])[^\s@<>()\[\],;:\"]+@[^\W_][\w-]*(?:\.[\w-]+)*\.[^\W\d_]{2,}",
)
_NUMBER = re.compile(r"(?<![\w.])\+?\(?\d(?:[\s().\-/\u00a0]{0,3}\d){6,}(?!\w)")
_ALONE = re.compile(r"(?:tel:)?[+(0][0-9 ()./-]{6,}", re.IGNORECASE)
_DAY = re.compile(r"\d{4}-\d\d?-\d\d?|\d\d?[./]\d\d?[./]\d{4}")
_LINK = re.compile(r"https?://\S+", re.IGNORECASE)
_CODE = re.compile(r"(?<![\w@#$/.\-])(?=[A-Z0-9]{0,5}[A-Z])(?=[A-Z0-9]{0,5}[0-9])[A-Z0-9]{6}(?![\w\-])")
_NAMED = re.compile(
    r"\b(?:booking|reservation|order|ticket|confirmation|pnr|buchung|bestell|auftrag|reserva|pedido|commande|réservation)\w*"
    r"[\s:#]{0,3}(?:no\.?|nr\.?|number|code|id|reference|nummer)?[\s:#]{0,3}"
    r"(?P<code>(?=[\w-]{0,19}\d)[a-z0-9][a-z0-9-]{4,19})(?![\w-])",
    re.IGNORECASE,
)


class Sort(Enum):
    """What it looks like, in words."""

    MAIL = "an e-mail address"
    PHONE = "a phone number"
    CARD = "a card number"
    CODE = "a booking code"


@dataclass(frozen=True, slots=True)
class Private:
    """Something of one person, at a span of code points."""

    span: tuple[int, int]
    sort: Sort


def private(text: str) -> tuple[Private, ...]:
    """What looks private in a text, in its order. Days are no numbers; what stands in a web address is public already."""
    mails = (one.span() for one in _MAIL.finditer(text)) if "@" in text else ()
    found = [Private(span, Sort.MAIL) for span in mails if not _handle(text, span[0])]
    links = [one.span() for one in _LINK.finditer(text)]
    days = [one.span() for one in _DAY.finditer(text)]
    for one in _NUMBER.finditer(text):
        if not any(_meet(one.span(), link) for link in links) and one.span() not in days:
            card = _card(text, one.span())
            found.append(Private(card or one.span(), Sort.CARD if card else Sort.PHONE))
    codes = [*(one.span() for one in _CODE.finditer(text)), *(one.span("code") for one in _NAMED.finditer(text))]
    for span in codes:
        if not any(_meet(span, taken) for taken in (*links, *days, *(one.span for one in found))):
            found.append(Private(span, Sort.CODE))
    return tuple(sorted(found, key=lambda one: one.span))


def _handle(text: str, start: int) -> bool:
    """Whether what looks like an address is a name with its server: '@ana@far.example'. Who is named is not for here."""
    return text[start - 1 : start] == "@" and not text[: start - 1][-1:].isalnum()


def _card(text: str, span: tuple[int, int]) -> tuple[int, int] | None:
    """Where in a number a card's number stands, its date and check digits aside; None: there is none."""
    digits = [at for at in range(*span) if text[at].isdecimal()]
    if len(digits) > _LONGEST:
        return None
    for first, start in enumerate(digits):
        if first and digits[first - 1] == start - 1:
            continue  # inside a group of digits
        for size in reversed(CARD):
            last = first + size - 1
            ends = last < len(digits) and (last + 1 == len(digits) or digits[last + 1] != digits[last] + 1)
            if ends and _luhn([int(text[at]) for at in digits[first : last + 1]]):
                return start, digits[last] + 1
    return None


def _luhn(digits: list[int]) -> bool:
    """The check digit of cards (ISO/IEC 7812-1, annex B)."""
    doubled = (digit if place % 2 == 0 else sum(divmod(2 * digit, 10)) for place, digit in enumerate(reversed(digits)))
    return any(digits) and sum(doubled) % 10 == 0


def _meet(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def reaching(text: str) -> Iterator[tuple[int, int]]:
    """Where addresses and numbers stand, days too: rather one too many than one that gets out."""
    for sort in (_MAIL, _NUMBER):
        for found in sort.finditer(text):
            yield found.span()


def reaches(value: str) -> bool:
    """Whether a value of a rule file holds an address, or is a number."""
    return _MAIL.search(value) is not None or _ALONE.fullmatch(value.strip()) is not None


def masked(text: str) -> str:
    """A text without anybody's e-mail address or telephone number."""
    return _NUMBER.sub(MASKED_NUMBER, _MAIL.sub(MASKED_MAIL, text))


def hidden(text: str) -> str:
    """A text in which everything that looks private stands as what it looks like: [a phone number]. For what leaves the house."""
    return hidden_spans(text, ())[0]


def hidden_spans(text: str, spans: Sequence[int]) -> tuple[str, tuple[int, ...]]:
    """`hidden` of the text, and the spans (start, end in turn, in order) moved to where they now are; what touches something private is all of it."""
    blocks: list[tuple[int, int, str]] = []
    for one in private(text):
        start, end = one.span
        if blocks and start < blocks[-1][1]:
            begun, ended, word = blocks[-1]
            blocks[-1] = begun, max(ended, end), word
        else:
            blocks.append((start, end, f"[{one.sort.value}]"))
    if not blocks:
        return text, tuple(spans)
    parts: list[str] = []
    at = 0
    for start, end, word in blocks:
        parts += [text[at:start], word]
        at = end
    moved: list[int] = []
    for low, high in zip(spans[::2], spans[1::2], strict=True):
        start, end = _moved(blocks, low, end=False), _moved(blocks, high, end=True)
        if moved:
            start = max(start, moved[-1])
        if start < end:
            moved += [start, end]
    return "".join([*parts, text[at:]]), tuple(moved)


def _moved(blocks: Sequence[tuple[int, int, str]], at: int, *, end: bool) -> int:
    shift = 0
    for first, last, word in blocks:
        if at <= first:
            break
        if at < last:
            return first + shift + (len(word) if end else 0)
        shift += len(word) - (last - first)
    return at + shift
