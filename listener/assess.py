"""The whole judgement: same mention, same context, same rulebook, same methods, same time: same assessment.

Owns which topics a message is about, due times, and the reasons in order of weight. Pure: refuses clocks,
look-ups, and to know how a message is stored or shown. Reasons name rules, signals and spans; never the words of a text.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from listener.learning import Model, opinion, titles
from listener.model.heard import Hearing, Mention
from listener.model.judged import Assessment, Context, Flag, Tick, Tone
from listener.model.scales import Priority
from listener.query.frequency import Share, usual
from listener.query.index import Index
from listener.query.subject import Subject
from listener.rulebook.combine import Finding, Verdict, combine, findings, open_span, says, span
from listener.rulebook.shape import Rule, Rulebook, Status, Topic
from listener.rulebook.subject import Heard, Methods, ToneAsked, heard_by, judged, tones_asked, unjudged, weighed
from listener.rulebook.tally import Counting

__all__ = ["Judge", "Methods", "TopicEar", "assess", "topics_of"]

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
"""No clock begins earlier: nothing was said on any network, and a hostile time near the year 1 is no day in some zones."""


class TopicEar:
    """Which topics of one brand a message is about. Asked for every post of a whole network: nearly always no more than a look at the raw text."""

    __slots__ = ("_index", "_now", "_topics")

    def __init__(self, topics: Iterable[Topic], now: Callable[[], datetime], share: Share = usual) -> None:
        self._topics = tuple(topics)
        self._index = Index.build({place: topic.query.tree for place, topic in enumerate(self._topics)}, share)
        self._now = now

    def __call__(self, mention: Mention, accounts: Collection[str] = ()) -> tuple[str, ...]:
        """Keys of the topics, in order. `accounts`: handles of the accounts of ours that the message addresses."""
        if not self._index.may_concern(mention.text, mention.tags):
            return ()
        matching = self._index.matching(Subject.of(mention), self._now())
        topics = map(self._topics.__getitem__, matching)
        return tuple(topic.key for topic in topics if topic.listens(mention.source, accounts))


def topics_of(rulebook: Rulebook, brand: str, now: Callable[[], datetime], share: Share = usual) -> TopicEar:
    """The ear for one brand's topics: those that name it, and those that name no brand.

    `now` is asked when a query needs the time; `share`: what share of all that is said holds a word.
    """
    return TopicEar((topic for topic in rulebook.topics if topic.brand in {"", brand}), now, share)


class Judge:
    """`assess` with everything but the message handed in, and what it must be told first: which rules count the message. One rulebook's."""

    __slots__ = ("_counting", "_judges_ours", "_methods", "_now", "_rulebook")

    def __init__(self, rulebook: Rulebook, methods: Methods, now: Callable[[], datetime]) -> None:
        self._rulebook = rulebook
        self._methods = methods
        self._now = now
        self._counting = Counting(rulebook)
        rulebook.signals.ready()
        self._judges_ours = any(rule.scope.ours and rule.status is not Status.DEPRECATED for rule in rulebook.rules)

    def __call__(
        self, mention: Mention, hearings: Sequence[Hearing], context: Context, now: datetime | None = None
    ) -> Assessment:
        """What the core thinks of a message for one brand. Whoever keeps it with its time says when it is `now`."""
        return assess(mention, hearings, context, self._rulebook, self._methods, now or self._now())

    def by_model(self, mention: Mention) -> bool:
        """Whether it asks a model of tone about a message, which may take long."""
        return self._methods.by_model(mention)

    def asks(self, mention: Mention, hearings: Sequence[Hearing], context: Context) -> tuple[ToneAsked, ...]:
        """What it would ask of models of tone, judging a message."""
        return tones_asked(mention, heard_by(hearings, context.brand, self._rulebook), self._methods, context)

    def tone(self, asked: ToneAsked) -> Tone:
        """What such a model says. May be called on any thread."""
        return self._methods.tone(asked.text, asked.lang, asked.names)

    def knowing(self, said: Mapping[ToneAsked, Tone]) -> Judge:
        """A judge that says of every message what this one says, with these answers of models of tone at hand."""
        other = copy.copy(self)
        other._methods = self._methods.knowing(said)
        return other

    @property
    def counting(self) -> tuple[Rule, ...]:
        """The rules that count: a `Tally` is made of them, and what it counts is asked for in the context."""
        return self._counting.rules

    @property
    def counts(self) -> bool:
        """Whether any rule counts. Else nobody need ask for ticks."""
        return bool(self._counting.rules)

    def knows(self, model: str) -> bool:
        """Whether what was learned, by its version, can speak here."""
        return _speaks(model, self._rulebook, self._methods) is not None

    @property
    def asks_copies(self) -> bool:
        """Whether it counts how many others wrote nearly the same. Else nobody need look."""
        return self._rulebook.signals.asks_copies

    @property
    def judges_ours(self) -> bool:
        """Whether any rule looks at posts of our own. Else nobody need have them judged."""
        return self._judges_ours

    def ticks(
        self, mention: Mention, hearings: Sequence[Hearing], context: Context, now: datetime | None = None
    ) -> tuple[Tick, ...]:
        """Which rules count a message, for which groups; to be put into a `Tally` before the message is judged."""
        if not self._counting.rules:
            return ()
        heard = heard_by(hearings, context.brand, self._rulebook)
        if not self._counting.may_count(mention, heard):
            return ()
        if self._counting.asks_mood:
            subject, _ = judged(mention, heard, self._methods, context, self._rulebook.signals)
        else:
            subject = unjudged(mention, heard, context)
        return self._counting.ticks(mention, subject, heard, now or self._now())


