"""How two scores fared on a team's own decisions, week by week, and whether the learned one falls behind. Owns these figures and what they mean.

Pure, plain Python: whoever only wants to know needs no library. Refuses to learn, and to say a figure where a few decisions would make it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from statistics import median

FEW = 5
"""Of either kind: with fewer, a figure of a week says nothing."""
ENOUGH, ENOUGH_OF_A_KIND = 100, 20
"""Decisions that were scored by a model as they came, and of either kind, before it can be found worse than need."""
TOP = 0.2
BINS = 10
MOVED = 0.25
"""Above this, scores lie elsewhere than they did: the usual limit of the population stability index."""


@dataclass(frozen=True, slots=True)
class Scored:
    """One decision with what both scores said before it."""

    at: datetime
    needed: bool
    need: float
    learned: float | None = None
    """None: no model spoke of it."""
    minutes: float | None = None
    """To the answer."""


@dataclass(frozen=True, slots=True)
class Figures:
    """How both scores put some decisions in order. None: too few to tell."""

    decisions: int
    needed: int
    auc_need: float | None = None
    auc: float | None = None
    top_need: float | None = None
    """Share of those that needed an answer which stands in the upper fifth by need,"""
    top: float | None = None
    """and by what was learned."""
    lifted: int = 0
    """That the model puts into the upper fifth and need does not,"""
    lifted_needed: int = 0
    """and that needed an answer;"""
    sunk_needed: int = 0
    """those that needed one and that it takes out of the upper fifth."""
    minutes: float | None = None
    """Until half of the answered were answered."""


@dataclass(frozen=True, slots=True)
class Week:
    """One week."""

    begins: date
    """A Monday, UTC."""
    decisions: int
    needed: int
    compared: str
    """What the model's figures are of: "live" (said as the messages came), "held back" (said of messages that it had not learned from),
    or "": no model spoke, and the figures are need's alone."""
    figures: Figures
    bins: tuple[int, ...] = ()
    """How many of its scores lie in each tenth from 0 to 1."""


@dataclass(frozen=True, slots=True)
class Drift:
    """Whether what was learned still holds."""

    falls: bool
    what: str
    """In words."""
    worse: bool = False
    """Worse than need on enough decisions: it should no longer be in force."""
    figures: Figures | None = field(default=None)


def figures(decisions: Sequence[Scored]) -> Figures:
    """Both scores on the same decisions; those of which no model spoke count for need alone, where it spoke of none."""
    both = [one for one in decisions if one.learned is not None]
    some = both or decisions
    needed = [one.needed for one in some]
    took = [one.minutes for one in some if one.minutes is not None]
    told = Figures(len(some), sum(needed), minutes=round(median(took), 1) if took else None)
    if min(told.needed, told.decisions - told.needed) < FEW:
        return told
    need = [one.need for one in some]
    upper_need = _upper(need)
    auc_need, top_need = _auc(need, needed), _recall(upper_need, needed)
    if not both:
        return Figures(told.decisions, told.needed, auc_need, None, top_need, minutes=told.minutes)
    learned = [one.learned or 0.0 for one in both]
    upper = _upper(learned)
    lifted, sunk = upper - upper_need, upper_need - upper
    return Figures(
        told.decisions, told.needed, auc_need, _auc(learned, needed), top_need, _recall(upper, needed), len(lifted),
        sum(needed[row] for row in lifted), sum(needed[row] for row in sunk), told.minutes,
    )  # fmt: skip


def weeks(live: Iterable[Scored], held_back: Iterable[Scored] = ()) -> list[Week]:
    """Every week that has decisions, the oldest first. `held_back`: what the newest model said of them before it had learned from them; it
    stands in for a week in which no model spoke as they came.
    """
    by_week: dict[date, list[Scored]] = {}
    for one in live:
        by_week.setdefault(_monday(one.at), []).append(one)
    other: dict[date, list[Scored]] = {}
    for one in held_back:
        other.setdefault(_monday(one.at), []).append(one)
    return [_week(begins, by_week.get(begins, []), other.get(begins, [])) for begins in sorted({*by_week, *other})]


