"""What may stand at the cursor of a query that is being typed. Best effort on any text: it may be half a query, or none.

Owns the offers; refuses to parse and to draw. `hover`, what the thing under the cursor means, is from `meanings`. Neither ever raises.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from listener.query.fields import FIELDS, FieldFact, Sort, Use, fields_for
from listener.query.glance import COMPLETE, QUOTES, Glance, Glimpse, Mark, glance
from listener.query.meanings import Hover, about_named, about_operator, about_value, hover
from listener.query.names import NO_NAMES, Names

__all__ = ["MOST", "Hover", "Offer", "Offers", "hover", "offers"]

MOST = 50
"""Offers at most: who needs more types one letter more."""

NOTHING: Mapping[str, Sequence[str]] = {}

_TAIL = re.compile(rf"[^\s(){QUOTES},:<>\[\]]*")
_SIGNS = re.compile(rf"[\s(){QUOTES},<>\[\]{{}}*?]|\A-|\Alist:")
_LISTED = frozenset({Sort.NAME, Sort.ID, Sort.ADDRESS, Sort.DOMAIN})
"""Sorts whose values a named list of the rule files may give."""

_NEARS = ("NEAR/5", "NEAR/5f")
_NEAR = re.compile(r"NEAR/([0-9]{1,6})\Z", re.IGNORECASE)
_NUMBER = re.compile(r"([<>]=?|=)?[ \t]*[0-9]{1,9}(\.[0-9]{1,6})?\Z")
_SPANS = (("m", "minutes"), ("h", "hours"), ("d", "days"), ("w", "weeks"), ("s", "seconds"))
_ZONES = (
    "UTC",
    "Europe/London",
    "Europe/Berlin",
    "America/New_York",
    "America/Los_Angeles",
    "Asia/Tokyo",
    "Australia/Sydney",
)


@dataclass(frozen=True, slots=True)
class Offer:
    """One thing that may stand there: what is put in, what is shown, and what it means in a few words."""

    insert: str
    label: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class Offers:
    """What may stand at the cursor, the likeliest first. Taking one puts its `insert` where `start` to `end` was."""

    start: int
    end: int
    offers: tuple[Offer, ...] = ()


def offers(
    text: str, offset: int, use: Use, names: Names = NO_NAMES, held: Mapping[str, Sequence[str]] = NOTHING
) -> Offers:
    """What may stand at `offset`: fields of the use, values, operators, names. `held`: values that a field is known to have by now."""
    at = min(max(offset, 0), len(text))
    seen = glance(text[:at])
    start, found = _Offering(text[:at], seen, use, names, held).found()
    kept: dict[str, Offer] = {}
    for one in found:
        if one.insert != text[start:at]:
            kept.setdefault(one.insert, one)
        if len(kept) >= MOST:
            break
    return Offers(start, _end(text, start, at, kept.values()), tuple(kept.values()))


def _end(text: str, start: int, at: int, found: Iterable[Offer]) -> int:
    """Where what is replaced ends: with the word that the cursor stands in, and the colon where a field's name is put in."""
    if start == at:
        return at
    tail = _TAIL.match(text, at)
    end = tail.end() if tail else at
    return end + 1 if text[end : end + 1] == ":" and any(one.insert.endswith(":") for one in found) else end


