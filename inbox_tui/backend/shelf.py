"""Rulebooks by their hash, and what they say about one message: read once each, beside the loop. Owns parsing for the inbox.

Refuses to open the store, and to score tone or find languages: a message is asked about as it was judged.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from inbox_tui.view import rules, whys
from listener.query import explain as wording
from listener.query import subject as about
from listener.query import tree
from listener.rulebook import combine, explain, parse
from listener.rulebook import subject as subjects

if TYPE_CHECKING:
    from listener.model.heard import Hearing
    from listener.model.judged import Tone
    from listener.model.problems import Problem
    from listener.rulebook.asking import Example
    from listener.rulebook.shape import Exemption, Rule, Rulebook
    from listener.store.judged import Judged
    from listener.store.rulestats import RuleStat

KEPT = 4
"""Rulebooks in memory: the one in force, and those that were asked about last."""


@dataclass(slots=True)
class Shelf:
    """The rulebooks that were asked for."""

    files_of: Callable[[str], Awaitable[Mapping[str, str] | None]]
    latest: Callable[[], Awaitable[str]]
    """The hash of the one in force; '' : none is yet."""
    _books: OrderedDict[str, Rulebook | Problem] = field(default_factory=OrderedDict)
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def in_force(self) -> Rulebook | Problem | None:
        """The rulebook in force, or what keeps this version from reading it; None: there is none yet."""
        hash_ = await self.latest()
        return await self.book(hash_) if hash_ else None

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

    found = parse.parse(files)
    return found[0] if isinstance(found, list) else found


# What each rule is worth ---------------------------------------------------------------------------------------------


def rule_rows(book: Rulebook, stats: Iterable[RuleStat], problems: Sequence[Problem]) -> tuple[rules.RuleRow, ...]:
    """Every rule of a rulebook with its figures, and with what was found where it stands. `problems`: of the files on disk."""
    by_rule = {one.rule: one for one in stats}
    starts: dict[str, list[int]] = {}
    for rule in book.rules:
        starts.setdefault(rule.place.file, []).append(rule.place.line)
    rows: list[rules.RuleRow] = []
    for rule in book.rules:
        place = rule.place
        piece = rules.piece_of(book.files.get(place.file, ""), place.line, place.column)
        end = min((line for line in starts[place.file] if line > place.line), default=place.line + len(piece))
        row = _row(rule, piece, by_rule.get(rule.id), book.exceptions_to(rule.id))
        told, warned = (rules.at_rule(some, place.file, place.line, end) for some in (problems, book.warnings))
        rows.append(replace(row, problems=told, warnings=warned))
    return tuple(rows)


def _row(rule: Rule, piece: tuple[str, ...], stat: RuleStat | None, exceptions: Iterable[Exemption]) -> rules.RuleRow:
    row = rules.RuleRow(
        rule.id, rule.title, rule.owner, rule.status.value, rule.place.file, rule.place.line, piece,
        tuple(map(_example, rule.fires)), tuple(map(_example, rule.silent)), tuple(map(_exception, exceptions)),
    )  # fmt: skip
    if stat is None:
        return row
    return replace(
        row,
        today=stat.today,
        hits=stat.hits,
        shadow_hits=stat.shadow_hits,
        right=stat.right,
        false_alarms=stat.false_alarms,
        missed=stat.missed,
        minutes=stat.minutes,
        last_at=stat.last_at,
    )


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

    def with_words(self, words: Mapping[str, float | None], lists: Mapping[str, Any] = MappingProxyType({})) -> _AsThen:
        """Other words for moods change nothing: it was heard already."""
        return self


def unexplained(found: Judged, hash: str, why_not: str, *, today: bool) -> whys.Explanation:  # noqa: A002 - the column's word
    """What can be said of a message where nobody can tell why."""
    text = None if found.text_gone else found.mention.text
    flagged = tuple(flag.rule for flag in found.flags if not flag.shadow)
    return whys.Explanation(
        text,
        found.at,
        hash,
        today,
        False,
        flagged=flagged,
        values=tuple(_values(found, found.hearings)),
        doubts=(why_not,),
    )


def explained(found: Judged, book: Rulebook, *, today: bool, same: bool) -> whys.Explanation:
    """Why every rule of a rulebook fires on a message, or does not, with what was known when it was judged. Costs milliseconds a rule."""

    then = _AsThen(found.assessment.tone, found.assessment.lang)
    hearings = found.hearings
    if found.rulebook != book.hash:  # other rules than those that judged it have topics of their own
        hearings = subjects.heard_anew(hearings, found.brand_id, lambda: _topics_hearing(found, book))
    heard = subjects.heard_by(hearings, found.brand, book)
    subject, _ = subjects.judged(found.mention, heard, subjects.Methods(then, then), found.context)
    reasons = explain.why_all(book, subject, heard, found.context, found.at)
    told = tuple(_told(why, found, book, subject) for why in reasons)
    stable = [one for one in told if one.fires and not one.shadow]
    trying = [one for one in told if one.fires and one.shadow]
    silent = [one for one in told if not one.fires]
    return whys.Explanation(
        text=found.mention.text,
        judged_at=found.at,
        by=book.hash,
        today=today,
        same=same,
        rules=(*stable, *trying, *silent),
        flagged=tuple(flag.rule for flag in found.flags if not flag.shadow),
        values=tuple(_values(found, hearings)),
        doubts=tuple(_doubts(found, book, reasons)),
    )


def _told(why: explain.Why, found: Judged, book: Rulebook, subject: about.Subject) -> whys.RuleWhy:

    rule = why.rule
    exempt = subjects.exception_for(book, rule, subject, found.at)
    queries = {"when": rule.when.text, "exceptions": exempt.when.text if exempt is not None and exempt.when else ""}
    parts = tuple(
        whys.Part(
            part.name,
            part.true,
            part.says,
            () if part.tree is None else tuple(_branches(part.tree, queries.get(part.name, ""))),
        )
        for part in why.parts
    )
    flag = next((one for one in found.flags if one.rule == rule.id), None)
    values = {} if flag is None else flag.values
    kept = tuple((name, _plain(value)) for name, value in values.items() if name not in _TOLD)
    return whys.RuleWhy(rule.id, rule.title, why.fires, why.shadow, parts, tuple(combine.says(rule)), kept)


_TOLD = frozenset({"tone", "lang", "addressed", "topics"})
"""Values of a finding that are told once, with the message."""


def _branches(found: wording.Explained, query: str, depth: int = 0) -> Iterator[whys.Branch]:

    node = found.node
    yield whys.Branch(
        depth, wording.written(query, node.start, node.end), found.true, found.spans, wording.left_out(found)
    )
    inside = node.text if isinstance(node, tree.Named) else query
    for part in wording.telling(found):
        yield from _branches(part, inside, depth + 1)


def _topics_hearing(found: Judged, book: Rulebook) -> Sequence[str]:
    """The topics of a rulebook that hear the message for its brand."""

    asked = about.Subject.of(found.mention)
    return [
        topic.key
        for topic in book.topics
        if topic.brand in {"", found.brand}
        and topic.listens(found.mention.source, found.context.accounts)
        and topic.query.test(asked, found.at)
    ]


def _values(found: Judged, hearings: Iterable[Hearing]) -> Iterator[tuple[str, str]]:
    """What a message was judged on besides its text."""
    thought, context = found.assessment, found.context
    score = "" if thought.tone.compound is None else f" {thought.tone.compound:+.2f}"
    yield "tone", thought.tone.label.value.replace("_", " ") + score
    yield "language", thought.lang or "not found"
    heard = set(hearings)
    topics = sorted({one.topic for one in heard if one.topic})
    ways = sorted({one.via.value for one in heard if not one.topic})
    yield "heard by", ", ".join([*(f"topic {topic}" for topic in topics), *ways]) or "nobody"
    if context.addresses:
        yield "addresses us", "yes"
    if context.followers is not None:
        yield "followers", f"{context.followers:,}"
    if context.verified:
        yield "verified", "yes"
    if context.author_before:
        yield "heard of the author before", f"{context.author_before:,}"
    if context.history:
        yield "imported", "yes"


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_plain(one)}" for name, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value))
    if isinstance(value, float):
        return f"{value:g}"
    return "yes" if value is True else "no" if value is False else "" if value is None else str(value)


def _doubts(found: Judged, book: Rulebook, reasons: Iterable[explain.Why]) -> Iterator[str]:
    """What cannot be told as it was."""
    if found.rulebook == book.hash:
        fire = {why.rule.id for why in reasons if why.fires and not why.shadow}
        flagged = {flag.rule for flag in found.flags if not flag.shadow}
        if more := sorted(flagged - fire):
            yield f"then {', '.join(more)} fired too, when it was heard by another way"
        if less := sorted(fire - flagged):
            yield f"{', '.join(less)} fires by what is known, and did not then"
        return
    yield "tone and language are told as they were found then"
    for why in reasons:
        if why.rule.count is not None and all(part.true for part in why.parts if part.name in {"scope", "when"}):
            known = why.rule.id in found.context.counts
            told = "is told as the rules of that time counted it" if known else "was not kept"
            yield f"what {why.rule.id} had counted {told}: hubbub rules replay counts again"
