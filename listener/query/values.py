"""How the values of a field are written: names, ids, choices, numbers, ranges, ages, times, hours and addresses. Owns their problems.

`>x`, `>=x`, `<x`, `<=x` and `[x TO y]` are the same for all that has an order; `*` in brackets stands for no bound.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from listener.query import held, moments, words
from listener.query.fields import FieldFact, Sort, Use, did_you_mean
from listener.query.moments import Stretch
from listener.query.told import Told
from listener.query.tree import Hours, Moment, Period, Range, Text, Value

MAX_NUMBER = 1e15

_COMPARED = re.compile(r"(>=|<=|=>|=<|>|<|=)\s*")
_TO = re.compile(r"\s+TO(?=\s|\Z)", re.IGNORECASE)
_NUMBER = re.compile(r"([+-]?)([0-9]{1,3}(?:[,_][0-9]{3})+|[0-9]{1,18})?(\.[0-9]{1,12})?([km]?)", re.IGNORECASE)
_TIMES = {"": 1.0, "k": 1_000.0, "m": 1_000_000.0}
_HOST = re.compile(r"[\w-]+(?:\.[\w-]+)*")
_NEVER_MINUS = frozenset({Sort.NAME, Sort.CHOICE, Sort.ADDRESS, Sort.DOMAIN})
_RANGED = frozenset({Sort.NUMBER, Sort.AGE, Sort.TIME, Sort.HOUR})


@dataclass(frozen=True, slots=True)
class Written:
    """One value as it stands in the text from `start` to `end`; `raw` without its quotes or range brackets begins at `raw_at`."""

    raw: str
    start: int
    end: int
    raw_at: int
    quoted: bool = False
    ranged: bool = False


@dataclass(frozen=True, slots=True)
class _Bounds:
    """What a value reaches from and to, still as written; None: no bound."""

    low: str | None
    high: str | None
    low_in: bool = True
    high_in: bool = True
    single: bool = False
    low_at: int = 0
    high_at: int = 0
    zone: str = "UTC"


def value_of(fact: FieldFact, use: Use, written: Written, told: Told) -> Value | None:
    """A value of a field; None with its problem told."""
    if not written.raw.strip():
        told.problem(written.start, "no-value", f"{fact.name}: has an empty value", f"write {fact.name}:{fact.example}")
        return None
    if written.raw[0] == "-" and not written.quoted and fact.sort in _NEVER_MINUS and not fact.numbers:
        hint = f"write -{fact.name}:{written.raw[1:]}"
        told.problem(written.start, "negated-value", "a minus stands before the field", hint)
        return None
    reads = {
        Sort.NAME: _name,
        Sort.ID: _id,
        Sort.CHOICE: _choice,
        Sort.NUMBER: _number,
        Sort.AGE: _age,
        Sort.TIME: _time,
        Sort.HOUR: _hour,
        Sort.ADDRESS: _address,
        Sort.DOMAIN: _domain,
    }
    if written.ranged and not (fact.sort in _RANGED or fact.numbers or fact.order):
        told.problem(
            written.start, "bad-range", f"{fact.name}: has no ranges", f"write {fact.name}:(one OR other), or quotes"
        )
        return None
    return reads[fact.sort](fact, use, written, told)


# Names ---------------------------------------------------------------------------------------------------------------


def _name(fact: FieldFact, use: Use, written: Written, told: Told) -> Value | None:
    key = words.fold(written.raw.strip())
    if not key:
        told.problem(written.start, "no-value", f"{fact.name}: has an empty value", f"write {fact.name}:{fact.example}")
        return None
    wild = not written.quoted and ("*" in key or "?" in key)
    return Text(written.raw, key, wild, written.start, written.end)


def _id(fact: FieldFact, use: Use, written: Written, told: Told) -> Value | None:
    raw = written.raw.strip()
    return Text(raw, raw, False, written.start, written.end)


def _address(fact: FieldFact, use: Use, written: Written, told: Told) -> Value | None:
    # It is found anywhere in the address, so that stars at its ends say nothing.
    key = held.address_key(written.raw.strip().strip("*"))
    if not key:
        told.problem(
            written.start, "no-value", f"{fact.name}: needs a part of an address", f"write {fact.name}:{fact.example}"
        )
        return None
    return Text(written.raw, key, False, written.start, written.end)


def _domain(fact: FieldFact, use: Use, written: Written, told: Told) -> Value | None:
    raw = written.raw.strip()
    key = held.host_key(raw.removeprefix("*").removeprefix("."))
    if not _HOST.fullmatch(key):
        hint = f"write {fact.name}:{fact.example}; hosts below it are found too"
        told.problem(written.start, "bad-domain", f"{raw!r} is not the name of a site", hint)
        return None
    return Text(written.raw, key, False, written.start, written.end)


def _choice(fact: FieldFact, use: Use, written: Written, told: Told) -> Value | None:
    allowed = fact.values_for(use)
    key = words.fold(written.raw.strip())
    if not written.ranged and key in allowed:
        return Text(written.raw, key, False, written.start, written.end)
    if fact.order and (written.ranged or _COMPARED.match(written.raw)):
        return _order(fact, written, told)
    if fact.numbers and (written.ranged or _COMPARED.match(written.raw) or number(key) is not None):
        return _number(fact, use, written, told)
    hint = did_you_mean(key, allowed)
    told.problem(written.start, "unknown-value", f"{fact.name}: knows no {written.raw.strip()!r}", hint)
    return None


# What has an order ---------------------------------------------------------------------------------------------------


def _order(fact: FieldFact, written: Written, told: Told) -> Value | None:
    def rank(text: str, at: int) -> float | None:
        key = words.fold(text)
        if key in fact.order:
            return float(fact.order.index(key) + 1)
        told.problem(at, "unknown-value", f"{fact.name}: knows no {text!r}", did_you_mean(key, fact.order))
        return None

    return _range(_bounds(fact, written, told), rank, written, told)


def _number(fact: FieldFact, use: Use, written: Written, told: Told) -> Value | None:
    def read(text: str, at: int) -> float | None:
        found = number(text)
        if found is None:
            hint = f"write digits, as in {fact.name}:{fact.example if not fact.numbers else '<-0.5'}; k and m are thousands and millions"
            told.problem(at, "bad-number", f"{text!r} is not a number", hint)
        return found

    return _range(_bounds(fact, written, told), read, written, told)


def _age(fact: FieldFact, use: Use, written: Written, told: Told) -> Value | None:
    def read(text: str, at: int) -> float | None:
        found = moments.span(text)
        if found is None:
            hint = "write a number with s, m, h, d or w: age:<2h"
            told.problem(at, "bad-age", f"{text!r} is not a span of time", hint)
        return found

    bounds = _bounds(fact, written, told)
    if bounds is not None and bounds.single:
        if read(bounds.low or "", bounds.low_at) is not None:
            hint = f"write age:<{bounds.low} for younger, age:>{bounds.low} for older"
            told.problem(written.start, "bad-age", "an age is younger or older than something", hint)
        return None
    return _range(bounds, read, written, told)


def _range(
    bounds: _Bounds | None, read: Callable[[str, int], float | None], written: Written, told: Told
) -> Range | None:
    if bounds is None:
        return None
    low = None if bounds.low is None else read(bounds.low, bounds.low_at)
    high = low if bounds.single else None if bounds.high is None else read(bounds.high, bounds.high_at)
    if (bounds.low is not None and low is None) or (bounds.high is not None and high is None):
        return None
    if low is not None and high is not None and low > high:
        hint = f"write [{bounds.high} TO {bounds.low}]"
        told.problem(written.start, "bad-range", f"{bounds.low} is above {bounds.high}: nothing lies between", hint)
        return None
    return Range(low, high, bounds.low_in, bounds.high_in, written.start, written.end)


def number(text: str) -> float | None:
    """A number as a query writes it: 5, -0.5, 1_000, 1,000, 10k, 1.5m. None when it is none."""
    found = _NUMBER.fullmatch(text)
    if not found or (found.group(2) is None and found.group(3) is None):
        return None
    sign, whole, part, times = found.groups()
    value = float(f"{sign}{re.sub('[,_]', '', whole or '0')}{part or ''}") * _TIMES[times.lower()]
    return value if abs(value) <= MAX_NUMBER else None


def _time(fact: FieldFact, use: Use, written: Written, told: Told) -> Value | None:
    bounds = _bounds(fact, written, told, zoned=True)
    if bounds is None:
        return None

    def read(text: str | None, at: int) -> Stretch | None:
        found = None if text is None else moments.stretch(text, bounds.zone)
        if text is not None and found is None:
            hint = "write a day (2026-11-27), an instant (2026-11-27T09:30Z), today, yesterday or now-2h"
            told.problem(at, "bad-time", f"{text!r} is not a time", hint)
        return found

    low = read(bounds.low, bounds.low_at)
    high = low if bounds.single else read(bounds.high, bounds.high_at)
    if (bounds.low is not None and low is None) or (bounds.high is not None and high is None):
        return None
    if bounds.single and low is not None and low.low == low.high:
        hint = f"write time:>={bounds.low} for since then"
        told.problem(written.start, "bad-time", f"{bounds.low} is an instant: nothing was said exactly then", hint)
        return None
    begin = None if low is None else low.low if bounds.low_in else low.high
    end = None if high is None else high.high if bounds.high_in else high.low
    if begin is not None and end is not None and _never(begin, end):
        hint = "write the earlier time first"
        told.problem(written.start, "bad-range", f"{bounds.low} is not before {bounds.high}", hint)
        return None
    return Period(begin, end, written.start, written.end)


def _never(begin: Moment, end: Moment) -> bool:
    """Whether it is certain, whatever now is, that nothing lies between."""
    if begin.at is not None and end.at is not None:
        return begin.at >= end.at
    if begin.at is not None or end.at is not None or (begin.day is None) != (end.day is None):
        return False
    return (begin.day or 0, begin.seconds) >= (end.day or 0, end.seconds)


def _hour(fact: FieldFact, use: Use, written: Written, told: Told) -> Value | None:
    bounds = _bounds(fact, written, told, zoned=True)
    if bounds is None:
        return None

    def read(text: str | None, at: int, otherwise: int) -> tuple[int, int] | None:
        found = (otherwise, otherwise) if text is None else moments.minutes(text)
        if found is None:
            hint = "write an hour of the day, 0 to 23, or 09:30"
            told.problem(at, "bad-hour", f"{text!r} is not an hour of the day", hint)
        return found

    low = read(bounds.low, bounds.low_at, 0)
    high = low if bounds.single else read(bounds.high, bounds.high_at, moments.DAY)
    if low is None or high is None:
        return None
    if bounds.single and low[0] == low[1]:
        hint = f"write hour:[{bounds.low} TO ...] with an end, or a whole hour: hour:9"
        told.problem(written.start, "bad-hour", f"{bounds.low} is an instant, not an hour", hint)
        return None
    begin = low[0] if bounds.low_in else low[1]
    end = high[1] if bounds.high_in else high[0]
    if written.ranged:
        begin %= moments.DAY  # 24:00 is midnight
    elif begin >= end:
        told.problem(written.start, "bad-range", "no hour of the day lies there", "hours are 0 to 23")
        return None
    return Hours(begin, end, bounds.zone, written.start, written.end)


# Bounds --------------------------------------------------------------------------------------------------------------


def _bounds(fact: FieldFact, written: Written, told: Told, *, zoned: bool = False) -> _Bounds | None:
    """Where a value begins and ends, by the signs and brackets that it is written with. None with the problem told."""
    text, at, zone = written.raw, written.raw_at, "UTC"
    if zoned:
        text, zone = _zoned(text, at, told)
        if not zone:
            return None
    if written.ranged:
        return _both(fact, text, zone, written, told)
    found = _COMPARED.match(text)
    bound = text[found.end() if found else 0 :].strip()
    place = at + text.find(bound)
    if not bound:
        hint = (
            f"write {fact.name}:{text.strip()}5 without a space"
            if fact.sort is Sort.NUMBER
            else f"write {fact.name}:{fact.example}"
        )
        told.problem(at, "no-value", f"nothing stands behind {text.strip()}", hint)
        return None
    match found.group(1) if found else "=":
        case ">=" | "=>":
            return _Bounds(bound, None, low_at=place, zone=zone)
        case ">":
            return _Bounds(bound, None, low_in=False, low_at=place, zone=zone)
        case "<=" | "=<":
            return _Bounds(None, bound, high_at=place, zone=zone)
        case "<":
            return _Bounds(None, bound, high_in=False, high_at=place, zone=zone)
        case _:
            return _Bounds(bound, bound, single=True, low_at=place, high_at=place, zone=zone)


def _both(fact: FieldFact, text: str, zone: str, written: Written, told: Told) -> _Bounds | None:
    # A space before makes "[ TO 5]" the same mistake as "[TO 5]".
    parts = _TO.split(f" {text}")
    if len(parts) != 2 or not parts[0].strip() or not parts[1].strip():
        hint = f"write {fact.name}:[low TO high]; a * stands for no bound"
        told.problem(written.start, "bad-range", "a range has a low end, TO and a high end", hint)
        return None
    low, high = (part.strip() for part in parts)
    if low == high == "*":
        told.problem(written.start, "bad-range", "this range has no bound at all", f"leave {fact.name} out")
        return None
    low_at = written.raw_at + text.find(low)
    high_at = written.raw_at + len(text.rstrip()) - len(high)
    return _Bounds(
        None if low == "*" else low,
        None if high == "*" else high,
        low_at=low_at,
        high_at=high_at,
        zone=zone,
    )


def _zoned(text: str, at: int, told: Told) -> tuple[str, str]:
    """A text without the zone at its end, and the zone; "" for a zone that there is not, with the problem told."""
    before, _, last = text.rstrip().rpartition(" ")
    if not before.strip() or before.split()[-1].upper() == "TO" or not moments.looks_like_zone(last):
        return text, "UTC"
    if last in {"Z", "z"} or moments.is_zone(last):
        return before, "UTC" if last in {"Z", "z"} else last
    meant = moments.nearest_zone(last)
    hint = f"did you mean {meant}?" if meant else "write a zone as in Europe/Berlin, or UTC"
    told.problem(at + len(text.rstrip()) - len(last), "bad-zone", f"there is no time zone {last}", hint)
    return before, ""
