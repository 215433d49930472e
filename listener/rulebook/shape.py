"""A rulebook as frozen values. Owns shapes and the content hash; refuses to parse and to judge."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from listener.model.problems import Problem
from listener.model.scales import Priority
from listener.query.frequency import Share, usual
from listener.query.index import Index
from listener.query.names import NO_NAMES, Names
from listener.query.subject import Subject
from listener.rulebook.alerting import Chain, Policy, Rota, Route
from listener.rulebook.asking import Example, Query
from listener.rulebook.circles import settled
from listener.rulebook.guide import Guide
from listener.rulebook.hours import Hours
from listener.rulebook.lexicon import Overlay
from listener.rulebook.macros import Macro
from listener.rulebook.nodes import NOWHERE, Place
from listener.rulebook.people import Approval, OurAccount, Person
from listener.rulebook.planned import Planned
from listener.rulebook.replies import SavedReply
from listener.rulebook.signals import Signal, Signals


class TopicKind(StrEnum):
    """What a topic listens for."""

    BRAND = "brand"
    COMPETITOR = "competitor"
    CAMPAIGN = "campaign"


@dataclass(frozen=True, slots=True)
class Topic:
    """A named query that says what is listened for."""

    key: str
    kind: TopicKind
    title: str
    query: Query
    brand: str = ""
    """A brand's key; "": every brand."""
    sources: frozenset[str] = frozenset()
    """Networks that it listens on; empty: all."""
    names: tuple[str, ...] = ()
    """Names that are taken out before tone is scored."""
    place: Place = NOWHERE
    accounts: frozenset[str] = frozenset()
    """Handles of ours, in small letters, without @: it hears only what addresses one of them; empty: whatever it finds."""

    def listens(self, source: str, accounts: Iterable[str]) -> bool:
        """Whether it hears at all what came from a network and addresses these accounts (handles) of ours."""
        if self.sources and source not in self.sources:
            return False
        return not self.accounts or any(one.lstrip("@").lower() in self.accounts for one in accounts)


@dataclass(frozen=True, slots=True)
class Scope:
    """Which messages a rule looks at: those that address us, or were heard by one of these topics or kinds of topic."""

    addressed: bool = False
    topics: frozenset[str] = frozenset()
    kinds: frozenset[TopicKind] = frozenset()
    everything: bool = False
    brands: frozenset[str] = frozenset()
    """Only for these brands; empty: each."""
    ours: bool = False
    """Our own posts as well, which else fire no rule."""


class Status(StrEnum):
    """How much a rule counts."""

    STABLE = "stable"
    EXPERIMENTAL = "experimental"
    """Judges, counts and shows a mark, and changes nothing."""
    DEPRECATED = "deprecated"
    """Kept for what points at it; never fires."""


class Counted(StrEnum):
    """What a counting rule counts."""

    MENTIONS = "mentions"
    AUTHORS = "authors"
    RATIO = "ratio"


class Group(StrEnum):
    """What a counting rule may count apart for."""

    AUTHOR = "author"
    SOURCE = "source"
    TOPIC = "topic"
    ACCOUNT = "account"
    THREAD = "thread"
    LANG = "lang"


@dataclass(frozen=True, slots=True)
class Count:
    """Fires on a message when so many like it came within a window that ends with it. Times in seconds."""

    what: Counted
    least: float
    """So many messages or authors, or for a ratio this share, 0 to 1, of the messages in scope."""
    within: float
    per: tuple[Group, ...] = ()
    hold: float = 0.0
    """So long it must have held without a break."""
    of_least: int = 10
    """A ratio of fewer messages in scope says nothing."""


@dataclass(frozen=True, slots=True)
class During:
    """Opening hours by key, and whether a rule fires inside or outside of them."""

    hours: str
    inside: bool


