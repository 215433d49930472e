"""Named lists and sub-queries: what the rule files define for every query to use. Owns the check of them, each problem at its own place.

A definition with problems stands in for others as a plain word, so that one mistake is told once and not wherever its name is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from listener.model.problems import Problem
from listener.query import terms
from listener.query.fields import Use
from listener.query.names import Names
from listener.query.parse import Parsed, parse
from listener.query.told import Locate, Told

_STAND_IN = "word"


@dataclass(frozen=True, slots=True)
class Written:
    """A text of a definition, and where it stands."""

    text: str
    file: str
    locate: Locate


@dataclass(frozen=True, slots=True)
class Definitions:
    """What was defined, what of it a query can use, and what is wrong with it."""

    names: Names
    usable: Names
    """The same, with a plain word for each definition that has problems."""
    queries: Mapping[str, Parsed]
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


def as_written(lists: Mapping[str, tuple[Written, ...]], queries: Mapping[str, Written]) -> Names:
    """The definitions as queries may use them, unchecked: whoever uses one with mistakes is told."""
    entries = {name: tuple(one.text for one in written) for name, written in lists.items()}
    return Names(entries, {name: one.text for name, one in queries.items()})


def define(lists: Mapping[str, tuple[Written, ...]], queries: Mapping[str, Written]) -> Definitions:
    """Check all definitions together; a query may use lists and other queries, and may ask for any field of a view."""
    told, bad_lists = _check_entries(lists)
    names = as_written(lists, queries)
    texts = dict(names.queries)
    usable = dict(names.lists) | dict.fromkeys(bad_lists, (_STAND_IN,))
    parsed = {name: _parsed(one, Names(usable, texts)) for name, one in queries.items()}
    # Those that only use what is broken are good as far as they go.
    bad = {name for name, one in parsed.items() if any(problem.code != "broken-name" for problem in one.problems)}
    stood_in = Names(usable, texts | dict.fromkeys(bad, _STAND_IN))
    parsed = {name: one if name in bad else _parsed(queries[name], stood_in) for name, one in parsed.items()}
    told.extend(problem for one in parsed.values() for problem in one.problems)
    bad |= {name for name, one in parsed.items() if one.problems}
    return Definitions(
        names=names,
        usable=Names(usable, texts | dict.fromkeys(bad, _STAND_IN)),
        queries=parsed,
        problems=tuple(told),
        warnings=tuple(warning for one in parsed.values() for warning in one.warnings),
    )


def _parsed(one: Written, names: Names) -> Parsed:
    return parse(one.text, Use.VIEW, file=one.file, locate=one.locate, names=names)


def _check_entries(lists: Mapping[str, tuple[Written, ...]]) -> tuple[list[Problem], set[str]]:
    """What is wrong with the lists' entries, and which lists have any such."""
    problems: list[Problem] = []
    bad: set[str] = set()
    for name, written in lists.items():
        before = len(problems)
        for one in written:
            told = Told(one.file, one.locate)
            terms.entry(one.text, 0, told)
            problems.extend(told.problems)
        if len(problems) > before or not written:
            bad.add(name)
    return problems, bad
