"""What says that somebody should answer: signals with their weights, as a team lead reads and switches them in the section `need`.

A signal is a query of our own language, or one of the few things that no query can ask (`BUILT_IN`), which count in every language and without
any file. Owns what they come to together, in no order, and the verdict on the tone of a text that complains or asks. Refuses to know files.

Weights are set by hand, each with its reason beside it. They add up as independent chances do: many weak signals never pass 1, and one strong
one is never drowned. A weight below 0 takes that share of the need away again, but nothing of what a rule wants answered.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from listener.model.judged import Context, Tone
from listener.model.scales import Priority, ToneLabel
from listener.query.frequency import Share
from listener.query.held import asks
from listener.query.index import Index
from listener.query.subject import Subject
from listener.rulebook.asking import Example, Query
from listener.rulebook.nodes import NOWHERE, Place

METHOD = "need-2"
"""How signals are added up. Behind it stands which signals they were."""

PRAISE_COMPOUND = 0.5
"""Clear praise. A faint smile proves little: VADER calls many a complaint slightly positive."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One thing that says that somebody should answer, or below 0 that nobody need."""

    key: str
    title: str
    weight: float
    """From -1 to 1, neither included."""
    why: str = ""
    """The written reason of the weight."""
    when: Query | None = None
    """None: built in, and told by its key."""
    on: bool = True
    lang: str = ""
    """It counts in texts of this language, and in those whose language nobody can tell; "": in all."""
    complaint: bool = False
    """It says that something went wrong for whoever writes."""
    must: tuple[Example, ...] = ()
    must_not: tuple[Example, ...] = ()
    place: Place = NOWHERE


def _built(key: str, title: str, weight: float, why: str) -> Signal:
    return Signal(key, title, weight, why)


BUILT_IN: Mapping[str, Signal] = {
    one.key: one
    for one in (
        _built("addressed", "addressed to us", 0.35, "who writes to us expects somebody to read it; about us only, nobody may wait"),
        _built("question", "question", 0.2, "a question mark asks for an answer, whatever it is about"),
        _built("negative-tone", "negative tone", 0.3, "anger that nobody answers grows; but many a rant wants no answer"),
        _built("answers-us", "answers us", 0.15, "it stands under a post of ours, where others read whether we answer"),
        _built("answered-before", "we answered before", 0.15, "we are in this talk already, and the last word is theirs"),
        _built("written-before", "they wrote before", 0.05, "who comes back has had no answer that helped, or is a regular: a little of both"),
        _built("said-by-many", "others say the same", 0.15, "one cause, many messages: answered early, fewer follow; little, for spam comes so too"),
        _built("rule-urgent", "a rule says urgent", 0.7, "a team lead wrote down that this cannot wait"),
        _built("rule-high", "a rule says high", 0.5, "a team lead wrote down that this comes first"),
        _built("rule-clock", "a rule wants a reply in time", 0.35, "somebody promised an answer in time"),
        _built("praise", "praise that asks nothing", -0.4, "who is happy and asks nothing can wait; never where they ask or complain as well"),
    )
}  # fmt: skip
"""What no query can ask. The first sign of `rule-urgent`, `rule-high` and `rule-clock` counts, not all three."""

BY_MANY = 3
"""Other people who wrote a near-copy within a day."""

SPOKEN = "a complaint without clear praise"
"""The reason behind a negative tone that the scorer's numbers do not tell."""
NEGATIVE = -0.05
"""The scorer's own threshold."""


