"""One query on one mention: yes or no, and where in the original text. Owns what a query means; the index and SQL must agree with it.

A field whose value is not known does not match, and its negation does. Nothing here raises or looks anything up.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from listener.query import clock, held, near
from listener.query import words as cutting
from listener.query.fields import FIELDS, Sort
from listener.query.glob import globbed
from listener.query.regexes import compile_regex
from listener.query.subject import Subject
from listener.query.tree import (
    And,
    Exact,
    Field,
    Hours,
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
    Text,
    Value,
    Wild,
    Word,
)

Test = Callable[[Subject, datetime], bool]
Where = Callable[[Subject, datetime], Iterable[tuple[int, int]]]
"""Spans in the text (start, end), in any order."""


@dataclass(frozen=True, slots=True)
class Match:
    """Whether a query matches, and the spans (start, end in turn, code points) of the parts of the text that made it so."""

    hit: bool
    spans: tuple[int, ...] = ()


def match(tree: Node, subject: Subject, now: datetime) -> Match:
    """Judge a query on a subject when it is `now`."""
    if not test_of(tree)(subject, now):
        return Match(False)
    return Match(True, spans_of(tree, subject, now))


# Yes or no -----------------------------------------------------------------------------------------------------------


def test_of(tree: Node) -> Test:
    """A query as a function, for those that are asked often."""
    match tree:
        case Word(key=key):
            return lambda subject, now: key in subject.words.vocabulary
        case Or(parts=parts):
            return _any_of(parts)
        case And(parts=parts):
            return _all_of(parts)
        case Not(part=part):
            test = test_of(part)
            return lambda subject, now: not test(subject, now)
        case Named(part=part):
            return test_of(part)
        case Field():
            return _field_test(tree)
        case Sign(form=form):
            return lambda subject, now: form in subject.words.signs or form in subject.carried_tags
        case Wild():
            return _wild_test(tree)
        case Exact() | Phrase() | Near():
            return _stretch_test(tree)
        case Raw(text=text):
            return lambda subject, now: bool(_raw_spans(text, subject.text))
        case Regex(pattern=pattern):
            regex = compile_regex(pattern)
            return lambda subject, now: regex.is_match(subject.text[: cutting.MAX_TEXT])


def _stretch_test(tree: Exact | Phrase | Near) -> Test:
    """Whether a positional part stands in a text: asked where each of its plain words does, and by a quick way where there is one."""
    needed = frozenset(_plain_keys(tree))
    quick = near.quick_near(tree) if isinstance(tree, Near) else near.quick_phrase(tree)
    # Most texts have something of one side of a NEAR only.
    sides = [test_of(side) for side in (tree.left, tree.right)] if isinstance(tree, Near) else []

    def test(subject: Subject, now: datetime) -> bool:
        known = subject.words
        if not needed <= known.vocabulary:
            return False
        if quick is not None and not known.others:
            return quick(known.keys)
        for side in sides:
            if not side(subject, now):
                return False
        return next(near.stretches(tree, known), None) is not None

    return test


def _plain_keys(node: Node) -> Iterable[str]:
    """Words that must be there wherever a positional part is."""
    match node:
        case Word(key=key):
            yield key
        case Exact(spelling=spelling):
            yield cutting.forms_of(spelling)[0]
        case Phrase(parts=parts):
            for part in parts:
                yield from _plain_keys(part)
        case Near(left=left, right=right):
            yield from _plain_keys(left)
            yield from _plain_keys(right)
        case Named(part=part):
            yield from _plain_keys(part)


def _all_of(parts: tuple[Node, ...]) -> Test:
    """An AND: its single words all at once, before anything that costs more."""
    keys = frozenset(part.key for part in parts if isinstance(part, Word))
    tests = tuple(test_of(part) for part in parts if not isinstance(part, Word))
    if not tests:
        return lambda subject, now: keys <= subject.words.vocabulary
    if not keys and len(tests) == 2:
        first, second = tests
        return lambda subject, now: first(subject, now) and second(subject, now)
    return lambda subject, now: keys <= subject.words.vocabulary and all(test(subject, now) for test in tests)


def _any_of(parts: tuple[Node, ...]) -> Test:
    """An OR: its single words all at once, its phrases only where their longest word stands."""
    keys = frozenset(part.key for part in parts if isinstance(part, Word))
    anchored: dict[str, list[Test]] = {}
    tests = []
    for part in parts:
        match part:
            case Word():
                pass
            case Phrase(parts=terms) if anchor := max(
                (t.key for t in terms if isinstance(t, Word)), key=len, default=""
            ):
                anchored.setdefault(anchor, []).append(_stretch_test(part))
            case _:
                tests.append(test_of(part))
    if not anchored and not tests:
        return lambda subject, now: not keys.isdisjoint(subject.words.vocabulary)

    def test(subject: Subject, now: datetime) -> bool:
        known = subject.words
        if not keys.isdisjoint(known.vocabulary):
            return True
        for anchor in anchored.keys() & known.vocabulary:
            for one in anchored[anchor]:
                if one(subject, now):
                    return True
        return any(one(subject, now) for one in tests)

    return test


def _wild_test(wild: Wild) -> Test:
    stem, fits = wild.stem, globbed(wild.pattern)
    if wild.pattern == f"{stem}*":
        return lambda subject, now: subject.words.begins(stem)
    return lambda subject, now: subject.words.begins(stem) and any(map(fits, subject.words.vocabulary))


def _field_test(field: Field) -> Test:
    tests = _tests_of_values(field)
    if len(tests) == 1:
        return tests[0]
    return lambda subject, now: any(test(subject, now) for test in tests)


def _tests_of_values(field: Field) -> list[Test]:
    """One test for all plain names together, one for each other value."""
    name, sort = field.name, FIELDS[field.name].sort
    texts = [value for value in field.values if isinstance(value, Text)]
    others = [_range_test(name, value) for value in field.values if not isinstance(value, Text)]
    if not texts:
        return others
    if name in {"is", "has"}:
        return [_flag_test(name, value.key) for value in texts]
    if sort is Sort.ID:
        return [_id_test(name, frozenset(value.raw for value in texts))]
    if sort is Sort.ADDRESS:
        return [_address_test(name, tuple(value.key for value in texts))]
    if sort is Sort.DOMAIN:
        return [_domain_test(tuple(value.key for value in texts))]
    return [_name_test(name, texts), *others]


def _flag_test(name: str, value: str) -> Test:
    asked = held.flag(name, value)
    return lambda subject, now: asked(subject)


def _id_test(name: str, ids: frozenset[str]) -> Test:
    read = held.IDS[name]
    return lambda subject, now: read(subject) in ids


def _address_test(name: str, parts: tuple[str, ...]) -> Test:
    read = held.ADDRESSES[name]
    return lambda subject, now: any(part in key for key in map(held.address_key, read(subject)) for part in parts)


def _domain_test(hosts: tuple[str, ...]) -> Test:
    below = tuple(f".{host}" for host in hosts)
    return lambda subject, now: any(
        host in hosts or host.endswith(below) for host in map(held.host_key, held.links(subject)) if host
    )


def _name_test(name: str, values: Sequence[Text]) -> Test:
    read = held.NAMES[name]
    exact = frozenset(value.key for value in values if not value.wild)
    wild = tuple(globbed(value.key) for value in values if value.wild)
    if not wild:
        return lambda subject, now: not exact.isdisjoint(read(subject))
    return lambda subject, now: any(one in exact or any(fits(one) for fits in wild) for one in read(subject))


def _range_test(name: str, value: Value) -> Test:
    match value:
        case Range() if name == "age":
            return lambda subject, now: subject.at is not None and value.holds((now - subject.at).total_seconds())
        case Range():
            read = held.NUMBERS[name]
            return lambda subject, now: (known := read(subject)) is not None and value.holds(known)
        case Period():
            return lambda subject, now: subject.at is not None and clock.within(value, subject.at, now)
        case Hours():
            return lambda subject, now: (at := held.said_at(subject, now)) is not None and clock.during(value, at)
        case Text():
            raise AssertionError("a text is no range")


# Where ---------------------------------------------------------------------------------------------------------------


def spans_of(tree: Node, subject: Subject, now: datetime) -> tuple[int, ...]:
    """Where the true parts of a query that matched stand in the text; merged, in order."""
    return merged(where_of(tree)(subject, now))


def where_of(tree: Node) -> Where:
    """Where a query that matched stands, as a function, for those that are asked often."""
    match tree:
        case Word() | Wild() | Exact():
            return lambda subject, now: [subject.words.spans[place] for place in near.places_of(tree, subject.words)]
        case Phrase(slop=None):
            return lambda subject, now: [
                (subject.words.spans[one[0]][0], subject.words.spans[one[-1]][1]) for one in _first(tree, subject)
            ]
        case Phrase() | Near():
            return lambda subject, now: [subject.words.spans[place] for one in _first(tree, subject) for place in one]
        case Sign(form=form):
            return lambda subject, now: subject.words.signs.get(form, ())
        case Raw(text=text):
            return lambda subject, now: _raw_spans(text, subject.text)
        case Regex(pattern=pattern):
            regex = compile_regex(pattern)
            return lambda subject, now: regex.spans(subject.text[: cutting.MAX_TEXT])
        case And(parts=parts):
            return _where_among([(None, part) for part in parts])
        case Or(parts=parts):
            # Only an AND can be false and still hold words that stand in the text.
            return _where_among([(test_of(part) if _holds_and(part) else None, part) for part in parts])
        case Named(part=part):
            return where_of(part)
        case Not() | Field():
            return lambda subject, now: ()


def _where_among(parts: Iterable[tuple[Test | None, Node]]) -> Where:
    """Of parts, those whose test holds, if they have one. Of a long OR most words are nowhere in a text: they are not looked at."""
    anchored: dict[str, list[Where]] = {}
    others: list[tuple[Test | None, Where]] = []
    for test, part in parts:
        if (key := near.first_key(part)) is not None:
            anchored.setdefault(key, []).append(where_of(part))
        else:
            others.append((test, where_of(part)))

    def where(subject: Subject, now: datetime) -> list[tuple[int, int]]:
        standing = [one for key in anchored.keys() & subject.words.vocabulary for one in anchored[key]]
        standing += [one for test, one in others if test is None or test(subject, now)]
        return [span for one in standing for span in one(subject, now)]

    return where


def _holds_and(part: Node) -> bool:
    while isinstance(part, Named):
        part = part.part
    return isinstance(part, And)


def _first(tree: Node, subject: Subject) -> Iterable[near.Stretch]:
    return islice(near.stretches(tree, subject.words), near.MOST)


def merged(spans: Iterable[tuple[int, int]]) -> tuple[int, ...]:
    """Spans in order, start and end in turn, overlapping and touching ones as one."""
    flat: list[int] = []
    for start, end in sorted(set(spans)):
        if flat and start <= flat[-1]:
            flat[-1] = max(flat[-1], end)
        else:
            flat.extend((start, end))
    return tuple(flat)


def _raw_spans(wanted: str, text: str) -> list[tuple[int, int]]:
    """Where exactly these characters stand, composed or not, and not inside a longer word."""
    spans = []
    for spelling in {wanted, unicodedata.normalize("NFC", wanted), unicodedata.normalize("NFD", wanted)}:
        at = text.find(spelling, 0, cutting.MAX_TEXT)
        while at >= 0:
            end = at + len(spelling)
            if not _cuts(text, at) and not _cuts(text, end):
                spans.append((at, end))
            at = text.find(spelling, at + 1, cutting.MAX_TEXT)
    return sorted(spans)


def _cuts(text: str, at: int) -> bool:
    """Whether a place lies inside a word, or between a character and its mark."""
    if not 0 < at < len(text):
        return False
    before, behind = text[at - 1], text[at]
    if unicodedata.category(behind)[0] == "M":
        return True
    if cutting.unspaced(before) or cutting.unspaced(behind):
        return False
    return behind.isalnum() and (before.isalnum() or unicodedata.category(before)[0] == "M")
