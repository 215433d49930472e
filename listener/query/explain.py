"""Why a query matches, or does not: every part of it, true or false, with its places in the text. Owns this shape; refuses to print it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from listener.query.match import spans_of, test_of
from listener.query.subject import Subject
from listener.query.tree import Node, parts_of


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
