"""`hubbub rules stats`: which rules are worth having. Owns what counts as wanting attention, and the printing; the figures are the store's."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from listener.cli import FINDINGS, FINE
from listener.cli.looking import add_where
from listener.cli.rules.times import age_or_time, instant
from listener.errors import FixMe

if TYPE_CHECKING:
    from listener.rulebook.shape import Rule, Rulebook
    from listener.store.connect import Pool
    from listener.store.rulestats import RuleStat

SAMPLE = 300
"""Stored mentions on which it is measured what a rule costs."""
FEW = 3
"""Marks below which nothing is said about how often a rule is right."""
WIDE = 120
"""Columns of a terminal below which only what is wanted first is shown."""
_WIDE_ONLY = frozenset({"TODAY", "PRECISION", "LAST FIRED", "COST"})


def configure(parser: argparse.ArgumentParser) -> None:
    """Since when, for which brand."""
    parser.add_argument(
        "--since", type=age_or_time, default="30d", metavar="T", help="an age (30d) or a time (2026-11-01); 30d"
    )
    add_where(parser)
    parser.epilog = """\
examples:
  hubbub rules stats                         what wants attention first
  hubbub rules stats --since 7d --brand larkspur
  hubbub rules stats --json | jq -r '.rules[] | select(.hits == 0) | .rule'

PRECISION is the share of right among what people marked. FIRST ACT is the median time until a person does something about a hit.
COST is what the rule's query takes for one mention, measured here on stored ones. An experimental rule changes nothing: what it would
have flagged is told apart. A terminal of less than 120 columns is shown less; --json has all.
Exit codes: 0 there are figures, 1 no rulebook was ever in force, 2 wrong usage, 3 the database is not reachable."""


@dataclass(frozen=True, slots=True)
class Line:
    """One rule and its figures, of all brands that were asked for."""

    rule: str
    title: str
    status: str
    """Of the rule; "" where the rulebook in force no longer has it."""
    hits: int
    would: int
    """Messages that it would have flagged while it was experimental."""
    today: int
    right: int
    false_alarms: int
    missed: int
    precision: float | None
    minutes: float | None
    last_at: datetime | None
    microseconds: float | None
    attention: str
    weight: int


def run(arguments: argparse.Namespace) -> int:
    """Reads and prints."""
    from listener.cli.terminal import run_async

    return run_async(_stats(arguments))


async def _stats(arguments: argparse.Namespace) -> int:
    from listener.cli.looking import opened_brand
    from listener.cli.terminal import USAGE_CODE, print_json
    from listener.store import rulebooks, rulestats

    now = datetime.now(UTC)
    since = instant(arguments.since, now)
    if since >= now:
        raise FixMe("--since is in the future", hint="an age is counted back from now: --since 7d", code=USAGE_CODE)
    async with opened_brand(arguments, reading=True) as (_, house, brand_id):
        in_force = await rulebooks.in_force(house.pool)
        if in_force is None:
            raise FixMe("no rulebook was ever in force here", hint="start the listener")
        rulebook = _parsed(in_force.files)
        found = await rulestats.stats(house.pool, brand_id if arguments.brand else None, since, now)
        costs = await _costs(house.pool, brand_id, rulebook, since, now)
    lines = sorted(_lines(rulebook, found, costs), key=lambda one: (-one.weight, -one.hits, one.rule))
    if arguments.json:
        told: dict[str, Any] = {"since": since, "brand": arguments.brand, "rulebook": in_force.hash, "rules": lines}
        print_json(told)
    else:
        _print(lines, now)
    return FINE if lines else FINDINGS


def _parsed(files: Any) -> Rulebook:
    from listener.rulebook.parse import parse
    from listener.rulebook.shape import Rulebook

    loaded = parse(files)
    if not isinstance(loaded, Rulebook):
        raise FixMe("the rulebook in force cannot be read by this version", where=str(loaded[0]))
    return loaded


async def _costs(pool: Pool, brand_id: int, rulebook: Rulebook, since: datetime, now: datetime) -> dict[str, float]:
    """Microseconds that each rule's query takes for one mention; {}: there is none to measure on."""
    from listener.query.subject import Subject
    from listener.store import history

    page = [one for one in await history.heard(pool, brand_id, since, now, limit=SAMPLE) if not one.text_gone]
    subjects = [
        Subject.of(
            one.mention, lang=one.assessment.lang, tone=one.assessment.tone.label, compound=one.assessment.tone.compound
        )
        for one in page
    ]
    for subject in subjects:
        _ = subject.words.places  # cut once for all rules, as when judging
    costs = {}
    for rule in rulebook.rules if subjects else ():
        began = time.perf_counter()
        for subject in subjects:
            rule.when.test(subject, now)
        costs[rule.id] = (time.perf_counter() - began) / len(subjects) * 1e6
    return costs


