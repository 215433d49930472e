"""Rulebooks by their hash, and what they say about one message: read once each, beside the loop. Owns parsing for the inbox.

Refuses to open the store, and to score tone or find languages: a message is asked about as it was judged.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from inbox_tui.view.rules import RuleRow, at_rule, piece_of
from inbox_tui.view.whys import Branch, Explanation, Part, RuleWhy
from listener.model import Problem, Tone

if TYPE_CHECKING:
    from listener.query.explain import Explained
    from listener.rulebook.explain import Why
    from listener.rulebook.shape import Example, Exemption, Rule, Rulebook
    from listener.store.judged import Judged
    from listener.store.rulestats import RuleStat

KEPT = 4
"""Rulebooks in memory: the one in force, and those that were asked about last."""

Book = "Rulebook | Problem | None"
"""A rulebook; what keeps this version from reading it; None: nobody has kept it."""


@dataclass(slots=True)
class Shelf:
    """The rulebooks that were asked for."""

    files_of: Callable[[str], Awaitable[Mapping[str, str] | None]]
    _books: OrderedDict[str, Rulebook | Problem] = field(default_factory=OrderedDict)
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def book(self, hash: str) -> Rulebook | Problem | None:  # noqa: A002 - the column's word
        """The rulebook of a hash, or what keeps this version from reading it; None: nobody has kept it."""
        async with self._reading:
            if hash not in self._books:
                files = await self.files_of(hash)
                if files is None:
                    return None
                self._books[hash] = await asyncio.to_thread(_parsed, files)
                while len(self._books) > KEPT:
                    self._books.popitem(last=False)
            self._books.move_to_end(hash)
            return self._books[hash]


def _parsed(files: Mapping[str, str]) -> Rulebook | Problem:
    from listener.rulebook.parse import parse

    found = parse(files)
    return found[0] if isinstance(found, list) else found


# What each rule is worth ---------------------------------------------------------------------------------------------


def rule_rows(book: Rulebook, stats: Iterable[RuleStat], problems: Sequence[Problem]) -> tuple[RuleRow, ...]:
    """Every rule of a rulebook with its figures, and with what was found where it stands. `problems`: of the files on disk."""
    by_rule = {one.rule: one for one in stats}
    starts: dict[str, list[int]] = {}
    for rule in book.rules:
        starts.setdefault(rule.place.file, []).append(rule.place.line)
    rows: list[RuleRow] = []
    for rule in book.rules:
        place = rule.place
        piece = piece_of(book.files.get(place.file, ""), place.line, place.column)
        end = min((line for line in starts[place.file] if line > place.line), default=place.line + len(piece))
        found = at_rule((*problems, *book.warnings), place.file, place.line, end)
        rows.append(_row(rule, piece, found, by_rule.get(rule.id), book.exceptions_to(rule.id)))
    return tuple(rows)


def _row(
    rule: Rule, piece: tuple[str, ...], found: tuple[Problem, ...], stat: RuleStat | None, exceptions: Iterable[Exemption]
) -> RuleRow:  # fmt: skip
    row = RuleRow(
        rule.id, rule.title, rule.owner, rule.status.value, rule.place.file, rule.place.line, piece,
        tuple(map(_example, rule.fires)), tuple(map(_example, rule.silent)), tuple(map(_exception, exceptions)), found,
    )  # fmt: skip
    if stat is None:
        return row
    return RuleRow(
        row.id, row.title, row.owner, row.status, row.file, row.line, row.piece, row.fires, row.silent, row.exceptions,
        row.problems, stat.today, stat.hits, stat.shadow_hits, stat.right, stat.false_alarms, stat.missed, stat.minutes,
        stat.last_at,
    )  # fmt: skip


def _example(example: Example) -> str:
    before = f" (after {len(example.before)} before it)" if example.before else ""
    return f"{example.text}{before}"


def _exception(one: Exemption) -> str:
    told = [one.reason]
    if one.when is not None:
        told.append(f"on: {one.when.text}")
    if one.authors:
        told.append(f"by: {', '.join(sorted(one.authors))}")
    if one.until is not None:
        told.append(f"until {one.until}")
    if one.by:
        told.append(f"says {one.by}")
    return "; ".join(told)


# Why -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _AsThen:
    """Tone and language as they were found when the message was judged."""

    tone_then: Tone
    lang_then: str
    method: str = "as it was then"

    def find(self, text: str, claimed: Iterable[str] = ()) -> str:
        """The language that was found."""
        return self.lang_then

    def tone(self, text: str, lang: str, brand_names: Iterable[str] = ()) -> Tone:
        """The tone that was heard."""
        return self.tone_then


def unexplained(found: Judged, hash: str, why_not: str, *, today: bool) -> Explanation:  # noqa: A002 - the column's word
    """What can be said of a message where nobody can tell why."""
    text = None if found.text_gone else found.mention.text
    flagged = tuple(flag.rule for flag in found.flags if not flag.shadow)
    return Explanation(
        text, found.at, hash, today, False, flagged=flagged, values=tuple(_values(found)), doubts=(why_not,)
    )


def explained(found: Judged, book: Rulebook, *, today: bool, same: bool) -> Explanation:
    """Why every rule of a rulebook fires on a message, or does not, with what was known when it was judged. Costs milliseconds a rule."""
    from listener.rulebook.explain import why_all
    from listener.rulebook.subject import Methods, heard_by, judged

    then = _AsThen(found.assessment.tone, found.assessment.lang)
    heard = heard_by(found.hearings, found.brand, book)
    subject, _ = judged(found.mention, heard, Methods(then, then), found.context)
    whys = why_all(book, subject, heard, found.context, found.at)
    rules = tuple(_told(why, found, book) for why in whys)
    stable = [one for one in rules if one.fires and not one.shadow]
    trying = [one for one in rules if one.fires and one.shadow]
    silent = [one for one in rules if not one.fires]
    return Explanation(
        text=found.mention.text,
        judged_at=found.at,
        by=book.hash,
        today=today,
        same=same,
        rules=(*stable, *trying, *silent),
        flagged=tuple(flag.rule for flag in found.flags if not flag.shadow),
        values=tuple(_values(found)),
        doubts=tuple(_doubts(found, book, stable, today=today)),
    )


def _told(why: Why, found: Judged, book: Rulebook) -> RuleWhy:
    from listener.rulebook.combine import says

    flag = next((one for one in found.flags if one.rule == why.rule.id), None)
    values = {} if flag is None else flag.values
    parts = tuple(
        Part(part.name, part.true, part.says, () if part.tree is None else tuple(_branches(part.tree, query)))
        for part in why.parts
        for query in (_query_of(part.name, why.rule, part.says, book),)
    )
    return RuleWhy(
        why.rule.id, why.rule.title, why.fires, why.shadow, parts, tuple(says(why.rule)),
        tuple((name, _plain(value)) for name, value in values.items() if value not in ("", [], None)),
    )  # fmt: skip
