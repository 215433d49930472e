"""Generated rulebooks with everything that a rule can ask for, messages made of their queries' own words, and the plain judgement to compare with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from random import Random

from hypothesis import strategies as st

from listener.model.heard import Author, Hearing, Key, Mention
from listener.model.judged import Context, Window
from listener.model.kinds import Kind, Via
from listener.model.scales import Priority
from listener.query.fields import Use
from listener.query.parse import parse
from listener.rulebook.asking import Query
from listener.rulebook.hours import Hours, Span
from listener.rulebook.shape import (
    Count,
    Counted,
    During,
    Exemption,
    Group,
    Rule,
    Rulebook,
    Scope,
    Status,
    Then,
    Topic,
    TopicKind,
)
from listener.rulebook.subject import Heard, heard_by, judged
from tests.core.queries import NAMES
from tests.core.rulebooks import PLAIN

NOON = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
NIGHT = NOON + timedelta(hours=12)
IDS = [f"r{number}" for number in range(6)]


DAYLIGHT = Hours("day", "Day", "UTC", ((Span(9 * 60, 17 * 60),),) * 7)


class Timed(Rulebook):
    """A rulebook that knows one set of opening hours."""

    __slots__ = ()

    def hours_named(self, key: str) -> Hours | None:
        return DAYLIGHT if key == "day" else None


@dataclass(frozen=True)
class Said:
    """A message before the judge."""

    mention: Mention
    hearings: tuple[Hearing, ...]
    context: Context
    now: datetime


# What is generated ---------------------------------------------------------------------------------------------------


def _query(text: str) -> Query:
    tree = parse(text, Use.RULE, names=NAMES).tree
    assert tree is not None, text
    return Query.of(text, tree)


QUERIES = [
    *map(_query, ["down", "app", "refund OR bill*", "app AND down", "down -late", "NOT refund", '"app down"', "app NEAR/2 down"]),
    *map(_query, ["#down", "@acme", "{BT} OR app", 'raw:"C++"', "/re.und/ OR down", "list:greens", "query:trouble", '"refund app"~2']),
    *map(_query, ["lang:en down", "tone:negative", "tone:positive OR bill", "is:question", "is:addressed OR app", "topic:acme"]),
    *map(_query, ["author:mira late", "-author:bot app", "source:bluesky refund", "words:>3", "has:link OR cafe", "followers:>10 OR app"]),
]  # fmt: skip
WORDS = [
    *("down", "down", "app", "app", "app down", "down the app", "refund", "refunded", "bills", "late", "#down", "@acme", "BT", "bt"),
    *("C++", "fin", "café", "awful", "lovely", "down?", "http://shop.example", "refund my app", "and", "so"),
]  # fmt: skip
SCOPES = [
    *[Scope(everything=True)] * 7,
    *[Scope(everything=True, ours=True)] * 6,
    Scope(addressed=True),
    Scope(addressed=True, kinds=frozenset({TopicKind.BRAND})),
    Scope(topics=frozenset({"rival"})),
    Scope(everything=True, brands=frozenset({"main", "side"})),
    Scope(everything=True, brands=frozenset({"side"})),
]
COUNTS = [
    *[None] * 6,
    Count(Counted.MENTIONS, 2.0, 900.0),
    Count(Counted.MENTIONS, 3.0, 900.0, hold=600.0, per=(Group.SOURCE,)),
    Count(Counted.AUTHORS, 2.0, 3600.0, per=(Group.TOPIC, Group.LANG)),
    Count(Counted.RATIO, 0.3, 3600.0, of_least=10),
]
WINDOWS = [
    Window(1.0),
    Window(2.0),
    Window(3.0, held=599.0),
    Window(3.0, 10, held=600.0),
    *[Window(5.0, 30, held=900.0)] * 5,
    Window(0.3, 9),
    Window(0.3, 10),
]
DURINGS = [*[None] * 9, During("day", inside=True), During("day", inside=False), During("lost", inside=False)]
STATUSES = [*[Status.STABLE] * 9, *[Status.EXPERIMENTAL] * 4, Status.DEPRECATED]
TOPICS = (
    Topic("acme", TopicKind.BRAND, "Acme", _query("acme")),
    Topic("rival", TopicKind.COMPETITOR, "Rival", _query("rival")),
)
AUTHORS = [
    *[Author("bsky", "did:1", "mira.example")] * 3,
    Author("bsky", "did:2", "Bot.example"),
    Author("bsky", "DID:3"),
]
WAYS: list[tuple[Hearing, ...]] = [
    (Hearing(1, Via.MENTION, account_id=7),),
    (Hearing(1, Via.MENTION, account_id=7), Hearing(1, Via.TOPIC, topic="acme")),
    (Hearing(1, Via.TOPIC, topic="acme"),),
    (Hearing(1, Via.TOPIC, topic="rival"),),
    (Hearing(1, Via.IMPORT),),
    (Hearing(1, Via.OWN, account_id=7),),
]


def _some(chance: Random, of: Sequence[str], most: int) -> frozenset[str]:
    return frozenset(chance.sample(of, chance.randint(0, most)))


def _then(chance: Random) -> Then:
    return Then(
        priority=chance.choice([None, *Priority]),
        reply_within=chance.choice([None, None, None, None, 60.0, 7200.0]),
        tags=tuple(sorted(_some(chance, "abc", 2))),
        team=chance.choice(["", "care", "ops"]),
        opens=chance.random() < 0.5,
        assign=chance.choice(["", "mia", "lea"]),
        snooze=chance.choice([None, 3600.0, 7200.0]),
        hide=chance.random() < 0.5,
        closes=chance.random() < 0.5,
        reply=chance.choice(["", "", "", "", "thanks", "sorry"]),
        alerts=_some(chance, ["spike", "vip"], 2),
    )


def _rule(chance: Random, id_: str) -> Rule:
    return Rule(
        id_, id_.upper(), "ops", chance.choice(SCOPES), chance.choice(QUERIES), _then(chance),
        rank=chance.choice([0, 0, 1]),
        status=chance.choice(STATUSES),
        count=chance.choice(COUNTS),
        during=chance.choice(DURINGS),
        unless=_some(chance, [*IDS, "gone"], 2) if chance.random() < 0.3 else frozenset(),
    )  # fmt: skip


def _exemption(chance: Random) -> Exemption:
    when = chance.choice([None, *QUERIES[:4]])
    authors = _some(chance, ["bot.example", "did:3"], 2) if when is not None else frozenset({"bot.example"})
    until = chance.choice([None, date(2026, 11, 26), date(2026, 11, 27), date(2027, 1, 1)])
    return Exemption(_some(chance, IDS, 2) | {chance.choice(IDS)}, when, authors, "they are known", until=until)


def _said(chance: Random, rules: Rulebook) -> Said:
    """A message of the words of the queries, with anything that may be known of it."""
    text = " ".join(chance.choices(WORDS, k=chance.randint(2, 14)))
    counts = {rule.id: chance.choice(WINDOWS) for rule in rules.rules if rule.count and chance.random() < 0.9}
    mention = Mention(
        Key("bsky", "1"), "bluesky", chance.choice(AUTHORS), text, Kind.POST, b"", langs=("en",), network_at=NOON
    )
    return Said(mention, chance.choice(WAYS), Context("main", counts=counts), chance.choice([NOON, NIGHT]))


@dataclass(frozen=True)
class Case:
    """A rulebook and what was said under it."""

    rules: Rulebook
    said: tuple[Said, ...]


def cases(many: int = 5) -> st.SearchStrategy[Case]:
    """Rulebooks with so many messages each."""
    return st.integers(0, 2**40).map(lambda seed: case_of(seed, many))


def case_of(seed: int, many: int) -> Case:
    """The rulebook and messages of a seed."""
    chance = Random(seed)
    made = tuple(_rule(chance, id_) for id_ in IDS[: chance.randint(2, len(IDS))])
    exceptions = tuple(_exemption(chance) for _ in range(chance.choice([0, 0, 0, 1, 2])))
    rules = Timed(TOPICS, made, (), {}, "hash", exceptions)
    return Case(rules, tuple(_said(chance, rules) for _ in range(many)))


def with_rules(book: Rulebook, made: tuple[Rule, ...], exceptions: tuple[Exemption, ...] | None = None) -> Rulebook:
    """The same rulebook with other rules."""
    held = {one.name: getattr(book, one.name) for one in fields(Rulebook) if one.init}
    held |= {"rules": made, "exceptions": book.exceptions if exceptions is None else exceptions}
    return Timed(**held)


# The plain judgement -------------------------------------------------------------------------------------------------


def plainly(book: Rulebook, said: Said) -> set[str]:
    """Which rules fire, by the words of the rule files."""
    heard = heard_by(said.hearings, said.context.brand, book)
    alone = {rule.id for rule in book.rules if _alone(book, rule, heard, said)}
    by_id = {rule.id: rule for rule in book.rules}
    edges = {
        rule.id: {
            other
            for other in rule.unless & by_id.keys()
            if by_id[other].status is Status.STABLE
            or (by_id[other].status is Status.EXPERIMENTAL and rule.status is Status.EXPERIMENTAL)
        }
        for rule in book.rules
        if rule.status is not Status.DEPRECATED
    }

    def comes_to(start: str, end: str, seen: frozenset[str] = frozenset()) -> bool:
        return any(one == end or (one not in seen and comes_to(one, end, seen | {one})) for one in edges.get(start, ()))

    def fires(id_: str) -> bool:
        return id_ in alone and not any(
            fires(other) for other in edges[id_] if not comes_to(other, id_) and other != id_
        )

    return {id_ for id_ in by_id if fires(id_)}


def _alone(book: Rulebook, rule: Rule, heard: Heard, said: Said) -> bool:
    subject, _ = judged(said.mention, heard, PLAIN, said.context)
    count, window = rule.count, said.context.counts.get(rule.id)
    if rule.status is Status.DEPRECATED or not _looks_at(rule.scope, heard) or not rule.when.test(subject, said.now):
        return False
    if count is not None:
        if window is None or window.value < count.least or window.held < count.hold:
            return False
        if count.what is Counted.RATIO and window.of < count.of_least:
            return False
    if rule.during is not None:
        is_open = rule.during.hours == "day" and said.now == NOON
        if is_open != rule.during.inside:
            return False
    author = said.mention.author
    return not any(
        rule.id in one.rules
        and (one.until is None or said.now.date() <= one.until)
        and (
            author.handle.lower() in one.authors
            or author.external_id.lower() in one.authors
            or (one.when is not None and one.when.test(subject, said.now))
        )
        for one in book.exceptions
    )


def _looks_at(scope: Scope, heard: Heard) -> bool:
    if scope.brands and "main" not in scope.brands:
        return False
    if heard.ours:
        return scope.ours
    ways = [
        scope.everything,
        scope.addressed and heard.addressed,
        scope.topics & heard.topics,
        scope.kinds & heard.kinds,
    ]
    return any(ways)
