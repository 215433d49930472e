"""A message as rules see it: with its language and tone found, how it reached the brand, and whether a rule looks at it at all.

Owns `Methods`, `Heard`, scopes and exceptions; refuses to combine.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Protocol

from listener.learning import Model
from listener.model.heard import Hearing, Mention
from listener.model.judged import Context, Tone
from listener.model.kinds import ADDRESSES, Via
from listener.model.scales import ToneLabel
from listener.query.held import asks
from listener.query.subject import Subject
from listener.rulebook import sentences
from listener.rulebook.asking import Query
from listener.rulebook.lexicon import Overlay, WordList, lists_of, words_of
from listener.rulebook.shape import Exemption, Rule, Rulebook, Scope, TopicKind
from listener.rulebook.signals import Signal, Signals, verdict

MOOD = frozenset({"lang", "tone", "about"})
"""The fields of a query that ask for what is found out about a text."""


TIMELESS = datetime(1970, 1, 1, tzinfo=UTC)
"""When a message was said that has no time: signals are of the message, so they ask for no other."""

Topics = Callable[[Mention, Collection[str]], Iterable[str]]
"""Keys of one brand's topics that a message is about, which addresses these accounts (handles) of ours. Pure and quick."""


class FindsLanguage(Protocol):
    """What `listener.language.Languages` does."""

    @property
    def method(self) -> str:
        """Its name with its version."""
        ...

    def find(self, text: str, claimed: Iterable[str] = ()) -> str:
        """BCP-47 primary tag, or ""."""
        ...


class HearsTone(Protocol):
    """What `listener.sentiment.Vader` does."""

    @property
    def method(self) -> str:
        """Its name with its version."""
        ...

    def tone(self, text: str, lang: str, brand_names: Iterable[str] = ()) -> Tone:
        """The tone of a text in a language."""
        ...

    def with_words(
        self, words: Mapping[str, float | None], lists: Mapping[str, WordList] = MappingProxyType({})
    ) -> HearsTone:
        """The same with these words worth so much, None: no mood, and these languages by their own words; without what it had before."""
        ...


class Classifies(Protocol):
    """What `listener.sentiment.onnx.Classifier` does: the tone of one language."""

    @property
    def method(self) -> str:
        """Its name with its version."""
        ...

    def tone(self, text: str, brand_names: Iterable[str] = ()) -> Tone:
        """The tone of a text in that language."""
        ...


@dataclass(frozen=True, slots=True)
class ToneAsked:
    """What a model of tone is asked: a text in its language, without these brand names."""

    lang: str
    text: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A model with what it has said already. It is asked of every other text as before."""

    model: Classifies
    lang: str
    said: Mapping[ToneAsked, Tone]

    @property
    def method(self) -> str:
        return self.model.method

    def tone(self, text: str, brand_names: Iterable[str] = ()) -> Tone:
        names = tuple(brand_names)
        said = self.said.get(ToneAsked(self.lang, text, names))
        return self.model.tone(text, names) if said is None else said


@dataclass(frozen=True, slots=True)
class Methods:
    """The methods in force, loaded once and handed in."""

    languages: FindsLanguage
    vader: HearsTone
    models: Mapping[str, Model] = field(default_factory=dict)
    """What teams have taught, by version. Which of them speaks of a message is said by its context."""
    tones: Mapping[str, Classifies] = field(default_factory=dict)
    """By language: models of the operator's, which are asked there instead of any words."""

    def names(self) -> Mapping[str, str]:
        """Which method, in which version, for what."""
        tone = self.vader.method + "".join(f" {lang}:{one.method}" for lang, one in sorted(self.tones.items()))
        return {"tone": tone, "lang": self.languages.method, "about": sentences.METHOD}

    def tone(self, text: str, lang: str, brand_names: Iterable[str] = ()) -> Tone:
        """The tone of a text in a language (as found, "" when unsure)."""
        model = self.tones.get(lang)
        return self.vader.tone(text, lang, brand_names) if model is None else model.tone(text, brand_names)

    def by_model(self, mention: Mention) -> bool:
        """Whether the tone of a message is asked of a model, which may take long."""
        return bool(self.tones) and self.languages.find(mention.text, mention.langs) in self.tones

    def knowing(self, said: Mapping[ToneAsked, Tone]) -> Methods:
        """The same, with what its models said of some texts at hand: they come to the same, at once."""
        return replace(self, tones={lang: _Asked(model, lang, said) for lang, model in self.tones.items()})

    def with_lexicon(self, lexicon: Collection[Overlay]) -> Methods:
        """The methods as these overlays want them, and no others. Made once for a rulebook, not for a message."""
        return replace(self, vader=self.vader.with_words(words_of(lexicon), lists_of(lexicon)))