def assess(
    mention: Mention, hearings: Sequence[Hearing], context: Context, rulebook: Rulebook, methods: Methods, now: datetime
) -> Assessment:
    """What the core thinks of one message for one brand. `hearings` are that brand's own."""
    heard = heard_by(hearings, context.brand, rulebook)
    subject, tone, said = weighed(mention, heard, methods, context, rulebook.signals)
    found = findings(rulebook, subject, heard, context, now)
    verdict = combine(found)
    asked = (verdict.priority, verdict.reply_within is not None)
    need, signals = rulebook.signals.need(subject, tone.compound, context, said, asked, now)
    model = None if heard.ours else _speaks(context.model, rulebook, methods)
    thinks = None if model is None else opinion(model, mention.text, need, titles(signals))
    priority = verdict.priority or (Priority.NORMAL if heard.addressed else Priority.LOW)
    # Counted from the network's time, never from one in the future. History has no clock.
    said_at = None if context.history else max(LONG_AGO, min(mention.network_at or now, now))
    clock = _clock(rulebook, found, verdict, priority, said_at)
    resolve_by, resolving = _resolve(rulebook, verdict, priority, said_at)
    giver = _giver([one.rule for one in found if not one.shadow]) if resolving else ""
    return Assessment(
        tone=tone,
        lang=subject.lang or "",
        need=need,
        priority=priority,
        reply_within=clock.seconds if clock else None,
        due_at=clock.due_at if clock else None,
        tags=verdict.tags,
        team=verdict.team,
        opens=verdict.opens,
        flags=tuple(Flag(one.rule.id, one.spans, _values(one, subject, heard, context), one.shadow) for one in found),
        because=(
            *(_reason(one, clock, (giver, resolving)) for one in found if not one.shadow),
            *signals,
            *(thinks.because if thinks is not None else ()),
            *({**_reason(one), "shadow": True} for one in found if one.shadow),
        ),
        rulebook=rulebook.hash,
        methods={
            **methods.names(),
            "need": rulebook.signals.method,
            **({} if model is None else {"learned": context.model}),
        },
        assign=verdict.assign,
        snooze=verdict.snooze,
        closes=verdict.closes,
        hide=verdict.hide,
        reply=verdict.reply,
        alerts=verdict.alerts,
        resolve_by=resolve_by,
        learned=None if thinks is None else thinks.score,
    )


