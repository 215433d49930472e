"""A query as rule files hold it, ready to be asked, and a message to try it on. Owns these two shapes; refuses to judge."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from listener.model.kinds import Kind
from listener.query.index import Needs, needs
from listener.query.match import Test, Where, merged, test_of, where_of
from listener.query.subject import Subject
from listener.query.tree import Node
from listener.rulebook.nodes import Place


@dataclass(frozen=True, slots=True)
class Query:
    """A query ready to be asked."""

    text: str
    tree: Node
    test: Test = field(compare=False, repr=False)
    where: Where = field(compare=False, repr=False)
    needs: Needs | None = field(compare=False, repr=False)
    """What a text must hold; None: it must always be judged."""

    @classmethod
    def of(cls, text: str, tree: Node) -> Query:
        """From what the parser made of a text."""
        return cls(text, tree, test_of(tree), _when_asked(tree), needs(tree))

    def spans(self, subject: Subject, now: datetime) -> tuple[int, ...]:
        """Where the true parts of the query, which matched, stand in the text; merged, in order."""
        return merged(self.where(subject, now))


def _when_asked(tree: Node) -> Where:
    """Where a query stands, made ready when it is first asked: of many rules most never fire."""
    made: list[Where] = []

    def where(subject: Subject, now: datetime) -> Iterable[tuple[int, int]]:
        if not made:
            made.append(where_of(tree))
        return made[0](subject, now)

    return where


@dataclass(frozen=True, slots=True)
class Example:
    """A message that must, or must not, make a rule fire or hold a signal."""

    text: str
    place: Place
    addressed: bool = True
    source: str = "bluesky"
    kind: Kind = Kind.POST
    author: str = "someone.example"
    langs: tuple[str, ...] = ("en",)
    """As claimed by the author."""
    links: int = 0
    media: int = 0
    followers: int | None = None
    verified: bool | None = None
    rating: float | None = None
    """Stars of a review."""
    ours: bool = False
    at: datetime | None = None
    """When it is said; None: whenever it is tried."""
    ago: float = 0.0
    """Of an earlier message: seconds before the example."""
    before: tuple[Example, ...] = ()
    """What was said before it."""
