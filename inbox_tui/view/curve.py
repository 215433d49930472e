"""The picture of an incident as cells: the curve, the usual band, the threshold, what is planned and what nobody heard. Owns where things are.

Everything has a sign of its own, none is told by colour alone; the legend says which.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING

from inbox_tui.view import words
from inbox_tui.view.lines import Line, Piece, cells, cut, fit, joined, say
from listener.rulebook.alerting import Watched

if TYPE_CHECKING:
    from listener.incidents.curve import Curve
    from listener.incidents.story import Plan, Story

BAND, HOLE, BEGAN, PLANNED = "░", "╱", "┊", "═"
OPENED, KNOWN, OVER = "▲", "✓", "■"
LEAST = 4
"""Rows of the plot itself, below which nothing can be read."""

_TICK = 12
"""Cells from one time to the next, at least."""

Point = tuple[float, float]
"""Cells from the left and from the top, with parts."""


@dataclass(frozen=True, slots=True)
class Put:
    """Some characters at a cell."""

    x: int
    y: int
    piece: Piece


@dataclass(frozen=True, slots=True)
class Picture:
    """All that is drawn, the lower first."""

    puts: tuple[Put, ...] = ()
    limits: tuple[tuple[Point, ...], ...] = ()
    """The threshold, as lines,"""
    lines: tuple[tuple[Point, ...], ...] = ()
    """and the curve: as many as there are stretches that were heard."""


@dataclass(frozen=True, slots=True)
class _Plot:
    """Where numbers and times are."""

    curve: Curve
    left: int
    width: int
    top_row: int
    height: int
    most: float

    def x(self, index: float) -> float:
        return self.left + (index + 0.5) * self.width / max(1, len(self.curve.seen))

    def y(self, value: float) -> float:
        part = min(1.0, max(0.0, value / self.most))
        return self.top_row + min(self.height - 0.01, (1 - part) * self.height)

    def column(self, at: datetime) -> int | None:
        """The column of a moment, where it is in the picture, or just after it; the curve's first number is of the step that ends there."""
        index, n = (at - self.curve.begin + self.curve.step) / self.curve.step, len(self.curve.seen)
        return self.left + min(self.width - 1, int(index * self.width / max(1, n))) if 0 <= index < n + 3 else None

    def columns(self, begin: datetime, end: datetime) -> range:
        """The columns of a stretch, cut at the edges."""
        low, high = ((at - self.curve.begin + self.curve.step) / self.curve.step for at in (begin, end))
        n = max(1, len(self.curve.seen))
        first = self.left + max(0, min(self.width, int(low * self.width / n)))
        last = self.left + max(0, min(self.width, int(high * self.width / n) + (high > low)))
        return range(first, last)


def picture(story: Story, curve: Curve, now: datetime, zone: tzinfo | None, width: int, height: int) -> Picture:
    """The picture in so many cells; an empty one where there is no room."""
    highs = [one for one in (*curve.seen, *curve.high, *curve.expected) if one is not None]
    most = nice(max(highs, default=1.0) * 1.05)
    left = max(cells(_figure(most)), 2) + 1
    plot = _Plot(curve, left, width - left, 1, height - 3, most)
    if plot.width < 10 or plot.height < LEAST:
        return Picture((Put(0, 0, (fit("too little room for the curve", width), "dim")),))
    puts = [*_scale(plot), *_band(plot), *_holes(plot, story), *_began(plot, story), *_times(plot, now, zone)]
    puts += [*_plans(plot, story.plans, zone), *_marks(plot, story)]
    bounds = curve.low if story.listed.incident.watched is Watched.SILENCE else curve.high
    return Picture(tuple(puts), tuple(_stretches(plot, bounds)), tuple(_stretches(plot, curve.seen)))


def legend(story: Story, curve: Curve, width: int) -> Line:
    """What the signs mean, as far as they are drawn."""
    over = f"in {words.span(curve.span)}"
    parts: list[Line] = [(("⣀⡠⠔ ", "ours"), (f"seen {over}", "dim"))]
    bounds = curve.low if story.listed.incident.watched is Watched.SILENCE else curve.high
    at = [one for one in bounds[: curve.told or None] if one is not None]
    if at:
        parts.append((("╌╌ ", "bad"), (f"threshold {_figure(at[-1])}", "dim")))
        parts.append(((f"{BAND}{BAND} ", "dim"), ("usual", "dim")))
    if any(one is None for one in curve.seen) or story.missing:
        parts.append(((f"{HOLE}{HOLE} ", "note"), ("not heard", "dim")))
    if story.plans:
        parts.append(((f"{PLANNED}{PLANNED} ", "good"), (f"planned: {say(story.plans[0].title)}", "dim")))
    signs = [(OPENED, "opened"), (KNOWN, "acknowledged"), (OVER, "over")]
    one = story.listed.incident
    there = (True, one.acknowledged_at is not None, story.listed.ended is not None)
    parts += [((f"{sign} ", "bold"), (said, "dim")) for (sign, said), is_so in zip(signs, there, strict=True) if is_so]
    return cut(joined(parts, "  "), width)


