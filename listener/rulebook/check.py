"""The examples of a rulebook, judged: each must make its rule fire, or must not. Owns this verdict; refuses to print it.

The judgement is the real one: the same subject, scope and queries as for what is heard, with the methods that are handed in.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from listener.model import Author, Key, Mention, Problem
from listener.query.match import spans_of
from listener.query.subject import Subject
from listener.rulebook.hours import odd_hours
from listener.rulebook.nodes import Place
from listener.rulebook.shape import Example, Rule, Rulebook, TopicKind
from listener.rulebook.subject import Heard, Methods, in_scope, judged


@dataclass(frozen=True, slots=True)
class Tried:
    """One example and what came of it."""

    rule: str
    example: Example
    must_fire: bool
    fired: bool
    spans: tuple[int, ...]

    @property
    def good(self) -> bool:
        """It did as it must."""
        return self.fired == self.must_fire


@dataclass(frozen=True, slots=True)
class Checked:
    """All examples of a rulebook."""

    tried: tuple[Tried, ...]
    warnings: tuple[Problem, ...] = ()
    """What is probably not meant, and depends on what day it is."""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """A problem for each example that did not do as it must, at its place."""
        return tuple(_problem(one) for one in self.tried if not one.good)


def check(rulebook: Rulebook, methods: Methods, now: datetime) -> Checked:
    """Judge every example of every rule, as if it were said `now`."""
    return Checked(
        tuple(
            try_example(rulebook, rule, example, methods, now, must_fire=must)
            for rule in rulebook.rules
            for must, examples in ((True, rule.fires), (False, rule.silent))
            for example in examples
        ),
        odd_times(rulebook, now),
    )


def odd_times(rulebook: Rulebook, now: datetime) -> tuple[Problem, ...]:
    """Times of opening that do not exist on some day of this year or the next, each told once."""
    found: dict[Place, Problem] = {}
    for hours in rulebook.hours:
        for year in (now.year, now.year + 1):
            for one in odd_hours(hours, year):
                found.setdefault(Place(one.file, one.line, one.column), one)
    return tuple(found.values())


def try_example(
    rulebook: Rulebook, rule: Rule, example: Example, methods: Methods, now: datetime, *, must_fire: bool
) -> Tried:
    """Judge one example. It is heard by the topics that match it; where its rule's scope asks for topics or kinds that the example's text
    does not name, it counts as heard by them, so that examples need not repeat the brand's name.
    """
    mention = mention_of(example, now)
    plain = Subject.of(mention)
    topics = {topic.key for topic in rulebook.topics if topic.query.test(plain, now)} | rule.scope.topics
    kinds = {topic.kind for topic in rulebook.topics if topic.key in topics} | rule.scope.kinds
    names = {name for topic in rulebook.topics if topic.kind is TopicKind.BRAND for name in topic.names}
    brand = min(rule.scope.brands, default="")
    heard = Heard(brand, example.addressed, frozenset(topics), frozenset(kinds), tuple(sorted(names)))
    subject, _ = judged(mention, heard, methods)
    fired = in_scope(rule, heard) and rule.when.test(subject, now)
    return Tried(rule.id, example, must_fire, fired, spans_of(rule.when.tree, subject, now) if fired else ())


def mention_of(example: Example, now: datetime) -> Mention:
    """The example as if a network had sent it."""
    return Mention(
        key=Key("example", str(example.place)),
        source=example.source,
        author=Author("example", example.author, example.author),
        text=example.text,
        kind=example.kind,
        raw=b"",
        langs=example.langs,
        links=("https://link.example/",) * example.links,
        media=example.media,
        network_at=now,
    )


def _problem(tried: Tried) -> Problem:
    place = tried.example.place
    if tried.must_fire:
        message, code = f"rule {tried.rule} must fire on this example and does not", "must-fire"
        hint = "widen when:, or move the example to silent:"
    else:
        message, code = f"rule {tried.rule} must stay silent on this example and fires", "must-not-fire"
        hint = "narrow when: (AND NOT ...), or move the example to fires:"
    return Problem(place.file, place.line, place.column, code, message, hint)