@dataclass(frozen=True, slots=True)
class Then:
    """What follows when a rule fires. None and empty say nothing about it."""

    priority: Priority | None = None
    reply_within: float | None = None
    """Seconds."""
    tags: tuple[str, ...] = ()
    team: str = ""
    opens: bool = False
    """It becomes a conversation even though it addresses nobody."""
    assign: str = ""
    """A person's id."""
    snooze: float | None = None
    """Seconds; loses to any rule that asks for a reply."""
    hide: bool = False
    """Somebody is asked to hide it on its network."""
    closes: bool = False
    """Loses to any rule that asks for a reply."""
    reply: str = ""
    """Key of the saved reply that is offered."""
    alerts: frozenset[str] = frozenset()
    """Keys of alert policies."""

    @property
    def asks_for_reply(self) -> bool:
        """Whether it wants an answer, so that nothing may put the message away unseen."""
        return self.reply_within is not None or bool(self.reply)


@dataclass(frozen=True, slots=True)
class Rule:
    """One judgement by a team lead."""

    id: str
    title: str
    owner: str
    scope: Scope
    when: Query
    then: Then
    rank: int = 0
    """Settles what can have one value only; the highest wins, then the first id."""
    fires: tuple[Example, ...] = ()
    silent: tuple[Example, ...] = ()
    place: Place = NOWHERE
    status: Status = Status.STABLE
    count: Count | None = None
    during: During | None = None
    unless: frozenset[str] = frozenset()
    """Ids of the rules that silence this one when they fire."""
    false_positives: tuple[str, ...] = ()
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Exemption:
    """An exception as data: on these messages these rules stay silent."""

    rules: frozenset[str]
    when: Query | None
    authors: frozenset[str]
    """Handles or ids, in small letters, without @. A message that matches the query *or* is by one of them is exempt."""
    reason: str
    by: str = ""
    until: date | None = None
    """The last day on which it holds, in UTC."""
    silent: tuple[Example, ...] = ()
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class Team:
    """People who answer for one sort of thing."""

    key: str
    title: str
    hours: str = ""
    """Key of its opening hours: time to reply runs while they are open; "": always."""
    place: Place = NOWHERE
    reply_within: Mapping[Priority, float] = field(default_factory=dict)
    """Seconds to reply by priority, where no rule says how long."""
    resolve_within: Mapping[Priority, float] = field(default_factory=dict)
    """Seconds until a conversation is done, by priority."""
    needs_approval: bool = False
    """Replies of its people go out when a lead or an admin has approved them."""
    escalate_to: str = ""
    """The team that gets what is overdue and nobody has taken; "": none."""
    escalate_after: float = 0.0
    """Seconds after the due time, or after it came to this team so."""
    share_out: bool = False
    """What nobody has is given to those of the team who are there."""
    at_most: int | None = None
    """So many open ones has nobody who is given more; None: however many."""