def nice(most: float) -> float:
    """A round number at or above: 1, 2, 5, 10, 20, 50 and so on, or 1.5, 3, 4, 6 and 8 times a power of ten."""
    power = 1.0
    while power * 10 <= most:
        power *= 10
    return next((step * power for step in (1, 1.5, 2, 3, 4, 5, 6, 8) if step * power >= most), 10 * power)


def _figure(value: float) -> str:
    value = round(value, 1)
    return words.short_count(round(value)) if value >= 10 or value == int(value) else f"{value:.1f}"


def _scale(plot: _Plot) -> Iterator[Put]:
    """The numbers at the left."""
    for value in (plot.most, plot.most / 2, 0.0):
        row = int(plot.y(value))
        text = _figure(value)
        yield Put(plot.left - 1 - cells(text), row, (text, "dim"))


def _parts(plot: _Plot) -> Iterator[tuple[int, range]]:
    """Each column with the numbers that it stands for; where there are more columns than numbers, some stand for the same."""
    n = len(plot.curve.seen)
    for column in range(plot.width):
        first = column * n // plot.width
        yield plot.left + column, range(first, max(first + 1, (column + 1) * n // plot.width))


def _band(plot: _Plot) -> Iterator[Put]:
    curve = plot.curve
    for x, part in _parts(plot):
        lows = [curve.low[i] or 0.0 for i in part if i < len(curve.low) and curve.high[i] is not None]
        highs = [high for i in part if i < len(curve.high) and (high := curve.high[i]) is not None]
        if lows:
            top, bottom = plot.y(sum(highs) / len(highs)), plot.y(sum(lows) / len(lows))
            for y in range(round(top), max(round(top), round(bottom + 0.5))):
                if plot.top_row <= y < plot.top_row + plot.height:
                    yield Put(x, y, (BAND, "dim"))


def _holes(plot: _Plot, story: Story) -> Iterator[Put]:
    """What nobody heard, from top to bottom; what one of several streams has not, at the bottom."""
    bottom = plot.top_row + plot.height - 1
    for hole in story.missing:
        if hole.state != "filled":
            for x in plot.columns(hole.start, hole.end):
                yield Put(x, bottom, (HOLE, "note"))
    for x, part in _parts(plot):
        if any(plot.curve.seen[i] is None for i in part if i < len(plot.curve.seen)):
            for y in range(plot.top_row, bottom + 1):
                yield Put(x, y, (HOLE, "note"))


def _began(plot: _Plot, story: Story) -> Iterator[Put]:
    x = plot.column(story.listed.incident.since)
    if x is not None:
        for y in range(plot.top_row, plot.top_row + plot.height):
            yield Put(x, y, (BEGAN, "bold"))


def _times(plot: _Plot, now: datetime, zone: tzinfo | None) -> Iterator[Put]:
    """The axis, and what time it is there."""
    row = plot.top_row + plot.height
    yield Put(plot.left, row, ("─" * plot.width, "dim"))
    curve = plot.curve
    last = f"{curve.end.astimezone(zone):%H:%M}"
    right = plot.left + plot.width - cells(last)
    yield Put(right, row + 1, (last, "dim"))
    ticks = max(1, min(plot.width // _TICK, len(curve.seen)))
    free = plot.left
    for tick in range(ticks):
        index = tick * len(curve.seen) // ticks
        at = curve.at(index).astimezone(zone)
        text = f"{at:%H:%M}"
        if tick == 0 and at.date() != now.astimezone(zone).date():
            text = f"{at:%d %b %H:%M}"
        x = plot.left + index * plot.width // max(1, len(curve.seen))
        if x >= free and x + cells(text) < right:
            yield Put(x, row + 1, (text, "dim"))
            free = x + cells(text) + 1


def _plans(plot: _Plot, plans: Sequence[Plan], zone: tzinfo | None) -> Iterator[Put]:
    """Above the plot: from the first day to the last, with the title where there is room."""
    for plan in plans:
        columns = plot.columns(_midnight(plan.first, zone), _midnight(plan.last + timedelta(days=1), zone))
        if columns:
            title = fit(f" {say(plan.title)} ", len(columns) - 2) if len(columns) > 8 else ""
            line = (
                PLANNED * 2 + title + PLANNED * max(0, len(columns) - 2 - cells(title))
                if title
                else PLANNED * len(columns)
            )
            yield Put(columns[0], 0, (line, "good"))


def _midnight(day: date, zone: tzinfo | None) -> datetime:
    wall = datetime.combine(day, time())
    return wall.replace(tzinfo=zone) if zone is not None else wall.astimezone()


def _marks(plot: _Plot, story: Story) -> Iterator[Put]:
    """On the axis: when it was opened, known, over."""
    one = story.listed.incident
    row = plot.top_row + plot.height
    for at, sign in ((one.opened_at, OPENED), (one.acknowledged_at, KNOWN), (story.listed.ended, OVER)):
        x = None if at is None else plot.column(at)
        if x is not None:
            yield Put(x, row, (sign, "bold"))


def _stretches(plot: _Plot, values: Sequence[float | None]) -> Iterator[tuple[Point, ...]]:
    """Lines through what is known."""
    run: list[Point] = []
    for index, value in enumerate(values):
        if value is None:
            if run:
                yield tuple(run)
            run = []
        else:
            run.append((plot.x(index), plot.y(value)))
    if run:
        yield tuple(run)