class _Offering:
    """One look at what stands before the cursor."""

    def __init__(self, before: str, seen: Glance, use: Use, names: Names, held: Mapping[str, Sequence[str]]) -> None:
        self.before, self.seen, self.use, self.names, self.held = before, seen, use, names, held
        self.pieces = [one for one in seen.pieces if one.mark is not Mark.COMMENT or not one.closed]

    def found(self) -> tuple[int, Iterable[Offer]]:
        """Where the offers begin to replace, and the offers."""
        at = len(self.before)
        last = self.pieces[-1] if self.pieces else None
        if last is not None and last.end == at:
            touching = self._touching(last)
            if touching is not None:
                return touching
        elif self.before and not self.before[-1].isspace():
            return at, ()  # right behind a comment
        listed = self.seen.open[-1] if self.seen.open else ""
        if last is not None and last.mark in COMPLETE:
            return at, self._operators("", listed)
        return at, self._values(listed, "", listed=True) if listed else self._begun("", negated=_negated(last))

    def _touching(self, last: Glimpse) -> tuple[int, Iterable[Offer]] | None:
        """The cursor stands right behind a piece. None: it begins another one."""
        written = self.before[last.start : last.end]
        before = self.pieces[-2] if len(self.pieces) > 1 else None
        listed = self.seen.open[-1] if self.seen.open else ""
        match last.mark:
            case Mark.OPEN | Mark.MINUS | Mark.COMMA:
                return None
            case Mark.WORD | Mark.OPERATOR if not listed:
                complete = before is not None and before.mark in COMPLETE
                operators = self._operators(written, "") if complete else ()
                return last.start, (*operators, *self._begun(written, negated=_negated(before)))
            case Mark.VALUE | Mark.NAMED | Mark.OPERATOR if last.closed and written[:1] not in {*QUOTES}:
                return self._value(last, written, before, listed)
            case Mark.RANGE if not last.closed:
                return self._bound(last)
            case Mark.QUOTED if last.closed and written[-1:] in {*QUOTES} and re.search(r"\S\s+\S", written):
                about = "all of these words, in any order, with at most 3 other words among them"
                return last.end, (Offer("~3", "~3", about),)
            case _:
                return last.start, ()

    # Words, fields and operators

    def _begun(self, written: str, *, negated: bool) -> Iterator[Offer]:
        """What may begin a term."""
        folded = written.casefold()
        for fact in fields_for(self.use):
            if fact.name.startswith(folded):
                yield Offer(f"{fact.name}:", f"{fact.name}:", f"{fact.about}, as {fact.name}:{fact.example}")
        for sort, known in (("list", self.names.lists), ("query", self.names.queries)):
            if known and sort.startswith(folded):
                yield Offer(f"{sort}:", f"{sort}:", f"a named {sort} of the rule files")
        if "raw".startswith(folded):
            yield Offer("raw:", "raw:", 'exactly these characters, as raw:"Google+"')
        if not negated and folded and "NOT".startswith(written):
            yield self._operator("NOT")

    def _operators(self, written: str, listed: str) -> Iterator[Offer]:
        """What may follow a complete term."""
        folded = written.upper()
        known: tuple[str, ...] = ("OR",) if listed else ("AND", "OR", "NOT", *_NEARS)
        if found := _NEAR.match(written):
            known = (f"NEAR/{found.group(1)}", f"NEAR/{found.group(1)}f")
        for one in known:
            if one.upper().startswith(folded):
                yield self._operator(one)

    def _operator(self, one: str) -> Offer:
        return Offer(f"{one} ", one, about_operator(one))

    # Values

    def _value(self, last: Glimpse, written: str, before: Glimpse | None, listed: str) -> tuple[int, Iterable[Offer]]:
        """A value is being written, or the name of a list."""
        if listed and before is not None and before.mark in {Mark.VALUE, Mark.NAMED, Mark.RANGE}:
            return last.start, self._operators(written, listed)
        if last.mark is Mark.NAMED and not last.field:
            sort, _, name = written.partition(":")
            return last.start + len(sort) + 1, self._named(sort.lower(), name)
        return last.start, self._values(last.field or listed, written, listed=bool(listed))

    def _named(self, sort: str, written: str, prefix: str = "") -> Iterator[Offer]:
        known: Mapping[str, object] = self.names.lists if sort == "list" else self.names.queries
        for name in _matching(sorted(known), written):
            yield Offer(f"{prefix}{name}", f"{sort}:{name}", about_named(sort, name, self.names))

    def _values(self, field: str, written: str, *, listed: bool = False) -> Iterator[Offer]:
        """The values that a field may have."""
        fact = FIELDS.get(field)
        if fact is None or self.use not in fact.uses:
            return
        if written.startswith("list:"):
            yield from self._named("list", written.removeprefix("list:"), "list:")
            return
        for value, about in self._choices(fact):
            if value.casefold().startswith(written.casefold()):
                yield Offer(value, value, about)
        for value in _matching(self.held.get(field, ()), written):
            if not any(quote in value for quote in QUOTES) and value.strip():
                yield Offer(f'"{value}"' if _SIGNS.search(value) else value, value)
        if self.names.lists and "list:".startswith(written.casefold()) and fact.sort in _LISTED:
            yield from self._named("list", "", "list:")
        yield from _forms(fact, written, listed)

    def _choices(self, fact: FieldFact) -> Iterator[tuple[str, str]]:
        """The closed list, and words that only one field knows."""
        if fact.order:
            for value in reversed(fact.order):
                yield value, about_value(fact.name, value)
            for value in fact.order[1:-1]:
                yield f">={value}", f"{value} or more"
        else:
            for value in sorted(fact.values_for(self.use)):
                yield value, about_value(fact.name, value)
        if fact.name == "assignee":
            yield "me", "given to whoever asks"
            yield "nobody", "given to nobody"

    def _bound(self, last: Glimpse) -> tuple[int, Iterable[Offer]]:
        """Inside of a range: its ends, TO between them, a zone behind."""
        at, fact = len(self.before), FIELDS.get(last.field)
        inside = self.before[last.start + 1 :]
        if fact is None or self.use not in fact.uses:
            return at, ()
        done = inside.split() if not inside or inside[-1].isspace() else inside.split()[:-1]
        written = "" if len(done) == len(inside.split()) else inside.split()[-1]
        start = at - len(written)
        upper = [word.upper() for word in done]
        if not done or upper[-1] == "TO":
            return start, _ends(fact, written)
        if "TO" not in upper:
            return start, [Offer("TO ", "TO", "both ends are counted in")] if "TO".startswith(written.upper()) else ()
        if fact.sort in {Sort.TIME, Sort.HOUR}:
            zones = (zone for zone in _ZONES if written.casefold() in zone.casefold())
            return start, [Offer(f"{zone}]", zone, "the clock of this zone; without one it is UTC") for zone in zones]
        return start, ()