def model_named(lang: str, methods: str) -> str:
    """Which model finds the tone of a language, by the name of the methods of tone; "": none."""
    return next((name for name in methods.split() if name.startswith(f"{lang}:onnx-")), "") if lang else ""


@dataclass(frozen=True, slots=True)
class Heard:
    """How a message reached one brand, as scopes ask for it."""

    brand: str
    addressed: bool
    topics: frozenset[str]
    kinds: frozenset[TopicKind]
    names: tuple[str, ...]
    """Brand names that are no mood."""
    ours: bool = False
    """It is a post of ours."""
    queries: tuple[Query, ...] = ()
    """What the topics of ours that heard it look for: a sentence that holds of it is about us."""


def heard_by(hearings: Sequence[Hearing], brand: str, rulebook: Rulebook) -> Heard:
    """What the hearings of one brand come to. What was imported for a brand counts as heard by it."""
    keys = frozenset(one.topic for one in hearings if one.via is Via.TOPIC)
    known = [topic for topic in rulebook.topics if topic.key in keys]
    kinds = {topic.kind for topic in known}
    if any(one.via is Via.IMPORT for one in hearings):
        kinds.add(TopicKind.BRAND)
    addressed = any(one.via in ADDRESSES for one in hearings)
    ours = any(one.via is Via.OWN for one in hearings)
    queries = tuple(topic.query for topic in known if topic.kind is TopicKind.BRAND)
    return Heard(brand, addressed, keys, frozenset(kinds), rulebook.brand_names(brand), ours, queries)


def heard_anew(hearings: Sequence[Hearing], brand_id: int, topics: Callable[[], Iterable[str]]) -> tuple[Hearing, ...]:
    """How a stored message would have reached its brand by other topics; `topics`: the keys of those that hear it.

    Addresses and imports stay as they were. A post of ours is no topic's: then nobody is asked.
    """
    kept = tuple(one for one in hearings if one.via not in {Via.TOPIC, Via.THREAD})
    if any(one.via is Via.OWN for one in kept):
        return kept
    return (*kept, *(Hearing(brand_id, Via.TOPIC, topic=key) for key in topics()))


def judged(
    mention: Mention, heard: Heard, methods: Methods, context: Context | None = None, signals: Signals | None = None
) -> tuple[Subject, Tone]:
    """The subject that rules ask, and its tone with all numbers, by the verdict of these signals (None: as it was scored).

    Without a context the author and our accounts are not known.
    """
    subject, tone, _ = weighed(mention, heard, methods, context, signals)
    return subject, tone


def weighed(
    mention: Mention, heard: Heard, methods: Methods, context: Context | None = None, signals: Signals | None = None
) -> tuple[Subject, Tone, tuple[Signal, ...]]:
    """The same with the signals that it holds, which are asked once."""
    lang = methods.languages.find(mention.text, mention.langs)
    tone = methods.tone(mention.text, lang, heard.names)
    subject = _subject(mention, heard, context, lang, tone)
    if tone.about is None and tone.compound is not None and not heard.ours:
        tone = replace(tone, about=_about(subject, heard, methods, context))
        subject.about = tone.about or tone.label
    said: tuple[Signal, ...] = ()
    if signals is not None:
        said = signals.said_in(subject, mention.network_at or TIMELESS)
        label = verdict(tone, said, question=asks(subject.text))
        tone = tone if label is tone.label else replace(tone, label=label)
    subject.tone, subject.about = tone.label, tone.about or tone.label  # nobody has seen it yet
    return subject, tone, said


