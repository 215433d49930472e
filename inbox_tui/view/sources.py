"""Sources as people look at them: one in the list, one in full, and all of them in a line. Nothing is told by colour alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo

from inbox_tui.view import words
from inbox_tui.view.lines import Line, Piece, flow, flow_parts, joined, say, spread
from listener.store.source_views import ENDS_SOON, GAP_WORDS, BudgetRow, GapRow, SourceState

BAR = 12
"""Cells of a bar."""

_SIGNS = {"running": "●", "waiting": "◌", "paused": "‖", "stopped": "✗", "finished": "✓", "new": "○"}


def stopped_words(titles: Sequence[str], key: str) -> str:
    """That sources stopped, for the bar of every screen."""
    what = say(titles[0]) if len(titles) == 1 else f"{len(titles)} sources"
    return f"✗ {what} stopped ({key})"


def summary(states: Sequence[SourceState], now: datetime, width: int) -> list[Line]:
    """All of them in a line or two."""
    if not states:
        return flow((("no source ever ran here: the listener starts them", "soon"),), width)
    parts: list[Line] = [((words.count(len(states), "source"), "title"),)]
    silent = [one for one in states if one.is_silent(now)]
    for name, style in (("stopped", "late"), ("waiting", "soon"), ("paused", "soon"), ("running", "good")):
        n = sum(_state(one) == name and one not in silent for one in states)
        parts += [((f"{_SIGNS[name]} {n} {name}", style),)] if n else []
    if silent:
        parts.append(((f"◌ {len(silent)} silent", "late"),))
    if gaps := sum(len(one.gaps) for one in states):
        parts.append(((f"{words.count(gaps, 'gap')} not filled", "soon"),))
    if asked := sum(one.rejects_asked for one in states):
        parts.append(((f"{words.count(asked, 'reject')} being read again", "note"),))
    return flow_parts(parts, width)


def source_lines(one: SourceState, width: int, now: datetime) -> tuple[Line, Line]:
    """One source in two lines: what it is and its state, then what it hears and what is wrong."""
    return spread(_name(one, now), (_short(one, now),), width), spread(
        (("  ", ""), *_hears(one, now)), _wrong(one, now), width
    )


def source_line(one: SourceState, width: int, now: datetime) -> tuple[Line]:
    """One source in one line."""
    return (spread(_name(one, now), joined([_wrong(one, now), (_short(one, now),)]), width),)


def _state(one: SourceState) -> str:
    return "paused" if one.wanted == "paused" else one.state


def _style(one: SourceState, now: datetime) -> str:
    if one.is_silent(now) or _state(one) == "stopped":
        return "late"
    return {"running": "good", "finished": "dim"}.get(_state(one), "soon")


def _name(one: SourceState, now: datetime) -> list[Piece]:
    sign = "◌" if one.is_silent(now) else _SIGNS.get(_state(one), "○")
    return [(f"{sign} ", _style(one, now)), (say(one.title), "bold")]


def _short(one: SourceState, now: datetime) -> Piece:
    said = "silent" if one.is_silent(now) else say(_state(one))
    return said, _style(one, now)


def _hears(one: SourceState, now: datetime) -> Line:
    last: Line = ((f"last item {words.ago(one.item_at, now)}" if one.item_at else "nothing heard yet", "dim"),)
    rate: Line = ((f"{words.short_count(round(one.an_hour))} an hour", "dim"),) if one.stored else ()
    return joined([last, rate, _lag(one.lag)])


def _lag(lag: timedelta | None) -> Line:
    if lag is None:
        return ()
    return ((f"{words.span(lag)} behind", "soon" if lag > timedelta(minutes=2) else "dim"),)


def _wrong(one: SourceState, now: datetime) -> Line:
    parts: list[Line] = []
    if one.login_until is not None and one.login_until - now < ENDS_SOON:
        parts.append(((_login(one.login_until, now), "soon"),))
    if one.gaps:
        parts.append(((words.count(len(one.gaps), "gap"), "soon"),))
    if rejects := sum(one.rejects.values()):
        parts.append(((f"{words.short_count(rejects)} rejects", "dim"),))
    if faults := sum(fault.seen for fault in one.faults):
        parts.append(((f"{words.short_count(faults)} faults", "dim"),))
    return joined(parts)


def _login(until: datetime, now: datetime) -> str:
    return f"login ends in {words.span(until - now)}" if until > now else "login ended"


def source_page(one: SourceState, now: datetime, zone: tzinfo | None, width: int) -> list[Line]:
    """One source in full: its state, why and since when; what it hears; faults, gaps and rejects; what is left of limits."""
    lines = flow_parts([((say(one.title), "title"),), ((say(one.key), "dim"),)], width)
    lines.extend(flow((*_name(one, now)[:1], (say(one.said(now)), _style(one, now))), width, hanging="  "))
    if one.wanted_by and one.wanted_at is not None:
        did = "paused" if one.wanted == "paused" else "resumed"
        told = f"{did} by {say(one.wanted_by)} {words.ago(one.wanted_at, now)}"
        lines.extend(flow(((told, "note"),), width, indent="  "))
    alive: Line = (
        (f"last sign of life {words.ago(one.beat_at, now)}" if one.beat_at else "no sign of life yet", "dim"),
    )
    heard: Line = ((f"{one.heard:,} heard, {one.stored:,} stored", "dim"),)
    lines.extend(flow_parts([_hears(one, now), heard, alive], width))
    if one.login_until is not None:
        soon = one.login_until - now < ENDS_SOON
        when = words.clock(one.login_until, now, zone)
        lines.extend(flow(((f"{_login(one.login_until, now)} ({when})", "soon" if soon else "dim"),), width))
    if one.waiting or one.failed:
        lines.extend(flow(((f"deliveries: {one.waiting:,} wait, {one.failed:,} could not be read", "soon"),), width))
    for budget in one.budgets:
        lines.extend([(), *flow((("what the network allows", "dim"),), width)] if budget is one.budgets[0] else [])
        lines.extend(_budget(budget, now, zone, width))
    lines.extend([(), (("gaps", "dim"),)] if one.gaps else [])
    for gap in one.gaps:
        lines.extend(_gap(gap, now, zone, width))
    lines.extend([(), (("faults", "dim"),)] if one.faults else [])
    for fault in one.faults:
        head: Line = (
            (say(fault.code), "bold"),
            (f"  {fault.seen:,} times, last {words.ago(fault.last_at, now)}: ", "dim"),
        )
        lines.extend(flow((*head, (say(fault.what), "")), width, indent="  ", hanging="    "))
    if one.rejects:
        asked = f" ({one.rejects_asked:,} being read again)" if one.rejects_asked else ""
        lines.extend([(), *flow(((f"could not be used{asked}", "dim"),), width)])
        for reason, n in one.rejects.items():
            lines.extend(flow(((say(reason), "bold"), (f"  {n:,}", "")), width, indent="  ", hanging="    "))
    return lines


def bar(share: float, width: int = BAR) -> str:
    """A share in characters."""
    full = round(min(1.0, max(0.0, share)) * width)
    return "█" * full + "░" * (width - full)


def _budget(budget: BudgetRow, now: datetime, zone: tzinfo | None, width: int) -> list[Line]:
    share = budget.share(now)
    left = f" {budget.left(now):,.0f} of {budget.points:,.0f} left"
    style = "late" if share < 0.05 else "soon" if share < 0.2 else "good"
    shut = budget.closed_until is not None and budget.closed_until > now
    until: Line = (
        ((f", closed until {words.clock(budget.closed_until, now, zone)}", "late"),)
        if shut and budget.closed_until
        else ()
    )
    return flow(
        ((bar(share), style), (left, "bold"), (f" of {say(budget.name)}", "dim"), *until),
        width,
        indent="  ",
        hanging="    ",
    )


def _gap(gap: GapRow, now: datetime, zone: tzinfo | None, width: int) -> list[Line]:
    head: list[Piece] = [
        (f"{gap.id}  ", "dim"),
        (_span(gap, now, zone), "bold"),
        (f"  {GAP_WORDS.get(gap.state, say(gap.state))}", "soon"),
    ]
    if gap.done is not None and gap.state != "filled":
        head += [(f"  {bar(gap.done, 8)} {gap.done:.0%}", "note")]
    if gap.found:
        head.append((f"  {gap.found:,} found", "good"))
    why = f"{say(gap.what)}{f': {say(gap.problem)}' if gap.problem else ''}"
    return [
        *flow(head, width, indent="  ", hanging="    "),
        *flow(((why, "dim"),), width, indent="    ", hanging="    "),
    ]


def _span(gap: GapRow, now: datetime, zone: tzinfo | None) -> str:
    return f"{words.clock(gap.start, now, zone)} to {words.clock(gap.end, now, zone)}"


def gap_choice(gap: GapRow, now: datetime, zone: tzinfo | None) -> Line:
    """A gap to choose."""
    return (_span(gap, now, zone), ""), (f"  {GAP_WORDS.get(gap.state, say(gap.state))}; {say(gap.what)}", "dim")
