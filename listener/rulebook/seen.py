"""The tests of the signals of need, each message looked at as if a network had sent it: the signal must be in it, or must not. Owns this verdict.

The looking is the real one: language found first, tone as the scorer has it. A signal that is switched off is not tried, nor are the
shipped ones of whoever has none of their own: nothing in their files could mend those.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from listener.model.judged import Context
from listener.model.problems import Problem
from listener.rulebook.asking import Example
from listener.rulebook.examples import mention_of
from listener.rulebook.parse import SHIPPED_NEED
from listener.rulebook.shape import Rulebook, TopicKind
from listener.rulebook.signals import Signal
from listener.rulebook.subject import Heard, Methods, weighed


@dataclass(frozen=True, slots=True)
class Seen:
    """One test of a signal and what came of it."""

    signal: Signal
    example: Example
    must: bool
    seen: bool

    @property
    def good(self) -> bool:
        """It did as it must."""
        return self.seen == self.must

    @property
    def problem(self) -> Problem:
        """What to tell when it did not."""
        place, key = self.example.place, self.signal.key
        what = "must be seen in this message and is not" if self.must else "must not be seen in this message and is"
        hint = (
            "widen when:, or move it to must not:" if self.must else "narrow when: (AND NOT ...), or move it to must:"
        )
        code = "must-be-seen" if self.must else "must-not-be-seen"
        return Problem(place.file, place.line, place.column, code, f"signal {key} {what}", hint)


def seen(rulebook: Rulebook, methods: Methods, now: datetime) -> tuple[Seen, ...]:
    """Try every test of every signal that counts; what does not say when it was said is said `now`."""
    methods = methods.with_lexicon(rulebook.lexicon)
    names = {name for topic in rulebook.topics if topic.kind is TopicKind.BRAND for name in topic.names}
    found: list[Seen] = []
    for signal in rulebook.need:
        if signal.when is None or not signal.on or signal.place.file == SHIPPED_NEED:
            continue
        for must, examples in ((True, signal.must), (False, signal.must_not)):
            for one in examples:
                heard = Heard("", one.addressed, frozenset(), frozenset(), tuple(sorted(names)), one.ours)
                context = Context("", addresses=one.addressed, followers=one.followers, verified=one.verified)
                _, _, said = weighed(mention_of(one, one.at or now), heard, methods, context, rulebook.signals)
                found.append(Seen(signal, one, must, any(each.key == signal.key for each in said)))
    return tuple(found)
