"""Why rules fired on a message and why others did not, as lines: the message with its words marked, what it was judged on, each rule's parts.

Owns the shapes in which the backend tells it, and the narrowing by name. Refuses to judge.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from inbox_tui.view import words
from inbox_tui.view.lines import Line, Piece, fit, flow, flow_parts, joined, paragraphs, say

YES, NO = "✓", "✗"
IN_FULL = 3
"""So few rules that were asked for by name are shown with all parts, also when they did not fire."""
TREE_LINES = 40
"""Parts of one query that are shown."""
LONGEST, LONGEST_OUTSIDE = 160, 60
"""Cells of one part of a query as it is written, and of one whose own parts are told below it."""
WORDS = 8
"""Places in the text that are named for one part of a query."""


@dataclass(frozen=True, slots=True)
class Branch:
    """One part of a query: how deep it stands, as it is written, whether it is true, and where in the text."""

    depth: int
    written: str
    true: bool
    spans: tuple[int, ...] = ()
    folded: int = 0
    """Its parts that are left out: they are as false as it is, or need not be true."""


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that a rule asks for, in a sentence."""

    name: str
    true: bool
    says: str
    branches: tuple[Branch, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleWhy:
    """One rule on one message."""

    rule: str
    title: str
    fires: bool
    shadow: bool
    """An experiment: nothing follows from it."""
    parts: tuple[Part, ...]
    then: tuple[str, ...] = ()
    """What follows from it, in words."""
    values: tuple[tuple[str, str], ...] = ()
    """What its finding of that time has kept: names and values."""

    @property
    def spans(self) -> tuple[int, ...]:
        """Where in the text its query found something."""
        return tuple(place for part in self.parts for branch in part.branches[:1] for place in branch.spans)


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why, for one message, by one rulebook."""

    text: str | None
    """As it was judged; None: gone."""
    judged_at: datetime
    by: str
    """The rulebook's hash; '' when there is none to ask."""
    today: bool
    """It is the one in force now, asked on purpose; else the one that judged."""
    same: bool
    """The one that judged is still in force."""
    rules: tuple[RuleWhy, ...] = ()
    """Those that fire first, the experimental ones after them, then all others."""
    flagged: tuple[str, ...] = ()
    """The rules that fired then."""
    values: tuple[tuple[str, str], ...] = ()
    """What the message was judged on besides its text: names and values."""
    doubts: tuple[str, ...] = ()
    """What cannot be told as it was, in sentences."""


@dataclass(frozen=True, slots=True)
class Meant:
    """A message that may be asked about, and how it is named to a person."""

    id: int
    said: str
    """Harmless already."""


def narrowed(rules: Iterable[RuleWhy], wanted: str) -> list[RuleWhy]:
    """The rules whose id or title hold every word that is typed; 'why', 'not' and question marks ask for nothing."""
    asked = [word for word in wanted.casefold().replace("?", " ").split() if word not in ("why", "not")]
    return [one for one in rules if all(word in f"{one.rule} {one.title}".casefold() for word in asked)]


def why_lines(told: Explanation, wanted: str, now: datetime, zone: tzinfo | None, width: int) -> list[Line]:
    """All of it, for what is typed."""
    shown = narrowed(told.rules, wanted)
    lines = [*_head(told, now, zone, width), *_message(told, shown, width)]
    if not told.by or told.text is None:
        then = ", ".join(map(say, told.flagged)) or "no rule"
        return [*lines, (), *flow(((f"then fired: {then}", "bold"),), width)]
    firing = [one for one in shown if one.fires and not one.shadow]
    trying = [one for one in shown if one.fires and one.shadow]
    silent = [one for one in shown if not one.fires]
    asked = len(shown) < len(told.rules)
    if not shown:
        return [*lines, (), (("no rule is called so", "dim"),)]
    if firing or not asked:
        head: Piece = ("fires" if told.today else "fired", "title") if firing else ("no rule fires", "dim")
        lines.extend(((), (head,)))
    for one in firing:
        lines.extend(_in_full(one, told, width))
    if trying:
        lines.extend(((), (("would flag: experimental, nothing follows", "note"),)))
        for one in trying:
            lines.extend(_in_full(one, told, width))
    if silent:
        lines.extend(((), ((f"{'does' if told.today else 'did'} not fire", "title"),)))
        in_full = asked and len(silent) <= IN_FULL
        for one in silent:
            lines.extend(_in_full(one, told, width) if in_full else _in_short(one, width))
    return lines


def _head(told: Explanation, now: datetime, zone: tzinfo | None, width: int) -> list[Line]:
    named = f" {say(told.by[:12])}" if told.by else ""
    if told.today:
        by: Piece = (f"by today's rules{named}", "note")
    else:
        by = (f"by the rules of that time{named}{', still in force' if told.same else ''}", "bold")
    parts: list[Line] = [(by,), ((f"judged {words.clock(told.judged_at, now, zone)}", "dim"),)]
    lines = flow(joined(parts), width)
    for doubt in told.doubts:
        lines.extend(flow((("! ", "soon"), (say(doubt), "soon")), width, hanging="  "))
    return lines


def _message(told: Explanation, shown: Sequence[RuleWhy], width: int) -> list[Line]:
    lines: list[Line] = []
    if told.text is None:
        lines.append((("(text gone)", "gone"),))
    else:
        spans = [place for one in shown if one.fires for place in one.spans]
        lines.extend(flow(paragraphs(told.text, spans), width, indent="  "))
    if told.values:
        lines.extend(flow(_values(told.values), width, hanging="  "))
    return lines


def _values(values: Iterable[tuple[str, str]]) -> Line:
    return joined((((f"{say(name)} ", "dim"), (say(value), "")) for name, value in values))


def _in_full(one: RuleWhy, told: Explanation, width: int) -> list[Line]:
    """A rule with every part, and the branches of its query."""
    sign: Piece = ("● ", "note" if one.shadow else "good") if one.fires else ("○ ", "dim")
    head: list[Piece] = [sign, (say(one.rule), "bold"), (f" {say(one.title)}", "")]
    if one.then and one.fires:
        head.append((f" → {', '.join(map(say, one.then))}", "dim"))
    lines = flow(head, width, hanging="  ")
    for part in one.parts:
        if part.true and not part.branches:
            continue
        sign = (f"{YES} ", "good") if part.true else (f"{NO} ", "bad")
        lines.extend(flow((sign, (say(part.says), "" if part.true else "bold")), width, indent="  ", hanging="    "))
        below = (*(branch.depth for branch in part.branches[1:]), 0)
        for branch, next_depth in zip(part.branches[:TREE_LINES], below, strict=False):
            longest = LONGEST_OUTSIDE if next_depth > branch.depth else LONGEST
            lines.extend(_branch(branch, told.text or "", longest, width))
        if len(part.branches) > TREE_LINES:
            lines.append(((f"      … {len(part.branches) - TREE_LINES} parts more", "dim"),))
    plain: list[Line] = [
        ((f"{YES} ", "good"), (say(part.says), "dim")) for part in one.parts if part.true and not part.branches
    ]
    lines.extend((("  ", ""), *line) for line in flow_parts(plain, width - 2))
    if one.values:
        lines.extend(flow((("kept then: ", "dim"), *_values(one.values)), width, indent="  ", hanging="    "))
    return lines


def _branch(branch: Branch, text: str, longest: int, width: int) -> list[Line]:
    indent = "    " + "  " * min(branch.depth, 6)
    sign: Piece = (f"{YES} ", "good") if branch.true else (f"{NO} ", "bad")
    said: list[Piece] = [sign, (fit(say(branch.written), longest), "" if branch.true else "dim")]
    pairs = list(zip(branch.spans[::2], branch.spans[1::2], strict=False))
    found = list(dict.fromkeys(say(text[start:end]) for start, end in pairs))[:WORDS]
    if found:
        said.extend(((": ", "dim"), *joined((((word, "mark"),) for word in found), ", ")))
    if branch.true and branch.folded:
        said.append((f" ({words.count(branch.folded, 'other')} not there)", "dim"))
    return flow(said, width, indent=indent, hanging=indent + "  ")


def _in_short(one: RuleWhy, width: int) -> list[Line]:
    """A rule that did not fire, with the first part that kept it silent, down to the first thing that is missing."""
    said: list[Piece] = [("○ ", "dim"), (say(one.rule), "bold")]
    failing = next((part for part in one.parts if not part.true), None)
    if failing is not None:
        said.append((f" {NO} {say(failing.says)}", "bad"))
        missing = first_missing(failing.branches)
        if missing is not None:
            said.append((f": needs {fit(say(missing.written), LONGEST)}", "dim"))
    return flow(said, width, hanging="    ")


def first_missing(branches: Sequence[Branch]) -> Branch | None:
    """What the message would have to be for the query to be true: the query, or the one part of it that is false, however deep."""
    if not branches or branches[0].true:
        return None
    top, *rest = branches
    false = [at for at, one in enumerate(rest) if one.depth == top.depth + 1 and not one.true]
    if len(false) != 1:
        return top
    below = rest[false[0] :]
    end = next((at for at, one in enumerate(below[1:], 1) if one.depth <= top.depth + 1), len(below))
    return first_missing(below[:end])
