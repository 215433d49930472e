"""When the matches of a query were said, and in which folders of the inbox they are. Refuses to be exact; never too narrow."""

from __future__ import annotations

from datetime import datetime

from listener.model.work import OPEN, State
from listener.query import stored
from listener.query.tree import And, Field, Named, Node, Or, Period, Range, Text, walk

Ends = tuple[datetime | None, datetime | None]
"""From and to, both in; None: no bound."""

_STATES = {state.value: ("open" if state in OPEN else state.value) for state in State} | {"open": "open"}
_IS = _STATES.keys() - {State.OURS.value}
"""is:ours speaks of the message, status:ours of the conversation."""


def period_of(tree: Node, now: datetime) -> Ends:
    """The times between which every match was said."""
    match tree:
        case Named(part=part):
            return period_of(part, now)
        case And(parts=parts):
            ends = [period_of(part, now) for part in parts]
            lows = [low for low, _ in ends if low is not None]
            highs = [high for _, high in ends if high is not None]
            return max(lows, default=None), min(highs, default=None)
        case Or(parts=parts):
            return _hull([period_of(part, now) for part in parts])
        case Field(values=values):
            return _hull([_ends_of(tree, value, now) for value in values])
        case _:
            return None, None


def _ends_of(field: Field, value: object, now: datetime) -> Ends:
    match value:
        case Period():
            return stored.ends(value, now)
        case Range() if field.name == "age":
            return stored.aged(value, now, stored.MOMENT) or (None, None)
        case _:
            return None, None


def _hull(ends: list[Ends]) -> Ends:
    """From the first to the last of all; without a bound where one has none."""
    lows, highs = [low for low, _ in ends], [high for _, high in ends]
    low = None if None in lows else min(one for one in lows if one is not None)
    return low, None if None in highs else max(one for one in highs if one is not None)


def folders_of(tree: Node) -> frozenset[str] | None:
    """The folders in which the conversation of a match must be; None: in any, or in none."""
    match tree:
        case Named(part=part):
            return folders_of(part)
        case And(parts=parts):
            known = [found for part in parts if (found := folders_of(part)) is not None]
            return frozenset.intersection(*known) if known else None
        case Or(parts=parts):
            ways = [folders_of(part) for part in parts]
            whole = [way for way in ways if way is not None]
            return frozenset.union(*whole) if len(whole) == len(ways) else None
        case Field(name="is" | "status", values=values):
            known_here = _IS if tree.name == "is" else _STATES.keys()
            keys = [value.key for value in values if isinstance(value, Text) and not value.wild]
            if len(keys) == len(values) and known_here >= set(keys):
                return frozenset(_STATES[key] for key in keys)
            return None
        case _:
            return None


def asks_state(tree: Node) -> bool:
    """Whether a query says anything about where conversations stand; one that does not means open ones."""
    return any(
        isinstance(node, Field)
        and (
            node.name == "status"
            or (node.name == "is" and any(isinstance(v, Text) and v.key in _IS for v in node.values))
        )
        for node in walk(tree)
    )
