"""Why a query matches, or does not: every part of it, true or false, with its places in the text. Owns this shape; refuses to print it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from listener.query.match import spans_of, test_of
from listener.query.subject import Subject
from listener.query.tree import Node, Not, parts_of


@dataclass(frozen=True, slots=True)
class Explained:
    """One part of a query and what became of it. The node's places point into the query, `spans` into the text."""

    node: Node
    true: bool
    spans: tuple[int, ...]
    parts: tuple[Explained, ...]


def explain(tree: Node, subject: Subject, now: datetime) -> Explained:
    """Every part of the query, true or false, with its spans. The sides of a NEAR may be true where it is not: too far apart."""
    true = test_of(tree)(subject, now)
    spans = spans_of(tree, subject, now) if true else ()
    return Explained(tree, true, spans, tuple(explain(part, subject, now) for part in parts_of(tree)))


def telling(found: Explained) -> Sequence[Explained]:
    """The parts that say why: of what is true those that make it so, of what is false all, unless all are false as it is."""
    true = [part for part in found.parts if part.true]
    return true if found.true else found.parts if true or len(found.parts) == 1 else ()


def left_out(found: Explained) -> int:
    """How many parts `telling` leaves out. What is not meant to be there says why by its absence."""
    return 0 if isinstance(found.node, Not) else len(found.parts) - len(telling(found))


def written(query: str, start: int, end: int) -> str:
    """A part of a query, on one line. Brackets at its ends belong to its parts and not to its place: those that are missing are put back."""
    part = query[start:end]
    depth = low = 0
    for char in part:
        depth += (char == "(") - (char == ")")
        low = min(low, depth)
    return " ".join(f"{'(' * -low}{part}{')' * (depth - low)}".split())
