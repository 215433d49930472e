"""A query's tree as text: what a person could have written. Owns how each part is spelled; refuses to parse and to lay out.

Reading the text again gives the same tree, for every tree that can be read from a text at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from listener.query.cut import cut
from listener.query.fields import FIELDS, Use
from listener.query.moments import SECONDS as UNITS
from listener.query.told import Told
from listener.query.tree import (
    And,
    Exact,
    Field,
    Hours,
    Moment,
    Named,
    Near,
    Node,
    Not,
    Or,
    Period,
    Phrase,
    Range,
    Raw,
    Regex,
    Sign,
    Term,
    Text,
    Value,
    Wild,
    Word,
)
from listener.query.words import unspaced

_OPERATORS = frozenset({"and", "or", "not", "near"})


def print_tree(tree: Node) -> str:
    """The query that reads as this tree. Operators are written out, and brackets stand only where they are needed or help."""
    match tree:
        case And(parts=parts):
            return " AND ".join(_inside(part, And | Or) for part in parts)
        case Or(parts=parts):
            return " OR ".join(_inside(part, And | Or) for part in parts)
        case Not(part=part):
            return f"NOT {_inside(part, And | Or | Not | Near)}"
        case Near(left=left, right=right, distance=distance, ordered=ordered):
            operator = f"NEAR/{distance}{'f' if ordered else ''}"
            return f"{_inside(left, Or | Near)} {operator} {_inside(right, Or | Near)}"
        case Named(name=name):
            sort, _, what = name.partition(":")
            return name if _plain(what) else f'{sort}:"{what}"'
        case Field():
            return _field(tree)
        case Word(key=key):
            return key if _plain(key) and key not in _OPERATORS else _best((key, f'"{key}"'), tree)
        case Wild(pattern=pattern):
            return _best((pattern, f'"{pattern}"'), tree)
        case Exact(spelling=spelling):
            return f"{{{spelling}}}"
        case Phrase():
            return _phrase(tree)
        case Sign(form=form):
            return form
        case Raw(text=text):
            return f'raw:"{text}"'
        case Regex(pattern=pattern):
            return f"/{pattern}/"


def _inside(part: Node, bracketed: object) -> str:
    written = print_tree(part)
    return f"({written})" if isinstance(part, bracketed) else written  # type: ignore[arg-type]


def _plain(word: str) -> bool:
    return word.isascii() and word.isalnum()


def _best(spellings: Iterable[str], node: Node) -> str:
    """The first spelling that reads as the part; the last when none does."""
    written = ""
    for written in spellings:
        if _reads_as(written, node):
            break
    return written


def _reads_as(written: str, node: Node) -> bool:
    told = Told("", lambda offset: (1, offset + 1))
    pieces = cut(written, Use.VIEW, told)
    return len(pieces) == 1 and not told.problems and pieces[0].node == node


# Words ---------------------------------------------------------------------------------------------------------------


def _phrase(phrase: Phrase) -> str:
    parts, slop = phrase.parts, "" if phrase.slop is None else f"~{phrase.slop}"
    if phrase.slop is None and all(isinstance(part, Exact) for part in parts):
        return _best((f"{{{_in_a_row(parts)}}}", f'"{_in_a_row(parts, braces=True)}"'), phrase)
    return f'"{_in_a_row(parts, braces=True)}"{slop}'


def _in_a_row(parts: tuple[Term, ...], *, braces: bool = False) -> str:
    written, before = "", ""
    for part in parts:
        match part:
            case Word(key=spelled) | Wild(pattern=spelled):
                word = spelled
            case Exact(spelling=spelled):
                word = f"{{{spelled}}}" if braces else spelled
        # Scripts without spaces are written without.
        joined = not before or (unspaced(before[-1]) and unspaced(word[0]))
        written += word if joined else f" {word}"
        before = word
    return written


# Values --------------------------------------------------------------------------------------------------------------


def _field(field: Field) -> str:
    name = field.name
    if len(field.values) == 1:
        return f"{name}:{_value(name, field.values[0])}"
    return f"{name}:({' OR '.join(_value(name, value, listed=True) for value in field.values)})"


def _value(name: str, value: Value, *, listed: bool = False) -> str:
    match value:
        case Text(raw=raw) if _plain(raw) and raw != "OR":
            return raw
        case Text(raw=raw):
            spellings: Iterable[str] = (raw, f'"{raw}"')
        case Range() if name == "age":
            spellings = _range(value, _span)
        case Range() if FIELDS[name].order:
            order = FIELDS[name].order
            spellings = _range(value, lambda number: (order[int(number) - 1],))
        case Range():
            spellings = _range(value, _number)
        case Period(low=low, high=high):
            spellings = _period(low, high)
        case Hours():
            spellings = _hours(value)
    frame = f"{name}:({{}} OR {{}})" if listed else f"{name}:{{}}"
    values = (value, value) if listed else (value,)
    written = ""
    for written in spellings:
        if _reads_as(frame.format(*[written] * len(values)), Field(name, values)):
            break
    return written


Spell = Callable[[float], Iterable[str]]


def _range(known: Range, spell: Spell) -> Iterator[str]:
    """The ways of writing a range, the usual one first."""
    lows: Iterable[str] = ("*",) if known.low is None else spell(known.low)
    highs: Iterable[str] = ("*",) if known.high is None else spell(known.high)
    if known.low == known.high:
        yield from lows
    elif known.high is None:
        yield from (f">{'=' if known.low_in else ''}{low}" for low in lows)
    elif known.low is None:
        yield from (f"<{'=' if known.high_in else ''}{high}" for high in highs)
    yield from (f"[{low} TO {high}]" for low in lows for high in highs)


def _number(number: float) -> Iterable[str]:
    # A float is not always the product that it was written as: 1.005k.
    return [_digits(number / times) + sign for times, sign in ((1, ""), (1_000, "k"), (1_000_000, "m"))]


def _digits(number: float) -> str:
    written = format(Decimal(repr(round(number, 12))), "f")
    return written.rstrip("0").rstrip(".") if "." in written else written


def _span(seconds: float) -> Iterable[str]:
    """Whole numbers of the biggest unit first."""
    units = sorted(UNITS.items(), key=lambda unit: -unit[1])
    whole = [f"{int(seconds) // size}{sign}" for sign, size in units if seconds % size == 0 and seconds >= size]
    return [*whole, *(_digits(round(seconds / size, 6)) + sign for sign, size in reversed(units))]


def _hours(hours: Hours) -> Iterator[str]:
    zone = "" if hours.zone == "UTC" else f" {hours.zone}"
    low, high = (f"{minute // 60:02}:{minute % 60:02}" for minute in (hours.low, hours.high))
    if not zone and hours.low % 60 == 0 and hours.high == hours.low + 60:
        yield str(hours.low // 60)
    yield f"[{low} TO {high}{zone}]"


def _period(low: Moment | None, high: Moment | None) -> Iterator[str]:
    zone = next((f" {one.zone}" for one in (low, high) if one is not None and one.zone != "UTC"), "")
    if zone:
        # Behind a sign a zone can stand only in quotes or brackets.
        yield from (one for one in _spans_of_time(low, high, zone))
    else:
        yield from _spans_of_time(low, high, "")


def _spans_of_time(low: Moment | None, high: Moment | None, zone: str) -> Iterator[str]:
    lows = ["*"] if low is None else list(_moment(low))
    ends = ["*"] if high is None else [one for back in (DAYS_END, 60, 1, 0) for one in _until(high, back)]
    if low is not None and high is not None and not zone:
        yield from (one for one in lows if one in ends)
    if high is None and low is not None:
        quote = '"' if zone else ""
        yield from (f"{quote}>={one}{zone}{quote}" for one in lows)
        yield from (f"{quote}>{one}{zone}{quote}" for one in _until(low, DAYS_END))
    if low is None and high is not None:
        quote = '"' if zone else ""
        yield from (f"{quote}<{one}{zone}{quote}" for one in _moment(high))
        yield from (f"{quote}<={one}{zone}{quote}" for one in ends)
    yield from (f"[{one} TO {other}{zone}]" for one in lows for other in ends)


DAYS_END = -1
"""The whole day before, however long it is."""


def _moment(moment: Moment) -> Iterator[str]:
    """What begins then."""
    if moment.at is not None:
        yield from _instant(moment.at)
    elif moment.day is not None:
        yield from _today(moment.day)
    else:
        yield from ("now" if not moment.seconds else f"now-{span}" for span in _span(-moment.seconds))


def _until(moment: Moment, back: int) -> Iterator[str]:
    """What ends then: a day, a minute, a second, or nothing long."""
    if moment.at is not None:
        yield from _instant(moment.at - (timedelta(days=1) if back == DAYS_END else timedelta(seconds=back)))
    elif moment.day is not None:
        yield from _today(moment.day - 1)
    else:
        yield from _moment(moment)


def _today(day: int) -> Iterator[str]:
    if day <= 0:
        yield {0: "today", -1: "yesterday"}.get(day, f"today{day}d")


def _instant(at: datetime) -> Iterator[str]:
    known = at.astimezone(UTC)
    if (known.hour, known.minute, known.second) == (0, 0, 0):
        yield f"{known:%Y-%m-%d}"
    if not known.second:
        yield f"{known:%Y-%m-%dT%H:%M}Z"
    yield f"{known:%Y-%m-%dT%H:%M:%S}Z"
