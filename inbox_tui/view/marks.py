"""What people say of a rule on a message, as lines: who, when, and in which words. Owns the words of a mark."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from inbox_tui.keys import KEYS, Table, sign
from inbox_tui.view import words
from inbox_tui.view.lines import Line, flow, say

FALSE_ALARM, MISSED, RIGHT = "false alarm", "missed", "right"
NEW_RULE = "(new rule)"
"""What was missed when no rule there is should have fired."""

_STYLES = {FALSE_ALARM: "bad", MISSED: "soon", RIGHT: "good"}
_DRAFTED = "hubbub rules drafts"

WHAT_FOLLOWS = {
    FALSE_ALARM: f"`{_DRAFTED}` writes the exception for the lead",
    MISSED: f"`{_DRAFTED}` writes the example for the lead",
    RIGHT: "it counts for the rule",
}
"""What becomes of a mark, in words."""


@dataclass(frozen=True, slots=True)
class Marked:
    """One person's word on one rule and one message."""

    mention_id: int
    rule: str
    person_id: int
    person: str
    verdict: str
    note: str
    at: datetime


def on_rule(rule: str) -> str:
    """A rule as it is spoken of."""
    return "by every rule" if rule == NEW_RULE else say(rule)


def noted(rule: str, verdict: str, table: Table = KEYS) -> str:
    """What was done by marking, and what follows."""
    follows = f"`{_DRAFTED}` lists it for the lead" if rule == NEW_RULE else WHAT_FOLLOWS[verdict]
    return f"noted ({sign('take_back', table)} undoes it); {follows}: {verdict}, {on_rule(rule)}"


def mark_lines(marks: Iterable[Marked], person_id: int, now: datetime, width: int, indent: str = "  ") -> list[Line]:
    """The marks on one message, a line each and the note with it."""
    lines: list[Line] = []
    for mark in marks:
        whom = "you" if mark.person_id == person_id else say(mark.person)
        age = words.age(mark.at, now)
        said = [(f"⚑ {say(mark.verdict)}", _STYLES.get(mark.verdict, "note")), (f" {on_rule(mark.rule)}", "bold")]
        said.append((f", by {whom}, {'now' if age == 'now' else f'{age} ago'}", "dim"))
        if mark.note:
            said.append((f": {say(mark.note)}", "note"))
        lines.extend(flow(said, width, indent=indent, hanging=indent + "  "))
    return lines