def _lines(rulebook: Rulebook, found: Sequence[RuleStat], costs: dict[str, float]) -> Iterable[Line]:
    by_rule: dict[str, list[RuleStat]] = {rule.id: [] for rule in rulebook.rules}
    for stat in found:
        by_rule.setdefault(stat.rule, []).append(stat)
    for id_, stats in by_rule.items():
        yield line_of(id_, rulebook.rule(id_), stats, costs.get(id_))


def line_of(id_: str, rule: Rule | None, stats: Sequence[RuleStat], microseconds: float | None) -> Line:
    """A rule's figures of all its brands together, and what about them wants attention."""
    from listener.store.marks import NEW_RULE

    right, false_alarms, missed = (sum(getattr(s, n) for s in stats) for n in ("right", "false_alarms", "missed"))
    hits, would = sum(s.hits for s in stats), sum(s.shadow_hits for s in stats)
    acted = [s for s in stats if s.minutes is not None]
    last = max((s.last_at for s in stats if s.last_at is not None), default=None)
    status = rule.status.value if rule is not None else ""
    weight, attention = _attention(status, hits, would, right, false_alarms, missed, ever=last is not None)
    if id_ == NEW_RULE:
        weight, attention = 3, f"{missed:,} that want a new rule: hubbub rules drafts lists them"
    return Line(
        rule=id_, title=rule.title if rule is not None else "", status=status, hits=hits, would=would,
        today=sum(s.today for s in stats), right=right, false_alarms=false_alarms, missed=missed,
        precision=right / (right + false_alarms) if right + false_alarms else None,
        minutes=max(acted, key=lambda s: s.hits).minutes if acted else None,
        last_at=last, microseconds=microseconds, attention=attention, weight=weight,
    )  # fmt: skip


def _attention(
    status: str, hits: int, would: int, right: int, false_alarms: int, missed: int, *, ever: bool
) -> tuple[int, str]:
    """How much a rule wants to be looked at, and why, in words."""
    marks = right + false_alarms
    if not status:
        return 0, "not in the rules in force"
    if status == "experimental":
        told = f"experimental: would have flagged {would:,}, {right:,} marked right, {false_alarms:,} false"
        if missed:
            told += f", {missed:,} missed"
        return (2 if marks >= FEW else 1), told
    if status == "deprecated":
        return 0, "deprecated: never fires"
    wrong = [f"{false_alarms:,} of {marks:,} marks are false alarms"] if false_alarms else []
    wrong += [f"{missed:,} missed"] if missed else []
    if wrong:
        bad = marks >= FEW and 2 * false_alarms > marks
        return (4 if bad else 3), "; ".join(wrong)
    if not ever:
        return 2, "never fired"
    return (1, "did not fire in that time") if not hits else (0, "")


def _print(lines: Sequence[Line], now: datetime) -> None:
    import shutil
    import sys

    from listener.cli.terminal import moment, table

    rows: list[tuple[str, ...]] = [
        ("RULE", "HITS", "TODAY", "RIGHT", "FALSE", "MISSED", "PRECISION", "FIRST ACT", "LAST FIRED", "COST", "")
    ]
    rows += [
        (
            one.rule,
            *(f"{n:,}" for n in (one.hits, one.today, one.right, one.false_alarms, one.missed)),
            "-" if one.precision is None else f"{one.precision:.0%}",
            "-" if one.minutes is None else f"{one.minutes:.0f} min",
            "never" if one.last_at is None else moment(one.last_at, now),
            "-" if one.microseconds is None else f"{one.microseconds:.1f} µs",
            one.attention,
        )
        for one in lines
    ]
    wide = not sys.stdout.isatty() or shutil.get_terminal_size((WIDE, 24)).columns >= WIDE
    print(table(rows if wide else narrow(rows)))


def narrow(rows: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    """Rows without the columns that a small terminal has no room for; the first row names them."""
    kept = [place for place, name in enumerate(rows[0]) if name not in _WIDE_ONLY]
    return [tuple(row[place] for place in kept) for row in rows]