def _week(begins: date, live: Sequence[Scored], held_back: Sequence[Scored]) -> Week:
    spoken = [one for one in live if one.learned is not None]
    compared, some = ("live", spoken) if spoken else ("held back", held_back) if held_back else ("", live)
    all_of_it = live or held_back
    return Week(
        begins, len(all_of_it), sum(one.needed for one in all_of_it), compared, figures(some),
        bins(one.learned for one in some if one.learned is not None) if compared else (),
    )  # fmt: skip


def bins(scores: Iterable[float]) -> tuple[int, ...]:
    """How many scores lie in each tenth."""
    found = [0] * BINS
    for score in scores:
        found[min(BINS - 1, max(0, int(score * BINS)))] += 1
    return tuple(found)


def moved(before: Sequence[int], after: Sequence[int]) -> float:
    """By how much scores lie elsewhere than before (population stability index); 0: as they did. Each tenth has a half more, so that none is 0."""
    whole, now = sum(before) + BINS / 2, sum(after) + BINS / 2
    pairs = [((a + 0.5) / whole, (b + 0.5) / now) for a, b in zip(before, after, strict=True)]
    return sum((b - a) * math.log(b / a) for a, b in pairs)


def drift(since: Sequence[Scored], learned_bins: Sequence[int], promised: float) -> Drift:
    """Whether a model that `promised` such an AUC still keeps it on what it has scored as it came `since` it was made; `learned_bins`: how its
    scores lay on what was held back then.
    """
    some = [one for one in since if one.learned is not None]
    told = figures(some)
    if len(some) < ENOUGH or min(told.needed, len(some) - told.needed) < ENOUGH_OF_A_KIND:
        wanted = f"{ENOUGH} are needed, and {ENOUGH_OF_A_KIND} of either kind"
        return Drift(False, f"too few decisions since to tell how it fares: {len(some):,} ({wanted})", figures=told)
    auc, auc_need = told.auc or 0.0, told.auc_need or 0.0
    of = (
        f"AUC {auc:.3f} against {auc_need:.3f} of need on the {len(some):,} decisions since; it promised {promised:.3f}"
    )
    if auc < auc_need:
        return Drift(True, f"it does worse than need: {of}", True, told)
    elsewhere = moved(learned_bins, bins(one.learned for one in some if one.learned is not None))
    if elsewhere > MOVED:
        return Drift(
            True,
            f"what people write has changed since it learned (its scores moved by {elsewhere:.2f}): {of}",
            False,
            told,
        )
    if auc < (promised + auc_need) / 2:
        return Drift(True, f"it gains less than half of what it promised: {of}", False, told)
    return Drift(False, of, False, told)


def _monday(at: datetime) -> date:
    day = at.astimezone(UTC).date()
    return day - timedelta(days=day.weekday())


def _auc(scores: Sequence[float], needed: Sequence[bool]) -> float:
    """The chance that of two, one that needed an answer and one that did not, the score puts the first above; ties count half."""
    rows = sorted(range(len(scores)), key=scores.__getitem__)
    ranks, at = 0.0, 0
    while at < len(rows):
        end = at
        while end < len(rows) and scores[rows[end]] == scores[rows[at]]:
            end += 1
        ranks += (at + end + 1) / 2 * sum(needed[row] for row in rows[at:end])
        at = end
    yes = sum(needed)
    return round((ranks - yes * (yes + 1) / 2) / (yes * (len(rows) - yes)), 4)


def _upper(scores: Sequence[float]) -> set[int]:
    rows = sorted(range(len(scores)), key=lambda row: -scores[row])
    return set(rows[: max(1, round(len(rows) * TOP))])


def _recall(upper: set[int], needed: Sequence[bool]) -> float:
    return round(sum(needed[row] for row in upper) / sum(needed), 4)
