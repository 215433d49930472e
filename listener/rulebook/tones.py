"""The tests of the lexicon, scored: each text must sound as its overlay says. Owns this verdict.

The scoring is the real one: language found first, handles and brand names taken out, with all overlays together.
"""

from __future__ import annotations

from dataclasses import dataclass

from listener.model.problems import Problem
from listener.model.scales import ToneLabel
from listener.rulebook.lexicon import Sounds
from listener.rulebook.shape import Rulebook, TopicKind
from listener.rulebook.subject import Methods


@dataclass(frozen=True, slots=True)
class Sounded:
    """One test and how its text sounds."""

    overlay: str
    test: Sounds
    tone: ToneLabel
    compound: float | None
    """As the scorer says it without any overlay."""

    @property
    def good(self) -> bool:
        """It sounds as it must."""
        return self.tone is self.test.tone

    @property
    def problem(self) -> Problem:
        """What to tell when it does not."""
        place, must = self.test.place, _said(self.test.tone)
        message = f"overlay {self.overlay}: this is {_said(self.tone)}, and must be {must}"
        hint = "change what its words are worth in words:, or take one out with remove:"
        return Problem(place.file, place.line, place.column, "wrong-tone", message, hint)


def sounded(rulebook: Rulebook, methods: Methods) -> tuple[Sounded, ...]:
    """Score every test of every overlay."""
    methods = methods.with_lexicon(rulebook.lexicon)
    names = {name for topic in rulebook.topics if topic.kind is TopicKind.BRAND for name in topic.names}
    found = []
    for overlay in rulebook.lexicon:
        for test in overlay.tests:
            lang = methods.languages.find(test.text, (overlay.lang,))
            tone = methods.vader.tone(test.text, lang, sorted(names))
            found.append(Sounded(overlay.key, test, tone.label, tone.compound))
    return tuple(found)


def _said(tone: ToneLabel) -> str:
    return tone.value.replace("_", " ")
