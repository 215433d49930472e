"""Builders of rulebooks for tests."""

from __future__ import annotations

from listener.model.judged import Tone
from listener.model.problems import Problem
from listener.model.scales import ToneLabel
from listener.rulebook.parse import parse
from listener.rulebook.shape import Rulebook
from listener.rulebook.subject import Methods


def book(**files: str) -> Rulebook:
    """A good rulebook from texts by file name, `_` standing for the dot."""
    loaded = parse({name.replace("_", "."): text for name, text in files.items()})
    assert isinstance(loaded, Rulebook), [str(one) for one in loaded]
    return loaded


def problems(text: str, path: str = "r.yaml", **others: str) -> list[Problem]:
    """What is wrong with a text."""
    loaded = parse({path: text, **{name.replace("_", "."): other for name, other in others.items()}})
    assert isinstance(loaded, list)
    return loaded


class PlainLanguages:
    """Believes the author."""

    method = "claimed-1"

    def find(self, text: str, claimed: object = ()) -> str:
        return next(iter(claimed), "") if isinstance(claimed, tuple) else ""


class PlainTone:
    """Knows two words."""

    method = "two-words-1"

    def tone(self, text: str, lang: str, brand_names: object = ()) -> Tone:
        if lang != "en":
            return Tone(ToneLabel.NOT_SCORED)
        value = 0.8 * ("lovely" in text) - 0.8 * ("awful" in text)
        label = ToneLabel.POSITIVE if value > 0 else ToneLabel.NEGATIVE if value < 0 else ToneLabel.NEUTRAL
        return Tone(label, 0.0, 1.0, 0.0, value)

    def with_words(self, words: object, lists: object = ()) -> PlainTone:
        return self


PLAIN = Methods(PlainLanguages(), PlainTone())