def tones_asked(
    mention: Mention, heard: Heard, methods: Methods, context: Context | None = None
) -> tuple[ToneAsked, ...]:
    """All that `weighed` would ask of models of tone about a message; they are not asked."""
    lang = methods.languages.find(mention.text, mention.langs)
    if lang not in methods.tones:
        return ()
    subject = _subject(mention, heard, context, lang)
    part = "" if heard.ours else _about_us(subject, heard, context)
    return tuple(ToneAsked(lang, text, heard.names) for text in (mention.text, part) if text)


def _about(subject: Subject, heard: Heard, methods: Methods, context: Context | None) -> ToneLabel | None:
    """The tone of the sentences that name us."""
    part = _about_us(subject, heard, context)
    label = methods.tone(part, subject.lang or "", heard.names).label if part else ToneLabel.NOT_SCORED
    return None if label is ToneLabel.NOT_SCORED else label


def _about_us(subject: Subject, heard: Heard, context: Context | None) -> str:
    """The sentences that name us: by a brand name, a handle of ours or what our topics look for."""
    if len(sentences.sentences(subject.text)) < 2:
        return ""
    names = (*heard.names, *(context.accounts if context is not None else ()))
    at = subject.at or TIMELESS
    spans = [one for query in heard.queries for one in query.spans(subject, at)]
    return sentences.naming(subject.text, names, spans)


def unjudged(mention: Mention, heard: Heard, context: Context | None = None) -> Subject:
    """The same at a fraction of the cost, for queries that ask for none of `MOOD`."""
    return _subject(mention, heard, context)


def _subject(
    mention: Mention, heard: Heard, context: Context | None, lang: str | None = None, tone: Tone | None = None
) -> Subject:
    return Subject.of(
        mention,
        ours=heard.ours,
        addressed=heard.addressed,
        accounts=frozenset(context.accounts) if context is not None else None,
        followers=context.followers if context is not None else None,
        verified=context.verified if context is not None else None,
        lang=lang,
        tone=tone.label if tone is not None else None,
        compound=tone.compound if tone is not None else None,
        about=(tone.about or tone.label) if tone is not None else None,
        topics=heard.topics,
        rules=frozenset(),
    )


def in_scope(rule: Rule, heard: Heard) -> bool:
    """Whether a rule looks at what was heard so. A post of ours is heard by no topic: the rules that ask for ours look at each of them."""
    scope: Scope = rule.scope
    if scope.brands and heard.brand not in scope.brands:
        return False
    if heard.ours:
        return scope.ours
    return (
        scope.everything
        or (scope.addressed and heard.addressed)
        or not scope.topics.isdisjoint(heard.topics)
        or not scope.kinds.isdisjoint(heard.kinds)
    )


def exception_for(rulebook: Rulebook, rule: Rule, subject: Subject, now: datetime) -> Exemption | None:
    """The first exception that keeps a rule silent on a message, if any does."""
    for one in rulebook.exceptions_to(rule.id):
        in_force = one.until is None or now.astimezone(UTC).date() <= one.until
        if in_force and (by_its_author(one, subject) or (one.when is not None and one.when.test(subject, now))):
            return one
    return None


def by_its_author(exemption: Exemption, subject: Subject) -> bool:
    """Whether the message is by one of the exception's authors."""
    names = {subject.author_handle.lstrip("@").lower(), subject.author_id.lower()} - {""}
    return not exemption.authors.isdisjoint(names)