def _speaks(version: str, rulebook: Rulebook, methods: Methods) -> Model | None:
    """The model of that version, where it is at hand and may speak: it beat need, and was learned beside the need of this rulebook."""
    model = methods.models.get(version) if version else None
    return model if model is not None and model.counts and model.need == rulebook.signals.method else None


@dataclass(frozen=True, slots=True)
class _Clock:
    """How long an answer may take, until when that is, and why."""

    seconds: float
    due_at: datetime | None
    """None: history, which has no clock."""
    rule: str
    """Id of the rule that set it."""
    says: str = ""
    """What that rule alone does not say."""


def _clock(
    rulebook: Rulebook, found: Sequence[Finding], verdict: Verdict, priority: Priority, said_at: datetime | None
) -> _Clock | None:
    """The time to reply: the shortest of the rules, else what the team that they give it to has for this priority. It runs while that
    team's hours are open; without hours, or with such as are not open in years, always: a due time too early is better than none.

    A team's own time does not hold up what a rule puts away.
    """
    rules = [one.rule for one in found if not one.shadow]
    team = rulebook.team(verdict.team) if verdict.team else None
    if verdict.reply_within is not None:
        seconds, by = verdict.reply_within, ""
        rule_id = next(rule.id for rule in rules if rule.then.reply_within == seconds)
    elif team is not None and priority in team.reply_within and not verdict.closes and verdict.snooze is None:
        seconds, by = team.reply_within[priority], f", as {team.key} has it for {priority.name.lower()}"
        rule_id = _giver(rules)
    else:
        return None
    if said_at is None:
        return _Clock(seconds, None, rule_id)
    hours = rulebook.hours_named(team.hours) if team is not None and team.hours else None
    due = hours.due(said_at, seconds) if hours is not None else None
    if hours is not None and due is not None:
        return _Clock(seconds, due, rule_id, f"due in {open_span(seconds)} of {hours.key}{by}")
    return _Clock(seconds, said_at + timedelta(seconds=seconds), rule_id, by and f"due in {span(seconds)}{by}")


def _giver(rules: Sequence[Rule]) -> str:
    """Id of the rule by which it is its team's."""
    return min((rule for rule in rules if rule.then.team), key=lambda rule: (-rule.rank, rule.id)).id


def _resolve(
    rulebook: Rulebook, verdict: Verdict, priority: Priority, said_at: datetime | None
) -> tuple[datetime | None, str]:
    """When a conversation that begins with this message should be done, as the team that the rules give it to has it, and that in words.

    None: no team, no time for this priority, history, or a rule that closes it.
    """
    team = rulebook.team(verdict.team) if verdict.team else None
    if team is None or priority not in team.resolve_within or verdict.closes or said_at is None:
        return None, ""
    seconds = team.resolve_within[priority]
    by = f", as {team.key} has it for {priority.name.lower()}"
    hours = rulebook.hours_named(team.hours) if team.hours else None
    due = hours.due(said_at, seconds) if hours is not None else None
    if hours is not None and due is not None:
        return due, f"done in {open_span(seconds)} of {hours.key}{by}"
    return said_at + timedelta(seconds=seconds), f"done in {span(seconds)}{by}"


def _reason(found: Finding, clock: _Clock | None = None, resolving: tuple[str, str] = ("", "")) -> Mapping[str, Any]:
    then = says(found.rule)
    if clock is not None and clock.says and clock.rule == found.rule.id:
        then.append(clock.says)
    if resolving[0] == found.rule.id:
        then.append(resolving[1])
    return {"rule": found.rule.id, "title": found.rule.title, "then": then, "spans": list(found.spans)}


def _values(found: Finding, subject: Subject, heard: Heard, context: Context) -> Mapping[str, Any]:
    """What the rule was judged on besides the text."""
    values: dict[str, Any] = {
        "tone": subject.tone.value if subject.tone else "",
        "lang": subject.lang or "",
        "addressed": heard.addressed,
        "topics": sorted(heard.topics & (found.rule.scope.topics or heard.topics)),
    }
    if found.rule.count is not None and (window := context.counts.get(found.rule.id)) is not None:
        values["count"] = {"value": window.value, "of": window.of, "held": window.held}
    return values
