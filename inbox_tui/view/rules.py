"""The rules as their leads look at them: what is in force, what was refused and where, what each rule is worth, and one rule in full."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from inbox_tui.keys import KEYS, Table, sign
from inbox_tui.view import queue, words
from inbox_tui.view.lines import Line, Piece, flow, flow_parts, joined, line_cells, say, spread
from inbox_tui.view.marks import NEW_RULE

if TYPE_CHECKING:
    from listener.model.problems import Problem
    from listener.store.views.listening import ListeningRow

DAYS = 30
"""Over how many days hits, marks and times are counted."""

SHORT_HASH = 12
PIECE_LINES = 200
"""Lines of a rule's text that are shown."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The rule files on disk are refused: what is wrong with them. The last good rulebook stays in force."""

    problems: tuple[Problem, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class RuleRow:
    """One rule with what it is worth."""

    id: str
    title: str
    owner: str
    status: str
    """stable, experimental or deprecated."""
    file: str
    line: int
    piece: tuple[str, ...] = ()
    """Its text, as published."""
    fires: tuple[str, ...] = ()
    """Examples that must make it fire,"""
    silent: tuple[str, ...] = ()
    """and that must not."""
    exceptions: tuple[str, ...] = ()
    """Why it stays silent where it does, by those who said so."""
    problems: tuple[Problem, ...] = ()
    """What is wrong where it stands, in the files on disk: they are refused."""
    warnings: tuple[Problem, ...] = ()
    """What is probably not meant in it, as it is in force."""
    today: int = 0
    hits: int = 0
    shadow_hits: int = 0
    """What it would have flagged while it was experimental."""
    right: int = 0
    false_alarms: int = 0
    missed: int = 0
    minutes: float | None = None
    """From the flag to the first act of a person, the median."""
    last_at: datetime | None = None

    @property
    def fired(self) -> int:
        """Hits, those of an experiment among them."""
        return self.hits + self.shadow_hits

    @property
    def false_share(self) -> float:
        """False alarms among its hits; of a rule that was marked after its time, all of them."""
        return min(1.0, self.false_alarms / max(1, self.fired)) if self.false_alarms else 0.0


@dataclass(frozen=True, slots=True)
class RulesNow:
    """The rulebook in force with its health. '' and None: there is none yet."""

    hash: str = ""
    git: str = ""
    since: datetime | None = None
    tried_at: datetime | None = None
    problems: tuple[Problem, ...] = ()
    """Of the last reload: it was refused."""
    unread: Problem | None = None
    """What keeps this version from reading what is in force."""
    rules: tuple[RuleRow, ...] = ()
    uncaught: int = 0
    """Messages of which somebody says that a rule is missing."""


# Sorting -------------------------------------------------------------------------------------------------------------

Sorter = Callable[[RuleRow], tuple[object, ...]]


def _attention(row: RuleRow) -> tuple[object, ...]:
    """Problems, then the share of false alarms, what it missed, what never fires, and warnings; a deprecated one last."""
    silent = row.last_at is None and not row.fired
    judged = (-row.false_share, -row.missed, not silent, not row.warnings)
    return row.status == "deprecated", not row.problems, *judged, row.id


SORTS: Mapping[str, Sorter] = {
    "what needs attention": _attention,
    "name": lambda row: (row.id,),
    "hits": lambda row: (-row.fired, row.id),
    "last hit": lambda row: (0.0 if row.last_at is None else -row.last_at.timestamp(), row.id),
}
"""Ways to sort, the first one first."""


def after(sort: str) -> str:
    """The way to sort that follows."""
    names = list(SORTS)
    return names[(names.index(sort) + 1) % len(names)]


# What is in force ----------------------------------------------------------------------------------------------------


def problem_line(problem: Problem, style: str = "bad") -> Line:
    """Where, what, and what to do."""
    where: Piece = (f"{say(problem.file)}:{problem.line}:{problem.column}: ", "bold")
    hint: tuple[Piece, ...] = ((f" ({say(problem.hint)})", "dim"),) if problem.hint else ()
    return where, (say(problem.message), style), *hint


def banner(refused: Refused, now: datetime, zone: tzinfo | None, table: Table = KEYS) -> Line:
    """One line for every screen while the files on disk are refused."""
    n = len(refused.problems)
    head = f"✗ rule files refused {words.clock(refused.at, now, zone)}, {words.count(n, 'problem')} ({sign('rules', table)}): "
    first = refused.problems[0] if refused.problems else None
    told: Line = () if first is None else problem_line(first)
    return ((head, "late"), *told)


def health_lines(state: RulesNow, now: datetime, zone: tzinfo | None, width: int) -> list[Line]:
    """The rulebook in force, the last reload, and every problem of it."""
    lines: list[Line]
    if not state.hash:
        lines = [(("no rulebook is in force yet: the listener publishes one when it starts", "soon"),)]
    else:
        parts: list[Line] = [(("in force ", "dim"), (say(state.hash[:SHORT_HASH]), "title"))]
        parts.append((("git ", "dim"), (say(state.git), "bold")) if state.git else (("git unknown", "dim"),))
        if state.since is not None:
            ago = words.age(state.since, now)
            parts.append(((f"since {words.clock(state.since, now, zone)} ({ago})", ""),))
        parts.append(((_counted(state.rules), "dim"),))
        if state.uncaught:
            told = words.count(state.uncaught, "message")
            parts.append(((f"{told} missed by every rule", "soon"),))
        lines = flow_parts(parts, width)
    if state.unread is not None:
        lines.extend(flow((("this version cannot read it: ", "bad"), *problem_line(state.unread)), width, hanging="  "))
    if state.tried_at is not None:
        lines.extend(_last_reload(state, words.clock(state.tried_at, now, zone), width))
    return lines


def _counted(rules: Sequence[RuleRow]) -> str:
    said = [words.count(len(rules), "rule")]
    for status in ("experimental", "deprecated"):
        n = sum(row.status == status for row in rules)
        said += [f"{n} {status}"] if n else []
    return ", ".join(said)


def _last_reload(state: RulesNow, at: str, width: int) -> list[Line]:
    if not state.problems:
        return [(("✓ ", "good"), (f"last reload {at}: accepted", "dim"))]
    n = words.count(len(state.problems), "problem")
    stays = "what is in force stays" if state.hash else "nothing is in force"
    lines = flow(((f"✗ last reload {at}: refused, {n}; {stays}", "late"),), width)
    for problem in state.problems:
        lines.extend(flow(problem_line(problem), width, indent="  ", hanging="    "))
    return lines


# The list ------------------------------------------------------------------------------------------------------------


def rule_lines(row: RuleRow, width: int, now: datetime) -> tuple[Line, Line]:
    """One rule in two lines: what it is and how often it fires, then whose it is and what people make of it."""
    return spread(_name(row), _often(row), width), spread(_whose(row), _worth(row, now, width), width)


def rule_line(row: RuleRow, width: int, now: datetime) -> tuple[Line]:
    """One rule in one line."""
    return (spread(_name(row), joined([_worth(row, now, width * 2 // 3), _often(row)]), width),)


def _name(row: RuleRow) -> list[Piece]:
    pieces: list[Piece] = [("✗ ", "bad") if row.problems else ("! ", "soon") if row.warnings else ("  ", "")]
    pieces.append((say(row.id), "dim" if row.status == "deprecated" else "bold"))
    if row.status != "stable":
        pieces.append((f" {say(row.status)}", "note"))
    return pieces


def _often(row: RuleRow) -> Line:
    today: Piece = (f"{words.short_count(row.today)} today", "bold" if row.today else "dim")
    if row.shadow_hits and not row.hits:
        return ((f"would have {words.short_count(row.shadow_hits)} in {DAYS} d", "note"),)
    return today, (f", {words.short_count(row.hits)} in {DAYS} d", "" if row.hits else "dim")


def _whose(row: RuleRow) -> list[Piece]:
    owner = say(row.owner) or "nobody's"
    return [("  ", ""), (f"{owner} ", "tag"), (say(row.title), "dim")]


def _worth(row: RuleRow, now: datetime, width: int) -> Line:
    """What people make of it; the least telling goes first where there is little room."""
    share = f" ({row.false_share:.0%})" if row.false_alarms else ""
    last: Line = (("never fired", "soon"),)
    if row.last_at is not None:
        age = words.age(row.last_at, now)
        last = ((f"fired {'now' if age == 'now' else age + ' ago'}", "dim"),)
    elif row.status == "deprecated":
        last = (("never fires", "dim"),)
    false: Line = ((f"{words.short_count(row.false_alarms)} false{share}", "bad"),) if row.false_alarms else ()
    missed: Line = ((f"{words.short_count(row.missed)} missed", "soon"),) if row.missed else ()
    right: Line = ((f"{words.short_count(row.right)} right", "good"),) if row.right else ()
    act: Line = ((f"act in {_minutes(row.minutes)}", "dim"),) if row.minutes is not None else ()
    parts = [right, false, missed, act, last]
    for dropped in (None, act, right):
        if dropped is not None and dropped in parts:
            parts.remove(dropped)
        line = joined(parts)
        if line_cells(line) <= width * 3 // 4:
            return line
    return line


def _minutes(minutes: float) -> str:
    if minutes < 1:
        return f"{round(minutes * 60)} s"
    return f"{round(minutes)} min" if minutes < 120 else f"{minutes / 60:.0f} h"


# One rule ------------------------------------------------------------------------------------------------------------


def rule_page(row: RuleRow, hits: Sequence[ListeningRow] | None, now: datetime, width: int) -> list[Line]:
    """One rule in full: what it is worth, what is wrong, its text, examples and exceptions, its latest hits. None: not read yet."""
    lines = flow_parts([((say(row.id), "title"),), ((say(row.title), "bold"),), ((say(row.status), "note"),)], width)
    lines.extend(flow_parts([(("for ", "dim"), (say(row.owner) or "nobody", "tag")), ((_place(row), "dim"),)], width))
    lines.extend(flow_parts(_figures(row, now), width))
    for problem in row.problems:
        lines.extend(flow((("✗ on disk: ", "bad"), *problem_line(problem)), width, hanging="  "))
    for warning in row.warnings:
        lines.extend(flow((("! ", "soon"), *problem_line(warning, "note")), width, hanging="  "))
    lines.append(())
    for text in row.piece[:PIECE_LINES]:
        shown = say(text)
        indent = shown[: len(shown) - len(shown.lstrip(" "))][: width // 3]
        lines.extend(flow(((shown.lstrip(" "), ""),), width, indent=indent, hanging=indent + "  "))
    if len(row.piece) > PIECE_LINES:
        lines.append(((f"… {len(row.piece) - PIECE_LINES} lines more", "dim"),))
    lines.append(())
    lines.extend(_examples("must fire on", row.fires, "good", width))
    lines.extend(_examples("must stay silent on", row.silent, "bad", width))
    lines.extend(_examples("exceptions", row.exceptions, "note", width))
    lines.extend(_hits(row, hits, now, width))
    return lines


def _place(row: RuleRow) -> str:
    return f"{say(row.file)}:{row.line}" if row.file else "not in the files"


def _figures(row: RuleRow, now: datetime) -> list[Line]:
    figures: list[Line] = [((f"{row.today:,} today", "bold"),), ((f"{row.hits:,} in {DAYS} d", ""),)]
    if row.shadow_hits:
        figures.append(((f"{row.shadow_hits:,} would have been, as an experiment", "note"),))
    figures.append(((f"{row.right:,} right", "good" if row.right else "dim"),))
    share = f" ({row.false_share:.0%})" if row.false_alarms else ""
    figures.append(((words.count(row.false_alarms, "false alarm") + share, "bad" if row.false_alarms else "dim"),))
    figures.append(((f"{row.missed:,} missed", "soon" if row.missed else "dim"),))
    if row.minutes is not None:
        figures.append(((f"first act after {_minutes(row.minutes)}", ""),))
    if row.last_at is None:
        figures.append((("never fired", "soon"),))
    else:
        age = words.age(row.last_at, now)
        figures.append(((f"last fired {'now' if age == 'now' else age + ' ago'}", "dim"),))
    return figures


def _examples(head: str, texts: Iterable[str], style: str, width: int) -> list[Line]:
    lines: list[Line] = []
    for text in texts:
        if not lines:
            lines.append(((head, "dim"),))
        lines.extend(flow((("· ", style), (say(text), "")), width, indent="  ", hanging="    "))
    return [*lines, ()] if lines else []


def _hits(row: RuleRow, hits: Sequence[ListeningRow] | None, now: datetime, width: int) -> list[Line]:
    if row.status != "stable" and not row.hits:
        told = "what an experiment flags is counted, not kept for searching: hubbub rules replay shows it"
        return flow(((told if row.status == "experimental" else "a deprecated rule never fires", "dim"),), width)
    lines: list[Line] = [(("latest hits", "dim"), ("  enter: all of them in Listening", "accent"))]
    if hits is None:
        return [*lines, (("  …", "dim"),)]
    if not hits:
        return [*lines, (("  none yet", "dim"),)]
    for one in hits:
        lines.extend(queue.listening_lines(one, width, now))
    return lines


def piece_of(text: str, line: int, column: int) -> tuple[str, ...]:
    """The lines of a file that belong to the table that begins at a place (from 1): its own, and all that are indented as far."""
    lines = text.splitlines()
    found: list[str] = []
    for at, one in enumerate(lines[line - 1 :]):
        bare = one.lstrip(" ")
        if at and bare and len(one) - len(bare) < column - 1:
            break
        found.append(one)
    while found and (not found[-1].strip() or found[-1].lstrip().startswith("#")):
        found.pop()  # what stands before the next one belongs to that
    return tuple(found)


def at_rule(problems: Iterable[Problem], file: str, line: int, end: int) -> tuple[Problem, ...]:
    """The problems between two lines of a file, the second one no longer."""
    return tuple(one for one in problems if one.file == file and line <= one.line < end)


__all__ = [
    "DAYS",
    "NEW_RULE",
    "SORTS",
    "Refused",
    "RuleRow",
    "RulesNow",
    "after",
    "at_rule",
    "banner",
    "health_lines",
    "piece_of",
    "problem_line",
    "rule_line",
    "rule_lines",
    "rule_page",
]