def _negated(before: Glimpse | None) -> bool:
    return before is not None and before.mark is Mark.MINUS


def _matching(known: Iterable[str], written: str) -> list[str]:
    """What begins with the text, then what has it inside."""
    folded = written.casefold()
    first = [value for value in known if value.casefold().startswith(folded)]
    return first + [value for value in known if folded in value.casefold() and not value.casefold().startswith(folded)]


def _forms(fact: FieldFact, written: str, listed: bool) -> Iterator[Offer]:
    """How numbers, spans and times are written."""
    if _NUMBER.match(written):
        yield from _units(fact, written)
        return
    for form, about in _FORMS.get(fact.sort, ()) + (_NUMBERS[:2] if fact.numbers else ()):
        if form.startswith(written) and not (listed and form.startswith("[")):
            yield Offer(form, form, about)


def _units(fact: FieldFact, written: str) -> Iterator[Offer]:
    if fact.sort is Sort.AGE:
        for unit, what in _SPANS:
            yield Offer(written + unit, written + unit, what)
    elif fact.sort is Sort.NUMBER and fact.name not in {"need", "rating", "words"}:
        yield Offer(f"{written}k", f"{written}k", "thousands")
        yield Offer(f"{written}m", f"{written}m", "millions")


def _ends(fact: FieldFact, written: str) -> Iterator[Offer]:
    """One end of a range."""
    if _NUMBER.match(written):
        yield from _units(fact, written)
        return
    known: Sequence[str] = {
        Sort.AGE: ("1h", "1d", "7d"),
        Sort.TIME: ("today", "yesterday", "now-24h"),
        Sort.HOUR: ("09:00", "17:30", "22:00", "06:00"),
    }.get(fact.sort, fact.order)
    for one in known:
        if one.startswith(written.casefold()):
            yield Offer(one, one)
    if not written and fact.sort is not Sort.HOUR:
        yield Offer("*", "*", "no bound")


_NUMBERS = (
    (">=", "at least"),
    ("<=", "at most"),
    (">", "more than"),
    ("<", "less than"),
    ("[1 TO 5]", "from 1 to 5, both counted in"),
)
_FORMS: Mapping[Sort, tuple[tuple[str, str], ...]] = {
    Sort.NUMBER: _NUMBERS,
    Sort.AGE: (
        ("<1h", "within the last hour"),
        ("<1d", "within the last day"),
        (">7d", "more than seven days ago"),
        ("[1d TO 7d]", "one to seven days ago"),
    ),
    Sort.TIME: (
        ("today", "since midnight; UTC where no zone is written"),
        ("yesterday", "the whole day before today"),
        (">=now-24h", "within the last 24 hours"),
        ("[2026-11-01 TO 2026-11-07]", "from the first through the end of the last day"),
        ("[2026-11-01 TO 2026-11-07 Europe/Berlin]", "the same, by the clock of a zone"),
    ),
    Sort.HOUR: (
        ("9", "from 09:00 to 10:00"),
        ("[09:00 TO 17:30]", "between these times of the day"),
        ("[22:00 TO 06:00 Europe/Berlin]", "past midnight, by the clock of a zone"),
    ),
}