class Signals:
    """The signals of one rulebook, made ready to be asked."""

    __slots__ = ("_built_in", "_index", "_said", "_share", "method")

    def __init__(self, written: Iterable[Signal], share: Share) -> None:
        given = {one.key: one for one in written}
        self._built_in = {key: given.get(key, one) for key, one in BUILT_IN.items()}
        self._said = tuple(one for one in given.values() if one.when is not None and one.on)
        self._share = share
        self._index: Index[int] | None = None
        told = sorted((*self._built_in.values(), *self._said), key=lambda one: one.key)
        content = repr([_content(one) for one in told])
        self.method = f"{METHOD}+{hashlib.sha256(content.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"

    def ready(self) -> Index[int]:
        """What the queries are looked up in. Made at the first call (about 20 ms): most rulebooks are read to be checked or shown."""
        if self._index is None:
            trees = {place: one.when.tree for place, one in enumerate(self._said) if one.when is not None}
            self._index = Index.build(trees, self._share)
        return self._index

    @property
    def asks_copies(self) -> bool:
        """Whether near-copies by others count: else nobody need look for them."""
        one = self._built_in["said-by-many"]
        return one.on and one.weight != 0

    def said_in(self, subject: Subject, now: datetime) -> tuple[Signal, ...]:
        """The signals whose query matches, by their keys' order. `now`: for queries that ask for the time."""
        said, lang = self._said, subject.lang
        found = (said[place] for place in self.ready().matching(subject, now))
        return tuple(one for one in found if not one.lang or not lang or one.lang == lang)

    def need(
        self,
        subject: Subject,
        compound: float | None,
        context: Context,
        said: Collection[Signal],
        asked: tuple[Priority | None, bool],
        now: datetime,
    ) -> tuple[float, tuple[Mapping[str, Any], ...]]:
        """Need for an answer, 0 to 1, and the signals that made it, strongest first. `asked`: which priority the rules give, and whether
        one wants a reply in time; `said`: what `said_in` found; `compound`: the scorer's own number.
        """
        known = self._built_in
        priority, in_time = asked
        question = asks(subject.text)
        wanted = _wanted(priority, in_time=in_time)
        complains = complaint(said)
        glad = subject.tone is ToneLabel.POSITIVE and compound is not None and compound >= PRAISE_COMPOUND
        holds = {
            "addressed": context.addresses or subject.addressed is True,
            "question": question,
            "negative-tone": subject.tone is ToneLabel.NEGATIVE,
            "answers-us": context.answers_us,
            "answered-before": context.replied_before,
            "said-by-many": context.copies >= BY_MANY,
            "written-before": context.author_before > 0 and (context.addresses or subject.addressed is True),
            "praise": glad and not question and not complains,
            **dict.fromkeys(("rule-urgent", "rule-high", "rule-clock"), False),
        }
        if wanted:
            holds[wanted] = True
        present = [known[key] for key, true in holds.items() if true and known[key].on and known[key].weight]
        if complains and compound is not None and compound > NEGATIVE:
            present = [_spoken(one) if one.key == "negative-tone" else one for one in present]
        present += said
        if wanted:
            present = [one for one in present if one.weight > 0]
        return _sum(present), tuple(_reason(one, subject, now) for one in sorted(present, key=_strength))


def complaint(said: Iterable[Signal]) -> bool:
    """Whether any of these says that something went wrong for whoever writes."""
    return any(one.complaint for one in said)


def verdict(tone: Tone, said: Iterable[Signal], *, question: bool) -> ToneLabel:
    """Hubbub's verdict on a text of which the scorer thinks so, as long as it is no clear praise.

    Who says that something of theirs went wrong is not content, though no word of it is in the scorer's list ("flight cancelled, on hold for two
    hours") or only the words of manners are ("please help, thanks"): negative. And who asks with a faint smile is asking: neutral.
    """
    praise = tone.label is ToneLabel.POSITIVE and tone.compound is not None and tone.compound >= PRAISE_COMPOUND
    if praise or tone.label in {ToneLabel.NEGATIVE, ToneLabel.NOT_SCORED}:
        return tone.label
    if complaint(said):
        return ToneLabel.NEGATIVE
    return ToneLabel.NEUTRAL if question else tone.label


def _spoken(one: Signal) -> Signal:
    return replace(one, title=f"{one.title}: {SPOKEN}")


def _wanted(priority: Priority | None, *, in_time: bool) -> str:
    if priority is Priority.URGENT:
        return "rule-urgent"
    if priority is Priority.HIGH:
        return "rule-high"
    return "rule-clock" if in_time else ""


def _sum(present: Sequence[Signal]) -> float:
    silence = share = 1.0
    for one in sorted(present, key=_strength):  # in one order, so that the last digit does not hang on another
        if one.weight > 0:
            silence *= 1.0 - one.weight
        else:
            share *= 1.0 + one.weight
    return round(min(max((1.0 - silence) * share, 0.0), 1.0), 4)


def _strength(one: Signal) -> tuple[float, str]:
    return -one.weight, one.key


def _reason(one: Signal, subject: Subject, now: datetime) -> Mapping[str, Any]:
    reason: dict[str, Any] = {"signal": one.title, "value": one.weight}
    if one.when is not None and (spans := one.when.spans(subject, now)):
        reason["spans"] = list(spans)
    return reason


def _content(one: Signal) -> tuple[str, str, float, bool, str, str, bool]:
    return (
        one.key,
        one.title,
        one.weight,
        one.on,
        one.when.text if one.when is not None else "",
        one.lang,
        one.complaint,
    )
