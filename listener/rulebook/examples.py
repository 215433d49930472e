"""The examples of a rulebook, each judged as if a network had sent it: it must make its rule fire, or must not. Owns this verdict.

The judgement is the real one: the same subjects, scopes, queries, counts, hours, exceptions and `unless` as for what is heard, with the
methods that are handed in. Refuses to print it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from listener.model.heard import Author, Key, Mention
from listener.model.judged import Context, Tick
from listener.query.index import Index
from listener.query.subject import Subject
from listener.rulebook.asking import Example
from listener.rulebook.combine import findings
from listener.rulebook.shape import Exemption, Rule, Rulebook, Status, TopicKind
from listener.rulebook.subject import Heard, Methods, judged
from listener.rulebook.tally import Counting, Tally


@dataclass(frozen=True, slots=True)
class Scene:
    """An example as it is judged."""

    mention: Mention
    subject: Subject
    heard: Heard
    context: Context
    now: datetime


@dataclass(frozen=True, slots=True)
class Tried:
    """One example and what came of it."""

    rule: Rule
    example: Example
    must_fire: bool
    fired: bool
    spans: tuple[int, ...]
    beside: tuple[Rule, ...]
    """All rules that fire on it."""
    exception: Exemption | None = None
    """The exception that it belongs to, instead of to its rule."""

    @property
    def good(self) -> bool:
        """It did as it must."""
        return self.fired == self.must_fire


class Trials:
    """A rulebook made ready to have its examples tried, as if they were said `now` where they do not say when."""

    def __init__(self, rulebook: Rulebook, methods: Methods, now: datetime) -> None:
        self._rulebook = rulebook
        self._methods = methods.with_lexicon(rulebook.lexicon)
        self._now = now
        self._topics = Index.build({topic.key: topic.query.tree for topic in rulebook.topics})
        self._by_key = {topic.key: topic for topic in rulebook.topics}
        self._counting = Counting(rulebook)
        self._names: dict[str, tuple[str, ...]] = {}

    def all(self) -> Iterator[Tried]:
        """Every example of every rule, and of every exception. A deprecated rule is never judged, so its examples are not tried."""
        for rule in self._rulebook.rules:
            yield from self.of_rule(rule)
        for one in self._rulebook.exceptions:
            yield from self.of_exception(one)

    def of_rule(self, rule: Rule) -> Iterator[Tried]:
        """Every example of a rule."""
        if rule.status is not Status.DEPRECATED:
            for must, examples in ((True, rule.fires), (False, rule.silent)):
                for example in examples:
                    yield self._tried(rule, example, None, must_fire=must)

    def of_exception(self, exception: Exemption, rules: frozenset[str] | None = None) -> Iterator[Tried]:
        """Every example of an exception, for each rule (of `rules`, where given) that it keeps silent."""
        for id_ in sorted(exception.rules if rules is None else exception.rules & rules):
            rule = self._rulebook.rule(id_)
            if rule is not None and rule.status is not Status.DEPRECATED:
                for example in exception.silent:
                    yield self._tried(rule, example, exception, must_fire=False)

    def _tried(self, rule: Rule, example: Example, exception: Exemption | None, *, must_fire: bool) -> Tried:
        scene = self.scene(rule, example, exception)
        found = findings(self._rulebook, scene.subject, scene.heard, scene.context, scene.now)
        own = next((one for one in found if one.rule.id == rule.id), None)
        beside = tuple(one.rule for one in found)
        return Tried(rule, example, must_fire, own is not None, own.spans if own else (), beside, exception)

    def scene(self, rule: Rule, example: Example, exception: Exemption | None = None) -> Scene:
        """An example of a rule as it is judged. It is heard by the topics that match it; where its rule's scope asks for topics or kinds that
        the example's text does not name, it counts as heard by them, so that examples need not repeat the brand's name.
        """
        at = example.at or self._moment(rule, exception)
        context = Context(min(rule.scope.brands, default=""), followers=example.followers, verified=example.verified)
        if not self._counting.rules:
            return self._judged(rule, example, at, context)
        tally = Tally(self._counting.rules)
        for earlier in sorted(example.before, key=lambda one: -one.ago):
            before = at - timedelta(seconds=earlier.ago)
            known = Context(context.brand, followers=earlier.followers, verified=earlier.verified)
            tally.put(self._ticks(self._judged(rule, earlier, before, known)), before)
        scene = self._judged(rule, example, at, context)
        ticks = self._ticks(scene)
        tally.put(ticks, at)
        counted = Context(
            context.brand, followers=example.followers, verified=example.verified, counts=tally.counts(ticks, at)
        )
        return Scene(scene.mention, scene.subject, scene.heard, counted, at)

    def _ticks(self, scene: Scene) -> tuple[Tick, ...]:
        return self._counting.ticks(scene.mention, scene.subject, scene.heard, scene.now)

    def _judged(self, rule: Rule, example: Example, at: datetime, context: Context) -> Scene:
        mention = mention_of(example, at)
        heard = self._heard(rule, example, mention, at)
        subject, _ = judged(mention, heard, self._methods, context, self._rulebook.signals)
        return Scene(mention, subject, heard, context, at)

    def _heard(self, rule: Rule, example: Example, mention: Mention, at: datetime) -> Heard:
        brand = min(rule.scope.brands, default="")
        if brand not in self._names:
            self._names[brand] = self._names_of(brand)
        names = self._names[brand]
        if example.ours:
            return Heard(brand, False, frozenset(), frozenset(), names, ours=True)
        matching = [self._by_key[key] for key in self._topics.matching(Subject.of(mention), at)]
        by = {
            topic.key
            for topic in matching
            if (not brand or topic.brand in {"", brand})
            and topic.listens(mention.source, topic.accounts if example.addressed else ())
        } | rule.scope.topics
        kinds = {self._by_key[key].kind for key in by if key in self._by_key} | rule.scope.kinds
        return Heard(brand, example.addressed, frozenset(by), frozenset(kinds), names)

    def _names_of(self, brand: str) -> tuple[str, ...]:
        """Names that are no mood; of every brand where it is not said which one hears the example."""
        there = (topic for topic in self._rulebook.topics if not brand or topic.brand in {"", brand})
        return tuple(sorted({name for topic in there if topic.kind is TopicKind.BRAND for name in topic.names}))

    def _moment(self, rule: Rule, exception: Exemption | None) -> datetime:
        """When an example is said that does not say it: now, but at an hour at which its rule fires, and while its exception holds."""
        until = exception.until if exception is not None else None
        if until is not None and self._now.astimezone(UTC).date() > until:
            return datetime.combine(until, time(12), UTC)
        found = self._in_hours(rule)
        return self._now if until is not None and found.astimezone(UTC).date() > until else found

    def _in_hours(self, rule: Rule) -> datetime:
        hours = self._rulebook.hours_named(rule.during.hours) if rule.during is not None else None
        if rule.during is None or hours is None:
            return self._now
        found = hours.next_open(self._now) if rule.during.inside else hours.next_close(self._now)
        return found or self._now


def mention_of(example: Example, at: datetime) -> Mention:
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
        rating=example.rating,
        network_at=at,
    )