@dataclass(frozen=True, slots=True)
class Rulebook:
    """Everything that is in force, immutable; things of one sort in the order of their keys, whatever the files' order."""

    topics: tuple[Topic, ...]
    rules: tuple[Rule, ...]
    teams: tuple[Team, ...]
    files: Mapping[str, str]
    """Path to text, exactly as read."""
    hash: str
    exceptions: tuple[Exemption, ...] = ()
    hours: tuple[Hours, ...] = ()
    people: tuple[Person, ...] = ()
    accounts: tuple[OurAccount, ...] = ()
    replies: tuple[SavedReply, ...] = ()
    macros: tuple[Macro, ...] = ()
    lexicon: tuple[Overlay, ...] = ()
    alerts: tuple[Policy, ...] = ()
    routes: tuple[Route, ...] = ()
    rotas: tuple[Rota, ...] = ()
    chains: tuple[Chain, ...] = ()
    calendar: tuple[Planned, ...] = ()
    style: Guide | None = None
    need: tuple[Signal, ...] = ()
    warnings: tuple[Problem, ...] = ()
    names: Names = NO_NAMES
    """Named lists and sub-queries, for every query that is asked under these rules."""
    share: Share = field(default=usual, compare=False, repr=False)
    """What share of the judged messages holds a word; changes what judging costs, never what comes out."""
    counting: tuple[Rule, ...] = field(init=False, compare=False, repr=False)
    """The rules that count."""
    silencers: Mapping[str, frozenset[str]] = field(init=False, compare=False, repr=False)
    """By rule id: the rules that silence it when they fire; those first whose silence others wait for. Rules in a circle do not silence
    one another, and an experimental rule silences no stable one.
    """
    signals: Signals = field(init=False, compare=False, repr=False)
    """What says that somebody should answer: `need`, and what is built in."""
    _index: Index[int] = field(init=False, compare=False, repr=False)
    _exceptions: Mapping[str, tuple[Exemption, ...]] = field(init=False, compare=False, repr=False)
    _brand_names: Mapping[str, tuple[str, ...]] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        living = {place: rule for place, rule in enumerate(self.rules) if rule.status is not Status.DEPRECATED}
        trees = {place: rule.when.tree for place, rule in living.items()}
        object.__setattr__(self, "_index", Index.build(trees, self.share))
        object.__setattr__(self, "counting", tuple(rule for rule in living.values() if rule.count is not None))
        object.__setattr__(self, "silencers", settled(_silencing(living.values())))
        object.__setattr__(self, "signals", Signals(self.need, self.share))
        exceptions: dict[str, list[Exemption]] = {}
        for one in self.exceptions:
            for id_ in one.rules:
                exceptions.setdefault(id_, []).append(one)
        object.__setattr__(self, "_exceptions", {id_: tuple(some) for id_, some in exceptions.items()})
        brands = {"", *(topic.brand for topic in self.topics)}
        object.__setattr__(self, "_brand_names", {brand: _names_of(brand, self.topics) for brand in brands})

    def brand_names(self, brand: str) -> tuple[str, ...]:
        """What a brand is called, as its topics and those of all brands say."""
        return self._brand_names.get(brand, self._brand_names[""])

    def rules_for(self, subject: Subject, now: datetime) -> Iterator[Rule]:
        """The rules whose query matches when it is `now`, in order, whatever their scope. Never a deprecated one."""
        return (self.rules[place] for place in self._index.matching(subject, now))

    def topic(self, key: str) -> Topic | None:
        """A topic by its key."""
        return next((topic for topic in self.topics if topic.key == key), None)

    def rule(self, id: str) -> Rule | None:  # noqa: A002 (the word of the files)
        """A rule by its id."""
        return next((rule for rule in self.rules if rule.id == id), None)

    def exceptions_to(self, rule: str) -> tuple[Exemption, ...]:
        """The exceptions that name a rule, by its id, in order."""
        return self._exceptions.get(rule, ())

    def team(self, key: str) -> Team | None:
        """A team by its key."""
        return next((team for team in self.teams if team.key == key), None)

    def hours_named(self, key: str) -> Hours | None:
        """Opening hours by their key."""
        return next((hours for hours in self.hours if hours.key == key), None)

    def person(self, id: str) -> Person | None:  # noqa: A002 (the word of the files)
        """A person by their id."""
        return next((person for person in self.people if person.id == id), None)

    @property
    def approval(self) -> Approval:
        """Whose replies are approved before they go out: people who need it themselves, or by one of their teams."""
        teams = {team.key for team in self.teams if team.needs_approval}
        return Approval(
            frozenset(one.id for one in self.people if one.needs_approval or teams & one.teams),
            frozenset(one.handle for one in self.accounts if one.needs_approval),
        )

    def reply(self, key: str) -> SavedReply | None:
        """A saved reply by its key."""
        return next((reply for reply in self.replies if reply.key == key), None)


def _names_of(brand: str, topics: Iterable[Topic]) -> tuple[str, ...]:
    known = (topic for topic in topics if topic.kind is TopicKind.BRAND and topic.brand in {"", brand})
    return tuple(sorted({name for topic in known for name in topic.names}))


def _silencing(rules: Iterable[Rule]) -> Mapping[str, frozenset[str]]:
    """By rule: what may silence it. What is tried out changes nothing for what is not."""
    known = {rule.id: rule for rule in rules}
    return {
        rule.id: frozenset(
            other
            for other in rule.unless
            if other in known and (rule.status is not Status.STABLE or known[other].status is Status.STABLE)
        )
        for rule in known.values()
    }


def content_hash(files: Mapping[str, str]) -> str:
    """One hash for the files together; their order does not count, their names and every character do."""
    digest = hashlib.sha256()
    for path in sorted(files):
        for part in (path, files[path]):
            raw = part.encode("utf-8", "surrogatepass")
            digest.update(len(raw).to_bytes(8, "big"))
            digest.update(raw)
    return digest.hexdigest()
